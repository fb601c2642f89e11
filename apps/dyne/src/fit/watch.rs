//! Who is told what happens in a fit: the terminal, the trace, the log, and the sums for the report.

use std::sync::Mutex;
use std::time::Instant;

use dyne_runtime::{Event, Flow, Journal, Observer, Saves};
use dyne_xpcs::config::PerformanceLogConfig;
use dyne_xpcs::report::{PhaseWork, Work};
use dyne_xpcs::work::{checkpoint_work, count_sweep};

use super::log::PerformanceLog;
use super::trace::Trace;
use crate::args::FitArguments;
use crate::failure::Failure;
use crate::machine;
use crate::progress::Progress;

/// Passes events on to all who are told, and sums up the work.
pub(super) struct Watch<'a> {
    progress: &'a Progress<'a>,
    trace: Option<Trace>,
    log: Option<PerformanceLog>,
    work: Mutex<Work>,
}

/// Who is told besides the terminal.
#[derive(Default)]
pub(super) struct Told {
    pub(super) trace: Option<Trace>,
    pub(super) log: Option<PerformanceLog>,
}

impl Told {
    /// As flags and configuration ask; times count from `started`.
    pub(super) fn new(
        arguments: &FitArguments,
        config: &PerformanceLogConfig,
        started: Instant,
    ) -> Result<Self, Failure> {
        let trace = arguments.trace.as_deref().map(|path| Trace::create(path, started));
        let log = config.enabled.then(|| PerformanceLog::open(config));
        Ok(Self { trace: trace.transpose()?, log: log.transpose()? })
    }
}

impl<'a> Watch<'a> {
    pub(super) fn new(progress: &'a Progress<'a>, told: Told) -> Self {
        let Told { trace, log } = told;
        Self { progress, trace, log, work: Mutex::default() }
    }

    /// The work so far, and that of checkpoints.
    pub(super) fn work(&self, saves: Option<&Saves>) -> Work {
        let work = self.work.lock().expect("no lane panics while it counts").clone();
        Work { checkpoints: saves.map(checkpoint_work), ..work }
    }

    /// Warns the user.
    pub(super) fn warn(&self, code: &str, message: String) {
        self.event(&Event::Warning { code: code.to_owned(), message });
    }

    /// Puts a warning that the answer shows on the terminal into trace, log and events alone.
    pub(super) fn note(&self, code: &str, message: &str) {
        let event = Event::Warning { code: code.to_owned(), message: message.to_owned() };
        self.keep(&event);
        self.progress.record(&event);
    }

    /// Tells trace and log of an event.
    fn keep(&self, event: &Event) {
        if let Some(trace) = &self.trace {
            trace.event(event);
        }
        if let Some(log) = &self.log {
            log.event(event);
        }
    }

    /// Tells trace and log what `journal` has saved; `opened` is when it was opened.
    pub(super) fn saved(&self, journal: &Journal, opened: Instant) {
        for (began, took) in journal.saves().each {
            if let Some(trace) = &self.trace {
                trace.checkpoint(opened + began, took);
            }
            if let Some(log) = &self.log {
                log.checkpoint(took);
            }
        }
    }
}

impl Observer for Watch<'_> {
    fn event(&self, event: &Event) -> Flow {
        let mut work = self.work.lock().expect("no lane panics while it counts");
        match event {
            Event::Sweep(figures) => count_sweep(&mut work, figures),
            Event::PhaseFinished { phase, seconds } => work.phases.push(PhaseWork {
                phase: (*phase).to_owned(),
                seconds: *seconds,
                peak_rss_bytes: machine::peak_rss_bytes(),
            }),
            _ => {}
        }
        drop(work);
        self.keep(event);
        self.progress.event(event)
    }
}
