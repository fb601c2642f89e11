//! One observer for many fits at once.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use dyne_runtime::{Event, Flow, Observer};

/// Passes the progress of many fits on as one count, and a stop to all of them.
pub(super) struct Relay<'a> {
    observer: &'a dyn Observer,
    done: AtomicU64,
    stopped: AtomicBool,
}

impl<'a> Relay<'a> {
    pub(super) fn new(observer: &'a dyn Observer) -> Self {
        Self { observer, done: AtomicU64::new(0), stopped: AtomicBool::new(false) }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn tick(&self) -> Flow {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let event = Event::Progress { phase: "search", done, total: None };
        if self.observer.event(&event) == Flow::Stop {
            self.stop();
        }
        if self.is_stopped() { Flow::Stop } else { Flow::Continue }
    }
}

impl Observer for Relay<'_> {
    fn event(&self, _event: &Event) -> Flow {
        self.tick()
    }
}
