//! The group `logging`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is logged besides the report.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LoggingConfig {
    /// The log of what takes time.
    pub performance: PerformanceLogConfig,
}

/// The log of what takes time: phases, sweeps, checkpoints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PerformanceLogConfig {
    /// Whether it is written.
    pub enabled: bool,
    /// How much it tells.
    pub level: LogLevel,
    /// The file; a relative path counts from the working directory. Lines are added at its end.
    pub filename: PathBuf,
    /// Sweeps that take less are not logged, s.
    pub threshold_seconds: f64,
}

impl Default for PerformanceLogConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            level: LogLevel::Info,
            filename: PathBuf::from("performance.log"),
            threshold_seconds: 0.1,
        }
    }
}

/// How much a log tells.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum LogLevel {
    /// Warnings alone.
    #[serde(alias = "WARNING")]
    Warning,
    /// Also phases, checkpoints and the sweeps above the threshold.
    #[serde(alias = "INFO")]
    Info,
    /// Also what each lane did in those sweeps, and their slowest block.
    #[serde(alias = "DEBUG")]
    Debug,
}

impl LogLevel {
    /// The name in a log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warning => "WARNING",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
        }
    }
}
