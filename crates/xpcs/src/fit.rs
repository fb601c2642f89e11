//! The fit: levels from coarse to fine, search, covariance, residuals.

use std::sync::atomic::{AtomicU64, Ordering};

use dyne_math::simd::Level;
use dyne_runtime::{Observer, Resources, SweepError};
use dyne_solve::{
    Covariance, EvaluationError, Fit, Layout, Objective, Profile, ProfileOptions, Scaling, Search,
    SearchOutcome, Slot, SolveError, Termination, Transform, minimise, profile, search,
};
use dyne_xpcs_data::{Matrices, ReadError};
use dyne_xpcs_model::ModelError;
use thiserror::Error;

use crate::config::{NoiseModel, OnBadBlock};
use crate::laws::{Chosen, FamilyLaws, Judged, choose};
use crate::minima::{Minima, choose as choose_twin, minima};
use crate::misfit::{Misfit, Tested, misfit};
use crate::noise::{Weights, may_weigh, weights};
use crate::plan::{Plan, PlanError};
use crate::problem::{Checks, Evaluated, Problem};
use crate::released::released_starts;
use crate::residuals::{BinResiduals, PictureSize};
use crate::survey::{NotFinite, Survey, survey};
use crate::uncertainty::{BENT, Ellipsoid, Uncertainty, bent_shares};

/// Frames of the coarse levels, coarsest first; used where the data have at least twice as many.
const COARSE_FRAMES: [usize; 2] = [48, 144];

/// Why there is no fit.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FitError {
    /// The plan does not fit the data.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The solver could not be set up, or an evaluation failed.
    #[error(transparent)]
    Solve(SolveError),
    /// The model has no value at the minimum.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The data cannot be read, or hold what cannot be fitted.
    #[error(transparent)]
    Read(Box<ReadError>),
    /// A sweep failed.
    #[error(transparent)]
    Sweep(Box<SweepError<ReadError>>),
    /// An evaluation failed.
    #[error("evaluating the fit at its end\nsee the cause below")]
    Evaluation(#[source] EvaluationError),
    /// Stopped before there was a point to report.
    #[error(
        "the fit was interrupted before its first evaluation ended; there is nothing to report\nrun it again"
    )]
    Interrupted,
}

impl From<SolveError> for FitError {
    fn from(error: SolveError) -> Self {
        match error {
            SolveError::Interrupted => Self::Interrupted,
            other => Self::Solve(other),
        }
    }
}

impl From<ReadError> for FitError {
    fn from(error: ReadError) -> Self {
        Self::Read(Box::new(error))
    }
}

impl From<SweepError<ReadError>> for FitError {
    fn from(error: SweepError<ReadError>) -> Self {
        match error {
            SweepError::Cancelled => Self::Interrupted,
            SweepError::Block(error) => error.into(),
            other => Self::Sweep(Box::new(other)),
        }
    }
}

/// Which of two components that may be exchanged without changing m carries which name.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Labels {
    /// The usual one, or there is one component.
    Usual,
    /// The usual one, after the fit had found the other.
    Exchanged,
    /// The other, as starting values or bounds have it; the point with the usual names.
    Kept(Vec<f64>),
}

impl Labels {
    /// Those of the fit under the laws chosen. Without its constant part the fraction can move a component from the
    /// larger share to the smaller, and has no exact image with the names exchanged.
    fn under(self, plan: &Plan, fit: &Fit) -> Self {
        plan.model.relabelled(&fit.theta, &plan.grid).map_or(self, Self::Kept)
    }
}

