//! Catalogue: what a file says about its matrices, before any of them is read.

use std::borrow::Borrow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use thiserror::Error;

use crate::blank::Unwritten;
use crate::rows::{Decoding, RowSource};
use crate::triangle::Triangle;
use dyne_runtime::Lanes;

/// File layout, named after the program or beamline that writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Layout {
    /// APS 8-ID since 2025 (`boost_corr`, "nexus").
    ApsU,
    /// APS 8-ID-I 2019 to 2024 (`xpcs-eigen`, early `boost_corr`).
    ApsOld,
    /// NPZ cache of the homodyne package.
    HomodyneCache,
    /// Made in memory by the simulator.
    Simulated,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApsU => "APS-U (boost_corr, 2025 on)",
            Self::ApsOld => "APS old (8-ID-I, 2019 to 2024)",
            Self::HomodyneCache => "homodyne NPZ cache",
            Self::Simulated => "simulated",
        })
    }
}

/// Number type of the stored matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Element {
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
}

impl Element {
    /// Bytes of a value.
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

/// One (q, φ) bin that has a matrix in the file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bin {
    /// 1-based bin number as the file counts it.
    pub number: u32,
    /// Wave-vector transfer, Å⁻¹.
    pub q: f64,
    /// Azimuth, degrees, as stored.
    pub phi_deg: f64,
    /// Where the matrix lies in the file, e.g. `/xpcs/twotime/correlation_map/c2_00001`.
    pub path: String,
    /// Pixels of the detector in the bin, above 0, where the file has the map; they are not
    /// independent where a speckle covers several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pixels: Option<u64>,
}

/// Mean number of pixels of some bins; `None` where it is not known of all, or there is none.
pub fn mean_pixels<B: Borrow<Bin>>(bins: &[B]) -> Option<f64> {
    let total = bins.iter().map(|bin| bin.borrow().pixels).sum::<Option<u64>>()?;
    (!bins.is_empty()).then(|| total as f64 / bins.len() as f64)
}

/// Pixels of each bin over their mean; `None` as for [`mean_pixels`].
///
/// **Checked by** `pixels_are_measured_by_their_mean`.
pub fn relative_pixels<B: Borrow<Bin>>(bins: &[B]) -> Option<Vec<f64>> {
    let mean = mean_pixels(bins)?;
    bins.iter().map(|bin| Some(bin.borrow().pixels? as f64 / mean)).collect()
}

/// Time between the frames of a matrix.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FrameTime {
    /// Seconds, positive and finite.
    pub seconds: f64,
    /// How it was derived, e.g. `frame_time 0.02 s × stride_frame 3 × avg_frame 1`.
    pub derivation: String,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Catalog {
    /// The file.
    pub file: PathBuf,
    /// Its layout.
    pub layout: Layout,
    /// Bins that have a matrix, in the order of the file.
    pub bins: Vec<Bin>,
    /// Frames along each side of every matrix.
    pub frames: usize,
    /// Number type of the matrices.
    pub element: Element,
    /// Frame time, where the file tells it.
    pub dt: Option<FrameTime>,
    /// Where a frame time was looked for, one entry a path.
    pub dt_searched: Vec<String>,
    /// How q, φ and the bin numbers were derived, one sentence each; for `inspect`.
    pub notes: Vec<String>,
}

impl Catalog {
    /// Refuses a matrix of the bin at position `bin` that holds a value that is not finite.
    /// `frame` gives the 0-based frame of the file at a position along a side.
    ///
    /// # Errors
    /// [`ReadError::NotFinite`] for the first one.
    pub fn check_finite(
        &self,
        bin: usize,
        triangle: &Triangle,
        frame: impl Fn(usize) -> usize,
    ) -> Result<(), ReadError> {
        let Some((row, column)) = triangle.first_not_finite() else { return Ok(()) };
        Err(ReadError::NotFinite {
            file: self.file.clone(),
            path: self.bins[bin].path.clone(),
            value: triangle.get(row, column),
            row: frame(row) + 1,
            column: frame(column) + 1,
        })
    }
}

/// Why a file cannot be used. The message says what failed, where, what was found and
/// what was expected, then what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file cannot be opened or read.
    #[error("reading {}: {reason}; expected a whole two-time file\n{remedy}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system or the HDF5 library says.
        reason: String,
        /// What to do.
        remedy: String,
    },
    /// No layout fits.
    #[error("{}: no known layout: {found}; expected {expected}\ncheck that the file was copied whole and that it holds two-time matrices", file.display())]
    UnknownLayout {
        /// The file.
        file: PathBuf,
        /// What the root of the file holds.
        found: String,
        /// Which paths the known layouts need.
        expected: String,
    },
    /// A dataset is missing or not as the layout has it.
    #[error("{}: {path}: found {found}, expected {expected}\n{remedy}", file.display())]
    Dataset {
        /// The file.
        file: PathBuf,
        /// Path inside the file.
        path: String,
        /// What is there.
        found: String,
        /// What ought to be there.
        expected: String,
        /// What to do.
        remedy: String,
    },
    /// Somebody has asked for the end.
    #[error("reading was interrupted")]
    Interrupted,
    /// A matrix holds values that cannot be fitted.
    #[error("{}: {path}: value {value} at frames ({row}, {column}) (counted from 1); expected a finite number\nleave the frames out with data.frames or mask.frames, or write the file again", file.display())]
    NotFinite {
        /// The file.
        file: PathBuf,
        /// Path inside the file.
        path: String,
        /// What was found, `NaN` or `inf`.
        value: f64,
        /// 1-based frame of the row.
        row: usize,
        /// 1-based frame of the column.
        column: usize,
    },
}

