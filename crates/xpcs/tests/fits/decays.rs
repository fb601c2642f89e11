//! `kww` and `two_decays`: known truth found again from no start.

use dyne_runtime::Lanes;
use dyne_xpcs::report::Report;

use crate::derived::reported;
use crate::experiment::case;

fn fitted(sim: &str, mode: &str, held: &str) -> Report {
    let fit = format!("mode: {mode}\ndata: {{file: x}}\nparameters: {{{held}}}\n");
    let case = case(sim, &fit);
    reported(&case, &mut case.fit(&Lanes::solo()))
}

/// Estimate minus truth in standard errors of independent pairs, which this noise has.
#[track_caller]
fn agrees(report: &Report, name: &str, truth: f64) {
    let found = report.parameters.iter().find(|p| p.name == name).unwrap();
    let error = report.uncertainty.as_ref().unwrap().information[name];
    let pull = (found.value - truth) / error;
    assert!(pull.abs() < 4.0, "{name} = {} ± {error}, {truth} simulated", found.value);
}

#[test]
fn exponents_are_found_from_no_start() {
    for gamma in [0.5, 0.7, 1.4, 1.9] {
        let sim = format!(
            "mode: kww\nframes: 150\ndt: 0.1\nq: 0.0054\nphi: [0]\nparameters: {{D0: 30000, alpha: -0.3, \
             gamma: {gamma}}}\ncontrast: 0.3\nnoise: {{kind: gaussian, sigma: 0.01, seed: 5}}\n"
        );
        let report = fitted(&sim, "kww", "D_offset: {fixed: 0}");
        agrees(&report, "gamma", gamma);
        agrees(&report, "alpha", -0.3);
        agrees(&report, "D0", 30000.0);
        assert!(report.uncertainty.unwrap().instead_of.is_none(), "speckle error bars at {gamma}");
    }
}

#[test]
fn two_decays_are_found_from_no_start() {
    let sim = "mode: two_decays\nframes: 200\ndt: 0.1\nq: 0.0054\nphi: [0]\n\
        parameters: {D0_fast: 90000, D0_slow: 6000, a: 0.4}\ncontrast: 0.3\n\
        noise: {kind: gaussian, sigma: 0.005, seed: 6}\n";
    let constant = "alpha_fast: {fixed: 0}, D_offset_fast: {fixed: 0}, alpha_slow: {fixed: 0}, \
        D_offset_slow: {fixed: 0}";
    let report = fitted(sim, "two_decays", constant);
    agrees(&report, "D0_fast", 90000.0);
    agrees(&report, "D0_slow", 6000.0);
    agrees(&report, "a", 0.4);
    // Nothing held: the rates are what the data tell.
    let free = fitted(sim, "two_decays", "");
    assert!(free.cost.ssr <= report.cost.ssr * (1.0 + 1e-9));
    for (name, truth) in [("mean_J_fast", 90000.0), ("mean_J_slow", 6000.0)] {
        let found = free.quantities.iter().find(|q| q.name == name).unwrap().value;
        assert!((found / truth - 1.0).abs() < 0.15, "{name} = {found}, {truth} simulated");
    }
}
