//! Calibration of what a user of the defaults quotes: nothing held, no starting value, the simplest laws, and
//! the headline under the verdict of the report.

mod found;
mod tally;

use dyne_runtime::{Cancel, Lanes, Resources, Silent, Solo, Stream};
use dyne_xpcs_data::{Matrices, Triangle};
use dyne_xpcs_model::Mode;
use serde::{Deserialize, Serialize};

use super::simulated::{Simulated, seed};
use super::{Ageing, CalibrateError, GAP, azimuths, truth};
use crate::account::report;
use crate::config::{FitConfig, SimConfig};
use crate::fit::{Data, FitError, fit};
use crate::gaps::{self, Origin};
use crate::plan::Plan;
use crate::report::{Provenance, VerdictClass};
use crate::residuals::PictureSize;
use crate::simulate::{Experiment, simulated_catalog};

pub use tally::{CellTally, Held, QuantityTally, markdown, tally};

/// Azimuths of a model that needs only one, where it is given several bins.
const THREE: [f64; 3] = [0.0, 60.0, 120.0];

/// What all cells of a record have in common.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// Contrast.
    pub contrast: f64,
    /// Seed of truths and noise.
    pub seed: u64,
}

/// Pixel numbers of the bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bins {
    /// The azimuths of [`azimuths`], with the same number of pixels each.
    Equal,
    /// The same, but three where that is one; each has twice the pixels of the one before.
    Doubling,
}

impl Bins {
    /// Both, with their names.
    pub const ALL: [(&'static str, Self); 2] =
        [("equal", Self::Equal), ("doubling", Self::Doubling)];

    /// The name.
    pub fn name(self) -> &'static str {
        let named = Self::ALL.into_iter().find(|(_, own)| *own == self);
        named.map_or("equal", |(name, _)| name)
    }

    fn azimuths(self, mode: Mode) -> &'static [f64] {
        match (self, azimuths(mode)) {
            (Self::Doubling, [_]) => &THREE,
            (_, own) => own,
        }
    }

    /// Pixels of bin `bin`, where the first has `first`.
    fn pixels(self, first: usize, bin: usize) -> usize {
        match self {
            Self::Equal => first,
            Self::Doubling => first << bin,
        }
    }
}

/// One cell of the table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The model, of the data and of the fit.
    pub mode: Mode,
    /// How the true rates change with age.
    pub ageing: Ageing,
    /// Pixel numbers of the bins.
    pub bins: Bins,
    /// Least and largest number of frames, between which every trial draws its own.
    pub frames: [usize; 2],
    /// Pixels of the first bin.
    pub pixels: usize,
    /// Pixels that see one speckle.
    pub speckle: usize,
    /// Mean counts per pixel and frame; none for no shot noise.
    pub counts: Option<f64>,
}

/// One simulated and fitted experiment; a line of the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Where it belongs.
    pub cell: Cell,
    /// Its number in the cell.
    pub number: u64,
    /// Frames of its series.
    pub frames: usize,
    /// What came of it.
    pub end: End,
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// A report.
    Report(Found),
    /// No report, and why.
    Failure(String),
}

/// What the report of a trial says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// Class of the verdict.
    pub verdict: VerdictClass,
    /// Codes of its reasons.
    pub reasons: Vec<String>,
    /// Probability of the lack of fit; none where it was not computed.
    pub p: Option<f64>,
    /// Mean pixels of a bin that the residuals imply.
    pub pixels: Option<f64>,
    /// Laws of the rates.
    pub laws: Vec<Named>,
    /// The headline.
    pub headline: Vec<Told>,
    /// Free parameters of the laws chosen.
    pub parameters: Vec<Told>,
    /// Sweeps over all pairs.
    pub sweeps: u64,
}

/// The law of one rate or fraction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Named {
    /// The rate.
    pub rate: String,
    /// The law chosen.
    pub chosen: String,
    /// The law of the truth.
    pub truth: String,
    /// How the one compares with the other.
    pub naming: Naming,
}

