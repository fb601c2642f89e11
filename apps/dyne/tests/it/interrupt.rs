//! A request to end.

#![cfg(unix)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::command::Folder;
use crate::experiment::{LONG, NUMBERS};

/// Interrupts the program once its events tell of `sign`; the exit code.
fn interrupted(folder: &Folder, arguments: &[&str], sign: &str) -> Option<i32> {
    let mut command = folder.command(&[arguments, &["--events", "events.jsonl", "-q"]].concat());
    let mut child =
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
    let began = Instant::now();
    let told = || {
        std::fs::read_to_string(folder.path("events.jsonl")).is_ok_and(|text| text.contains(sign))
    };
    while !told() {
        assert!(began.elapsed() < Duration::from_secs(30), "nothing is told of {sign}");
        std::thread::sleep(Duration::from_millis(2));
    }
    let id = child.id().to_string();
    Command::new("kill").args(["-INT", &id]).status().expect("kill runs");
    child.wait().expect("the program ends").code()
}

#[test]
fn an_interrupt_of_g2_leaves_nothing() {
    let folder = Folder::with(LONG);
    let arguments = ["g2", "run.hdf", "--window", "40", "--step", "1", "--each-angle"];
    let code = interrupted(&folder, &[&arguments[..], &["--out", "out"]].concat(), "iteration");
    assert_eq!(code, Some(130));
    let left = folder.everything().into_keys();
    assert!(left.into_iter().all(|path| !path.to_string_lossy().contains("out")));
}

#[test]
fn an_interrupted_fit_touches_no_earlier_result() {
    let folder = Folder::with(LONG);
    let arguments = ["fit", "run.hdf", "--mode", "static", "--set", NUMBERS, "--threads", "1"];
    let earlier = "parameters={D0: 3000, alpha: -0.4, D_offset: {fixed: 10}}";
    folder.dyne(&[&arguments[..], &["--set", earlier, "-q"]].concat()).ends(0);
    let before = folder.everything();
    let again = [&arguments[..], &["--set", "search.starts=4000"]].concat();
    let code = interrupted(&folder, &again, "\"phase\":\"fit\"");
    assert_eq!(code, Some(130));
    let mut after = folder.everything();
    after.remove(&folder.path("events.jsonl"));
    assert!(after == before, "{:?}", after.keys());
    assert!(folder.path("run_static/result.json").exists());
}
