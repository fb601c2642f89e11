//! Rows of matrices that take part in no sweep.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// Rows of bins, by position; clones share them. Row i holds the pairs of frame i with all later ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExcludedRows(Arc<BTreeSet<(usize, usize)>>);

impl ExcludedRows {
    /// These rows, each a bin and a row of it.
    pub fn new(rows: impl IntoIterator<Item = (usize, usize)>) -> Self {
        Self(Arc::new(rows.into_iter().collect()))
    }

    /// Whether a row is one of them.
    pub fn contains(&self, bin: usize, row: usize) -> bool {
        self.0.contains(&(bin, row))
    }

    /// All of them, a bin and a row of it, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (usize, usize)> {
        self.0.iter().copied()
    }

    /// Those of one bin, ascending.
    pub fn of(&self, bin: usize) -> impl Iterator<Item = usize> {
        self.0.range((bin, 0)..(bin + 1, 0)).map(|(_, row)| *row)
    }

    /// These and others.
    #[must_use]
    pub fn and(&self, others: impl IntoIterator<Item = (usize, usize)>) -> Self {
        Self::new(self.iter().chain(others))
    }

    /// The rows of the bins at these positions, counted among them.
    pub(crate) fn of_bins(&self, bins: &[usize]) -> Self {
        let place =
            |(bin, row): (usize, usize)| Some((bins.iter().position(|own| *own == bin)?, row));
        Self::new(self.iter().filter_map(place))
    }

    /// The same where only these frames are left, ascending.
    pub(crate) fn at(&self, frames: &[usize]) -> Self {
        let place = |(bin, row): (usize, usize)| Some((bin, frames.binary_search(&row).ok()?));
        Self::new(self.iter().filter_map(place))
    }

    /// What is left of a range of rows, in ranges.
    pub(crate) fn parts(&self, bin: usize, rows: Range<usize>) -> Vec<Range<usize>> {
        let mut parts = Vec::new();
        let mut start = rows.start;
        for row in self.of(bin).filter(|row| rows.contains(row)) {
            parts.push(start..row);
            start = row + 1;
        }
        parts.push(start..rows.end);
        parts.retain(|part| !part.is_empty());
        parts
    }
}
