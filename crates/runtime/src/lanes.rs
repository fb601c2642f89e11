//! Lanes: the worker threads of one process.

mod pin;
mod share;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use thiserror::Error;

use crate::machine::Topology;
pub use pin::Pin;
pub use share::HandOut;

/// Why lanes could not be started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LanesError {
    /// The system refuses the threads.
    #[error("starting {count} worker threads: {reason}\nask for fewer with --threads")]
    Start {
        /// Threads asked for.
        count: usize,
        /// What the system says.
        reason: String,
    },
    /// The threads cannot be bound to CPUs.
    #[error("binding {count} worker threads to CPUs: {reason}\n{remedy}")]
    Pin {
        /// Threads asked for.
        count: usize,
        /// What was found and what was expected.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
}

/// A fixed set of worker threads. One lane means: work on the caller's thread.
#[derive(Debug)]
pub struct Lanes {
    count: NonZeroUsize,
    pool: Option<rayon::ThreadPool>,
    /// Group of each lane: its NUMA node where lanes are bound to nodes, else one for all.
    homes: Vec<usize>,
}

impl Lanes {
    /// One lane, the caller's own thread.
    pub fn solo() -> Self {
        Self { count: NonZeroUsize::MIN, pool: None, homes: vec![0] }
    }

    /// Starts `count` lanes.
    ///
    /// # Errors
    /// [`LanesError`] when the system refuses the threads.
    pub fn try_new(count: NonZeroUsize) -> Result<Self, LanesError> {
        if count.get() == 1 {
            return Ok(Self::solo());
        }
        Self::start(count, builder(count))
    }

    /// Starts `count` lanes, each bound to CPUs as `pin` says. With [`Pin::None`] it is
    /// [`Lanes::try_new`]; else one lane is a thread of its own too: a binding of the caller's
    /// thread would outlive the lanes, and every thread it starts later would inherit it.
    ///
    /// # Errors
    /// [`LanesError`] when the system refuses the threads or their binding, when it has no
    /// binding, or when there are fewer CPUs than lanes that need one each.
    pub fn try_pinned(
        count: NonZeroUsize,
        pin: Pin,
        topology: &Topology,
    ) -> Result<Self, LanesError> {
        if pin == Pin::None {
            return Self::try_new(count);
        }
        let places = pin.places(count.get(), topology)?;
        let homes = groups(&places);
        // By lane, so that the same refusal is told every time.
        let refusals = Arc::new(Mutex::new(BTreeMap::new()));
        let noted = Arc::clone(&refusals);
        let bind = move |lane: usize| {
            if let Err(reason) = pin::bind(&places[lane]) {
                noted.lock().expect("no lane panics with the lock held").insert(lane, reason);
            }
        };
        let mut lanes = Self::start(count, builder(count).start_handler(bind))?;
        if pin == Pin::Numa {
            lanes.homes = homes;
        }
        // Every lane has gone through its start when it answers.
        lanes.broadcast(|_| ());
        let refused = refusals.lock().expect("no lane panics with the lock held").pop_first();
        match refused {
            None => Ok(lanes),
            Some((_, reason)) => {
                let remedy = "run without pinning, or ask the batch system for these CPUs";
                Err(LanesError::Pin { count: count.get(), reason, remedy })
            }
        }
    }

    fn start(count: NonZeroUsize, builder: rayon::ThreadPoolBuilder) -> Result<Self, LanesError> {
        builder
            .build()
            .map(|pool| Self { count, pool: Some(pool), homes: vec![0; count.get()] })
            .map_err(|e| LanesError::Start { count: count.get(), reason: e.to_string() })
    }

    /// Number of CPUs this process may use (affinity and cgroup quota respected).
    pub fn available() -> NonZeroUsize {
        std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
    }

    /// Number of lanes.
    pub fn count(&self) -> usize {
        self.count.get()
    }

    /// Hands out `items` to the lanes.
    pub fn hand_out(&self, items: usize) -> HandOut {
        HandOut::new(items, &self.homes)
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

/// Number of each set of CPUs among the different ones, in their order.
fn groups(places: &[Vec<usize>]) -> Vec<usize> {
    let mut known: Vec<&Vec<usize>> = Vec::new();
    let mut number = |place| {
        known.iter().position(|own| *own == place).unwrap_or_else(|| {
            known.push(place);
            known.len() - 1
        })
    };
    places.iter().map(&mut number).collect()
}

fn builder(count: NonZeroUsize) -> rayon::ThreadPoolBuilder {
    rayon::ThreadPoolBuilder::new().num_threads(count.get()).thread_name(|i| format!("lane-{i}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn lanes_of_one_node_are_one_group() {
        let places = [vec![0, 1], vec![0, 1], vec![2, 3], vec![0, 1]];
        assert_eq!(groups(&places), [0, 0, 1, 0]);
    }

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

    #[cfg(target_os = "linux")]
    mod pinned {
        use super::*;
        use crate::Machine;
        use crate::machine::show_cpus;

        /// The CPUs that the kernel lets each lane use.
        fn allowed(lanes: &Lanes) -> Vec<String> {
            let found = Mutex::new(vec![String::new(); lanes.count()]);
            lanes.broadcast(|lane| {
                let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
                let list = status.lines().find_map(|l| l.strip_prefix("Cpus_allowed_list:"));
                found.lock().unwrap()[lane] = list.unwrap().trim().to_owned();
            });
            found.into_inner().unwrap()
        }

        #[test]
        fn a_lane_has_a_core_of_its_own() {
            let topology = Machine::read().topology;
            let cores = topology.allowed_cores();
            let before = std::fs::read_to_string("/proc/thread-self/status").unwrap();
            for count in 1..=cores.len().min(2) {
                let count = NonZeroUsize::new(count).unwrap();
                let lanes = Lanes::try_pinned(count, Pin::Cores, &topology).unwrap();
                let expected = cores.iter().map(|core| core[0].to_string());
                assert_eq!(allowed(&lanes), expected.take(count.get()).collect::<Vec<_>>());
            }
            let list = |status: &str| {
                let line = status.lines().find(|l| l.starts_with("Cpus_allowed_list:"));
                line.unwrap().to_owned()
            };
            let after = std::fs::read_to_string("/proc/thread-self/status").unwrap();
            assert_eq!(list(&before), list(&after), "the caller's thread stays free");
        }

        #[test]
        fn a_lane_has_the_cpus_of_its_node() {
            let topology = Machine::read().topology;
            let nodes = topology.allowed_nodes();
            let count = NonZeroUsize::new(2).unwrap();
            let lanes = Lanes::try_pinned(count, Pin::Numa, &topology).unwrap();
            let lists: Vec<String> = nodes.iter().map(|node| show_cpus(&node.cpus)).collect();
            assert!(allowed(&lanes).iter().all(|list| lists.contains(list)));
        }

        #[test]
        fn a_refused_binding_is_told() {
            let mut topology = Machine::read().topology;
            let cases = [
                (vec![1000], 1, "for CPU 1000, expected"),
                (vec![5000], 1, "found CPU 5000, expected a number below 1024"),
                (vec![1000, 5000], 2, "for CPU 1000, expected"),
                (vec![0, 1], 3, "found 2 CPUs allowed"),
            ];
            for (allowed, count, why) in cases {
                let count = NonZeroUsize::new(count).unwrap();
                topology.allowed = allowed;
                let error = Lanes::try_pinned(count, Pin::Cores, &topology).unwrap_err();
                let told = error.to_string();
                assert!(told.contains(why) && told.lines().count() == 2, "{told}");
            }
        }
    }
}