/// A fit before it is put into words.
pub struct Fitted {
    /// Search, minimum and basins; the minimum is that of the laws chosen.
    pub outcome: SearchOutcome,
    /// Laws of the rates.
    pub laws: Vec<FamilyLaws>,
    /// Free, fixed and tied parameters under them.
    pub transform: Transform,
    /// The fit of the fullest laws that the plan allows; the same minimum where they were chosen.
    pub fullest: Fit,
    /// How contrast and offset hang on the linear parameters, offsets relative to `shift`.
    pub layout: Layout,
    /// Subtracted from the data.
    pub shift: f64,
    /// Contrast and offset of each bin, offsets absolute.
    pub scaling: Vec<Scaling>,
    /// Whether the model describes the data, or why that is not known.
    pub misfit: Result<Misfit, String>,
    /// Headline covariance, or why there is none.
    pub covariance: Result<Covariance, SolveError>,
    /// The same with parameters on their bounds held there; nothing where there is none.
    pub at_bounds: Option<Covariance>,
    /// Which kind it is and what it rests on; nothing where there is no covariance.
    pub uncertainty: Option<Uncertainty>,
    /// Profiles that were asked for, by position of the parameter.
    pub profiles: Vec<(usize, Profile)>,
    /// Residuals of each bin.
    pub residuals: Vec<BinResiduals>,
    /// Tables at the minimum.
    pub evaluated: Evaluated,
    /// Weights that the noise model gave the pairs of each bin by lag, where it gave any.
    pub weights: Option<Vec<Vec<f64>>>,
    /// Parameters whose error bars rest on a cost that is no parabola over them.
    pub curved: Vec<usize>,
    /// Names of the components.
    pub labels: Labels,
    /// Minima that the noise cannot tell from that of the fit.
    pub minima: Minima,
    /// Sweeps over all pairs.
    pub full_sweeps: u64,
    /// Sweeps over coarse matrices.
    pub coarse_sweeps: u64,
}

/// Matrices of which a survey has told all that a fit needs beforehand.
pub struct Data {
    /// The matrices.
    pub matrices: Matrices,
    /// What the survey found.
    pub survey: Survey,
    /// Bins whose error bars are computed side by side; a matter of memory alone.
    pub bins_at_once: usize,
}

impl Data {
    /// Surveys the matrices that `plan` selects.
    ///
    /// # Errors
    /// [`FitError::Read`] where they cannot be read or hold a value that is not finite; with
    /// `data.on_bad_block: mask` those rows are left out, and it is an error only where none is left.
    pub fn survey(
        plan: &Plan,
        matrices: Matrices,
        resources: Resources<'_>,
    ) -> Result<Self, FitError> {
        let levels = COARSE_FRAMES.into_iter().filter(|count| matrices.frames() >= 2 * count);
        let survey = survey(&matrices, &levels.collect::<Vec<_>>(), plan.block(), resources)?;
        if let Some(found) = survey.not_finite.first()
            && plan.config.data.on_bad_block == OnBadBlock::Error
        {
            return Err(not_finite(plan, &matrices, *found).into());
        }
        let rows = matrices.excluded().and(survey.bad_rows().iter());
        let matrices = matrices.without_rows(rows);
        match (0..matrices.bins()).find(|bin| matrices.pairs(*bin) == 0) {
            Some(bin) => Err(PlanError::NothingLeft { bin: plan.bins[bin].number }.into()),
            None => Ok(Self { matrices, survey, bins_at_once: resources.lanes.count() }),
        }
    }
}

/// Fits the data that `plan` selects.
///
/// A request to end is heard throughout: then there is no fit.
///
/// # Errors
/// [`FitError`]. That a fit does not converge is not an error.
pub fn fit(
    plan: &Plan,
    data: &Data,
    resources: Resources<'_>,
    pictures: PictureSize,
    observer: &dyn Observer,
) -> Result<Fitted, FitError> {
    let Data { matrices, survey, bins_at_once } = data;
    let (shift, layout) = (survey.mean, plan.layout(survey.mean)?);
    let (full_sweeps, coarse_sweeps) = (AtomicU64::new(0), AtomicU64::new(0));
    let full = problem(plan, matrices, &layout, shift, resources, &full_sweeps);
    let full = Problem { bins_at_once: *bins_at_once, ..full };
    let mut outcome = run(plan, &full, &survey.coarse, &coarse_sweeps, observer)?;
    let variances = weighted(plan, &full, &mut outcome.fit, observer)?;
    let full = Problem { weights: by_lag(variances.as_deref()), ..full };
    let labels = among_equals(plan, &full, &mut outcome.fit, observer)?;
    let on = |matrices, weights| on_coarse(&full, matrices, weights, &coarse_sweeps);
    let finest = finest(plan, survey.coarse.last(), variances.as_deref());
    let finest = finest.as_ref().map(|(matrices, own)| on(matrices, by_lag(own.as_deref())));
    let (chosen, misfit) =
        under_laws(plan, (full, finest), outcome.fit.clone(), pictures, observer)?;
    let Chosen { laws, transform, fit, judged, full: fullest } = chosen;
    outcome.fit = fit;
    let labels = labels.under(plan, &outcome.fit);
    let Judged { settled, covariance, at_bounds, uncertainty, .. } = judged;
    let Settled { scaling, evaluated, residuals } = settled;
    let curved = curved(plan, &full, &transform, &outcome.fit, &covariance)?;
    let of = Profiled {
        minimum: &outcome.fit,
        transform: &transform,
        covariance: &covariance,
        uncertainty: uncertainty.as_ref(),
    };
    let level = survey.coarse.first().map(|matrices| on(matrices, Weights::Equal));
    let errors = (&covariance, uncertainty.as_ref());
    let minima = minima(plan, &full, level.as_ref(), &outcome, &transform, errors, observer)?;
    let profiles = profiles(plan, &full, of, observer)?;
    Ok(Fitted {
        outcome,
        laws,
        transform,
        fullest,
        misfit,
        shift,
        scaling,
        profiles,
        covariance,
        at_bounds,
        uncertainty,
        residuals,
        evaluated,
        weights: variances,
        labels,
        minima,
        curved,
        full_sweeps: full_sweeps.into_inner(),
        coarse_sweeps: coarse_sweeps.into_inner(),
        layout,
    })
}

