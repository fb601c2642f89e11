//! `dyne system`: what machine and allocation offer, and what a fit takes of it.

mod json;
mod tasks;
mod text;

use dyne_runtime::{Budget, Machine};

use crate::args::SystemArguments;
use crate::failure::{Ending, Failure};
use crate::machine::{self, Threads};
use crate::terminal;
use tasks::Tasks;

/// The machine, and what is taken of it.
struct Offer {
    machine: Machine,
    budget: Budget,
    threads: Threads,
    tasks: Tasks,
    /// Memory of each task, bytes.
    task_memory: u64,
}

pub(crate) fn run(arguments: &SystemArguments) -> Result<Ending, Failure> {
    let machine = Machine::read();
    let budget = Budget::resolve(None, &machine)?;
    let threads = machine::threads(&machine)?;
    let tasks = Tasks::of(arguments.mode, machine.threads().count, &cores_of_nodes(&machine));
    let task_memory = tasks.memory(&budget, &machine);
    let offer = Offer { machine, budget, threads, tasks, task_memory };
    let told = if arguments.json {
        format!("{:#}\n", json::of(&offer))
    } else if arguments.export {
        export(&offer)
    } else {
        text::of(&offer)
    };
    terminal::show(&told)?;
    Ok(Ending::Converged)
}

/// The cores that each NUMA node has for this process.
fn cores_of_nodes(machine: &Machine) -> Vec<usize> {
    let topology = &machine.topology;
    topology.allowed_nodes().iter().map(|node| topology.cores_on(node)).collect()
}

/// Lines for the `eval` of a shell. The values are numbers, of which a shell expands nothing;
/// quoted they stay so whatever IFS holds.
fn export(offer: &Offer) -> String {
    let Tasks { count, threads, .. } = offer.tasks;
    let values = [
        ("DYNE_TASKS", count.to_string()),
        ("DYNE_THREADS", threads.to_string()),
        ("DYNE_MEMORY_LIMIT", format!("{}B", offer.task_memory)),
        ("OMP_NUM_THREADS", threads.to_string()),
    ];
    values.iter().map(|(name, value)| format!("export {name}='{value}'\n")).collect()
}
