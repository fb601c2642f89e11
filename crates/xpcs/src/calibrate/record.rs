//! The record of a calibration: one line of JSON a trial, so that it can go on where it stopped.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::{Cell, Setting, Trial};

/// Name of the file of trials.
const TRIALS: &str = "trials.jsonl";
/// Name of the file that tells what was simulated.
const SETTING: &str = "setting.json";

/// Why a record cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecordError {
    /// A file cannot be read or written.
    #[error("{path}: {source}\ncheck the folder and the space left on it")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder holds trials of other simulations.
    #[error(
        "{path}: trials of {found}, expected {expected}\nchoose another folder, or the settings of this one"
    )]
    Setting {
        /// The file.
        path: PathBuf,
        /// What it holds.
        found: String,
        /// What is asked for.
        expected: String,
    },
    /// A line is no trial.
    #[error("{path}, line {line}: {reason}, expected a trial\nmove the file away and start again")]
    Line {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

/// Trials T of a setting S, on disk and in memory.
pub struct Record<S, T> {
    path: PathBuf,
    file: File,
    trials: Vec<T>,
    setting: PhantomData<S>,
}

impl<S: Serialize, T: Serialize + DeserializeOwned> Record<S, T> {
    /// Opens the record in `folder`, or begins one there.
    ///
    /// **Edges** a last line without end, torn by a kill, is dropped.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn open(folder: &Path, setting: S) -> Result<Self, RecordError> {
        fs::create_dir_all(folder).map_err(|source| io_error(folder, source))?;
        check_setting(&folder.join(SETTING), &setting)?;
        let path = folder.join(TRIALS);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            other => other.map_err(|source| io_error(&path, source))?,
        };
        let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
        let trials = whole
            .lines()
            .enumerate()
            .map(|(k, line)| {
                serde_json::from_str(line).map_err(|e| RecordError::Line {
                    path: path.clone(),
                    line: k + 1,
                    reason: e.to_string(),
                })
            })
            .collect::<Result<_, _>>()?;
        if whole.len() < text.len() {
            fs::write(&path, whole).map_err(|source| io_error(&path, source))?;
        }
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.map_err(|source| io_error(&path, source))?;
        Ok(Self { path, file, trials, setting: PhantomData })
    }

    /// All trials so far.
    pub fn trials(&self) -> &[T] {
        &self.trials
    }

    /// Writes a file beside the trials.
    ///
    /// # Errors
    /// [`RecordError::Io`].
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), RecordError> {
        let path = self.path.with_file_name(name);
        fs::write(&path, content).map_err(|source| io_error(&path, source))
    }

    /// Adds a trial and writes it out.
    ///
    /// # Errors
    /// [`RecordError::Io`].
    pub fn add(&mut self, trial: T) -> Result<(), RecordError> {
        let mut line = serde_json::to_string(&trial).expect("a trial has no maps to refuse");
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(|source| io_error(&self.path, source))?;
        self.trials.push(trial);
        Ok(())
    }
}

impl Record<Setting, Trial> {
    /// Whether a trial has been made.
    pub fn has(&self, cell: Cell, number: u64) -> bool {
        self.trials.iter().any(|t| t.cell == cell && t.number == number)
    }
}

fn io_error(path: &Path, source: io::Error) -> RecordError {
    RecordError::Io { path: path.to_path_buf(), source }
}

fn check_setting<S: Serialize>(path: &Path, setting: &S) -> Result<(), RecordError> {
    let expected = serde_json::to_string(setting).expect("a setting has no maps to refuse");
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::write(path, expected).map_err(|source| io_error(path, source))
        }
        Err(source) => Err(io_error(path, source)),
        Ok(found) if found == expected => Ok(()),
        Ok(found) => Err(RecordError::Setting { path: path.to_path_buf(), found, expected }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Mode;

    fn trial(number: u64) -> Trial {
        let cell = Cell { mode: Mode::Static, pixels: 500, counts: Some(0.5) };
        Trial { cell, number, converged: true, pixels: Some(499.5), pulls: Vec::new() }
    }

    #[test]
    fn a_record_goes_on_after_a_torn_line() {
        let folder = tempfile::tempdir().unwrap();
        let setting = Setting { frames: 200, contrast: 0.3, speckle: 1, seed: 1 };
        let open = |setting| Record::<Setting, Trial>::open(folder.path(), setting);
        let mut record = open(setting).unwrap();
        record.add(trial(0)).unwrap();
        drop(record);
        let path = folder.path().join(TRIALS);
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("{\"cell\":{\"mo");
        fs::write(&path, text).unwrap();
        let mut record = open(setting).unwrap();
        assert_eq!(record.trials(), [trial(0)]);
        record.add(trial(1)).unwrap();
        let record = open(setting).unwrap();
        assert!(record.has(trial(1).cell, 1) && !record.has(trial(1).cell, 2));
        let other = Setting { frames: 100, ..setting };
        assert!(matches!(open(other), Err(RecordError::Setting { .. })));
    }
}
