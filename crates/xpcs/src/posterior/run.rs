//! A posterior from the fit to its report.

mod error;
mod told;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use dyne_runtime::{Identity, Lanes, Observer, Resources, Stream, phase};
use dyne_sample::{Chain, ChainOptions, DensityError, Enough, LogDensity, SavedChains, sample};
use dyne_solve::{Layout, Transform};
use dyne_xpcs_data::Matrices;
use dyne_xpcs_model::param::{CONTRAST, OFFSET};
use dyne_xpcs_model::{ParameterSpec, Prior};

use super::account::{About, Drawn, report};
use super::bins::BinDraw;
use super::report::{LikelihoodReport, PosteriorReport, SampleReport, ShardsReport};
use super::shards::{self, ShardResult, ShardsError, ShardsFolder};
use super::{
    Belief, BinTreatment, BoundedPrior, ErrorBars, Grouping, LinePrior, Posterior, Treatment,
    bounded, composite_weight,
};
use crate::config::{
    BinQuantity, CompositeAdjustment, Likelihood, Loss, ParameterConfig, PosteriorConfig,
    PosteriorMethod, Scaling,
};
use crate::fit::{Fitted, problem};
use crate::noise::Weights;
use crate::plan::Plan;
use crate::problem::Problem;
use told::finished;

pub use error::SamplingError;

/// Draws of a prior behind its variance and its pictures.
const PRIOR_DRAWS: usize = 2000;
/// Which shards are sampled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShardRun {
    /// All of them, those that are there already excepted.
    All,
    /// One, counted from 1; there is no report.
    One(usize),
    /// None: all must be there.
    Combine,
}

/// What a posterior is sampled with.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The matrices.
    pub matrices: &'a Matrices,
    /// The fit.
    pub fitted: &'a Fitted,
    /// Lanes of everything but chains, and the request to end; no journal.
    pub resources: Resources<'a>,
    /// Who is told.
    pub observer: &'a dyn Observer,
    /// Where chains are kept; nothing where they are not.
    pub saved: Option<&'a SavedChains>,
    /// What tells this posterior from all others.
    pub identity: Identity,
    /// Where shards are kept.
    pub shards_dir: &'a PathBuf,
    /// Which shards are sampled.
    pub shard_run: &'a ShardRun,
    /// Shards sampled at the same time, where the configuration does not say.
    pub workers: NonZeroUsize,
}

/// A posterior ready to be sampled.
pub(super) struct Ready<'a> {
    pub(super) setting: Setting<'a>,
    pub(super) options: ChainOptions,
    /// Chains of a shard that are drawn at the same time.
    pub(super) threads_of_shard: NonZeroUsize,
    /// Shards that are sampled at the same time.
    workers: NonZeroUsize,
}

/// What becomes of a sampling.
pub enum Sampled {
    /// A report.
    Report(Box<PosteriorReport>),
    /// One shard is done.
    Shard(usize),
}

