//! The offer of a machine as a table for people.

use std::fmt::Write;

use dyne_math::simd::Level;
use dyne_runtime::budget::show_bytes;
use dyne_runtime::machine::{Allocation, Cache, Limits, Machine, Topology, show_cpus};

use super::Offer;

const UNKNOWN: &str = "not told by the system";

pub(super) fn of(offer: &Offer) -> String {
    let Offer { machine, budget, threads, tasks, task_memory } = offer;
    let mut rows = cpus(&machine.topology);
    rows.extend(memory(machine));
    let fit = [
        ("memory".to_owned(), format!("{} ({})", show_bytes(budget.total()), budget.source())),
        ("threads".to_owned(), format!("{} ({})", threads.count, threads.reason)),
    ];
    let of_task = counted(tasks.threads.get(), "thread");
    let each = format!("{}, each with {of_task} and {}", tasks.count, show_bytes(*task_memory));
    let exported = [
        ("mode".to_owned(), format!("{}, {}", tasks.mode, tasks.reason)),
        ("tasks".to_owned(), each),
    ];
    let (rows, fit, exported) = (table(&rows), table(&fit), table(&exported));
    format!("{rows}\na fit takes\n{fit}\n--export sets\n{exported}")
}

fn table(rows: &[(String, String)]) -> String {
    let mut out = String::new();
    for (name, value) in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{name:<16}{value}");
    }
    out
}

fn cpus(topology: &Topology) -> Vec<(String, String)> {
    let unknown = || UNKNOWN.to_owned();
    let list = |cpus: &[usize]| match cpus.is_empty() {
        true => unknown(),
        false => format!("{} ({})", cpus.len(), show_cpus(cpus)),
    };
    let cores = match topology.cores.len() {
        0 => unknown(),
        cores => cores.to_string(),
    };
    let mut allowed = list(&topology.allowed);
    if !topology.cores.is_empty() {
        allowed += &format!(" on {}", counted(topology.allowed_cores().len(), "core"));
    }
    let mut rows = vec![
        ("CPU".to_owned(), topology.cpu_model.clone().unwrap_or_else(unknown)),
        ("instructions".to_owned(), Level::best().to_string()),
        ("logical CPUs".to_owned(), list(&topology.online)),
        ("physical cores".to_owned(), cores),
        ("CPUs allowed".to_owned(), allowed),
    ];
    rows.extend(topology.nodes.iter().map(|node| {
        let memory = node.memory.map_or(String::new(), |m| format!(", {}", show_bytes(m)));
        let cpus = match node.cpus.is_empty() {
            true => "no CPUs".to_owned(),
            false => format!("CPUs {}", show_cpus(&node.cpus)),
        };
        (format!("NUMA node {}", node.number), cpus + &memory)
    }));
    rows.extend(topology.caches.iter().map(cache));
    rows
}

fn cache(cache: &Cache) -> (String, String) {
    // Caches are counted in powers of 1024, unlike memory.
    let size = match cache.bytes {
        bytes if bytes % (1 << 20) == 0 => format!("{} MiB", bytes >> 20),
        bytes => format!("{} KiB", bytes >> 10),
    };
    let kind = match cache.kind.as_str() {
        "Unified" => String::new(),
        kind => format!(" {}", kind.to_lowercase()),
    };
    let shared = match cache.shared.as_slice() {
        [] => String::new(),
        [one] => format!(", CPU {one}"),
        several => format!(", CPUs {}", show_cpus(several)),
    };
    (format!("cache L{}", cache.level), size + &kind + &shared)
}

fn memory(machine: &Machine) -> Vec<(String, String)> {
    let known = |bytes: Option<u64>| bytes.map_or_else(|| UNKNOWN.to_owned(), show_bytes);
    let memory = machine.memory;
    let limit = |bytes: Option<u64>| bytes.map_or_else(|| "no limit".to_owned(), show_bytes);
    vec![
        ("memory".to_owned(), known(memory.total)),
        ("available".to_owned(), known(memory.available)),
        ("control group".to_owned(), control_group(&machine.limits)),
        ("address space".to_owned(), limit(machine.limits.address_space)),
        ("scheduler".to_owned(), machine.allocation.as_ref().map_or("none".into(), scheduler)),
    ]
}

fn control_group(limits: &Limits) -> String {
    let memory = limits.memory.map_or("no limit of memory".to_owned(), show_bytes);
    let cpus = limits.cpus.map_or("no quota of CPUs".to_owned(), |cpus| format!("{cpus:.2} CPUs"));
    format!("{memory}, {cpus}")
}

fn scheduler(given: &Allocation) -> String {
    let cpus = given.cpus.map(|cpus| counted(cpus.get(), "CPU"));
    let memory = given.memory.map(show_bytes);
    let parts = [cpus, memory].into_iter().flatten().collect::<Vec<_>>().join(" and ");
    let task = match parts.is_empty() {
        true => "no limits are told for a task".to_owned(),
        false => format!("{parts} for a task"),
    };
    format!("{} job {}: {task}", given.scheduler, given.job)
}

fn counted(count: usize, name: &str) -> String {
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}
