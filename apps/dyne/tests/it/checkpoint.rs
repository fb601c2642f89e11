//! Checkpoints: a fit that is stopped or killed goes on to the same bits.

#![cfg(unix)]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::command::Folder;
use crate::experiment::LONG;

const FIT: [&str; 14] = [
    "fit",
    "run.hdf",
    "--mode",
    "static",
    "--residency",
    "streamed",
    "--checkpoint-dir",
    "saved",
    "--set",
    "output.formats=[json]",
    "--set",
    "checkpoint.every_seconds=0.05",
    "--set",
    "streaming.batch_size=1000",
];

fn started(folder: &Folder, more: &[&str]) -> Child {
    let mut command = folder.command(&[&FIT[..], more].concat());
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
}

/// Sends `signal` once there is a checkpoint; the exit code, none where it was killed, and how long the
/// program took to end.
fn stopped(folder: &Folder, mut child: Child, signal: &str) -> (Option<i32>, Duration) {
    let began = Instant::now();
    let saved = || std::fs::read_dir(folder.path("saved")).is_ok_and(|mut d| d.next().is_some());
    while !saved() {
        assert!(began.elapsed() < Duration::from_secs(30), "no checkpoint");
        if child.try_wait().expect("a child").is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let sent = Instant::now();
    let id = child.id().to_string();
    Command::new("kill").args([signal, &id]).status().expect("kill runs");
    (child.wait().expect("the program ends").code(), sent.elapsed())
}

#[test]
fn a_stopped_fit_goes_on_to_the_same_bits() {
    let folder = Folder::with(LONG);
    folder.dyne(&[&FIT[..], &["--out", "whole"]].concat()).ends(0);
    assert!(!folder.path("saved").exists(), "a whole fit needs no checkpoint");
    let expected = folder.numbers("whole");
    for (signal, code) in [("-TERM", Some(75)), ("-USR1", Some(75)), ("-KILL", None)] {
        let child = started(&folder, &["--out", "cut", "--threads", "2"]);
        let (found, took) = stopped(&folder, child, signal);
        // A fit may end before the signal arrives.
        assert!(found == code || found == Some(0), "{signal}: {found:?}");
        assert!(took < Duration::from_secs(2), "{signal}: {took:?}");
        // What is logged does not make another fit of it.
        let logged = ["--set", "logging.performance.enabled=true"];
        let resumed = ["--out", "cut", "--resume", "--threads", "1"];
        folder.dyne(&[&FIT[..], &resumed, &logged].concat()).ends(0);
        assert_eq!(folder.numbers("cut"), expected, "{signal}");
    }
}

#[test]
fn a_long_fit_writes_checkpoints_unasked_and_a_short_one_none() {
    let folder = Folder::with(LONG);
    let saved = folder.path("cut.checkpoints");
    let fit = |after: &str| {
        let slow = FIT.iter().filter(|word| !["--checkpoint-dir", "saved"].contains(word));
        let own = ["--out", "cut", "--set", after];
        slow.copied().chain(own).map(str::to_owned).collect::<Vec<_>>()
    };
    let words = |all: &[String]| folder.dyne(&all.iter().map(String::as_str).collect::<Vec<_>>());
    words(&fit("checkpoint.after_seconds=3600")).ends(0);
    assert!(!saved.exists(), "a fit that has ended needs no checkpoint");
    let expected = folder.numbers("cut");
    std::fs::remove_dir_all(folder.path("cut")).unwrap();

    let soon = fit("checkpoint.after_seconds=0.001");
    let mut command = folder.command(&soon.iter().map(String::as_str).collect::<Vec<_>>());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    while !std::fs::read_dir(&saved).is_ok_and(|mut d| d.any(|e| whole(&e.unwrap().path()))) {
        assert!(began.elapsed() < Duration::from_secs(30), "no checkpoint");
        if child.try_wait().unwrap().is_some() {
            break;
        }
    }
    Command::new("kill").args(["-KILL", &child.id().to_string()]).status().unwrap();
    child.wait().unwrap();
    let went_on = words(&[soon, vec!["--resume".to_owned()]].concat()).ends(0);
    if !folder.path("cut").exists() {
        assert!(went_on.stderr.contains("goes on from dyne-"), "{}", went_on.stderr);
    }
    assert_eq!(folder.numbers("cut"), expected);
    assert!(!saved.exists(), "a fit that has ended needs no checkpoint");
}

fn whole(path: &std::path::Path) -> bool {
    path.extension().is_some_and(|ending| ending == "checkpoint")
}

#[test]
fn checkpoints_of_another_fit_or_torn_ones_are_refused_by_name() {
    let folder = Folder::with(LONG);
    folder.dyne(&[&FIT[..], &["--out", "whole"]].concat()).ends(0);
    let (code, _) = stopped(&folder, started(&folder, &["--out", "cut"]), "-TERM");
    if code != Some(75) {
        return;
    }
    let other = ["--out", "cut", "--resume", "--set", "fit.skip_frames=2"];
    let refused = folder.dyne(&[&FIT[..], &other].concat()).ends(2);
    assert!(refused.stderr.contains("is of another fit"), "{}", refused.stderr);
    let names = || {
        let entries = std::fs::read_dir(folder.path("saved")).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let newest = names().pop().expect("a checkpoint").into_string().unwrap();
    let path = format!("saved/{newest}");
    let bytes = std::fs::read(folder.path(&path)).unwrap();
    folder.write(&path, &bytes[..bytes.len() / 2]);
    let several = names().len() > 1;
    let went_on = folder.dyne(&[&FIT[..], &["--out", "cut", "--resume"]].concat());
    assert!(went_on.stderr.contains(&format!("{newest} is torn")), "{}", went_on.stderr);
    if several {
        went_on.ends(0);
        assert_eq!(folder.numbers("cut"), folder.numbers("whole"));
    }
}

#[test]
fn a_folder_that_cannot_be_written_ends_clearly() {
    let folder = Folder::with(LONG);
    folder.write("saved", "a file");
    let refused = folder.dyne(&FIT).ends(5);
    assert!(refused.stderr.contains("checkpoint saved"), "{}", refused.stderr);
    // Where there is nothing to go on from, a fit begins at its beginning.
    folder.dyne(&["fit", "run.hdf", "--mode", "static", "--resume"]).ends(0);
}