/// Samples the posterior of a fit.
///
/// # Errors
/// [`SamplingError`]; that chains do not converge is none.
pub fn sample_posterior(setting: Setting<'_>) -> Result<Sampled, SamplingError> {
    let Setting { plan, fitted, .. } = setting;
    let config = &plan.config.posterior;
    let priors = priors(plan);
    let belief = belief(plan, fitted, &priors)?;
    let (layout, sweeps) = (plan.layout(fitted.shift)?, AtomicU64::new(0));
    let whole = whole(&setting, &layout, &sweeps);
    let theta = &fitted.outcome.fit.theta;
    let ((posterior, errors), _) = phase(setting.observer, "curvature", || {
        let made = Posterior::try_new(whole, belief, theta)?;
        let other = Posterior::try_new(whole, counted(plan, fitted, belief, other(config)), theta)?;
        let errors = [made.normal_errors(), other.normal_errors()];
        Ok::<_, SamplingError>((made, errors))
    })?;
    let [composite, independent] = match config.likelihood {
        Likelihood::Composite => [&errors[0][..], &errors[1][..]],
        Likelihood::Independent => [&errors[1][..], &errors[0][..]],
    };
    let (bounded, grouping) = (bounded_priors(plan, &fitted.transform, &priors), belief.grouping);
    let about =
        About { plan, fitted, grouping, priors: &bounded, errors: [composite, independent] };
    let ready = ready(setting, config);
    // A sweep of a chain stays on its thread where there are as many chains as lanes.
    let solo = Lanes::solo();
    let lanes = setting.resources.lanes;
    let inner = if lanes.count() > config.chains { lanes } else { &solo };
    let problem = Problem { resources: setting.resources.with_lanes(inner), ..whole };
    let posterior = posterior.of(problem, belief);
    let mut made = Made::default();
    if config.method != PosteriorMethod::Cmc {
        made.samples.push(by_all_data(&ready, &posterior, &about)?);
    }
    if config.method != PosteriorMethod::Nuts {
        match by_shards(&ready, &posterior, problem, belief, &about) {
            Ok(ByShards::One(shard)) => return Ok(Sampled::Shard(shard)),
            Ok(ByShards::All(sample, told)) => {
                made.samples.push(*sample);
                made.shards = Some(told);
            }
            // The draws by all data are there, and are not lost.
            Err(SamplingError::Shards(error)) if !made.samples.is_empty() => {
                made.failure = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    let report = finished(&about, &problem, made, likelihood(plan, &posterior))?;
    Ok(Sampled::Report(Box::new(report)))
}

/// What the ways of sampling gave.
#[derive(Default)]
struct Made {
    samples: Vec<SampleReport>,
    shards: Option<ShardsReport>,
    /// Why the shards were not combined.
    failure: Option<ShardsError>,
}

/// What the configuration says of the posterior.
fn belief<'a>(
    plan: &'a Plan,
    fitted: &'a Fitted,
    priors: &'a [Prior],
) -> Result<Belief<'a>, SamplingError> {
    let config = &plan.config.posterior;
    let of = |quantity| match quantity {
        BinQuantity::Marginalised => Treatment::Marginalised,
        BinQuantity::Sampled => Treatment::Sampled,
    };
    let belief = Belief {
        transform: &fitted.transform,
        priors,
        prior_power: 1.0,
        bins: BinTreatment { scaling: of(config.scaling), noise: of(config.noise) },
        grouping: suited(plan, fitted)?,
        line: line_prior(plan),
        weight: 1.0,
        error_bars: None,
    };
    Ok(counted(plan, fitted, belief, config.likelihood))
}

/// The belief with pairs counted as `likelihood` says.
fn counted<'a>(
    plan: &Plan,
    fitted: &'a Fitted,
    belief: Belief<'a>,
    likelihood: Likelihood,
) -> Belief<'a> {
    let none = Belief { weight: 1.0, error_bars: None, ..belief };
    let (Likelihood::Composite, Some(covariance), Some(uncertainty)) =
        (likelihood, &fitted.at_bounds, &fitted.uncertainty)
    else {
        return none;
    };
    let weight = composite_weight(&uncertainty.information, covariance, fitted.transform.free());
    let bars = ErrorBars { theta: &fitted.outcome.fit.theta, covariance };
    let by_direction = plan.config.posterior.adjustment == CompositeAdjustment::Curvature;
    Belief { weight, error_bars: by_direction.then_some(bars), ..none }
}

/// The other way to count pairs, for comparison.
fn other(config: &PosteriorConfig) -> Likelihood {
    match config.likelihood {
        Likelihood::Composite => Likelihood::Independent,
        Likelihood::Independent => Likelihood::Composite,
    }
}

/// The problem of all data under the weights of the fit.
fn whole<'a>(setting: &Setting<'a>, layout: &'a Layout, sweeps: &'a AtomicU64) -> Problem<'a> {
    let Setting { plan, fitted, matrices, resources, .. } = *setting;
    let weights = fitted.weights.as_deref().map_or(Weights::Equal, Weights::ByLag);
    Problem { weights, ..problem(plan, matrices, layout, fitted.shift, resources, sweeps) }
}

/// Refuses fits that cannot be sampled.
fn suited(plan: &Plan, fitted: &Fitted) -> Result<Grouping, SamplingError> {
    let refused = |key, found: String, expected, remedy| {
        Err(SamplingError::Unsuited { key, found, expected, remedy })
    };
    if plan.config.fit.loss != Loss::Linear {
        let found = format!("{:?}", plan.config.fit.loss).to_lowercase();
        let remedy = "leave fit.loss out; outliers may be masked instead";
        return refused("fit.loss", found, "linear, as the likelihood is Gaussian", remedy);
    }
    if fitted.transform.free().is_empty() {
        let remedy = "free a parameter";
        return refused("parameters", "none that is free".into(), "at least one", remedy);
    }
    match plan.config.fit.scaling {
        Scaling::Individual => Ok(Grouping::Individual),
        Scaling::Averaged => Ok(Grouping::Averaged),
        other => refused(
            "fit.scaling",
            format!("{other:?}").to_lowercase(),
            "individual or averaged",
            "leave fit.scaling out",
        ),
    }
}

fn priors(plan: &Plan) -> Vec<Prior> {
    let none = ParameterConfig::default();
    let said = |name: &str| plan.config.parameters.get(name).unwrap_or(&none);
    plan.model.parameters().iter().map(|spec| said(spec.name).prior(spec)).collect()
}

