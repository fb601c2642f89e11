//! Pixels behind the correlated part of the noise and behind shot noise, bin by bin, from the
//! residuals.

use dyne_xpcs_data::Counts;

use super::{PixelsSource, UncertaintyError};
use crate::residuals::{BANDS, BinResiduals};

/// Most pixels that a speckle is taken to cover.
const LARGEST: f64 = 64.0;

/// Share of the noise that a fit must leave for its residuals to tell the pixels.
const LEFT: f64 = 0.1;

/// How much each of the three parts of the noise of one bin counts.
///
/// **Formula.** $B = C_0/P_c + (C_1/n + C_2/n^2)/P_s$ with the parts that one pixel would make.
/// **Symbols** P_c: independent speckles; P_s: pixels; n: mean counts per pixel and frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BinFactors {
    /// 1/P_c.
    pub correlated: f64,
    /// 1/(n P_s); 0 without shot noise.
    pub shot: f64,
    /// 1/(n² P_s); 0 without shot noise.
    pub shot2: f64,
}

impl BinFactors {
    /// Of `pixels` that see `speckle` pixels a speckle, at 1/n counts.
    fn new(pixels: f64, speckle: f64, inverse_counts: f64) -> Self {
        Self {
            correlated: speckle / pixels,
            shot: inverse_counts / pixels,
            shot2: inverse_counts * inverse_counts / pixels,
        }
    }

    /// The three parts, each times its factor.
    pub fn combined(self, parts: [&[f64]; 3]) -> Vec<f64> {
        let [bright, mixed, dark] = parts;
        let all = bright.iter().zip(mixed).zip(dark);
        all.map(|((bright, mixed), dark)| self.sum([*bright, *mixed, *dark])).collect()
    }

    /// Three numbers, each times its factor, added up.
    pub fn sum(self, parts: [f64; 3]) -> f64 {
        self.correlated * parts[0] + self.shot * parts[1] + self.shot2 * parts[2]
    }

    /// Independent speckles P_c.
    pub fn speckles(self) -> f64 {
        self.correlated.recip()
    }

    /// Pixels P_s; nothing without shot noise.
    pub fn pixels(self) -> Option<f64> {
        (self.shot2 > 0.0).then(|| self.shot2 / (self.shot * self.shot))
    }

    /// Mean counts n; nothing without shot noise.
    pub fn counts(self) -> Option<f64> {
        (self.shot2 > 0.0).then(|| self.shot / self.shot2)
    }
}

/// What is expected of the noise of one bin, and what its residuals show.
#[derive(Clone, Copy)]
pub(super) struct Evidence<'a> {
    /// Σ over pairs of the variance of one pixel, in its three parts.
    pub variance: [f64; 3],
    /// What of it the fit absorbs: tr(H⁻¹ T C_k Tᵀ).
    pub absorbed: [f64; 3],
    /// Contrast.
    pub contrast: f64,
    /// Pixels of the bin over their mean.
    pub relative: f64,
    /// Variance of the fitted offset.
    pub offset: f64,
    /// The residuals; nothing where pixels are given.
    pub residuals: Option<&'a BinResiduals>,
}

/// A number with its standard deviation.
#[derive(Debug, Clone, Copy)]
struct Measured {
    value: f64,
    deviation: f64,
}

/// Share of the correlated part that the residuals of a bin show, before bins are put together.
struct Share {
    value: f64,
    /// Of its error, from the scatter of bands.
    variance: f64,
    /// Inverse of the variance that independent residuals would give it.
    weight: f64,
}

