//! The strict upper triangle of one symmetric matrix, packed row by row.
//!
//! Only pairs i < j are data: C2 is symmetric and its diagonal carries shot noise.

use std::ops::Range;

use crate::samples::{Samples, Values};

/// Packed strict upper triangle: row `i` holds columns `i+1 .. frames`.
///
/// Triangles are equal where their pairs are, whatever stood on the diagonal.
#[derive(Debug, Clone)]
pub struct Triangle {
    frames: usize,
    samples: Samples,
    diagonal: Vec<f64>,
}

impl PartialEq for Triangle {
    fn eq(&self, other: &Self) -> bool {
        self.frames == other.frames && self.samples == other.samples
    }
}

impl Triangle {
    /// Number of pairs of `frames` frames.
    pub const fn pairs(frames: usize) -> usize {
        frames * frames.saturating_sub(1) / 2
    }

    /// Position of the first value of row `i` in the packed order.
    pub const fn row_start(frames: usize, i: usize) -> usize {
        i * (2 * frames - i - 1) / 2
    }

    /// Row and column of the value at `position` in the packed order.
    pub fn pair_at(frames: usize, position: usize) -> [usize; 2] {
        let mut row = 0;
        while Self::row_start(frames, row + 1) <= position {
            row += 1;
        }
        [row, position - Self::row_start(frames, row) + row + 1]
    }

    /// Wraps packed values.
    ///
    /// # Panics
    /// When the number of values is not `pairs(frames)`.
    #[track_caller]
    pub fn new(frames: usize, samples: Samples) -> Self {
        assert_eq!(samples.len(), Self::pairs(frames), "packed length of {frames} frames");
        Self { frames, samples, diagonal: Vec::new() }
    }

    /// With the diagonal as the file holds it: what tells the shot noise.
    ///
    /// # Panics
    /// When it is not as long as a side.
    #[track_caller]
    pub fn with_diagonal(self, diagonal: Vec<f64>) -> Self {
        assert_eq!(diagonal.len(), self.frames, "length of the diagonal");
        Self { diagonal, ..self }
    }

    /// The diagonal, where it is known.
    pub fn diagonal(&self) -> Option<&[f64]> {
        (!self.diagonal.is_empty()).then_some(&self.diagonal)
    }

    /// Frames along a side.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// The packed values.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// The values of some rows, packed.
    pub fn rows(&self, rows: Range<usize>) -> Values<'_> {
        let at = |i| Self::row_start(self.frames, i);
        self.samples.values(at(rows.start)..at(rows.end))
    }

    /// Copies columns `columns` of row `i` (all greater than `i`) to `out` as f64.
    pub fn row_into(&self, i: usize, columns: Range<usize>, out: &mut [f64]) {
        let start = Self::row_start(self.frames, i) + columns.start - (i + 1);
        self.samples.values(start..start + columns.len()).widen_into(out);
    }

    /// Row and column of the first value in packed order that is NaN or infinite.
    pub fn first_not_finite(&self) -> Option<(usize, usize)> {
        let at = self.samples.all().first_not_finite()?;
        let [row, column] = Self::pair_at(self.frames, at);
        Some((row, column))
    }

    /// Value at frames `i < j`.
    pub fn get(&self, i: usize, j: usize) -> f64 {
        let k = Self::row_start(self.frames, i) + j - (i + 1);
        self.samples.values(k..k + 1).get(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_agrees_with_a_full_matrix() {
        let n = 7;
        let full = |i: usize, j: usize| (i * 100 + j) as f64;
        let packed: Vec<f64> = (0..n).flat_map(|i| (i + 1..n).map(move |j| full(i, j))).collect();
        let t = Triangle::new(n, Samples::F64(packed));
        for i in 0..n {
            for j in i + 1..n {
                assert_eq!(t.get(i, j), full(i, j));
            }
        }
        assert_eq!(t.first_not_finite(), None);
        let mut row = [0.0; 3];
        t.row_into(2, 4..7, &mut row);
        assert_eq!(row, [204.0, 205.0, 206.0]);
    }

    #[test]
    fn a_value_that_is_not_finite_is_found() {
        for (at, pair) in [(0, (0, 1)), (3, (0, 4)), (4, (1, 2)), (9, (3, 4))] {
            let mut values = vec![1.0f32; 10];
            values[at] = f32::NAN;
            let t = Triangle::new(5, Samples::F32(values));
            assert_eq!(t.first_not_finite(), Some(pair));
        }
    }
}
