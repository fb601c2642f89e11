//! What the work of a fit took, in detail.

use std::collections::VecDeque;

use serde::Serialize;

/// What the work of a fit took, in detail.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Work {
    /// Sweeps, one entry for each purpose, in the order of their first.
    pub sweeps: Vec<SweepWork>,
    /// The last blocks of the last sweeps, oldest sweep first, at most [`Work::BLOCKS`].
    pub last_blocks: VecDeque<BlockWork>,
    /// Largest resident memory of each phase; empty where the system does not tell.
    pub phases: Vec<PhaseWork>,
    /// What checkpoints took, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoints: Option<CheckpointWork>,
}

/// Sweeps made for one purpose.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SweepWork {
    /// What for: survey, fit, residuals, error bars.
    pub purpose: String,
    /// Sweeps.
    pub sweeps: u64,
    /// Blocks.
    pub blocks: u64,
    /// Pairs.
    pub pairs: u64,
    /// Wall time of all of them, s. Those of error bars run side by side.
    pub seconds: f64,
    /// Pairs a second of wall time.
    pub pairs_per_s: f64,
    /// Seconds of all lanes to have the blocks: reading and decoding.
    pub source_s: f64,
    /// Seconds of all lanes on the pairs.
    pub work_s: f64,
    /// The longest that a block took, s.
    pub slowest_block_s: f64,
    /// Blocks with a result that is not finite.
    pub non_finite_blocks: u64,
}

/// One block.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BlockWork {
    /// What the sweep was made for.
    pub purpose: String,
    /// Number of the block.
    pub block: usize,
    /// Pairs.
    pub pairs: u64,
    /// Seconds to have it.
    pub source_s: f64,
    /// Seconds of work on it.
    pub work_s: f64,
    /// Its share of the cost, where there is one.
    pub cost: Option<f64>,
    /// Whether a number in its result is not finite.
    pub non_finite: bool,
}

/// One phase.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseWork {
    /// Name.
    pub phase: String,
    /// Wall time, s.
    pub seconds: f64,
    /// Largest resident memory while it ran, bytes.
    pub peak_rss_bytes: u64,
}

/// Checkpoints.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CheckpointWork {
    /// How many were saved.
    pub saves: u64,
    /// Bytes of the last one before it was packed.
    pub bytes: u64,
    /// The longest that one took to pack, write and rename, beside the work, s.
    pub longest_s: f64,
    /// All of them together, s.
    pub total_s: f64,
    /// What lanes took from their work to hand over what is saved, all together, s.
    pub held_up_s: f64,
}

impl Work {
    /// Blocks that are remembered.
    pub const BLOCKS: usize = 64;
}