impl Evidence<'_> {
    /// What the residuals are expected to keep of the three parts.
    fn net(&self) -> [f64; 3] {
        std::array::from_fn(|k| self.variance[k] - self.absorbed[k])
    }

    /// Whether the fit leaves enough of a mixture of the parts.
    fn tells(&self, mixture: BinFactors) -> bool {
        let (whole, left) = (mixture.sum(self.variance), mixture.sum(self.net()));
        left > LEFT * whole && self.squares() > 0.0
    }

    /// Σ of squared residuals, weighted.
    fn squares(&self) -> f64 {
        self.residuals.map_or(0.0, |r| r.weighted)
    }

    /// Σ of the products that share no frame over their expectation at P_c = 1, and its variance
    /// from the scatter of bands.
    fn correlated(&self) -> Option<Measured> {
        let cells = &self.residuals?.cells;
        let c2 = self.contrast * self.contrast;
        let expected = c2 * cells.bands.iter().map(|b| b[1]).sum::<f64>();
        let found: f64 = cells.bands.iter().map(|b| b[0]).sum();
        let value = (found + cells.counts[0] * self.offset) / expected;
        // What a fitted offset takes from each product.
        let taken = cells.counts[0] * self.offset / expected;
        let errors = cells.bands.map(|b| b[0] - (value - taken) * c2 * b[1]);
        let used = cells.bands.iter().filter(|b| b[1] > 0.0).count() as f64;
        let deviation = scatter(&errors).sqrt() * (used / (used - 1.0)).sqrt() / expected;
        (expected > 0.0 && used > 3.0).then_some(Measured { value, deviation })
    }

    /// Mean product of residuals that share one frame, over m, times the pairs of the variance; with
    /// its error and weight. **Formula** $(c^2/P_c + c/(nP_s))\,V_2/R$, V_2 the part without n of the variance.
    fn row(&self) -> Option<Share> {
        let residuals = self.residuals?;
        let cells = &residuals.cells;
        let expected = cells.bands.iter().map(|b| b[3]).sum::<f64>();
        let used = cells.bands.iter().filter(|b| b[3] > 0.0).count() as f64;
        if !(expected > 0.0 && used > 3.0 && residuals.weighted > 0.0) {
            return None;
        }
        let taken = cells.counts[1] * self.offset / expected;
        let found = cells.bands.iter().map(|b| b[2]).sum::<f64>() / expected;
        let errors = cells.bands.map(|b| b[2] - found * b[3]);
        let scale = self.variance[2] / residuals.weighted;
        let variance = scatter(&errors) * used / (used - 1.0) * (scale / expected).powi(2);
        let weight = expected * expected / cells.counts[1];
        Some(Share { value: (found + taken) * scale, variance, weight })
    }

    /// The share of the correlated part in the variance.
    fn share(&self) -> Option<Share> {
        let net = self.net();
        let Measured { value, deviation } = self.correlated()?;
        let residuals = self.residuals?;
        if !(net[0] > LEFT * self.variance[0] && residuals.weighted > 0.0) {
            return None;
        }
        let cells = &residuals.cells;
        let scale = net[0] / residuals.weighted;
        let expected = cells.bands.iter().map(|b| b[1]).sum::<f64>() * self.contrast.powi(2);
        let white = net[0] / (residuals.pairs.max(1) as f64 * expected);
        let weight = (2.0 * cells.counts[0] * white * white).recip();
        let variance = (deviation * scale).powi(2);
        Some(Share { value: value * scale, variance, weight })
    }
}

/// Σ of squares, of neighbours taken together where that is more.
fn scatter(errors: &[f64; BANDS]) -> f64 {
    let single: f64 = errors.iter().map(|e| e * e).sum();
    let double: f64 = errors.chunks_exact(2).map(|e| (e[0] + e[1]).powi(2)).sum();
    single.max(double)
}

/// Factors of all bins and where they come from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Factors {
    pub bins: Vec<BinFactors>,
    pub source: PixelsSource,
}

