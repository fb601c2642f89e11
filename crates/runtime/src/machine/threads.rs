//! How many threads to start, and what decides it.

use std::fmt;
use std::num::NonZeroUsize;

use super::{Machine, Scheduler};

/// A number of threads with its reason.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ThreadCount {
    /// Threads.
    pub count: NonZeroUsize,
    /// What decides the number.
    pub limit: ThreadLimit,
}

/// What decides the number of threads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ThreadLimit {
    /// The physical cores among the CPUs that the process may use.
    Cores,
    /// The CPUs that the process may use; the system does not tell their cores.
    Cpus,
    /// The number of the standard library; the system does not tell the CPUs.
    Parallelism,
    /// The CPU quota of the control group.
    Quota {
        /// The quota, in CPUs.
        cpus: f64,
    },
    /// What the batch system gives to a task.
    Allocation {
        /// The batch system.
        scheduler: Scheduler,
        /// CPUs of a task.
        cpus: NonZeroUsize,
    },
}

impl ThreadCount {
    /// Of limits with the same number the one that is hardest to change is named: cores, then
    /// quota, then allocation.
    pub(super) fn of(machine: &Machine) -> Self {
        let quota = machine.limits.cpus.map(|cpus| {
            let count = NonZeroUsize::new(cpus.ceil() as usize).unwrap_or(NonZeroUsize::MIN);
            Self { count, limit: ThreadLimit::Quota { cpus } }
        });
        let given = machine.allocation.as_ref().and_then(|allocation| {
            let (scheduler, cpus) = (allocation.scheduler, allocation.cpus?);
            Some(Self { count: cpus, limit: ThreadLimit::Allocation { scheduler, cpus } })
        });
        let caps = [quota, given].into_iter().flatten();
        caps.fold(uncapped(machine), |least, cap| if cap.count < least.count { cap } else { least })
    }
}

fn uncapped(machine: &Machine) -> ThreadCount {
    let topology = &machine.topology;
    let Some(count) = NonZeroUsize::new(topology.allowed_cores().len()) else {
        return ThreadCount { count: topology.parallelism, limit: ThreadLimit::Parallelism };
    };
    let known = !topology.cores.is_empty();
    ThreadCount { count, limit: if known { ThreadLimit::Cores } else { ThreadLimit::Cpus } }
}

impl fmt::Display for ThreadLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cores => f.write_str("physical cores that this process may use"),
            Self::Cpus => {
                f.write_str("CPUs that this process may use; the system does not tell their cores")
            }
            Self::Parallelism => f.write_str("CPUs as the system tells them"),
            Self::Quota { cpus } => {
                write!(f, "CPU quota of the control group: {cpus:.2} CPUs, rounded up")
            }
            Self::Allocation { scheduler, cpus } => {
                write!(f, "CPUs that {scheduler} gives to a task: {cpus}")
            }
        }
    }
}
