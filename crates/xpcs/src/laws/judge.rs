//! A fit that follows some laws, with its error bars and what the data say of the parameters that the laws
//! hold.

use dyne_runtime::{Observer, phase};
use dyne_solve::{Covariance, Fit, Scale, Slot, SolveError, Transform};

use crate::fit::{FitError, Settled, settle};
use crate::plan::Plan;
use crate::problem::Problem;
use crate::residuals::PictureSize;
use crate::uncertainty::{Minimum, Uncertainty, headline, silent};

/// A fit with its error bars.
pub struct Judged {
    /// What the fit leaves of the data.
    pub settled: Settled,
    /// Headline covariance of the parameters that the laws leave free, or why there is none.
    pub covariance: Result<Covariance, SolveError>,
    /// The same with parameters on their bounds held there, as a posterior within the bounds has it.
    pub at_bounds: Option<Covariance>,
    /// What it rests on; nothing where there is none.
    pub uncertainty: Option<Uncertainty>,
    /// tr(H⁻¹B)/s² over all parameters fitted: how many parameters the noise makes of them.
    pub penalty: f64,
    /// Mean over all parameters fitted of the variance over that of independent pairs, at least 1.
    pub typical_excess: f64,
    /// For each parameter that the laws hold and the data determine: its position, the value that one step
    /// from the fit would give it, in its standard errors, and how much larger its variance is than that of
    /// independent pairs.
    pub held: Vec<HeldParameter>,
    /// For each function the largest pull of what its next law would free, with all other laws kept; 0 where
    /// there is none.
    pub pulls: Vec<f64>,
}

/// What the next law of a function would free, and the parameters free then.
#[derive(Debug, Clone)]
pub struct NextLaw {
    /// Positions that it frees.
    pub freed: Vec<usize>,
    /// All that is free under it.
    pub transform: Transform,
}

/// What the data say of a parameter that a law holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeldParameter {
    /// Position.
    pub position: usize,
    /// One Newton step of it, over its standard error: the score test of the law.
    pub pull: f64,
    /// Variance over that of independent pairs.
    pub excess: f64,
}

/// Error bars of `fit`, which is free in `own`, and what the data say of the parameters that are free in
/// the plan besides.
///
/// **Formula** score test: with the normal equations at the constrained minimum, δ = −H⁻¹g over all
/// parameters of the plan and V = H⁻¹BH⁻¹, z_k = δ_k/√V_kk for a parameter k that the law holds; under the law
/// z is standard normal. The same with the parameters free under the next law of one function alone in place of all: a
/// constant part beside a free exponent leaves both undetermined, so that neither pulls. **Source** Boos, The American Statistician 46 (1992) 327,
/// doi:10.2307/2685328, generalised score tests. **Cost** a sweep for the residuals and the error bars.
/// **Checked by** `tests/fits/laws.rs`.
///
/// # Errors
/// [`FitError`] of a sweep.
pub fn judge(
    plan: &Plan,
    problem: &Problem<'_>,
    fit: &Fit,
    (own, next): (&Transform, &[Option<NextLaw>]),
    (pictures, round): (PictureSize, u64),
    observer: &dyn Observer,
) -> Result<Judged, FitError> {
    let (settled, _) = phase(observer, "residuals", || settle(problem, fit, pictures))?;
    let informations = [&plan.transform, own]
        .map(|transform| Covariance::try_new(&fit.equations, transform, &fit.theta));
    let (whole, information) = match informations {
        [Ok(whole), Ok(information)] => (whole, information),
        [Err(reason), _] | [_, Err(reason)] => return Ok(Judged::without(settled, reason)),
    };
    let minimum = Minimum {
        problem: *problem,
        evaluated: &settled.evaluated,
        scaling: &settled.scaling,
        residuals: &settled.residuals,
        information: &whole,
        bins: &plan.bins,
        round,
        silent: &[],
    };
    let error_bars = || {
        let found = silent(&minimum)?;
        // Where all are, nobody is there to be spared.
        let all = found.len() == plan.bins.len();
        let spared = Minimum { silent: if all { &[] } else { &found }, ..minimum };
        let (covariance, kind) = headline(&spared, &plan.config.uncertainty)?;
        let unheard = if all { found } else { Vec::new() };
        Ok::<_, FitError>((covariance, Uncertainty { unheard, ..kind }))
    };
    let ((of_all, mut uncertainty), _) = phase(observer, "error bars", error_bars)?;
    // A parameter on its bound counts as free: no error of the others may rest on an arbitrary bound.
    let wide = match widened(own, &fit.theta)? {
        Some(transform) => Covariance::try_new(&fit.equations, &transform, &fit.theta)?,
        None => information.clone(),
    };
    let (covariance, at_bounds) = match &uncertainty.score {
        Some(score) => (wide.sandwich(score)?, information.sandwich(score)?),
        None => (wide, information.clone()),
    };
    let penalty = at_bounds.effective_parameters().unwrap_or(0.0);
    let held = held(plan, fit, own, &whole, &of_all);
    let score = uncertainty.score.as_deref();
    let pulls = next.iter().map(|next| next.as_ref().map_or(0.0, |next| pull(fit, next, score)));
    let pulls = pulls.collect();
    let typical_excess = (penalty / information.parameters().max(1) as f64).max(1.0);
    uncertainty.information = information;
    let (covariance, uncertainty) = (Ok(covariance), Some(uncertainty));
    let at_bounds = Some(at_bounds);
    Ok(Judged { settled, covariance, at_bounds, uncertainty, penalty, typical_excess, held, pulls })
}

