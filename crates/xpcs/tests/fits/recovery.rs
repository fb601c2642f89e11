//! Recovery of known truth from simulated data.

use dyne_runtime::Lanes;

use crate::experiment::{Case, case};

fn laminar(seed: u64, noise: &str) -> String {
    format!(
        "mode: laminar_flow\nframes: 400\ndt: 0.1\nq: 0.0054\ngap: 2.0e6\nphi: [-60, 0, 30, 85]\n\
         parameters: {{D0: 3000, alpha: -0.4, D_offset: 100, gamma_dot_t0: 0.002, beta: -0.3, \
         gamma_dot_t_offset: 1.0e-4, phi0: 4}}\ncontrast: [0.3, 0.28, 0.32, 0.25]\n\
         noise: {{kind: {noise}, sigma: 0.02, seed: {seed}}}\n"
    )
}

const FIT_LAMINAR: &str = "mode: laminar_flow\ndata: {file: x}\ngeometry: {gap: 2.0e6}\n";

fn assert_within(case: &Case, sigmas: f64) {
    let fitted = case.fit(&Lanes::solo());
    let fit = &fitted.outcome.fit;
    assert!(fit.termination.is_converged(), "{:?}", fit.termination);
    let covariance = fitted.covariance.as_ref().unwrap();
    for (k, truth) in case.truth.iter().enumerate() {
        let error = covariance.stderr(k).unwrap();
        let pull = (fit.theta[k] - truth) / error;
        assert!(pull.abs() < sigmas, "parameter {k}: {} ± {error}, truth {truth}", fit.theta[k]);
    }
    for (bin, contrast) in case.contrast.iter().enumerate() {
        let error = covariance.scaling(&fitted.layout, bin).unwrap().contrast.sqrt();
        assert!((fitted.scaling[bin].contrast - contrast).abs() < sigmas * error, "bin {bin}");
        let rms = (fitted.residuals[bin].ssr / fitted.residuals[bin].pairs as f64).sqrt();
        assert!((rms - 0.02).abs() < 6e-4, "residuals of bin {bin}: {rms}");
    }
}

#[test]
fn laminar_flow_is_recovered_without_starting_values() {
    for seed in 1..=20 {
        assert_within(&case(&laminar(seed, "gaussian"), FIT_LAMINAR), 4.0);
    }
}

#[test]
fn laminar_flow_is_recovered_by_cmaes() {
    let setting = format!("{FIT_LAMINAR}search: {{method: cmaes}}\n");
    assert_within(&case(&laminar(2, "gaussian"), &setting), 4.0);
}

#[test]
fn static_is_recovered_without_starting_values() {
    for seed in 1..=20 {
        let sim = format!(
            "mode: static\nframes: 200\ndt: 0.1\nq: 0.0054\nphi: [0]\n\
             parameters: {{D0: 20000, alpha: -0.5, D_offset: 1000}}\ncontrast: 0.3\n\
             noise: {{kind: gaussian, sigma: 0.02, seed: {seed}}}\n"
        );
        assert_within(&case(&sim, "mode: static\ndata: {file: x}\n"), 4.0);
    }
}

#[test]
fn exact_data_give_the_truth() {
    let case = case(&laminar(1, "none"), FIT_LAMINAR);
    let fitted = case.fit(&Lanes::solo());
    assert!(fitted.outcome.fit.termination.is_converged());
    for (value, truth) in fitted.outcome.fit.theta.iter().zip(&case.truth) {
        // The matrices are stored in 32 bits.
        assert!((value - truth).abs() <= 1e-3 * truth.abs(), "{value} and {truth}");
    }
}

#[test]
fn losses_and_scalings_recover_the_truth() {
    for setting in [
        "fit: {loss: soft_l1, f_scale: 0.05}",
        "fit: {loss: huber, f_scale: 0.05}",
        "fit: {loss: cauchy, f_scale: 0.05}",
        "fit: {loss: arctan, f_scale: 0.2}",
        "fit: {scaling: {fourier: 1}}",
        "fit: {scaling: constant}\nparameters: {contrast: {fixed: [0.3, 0.28, 0.32, 0.25]}, offset: {fixed: 1}}",
        "parameters: {D0: {start: 1000}, gamma_dot_t0: {start: 0.001}}",
        "parameters: {beta: {fixed: -0.3}, phi0: {fixed: 4}}",
    ] {
        let case = case(&laminar(3, "gaussian"), &format!("{FIT_LAMINAR}{setting}\n"));
        let fitted = case.fit(&Lanes::solo());
        assert!(fitted.outcome.fit.termination.is_converged(), "{setting}");
        let [d0, alpha, offset, rate, beta, _, phi0] = fitted.outcome.fit.theta[..] else {
            panic!()
        };
        // Four contrasts do not lie on a Fourier series of order 1, so that fit is biased.
        let (tight, wide) = if setting.contains("fourier") { (0.5, 0.2) } else { (0.15, 0.05) };
        // D0 and alpha alone are hardly determined; the rate in the middle of the series is.
        let middle = d0 * 20f64.powf(alpha) + offset;
        let truth = 3000.0 * 20f64.powf(-0.4) + 100.0;
        assert!((middle / truth - 1.0).abs() < tight, "{setting}: D(20 s) {middle} and {truth}");
        assert!((rate / 0.002 - 1.0).abs() < tight, "{setting}: gamma_dot_t0 {rate}");
        assert!((beta + 0.3).abs() < wide, "{setting}: beta {beta}");
        assert!((phi0 - 4.0).abs() < 0.5, "{setting}: phi0 {phi0}");
    }
}

#[test]
fn nothing_free_leaves_contrast_and_offset() {
    let sim = "mode: static\nframes: 60\ndt: 0.1\nq: 0.0054\nphi: [0]\n\
        parameters: {D0: 20000, alpha: -0.5}\ncontrast: 0.3\n";
    let fixed = "mode: static\ndata: {file: x}\n\
        parameters: {D0: {fixed: 20000}, alpha: {fixed: -0.5}, D_offset: {fixed: 0}}\n";
    let fitted = case(sim, fixed).fit(&Lanes::solo());
    assert!(fitted.outcome.fit.termination.is_converged());
    assert!((fitted.scaling[0].contrast - 0.3).abs() < 1e-6);
}
