//! A file that appears whole or not at all.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::WriteError;

/// A file under a temporary name beside its target; it is removed unless
/// [`write_whole`] ends well.
struct Partial {
    path: PathBuf,
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After the rename there is nothing to remove; before it, a failure to remove
        // must not hide the error that led here.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Lets `write` fill a temporary file, brings it to the disk and renames it to `target`.
pub(super) fn write_whole(
    target: &Path,
    write: impl FnOnce(File) -> Result<File, WriteError>,
) -> Result<(), WriteError> {
    let failed = |reason: io::Error| WriteError::File { file: target.to_owned(), reason };
    let name = target
        .file_name()
        .ok_or_else(|| failed(io::Error::new(io::ErrorKind::InvalidInput, "no file name")))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.partial", std::process::id()));
    let path = target.with_file_name(hidden);
    let file = OpenOptions::new()
        .write(true)
        .read(true)
        .create(true)
        .truncate(true)
        .open(&path)
        .map_err(failed)?;
    let partial = Partial { path };
    let file = write(file)?;
    file.sync_all().map_err(failed)?;
    drop(file);
    std::fs::rename(&partial.path, target).map_err(failed)
}
