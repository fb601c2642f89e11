//! Calibration of the error bars: simulate speckle data, fit them, and see how often the truth lies
//! inside the intervals.

pub mod defaults;
mod posterior;
mod record;
mod sbc;
mod simulated;
mod table;
mod truths;

use std::sync::atomic::AtomicU64;

use dyne_runtime::{Cancel, Lanes, Resources, Silent, Solo};
use dyne_sample::UniformityError;
use dyne_solve::{Covariance, Objective, Scaling, Slot};
use dyne_xpcs_data::{Counts, Matrices, Triangle};
use dyne_xpcs_model::{Mode, Scale};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::config::{ConfigError, FitConfig, NoiseKind, SimConfig};
use crate::fit::{Data, FitError, Fitted, fit, problem};
use crate::plan::{Plan, PlanError};
use crate::posterior::SamplingError;
use crate::residuals::PictureSize;
use crate::simulate::{Experiment, ExperimentError, simulated_catalog};
use crate::survey::survey;
use crate::uncertainty::{
    Ellipsoid, Minimum, Pixels, SpeckleOptions, Trust, UncertaintyError, bent_shares,
    dyadic_covariance, speckle_covariance,
};

pub use record::{Record, RecordError};
pub use sbc::{
    LARGEST_RANK, LEAST_P, RANK_BINS, RankHistogram, SbcSetting, SbcTrial, histograms,
    sbc_markdown, sbc_trial,
};
use simulated::{Simulated, seed};
pub use table::{Coverage, KindCoverage, coverage, markdown};
pub use truths::{Ageing, FRAME_TIME, GAP, Q, azimuths, truth};

/// Why a calibration cannot be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CalibrateError {
    /// A simulated experiment is described wrongly.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An experiment cannot be simulated.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// A plan cannot be made.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A fit failed.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// A covariance failed.
    #[error(transparent)]
    Uncertainty(#[from] UncertaintyError),
    /// A posterior failed.
    #[error(transparent)]
    Posterior(#[from] SamplingError),
    /// There are no ranks.
    #[error(transparent)]
    Ranks(#[from] UniformityError),
}

/// One cell of the table: a model and a regime of noise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The model.
    pub mode: Mode,
    /// Pixels of a bin.
    pub pixels: usize,
    /// Mean counts per pixel and frame; none for no shot noise.
    pub counts: Option<f64>,
}

/// What is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// Frames of a series.
    pub frames: usize,
    /// Contrast.
    pub contrast: f64,
    /// Pixels that see one speckle.
    #[serde(default = "one")]
    pub speckle: usize,
    /// Seed of truths and noise.
    pub seed: u64,
}

fn one() -> usize {
    1
}

/// One simulated and fitted experiment; a line of the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Where it belongs.
    pub cell: Cell,
    /// Its number in the cell.
    pub number: u64,
    /// Whether the fit converged.
    pub converged: bool,
    /// Pixels that the residuals imply.
    pub pixels: Option<f64>,
    /// One entry a free parameter.
    pub pulls: Vec<Pull>,
}

/// One parameter of a trial, in the variable it is fitted in: its logarithm where the table says so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pull {
    /// Name.
    pub name: String,
    /// Estimate minus truth.
    pub error: f64,
    /// Standard error of the headline kind; none where there is none.
    pub speckle: Option<f64>,
    /// That of the dyadic kind.
    pub dyadic: Option<f64>,
    /// That of the information matrix.
    pub information: Option<f64>,
    /// Standard error that the headline kind expects at the truth from data without noise, in the
    /// range that the search looks over; none where there is none.
    pub expected: Option<f64>,
    /// Share of its variance from combinations over whose errors the cost is no parabola.
    pub bent: f64,
    /// Share of the draws of the posterior below the truth, where it was sampled.
    #[serde(default)]
    pub posterior: Option<f64>,
}

/// What is tried besides the error bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// Nothing.
    ErrorBars,
    /// The composite posterior, of which every trial draws two chains.
    Posterior,
}

/// What an experiment can determine, whatever noise it happens to have.
struct Expected {
    covariance: Covariance,
    /// Share of the variance of each parameter from combinations with a bent cost.
    bent: Vec<f64>,
}

/// Speckles that the expected standard errors are computed from.
const EXPECTED_SPECKLES: usize = 512;

