//! Result files: the folder they appear in as a whole, and the arrays.

mod arrays;
mod folder;

pub(crate) use arrays::PAIRS_AT_ONCE;
pub use arrays::{ArrayAxes, write_columns, write_npz};
pub use folder::{Earlier, ResultFolder, ResultsError};
