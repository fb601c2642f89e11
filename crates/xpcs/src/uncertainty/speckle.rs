//! Covariance of the score from simulated speckles of the fitted model.

use dyne_runtime::words::{Words, put_floats, put_words};
use dyne_runtime::{Cancel, Lanes, Stream, SweepError};
use dyne_solve::{Layout, Scaling};
use dyne_xpcs_data::{Counts, Past, ReadError, Speckles};
use faer::{Mat, MatRef};

use super::nodes::{AtNodes, Nodes};
use super::score::{STRIP_BYTES, ScoreSums, Scored, Strip};
use super::{BinFactors, UncertaintyError, product};
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

/// Most nodes of which each depends on all before; more follow the decay so closely that the field
/// forgets within [`REMEMBERED`].
const WHOLE: usize = 1024;

/// Nodes of a block of a long series; at neighbours that correlate by 0.9 the field keeps 1e-12.
const REMEMBERED: usize = 256;

/// Most bytes of the gradients of which shot noise takes the mean; fixed, as results must not depend
/// on the memory.
const GRADIENT_BYTES: usize = 1 << 26;

fn past(nodes: usize) -> Past {
    if nodes > WHOLE { Past::Blocks(REMEMBERED) } else { Past::Whole }
}

/// Speckles of a bin, where `speckles` are drawn in all.
pub(crate) fn speckles_of_bin(speckles: usize, bins: usize) -> usize {
    speckles.div_ceil(bins).max(FEWEST)
}

/// What the memory of the error bars of one bin hangs on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BinSize {
    /// Frames, every one of which may be a node.
    pub(crate) frames: usize,
    /// Parameters of the model, at least as many as its basis has functions.
    pub(crate) parameters: usize,
    /// Components of the field.
    pub(crate) components: usize,
    /// Speckles of the bin.
    pub(crate) speckles: usize,
}

impl BinSize {
    /// Bytes that the error bars of the bin take at most.
    pub(crate) fn bytes(self) -> u64 {
        const WORD: usize = 8;
        let Self { frames, parameters, components, speckles } = self;
        let rows = parameters + 2;
        let strip = (rows * frames * frames / 2 * WORD).min(STRIP_BYTES);
        // The covariances, and the triangle that one of them is factored into.
        let field = match past(frames) {
            Past::Blocks(length) => (2 * components + 1) * length * frames * WORD,
            _ => (components + 1) * frames * frames * WORD,
        };
        // For 128 speckles at a time: normal numbers, field, sum, each real and imaginary.
        let drawn = 8 * speckles.min(128) * frames * WORD;
        let intensities = 2 * speckles * frames * WORD;
        let forms = GRADIENT_BYTES.min(rows * frames * speckles * WORD);
        let products = rows * speckles * (strip / (rows * WORD)).isqrt().max(frames) * WORD;
        (intensities + (field + drawn).max(4 * strip + forms + products)) as u64
    }
}

/// Speckles of one bin at its nodes.
pub(super) struct Drawn {
    pub nodes: Nodes,
    /// Intensities, one speckle after the other.
    intensities: Vec<f64>,
    mode_moments: [f64; 3],
}

impl Drawn {
    /// Draws the speckles of `bin` under the fitted model.
    ///
    /// **Cost** nodes³/3 operations a component of the field and 2·nodes² a speckle, mode and
    /// component.
    pub(super) fn new(
        problem: &Problem<'_>,
        evaluated: &Evaluated,
        bin: usize,
        contrast: f64,
        options: SpeckleOptions,
        lanes: &Lanes,
    ) -> Result<Self, UncertaintyError> {
        let truth =
            ModelTruth { model: problem.model, tables: &evaluated.tables, terms: &evaluated.terms };
        let nodes = Nodes::of(&truth, bin);
        Self::at(&truth, nodes, bin, contrast, options, (lanes, problem.resources.cancel))
    }