/// The priors of contrast and offset, which the configuration has checked to be normal.
fn line_prior(plan: &Plan) -> LinePrior {
    let none = ParameterConfig::default();
    let of = |spec: &ParameterSpec| {
        let said = plan.config.parameters.get(spec.name).unwrap_or(&none);
        match said.prior(spec) {
            Prior::Normal { mean, sd } => [mean, sd],
            _ => unreachable!("priors of contrast and offset are normal"),
        }
    };
    LinePrior { contrast: of(&CONTRAST), offset: of(&OFFSET) }
}

/// The prior of each free parameter within its bounds, with draws.
fn bounded_priors(
    plan: &Plan,
    transform: &Transform,
    priors: &[Prior],
) -> Vec<(BoundedPrior, Vec<f64>)> {
    let stream = Stream::new(plan.config.posterior.seed).split("prior");
    let one = |k: &usize| {
        let prior = bounded(&*plan.model, transform, priors, *k);
        let draws = prior.draws(PRIOR_DRAWS, &stream.index(*k as u64));
        (prior, draws)
    };
    transform.free().iter().map(one).collect()
}

/// How much the likelihood counts.
fn likelihood(plan: &Plan, posterior: &Posterior<'_>) -> LikelihoodReport {
    let kind = match plan.config.posterior.likelihood {
        Likelihood::Composite => "composite",
        Likelihood::Independent => "independent",
    };
    LikelihoodReport {
        kind: kind.to_owned(),
        weight: posterior.belief().weight,
        width_factors: posterior.adjusted_widths(),
        pairs: plan.pairs() as u64,
    }
}

fn ready<'a>(setting: Setting<'a>, config: &PosteriorConfig) -> Ready<'a> {
    let lanes = setting.resources.lanes.count();
    let asked = config.cmc.num_workers.and_then(NonZeroUsize::new).unwrap_or(setting.workers);
    let workers = asked.get().min(lanes);
    Ready {
        setting,
        options: ChainOptions {
            warmup: config.warmup,
            draws: config.draws,
            max_depth: config.max_depth,
            target_accept: config.target_accept,
            enough: config.min_effective.map_or(Enough::AllDraws, Enough::Effective),
            seed: config.seed,
        },
        threads_of_shard: NonZeroUsize::new(lanes / workers).unwrap_or(NonZeroUsize::MIN),
        workers: NonZeroUsize::new(workers).unwrap_or(NonZeroUsize::MIN),
    }
}

impl Ready<'_> {
    /// Starts of the chains: about as far from the centre as the posterior reaches, nearer where it has no value
    /// there.
    pub(super) fn starts(&self, posterior: &Posterior<'_>, seed: u64) -> Vec<Vec<f64>> {
        let stream = Stream::new(seed).split("starts");
        let dimension = posterior.dimension();
        let mut gradient = vec![0.0; dimension];
        let one = |chain: usize| {
            let mut z = vec![0.0; dimension];
            stream.index(chain as u64).generator().fill_normal(&mut z);
            for _ in 0..10 {
                if posterior.evaluate(&z, &mut gradient).is_ok() {
                    break;
                }
                z.iter_mut().for_each(|z| *z *= 0.5);
            }
            z
        };
        (0..self.setting.plan.config.posterior.chains).map(one).collect()
    }

    /// Contrast, offset and noise of each group at every draw.
    pub(super) fn bins(
        &self,
        posterior: &Posterior<'_>,
        chains: &[Chain],
        stream: &Stream,
    ) -> Result<Vec<Vec<Vec<BinDraw>>>, DensityError> {
        let one = |(c, chain): (usize, &Chain)| {
            let lanes = self.setting.resources.lanes;
            posterior.bins_at_all(&chain.draws, &stream.index(c as u64), lanes)
        };
        chains.iter().enumerate().map(one).collect()
    }
}

fn by_all_data(
    ready: &Ready<'_>,
    posterior: &Posterior<'_>,
    about: &About<'_>,
) -> Result<SampleReport, SamplingError> {
    let Setting { observer, resources, saved, .. } = ready.setting;
    let began = Instant::now();
    let threads = NonZeroUsize::new(resources.lanes.count()).unwrap_or(NonZeroUsize::MIN);
    let starts = ready.starts(posterior, ready.options.seed);
    let (chains, _) = phase(observer, "sample", || {
        sample(posterior, &starts, ready.options, saved, threads, observer)
            .map_err(SamplingError::from)
    })?;
    let stream = Stream::new(ready.options.seed).split("bins");
    let (bins, _) = phase(observer, "scaling", || {
        ready.bins(posterior, &chains, &stream).map_err(SamplingError::from)
    })?;
    let drawn = Drawn {
        method: "nuts",
        values: chains.iter().map(|chain| chain.quantities.clone()).collect(),
        bins,
        evaluations: chains.iter().map(|chain| chain.evaluations).sum(),
        seconds: began.elapsed().as_secs_f64(),
        chains,
    };
    Ok(report(about, drawn))
}

