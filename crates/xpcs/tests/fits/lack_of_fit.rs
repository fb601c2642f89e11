//! Whether models that describe the data pass, and those that do not fail.

use dyne_runtime::Lanes;
use dyne_xpcs::report::{Report, VerdictClass};

use crate::derived::reported;
use crate::experiment::case_of_simplest_laws;

fn report(truth: &str, seed: u64) -> Report {
    let sim = format!(
        "{truth}frames: 120\ndt: 0.1\nq: 0.0054\nphi: [0]\ncontrast: 0.3\n\
         noise: {{kind: speckle, pixels: 1500, seed: {seed}}}\n"
    );
    let case = case_of_simplest_laws(&sim, "mode: static\ndata: {file: x}\n");
    reported(&case, &mut case.fit(&Lanes::solo()))
}

fn classes(truth: &str) -> Vec<VerdictClass> {
    (1..=8).map(|seed| report(truth, seed).verdict.class).collect()
}

#[test]
fn a_right_model_is_good() {
    let truth = "mode: static\nparameters: {D0: 40000, alpha: 0, D_offset: 0}\n";
    let found = classes(truth);
    assert!(found.iter().filter(|c| **c == VerdictClass::Good).count() >= 7, "{found:?}");
}

#[test]
fn a_stretched_decay_is_no_exponential() {
    let truth = "mode: kww\nparameters: {D0: 40000, alpha: 0, D_offset: 0, gamma: 0.7}\n";
    assert!(classes(truth).iter().all(|class| *class == VerdictClass::Misfit));
    let found = report(truth, 1);
    assert_eq!((found.verdict.exit_code, &*found.verdict.reasons[0].code), (1, "lack_of_fit"));
    let test = found.lack_of_fit.unwrap();
    assert!(test.p < 1e-6 && test.statistic > 3.0 * test.expected, "{test:?}");
    assert!(test.cells.iter().any(|cell| cell.z.abs() > 2.0 && cell.of_contrast.abs() > 0.01));
}

#[test]
fn two_decays_are_not_one() {
    let truth = "mode: two_decays\nparameters: {D0_fast: 100000, alpha_fast: 0, D_offset_fast: 0, \
                 D0_slow: 25000, alpha_slow: 0, D_offset_slow: 0, a: 0.5}\n";
    let found = classes(truth);
    assert!(found.iter().filter(|c| **c == VerdictClass::Misfit).count() >= 7, "{found:?}");
}

#[test]
fn what_does_not_decay_determines_nothing() {
    for d0 in ["1e-2", "1e9"] {
        let truth = format!("mode: static\nparameters: {{D0: {d0}, alpha: 0, D_offset: 0}}\n");
        let sim = format!(
            "{truth}frames: 100\ndt: 0.1\nq: 0.0054\nphi: [0]\ncontrast: 0.3\n\
             noise: {{kind: gaussian, sigma: 0.01, seed: 2}}\n"
        );
        let case = case_of_simplest_laws(&sim, "mode: static\ndata: {file: x}\n");
        let found = reported(&case, &mut case.fit(&Lanes::solo()));
        assert_eq!(found.verdict.class, VerdictClass::Undetermined, "{d0}: {:?}", found.verdict);
        assert_eq!(found.verdict.exit_code, 1);
    }
}
