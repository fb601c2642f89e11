//! Covariance of the score from simulated speckles of the fitted model.

use dyne_runtime::{Generator, Stream};
use dyne_solve::{Layout, Scaling};
use dyne_xpcs_data::{Counts, Speckles};

use super::score::ScoreSums;
use super::{UncertaintyError, product};
use crate::problem::{Evaluated, Problem};
use crate::truth::ModelTruth;

/// Fewest speckles a bin.
const FEWEST: usize = 64;

/// How the noise is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpeckleOptions {
    /// Speckles drawn, all bins together; the relative error of a standard error is about the
    /// inverse root of this number.
    pub speckles: usize,
    /// Seed of the draw.
    pub seed: u64,
}

/// Covariance of the score of one bin, and the variance of its pairs, that *one* pixel would make:
/// the parts that go with 1, 1/n and 1/n² in the mean count n.
///
/// **Formula.** With shot noise I is replaced by I + e, where e is independent from frame to frame
/// and has the variance I/n. The score Q is a quadratic form, so that
/// $\mathrm{Cov}\,Q = C_0 + C_1/n + C_2/n^2$ exactly, $C_0$ from Q(I), $C_1$ from
/// $[Q(I+e)-Q(I-e)]/2$ and $C_2$ from $[Q(I+e)+Q(I-e)]/2 - Q(I)$ with n = 1 and normal e: the
/// higher moments of a Poisson number do not enter. Variance of a pair, κ = c·m, $w_k$ = Σ wᵏ over
/// modes: $V_0 = c^2+\kappa^2+2\kappa^2(c+\kappa)-8\kappa w_3 m+w_4(4m+2m^2)$,
/// $V_1 = 2(c-\kappa^2+2w_3m)$, $V_2 = 1+\kappa$.
///
/// **Source.** Cumulants of |E|² for circular Gaussian fields; Goodman, *Speckle Phenomena in
/// Optics* (2007). **Checked by** `tests/fits/uncertainty.rs`: `pixels_and_counts_are_found_again`.
pub(super) struct BinNoise {
    covariance: [Vec<f64>; 3],
    variance: [f64; 3],
    rows: usize,
}

impl BinNoise {
    /// Draws the speckles of `bin` and sums their scores.
    pub(super) fn simulate(
        problem: &Problem<'_>,
        evaluated: &Evaluated,
        bin: usize,
        contrast: f64,
        counts: Counts,
        options: SpeckleOptions,
    ) -> Result<Self, UncertaintyError> {
        let truth =
            ModelTruth { model: problem.model, tables: &evaluated.tables, terms: &evaluated.terms };
        let lanes = problem.resources.lanes;
        let speckles = Speckles::try_new(&truth, bin, contrast, lanes)?;
        let count = options.speckles.div_ceil(evaluated.terms.len()).max(FEWEST);
        let stream = Stream::new(options.seed).split("score").index(bin as u64);
        let drawn = speckles.intensities(0..count, &stream, lanes);
        let samples = match counts {
            Counts::Infinite => drawn,
            _ => with_shot_noise(drawn, speckles.frames(), &stream),
        };
        let sums = problem.score_sums(evaluated, bin, contrast, &samples)?;
        Ok(Self {
            rows: sums.forms.len(),
            covariance: parts(&sums, count),
            variance: pair_variance(contrast, speckles.mode_moments(), &sums.moments),
        })
    }

    /// Covariance of (basis, m, 1) scores per pixel at the counts given.
    pub(super) fn covariance(&self, counts: Counts) -> Vec<f64> {
        let powers = powers(counts);
        (0..self.rows * self.rows)
            .map(|k| self.covariance.iter().zip(powers).map(|(c, p)| p * c[k]).sum())
            .collect()
    }

    /// Σ over pairs of the variance of c2 per pixel at the counts given.
    pub(super) fn variance(&self, counts: Counts) -> f64 {
        self.variance.iter().zip(powers(counts)).map(|(v, p)| v * p).sum()
    }
}

/// 1, 1/n, 1/n².
fn powers(counts: Counts) -> [f64; 3] {
    match counts {
        Counts::Mean(n) => [1.0, 1.0 / n, 1.0 / (n * n)],
        _ => [1.0, 0.0, 0.0],
    }
}

