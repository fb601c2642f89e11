//! Faults on the way: bad values, damaged chunks, a file that changes, a full disk.

#![cfg(unix)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::command::Folder;
use crate::experiment::LONG;

const FIT: [&str; 6] =
    ["fit", "run.hdf", "--mode", "static", "--set", "output.formats=[json, npz]"];
const MASK: [&str; 2] = ["--set", "data.on_bad_block=mask"];

/// Damages the last chunk of the first matrix, which holds its pairs of frames from 257 on.
fn damage(folder: &Folder) {
    let mut bytes = std::fs::read(folder.path("run.hdf")).unwrap();
    let index = bytes.windows(4).position(|four| four == b"FADB").expect("an index of chunks");
    // Behind signature, version, client and address of the header: entries of address, length, mask.
    let entry = index + 14 + 3 * 16;
    let word = |at: usize, width: usize| {
        bytes[at..at + width].iter().rev().fold(0, |word, byte| word << 8 | usize::from(*byte))
    };
    let (address, length) = (word(entry, 8), word(entry + 8, 4));
    bytes[address + length / 2..][..64].fill(0xFF);
    folder.write("run.hdf", bytes);
}

#[test]
fn a_damaged_chunk_ends_the_fit_or_is_left_out() {
    let folder = Folder::with(LONG);
    damage(&folder);
    let refused = folder.dyne(&FIT).ends(3);
    assert!(refused.stderr.contains("c2_00001"), "{}", refused.stderr);
    let mut found = Vec::new();
    for way in ["resident", "mapped", "streamed"] {
        let arguments = [&FIT[..], &MASK, &["--out", way, "--residency", way]].concat();
        let told = folder.dyne(&arguments).ends(1).stdout;
        assert!(told.contains("10296 pairs are left out"), "{told}");
        let result = folder.json(&format!("{way}/result.json"));
        let [rows] = &result["mask"]["rows"].as_array().unwrap()[..] else { panic!("{result}") };
        assert_eq!(
            (&rows["bin"], &rows["first"], &rows["last"]),
            (&1.into(), &257.into(), &399.into())
        );
        assert_eq!(rows["n_pairs"], 10_296);
        assert_eq!(result["cost"]["n_pairs"], 4 * (399 * 398 / 2) - 10_296);
        found.push(folder.numbers(way));
    }
    assert!(found.iter().all(|numbers| *numbers == found[0]));
    // The three matrices and what is left of the fourth tell the same sample.
    let value = folder.json("resident/result.json")["parameters"]["D0"]["value"].as_f64().unwrap();
    assert!((2000.0..4000.0).contains(&value), "{value}");
}

#[test]
fn rows_that_are_not_finite_are_left_out_on_demand() {
    let folder = Folder::with_file("bad_nan.h5");
    let fit = ["fit", "run.hdf", "--mode", "static", "--q", "all"];
    folder.dyne(&fit).ends(3);
    folder.dyne(&[&fit[..], &MASK, &["--out", "masked"]].concat()).ends(1);
    let result = folder.json("masked/result.json");
    let rows = &result["mask"]["rows"][0];
    assert_eq!((&rows["first"], &rows["reason"]), (&2.into(), &"a value is NaN".into()));
    let codes = result["warnings"].as_array().unwrap().iter().map(|w| w["code"].as_str());
    assert!(codes.flatten().any(|code| code == "masked_rows"));
    assert!(folder.text("masked/report.txt").contains("pairs are left out"));
}

#[test]
fn a_file_that_is_cut_short_under_a_fit_ends_it_and_the_checkpoint_goes_on() {
    let folder = Folder::with(LONG);
    let fit = [
        &["fit", "run.hdf", "--mode", "static", "--residency", "streamed"][..],
        &["--checkpoint-dir", "saved", "--set", "checkpoint.every_seconds=0.02"],
        &["--set", "output.formats=[json]", "--set", "streaming.batch_size=1000"],
    ]
    .concat();
    folder.dyne(&[&fit[..], &["--out", "whole"]].concat()).ends(0);
    let (path, kept) = (folder.path("run.hdf"), folder.path("kept.hdf"));
    std::fs::copy(&path, &kept).unwrap();
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    let mut command = folder.command(&[&fit[..], &["--out", "cut"]].concat());
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while !std::fs::read_dir(folder.path("saved")).is_ok_and(|mut d| d.next().is_some())
        && began.elapsed() < Duration::from_secs(5)
    {
        std::thread::sleep(Duration::from_millis(1));
    }
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_len(5000).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // A fit may end before the file is cut.
    if output.status.success() {
        return;
    }
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("run.hdf"), "{said}");
    std::fs::copy(&kept, &path).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    folder.dyne(&[&fit[..], &["--out", "cut", "--resume"]].concat()).ends(0);
    assert_eq!(folder.numbers("cut"), folder.numbers("whole"));
}

/// Runs the program where no file may grow beyond so many blocks of 512 or 1024 bytes, which is what a
/// full disk looks like to it.
fn on_a_small_disk(folder: &Folder, blocks: u32, arguments: &[&str]) -> (Option<i32>, String) {
    let line = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let output = Command::new("sh")
        .args(["-c", &line, env!("CARGO_BIN_EXE_dyne")])
        .args(arguments)
        .current_dir(folder.path(""))
        .output()
        .expect("a shell");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_full_disk_ends_clearly_and_loses_no_fit() {
    let folder = Folder::with(&LONG.replace("400", "800").replace("[0, 45, 90, 135]", "[0, 90]"));
    let whole = ["--set", "output.npz_layout=full"];
    folder.dyne(&[&FIT[..], &whole, &["--out", "whole"]].concat()).ends(0);
    // Checkpoints of six megabytes fit; arrays of fifteen do not.
    let fit = [&FIT[..], &whole, &["--out", "full", "--checkpoint-dir", "saved"]].concat();
    let (code, said) = on_a_small_disk(&folder, 14_000, &fit);
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("result.npz"), "{said}");
    assert!(!folder.path("full").exists(), "nothing half written");
    let told = folder.dyne(&[&fit[..], &["--resume"]].concat()).ends(0).stderr;
    assert!(told.contains("goes on from"), "{told}");
    assert_eq!(folder.numbers("full"), folder.numbers("whole"));
    let mapped = [&FIT[..], &["--residency", "mapped"]].concat();
    let (code, said) = on_a_small_disk(&folder, 100, &mapped);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("performance.scratch_dir"), "{said}");
}
