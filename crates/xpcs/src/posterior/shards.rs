//! Consensus Monte Carlo: shards of the data, each with a posterior of its own.

mod deal;
mod folder;
mod reweight;
mod schedule;

use std::time::Duration;

use dyne_runtime::{Lanes, Stream};
use dyne_sample::{
    Chain, ChainOptions, Combination, Consensus, ConsensusError, Draws, SampleError, ShardDraws,
    combine, sample,
};
use dyne_xpcs_data::Matrices;
use thiserror::Error;

use super::bins::BinDraw;
use super::report::{ShardReport, ShardsReport};
use super::run::Ready;
use super::{Belief, Posterior};
use crate::config::{CmcConfig, ShardCombination, ShardStrategy};
use crate::plan::Plan;

pub(super) use deal::{count, deal};
pub use folder::ShardsFolder;
pub(super) use folder::{Alive, ShardResult};
pub(super) use reweight::LEAST_SHARE;
use reweight::{Drawn, Mended, Reweighted};
pub(super) use schedule::{cost, run};

/// Why shards cannot be sampled or combined.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ShardsError {
    /// A shard would have too few pairs.
    #[error(
        "shard {shard} of {shards}: {found} pairs, expected at least {expected} (posterior.cmc.min_pairs)\n{}, or lower posterior.cmc.min_pairs", fewer(*most)
    )]
    TooFewPairs {
        /// Number of the shard, from 1.
        shard: usize,
        /// Shards.
        shards: usize,
        /// Pairs it has.
        found: usize,
        /// Pairs it must have.
        expected: usize,
        /// Shards that would do.
        most: usize,
    },
    /// A shard has nothing of a bin.
    #[error(
        "shard {shard} of {shards}: no more than {found} pairs of bin {bin}, expected some rows of every bin\nask for fewer shards"
    )]
    BinMissing {
        /// Number of the shard, from 1.
        shard: usize,
        /// Shards.
        shards: usize,
        /// Number of the bin in the file.
        bin: u32,
        /// Pairs it has.
        found: usize,
    },
    /// A single shard has no draws that could be combined.
    #[error("shard {shard} of {shards}: {why}, expected draws to combine\n{AGAIN}")]
    Failed {
        /// Number of the shard, from 1.
        shard: usize,
        /// Shards.
        shards: usize,
        /// What is wrong with it.
        why: String,
    },
    /// Too few shards have draws.
    #[error("{usable} of {shards} shards can be combined, expected at least 2: {why}\n{AGAIN}")]
    TooFewUsable {
        /// Shards that have draws.
        usable: usize,
        /// Shards.
        shards: usize,
        /// What is wrong with the others.
        why: String,
    },
    /// There are no shards.
    #[error(
        "{}: no plan.json, expected the shards of a sampling\nname the folder of results that dyne sample --method cmc or --shard wrote to", dir.display()
    )]
    NoFolder {
        /// The folder.
        dir: std::path::PathBuf,
    },
    /// There is no such shard.
    #[error("--shard {shard}/{shards}: expected a number from 1 to {shards}\nname one of them")]
    Number {
        /// Number asked for.
        shard: usize,
        /// Shards.
        shards: usize,
    },
    /// The folder belongs to other shards.
    #[error(
        "{}: shards of another plan ({differences}), expected those of this configuration, data and number of shards\nchoose another output.dir, or move the folder away; nothing in it was touched", dir.display()
    )]
    OtherPlan {
        /// The folder.
        dir: std::path::PathBuf,
        /// What differs.
        differences: String,
    },
    /// Results are missing.
    #[error(
        "{}: no result of {missing}, expected all of {shards} shards\nrun them with --shard, or sample without it", dir.display()
    )]
    Missing {
        /// The folder.
        dir: std::path::PathBuf,
        /// Which, and what is known of them.
        missing: String,
        /// Shards.
        shards: usize,
    },
    /// A file cannot be read or written.
    #[error("{}: {reason}\ncheck the folder and the space left on it; a damaged result may be removed and is then sampled again", path.display())]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        reason: String,
    },
    /// Too many shards failed.
    #[error(
        "{failed} of the first {of} shards failed, the first: {first}\nlook at that one; posterior.cmc.abort_share says how many may fail"
    )]
    Aborted {
        /// Failed shards.
        failed: usize,
        /// Shards that were looked at.
        of: usize,
        /// What the first one says.
        first: String,
    },
    /// The shards cannot be combined.
    #[error(transparent)]
    Consensus(#[from] ConsensusError),
    /// Drawing failed.
    #[error(transparent)]
    Sample(#[from] SampleError),
    /// The end was requested.
    #[error("the sampling was interrupted")]
    Interrupted,
}

/// What to do about a shard without draws.
const AGAIN: &str = "change what it names and sample again; a shard that failed for another reason than time \
    is sampled again when its shard-NNN.json in the folder of shards is removed";

/// What to do about shards that are too small, where `most` would do.
fn fewer(most: usize) -> String {
    match most {
        0 | 1 => "sample all data at once with --method nuts".to_owned(),
        _ => format!("ask for at most {most} shards"),
    }
}

/// Numbers that a draw of a shard has of each group of bins.
const OF_A_BIN: usize = 3;

/// Samples shard `shard`, counted from 0.
///
/// # Errors
/// [`ShardsError`] where there can be no result; that chains fail or time out is one.
pub(super) fn sample_shard(
    ready: &Ready<'_>,
    posterior: &Posterior<'_>,
    shard: usize,
    pairs: u64,
    folder: &ShardsFolder,
) -> Result<ShardResult, ShardsError> {
    let cmc = &ready.setting.plan.config.posterior.cmc;
    let seed =
        ready.options.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(shard as u64 + 1);
    let options = ChainOptions { seed, ..ready.options };
    let alive = Alive::new(folder, shard, cmc.per_shard_timeout, ready.setting.observer);
    let starts = ready.starts(posterior, seed);
    let saved = folder.saved(shard);
    let chains = sample(posterior, &starts, options, Some(&saved), ready.threads_of_shard, &alive);
    let chains = match chains {
        Ok(chains) => chains,
        Err(SampleError::Interrupted) if alive.timed_out() => {
            let after = Duration::from_secs_f64(cmc.per_shard_timeout);
            let why = format!(
                "gave up after {after:?} (posterior.cmc.per_shard_timeout); its draws so far are kept"
            );
            let failed = ShardResult::failed(shard, pairs, why);
            return Ok(ShardResult { timed_out: true, ..failed });
        }
        Err(SampleError::Interrupted) => return Err(ShardsError::Interrupted),
        Err(error @ SampleError::Records(_)) => return Err(error.into()),
        Err(error) => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default().to_owned();
            return Ok(ShardResult::failed(shard, pairs, first));
        }
    };
    result(ready, posterior, shard, pairs, &chains, seed)
}

