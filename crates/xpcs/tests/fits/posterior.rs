//! The posterior against differences, and against the fit where both must agree.

use std::num::NonZeroUsize;
use std::sync::atomic::AtomicU64;

use dyne_runtime::{Cancel, Lanes, Resources, Silent, Solo};
use dyne_sample::density::check;
use dyne_sample::{ChainOptions, Draws, LogDensity, sample};
use dyne_xpcs::fit::problem;
use dyne_xpcs::posterior::Posterior;

use crate::experiment::{Case, case};

const REST: &str = "mode: static\nframes: 80\ndt: 0.1\nq: 0.0054\nphi: [0, 45, 90]\n\
    parameters: {D0: 20000, alpha: -0.4, D_offset: 0}\ncontrast: [0.30, 0.28, 0.31]\n\
    noise: {kind: gaussian, sigma: 0.01, seed: 1}\n";
const FIT_REST: &str = "mode: static\ndata: {file: x}\nparameters: {D_offset: {fixed: 0}}\n\
    uncertainty: {method: information}\n";
const SHEARED: &str = "mode: laminar_flow\nframes: 60\ndt: 0.1\nq: 0.0054\ngap: 2.0e6\nphi: [-60, 0, 30, 85]\n\
    parameters: {D0: 3000, alpha: -0.4, D_offset: 100, gamma_dot_t0: 0.002, beta: -0.3, \
    gamma_dot_t_offset: 1.0e-4, phi0: 4}\ncontrast: 0.3\nnoise: {kind: gaussian, sigma: 0.02, seed: 3}\n";
const FIT_SHEARED: &str = "mode: laminar_flow\ndata: {file: x}\ngeometry: {gap: 2.0e6}\n";

/// Gives the posterior of a case to `work`.
fn with_posterior<R>(case: &Case, weight: f64, work: impl FnOnce(&Posterior<'_>) -> R) -> R {
    let (lanes, cancel, sweeps) = (Lanes::solo(), Cancel::new(), AtomicU64::new(0));
    let resources = Resources::new(&lanes, &Solo, &cancel);
    let shift = 1.0;
    let layout = case.plan.layout(shift).unwrap();
    let problem = problem(&case.plan, &case.matrices, &layout, shift, resources, &sweeps);
    work(&Posterior { problem, transform: &case.plan.transform, weight })
}

#[test]
fn the_gradient_is_that_of_the_value() {
    for (sim, fit) in [(REST, FIT_REST), (SHEARED, FIT_SHEARED)] {
        let case = case(sim, fit);
        for weight in [1.0, 0.03] {
            with_posterior(&case, weight, |posterior| {
                let mut v = posterior.unbounded(&case.truth).unwrap();
                v.iter_mut().zip([0.11, -0.07, 0.05].iter().cycle()).for_each(|(v, d)| *v += d);
                check(posterior, &v, 1e-5, 1e-5);
            });
        }
    }
}

#[test]
fn variables_come_back() {
    let case = case(SHEARED, FIT_SHEARED);
    with_posterior(&case, 1.0, |posterior| {
        let theta = posterior.theta(&posterior.unbounded(&case.truth).unwrap());
        for (found, truth) in theta.iter().zip(&case.truth) {
            assert!((found - truth).abs() <= 1e-9 * truth.abs(), "{found} and {truth}");
        }
        assert_eq!(posterior.dimension(), 7);
    });
}

#[test]
fn with_independent_noise_posterior_and_fit_agree() {
    let case = case(REST, FIT_REST);
    let fitted = case.fit(&Lanes::solo());
    let (theta, covariance) = (&fitted.outcome.fit.theta, fitted.covariance.as_ref().unwrap());
    // A quarter of the weight doubles the errors.
    for (weight, factor) in [(1.0, 1.0), (0.25, 2.0)] {
        let chains = with_posterior(&case, weight, |posterior| {
            let centre = posterior.unbounded(theta).unwrap();
            let start = |k: f64| centre.iter().map(|v| v + 0.001 * k).collect();
            let starts: Vec<Vec<f64>> = [-1.5, -0.5, 0.5, 1.5].map(start).into();
            let lanes = Lanes::try_new(NonZeroUsize::new(2).unwrap()).unwrap();
            let options = ChainOptions { seed: 9, ..ChainOptions::default() };
            let chains = sample(posterior, &starts, options, &lanes, &Silent).unwrap();
            let to_theta = |chain: &dyne_sample::Chain| -> Vec<Vec<f64>> {
                chain.draws.iter().map(|v| posterior.theta(v)).collect()
            };
            assert!(chains.iter().all(|chain| chain.divergent.is_empty()));
            chains.iter().map(to_theta).collect::<Vec<_>>()
        });
        for k in 0..2 {
            let of = |chain: &Vec<Vec<f64>>| chain.iter().map(|theta| theta[k]).collect();
            let draws = Draws::new(chains.iter().map(of).collect());
            assert!(draws.r_hat() < 1.02 && draws.bulk_ess() > 300.0, "{}", draws.bulk_ess());
            let stderr = covariance.stderr(k).unwrap();
            let ratio = draws.standard_deviation() / stderr;
            assert!((ratio / factor - 1.0).abs() < 0.15, "parameter {k}: {ratio}");
            let shift = (draws.mean() - theta[k]) / stderr;
            assert!(shift.abs() < 0.3 * factor, "parameter {k}: {shift}");
        }
    }
}
