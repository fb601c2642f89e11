//! What can be wrong with a configuration, and where.

use std::fmt;

use thiserror::Error;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Set in the program, or absent.
    Program,
    /// A place in a file; line and column count from 1.
    File {
        /// File name, or the name given for the text.
        name: String,
        /// Line.
        line: u64,
        /// Column.
        column: u64,
    },
    /// An override, as it was given.
    Override(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program => Ok(()),
            Self::File { name, line, column } => write!(f, " at {name}:{line}:{column}"),
            Self::Override(text) => write!(f, " in override {text}"),
        }
    }
}

/// One fault: where it is, what is there, what ought to be there, what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Key path, e.g. `parameters.D0.min`; empty for the whole configuration.
    pub key: String,
    /// Where the value comes from.
    pub origin: Origin,
    /// What was found.
    pub found: String,
    /// What was expected.
    pub expected: String,
    /// What to do.
    pub remedy: String,
}

impl Fault {
    pub(super) fn new(key: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            origin: Origin::Program,
            found: found.into(),
            expected: String::new(),
            remedy: String::new(),
        }
    }

    pub(super) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = expected.into();
        self
    }

    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    pub(super) fn at(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    pub(super) fn value(self) -> ConfigError {
        ConfigError::Value(Box::new(self))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = if self.key.is_empty() { "the configuration" } else { &self.key };
        let Self { origin, found, expected, remedy, .. } = self;
        write!(f, "{key}{origin}: found {found}, expected {expected}\n{remedy}")
    }
}

/// Why a configuration cannot be used. The message says what failed, where, what was found
/// and what was expected, then what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("reading config {file}: found {reason}, expected a readable YAML file\n{remedy}")]
    File {
        /// The file.
        file: String,
        /// What the system says.
        reason: String,
        /// What to do.
        remedy: String,
    },
    /// The text is not YAML, not UTF-8, empty, or has a key twice.
    #[error("reading {0}")]
    Syntax(Box<Fault>),
    /// A key, or a parameter name, that does not exist.
    #[error("unknown key {0}")]
    UnknownKey(Box<Fault>),
    /// A word that is not among the choices.
    #[error("unknown choice for {0}")]
    UnknownChoice(Box<Fault>),
    /// A key that must be given is absent.
    #[error("missing key {0}")]
    MissingKey(Box<Fault>),
    /// A value of another type than the key takes.
    #[error("wrong type of {0}")]
    Type(Box<Fault>),
    /// A value outside its range, or one that contradicts another.
    #[error("invalid value of {0}")]
    Value(Box<Fault>),
    /// An override that is not of the form `a.b=c`, or leads nowhere.
    #[error("reading {0}")]
    Override(Box<Fault>),
}

impl ConfigError {
    /// The fault; none where the file itself cannot be read.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::File { .. } => None,
            Self::Syntax(fault)
            | Self::UnknownKey(fault)
            | Self::UnknownChoice(fault)
            | Self::MissingKey(fault)
            | Self::Type(fault)
            | Self::Value(fault)
            | Self::Override(fault) => Some(fault),
        }
    }

    /// Sets the origin where it is not yet known: `key` finds that of a key, `value` that of
    /// its value.
    pub(super) fn with_origin(
        mut self,
        key: impl Fn(&str) -> Origin,
        value: impl Fn(&str) -> Origin,
    ) -> Self {
        match &mut self {
            Self::File { .. } => {}
            Self::UnknownKey(fault) => {
                if fault.origin == Origin::Program {
                    fault.origin = key(&fault.key);
                }
            }
            Self::Syntax(fault)
            | Self::UnknownChoice(fault)
            | Self::MissingKey(fault)
            | Self::Type(fault)
            | Self::Value(fault)
            | Self::Override(fault) => {
                if fault.origin == Origin::Program {
                    fault.origin = value(&fault.key);
                }
            }
        }
        self
    }
}
