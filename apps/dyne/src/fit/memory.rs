//! How much memory a fit may take, and the table of what it takes.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dyne_runtime::Lanes;
use dyne_runtime::budget::{Budget, BudgetSource, parse_bytes, show_bytes};
use dyne_runtime::machine::Machine;
use dyne_xpcs::config::{Format, NpzLayout, PerformanceConfig, Strategy};
use dyne_xpcs::fit::FitError;
pub(crate) use dyne_xpcs::memory::Phase;
use dyne_xpcs::memory::Residency;
use dyne_xpcs::memory::{Allowed, Arrays, Candidate, Checkpoints, MemoryPlan, Size};
use dyne_xpcs::pace::{Paced, decoded_per_s};
use dyne_xpcs::plan::Plan;
use dyne_xpcs_data::Reader;

use crate::failure::Failure;

/// The budget of this process: the size typed with `--memory`, that of the configuration, else what
/// environment and machine say.
pub(crate) fn budget(
    typed: Option<&str>,
    performance: &PerformanceConfig,
) -> Result<Budget, Failure> {
    let typed = typed.map(parse_bytes).transpose();
    let typed = typed.map_err(|e| Failure::Usage(format!("--memory: {e}")))?;
    let config = performance.memory_limit_gb.map(|gb| ((gb * 1e9) as u64, BudgetSource::Config));
    let explicit = typed.map(|bytes| (bytes, BudgetSource::CommandLine)).or(config);
    Ok(Budget::resolve(explicit, &Machine::read())?)
}

/// What the choice of the residency may use.
pub(crate) fn allowed(budget: &Budget, performance: &PerformanceConfig) -> Allowed {
    let scratch = match performance.memory_optimization.enable_caching {
        true => {
            let dir = scratch_dir(performance);
            free_bytes(&dir).map_err(|e| format!("{}: {e}", dir.display()))
        }
        false => Err("performance.memory_optimization.enable_caching is false".to_owned()),
    };
    Allowed {
        budget: budget.total(),
        source: budget.source().to_string(),
        scratch,
        strategy: performance.strategy_override,
    }
}

/// Folder of scratch files.
pub(crate) fn scratch_dir(performance: &PerformanceConfig) -> PathBuf {
    performance.scratch_dir.clone().unwrap_or_else(std::env::temp_dir)
}

#[cfg(unix)]
fn free_bytes(dir: &Path) -> std::io::Result<u64> {
    let found = rustix::fs::statvfs(dir)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(dir: &Path) -> std::io::Result<u64> {
    // The system is not asked; a full disk is told when it is.
    std::fs::metadata(dir).map(|_| u64::MAX)
}

/// The size of the fit that `plan` makes.
fn size(plan: &Plan, reader: &dyn Reader, lanes: usize) -> Result<Size, Failure> {
    let output = &plan.config.output;
    let arrays = match output.npz_layout {
        _ if !output.formats.contains(&Format::Npz) => Arrays::None,
        NpzLayout::Upper => Arrays::Triangles,
        NpzLayout::Full => Arrays::Squares,
    };
    let stride = plan.config.data.stride_coarse as u64;
    let mut decoding = reader.decoding(&plan.positions, plan.frames.clone())?;
    if stride > 1 {
        // The rows of all frames are decoded, and those of some are picked from them.
        decoding.buffer_bytes += decoding.strip_bytes;
        decoding.strip_bytes = decoding.strip_bytes.div_ceil(stride);
    }
    Ok(Size {
        bins: plan.bins.len() as u64,
        frames: (plan.frames.len() - plan.strided().len()) as u64,
        element: reader.catalog().element.bytes() as u64,
        parameters: plan.model.parameters().len() as u64,
        components: plan.model.components() as u64,
        speckles: plan.config.uncertainty.speckles as u64,
        block: plan.config.streaming.batch_size as u64,
        pixels: dyne_xpcs_plot::map_pixels(plan.bins.len()) as u64,
        lanes: lanes as u64,
        decoding,
        arrays,
        checkpoints: match plan.config.checkpoint.dir {
            Some(_) => Checkpoints::Written,
            None => Checkpoints::None,
        },
    })
}

/// The plan for memory, or why there is none.
pub(crate) fn plan(
    plan: &Plan,
    reader: &dyn Reader,
    budget: &Budget,
    lanes: usize,
) -> Result<(MemoryPlan, Size), Failure> {
    let size = size(plan, reader, lanes)?;
    Ok((size.plan(&allowed(budget, &plan.config.performance))?, size))
}

/// What the time of a fit is expected from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    /// Sweeps of the fit, few and many.
    pub(crate) sweeps: [u64; 2],
    /// Pairs a second where they are in memory.
    pub(crate) pairs_per_s: f64,
    /// Pairs a second that are decoded, where there is a file.
    pub(crate) decoded_per_s: Option<f64>,
}

