//! `kww` and `two_decays`: derivatives against dual numbers, and limits with a simpler model.

use dyne_math::simd::Level;
use dyne_xpcs_model::model::KeptFrames;
use dyne_xpcs_model::models::{kww_correlation, two_decays_correlation};
use dyne_xpcs_model::{Geometry, Mode, Physics, ShearConvention, TimeGrid};
use proptest::prelude::*;

use crate::dual::Dual;
use crate::rows::row;

const GEOMETRY: Geometry = Geometry { q: 0.0054, phi_deg: 20.0, gap: 0.0 };

fn grid() -> TimeGrid {
    TimeGrid::new(120, 0.1, 0.0)
}

/// m and ∂m/∂θ of row `i`.
fn derived(mode: Mode, theta: &[f64], i: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
    row(&*mode.model(Physics::default()), Level::best(), theta, &grid(), &GEOMETRY, i)
}

fn values(mode: Mode, theta: &[f64], i: usize) -> Vec<f64> {
    derived(mode, theta, i).0
}

fn assert_close(a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len());
    for (k, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() <= tolerance, "{k}: {a} and {b}");
    }
}

fn duals<const P: usize>(theta: &[f64; P]) -> [Dual<P>; P] {
    std::array::from_fn(|k| Dual::parameter(theta[k], k))
}

