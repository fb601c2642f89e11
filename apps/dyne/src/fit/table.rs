//! The table of the ways of keeping the data, with what each takes in memory and time.

use std::fmt::Write;
use std::time::Duration;

use dyne_runtime::Lanes;
use dyne_runtime::budget::{Budget, show_bytes};
use dyne_xpcs::config::Strategy;
use dyne_xpcs::fit::FitError;
use dyne_xpcs::memory::{Candidate, MemoryPlan, Phase, Residency, Size};
use dyne_xpcs::pace::{Paced, decoded_per_s};
use dyne_xpcs::plan::Plan;
use dyne_xpcs_data::Reader;

use crate::failure::Failure;

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
pub(crate) const MOMENT: Duration = Duration::from_millis(500);
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
    holders(&mut out, &plan.candidates);
    times(&mut out, &plan.candidates, size.pairs(), expected);
    out
}

/// What each way holds, and how much of it at a time.
fn holders(out: &mut String, candidates: &[Candidate]) {
    let _ = write!(out, "\n{:<22}", "");
    for candidate in candidates {
        let _ = write!(out, "{:>12}", candidate.residency.name());
    }
    let _ = writeln!(out);
    for (name, phase) in names(candidates) {
        let label = match phase {
            Phase::Program | Phase::Always => name.to_owned(),
            Phase::Reading => format!("{name}, at first"),
            Phase::Residuals => format!("{name}, summed"),
            _ => format!("{name}, at last"),
        };
        let _ = write!(out, "{label:<22}");
        for candidate in candidates {
            let own = candidate.holders.iter().find(|h| h.name == name && h.phase == phase);
            let bytes = own.map_or_else(|| "–".to_owned(), |h| show_bytes(h.bytes));
            let _ = write!(out, "{bytes:>12}");
        }
        let _ = writeln!(out);
    }
    let _ = write!(out, "{:<22}", "peak");
    for candidate in candidates {
        let _ = write!(out, "{:>12}", show_bytes(candidate.peak()));
    }
    let _ = write!(out, "\n{:<22}", "scratch file");
    for candidate in candidates {
        let bytes = candidate.scratch;
        let _ = write!(out, "{:>12}", if bytes > 0 { show_bytes(bytes) } else { "–".into() });
    }
}

/// How long each way is expected to take, and why one is out of the question.
fn times(out: &mut String, candidates: &[Candidate], pairs: u64, expected: Expected) {
    let _ = write!(out, "\n{:<22}", "reading and sweeps");
    for candidate in candidates {
        let [few, many] = expected.seconds(candidate.residency, pairs);
        let _ = write!(out, "{:>12}", span(few, many));
    }
    let _ = writeln!(out);
    for candidate in candidates {
        if let Some(reason) = &candidate.obstacle {
            let _ = writeln!(out, "{} is not possible: {reason}", candidate.residency.name());
        }
    }
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