fn result(
    ready: &Ready<'_>,
    posterior: &Posterior<'_>,
    shard: usize,
    pairs: u64,
    chains: &[Chain],
    seed: u64,
) -> Result<ShardResult, ShardsError> {
    let bins = ready.bins(posterior, chains, &Stream::new(seed).split("bins"))?;
    let joined = chains.iter().zip(&bins).map(|(chain, bins)| {
        chain.draws.iter().zip(bins).map(|(z, bins)| joined(z, bins)).collect()
    });
    let quantity = |i: usize| {
        let of = |chain: &Chain| chain.quantities.iter().map(|q| q[i]).collect();
        Draws::new(chains.iter().map(of).collect())
    };
    let all: Vec<Draws> = (0..posterior.coordinates().free()).map(quantity).collect();
    let largest = |of: &dyn Fn(&Draws) -> f64| all.iter().map(of).fold(f64::NAN, f64::max);
    let draws: usize = chains.iter().map(|chain| chain.draws.len()).sum();
    let divergences: usize = chains.iter().map(|chain| chain.divergent.len()).sum();
    let most = ready.setting.plan.config.posterior.cmc.max_divergence_rate;
    let rate = divergences as f64 / draws as f64;
    Ok(ShardResult {
        shard,
        pairs,
        draws: joined.collect(),
        r_hat: largest(&Draws::r_hat),
        ess: -largest(&|d| -d.bulk_ess().min(d.tail_ess())),
        divergences,
        evaluations: chains.iter().map(|chain| chain.evaluations).sum(),
        mean: all.iter().map(Draws::mean).collect(),
        sd: all.iter().map(Draws::standard_deviation).collect(),
        timed_out: false,
        failure: (rate > most).then(|| format!("{:.0} % of its draws diverge", 100.0 * rate)),
    })
}

/// Variables z, then contrast, offset and logarithm of the noise of each group.
fn joined(z: &[f64], bins: &[BinDraw]) -> Vec<f64> {
    let bins = bins.iter().flat_map(|bin| [bin.contrast, bin.offset, bin.sigma.ln()]);
    z.iter().copied().chain(bins).collect()
}

