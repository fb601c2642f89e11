//! Analytic values and derivatives against the formulas evaluated with dual numbers, over
//! the declared domain of the parameters.

use dyne_math::simd::Level;
use dyne_xpcs_model::model::KeptFrames;
use dyne_xpcs_model::models::{
    laminar_flow_correlation, static_correlation, two_component_correlation,
};
use dyne_xpcs_model::param::{LAMINAR_FLOW, ParameterSpec, Scale, TWO_COMPONENT};
use dyne_xpcs_model::{Geometry, Mode, Physics, ShearConvention, TimeGrid};
use proptest::prelude::*;

use crate::dual::Dual;
use crate::rows::row;

fn point(specs: &[ParameterSpec], u: &[f64]) -> Vec<f64> {
    specs
        .iter()
        .zip(u)
        .map(|(s, u)| match s.scale {
            Scale::Linear => s.lower + u * (s.upper - s.lower),
            Scale::Log => s.lower * (s.upper / s.lower).powf(*u),
        })
        .collect()
}

/// Asserts an error of at most 1e-12 of `scale`.
fn check(found: f64, exact: f64, scale: f64, what: &str) -> Result<(), TestCaseError> {
    prop_assert!((found - exact).abs() <= 1e-12 * scale, "{what}: {found:e} and {exact:e}");
    Ok(())
}

/// The size that rounding is held to: of the value, and of each derivative. Exponent and
/// phase are differences of sums over the whole series, so they carry the rounding of the
/// whole sum (the factor), and so does each derivative (its largest table entry).
fn scales(
    mode: Mode,
    shear: ShearConvention,
    theta: &[f64],
    grid: &TimeGrid,
    g: &Geometry,
) -> (f64, Vec<f64>) {
    let model = mode.model(Physics { shear, ..Physics::default() });
    let tables = model.tables(Level::best(), theta, grid, &KeptFrames::All).unwrap();
    let term = model.bin(theta, g, &tables).unwrap();
    let last = |row: usize| tables.rows.row(row).iter().fold(0.0f64, |m, x| m.max(x.abs()));
    let absolute = |first: usize| {
        let total = |k: usize| (theta[first] * (theta[first + 1] * grid.ln_time(k)).exp()).abs();
        (0..grid.frames()).map(|k| total(k) + theta[first + 2].abs()).sum::<f64>() * grid.dt()
    };
    let mut sum = g.q * g.q * absolute(0);
    let mut tops = vec![last(1), last(2), last(3)];
    if mode == Mode::TwoComponent {
        sum += g.q * g.q * absolute(3) + g.q * absolute(6);
        tops.extend([last(5), last(6), last(7), last(9), last(10), last(11)]);
        // Either frame of a pair moves χ, by at most 2 in units of m.
        tops.extend([14, 15, 16].map(|row| 4.0 * last(row)));
    }
    if mode == Mode::LaminarFlow {
        sum += g.q * g.gap * absolute(3);
        tops.extend([last(5), last(6), last(7), last(4)]);
    }
    let value = 1.0 + 1e-3 * sum;
    let nb = model.basis();
    let derivative = |p: usize| {
        (0..nb).map(|b| term.map[p * nb + b].abs() * tops[b]).sum::<f64>() * value + 1e-290
    };
    (value, (0..theta.len()).map(derivative).collect())
}

fn compare<const P: usize>(
    mode: Mode,
    shear: ShearConvention,
    theta: &[f64],
    grid: &TimeGrid,
    geometry: &Geometry,
    i: usize,
) -> Result<(), TestCaseError> {
    let model = mode.model(Physics { shear, ..Physics::default() });
    let duals: Vec<Dual<P>> =
        theta.iter().enumerate().map(|(k, v)| Dual::parameter(*v, k)).collect();
    let convention = shear.convention();
    let (scale, slopes) = scales(mode, shear, theta, grid, geometry);
    for level in Level::available() {
        let (m, derivatives) = row(&*model, level, theta, grid, geometry, i);
        for (k, value) in m.iter().enumerate() {
            let j = i + 1 + k;
            let exact = match mode {
                Mode::TwoComponent => two_component_correlation(&duals, grid, geometry, i, j),
                Mode::Static => static_correlation(&convention, &duals, grid, geometry, i, j),
                _ => laminar_flow_correlation(&convention, &duals, grid, geometry, i, j),
            };
            check(*value, exact.v, scale, "value")?;
            for (p, d) in derivatives.iter().enumerate() {
                check(d[k], exact.d[p], slopes[p], mode.parameters()[p].name)?;
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn laminar_flow_agrees_with_dual_numbers(
        u in prop::array::uniform7(0.0f64..1.0),
        phi in -180.0f64..180.0,
        q in 0.002f64..0.02,
        dt in prop::sample::select(vec![0.001, 0.1, 1.0]),
        i in 0usize..20,
        shear in prop::sample::select(ShearConvention::ALL.to_vec()),
    ) {
        let grid = TimeGrid::new(32, dt, 0.0);
        let geometry = Geometry { q, phi_deg: phi, gap: 2e6 };
        let theta = point(&LAMINAR_FLOW, &u);
        compare::<7>(Mode::LaminarFlow, shear, &theta, &grid, &geometry, i)?;
    }

    #[test]
    fn two_component_agrees_with_dual_numbers(
        u in prop::array::uniform14(0.0f64..1.0),
        phi in -180.0f64..180.0,
        q in 0.002f64..0.02,
        dt in prop::sample::select(vec![0.001, 0.1, 1.0]),
        i in 0usize..20,
    ) {
        let grid = TimeGrid::new(32, dt, 0.0);
        let geometry = Geometry { q, phi_deg: phi, gap: 0.0 };
        let mut theta = point(&TWO_COMPONENT, &u);
        // The whole range of f2 would leave the fraction clipped throughout.
        theta[11] = 2.0 * u[11] - 1.0;
        compare::<14>(Mode::TwoComponent, ShearConvention::Published, &theta, &grid, &geometry, i)?;
    }

    #[test]
    fn static_agrees_with_dual_numbers(
        u in prop::array::uniform3(0.0f64..1.0),
        q in 0.002f64..0.02,
        dt in prop::sample::select(vec![0.001, 0.1, 1.0]),
        i in 0usize..20,
    ) {
        let grid = TimeGrid::new(32, dt, 0.0);
        let geometry = Geometry { q, phi_deg: 0.0, gap: 2e6 };
        let theta = point(&LAMINAR_FLOW[..3], &u);
        compare::<3>(Mode::Static, ShearConvention::Published, &theta, &grid, &geometry, i)?;
    }
}
