//! The simplest laws that the data support.

use dyne_runtime::Lanes;
use dyne_xpcs::fit::Fitted;
use dyne_xpcs::laws::Law;

use crate::experiment::case_of_simplest_laws;

const FREE: &str = "mode: static\ndata: {file: x}\n";

fn fitted(parameters: &str, noise: &str, seed: u64) -> Fitted {
    let sim = format!(
        "mode: static\nframes: 120\ndt: 0.1\nq: 0.0054\nphi: [0]\nparameters: {{{parameters}}}\n\
         contrast: 0.3\nnoise: {{{noise}, seed: {seed}}}\n"
    );
    case_of_simplest_laws(&sim, FREE).fit(&Lanes::solo())
}

fn laws(parameters: &str, noise: &str) -> Vec<Law> {
    (1..=10).map(|seed| fitted(parameters, noise, seed).laws[0].law).collect()
}

const SPECKLE: &str = "kind: speckle, pixels: 1000";
const WHITE: &str = "kind: gaussian, sigma: 0.01";

/// One in a hundred is given up by design.
fn most(laws: &[Law], wanted: Law) {
    assert!(laws.iter().filter(|law| **law == wanted).count() >= 9, "{laws:?}");
}

#[test]
fn a_brownian_sample_has_a_constant_rate() {
    for noise in [SPECKLE, WHITE] {
        most(&laws("D0: 30000, alpha: 0, D_offset: 0", noise), Law::Constant);
    }
}

#[test]
fn its_rate_is_found_within_its_error() {
    let pulls = (1..=20).map(|seed| {
        let fit = fitted("D0: 30000, alpha: 0, D_offset: 0", SPECKLE, seed);
        let error = fit.covariance.unwrap().stderr(0).unwrap();
        (fit.outcome.fit.theta[0] - 30000.0) / error
    });
    let pulls: Vec<f64> = pulls.collect();
    assert!(pulls.iter().all(|z| z.abs() < 4.0), "{pulls:?}");
    assert!(pulls.iter().filter(|z| z.abs() < 2.0).count() >= 16, "{pulls:?}");
}

#[test]
fn a_sample_that_ages_follows_a_power_law() {
    for noise in [SPECKLE, WHITE] {
        most(&laws("D0: 60000, alpha: -0.5, D_offset: 0", noise), Law::Powered);
    }
}

#[test]
fn a_constant_part_is_found_where_it_shows() {
    let law = fitted("D0: 30000, alpha: -1.2, D_offset: 6000", "kind: gaussian, sigma: 0.001", 1);
    assert_eq!(law.laws[0].law, Law::WithOffset);
    let error = law.covariance.unwrap().stderr(2).unwrap();
    assert!((law.outcome.fit.theta[2] - 6000.0).abs() < 4.0 * error);
}

/// The fit of the full laws is kept beside that of the simple one, and lies no higher.
#[test]
fn the_full_laws_are_kept() {
    let fit = fitted("D0: 30000, alpha: 0, D_offset: 0", WHITE, 3);
    assert!(fit.fullest.cost() <= fit.outcome.fit.cost());
    assert_eq!(fit.transform.free(), [0]);
    let compared = &fit.laws[0].compared;
    assert_eq!(compared.iter().map(|c| c.law).collect::<Vec<_>>(), fit.laws[0].family.choices);
    assert_eq!(compared.iter().map(|c| c.clic).fold(f64::INFINITY, f64::min), 0.0);
}
