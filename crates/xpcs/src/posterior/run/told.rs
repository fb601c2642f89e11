//! The report of a sampling.

use super::super::BoundedPrior;
use super::super::account::{About, comparison, faults};
use super::super::bands::{chosen, predictive, rates};
use super::super::bins::BinDraw;
use super::super::prior::STANDARD;
use super::super::report::{
    LikelihoodReport, ParameterPosterior, PosteriorReport, SCHEMA, SampleReport,
};
use super::super::shards;
use super::{Made, SamplingError, priors};
use crate::config::{CompositeAdjustment, Likelihood, UncertaintyMethod, prior_words};
use crate::problem::Problem;
use crate::report::{RivalMinimum, Warning};

/// Distance of the mean from the middle of a prior, in standard deviations, that is warned of.
const FAR: f64 = 4.0;

/// Standard deviations within which every parameter of a draw lies that is near a minimum.
const NEAR: f64 = 2.0;

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
    let mut warnings = warnings(about, head, &likelihood);
    let minima_not_visited = not_visited(about, head);
    warnings.extend(of_minima(&minima_not_visited));
    // What is wrong with shards is no fault of draws by all data.
    for message in faults_of_shards(&made) {
        match head.method == "cmc" {
            true => faults.push(message),
            false => warnings.push(Warning { code: "cmc".to_owned(), message }),
        }
    }
    let names = head.parameters.iter().map(|p| p.name.clone());
    let priors = priors(plan);
    let free = about.fitted.transform.free().iter().map(|k| prior_words(priors[*k]));
    Ok(PosteriorReport {
        schema: SCHEMA,
        mode: plan.mode.to_string(),
        file: plan.config.data.file.display().to_string(),
        provenance: None,
        likelihood,
        priors: names.zip(free).collect(),
        comparison: made.samples.get(1).map(|shards| comparison(head, shards)),
        minima_not_visited,
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
    let trace = &sample.trace;
    let x = |chain: usize, draw: usize| {
        let mut theta = about.fitted.outcome.fit.theta.clone();
        for (i, k) in about.fitted.transform.free().iter().enumerate() {
            theta[*k] = trace.values[i][chain][draw];
        }
        // Ties follow.
        about.fitted.transform.clamped(&theta).unwrap_or(theta)
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
fn warnings(
    about: &About<'_>,
    sample: &SampleReport,
    likelihood: &LikelihoodReport,
) -> Vec<Warning> {
    let priors = sample.parameters.iter().zip(about.priors);
    let pulled = priors.filter_map(|(parameter, (prior, _))| pulled(parameter, prior));
    let warning = |code: &str, message| Warning { code: code.to_owned(), message };
    let of_likelihood = uncounted(about, likelihood).map(|message| warning("likelihood", message));
    pulled.map(|message| warning("prior", message)).chain(of_likelihood).collect()
}

/// Minima of the fit that no draw comes near: chains begin around the fit, and seldom leave the
/// minimum that they begin in.
fn not_visited(about: &About<'_>, sample: &SampleReport) -> Vec<RivalMinimum> {
    let values = &sample.trace.values;
    let near = |rival: &RivalMinimum, chain: usize, draw: usize| {
        sample.parameters.iter().zip(values).all(|(parameter, values)| {
            let away = values[chain][draw] - rival.parameters[&parameter.name];
            away.abs() <= NEAR * parameter.spread.sd
        })
    };
    let visited = |rival: &RivalMinimum| {
        (0..sample.chains).any(|chain| (0..sample.draws).any(|draw| near(rival, chain, draw)))
    };
    let rivals = crate::account::minima(about.plan, about.fitted).into_iter().skip(1);
    rivals.filter(|rival| !visited(rival)).collect()
}

fn of_minima(missed: &[RivalMinimum]) -> Option<Warning> {
    let count = missed.len();
    (count > 0).then(|| {
        let message = format!(
            "the chains begin around the fit and visit none of {count} other minima that describe the data about as well (`minima_not_visited`): the posterior is that around the fit alone; narrow the bounds to the minimum that is meant, or sample each by itself with starting values"
        );
        Warning { code: "minima".to_owned(), message }
    })
}

/// Whether the prior of a parameter and the data contradict each other.
fn pulled(parameter: &ParameterPosterior, prior: &BoundedPrior) -> Option<String> {
    let middle = prior.quantile(0.5);
    let width = |value: f64| prior.quantile(STANDARD[usize::from(value > middle)]) - middle;
    let (mean, fit) = (parameter.spread.mean, parameter.fit);
    let of_mean = (mean - middle) / width(mean);
    let of_fit =
        parameter.fit_stderr.map_or(0.0, |error| (fit - middle).abs() / width(fit).hypot(error));
    let told = match (of_mean > FAR, of_fit > FAR) {
        (true, _) => format!(
            "the posterior lies {of_mean:.1} standard deviations from the middle of the prior, which pulls it"
        ),
        (false, true) => format!(
            "the fit lies {of_fit:.1} standard deviations, of prior and fit together, from the middle of the \
             prior, which overrules the data"
        ),
        (false, false) => return None,
    };
    let name = &parameter.name;
    Some(format!(
        "{name}: {told}; widen the prior with parameters.{name}.prior if it does not say what you know"
    ))
}

/// Why a composite likelihood is not as wide as it ought to be.
fn uncounted(about: &About<'_>, likelihood: &LikelihoodReport) -> Option<String> {
    let About { plan, fitted, .. } = *about;
    let config = &plan.config.posterior;
    if config.likelihood == Likelihood::Independent {
        return None;
    }
    let uncertainty = fitted.uncertainty.as_ref();
    let fallen = uncertainty.and_then(|found| found.instead_of.as_ref());
    let why = match (&fitted.covariance, fallen, plan.config.uncertainty.method) {
        (Err(why), _, _) => format!("the fit has no error bars ({why})"),
        (_, Some(why), _) => {
            format!("the error bars of the fit are those of independent pairs ({why})")
        }
        (_, None, UncertaintyMethod::Information) => {
            "uncertainty.method: information gives error bars of independent pairs".to_owned()
        }
        _ => {
            let alone = config.adjustment == CompositeAdjustment::Curvature
                && likelihood.width_factors.is_none();
            let told = "no direction that the data determine has an error bar, so the posterior is as wide \
                as the error bars on average over the directions only; free fewer parameters, or trust the fit";
            return alone.then(|| told.to_owned());
        }
    };
    Some(format!(
        "{why}, so pairs count as independent and intervals are too narrow where they are not; see \
         uncertainty.method"
    ))
}
