//! How the allocator of the system treats memory that is given back.

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
