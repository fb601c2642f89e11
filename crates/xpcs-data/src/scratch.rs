//! Decoded triangles in a file, of which any rows are read.
//!
//! The file is read at a position, not mapped into memory: pages of a map count as memory of the
//! process, need an address space as large as the file, and end the process where the disk fails.

use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use dyne_runtime::positioned::{read_exact_at, write_all_at};
use dyne_runtime::words::{Words, put_floats, put_words};
use dyne_runtime::{Cancel, Lanes};

use crate::catalog::ReadError;
use crate::rows::{DecodeBuffers, RowAccess, RowSource, RowsSize, decode_all};
use crate::samples::Samples;
use crate::triangle::Triangle;

const MAGIC: [u8; 8] = *b"DYNEROWS";
/// Magic, version, hash of data and selection, bytes of a value, bins, frames.
const HEADER: usize = 8 + 8 + 32 + 3 * 8;
const VERSION: u64 = 1;
/// Values that are written at a time.
const PIECE: usize = 1 << 17;

/// What becomes of the file when it is no longer needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// It goes.
    Remove,
    /// It stays for the next run with the same data and selection.
    Keep,
}

/// The triangles of some bins, decoded, in a file.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    file: File,
    size: RowsSize,
    diagonals: Vec<Vec<f64>>,
    afterwards: Afterwards,
}

impl Scratch {
    /// Bytes of the file for triangles of this size.
    pub fn bytes(size: RowsSize) -> u64 {
        place(size, size.bins, 0)
    }

    /// The scratch file of `rows` in the folder `dir`. `hash` tells data and selection; a whole file
    /// with the same hash, size and version of the format is used as it is, else the rows are decoded
    /// on `lanes` and written. A file only has its name once it is whole.
    ///
    /// # Errors
    /// That of decoding; [`ReadError::File`] where the file cannot be written.
    pub fn of(
        rows: &dyn RowSource,
        hash: [u8; 32],
        dir: &Path,
        afterwards: Afterwards,
        lanes: &Lanes,
        cancel: &Cancel,
    ) -> Result<Self, ReadError> {
        let name: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let path = dir.join(format!("dyne-{name}.rows"));
        let header = header(hash, rows);
        let found = File::open(&path).ok().filter(|file| {
            let mut own = vec![0; HEADER];
            let whole = Self::bytes(rows.size());
            read_exact_at(file, &mut own, 0).is_ok()
                && own == header
                && file.metadata().is_ok_and(|m| m.len() == whole)
        });
        let file = match found {
            Some(file) => file,
            None => {
                write(rows, &header, &path, lanes, cancel)?;
                File::open(&path).map_err(|e| failed(&path, &e))?
            }
        };
        let size = rows.size();
        let RowsSize { bins, frames, .. } = size;
        let mut scratch = Self { path, file, size, diagonals: Vec::new(), afterwards };
        let mut bytes = vec![0; bins * frames * 8];
        scratch.read(&mut bytes, HEADER as u64)?;
        let mut words = Words::new(&bytes);
        scratch.diagonals = (0..bins).map_while(|_| words.floats(frames)).collect();
        Ok(scratch)
    }

