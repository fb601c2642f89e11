//! The offer of a machine as JSON.

use dyne_math::simd::Level;
use dyne_runtime::machine::{Cache, Machine, Node, show_cpus};
use serde_json::{Value, json};

use super::Offer;

pub(super) fn of(offer: &Offer) -> Value {
    let Offer { machine, budget, threads, tasks, task_memory } = offer;
    let mut told = of_machine(machine);
    told["budget"] = json!({
        "bytes": budget.total(),
        "source": budget.source().to_string(),
    });
    told["threads"] = json!({ "count": threads.count, "reason": threads.reason });
    told["tasks"] = json!({
        "mode": tasks.mode,
        "count": tasks.count,
        "threads": tasks.threads,
        "memory_bytes": task_memory,
        "reason": tasks.reason,
    });
    told
}

fn of_machine(machine: &Machine) -> Value {
    let Machine { topology, limits, memory, .. } = machine;
    // Empty lists stand for what the system does not tell.
    let known = |list: &[usize]| (!list.is_empty()).then(|| show_cpus(list));
    json!({
        "cpu": topology.cpu_model,
        "simd": Level::best().to_string(),
        "online_cpus": known(&topology.online),
        "physical_cores": (!topology.cores.is_empty()).then_some(topology.cores.len()),
        "allowed_cpus": known(&topology.allowed),
        "allowed_cores": topology.allowed_cores().len(),
        "numa_nodes": topology.nodes.iter().map(node).collect::<Vec<_>>(),
        "caches": topology.caches.iter().map(cache).collect::<Vec<_>>(),
        "memory": { "total_bytes": memory.total, "available_bytes": memory.available },
        "cgroup": { "memory_bytes": limits.memory, "cpus": limits.cpus },
        "address_space_bytes": limits.address_space,
        "scheduler": machine.allocation.as_ref().map(|given| json!({
            "name": given.scheduler.to_string(),
            "job": given.job,
            "cpus": given.cpus,
            "memory_bytes": given.memory,
        })),
    })
}

fn node(node: &Node) -> Value {
    json!({
        "number": node.number,
        "cpus": show_cpus(&node.cpus),
        "memory_bytes": node.memory,
    })
}

fn cache(cache: &Cache) -> Value {
    json!({
        "level": cache.level,
        "kind": cache.kind.to_lowercase(),
        "bytes": cache.bytes,
        "shared_cpus": show_cpus(&cache.shared),
    })
}
