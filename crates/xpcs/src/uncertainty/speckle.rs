//! Covariance of the score from simulated speckles of the fitted model.

use dyne_runtime::{Lanes, Stream};
use dyne_solve::{Layout, Scaling};
use dyne_xpcs_data::{Counts, Speckles};
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::{Accum, Mat, MatRef, Par};

use super::nodes::{AtNodes, Nodes};
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

/// Samples that are put into the forms at a time; fixed, so that results do not depend on lanes.
const BATCH: usize = 64;

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
        let speckles =
            Speckles::try_new(&AtNodes { truth: &truth, nodes: &nodes }, bin, contrast, lanes)?;
        let count = options.speckles.div_ceil(evaluated.terms.len()).max(FEWEST);
        let stream = Stream::new(options.seed).split("score").index(bin as u64);
        let intensities = speckles.intensities(0..count, &stream, lanes);
        Ok(Self { nodes, intensities, mode_moments: speckles.mode_moments() })
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
    /// The noise of a bin of this contrast from its speckles.
    pub(super) fn new(drawn: &Drawn, sums: &ScoreSums, contrast: f64, lanes: &Lanes) -> Self {
        let (rows, nodes) = (sums.linear.len(), drawn.nodes.len());
        let frames_each = drawn.nodes.frames_each();
        let batches: Vec<&[f64]> = drawn.intensities.chunks(BATCH * nodes).collect();
        let scores = lanes.map(&batches, |batch| Scores::of(sums, batch, &frames_each));
        let forms: Vec<Vec<f64>> = (0..rows)
            .map(|k| scores.iter().flat_map(|s| s.forms[k].iter().copied()).collect())
            .collect();
        let mut shot = vec![0.0; rows * rows];
        for batch in &scores {
            shot.iter_mut().zip(&batch.shot).for_each(|(sum, s)| *sum += s);
        }
        shot.iter_mut().for_each(|s| *s /= forms[0].len() as f64);
        Self {
            rows,
            covariance: [covariance_of(&forms), shot, sums.shot.clone()],
            variance: pair_variance(contrast, drawn.mode_moments, &sums.moments),
        }
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

/// Scores of some speckles.
struct Scores {
    /// Q, row by row, one a speckle.
    forms: Vec<Vec<f64>>,
    /// Σ over speckles and nodes of I g_k g_l / s, rows × rows.
    shot: Vec<f64>,
}

impl Scores {
    fn of(sums: &ScoreSums, intensities: &[f64], frames_each: &[f64]) -> Self {
        let nodes = frames_each.len();
        let mut u = vec![0.0; nodes * nodes];
        let gradients: Vec<Mat<f64>> = sums
            .linear
            .iter()
            .enumerate()
            .map(|(k, h)| {
                sums.write_form(k, &mut u);
                let mut g = products(&u, intensities, nodes);
                for speckle in 0..g.ncols() {
                    g.col_as_slice_mut(speckle).iter_mut().zip(h).for_each(|(g, h)| *g -= h);
                }
                g
            })
            .collect();
        let forms = gradients.iter().zip(&sums.linear).map(|(g, h)| form(g, h, intensities));
        Self { forms: forms.collect(), shot: shot(&gradients, intensities, frames_each) }
    }
}

/// (U + Uᵀ)·I of every speckle.
fn products(u: &[f64], intensities: &[f64], nodes: usize) -> Mat<f64> {
    let speckles = intensities.len() / nodes;
    let mut out = Mat::zeros(nodes, speckles);
    // Row by row U is column by column Uᵀ.
    let lower = MatRef::from_column_major_slice(u, nodes, nodes);
    let triangles = [
        (lower, BlockStructure::TriangularLower),
        (lower.transpose(), BlockStructure::TriangularUpper),
    ];
    for (triangle, structure) in triangles {
        matmul(
            out.as_mut(),
            BlockStructure::Rectangular,
            Accum::Add,
            triangle,
            structure,
            MatRef::from_column_major_slice(intensities, nodes, speckles),
            BlockStructure::Rectangular,
            1.0,
            Par::Seq,
        );
    }
    out
}

/// ½ Iᵀ(g − ĥ) = IᵀUI − ĥᵀI of every speckle.
fn form(gradients: &Mat<f64>, linear: &[f64], intensities: &[f64]) -> Vec<f64> {
    let speckles = intensities.chunks_exact(linear.len()).enumerate();
    speckles
        .map(|(speckle, intensity)| {
            let g = gradients.col_as_slice(speckle).iter().zip(linear);
            0.5 * g.zip(intensity).map(|((g, h), x)| (g - h) * x).sum::<f64>()
        })
        .collect()
}

fn shot(gradients: &[Mat<f64>], intensities: &[f64], frames_each: &[f64]) -> Vec<f64> {
    let rows = gradients.len();
    let mut sums = vec![0.0; rows * rows];
    for (speckle, intensity) in intensities.chunks_exact(frames_each.len()).enumerate() {
        let columns: Vec<&[f64]> = gradients.iter().map(|g| g.col_as_slice(speckle)).collect();
        let weights: Vec<f64> = intensity.iter().zip(frames_each).map(|(x, s)| x / s).collect();
        for (k, sum) in sums.iter_mut().enumerate() {
            let pairs = columns[k / rows].iter().zip(columns[k % rows]);
            *sum += pairs.zip(&weights).map(|((a, b), w)| a * b * w).sum::<f64>();
        }
    }
    sums
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
