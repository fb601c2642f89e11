//! Draws of a consensus weighted by what all data say of them.

use dyne_sample::{DensityError, LogDensity};
use faer::linalg::solvers::Solve;
use faer::{Mat, Side};

/// Share of the draws that the weights must leave in effect; with fewer the consensus is too far off to be mended.
pub(in crate::posterior) const LEAST_SHARE: f64 = 0.1;

/// Which draws stand in for equally many of the posterior of all data, and the share that is in effect.
///
/// **Formula** $w_s \propto p(z_s)/q(z_s)$, p the density of all data and q the normal one with mean and covariance of the
/// consensus; systematic resampling; share $1/(n\sum_s w_s^2)$. **Symbols** z: n draws. **Edges** nothing where the
/// covariance is singular or no draw has a value. **Cost** one sweep of all data a draw, some tenth of those of the
/// chains. **Source** Kitagawa, J. Comput. Graph. Stat. 5 (1996) 1, doi:10.1080/10618600.1996.10474692, for the
/// resampling. **Checked by** `a_shifted_consensus_is_mended`.
pub(super) fn reweighted(
    densities: &[Result<f64, DensityError>],
    draws: &[&[f64]],
    mean: &[f64],
    covariance: &[f64],
) -> Option<(Vec<usize>, f64)> {
    let d = mean.len();
    let factor = Mat::from_fn(d, d, |i, j| covariance[i * d + j]).llt(Side::Lower).ok()?;
    let ln_ratio = |(density, z): (&Result<f64, DensityError>, &&[f64])| {
        let rest = Mat::from_fn(d, 1, |i, _| z[i] - mean[i]);
        let solved = factor.solve(&rest);
        let distance: f64 = (0..d).map(|i| rest[(i, 0)] * solved[(i, 0)]).sum();
        density.as_ref().map_or(f64::NEG_INFINITY, |value| value + 0.5 * distance)
    };
    let ratios: Vec<f64> = densities.iter().zip(draws).map(ln_ratio).collect();
    let top = ratios.iter().copied().filter(|r| r.is_finite()).reduce(f64::max)?;
    let weights: Vec<f64> = ratios.iter().map(|r| (r - top).exp()).collect();
    let (sum, n) = (weights.iter().sum::<f64>(), weights.len());
    let share = sum * sum / weights.iter().map(|w| w * w).sum::<f64>() / n as f64;
    let (mut picked, mut below, mut next) = (Vec::with_capacity(n), 0.0, 0);
    for (k, weight) in weights.iter().enumerate() {
        below += weight / sum * n as f64;
        while next < n && (next as f64 + 0.5) < below {
            picked.push(k);
            next += 1;
        }
    }
    // Rounding may leave the last place empty.
    picked.resize(n, n - 1);
    Some((picked, share))
}

/// The density of all data at some draws.
pub(super) fn densities(
    density: &dyn LogDensity,
    draws: &[&[f64]],
    lanes: &dyne_runtime::Lanes,
) -> Vec<Result<f64, DensityError>> {
    lanes.map(draws, |z| density.evaluate(z, &mut vec![0.0; z.len()]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dyne_runtime::Stream;

    #[test]
    fn a_shifted_consensus_is_mended() {
        // Draws about 0.5 with a standard deviation of 1.1 for a density about 0 with one of 1.
        let mut random = Stream::new(4).generator();
        let draws: Vec<Vec<f64>> =
            (0..8000).map(|_| vec![0.5 + 1.1 * random.normal(), random.normal()]).collect();
        let draws: Vec<&[f64]> = draws.iter().map(Vec::as_slice).collect();
        let values: Vec<Result<f64, DensityError>> =
            draws.iter().map(|z| Ok(-0.5 * (z[0] * z[0] + z[1] * z[1]))).collect();
        let (mean, covariance) = ([0.5, 0.0], [1.21, 0.0, 0.0, 1.0]);
        let (picked, share) = reweighted(&values, &draws, &mean, &covariance).unwrap();
        assert_eq!(picked.len(), 8000);
        assert!((0.6..0.95).contains(&share), "{share}");
        let mean = picked.iter().map(|k| draws[*k][0]).sum::<f64>() / 8000.0;
        let variance = picked.iter().map(|k| draws[*k][0].powi(2)).sum::<f64>() / 8000.0;
        assert!(mean.abs() < 0.05 && (variance - 1.0).abs() < 0.06, "{mean}, {variance}");
        let singular = [1.0, 1.0, 1.0, 1.0];
        assert!(reweighted(&values, &draws, &[0.5, 0.0], &singular).is_none());
    }
}