    /// Draws them at every frame, or at nodes where the field hardly changes between frames.
    pub(super) fn on_all_frames(
        problem: &Problem<'_>,
        evaluated: &Evaluated,
        bin: usize,
        contrast: f64,
        options: SpeckleOptions,
        lanes: &Lanes,
    ) -> Result<Self, UncertaintyError> {
        let truth =
            ModelTruth { model: problem.model, tables: &evaluated.tables, terms: &evaluated.terms };
        let all = Nodes::every(problem.matrices.frames());
        match Self::at(&truth, all, bin, contrast, options, (lanes, problem.resources.cancel)) {
            Err(UncertaintyError::Simulate(_)) => {
                Self::new(problem, evaluated, bin, contrast, options, lanes)
            }
            other => other,
        }
    }

    fn at(
        truth: &ModelTruth<'_>,
        nodes: Nodes,
        bin: usize,
        contrast: f64,
        options: SpeckleOptions,
        (lanes, cancel): (&Lanes, &Cancel),
    ) -> Result<Self, UncertaintyError> {
        let at_nodes = AtNodes { truth, nodes: &nodes };
        let speckles = Speckles::try_new(&at_nodes, bin, contrast, past(nodes.len()), lanes)?;
        let count = speckles_of_bin(options.speckles, truth.terms.len());
        let stream = Stream::new(options.seed).split("score").index(bin as u64);
        let drawn = speckles.intensities(0..count, &stream, lanes, cancel);
        let intensities = drawn.ok_or(SweepError::Cancelled)?;
        Ok(Self { nodes, intensities, mode_moments: speckles.mode_moments() })
    }

    /// Intensities at the frames, one speckle after the other.
    pub(super) fn on_frames(&self) -> Vec<f64> {
        let at = |own: &[f64], &(node, f): &(usize, f64)| match f > 0.0 {
            true => (1.0 - f) * own[node] + f * own[node + 1],
            false => own[node],
        };
        let speckles = self.intensities.chunks_exact(self.nodes.len());
        speckles.flat_map(|own| self.nodes.places().iter().map(move |p| at(own, p))).collect()
    }
}

/// Covariance of the score of one bin, and the variance of its pairs, that *one* pixel would make:
/// the parts that go with 1, 1/n and 1/n² in the mean count n.
///
/// **Formula.** With shot noise I is replaced by I + e, where e is independent from frame to frame
/// and has the variance I/n given I. The score Q is a quadratic form with the gradient
/// $g = (U + U^T)I - \hat h$, so that $\mathrm{Cov}\,Q = C_0 + C_1/n + C_2/n^2$ exactly:
/// $C_0 = \mathrm{Cov}\,Q(I)$ and $C_{1,kl} = \langle\sum_a I_a g_{k,a} g_{l,a}/s_a\rangle$ over the speckles,
/// $C_{2,kl} = \sum_{i<j} v_{k,ij}v_{l,ij}(1 + c\,m_{ij})$. The higher moments of a Poisson number do not
/// enter but in pairs of a frame with itself, of which there are none. Variance of a pair, κ = c·m,
/// $w_k$ = Σ wᵏ over modes: $V_0 = c^2+\kappa^2+2\kappa^2(c+\kappa)-8\kappa w_3 m+w_4(4m+2m^2)$,
/// $V_1 = 2(c-\kappa^2+2w_3m)$, $V_2 = 1+\kappa$.
///
/// **Symbols.** s: frames that a node stands for; the others as in [`ScoreSums`].
///
/// **Source.** Cumulants of |E|² for circular Gaussian fields; Goodman, *Speckle Phenomena in
/// Optics* (2007). **Checked by** `tests/fits/uncertainty.rs`: `pixels_and_counts_are_found_again`.
pub(super) struct BinNoise {
    covariance: [Vec<f64>; 3],
    variance: [f64; 3],
    rows: usize,
}

