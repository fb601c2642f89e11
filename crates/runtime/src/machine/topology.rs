//! CPUs, physical cores, NUMA nodes and caches.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use super::cpus::parse_cpus;
use super::{System, kilobytes};

const CPU: &str = "sys/devices/system/cpu";
const NODE: &str = "sys/devices/system/node";

/// How the CPUs of the machine are arranged, and which of them this process may use. CPUs have
/// the numbers of the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    /// Name of the CPU.
    pub cpu_model: Option<String>,
    /// Logical CPUs online, ascending; empty where the system does not tell.
    pub online: Vec<usize>,
    /// Physical cores online by their first CPU; empty where the system does not tell.
    pub cores: Vec<Core>,
    /// Logical CPUs that this process may use, ascending; empty where the system does not tell.
    pub allowed: Vec<usize>,
    /// NUMA nodes; empty where the system does not tell.
    pub nodes: Vec<Node>,
    /// Caches of the first CPU.
    pub caches: Vec<Cache>,
    /// CPUs this process may use as the standard library tells on every system.
    pub parallelism: NonZeroUsize,
}

/// A physical core.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Core {
    /// Number of the package (socket).
    pub package: i64,
    /// Number of the core in its package.
    pub core: i64,
    /// Its logical CPUs, ascending.
    pub cpus: Vec<usize>,
}

/// A NUMA node: CPUs with memory near to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Number of the node.
    pub number: usize,
    /// Its logical CPUs, ascending; empty for a node of memory alone.
    pub cpus: Vec<usize>,
    /// Its memory, bytes.
    pub memory: Option<u64>,
}

/// A cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    /// 1 for the nearest.
    pub level: u32,
    /// `Data`, `Instruction` or `Unified`.
    pub kind: String,
    /// Bytes.
    pub bytes: u64,
    /// Logical CPUs that share it, ascending; empty where the system does not tell.
    pub shared: Vec<usize>,
}

impl Topology {
    pub(super) fn of(system: &System) -> Self {
        let info = system.text("proc/cpuinfo").unwrap_or_default();
        let online = online(system, &info);
        Self {
            cpu_model: field(&info, "model name"),
            cores: cores(system, &online),
            allowed: allowed(system, &online),
            nodes: nodes(system),
            caches: caches(system),
            parallelism: system.parallelism(),
            online,
        }
    }

    /// The allowed CPUs core by core, cores by their first CPU. A CPU whose core is unknown
    /// counts as a core.
    pub fn allowed_cores(&self) -> Vec<Vec<usize>> {
        let core = |cpu: &usize| self.cores.iter().position(|core| core.cpus.contains(cpu));
        let mut found: BTreeMap<(Option<usize>, usize), Vec<usize>> = BTreeMap::new();
        for cpu in &self.allowed {
            let key = core(cpu).map_or((None, *cpu), |core| (Some(core), 0));
            found.entry(key).or_default().push(*cpu);
        }
        let mut cores: Vec<Vec<usize>> = found.into_values().collect();
        cores.sort();
        cores
    }

    /// The allowed CPUs of each NUMA node that has any; one node of all allowed CPUs where the
    /// system tells of no nodes.
    pub fn allowed_nodes(&self) -> Vec<Node> {
        if self.nodes.is_empty() && !self.allowed.is_empty() {
            return vec![Node { number: 0, cpus: self.allowed.clone(), memory: None }];
        }
        let allowed = |node: &Node| {
            let ours = node.cpus.iter().filter(|cpu| self.allowed.binary_search(cpu).is_ok());
            Node { cpus: ours.copied().collect(), ..*node }
        };
        self.nodes.iter().map(allowed).filter(|node| !node.cpus.is_empty()).collect()
    }

    /// The number of physical cores with allowed CPUs on `node`.
    pub fn cores_on(&self, node: &Node) -> usize {
        self.allowed_cores().iter().filter(|core| node.cpus.contains(&core[0])).count()
    }
}

/// The value of the first `key : value`.
pub(super) fn field(text: &str, key: &str) -> Option<String> {
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    let value = pairs.into_iter().find(|(name, _)| name.trim() == key)?.1.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

fn online(system: &System, info: &str) -> Vec<usize> {
    let listed = system.text(&format!("{CPU}/online")).map(|list| parse_cpus(&list));
    listed.filter(|cpus| !cpus.is_empty()).unwrap_or_else(|| {
        let pairs = info.lines().filter_map(|line| line.split_once(':'));
        let numbers = pairs.filter(|(name, _)| name.trim() == "processor");
        numbers.filter_map(|(_, number)| number.trim().parse().ok()).collect()
    })
}

/// Where a package has dies or clusters of cores, numbers of cores may begin anew in each.
fn cores(system: &System, online: &[usize]) -> Vec<Core> {
    let mut found = BTreeMap::<_, Vec<usize>>::new();
    for cpu in online {
        let number = |name| system.number::<i64>(&format!("{CPU}/cpu{cpu}/topology/{name}"));
        if let (Some(package), Some(core)) = (number("physical_package_id"), number("core_id")) {
            let part = [number("die_id"), number("cluster_id")];
            found.entry((package, core, part)).or_default().push(*cpu);
        }
    }
    let made = found.into_iter().map(|((package, core, _), cpus)| Core { package, core, cpus });
    let mut cores: Vec<Core> = made.collect();
    cores.sort_by(|a, b| a.cpus.cmp(&b.cpus));
    cores
}

/// The mask of a process may hold CPUs that are not online.
fn allowed(system: &System, online: &[usize]) -> Vec<usize> {
    let status = system.text("proc/self/status").unwrap_or_default();
    match field(&status, "Cpus_allowed_list").map(|list| parse_cpus(&list)) {
        None => online.to_vec(),
        Some(list) if online.is_empty() => list,
        Some(list) => list.into_iter().filter(|cpu| online.contains(cpu)).collect(),
    }
}

fn nodes(system: &System) -> Vec<Node> {
    let node = |number| {
        let cpus = parse_cpus(&system.text(&format!("{NODE}/node{number}/cpulist"))?);
        let info = system.text(&format!("{NODE}/node{number}/meminfo")).unwrap_or_default();
        let total = field(&info, &format!("Node {number} MemTotal"));
        Some(Node { number, cpus, memory: total.and_then(|size| kilobytes(&size)) })
    };
    system.numbered(NODE, "node").into_iter().filter_map(node).collect()
}

fn caches(system: &System) -> Vec<Cache> {
    let folder = format!("{CPU}/cpu0/cache");
    let cache = |index| {
        let path = |name: &str| format!("{folder}/index{index}/{name}");
        Some(Cache {
            level: system.number(&path("level"))?,
            kind: system.text(&path("type"))?,
            bytes: cache_bytes(&system.text(&path("size"))?)?,
            shared: parse_cpus(&system.text(&path("shared_cpu_list")).unwrap_or_default()),
        })
    };
    system.numbered(&folder, "index").into_iter().filter_map(cache).collect()
}

/// The kernel writes sizes of caches as `48K`, in units of 1024 bytes.
fn cache_bytes(size: &str) -> Option<u64> {
    let units = [('K', 1 << 10), ('M', 1 << 20), ('G', 1 << 30)];
    let unit = units.iter().find_map(|(name, unit)| Some((size.strip_suffix(*name)?, *unit)));
    let (number, unit) = unit.unwrap_or((size, 1));
    number.parse::<u64>().ok()?.checked_mul(unit)
}
