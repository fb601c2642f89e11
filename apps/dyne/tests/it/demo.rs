//! `dyne demo`: a report from nothing.

use crate::command::Folder;
use crate::result::{assert_near, check_schema};

#[test]
fn the_demo_needs_nothing_and_leaves_a_report() {
    let folder = Folder::new();
    folder.dyne(&["demo", "--out", "X", "--quiet"]).ends(0);
    let names = ["result.npz", "report.txt", "pictures/map_001.png", "pictures/cuts_001.png"];
    names.iter().for_each(|name| assert!(folder.path("X").join(name).exists(), "{name}"));
    let result = folder.json("X/result.json");
    check_schema(&result);
    for (name, truth) in [("D0", 3000.0), ("gamma_dot_t0", 0.002), ("phi0", 4.0)] {
        let at = format!("/parameters/{name}");
        assert_near(&result, &format!("{at}/value"), &format!("{at}/stderr"), truth, 5.0);
    }
    let html = folder.text("X/report.html");
    assert!(html.len() < 5_000_000, "{} bytes", html.len());
    assert!(html.starts_with("<!DOCTYPE html>") && html.contains("data:image/"));
    for outside in ["src=\"http", "href=\"http", "url(http", "@import", "<script src", "<link"] {
        assert!(!html.contains(outside), "the page fetches something: {outside}");
    }
}
