//! What the layouts need of an HDF5 library.

mod chunks;
mod pure;
#[cfg(all(test, feature = "reference"))]
mod reference;

use std::ops::Range;

use dyne_xpcs_data::{Element, Samples};

pub(crate) use chunks::{Chunks, Decoded};
pub(crate) use pure::Pure;

/// Number type of a dataset, as far as the layouts care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A float that a matrix may have.
    Float(Element),
    /// Any integer or enumeration.
    Integer,
    /// Text.
    Text,
    /// Anything else, described.
    Other(String),
}

impl Kind {
    /// The kind in words.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Float(Element::F32) => "32-bit floats".to_owned(),
            Self::Float(Element::F64) => "64-bit floats".to_owned(),
            Self::Integer => "integers".to_owned(),
            Self::Text => "text".to_owned(),
            Self::Other(what) => what.clone(),
        }
    }
}

/// Header of a dataset.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Facts {
    /// Lengths of the axes; empty for a scalar.
    pub(crate) shape: Vec<u64>,
    /// Number type.
    pub(crate) kind: Kind,
    /// Shape of a chunk; empty where the dataset is not chunked.
    pub(crate) chunk: Vec<u64>,
    /// Filters in the order in which they were applied.
    pub(crate) filters: Vec<String>,
}

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// There is no such object.
    Missing,
    /// The file is damaged, or uses what the library cannot read.
    Unreadable(String),
}

/// An open HDF5 file. Paths are absolute.
pub(crate) trait Backend: Send + Sync {
    /// Header of the dataset at `path`.
    fn facts(&self, path: &str) -> Result<Facts, Fault>;

    /// Names of the members of the group at `path` that can be reached.
    fn members(&self, path: &str) -> Result<Vec<String>, Fault>;

    /// All values of a small numeric dataset, row by row.
    fn numbers(&self, path: &str) -> Result<Vec<f64>, Fault>;

    /// All values of a small text dataset.
    fn texts(&self, path: &str) -> Result<Vec<String>, Fault>;

    /// Rows × columns of a two-dimensional float dataset, row by row.
    fn window(
        &self,
        path: &str,
        rows: Range<usize>,
        columns: Range<usize>,
    ) -> Result<Samples, Fault>;

    /// The chunks of a two-dimensional float dataset; nothing where it is not stored in chunks that
    /// can be had one by one.
    fn chunks(&self, _path: &str) -> Result<Option<Chunks>, Fault> {
        Ok(None)
    }

    /// Decodes the chunk at a place of the grid of chunks.
    fn decode(
        &self,
        _chunks: &Chunks,
        _place: [usize; 2],
        _out: &mut Decoded,
    ) -> Result<(), Fault> {
        Err(Fault::Unreadable("chunks cannot be had one by one".to_owned()))
    }
}

/// Both back ends read every conformance file and their values are compared with the
/// rule that made them, not only with each other.
#[cfg(test)]
mod tests;
