//! The groups `performance`, `streaming` and `checkpoint`.

use std::path::PathBuf;

use dyne_xpcs_data::BlockPairs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Resources; they never change the answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PerformanceConfig {
    /// Worker threads; 0 takes every physical core the process may use.
    pub threads: usize,
    /// How worker threads are bound to CPUs.
    pub pin: PinConfig,
    /// Memory the process may take, GB (1e9 bytes). Without it DYNE_MEMORY_LIMIT,
    /// HOMODYNE_MEMORY_LIMIT, the cgroup, the scheduler or the free memory decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = 8.0)]
    pub memory_limit_gb: Option<f64>,
    /// Where the data are between sweeps. All of them give the same bits.
    pub strategy_override: Strategy,
    /// Folder of the decoded scratch file of `mapped`; without it TMPDIR or /tmp.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"/scratch")]
    pub scratch_dir: Option<PathBuf>,
    /// Whether the scratch file stays for the next fit of the same selection.
    pub keep_scratch: bool,
    /// Whether the sums of single blocks go unchecked: a value that is not finite then shows in the
    /// normal equations, without its place.
    pub fast_mode: bool,
    /// What may be kept besides the data.
    pub memory_optimization: MemoryOptimizationConfig,
}

/// How worker threads are bound to CPUs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum PinConfig {
    /// To NUMA nodes where the machine has several of them, else not.
    #[default]
    Auto,
    /// The system moves them as it likes.
    None,
    /// Each to a core.
    Cores,
    /// Each to the cores of a NUMA node.
    Numa,
}

/// What may be kept besides the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MemoryOptimizationConfig {
    /// Whether a scratch file may be written; without it nothing is `mapped`.
    pub enable_caching: bool,
}

impl Default for MemoryOptimizationConfig {
    fn default() -> Self {
        Self { enable_caching: true }
    }
}

/// Where the data are between sweeps, also by the names of older configurations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Strategy {
    /// The first of the following that fits the memory.
    #[default]
    Auto,
    /// Decoded, in memory.
    Resident,
    /// Decoded in a scratch file, read block by block.
    Mapped,
    /// Nowhere: decoded from the data file in every sweep.
    Streamed,
    /// `resident`, as homodyne calls it.
    Standard,
    /// `resident`, as homodyne calls it.
    Large,
    /// `mapped`, as homodyne and heterodyne call it.
    Chunked,
    /// `streamed`, as homodyne calls it.
    Streaming,
    /// `resident`, as heterodyne calls it.
    Jit,
    /// `streamed`, as heterodyne calls it.
    Sequential,
}

impl Strategy {
    /// The name in a configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Resident => "resident",
            Self::Mapped => "mapped",
            Self::Streamed => "streamed",
            Self::Standard => "standard",
            Self::Large => "large",
            Self::Chunked => "chunked",
            Self::Streaming => "streaming",
            Self::Jit => "jit",
            Self::Sequential => "sequential",
        }
    }
}

/// Blocks of pairs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StreamingConfig {
    /// Pairs of a block, rounded up to whole rows: the unit of work, of checkpoints and of the sums. It does
    /// not hang on the memory, as a block is worked on where it lies: 32768 pairs are a tenth of a
    /// millisecond of work, a hundred times what handing a block out costs.
    /// Another size changes the last bits of a result, as the sums are formed in another order; memory
    /// and threads do not.
    pub batch_size: usize,
}

impl Default for StreamingConfig {
    fn default() -> Self {
        Self { batch_size: BlockPairs::default().0 }
    }
}

/// Checkpoints, from which a killed fit goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointConfig {
    /// Folder of the checkpoints. Without it a fit that takes longer than `after_seconds` writes them
    /// beside its results, into a folder of that name and `.checkpoints`, unless a budget of memory is
    /// given. They go when the fit has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"checkpoints")]
    pub dir: Option<PathBuf>,
    /// Whether to go on from the newest checkpoint of this fit in the folder; where there is none the
    /// fit begins at its beginning.
    pub resume: bool,
    /// Time before the first checkpoint of a fit for which no folder is given, s.
    pub after_seconds: f64,
    /// Time between two checkpoints, s.
    pub every_seconds: f64,
    /// Blocks between two checkpoints, where that is sooner; 0 for none.
    pub every_blocks: u64,
    /// Newest checkpoints that are kept.
    pub keep: usize,
    /// Whether they are compressed.
    pub compress: bool,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self {
            dir: None,
            resume: false,
            after_seconds: 10.0,
            every_seconds: 2.0,
            every_blocks: 0,
            keep: 3,
            compress: true,
        }
    }
}
