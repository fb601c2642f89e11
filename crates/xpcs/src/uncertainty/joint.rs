//! Joint covariance of the score of a bin and of its cells of residuals, from speckles.

use dyne_math::gram::{TILE, Tile};
use dyne_math::simd::WIDTH;
use faer::{Mat, MatRef};

use super::factors::BinFactors;
use super::lag_age::LagAgeCells;
use crate::problem::{Evaluated, Problem};

/// Speckles over which the part of shot noise that goes with 1/n is averaged.
const SHOT_SPECKLES: usize = 48;

/// The noise of one bin in the rows (basis, m, 1) of the score, and then in its cells.
pub(super) struct Joint {
    /// Rows of the score.
    pub rows: usize,
    /// Score and cells together.
    pub order: usize,
    /// Parts of the covariance *one* pixel makes that go with 1, 1/n and 1/n², row-major.
    pub parts: [Vec<f64>; 3],
    /// Σ over the pairs of each cell of each row of the score without weights: cells × rows.
    pub slopes: Vec<f64>,
}

/// Rows of the score of the pairs of a bin.
struct Rows {
    /// One upper triangle a row, times the weights of their pairs; column-major frames × frames.
    weighted: Vec<Mat<f64>>,
    /// 1 + c·m of the pairs, upper triangle.
    expected: Mat<f64>,
    slopes: Vec<f64>,
}

impl Problem<'_> {
    fn score_rows(
        &self,
        evaluated: &Evaluated,
        bin: usize,
        contrast: f64,
        cells: &LagAgeCells,
    ) -> Rows {
        let (basis, frames) = (self.model.basis(), self.matrices.frames());
        let rows = basis + 2;
        let mut weighted: Vec<Mat<f64>> = (0..rows).map(|_| Mat::zeros(frames, frames)).collect();
        let mut expected = Mat::zeros(frames, frames);
        let mut slopes = vec![0.0; cells.count() * rows];
        let source = self.matrices.bin(bin, 1);
        let (term, weights) = (&evaluated.terms[bin], self.weights.of(bin));
        let mut tile = Tile::new(basis + 1);
        for i in (0..frames).filter(|i| source.takes(*i)) {
            let mut values = vec![vec![1.0; frames - i - 1]; rows];
            for first in (i + 1..frames).step_by(TILE) {
                let count = (frames - first).min(TILE);
                tile.clear();
                let mut segment = tile.segment(count);
                self.model.fill(self.level, &evaluated.tables, term, i, first, &mut segment);
                for (row, values) in values.iter_mut().take(basis + 1).enumerate() {
                    for k in 0..count {
                        values[first - i - 1 + k] = segment.row(row)[k / WIDTH].0[k % WIDTH];
                    }
                }
            }
            for segment in cells.segments(i) {
                for (row, values) in values.iter().enumerate() {
                    let own = &values[segment.start - i - 1..segment.end - i - 1];
                    slopes[segment.cell * rows + row] += own.iter().sum::<f64>();
                }
            }
            for j in i + 1..frames {
                let weight = weights.map_or(1.0, |w| w[j - i]);
                expected[(i, j)] = 1.0 + contrast * values[basis][j - i - 1];
                for (triangle, values) in weighted.iter_mut().zip(&values) {
                    triangle[(i, j)] = weight * values[j - i - 1];
                }
            }
        }
        Rows { weighted, expected, slopes }
    }

    /// The joint noise of one bin, from the intensities of its speckles, frames × speckles.
    ///
    /// **Formula** as [`super::score::ScoreSums`] and [`super::speckle::BinNoise`], where the rows of a
    /// cell are 1 on its pairs: Q = Σ_{i<j} v_ij [I_iI_j − E_ij(I_i + I_j)] with E = 1 + c·m, its covariance
    /// over speckles, and with the gradient g by the intensities those of shot noise.
    /// **Cost** 2·frames² operations a speckle and row; some a speckle, frame and class of lag for the cells.
    /// **Checked by** `tests/fits/lack_of_fit.rs`.
    pub(super) fn joint_noise(
        &self,
        evaluated: &Evaluated,
        bin: usize,
        contrast: f64,
        factors: BinFactors,
        cells: &LagAgeCells,
        intensities: MatRef<'_, f64>,
    ) -> Joint {
        let frames = self.matrices.frames();
        let rows = self.score_rows(evaluated, bin, contrast, cells);
        let (k, n) = (rows.weighted.len(), cells.count());
        let source = self.matrices.bin(bin, 1);
        let taken: Vec<bool> = (0..frames).map(|i| source.takes(i)).collect();
        let linear = linear(&rows, cells, &taken);
        let mut forms = forms(&rows, cells, &taken, intensities);
        forms -= linear.transpose() * intensities;
        let shot = factors.shot > 0.0;
        let gradient = if shot {
            shot_part(&rows, cells, &taken, &linear, intensities)
        } else {
            vec![0.0; (k + n) * (k + n)]
        };
        let products =
            if shot { product_part(&rows, cells, &taken) } else { vec![0.0; (k + n) * (k + n)] };
        Joint {
            rows: k,
            order: k + n,
            parts: [covariance(&forms), gradient, products],
            slopes: rows.slopes,
        }
    }
}

