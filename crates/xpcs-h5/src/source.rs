//! An open file with the errors that users see.

use std::path::{Path, PathBuf};

use dyne_xpcs_data::ReadError;

use crate::backend::{Backend, Facts, Fault, Pure};

/// Bytes at the beginning of every HDF5 file without a user block.
const SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";

/// An error about the dataset at `path` of `file`.
pub(crate) fn dataset_error(
    file: &Path,
    path: &str,
    found: impl Into<String>,
    expected: impl Into<String>,
    remedy: impl Into<String>,
) -> ReadError {
    ReadError::Dataset {
        file: file.to_owned(),
        path: path.to_owned(),
        found: found.into(),
        expected: expected.into(),
        remedy: remedy.into(),
    }
}

/// An open HDF5 file and its name.
pub(crate) struct Source {
    pub(crate) file: PathBuf,
    pub(crate) backend: Box<dyn Backend>,
}

impl Source {
    /// Opens `path`.
    pub(crate) fn open(path: &Path) -> Result<Self, ReadError> {
        if !has_signature(path)? {
            return Err(ReadError::File {
                file: path.to_owned(),
                reason: "neither an HDF5 nor an NPZ file".to_owned(),
                remedy: "give the result file of boost_corr or xpcs-eigen, or an NPZ cache of \
                         homodyne"
                    .to_owned(),
            });
        }
        match Pure::open(path) {
            Ok(backend) => Ok(Self { file: path.to_owned(), backend: Box::new(backend) }),
            Err(fault) => Err(ReadError::File {
                file: path.to_owned(),
                reason: words(fault),
                remedy: "the file is damaged or was not copied whole; copy it again".to_owned(),
            }),
        }
    }

    /// An error about the dataset at `path`.
    pub(crate) fn error(
        &self,
        path: &str,
        found: impl Into<String>,
        expected: impl Into<String>,
        remedy: impl Into<String>,
    ) -> ReadError {
        dataset_error(&self.file, path, found, expected, remedy)
    }

    /// The error of a fault at `path`, where `expected` ought to be.
    pub(crate) fn fault(&self, path: &str, expected: &str, fault: Fault) -> ReadError {
        let remedy = match fault {
            Fault::Missing => "correlate again with two-time results, or choose another file",
            Fault::Unreadable(_) => "the file is damaged or was not copied whole; copy it again",
        };
        self.error(path, words(fault), expected, remedy)
    }

    /// Whether `path` is a group.
    pub(crate) fn has_group(&self, path: &str) -> bool {
        self.backend.members(path).is_ok()
    }

    /// Header of a dataset that must be there.
    pub(crate) fn facts(&self, path: &str, expected: &str) -> Result<Facts, ReadError> {
        self.backend.facts(path).map_err(|e| self.fault(path, expected, e))
    }

    /// Numbers of a dataset that must be there, any shape, row by row.
    pub(crate) fn numbers(&self, path: &str, expected: &str) -> Result<Vec<f64>, ReadError> {
        self.backend.numbers(path).map_err(|e| self.fault(path, expected, e))
    }

    /// Numbers of a dataset that may be absent.
    pub(crate) fn optional_numbers(
        &self,
        path: &str,
        expected: &str,
    ) -> Result<Option<Vec<f64>>, ReadError> {
        present(self.backend.numbers(path)).map_err(|e| self.fault(path, expected, e))
    }

    /// Texts of a dataset that may be absent.
    pub(crate) fn optional_texts(
        &self,
        path: &str,
        expected: &str,
    ) -> Result<Option<Vec<String>>, ReadError> {
        present(self.backend.texts(path)).map_err(|e| self.fault(path, expected, e))
    }

    /// One number that may be absent, stored as (), (1,) or (1, 1).
    pub(crate) fn optional_scalar(
        &self,
        path: &str,
        expected: &str,
    ) -> Result<Option<f64>, ReadError> {
        match self.optional_numbers(path, expected)?.as_deref() {
            None => Ok(None),
            Some([value]) => Ok(Some(*value)),
            Some(values) => Err(self.error(
                path,
                format!("{} values", values.len()),
                format!("{expected}, one value"),
                "correct the dataset",
            )),
        }
    }

    /// Whole numbers from 1 on, of a dataset that may be absent.
    pub(crate) fn optional_counts(
        &self,
        path: &str,
        least: u32,
        expected: &str,
    ) -> Result<Option<Vec<u32>>, ReadError> {
        let Some(values) = self.optional_numbers(path, expected)? else {
            return Ok(None);
        };
        values
            .into_iter()
            .map(|value| {
                let whole = value.fract() == 0.0;
                let inside = (f64::from(least)..=f64::from(u32::MAX)).contains(&value);
                if whole && inside {
                    Ok(value as u32)
                } else {
                    Err(self.error(
                        path,
                        format!("the value {value}"),
                        format!("{expected}, whole numbers from {least} on"),
                        "correct the dataset",
                    ))
                }
            })
            .collect::<Result<_, _>>()
            .map(Some)
    }
}

fn present<T>(read: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(Fault::Missing) => Ok(None),
        Err(fault) => Err(fault),
    }
}

fn words(fault: Fault) -> String {
    match fault {
        Fault::Missing => "nothing".to_owned(),
        Fault::Unreadable(reason) => format!("unreadable ({reason})"),
    }
}

/// The signature stands at byte 0, 512, 1024, 2048 and so on; a user block comes first.
fn has_signature(path: &Path) -> Result<bool, ReadError> {
    use std::io::{Read, Seek, SeekFrom};
    let failed = |e: std::io::Error| ReadError::File {
        file: path.to_owned(),
        reason: e.to_string(),
        remedy: "check the name and the permissions".to_owned(),
    };
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    let mut at = 0;
    while at + SIGNATURE.len() as u64 <= bytes {
        let mut found = [0; SIGNATURE.len()];
        file.seek(SeekFrom::Start(at)).map_err(failed)?;
        file.read_exact(&mut found).map_err(failed)?;
        if found == SIGNATURE {
            return Ok(true);
        }
        at = if at == 0 { 512 } else { at * 2 };
    }
    Ok(false)
}

/// Number after the last non-digit of a name: `c2_00012` and `g12b00012` are 12.
pub(crate) fn suffix(name: &str) -> Option<u32> {
    let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    name[name.len() - digits..].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::suffix;

    #[test]
    fn suffixes() {
        assert_eq!(suffix("c2_00012"), Some(12));
        assert_eq!(suffix("g12b00003"), Some(3));
        assert_eq!(suffix("g2"), Some(2));
        assert_eq!(suffix("config"), None);
        assert_eq!(suffix("c2_99999999999"), None);
    }
}
