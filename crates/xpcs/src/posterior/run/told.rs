//! The report of a sampling.

use super::super::account::{About, comparison, faults};
use super::super::bands::{chosen, predictive, rates};
use super::super::bins::BinDraw;
use super::super::report::{LikelihoodReport, PosteriorReport, SCHEMA, SampleReport};
use super::super::shards;
use super::{Made, SamplingError, priors};
use crate::config::prior_words;
use crate::problem::Problem;
use crate::report::Warning;

/// Distance of the mean from the middle of a prior, in standard deviations, that is warned of.
const FAR: f64 = 4.0;

pub(super) fn finished(
    about: &About<'_>,
    problem: &Problem<'_>,
    made: Made,
    likelihood: LikelihoodReport,
) -> Result<PosteriorReport, SamplingError> {
    let About { plan, fitted, .. } = *about;
    let head = &made.samples[0];
    let fit = &fitted.outcome.fit.theta;
    let draws = band_draws(about, head);
    let thetas: Vec<Vec<f64>> = draws.iter().map(|(theta, _)| theta.clone()).collect();
    let at_fit: Vec<BinDraw> = fitted
        .scaling
        .iter()
        .map(|s| BinDraw { contrast: s.contrast, offset: s.offset, sigma: 0.0 })
        .collect();
    let predictive = predictive(plan, problem, &fitted.residuals, (fit, &at_fit), &draws)?;
    let mut faults = faults(about, head);
    let mut warnings = warnings(about, head);
    // What is wrong with shards is no fault of draws by all data.
    for message in faults_of_shards(&made) {
        match head.method == "cmc" {
            true => faults.push(message),
            false => warnings.push(Warning { code: "cmc".to_owned(), message }),
        }
    }
    let names = head.parameters.iter().map(|p| p.name.clone());
    let priors = priors(plan);
    let free = plan.transform.free().iter().map(|k| prior_words(priors[*k]));
    Ok(PosteriorReport {
        schema: SCHEMA,
        mode: plan.mode.to_string(),
        file: plan.config.data.file.display().to_string(),
        provenance: None,
        likelihood,
        priors: names.zip(free).collect(),
        comparison: made.samples.get(1).map(|shards| comparison(head, shards)),
        warnings,
        converged: faults.is_empty(),
        verdict: match faults.is_empty() {
            true => "the chains agree, and there are enough of their draws".to_owned(),
            false => format!("not to be trusted: {}", faults.join("; ")),
        },
        rates: rates(plan, fit, &thetas),
        predictive,
        shards: made.shards,
        samples: made.samples,
    })
}

/// What speaks against the combination of shards, in words.
fn faults_of_shards(made: &Made) -> Vec<String> {
    let mut faults: Vec<String> = made
        .failure
        .iter()
        .map(|error| {
            format!("the shards were not combined: {}", error.to_string().replace('\n', "; "))
        })
        .collect();
    let Some(told) = &made.shards else { return faults };
    let out = told.shards.iter().filter(|shard| shard.left_out.is_some()).count();
    if out > 0 {
        faults.push(format!("{out} of {} shards left out", told.shards.len()));
    }
    if let Some(share) = told.effective_share.filter(|share| *share < shards::LEAST_SHARE) {
        let share = 100.0 * share;
        faults.push(format!(
            "the combined shards are far from all data: {share:.1} % of their draws count"
        ));
    }
    faults
}

/// Some draws as whole points, with contrast, offset and noise of the bins.
fn band_draws(about: &About<'_>, sample: &SampleReport) -> Vec<(Vec<f64>, Vec<BinDraw>)> {
    let (plan, trace) = (about.plan, &sample.trace);
    let x = |chain: usize, draw: usize| {
        let mut theta = about.fitted.outcome.fit.theta.clone();
        for (i, k) in plan.transform.free().iter().enumerate() {
            theta[*k] = trace.values[i][chain][draw];
        }
        // Ties follow.
        plan.transform.clamped(&theta).unwrap_or(theta)
    };
    let bin = |g: usize, chain: usize, draw: usize| BinDraw {
        contrast: trace.contrast[g][chain][draw],
        offset: trace.offset[g][chain][draw],
        sigma: trace.sigma[g][chain][draw],
    };
    let all = chosen(sample.chains * sample.draws).into_iter();
    all.map(|k| {
        let (chain, draw) = (k / sample.draws, k % sample.draws);
        let bins = (0..trace.contrast.len()).map(|g| bin(g, chain, draw)).collect();
        (x(chain, draw), bins)
    })
    .collect()
}

/// What the user ought to know besides the verdict.
fn warnings(about: &About<'_>, sample: &SampleReport) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (parameter, (prior, _)) in sample.parameters.iter().zip(about.priors) {
        let middle = prior.quantile(0.5);
        let mean = parameter.spread.mean;
        let side = if mean > middle { 0.841_345 } else { 0.158_655 };
        let distance = (mean - middle) / (prior.quantile(side) - middle);
        if distance > FAR {
            warnings.push(Warning {
                code: "prior".to_owned(),
                message: format!(
                    "{}: the posterior lies {distance:.1} standard deviations from the middle of the \
                     prior, which pulls it; widen the prior with parameters.{}.prior if it does not say \
                     what you know",
                    parameter.name, parameter.name
                ),
            });
        }
    }
    warnings
}
