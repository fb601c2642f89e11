//! The netCDF-4 layout with groups, which xarray and ArviZ open.

mod check;
mod encode;

use std::io::{self, BufWriter};
use std::path::Path;

use thiserror::Error;

use super::WriteError;
use super::partial::write_whole;

/// What a netCDF-4 file holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NetcdfFile {
    /// Attributes of the root, each with its name.
    pub attributes: Vec<(String, Attribute)>,
    /// Groups under the root, which keep this order.
    pub groups: Vec<NetcdfGroup>,
}

/// A group of variables over dimensions of its own. Dimensions of one name in several groups are
/// different ones, as ArviZ writes them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NetcdfGroup {
    /// Name under the root.
    pub name: String,
    /// Dimensions; no variable may have the name of one.
    pub dimensions: Vec<Dimension>,
    /// Variables.
    pub variables: Vec<Variable>,
    /// Attributes, each with its name.
    pub attributes: Vec<(String, Attribute)>,
}

/// An axis of the variables of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Dimension {
    /// Name of the dimension and of its coordinate variable.
    pub name: String,
    /// What stands along it; as many values as the dimension is long.
    pub coordinate: Coordinate,
}

/// Values along a dimension, at least one.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Coordinate {
    /// Numbers of things, such as chains.
    Integers(Vec<i64>),
    /// Measures.
    Floats(Vec<f64>),
    /// Names.
    Texts(Vec<String>),
}

/// Values over dimensions of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// Name in the group.
    pub name: String,
    /// Names of the dimensions, the slowest first; none for a single value.
    pub dimensions: Vec<String>,
    /// Values, the last dimension fastest.
    pub values: VariableValues,
    /// Attributes, each with its name. The attribute `coordinates` with names of other variables makes
    /// these coordinates; `units` of a time in full words ("seconds") makes xarray decode it.
    pub attributes: Vec<(String, Attribute)>,
}

/// Values of a variable.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum VariableValues {
    /// 64-bit floats; what is missing is NaN.
    Floats(Vec<f64>),
    /// Signed 64-bit integers.
    Integers(Vec<i64>),
    /// True or false: bytes whose attribute `dtype` says so, the convention of xarray.
    Flags(Vec<bool>),
}

/// Value of an attribute.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Attribute {
    /// A text of any length.
    Text(String),
    /// A list of texts, at least one.
    Texts(Vec<String>),
    /// A 64-bit float.
    Float(f64),
    /// A signed 64-bit integer.
    Integer(i64),
}

/// What of a [`NetcdfFile`] cannot be written.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum NetcdfFault {
    /// A variable has a dimension that its group lacks.
    #[error(
        "found dimension {found:?}, expected {}\nlist the dimension in the group",
        one_of(expected)
    )]
    UnknownDimension {
        /// The dimension of the variable.
        found: String,
        /// Dimensions of the group.
        expected: Vec<String>,
    },
    /// A variable has more or fewer values than its dimensions span.
    #[error(
        "found {found} values, expected {expected}, the product of its dimensions\ngive one value for each place"
    )]
    Length {
        /// Number of values.
        found: usize,
        /// Product of the lengths of its dimensions.
        expected: usize,
    },
    /// A coordinate or a list of texts without an element.
    #[error("found no value, expected at least one\nleave it out where there is nothing to tell")]
    Empty,
    /// The same name twice.
    #[error("found {found:?} twice, expected different names\nrename one of them")]
    Duplicate {
        /// The name.
        found: String,
    },
    /// A name that netCDF does not allow.
    #[error("found name {found:?}, expected {expected}\nchoose another name")]
    Name {
        /// The name.
        found: String,
        /// The rule.
        expected: &'static str,
    },
    /// A text with a zero character, at which readers would end it.
    #[error("found a zero character in {found:?}, expected text without\nremove it")]
    ZeroCharacter {
        /// The text.
        found: String,
    },
    /// More of something than the file format takes.
    #[error(
        "found {found} {what}, expected at most {most}\nspread them over more groups or variables"
    )]
    TooMany {
        /// How many.
        found: usize,
        /// Of what.
        what: &'static str,
        /// How many there can be.
        most: usize,
    },
}

/// Writes a netCDF-4 file: HDF5 with dimension scales, nothing compressed.
///
/// Every dimension is a one-dimensional coordinate variable that is a dimension scale; variables refer to
/// theirs, and scales to the variables that use them, so that any reader of netCDF-4 finds dimensions by
/// name. Groups, variables and dimensions keep their order. With the groups `posterior`,
/// `sample_stats`, … and the dimensions `chain` and `draw` it is what `arviz.from_netcdf` opens.
///
/// **Cost** the bytes of the values once more for the variable that is being written.
/// **Source** Unidata, *NetCDF File Format Specifications*, "The NetCDF-4 Format"; The HDF Group, *HDF5
/// Dimension Scale Specification and Design Notes*.
/// **Checked by** `tests/it/netcdf.rs`; with ArviZ, h5netcdf and netCDF4 by `scripts/arviz.py`.
///
/// # Errors
/// [`WriteError::Netcdf`] with the place and the [`NetcdfFault`], before anything is written;
/// [`WriteError::File`]. No file is left, and an earlier one of this name stays as it was.
pub fn write_netcdf(path: &Path, file: &NetcdfFile) -> Result<(), WriteError> {
    check::check(file).map_err(|(place, fault)| WriteError::Netcdf {
        file: path.to_owned(),
        place,
        fault,
    })?;
    let failed = |reason: io::Error| WriteError::File { file: path.to_owned(), reason };
    write_whole(path, |target| {
        let buffered = encode::encode(BufWriter::new(target), file).map_err(failed)?;
        buffered.into_inner().map_err(|e| failed(e.into_error()))
    })
}

fn one_of(dimensions: &[String]) -> String {
    if dimensions.is_empty() {
        return "none, as the group has no dimension".to_owned();
    }
    format!("one of {}", dimensions.join(", "))
}

impl Coordinate {
    fn len(&self) -> usize {
        match self {
            Self::Integers(v) => v.len(),
            Self::Floats(v) => v.len(),
            Self::Texts(v) => v.len(),
        }
    }
}

impl VariableValues {
    fn len(&self) -> usize {
        match self {
            Self::Floats(v) => v.len(),
            Self::Integers(v) => v.len(),
            Self::Flags(v) => v.len(),
        }
    }
}

impl NetcdfGroup {
    /// Position of the dimension of this name.
    fn dimension(&self, name: &str) -> Option<usize> {
        self.dimensions.iter().position(|dimension| dimension.name == name)
    }
}
