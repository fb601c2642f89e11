//! Limits of the control group (version 1 and 2) and of the process.

use super::System;

const MOUNT: &str = "sys/fs/cgroup";

/// Version 1 writes "no limit" as the largest page-aligned number; nothing near it is a limit.
const UNLIMITED: u64 = 1 << 60;

/// Limits that hold for this process. A control group is limited by all groups above it, so the
/// smallest counts.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Limits {
    /// Memory of the control group, bytes.
    pub memory: Option<u64>,
    /// CPU time of the control group, in CPUs; may be a fraction.
    pub cpus: Option<f64>,
    /// Address space of the process (`ulimit -v`), bytes.
    pub address_space: Option<u64>,
}

impl Limits {
    pub(super) fn of(system: &System) -> Self {
        let mut limits = Self { address_space: address_space(system), ..Self::default() };
        let groups = system.text("proc/self/cgroup").unwrap_or_default();
        for line in groups.lines() {
            let mut parts = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
            if controllers.is_empty() {
                for mount in [MOUNT.to_owned(), format!("{MOUNT}/unified")] {
                    climb(&mount, path, |group| limits.take_v2(system, group));
                }
            } else {
                limits.climb_v1(system, controllers, path);
            }
        }
        limits
    }

    fn climb_v1(&mut self, system: &System, controllers: &str, path: &str) {
        let held = |name: &str| controllers.split(',').any(|controller| controller == name);
        // Controllers that are mounted together are found under their joined names too.
        for mount in ["memory", "cpu"].into_iter().filter(|name| held(name)) {
            for name in [mount, controllers] {
                climb(&format!("{MOUNT}/{name}"), path, |group| self.take_v1(system, group));
            }
        }
    }

    fn take_v2(&mut self, system: &System, group: &str) {
        self.take_memory(system.number(&format!("{group}/memory.max")));
        let quota = system.text(&format!("{group}/cpu.max"));
        let numbers = quota.as_deref().and_then(|text| text.split_once(' '));
        if let Some((quota, period)) = numbers {
            self.take_cpus(quota.parse().ok(), period.trim().parse().ok());
        }
    }

    fn take_v1(&mut self, system: &System, group: &str) {
        self.take_memory(system.number(&format!("{group}/memory.limit_in_bytes")));
        let quota = system.number(&format!("{group}/cpu.cfs_quota_us"));
        self.take_cpus(quota, system.number(&format!("{group}/cpu.cfs_period_us")));
    }

    fn take_memory(&mut self, found: Option<u64>) {
        let found = found.filter(|bytes| *bytes < UNLIMITED);
        self.memory = [self.memory, found].into_iter().flatten().min();
    }

    /// A quota below zero is none.
    fn take_cpus(&mut self, quota: Option<i64>, period: Option<i64>) {
        let (Some(quota), Some(period)) = (quota, period) else { return };
        if quota > 0 && period > 0 {
            let cpus = quota as f64 / period as f64;
            self.cpus = Some(self.cpus.map_or(cpus, |least| least.min(cpus)));
        }
    }
}

/// Calls `take` with the folder of a group and of all groups above it, up to the mount. In a
/// container the path is that of the host and none of the folders need be there but the mount.
fn climb(mount: &str, path: &str, mut take: impl FnMut(&str)) {
    let mut group = path.trim_matches('/');
    // A path that leaves the mount tells nothing about groups below it.
    if group.split('/').any(|part| part == "..") {
        group = "";
    }
    while !group.is_empty() {
        take(&format!("{mount}/{group}"));
        group = group.rsplit_once('/').map_or("", |(above, _)| above);
    }
    take(mount);
}

fn address_space(system: &System) -> Option<u64> {
    let limits = system.text("proc/self/limits")?;
    let soft = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    soft.split_whitespace().next()?.parse().ok()
}
