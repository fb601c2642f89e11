//! Means and covariances of shards in units in which they can be added.

use faer::linalg::solvers::DenseSolveCore;
use faer::{Col, Mat, Side};

use super::{ConsensusError, ShardDraws};

/// Least pivot, in the Cholesky factorisation of a correlation matrix, that is not rounding: a matrix from draws
/// carries some 1e-15, and the inverse of a pivot of 1e-12 has three digits left.
const LEAST_PIVOT: f64 = 1e-12;

/// Origin and unit of each coordinate: the mean of the means of all shards, and the standard deviation within shards.
pub(super) struct Frame {
    origin: Vec<f64>,
    unit: Vec<f64>,
}

impl Frame {
    /// The frame of shards of one shape.
    pub(super) fn of(shards: &[ShardDraws]) -> Result<Self, ConsensusError> {
        check(shards)?;
        let d = shards[0].chains[0][0].len();
        let count = shards.len() as f64;
        let (mut origin, mut unit) = (vec![0.0; d], vec![0.0; d]);
        for (k, shard) in shards.iter().enumerate() {
            for i in 0..d {
                let spread = Spread::of(shard, k, i)?;
                origin[i] += spread.mean / count;
                unit[i] += spread.variance / count;
            }
        }
        unit.iter_mut().for_each(|unit| *unit = unit.sqrt());
        Ok(Self { origin, unit })
    }

    pub(super) fn dimension(&self) -> usize {
        self.unit.len()
    }

    /// A chain in this frame, one draw a column.
    pub(super) fn scaled(&self, chain: &[Vec<f64>]) -> Mat<f64> {
        let entry = |i: usize, s: usize| (chain[s][i] - self.origin[i]) / self.unit[i];
        Mat::from_fn(self.dimension(), chain.len(), entry)
    }

    /// The draws of which `scaled` are the columns.
    pub(super) fn draws(&self, scaled: &Mat<f64>) -> Vec<Vec<f64>> {
        let value = |i: usize, s: usize| self.origin[i] + self.unit[i] * scaled[(i, s)];
        let draw = |s: usize| (0..self.dimension()).map(|i| value(i, s)).collect();
        (0..scaled.ncols()).map(draw).collect()
    }
}

/// Mean and variance of one coordinate of a shard.
struct Spread {
    mean: f64,
    variance: f64,
}

impl Spread {
    fn of(shard: &ShardDraws, position: usize, coordinate: usize) -> Result<Self, ConsensusError> {
        let values = || shard.chains.iter().flatten().map(|draw| draw[coordinate]);
        if !values().all(f64::is_finite) {
            return Err(ConsensusError::NonFinite { shard: position, coordinate });
        }
        let n = values().count() as f64;
        let mean = values().sum::<f64>() / n;
        let variance = values().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let first = shard.chains[0][0][coordinate];
        // Equal values may leave a variance of rounding; unequal ones below 1e-154 have one of 0.
        if values().all(|x| x == first) || variance == 0.0 {
            return Err(ConsensusError::NoSpread { shard: position, coordinate });
        }
        Ok(Self { mean, variance })
    }
}

/// Whether all shards have the shape of the first, with draws enough.
fn check(shards: &[ShardDraws]) -> Result<(), ConsensusError> {
    if shards.len() < 2 {
        return Err(ConsensusError::TooFewShards { found: shards.len() });
    }
    let coordinates = shards[0].chains.iter().flatten().next().map_or(0, Vec::len);
    let draws = shards[0].chains.first().map_or(0, Vec::len);
    for (shard, ShardDraws { chains }) in shards.iter().enumerate() {
        let same = |what, found: usize, expected: usize| {
            let unequal = ConsensusError::Unequal { shard, what, found, expected };
            if found == expected { Ok(()) } else { Err(unequal) }
        };
        same("chains", chains.len(), shards[0].chains.len())?;
        for chain in chains {
            same("draws in a chain", chain.len(), draws)?;
            for draw in chain {
                same("coordinates of a draw", draw.len(), coordinates)?;
            }
        }
        let (found, expected) = (chains.len() * draws, coordinates + 2);
        if found < expected {
            return Err(ConsensusError::TooFewDraws { shard, found, expected });
        }
        if coordinates == 0 {
            return Err(ConsensusError::Empty { shard });
        }
    }
    Ok(())
}

/// What a shard says, in the units of a [`Frame`].
pub(super) struct Moments {
    pub(super) mean: Col<f64>,
    pub(super) covariance: Mat<f64>,
    /// Inverse of the covariance.
    pub(super) weight: Mat<f64>,
}

/// Moments of each shard.
pub(super) fn of_shards(
    shards: &[ShardDraws],
    frame: &Frame,
) -> Result<Vec<Moments>, ConsensusError> {
    let of = |(k, shard)| {
        let (mean, covariance) = of_draws(shard, frame);
        let weight = inverse(&covariance).ok_or(ConsensusError::Singular { shard: k })?;
        Ok(Moments { mean, covariance, weight })
    };
    shards.iter().enumerate().map(of).collect()
}

/// Mean and covariance of all draws of a shard, with n − 1 in the denominator.
fn of_draws(shard: &ShardDraws, frame: &Frame) -> (Col<f64>, Mat<f64>) {
    let d = frame.dimension();
    let chains: Vec<Mat<f64>> = shard.chains.iter().map(|chain| frame.scaled(chain)).collect();
    let n = chains.iter().map(Mat::ncols).sum::<usize>() as f64;
    let sum = |i: usize| chains.iter().flat_map(|c| c.row(i).iter()).sum::<f64>();
    let mean = Col::from_fn(d, |i| sum(i) / n);
    let mut products = Mat::<f64>::zeros(d, d);
    for chain in &chains {
        let centred = Mat::from_fn(d, chain.ncols(), |i, s| chain[(i, s)] - mean[i]);
        products += &centred * centred.transpose();
    }
    (mean, products * faer::Scale((n - 1.0).recip()))
}

/// Inverse of a symmetric positive definite matrix; nothing where it has none to the digits it has.
///
/// The factor is that of the matrix scaled to a unit diagonal, so that a pivot is what remains of a coordinate once
/// those before it are known.
pub(super) fn inverse(a: &Mat<f64>) -> Option<Mat<f64>> {
    let d = a.nrows();
    let unit: Vec<f64> = (0..d).map(|i| a[(i, i)].sqrt()).collect();
    let scaled = Mat::from_fn(d, d, |i, j| a[(i, j)] / (unit[i] * unit[j]));
    let factor = scaled.llt(Side::Lower).ok()?;
    let lower = factor.L();
    // The other way round NaN would pass.
    if !(0..d).all(|i| lower[(i, i)].powi(2) > LEAST_PIVOT) {
        return None;
    }
    let inverse = factor.inverse();
    Some(Mat::from_fn(d, d, |i, j| inverse[(i, j)] / (unit[i] * unit[j])))
}