/// Weights by bin and lag where there are some.
fn by_lag(weights: Option<&[Vec<f64>]>) -> Weights<'_> {
    weights.map_or(Weights::Equal, Weights::ByLag)
}

/// The fit under the simplest laws that pass, and whether it describes the data.
fn under_laws(
    plan: &Plan,
    (full, finest): (Problem<'_>, Option<Problem<'_>>),
    found: Fit,
    pictures: PictureSize,
    observer: &dyn Observer,
) -> Result<(Chosen, Result<Misfit, String>), FitError> {
    let tested = |chosen: &Chosen| {
        let tested = Tested {
            fit: &chosen.fit,
            transform: &chosen.transform,
            settled: &chosen.judged.settled,
            uncertainty: chosen.judged.uncertainty.as_ref(),
        };
        misfit(plan, &full, finest.as_ref(), tested)
    };
    let chosen = choose(plan, full, finest, found, pictures, observer)?;
    let misfit = tested(&chosen)?;
    let stopped = chosen.fit.termination == Termination::Stopped;
    if stopped || !plan.simplest_laws() || misfit.as_ref().map_or(true, Misfit::passes) {
        return Ok((chosen, misfit));
    }
    // Residuals of too simple a law widen the error bars by which it was judged.
    for laws in chosen.fuller() {
        let fuller = chosen.under(laws, (plan, full), pictures, observer)?;
        let found = tested(&fuller)?;
        if found.as_ref().is_ok_and(Misfit::passes) {
            return Ok((fuller, found));
        }
    }
    Ok((chosen, misfit))
}

/// The problem of `full` on a coarse set of frames, whose sweeps no journal follows.
fn on_coarse<'a>(
    full: &Problem<'a>,
    matrices: &'a Matrices,
    weights: Weights<'a>,
    sweeps: &'a AtomicU64,
) -> Problem<'a> {
    let resources = full.resources.without_journal().without_observer();
    Problem { matrices, weights, resources, sweeps, ..*full }
}

/// The error of a value that cannot be fitted.
fn not_finite(plan: &Plan, matrices: &Matrices, found: NotFinite) -> ReadError {
    let positions = matrices.positions();
    let [row, column] = found.frames.map(|k| plan.frames.start + positions[k] + 1);
    ReadError::NotFinite {
        file: plan.config.data.file.clone(),
        path: plan.bins[found.bin].path.clone(),
        value: found.value,
        row,
        column,
    }
}

/// The finest coarse set of frames with the weights of its pairs by lag, where laws can be compared on it.
fn finest(
    plan: &Plan,
    coarse: Option<&Matrices>,
    weights: Option<&[Vec<f64>]>,
) -> Option<(Matrices, Option<Vec<Vec<f64>>>)> {
    let matrices = coarse.filter(|_| plan.config.noise.model != NoiseModel::PerLag)?;
    let frames = matrices.frames();
    let same = |own: &Vec<f64>| vec![own[0]; frames];
    Some((matrices.clone(), weights.map(|weights| weights.iter().map(same).collect())))
}

