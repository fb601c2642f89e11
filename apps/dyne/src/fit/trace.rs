//! The trace of a fit, in the format that chrome://tracing, Perfetto and Speedscope read.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use dyne_runtime::{Event, LaneFigures, SweepFigures};
use serde_json::{Value, json};

use crate::failure::Failure;

/// Rows of the picture: phases, checkpoints, then the lanes.
const PHASES: usize = 0;
const CHECKPOINTS: usize = 1;
const LANES: usize = 2;

/// A trace that is written as the fit goes; it is valid from its first event on.
pub(super) struct Trace {
    file: Mutex<BufWriter<File>>,
    started: Instant,
}

impl Trace {
    /// Begins the file; times count from `started`.
    pub(super) fn create(path: &Path, started: Instant) -> Result<Self, Failure> {
        let file = File::create(path).map_err(|e| {
            Failure::Usage(format!(
                "--trace {}: {e}; expected a file that can be written\nchoose another path",
                path.display()
            ))
        })?;
        let trace = Self { file: Mutex::new(BufWriter::new(file)), started };
        trace.write("[\n");
        for (row, name) in [(PHASES, "phases"), (CHECKPOINTS, "checkpoints")] {
            trace.put(&json!({
                "name": "thread_name", "ph": "M", "pid": 1, "tid": row, "args": {"name": name}
            }));
        }
        Ok(trace)
    }

    /// Adds what has just ended.
    pub(super) fn event(&self, event: &Event) {
        let now = Instant::now();
        match event {
            Event::PhaseFinished { phase, seconds } => {
                self.span(phase, PHASES, now, Duration::from_secs_f64(*seconds), json!({}));
            }
            Event::Sweep(figures) => self.sweep(figures, now),
            Event::Warning { message, .. } => self.put(&json!({
                "name": message, "ph": "i", "s": "p", "pid": 1, "tid": PHASES,
                "ts": self.microseconds(now)
            })),
            _ => {}
        }
    }

    /// Adds a checkpoint that was saved.
    pub(super) fn checkpoint(&self, began: Instant, took: Duration) {
        self.span("save", CHECKPOINTS, began + took, took, json!({}));
    }

    fn sweep(&self, figures: &SweepFigures, end: Instant) {
        let took = Duration::from_secs_f64(figures.seconds);
        for lane in &figures.lanes {
            let LaneFigures { blocks, source_s, work_s, .. } = *lane;
            let detail = json!({
                "blocks": blocks, "source_s": source_s, "work_s": work_s,
                "pairs": figures.items, "non_finite": figures.non_finite
            });
            self.span(figures.purpose, LANES + lane.lane, end, took, detail);
        }
    }

    fn span(&self, name: &str, row: usize, end: Instant, took: Duration, detail: Value) {
        let (end, took) = (self.microseconds(end), took.as_secs_f64() * 1e6);
        self.put(&json!({
            "name": name, "ph": "X", "pid": 1, "tid": row, "ts": (end - took).max(0.0), "dur": took,
            "args": detail
        }));
    }

    fn microseconds(&self, at: Instant) -> f64 {
        at.saturating_duration_since(self.started).as_secs_f64() * 1e6
    }

    fn put(&self, event: &Value) {
        // The format allows the comma behind the last event, and the closing bracket to be missing.
        self.write(&format!("{event},\n"));
    }

    fn write(&self, text: &str) {
        let mut file = self.file.lock().expect("no lane panics while it writes");
        // A full disk must not end a fit: the trace is a convenience.
        let _ = file.write_all(text.as_bytes());
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let end = self.microseconds(Instant::now());
        let last = json!({"name": "end", "ph": "i", "s": "p", "pid": 1, "tid": PHASES, "ts": end});
        self.write(&format!("{last}\n]\n"));
    }
}
