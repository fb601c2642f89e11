//! Values and derivatives computed by heterodyne 2.0.1 (`reference/heterodyne/theory.json`),
//! which hold for the convention `heterodyne-2`.

use dyne_math::simd::Level;
use dyne_xpcs_model::{Geometry, Mode, Model, Physics, TimeGrid, TwoComponentConvention};
use serde_json::Value;

use crate::rows::row;

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn model() -> Box<dyn Model> {
    let two_component = TwoComponentConvention::Heterodyne2;
    Mode::TwoComponent.model(Physics { two_component, ..Physics::default() })
}

#[test]
fn theory_agrees_with_heterodyne() {
    let text = match std::env::var("HETERODYNE_THEORY") {
        Ok(path) => std::fs::read_to_string(path).unwrap(),
        Err(_) => include_str!("../../../../reference/heterodyne/theory.json").to_owned(),
    };
    let reference: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(reference["convention"], "heterodyne-2");
    let cases = reference["cases"].as_array().unwrap();
    assert!(cases.len() >= 14);
    for level in Level::available() {
        for case in cases {
            for angle in case["angles"].as_array().unwrap() {
                check(level, case, angle);
            }
        }
    }
}

fn check(level: Level, case: &Value, angle: &Value) {
    let f = |key: &str| case[key].as_f64().unwrap();
    let model = model();
    let frames = case["n"].as_u64().unwrap() as usize;
    let grid = TimeGrid::new(frames, f("dt"), f("origin"));
    let phi_deg = angle["phi_deg"].as_f64().unwrap();
    let geometry = Geometry { q: f("q"), phi_deg, gap: 0.0 };
    let theta = numbers(&case["params"]);
    let rows: Vec<_> =
        (0..frames - 1).map(|i| row(&*model, level, &theta, &grid, &geometry, i)).collect();
    let (c2, largest) = (numbers(&angle["c2"]), numbers(&case["largest"]));
    let (is, js) = (numbers(&case["i"]), numbers(&case["j"]));
    for (k, expected) in c2.iter().enumerate() {
        let (i, j) = (is[k] as usize, js[k] as usize);
        let (m, slopes) = &rows[i];
        let value = f("offset") + f("contrast") * m[j - i - 1];
        let what = format!("{level} {} {phi_deg}° ({i}, {j})", case["key"]);
        assert!((value - expected).abs() <= 1e-10, "{what}: {value} and {expected}");
        if i == 0 && f("origin") == 0.0 {
            // At t = 0 the rate is its constant part alone; where that is 0 the floor has two
            // slopes, of which heterodyne takes the mean. No fit uses this frame.
            continue;
        }
        let given = angle["slopes"].as_array().unwrap();
        for (p, (scale, given)) in largest.iter().zip(given).enumerate() {
            let slope = f("contrast") * slopes[p][j - i - 1];
            let expected = given[k].as_f64().unwrap();
            let name = Mode::TwoComponent.parameters()[p].name;
            let error = (slope - expected).abs();
            assert!(error <= 1e-8 * scale, "{what} {name}: {slope} and {expected} of {scale}");
        }
    }
}

#[test]
fn worked_points_agree() {
    type Point = (f64, f64, f64, f64, f64, f64, [f64; 14], [f64; 4]);
    let points: [Point; 3] = [
        (
            0.1,
            0.1,
            0.0054,
            10.0,
            0.3,
            1.02,
            [1e4, 0.2, 50., 2e4, -0.1, 10., 800., 0.3, 20., 0.35, 0.4, 0.2, 0.05, 1.5],
            [1.3058899651124687, 1.2481759368431888, 1.2758595692193762, 1.3020391990786584],
        ),
        (
            0.0,
            0.5,
            0.0054,
            85.0,
            0.25,
            1.0,
            [1e4, -0.3, -3000., 5e3, 0.5, 200., 1500., -0.4, -50., 0.02, -0.5, 0.3, 0., -2.],
            [1.233579274259839, 1.1886705394603427, 1.2020177535057206, 1.2276163522923875],
        ),
        (
            1.0,
            1.0,
            0.01,
            0.0,
            0.5,
            1.0,
            [3e5, 0., 0., 2e3, 0., 0., 1000., 0., 0., 0.9, 0.8, 0., 0.3, 0.],
            [1.4093653765389909, 1.2744058180470133, 1.3351600230178196, 1.4093653765389909],
        ),
    ];
    for (origin, dt, q, phi_deg, contrast, offset, theta, expected) in points {
        let grid = TimeGrid::new(4, dt, origin);
        let geometry = Geometry { q, phi_deg, gap: 0.0 };
        let at = |i: usize, j: usize| {
            let (m, _) = row(&*model(), Level::best(), &theta, &grid, &geometry, i);
            offset + contrast * m[j - i - 1]
        };
        let found = [at(0, 1), at(0, 3), at(1, 3), at(2, 3)];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-10, "{found} and {expected}");
        }
    }
}
