//! Frames that deviate from their neighbours.

use serde::Serialize;

use crate::triangle::Triangle;

/// Robust standard deviations beyond which a frame is an outlier.
const SIGMAS: f64 = 5.0;
/// Deviations up to this part of the contrast are no outliers, however small the noise is.
const FLOOR: f64 = 0.05;
/// Deviations up to this part of the level are none either: the curvature of slow ageing.
const LEAST: f64 = 0.01;
/// Standard deviation of normal numbers over their median absolute deviation.
const MAD: f64 = 1.4826;

/// A frame that deviates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Outlier {
    /// Position, from 0.
    pub frame: usize,
    /// Level less that of its neighbours, in units of c2; NaN where half its pairs are not finite.
    pub deviation: f64,
}

/// Frames whose level deviates from that of their neighbours by more than five robust standard
/// deviations, as in a beam dump.
///
/// **Formula.** a(k): median of c2 over the pairs of frame k at lags of N/4 to N/2, which every
/// frame has, so that neither the short-lag correlation nor the ends of the series enter; the
/// median keeps a dump from pulling the other frames. r(k) = a(k) − trend(k), trend: running
/// median over 2h + 1 frames, at the ends the Theil-Sen line of the first and last 2h + 1 frames.
/// σ(k): the larger of 1.4826·MAD of r over the series and over 8h frames around k. Outlier:
/// |r| > 5 σ(k), |r| > 0.05·(median of c2 at lag 1 − median of a) and |r| > 0.01·(median of a).
///
/// **Symbols.** N: frames; h: N/10, within 5 … 50.
///
/// **Edges.** A dump longer than h frames counts as the trend. A frame of which half the pairs or
/// more are not finite is an outlier. Fewer than 16 frames have none.
///
/// **Cost.** One pass over half the pairs, and a sort of each row.
///
/// **Source.** Rousseeuw and Croux, JASA 88 (1993) 1273, doi:10.1080/01621459.1993.10476408, for
/// the MAD. **Checked by** `a_dump_is_found` and `clean_speckles_have_no_outliers`.
pub fn outliers(triangle: &Triangle) -> Vec<Outlier> {
    let n = triangle.frames();
    if n < 16 {
        return Vec::new();
    }
    let levels: Vec<Option<f64>> = (0..n).map(|k| level(triangle, k)).collect();
    let known: Vec<usize> = (0..n).filter(|k| levels[*k].is_some()).collect();
    let a: Vec<f64> = levels.iter().flatten().copied().collect();
    let half = (n / 10).clamp(5, 50).min(a.len().saturating_sub(1) / 2);
    let r = residuals(&a, half);
    let first_lag = (0..n - 1).map(|i| triangle.get(i, i + 1)).filter(|v| v.is_finite());
    let middle = median(&mut a.clone());
    let depth = median(&mut first_lag.collect::<Vec<_>>()) - middle;
    let floor = (FLOOR * depth).max(LEAST * middle.abs());
    let whole = spread(&r);
    let mut found: Vec<Outlier> = (0..r.len())
        .filter(|k| {
            let near = k.saturating_sub(4 * half)..(k + 4 * half + 1).min(r.len());
            let sigma = whole.max(spread(&r[near]));
            r[*k].abs() > (SIGMAS * sigma).max(floor)
        })
        .map(|k| Outlier { frame: known[k], deviation: r[k] })
        .collect();
    let unknown = (0..n).filter(|k| levels[*k].is_none());
    found.extend(unknown.map(|frame| Outlier { frame, deviation: f64::NAN }));
    found.sort_by_key(|o| o.frame);
    found
}

/// Median over the pairs of frame `k` at lags of N/4 to N/2; none where half of them are not
/// finite.
fn level(triangle: &Triangle, k: usize) -> Option<f64> {
    let n = triangle.frames();
    let (low, high) = (n / 4, n / 2);
    let before = (k.saturating_sub(high)..(k + 1).saturating_sub(low)).map(|i| triangle.get(i, k));
    let after = ((k + low).min(n)..(k + high + 1).min(n)).map(|j| triangle.get(k, j));
    let all: Vec<f64> = before.chain(after).collect();
    let mut finite: Vec<f64> = all.iter().copied().filter(|v| v.is_finite()).collect();
    (2 * finite.len() > all.len()).then(|| median(&mut finite))
}

/// Levels less their trend.
fn residuals(a: &[f64], half: usize) -> Vec<f64> {
    let n = a.len();
    let width = (2 * half + 1).min(n);
    let [start, end] = [theil_sen(&a[..width]), theil_sen(&a[n - width..])];
    (0..n)
        .map(|k| {
            let trend = match k {
                k if k < half => start.0 + start.1 * k as f64,
                k if k + half >= n => end.0 + end.1 * (k + width - n) as f64,
                k => median(&mut a[k - half..k + half + 1].to_vec()),
            };
            a[k] - trend
        })
        .collect()
}

/// Value at position 0 and slope of the line through the medians.
fn theil_sen(a: &[f64]) -> (f64, f64) {
    let mut slopes: Vec<f64> = (0..a.len())
        .flat_map(|i| (i + 1..a.len()).map(move |j| (a[j] - a[i]) / (j - i) as f64))
        .collect();
    let slope = if slopes.is_empty() { 0.0 } else { median(&mut slopes) };
    let mut starts: Vec<f64> = a.iter().enumerate().map(|(k, v)| v - slope * k as f64).collect();
    (median(&mut starts), slope)
}

/// 1.4826 times the median absolute deviation.
fn spread(r: &[f64]) -> f64 {
    let middle = median(&mut r.to_vec());
    MAD * median(&mut r.iter().map(|r| (r - middle).abs()).collect::<Vec<_>>())
}

/// Upper median; NaN of nothing.
fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let at = values.len() / 2;
    *values.select_nth_unstable_by(at, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::super::tests::matrix;
    use super::*;

    #[test]
    fn a_dump_is_found() {
        // Ripple of a fixed pattern in place of noise.
        let noise = |i: usize, j: usize| 0.01 * ((i * 7919 + j * 104_729) % 101) as f64 / 101.0;
        for (factor, dump) in [(0.8, 120..126), (1.3, 60..61), (0.5, 0..3), (0.7, 298..300)] {
            let found = outliers(&matrix(300, |i, j| {
                let c2 = 1.0 + 0.3 * (-((j - i) as f64) / 15.0).exp() + noise(i, j);
                if dump.contains(&i) || dump.contains(&j) { factor * c2 } else { c2 }
            }));
            let frames: Vec<usize> = found.iter().map(|o| o.frame).collect();
            assert_eq!(frames, dump.collect::<Vec<_>>(), "{factor}");
            assert!(found.iter().all(|o| (o.deviation > 0.0) == (factor > 1.0)));
        }
    }

    #[test]
    fn ageing_is_no_outlier() {
        for exponent in [-0.5, -0.2, 0.0, 0.5] {
            let found = outliers(&matrix(250, |i, j| {
                let integral = |k: usize| ((k + 1) as f64).powf(1.0 + exponent);
                1.0 + 0.3 * (-0.02 * (integral(j) - integral(i))).exp()
            }));
            assert!(found.is_empty(), "{exponent}: {found:?}");
        }
    }
}
