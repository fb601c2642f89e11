//! Transport coefficients that depend on q: derivatives against differences, and n = 2.

use dyne_math::simd::Level;
use dyne_xpcs_model::{Geometry, Mode, Physics, QDependence, TimeGrid};

use crate::rows::row;

const Q_REF: f64 = 0.005;
const POWER: Physics = Physics {
    q_dependence: QDependence::Power,
    shear: dyne_xpcs_model::ShearConvention::Published,
    two_component: dyne_xpcs_model::TwoComponentConvention::Published,
};

const CASES: [(Mode, &[f64]); 5] = [
    (Mode::Static, &[3000.0, -0.4, 20.0]),
    (Mode::Kww, &[3000.0, -0.4, 20.0, 1.4]),
    (Mode::TwoDecays, &[2000., -0.2, 50., 300., 0.1, 10., 0.4]),
    (Mode::LaminarFlow, &[3000.0, 0.3, -5.0, 2e-4, -0.3, 1e-5, 4.0]),
    (
        Mode::TwoComponent,
        &[300., 0.1, 10., 2000., -0.2, 50., 100., 0.1, -5., 0.4, -0.03, 0.5, 0.2, 3.],
    ),
];

fn rows(mode: Mode, physics: Physics, theta: &[f64], q: f64) -> (Vec<f64>, Vec<Vec<f64>>) {
    let grid = TimeGrid::new(80, 0.1, 0.0);
    let geometry = Geometry { q, phi_deg: 20.0, gap: 2e6 };
    row(&*physics.model(mode, Q_REF), Level::best(), theta, &grid, &geometry, 3)
}

#[test]
fn an_exponent_of_two_is_the_model_itself() {
    for ((mode, theta), q) in CASES.into_iter().flat_map(|case| [(case, 0.003), (case, 0.009)]) {
        let with_n = [theta, &[2.0]].concat();
        let (m, slopes) = rows(mode, POWER, &with_n, q);
        let (own, own_slopes) = rows(mode, Physics::default(), theta, q);
        assert_eq!(m, own, "{mode}");
        assert_eq!(slopes[..theta.len()], own_slopes, "{mode}");
    }
}

#[test]
fn at_the_reference_the_exponent_is_of_no_effect() {
    for (mode, theta) in CASES {
        let (m, slopes) = rows(mode, POWER, &[theta, &[1.0]].concat(), Q_REF);
        assert_eq!(m, rows(mode, Physics::default(), theta, Q_REF).0, "{mode}");
        assert!(slopes.last().unwrap().iter().all(|slope| *slope == 0.0), "{mode}");
    }
}

#[test]
fn derivatives_are_differences() {
    for ((mode, theta), n) in CASES.into_iter().flat_map(|case| [(case, 1.0), (case, 2.6)]) {
        let theta = [theta, &[n]].concat();
        let (_, slopes) = rows(mode, POWER, &theta, 0.008);
        for (k, slope) in slopes.iter().enumerate() {
            let h = 1e-5 * theta[k].abs().max(1e-4);
            let at = |sign: f64| {
                let mut moved = theta.clone();
                moved[k] += sign * h;
                rows(mode, POWER, &moved, 0.008).0
            };
            let (up, down) = (at(1.0), at(-1.0));
            let top = slope.iter().fold(0.0f64, |top, s| top.max(s.abs()));
            for (pair, found) in slope.iter().enumerate() {
                let difference = (up[pair] - down[pair]) / (2.0 * h);
                let error = (found - difference).abs();
                assert!(error <= 1e-6 * top + 1e-11 / h, "{mode} {k} {pair}: {found} {difference}");
            }
        }
    }
}

/// J·(q/q_ref)^(n − 2) is a J of its own at each q.
#[test]
fn one_q_alone_sees_another_rate() {
    let (n, q) = (1.0, 0.008);
    let scale = (q / Q_REF).powf(n - 2.0);
    let (m, _) = rows(Mode::Static, POWER, &[3000.0, -0.4, 20.0, n], q);
    let (own, _) = rows(Mode::Static, Physics::default(), &[3000.0 * scale, -0.4, 20.0 * scale], q);
    for (found, expected) in m.iter().zip(own) {
        assert!((found - expected).abs() < 1e-13, "{found} and {expected}");
    }
}
