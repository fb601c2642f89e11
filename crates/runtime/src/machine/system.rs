//! Where files and variables are read from.

use std::num::NonZeroUsize;
use std::path::PathBuf;

/// What a variable of the environment holds.
type Lookup = dyn Fn(&str) -> Option<String>;

/// A root folder with `proc` and `sys` below it, an environment, and what the standard
/// library tells on every system.
pub struct System {
    root: PathBuf,
    variable: Box<Lookup>,
    parallelism: NonZeroUsize,
}

impl System {
    /// The system this process runs on.
    pub fn here() -> Self {
        let variable = |name: &str| std::env::var_os(name).map(|v| v.to_string_lossy().into());
        Self::at("/", variable, crate::Lanes::available())
    }

    /// The system described by the files below `root`, the environment `variable` and the
    /// number of CPUs `parallelism` where the files do not tell one.
    pub fn at(
        root: impl Into<PathBuf>,
        variable: impl Fn(&str) -> Option<String> + 'static,
        parallelism: NonZeroUsize,
    ) -> Self {
        Self { root: root.into(), variable: Box::new(variable), parallelism }
    }

    pub(super) fn parallelism(&self) -> NonZeroUsize {
        self.parallelism
    }

    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.variable)(name)
    }

    /// The value of a variable, where it is a number above zero.
    pub(super) fn count(&self, name: &str) -> Option<NonZeroUsize> {
        self.variable(name)?.trim().parse().ok()
    }

    /// The content of a file, without white space around it.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        let bytes = std::fs::read(self.root.join(path)).ok()?;
        Some(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// The number that a file holds.
    pub(super) fn number<T: std::str::FromStr>(&self, path: &str) -> Option<T> {
        self.text(path)?.parse().ok()
    }

    /// Whether there is such a folder.
    pub(super) fn has_folder(&self, path: &str) -> bool {
        self.root.join(path).is_dir()
    }

    /// The numbers N of the entries `prefixN` of a folder, ascending.
    pub(super) fn numbered(&self, folder: &str, prefix: &str) -> Vec<usize> {
        let Ok(entries) = std::fs::read_dir(self.root.join(folder)) else {
            return Vec::new();
        };
        let number = |name: &str| name.strip_prefix(prefix)?.parse().ok();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut numbers: Vec<usize> = names.filter_map(|name| number(&name)).collect();
        numbers.sort_unstable();
        numbers
    }
}

impl std::fmt::Debug for System {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("System").field("root", &self.root).finish_non_exhaustive()
    }
}
