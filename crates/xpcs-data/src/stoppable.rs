//! Rows that are read no further once somebody has asked for the end.

use std::ops::Range;
use std::sync::Arc;

use dyne_runtime::Cancel;

use crate::catalog::{Element, ReadError};
use crate::rows::{DecodeBuffers, RowAccess, RowSource};
use crate::samples::Samples;

/// Another source, whose rows are refused after a request to end: so that long reading ends soon.
pub struct StoppableRows {
    inner: Arc<dyn RowSource>,
    cancel: &'static Cancel,
}

impl StoppableRows {
    /// Rows of `inner` until `cancel` is requested.
    pub fn new(inner: Arc<dyn RowSource>, cancel: &'static Cancel) -> Self {
        Self { inner, cancel }
    }

    fn go_on(&self) -> Result<(), ReadError> {
        if self.cancel.requested() { Err(ReadError::Interrupted) } else { Ok(()) }
    }
}

impl RowSource for StoppableRows {
    fn bins(&self) -> usize {
        self.inner.bins()
    }

    fn frames(&self) -> usize {
        self.inner.frames()
    }

    fn element(&self) -> Element {
        self.inner.element()
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
        self.go_on()?;
        self.inner.read_rows(bin, rows, out, buffers)
    }

    fn diagonal(&self, bin: usize) -> Result<Vec<f64>, ReadError> {
        self.inner.diagonal(bin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pairs::tests::InMemory;

    #[test]
    fn rows_are_refused_once_the_end_is_asked_for() {
        static CANCEL: Cancel = Cancel::new();
        let rows = StoppableRows::new(Arc::new(InMemory::new(12, 2, 4)), &CANCEL);
        assert!(rows.triangle(1).is_ok());
        CANCEL.request();
        assert!(matches!(rows.triangle(1), Err(ReadError::Interrupted)));
    }
}
