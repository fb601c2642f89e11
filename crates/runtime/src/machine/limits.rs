//! Limits of the control group (version 1 and 2) and of the process.

use super::System;
use super::mounts::{Mount, Version};

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
        let mounts = Mount::all(system);
        let groups = system.text("proc/self/cgroup").unwrap_or_default();
        for line in groups.lines() {
            let mut parts = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
            // The one line without controllers is that of version 2.
            if controllers.is_empty() {
                let fits = |mount: &&Mount| mount.version == Version::Two;
                limits.take(system, mounts.iter().filter(fits), path);
            }
            let ours = controllers.split(',').filter(|name| ["memory", "cpu"].contains(name));
            for controller in ours {
                let fits = |mount: &&Mount| mount.has_controller(controller);
                limits.take(system, mounts.iter().filter(fits), path);
            }
        }
        limits
    }

    /// Takes the limits of the group `path` and of all groups above it, from the mount that
    /// shows the group. In a container the path may be that of the host, which no mount shows;
    /// the mount then begins with the group of the container.
    fn take<'a>(
        &mut self,
        system: &System,
        mounts: impl Iterator<Item = &'a Mount> + Clone,
        path: &str,
    ) {
        let shown = mounts.clone().find_map(|mount| Some((mount, mount.below(system, path)?)));
        let Some((mount, below)) = shown.or_else(|| Some((mounts.clone().next()?, String::new())))
        else {
            return;
        };
        let mut group = below.as_str();
        while !group.is_empty() {
            self.take_group(system, mount.version, &format!("{}/{group}", mount.point));
            group = group.rsplit_once('/').map_or("", |(above, _)| above);
        }
        self.take_group(system, mount.version, &mount.point);
    }

    fn take_group(&mut self, system: &System, version: Version, group: &str) {
        match version {
            Version::Two => {
                self.take_memory(system.number(&format!("{group}/memory.max")));
                let quota = system.text(&format!("{group}/cpu.max"));
                let numbers = quota.as_deref().and_then(|text| text.split_once(' '));
                if let Some((quota, period)) = numbers {
                    self.take_cpus(quota.parse().ok(), period.trim().parse().ok());
                }
            }
            Version::One => {
                self.take_memory(system.number(&format!("{group}/memory.limit_in_bytes")));
                let quota = system.number(&format!("{group}/cpu.cfs_quota_us"));
                self.take_cpus(quota, system.number(&format!("{group}/cpu.cfs_period_us")));
            }
        }
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

fn address_space(system: &System) -> Option<u64> {
    let limits = system.text("proc/self/limits")?;
    let soft = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    soft.split_whitespace().next()?.parse().ok()
}
