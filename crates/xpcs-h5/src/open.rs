//! Which layout a file has.

use std::io::Read;
use std::path::Path;

use dyne_runtime::Lanes;
use dyne_xpcs_data::{MatrixSummary, ReadError, Reader};

use crate::homodyne_cache::HomodyneCache;
use crate::reader::TwoTimeFile;
use crate::source::Source;
use crate::{aps_old, aps_u};

/// Opens a two-time file. Only headers are read.
///
/// The layout follows from the content: the magic bytes of a zip archive make it an NPZ
/// cache; the groups `/xpcs/qmap` and `/xpcs/twotime/correlation_map` make it APS-U;
/// `/exchange/C2T_all` makes it APS old.
///
/// # Errors
/// [`ReadError`]: the file cannot be read, has none of these layouts, or contradicts
/// its layout (lists of different length, a bin number beyond the list, matrices of
/// different sizes, a frame time that is not positive).
pub fn open(path: &Path) -> Result<Box<dyn Reader>, ReadError> {
    if is_zip(path)? {
        return Ok(Box::new(HomodyneCache::open(path)?));
    }
    let source = Source::open(path)?;
    let catalog = if aps_u::recognizes(&source) {
        aps_u::catalog(&source)?
    } else if aps_old::recognizes(&source) {
        aps_old::catalog(&source)?
    } else {
        return Err(unknown(&source));
    };
    Ok(Box::new(TwoTimeFile::new(source, catalog)))
}

/// Describes every matrix of a file. Values that cannot be fitted are counted.
///
/// # Errors
/// [`ReadError`] when a matrix cannot be read at all.
pub fn inspect(reader: &dyn Reader, lanes: &Lanes) -> Result<Vec<MatrixSummary>, ReadError> {
    let bins: Vec<usize> = (0..reader.catalog().bins.len()).collect();
    reader.summarize(&bins, lanes)
}

fn is_zip(path: &Path) -> Result<bool, ReadError> {
    let mut magic = [0; 4];
    let read = std::fs::File::open(path).and_then(|mut file| {
        if file.metadata()?.is_dir() {
            return Err(std::io::Error::other("it is a folder"));
        }
        file.read(&mut magic)
    });
    match read {
        Ok(_) => Ok(magic == *b"PK\x03\x04"),
        Err(e) => Err(ReadError::File {
            file: path.to_owned(),
            reason: e.to_string(),
            remedy: "check the name and the permissions".to_owned(),
        }),
    }
}

fn unknown(source: &Source) -> ReadError {
    let list = |path: &str| source.backend.members(path).unwrap_or_default().join(", ");
    let found = match (list("/"), list("/xpcs")) {
        (root, _) if root.is_empty() => "nothing at the root".to_owned(),
        (root, xpcs) if xpcs.is_empty() => format!("{root} at the root"),
        (root, xpcs) => format!("{root} at the root and {xpcs} in /xpcs"),
    };
    ReadError::UnknownLayout {
        file: source.file.clone(),
        found,
        expected: format!("{} or {}", aps_u::MAP, aps_old::MAP),
    }
}
