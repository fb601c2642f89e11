//! A file of records that grows: what a long computation asked and was told, so that it can be gone
//! through again without asking.
//!
//! A header tells to which computation the records belong. Each record is the number of its question, the
//! numbers of the answer, and a checksum; one that a kill has torn, and all after it, are dropped.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::checkpoint::Identity;
use crate::words::{Words, put_floats, put_words};

const MAGIC: &[u8; 8] = b"DYNEREC1";
const HEADER_BYTES: u64 = 8 + 32 + 8;

/// Records are handed to the system this often.
const EVERY: Duration = Duration::from_secs(1);

/// Why records cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecordsError {
    /// The file cannot be read or written.
    #[error("{path}: {source}\ncheck the folder and the space left on it")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file belongs to something else.
    #[error(
        "{path}: records of another computation, expected those of this one\nchoose another folder, or go on with the program, configuration and data that began it"
    )]
    Other {
        /// The file.
        path: PathBuf,
    },
}

/// Which computation records belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordsOf {
    /// What tells this computation from all others.
    pub identity: Identity,
    /// Numbers of an answer.
    pub width: usize,
}

/// Whether to go on from what a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// From nothing; a file that is there is replaced.
    Afresh,
    /// From what the file holds, or from nothing where there is none.
    GoOn,
}

/// Records of one computation.
///
/// **Checked by** `tests::answers_come_back_until_the_file_is_torn`.
#[derive(Debug)]
pub struct Records {
    path: PathBuf,
    of: RecordsOf,
    /// Records that are still to be gone through.
    known: Option<BufReader<File>>,
    /// End of the last whole record gone through.
    end: u64,
    writer: BufWriter<File>,
    handed_over: Instant,
}

