//! Limits of `two_component` with a closed form or a simpler model.

use dyne_math::simd::Level;
use dyne_xpcs_model::{Geometry, Mode, Physics, TimeGrid};

use crate::rows::row;

const GEOMETRY: Geometry = Geometry { q: 0.0054, phi_deg: 20.0, gap: 0.0 };
const THETA: [f64; 14] = [300., 0.1, 10., 2000., -0.2, 50., 100., 0.1, 5., 0.4, -0.03, 0., 0.2, 3.];

fn values(mode: Mode, theta: &[f64], geometry: &Geometry) -> Vec<f64> {
    let grid = TimeGrid::new(120, 0.1, 0.0);
    row(&*mode.model(Physics::default()), Level::best(), theta, &grid, geometry, 3).0
}

fn with(changes: &[(usize, f64)]) -> [f64; 14] {
    let mut theta = THETA;
    for (k, value) in changes {
        theta[*k] = *value;
    }
    theta
}

fn assert_close(a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len());
    for (k, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() <= tolerance, "{k}: {a} and {b}");
    }
}

#[test]
fn one_component_alone_is_static() {
    let sample = values(Mode::TwoComponent, &with(&[(9, 0.0), (12, 1.0)]), &GEOMETRY);
    assert_close(&sample, &values(Mode::Static, &THETA[3..6], &GEOMETRY), 1e-14);
    let reference = values(Mode::TwoComponent, &with(&[(9, 0.0), (12, 0.0)]), &GEOMETRY);
    assert_close(&reference, &values(Mode::Static, &THETA[..3], &GEOMETRY), 1e-14);
}

#[test]
fn a_constant_fraction_gives_the_one_time_form() {
    let theta = with(&[(9, 0.3), (10, 0.0), (12, 0.0), (1, 0.0), (4, 0.0), (7, 0.0)]);
    let m = values(Mode::TwoComponent, &theta, &GEOMETRY);
    let x = 0.3 * 0.3 / (0.3 * 0.3 + 0.7 * 0.7);
    let (q, angle) = (GEOMETRY.q, (20f64 - 3.0).to_radians());
    let exact: Vec<f64> = (1..=m.len())
        .map(|k| {
            let tau = 0.1 * k as f64;
            let (r, s) = (-q * q * 310.0 * tau, -q * q * 2050.0 * tau);
            let psi = q * angle.cos() * 105.0 * tau;
            let cross = 2.0 * x * (1.0 - x) * (0.5 * (r + s)).exp() * psi.cos();
            (1.0 - x).powi(2) * r.exp() + x * x * s.exp() + cross
        })
        .collect();
    assert_close(&m, &exact, 1e-13);
}

#[test]
fn without_velocity_or_across_it_nothing_oscillates() {
    let still = values(Mode::TwoComponent, &with(&[(6, 0.0), (8, 0.0)]), &GEOMETRY);
    let across = Geometry { phi_deg: 93.0, ..GEOMETRY };
    assert_close(&values(Mode::TwoComponent, &THETA, &across), &still, 1e-12);
    assert!(still.windows(2).all(|m| m[1] <= m[0]));
}

#[test]
fn the_components_may_be_exchanged() {
    let theta = with(&[(9, 0.3), (10, 0.0), (12, 0.0)]);
    let mut exchanged = theta;
    exchanged[..3].copy_from_slice(&theta[3..6]);
    exchanged[3..6].copy_from_slice(&theta[..3]);
    exchanged[9] = 0.7;
    let m = values(Mode::TwoComponent, &theta, &GEOMETRY);
    assert_close(&values(Mode::TwoComponent, &exchanged, &GEOMETRY), &m, 1e-14);
}
