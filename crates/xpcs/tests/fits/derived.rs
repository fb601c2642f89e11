//! Quantities that follow from the parameters, in a report.

use dyne_runtime::Lanes;
use dyne_xpcs::account::report;
use dyne_xpcs::fit::Fitted;
use dyne_xpcs::report::{Provenance, Report};

use crate::experiment::{Case, case};

const SIM: &str = "mode: laminar_flow\nframes: 120\ndt: 0.1\nq: 0.0054\ngap: 2.0e6\nphi: [0, 45, 90]\n\
    parameters: {D0: 3000, alpha: -0.2, D_offset: 0, gamma_dot_t0: 0.004, beta: 0, gamma_dot_t_offset: 0, phi0: 4}\n\
    contrast: 0.3\nnoise: {kind: speckle, pixels: 2000, seed: 5}\n";
const FIT: &str = "mode: laminar_flow\ndata: {file: x}\ngeometry: {gap: 2.0e6}\n\
    parameters: {D0: {start: 3000}, alpha: {start: -0.2}, D_offset: {fixed: 0},\n\
    gamma_dot_t0: {start: 0.004}, beta: {fixed: 0}, gamma_dot_t_offset: {fixed: 0}, phi0: {start: 4}}\n";

pub(crate) fn reported(case: &Case, fitted: &mut Fitted) -> Report {
    let provenance = Provenance {
        version: String::new(),
        git_revision: String::new(),
        file: String::new(),
        file_hash: String::new(),
        layout: String::new(),
        dt_s: 0.1,
        dt_source: String::new(),
        host_cores: 1,
        simd: String::new(),
        threads: 1,
        plan: serde_json::Value::Null,
    };
    report(&case.plan, fitted, provenance)
}

#[test]
fn a_constant_rate_and_its_strain_carry_the_error_of_its_parameter() {
    let case = case(SIM, FIT);
    let report = reported(&case, &mut case.fit(&Lanes::solo()));
    let rate = report.parameters.iter().find(|p| p.name == "gamma_dot_t0").unwrap();
    let strain = report.quantities.iter().find(|q| q.name == "strain").unwrap();
    let duration = 11.9;
    assert!((strain.value / (rate.value * duration) - 1.0).abs() < 1e-12);
    let relative = rate.stderr.unwrap() / rate.value;
    assert!((strain.stderr.unwrap() / strain.value / relative - 1.0).abs() < 1e-9);
    let other = report.quantities.iter().find(|q| q.name.contains("homodyne-2")).unwrap();
    assert!((other.stderr.unwrap() / other.value / relative - 1.0).abs() < 1e-9);
    let curve = report.curves.iter().find(|c| c.name == "gamma_dot").unwrap();
    assert_eq!(curve.value.len(), 119, "the first frame takes no part");
    let errors = curve.stderr.as_ref().unwrap();
    assert!(errors.iter().all(|e| (e / rate.stderr.unwrap() - 1.0).abs() < 1e-9));
}

#[test]
fn the_band_of_a_rate_holds_its_covariance() {
    // D0 t^alpha is known best inside the series, although D0 and alpha are both poorly known.
    let fast = |yaml: &str| yaml.replace("3000", "60000");
    let case = case(&fast(SIM), &fast(FIT));
    let report = reported(&case, &mut case.fit(&Lanes::solo()));
    let curve = report.curves.iter().find(|c| c.name == "J").unwrap();
    let relative: Vec<f64> =
        curve.stderr.as_ref().unwrap().iter().zip(&curve.value).map(|(e, v)| e / v).collect();
    let best = relative.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(best < 0.8 * relative[0].max(relative[118]), "{best} and {}", relative[0]);
    let found = report.identifiability.unwrap();
    assert_eq!(found.singular_values.len(), 4);
    assert!(!found.findings.is_empty() && !found.weakest.is_empty());
}
