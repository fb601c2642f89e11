//! How the program ends: exit codes, and what goes with each error.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use std::path::PathBuf;

use dyne_runtime::budget::BudgetError;
use dyne_runtime::checkpoint::CheckpointError;
use dyne_runtime::lanes::LanesError;
use dyne_runtime::{RecordsError, SweepError};
use dyne_sample::SampleError;
use dyne_xpcs::calibrate::{CalibrateError, RecordError};
use dyne_xpcs::config::ConfigError;
use dyne_xpcs::fit::FitError;
use dyne_xpcs::mask::MaskError;
use dyne_xpcs::memory::MemoryError;
use dyne_xpcs::plan::PlanError;
use dyne_xpcs::posterior::{PosteriorError, SamplingError, ShardsError};
use dyne_xpcs::problem::ChangedBlock;
use dyne_xpcs::results::ResultsError;
use dyne_xpcs::simulate::ExperimentError;
use dyne_xpcs_data::ReadError;
use dyne_xpcs_h5::WriteError;
use dyne_xpcs_plot::PlotError;

/// How a run ended, with its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Converged, or nothing to converge.
    Converged = 0,
    /// There is a result, with reservations.
    Reservations = 1,
    /// Usage or configuration.
    Usage = 2,
    /// Data.
    Data = 3,
    /// Numerical.
    Numerical = 4,
    /// Resources.
    Resources = 5,
    /// Interrupted, with a checkpoint to go on from.
    Suspended = 75,
    /// Interrupted.
    Interrupted = 130,
}

impl Ending {
    /// The ending with this exit code; one that is in no table is a reservation.
    pub(crate) fn of(exit_code: u8) -> Self {
        let all = [Self::Converged, Self::Usage, Self::Data, Self::Numerical, Self::Resources];
        all.into_iter().find(|ending| *ending as u8 == exit_code).unwrap_or(Self::Reservations)
    }
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        Self::from(ending as u8)
    }
}

/// Why there is no result.
#[derive(Debug)]
pub(crate) enum Failure {
    Usage(String),
    Config(ConfigError),
    Plan(PlanError),
    Read(ReadError),
    Fit(FitError),
    Experiment(ExperimentError),
    Write(WriteError),
    Results(ResultsError),
    Plot(PlotError),
    Lanes(LanesError),
    Calibrate(CalibrateError),
    Record(RecordError),
    Memory(MemoryError),
    Budget(BudgetError),
    Checkpoint(CheckpointError),
    /// Interrupted, with a checkpoint in this folder.
    Suspended(PathBuf),
    /// Interrupted; the results would have come here.
    Stopped(PathBuf),
    Sampling(SamplingError),
    Output(std::io::Error),
}

impl Failure {
    /// The exit code: the table of CONTRIBUTING.md.
    pub(crate) fn ending(&self) -> Ending {
        match self {
            Self::Usage(_) | Self::Config(_) => Ending::Usage,
            Self::Plan(plan) | Self::Fit(FitError::Plan(plan)) => match plan {
                PlanError::Solve(_)
                | PlanError::PerBin { .. }
                | PlanError::Aliasing { .. }
                | PlanError::Fraction { .. }
                | PlanError::SeveralQ { .. }
                | PlanError::FarQ { .. }
                | PlanError::QWithoutPhi { .. }
                | PlanError::MaskFrames { .. }
                | PlanError::MaskBins { .. }
                | PlanError::MaskAllBins { .. }
                | PlanError::MaskPairs { .. } => Ending::Usage,
                _ => Ending::Data,
            },
            Self::Read(ReadError::Interrupted) => Ending::Interrupted,
            Self::Read(_) | Self::Fit(FitError::Read(_)) => Ending::Data,
            Self::Record(RecordError::Setting { .. }) => Ending::Usage,
            Self::Record(RecordError::Line { .. }) => Ending::Data,
            Self::Fit(FitError::Interrupted) => Ending::Interrupted,
            Self::Suspended(_) => Ending::Suspended,
            Self::Stopped(_) => Ending::Interrupted,
            Self::Memory(MemoryError::Impossible { .. })
            | Self::Budget(BudgetError::Variable { .. })
            | Self::Checkpoint(CheckpointError::NoneOfThisFit { .. }) => Ending::Usage,
            Self::Fit(error) if let Some(sweep) = sweep_error(error) => match sweep {
                SweepError::Block(_) | SweepError::Empty => Ending::Data,
                SweepError::Diverged => Ending::Usage,
                _ => Ending::Resources,
            },
            Self::Fit(error) if has_changed(error) => Ending::Data,
            Self::Sampling(error) => of_sampling(error),
            Self::Fit(_) | Self::Plot(_) | Self::Calibrate(_) => Ending::Numerical,
            Self::Experiment(_) => Ending::Usage,
            Self::Write(_)
            | Self::Results(_)
            | Self::Lanes(_)
            | Self::Record(_)
            | Self::Memory(_)
            | Self::Budget(_)
            | Self::Checkpoint(_)
            | Self::Output(_) => Ending::Resources,
        }
    }