/// The intensities I, then I + √I·ξ, then I − √I·ξ.
fn with_shot_noise(mut drawn: Vec<f64>, frames: usize, stream: &Stream) -> Vec<f64> {
    let mut shot = Vec::with_capacity(drawn.len());
    let mut xi = vec![0.0; frames];
    for (sample, intensities) in drawn.chunks_exact(frames).enumerate() {
        let mut generator: Generator = stream.index(sample as u64).split("shot").generator();
        generator.fill_normal(&mut xi);
        shot.extend(intensities.iter().zip(&xi).map(|(i, x)| i.sqrt() * x));
    }
    let plus: Vec<f64> = drawn.iter().zip(&shot).map(|(i, e)| i + e).collect();
    let minus: Vec<f64> = drawn.iter().zip(&shot).map(|(i, e)| i - e).collect();
    drawn.extend(plus);
    drawn.extend(minus);
    drawn
}

fn parts(sums: &ScoreSums, count: usize) -> [Vec<f64>; 3] {
    let shot = sums.forms[0].len() > count;
    let part = |take: &dyn Fn(&[f64], usize) -> f64| {
        let rows: Vec<Vec<f64>> =
            sums.forms.iter().map(|q| (0..count).map(|s| take(q, s)).collect()).collect();
        covariance_of(&rows)
    };
    let rows = sums.forms.len();
    let none = vec![0.0; rows * rows];
    let bright = part(&|q, s| q[s]);
    if !shot {
        return [bright, none.clone(), none];
    }
    let (plus, minus) = (count, 2 * count);
    let odd = part(&|q, s| 0.5 * (q[plus + s] - q[minus + s]));
    let even = part(&|q, s| 0.5 * (q[plus + s] + q[minus + s]) - q[s]);
    [bright, odd, even]
}

/// Sample covariance of the rows.
fn covariance_of(rows: &[Vec<f64>]) -> Vec<f64> {
    let centred: Vec<Vec<f64>> = rows
        .iter()
        .map(|row| {
            let mean = row.iter().sum::<f64>() / row.len() as f64;
            row.iter().map(|x| x - mean).collect()
        })
        .collect();
    let freedom = (rows[0].len() - 1) as f64;
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / freedom;
    centred.iter().flat_map(|a| centred.iter().map(move |b| dot(a, b))).collect()
}

fn pair_variance(c: f64, [_, w3, w4]: [f64; 3], [pairs, m1, m2, m3]: &[f64; 4]) -> [f64; 3] {
    let bright = c * c * pairs + c * c * (1.0 + 2.0 * c) * m2 + 2.0 * c.powi(3) * m3
        - 8.0 * c * w3 * m2
        + w4 * (4.0 * m1 + 2.0 * m2);
    [bright, 2.0 * (c * pairs - c * c * m2 + 2.0 * w3 * m1), pairs + c * m1]
}

/// Rows of T with ∂y/∂(θ, z) = T · (basis, m, 1) in one bin: (p + dim z) × (basis + 2).
pub(super) fn score_map(
    map: &[f64],
    p: usize,
    scaling: Scaling,
    layout: &Layout,
    bin: usize,
) -> Vec<f64> {
    let nb = map.len() / p;
    let linear = layout.linear();
    let zero = layout.scaling(bin, &vec![0.0; linear]);
    let mut t = vec![0.0; (p + linear) * (nb + 2)];
    for (row, map) in t.chunks_exact_mut(nb + 2).zip(map.chunks_exact(nb)) {
        row.iter_mut().zip(map).for_each(|(t, m)| *t = scaling.contrast * m);
    }
    for (z, row) in t.chunks_exact_mut(nb + 2).skip(p).enumerate() {
        let mut unit = vec![0.0; linear];
        unit[z] = 1.0;
        let at = layout.scaling(bin, &unit);
        row[nb] = at.contrast - zero.contrast;
        row[nb + 1] = at.offset - zero.offset;
    }
    t
}

/// T C Tᵀ.
pub(super) fn mapped(t: &[f64], c: &[f64], k: usize) -> Vec<f64> {
    let n = t.len() / k;
    let half = product(t, c, n, k, k);
    let mut transposed = vec![0.0; t.len()];
    for row in 0..n {
        for column in 0..k {
            transposed[column * n + row] = t[row * k + column];
        }
    }
    product(&half, &transposed, n, k, n)
}
