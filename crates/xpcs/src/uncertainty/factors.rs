//! Pixels behind the correlated part of the noise and behind shot noise, bin by bin, from the
//! residuals.

use dyne_xpcs_data::Counts;

use super::covered::Covered;
use super::{PixelsSource, UncertaintyError};
use crate::residuals::{BANDS, BinResiduals};

/// Share of the noise that a fit must leave for its residuals to tell the pixels.
pub(super) const LEFT: f64 = 0.1;

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
    pub(super) fn new(pixels: f64, speckle: f64, inverse_counts: f64) -> Self {
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

/// Products of residuals that tell how many pixels a speckle covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Telling {
    /// Those that share no frame: they hold no shot noise.
    Apart,
    /// Those that share one frame as well, as the counts come from elsewhere.
    Both,
}

/// Share of the correlated part that the residuals of a bin show, before bins are put together.
pub(super) struct Share {
    pub value: f64,
    /// Of its error, from the scatter of bands.
    pub variance: f64,
    /// Inverse of the variance that independent residuals would give it.
    pub weight: f64,
}

impl Evidence<'_> {
    /// What the residuals are expected to keep of the three parts.
    pub(super) fn net(&self) -> [f64; 3] {
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
    pub(super) fn row(&self) -> Option<Share> {
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

    /// The share of the correlated part in the variance, from the products `telling`.
    ///
    /// **Formula** $(1/P_c)\,N_0/R$ from products that share no frame; with those that share one the mean of it and of
    /// $(1/P_c + 1/(ncP_s))\,N_0/R$. Frames are shared by rows and by columns, bands of rows show the scatter of the
    /// rows: what is beyond that of independent residuals counts twice.
    fn share(&self, telling: Telling) -> Option<Share> {
        let (net, residuals) = (self.net(), self.residuals?);
        let cells = &residuals.cells;
        let used = cells.bands.iter().filter(|b| b[1] > 0.0).count() as f64;
        if !(used > 3.0 && net[0] > LEFT * self.variance[0] && residuals.weighted > 0.0) {
            return None;
        }
        let parts = match telling {
            Telling::Apart => [1.0, 0.0],
            Telling::Both => [0.5, 0.5],
        };
        let scale = net[0] / residuals.weighted;
        let white = residuals.weighted / residuals.pairs.max(1) as f64;
        let (mut value, mut independent, mut errors) = (0.0, 0.0, [0.0; BANDS]);
        for (k, part) in parts.into_iter().enumerate().filter(|(_, part)| *part > 0.0) {
            let sum = |at: usize| cells.bands.iter().map(|b| b[at]).sum::<f64>();
            let expected = self.contrast.powi(2) * sum(2 * k + 1);
            let part = scale * part / expected;
            let mean = sum(2 * k) / sum(2 * k + 1);
            for (error, band) in errors.iter_mut().zip(&cells.bands) {
                *error += part * (band[2 * k] - mean * band[2 * k + 1]);
            }
            value += part * (sum(2 * k) + cells.counts[k] * self.offset);
            independent += 2.0 * cells.counts[k] * (part * white).powi(2);
        }
        let found = scatter(&errors) * used / (used - 1.0);
        let variance = found + (found - independent).max(0.0);
        let weight = independent.recip();
        weight.is_finite().then_some(Share { value, variance, weight })
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
    /// Pixels that a speckle covers.
    pub covered: Covered,
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
        Self { bins, source: PixelsSource::Given, covered: Covered::known(speckle) }
    }

    /// As the residuals show: pixels a speckle from products that share no frame, pixels of
    /// each bin from the variance of its residuals, where those tell.
    ///
    /// **Formula.** $\kappa = P_s/P_c$ is one number for all bins ([`Covered`]): that for which the share
    /// $\kappa N_0/(\kappa N_0 + N_1/n + N_2/n^2)$ of the correlated part in what a fit leaves,
    /// N, is the one found, $N_0/(P_cR)$ with the sum R of squared residuals and P_c of
    /// [`crate::residuals::Cells`]; then $P_s = (\kappa N_0 + N_1/n + N_2/n^2)/R$ in each bin.
    /// **Edges** κ from 1 to 25. Bins whose fit absorbs nearly all take the mean of the others by the map.
    ///
    /// # Errors
    /// [`UncertaintyError::Pixels`] where neither residuals nor map tell.
    pub(super) fn implied(
        evidence: &[Evidence<'_>],
        counts: &[Counts],
        map: Option<f64>,
        telling: Telling,
    ) -> Result<Self, UncertaintyError> {
        let inverse: Vec<f64> = counts.iter().map(|c| inverse(*c)).collect();
        let covered = pixels_of_a_speckle(evidence, &inverse, telling);
        Self::covering(covered.mean, covered, evidence, &inverse, map)
    }

    /// As [`Self::implied`] where a speckle covers as many pixels as are still likely.
    ///
    /// # Errors
    /// [`UncertaintyError::Pixels`] where neither residuals nor map tell.
    pub(super) fn careful(
        &self,
        evidence: &[Evidence<'_>],
        counts: &[Counts],
        map: Option<f64>,
    ) -> Result<Self, UncertaintyError> {
        let inverse: Vec<f64> = counts.iter().map(|c| inverse(*c)).collect();
        Self::covering(self.covered.careful(), self.covered, evidence, &inverse, map)
    }

    fn covering(
        speckle: f64,
        covered: Covered,
        evidence: &[Evidence<'_>],
        inverse: &[f64],
        map: Option<f64>,
    ) -> Result<Self, UncertaintyError> {
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
            (true, ..) if covered.shown => (pooled, PixelsSource::Products),
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
        Ok(Self { bins: bins.collect(), source, covered })
    }

    /// Independent speckles a bin on average.
    pub(super) fn mean_speckles(&self) -> f64 {
        self.bins.iter().map(|b| b.speckles()).sum::<f64>() / self.bins.len() as f64
    }
}

/// 1/n; 0 without shot noise.
pub(super) fn inverse(counts: Counts) -> f64 {
    match counts {
        Counts::Mean(counts) => counts.recip(),
        _ => 0.0,
    }
}

/// Pixels that a speckle covers, κ: one number, as all bins lie on one detector. **Edges** Without shot noise κ does not
/// matter and counts as 1; where there is shot noise and no bin keeps enough of the correlated part, nothing tells κ.
pub(super) fn pixels_of_a_speckle(
    evidence: &[Evidence<'_>],
    inverse: &[f64],
    telling: Telling,
) -> Covered {
    let mut shares = Vec::new();
    for (e, u) in evidence.iter().zip(inverse).filter(|(_, u)| **u > 0.0) {
        let Some(share) = e.share(telling) else { continue };
        let net = e.net();
        // Shot noise over the correlated part at κ = 1, and what of it the products hold.
        let shot = (u * net[1] + u * u * net[2]) / net[0];
        let held = match telling {
            Telling::Apart => 0.0,
            Telling::Both => 0.5 * u / e.contrast,
        };
        shares.push((share, shot, held));
    }
    let weights: f64 = shares.iter().map(|(s, ..)| s.weight).sum();
    if inverse.iter().all(|u| *u <= 0.0) {
        return Covered::known(1.0);
    }
    if !(weights > 0.0 && weights.is_finite()) {
        return Covered::unknown();
    }
    let mean = |of: &dyn Fn(&(Share, f64, f64)) -> f64| {
        shares.iter().map(|s| s.0.weight * of(s)).sum::<f64>() / weights
    };
    let at = |speckle: f64| mean(&|(_, shot, held)| (speckle + held) / (speckle + shot));
    let found = mean(&|(share, ..)| share.value);
    let variance = mean(&|(share, ..)| share.weight * share.variance) / weights;
    let independent = weights.recip();
    Covered::weighed(found, [independent, (variance - independent).max(0.0)], at)
}

/// Mean over bins of 1/P_c in units of the inverse pixels of the map, and its error, from products that share no
/// frame; nothing where there are none.
pub(super) fn speckles_by_map(evidence: &[Evidence<'_>], map: f64) -> Option<[f64; 2]> {
    let (mut weights, mut sum, mut variance) = (0.0, 0.0, 0.0);
    for e in evidence {
        let Some(found) = e.correlated() else { continue };
        let pixels = map * e.relative;
        let weight = e.share(Telling::Apart).map_or(0.0, |s| s.weight);
        weights += weight;
        sum += weight * found.value * pixels;
        variance += (weight * found.deviation * pixels).powi(2);
    }
    (weights > 0.0).then(|| [sum / weights, variance.sqrt() / weights])
}
