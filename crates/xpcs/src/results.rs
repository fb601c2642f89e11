//! Result files: the folder they appear in as a whole, and the arrays.

mod arrays;
mod folder;

pub use arrays::{ArrayAxes, SomeRows, write_columns, write_npz};
pub use folder::{ResultFolder, ResultsError};
