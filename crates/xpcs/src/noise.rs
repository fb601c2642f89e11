//! The noise of a fit: what the residuals tell of it, and the weights that follow.

use crate::config::NoiseModel;
use crate::residuals::BinResiduals;

/// Lags of the residual correlation along a row, frames.
pub const DISTANCES: [usize; 6] = [1, 2, 4, 8, 16, 32];

/// Fewest pairs that a variance is taken from.
const FEWEST: f64 = 32.0;

/// Ratio of the variances of two bins below which they weigh the same.
const ALIKE: f64 = 1.21;

/// Weights of the pairs of a fit, relative to one another.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Weights<'a> {
    /// All pairs weigh the same.
    Equal,
    /// One number a bin and lag, the lag counted in frames that take part.
    ByLag(&'a [Vec<f64>]),
}

impl<'a> Weights<'a> {
    /// Weights of one bin by lag; nothing where all are 1.
    pub fn of(self, bin: usize) -> Option<&'a [f64]> {
        match self {
            Self::Equal => None,
            Self::ByLag(weights) => Some(&weights[bin]),
        }
    }
}

/// Whether a noise model may give the pairs of this many bins unequal weights.
pub fn may_weigh(model: NoiseModel, bins: usize) -> bool {
    match model {
        NoiseModel::Global => false,
        NoiseModel::PerAngle => bins > 1,
        NoiseModel::PerLag => true,
    }
}

/// Weights 1/σ² from the residuals of an unweighted or earlier fit, scaled to a mean of 1 over all
/// pairs.
///
/// **Formula** $w = \bar\sigma^2/\sigma^2$; `per_angle`: σ² = Σr²/n of the bin; `per_lag`: of the
/// bin and the lags of one log-spaced class. $\bar\sigma^2$ is the harmonic mean over pairs.
/// **Symbols** r: residuals; n: pairs. **Edges** a class of fewer than 32 pairs takes the variance
/// of the class before it, the first ones that of their bin; where the residuals of any class are
/// 0 (data without noise) there are no weights, nor with `per_angle` where the standard deviations of all bins
/// lie within a tenth. `global` has none.
/// **Source** the Gaussian likelihood with one variance a class, maximised over the variances.
/// **Checked by** `weights_undo_unequal_noise`, `tests/fits/noise.rs`.
pub fn weights(model: NoiseModel, residuals: &[BinResiduals]) -> Option<Vec<Vec<f64>>> {
    let variances: Vec<Vec<f64>> = residuals
        .iter()
        .map(|bin| {
            let whole = bin.ssr / bin.pairs.max(1) as f64;
            match model {
                NoiseModel::Global => vec![1.0; bin.statistics.class.len()],
                NoiseModel::PerAngle => vec![whole; bin.statistics.class.len()],
                NoiseModel::PerLag => by_lag(bin, whole),
            }
        })
        .collect();
    let usable = |v: &Vec<f64>| v.iter().all(|v| *v > 0.0 && v.is_finite());
    if model == NoiseModel::Global || !variances.iter().all(usable) {
        return None;
    }
    if model == NoiseModel::PerAngle && alike(&variances) {
        return None;
    }
    let (mut pairs, mut sum) = (0.0, 0.0);
    for (bin, variances) in residuals.iter().zip(&variances) {
        for (class, [n, _]) in bin.statistics.lags.iter().enumerate() {
            let lag = bin.statistics.class.iter().position(|c| *c == class);
            let variance = lag.map_or(f64::INFINITY, |lag| variances[lag]);
            pairs += n;
            sum += n / variance;
        }
    }
    let mean = pairs / sum;
    Some(variances.into_iter().map(|v| v.into_iter().map(|v| mean / v).collect()).collect())
}

/// Whether the variances of all bins are nearly the same.
fn alike(variances: &[Vec<f64>]) -> bool {
    let of_bins = variances.iter().flat_map(|v| v.first().copied());
    let [low, high] =
        of_bins.fold([f64::INFINITY, 0.0], |[low, high], v| [v.min(low), v.max(high)]);
    high < ALIKE * low
}

/// Variance at each lag of a bin.
fn by_lag(bin: &BinResiduals, whole: f64) -> Vec<f64> {
    let mut last = whole;
    let classes: Vec<f64> = bin
        .statistics
        .lags
        .iter()
        .map(|[n, ssr]| {
            if *n >= FEWEST {
                last = ssr / n;
            }
            last
        })
        .collect();
    bin.statistics.class.iter().map(|class| classes[*class]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::MapTriple;
    use crate::residuals::Statistics;

    fn bin(lags: Vec<[f64; 2]>) -> BinResiduals {
        let pairs: f64 = lags.iter().map(|l| l[0]).sum();
        let ssr: f64 = lags.iter().map(|l| l[1]).sum();
        let map = MapTriple {
            pixels: 0,
            t_start_s: 0.0,
            t_end_s: 0.0,
            data: Vec::new(),
            fit: Vec::new(),
            residual: Vec::new(),
        };
        let mut statistics = Statistics::default();
        (statistics.class, statistics.lags) = (vec![0, 0, 1, 1], lags);
        BinResiduals {
            ssr,
            weighted: ssr,
            pairs: pairs as u64,
            map,
            cuts: Vec::new(),
            statistics,
            cells: crate::residuals::Cells::default(),
        }
    }

    #[test]
    fn weights_undo_unequal_noise() {
        let residuals =
            [bin(vec![[100.0, 1.0], [100.0, 4.0]]), bin(vec![[100.0, 16.0], [10.0, 0.0]])];
        let found = weights(NoiseModel::PerLag, &residuals).unwrap();
        assert!((found[0][0] / found[0][2] - 4.0).abs() < 1e-12);
        assert!((found[0][0] / found[1][0] - 16.0).abs() < 1e-12);
        assert_eq!(found[1][2], found[1][0], "too few pairs: the class before");
        let mean = (100.0 * (found[0][0] + found[0][2] + found[1][0]) + 10.0 * found[1][2]) / 310.0;
        assert!((mean - 1.0).abs() < 1e-12);
        let angle = weights(NoiseModel::PerAngle, &residuals).unwrap();
        assert_eq!(angle[0][0], angle[0][2]);
        assert!(weights(NoiseModel::Global, &residuals).is_none());
        assert!(weights(NoiseModel::PerAngle, &[bin(vec![[9.0, 0.0], [9.0, 0.0]])]).is_none());
    }
}
