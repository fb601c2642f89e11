//! The quality of one matrix before any model: outlier frames, baseline, contrast, ageing.

mod ageing;
mod outliers;

use serde::Serialize;

use crate::samples::Samples;
use crate::triangle::Triangle;

pub use ageing::{Ageing, HalfDecay};
pub use outliers::{Outlier, outliers};

/// A baseline that drifts by more than this part of the contrast is worth a note; the
/// noise of some hundred pixels makes a tenth.
pub const DRIFT_NOTED: f64 = 0.25;

/// Mean over the longest lags may still fall by this part of the contrast where it has ended.
const SETTLED: f64 = 0.05;

/// What one matrix is like before any model.
///
/// **Formula.** g(l): mean of the finite c2 at lag l frames, outlier frames left out. Baseline:
/// mean over the pairs with lags of N/2 and more. Contrast: 2 g(1) − g(2) − baseline, the line
/// through the first two lags taken to lag 0. Drift: slope of c2 against the age (i + j)/2 over
/// the baseline pairs, times N, over the contrast; every lag is symmetric about age N/2, so that
/// the decay does not enter.
///
/// **Symbols.** N: frames along a side; ages and lags in frames; c2 and all levels without unit.
///
/// **Edges.** The baseline is not reached where the mean over lags of 3N/4 and more is below that
/// over N/2 to 3N/4 by more than a twentieth of the contrast; baseline and contrast are then a
/// lower bound of the decay's depth and the drift is that of the decay. The contrast is too small
/// where the decay is not resolved by the first two lags. NaN where there are no pairs.
///
/// **Cost.** Some passes over the pairs. **Checked by** the tests of this file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quality {
    /// NaN and infinite values.
    pub not_finite: usize,
    /// Negative values.
    pub negative: usize,
    /// Frames that deviate from their neighbours, ascending.
    pub outliers: Vec<Outlier>,
    /// Mean of the pairs with the longest lags.
    pub baseline: f64,
    /// Whether the decay has ended at these lags.
    pub baseline_reached: bool,
    /// Change of the baseline over the series, in units of the contrast.
    pub drift: f64,
    /// Level at lag 0, extrapolated, above the baseline.
    pub contrast: f64,
    /// How the decay changes with age.
    pub ageing: Ageing,
}

impl Quality {
    /// That of one matrix.
    pub fn of(triangle: &Triangle) -> Self {
        Self::among(triangle, Vec::new())
    }

    /// That of one matrix without some of its frames, and without some of its rows.
    pub fn without(triangle: &Triangle, frames: &[usize], rows: &[usize]) -> Self {
        let n = triangle.frames();
        let [mut frame, mut row] = [vec![false; n], vec![false; n]];
        frames.iter().for_each(|k| frame[*k] = true);
        rows.iter().for_each(|i| row[*i] = true);
        let value = |i: usize, j: usize| match frame[i] || frame[j] || row[i] {
            true => f64::NAN,
            false => triangle.get(i, j),
        };
        let packed = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
        let packed = packed.map(|(i, j)| value(i, j)).collect();
        let left = Triangle::new(n, Samples::F64(packed));
        let mut quality = Self::among(&left, frames.to_vec());
        let taking = |i: usize, j: usize| !(frame[i] || frame[j] || row[i]);
        let pairs = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
        let pairs = pairs.filter(|(i, j)| taking(*i, *j));
        quality.not_finite = pairs.filter(|(i, j)| !triangle.get(*i, *j).is_finite()).count();
        quality
    }

    /// That of the frames of a matrix besides those that are `gone`, ascending.
    fn among(triangle: &Triangle, gone: Vec<usize>) -> Self {
        let mut outliers = outliers(triangle);
        outliers.retain(|o| gone.binary_search(&o.frame).is_err());
        let mut out: Vec<usize> = outliers.iter().map(|o| o.frame).chain(gone).collect();
        out.sort_unstable();
        let kept: Vec<usize> =
            (0..triangle.frames()).filter(|k| out.binary_search(k).is_err()).collect();
        let lags = LagSums::over(triangle, &kept);
        let n = triangle.frames();
        let baseline = lags.mean(n / 2..n);
        let contrast = 2.0 * lags.mean(1..2) - lags.mean(2..3) - baseline;
        let fall = lags.mean(n / 2..3 * n / 4) - lags.mean(3 * n / 4..n);
        let (not_finite, negative) = counts(triangle);
        Self {
            not_finite,
            negative,
            outliers,
            baseline,
            baseline_reached: fall <= SETTLED * contrast,
            drift: slope_over_age(triangle, &kept) * n as f64 / contrast,
            contrast,
            ageing: Ageing::of(triangle, &kept, baseline),
        }
    }

    /// What a user ought to look at, one phrase each; empty for good data.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.not_finite > 0 {
            notes.push(format!("{} values are NaN or infinite", self.not_finite));
        }
        if self.negative > 0 {
            notes.push(format!("{} values are negative", self.negative));
        }
        if !self.outliers.is_empty() {
            notes.push(format!("{} outlier frames", self.outliers.len()));
        }
        if self.baseline_reached && self.drift.abs() > DRIFT_NOTED {
            notes.push(format!(
                "the baseline drifts by {:.0} % of the contrast",
                100.0 * self.drift
            ));
        }
        notes
    }
}

