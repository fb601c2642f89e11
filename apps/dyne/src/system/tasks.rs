//! How threads and memory are shared out over tasks that run side by side.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use dyne_runtime::{Budget, Machine};

use crate::args::Work;

/// Chains that run side by side on one NUMA node.
const CHAINS: NonZeroUsize = NonZeroUsize::new(4).expect("four is not zero");

/// With fewer cores than this a single fit is the best use of all of them.
const MANY_CORES: usize = 8;

/// Tasks side by side.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tasks {
    /// Kind of work, as it is typed.
    pub(super) mode: &'static str,
    /// Tasks.
    pub(super) count: NonZeroUsize,
    /// Threads of each task.
    pub(super) threads: NonZeroUsize,
    /// Why this kind of work, in a phrase.
    pub(super) reason: String,
}

impl Tasks {
    /// Shares `cores` out for the kind of work `asked`; `nodes` are the cores of each NUMA node,
    /// which may be more than `cores` where a quota forbids to use all of them.
    ///
    /// The cores are those of the machine, whatever DYNE_THREADS says: it may come from an
    /// earlier export, and each export would share out what the one before left.
    pub(super) fn of(asked: Work, cores: NonZeroUsize, nodes: &[usize]) -> Self {
        let (work, reason) = match asked {
            Work::Auto => choose(cores.get(), nodes.len()),
            other => (other, "as asked".to_owned()),
        };
        let share = |of: usize| NonZeroUsize::new(of).unwrap_or(NonZeroUsize::MIN);
        match work {
            Work::Cmc => {
                let threads = share(cores.get() / CHAINS);
                Self { mode: "cmc", count: CHAINS, threads, reason }
            }
            Work::CmcHpc => {
                let count = share(nodes.len());
                let smallest = nodes.iter().copied().min().unwrap_or(cores.get());
                let threads = share(smallest.min(cores.get() / count));
                Self { mode: "cmc-hpc", count, threads, reason }
            }
            Work::Nlsq | Work::Auto => {
                Self { mode: "nlsq", count: NonZeroUsize::MIN, threads: cores, reason }
            }
        }
    }

    /// Memory of each task, bytes. A limit in the environment is that of each task, for it may
    /// come from an earlier export; but none of several gets more than its share of the machine.
    pub(super) fn memory(&self, budget: &Budget, machine: &Machine) -> u64 {
        if self.count == NonZeroUsize::MIN {
            return budget.total();
        }
        let unasked = Machine { variables: BTreeMap::new(), ..machine.clone() };
        let shared = Budget::resolve(None, &unasked)
            .map_or(u64::MAX, |whole| whole.total() / self.count.get() as u64);
        budget.total().min(shared)
    }
}

fn choose(cores: usize, nodes: usize) -> (Work, String) {
    let cores_told = if cores == 1 { "1 core".to_owned() } else { format!("{cores} cores") };
    match (cores, nodes) {
        (..MANY_CORES, _) => {
            (Work::Nlsq, format!("chosen for {cores_told}, fewer than {MANY_CORES}"))
        }
        (_, ..=1) => (Work::Cmc, format!("chosen for {cores_told} on one NUMA node")),
        _ => (Work::CmcHpc, format!("chosen for {cores_told} on {nodes} NUMA nodes")),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use dyne_runtime::machine::System;

    use super::*;

    fn tasks(asked: Work, cores: usize, nodes: &[usize]) -> (&'static str, usize, usize) {
        let tasks = Tasks::of(asked, NonZeroUsize::new(cores).unwrap(), nodes);
        (tasks.mode, tasks.count.get(), tasks.threads.get())
    }

    #[test]
    fn cores_and_nodes_choose() {
        assert_eq!(tasks(Work::Auto, 1, &[]), ("nlsq", 1, 1));
        assert_eq!(tasks(Work::Auto, 7, &[4, 3]), ("nlsq", 1, 7));
        assert_eq!(tasks(Work::Auto, 8, &[8]), ("cmc", 4, 2));
        assert_eq!(tasks(Work::Auto, 9, &[]), ("cmc", 4, 2));
        assert_eq!(tasks(Work::Auto, 64, &[32, 32]), ("cmc-hpc", 2, 32));
        assert_eq!(tasks(Work::Auto, 16, &[12, 4]), ("cmc-hpc", 2, 4));
        assert_eq!(tasks(Work::Auto, 16, &[32, 32]), ("cmc-hpc", 2, 8));
    }

    #[test]
    fn a_mode_that_is_asked_for_is_taken() {
        assert_eq!(tasks(Work::Nlsq, 64, &[32, 32]), ("nlsq", 1, 64));
        assert_eq!(tasks(Work::Cmc, 2, &[2]), ("cmc", 4, 1));
        assert_eq!(tasks(Work::CmcHpc, 2, &[]), ("cmc-hpc", 1, 2));
    }

    /// A machine with 10 GB available and `limit` in the environment.
    fn machine(limit: Option<&'static str>) -> Machine {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("proc")).unwrap();
        let info = "MemTotal: 20000000 kB\nMemAvailable: 9765625 kB\n";
        std::fs::write(root.path().join("proc/meminfo"), info).unwrap();
        let variable = move |name: &str| limit.filter(|_| name == "DYNE_MEMORY_LIMIT");
        let variable = move |name: &str| variable(name).map(str::to_owned);
        Machine::of(&System::at(root.path(), variable, NonZeroUsize::MIN))
    }

    #[test]
    fn exporting_twice_is_as_exporting_once() {
        let memory = |work, limit| {
            let machine = machine(limit);
            let budget = Budget::resolve(None, &machine).unwrap();
            Tasks::of(work, NonZeroUsize::new(8).unwrap(), &[8]).memory(&budget, &machine)
        };
        assert_eq!(memory(Work::Nlsq, None), 8_000_000_000);
        assert_eq!(memory(Work::Cmc, None), 2_000_000_000);
        assert_eq!(memory(Work::Cmc, Some("2000000000B")), 2_000_000_000);
        assert_eq!(memory(Work::Cmc, Some("8000000000B")), 2_000_000_000);
        assert_eq!(memory(Work::Cmc, Some("0.5GB")), 500_000_000);
        assert_eq!(memory(Work::Nlsq, Some("9GB")), 9_000_000_000);
    }
}
