//! Lanes: the worker threads of one process.

use std::num::NonZeroUsize;

use thiserror::Error;

/// Why lanes could not be started.
#[derive(Debug, Error)]
#[error("starting {count} worker threads: {reason}\nask for fewer with --threads")]
pub struct LanesError {
    count: usize,
    reason: String,
}

/// A fixed set of worker threads. One lane means: work on the caller's thread.
#[derive(Debug)]
pub struct Lanes {
    count: NonZeroUsize,
    pool: Option<rayon::ThreadPool>,
}

impl Lanes {
    /// One lane, the caller's own thread.
    pub fn solo() -> Self {
        Self { count: NonZeroUsize::MIN, pool: None }
    }

    /// Starts `count` lanes.
    ///
    /// # Errors
    /// [`LanesError`] when the system refuses the threads.
    pub fn try_new(count: NonZeroUsize) -> Result<Self, LanesError> {
        if count.get() == 1 {
            return Ok(Self::solo());
        }
        rayon::ThreadPoolBuilder::new()
            .num_threads(count.get())
            .thread_name(|i| format!("lane-{i}"))
            .build()
            .map(|pool| Self { count, pool: Some(pool) })
            .map_err(|e| LanesError { count: count.get(), reason: e.to_string() })
    }

    /// Number of CPUs this process may use (affinity and cgroup quota respected).
    pub fn available() -> NonZeroUsize {
        std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
    }

    /// Number of lanes.
    pub fn count(&self) -> usize {
        self.count.get()
    }

    /// Runs `work` once per lane, at the same time, and returns when all have ended.
    pub fn broadcast(&self, work: impl Fn(usize) + Sync) {
        match &self.pool {
            None => work(0),
            Some(pool) => {
                pool.broadcast(|context| work(context.index()));
            }
        }
    }

    /// Maps `items` in parallel; the results keep the order of the items.
    pub fn map<T: Sync, R: Send>(&self, items: &[T], f: impl Fn(&T) -> R + Sync) -> Vec<R> {
        use rayon::prelude::*;
        match &self.pool {
            None => items.iter().map(f).collect(),
            Some(pool) => pool.install(|| items.par_iter().map(&f).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn broadcast_reaches_every_lane() {
        for count in [1, 2, 5] {
            let lanes = Lanes::try_new(NonZeroUsize::new(count).unwrap()).unwrap();
            let seen = AtomicUsize::new(0);
            lanes.broadcast(|i| {
                seen.fetch_or(1 << i, Ordering::Relaxed);
            });
            assert_eq!(seen.into_inner(), (1 << count) - 1);
        }
    }

    #[test]
    fn map_keeps_order() {
        let lanes = Lanes::try_new(NonZeroUsize::new(3).unwrap()).unwrap();
        let items: Vec<usize> = (0..100).collect();
        assert_eq!(lanes.map(&items, |i| i * i), items.iter().map(|i| i * i).collect::<Vec<_>>());
    }
}
