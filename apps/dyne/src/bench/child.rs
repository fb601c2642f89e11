//! One fit in a process of its own, and what its report says it took.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use crate::failure::Failure;

/// What one fit took.
pub(super) struct Measured {
    /// From the start of the process to its end, s.
    pub(super) wall_s: f64,
    /// Search, fit and error bars, s.
    pub(super) fit_s: f64,
    /// Sweeps over all pairs for the fit.
    pub(super) sweeps: u64,
    /// Time of all of them, s.
    pub(super) sweep_s: f64,
    /// Blocks of all of them.
    pub(super) blocks: u64,
    /// Pairs of all of them.
    pub(super) pairs: u64,
    /// The longest that a block took, s.
    pub(super) slowest_block_s: f64,
    /// Largest resident memory, bytes.
    pub(super) peak_bytes: u64,
    /// Values and errors of all parameters as written: equal texts are equal bits.
    pub(super) parameters: String,
}

impl Measured {
    /// Points of matrices, both triangles, that a sweep covers in a second.
    pub(super) fn points_per_s(&self) -> f64 {
        2.0 * self.pairs as f64 / self.sweep_s.max(f64::MIN_POSITIVE)
    }
}

/// Runs `dyne fit` with these arguments.
pub(super) fn fit(arguments: &[OsString]) -> Result<Measured, Failure> {
    let folder = std::env::temp_dir().join(format!("dyne-bench-{}", std::process::id()));
    let found = run(arguments, &folder);
    // What stays is in the folder for such things.
    let _ = std::fs::remove_dir_all(&folder);
    found
}

fn run(arguments: &[OsString], folder: &Path) -> Result<Measured, Failure> {
    let program = std::env::current_exe().map_err(Failure::Output)?;
    let mut command = Command::new(program);
    command.arg("fit").args(arguments).arg("--quiet").arg("--out").arg(folder);
    command.args(["--set", "output.formats=[json]"]);
    let began = Instant::now();
    let output = command.output().map_err(Failure::Output)?;
    let wall_s = began.elapsed().as_secs_f64();
    let report = std::fs::read(folder.join("result.json")).ok();
    let report: Option<Value> = report.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    match report {
        Some(report) => Ok(measured(&report, wall_s)),
        None => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(Failure::Usage(format!("dyne fit: {}", said.trim_start_matches("dyne: ").trim())))
        }
    }
}

fn measured(report: &Value, wall_s: f64) -> Measured {
    let none = Vec::new();
    let sweeps = report["work"]["sweeps"].as_array().unwrap_or(&none);
    let fit = sweeps.iter().find(|sweep| sweep["purpose"] == "fit").unwrap_or(&Value::Null);
    let count = |name: &str| fit[name].as_u64().unwrap_or(0);
    let number = |name: &str| fit[name].as_f64().unwrap_or(0.0);
    Measured {
        wall_s,
        fit_s: report["timings"]["fit_s"].as_f64().unwrap_or(0.0),
        sweeps: count("sweeps"),
        sweep_s: number("seconds"),
        blocks: count("blocks"),
        pairs: count("pairs"),
        slowest_block_s: number("slowest_block_s"),
        peak_bytes: report["peak_rss_bytes"].as_u64().unwrap_or(0),
        parameters: report["parameters"].to_string(),
    }
}
