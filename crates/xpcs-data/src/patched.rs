//! Rows of a file part of which cannot be decoded.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use crate::catalog::ReadError;
use crate::rows::{DecodeBuffers, RowAccess, RowSource, RowsSize};
use crate::samples::Samples;
use crate::triangle::Triangle;

/// Another source, in which values that cannot be read are NaN.
///
/// What cannot be read is told by [`PatchedRows::failures`]; NaN is found by whoever looks for values
/// that are not finite. **Checked by** `rows_that_cannot_be_read_are_nan`.
pub struct PatchedRows {
    inner: Arc<dyn RowSource>,
    failures: Mutex<Vec<RowFailure>>,
}

/// Rows that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFailure {
    /// Position of the bin.
    pub bin: usize,
    /// Rows, counted from 0.
    pub rows: Range<usize>,
    /// Why.
    pub reason: String,
}

impl PatchedRows {
    /// Patches `inner`.
    pub fn new(inner: Arc<dyn RowSource>) -> Self {
        Self { inner, failures: Mutex::default() }
    }

    /// What could not be read so far, each once, in order.
    pub fn failures(&self) -> Vec<RowFailure> {
        self.failures.lock().expect("nobody panics with the lock held").clone()
    }

    fn note(&self, bin: usize, rows: Range<usize>, error: &ReadError) {
        let reason = error.to_string().lines().next().unwrap_or_default().to_owned();
        let mut failures = self.failures.lock().expect("nobody panics with the lock held");
        let place = |failure: &RowFailure| (failure.bin, failure.rows.start);
        if let Err(at) = failures.binary_search_by_key(&(bin, rows.start), place) {
            failures.insert(at, RowFailure { bin, rows, reason });
        }
    }
}

impl RowSource for PatchedRows {
    fn size(&self) -> RowsSize {
        self.inner.size()
    }

    fn access(&self, bin: usize) -> RowAccess {
        self.inner.access(bin)
    }

    fn read_rows(
        &self,
        bin: usize,
        rows: Range<usize>,
        out: &mut Samples,
        buffers: &mut DecodeBuffers,
    ) -> Result<(), ReadError> {
        if let Err(error) = self.inner.read_rows(bin, rows.clone(), out, buffers) {
            let at = |row| Triangle::row_start(self.frames(), row);
            out.fill_nan(at(rows.end) - at(rows.start));
            self.note(bin, rows, &error);
        }
        Ok(())
    }

    fn diagonal(&self, bin: usize) -> Result<Vec<f64>, ReadError> {
        // Whoever reads the rows hears of the failure.
        Ok(self.inner.diagonal(bin).unwrap_or_else(|_| vec![f64::NAN; self.frames()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pairs::tests::{Broken, InMemory};

    #[test]
    fn rows_that_cannot_be_read_are_nan() {
        let rows = Broken { inner: InMemory::new(12, 2, 4), at: (1, 4) };
        let patched = PatchedRows::new(Arc::new(rows));
        let whole = patched.triangle(0).unwrap();
        assert_eq!(whole.first_not_finite(), None);
        for _ in 0..2 {
            let triangle = patched.triangle(1).unwrap();
            for i in 0..12 {
                for j in i + 1..12 {
                    assert_eq!(triangle.get(i, j).is_nan(), (4..8).contains(&i));
                }
            }
        }
        let [failure] = &patched.failures()[..] else { panic!("told once") };
        assert_eq!((failure.bin, failure.rows.clone()), (1, 4..8));
        assert!(failure.reason.contains("broken"), "{}", failure.reason);
    }
}