impl Records {
    /// Opens the records at `path`.
    ///
    /// # Errors
    /// [`RecordsError`].
    pub fn open(path: &Path, of: RecordsOf, begin: Begin) -> Result<Self, RecordsError> {
        let failed = |source| RecordsError::Io { path: path.to_owned(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(begin == Begin::Afresh);
        let mut file = options.open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let mut header = Vec::from(*MAGIC);
        header.extend(of.identity);
        header.extend((of.width as u64).to_le_bytes());
        let known = if length < HEADER_BYTES {
            file.set_len(0).map_err(failed)?;
            file.write_all(&header).map_err(failed)?;
            None
        } else {
            let mut found = vec![0; header.len()];
            file.read_exact(&mut found).map_err(failed)?;
            if found != header {
                return Err(RecordsError::Other { path: path.to_owned() });
            }
            let mut reader = File::open(path).map_err(failed)?;
            reader.seek(SeekFrom::Start(HEADER_BYTES)).map_err(failed)?;
            Some(BufReader::new(reader))
        };
        Ok(Self {
            path: path.to_owned(),
            of,
            known,
            end: HEADER_BYTES,
            writer: BufWriter::new(file),
            handed_over: Instant::now(),
        })
    }

    /// The next answer that is known, if it is one to `question`; nothing once all are gone through.
    ///
    /// # Errors
    /// [`RecordsError::Other`] where the next answer is one to another question.
    pub fn next(&mut self, question: u64) -> Result<Option<Vec<f64>>, RecordsError> {
        let Some(reader) = &mut self.known else { return Ok(None) };
        let size = record_bytes(self.of.width);
        let mut bytes = vec![0; size];
        let whole = reader.read_exact(&mut bytes).is_ok() && checksum_holds(&bytes);
        if !whole {
            self.known = None;
            let file = self.writer.get_mut();
            let cut = file.set_len(self.end).and_then(|()| file.seek(SeekFrom::Start(self.end)));
            cut.map_err(|source| RecordsError::Io { path: self.path.clone(), source })?;
            return Ok(None);
        }
        let mut words = Words::new(&bytes);
        if words.word() != Some(question) {
            return Err(RecordsError::Other { path: self.path.clone() });
        }
        self.end += size as u64;
        Ok(words.floats(self.of.width))
    }

    /// Adds an answer after all known ones.
    ///
    /// # Errors
    /// [`RecordsError::Io`].
    ///
    /// # Panics
    /// When the answer has another width, or known answers are left.
    pub fn push(&mut self, question: u64, answer: &[f64]) -> Result<(), RecordsError> {
        assert!(
            self.known.is_none() && answer.len() == self.of.width,
            "one answer after the known"
        );
        let mut bytes = Vec::with_capacity(record_bytes(self.of.width));
        put_words(&mut bytes, [question]);
        put_floats(&mut bytes, answer);
        let checksum = crc32fast::hash(&bytes);
        put_words(&mut bytes, [checksum.into()]);
        let mut written = self.writer.write_all(&bytes);
        if written.is_ok() && self.handed_over.elapsed() >= EVERY {
            written = self.writer.flush();
            self.handed_over = Instant::now();
        }
        written.map_err(|source| RecordsError::Io { path: self.path.clone(), source })
    }

    /// Hands all records to the system.
    ///
    /// # Errors
    /// [`RecordsError::Io`].
    pub fn flush(&mut self) -> Result<(), RecordsError> {
        self.writer.flush().map_err(|source| RecordsError::Io { path: self.path.clone(), source })
    }
}

/// Question, answer and checksum.
fn record_bytes(width: usize) -> usize {
    8 * (width + 2)
}

fn checksum_holds(bytes: &[u8]) -> bool {
    let (content, sum) = bytes.split_at(bytes.len() - 8);
    u64::from(crc32fast::hash(content)).to_le_bytes() == *sum
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF: RecordsOf = RecordsOf { identity: [7; 32], width: 2 };

    #[test]
    fn answers_come_back_until_the_file_is_torn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chain.records");
        let mut records = Records::open(&path, OF, Begin::GoOn).unwrap();
        assert_eq!(records.next(1).unwrap(), None);
        for k in 0..5u64 {
            records.push(k, &[k as f64, f64::NAN]).unwrap();
        }
        records.flush().unwrap();
        drop(records);
        let whole = std::fs::metadata(&path).unwrap().len();
        // Torn in the middle of the fourth record.
        let torn = OpenOptions::new().write(true).open(&path).unwrap();
        torn.set_len(whole - record_bytes(2) as u64 - 5).unwrap();
        let mut records = Records::open(&path, OF, Begin::GoOn).unwrap();
        for k in 0..3u64 {
            let answer = records.next(k).unwrap().unwrap();
            assert!(answer[0] == k as f64 && answer[1].is_nan());
        }
        assert_eq!(records.next(3).unwrap(), None);
        records.push(3, &[3.5, 0.0]).unwrap();
        records.flush().unwrap();
        drop(records);
        let mut records = Records::open(&path, OF, Begin::GoOn).unwrap();
        let all: Vec<f64> = (0..4).map(|k| records.next(k).unwrap().unwrap()[0]).collect();
        assert_eq!(all, [0.0, 1.0, 2.0, 3.5]);
        assert_eq!(records.next(4).unwrap(), None);
    }

    #[test]
    fn records_of_something_else_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chain.records");
        let mut records = Records::open(&path, OF, Begin::Afresh).unwrap();
        records.push(5, &[1.0, 2.0]).unwrap();
        drop(records);
        let other = RecordsOf { identity: [8; 32], ..OF };
        let refused = Records::open(&path, other, Begin::GoOn);
        assert!(matches!(refused, Err(RecordsError::Other { .. })));
        let mut records = Records::open(&path, OF, Begin::GoOn).unwrap();
        assert!(matches!(records.next(6), Err(RecordsError::Other { .. })));
        let mut records = Records::open(&path, other, Begin::Afresh).unwrap();
        assert_eq!(records.next(0).unwrap(), None);
    }

    #[test]
    fn a_flipped_bit_ends_what_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chain.records");
        let mut records = Records::open(&path, OF, Begin::Afresh).unwrap();
        (0..3u64).for_each(|k| records.push(k, &[1.0, 2.0]).unwrap());
        drop(records);
        let mut bytes = std::fs::read(&path).unwrap();
        let at = HEADER_BYTES as usize + record_bytes(2) + 9;
        bytes[at] ^= 4;
        std::fs::write(&path, bytes).unwrap();
        let mut records = Records::open(&path, OF, Begin::GoOn).unwrap();
        assert!(records.next(0).unwrap().is_some());
        assert_eq!(records.next(1).unwrap(), None);
    }
}
