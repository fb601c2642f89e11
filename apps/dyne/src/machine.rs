//! What the system tells about this process.

use std::num::NonZeroUsize;

use dyne_runtime::machine::THREADS;
use dyne_runtime::{Lanes, Machine, Pin};
use dyne_xpcs::config::PinConfig;

use crate::failure::Failure;

/// Largest resident memory so far, bytes; 0 where the system does not tell.
pub(crate) fn peak_rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().strip_suffix("kB"))
        .and_then(|number| number.trim().parse::<u64>().ok())
        .map_or(0, |kilobytes| kilobytes * 1024)
}

/// Lanes for the number that flag or configuration ask for, else for the [`threads`] of the
/// machine.
pub(crate) fn lanes(asked: Option<NonZeroUsize>) -> Result<Lanes, Failure> {
    pinned(asked, PinConfig::None)
}

/// As [`lanes`], bound to CPUs as `pin` says.
pub(crate) fn pinned(asked: Option<NonZeroUsize>, pin: PinConfig) -> Result<Lanes, Failure> {
    let machine = Machine::read();
    let count = match asked {
        Some(count) => count,
        None => threads(&machine)?.count,
    };
    let pin = match pin {
        PinConfig::Cores => Pin::Cores,
        PinConfig::Numa => Pin::Numa,
        PinConfig::Auto if machine.topology.allowed_nodes().len() > 1 => Pin::Numa,
        _ => Pin::None,
    };
    Ok(Lanes::try_pinned(count, pin, &machine.topology)?)
}

/// A number of threads.
#[derive(Debug)]
pub(crate) struct Threads {
    pub(crate) count: NonZeroUsize,
    /// What decides it, in a phrase.
    pub(crate) reason: String,
}

/// The threads that DYNE_THREADS asks for, else those that suit machine and allocation.
pub(crate) fn threads(machine: &Machine) -> Result<Threads, Failure> {
    let Some(text) = machine.variables.get(THREADS) else {
        let suited = machine.threads();
        return Ok(Threads { count: suited.count, reason: suited.limit.to_string() });
    };
    match text.trim().parse() {
        Ok(count) => Ok(Threads { count, reason: THREADS.to_owned() }),
        Err(_) => Err(Failure::Usage(format!(
            "environment variable {THREADS}: found `{text}`, expected a whole number above zero\n\
             set it to a number of threads, or unset it"
        ))),
    }
}