    fn read(&self, bytes: &mut [u8], at: u64) -> Result<(), ReadError> {
        read_exact_at(&self.file, bytes, at).map_err(|e| ReadError::File {
            file: self.path.clone(),
            reason: e.to_string(),
            remedy: "the scratch file was cut short or its disk fails; remove it and run again"
                .to_owned(),
        })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.afterwards == Afterwards::Remove {
            // A file that stays takes space, no more.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl RowSource for Scratch {
    fn size(&self) -> RowsSize {
        self.size
    }

    fn access(&self, _bin: usize) -> RowAccess {
        RowAccess::Any
    }

    fn diagonal(&self, bin: usize) -> Result<Vec<f64>, ReadError> {
        Ok(self.diagonals[bin].clone())
    }

    fn read_rows(
        &self,
        bin: usize,
        rows: Range<usize>,
        out: &mut Samples,
        _buffers: &mut DecodeBuffers,
    ) -> Result<(), ReadError> {
        let at = |row| Triangle::row_start(self.size.frames, row);
        out.resize(at(rows.end) - at(rows.start));
        let position = place(self.size, bin, rows.start);
        self.read(out.native_bytes(), position)?;
        out.take_little_endian();
        Ok(())
    }
}

/// Where the values of a row begin.
fn place(RowsSize { bins, frames, element }: RowsSize, bin: usize, row: usize) -> u64 {
    let values = bin * Triangle::pairs(frames) + Triangle::row_start(frames, row);
    (HEADER + bins * frames * 8 + values * element.bytes()) as u64
}

fn header(hash: [u8; 32], rows: &dyn RowSource) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(hash);
    let size = [rows.element().bytes(), rows.bins(), rows.frames()];
    put_words(&mut bytes, size.map(|number| number as u64));
    bytes
}

fn failed(path: &Path, reason: &io::Error) -> ReadError {
    ReadError::File {
        file: path.to_owned(),
        reason: reason.to_string(),
        remedy: "set performance.scratch_dir to a folder with space, or \
                 performance.memory_optimization.enable_caching to false"
            .to_owned(),
    }
}

fn write(
    rows: &dyn RowSource,
    header: &[u8],
    path: &Path,
    lanes: &Lanes,
    cancel: &Cancel,
) -> Result<(), ReadError> {
    let part = path.with_extension(format!("{}.part", std::process::id()));
    let written = write_part(rows, header, &part, lanes, cancel)
        .and_then(|()| fs::rename(&part, path).map_err(|e| failed(path, &e)));
    if written.is_err() {
        // What was begun is of no use.
        let _ = fs::remove_file(&part);
    }
    written
}

fn write_part(
    rows: &dyn RowSource,
    header: &[u8],
    part: &Path,
    lanes: &Lanes,
    cancel: &Cancel,
) -> Result<(), ReadError> {
    let size = rows.size();
    let fail = |e: io::Error| failed(part, &e);
    let mut file = File::create(part).map_err(fail)?;
    decode_all(rows, lanes, cancel, |bin, strip, samples| {
        let mut at = place(size, bin, strip.start);
        // Piece by piece, as another copy of a strip may be large.
        let mut bytes = Vec::new();
        for start in (0..samples.len()).step_by(PIECE) {
            bytes.clear();
            let piece = start..samples.len().min(start + PIECE);
            samples.values(piece).write_le_bytes(&mut bytes);
            write_all_at(&file, &bytes, at).map_err(fail)?;
            at += bytes.len() as u64;
        }
        Ok(())
    })?;
    let mut first = header.to_vec();
    for bin in 0..size.bins {
        put_floats(&mut first, &rows.diagonal(bin)?);
    }
    file.write_all(&first).map_err(fail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pairs::tests::InMemory;
    use crate::rows::contract;

    #[test]
    fn rows_come_back_as_they_were_and_a_whole_file_is_used_again() {
        let dir = tempfile::tempdir().unwrap();
        let lanes = Lanes::try_new(2.try_into().unwrap()).unwrap();
        let rows = InMemory::new(23, 3, 5);
        let make = |hash: u8, afterwards| {
            Scratch::of(&rows, [hash; 32], dir.path(), afterwards, &lanes, &Cancel::new()).unwrap()
        };
        let files = || fs::read_dir(dir.path()).unwrap().count();
        let kept = make(1, Afterwards::Keep);
        contract(&kept);
        assert_eq!(kept.diagonal(1).unwrap(), rows.diagonal(1).unwrap());
        for bin in 0..3 {
            assert_eq!(kept.triangle(bin).unwrap(), rows.triangle(bin).unwrap());
        }
        let length = fs::metadata(&kept.path).unwrap();
        assert_eq!(length.len(), Scratch::bytes(rows.size()));
        drop(kept);
        let again = make(1, Afterwards::Remove);
        let modified = fs::metadata(&again.path).unwrap().modified().unwrap();
        assert_eq!(modified, length.modified().unwrap(), "the file was not written again");
        // A torn file is not trusted.
        File::options().write(true).open(&again.path).unwrap().set_len(500).unwrap();
        drop(again);
        assert_eq!(files(), 0);
        let other = make(2, Afterwards::Remove);
        File::options().write(true).open(&other.path).unwrap().set_len(500).unwrap();
        let error = other.triangle(2).unwrap_err().to_string();
        assert!(error.contains("remove it and run again"), "{error}");
    }
}