impl Expected {
    /// From [`Plan`] and measurements of a moment.
    pub(crate) fn of(plan: &Plan, reader: &dyn Reader, lanes: &Lanes) -> Result<Self, Failure> {
        let paced = Paced::of(plan).pairs_per_s(lanes, MOMENT);
        let rows = reader.rows(&plan.positions, plan.frames.clone(), lanes);
        let decoded = match rows {
            Ok(rows) => Some(decoded_per_s(&*rows, lanes, MOMENT)?),
            // A file that is one stream is read once, and not in strips.
            Err(_) => None,
        };
        Ok(Self {
            sweeps: if plan.search.starts == 0 { SWEEPS_FROM_START } else { SWEEPS_OF_SEARCH },
            pairs_per_s: paced.map_err(FitError::Evaluation)?,
            decoded_per_s: decoded,
        })
    }

    /// Seconds to read and to sweep, few times and many.
    fn seconds(self, residency: Residency, pairs: u64) -> [f64; 2] {
        let pairs = pairs as f64;
        let decode = self.decoded_per_s.map_or(0.0, |rate| pairs / rate);
        let work = pairs / self.pairs_per_s;
        // Survey and residuals are two more.
        self.sweeps.map(|sweeps| match residency {
            Residency::Streamed => (sweeps + 2) as f64 * (work + decode),
            _ => decode + (sweeps + 2) as f64 * work,
        })
    }
}

/// How long each pace is measured.
const MOMENT: Duration = Duration::from_millis(500);
/// Sweeps of a fit that begins at starting values: what the benches see.
pub(crate) const SWEEPS_FROM_START: [u64; 2] = [6, 20];
/// Sweeps at full resolution of a fit that searches.
pub(crate) const SWEEPS_OF_SEARCH: [u64; 2] = [8, 80];

/// The table of the ways of keeping the data.
pub(crate) fn table(
    plan: &MemoryPlan,
    size: &Size,
    budget: &Budget,
    strategy: Strategy,
    expected: Expected,
) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "memory      {} ({})", show_bytes(budget.total()), budget.source());
    let asked = match strategy {
        Strategy::Auto => "the first that fits".to_owned(),
        other if other.name() == plan.residency.name() => "as asked".to_owned(),
        other => format!("what {} is called here", other.name()),
    };
    let _ = writeln!(out, "data        {}: {asked}", plan.residency.name());
    let blocks = size.blocks();
    let _ = writeln!(
        out,
        "blocks      {blocks} of {} pairs; strips held {}, bins of error bars at once {}",
        size.block, plan.concurrency.strips.0, plan.concurrency.bins
    );
    let [few, many] = expected.sweeps;
    let rate = 1e-6 * expected.pairs_per_s;
    let decoded = match expected.decoded_per_s {
        Some(rate) => format!(", {:.0} M decoded", 1e-6 * rate),
        None => ", decoding left out".to_owned(),
    };
    let _ = writeln!(
        out,
        "pace        {rate:.0} M pairs a second in a sweep{decoded} (measured just now)"
    );
    let _ = writeln!(out, "sweeps      {few} to {many} expected, survey and residuals besides");
    let _ = write!(out, "\n{:<22}", "");
    for candidate in &plan.candidates {
        let _ = write!(out, "{:>12}", candidate.residency.name());
    }
    let _ = writeln!(out);
    for (name, phase) in names(&plan.candidates) {
        let label = match phase {
            Phase::Always => name.to_owned(),
            Phase::Reading => format!("{name}, at first"),
            Phase::Residuals => format!("{name}, summed"),
            _ => format!("{name}, at last"),
        };
        let _ = write!(out, "{label:<22}");
        for candidate in &plan.candidates {
            let own = candidate.holders.iter().find(|h| h.name == name && h.phase == phase);
            let bytes = own.map_or_else(|| "–".to_owned(), |h| show_bytes(h.bytes));
            let _ = write!(out, "{bytes:>12}");
        }
        let _ = writeln!(out);
    }
    let _ = write!(out, "{:<22}", "peak");
    for candidate in &plan.candidates {
        let _ = write!(out, "{:>12}", show_bytes(candidate.peak()));
    }
    let _ = write!(out, "\n{:<22}", "scratch file");
    for candidate in &plan.candidates {
        let bytes = candidate.scratch;
        let _ = write!(out, "{:>12}", if bytes > 0 { show_bytes(bytes) } else { "–".into() });
    }
    let _ = write!(out, "\n{:<22}", "reading and sweeps");
    for candidate in &plan.candidates {
        let [few, many] = expected.seconds(candidate.residency, size.pairs());
        let _ = write!(out, "{:>12}", span(few, many));
    }
    let _ = writeln!(out);
    for candidate in &plan.candidates {
        if let Some(reason) = &candidate.obstacle {
            let _ = writeln!(out, "{} is not possible: {reason}", candidate.residency.name());
        }
    }
    out
}

/// A range of seconds.
fn span(few: f64, many: f64) -> String {
    match few {
        0.0..10.0 => format!("{few:.1}–{many:.1} s"),
        _ => format!("{few:.0}–{many:.0} s"),
    }
}

/// What the candidates hold, each once, in order.
fn names(candidates: &[Candidate]) -> Vec<(&'static str, Phase)> {
    let mut names: Vec<(&'static str, Phase)> = Vec::new();
    for holder in candidates.iter().flat_map(|c| &c.holders) {
        if !names.contains(&(holder.name, holder.phase)) {
            names.push((holder.name, holder.phase));
        }
    }
    names
}
