//! Masked frames: what stands in them never enters a result.

use dyne_runtime::{Cancel, Lanes, Resources, Silent, Solo};
use dyne_xpcs::fit::{Data, fit};
use dyne_xpcs::mask::apply;
use dyne_xpcs::report::MaskReason;
use dyne_xpcs_data::{Matrices, Samples, Triangle};

use crate::experiment::{Case, PICTURES, case};

const SIM: &str = "mode: static\nframes: 200\ndt: 0.1\nq: 0.0054\nphi: [0, 90]\n\
    parameters: {D0: 20000, alpha: -0.4, D_offset: 0}\ncontrast: 0.3\n";
const FIT: &str = "mode: static\ndata: {file: x}\n\
    parameters: {D0: {start: 18000}, alpha: {start: -0.3}, D_offset: {fixed: 0}}\n";

/// The case in 64 bits with its exact values, frames 50 to 60 (from 0) and 150 replaced.
fn spoilt(mask: &str) -> Case {
    let mut case = case(SIM, &format!("{FIT}{mask}\n"));
    let level = dyne_math::simd::Level::best();
    let (model, plan) = (&*case.plan.model, &case.plan);
    let every = dyne_xpcs_model::model::KeptFrames::All;
    let tables = model.tables(level, &case.truth, &plan.grid, &every).unwrap();
    let spoils = |k: usize| (50..61).contains(&k) || k == 150;
    let one = |geometry| {
        let term = model.bin(&case.truth, geometry, &tables).unwrap();
        let mut values = Vec::new();
        for i in 0..200 {
            let row = dyne_xpcs_model::model::correlation_row(
                model,
                level,
                &tables,
                &term,
                i,
                i + 1..200,
            );
            let value = |(k, m)| if spoils(i) || spoils(i + 1 + k) { 0.2 } else { 1.0 + 0.3 * m };
            values.extend(row.into_iter().enumerate().map(value));
        }
        Triangle::new(200, Samples::F64(values))
    };
    let triangles = plan.geometries.iter().map(one).collect();
    case.matrices = Matrices::new(triangles, plan.skip());
    case
}

#[test]
fn what_is_masked_does_not_enter_the_fit() {
    for (setting, reason) in [
        ("mask: {frames: [[51, 61], 151]}", MaskReason::Config),
        ("mask: {auto: true}", MaskReason::Auto),
    ] {
        let case = spoilt(setting);
        let lanes = Lanes::solo();
        let (matrices, mask) = apply(&case.plan, case.matrices.clone(), &lanes).unwrap();
        let runs: Vec<_> = mask.frames.iter().map(|r| (r.first, r.last, r.reason)).collect();
        assert_eq!(runs, [(51, 61, reason), (151, 151, reason)]);
        assert_eq!(mask.n_frames, 12);
        assert_eq!(mask.n_pairs, 2 * (Triangle::pairs(199) - Triangle::pairs(187)));
        let cancel = Cancel::new();
        let resources = Resources::new(&lanes, &Solo, &cancel);
        let data = Data::survey(&case.plan, matrices, resources).unwrap();
        let fitted = fit(&case.plan, &data, resources, PICTURES, &Silent).unwrap();
        for (value, truth) in fitted.outcome.fit.theta.iter().zip(&case.truth) {
            assert!((value - truth).abs() <= 1e-6 * truth.abs(), "{value} and {truth}");
        }
        let residuals = &fitted.residuals[0];
        assert_eq!(residuals.pairs as usize, Triangle::pairs(187));
        // 64 pixels of 200 frames: pixel 17 holds frames 54 to 56, all of them masked.
        let map = &residuals.map;
        assert!((0..64).all(|k| map.data[17 * 64 + k].is_nan()), "{setting}");
        assert!(map.data[30 * 64 + 10].is_finite() && map.data[10 * 64 + 30].is_finite());
        assert!(map.residual.iter().filter(|r| r.is_finite()).all(|r| r.abs() < 1e-5));
        assert!(residuals.cuts.iter().all(|cut| !cut.lag_s.is_empty()));
    }
}

#[test]
fn masked_speckles_have_speckle_error_bars() {
    let noise = "noise: {kind: speckle, pixels: 500, seed: 3}\n";
    let mut speckled =
        case(&format!("{SIM}{noise}"), &format!("{FIT}mask: {{frames: [[20, 30]]}}\n"));
    let (matrices, _) = apply(&speckled.plan, speckled.matrices.clone(), &Lanes::solo()).unwrap();
    speckled.matrices = matrices;
    let fitted = speckled.fit(&Lanes::solo());
    let uncertainty = fitted.uncertainty.as_ref().unwrap();
    assert_eq!(uncertainty.instead_of, None);
    let pixels = uncertainty.pixels.unwrap().0;
    assert!((300.0..800.0).contains(&pixels), "{pixels}");
    assert!(fitted.covariance.as_ref().unwrap().stderr(0).unwrap() > 0.0);
}