/// Σ_j v_ij E_ij over all partners of a frame: frames × (rows and cells).
fn linear(rows: &Rows, cells: &LagAgeCells, taken: &[bool]) -> Mat<f64> {
    let (frames, k) = (taken.len(), rows.weighted.len());
    let mut linear = Mat::zeros(frames, k + cells.count());
    for i in (0..frames).filter(|i| taken[*i]) {
        for (row, triangle) in rows.weighted.iter().enumerate() {
            for j in i + 1..frames {
                let value = triangle[(i, j)] * rows.expected[(i, j)];
                linear[(i, row)] += value;
                linear[(j, row)] += value;
            }
        }
        for segment in cells.segments(i) {
            for j in segment.start..segment.end {
                linear[(i, k + segment.cell)] += rows.expected[(i, j)];
                linear[(j, k + segment.cell)] += rows.expected[(i, j)];
            }
        }
    }
    linear
}

/// Σ v_ij I_iI_j: (rows and cells) × speckles.
fn forms(
    rows: &Rows,
    cells: &LagAgeCells,
    taken: &[bool],
    intensities: MatRef<'_, f64>,
) -> Mat<f64> {
    let (frames, speckles, k) = (taken.len(), intensities.ncols(), rows.weighted.len());
    let mut forms = Mat::zeros(k + cells.count(), speckles);
    for (row, triangle) in rows.weighted.iter().enumerate() {
        let ahead = triangle * intensities;
        for s in 0..speckles {
            let own = intensities.col(s).iter().zip(ahead.col(s).iter());
            forms[(row, s)] = own.map(|(x, y)| x * y).sum();
        }
    }
    let mut sums = vec![0.0; frames + 1];
    for s in 0..speckles {
        let own = intensities.col(s);
        for (i, x) in own.iter().enumerate() {
            sums[i + 1] = sums[i] + x;
        }
        let column = forms.col_as_slice_mut(s);
        for i in (0..frames).filter(|i| taken[*i]) {
            for segment in cells.segments(i) {
                column[k + segment.cell] += own[i] * (sums[segment.end] - sums[segment.start]);
            }
        }
    }
    forms
}

/// Mean over speckles of Σ_a I_a g_k g_l.
fn shot_part(
    rows: &Rows,
    cells: &LagAgeCells,
    taken: &[bool],
    linear: &Mat<f64>,
    intensities: MatRef<'_, f64>,
) -> Vec<f64> {
    let (frames, k) = (taken.len(), rows.weighted.len());
    let order = k + cells.count();
    let averaged = intensities.ncols().min(SHOT_SPECKLES);
    let own = intensities.subcols(0, averaged);
    let both: Vec<Mat<f64>> = rows.weighted.iter().map(|v| v * own + v.transpose() * own).collect();
    let mut sum: Mat<f64> = Mat::zeros(order, order);
    let mut sums = vec![0.0; frames + 1];
    for s in 0..averaged {
        let intensity = own.col(s);
        let mut gradient: Mat<f64> = Mat::zeros(frames, order);
        for (row, both) in both.iter().enumerate() {
            gradient.col_as_slice_mut(row).copy_from_slice(both.col_as_slice(s));
        }
        for (i, x) in intensity.iter().enumerate() {
            sums[i + 1] = sums[i] + x;
        }
        let mut behind = vec![0.0; (frames + 1) * cells.count()];
        for i in (0..frames).filter(|i| taken[*i]) {
            for segment in cells.segments(i) {
                gradient[(i, k + segment.cell)] += sums[segment.end] - sums[segment.start];
                let column = &mut behind[segment.cell * (frames + 1)..];
                column[segment.start] += intensity[i];
                column[segment.end] -= intensity[i];
            }
        }
        for (cell, steps) in behind.chunks_exact(frames + 1).enumerate() {
            let mut level = 0.0;
            for (g, step) in gradient.col_as_slice_mut(k + cell).iter_mut().zip(steps) {
                level += step;
                *g += level;
            }
        }
        gradient -= linear;
        for c in 0..order {
            let column = gradient.col_as_slice_mut(c).iter_mut();
            column.zip(intensity.iter()).for_each(|(g, x)| *g *= x.max(0.0).sqrt());
        }
        sum += gradient.transpose() * &gradient;
    }
    (0..order * order).map(|e| sum[(e / order, e % order)] / averaged.max(1) as f64).collect()
}

/// Σ over pairs of v_k v_l E.
fn product_part(rows: &Rows, cells: &LagAgeCells, taken: &[bool]) -> Vec<f64> {
    let (frames, k) = (taken.len(), rows.weighted.len());
    let order = k + cells.count();
    let mut sums = vec![0.0; order * order];
    for i in (0..frames).filter(|i| taken[*i]) {
        for segment in cells.segments(i) {
            let cell = k + segment.cell;
            for j in segment.start..segment.end {
                let e = rows.expected[(i, j)];
                sums[cell * order + cell] += e;
                for a in 0..k {
                    let v = rows.weighted[a][(i, j)] * e;
                    sums[a * order + cell] += v;
                    sums[cell * order + a] += v;
                    for b in 0..k {
                        sums[a * order + b] += v * rows.weighted[b][(i, j)];
                    }
                }
            }
        }
    }
    sums
}

/// Sample covariance of the rows.
fn covariance(forms: &Mat<f64>) -> Vec<f64> {
    let (order, speckles) = (forms.nrows(), forms.ncols());
    let means: Vec<f64> =
        (0..order).map(|a| forms.row(a).iter().sum::<f64>() / speckles as f64).collect();
    let centred = Mat::from_fn(order, speckles, |a, s| forms[(a, s)] - means[a]);
    let product = &centred * centred.transpose();
    let freedom = (speckles - 1) as f64;
    (0..order * order).map(|e| product[(e / order, e % order)] / freedom).collect()
}
