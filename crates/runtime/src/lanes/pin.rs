//! Which CPUs a lane is bound to.

use super::LanesError;
use crate::machine::Topology;

/// How lanes are bound to CPUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pin {
    /// The system moves them as it likes.
    None,
    /// Lane k to the first CPU of core k among the allowed CPUs; when every core has one, to the
    /// second CPUs of the cores, and so on.
    Cores,
    /// Lanes in contiguous groups over the NUMA nodes, in proportion to their cores; each to all
    /// allowed CPUs of its node.
    Numa,
}

const REMEDY: &str = "ask for fewer with --threads, or run without pinning";

impl Pin {
    /// The CPUs of each of `count` lanes.
    pub(super) fn places(
        self,
        count: usize,
        topology: &Topology,
    ) -> Result<Vec<Vec<usize>>, LanesError> {
        let fail = |reason| Err(LanesError::Pin { count, reason, remedy: REMEDY });
        if cfg!(not(target_os = "linux")) {
            return fail("found a system without it, expected Linux".to_owned());
        }
        if topology.allowed.is_empty() {
            return fail("found no list of allowed CPUs, expected one below /proc".to_owned());
        }
        if self == Self::Numa {
            return Ok(near_memory(count, topology));
        }
        let places = one_each(topology);
        if places.len() < count {
            let found = places.len();
            return fail(format!("found {found} CPUs allowed, expected one for each thread"));
        }
        Ok(places.into_iter().take(count).collect())
    }
}

fn one_each(topology: &Topology) -> Vec<Vec<usize>> {
    let cores = topology.allowed_cores();
    let siblings = cores.iter().map(Vec::len).max().unwrap_or(0);
    let turn = |turn: usize| cores.iter().filter_map(move |core| Some(vec![*core.get(turn)?]));
    (0..siblings).flat_map(turn).collect()
}

fn near_memory(count: usize, topology: &Topology) -> Vec<Vec<usize>> {
    let nodes = topology.allowed_nodes();
    let mut nearest = Vec::new();
    for node in &nodes {
        nearest.extend(std::iter::repeat_n(&node.cpus, topology.cores_on(node)));
    }
    // Without a core in any node there is no node to be near to.
    if nearest.is_empty() {
        return vec![topology.allowed.clone(); count];
    }
    (0..count).map(|lane| nearest[lane * nearest.len() / count].clone()).collect()
}

/// Binds the thread that calls to `cpus`.
#[cfg(target_os = "linux")]
pub(super) fn bind(cpus: &[usize]) -> Result<(), String> {
    use rustix::thread::{CpuSet, sched_setaffinity};
    let mut set = CpuSet::new();
    for &cpu in cpus {
        if cpu >= CpuSet::MAX_CPU {
            return Err(format!("found CPU {cpu}, expected a number below {}", CpuSet::MAX_CPU));
        }
        set.set(cpu);
    }
    let names = crate::machine::show_cpus(cpus);
    sched_setaffinity(None, &set)
        .map_err(|error| format!("found {error} for CPU {names}, expected leave to run there"))
}

/// No place is handed out where there is no binding.
#[cfg(not(target_os = "linux"))]
pub(super) fn bind(_cpus: &[usize]) -> Result<(), String> {
    Err("found a system without it, expected Linux".to_owned())
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::machine::{Core, Node};

    /// Two nodes of two cores with two CPUs each, numbered as Linux does.
    fn two_nodes(allowed: &[usize]) -> Topology {
        let core = |core: i64, cpus: [usize; 2]| Core { package: 0, core, cpus: cpus.to_vec() };
        Topology {
            cpu_model: None,
            online: (0..8).collect(),
            cores: vec![core(0, [0, 4]), core(1, [1, 5]), core(2, [2, 6]), core(3, [3, 7])],
            allowed: allowed.to_vec(),
            nodes: vec![
                Node { number: 0, cpus: vec![0, 1, 4, 5], memory: None },
                Node { number: 1, cpus: vec![2, 3, 6, 7], memory: None },
            ],
            caches: vec![],
            parallelism: NonZeroUsize::MIN,
        }
    }

    #[test]
    fn every_core_has_a_lane_before_any_has_two() {
        let places = |count, allowed: &[usize]| {
            let places = Pin::Cores.places(count, &two_nodes(allowed)).unwrap();
            places.concat()
        };
        assert_eq!(places(3, &[0, 1, 2, 3, 4, 5, 6, 7]), [0, 1, 2]);
        assert_eq!(places(6, &[0, 1, 2, 3, 4, 5, 6, 7]), [0, 1, 2, 3, 4, 5]);
        assert_eq!(places(3, &[1, 5, 6]), [1, 6, 5]);
        let told = Pin::Cores.places(3, &two_nodes(&[1, 5])).unwrap_err().to_string();
        assert!(told.contains("found 2 CPUs allowed"), "{told}");
        assert!(Pin::Cores.places(1, &two_nodes(&[])).is_err());
    }

    #[test]
    fn lanes_are_spread_over_nodes_in_groups() {
        let first = |count, allowed: &[usize]| -> Vec<usize> {
            let places = Pin::Numa.places(count, &two_nodes(allowed)).unwrap();
            places.iter().map(|cpus| cpus[0]).collect()
        };
        assert_eq!(first(4, &[0, 1, 2, 3, 4, 5, 6, 7]), [0, 0, 2, 2]);
        assert_eq!(first(2, &[0, 1, 2, 3, 4, 5, 6, 7]), [0, 2]);
        assert_eq!(first(3, &[1, 2, 3]), [1, 2, 2]);
        let mut flat = two_nodes(&[1, 3]);
        flat.nodes.clear();
        assert_eq!(Pin::Numa.places(2, &flat).unwrap(), [[1, 3], [1, 3]]);
    }
}