/// Compares a row with its oracle, to 1e-10 of the largest size of value and of each derivative.
fn compare<const P: usize>(
    mode: Mode,
    theta: &[f64; P],
    grid: &TimeGrid,
    geometry: &Geometry,
    oracle: impl Fn(&[Dual<P>], usize, usize) -> Dual<P>,
) -> Result<(), TestCaseError> {
    let model = mode.model(Physics::default());
    for (level, i) in Level::available().into_iter().flat_map(|l| [(l, 0), (l, 9)]) {
        let (m, slopes) = row(&*model, level, theta, grid, geometry, i);
        let exact: Vec<Dual<P>> =
            (0..m.len()).map(|k| oracle(&duals(theta), i, i + 1 + k)).collect();
        for (k, (found, exact)) in m.iter().zip(&exact).enumerate() {
            prop_assert!((found - exact.v).abs() <= 1e-11, "{level} {k}: {found} and {}", exact.v);
        }
        for (p, slopes) in slopes.iter().enumerate() {
            let top = exact.iter().fold(1e-100f64, |top, e| top.max(e.d[p].abs()));
            for (k, (found, exact)) in slopes.iter().zip(&exact).enumerate() {
                let (error, name) = ((found - exact.d[p]).abs(), mode.parameters()[p].name);
                prop_assert!(
                    error <= 1e-9 * top,
                    "{level} {name} {k}: {found:e}, {:e}",
                    exact.d[p]
                );
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn kww_agrees_with_dual_numbers(
        decades in 1.0f64..6.0,
        alpha in -1.5f64..1.5,
        constant in 0.0f64..1e4,
        gamma in 0.1f64..3.0,
        q in 0.002f64..0.02,
        dt in prop::sample::select(vec![0.001, 0.1, 1.0]),
    ) {
        let theta = [10f64.powf(decades), alpha, constant, gamma];
        let (grid, geometry) = (TimeGrid::new(32, dt, 0.0), Geometry { q, ..GEOMETRY });
        let convention = ShearConvention::Published.convention();
        compare(Mode::Kww, &theta, &grid, &geometry, |t, i, j| {
            kww_correlation(&convention, t, &grid, &geometry, i, j)
        })?;
    }

    #[test]
    fn two_decays_agree_with_dual_numbers(
        decades in prop::array::uniform2(1.0f64..6.0),
        alpha in prop::array::uniform2(-1.5f64..1.5),
        constant in prop::array::uniform2(0.0f64..1e4),
        a in 0.0f64..=1.0,
        q in 0.002f64..0.02,
        dt in prop::sample::select(vec![0.001, 0.1, 1.0]),
    ) {
        let [fast, slow] = decades.map(|x| 10f64.powf(x));
        let theta = [fast, alpha[0], constant[0], slow, alpha[1], constant[1], a];
        let (grid, geometry) = (TimeGrid::new(32, dt, 0.0), Geometry { q, ..GEOMETRY });
        compare(Mode::TwoDecays, &theta, &grid, &geometry, |t, i, j| {
            two_decays_correlation(t, &grid, &geometry, i, j)
        })?;
    }
}

#[test]
fn an_exponent_of_one_is_static() {
    let (m, slopes) = derived(Mode::Kww, &[3000.0, -0.4, 100.0, 1.0], 3);
    let (exact, exact_slopes) = derived(Mode::Static, &[3000.0, -0.4, 100.0], 3);
    assert_close(&m, &exact, 4e-15);
    for (found, exact) in slopes.iter().zip(&exact_slopes) {
        let top = exact.iter().fold(0.0f64, |top, x| top.max(x.abs()));
        assert_close(found, exact, 1e-13 * top);
    }
}

#[test]
fn a_constant_rate_is_the_closed_stretched_exponential() {
    for gamma in [0.1, 0.7, 1.7, 3.0] {
        let m = values(Mode::Kww, &[20000.0, 0.0, 0.0, gamma], 5);
        let tau = |k: usize| 0.1 * (k + 1) as f64;
        // The usual form exp(−2(Γτ)^γ).
        let rate = GEOMETRY.q * GEOMETRY.q * 20000.0 * 2f64.powf(-1.0 / gamma);
        let exact: Vec<f64> =
            (0..m.len()).map(|k| (-2.0 * (rate * tau(k)).powf(gamma)).exp()).collect();
        assert_close(&m, &exact, 1e-12);
    }
}

/// A rate that a floor holds at 0 decays nothing and has no derivative, whatever the exponent.
#[test]
fn frozen_frames_do_not_decay() {
    for gamma in [0.1, 0.5, 1.0, 3.0] {
        let (m, slopes) = derived(Mode::Kww, &[100.0, 0.0, -900.0, gamma], 0);
        assert!(m.iter().all(|m| *m == 1.0), "{gamma}");
        assert!(slopes.iter().flatten().all(|s| *s == 0.0), "{gamma}");
        // Frozen in the second half alone: J = 1000 (1 − t/6 s) down to 0.
        let (m, slopes) = derived(Mode::Kww, &[-1000.0 / 6.0, 1.0, 1000.0, gamma], 70);
        assert!(m.iter().all(|m| *m == 1.0), "{gamma}");
        assert!(slopes.iter().flatten().all(|s| *s == 0.0), "{gamma}");
    }
}

#[test]
fn everything_stays_finite_at_the_bounds() {
    for (d0, gamma) in [(1.0, 0.1), (1.0, 3.0), (1e7, 0.1), (1e7, 3.0)] {
        for (alpha, offset) in [(-2.0, -1e5), (2.0, -1e5), (0.0, 1e5)] {
            let (m, slopes) = derived(Mode::Kww, &[d0, alpha, offset, gamma], 0);
            assert!(m.iter().all(|m| (0.0..=1.0).contains(m)));
            // Gram sums multiply two of them.
            assert!(slopes.iter().flatten().all(|s| (s * s).is_finite()), "{d0} {gamma} {alpha}");
        }
    }
}

#[test]
fn one_population_alone_or_two_alike_are_static() {
    let (fast, slow) = ([3000.0, -0.4, 100.0], [200.0, 0.1, 5.0]);
    let both = |a: f64| [&fast[..], &slow, &[a]].concat();
    let one = |rate: &[f64]| values(Mode::Static, rate, 3);
    assert_close(&values(Mode::TwoDecays, &both(1.0), 3), &one(&fast), 1e-14);
    assert_close(&values(Mode::TwoDecays, &both(0.0), 3), &one(&slow), 1e-14);
    let alike = [&fast[..], &fast, &[0.3]].concat();
    assert_close(&values(Mode::TwoDecays, &alike, 3), &one(&fast), 1e-14);
}

/// Equal fractions at rest: `static_both`, whose fractions are ½.
#[test]
fn half_and_half_is_two_components_at_rest() {
    let (fast, slow) = ([3000.0, -0.4, 100.0], [200.0, 0.1, 5.0]);
    let two = [&slow[..], &fast, &[1e-6, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0]].concat();
    let decays = [&fast[..], &slow, &[0.5]].concat();
    let m = values(Mode::TwoDecays, &decays, 3);
    assert_close(&m, &values(Mode::StaticBoth, &two, 3), 1e-10);
}

#[test]
fn populations_exchanged_have_the_same_m_and_the_fast_one_its_name() {
    let model = Mode::TwoDecays.model(Physics::default());
    let wrong = [200.0, 0.1, 5.0, 3000.0, -0.4, 100.0, 0.3];
    let image = model.relabelled(&wrong, &grid()).unwrap();
    assert_eq!(image, [3000.0, -0.4, 100.0, 200.0, 0.1, 5.0, 0.7]);
    assert_eq!(model.relabelled(&image, &grid()), None);
    assert_close(&values(Mode::TwoDecays, &wrong, 3), &values(Mode::TwoDecays, &image, 3), 1e-14);
}

/// The field whose square is m: speckles are simulated from it.
#[test]
fn fields_square_to_m() {
    let theta = [vec![3000.0, -0.4, 100.0, 0.7], vec![3000., -0.4, 100., 200., 0.1, 5., 0.3]];
    for (mode, theta) in [Mode::Kww, Mode::TwoDecays].into_iter().zip(theta) {
        let model = mode.model(Physics::default());
        let tables = model.tables(Level::best(), &theta, &grid(), &KeptFrames::All).unwrap();
        let term = model.bin(&theta, &GEOMETRY, &tables).unwrap();
        let m = values(mode, &theta, 3);
        let field = |j: usize| model.field(&tables, &term, 0, 3, j).unwrap();
        let squares: Vec<f64> = (4..120).map(|j| field(j).powi(2)).collect();
        assert_close(&m, &squares, 1e-13);
        assert_eq!(field(3), 1.0);
    }
}
