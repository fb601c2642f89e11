//! Samples of the score of one bin from simulated speckles, from one sweep over its pairs.

use std::convert::Infallible;

use dyne_math::gram::{TILE, Tile};
use dyne_math::quadratic::{Forms, Samples};
use dyne_math::simd::{Lane8, WIDTH};
use dyne_runtime::{Reduce, SweepError, sweep};
use dyne_xpcs_data::PairBlock;

use crate::problem::{Evaluated, Problem, scale_pairs};

/// Σ over pairs of the fluctuation of c2 that one speckle makes, times each row of (basis, m, 1).
///
/// **Formula.** To first order in the fluctuations of the means the noise of c2 is a mean over
/// speckles of $x_{ij} = I_iI_j - E_{ij}(I_i + I_j) + E_{ij}$, $E_{ij} = 1 + c\,m_{ij}$, hence
/// $Q_k = \sum_{i<j} v_{k,ij} I_iI_j - \sum_i h_{k,i} I_i$ up to a constant, with
/// $h_{k,i} = \sum_{j\neq i} v_{k,ij}E_{ij}$.
///
/// **Symbols.** I: intensity of a speckle, mean 1, or one with shot noise; v: rows of the tile
/// times the weights w of their pairs; c: contrast of the bin.
///
/// **Cost.** One multiplication a pair, row and speckle.
/// **Checked by** `tests/fits/uncertainty.rs`: `error_bars_are_the_scatter_of_repeated_experiments`.
pub(super) struct ScoreSums {
    /// Q, row by row, one a sample.
    pub forms: Vec<Vec<f64>>,
    /// Σ w, Σ w m, Σ w m², Σ w m³ over the pairs.
    pub moments: [f64; 4],
}

/// Partial sums of some rows of one matrix.
struct Partial {
    forms: Vec<f64>,
    linear: Vec<f64>,
    moments: [f64; 4],
}

impl Reduce for Partial {
    fn merge(&mut self, later: Self) {
        let own = self.forms.iter_mut().chain(&mut self.linear).chain(&mut self.moments);
        let other = later.forms.iter().chain(&later.linear).chain(&later.moments);
        own.zip(other).for_each(|(a, b)| *a += b);
    }

    fn to_bytes(&self) -> Vec<u8> {
        let lengths = [self.forms.len() as u64, self.linear.len() as u64];
        let values = self.forms.iter().chain(&self.linear).chain(&self.moments);
        lengths
            .map(u64::to_le_bytes)
            .concat()
            .into_iter()
            .chain(values.flat_map(|v| v.to_le_bytes()))
            .collect()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let word =
            |k: usize| Some(u64::from_le_bytes(bytes.get(8 * k..8 * k + 8)?.try_into().ok()?));
        let (forms, linear) = (usize::try_from(word(0)?).ok()?, usize::try_from(word(1)?).ok()?);
        let count = forms.checked_add(linear)?.checked_add(4)?;
        let values: Vec<f64> =
            (0..count).map(|k| word(k + 2).map(f64::from_bits)).collect::<Option<_>>()?;
        let whole = bytes.len() == 8 * (count + 2);
        whole.then(|| Self {
            forms: values[..forms].to_vec(),
            linear: values[forms..forms + linear].to_vec(),
            moments: std::array::from_fn(|k| values[count - 4 + k]),
        })
    }
}

struct Scratch {
    tile: Tile,
    forms: Forms,
    linear: Vec<f64>,
    moments: [f64; 4],
    m: Vec<Lane8>,
}

impl Problem<'_> {
    /// Sums over the pairs of `bin` for each sample of its intensities.
    ///
    /// # Errors
    /// That of the sweep.
    pub(super) fn score_sums(
        &self,
        evaluated: &Evaluated,
        bin: usize,
        contrast: f64,
        intensities: &[f64],
    ) -> Result<ScoreSums, SweepError<Infallible>> {
        let frames = self.matrices.frames();
        let rows = self.model.basis() + 2;
        let samples = Samples::new(frames, intensities);
        let total = sweep(
            &self.matrices.blocks_of(bin..bin + 1, self.block),
            self.resources,
            || Scratch {
                tile: Tile::new(rows + 1),
                forms: Forms::new(rows, &samples),
                linear: vec![0.0; rows * frames],
                moments: [0.0; 4],
                m: Vec::with_capacity(TILE / WIDTH),
            },
            |block, scratch| self.score_block(evaluated, contrast, &samples, block, scratch),
        )?;
        let mut forms: Vec<Vec<f64>> =
            total.forms.chunks_exact(samples.len()).map(<[f64]>::to_vec).collect();
        for (form, h) in forms.iter_mut().zip(total.linear.chunks_exact(frames)) {
            for (q, sample) in form.iter_mut().zip(intensities.chunks_exact(frames)) {
                *q -= h.iter().zip(sample).map(|(h, x)| h * x).sum::<f64>();
            }
        }
        Ok(ScoreSums { forms, moments: total.moments })
    }

    fn score_block(
        &self,
        evaluated: &Evaluated,
        contrast: f64,
        samples: &Samples,
        block: PairBlock<'_>,
        scratch: &mut Scratch,
    ) -> Partial {
        let Scratch { tile, forms, linear, moments, m } = scratch;
        forms.clear();
        linear.fill(0.0);
        *moments = [0.0; 4];
        let frames = block.triangle.frames();
        for i in block.first..block.end {
            for first in (i + 1..frames).step_by(TILE) {
                let count = (frames - first).min(TILE);
                tile.clear();
                self.fill_pairs(evaluated, block, i, first, count, tile);
                m.clear();
                m.extend_from_slice(tile.row(tile.rows() - 3));
                if let Some(weights) = self.weights.of(block.bin) {
                    scale_pairs(tile, 0, &weights[first - i..][..count], |w| w);
                }
                forms.add(self.level, samples, tile, i, first);
                add_linear(tile, m, contrast, [i, first, count], linear);
                add_moments(tile, m, moments);
            }
        }
        let rows = tile.rows() - 1;
        Partial {
            forms: (0..rows).flat_map(|row| forms.form(row, samples)).collect(),
            linear: linear.clone(),
            moments: *moments,
        }
    }
}

/// Adds v_ij·E_ij to h at i and at j, for `count` pairs (i, first…) whose correlation is m.
fn add_linear(
    tile: &Tile,
    m: &[Lane8],
    contrast: f64,
    [i, first, count]: [usize; 3],
    linear: &mut [f64],
) {
    let rows = tile.rows() - 1;
    let frames = linear.len() / rows;
    for row in 0..rows {
        let h = &mut linear[row * frames..][..frames];
        let mut own = 0.0;
        for (k, h) in h[first..first + count].iter_mut().enumerate() {
            let (chunk, lane) = (k / WIDTH, k % WIDTH);
            let term = tile.row(row)[chunk].0[lane] * (1.0 + contrast * m[chunk].0[lane]);
            *h += term;
            own += term;
        }
        h[i] += own;
    }
}

fn add_moments(tile: &Tile, m: &[Lane8], moments: &mut [f64; 4]) {
    // Columns past the last pair hold zeros.
    let weights = tile.row(tile.rows() - 2).iter().flat_map(|chunk| chunk.0);
    for (w, m) in weights.zip(m.iter().flat_map(|chunk| chunk.0)) {
        for (sum, power) in moments.iter_mut().zip([1.0, m, m * m, m * m * m]) {
            *sum += w * power;
        }
    }
}