/// Draws of all shards together: chains, draws, and of each z and the bins.
pub(super) type Together = Vec<Vec<(Vec<f64>, Vec<BinDraw>)>>;

/// Combines the shards that have draws.
///
/// **Method** Shards that have a share of every bin and age know contrasts and offsets as well as all data do, in
/// proportion, so the `dimension` variables z are combined by themselves, and those of each bin with z: covariances
/// of few coordinates are known well. A shard of one age knows them less well; there all are combined at once.
///
/// Then they are weighted by what all data say of them, as the posteriors of shards are wider than that of all data
/// and less normal, which shifts their consensus.
///
/// # Errors
/// [`ShardsError::Consensus`].
pub(super) fn combined(
    results: &[ShardResult],
    cmc: &CmcConfig,
    posterior: &Posterior<'_>,
    stream: &Stream,
    lanes: &Lanes,
) -> Result<(Together, ShardsReport), ShardsError> {
    let dimension = posterior.coordinates().dimension();
    let whole = usable(results)?;
    let how = match cmc.combination {
        ShardCombination::Consensus => Combination::Consensus,
        ShardCombination::Robust => Combination::Robust,
    };
    let (consensus, together) = match cmc.strategy {
        ShardStrategy::Contiguous => {
            let consensus = combine(&picked(&whole, |draw| draw.to_vec()), how)?;
            let parted = |draw: &Vec<f64>| {
                let (z, bins) = draw.split_at(dimension);
                (z.to_vec(), bins.chunks(OF_A_BIN).map(bin).collect())
            };
            let chain = |chain: &Vec<Vec<f64>>| chain.iter().map(parted).collect();
            let together = consensus.draws.iter().map(chain).collect();
            (consensus, together)
        }
        _ => {
            let consensus = combine(&picked(&whole, |draw| draw[..dimension].to_vec()), how)?;
            let together = with_bins(&whole, &consensus, dimension)?;
            (consensus, together)
        }
    };
    let (together, mended) = match cmc.reweight {
        true => weighted(posterior, together, &consensus, stream, lanes)?,
        false => (together, None),
    };
    let report = ShardsReport {
        strategy: cmc.strategy.name().to_owned(),
        combination: cmc.combination.name().to_owned(),
        shards: told(results, &whole, &consensus),
        largest_distance: consensus.between_shard_distance(),
        effective_share: mended.map(|mended| mended.share),
        rounds: mended.map(|mended| mended.rounds),
    };
    Ok((together, report))
}

/// The shards that have draws, at least two.
fn usable(results: &[ShardResult]) -> Result<Vec<&ShardResult>, ShardsError> {
    let whole: Vec<&ShardResult> = results.iter().filter(|r| r.failure.is_none()).collect();
    if whole.len() < 2 {
        let failed = results.iter().filter_map(|r| Some((r.shard + 1, r.failure.as_ref()?)));
        let why: Vec<String> = failed.map(|(shard, why)| format!("shard {shard}: {why}")).collect();
        let (usable, shards, why) = (whole.len(), results.len(), why.join("; "));
        return Err(ShardsError::TooFewUsable { usable, shards, why });
    }
    Ok(whole)
}

/// What is told of each shard.
fn told(
    results: &[ShardResult],
    whole: &[&ShardResult],
    consensus: &Consensus,
) -> Vec<ShardReport> {
    let shard = |result: &ShardResult| {
        let place = whole.iter().position(|own| own.shard == result.shard);
        let aside = place.is_some_and(|k| consensus.left_out.contains(&k));
        let aside = aside.then(|| "too far from the others".to_owned());
        ShardReport {
            shard: result.shard + 1,
            pairs: result.pairs,
            r_hat: result.r_hat,
            ess: result.ess,
            divergences: result.divergences,
            distance: place.map(|k| consensus.distances[k]),
            left_out: result.failure.clone().or(aside),
            mean: result.mean.clone(),
            sd: result.sd.clone(),
        }
    };
    results.iter().map(shard).collect()
}

