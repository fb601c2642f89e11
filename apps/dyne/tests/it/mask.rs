//! Masked frames and the quality of a file: what is told, and what is refused.

use serde_json::Value;

use crate::command::Folder;
use crate::errors::refused;
use crate::experiment::REST;

#[test]
fn masked_frames_are_told_in_the_report() {
    let folder = Folder::with(REST);
    let mask = "mask.frames=[[20, 24], 40]";
    folder.dyne(&folder.fit_rest(&[mask, "output.formats=[json, text, html, npz]"])).ends(0);
    let told = folder.json("out/result.json");
    assert_eq!(told["mask"]["n_frames"], 6);
    assert_eq!(told["mask"]["n_pairs"], 3 * (59 * 58 / 2 - 53 * 52 / 2));
    assert_eq!(told["mask"]["frames"][0]["last"], 24);
    assert_eq!(told["mask"]["frames"][1]["reason"], "config");
    assert_eq!(told["cost"]["n_pairs"], 3 * 53 * 52 / 2);
    assert!(folder.text("out/report.txt").contains("by mask.frames  20 to 24, 40"));
    assert!(folder.text("out/report.html").contains("<h2>Masked frames</h2>"));
    let c2 = folder.array("out/result.npz", "c2");
    assert_eq!(c2.values.len(), 3 * 60 * 59 / 2);
    let blank = c2.values.iter().filter(|v| v.is_nan()).count();
    assert_eq!(blank, 3 * (60 * 59 / 2 - 54 * 53 / 2));
    let arguments = ["fit", "run.hdf", "--mode", "static", "--dry-run", "--set", mask];
    folder.dyne(&arguments).ends(0).prints(&["masked      20, 21, 22, 23, 24, 40"]);
}

#[test]
fn masks_that_do_not_fit() {
    let folder = Folder::with(REST);
    let tell = |mask: &str, parts: &[&str], remedy: &str| {
        refused(&folder, &["--mode", "static", "--set", mask], 2, parts, remedy);
    };
    let parts = ["mask.frames: frames 50 to 70", "expected frames from 1 to 60"];
    tell("mask.frames=[[50, 70]]", &parts, "counts as the file does");
    let parts = ["mask.frames[1]", "found [20, 10], expected the first frame before the last"];
    tell("mask.frames=[3, [20, 10]]", &parts, "in this order");
    tell("mask.frames=[0]", &["mask.frames[0]", "frame 0, expected at least 1"], "from 1");
    let parts = ["mask.frames: 9 pairs of frames left for 9", "56 of 60 frames masked"];
    tell("mask.frames=[[5, 60]]", &parts, "mask fewer frames");
}

#[test]
fn a_clean_file_has_its_quality_told() {
    let folder = Folder::with(REST);
    let told = folder.dyne(&["inspect", "run.hdf", "--quality", "--json"]).ends(0).stdout;
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let first = &told["quality"][0];
    assert_eq!(first["outliers"], Value::Array(Vec::new()));
    let contrast = first["contrast"].as_f64().unwrap();
    assert!((contrast - 0.3).abs() < 0.1, "{contrast}");
    folder.dyne(&["inspect", "run.hdf", "--quality"]).ends(0).prints(&["baseline", "ageing"]);
}

#[test]
fn values_that_are_not_finite_are_told_and_not_refused() {
    let folder = Folder::with_file("bad_nan.h5");
    let told = folder.dyne(&["inspect", "run.hdf", "--quality"]).ends(1);
    told.prints(&["note      bin", "1 values are NaN or infinite"]);
}
