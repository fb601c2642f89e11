//! The performance log: a line for each phase, checkpoint and long sweep.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

use dyne_runtime::{Event, SweepFigures};
use dyne_xpcs::config::{LogLevel, PerformanceLogConfig};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::failure::Failure;

/// A log to the end of which lines are added.
pub(super) struct PerformanceLog {
    file: Mutex<File>,
    level: LogLevel,
    threshold: f64,
}

impl PerformanceLog {
    /// Opens the file that `config` names.
    pub(super) fn open(config: &PerformanceLogConfig) -> Result<Self, Failure> {
        let path = &config.filename;
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(|e| {
            Failure::Usage(format!(
                "logging.performance.filename {}: {e}; expected a file that can be written\n\
                 choose another path, or set logging.performance.enabled to false",
                path.display()
            ))
        })?;
        let (level, threshold) = (config.level, config.threshold_seconds);
        Ok(Self { file: Mutex::new(file), level, threshold })
    }

    pub(super) fn event(&self, event: &Event) {
        match event {
            Event::PhaseFinished { phase, seconds } => {
                self.line(LogLevel::Info, &format!("phase {phase} done in {seconds:.3} s"));
            }
            Event::Residency { name, bytes } => {
                let megabytes = *bytes as f64 * 1e-6;
                self.line(LogLevel::Info, &format!("data {name}, planned for {megabytes:.0} MB"));
            }
            Event::Sweep(figures) if figures.seconds >= self.threshold => self.sweep(figures),
            Event::Warning { message, .. } => self.line(LogLevel::Warning, message),
            _ => {}
        }
    }

    /// A checkpoint that was saved.
    pub(super) fn checkpoint(&self, took: Duration) {
        self.line(LogLevel::Info, &format!("checkpoint saved in {:.3} s", took.as_secs_f64()));
    }

    fn sweep(&self, figures: &SweepFigures) {
        let SweepFigures { purpose, seconds, items, non_finite, .. } = figures;
        let blocks = figures.blocks();
        let rate = *items as f64 * 1e-6 / seconds.max(f64::MIN_POSITIVE);
        let bad =
            if *non_finite > 0 { format!(", {non_finite} not finite") } else { String::new() };
        self.line(
            LogLevel::Info,
            &format!("sweep {purpose} done in {seconds:.3} s: {blocks} blocks, {items} pairs, {rate:.1} M/s{bad}"),
        );
        for lane in &figures.lanes {
            let (source, work) = (lane.source_s, lane.work_s);
            let text = format!(
                "lane {}: {} blocks, {source:.3} s to have them, {work:.3} s of work",
                lane.lane, lane.blocks
            );
            self.line(LogLevel::Debug, &text);
        }
        if let Some(slow) = figures.slowest {
            let milliseconds = (slow.source_s + slow.work_s) * 1e3;
            let text = format!("slowest block {}: {milliseconds:.3} ms", slow.block);
            self.line(LogLevel::Debug, &text);
        }
    }

    fn line(&self, level: LogLevel, text: &str) {
        if level > self.level {
            return;
        }
        let now =
            OffsetDateTime::now_utc().replace_nanosecond(0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let time = now.format(&Rfc3339).unwrap_or_default();
        let mut file = self.file.lock().expect("no lane panics while it writes");
        // A full disk must not end a fit: the log is a convenience.
        let _ = writeln!(file, "{time} [{}] {}", level.name(), text.replace('\n', "; "));
    }
}
