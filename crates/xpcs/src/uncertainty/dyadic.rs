//! Covariance of the score from the residuals, clustered over blocks of frames.

use dyne_math::gram::{TILE, Tile};
use dyne_math::simd::WIDTH;
use dyne_runtime::words::{Words, put_floats, put_words};
use dyne_runtime::{Reduce, sweep};
use dyne_solve::{Covariance, Scaling};
use dyne_xpcs_data::PairBlock;

use super::speckle::{mapped, score_map};
use super::{Minimum, UncertaintyError};
use crate::problem::{Evaluated, Problem};

/// Most blocks of frames; bounds the memory of the sums.
const MOST_BLOCKS: usize = 100;

/// Sums of residual times (basis, m, 1) over the pairs of two blocks of frames, for some bins.
struct BlockScores {
    /// Position of the bin; first row block; rows of blocks.
    bins: Vec<BinScores>,
}

struct BinScores {
    bin: usize,
    first: usize,
    /// `rows[g − first][h·k + r]`: row block g, column block h, row r of the tile.
    rows: Vec<Vec<f64>>,
}

impl BinScores {
    fn add(&mut self, later: Self) {
        for (offset, row) in later.rows.into_iter().enumerate() {
            let at = later.first + offset - self.first;
            // Blocks all of whose rows are left out lie between two that are not.
            while self.rows.len() < at {
                self.rows.push(vec![0.0; row.len()]);
            }
            match self.rows.get_mut(at) {
                Some(own) => own.iter_mut().zip(&row).for_each(|(a, b)| *a += b),
                None => self.rows.push(row),
            }
        }
    }
}

