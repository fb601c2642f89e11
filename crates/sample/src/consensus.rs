//! One posterior from those of parts of the data.

mod error;
mod moments;

use faer::{Col, Mat};

use crate::chi_square::upper_quantile;
pub use error::ConsensusError;
use moments::{Frame, Moments};

/// Chance that one of all shards is called too far off although all agree.
const FALSE_ALARM: f64 = 1e-4;

/// The draws of one shard: chains of equal length, every draw a vector of d coordinates.
#[derive(Debug, Clone, PartialEq)]
pub struct ShardDraws {
    /// Chains, draws, coordinates.
    pub chains: Vec<Vec<Vec<f64>>>,
}

/// What becomes of a shard that contradicts the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combination {
    /// Every shard counts.
    Consensus,
    /// Shards that lie too far from the consensus of the others are left out.
    Robust,
}

/// Draws of the posterior of all data.
#[derive(Debug, Clone, PartialEq)]
pub struct Consensus {
    /// Chains, draws, coordinates, as many as of each shard.
    pub draws: Vec<Vec<Vec<f64>>>,
    /// Mean of the draws.
    pub mean: Vec<f64>,
    /// Covariance of the draws, d × d, row after row.
    pub covariance: Vec<f64>,
    /// Positions of the shards that were left out, ascending.
    pub left_out: Vec<usize>,
    /// For each shard its distance from the consensus of the others that were kept: $D_k/\sqrt d$, about 1 by chance.
    pub distances: Vec<f64>,
    /// Distance, in the same unit, from which on [`Combination::Robust`] leaves a shard out.
    pub cut_off: f64,
}

impl Consensus {
    /// The largest distance of a shard, of those left out too.
    pub fn between_shard_distance(&self) -> f64 {
        self.distances.iter().copied().fold(0.0, f64::max)
    }
}

/// Combines draws of the posteriors of parts of the data, the *shards*, into draws of the posterior of all.
///
/// **Formula**
/// $\theta^{(s)} = \bigl(\sum_k W_k\bigr)^{-1} \sum_k W_k \theta_k^{(s)}$, $W_k = \Sigma_k^{-1}$; exact where the posteriors of
/// the shards are normal. The distance of a shard is
/// $D_k^2 = (\mu_k - \mu_{-k})^\top (\Sigma_k + \Sigma_{-k})^{-1} (\mu_k - \mu_{-k})$, with
/// $\Sigma_{-k} = \bigl(\sum_{j \ne k} W_j\bigr)^{-1}$ and $\mu_{-k} = \Sigma_{-k} \sum_{j \ne k} W_j \mu_j$ over the shards that
/// are kept; of shards that agree it is χ² with d degrees. Robust: while the farthest shard is beyond the quantile of χ² that one of
/// all K passes by chance with 1e-4 at most, it is left out and the distances of the rest are computed again.
///
/// | symbol | meaning | shape |
/// |---|---|---|
/// | $\theta_k^{(s)}$ | draw s of shard k, any units | d |
/// | $\mu_k$, $\Sigma_k$ | mean and covariance of all draws of shard k | d, d × d |
/// | $W_k$ | its weight | d × d |
///
/// **Contract** the prior of every shard is that of the whole to the power 1/K. Shards are drawn from different random
/// streams: draws s of two shards that share one move together, and the covariance comes out wrong. What the
/// densities are not normal in is lost; variables without bounds keep it small.
///
/// **Edges** coordinates may differ by any number of decades: each counts in units of its standard deviation within
/// shards. A covariance whose correlation matrix has a pivot below 1e-12 is refused. The order of shards matters by
/// rounding alone. A majority must be kept: of two shards that disagree neither is left out.
/// **Cost** K·n·d² for n draws a shard and some K²·d³ for the distances, again for each shard left out; memory
/// that of the draws once more.
/// **Source** Scott et al., Int. J. Management Science and Engineering Management 11 (2016) 78,
/// doi:10.1080/17509653.2016.1142191, section 3; the distances and what is left out are ours. **Checked by**
/// `normal_shards_give_the_posterior_of_all`, `a_shard_apart_is_left_out`, `the_order_of_shards_is_free`,
/// `scales_may_differ`, `distances_are_those_from_the_others`.
///
/// # Errors
/// [`ConsensusError`].
pub fn combine(
    shards: &[ShardDraws],
    combination: Combination,
) -> Result<Consensus, ConsensusError> {
    let frame = Frame::of(shards)?;
    let moments = moments::of_shards(shards, &frame)?;
    let dimension = frame.dimension();
    let chance = FALSE_ALARM / shards.len() as f64;
    let unit = (dimension as f64).sqrt();
    let cut_off = upper_quantile(chance, dimension).sqrt() / unit;
    let distances = |kept: &[bool]| -> Result<Vec<f64>, ConsensusError> {
        let of = |k| Ok(distance(&moments, kept, k)? / unit);
        (0..moments.len()).map(of).collect()
    };
    let mut kept = vec![true; shards.len()];
    let mut found = distances(&kept)?;
    if combination == Combination::Robust {
        while let Some(far) = farthest(&found, &kept, cut_off) {
            kept[far] = false;
            check_majority(&kept)?;
            found = distances(&kept)?;
        }
    }
    let chains = combined(shards, &frame, &moments, &kept)?;
    Ok(summary(chains, positions(&kept, false), found, cut_off))
}

