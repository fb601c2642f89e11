//! The test of lack of fit, on the frames on which it can be afforded.

use dyne_runtime::Silent;
use dyne_solve::{Covariance, Fit, Loss, Transform, minimise};

use crate::fit::{FitError, Settled, settle};
use crate::plan::Plan;
use crate::problem::Problem;
use crate::residuals::PictureSize;
use crate::uncertainty::{
    LackOfFitTest, MOST_FRAMES, MOST_WORK, Minimum, Uncertainty, UncertaintyError, lack_of_fit,
};

/// The test with the pixels that its noise was taken from.
#[derive(Debug, Clone, PartialEq)]
pub struct Misfit {
    /// The test.
    pub test: LackOfFitTest,
    /// Pixels of a bin on average.
    pub pixels: f64,
    /// Where they come from.
    pub pixels_source: String,
}

/// Probability below which a model does not describe the data.
pub const MISFIT: f64 = 0.01;

impl Misfit {
    /// Whether the model may describe the data.
    pub fn passes(&self) -> bool {
        self.test.p() >= MISFIT
    }
}

/// A fit that is tested.
#[derive(Clone, Copy)]
pub struct Tested<'a> {
    /// The fit on all pairs.
    pub fit: &'a Fit,
    /// Its free parameters.
    pub transform: &'a Transform,
    /// What it leaves.
    pub settled: &'a Settled,
    /// What its error bars rest on.
    pub uncertainty: Option<&'a Uncertainty>,
}

/// Tests whether the model of `plan` describes the data: on all pairs where there are few frames, else on
/// those of the finest coarse set, to which the same model is fitted anew.
///
/// # Errors
/// [`FitError`] of a sweep; any other reason why there is no test is told as data.
pub fn misfit(
    plan: &Plan,
    problem: &Problem<'_>,
    coarse: Option<&Problem<'_>>,
    tested: Tested<'_>,
) -> Result<Result<Misfit, String>, FitError> {
    let Some(uncertainty) = tested.uncertainty else {
        return Ok(Err("there is no information matrix".to_owned()));
    };
    let Some((pixels, source)) = uncertainty.pixels else {
        return Ok(Err("the noise is not that of speckles".to_owned()));
    };
    if problem.robust.loss != Loss::Linear {
        return Ok(Err("the loss is not linear".to_owned()));
    }
    let frames = problem.matrices.frames();
    let small = frames <= MOST_FRAMES && frames * frames * plan.bins.len() <= MOST_WORK;
    let found = match coarse.filter(|_| !small) {
        None => {
            let problem = Problem { resources: problem.resources.without_journal(), ..*problem };
            test(plan, problem, tested.settled, &uncertainty.information, uncertainty)?
        }
        Some(coarse) => {
            let theta = &tested.fit.theta;
            let fit = minimise(coarse, tested.transform, theta, &plan.search.fit, &Silent)?;
            let settled = settle(coarse, &fit, PictureSize { pixels: 1 })?;
            let information = Covariance::try_new(&fit.equations, tested.transform, &fit.theta)?;
            test(plan, *coarse, &settled, &information, uncertainty)?
        }
    };
    let pixels_source = source.about().to_owned();
    Ok(found.map(|test| Misfit { test, pixels, pixels_source }))
}

/// The test of what a fit of `problem` leaves, under the noise of `uncertainty`.
fn test(
    plan: &Plan,
    problem: Problem<'_>,
    settled: &Settled,
    information: &Covariance,
    uncertainty: &Uncertainty,
) -> Result<Result<LackOfFitTest, String>, FitError> {
    let Settled { scaling, evaluated, residuals } = settled;
    let minimum = Minimum {
        problem,
        evaluated,
        scaling,
        residuals,
        information,
        bins: &plan.bins,
        round: 0,
        silent: &uncertainty.silent,
    };
    match lack_of_fit(&minimum, &uncertainty.careful, plan.config.uncertainty.seed) {
        Ok(test) => Ok(Ok(test)),
        Err(UncertaintyError::Sweep(error)) => Err(FitError::from(error)),
        Err(reason) => Ok(Err(reason.to_string().lines().next().unwrap_or_default().to_owned())),
    }
}
