//! A folder of its own, the program run inside it, and what came out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// A temporary folder in which the program runs.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).expect("a writable folder");
    }

    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.text(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// What a fit found, to the last bit.
    pub(crate) fn numbers(&self, out: &str) -> String {
        let result = self.json(&format!("{out}/result.json"));
        ["parameters", "scaling", "covariance", "cost"].map(|key| result[key].to_string()).concat()
    }

    /// The program with `arguments`, to be changed before it runs.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dyne"));
        command.args(arguments).current_dir(self.0.path());
        command
    }

    /// Runs the program with `arguments`.
    pub(crate) fn dyne(&self, arguments: &[&str]) -> Outcome {
        let output = self.command(arguments).output().expect("the program starts");
        Outcome {
            line: arguments.join(" "),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Every file below the folder with its bytes, and every folder with nothing; hidden ones
    /// too.
    pub(crate) fn everything(&self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        let mut found = BTreeMap::new();
        collect(self.0.path(), &mut found);
        found
    }
}

fn collect(folder: &Path, found: &mut BTreeMap<PathBuf, Option<Vec<u8>>>) {
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, found);
            found.insert(path, None);
        } else {
            let bytes = std::fs::read(&path).expect("a readable file");
            found.insert(path, Some(bytes));
        }
    }
}

/// What a run of the program left.
#[derive(Debug)]
pub(crate) struct Outcome {
    line: String,
    code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "dyne {}\nstdout: {}\nstderr: {}",
            self.line,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Checks that standard output holds all of `parts`.
    #[track_caller]
    pub(crate) fn prints(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stdout.contains(part), "{part:?} is not in the output:\n{}", self.stdout);
        }
        self
    }

    /// Checks the form of a refusal: nothing on standard output, and on standard error a line
    /// that tells what failed, where, what was found and what was expected, holding all of
    /// `parts`, and then a line that tells what to do, holding `remedy`.
    #[track_caller]
    pub(crate) fn refuses(self, parts: &[&str], remedy: &str) {
        assert_eq!(self.stdout, "", "a refusal goes to standard error");
        let from = self.stderr.find("dyne: ").unwrap_or_else(|| panic!("{:?}", self.stderr));
        let lines: Vec<&str> = self.stderr[from..].lines().collect();
        let &[what, advice] = lines.as_slice() else {
            panic!("expected two lines, found:\n{}", self.stderr);
        };
        for part in parts {
            assert!(what.contains(part), "{part:?} is not in {what:?}");
        }
        assert!(advice.contains(remedy), "{remedy:?} is not in {advice:?}");
        assert!(!what.ends_with('.') && !advice.ends_with('.'), "{}", self.stderr);
    }
}
