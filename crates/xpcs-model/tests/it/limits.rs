//! Limits with a closed form.

use dyne_math::simd::Level;
use dyne_xpcs_model::model::{KeptFrames, correlation_row};
use dyne_xpcs_model::{Geometry, Mode, Physics, ShearConvention, TimeGrid};

use crate::rows::row;

const GEOMETRY: Geometry = Geometry { q: 0.0054, phi_deg: 20.0, gap: 2e6 };
const FLOW: [f64; 7] = [3000.0, -0.4, 100.0, 0.002, -0.3, 1e-4, 4.0];

fn grid() -> TimeGrid {
    TimeGrid::new(120, 0.1, 0.0)
}

fn values(mode: Mode, shear: ShearConvention, theta: &[f64], g: &Geometry, i: usize) -> Vec<f64> {
    row(&*mode.model(Physics { shear, ..Physics::default() }), Level::best(), theta, &grid(), g, i)
        .0
}

fn assert_close(a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len());
    for (k, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() <= tolerance, "{k}: {a} and {b}");
    }
}

#[test]
fn zero_shear_is_static() {
    let mut theta = FLOW;
    (theta[3], theta[5]) = (0.0, 0.0);
    for shear in [ShearConvention::Published, ShearConvention::HomodyneAnalysis] {
        let flow = values(Mode::LaminarFlow, shear, &theta, &GEOMETRY, 3);
        assert_close(&flow, &values(Mode::Static, shear, &theta[..3], &GEOMETRY, 3), 1e-15);
    }
    // The softened convention keeps a phase of 10⁻⁷ at zero shear.
    let shear = ShearConvention::Homodyne2;
    let flow = values(Mode::LaminarFlow, shear, &theta, &GEOMETRY, 3);
    assert_close(&flow, &values(Mode::Static, shear, &theta[..3], &GEOMETRY, 3), 1e-7);
}

#[test]
fn flow_across_q_is_static() {
    let across = Geometry { phi_deg: 4.0 + 90.0, ..GEOMETRY };
    for shear in ShearConvention::ALL {
        let flow = values(Mode::LaminarFlow, shear, &FLOW, &across, 3);
        assert_close(&flow, &values(Mode::Static, shear, &FLOW[..3], &across, 3), 1e-9);
    }
}

#[test]
fn constant_rate_is_the_closed_exponential() {
    let theta = [2500.0, 0.0, 300.0];
    let m = values(Mode::Static, ShearConvention::Published, &theta, &GEOMETRY, 5);
    let rate = GEOMETRY.q * GEOMETRY.q * 2800.0 * 0.1;
    let exact: Vec<f64> = (1..=m.len()).map(|k| (-rate * k as f64).exp()).collect();
    assert_close(&m, &exact, 1e-13);
}

#[test]
fn constant_shear_is_the_closed_sinc() {
    let theta = [1.0, 0.0, -1.0, 0.004, 0.0, 0.001, 0.0];
    let m = values(Mode::LaminarFlow, ShearConvention::Published, &theta, &GEOMETRY, 0);
    let k = 0.5 * GEOMETRY.q * GEOMETRY.gap * GEOMETRY.phi_deg.to_radians().cos();
    let exact: Vec<f64> = (1..=m.len())
        .map(|step| k * 0.005 * 0.1 * step as f64)
        .map(|x| (x.sin() / x).powi(2))
        .collect();
    assert_close(&m, &exact, 1e-12);
}

#[test]
fn short_lags_approach_one() {
    let grid = TimeGrid::new(50, 1e-9, 10.0);
    for shear in ShearConvention::ALL {
        let model = Mode::LaminarFlow.model(Physics { shear, ..Physics::default() });
        let (m, _) = row(&*model, Level::best(), &FLOW, &grid, &GEOMETRY, 0);
        assert!(m.iter().all(|m| (m - 1.0).abs() < 1e-6), "{shear:?}");
    }
}

#[test]
fn shear_is_even_in_the_phase() {
    let mut reversed = FLOW;
    (reversed[3], reversed[5]) = (-FLOW[3], -FLOW[5]);
    let behind = Geometry { phi_deg: GEOMETRY.phi_deg + 180.0, ..GEOMETRY };
    for shear in [ShearConvention::Published, ShearConvention::HomodyneAnalysis] {
        let m = values(Mode::LaminarFlow, shear, &FLOW, &GEOMETRY, 2);
        assert_close(&m, &values(Mode::LaminarFlow, shear, &reversed, &GEOMETRY, 2), 1e-14);
        assert_close(&m, &values(Mode::LaminarFlow, shear, &FLOW, &behind, 2), 1e-12);
    }
}

/// After rescaling the rate the conventions differ by the fourth order of the phase: a phase
/// ten times smaller brings them ten thousand times closer. Fine frames keep the softening of
/// `homodyne-2`, which is one part in a million of a frame, below that.
#[test]
fn conventions_agree_to_fourth_order_after_rescaling() {
    let grid = TimeGrid::new(1101, 1e-3, 0.0);
    let last = |rate: f64, shear: ShearConvention| {
        let model = Mode::LaminarFlow.model(Physics { shear, ..Physics::default() });
        let theta = [1.0, 0.0, -1.0, rate / shear.rate_to_published(), 0.0, 0.0, 0.0];
        let tables = model.tables(Level::best(), &theta, &grid, &KeptFrames::All).unwrap();
        let term = model.bin(&theta, &GEOMETRY, &tables).unwrap();
        *correlation_row(&*model, Level::best(), &tables, &term, 0, 1..1101).last().unwrap()
    };
    let gap = |rate, shear| (last(rate, shear) - last(rate, ShearConvention::Published)).abs();
    for shear in [ShearConvention::HomodyneAnalysis, ShearConvention::Homodyne2] {
        let ratio = gap(1e-4, shear) / gap(1e-5, shear);
        assert!((9e3..1.1e4).contains(&ratio), "{shear:?}: {ratio}");
    }
    let factor = ShearConvention::Homodyne2.rate_to_published();
    assert!((1.0 / factor - std::f64::consts::PI / 2f64.sqrt()).abs() < 1e-12);
}
