//! Quadratic forms Σ_{i<j} v_ij x_i x_j of many vectors x at once, v given tile by tile.

use crate::gram::Tile;
use crate::simd::{Isa, Kernel, Lane8, Level, WIDTH, dispatch};

/// Samples side by side in a panel.
const PANEL: usize = 2 * WIDTH;

/// Many samples of a vector x, stored so that the value of one element in [`PANEL`] samples
/// lies on two cache lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    elements: usize,
    samples: usize,
    panels: Vec<Lane8>,
}

impl Samples {
    /// Samples of vectors of `elements` values, given one after the other.
    ///
    /// # Panics
    /// When `values` does not hold whole samples.
    pub fn new(elements: usize, values: &[f64]) -> Self {
        assert!(values.len().is_multiple_of(elements.max(1)), "whole samples");
        let samples = values.len() / elements.max(1);
        let count = samples.div_ceil(PANEL);
        let mut panels = vec![Lane8::ZERO; count * elements * 2];
        for (sample, vector) in values.chunks_exact(elements.max(1)).enumerate() {
            let (panel, lane) = (sample / PANEL, sample % PANEL);
            for (k, value) in vector.iter().enumerate() {
                panels[(panel * elements + k) * 2 + lane / WIDTH].0[lane % WIDTH] = *value;
            }
        }
        Self { elements, samples, panels }
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.samples
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.samples == 0
    }

    fn panel(&self, panel: usize) -> &[Lane8] {
        &self.panels[panel * self.elements * 2..][..self.elements * 2]
    }
}

/// Sums Σ v_ij x_i x_j for several v and every sample of x.
#[derive(Debug, Clone, PartialEq)]
pub struct Forms {
    rows: usize,
    sums: Vec<Lane8>,
}

impl Forms {
    /// Zeros for `rows` forms of `samples`.
    pub fn new(rows: usize, samples: &Samples) -> Self {
        Self { rows, sums: vec![Lane8::ZERO; samples.samples.div_ceil(PANEL) * rows * 2] }
    }

    /// Sets all sums to zero.
    pub fn clear(&mut self) {
        self.sums.fill(Lane8::ZERO);
    }

    /// Adds x_i Σ_j v_ij x_j, v_ij from the first rows of `tile`, whose columns are the
    /// elements j from `first` on. Columns of the tile that are zero may lie past the last
    /// element.
    ///
    /// **Cost** one multiplication and addition for each row, column and sample.
    /// **Checked by** `forms_are_those_of_a_plain_loop`.
    ///
    /// # Panics
    /// When the tile has fewer rows than there are forms.
    pub fn add(&mut self, level: Level, samples: &Samples, tile: &Tile, i: usize, first: usize) {
        let columns = (tile.used_chunks() * WIDTH).min(samples.elements - first);
        for (panel, sums) in self.sums.chunks_exact_mut(self.rows * 2).enumerate() {
            let x = samples.panel(panel);
            let (here, there) = (&x[2 * i..2 * i + 2], &x[2 * first..2 * (first + columns)]);
            let mut row = 0;
            while row + 4 <= self.rows {
                dispatch(level, Update::<4> { tile, row, here, there, sums });
                row += 4;
            }
            while row < self.rows {
                dispatch(level, Update::<1> { tile, row, here, there, sums });
                row += 1;
            }
        }
    }

    /// The sums of form `row`, one a sample of `samples`.
    pub fn form(&self, row: usize, samples: &Samples) -> Vec<f64> {
        self.sums
            .chunks_exact(self.rows * 2)
            .flat_map(|panel| panel[2 * row..2 * row + 2].iter().flat_map(|lane| lane.0))
            .take(samples.samples)
            .collect()
    }
}

/// `ROWS` forms of one panel.
struct Update<'a, const ROWS: usize> {
    tile: &'a Tile,
    row: usize,
    here: &'a [Lane8],
    there: &'a [Lane8],
    sums: &'a mut [Lane8],
}

impl<const ROWS: usize> Kernel for Update<'_, ROWS> {
    type Output = ();
    #[inline(always)]
    fn run<S: Isa>(self, s: S) {
        let v: [&[Lane8]; ROWS] = std::array::from_fn(|k| self.tile.row(self.row + k));
        for at in (0..PANEL).step_by(2 * S::LANES) {
            let place = [at, at + S::LANES].map(|at| (at / WIDTH, at % WIDTH));
            let mut sums = [[s.splat(0.0); 2]; ROWS];
            for (j, x) in self.there.chunks_exact(2).enumerate() {
                let x = place.map(|(half, lane)| s.load8(&x[half], lane));
                for (sums, v) in sums.iter_mut().zip(&v) {
                    let weight = s.splat(v[j / WIDTH].0[j % WIDTH]);
                    for (sum, x) in sums.iter_mut().zip(x) {
                        *sum = s.fma(weight, x, *sum);
                    }
                }
            }
            for (k, sums) in sums.iter().enumerate() {
                for (sum, (half, lane)) in sums.iter().zip(place) {
                    let target = &mut self.sums[2 * (self.row + k) + half];
                    let total = s.fma(s.load8(&self.here[half], lane), *sum, s.load8(target, lane));
                    s.store8(total, target, lane);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_those_of_a_plain_loop() {
        let (elements, count, rows) = (21, 19, 6);
        let x = |s: usize, k: usize| ((s * 31 + k * 17) % 23) as f64 / 7.0 - 1.0;
        let v = |r: usize, i: usize, j: usize| ((r * 5 + i * 3 + j * 11) % 13) as f64 - 6.0;
        let values: Vec<f64> =
            (0..count).flat_map(|s| (0..elements).map(move |k| x(s, k))).collect();
        let samples = Samples::new(elements, &values);
        for level in Level::available() {
            let mut forms = Forms::new(rows, &samples);
            let mut tile = Tile::new(rows);
            for i in 0..elements - 1 {
                tile.clear();
                let mut segment = tile.segment(elements - i - 1);
                for r in 0..rows {
                    for (c, chunk) in segment.row_mut(r).iter_mut().enumerate() {
                        *chunk = Lane8(std::array::from_fn(|l| v(r, i, i + 1 + c * WIDTH + l)));
                    }
                }
                segment.end();
                forms.add(level, &samples, &tile, i, i + 1);
            }
            for r in 0..rows {
                let found = forms.form(r, &samples);
                assert_eq!(found.len(), count);
                for (s, found) in found.iter().enumerate() {
                    let expected: f64 = (0..elements)
                        .flat_map(|i| (i + 1..elements).map(move |j| (i, j)))
                        .map(|(i, j)| v(r, i, j) * x(s, i) * x(s, j))
                        .sum();
                    assert!((found - expected).abs() < 1e-9, "{level}: {found} and {expected}");
                }
            }
        }
    }
}