/// How a law that was chosen compares with the true one, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Naming {
    /// It is the same.
    Right,
    /// It holds what is free in truth.
    Simpler,
    /// It frees what is 0 in truth.
    Fuller,
}

/// A number of a report beside its truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// Name.
    pub name: String,
    /// Value.
    pub value: f64,
    /// Standard error; none where the report has none.
    pub stderr: Option<f64>,
    /// The same quantity at the true parameters, components named as the report names them.
    pub truth: f64,
    /// Whether the law that it hangs on was named right.
    pub right_law: bool,
}

/// Simulates and fits trial `number` of a cell, as a file without a map of pixels would be fitted: of the noise it tells
/// no more than the diagonals. A trial is fixed by its cell, the setting and its number.
///
/// A fit that ends without a report is a result: [`End::Failure`].
///
/// # Errors
/// [`CalibrateError`] where the experiment cannot be simulated or planned.
pub fn trial(cell: Cell, setting: Setting, number: u64) -> Result<Trial, CalibrateError> {
    let lanes = Lanes::solo();
    let frames = frames(cell, setting.seed, number);
    let of_truth = super::Setting {
        frames,
        contrast: setting.contrast,
        speckle: cell.speckle,
        seed: setting.seed,
    };
    let theta = truth(cell.mode, cell.ageing, of_truth, number);
    let of_bin = |bin: usize| {
        let simulated = Simulated {
            mode: cell.mode,
            frames,
            phi: cell.bins.azimuths(cell.mode),
            theta: &theta,
            contrast: setting.contrast,
            pixels: cell.bins.pixels(cell.pixels, bin),
            speckle: cell.speckle,
            counts: cell.counts,
            seed: seed(setting.seed, number),
        };
        simulated.config()
    };
    let first = of_bin(0)?;
    let plan = plan(&first)?;
    let triangles = plan.positions.iter().map(|bin| triangle(of_bin(*bin)?, *bin, &lanes));
    let triangles = triangles.collect::<Result<Vec<_>, _>>()?;
    let found = found(plan, triangles, &first.parameter_values());
    let end = found.map_or_else(|error| End::Failure(error.to_string()), End::Report);
    Ok(Trial { cell, number, frames, end })
}

/// Frames of a trial, uniform between the bounds of its cell.
fn frames(cell: Cell, seed: u64, number: u64) -> usize {
    let [least, most] = cell.frames;
    let stream = Stream::new(seed).split(cell.mode.name()).split("frames").index(number);
    let drawn = stream.generator().uniform() * (most - least + 1) as f64;
    (least + drawn as usize).min(most)
}

fn triangle(sim: SimConfig, bin: usize, lanes: &Lanes) -> Result<Triangle, CalibrateError> {
    let matrix = Experiment::try_new(sim)?.matrix(bin, lanes)?;
    Ok(matrix.triangle.with_diagonal(matrix.diagonal))
}

/// The plan of a user who says no more than the model and the gap.
fn plan(sim: &SimConfig) -> Result<Plan, CalibrateError> {
    let yaml = format!("mode: {}\ndata: {{file: simulated}}\ngeometry: {{gap: {GAP}}}\n", sim.mode);
    Ok(Plan::resolve(FitConfig::from_yaml(&yaml, "calibrate", &[])?, &simulated_catalog(sim))?)
}

