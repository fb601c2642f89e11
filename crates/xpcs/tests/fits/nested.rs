//! Data of a smaller model fitted by a larger one that holds it, and components that may change
//! their names.

use dyne_runtime::Lanes;
use dyne_xpcs::config::FitConfig;
use dyne_xpcs::fit::Labels;
use dyne_xpcs::plan::{Plan, PlanError};
use dyne_xpcs::report::{ParameterResult, Report};
use dyne_xpcs::simulate::simulated_catalog;

use crate::derived::reported;
use crate::experiment::{case, sim_config};

const STATIC: &str = "mode: static\nframes: 150\ndt: 0.1\nq: 0.0054\nphi: [0, 45, 90]\n\
    parameters: {D0: 10000, alpha: -0.4, D_offset: 0}\ncontrast: 0.3\n\
    noise: {kind: gaussian, sigma: 0.005, seed: 1}\n";

fn parameter<'a>(report: &'a Report, name: &str) -> &'a ParameterResult {
    report.parameters.iter().find(|p| p.name == name).unwrap()
}

/// Estimate minus truth in standard errors of independent pairs, which this noise has.
#[track_caller]
fn agrees(report: &Report, name: &str, truth: f64) {
    let found = parameter(report, name);
    let error = report.uncertainty.as_ref().unwrap().information[name];
    let pull = (found.value - truth) / error;
    assert!(pull.abs() < 4.0, "{name} = {} ± {error}, {truth} simulated", found.value);
}

fn fitted(sim: &str, fit: &str) -> Report {
    let case = case(sim, fit);
    reported(&case, &mut case.fit(&Lanes::solo()))
}

#[test]
fn a_resting_sample_is_the_reference_of_two_components_without_a_sample() {
    let report = fitted(
        STATIC,
        "mode: two_component\ndata: {file: x}\nparameters: {D_offset_ref: {fixed: 0}, \
         f0: {fixed: 0}, f1: {fixed: 0}, f3: {fixed: 0}}\n",
    );
    agrees(&report, "D0_ref", 10000.0);
    agrees(&report, "alpha_ref", -0.4);
    for name in ["D0_sample", "alpha_sample", "v0", "beta", "phi0"] {
        let reason = parameter(&report, name).stderr_absent.clone().unwrap();
        assert!(reason.contains("not determined"), "{name}: {reason}");
        let findings = &report.identifiability.as_ref().unwrap().findings;
        assert!(findings.iter().any(|f| f.contains(name)), "{name} is not named in {findings:?}");
    }
}

#[test]
fn a_sample_without_shear_is_found_to_have_none() {
    let report = fitted(
        STATIC,
        "mode: laminar_flow\ndata: {file: x}\ngeometry: {gap: 2.0e6}\n\
         parameters: {D_offset: {fixed: 0}, gamma_dot_t_offset: {fixed: 0}}\n",
    );
    agrees(&report, "D0", 10000.0);
    agrees(&report, "alpha", -0.4);
    let strain = report.quantities.iter().find(|q| q.name == "strain").unwrap();
    // A strain of 3e-4 shifts the phase across the gap by q·h·strain/2 = 1.6 rad.
    assert!(strain.value.abs() < 3e-4, "a strain of {}", strain.value);
    let open = ["gamma_dot_t0", "beta", "phi0"].into_iter().filter(|name| {
        let p = parameter(&report, name);
        p.at_bound.is_some() || p.stderr.is_none_or(|s| s > 0.3 * p.value.abs())
    });
    assert!(open.count() >= 2, "the report claims to know a shear that is not there");
}

#[test]
fn a_bent_valley_is_told() {
    let fit = "mode: static\ndata: {file: x}\nparameters: {D0: {start: 10000}, alpha: {start: -0.4}, \
        D_offset: {fixed: 0}}\n";
    let told = |sigma: &str| {
        let sim = STATIC.replace("sigma: 0.005", &format!("sigma: {sigma}"));
        let findings = fitted(&sim, fit).identifiability.unwrap().findings;
        findings.iter().any(|f| f.contains("no parabola") && f.contains("--profile D0,alpha"))
    };
    assert!(!told("0.01"));
    // Decays of any shape are within such noise; a fit that ends on a bound has no bent error bars.
    assert!(["1", "2", "3", "4", "6"].into_iter().any(told));
}

