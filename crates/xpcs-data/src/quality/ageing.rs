//! How the decay changes with age.

use serde::Serialize;

use super::LagSums;
use crate::triangle::Triangle;

/// Groups of ages from which the uncertainty of a half-decay is taken.
const GROUPS: usize = 4;
/// Blocks of frames of a group, spread over the third so that ageing within it is not noise.
const BLOCKS: usize = 3;
/// Ratios this near 1 are no ageing, however small the uncertainty is.
const SAME: f64 = 0.1;
/// Standard deviations beyond which a ratio differs from 1.
const SIGMAS: f64 = 3.0;

/// A half-decay in frames with its standard error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HalfDecay {
    /// Lag, frames.
    pub frames: f64,
    /// Standard error, frames.
    pub stderr: f64,
}

/// Half-decay among the first and among the last third of the frames.
///
/// **Formula.** In a third, g(l) is the mean of c2 at lag l over its pairs; the half-decay is the
/// lag at which g − baseline falls to half of 2 g(1) − g(2) − baseline, on the line between two
/// lags. Standard error: jackknife over four groups of ages of three blocks each; too small where the decay is longer
/// than a block. Ageing is seen where ln ratio is
/// beyond 0.1 and three of its standard errors.
///
/// **Edges.** None where a third does not fall by half within itself, or has fewer than 12 frames.
/// **Checked by** `the_ratio_is_that_of_the_decays`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ageing {
    /// First third.
    pub early: Option<HalfDecay>,
    /// Last third.
    pub late: Option<HalfDecay>,
    /// Late over early.
    pub ratio: Option<f64>,
    /// Standard error of the ratio.
    pub ratio_stderr: Option<f64>,
    /// Whether the ratio differs from 1.
    pub seen: bool,
}

impl Ageing {
    /// That of the frames `kept`.
    pub(super) fn of(triangle: &Triangle, kept: &[usize], baseline: f64) -> Self {
        let n = triangle.frames();
        let within = |low: usize, high: usize| {
            let third: Vec<usize> =
                kept.iter().copied().filter(|k| (low..high).contains(k)).collect();
            half_decay(triangle, &third, baseline)
        };
        let (early, late) = (within(0, n / 3), within(n - n / 3, n));
        let ratio = early.zip(late).map(|(early, late)| late.frames / early.frames);
        let relative = |h: HalfDecay| h.stderr / h.frames;
        let error = early.zip(late).map(|(a, b)| relative(a).hypot(relative(b)));
        let seen = ratio
            .zip(error)
            .is_some_and(|(ratio, error)| ratio.ln().abs() > SAME.max(SIGMAS * error));
        let ratio_stderr = ratio.zip(error).map(|(ratio, error)| ratio * error);
        Self { early, late, ratio, ratio_stderr, seen }
    }
}

fn half_decay(triangle: &Triangle, frames: &[usize], baseline: f64) -> Option<HalfDecay> {
    if frames.len() < 3 * GROUPS {
        return None;
    }
    let value = half_lag(&LagSums::over(triangle, frames), frames.len(), baseline)?;
    let size = frames.len().div_ceil(GROUPS * BLOCKS);
    let without: Vec<f64> = (0..GROUPS)
        .filter_map(|g| {
            let left: Vec<usize> = frames
                .iter()
                .enumerate()
                .filter(|(k, _)| k / size % GROUPS != g)
                .map(|(_, frame)| *frame)
                .collect();
            half_lag(&LagSums::over(triangle, &left), frames.len(), baseline)
        })
        .collect();
    if without.len() < GROUPS {
        return None;
    }
    let mean = without.iter().sum::<f64>() / GROUPS as f64;
    let squares: f64 = without.iter().map(|x| (x - mean).powi(2)).sum();
    let stderr = (squares * (GROUPS - 1) as f64 / GROUPS as f64).sqrt();
    Some(HalfDecay { frames: value, stderr })
}

fn half_lag(lags: &LagSums, end: usize, baseline: f64) -> Option<f64> {
    let above = |lag: usize| lags.mean(lag..lag + 1) - baseline;
    let half = 0.5 * (2.0 * above(1) - above(2));
    let lag = (1..end).find(|lag| above(*lag) <= half)?;
    let before = if lag == 1 { 2.0 * half } else { above(lag - 1) };
    Some((lag - 1) as f64 + (before - half) / (before - above(lag)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::matrix;
    use super::*;

    #[test]
    fn the_ratio_is_that_of_the_decays() {
        let all: Vec<usize> = (0..300).collect();
        let steady = matrix(300, |i, j| 1.0 + 0.3 * (-((j - i) as f64) / 10.0).exp());
        let found = Ageing::of(&steady, &all, 1.0);
        let early = found.early.unwrap().frames;
        assert!((early - 10.0 * 2f64.ln()).abs() < 0.1 && !found.seen, "{found:?}");
        let slowing = matrix(300, |i, j| {
            let rate = if i < 150 { 0.2 } else { 0.1 };
            1.0 + 0.3 * (-rate * (j - i) as f64).exp()
        });
        let found = Ageing::of(&slowing, &all, 1.0);
        assert!((found.ratio.unwrap() - 2.0).abs() < 0.1 && found.seen, "{found:?}");
        let frozen = matrix(300, |i, j| 1.0 + 0.3 * (-((j - i) as f64) / 1e4).exp());
        assert_eq!(Ageing::of(&frozen, &all, 1.0).early, None);
    }
}
