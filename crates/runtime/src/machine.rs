//! What the system tells about the machine, and about the part of it that is ours.

mod allocator;
mod cpus;
mod limits;
mod mounts;
mod scheduler;
mod system;
#[cfg(test)]
mod tests;
mod threads;
mod topology;

use std::collections::BTreeMap;

pub use allocator::{keep_memory, take_memory};
pub use cpus::show_cpus;
pub use limits::Limits;
pub use scheduler::{Allocation, Scheduler};
pub use system::System;
pub use threads::{ThreadCount, ThreadLimit};
pub use topology::{Cache, Core, Node, Topology};

/// Variable of the environment with the number of threads.
pub const THREADS: &str = "DYNE_THREADS";

/// Variables of the environment with the limit of memory; the first that is set decides.
pub const MEMORY_LIMITS: [&str; 2] = ["DYNE_MEMORY_LIMIT", "HOMODYNE_MEMORY_LIMIT"];

/// Machine and allocation, read once. What the system does not tell is absent, and no error.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// CPUs, cores, NUMA nodes, caches.
    pub topology: Topology,
    /// Limits of the control group and of the process.
    pub limits: Limits,
    /// What the batch system has given to this task.
    pub allocation: Option<Allocation>,
    /// Memory of the whole machine.
    pub memory: Memory,
    /// [`THREADS`] and [`MEMORY_LIMITS`] as far as they are set.
    pub variables: BTreeMap<&'static str, String>,
}

/// Memory of the whole machine, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// In all.
    pub total: Option<u64>,
    /// What can be taken without swapping.
    pub available: Option<u64>,
}

impl Machine {
    /// The machine this process runs on.
    pub fn read() -> Self {
        Self::of(&System::here())
    }

    /// The machine that `system` describes.
    pub fn of(system: &System) -> Self {
        let ours = [THREADS].into_iter().chain(MEMORY_LIMITS);
        Self {
            topology: Topology::of(system),
            limits: Limits::of(system),
            allocation: Allocation::of(system),
            memory: Memory::of(system),
            variables: ours.filter_map(|name| Some((name, system.variable(name)?))).collect(),
        }
    }

    /// The threads that use the part of the machine that is ours without sharing a core.
    pub fn threads(&self) -> ThreadCount {
        ThreadCount::of(self)
    }
}

impl Memory {
    fn of(system: &System) -> Self {
        let text = system.text("proc/meminfo").unwrap_or_default();
        let bytes = |key: &str| kilobytes(&topology::field(&text, key)?);
        Self { total: bytes("MemTotal"), available: bytes("MemAvailable") }
    }
}

/// The kernel writes amounts of memory as `16000000 kB`, in units of 1024 bytes.
fn kilobytes(size: &str) -> Option<u64> {
    size.strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