/// Simulates and fits trial `number` of some cells that differ in their mean counts alone: their
/// matrices come from the same speckles. A trial is fixed by its cell, the setting and its number,
/// whatever else is run.
///
/// # Errors
/// [`CalibrateError`].
///
/// # Panics
/// When the cells differ in more than their mean counts, or there are none.
pub fn trials(
    cells: &[Cell],
    setting: Setting,
    number: u64,
    tried: Tried,
) -> Result<Vec<Trial>, CalibrateError> {
    let first = cells[0];
    let alike = |cell: &Cell| cell.mode == first.mode && cell.pixels == first.pixels;
    assert!(cells.iter().all(alike), "cells of one mode and pixel number");
    let lanes = Lanes::solo();
    let sim = experiment(Cell { counts: None, ..first }, setting, number)?;
    let plan = plan(&sim)?;
    let experiment = Experiment::try_new(sim)?;
    let counts: Vec<Counts> = cells.iter().map(mean).collect();
    let mut triangles: Vec<Vec<Triangle>> = cells.iter().map(|_| Vec::new()).collect();
    for bin in &plan.positions {
        let matrices = experiment.matrices(*bin, &counts, &lanes)?;
        for (own, matrix) in triangles.iter_mut().zip(matrices) {
            own.push(matrix.triangle.with_diagonal(matrix.diagonal));
        }
    }
    let fits = cells.iter().zip(triangles);
    fits.map(|(cell, triangles)| {
        let matrices = Matrices::new(triangles, plan.skip());
        trial(*cell, number, &plan, &matrices, experiment.config(), tried)
    })
    .collect()
}

fn mean(cell: &Cell) -> Counts {
    cell.counts.map_or(Counts::Infinite, Counts::Mean)
}

fn trial(
    cell: Cell,
    number: u64,
    plan: &Plan,
    matrices: &Matrices,
    sim: &SimConfig,
    tried: Tried,
) -> Result<Trial, CalibrateError> {
    let (lanes, cancel) = (Lanes::solo(), Cancel::new());
    let resources = Resources::new(&lanes, &Solo, &cancel);
    let size = PictureSize { pixels: 1 };
    let data = Data::survey(plan, matrices.clone(), resources)?;
    let fitted = fit(plan, &data, resources, size, &Silent)?;
    let dyadic = dyadic(plan, matrices, &fitted, resources)?;
    let expected = expected(plan, sim, cell, resources)?;
    let truth = sim.parameter_values();
    let mut pulls = pulls(plan, &fitted, dyadic.as_ref(), &expected, &truth);
    if tried == Tried::Posterior {
        let shares = posterior::shares_below(plan, &data, &fitted, &truth, resources)?;
        pulls.iter_mut().zip(shares).for_each(|(pull, share)| pull.posterior = Some(share));
    }
    Ok(Trial {
        cell,
        number,
        converged: fitted.outcome.fit.termination.is_converged(),
        pixels: fitted.uncertainty.as_ref().and_then(|u| u.pixels).map(|(pixels, _)| pixels),
        pulls,
    })
}

fn experiment(cell: Cell, setting: Setting, number: u64) -> Result<SimConfig, ConfigError> {
    let simulated = Simulated {
        mode: cell.mode,
        frames: setting.frames,
        phi: azimuths(cell.mode),
        theta: &truth(cell.mode, Ageing::Drawn, setting, number),
        contrast: setting.contrast,
        pixels: cell.pixels,
        speckle: setting.speckle,
        counts: cell.counts,
        seed: seed(setting.seed, number),
    };
    simulated.config()
}

/// The plan of a fit that starts at the truth: it is the error bars that are tried, not the search.
fn plan(sim: &SimConfig) -> Result<Plan, CalibrateError> {
    let starts: Vec<String> = sim
        .mode
        .parameters()
        .iter()
        .zip(sim.parameter_values())
        .map(|(spec, value)| match truths::HELD.contains(&spec.name) {
            true => format!("{}: {{fixed: 0}}", spec.name),
            false => format!("{}: {{start: {value:e}}}", spec.name),
        })
        .collect();
    let yaml = format!(
        "mode: {}\ndata: {{file: simulated}}\ngeometry: {{gap: {GAP}}}\nparameters: {{{}}}\n\
         fit: {{law: full}}\nposterior: {{chains: 2, warmup: 300, draws: 400, target_accept: 0.95}}\n",
        sim.mode,
        starts.join(", ")
    );
    let config = FitConfig::from_yaml(&yaml, "calibrate", &[])?;
    Ok(Plan::resolve(config, &simulated_catalog(sim))?)
}