impl Reduce for BlockScores {
    fn merge(&mut self, later: Self) {
        for next in later.bins {
            match self.bins.last_mut() {
                Some(last) if last.bin == next.bin => last.add(next),
                _ => self.bins.push(next),
            }
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for bin in &self.bins {
            let width = bin.rows.first().map_or(0, Vec::len);
            let size = [bin.bin, bin.first, bin.rows.len(), width];
            put_words(&mut bytes, size.map(|number| number as u64));
            put_floats(&mut bytes, bin.rows.iter().flatten());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut words = Words::new(bytes);
        let mut bins = Vec::new();
        while !words.is_empty() {
            let (bin, first) = (words.count()?, words.count()?);
            let (count, width) = (words.count()?, words.count()?);
            let rows = (0..count).map(|_| words.floats(width)).collect::<Option<_>>()?;
            bins.push(BinScores { bin, first, rows });
        }
        Some(Self { bins })
    }
}

/// Sandwich clustered over blocks of frames: all pairs that share a block count as one draw.
///
/// **Formula.** $V = H^{-1}BH^{-1}$, $B = \sum_g s_gs_g^T - \sum_{g<h}u_{gh}u_{gh}^T$ with
/// $u_{gh}$ the score of the pairs between the blocks g and h, $s_g = \sum_h u_{gh}$.
///
/// **Symbols.** g, h: blocks of ⌈frames/100⌉ frames, or as many as the correlation time that is
/// given; u: residual times ∂y/∂(θ, z).
///
/// **Edges.** B need not be positive: a parameter whose variance comes out negative has none.
/// Residuals of a fit are smaller than the noise, and where the correlation time is a fair part
/// of the series there are few blocks: these error bars are too small then (docs/calibration.md).
///
/// **Cost.** One sweep; at most 100²·(basis + 2)·8 bytes a bin.
///
/// **Source.** Aronow, Samii and Assenova, Political Analysis 23 (2015) 564,
/// doi:10.1093/pan/mpv018. **Checked by** `one_frame_a_block_is_the_plain_dyadic_sum`.
///
/// # Errors
/// [`UncertaintyError::Sweep`], [`UncertaintyError::Solve`].
pub fn dyadic_covariance(
    minimum: &Minimum<'_>,
    correlation_frames: usize,
) -> Result<Covariance, UncertaintyError> {
    let Minimum { problem, evaluated, scaling, information, .. } = minimum;
    let frames = problem.matrices.frames();
    let length = correlation_frames.max(frames.div_ceil(MOST_BLOCKS)).max(1);
    let scores = problem.block_scores(evaluated, scaling, length)?;
    let (p, k) = (problem.model.parameters().len(), problem.model.basis() + 2);
    let n = information.order();
    let mut score = vec![0.0; n * n];
    for bin in &scores.bins {
        let t =
            score_map(&evaluated.terms[bin.bin].map, p, scaling[bin.bin], problem.layout, bin.bin);
        let b = mapped(&t, &clustered(bin, frames.div_ceil(length), k), k);
        score.iter_mut().zip(b).for_each(|(s, b)| *s += b);
    }
    Ok(information.sandwich(&score)?)
}

/// Σ_g s_g s_gᵀ − Σ_{g<h} u_gh u_ghᵀ.
fn clustered(bin: &BinScores, blocks: usize, k: usize) -> Vec<f64> {
    let mut sums = vec![0.0; blocks * k];
    let mut b = vec![0.0; k * k];
    let mut outer = |u: &[f64], sign: f64| {
        for (row, left) in b.chunks_exact_mut(k).zip(u) {
            row.iter_mut().zip(u).for_each(|(b, right)| *b += sign * left * right);
        }
    };
    for (offset, row) in bin.rows.iter().enumerate() {
        let g = bin.first + offset;
        for (h, u) in row.chunks_exact(k).enumerate().skip(g) {
            sums[g * k..][..k].iter_mut().zip(u).for_each(|(s, u)| *s += u);
            if h > g {
                sums[h * k..][..k].iter_mut().zip(u).for_each(|(s, u)| *s += u);
                outer(u, -1.0);
            }
        }
    }
    for s in sums.chunks_exact(k) {
        outer(s, 1.0);
    }
    b
}

impl Problem<'_> {
    fn block_scores(
        &self,
        evaluated: &Evaluated,
        scaling: &[Scaling],
        length: usize,
    ) -> Result<BlockScores, UncertaintyError> {
        let rows = self.model.basis() + 3;
        Ok(sweep(
            &self.matrices.blocks(self.block),
            self.resources.to("error bars"),
            || Tile::new(rows),
            |block, tile| {
                let scores = self.scores_of(evaluated, scaling[block.bin], length, block, tile);
                BlockScores { bins: vec![scores] }
            },
        )?)
    }

    fn scores_of(
        &self,
        evaluated: &Evaluated,
        scaling: Scaling,
        length: usize,
        block: PairBlock<'_>,
        tile: &mut Tile,
    ) -> BinScores {
        let frames = block.frames;
        let k = tile.rows() - 1;
        let (first, last) = (block.first / length, (block.end - 1) / length);
        let mut rows = vec![vec![0.0; frames.div_ceil(length) * k]; last - first + 1];
        for i in block.first..block.end {
            let sums = &mut rows[i / length - first];
            for start in (i + 1..frames).step_by(TILE) {
                let count = (frames - start).min(TILE);
                tile.clear();
                self.fill_pairs(evaluated, block, i, start, count, tile);
                let offset = scaling.offset - self.shift;
                let weights = self.weights.of(block.bin);
                for column in 0..count {
                    let (chunk, lane) = (column / WIDTH, column % WIDTH);
                    let at = |row: usize| tile.row(row)[chunk].0[lane];
                    let residual = at(k) - offset - scaling.contrast * at(k - 2);
                    let residual = residual * weights.map_or(1.0, |w| w[start + column - i]);
                    let h = (start + column) / length;
                    for (row, sum) in sums[h * k..][..k].iter_mut().enumerate() {
                        *sum += residual * at(row);
                    }
                }
            }
        }
        BinScores { bin: block.bin, first, rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_frame_a_block_is_the_plain_dyadic_sum() {
        // Four frames, one row: u of the pair (i, j), and every two pairs that share a frame.
        let u = |i: usize, j: usize| (3 * i + 5 * j) as f64 - 9.0;
        let rows =
            (0..4).map(|i| (0..4).map(|j| if j > i { u(i, j) } else { 0.0 }).collect()).collect();
        let found = clustered(&BinScores { bin: 0, first: 0, rows }, 4, 1)[0];
        let pairs: Vec<(usize, usize)> =
            (0..4).flat_map(|i| (i + 1..4).map(move |j| (i, j))).collect();
        let mut expected = 0.0;
        for (a, b) in pairs.iter().flat_map(|p| pairs.iter().map(move |q| (*p, *q))) {
            if a.0 == b.0 || a.1 == b.1 || a.0 == b.1 || a.1 == b.0 {
                expected += u(a.0, a.1) * u(b.0, b.1);
            }
        }
        assert!((found - expected).abs() < 1e-9, "{found} and {expected}");
    }

    #[test]
    fn scores_travel_as_bytes() {
        let part = |first: usize, value: f64| BlockScores {
            bins: vec![BinScores { bin: 1, first, rows: vec![vec![value; 3]; 2] }],
        };
        let mut whole = part(0, 1.0);
        whole.merge(part(1, 2.0));
        let back = BlockScores::from_bytes(&whole.to_bytes()).unwrap();
        let rows: Vec<f64> = back.bins[0].rows.iter().map(|r| r[0]).collect();
        assert_eq!(rows, [1.0, 3.0, 2.0]);
        assert!(BlockScores::from_bytes(&[1; 20]).is_none());
    }
}
