//! Columns of equal length, padded so that whole vectors may be read past the end.

use crate::simd::WIDTH;

/// `rows` arrays of `len` values in one allocation, each padded by one vector width that
/// repeats the last value.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    len: usize,
    stride: usize,
    values: Vec<f64>,
}

impl Table {
    /// A table of zeros.
    pub fn zeros(rows: usize, len: usize) -> Self {
        let stride = len + WIDTH;
        Self { len, stride, values: vec![0.0; rows * stride] }
    }

    /// Values in a row.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the rows are empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// One row.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.stride..][..self.len]
    }

    /// One row for writing; call [`Table::pad`] afterwards.
    pub fn row_mut(&mut self, row: usize) -> &mut [f64] {
        &mut self.values[row * self.stride..][..self.len]
    }

    /// Repeats the last value of every row into its padding.
    pub fn pad(&mut self) {
        if self.len == 0 {
            return;
        }
        for row in self.values.chunks_exact_mut(self.stride) {
            let last = row[self.len - 1];
            row[self.len..].fill(last);
        }
    }

    /// The columns at `positions`.
    ///
    /// # Panics
    /// When one of them is not in the table.
    pub fn columns(&self, positions: &[usize]) -> Self {
        let rows = self.values.len() / self.stride;
        let mut out = Self::zeros(rows, positions.len());
        for row in 0..rows {
            let source = self.row(row);
            for (o, p) in out.row_mut(row).iter_mut().zip(positions) {
                *o = source[*p];
            }
        }
        out.pad();
        out
    }

    /// Columns `first .. first + count` of the `N` first rows, where `count` may reach into the
    /// padding. One length for all of them spares a kernel its bounds checks.
    ///
    /// # Panics
    /// When they reach past the padding or there are fewer rows.
    #[inline(always)]
    pub fn stripes<const N: usize>(&self, first: usize, count: usize) -> [&[f64]; N] {
        assert!(first + count <= self.stride, "columns of the table and its padding");
        let mut stripes: [&[f64]; N] = [&[]; N];
        for (row, stripe) in stripes.iter_mut().enumerate() {
            *stripe = &self.values[row * self.stride + first..][..count];
        }
        stripes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_those_named_and_padded() {
        let mut t = Table::zeros(2, 7);
        for k in 0..7 {
            t.row_mut(0)[k] = k as f64;
            t.row_mut(1)[k] = 10.0 * k as f64;
        }
        t.pad();
        let s = t.columns(&[1, 4]);
        assert_eq!(s.row(0), [1.0, 4.0]);
        assert_eq!(s.row(1), [10.0, 40.0]);
        assert_eq!(s.values[2..10], [4.0; 8]);
        assert_eq!(t.columns(&[0, 1, 2, 3, 4, 5, 6]), t);
        assert_eq!(t.stripes::<2>(5, 4), [[5.0, 6.0, 6.0, 6.0], [50.0, 60.0, 60.0, 60.0]]);
    }
}