#[test]
fn a_freed_reference_time_of_the_fraction_is_not_determined() {
    let sim = "mode: two_component\nframes: 100\ndt: 0.1\nq: 0.0054\nphi: [0, 60]\n\
        parameters: {D0_ref: 500, alpha_ref: 0, D_offset_ref: 0, D0_sample: 8000, alpha_sample: 0, D_offset_sample: 0, \
        v0: 800, beta: 0, v_offset: 0, f0: 0.4, f1: -0.2, f2: 0, f3: 0.4, phi0: 5}\n\
        contrast: 0.3\nnoise: {kind: gaussian, sigma: 0.005, seed: 2}\n";
    let start = "D0_ref: {start: 500}, alpha_ref: {fixed: 0}, D_offset_ref: {fixed: 0}, D0_sample: {start: 8000}, \
        alpha_sample: {fixed: 0}, D_offset_sample: {fixed: 0}, v0: {start: 800}, beta: {fixed: 0}, v_offset: {fixed: 0}, \
        f0: {start: 0.4}, f1: {start: -0.2}, f2: {start: 0}, f3: {start: 0.4}, phi0: {start: 5}";
    let report =
        fitted(sim, &format!("mode: two_component\ndata: {{file: x}}\nparameters: {{{start}}}\n"));
    for name in ["f0", "f2"] {
        let reason = parameter(&report, name).stderr_absent.clone().unwrap();
        assert!(reason.contains("f2") && reason.contains("not determined"), "{name}: {reason}");
    }
    agrees(&report, "f3", 0.4);
    agrees(&report, "v0", 800.0);
}

const EXCHANGED: &str = "mode: two_component\nframes: 120\ndt: 0.1\nq: 0.0054\nphi: [0, 60]\n\
    parameters: {D0_ref: 9000, alpha_ref: 0, D_offset_ref: 0, D0_sample: 600, alpha_sample: 0, D_offset_sample: 0, \
    v0: 500, beta: 0, v_offset: 0, f0: 0.3, f1: 0, f2: 0, f3: 0, phi0: 0}\n\
    contrast: 0.3\nnoise: {kind: gaussian, sigma: 0.005, seed: 3}\n";
const HELD: &str = "alpha_ref: {fixed: 0}, D_offset_ref: {fixed: 0}, alpha_sample: {fixed: 0}, \
    D_offset_sample: {fixed: 0}, beta: {fixed: 0}, v_offset: {fixed: 0}, f1: {fixed: 0}, f3: {fixed: 0}, phi0: {fixed: 0}";

#[test]
fn the_sample_is_the_component_with_the_larger_share() {
    let fit = format!("mode: two_component\ndata: {{file: x}}\nparameters: {{{HELD}}}\n");
    let free = case(EXCHANGED, &fit);
    let mut found = free.fit(&Lanes::solo());
    let report = reported(&free, &mut found);
    agrees(&report, "f0", 0.7);
    agrees(&report, "D0_ref", 600.0);
    agrees(&report, "D0_sample", 9000.0);
    // Starting values say otherwise.
    let start =
        "D0_ref: {start: 9000}, D0_sample: {start: 600}, v0: {start: 500}, f0: {start: 0.3}";
    let fit = format!("mode: two_component\ndata: {{file: x}}\nparameters: {{{HELD}, {start}}}\n");
    let given = case(EXCHANGED, &fit);
    let mut found = given.fit(&Lanes::solo());
    assert!(matches!(found.labels, Labels::Kept(_)), "{:?}", found.labels);
    let report = reported(&given, &mut found);
    agrees(&report, "f0", 0.3);
    let findings = report.identifiability.unwrap().findings;
    assert!(findings.iter().any(|f| f.contains("exchanged")), "{findings:?}");
}

#[test]
fn a_fraction_outside_its_range_on_every_frame_is_refused() {
    let config = |f0: f64, f3: f64| {
        let start = HELD.replace("f3: {fixed: 0}", &format!("f3: {{fixed: {f3}}}"));
        let yaml = format!(
            "mode: two_component\ndata: {{file: x}}\nparameters: {{{start}, D0_ref: {{start: 500}}, \
             D0_sample: {{start: 900}}, v0: {{start: 500}}, f0: {{start: {f0}}}}}\n"
        );
        FitConfig::from_yaml(&yaml, "fit.yaml", &[]).unwrap()
    };
    let files = simulated_catalog(&sim_config(EXCHANGED));
    assert!(Plan::resolve(config(0.3, 0.0), &files).is_ok());
    let refused = Plan::resolve(config(0.3, 0.9), &files).err().unwrap();
    assert!(matches!(refused, PlanError::Fraction { frames: 120 }), "{refused}");
    assert!(refused.to_string().contains("on all 120 frames"), "{refused}");
}
