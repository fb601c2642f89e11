//! The posterior against differences, and against the fit where both must agree.

use std::num::NonZeroUsize;
use std::sync::atomic::AtomicU64;

use dyne_runtime::{Cancel, Lanes, Resources, Silent, Solo};
use dyne_sample::density::check;
use dyne_sample::{Chain, ChainOptions, Draws, LogDensity, sample};
use dyne_solve::{Gram, Transform};
use dyne_xpcs::fit::problem;
use dyne_xpcs::posterior::{
    Belief, BinTreatment, ErrorBars, Grouping, LinePrior, Posterior, Treatment, composite_weight,
};
use dyne_xpcs_model::Prior;

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

const MARGINALISED: BinTreatment =
    BinTreatment { scaling: Treatment::Marginalised, noise: Treatment::Marginalised };

/// Flat priors on all parameters, or those of the table.
fn priors(case: &Case, flat: Option<Prior>) -> Vec<Prior> {
    let specs = case.plan.model.parameters().iter();
    specs.map(|spec| flat.unwrap_or(spec.prior)).collect()
}

fn belief<'a>(transform: &'a Transform, priors: &'a [Prior], weight: f64) -> Belief<'a> {
    let grouping = Grouping::Individual;
    let line = LinePrior { contrast: [0.5, 0.25], offset: [1.0, 0.25] };
    let bins = MARGINALISED;
    let error_bars = None;
    Belief { transform, priors, prior_power: 1.0, bins, grouping, line, weight, error_bars }
}

