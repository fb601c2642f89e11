//! Events: how a library tells what it does without printing or logging.

use std::time::Instant;

/// What happened. An application renders it; a library only emits it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A phase of the work begins (`read`, `search`, `fit`, `report`, …).
    PhaseStarted {
        /// Name of the phase, one word, lower case.
        phase: &'static str,
        /// Number of units the phase will take, if it is known.
        total: Option<u64>,
    },
    /// Units of the running phase are done.
    Progress {
        /// Name of the phase.
        phase: &'static str,
        /// Units done so far.
        done: u64,
        /// Units in all, if known.
        total: Option<u64>,
    },
    /// The optimiser accepted or refused a step.
    Iteration {
        /// Count of evaluations so far.
        evaluation: u64,
        /// Sum of squares, or robust cost, at the point.
        cost: f64,
        /// Whether the step was accepted.
        accepted: bool,
    },
    /// A chain of a sampler made a draw.
    Drawn,
    /// Chains of a sampler went on.
    Sampling {
        /// Draws so far, those of the warm-up included, all chains together.
        done: u64,
        /// Draws in all, if none end early.
        total: u64,
        /// The least effective number of draws of a quantity, once there are enough to tell.
        effective: Option<f64>,
        /// Draws whose trajectory diverged, after the warm-up.
        divergences: u64,
        /// Seconds since the first draw.
        seconds: f64,
        /// Number of the shard, from 1, and shards, where the chains are those of one.
        shard: Option<(usize, usize)>,
    },
    /// Where the data are kept between sweeps.
    Residency {
        /// The name of the way.
        name: &'static str,
        /// Bytes that the fit is planned to take at most.
        bytes: u64,
    },
    /// A sweep over blocks is over.
    Sweep(SweepFigures),
    /// A phase is over.
    PhaseFinished {
        /// Name of the phase.
        phase: &'static str,
        /// Wall time it took, in seconds.
        seconds: f64,
    },
    /// Something the user ought to know; it also stands in the report.
    Warning {
        /// Stable machine-readable code.
        code: String,
        /// One sentence.
        message: String,
    },
}

/// What a sweep took, and what it met.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SweepFigures {
    /// What it was made for, one or two words.
    pub purpose: &'static str,
    /// Wall time, in seconds.
    pub seconds: f64,
    /// Items of the blocks done, pairs for instance.
    pub items: u64,
    /// Blocks whose result is not finite.
    pub non_finite: u64,
    /// What each lane did, by lane.
    pub lanes: Vec<LaneFigures>,
    /// The block that took longest.
    pub slowest: Option<BlockFigures>,
    /// The last blocks of each lane, at most [`SweepFigures::RING`] of one.
    pub last: Vec<BlockFigures>,
}

impl SweepFigures {
    /// Blocks of a lane that are remembered.
    pub const RING: usize = 16;

    /// Blocks done; fewer than the source has where a checkpoint knew the others.
    pub fn blocks(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.blocks).sum()
    }

    /// Seconds that all lanes together waited for blocks: reading and decoding.
    pub fn source_seconds(&self) -> f64 {
        self.lanes.iter().map(|lane| lane.source_s).sum()
    }

    /// Seconds that all lanes together worked on blocks.
    pub fn work_seconds(&self) -> f64 {
        self.lanes.iter().map(|lane| lane.work_s).sum()
    }
}

/// What one lane did in a sweep.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LaneFigures {
    /// Number of the worker thread; 0 outside of them.
    pub lane: usize,
    /// Blocks done.
    pub blocks: u64,
    /// Seconds to have the blocks.
    pub source_s: f64,
    /// Seconds of work on them.
    pub work_s: f64,
}

/// What one block took, and what it told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlockFigures {
    /// Number of the block.
    pub block: usize,
    /// Seconds to have it.
    pub source_s: f64,
    /// Seconds of work on it.
    pub work_s: f64,
    /// What its result tells of itself.
    pub result: Figures,
}

/// What the result of a block tells of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Figures {
    /// Items of the block.
    pub items: u64,
    /// Its share of the cost, where there is one.
    pub cost: Option<f64>,
    /// Whether a number in it is not finite.
    pub non_finite: bool,
}

/// What an observer answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// End at the next safe point; the result says `interrupted`.
    Stop,
}

/// Receives events. Implementations must be cheap: they are called from working lanes.
pub trait Observer: Sync {
    /// Takes note of `event` and says whether to go on.
    fn event(&self, event: &Event) -> Flow;
}

/// Runs `work` as a phase that `observer` hears of; its result, and the seconds it took.
///
/// # Errors
/// Those of `work`.
pub fn phase<R, E>(
    observer: &dyn Observer,
    phase: &'static str,
    work: impl FnOnce() -> Result<R, E>,
) -> Result<(R, f64), E> {
    let began = Instant::now();
    observer.event(&Event::PhaseStarted { phase, total: None });
    let result = work()?;
    let seconds = began.elapsed().as_secs_f64();
    observer.event(&Event::PhaseFinished { phase, seconds });
    Ok((result, seconds))
}

/// An observer that takes note of nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _event: &Event) -> Flow {
        Flow::Continue
    }
}