/// The shard farthest from the others among those kept, where it is beyond the cut-off.
fn farthest(distances: &[f64], kept: &[bool], cut_off: f64) -> Option<usize> {
    let beyond = (0..kept.len()).filter(|k| kept[*k] && distances[*k] > cut_off);
    beyond.max_by(|a, b| distances[*a].total_cmp(&distances[*b]))
}

/// An error where half of the shards or more are left out.
fn check_majority(kept: &[bool]) -> Result<(), ConsensusError> {
    let (mut out, of) = (positions(kept, false), kept.len());
    if 2 * out.len() < of {
        return Ok(());
    }
    if out.len() + 1 == of {
        // The last one agrees with nobody either.
        out = (0..of).collect();
    }
    Err(ConsensusError::Disagree { shards: out, of })
}

fn positions(kept: &[bool], wanted: bool) -> Vec<usize> {
    (0..kept.len()).filter(|k| kept[*k] == wanted).collect()
}

/// Distance D of shard `k` from the consensus of the others that are kept.
fn distance(moments: &[Moments], kept: &[bool], k: usize) -> Result<f64, ConsensusError> {
    let others = (0..moments.len()).filter(|j| kept[*j] && *j != k).map(|j| &moments[j]);
    let d = moments[k].mean.nrows();
    let (mut weight, mut weighted) = (Mat::<f64>::zeros(d, d), Col::<f64>::zeros(d));
    for other in others {
        weight += &other.weight;
        weighted += &other.weight * &other.mean;
    }
    let singular = || ConsensusError::Singular { shard: k };
    let covariance = moments::inverse(&weight).ok_or_else(singular)?;
    let apart = &moments[k].mean - &covariance * &weighted;
    let of_apart = &moments[k].covariance + &covariance;
    let inverse = moments::inverse(&of_apart).ok_or_else(singular)?;
    // Rounding may leave a distance of nearly nothing below 0.
    Ok((apart.transpose() * inverse * &apart).max(0.0).sqrt())
}

/// The draws of the kept shards, weighted.
fn combined(
    shards: &[ShardDraws],
    frame: &Frame,
    moments: &[Moments],
    kept: &[bool],
) -> Result<Vec<Vec<Vec<f64>>>, ConsensusError> {
    let kept = positions(kept, true);
    let d = frame.dimension();
    let total = kept.iter().fold(Mat::<f64>::zeros(d, d), |sum, k| sum + &moments[*k].weight);
    let inverse = moments::inverse(&total).ok_or(ConsensusError::Singular { shard: kept[0] })?;
    let shares: Vec<Mat<f64>> = kept.iter().map(|k| &inverse * &moments[*k].weight).collect();
    let chain = |c: usize| {
        let length = shards[0].chains[c].len();
        let mut sum = Mat::<f64>::zeros(d, length);
        for (k, share) in kept.iter().zip(&shares) {
            sum += share * frame.scaled(&shards[*k].chains[c]);
        }
        frame.draws(&sum)
    };
    Ok((0..shards[0].chains.len()).map(chain).collect())
}

fn summary(
    draws: Vec<Vec<Vec<f64>>>,
    left_out: Vec<usize>,
    distances: Vec<f64>,
    cut_off: f64,
) -> Consensus {
    let all: Vec<&Vec<f64>> = draws.iter().flatten().collect();
    let (d, n) = (all[0].len(), all.len() as f64);
    let mean: Vec<f64> = (0..d).map(|i| all.iter().map(|draw| draw[i]).sum::<f64>() / n).collect();
    let mut covariance = vec![0.0; d * d];
    for i in 0..d {
        for j in 0..=i {
            let product = |draw: &&Vec<f64>| (draw[i] - mean[i]) * (draw[j] - mean[j]);
            let value = all.iter().map(product).sum::<f64>() / (n - 1.0);
            covariance[i * d + j] = value;
            covariance[j * d + i] = value;
        }
    }
    Consensus { draws, mean, covariance, left_out, distances, cut_off }
}

#[cfg(test)]
mod tests;
