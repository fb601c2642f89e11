//! A request to end.

#![cfg(unix)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::command::Folder;
use crate::experiment::NUMBERS;

/// Long enough to be caught in the middle.
const LONG: &str = "\
mode: static
frames: 400
dt: 0.1
q: 0.0054
phi: [0, 45, 90, 135]
parameters: {D0: 3000, alpha: -0.4, D_offset: 10}
noise: {kind: gaussian, sigma: 0.02, seed: 1}
";

/// Interrupts a fit once its events tell that it fits; the exit code.
fn interrupted(folder: &Folder) -> Option<i32> {
    let arguments = ["fit", "run.hdf", "--mode", "static", "--out", "out", "--set", NUMBERS];
    let more = ["--events", "events.jsonl", "--set", "search.starts=4000", "--threads", "1", "-q"];
    let mut command = folder.command(&[&arguments[..], &more].concat());
    let mut child =
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
    let began = Instant::now();
    let fits = || {
        std::fs::read_to_string(folder.path("events.jsonl"))
            .is_ok_and(|text| text.contains("\"phase\":\"fit\""))
    };
    while !fits() {
        assert!(began.elapsed() < Duration::from_secs(30), "the fit does not begin");
        std::thread::sleep(Duration::from_millis(2));
    }
    let id = child.id().to_string();
    Command::new("kill").args(["-INT", &id]).status().expect("kill runs");
    child.wait().expect("the program ends").code()
}

#[test]
fn an_interrupt_ends_with_a_report_or_with_nothing() {
    let folder = Folder::with(LONG);
    assert_eq!(interrupted(&folder), Some(130));
    if folder.path("out").exists() {
        let result = folder.json("out/result.json");
        crate::result::check_schema(&result);
        assert_eq!(result["status"], "interrupted");
    }
    let hidden = folder.everything().into_keys().filter(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".out"))
    });
    assert_eq!(hidden.count(), 0);
}
