//! Events rendered: bars on a terminal, plain lines elsewhere, lines of JSON in a file.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use dyne_runtime::{Cancel, Event, Flow, Observer};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::args::Telling;
use crate::failure::Failure;
use crate::terminal;

/// How often a plain line is printed within a phase.
const INTERVAL: Duration = Duration::from_secs(2);

/// Phases within a fit.
const INNER: [&str; 2] = ["residuals", "error bars"];

/// Renders events, and answers Stop once the user has asked for it.
pub(crate) struct Progress<'c> {
    cancel: &'c Cancel,
    started: Instant,
    terminal: Option<Terminal>,
    events: Option<Mutex<BufWriter<File>>>,
}

enum Terminal {
    Bar(ProgressBar),
    Lines(Mutex<Instant>),
}

impl<'c> Progress<'c> {
    /// As `telling` asks.
    pub(crate) fn new(telling: &Telling, cancel: &'c Cancel) -> Result<Self, Failure> {
        let events = match &telling.events {
            None => None,
            Some(path) => {
                let file = File::create(path).map_err(|e| {
                    Failure::Usage(format!(
                        "--events {}: {e}; expected a file that can be written\nchoose another path",
                        path.display()
                    ))
                })?;
                Some(Mutex::new(BufWriter::new(file)))
            }
        };
        let terminal = match (telling.quiet, std::io::stderr().is_terminal()) {
            (true, _) => None,
            (false, true) => Some(Terminal::Bar(bar())),
            (false, false) => Some(Terminal::Lines(Mutex::new(Instant::now()))),
        };
        Ok(Self { cancel, started: Instant::now(), terminal, events })
    }

    /// Writes an event to the file of events alone.
    pub(crate) fn record(&self, event: &Event) {
        let Some(file) = &self.events else { return };
        let t = self.started.elapsed().as_secs_f64();
        let line = match event {
            Event::PhaseStarted { phase, total } => {
                json!({"t": t, "event": "phase_started", "phase": phase, "total": total})
            }
            Event::Progress { phase, done, total } => {
                json!({"t": t, "event": "progress", "phase": phase, "done": done, "total": total})
            }
            Event::Iteration { evaluation, cost, accepted } => json!({
                "t": t, "event": "iteration", "evaluation": evaluation, "cost": cost,
                "accepted": accepted
            }),
            Event::Sampling { done, total, effective, divergences, seconds, shard } => json!({
                "t": t, "event": "sampling", "done": done, "total": total,
                "effective": effective, "divergences": divergences, "seconds": seconds,
                "shard": shard.map(|(shard, _)| shard)
            }),
            Event::Residency { name, bytes } => {
                json!({"t": t, "event": "residency", "name": name, "bytes": bytes})
            }
            Event::PhaseFinished { phase, seconds } => {
                json!({"t": t, "event": "phase_finished", "phase": phase, "seconds": seconds})
            }
            Event::Warning { code, message } => {
                json!({"t": t, "event": "warning", "code": code, "message": message})
            }
            _ => return,
        };
        let mut file = file.lock().expect("no lane panics while it writes an event");
        // A full disk must not end a fit: the events file is a convenience.
        let _ = writeln!(file, "{line}").and_then(|()| file.flush());
    }

    fn show(&self, event: &Event) {
        match &self.terminal {
            None => {}
            Some(Terminal::Bar(bar)) => show_bar(bar, event),
            Some(Terminal::Lines(last)) => {
                let mut last = last.lock().expect("no lane panics while it prints");
                if let Some(line) = line(event, last.elapsed() >= INTERVAL) {
                    *last = Instant::now();
                    terminal::complain(&line);
                }
            }
        }
    }

    /// Clears the bar before something else is printed.
    pub(crate) fn clear(&self) {
        if let Some(Terminal::Bar(bar)) = &self.terminal {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Progress<'_> {
    fn event(&self, event: &Event) -> Flow {
        self.record(event);
        self.show(event);
        if self.cancel.requested() { Flow::Stop } else { Flow::Continue }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    let style = ProgressStyle::with_template("{spinner} {prefix:8} {msg}")
        .expect("the template is well formed");
    bar.set_style(style);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn show_bar(bar: &ProgressBar, event: &Event) {
    match event {
        Event::PhaseStarted { phase, total } => {
            bar.set_prefix(*phase);
            bar.set_message(total.map_or_else(String::new, |total| format!("0/{total}")));
        }
        Event::Progress { done, total, .. } => {
            bar.set_message(match total {
                Some(total) => format!("{done}/{total} {}", blocks(*done, *total)),
                None => done.to_string(),
            });
        }
        Event::Iteration { evaluation, cost, .. } => {
            bar.set_message(format!("sweep {evaluation}, cost {cost:.9e}"));
        }
        Event::Sampling { done, total, .. } => {
            let text = sampling(event).unwrap_or_default();
            bar.set_message(format!("{text} {}", blocks(*done, *total)));
        }
        Event::Warning { message, .. } => bar.println(format!("dyne: warning: {message}")),
        _ => {}
    }
}

/// A bar of 24 characters.
fn blocks(done: u64, total: u64) -> String {
    let filled = (24 * done.min(total) / total.max(1)) as usize;
    format!("{}{}", "█".repeat(filled), "░".repeat(24 - filled))
}

/// How far chains are, and how well they mix.
fn sampling(event: &Event) -> Option<String> {
    let Event::Sampling { done, total, effective, divergences, seconds, shard } = event else {
        return None;
    };
    let mixing = effective.map_or_else(String::new, |n| {
        format!(", {n:.0} effective ({:.2} a second)", n / seconds.max(1e-9))
    });
    let plural = if *divergences == 1 { "" } else { "s" };
    let of = shard.map_or_else(String::new, |(shard, of)| format!("shard {shard} of {of}, "));
    Some(format!("{of}{done} of {total} draws{mixing}, {divergences} divergence{plural}"))
}

fn line(event: &Event, due: bool) -> Option<String> {
    match event {
        Event::Progress { phase, done, total } if due => {
            let total = total.map_or_else(String::new, |total| format!(" of {total}"));
            Some(format!("{phase}: {done}{total}"))
        }
        Event::Iteration { evaluation, cost, .. } if due => {
            Some(format!("fit: sweep {evaluation}, cost {cost:.9e}"))
        }
        Event::Sampling { .. } if due => Some(format!("sample: {}", sampling(event)?)),
        // Every law that is tried has its own; they are worth a line where they take time.
        Event::PhaseFinished { phase, seconds }
            if INNER.contains(phase) && *seconds < INTERVAL.as_secs_f64() =>
        {
            None
        }
        Event::PhaseFinished { phase, seconds } => Some(format!("{phase}: done in {seconds:.2} s")),
        Event::Warning { message, .. } => Some(format!("warning: {message}")),
        _ => None,
    }
}
