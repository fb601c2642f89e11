//! What a fit tells of its work, and the ways to make it smaller.

use serde_json::Value;

use crate::command::Folder;
use crate::experiment::LONG;

const FIT: [&str; 6] = ["fit", "run.hdf", "--mode", "static", "--set", "output.formats=[json]"];

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("a number instead of {value}"))
}

#[test]
fn the_result_tells_what_sweeps_and_phases_took() {
    let folder = Folder::with(LONG);
    folder.dyne(&[&FIT[..], &["--out", "a", "--checkpoint-dir", "saved"]].concat()).ends(0);
    let work = &folder.json("a/result.json")["work"];
    let purposes: Vec<&str> =
        work["sweeps"].as_array().unwrap().iter().filter_map(|s| s["purpose"].as_str()).collect();
    assert_eq!(purposes, ["survey", "fit", "residuals", "error bars", "lack of fit"]);
    let fit = &work["sweeps"][1];
    let pairs = 4.0 * (399.0 * 398.0 / 2.0);
    assert_eq!(number(&fit["pairs"]), number(&fit["sweeps"]) * pairs);
    assert_eq!(number(&fit["non_finite_blocks"]), 0.0);
    let last = work["last_blocks"].as_array().unwrap();
    assert!(!last.is_empty() && last.len() <= 64);
    let phases: Vec<&str> =
        work["phases"].as_array().unwrap().iter().filter_map(|p| p["phase"].as_str()).collect();
    // Error bars are computed once more where the first laws of the rates do not pass.
    assert_eq!(phases[0], "read");
    assert_eq!(phases[phases.len() - 4..], ["residuals", "error bars", "fit", "report"]);
    if cfg!(target_os = "linux") {
        assert!(number(&work["phases"][0]["peak_rss_bytes"]) > 1e6);
    }
    let saves = &work["checkpoints"];
    assert!(number(&saves["saves"]) >= 1.0 && number(&saves["longest_s"]) > 0.0, "{saves}");
}

#[test]
fn checks_of_blocks_do_not_change_a_bit() {
    let folder = Folder::with(LONG);
    folder.dyne(&[&FIT[..], &["--out", "full"]].concat()).ends(0);
    folder
        .dyne(&[&FIT[..], &["--out", "fast", "--set", "performance.fast_mode=true"]].concat())
        .ends(0);
    assert_eq!(folder.numbers("fast"), folder.numbers("full"));
}

#[test]
fn a_trace_and_a_performance_log_are_written() {
    let folder = Folder::with(LONG);
    let logged = [
        &FIT[..],
        &["--trace", "trace.json", "--checkpoint-dir", "saved"],
        &["--set", "logging.performance.enabled=true"],
        &[
            "--set",
            "logging.performance.threshold_seconds=0",
            "--set",
            "logging.performance.level=debug",
        ],
    ]
    .concat();
    folder.dyne(&logged).ends(0);
    let trace = folder.json("trace.json");
    let events = trace.as_array().expect("a list of events");
    for name in ["read", "fit", "survey", "residuals", "error bars", "save", "report"] {
        let own = events.iter().find(|e| e["name"] == name && e["ph"] == "X");
        let own = own.unwrap_or_else(|| panic!("no {name}"));
        assert!(number(&own["dur"]) >= 0.0 && number(&own["ts"]) >= 0.0);
    }
    let log = folder.text("performance.log");
    for part in ["[INFO] phase read", "[INFO] sweep fit done", "checkpoint saved", "[DEBUG] lane 0"]
    {
        assert!(log.contains(part), "{part:?} is not in\n{log}");
    }
    let refused = folder.dyne(&[&FIT[..], &["--trace", "absent/trace.json"]].concat()).ends(2);
    refused.refuses(&["--trace absent/trace.json", "expected a file"], "choose another");
    let mut silent = logged.clone();
    silent.extend(["--set", "logging.performance.level=warning"]);
    std::fs::remove_file(folder.path("performance.log")).unwrap();
    folder.dyne(&silent).ends(0);
    assert!(!folder.text("performance.log").contains("INFO"));
}

#[test]
fn a_coarse_fit_takes_every_frame_it_says() {
    let folder = Folder::with(LONG);
    folder.dyne(&[&FIT[..], &["--out", "all"]].concat()).ends(0);
    let mut found = Vec::new();
    for way in ["resident", "mapped", "streamed"] {
        let arguments = ["--out", way, "--stride-coarse", "4", "--residency", way];
        folder.dyne(&[&FIT[..], &arguments].concat()).ends(0);
        found.push(folder.numbers(way));
    }
    assert!(found.iter().all(|numbers| *numbers == found[0]));
    let result = folder.json("resident/result.json");
    // Frames 2, 6, … 398 of 400, as the first is skipped.
    assert_eq!(result["cost"]["n_pairs"], 4 * (100 * 99 / 2));
    let (coarse, all) =
        (&result["parameters"]["D0"], &folder.json("all/result.json")["parameters"]["D0"]);
    let error = number(&coarse["stderr"]).hypot(number(&all["stderr"]));
    assert!((number(&coarse["value"]) - number(&all["value"])).abs() < 4.0 * error);
    let dry = folder.dyne(&[&FIT[..], &["--stride-coarse", "4", "--dry-run"]].concat()).ends(0);
    dry.prints(&["every 4th", "19800"]);
    folder.dyne(&[&FIT[..], &["--stride-coarse", "0"]].concat()).ends(2);
}

#[test]
fn benches_print_a_line_for_each_size_and_way() {
    let folder = Folder::with(LONG);
    let blocks = ["bench", "blocks", "run.hdf", "--sizes", "4000,32768", "--", "--mode", "static"];
    let told = folder.dyne(&blocks).ends(0).prints(&["Mpoints/s", "peak MB"]).stdout;
    assert_eq!(told.lines().count(), 3, "{told}");
    let ways = folder.dyne(&["bench", "strategies", "--points", "1e5"]).ends(0);
    let told = ways.prints(&["standard, large, jit", "decoding the file alone"]).stdout;
    assert!(told.lines().count() == 5 && !told.contains("DIFFERENT"), "{told}");
    let refused = folder.dyne(&["bench", "blocks", "absent.hdf", "--", "--mode", "static"]).ends(2);
    assert!(refused.stderr.contains("absent.hdf"), "{}", refused.stderr);
}
