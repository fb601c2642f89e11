//! What a posterior tells: numbers for people and programs, and what pictures need.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{Provenance, RivalMinimum, Warning};

/// Name of the schema of [`PosteriorReport::to_json`].
pub const SCHEMA: &str = "dyne-posterior/1";

/// Levels of [`Spread::quantiles`].
pub const QUANTILES: [f64; 5] = [0.025, 0.16, 0.5, 0.84, 0.975];

/// Everything that sampling a posterior tells. [`PosteriorReport::to_json`] writes the schema
/// `dyne-posterior/1`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PosteriorReport {
    /// Name of the schema.
    pub schema: &'static str,
    /// Model.
    pub mode: String,
    /// Data file.
    pub file: String,
    /// Where the numbers come from, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// How much the likelihood counts.
    pub likelihood: LikelihoodReport,
    /// Priors of the free parameters, in words.
    pub priors: BTreeMap<String, String>,
    /// Draws by all data, and by shards where they were asked for; the first is the headline.
    pub samples: Vec<SampleReport>,
    /// What shards tell, where there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shards: Option<ShardsReport>,
    /// How the samples of shards and of all data differ, where both were made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// Minima of the fit about which no draw lies.
    pub minima_not_visited: Vec<RivalMinimum>,
    /// What the user ought to know.
    pub warnings: Vec<Warning>,
    /// Whether the chains can be trusted, in words.
    pub verdict: String,
    /// The same as a fact.
    pub converged: bool,
    /// Functions of time behind the parameters, with bands.
    #[serde(skip)]
    pub rates: Vec<RateBand>,
    /// Cuts of the data with bands.
    #[serde(skip)]
    pub predictive: Vec<PredictiveCuts>,
}

impl PosteriorReport {
    /// The report as JSON, without draws and pictures.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!(self)
    }
}

/// How much the likelihood of correlated pairs counts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LikelihoodReport {
    /// `composite` or `independent`.
    pub kind: String,
    /// Weight of the likelihood; 1 takes pairs as independent.
    pub weight: f64,
    /// Least and largest factor by which the curvature adjustment changes widths beyond the weight; nothing where
    /// there is none.
    pub width_factors: Option<[f64; 2]>,
    /// Pairs.
    pub pairs: u64,
}

/// Draws of one way of sampling.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SampleReport {
    /// `nuts` or `cmc`.
    pub method: String,
    /// Chains.
    pub chains: usize,
    /// Draws of each.
    pub draws: usize,
    /// Evaluations of the density, all chains together.
    pub evaluations: u64,
    /// Seconds of sampling.
    #[serde(skip)]
    pub seconds: f64,
    /// Draws whose trajectory diverged.
    pub divergences: usize,
    /// Where they are, in words; empty without any.
    pub divergences_at: String,
    /// Estimated fraction of missing information of each chain.
    pub energy_fractions: Vec<f64>,
    /// Largest number of doublings of a trajectory.
    pub deepest: u64,
    /// Draws whose trajectory reached the largest number of doublings that was allowed.
    pub at_depth_limit: usize,
    /// Free parameters.
    pub parameters: Vec<ParameterPosterior>,
    /// Contrast, offset and noise of each bin.
    pub bins: Vec<BinPosterior>,
    /// Correlations of the free parameters, row by row.
    pub correlations: Vec<Vec<f64>>,
    /// The draws behind all this.
    #[serde(skip)]
    pub trace: Trace,
}

/// The draws of a sample by name, and their shape: parameters (chain, draw); contrast, offset and noise of each
/// group of bins likewise, as `contrast[0]`, ….
pub fn arrays(sample: &SampleReport) -> (Vec<(String, Vec<f64>)>, [u64; 2]) {
    let flat = |values: &Vec<Vec<f64>>| values.iter().flatten().copied().collect::<Vec<f64>>();
    let trace = &sample.trace;
    let parameters = sample.parameters.iter().zip(&trace.values);
    let mut columns: Vec<_> = parameters.map(|(p, v)| (p.name.clone(), flat(v))).collect();
    for (name, bins) in
        [("contrast", &trace.contrast), ("offset", &trace.offset), ("sigma", &trace.sigma)]
    {
        columns.extend(bins.iter().enumerate().map(|(k, v)| (format!("{name}[{k}]"), flat(v))));
    }
    if !trace.energy.is_empty() {
        columns.push(("lp".to_owned(), flat(&trace.log_density)));
        columns.push(("energy".to_owned(), flat(&trace.energy)));
    }
    (columns, [sample.chains as u64, sample.draws as u64])
}

/// Draws of the free parameters with what the sampler noted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trace {
    /// By parameter, chain and draw, in the unit of the parameter.
    pub values: Vec<Vec<Vec<f64>>>,
    /// Contrast, by bin, chain and draw.
    pub contrast: Vec<Vec<Vec<f64>>>,
    /// Offset, by bin, chain and draw.
    pub offset: Vec<Vec<Vec<f64>>>,
    /// Standard deviation of the noise, by bin, chain and draw.
    pub sigma: Vec<Vec<Vec<f64>>>,
    /// Log density, by chain and draw; empty where the draws are combined ones.
    pub log_density: Vec<Vec<f64>>,
    /// Energy, by chain and draw; empty where the draws are combined ones.
    pub energy: Vec<Vec<f64>>,
    /// Doublings, by chain and draw; empty where the draws are combined ones.
    pub depth: Vec<Vec<u64>>,
    /// Step size of each chain; empty where the draws are combined ones.
    pub step_size: Vec<f64>,
    /// Draws whose trajectory diverged, by chain.
    pub divergent: Vec<Vec<usize>>,
}

