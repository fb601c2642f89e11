//! A data set of two-time matrices: what is in it, which part of it is fitted, and the
//! packed matrices themselves, measured or simulated.

pub mod blank;
pub mod blocks;
pub mod catalog;
pub mod excluded;
pub mod pairs;
pub mod patched;
pub mod quality;
pub mod rows;
pub mod samples;
pub mod scratch;
pub mod simulate;
mod strips;
pub mod triangle;

pub use blank::{BinBlanks, Blank, Unwritten, blanks};
pub use blocks::{BlockBuffer, BlockPairs, PairBlock, PairBlocks};
pub use catalog::{
    Bin, Catalog, Element, FrameTime, Layout, MatrixSummary, ReadError, Reader, StoredTriangle,
    mean_pixels, relative_pixels,
};
pub use excluded::ExcludedRows;
pub use pairs::{BinRows, Matrices};
pub use patched::{PatchedRows, RowFailure};
pub use quality::Quality;
pub use rows::{DecodeBuffers, Decoding, RowAccess, RowSource, RowsSize, decode_all, triangles};
pub use samples::{Samples, Values};
pub use scratch::{Afterwards, Scratch};
pub use simulate::{
    Counts, Noise, Past, SimulateError, SimulatedMatrix, Simulation, Speckles, Truth, simulate_bin,
    simulate_counts,
};
pub use strips::StripsHeld;
pub use triangle::Triangle;