/// Fits the matrices and reports, by the way of `dyne fit`.
fn found(mut plan: Plan, triangles: Vec<Triangle>, truth: &[f64]) -> Result<Found, CalibrateError> {
    let (lanes, cancel) = (Lanes::solo(), Cancel::new());
    let resources = Resources::new(&lanes, &Solo, &cancel);
    let matrices = without_gaps(&mut plan, triangles, resources)?;
    let data = Data::survey(&plan, matrices, resources)?;
    let mut fitted = fit(&plan, &data, resources, PictureSize { pixels: 1 }, &Silent)?;
    let report = report(&plan, &mut fitted, Provenance::default());
    let truth = found::named_alike(&plan, &fitted.outcome.fit.theta, truth);
    let laws = found::laws(&fitted.laws, &truth);
    Ok(Found {
        verdict: report.verdict.class,
        reasons: report.verdict.reasons.into_iter().map(|reason| reason.code).collect(),
        p: report.lack_of_fit.ok().map(|found| found.p),
        pixels: fitted.uncertainty.as_ref().and_then(|u| u.pixels).map(|(pixels, _)| pixels),
        headline: found::headline(&plan, &report.headline, &laws, &truth),
        parameters: found::parameters(&report.parameters, &fitted.laws, &laws, &truth),
        laws,
        sweeps: fitted.full_sweeps,
    })
}

/// The matrices without what looks like no data.
fn without_gaps(
    plan: &mut Plan,
    triangles: Vec<Triangle>,
    resources: Resources<'_>,
) -> Result<Matrices, CalibrateError> {
    let matrices = Matrices::new(triangles, plan.skip());
    let origin =
        Origin { bins: &plan.bins, first: plan.frames.start, unwritten: &[], failures: &Vec::new };
    let gaps = gaps::find(&matrices, &origin, resources).map_err(FitError::from)?;
    plan.leave_out(&gaps, &matrices.positions())?;
    match gaps.is_empty() {
        true => Ok(matrices),
        false => Ok(gaps.left_of(matrices).expect("the plan refuses where nothing is left")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const CELL: Cell = Cell {
        mode: Mode::Static,
        ageing: Ageing::None,
        bins: Bins::Equal,
        frames: [40, 60],
        pixels: 400,
        speckle: 1,
        counts: Some(1.0),
    };
    const SETTING: Setting = Setting { contrast: 0.5, seed: 1 };

    fn report_of(trial: Trial) -> Found {
        match trial.end {
            End::Report(found) => found,
            End::Failure(reason) => panic!("{reason}"),
        }
    }

    #[test]
    fn a_trial_is_the_same_again_and_tells_the_truth_of_its_headline() {
        let once = trial(CELL, SETTING, 3).unwrap();
        assert_eq!(once, trial(CELL, SETTING, 3).unwrap());
        let line = serde_json::to_string(&once).unwrap();
        // Numbers of a record are read to their last digit but one.
        let read: Trial = serde_json::from_str(&line).unwrap();
        assert_eq!((read.cell, read.number, read.frames), (once.cell, once.number, once.frames));
        assert_eq!(report_of(read).headline.len(), 2);
        let found = report_of(once);
        let names: Vec<&str> = found.headline.iter().map(|told| told.name.as_str()).collect();
        assert_eq!(names, ["J", "mean_J"]);
        let [at, mean] = [&found.headline[0], &found.headline[1]];
        assert!((at.truth / mean.truth - 1.0).abs() < 1e-12, "a constant rate: {at:?} {mean:?}");
        assert!((at.value / at.truth - 1.0).abs() < 0.5, "{at:?}");
    }

    #[test]
    fn bins_of_unequal_pixels_are_several_and_unknown_to_the_plan() {
        let cell = Cell { bins: Bins::Doubling, ..CELL };
        assert_eq!(cell.bins.azimuths(cell.mode).len(), 3);
        assert_eq!([0, 1, 2].map(|bin| cell.bins.pixels(100, bin)), [100, 200, 400]);
        assert_eq!(Bins::Doubling.azimuths(Mode::LaminarFlow), azimuths(Mode::LaminarFlow));
        report_of(trial(cell, SETTING, 0).unwrap());
    }

    #[test]
    fn frames_are_drawn_from_the_whole_range() {
        let drawn: Vec<usize> = (0..200).map(|number| frames(CELL, 1, number)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&40), Some(&60)));
    }
}