/// Which part of a matrix the file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StoredTriangle {
    /// Rows before columns; zeros below the diagonal.
    Upper,
    /// Columns before rows; zeros above the diagonal.
    Lower,
    /// Both, and they agree.
    Full,
    /// Both, and they do not agree: not a two-time matrix that can be fitted.
    Asymmetric,
    /// Neither: all values off the diagonal are zero.
    Neither,
}

impl fmt::Display for StoredTriangle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upper => "upper triangle",
            Self::Lower => "lower triangle",
            Self::Full => "full matrix",
            Self::Asymmetric => "full matrix, not symmetric",
            Self::Neither => "zeros only",
        })
    }
}

/// What one matrix holds, over all pairs i < j of all frames.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MatrixSummary {
    /// 1-based bin number.
    pub bin: u32,
    /// Where the matrix lies in the file.
    pub path: String,
    /// Smallest finite value; NaN where there is none.
    pub min: f64,
    /// Largest finite value; NaN where there is none.
    pub max: f64,
    /// Mean of the finite values; NaN where there is none.
    pub mean: f64,
    /// Number of pairs.
    pub pairs: usize,
    /// NaN and infinite values.
    pub not_finite: usize,
    /// Zeros.
    pub zeros: usize,
    /// Negative values.
    pub negatives: usize,
    /// Which triangle the file holds.
    pub stored: StoredTriangle,
    /// Shape of a chunk; empty where the matrix is not chunked.
    pub chunk: Vec<u64>,
    /// Filters in the order in which they were applied, by name.
    pub filters: Vec<String>,
}

/// An open file. It never reads more than what is asked for.
pub trait Reader: Send + Sync {
    /// What the file holds.
    fn catalog(&self) -> &Catalog;

    /// Reads the matrices of the bins at positions `bins` of the catalogue, frames
    /// `frames` (0-based, end exclusive) of both axes, as packed upper triangles.
    /// Chunks are decoded on `lanes`; nothing else of the file is read. NaN and infinite values
    /// stay as they are.
    ///
    /// # Errors
    /// [`ReadError`] with file, dataset and offending value.
    fn read_stored(
        &self,
        bins: &[usize],
        frames: std::ops::Range<usize>,
        lanes: &Lanes,
    ) -> Result<Vec<Triangle>, ReadError>;

    /// As [`Reader::read_stored`], and every value is finite.
    ///
    /// # Errors
    /// [`ReadError`], [`ReadError::NotFinite`] for the first value that is not finite.
    fn read(
        &self,
        bins: &[usize],
        frames: std::ops::Range<usize>,
        lanes: &Lanes,
    ) -> Result<Vec<Triangle>, ReadError> {
        let first = frames.start;
        let triangles = self.read_stored(bins, frames, lanes)?;
        for (bin, triangle) in bins.iter().zip(&triangles) {
            self.catalog().check_finite(*bin, triangle, |k| first + k)?;
        }
        Ok(triangles)
    }

    /// The same pairs as [`Reader::read_stored`] gives, to be read again and again, some rows at a
    /// time. Which triangle a matrix holds may take a look at all of it.
    ///
    /// # Errors
    /// [`ReadError`]; also where the file can only be read from its beginning to its end.
    fn rows(
        &self,
        bins: &[usize],
        frames: std::ops::Range<usize>,
        lanes: &Lanes,
    ) -> Result<Arc<dyn RowSource>, ReadError>;

    /// What decoding these pairs takes, from the headers.
    ///
    /// # Errors
    /// [`ReadError`].
    fn decoding(
        &self,
        bins: &[usize],
        frames: std::ops::Range<usize>,
    ) -> Result<Decoding, ReadError>;

    /// Rows and columns, of the frames asked for, that the file was never given; one list a bin. Where
    /// they are read they are NaN.
    ///
    /// # Errors
    /// [`ReadError`].
    fn unwritten(
        &self,
        bins: &[usize],
        frames: std::ops::Range<usize>,
    ) -> Result<Vec<Vec<Unwritten>>, ReadError> {
        let _ = frames;
        Ok(vec![Vec::new(); bins.len()])
    }

    /// Describes the matrices of the bins at positions `bins` of the catalogue. Values
    /// that cannot be fitted are counted, not refused.
    ///
    /// # Errors
    /// [`ReadError`] when a matrix cannot be read at all.
    fn summarize(&self, bins: &[usize], lanes: &Lanes) -> Result<Vec<MatrixSummary>, ReadError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_measured_by_their_mean() {
        let bin = |pixels| Bin { number: 1, q: 0.1, phi_deg: 0.0, path: String::new(), pixels };
        let (few, many, unknown) = (bin(Some(100)), bin(Some(300)), bin(None));
        assert_eq!(relative_pixels(&[&many, &few]), Some(vec![1.5, 0.5]));
        assert_eq!(mean_pixels(&[&many, &few]), Some(200.0));
        assert_eq!((relative_pixels(&[&many, &unknown]), mean_pixels::<Bin>(&[])), (None, None));
    }
}