/// Draws weighted by the density of all data; as they were where too few are in effect.
fn weighted(
    posterior: &Posterior<'_>,
    together: Together,
    consensus: &Consensus,
    stream: &Stream,
    lanes: &Lanes,
) -> Result<(Together, Option<Mended>), ShardsError> {
    let n = posterior.coordinates().dimension();
    let flat: Vec<Vec<f64>> = together.iter().flatten().map(|(z, _)| z.clone()).collect();
    let width = consensus.mean.len();
    let covariance: Vec<f64> =
        (0..n * n).map(|k| consensus.covariance[k / n * width + k % n]).collect();
    let told = (&consensus.mean[..n], &covariance[..]);
    let found = reweight::reweighted(posterior, flat, told, &stream.split("population"), lanes)?;
    let Some(Reweighted { draws, mended }) = found else {
        return Ok((together, Some(Mended { share: 0.0, rounds: 0 })));
    };
    if mended.share < LEAST_SHARE {
        return Ok((together, Some(mended)));
    }
    let length = together[0].len();
    let picked: Vec<(Vec<f64>, Vec<BinDraw>)> = match draws {
        Drawn::Consensus(picked) => {
            picked.iter().map(|k| together[k / length][k % length].clone()).collect()
        }
        Drawn::Anew(draws) => {
            let bins = posterior.bins_at_all(&draws, &stream.split("bins"), lanes)?;
            draws.into_iter().zip(bins).collect()
        }
    };
    Ok((picked.chunks(length).map(<[_]>::to_vec).collect(), Some(mended)))
}

/// Some coordinates of the draws of shards, cut to the shortest.
fn picked(shards: &[&ShardResult], pick: impl Fn(&[f64]) -> Vec<f64>) -> Vec<ShardDraws> {
    let length = |r: &&ShardResult| r.draws.iter().map(Vec::len).min();
    let shortest = shards.iter().filter_map(length).min().unwrap_or(0);
    let chain = |chain: &Vec<Vec<f64>>| chain[..shortest].iter().map(|draw| pick(draw)).collect();
    shards.iter().map(|r| ShardDraws { chains: r.draws.iter().map(chain).collect() }).collect()
}

/// The draws of a consensus over z with those of each bin, combined with z from the shards that were kept.
fn with_bins(
    shards: &[&ShardResult],
    consensus: &Consensus,
    dimension: usize,
) -> Result<Together, ShardsError> {
    let kept = shards.iter().enumerate().filter(|(k, _)| !consensus.left_out.contains(k));
    let kept: Vec<&ShardResult> = kept.map(|(_, shard)| *shard).collect();
    let mut together: Together = consensus
        .draws
        .iter()
        .map(|chain| chain.iter().map(|z| (z.clone(), Vec::new())).collect())
        .collect();
    let coordinates = kept[0].draws[0][0].len();
    for first in (dimension..coordinates).step_by(OF_A_BIN) {
        let with_z = |draw: &[f64]| [&draw[..dimension], &draw[first..first + OF_A_BIN]].concat();
        let own = combine(&picked(&kept, with_z), Combination::Consensus)?;
        let drawn = own.draws.iter().flatten();
        let places = together.iter_mut().flatten();
        places.zip(drawn).for_each(|((_, bins), draw)| bins.push(bin(&draw[dimension..])));
    }
    Ok(together)
}

fn bin(numbers: &[f64]) -> BinDraw {
    BinDraw { contrast: numbers[0], offset: numbers[1], sigma: numbers[2].exp() }
}

/// The belief about shard data: every shard counts the prior in part, all together once.
pub(super) fn belief<'b>(whole: Belief<'b>, shards: usize) -> Belief<'b> {
    Belief { prior_power: whole.prior_power / shards as f64, ..whole }
}

/// What shards are dealt, and whether that is enough.
pub(super) fn matrices(
    plan: &Plan,
    all: &Matrices,
    shards: usize,
) -> Result<Vec<Matrices>, ShardsError> {
    let cmc = &plan.config.posterior.cmc;
    let dealt: Vec<Matrices> = deal(all, cmc.strategy, cmc.seed, shards)
        .into_iter()
        .map(|rows| all.clone().without_rows(rows))
        .collect();
    let total: usize = (0..all.bins()).map(|bin| all.pairs(bin)).sum();
    for (shard, own) in dealt.iter().enumerate() {
        let shard = shard + 1;
        let found: usize = (0..own.bins()).map(|bin| own.pairs(bin)).sum();
        let expected = cmc.min_pairs.max(10 * plan.free_parameters());
        if found < expected {
            let most = total / expected;
            return Err(ShardsError::TooFewPairs { shard, shards, found, expected, most });
        }
        // Three numbers of a bin are not determined by fewer.
        if let Some(bin) = (0..own.bins()).find(|bin| own.pairs(*bin) < 10) {
            let (found, bin) = (own.pairs(bin), plan.bins[bin].number);
            return Err(ShardsError::BinMissing { shard, shards, bin, found });
        }
    }
    Ok(dealt)
}
