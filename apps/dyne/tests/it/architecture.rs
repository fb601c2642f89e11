//! Statements of ARCHITECTURE.md and CONTRIBUTING.md that a program can check.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

type Arrows = BTreeMap<String, BTreeSet<String>>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The arrows of the code block of ARCHITECTURE.md: a line has one or two, with remarks in parentheses.
fn documented() -> Arrows {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let block = page.split("## Crates and arrows").nth(1).unwrap().split("```").nth(1).unwrap();
    let mut arrows = Arrows::new();
    for line in block.lines() {
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("─►") {
            let name = before.split_whitespace().last().unwrap().to_owned();
            let end = after.find("  ").unwrap_or(after.len());
            let list = after[..end].split('(').next().unwrap().trim();
            let known = list.split(", ").filter(|name| *name != "nothing of ours");
            arrows.insert(name, known.map(str::to_owned).collect());
            rest = &after[end..];
        }
    }
    arrows
}

/// The dependencies on our own crates that a manifest states, tests and build scripts apart.
fn stated(manifest: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(manifest).unwrap();
    let section = text.split("\n[dependencies]\n").nth(1).unwrap_or("");
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    lines
        .filter_map(|line| line.strip_prefix("dyne-")?.split('.').next().map(str::to_owned))
        .collect()
}

fn folders(of: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(of)).unwrap();
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect()
}

#[test]
fn crates_know_of_each_other_what_the_page_says() {
    let mut found = Arrows::new();
    for (group, prefix) in [("crates", ""), ("apps", "apps/")] {
        for folder in folders(group) {
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            found.insert(format!("{prefix}{name}"), stated(&folder.join("Cargo.toml")));
        }
    }
    assert_eq!(documented(), found);
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            into.push(path);
        }
    }
}

/// The files of all crates, each with its path from the root and its text.
fn files(of: &str, below: &str) -> Vec<(String, String)> {
    let mut paths = Vec::new();
    for folder in folders(of).iter().map(|folder| folder.join(below)).filter(|f| f.is_dir()) {
        sources(&folder, &mut paths);
    }
    let root = root();
    let named = |path: PathBuf| {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        (name, fs::read_to_string(&path).unwrap())
    };
    paths.into_iter().map(named).collect()
}

/// The lines of a file above its unit tests, without comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let above = text.split("#[cfg(test)]").next().unwrap_or("");
    above.lines().map(str::trim).filter(|line| !line.starts_with("//"))
}

#[test]
fn unsafe_code_stands_where_the_page_says() {
    let allowed = ["crates/math/src/simd/", "crates/runtime/src/machine/allocator.rs"];
    for (name, text) in files("crates", "src").iter().chain(&files("apps", "src")) {
        let used = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"];
        let found = code(text).any(|line| used.iter().any(|word| line.contains(word)));
        assert!(!found || allowed.iter().any(|place| name.starts_with(place)), "{name}");
    }
}

#[test]
fn libraries_neither_print_nor_end_the_process() {
    for (name, text) in files("crates", "src") {
        for word in ["println!(", "eprintln!(", "print!(", "dbg!(", "process::exit("] {
            let found = code(&text).find(|line| line.contains(word));
            assert_eq!(found, None, "{name}");
        }
    }
}

#[test]
fn formulas_read_no_clock_file_or_environment() {
    for (name, text) in files("crates", "src") {
        if !(name.starts_with("crates/math/") || name.starts_with("crates/xpcs-model/")) {
            continue;
        }
        for word in
            ["std::fs", "std::env", "std::io", "std::thread", "Instant", "SystemTime", "rand"]
        {
            let imported = |line: &&str| line.starts_with("use ") && line.contains(word);
            assert_eq!(code(&text).find(imported), None, "{name}");
        }
    }
}

#[test]
fn files_keep_to_six_hundred_lines() {
    for (name, text) in files("crates", "").iter().chain(&files("apps", "")) {
        assert!(text.lines().count() <= 600, "{name} has {} lines", text.lines().count());
    }
}
