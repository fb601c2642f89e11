//! Where control groups are mounted.

use super::System;

const POINT: &str = "sys/fs/cgroup";

/// Version of the interface of control groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

/// A mounted hierarchy of control groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) version: Version,
    /// Controllers of a hierarchy of version 1, among other options.
    options: String,
    /// The group with which the mount begins, without slashes around it.
    root: String,
    /// The folder of the mount, without slashes around it.
    pub(super) point: String,
}

impl Mount {
    /// All mounts of control groups. Where the system does not tell of them they are taken to
    /// be where systemd has them.
    pub(super) fn all(system: &System) -> Vec<Self> {
        let table = system.text("proc/self/mountinfo").unwrap_or_default();
        let found: Vec<Self> = table.lines().filter_map(Self::parse).collect();
        if !found.is_empty() {
            return found;
        }
        let usual = |(version, options, folder): (_, &str, &str)| {
            let (options, root) = (options.to_owned(), String::new());
            Self { version, options, root, point: format!("{POINT}{folder}") }
        };
        let folders = [
            (Version::Two, "", ""),
            (Version::One, "memory", "/memory"),
            (Version::One, "cpu,cpuacct", "/cpu,cpuacct"),
        ];
        folders.into_iter().map(usual).collect()
    }

    /// A line like `32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu`: root and
    /// folder of the mount, and behind the dash its type, source and options.
    fn parse(line: &str) -> Option<Self> {
        let (place, kind) = line.split_once(" - ")?;
        let mut place = place.split(' ').skip(3).map(unescape);
        let mut kind = kind.split(' ');
        let version = match kind.next()? {
            "cgroup" => Version::One,
            "cgroup2" => Version::Two,
            _ => return None,
        };
        let options = kind.nth(1).unwrap_or_default().to_owned();
        Some(Self { version, options, root: place.next()?, point: place.next()? })
    }

    /// Whether this is a hierarchy of version 1 with `controller`.
    pub(super) fn has_controller(&self, controller: &str) -> bool {
        self.version == Version::One && self.options.split(',').any(|name| name == controller)
    }

    /// The folder of the group `path` below the mount, where the mount shows it.
    pub(super) fn below(&self, system: &System, path: &str) -> Option<String> {
        let path = path.trim_matches('/');
        // A path that leaves the mount tells nothing about groups below it.
        if path.split('/').any(|part| part == "..") {
            return None;
        }
        let below = path.strip_prefix(&self.root)?;
        let inside = self.root.is_empty() || below.is_empty() || below.starts_with('/');
        let below = below.trim_matches('/');
        let shown = inside && system.has_folder(&format!("{}/{below}", self.point));
        shown.then(|| below.to_owned())
    }
}

/// A path without slashes around it. The table writes space, tab, line feed and backslash as
/// octal numbers.
fn unescape(path: &str) -> String {
    let codes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    let path = path.trim_matches('/').to_owned();
    codes.iter().fold(path, |text, (code, c)| text.replace(code, c))
}