impl BinNoise {
    /// The noise of a bin from its speckles.
    pub(super) fn new(
        problem: &Problem<'_>,
        bin: usize,
        of: Scored<'_>,
        drawn: &Drawn,
    ) -> Result<Self, SweepError<ReadError>> {
        let (rows, frames) = (problem.model.basis() + 2, problem.matrices.frames());
        let lanes = problem.resources.lanes;
        let source = problem.matrices.bin(bin, lanes.count());
        let mut sums = ScoreSums::new(rows, frames);
        let mut forms = Forms::new(drawn, rows, of.counts);
        for frames in drawn.nodes.bands(rows, STRIP_BYTES) {
            if let Some(strip) = problem.score_strip(of, &source, frames)? {
                sums.add(&strip);
                forms.add(&strip, lanes);
            }
        }
        forms.subtract_linear(&sums.linear(&drawn.nodes));
        Ok(Self {
            rows,
            covariance: [
                covariance_of(&forms.values),
                forms.shot(&drawn.nodes.frames_each()),
                sums.shot,
            ],
            variance: pair_variance(of.contrast, drawn.mode_moments, &sums.moments),
        })
    }

    /// The exact value as bytes.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_words(&mut bytes, [self.rows as u64]);
        put_floats(&mut bytes, self.covariance.iter().flatten().chain(&self.variance));
        bytes
    }

    /// The value that [`BinNoise::to_bytes`] wrote; `None` for bytes it has not written.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut words = Words::new(bytes);
        let rows = words.count()?;
        let square = rows.checked_mul(rows)?;
        let covariance = [words.floats(square)?, words.floats(square)?, words.floats(square)?];
        let variance = words.floats(3)?.try_into().ok()?;
        words.is_empty().then_some(Self { covariance, variance, rows })
    }

    /// Σ over pairs of the variance of c2 per pixel, in its three parts.
    pub(super) fn variances(&self) -> [f64; 3] {
        self.variance
    }

    /// Adds T C Tᵀ to `score`, the parts of C by their factors.
    pub(super) fn add_score(&self, factors: BinFactors, t: &[f64], score: &mut [f64]) {
        let [bright, mixed, dark] = &self.covariance;
        let c = factors.combined([bright, mixed, dark]);
        let n = t.len() / self.rows;
        let rows = self.used(t);
        for (a, left) in &rows {
            let half = product(left, &c, 1, self.rows, self.rows);
            for (b, right) in &rows {
                score[a * n + b] += half.iter().zip(*right).map(|(x, y)| x * y).sum::<f64>();
            }
        }
    }

    /// tr(A T C Tᵀ) of each part C, with a symmetric A.
    pub(super) fn absorbed(&self, t: &[f64], inverse: &[f64]) -> [f64; 3] {
        let n = t.len() / self.rows;
        let rows = self.used(t);
        let mut inner = vec![0.0; self.rows * self.rows];
        for (a, left) in &rows {
            for (b, right) in &rows {
                let weight = inverse[a * n + b];
                for (k, inner) in inner.iter_mut().enumerate() {
                    *inner += weight * left[k / self.rows] * right[k % self.rows];
                }
            }
        }
        [0, 1, 2].map(|k| self.covariance[k].iter().zip(&inner).map(|(c, x)| c * x).sum())
    }

    /// Rows of T that are not all 0: those of the parameters and of the bin's own contrast and
    /// offset.
    fn used<'t>(&self, t: &'t [f64]) -> Vec<(usize, &'t [f64])> {
        let rows = t.chunks_exact(self.rows).enumerate();
        rows.filter(|(_, row)| row.iter().any(|x| *x != 0.0)).collect()
    }
}

/// The forms of all speckles while their strips are summed, row by row of the tile.
struct Forms<'a> {
    /// Intensities, nodes × speckles.
    intensities: MatRef<'a, f64>,
    /// IᵀUI, one a speckle.
    values: Vec<Vec<f64>>,
    /// (U + Uᵀ)I of the first speckles, as many as shot noise is averaged over.
    gradients: Vec<Mat<f64>>,
}

