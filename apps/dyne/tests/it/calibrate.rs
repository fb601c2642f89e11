//! `dyne calibrate`: trials that are simulated, fitted and told.

use crate::command::Folder;

const CELLS: [&str; 18] = [
    "calibrate",
    "--defaults",
    "--mode",
    "static",
    "--ageing",
    "none",
    "--bins",
    "doubling",
    "--counts",
    "1",
    "--pixels",
    "400",
    "--frames",
    "40..60",
    "--speckle-pixels",
    "4",
    "--out",
    "X",
];

#[test]
fn trials_with_the_defaults_are_told_and_gone_on_with() {
    let folder = Folder::new();
    folder.dyne(&[&CELLS[..], &["--fits", "1"]].concat()).ends(0);
    let first = folder.text("X/trials.jsonl");
    let told = folder.dyne(&[&CELLS[..], &["--fits", "2"]].concat());
    told.ends(0);
    let trials = folder.text("X/trials.jsonl");
    assert!(trials.starts_with(&first) && trials.lines().count() == 2, "{trials}");
    for line in trials.lines() {
        let trial: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        let frames = trial["frames"].as_u64().expect("a number of frames");
        assert!((40..=60).contains(&frames), "{line}");
        let report = &trial["end"]["report"];
        assert!(
            report["verdict"].is_string() && report["laws"][0]["truth"] == "constant",
            "{line}"
        );
        let rate = &report["headline"][0];
        assert!(rate["name"] == "J" && rate["truth"].is_f64() && rate["stderr"].is_f64(), "{line}");
    }
    let table = folder.text("X/defaults.md");
    let cell = "| static | none | doubling | 40…60 | 400 | 4 | 1 | ";
    assert!(
        table.contains(&format!("{cell}2 |")) && table.contains(&format!("{cell}J |")),
        "{table}"
    );
}

#[test]
fn a_range_of_frames_is_refused_without_the_defaults() {
    let folder = Folder::new();
    let told = folder.dyne(&["calibrate", "--frames", "100..400", "--out", "X"]);
    told.ends(2);
    assert!(!folder.path("X").exists());
}
