//! `dyne demo`: a report from nothing.

use crate::command::Folder;
use crate::result::{assert_near, check_schema};

/// A number of the experiment that the demo simulates.
fn truth(name: &str) -> f64 {
    let experiment = include_str!("../../demo.yaml");
    let after = experiment.split(&format!("{name}: ")).nth(1).expect("a parameter of the demo");
    let word = after.split([',', '}']).next().expect("text before a comma");
    word.parse().expect("a number")
}

#[test]
fn the_demo_needs_nothing_and_leaves_a_report() {
    let folder = Folder::new();
    folder.dyne(&["demo", "--out", "X", "--quiet"]).ends(0);
    let names = ["result.npz", "report.txt", "pictures/map_001.png", "pictures/cuts_001.png"];
    names.iter().for_each(|name| assert!(folder.path("X").join(name).exists(), "{name}"));
    let result = folder.json("X/result.json");
    check_schema(&result);
    for name in ["D0", "alpha", "gamma_dot_t0", "beta", "phi0"] {
        let at = format!("/parameters/{name}");
        assert_near(&result, &format!("{at}/value"), &format!("{at}/stderr"), truth(name), 5.0);
    }
    let html = folder.text("X/report.html");
    assert!(html.len() < 5_000_000, "{} bytes", html.len());
    assert!(html.starts_with("<!DOCTYPE html>") && html.contains("data:image/"));
    for outside in ["src=\"http", "href=\"http", "url(http", "@import", "<script src", "<link"] {
        assert!(!html.contains(outside), "the page fetches something: {outside}");
    }
}