impl<'a> Forms<'a> {
    fn new(drawn: &'a Drawn, rows: usize, counts: Counts) -> Self {
        let nodes = drawn.nodes.len();
        let speckles = drawn.intensities.len() / nodes;
        let averaged = match counts {
            Counts::Infinite => 0,
            _ => (GRADIENT_BYTES / (8 * rows * nodes)).clamp(1, speckles),
        };
        Self {
            intensities: MatRef::from_column_major_slice(&drawn.intensities, nodes, speckles),
            values: vec![vec![0.0; speckles]; rows],
            gradients: vec![Mat::zeros(nodes, averaged); rows],
        }
    }

    /// Adds a strip of U, its rows spread over the lanes.
    fn add(&mut self, strip: &Strip, lanes: &Lanes) {
        let rows: Vec<usize> = (0..self.values.len()).collect();
        let below =
            self.intensities.subrows(strip.first(), self.intensities.nrows() - strip.first());
        let averaged = self.gradients[0].ncols();
        let found = lanes.map(&rows, |k| {
            let transposed = strip.form(*k);
            let own = below.subrows(0, transposed.ncols());
            let ahead = transposed.transpose() * below;
            let values: Vec<f64> = (0..own.ncols())
                .map(|s| {
                    ahead.col_as_slice(s).iter().zip(own.col(s).iter()).map(|(u, x)| u * x).sum()
                })
                .collect();
            let behind = (averaged > 0).then(|| &transposed * own.subcols(0, averaged));
            (values, ahead, behind)
        });
        for (k, (values, ahead, behind)) in found.into_iter().enumerate() {
            self.values[k].iter_mut().zip(values).for_each(|(sum, v)| *sum += v);
            let Some(behind) = behind else { continue };
            for s in 0..averaged {
                let gradient = &mut self.gradients[k].col_as_slice_mut(s)[strip.first()..];
                gradient.iter_mut().zip(behind.col_as_slice(s)).for_each(|(g, x)| *g += x);
                gradient.iter_mut().zip(ahead.col_as_slice(s)).for_each(|(g, x)| *g += x);
            }
        }
    }

    /// Takes ĥᵀI from the forms and ĥ from the gradients.
    fn subtract_linear(&mut self, linear: &[Vec<f64>]) {
        for (k, h) in linear.iter().enumerate() {
            for (s, value) in self.values[k].iter_mut().enumerate() {
                *value -=
                    h.iter().zip(self.intensities.col(s).iter()).map(|(h, x)| h * x).sum::<f64>();
            }
            for s in 0..self.gradients[k].ncols() {
                let gradient = self.gradients[k].col_as_slice_mut(s);
                gradient.iter_mut().zip(h).for_each(|(g, h)| *g -= h);
            }
        }
    }

    /// Mean over speckles of Σ over nodes of I g_k g_l / s, rows × rows.
    fn shot(&self, frames_each: &[f64]) -> Vec<f64> {
        let rows = self.gradients.len();
        let mut sums = vec![0.0; rows * rows];
        let averaged = self.gradients[0].ncols();
        for s in 0..averaged {
            let columns: Vec<&[f64]> = self.gradients.iter().map(|g| g.col_as_slice(s)).collect();
            let intensity = self.intensities.col(s);
            let weights: Vec<f64> = intensity.iter().zip(frames_each).map(|(x, s)| x / s).collect();
            for (k, sum) in sums.iter_mut().enumerate() {
                let pairs = columns[k / rows].iter().zip(columns[k % rows]);
                *sum += pairs.zip(&weights).map(|((a, b), w)| a * b * w).sum::<f64>();
            }
        }
        sums.iter_mut().for_each(|s| *s /= averaged.max(1) as f64);
        sums
    }
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