    fn inner(&self) -> &dyn Error {
        match self {
            Self::Usage(_) => unreachable!("usage has no inner error"),
            Self::Config(e) => e,
            Self::Plan(e) => e,
            Self::Read(e) => e,
            Self::Fit(e) => e,
            Self::Experiment(e) => e,
            Self::Write(e) => e,
            Self::Results(e) => e,
            Self::Plot(e) => e,
            Self::Lanes(e) => e,
            Self::Calibrate(e) => e,
            Self::Record(e) => e,
            Self::Memory(e) => e,
            Self::Budget(e) => e,
            Self::Checkpoint(e) => e,
            Self::Suspended(_) | Self::Stopped(_) => {
                unreachable!("an interrupted run has no inner error")
            }
            Self::Sampling(e) => e,
            Self::Output(e) => e,
        }
    }
}

fn of_sampling(error: &SamplingError) -> Ending {
    match error {
        SamplingError::Unsuited { .. }
        | SamplingError::Posterior(PosteriorError::PriorExcludesFit { .. })
        | SamplingError::Shards(
            ShardsError::TooFewPairs { .. }
            | ShardsError::BinMissing { .. }
            | ShardsError::Number { .. }
            | ShardsError::OtherPlan { .. }
            | ShardsError::NoFolder { .. }
            | ShardsError::Missing { .. },
        )
        | SamplingError::Sample(SampleError::Records(RecordsError::Other { .. })) => Ending::Usage,
        SamplingError::Shards(ShardsError::File { .. })
        | SamplingError::Sample(SampleError::Records(_)) => Ending::Resources,
        _ => Ending::Numerical,
    }
}

/// An error and its causes.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    let next = |error: &&'e (dyn Error + 'static)| (*error).source();
    std::iter::successors(Some(error), next)
}

/// Whether data that were finite are no longer.
fn has_changed(error: &FitError) -> bool {
    causes(error).any(|error| error.is::<ChangedBlock>())
}

/// The failed sweep behind an error of the fit.
fn sweep_error(error: &FitError) -> Option<&SweepError<ReadError>> {
    for error in causes(error) {
        if let Some(found) = error.downcast_ref::<SweepError<ReadError>>() {
            return Some(found);
        }
        if let Some(FitError::Sweep(found)) = error.downcast_ref::<FitError>() {
            return Some(found);
        }
    }
    None
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Usage(message) = self {
            return f.write_str(message);
        }
        if let Self::Output(reason) = self {
            let advice = "redirect it elsewhere, or use --out";
            return write!(f, "standard output: {reason}, expected to write to it\n{advice}");
        }
        if let Self::Suspended(dir) = self {
            let dir = dir.display();
            return write!(f, "interrupted; a checkpoint is in {dir}\ngo on with --resume");
        }
        if let Self::Stopped(dir) = self {
            return write!(
                f,
                "interrupted; nothing was written, and {} is as it was\n\
                 begin again; with --checkpoint-dir DIR a run goes on from where it was stopped, however \
                 short it was",
                dir.display()
            );
        }
        let error = self.inner();
        write!(f, "{error}")?;
        let mut cause = error.source();
        while let Some(error) = cause {
            write!(f, "\ncause: {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl From<MaskError> for Failure {
    fn from(error: MaskError) -> Self {
        match error {
            MaskError::Read(error) => Self::Read(error),
            MaskError::Plan(error) => Self::Plan(error),
            other => Self::Usage(other.to_string()),
        }
    }
}

macro_rules! from {
    ($($error:ty => $variant:ident),* $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })*
    };
}

from! {
    ConfigError => Config,
    PlanError => Plan,
    ReadError => Read,
    FitError => Fit,
    ExperimentError => Experiment,
    WriteError => Write,
    ResultsError => Results,
    PlotError => Plot,
    LanesError => Lanes,
    CalibrateError => Calibrate,
    RecordError => Record,
    MemoryError => Memory,
    BudgetError => Budget,
    CheckpointError => Checkpoint,
}