fn dyadic(
    plan: &Plan,
    matrices: &Matrices,
    fitted: &Fitted,
    resources: Resources<'_>,
) -> Result<Option<Covariance>, CalibrateError> {
    let Some(uncertainty) = &fitted.uncertainty else { return Ok(None) };
    let sweeps = AtomicU64::new(0);
    let minimum = Minimum {
        problem: problem(plan, matrices, &fitted.layout, fitted.shift, resources, &sweeps),
        evaluated: &fitted.evaluated,
        scaling: &fitted.scaling,
        residuals: &fitted.residuals,
        information: &uncertainty.information,
        bins: &plan.bins,
        round: 0,
        silent: &[],
    };
    Ok(Some(dyadic_covariance(&minimum, minimum.correlation_frames())?))
}

/// Covariance of the headline kind at the truth itself, from matrices without noise, and how far
/// the cost around it is a parabola.
fn expected(
    plan: &Plan,
    sim: &SimConfig,
    cell: Cell,
    resources: Resources<'_>,
) -> Result<Expected, CalibrateError> {
    let mut sim = sim.clone();
    sim.noise.kind = NoiseKind::None;
    let speckle = sim.noise.pixels_per_speckle as f64;
    let truth = sim.parameter_values();
    let experiment = Experiment::try_new(sim)?;
    let triangles = plan
        .positions
        .iter()
        .map(|bin| Ok(experiment.matrix(*bin, resources.lanes)?.triangle))
        .collect::<Result<Vec<_>, ExperimentError>>()?;
    let matrices = Matrices::new(triangles, plan.skip());
    let shift = survey(&matrices, &[], plan.block(), resources).map_err(FitError::from)?.mean;
    let (layout, sweeps) = (plan.layout(shift)?, AtomicU64::new(0));
    let problem = problem(plan, &matrices, &layout, shift, resources, &sweeps);
    let linear = problem.project(&truth).map_err(FitError::Evaluation)?;
    let equations = problem.evaluate(&truth, &linear).map_err(FitError::Evaluation)?;
    let information =
        Covariance::try_new(&equations, &plan.transform, &truth).map_err(FitError::from)?;
    let scaling: Vec<Scaling> = (0..matrices.bins())
        .map(|bin| layout.scaling(bin, equations.linear()))
        .map(|s| Scaling { offset: s.offset + shift, ..s })
        .collect();
    let evaluated = problem.tables(&truth).map_err(FitError::from)?;
    let minimum = Minimum {
        problem,
        evaluated: &evaluated,
        scaling: &scaling,
        residuals: &[],
        information: &information,
        bins: &plan.bins,
        round: 0,
        silent: &[],
    };
    let counts = vec![mean(&cell); matrices.bins()];
    let options = SpeckleOptions { speckles: EXPECTED_SPECKLES, seed: 0 };
    let pixels = Pixels::Given { pixels: cell.pixels as f64, speckle };
    let covariance =
        speckle_covariance(&minimum, &counts, Trust::Counts, pixels, options)?.covariance;
    let (free, ranges) = (plan.transform.free(), plan.searched());
    let ellipsoid = Ellipsoid {
        theta: &truth,
        lowest: equations.cost(),
        covariance: &covariance,
        ranges: &ranges,
        shortest: 0.0,
    };
    let shares = bent_shares(&plan.transform, &minimum.problem, ellipsoid)?;
    let mut bent = vec![0.0; truth.len()];
    free.iter().zip(shares).for_each(|(k, share)| bent[*k] = share);
    Ok(Expected { covariance, bent })
}

fn pulls(
    plan: &Plan,
    fitted: &Fitted,
    dyadic: Option<&Covariance>,
    expected: &Expected,
    truth: &[f64],
) -> Vec<Pull> {
    let theta = &fitted.outcome.fit.theta;
    let specs = plan.model.parameters();
    let free = |k: &usize| matches!(plan.transform.slots()[*k], Slot::Free { .. });
    (0..specs.len())
        .filter(free)
        .map(|k| {
            let logarithmic = specs[k].scale == Scale::Log;
            let scale = if logarithmic { theta[k] } else { 1.0 };
            let stderr = |covariance: Option<&Covariance>| {
                covariance?.stderr(k).ok().filter(|s| *s > 0.0).map(|s| s / scale)
            };
            let speckle = stderr(fitted.covariance.as_ref().ok());
            Pull {
                name: specs[k].name.to_owned(),
                error: if logarithmic { (theta[k] / truth[k]).ln() } else { theta[k] - truth[k] },
                speckle,
                dyadic: stderr(dyadic),
                information: stderr(fitted.uncertainty.as_ref().map(|u| &u.information)),
                expected: expected.covariance.stderr(k).ok().map(|s| {
                    let scale = if logarithmic { truth[k] } else { 1.0 };
                    s / scale / plan.searched_of(k)
                }),
                bent: expected.bent[k],
                posterior: None,
            }
        })
        .collect()
}