/// What a minimum leaves of the data.
pub struct Settled {
    /// Contrast and offset of each bin, offsets absolute.
    pub scaling: Vec<Scaling>,
    /// Tables at the minimum.
    pub evaluated: Evaluated,
    /// Residuals of each bin.
    pub residuals: Vec<BinResiduals>,
}

/// What the minimum `fit` leaves of the data; one sweep.
///
/// # Errors
/// [`FitError`] of the model or the sweep.
pub fn settle(
    problem: &Problem<'_>,
    fit: &Fit,
    pictures: PictureSize,
) -> Result<Settled, FitError> {
    let scaling: Vec<Scaling> = (0..problem.matrices.bins())
        .map(|bin| problem.layout.scaling(bin, fit.linear()))
        .map(|s| Scaling { offset: s.offset + problem.shift, ..s })
        .collect();
    let evaluated = problem.tables(&fit.theta)?;
    let residuals = problem.residuals(&evaluated, &scaling, pictures)?;
    problem.sweeps.fetch_add(1, Ordering::Relaxed);
    Ok(Settled { scaling, evaluated, residuals })
}

/// Fits once more with the weights that the residuals ask for under the noise model of the plan.
/// Returns them, or what the minimum leaves of the data where they are all the same.
fn weighted(
    plan: &Plan,
    full: &Problem<'_>,
    fit: &mut Fit,
    observer: &dyn Observer,
) -> Result<Option<Vec<Vec<f64>>>, FitError> {
    let model = plan.config.noise.model;
    if fit.termination == Termination::Stopped || !may_weigh(model, full.matrices.bins()) {
        return Ok(None);
    }
    let residuals = settle(full, fit, PictureSize { pixels: 1 })?.residuals;
    let Some(weights) = weights(model, &residuals) else { return Ok(None) };
    let problem = Problem { weights: Weights::ByLag(&weights), ..*full };
    *fit = minimise(&problem, &plan.transform, &fit.theta, &plan.search.fit, observer)?;
    Ok(Some(weights))
}

/// Axes of the error ellipsoid shorter than this share of the ranges are not looked along: over such
/// small errors nearly every model is a line, and each look costs a sweep.
const SHORT: f64 = 0.03;

/// Parameters whose symmetric error bars are not to be trusted.
fn curved(
    plan: &Plan,
    problem: &Problem<'_>,
    transform: &Transform,
    fit: &Fit,
    covariance: &Result<Covariance, SolveError>,
) -> Result<Vec<usize>, FitError> {
    let Ok(covariance) = covariance else { return Ok(Vec::new()) };
    let free = transform.free();
    let ranges: Vec<f64> = free.iter().map(|k| plan.searched_of(*k)).collect();
    let ellipsoid = Ellipsoid {
        theta: &fit.theta,
        lowest: fit.cost(),
        covariance,
        ranges: &ranges,
        shortest: SHORT,
    };
    let shares = bent_shares(transform, problem, ellipsoid)?;
    let curved = free.iter().zip(shares).filter(|(_, share)| *share > BENT);
    Ok(curved.map(|(k, _)| *k).filter(|k| covariance.stderr(*k).is_ok()).collect())
}

/// Chooses among points of the same m: usual names of the components, then the direction of flow.
fn among_equals(
    plan: &Plan,
    full: &Problem<'_>,
    fit: &mut Fit,
    observer: &dyn Observer,
) -> Result<Labels, FitError> {
    let labels = relabel(plan, full, fit, observer)?;
    choose_twin(plan, full, fit, observer)?;
    Ok(labels)
}

/// Gives the components their usual names, where no starting value says otherwise and the bounds
/// allow it.
fn relabel(
    plan: &Plan,
    full: &Problem<'_>,
    fit: &mut Fit,
    observer: &dyn Observer,
) -> Result<Labels, FitError> {
    let Some(image) = plan.model.relabelled(&fit.theta, &plan.grid) else {
        return Ok(Labels::Usual);
    };
    let kept = |(slot, (value, image)): (&Slot, (&f64, &f64))| match slot {
        Slot::Free { lower, upper, .. } => (lower..=upper).contains(&image),
        Slot::Fixed(_) | Slot::Tied { .. } => value == image,
    };
    let allowed = plan.transform.slots().iter().zip(fit.theta.iter().zip(&image)).all(kept);
    if plan.start.is_some() || !allowed || fit.termination == Termination::Stopped {
        return Ok(Labels::Kept(image));
    }
    let exchanged = minimise(full, &plan.transform, &image, &plan.search.fit, observer)?;
    // The same m but for the rounding of a soft clip.
    if exchanged.equations.cost() > fit.equations.cost() * (1.0 + 1e-6) {
        return Ok(Labels::Kept(image));
    }
    *fit = exchanged;
    Ok(Labels::Exchanged)
}