/// Numbers of values that are not finite, and of negative ones.
fn counts(triangle: &Triangle) -> (usize, usize) {
    let n = triangle.frames();
    let mut row = vec![0.0; n];
    let (mut not_finite, mut negative) = (0, 0);
    for i in 0..n {
        let row = &mut row[..n - i - 1];
        triangle.row_into(i, i + 1..n, row);
        not_finite += row.iter().filter(|v| !v.is_finite()).count();
        negative += row.iter().filter(|v| v.is_finite() && **v < 0.0).count();
    }
    (not_finite, negative)
}

/// Sum and number of the finite values at each lag.
pub(crate) struct LagSums(Vec<(f64, usize)>);

impl LagSums {
    /// Over the pairs of the frames `kept`, ascending.
    pub(crate) fn over(triangle: &Triangle, kept: &[usize]) -> Self {
        let mut sums = vec![(0.0, 0); triangle.frames()];
        for (k, i) in kept.iter().enumerate() {
            for j in &kept[k + 1..] {
                let value = triangle.get(*i, *j);
                if value.is_finite() {
                    let (sum, count) = &mut sums[j - i];
                    *sum += value;
                    *count += 1;
                }
            }
        }
        Self(sums)
    }

    /// Mean over the pairs at these lags; NaN where there is none.
    pub(crate) fn mean(&self, lags: std::ops::Range<usize>) -> f64 {
        let range = lags.start.min(self.0.len())..lags.end.min(self.0.len());
        let (sum, count) =
            self.0[range].iter().fold((0.0, 0), |(sum, count), (s, c)| (sum + s, count + c));
        sum / count as f64
    }
}

/// Least-squares slope of c2 against age over lags of half the series and more, a frame.
fn slope_over_age(triangle: &Triangle, kept: &[usize]) -> f64 {
    let half = triangle.frames() / 2;
    let (mut count, mut x, mut y, mut xx, mut xy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (k, i) in kept.iter().enumerate() {
        for j in kept[k + 1..].iter().filter(|j| *j - i >= half) {
            let value = triangle.get(*i, *j);
            if value.is_finite() {
                let age = 0.5 * (i + j) as f64 - half as f64;
                count += 1.0;
                x += age;
                y += value;
                xx += age * age;
                xy += age * value;
            }
        }
    }
    (xy - x * y / count) / (xx - x * x / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn matrix(frames: usize, value: impl Fn(usize, usize) -> f64) -> Triangle {
        let value = &value;
        let packed = (0..frames).flat_map(|i| (i + 1..frames).map(move |j| value(i, j)));
        Triangle::new(frames, Samples::F64(packed.collect()))
    }

    #[test]
    fn contrast_and_baseline_are_those_of_the_decay() {
        let q = Quality::of(&matrix(200, |i, j| 1.0 + 0.3 * (-((j - i) as f64) / 20.0).exp()));
        assert!((q.baseline - 1.0).abs() < 1e-3, "{q:?}");
        assert!((q.contrast - 0.3).abs() < 2e-3 && q.baseline_reached, "{q:?}");
        assert!(q.drift.abs() < 1e-9 && q.outliers.is_empty() && q.notes().is_empty(), "{q:?}");
    }

    #[test]
    fn a_drift_is_told_in_units_of_the_contrast() {
        let q = Quality::of(&matrix(200, |i, j| {
            let age = 0.5 * (i + j) as f64 / 200.0;
            1.0 + 0.09 * age + 0.3 * (-((j - i) as f64) / 10.0).exp()
        }));
        assert!((q.drift - 0.3).abs() < 0.01, "{q:?}");
        assert_eq!(q.notes(), ["the baseline drifts by 30 % of the contrast"]);
    }

    #[test]
    fn what_is_left_out_is_no_outlier_and_not_counted() {
        let decay = |i: usize, j: usize| 1.0 + 0.2 * (-((j - i) as f64) / 4.0).exp();
        let bad = |k: usize| (7..20).contains(&k);
        let whole = matrix(60, |i, j| if bad(i) || bad(j) { f64::NAN } else { decay(i, j) });
        let q = Quality::without(&whole, &(7..20).collect::<Vec<_>>(), &[]);
        assert!(q.outliers.is_empty() && q.not_finite == 0 && q.notes().is_empty(), "{q:?}");
        assert!((q.contrast - 0.2).abs() < 0.02, "{q:?}");
    }

    #[test]
    fn bad_values_are_counted_and_left_out() {
        let q = Quality::of(&matrix(60, |i, j| match (i, j) {
            (7, _) | (_, 7) => f64::NAN,
            (3, 9) => -0.5,
            _ => 1.0 + 0.2 * (-((j - i) as f64) / 4.0).exp(),
        }));
        assert_eq!((q.not_finite, q.negative), (59, 1));
        assert_eq!(q.outliers.iter().map(|o| o.frame).collect::<Vec<_>>(), [7]);
        assert!((q.baseline - 1.0).abs() < 1e-3, "{q:?}");
    }
}
