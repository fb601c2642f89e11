//! Events: how a library tells what it does without printing or logging.

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
    /// Where the data are kept between sweeps.
    Residency {
        /// The name of the way.
        name: &'static str,
        /// Bytes that the fit is planned to take at most.
        bytes: u64,
    },
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

/// An observer that takes note of nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _event: &Event) -> Flow {
        Flow::Continue
    }
}
