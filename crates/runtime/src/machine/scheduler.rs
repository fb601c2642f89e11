//! What a batch system has given to this task.

use std::fmt;
use std::num::NonZeroUsize;

use super::System;

/// A batch system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheduler {
    /// SLURM.
    Slurm,
    /// PBS Pro, OpenPBS or Torque.
    Pbs,
}

impl fmt::Display for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Slurm => "SLURM",
            Self::Pbs => "PBS",
        })
    }
}

/// The share of one task in the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocation {
    /// Who has given it.
    pub scheduler: Scheduler,
    /// Identifier of the job.
    pub job: String,
    /// CPUs of this task.
    pub cpus: Option<NonZeroUsize>,
    /// Memory of this task, bytes.
    pub memory: Option<u64>,
}

impl Allocation {
    pub(super) fn of(system: &System) -> Option<Self> {
        slurm(system).or_else(|| pbs(system))
    }
}

fn slurm(system: &System) -> Option<Allocation> {
    let job = system.variable("SLURM_JOB_ID")?;
    let tasks = system.count("SLURM_NTASKS_PER_NODE").unwrap_or(NonZeroUsize::MIN);
    let on_node = system.count("SLURM_CPUS_ON_NODE");
    let share = |cpus: NonZeroUsize| NonZeroUsize::new(cpus.get() / tasks);
    let cpus = system
        .count("SLURM_CPUS_PER_TASK")
        .or_else(|| Some(share(on_node?).unwrap_or(NonZeroUsize::MIN)));
    let bytes = |name| slurm_bytes(system.variable(name)?.trim());
    let per_node = bytes("SLURM_MEM_PER_NODE").map(|node| node / tasks.get() as u64);
    let per_cpu = || bytes("SLURM_MEM_PER_CPU")?.checked_mul(cpus?.get() as u64);
    let memory = per_node.or_else(per_cpu);
    Some(Allocation { scheduler: Scheduler::Slurm, job, cpus, memory })
}

fn pbs(system: &System) -> Option<Allocation> {
    let job = system.variable("PBS_JOBID")?;
    let cpus = system.count("PBS_NUM_PPN").or_else(|| system.count("NCPUS"));
    let memory = system.variable("PBS_RESC_MEM").and_then(|size| pbs_bytes(&size));
    Some(Allocation { scheduler: Scheduler::Pbs, job, cpus, memory })
}

/// SLURM counts in units of 2²⁰ bytes, which it calls megabytes, and takes other units in powers
/// of 1024. 0 is all memory of the node, which is no limit.
fn slurm_bytes(size: &str) -> Option<u64> {
    let number = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &size[number.len()..] {
        "K" => 1 << 10,
        "" | "M" => 1 << 20,
        "G" => 1 << 30,
        "T" => 1 << 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit).filter(|bytes| *bytes > 0)
}

/// PBS takes its units as powers of 1024.
fn pbs_bytes(size: &str) -> Option<u64> {
    let size = size.trim().to_ascii_lowercase();
    let number = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &size[number.len()..] {
        "" | "b" => 1,
        "kb" => 1 << 10,
        "mb" => 1 << 20,
        "gb" => 1 << 30,
        "tb" => 1 << 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit).filter(|bytes| *bytes > 0)
}
