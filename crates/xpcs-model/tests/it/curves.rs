//! Functions of time: their derivatives against differences, their integrals against the tables.

use dyne_math::simd::Level;
use dyne_xpcs_model::model::KeptFrames;
use dyne_xpcs_model::{Mode, Physics, TimeGrid, TwoComponentConvention};

const CASES: [(Mode, &[f64]); 5] = [
    (Mode::Static, &[300.0, -0.4, 20.0]),
    (Mode::LaminarFlow, &[300.0, 0.3, -5.0, 2e-3, -0.3, 1e-4, 4.0]),
    (
        Mode::TwoComponent,
        &[300., 0.1, 10., 2000., -0.2, 50., 100., 0.1, -5., 0.4, -0.03, 0.5, 0.2, 3.],
    ),
    (Mode::Kww, &[300.0, -0.4, 20.0, 1.4]),
    (Mode::TwoDecays, &[2000., -0.2, 50., 300., 0.1, 10., 0.4]),
];

#[test]
fn slopes_are_differences() {
    let grid = TimeGrid::new(50, 0.1, 0.0);
    for (mode, theta) in CASES {
        for two_component in TwoComponentConvention::ALL {
            let model = mode.model(Physics { two_component, ..Physics::default() });
            for (c, curve) in model.curves(theta, &grid).iter().enumerate() {
                for (k, slope) in &curve.slopes {
                    let h = 1e-6 * theta[*k].abs().max(1.0);
                    let at = |sign: f64| {
                        let mut moved = theta.to_vec();
                        moved[*k] += sign * h;
                        model.curves(&moved, &grid)[c].values.clone()
                    };
                    let (up, down) = (at(1.0), at(-1.0));
                    let top = slope.iter().fold(0.0f64, |m, s| m.max(s.abs()));
                    for frame in 0..50 {
                        let difference = (up[frame] - down[frame]) / (2.0 * h);
                        let error = (slope[frame] - difference).abs();
                        assert!(error <= 1e-6 * top + 1e-9, "{} by {k}, frame {frame}", curve.name);
                    }
                }
            }
        }
    }
}

#[test]
fn rates_integrate_to_the_tables() {
    let grid = TimeGrid::new(50, 0.1, 0.0);
    // First table row of each rate, in the order of the curves.
    for ((mode, theta), rows) in
        CASES.into_iter().zip([&[0][..], &[0, 4], &[0, 4, 8], &[0], &[0, 4]])
    {
        let model = mode.model(Physics::default());
        let tables = model.tables(Level::best(), theta, &grid, &KeptFrames::All).unwrap();
        for (curve, row) in model.curves(theta, &grid).iter().zip(rows) {
            let sum: f64 = curve.values.windows(2).map(|w| 0.05 * (w[0] + w[1])).sum();
            let table = tables.rows.row(*row)[49];
            assert!((sum / table - 1.0).abs() < 1e-12, "{}: {sum} and {table}", curve.name);
        }
    }
}
