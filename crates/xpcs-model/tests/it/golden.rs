//! Values and derivatives computed by homodyne 2.23.3 (`reference/homodyne/theory.json`),
//! which hold for the convention `homodyne-2`.

use dyne_math::simd::Level;
use dyne_xpcs_model::{Geometry, Mode, Physics, ShearConvention, TimeGrid};
use serde_json::Value;

use crate::rows::row;

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

#[test]
fn theory_agrees_with_homodyne() {
    let text = include_str!("../../../../reference/homodyne/theory.json");
    let reference: Value = serde_json::from_str(text).unwrap();
    assert_eq!(reference["convention"], "homodyne-2");
    let cases = reference["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 17);
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
    let mode: Mode = case["mode"].as_str().unwrap().parse().unwrap();
    let model = mode.model(Physics { shear: ShearConvention::Homodyne2, ..Physics::default() });
    let frames = case["n"].as_u64().unwrap() as usize;
    let grid = TimeGrid::new(frames, f("dt"), 0.0);
    let phi_deg = angle["phi_deg"].as_f64().unwrap();
    let geometry = Geometry { q: f("q"), phi_deg, gap: f("gap") };
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
        let slopes_given = angle["slopes"].as_array().unwrap();
        for (p, (scale, given)) in largest.iter().zip(slopes_given).enumerate() {
            let slope = f("contrast") * slopes[p][j - i - 1];
            let expected = given[k].as_f64().unwrap();
            let name = mode.parameters()[p].name;
            let error = (slope - expected).abs();
            assert!(error <= 1e-8 * scale, "{what} {name}: {slope} and {expected} of {scale}");
        }
    }
}