impl Judged {
    fn without(settled: Settled, reason: SolveError) -> Self {
        Self {
            settled,
            covariance: Err(reason),
            at_bounds: None,
            uncertainty: None,
            penalty: 0.0,
            typical_excess: 1.0,
            held: Vec::new(),
            pulls: Vec::new(),
        }
    }
}

/// The transform with wider bounds for the parameters that rest on theirs; nothing where none does.
fn widened(transform: &Transform, theta: &[f64]) -> Result<Option<Transform>, SolveError> {
    let mut slots = transform.slots().to_vec();
    let mut any = false;
    for (slot, value) in slots.iter_mut().zip(theta) {
        let Slot::Free { scale, lower, upper } = slot else { continue };
        if *value <= *lower || *value >= *upper {
            any = true;
            match scale {
                Scale::Log => (*lower, *upper) = (0.1 * *lower, 10.0 * *upper),
                Scale::Linear => {
                    let range = *upper - *lower;
                    (*lower, *upper) = (*lower - range, *upper + range);
                }
            }
        }
    }
    if any { Transform::try_new(&slots).map(Some) } else { Ok(None) }
}

/// Largest pull of what a next law would free; 0 where the data do not determine it.
fn pull(fit: &Fit, next: &NextLaw, score: Option<&[f64]>) -> f64 {
    let Ok(information) = Covariance::try_new(&fit.equations, &next.transform, &fit.theta) else {
        return 0.0;
    };
    let errors = match score {
        Some(score) => information.sandwich(score),
        None => Ok(information.clone()),
    };
    let Ok(errors) = errors else { return 0.0 };
    let one = |k: &usize| {
        let error = errors.stderr(*k).ok()?;
        (error > 0.0).then(|| (newton_step(fit, &information, *k) / error).abs())
    };
    next.freed.iter().filter_map(one).fold(0.0, f64::max)
}

/// Step of parameter `k` to the minimum of the parabola.
fn newton_step(fit: &Fit, information: &Covariance, k: usize) -> f64 {
    let (order, gradient) = (information.order(), fit.equations.gradient());
    let row = &information.inverse_information()[k * order..][..gradient.len()];
    -row.iter().zip(gradient).map(|(h, g)| h * g).sum::<f64>()
}

fn held(
    plan: &Plan,
    fit: &Fit,
    own: &Transform,
    whole: &Covariance,
    of_all: &Covariance,
) -> Vec<HeldParameter> {
    let one = |k: usize| {
        let (error, independent) = (of_all.stderr(k).ok()?, whole.stderr(k).ok()?);
        let step = newton_step(fit, whole, k);
        let excess = (error / independent).powi(2);
        (error > 0.0 && excess.is_finite()).then(|| HeldParameter {
            position: k,
            pull: step / error,
            excess,
        })
    };
    let free = |k: &&usize| !own.free().contains(k);
    plan.transform.free().iter().filter(free).filter_map(|k| one(*k)).collect()
}