/// Where a quantity lies.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spread {
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub sd: f64,
    /// Quantiles at 2.5, 16, 50, 84 and 97.5 %.
    pub quantiles: [f64; 5],
}

/// The posterior of one parameter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParameterPosterior {
    /// Name.
    pub name: String,
    /// Symbol for pictures.
    #[serde(skip)]
    pub symbol: String,
    /// Unit.
    pub unit: String,
    /// Where it lies.
    #[serde(flatten)]
    pub spread: Spread,
    /// Standard error of the mean as an estimate.
    pub mcse_mean: f64,
    /// Rank-normalised split R̂; null where the draws are combined ones.
    pub r_hat: f64,
    /// Effective draws for the centre.
    pub ess_bulk: f64,
    /// Effective draws for the tails.
    pub ess_tail: f64,
    /// Share of the prior variance that the data took away: 1 − var/var of the prior.
    pub contraction: f64,
    /// Places about which the draws gather, where there are two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub two_modes: Option<[f64; 2]>,
    /// Standard deviation under the composite likelihood, normal approximation at the maximum.
    pub sd_composite: f64,
    /// Standard deviation that independent pairs would give, normal approximation at the maximum.
    pub sd_independent: f64,
    /// Value of the fit.
    pub fit: f64,
    /// Standard error of the fit, where there is one.
    pub fit_stderr: Option<f64>,
    /// Whether R̂ and effective draws are as they ought to be.
    pub converged: bool,
    /// Draws of the prior, for pictures.
    #[serde(skip)]
    pub prior_draws: Vec<f64>,
}

/// Contrast, offset and noise of a bin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BinPosterior {
    /// Bin number in the file.
    pub bin: u32,
    /// Wave-vector transfer, Å⁻¹.
    pub q: f64,
    /// Azimuth, degrees.
    pub phi_deg: f64,
    /// Contrast.
    pub contrast: Spread,
    /// Offset.
    pub offset: Spread,
    /// Standard deviation of the noise of a pair.
    pub sigma: Spread,
}

/// What shards tell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShardsReport {
    /// How pairs were dealt out: `stratified`, `random` or `contiguous`.
    pub strategy: String,
    /// How shards were combined: `consensus` or `robust`.
    pub combination: String,
    /// One entry a shard.
    pub shards: Vec<ShardReport>,
    /// Largest distance of a shard from the consensus of the others, per root of the number of parameters.
    pub largest_distance: f64,
    /// Share of the combined draws that is in effect after they were weighted by all data; nothing where they were
    /// not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_share: Option<f64>,
    /// Rounds in which draws were made anew from weighted ones, because too few were in effect; 0: those of the
    /// consensus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rounds: Option<usize>,
}

/// One shard.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShardReport {
    /// Number, from 1.
    pub shard: usize,
    /// Pairs.
    pub pairs: u64,
    /// Largest R̂ of a parameter.
    pub r_hat: f64,
    /// Least effective number of draws of a parameter.
    pub ess: f64,
    /// Divergent draws.
    pub divergences: usize,
    /// Distance from the consensus of the others.
    pub distance: Option<f64>,
    /// Why it is not in the combination; nothing where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
    /// Mean of each free parameter.
    pub mean: Vec<f64>,
    /// Standard deviation of each free parameter.
    pub sd: Vec<f64>,
}

/// How two samples differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Difference of the means in standard deviations of the sample by all data, by parameter.
    pub mean_shift: BTreeMap<String, f64>,
    /// Standard deviation by shards over that by all data, by parameter.
    pub sd_ratio: BTreeMap<String, f64>,
    /// Largest difference of a correlation.
    pub correlation_difference: f64,
}

/// Quantiles of a curve at each place.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// Quantiles at 2.5, 16, 50, 84 and 97.5 %, one a place.
    pub quantiles: Vec<[f64; 5]>,
}

/// A function of time with its band.
#[derive(Debug, Clone, PartialEq)]
pub struct RateBand {
    /// Name.
    pub name: String,
    /// Symbol.
    pub symbol: String,
    /// Unit.
    pub unit: String,
    /// Times, s.
    pub t_s: Vec<f64>,
    /// Band.
    pub band: Band,
    /// Values of the fit.
    pub fit: Vec<f64>,
}

/// Cuts of one bin with bands.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictiveCuts {
    /// Bin number in the file.
    pub bin: u32,
    /// Wave-vector transfer, Å⁻¹.
    pub q: f64,
    /// Azimuth, degrees.
    pub phi_deg: f64,
    /// Cuts at several ages, young to old, with the band of c2 that the posterior expects at each lag.
    pub cuts: Vec<(crate::Cut, Band)>,
}
