//! How the allocator of the system treats memory that is given back.

use std::collections::TryReserveError;

/// Has the process keep the memory it has once taken, for its own later use, in one heap.
///
/// Memory that large buffers give back would otherwise go to the system and be fetched again, page by
/// page, by the next buffer; and every thread would set address space aside for a heap of its own, which
/// limits on address space count. So resident memory rises to what the work needs and stays there.
/// Says whether the system has taken the wish; only the GNU C library has it. To be called before
/// threads are started. **Checked by** `scripts/limits.py`.
pub fn keep_memory() -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let wishes = [(libc::M_ARENA_MAX, 1), (libc::M_MMAP_MAX, 0), (libc::M_TRIM_THRESHOLD, -1)];
        // SAFETY: mallopt reads two numbers and sets parameters of the allocator under its own lock.
        wishes.into_iter().all(|(name, value)| unsafe { libc::mallopt(name, value) } == 1)
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    false
}

/// Takes `bytes` of memory from the system for later use, where [`keep_memory`] has the process keep
/// them: work that begins does not run out of memory later, whoever else wants some.
///
/// **Cost** a write to each page.
///
/// # Errors
/// Where the system refuses.
pub fn take_memory(bytes: u64) -> Result<(), TryReserveError> {
    const PAGE: usize = 4096;
    let mut memory: Vec<u8> = Vec::new();
    memory.try_reserve_exact(usize::try_from(bytes).unwrap_or(usize::MAX))?;
    for page in memory.spare_capacity_mut().chunks_mut(PAGE) {
        page[0].write(1);
    }
    // Memory that nobody looks at might not be written to.
    std::hint::black_box(&memory);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_taken_or_refused() {
        assert!(take_memory(10_000_000).is_ok());
        assert!(take_memory(u64::MAX).is_err());
    }
}