/// A minimum with its error bars.
#[derive(Clone, Copy)]
struct Profiled<'a> {
    minimum: &'a Fit,
    transform: &'a Transform,
    covariance: &'a Result<Covariance, SolveError>,
    uncertainty: Option<&'a Uncertainty>,
}

/// Profiles of the parameters that the plan names and that have a standard error. The cost rises
/// by ½ s² at one standard deviation for independent pairs; for the headline kind by as much more as
/// its variance is larger.
fn profiles(
    plan: &Plan,
    full: &Problem<'_>,
    of: Profiled<'_>,
    observer: &dyn Observer,
) -> Result<Vec<(usize, Profile)>, FitError> {
    let Profiled { minimum, transform, covariance, uncertainty } = of;
    let mut profiles = Vec::new();
    for name in &plan.config.uncertainty.profile {
        let specs = plan.model.parameters();
        let k = specs.iter().position(|spec| spec.name == *name);
        let k = k.expect("the configuration was checked: profiles name parameters of the mode");
        let (Ok(covariance), Some(uncertainty)) = (covariance, uncertainty) else { continue };
        let information = &uncertainty.information;
        let (Ok(stderr), Ok(independent), Some(s2)) =
            (covariance.stderr(k), information.stderr(k), information.residual_variance())
        else {
            continue;
        };
        let rise = 0.5 * s2 * (stderr / independent).powi(2);
        let options = ProfileOptions { parameter: k, stderr, rise, fit: plan.search.fit };
        profiles.push((k, profile(full, transform, minimum, &options, observer)?));
    }
    Ok(profiles)
}

/// The problem of `plan` on some matrices.
pub fn problem<'a>(
    plan: &'a Plan,
    matrices: &'a Matrices,
    layout: &'a Layout,
    shift: f64,
    resources: Resources<'a>,
    sweeps: &'a AtomicU64,
) -> Problem<'a> {
    Problem {
        model: &*plan.model,
        grid: &plan.grid,
        geometries: &plan.geometries,
        matrices,
        layout,
        robust: plan.robust,
        weights: Weights::Equal,
        shift,
        block: plan.block(),
        level: Level::best(),
        resources,
        bins_at_once: resources.lanes.count(),
        checks: match plan.config.performance.fast_mode {
            true => Checks::Equations,
            false => Checks::Blocks,
        },
        sweeps,
    }
}

fn run(
    plan: &Plan,
    full: &Problem<'_>,
    coarse: &[Matrices],
    coarse_sweeps: &AtomicU64,
    observer: &dyn Observer,
) -> Result<SearchOutcome, FitError> {
    let (solo, resources) = (dyne_runtime::Lanes::solo(), full.resources);
    // Starts are spread over the lanes; a sweep of a coarse level stays on one of them.
    let one = resources.with_lanes(&solo).without_journal().without_observer();
    let coarse: Vec<Problem<'_>> = coarse
        .iter()
        .map(|matrices| Problem { matrices, resources: one, sweeps: coarse_sweeps, ..*full })
        .collect();
    let mut levels: Vec<&dyn Objective> = coarse.iter().map(|p| p as &dyn Objective).collect();
    // Without a coarse level starts are swept over all pairs at the same time, in an order that a journal
    // could not go through again.
    let resources_of_last = if coarse.is_empty() { resources.without_journal() } else { resources };
    let last = Problem { resources: resources_of_last, ..*full };
    levels.push(&last);
    let mut given: Vec<Vec<f64>> = plan.start.iter().cloned().collect();
    given.extend(released_starts(plan, levels[0], resources.lanes)?);
    let from_cube = |u: &[f64]| plan.from_cube(u);
    let problem = Search {
        levels: &levels,
        transform: &plan.transform,
        from_cube: &from_cube,
        given: &given,
        lanes: resources.lanes,
    };
    Ok(search(&problem, &plan.search, observer)?)
}