/// Gives the posterior of a case to `work`.
fn with_posterior<R>(
    case: &Case,
    belief: Belief<'_>,
    theta: &[f64],
    work: impl FnOnce(&Posterior<'_>) -> R,
) -> R {
    let (lanes, cancel, sweeps) = (Lanes::solo(), Cancel::new(), AtomicU64::new(0));
    let resources = Resources::new(&lanes, &Solo, &cancel);
    let shift = 1.0;
    let layout = case.plan.layout(shift).unwrap();
    let problem = problem(&case.plan, &case.matrices, &layout, shift, resources, &sweeps);
    work(&Posterior::try_new(problem, belief, theta).unwrap())
}

#[test]
fn the_gradient_is_that_of_the_value() {
    let sampled = BinTreatment { scaling: Treatment::Sampled, noise: Treatment::Sampled };
    let noise = BinTreatment { noise: Treatment::Sampled, ..MARGINALISED };
    let scaling = BinTreatment { scaling: Treatment::Sampled, ..MARGINALISED };
    for (sim, fit) in [(REST, FIT_REST), (SHEARED, FIT_SHEARED)] {
        let case = case(sim, fit);
        let priors = priors(&case, None);
        for (bins, grouping, weight) in [
            (MARGINALISED, Grouping::Individual, 1.0),
            (MARGINALISED, Grouping::Averaged, 0.03),
            (noise, Grouping::Individual, 0.03),
            (scaling, Grouping::Individual, 0.3),
            (sampled, Grouping::Individual, 0.3),
        ] {
            let belief = belief(&case.plan.transform, &priors, weight);
            let belief = Belief { bins, grouping, prior_power: 0.4, ..belief };
            with_posterior(&case, belief, &case.truth, |posterior| {
                let near = [0.31, -0.47, 0.55].iter().cycle();
                let z: Vec<f64> = near.take(posterior.dimension()).copied().collect();
                check(posterior, &z, 1e-4, 1e-5);
            });
        }
    }
}

#[test]
fn variables_come_back_and_are_about_normal() {
    for (sim, fit) in [(REST, FIT_REST), (SHEARED, FIT_SHEARED)] {
        let case = case(sim, fit);
        let priors = priors(&case, None);
        let belief = belief(&case.plan.transform, &priors, 1.0);
        with_posterior(&case, belief, &case.truth, |posterior| {
            let theta = posterior.theta(&posterior.variables(&case.truth).unwrap());
            for (found, truth) in theta.iter().zip(&case.truth) {
                assert!((found - truth).abs() <= 1e-9 * truth.abs(), "{found} and {truth}");
            }
            // A standard deviation from the centre the density falls by about a half.
            let n = posterior.dimension();
            let at = |z: &[f64]| posterior.evaluate(z, &mut vec![0.0; n]).unwrap();
            let top = at(&vec![0.0; n]);
            for k in 0..n {
                for side in [-1.0, 1.0] {
                    let mut z = vec![0.0; n];
                    z[k] = side;
                    let fall = top - at(&z);
                    assert!((0.2..1.2).contains(&fall), "{sim}: variable {k}: {fall}");
                }
            }
        });
    }
}

/// First-order sums agree with those of a whole sweep.
#[test]
fn gradient_sums_are_those_of_the_whole() {
    let case = case(SHEARED, FIT_SHEARED);
    let (lanes, cancel, sweeps) = (Lanes::solo(), Cancel::new(), AtomicU64::new(0));
    let resources = Resources::new(&lanes, &Solo, &cancel);
    let layout = case.plan.layout(1.0).unwrap();
    let problem = problem(&case.plan, &case.matrices, &layout, 1.0, resources, &sweeps);
    let (whole, border) =
        (problem.linear_sums(&case.truth).unwrap(), problem.gradient_sums(&case.truth).unwrap());
    let p = case.truth.len();
    for (whole, border) in whole.iter().zip(&border) {
        let [whole, border] = [whole, border].map(|s| Gram::try_new(&s.gram, p, s.pairs).unwrap());
        let near = |a: f64, b: f64| assert!((a - b).abs() <= 1e-12 * a.abs().max(1.0), "{a}, {b}");
        for a in 0..p {
            near(whole.dm(a), border.dm(a));
            near(whole.d1(a), border.d1(a));
            near(whole.dy(a), border.dy(a));
        }
        near(whole.mm(), border.mm());
        near(whole.my(), border.my());
        near(whole.yy(), border.yy());
        assert_eq!(border.dd(0, 1), 0.0);
    }
}

fn chains(posterior: &Posterior<'_>, seed: u64) -> Vec<Chain> {
    let start = |k: f64| vec![k; posterior.dimension()];
    let starts: Vec<Vec<f64>> = [-0.9, -0.3, 0.3, 0.9].map(start).into();
    let two = NonZeroUsize::new(2).unwrap();
    let options = ChainOptions { seed, ..ChainOptions::default() };
    let chains = sample(posterior, &starts, options, None, two, &Silent).unwrap();
    assert!(chains.iter().all(|chain| chain.divergent.is_empty()));
    chains
}

fn draws(chains: &[Chain], k: usize) -> Draws {
    let of = |chain: &Chain| chain.quantities.iter().map(|theta| theta[k]).collect();
    Draws::new(chains.iter().map(of).collect())
}

#[test]
fn with_independent_noise_posterior_and_fit_agree() {
    let case = case(REST, FIT_REST);
    let fitted = case.fit(&Lanes::solo());
    let (theta, covariance) = (&fitted.outcome.fit.theta, fitted.covariance.as_ref().unwrap());
    let priors = priors(&case, Some(Prior::Uniform));
    // A quarter of the weight doubles the errors.
    for (weight, factor) in [(1.0, 1.0), (0.25, 2.0)] {
        let belief = belief(&case.plan.transform, &priors, weight);
        with_posterior(&case, belief, theta, |posterior| {
            let chains = chains(posterior, 9);
            let normal = posterior.normal_errors();
            for k in 0..2 {
                let draws = draws(&chains, k);
                assert!(draws.r_hat() < 1.02 && draws.bulk_ess() > 300.0, "{}", draws.bulk_ess());
                let stderr = covariance.stderr(k).unwrap();
                let ratio = draws.standard_deviation() / stderr;
                assert!((ratio / factor - 1.0).abs() < 0.15, "parameter {k}: {ratio}");
                let shift = (draws.mean() - theta[k]) / stderr;
                assert!(shift.abs() < 0.3 * factor, "parameter {k}: {shift}");
                let unit = if k == 0 { theta[0] } else { 1.0 };
                let normal = normal[k] * unit / (stderr * factor);
                assert!((normal - 1.0).abs() < 0.1, "parameter {k}: {normal}");
            }
        });
    }
}

/// Contrast, offset and noise integrated out in closed form or by the sampler: the same posterior.
#[test]
fn marginalised_and_sampled_scaling_agree() {
    let case = case(REST, FIT_REST);
    let priors = priors(&case, None);
    let of = |bins: BinTreatment, seed: u64| {
        let belief = Belief { bins, ..belief(&case.plan.transform, &priors, 0.1) };
        with_posterior(&case, belief, &case.truth, |posterior| chains(posterior, seed))
    };
    let closed = of(MARGINALISED, 3);
    let sampled = BinTreatment { scaling: Treatment::Sampled, noise: Treatment::Sampled };
    let sampled = of(sampled, 4);
    for k in 0..2 {
        let (a, b) = (draws(&closed, k), draws(&sampled, k));
        let error = a.mean_error().hypot(b.mean_error());
        assert!((a.mean() - b.mean()).abs() < 3.0 * error, "{} and {}", a.mean(), b.mean());
        let ratio = a.standard_deviation() / b.standard_deviation();
        // Three standard errors of a standard deviation by some 800 effective draws each.
        assert!((ratio - 1.0).abs() < 0.12, "{ratio}");
    }
}

const SPECKLES: &str = "mode: laminar_flow\nframes: 120\ndt: 0.1\nq: 0.0054\ngap: 2.0e6\nphi: [0, 30, 60, 90]\n\
    parameters: {D0: 3000, alpha: -0.3, D_offset: 0, gamma_dot_t0: 3.0e-4, beta: 0.2, \
    gamma_dot_t_offset: 0, phi0: 4}\ncontrast: 0.3\nnoise: {kind: speckle, pixels: 20000, seed: 3}\n";
const FIT_SPECKLES: &str = "mode: laminar_flow\ndata: {file: x}\ngeometry: {gap: 2.0e6}\n\
    parameters: {D_offset: {fixed: 0}, gamma_dot_t_offset: {fixed: 0}}\n";

/// Widths of the posterior of speckle data over error bars, weighted, and adjusted too.
fn widths_over_error_bars(fit: &str, flat: Option<Prior>, bins: BinTreatment) -> [Vec<f64>; 2] {
    let case = case(SPECKLES, fit);
    let fitted = case.fit(&Lanes::solo());
    let (theta, actual) = (&fitted.outcome.fit.theta, fitted.at_bounds.as_ref().unwrap());
    let independent = &fitted.uncertainty.as_ref().unwrap().information;
    let transform = &case.plan.transform;
    let priors = priors(&case, flat);
    let weight = composite_weight(independent, actual, transform.free());
    let belief = Belief { bins, ..belief(transform, &priors, weight) };
    let bars = ErrorBars { theta, covariance: actual };
    [None, Some(bars)].map(|error_bars| {
        with_posterior(&case, Belief { error_bars, ..belief }, theta, |posterior| {
            assert_eq!(posterior.adjusted_widths().is_some(), error_bars.is_some());
            check(posterior, &vec![0.4; posterior.dimension()], 1e-2, 5e-3);
            let errors = posterior.normal_errors();
            let ratio = |(k, error): (&usize, f64)| {
                let unit = if [0, 3].contains(k) { theta[*k] } else { 1.0 };
                error * unit / actual.stderr(*k).unwrap_or(f64::NAN)
            };
            transform.free().iter().zip(errors).map(ratio).collect()
        })
    })
}

/// The likelihood is as wide as the error bars in every direction, which one weight cannot make it.
#[test]
fn a_curvature_adjustment_is_as_wide_as_the_error_bars() {
    let [weighted, adjusted] =
        widths_over_error_bars(FIT_SPECKLES, Some(Prior::Uniform), MARGINALISED);
    assert!(adjusted.iter().all(|ratio| (ratio - 1.0).abs() < 0.02), "{adjusted:?}");
    assert!(weighted.iter().any(|ratio| (ratio - 1.0).abs() > 0.15), "{weighted:?}");
}

/// Contrast, offset and noise that are variables make no difference to the others.
#[test]
fn an_adjustment_is_the_same_with_sampled_scaling() {
    let sampled = BinTreatment { scaling: Treatment::Sampled, noise: Treatment::Sampled };
    let [_, adjusted] = widths_over_error_bars(FIT_SPECKLES, Some(Prior::Uniform), sampled);
    assert!(adjusted.iter().all(|ratio| (ratio - 1.0).abs() < 0.02), "{adjusted:?}");
}

/// A parameter on its bound has no error bar; the others are as wide as theirs, or wider as far as it leaves room.
#[test]
fn a_parameter_on_its_bound_does_not_stop_the_adjustment() {
    let bound = "mode: laminar_flow\ndata: {file: x}\ngeometry: {gap: 2.0e6}\n\
        parameters: {D_offset: {min: 0, max: 10}, gamma_dot_t_offset: {fixed: 0}}\n";
    let [_, adjusted] = widths_over_error_bars(bound, None, MARGINALISED);
    assert!(adjusted[2].is_nan(), "D_offset is off its bound");
    for k in [1, 3, 4] {
        assert!((0.95..1.1).contains(&adjusted[k]), "{adjusted:?}");
    }
    assert!(adjusted[0] > 0.95 && adjusted[5] > 0.95, "{adjusted:?}");
}

/// Where the power law and its constant cancel and the fit runs to the end of that valley, a prior holds some directions;
/// the others are as wide as the error bars all the same.
#[test]
fn directions_that_the_data_determine_are_adjusted_in_a_valley() {
    let free = "mode: laminar_flow\ndata: {file: x}\ngeometry: {gap: 2.0e6}\n\
        parameters: {D_offset: {min: -1e5, max: 1e5}, gamma_dot_t_offset: {min: -0.1, max: 0.1}}\n";
    let [weighted, adjusted] = widths_over_error_bars(free, None, MARGINALISED);
    assert!((adjusted[6] - 1.0).abs() < 0.05 && weighted[6] > 1.4, "phi0: {adjusted:?}");
    assert!(adjusted.iter().all(|ratio| (0.65..1.5).contains(ratio)), "{adjusted:?}");
    assert!(weighted.iter().any(|ratio| !(0.65..1.5).contains(ratio)), "{weighted:?}");
}
