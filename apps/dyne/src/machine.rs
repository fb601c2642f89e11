//! What the system tells about this process.

use std::num::NonZeroUsize;

use dyne_runtime::Lanes;

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

/// Lanes for the number asked for, or for every CPU that this process may use.
pub(crate) fn lanes(asked: Option<NonZeroUsize>) -> Result<Lanes, Failure> {
    Ok(Lanes::try_new(asked.unwrap_or_else(Lanes::available))?)
}
