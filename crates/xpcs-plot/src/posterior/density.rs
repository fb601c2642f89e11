//! Densities of draws.

use crate::g2::evenly;

/// Most draws that a density rests on: more change nothing that is seen.
const MOST: usize = 4000;
/// Bandwidths beyond which a kernel is nothing.
const REACH: f64 = 5.0;

/// Density of draws at evenly spaced places from `range[0]` to `range[1]`, both among them.
///
/// **Formula.** f(x) = Σᵢ φ((x − xᵢ)/h)/(n h), φ the standard normal density, h = 0.9 min(s, IQR/1.34)
/// n^(−1/5). **Symbols.** `draws`, `range`: one unit, that of x; f: its inverse. **Edges.** Draws that
/// are not finite do not count; of more than 4000 that many are taken evenly. Absent with fewer than
/// two draws, draws that are all equal, or a range without extent. **Cost.** A sort, then at most
/// draws × places. **Source.** B. W. Silverman, Density Estimation (1986), eq. 3.31. **Checked by**
/// `normal_draws_have_a_normal_density`, `draws_without_spread_have_none`.
pub(super) fn density(draws: &[f64], range: [f64; 2], places: usize) -> Option<Vec<f64>> {
    let [lo, hi] = range;
    let all = sorted(draws);
    let sorted: Vec<f64> = evenly(all.len(), MOST).into_iter().map(|k| all[k]).collect();
    let h = bandwidth(&sorted)?;
    if !(hi > lo && places > 1) {
        return None;
    }
    let norm = sorted.len() as f64 * h * std::f64::consts::TAU.sqrt();
    let at = |k: usize| {
        let x = lo + (hi - lo) * k as f64 / (places - 1) as f64;
        let first = sorted.partition_point(|v| *v < x - REACH * h);
        let last = sorted.partition_point(|v| *v <= x + REACH * h);
        let kernels = sorted[first..last].iter().map(|v| (-0.5 * ((x - v) / h).powi(2)).exp());
        kernels.sum::<f64>() / norm
    };
    Some((0..places).map(at).collect())
}

fn bandwidth(sorted: &[f64]) -> Option<f64> {
    let n = sorted.len() as f64;
    if sorted.len() < 2 {
        return None;
    }
    let mean = sorted.iter().sum::<f64>() / n;
    let sd = (sorted.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    let middle = (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 1.34;
    let spread = if middle > 0.0 { sd.min(middle) } else { sd };
    // Rounding leaves a spread to a mean of equal numbers.
    let least = 1e-12 * sorted[0].abs().max(sorted[sorted.len() - 1].abs());
    Some(0.9 * spread * n.powf(-0.2)).filter(|h| h.is_finite() && *h > least)
}

/// Finite values in ascending order.
pub(super) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut out: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    out.sort_by(f64::total_cmp);
    out
}

/// Quantile of sorted values, between neighbours by straight lines; NaN without any.
pub(super) fn quantile(sorted: &[f64], level: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = level.clamp(0.0, 1.0) * last as f64;
    let below = place as usize;
    let above = (below + 1).min(last);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_draws_have_a_normal_density() {
        // Quantiles of the logistic distribution, whose density is 1/4 at its centre.
        let draws: Vec<f64> = (1..20_000).map(|k| f64::from(k) / 20_000.0).collect();
        let draws: Vec<f64> = draws.into_iter().map(|u| (u / (1.0 - u)).ln()).collect();
        let found = density(&draws, [-30.0, 30.0], 601).unwrap();
        let total = 0.1 * found.iter().sum::<f64>();
        assert!((total - 1.0).abs() < 1e-3, "{total}");
        assert!((found[300] - 0.25).abs() < 5e-3, "{}", found[300]);
    }

    #[test]
    fn draws_without_spread_have_none() {
        assert_eq!(density(&[0.1; 50], [0.0, 1.0], 9), None);
        assert_eq!(density(&[f64::NAN, 1.0], [0.0, 1.0], 9), None);
        assert_eq!(density(&[1.0, 2.0], [1.0, 1.0], 9), None);
        assert!(density(&[1.0, 2.0, f64::INFINITY], [0.0, 3.0], 9).is_some());
    }

    #[test]
    fn quantiles_lie_between_neighbours() {
        let values = sorted(&[3.0, f64::NAN, 1.0, 2.0]);
        assert_eq!(quantile(&values, 0.5), 2.0);
        assert_eq!(quantile(&values, 0.75), 2.5);
        assert!(quantile(&[], 0.5).is_nan());
    }
}
