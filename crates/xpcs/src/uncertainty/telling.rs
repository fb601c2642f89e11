//! Which bins tell something of the dynamics.

use dyne_runtime::words::{Words, put_floats};
use dyne_runtime::{Reduce, SweepError, sweep};
use dyne_xpcs_data::{PairBlock, ReadError};
use dyne_xpcs_model::model::correlation_row;

use super::{Minimum, speckle};

/// Parts of the series of which the jackknife leaves one out at a time.
const PARTS: usize = 10;

/// Contrast over its standard error below which a bin tells nothing.
const TOLD: f64 = 3.0;

/// Contrast over the standard error of independent pairs from which a closer look is not worth its sweep:
/// pairs are correlated, and the error is larger.
const PLAIN: f64 = 100.0;

/// Variance of m over its mean square below which m is one number.
const LEVEL: f64 = 1e-12;

/// A bin that tells nothing: its contrast is not beyond its noise.
#[derive(Debug, Clone, PartialEq)]
pub struct Silent {
    /// Position of the bin.
    pub bin: usize,
    /// Least-squares contrast at the minimum, which may be negative; 0 where m is one number.
    pub contrast: f64,
    /// Its standard error; infinite where m is one number.
    pub stderr: f64,
    /// Σ m², Σ m and number of its pairs.
    moments: [f64; 3],
    /// Mean squared residual.
    variance: f64,
}

impl Silent {
    /// Why the bin is left out, one phrase.
    #[must_use]
    pub fn reason(&self) -> String {
        match self.stderr.is_finite() {
            true => format!("tells nothing: contrast {:.2e} ± {:.1e}", self.contrast, self.stderr),
            false => "tells nothing: contrast 0 ± any, no decay within the window".to_owned(),
        }
    }

    /// Covariance of the scores of contrast and offset, as if pairs were independent, in the rows
    /// (basis, m, 1) of which `rows` there are.
    pub(super) fn score(&self, rows: usize) -> Vec<f64> {
        let [mm, m, n] = self.moments.map(|sum| sum * self.variance);
        let mut c = vec![0.0; rows * rows];
        for ((k, l), value) in [((2, 2), mm), ((2, 1), m), ((1, 2), m), ((1, 1), n)] {
            c[(rows - k) * rows + rows - l] = value;
        }
        c
    }
}

/// The bins whose contrast is not beyond its noise, where others are; none where contrasts are not each
/// bin's own, and none where it is true of all.
///
/// **Formula.** $c = (n\sum my - \sum m\sum y)/(n\sum m^2 - (\sum m)^2)$ and its jackknife error over ten parts of
/// the series, each left out with all pairs that touch it; silent where c is below three of them.
///
/// **Symbols.** m: model at the minimum; y: data; n: pairs, all of one bin.
///
/// **Edges.** Where m is one number on all pairs, as in a decay within the first frame, c is not determined.
/// **Cost** a sweep over each bin whose contrast is less than a hundred standard errors of independent pairs.
/// **Source** Efron and Stein, Ann. Stat. 9 (1981) 586, doi:10.1214/aos/1176345462.
/// **Checked by** `tests/fits/silent.rs`.
///
/// # Errors
/// That of a sweep.
pub fn silent(minimum: &Minimum<'_>) -> Result<Vec<Silent>, SweepError<ReadError>> {
    let bins = minimum.scaling.len();
    let layout = minimum.problem.layout;
    let own = |bin: usize| layout.parameters_of(bin) == [2 * bin, 2 * bin + 1];
    if bins < 2 || !(0..bins).all(own) {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for bin in (0..bins).filter(|bin| !is_plain(minimum, *bin)) {
        found.extend(of_bin(minimum, bin)?);
    }
    // Nobody is left to be spared.
    Ok(if found.len() == bins { Vec::new() } else { found })
}

/// Whether the contrast is far beyond any noise.
fn is_plain(minimum: &Minimum<'_>, bin: usize) -> bool {
    let variance = minimum.information.scaling(minimum.problem.layout, bin);
    let variance = variance.map_or(0.0, |covariance| covariance.contrast);
    variance > 0.0 && minimum.scaling[bin].contrast > PLAIN * variance.sqrt()
}

fn of_bin(minimum: &Minimum<'_>, bin: usize) -> Result<Option<Silent>, SweepError<ReadError>> {
    let problem = &minimum.problem;
    let (n, skip) = (problem.matrices.frames(), problem.matrices.skip());
    let part = |k: usize| (k - skip) * PARTS / (n - skip).max(1);
    let resources = problem.resources.without_journal().to("silent bins");
    let offset = minimum.scaling[bin].offset;
    let blocks = problem.matrices.blocks_of(bin..bin + 1, problem.block);
    let sums = sweep(&blocks, resources, Vec::new, |block: PairBlock<'_>, row: &mut Vec<f64>| {
        let mut sums = Sums([[0.0; 5]; PARTS + 1]);
        row.resize(n, 0.0);
        for i in block.first..block.end {
            block.row(i).widen_into(row);
            let (tables, term) = (&minimum.evaluated.tables, &minimum.evaluated.terms[bin]);
            let m = correlation_row(problem.model, problem.level, tables, term, i, i + 1..n);
            for (j, (m, y)) in (i + 1..n).zip(m.iter().zip(row.iter())) {
                sums.add([part(i), part(j)], *m, y - offset);
            }
        }
        sums
    })?;
    let [all, touched @ ..] = sums.0;
    let moments = [all[3], all[1], all[0]];
    let residuals = &minimum.residuals[bin];
    let variance = residuals.ssr / residuals.pairs.max(1) as f64;
    let silent = |contrast, stderr| Some(Silent { bin, contrast, stderr, moments, variance });
    let Some(contrast) = slope(all) else { return Ok(silent(0.0, f64::INFINITY)) };
    let without = touched.map(|part| slope(std::array::from_fn(|k| all[k] - part[k])));
    // A part without which m is one number holds all that is known.
    let Some(without) = without.into_iter().collect::<Option<Vec<f64>>>() else {
        return Ok(silent(0.0, f64::INFINITY));
    };
    let mean = without.iter().sum::<f64>() / PARTS as f64;
    let scatter: f64 = without.iter().map(|c| (c - mean).powi(2)).sum();
    let stderr = (scatter * (PARTS - 1) as f64 / PARTS as f64).sqrt();
    Ok(if contrast < TOLD * stderr || contrast <= 0.0 { silent(contrast, stderr) } else { None })
}

