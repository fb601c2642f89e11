//! The group `posterior`.

use dyne_sample::ChainOptions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Sampling of the posterior, by `dyne sample` or `dyne fit --then sample`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PosteriorConfig {
    /// Which data a chain looks at.
    pub method: PosteriorMethod,
    /// How much the likelihood counts: pairs of a two-time matrix are not independent.
    pub likelihood: Likelihood,
    /// How the composite likelihood is made as wide as the error bars.
    pub adjustment: CompositeAdjustment,
    /// How contrast and offset enter.
    pub scaling: BinQuantity,
    /// How the standard deviation of the noise of a bin enters.
    pub noise: BinQuantity,
    /// Chains, at least 2.
    pub chains: usize,
    /// Draws of a chain in which the sampler adapts; they are not kept.
    pub warmup: u64,
    /// Draws of a chain that are kept, at most.
    pub draws: u64,
    /// Most doublings of a trajectory.
    pub max_depth: u64,
    /// Share of a trajectory that is to be accepted, between 0 and 1; nearer to 1 means shorter steps and
    /// fewer divergences.
    pub target_accept: f64,
    /// Effective draws of every parameter, for centre and tails, after which the chains end early; all draws
    /// are made where left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = 400.0)]
    pub min_effective: Option<f64>,
    /// Seed of starts and chains.
    pub seed: u64,
    /// Consensus Monte Carlo: shards of the data, each sampled by itself.
    pub cmc: CmcConfig,
}

impl PosteriorConfig {
    /// All that can change a result, the rest as by default.
    pub fn of_result(&self) -> Self {
        let cmc = CmcConfig::default();
        Self {
            cmc: CmcConfig {
                num_workers: None,
                per_shard_timeout: cmc.per_shard_timeout,
                heartbeat_timeout: cmc.heartbeat_timeout,
                ..self.cmc.clone()
            },
            ..self.clone()
        }
    }
}

impl Default for PosteriorConfig {
    fn default() -> Self {
        let ChainOptions { warmup, draws, max_depth, target_accept, seed, .. } =
            ChainOptions::default();
        Self {
            method: PosteriorMethod::Nuts,
            likelihood: Likelihood::Composite,
            adjustment: CompositeAdjustment::Curvature,
            scaling: BinQuantity::Marginalised,
            noise: BinQuantity::Marginalised,
            chains: 4,
            warmup,
            draws,
            max_depth,
            target_accept,
            min_effective: None,
            seed,
            cmc: CmcConfig::default(),
        }
    }
}

/// Which data a chain looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum PosteriorMethod {
    /// All of them.
    Nuts,
    /// Those of one shard; the shards are combined (consensus Monte Carlo).
    Cmc,
    /// Both, and a comparison.
    Both,
}

/// How much the likelihood counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Likelihood {
    /// As much as the error bars of the fit say, which know that pairs are correlated.
    Composite,
    /// As if all pairs were independent.
    Independent,
}

/// How a composite likelihood is made as wide as the error bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum CompositeAdjustment {
    /// By one weight: right on average over the directions.
    Magnitude,
    /// By one weight, then direction by direction where the data determine it.
    Curvature,
}

/// How a quantity of each bin enters the posterior.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum BinQuantity {
    /// Integrated out in closed form.
    Marginalised,
    /// A variable of the sampler.
    Sampled,
}

/// Consensus Monte Carlo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CmcConfig {
    /// Shards, at least 2; from `max_pairs` where left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = 8)]
    pub shards: Option<usize>,
    /// How rows of the matrices are dealt out.
    pub strategy: ShardStrategy,
    /// Pairs that a shard has at most where `shards` is left out.
    pub max_pairs: usize,
    /// Pairs that a shard must have.
    pub min_pairs: usize,
    /// Shards at most where `shards` is left out; they then have more pairs than `max_pairs`.
    pub max_shards: usize,
    /// Seed of the dealing.
    pub seed: u64,
    /// How the shards are combined.
    pub combination: ShardCombination,
    /// Whether the combined draws are weighted by the density of all data, one sweep a draw.
    pub reweight: bool,
    /// Shards sampled at the same time, at least 1; half of the physical cores less one where left out, and
    /// never fewer than one. Each has an equal part of the threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = 4)]
    pub num_workers: Option<usize>,
    /// Seconds after which a shard is given up.
    pub per_shard_timeout: f64,
    /// Seconds without a sign of life after which a shard of another process counts as dead.
    pub heartbeat_timeout: f64,
    /// Share of the first ten shards whose failure ends the run, between 0 and 1.
    pub abort_share: f64,
    /// Largest share of divergent draws of a shard that is combined, between 0 and 1.
    pub max_divergence_rate: f64,
}

impl Default for CmcConfig {
    fn default() -> Self {
        Self {
            shards: None,
            strategy: ShardStrategy::Stratified,
            max_pairs: 2_000_000,
            min_pairs: 10_000,
            max_shards: 64,
            seed: 0,
            combination: ShardCombination::Robust,
            reweight: true,
            num_workers: None,
            per_shard_timeout: 3600.0,
            heartbeat_timeout: 600.0,
            abort_share: 0.5,
            max_divergence_rate: 0.1,
        }
    }
}

/// How rows of the matrices are dealt out to shards. A row is a frame with all later ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum ShardStrategy {
    /// Every shard has the same share of every bin and of every age: of neighbouring rows of a bin, as many
    /// as there are shards, each shard gets one by lot.
    Stratified,
    /// By lot; every bin is dealt out by itself, so shards are balanced over the angles.
    Random,
    /// Neighbouring rows of every bin: each shard has an age of its own.
    Contiguous,
}

impl ShardStrategy {
    /// Name in configs and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stratified => "stratified",
            Self::Random => "random",
            Self::Contiguous => "contiguous",
        }
    }
}

/// How shards are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum ShardCombination {
    /// All of them, weighted by the inverse of their covariances.
    Consensus,
    /// The same without those that contradict the others.
    Robust,
}

impl ShardCombination {
    /// Name in configs and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Consensus => "consensus",
            Self::Robust => "robust",
        }
    }
}