impl Factors {
    /// As many pixels a bin on average, and pixels a speckle, as given; shared out by the map.
    pub(super) fn given(
        [pixels, speckle]: [f64; 2],
        evidence: &[Evidence<'_>],
        counts: &[Counts],
    ) -> Self {
        let one = |(e, counts): (&Evidence<'_>, &Counts)| {
            BinFactors::new(pixels * e.relative, speckle, inverse(*counts))
        };
        let bins = evidence.iter().zip(counts).map(one).collect();
        Self { bins, source: PixelsSource::Given }
    }

    /// As the residuals show: pixels a speckle from products that share no frame, pixels of
    /// each bin from the variance of its residuals, where those tell.
    ///
    /// **Formula.** $\kappa = P_s/P_c$ is one number for all bins. It is that for which the share
    /// $\kappa N_0/(\kappa N_0 + N_1/n + N_2/n^2)$ of the correlated part in what a fit leaves,
    /// N, is the one found, $N_0/(P_cR)$ with the sum R of squared residuals and P_c of
    /// [`crate::residuals::Cells`]; then $P_s = (\kappa N_0 + N_1/n + N_2/n^2)/R$ in each bin. A share that differs
    /// from that of κ = 1 by z of its standard deviations is moved towards it by the factor 1 − 1/z² (positive-part
    /// James-Stein).
    /// **Edges** κ from 1 to 64. Bins whose fit absorbs nearly all take the mean of the others by the map.
    ///
    /// # Errors
    /// [`UncertaintyError::Pixels`] where neither residuals nor map tell.
    pub(super) fn implied(
        evidence: &[Evidence<'_>],
        counts: &[Counts],
        map: Option<f64>,
    ) -> Result<Self, UncertaintyError> {
        let inverse: Vec<f64> = counts.iter().map(|c| inverse(*c)).collect();
        let speckle = pixels_of_a_speckle(evidence, &inverse);
        let mixture = |bin: usize| BinFactors::new(1.0, speckle, inverse[bin]);
        let tells: Vec<bool> =
            evidence.iter().enumerate().map(|(bin, e)| e.tells(mixture(bin))).collect();
        let (mut variance, mut squares) = (0.0, 0.0);
        for (bin, e) in evidence.iter().enumerate() {
            variance += mixture(bin).sum(e.net()) / e.relative;
            squares += e.squares();
        }
        let pooled = variance / squares;
        let usable = pooled > 0.0 && pooled.is_finite();
        let all = tells.iter().all(|t| *t);
        let (mean, source) = match (all, usable, map) {
            (true, ..) if speckle > 1.0 => (pooled, PixelsSource::Products),
            (true, ..) => (pooled, PixelsSource::Residuals),
            (_, true, _) => (pooled, PixelsSource::Pooled),
            (_, false, Some(map)) => (map, PixelsSource::Map),
            (_, false, None) => return Err(UncertaintyError::Pixels { found: pooled }),
        };
        let bins = evidence.iter().enumerate().map(|(bin, e)| {
            let pixels = match tells[bin] {
                true => mixture(bin).sum(e.net()) / e.squares(),
                false => mean * e.relative,
            };
            BinFactors::new(pixels, speckle, inverse[bin])
        });
        Ok(Self { bins: bins.collect(), source })
    }

    /// Independent speckles a bin on average.
    pub(super) fn mean_speckles(&self) -> f64 {
        self.bins.iter().map(|b| b.speckles()).sum::<f64>() / self.bins.len() as f64
    }
}

fn inverse(counts: Counts) -> f64 {
    match counts {
        Counts::Mean(counts) => counts.recip(),
        _ => 0.0,
    }
}

/// Pixels that a speckle covers, κ: one number, as all bins lie on one detector.
fn pixels_of_a_speckle(evidence: &[Evidence<'_>], inverse: &[f64]) -> f64 {
    let mut shares = Vec::new();
    for (e, u) in evidence.iter().zip(inverse).filter(|(_, u)| **u > 0.0) {
        let Some(share) = e.share() else { continue };
        let net = e.net();
        // Shot noise over the correlated part at κ = 1.
        let shot = (u * net[1] + u * u * net[2]) / net[0];
        shares.push((share, shot));
    }
    let weights: f64 = shares.iter().map(|(s, _)| s.weight).sum();
    if !(weights > 0.0 && weights.is_finite()) {
        return 1.0;
    }
    let mean = |of: &dyn Fn(&(Share, f64)) -> f64| {
        shares.iter().map(|s| s.0.weight * of(s)).sum::<f64>() / weights
    };
    let at = |speckle: f64| mean(&|(_, shot)| speckle / (speckle + shot));
    let found = mean(&|(share, _)| share.value);
    let variance = mean(&|(share, _)| share.weight * share.variance) / weights;
    let difference = found - at(1.0);
    let kept = (1.0 - variance / (difference * difference)).max(0.0);
    if difference <= 0.0 || kept <= 0.0 {
        return 1.0;
    }
    let wanted = at(1.0) + kept * difference;
    // A falling function of 1/κ.
    solve([LARGEST.recip(), 1.0], wanted, |inverse| at(inverse.recip())).recip()
}

/// Standard deviations by which products of residuals must differ from what counts make of them
/// before they are believed against the counts.
const BEYOND: f64 = 4.0;

/// The same as a factor.
const APART: f64 = 1.6;

/// Range of 1/n in which residuals tell the mean counts n.
const INVERSE: [f64; 2] = [1e-2, 3e2];

/// Mean counts that the products of residuals which share one frame show, where they contradict `counts`.
///
/// **Formula** n solves $(\kappa c^2 + c/n)\,V_2/(\kappa N_0 + N_1/n + N_2/n^2) = (c^2/P_c + c/(nP_s))\,V_2/R$, the
/// right side from [`crate::residuals::Cells`], both summed over bins. **Edges** a contradiction is 4 standard
/// deviations and a factor of 1.6. Where hardly any correlation is left n comes out near 0, and
/// the noise is independent.
/// **Checked by** `tests/fits/uncertainty.rs`: `residuals_decide_against_a_raised_diagonal`.
pub(super) fn contradicting_counts(evidence: &[Evidence<'_>], counts: &[Counts]) -> Option<Counts> {
    let told: Vec<f64> = counts.iter().map(|c| inverse(*c)).collect();
    let rows: Vec<(Share, usize)> = evidence
        .iter()
        .enumerate()
        .filter(|(_, e)| e.net()[0] > LEFT * e.variance[0])
        .filter_map(|(bin, e)| Some((e.row()?, bin)))
        .collect();
    let weights: f64 = rows.iter().map(|(r, _)| r.weight).sum();
    let mean = |of: &dyn Fn(&Share, usize) -> f64| {
        rows.iter().map(|(row, bin)| row.weight * of(row, *bin)).sum::<f64>() / weights
    };
    let expected = |speckle: f64, inverse: &dyn Fn(usize) -> f64| {
        mean(&|_, bin| {
            let (e, u) = (&evidence[bin], inverse(bin));
            let c = e.contrast;
            let mixture = BinFactors::new(1.0, speckle, u);
            (speckle * c * c + c * u) * e.variance[2] / mixture.sum(e.net())
        })
    };
    let found = mean(&|row, _| row.value);
    let deviation = (mean(&|row, _| row.weight * row.variance) / weights).sqrt();
    let speckle = pixels_of_a_speckle(evidence, &told);
    let before = expected(speckle, &|bin| told[bin]);
    let apart = (found - before).abs() > BEYOND * deviation
        && !(before / APART..before * APART).contains(&found);
    if !(weights > 0.0 && apart) {
        return None;
    }
    let mut inverse = solve(INVERSE, found, |u| expected(1.0, &|_| u));
    for _ in 0..2 {
        let speckle = pixels_of_a_speckle(evidence, &vec![inverse; evidence.len()]);
        inverse = solve(INVERSE, found, |u| expected(speckle, &|_| u));
    }
    Some(match inverse > 1.01 * INVERSE[0] {
        true => Counts::Mean(inverse.recip()),
        false => Counts::Infinite,
    })
}

/// Where a falling function of x, looked at over its logarithm, takes a value; the nearest end
/// where it does not.
fn solve([low, high]: [f64; 2], value: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (low.ln(), high.ln());
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if f(middle.exp()) > value { low = middle } else { high = middle }
    }
    (0.5 * (low + high)).exp()
}

/// Mean over bins of 1/P_c in units of the inverse pixels of the map, and its error, from products that share no
/// frame; nothing where there are none.
pub(super) fn speckles_by_map(evidence: &[Evidence<'_>], map: f64) -> Option<[f64; 2]> {
    let (mut weights, mut sum, mut variance) = (0.0, 0.0, 0.0);
    for e in evidence {
        let Some(found) = e.correlated() else { continue };
        let pixels = map * e.relative;
        let weight = e.share().map_or(0.0, |s| s.weight);
        weights += weight;
        sum += weight * found.value * pixels;
        variance += (weight * found.deviation * pixels).powi(2);
    }
    (weights > 0.0).then(|| [sum / weights, variance.sqrt() / weights])
}