/// Least-squares slope of y against m.
fn slope([n, m, y, mm, my]: [f64; 5]) -> Option<f64> {
    let spread = n * mm - m * m;
    (spread > LEVEL * n * mm).then(|| (n * my - m * y) / spread)
}

/// n, Σ m, Σ y, Σ m², Σ m y over all pairs, then over those that touch each part.
struct Sums([[f64; 5]; PARTS + 1]);

impl Sums {
    fn add(&mut self, [a, b]: [usize; 2], m: f64, y: f64) {
        let one = [1.0, m, y, m * m, m * y];
        let mut to = |k: usize| self.0[k].iter_mut().zip(one).for_each(|(sum, x)| *sum += x);
        to(0);
        to(1 + a);
        if a != b {
            to(1 + b);
        }
    }
}

impl Reduce for Sums {
    fn merge(&mut self, later: Self) {
        let own = self.0.iter_mut().flatten();
        own.zip(later.0.iter().flatten()).for_each(|(a, b)| *a += b);
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_floats(&mut bytes, self.0.iter().flatten());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut words = Words::new(bytes);
        let mut sums = [[0.0; 5]; PARTS + 1];
        for row in &mut sums {
            *row = words.floats(5)?.try_into().ok()?;
        }
        words.is_empty().then_some(Self(sums))
    }
}

/// Speckles of a contrast above 1, which few pixels make, are those of 1: what there is of noise beyond
/// goes into the number of pixels.
pub(super) fn drawn_contrast(contrast: f64) -> f64 {
    contrast.clamp(0.0, 1.0)
}

/// Adds what a silent bin does to the covariance of the score.
pub(super) fn add_silent(minimum: &Minimum<'_>, silent: &Silent, score: &mut [f64]) {
    let problem = &minimum.problem;
    let (p, rows) = (problem.model.parameters().len(), problem.model.basis() + 2);
    let (bin, map) = (silent.bin, &minimum.evaluated.terms[silent.bin].map);
    let t = speckle::score_map(map, p, minimum.scaling[bin], problem.layout, bin);
    let b = speckle::mapped(&t, &silent.score(rows), rows);
    score.iter_mut().zip(b).for_each(|(s, b)| *s += b);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_needs_a_spread() {
        assert_eq!(slope([4.0, 2.0, 3.0, 1.0, 1.5]), None);
        assert_eq!(slope([2.0, 1.0, 3.0, 1.0, 2.0]), Some(1.0));
    }

    #[test]
    fn sums_travel_as_bytes() {
        let mut sums = Sums([[0.0; 5]; PARTS + 1]);
        sums.add([0, 3], 0.5, 2.0);
        let back = Sums::from_bytes(&sums.to_bytes()).unwrap();
        assert_eq!(back.0, sums.0);
        assert_eq!((back.0[0][0], back.0[1][0], back.0[2][0], back.0[4][4]), (1.0, 1.0, 0.0, 1.0));
    }
}
