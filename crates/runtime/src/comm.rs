//! Ranks: processes that share one sweep.

use std::sync::{Arc, Barrier, Mutex};

/// What ranks can do together. Every rank makes the same calls in the same order.
pub trait Comm: Sync {
    /// Number of this rank, from 0.
    fn rank(&self) -> usize;

    /// Number of ranks.
    fn size(&self) -> usize;

    /// The bytes of every rank, in rank order, on every rank.
    fn gather(&self, bytes: Vec<u8>) -> Vec<Vec<u8>>;
}

/// One rank alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Solo;

impl Comm for Solo {
    fn rank(&self) -> usize {
        0
    }
    fn size(&self) -> usize {
        1
    }
    fn gather(&self, bytes: Vec<u8>) -> Vec<Vec<u8>> {
        vec![bytes]
    }
}

/// Ranks that are threads of one process; for tests of what must not depend on ranks.
#[derive(Debug, Clone)]
pub struct Threads {
    rank: usize,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    slots: Mutex<Vec<Vec<u8>>>,
    barrier: Barrier,
}

impl Threads {
    /// Runs `work` on `size` ranks at the same time; the results come in rank order.
    pub fn run<R: Send>(size: usize, work: impl Fn(&Self) -> R + Sync) -> Vec<R> {
        let shared = Arc::new(Shared {
            slots: Mutex::new(vec![Vec::new(); size]),
            barrier: Barrier::new(size),
        });
        std::thread::scope(|scope| {
            let handles: Vec<_> = (0..size)
                .map(|rank| {
                    let comm = Self { rank, shared: Arc::clone(&shared) };
                    let work = &work;
                    scope.spawn(move || work(&comm))
                })
                .collect();
            let join = |h: std::thread::ScopedJoinHandle<'_, R>| {
                h.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            handles.into_iter().map(join).collect()
        })
    }
}

impl Comm for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.shared.slots.lock().expect("no rank panics with the lock held").len()
    }

    fn gather(&self, bytes: Vec<u8>) -> Vec<Vec<u8>> {
        let slots = &self.shared.slots;
        slots.lock().expect("no rank panics with the lock held")[self.rank] = bytes;
        self.shared.barrier.wait();
        let all = slots.lock().expect("no rank panics with the lock held").clone();
        // Nobody may write the next round before everybody has read this one.
        self.shared.barrier.wait();
        all
    }
}

/// What every [`Comm`] must do: call it on each rank of an implementation's test.
pub mod contract {
    use super::Comm;

    /// Checks order and repeatability of [`Comm::gather`].
    ///
    /// # Panics
    /// When the contract is broken.
    pub fn check(comm: &dyn Comm) {
        assert!(comm.rank() < comm.size(), "a rank is below the number of ranks");
        for round in 0..3u8 {
            let mine = vec![round; comm.rank() + 1];
            let all = comm.gather(mine);
            assert_eq!(all.len(), comm.size(), "one answer a rank");
            for (rank, bytes) in all.iter().enumerate() {
                assert_eq!(bytes, &vec![round; rank + 1], "answers come in rank order");
            }
        }
        assert_eq!(comm.gather(Vec::new()).concat(), [0u8; 0], "empty messages arrive empty");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solo_and_threads_keep_the_contract() {
        contract::check(&Solo);
        for size in [1, 2, 5] {
            Threads::run(size, |comm| contract::check(comm));
        }
    }
}
