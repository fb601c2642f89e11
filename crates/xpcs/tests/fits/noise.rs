//! Noise models: weights, and what residuals tell.

use dyne_runtime::Lanes;
use dyne_xpcs_data::{Matrices, Samples, Triangle};

use crate::derived::reported;
use crate::experiment::{Case, case};

const SIM: &str = "mode: static\nframes: 150\ndt: 0.1\nq: 0.0054\nphi: [0, 90]\n\
    parameters: {D0: 20000, alpha: -0.4, D_offset: 0}\ncontrast: 0.3\n\
    noise: {kind: gaussian, sigma: 0.02, seed: 9}\n";

/// A case whose second bin has ten times the noise.
fn unequal(model: &str) -> Case {
    let fit = format!(
        "mode: static\ndata: {{file: x}}\nnoise: {{model: {model}}}\nuncertainty: {{method: information}}\n\
         parameters: {{D0: {{start: 18000}}, alpha: {{start: -0.3}}, D_offset: {{fixed: 0}}}}\n"
    );
    let noisy = SIM.replace("sigma: 0.02", "sigma: 0.2");
    let (mut quiet, loud) = (case(SIM, &fit), case(&noisy, &fit));
    let triangles = [quiet.matrices.triangle(0).unwrap(), loud.matrices.triangle(1).unwrap()];
    quiet.matrices = Matrices::new(triangles.map(|t| t.into_owned()).to_vec(), quiet.plan.skip());
    quiet
}

#[test]
fn weights_give_the_quiet_bin_its_due() {
    let lanes = Lanes::solo();
    let stderr = |model: &str| {
        let case = unequal(model);
        let fitted = case.fit(&lanes);
        assert_eq!(fitted.weights.is_some(), model != "global");
        let covariance = fitted.covariance.as_ref().unwrap();
        let error = (fitted.outcome.fit.theta[0] - 20000.0) / covariance.stderr(0).unwrap();
        assert!(error.abs() < 4.0, "{model}: {error} standard errors off");
        covariance.stderr(0).unwrap()
    };
    let [global, angle, lag] = ["global", "per_angle", "per_lag"].map(stderr);
    // Two bins that weigh alike have the error of their mean noise; the quiet one alone far less.
    assert!(angle < 0.3 * global, "{angle} and {global}");
    assert!((lag / angle - 1.0).abs() < 0.2, "{lag} and {angle}");
}

#[test]
fn exact_data_have_no_weights() {
    let exact = SIM.replace("gaussian, sigma: 0.02, seed: 9", "none");
    let fit = "mode: static\ndata: {file: x}\nnoise: {model: per_angle}\nuncertainty: {method: information}\n\
         parameters: {D0: {start: 18000}, alpha: {start: -0.3}, D_offset: {fixed: 0}}\n";
    let mut case = case(&exact, fit);
    // All pairs alike: the residuals of a constant are exactly 0.
    let flat = Triangle::new(150, Samples::F64(vec![1.0; Triangle::pairs(150)]));
    case.matrices = Matrices::new(vec![flat.clone(), flat], case.plan.skip());
    assert!(case.fit(&Lanes::solo()).weights.is_none());
}

#[test]
fn independent_noise_has_white_residuals_and_its_own_size() {
    let fit = "mode: static\ndata: {file: x}\nuncertainty: {method: information}\n\
         parameters: {D0: {start: 18000}, alpha: {start: -0.3}, D_offset: {fixed: 0}}\n";
    let case = case(SIM, fit);
    let report = reported(&case, &mut case.fit(&Lanes::solo()));
    for bin in &report.noise.bins {
        assert!((bin.sigma / 0.02 - 1.0).abs() < 0.03, "{}", bin.sigma);
        assert!(bin.along_row.iter().flatten().all(|r| r.abs() < 0.06), "{:?}", bin.along_row);
        assert!(bin.along_age.unwrap().abs() < 0.06);
    }
    let speckle = SIM.replace("gaussian, sigma: 0.02", "speckle, pixels: 500");
    let case = crate::experiment::case(&speckle, fit);
    let report = reported(&case, &mut case.fit(&Lanes::solo()));
    assert!(report.noise.bins.iter().all(|bin| bin.along_row[0].unwrap() > 0.3));
}