/// What comes of shards.
enum ByShards {
    One(usize),
    All(Box<SampleReport>, ShardsReport),
}

fn by_shards<'b>(
    ready: &Ready<'_>,
    posterior: &Posterior<'_>,
    problem: Problem<'b>,
    belief: Belief<'b>,
    about: &About<'_>,
) -> Result<ByShards, SamplingError> {
    let Setting { plan, matrices, observer, .. } = ready.setting;
    let (cmc, began) = (&plan.config.posterior.cmc, Instant::now());
    let count = shards::count(cmc, plan.pairs());
    let dir = ready.setting.shards_dir;
    // Before the folder is begun, which belongs to this number of shards from then on.
    let dealt = shards::matrices(plan, matrices, count)?;
    let folder = ShardsFolder::open(dir, ready.setting.identity, count, &plan.config)?;
    let results = phase(observer, "shards", || {
        let belief = shards::belief(belief, count);
        let parts: Vec<Problem<'_>> =
            dealt.iter().map(|matrices| Problem { matrices, ..problem }).collect();
        let posteriors: Vec<Posterior<'_>> =
            parts.into_iter().map(|part| posterior.of(part, belief)).collect();
        let pairs: Vec<u64> = dealt
            .iter()
            .map(|own| (0..own.bins()).map(|bin| own.pairs(bin) as u64).sum())
            .collect();
        results(ready, &posteriors, &pairs, &folder)
    })?
    .0;
    let results = match results {
        Some(results) => results,
        None => {
            let ShardRun::One(shard) = *ready.setting.shard_run else {
                unreachable!("only a single shard has no results of the others");
            };
            return Ok(ByShards::One(shard));
        }
    };
    let (together, told) = phase(observer, "combine", || {
        let stream = Stream::new(ready.options.seed).split("combine");
        shards::combined(&results, cmc, posterior, &stream, ready.setting.resources.lanes)
    })?
    .0;
    let parted = |(z, bins): (Vec<f64>, Vec<BinDraw>)| (posterior.quantities(&z), bins);
    let (values, bins) = together
        .into_iter()
        .map(|chain| chain.into_iter().map(parted).unzip::<_, _, Vec<_>, Vec<_>>())
        .unzip();
    let drawn = Drawn {
        method: "cmc",
        values,
        bins,
        chains: Vec::new(),
        evaluations: results.iter().map(|result| result.evaluations).sum(),
        seconds: began.elapsed().as_secs_f64(),
    };
    Ok(ByShards::All(Box::new(report(about, drawn)), told))
}

/// The results of the shards that are asked for; nothing where it was a single one.
fn results(
    ready: &Ready<'_>,
    posteriors: &[Posterior<'_>],
    pairs: &[u64],
    folder: &ShardsFolder,
) -> Result<Option<Vec<ShardResult>>, SamplingError> {
    let Setting { plan, shard_run, .. } = ready.setting;
    let (cmc, shards) = (&plan.config.posterior.cmc, posteriors.len());
    let one = |shard: usize| -> Result<ShardResult, ShardsError> {
        if let Some(result) = folder.load(shard)? {
            return Ok(result);
        }
        let own = &posteriors[shard];
        let result = shards::sample_shard(ready, own, shard, pairs[shard], folder)?;
        // With more time it may go on from the records of its chains.
        if !result.timed_out {
            folder.store(&result)?;
        }
        Ok(result)
    };
    match *shard_run {
        ShardRun::One(shard) if !(1..=shards).contains(&shard) => {
            Err(ShardsError::Number { shard, shards }.into())
        }
        ShardRun::One(shard) => match one(shard - 1)?.failure {
            None => Ok(None),
            Some(why) => Err(ShardsError::Failed { shard, shards, why }.into()),
        },
        ShardRun::Combine => {
            let silence = std::time::Duration::from_secs_f64(cmc.heartbeat_timeout);
            Ok(Some(folder.all(silence)?))
        }
        ShardRun::All => {
            let noise = posteriors.iter().map(|own| own.noise(&vec![0.0; own.dimension()]));
            let noise: Vec<f64> = noise.collect::<Result<_, DensityError>>()?;
            let costs = shards::cost(pairs, &noise);
            Ok(Some(shards::run(&costs, ready.workers, cmc.abort_share, one)?))
        }
    }
}
