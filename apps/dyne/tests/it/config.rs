//! `dyne config`: templates, checks and explanations.

use crate::command::Folder;
use crate::experiment::{REST, SHEARED};

/// Lines that a person has to look at: neither comments nor empty.
fn essential(template: &str) -> usize {
    let lines = template.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).count()
}

#[test]
fn templates_are_short_and_valid() {
    for mode in ["static", "laminar_flow"] {
        let folder = Folder::new();
        let template = folder.dyne(&["config", "new", "--mode", mode]).ends(0).stdout;
        assert!((1..20).contains(&essential(&template)), "{template}");
        folder.write("fit.yaml", &template);
        let told = folder.dyne(&["config", "check", "fit.yaml"]).ends(0);
        told.prints(&[&format!("fit.yaml: a valid configuration for {mode}")]);
        let arguments = ["config", "new", "--mode", mode, "--simulation"];
        let template = folder.dyne(&arguments).ends(0).stdout;
        assert!((1..20).contains(&essential(&template)), "{template}");
        folder.write("sim.yaml", &template);
        folder.dyne(&["config", "check", "sim.yaml", "--simulation"]).ends(0);
    }
}

#[test]
fn a_template_runs_as_it_is() {
    let folder = Folder::new();
    for (name, kind) in [("fit.yaml", vec![]), ("sim.yaml", vec!["--simulation"])] {
        let arguments = [&["config", "new", "--mode", "static"][..], &kind].concat();
        folder.write(name, folder.dyne(&arguments).ends(0).stdout);
    }
    let small = ["--out", "run.hdf", "--set", "frames=40", "--set", "parameters={D0: 2e4}"];
    folder.dyne(&[&["simulate", "--config", "sim.yaml"], &small[..]].concat()).ends(0);
    folder.dyne(&["fit", "--config", "fit.yaml", "--dry-run"]).ends(0).prints(&["run.hdf"]);
}

#[test]
fn check_takes_what_simulate_and_fit_take() {
    let folder = Folder::new();
    for experiment in [REST, SHEARED] {
        folder.write("sim.yaml", experiment);
        folder.dyne(&["config", "check", "sim.yaml", "--simulation"]).ends(0);
    }
    folder.dyne(&["config", "check", "sim.yaml"]).ends(2).refuses(&["frames", "sim.yaml:2:1"], "");
}

#[test]
fn parameters_and_keys_are_explained() {
    let folder = Folder::new();
    folder.dyne(&["config", "explain", "D0"]).ends(0).prints(&[
        "prefactor of the transport coefficient",
        "unit: Å²/s^(1+α)",
        "default: 1000",
        "bounds: 1 to 1e7",
    ]);
    folder.dyne(&["config", "explain", "fit.loss"]).ends(0).prints(&[
        "Robust loss",
        "soft_l1:",
        "default: linear",
    ]);
}

#[test]
fn an_unknown_key_names_the_nearest() {
    let folder = Folder::new();
    let refused = folder.dyne(&["config", "explain", "fit.los"]).ends(2);
    refused.refuses(&["unknown key", "`fit.los`", "expected a key path"], "`fit.loss`");
    let refused = folder.dyne(&["config", "explain", "D_ofset"]).ends(2);
    refused.refuses(&["`D_ofset`"], "`D_offset`");
}

#[test]
fn the_schema_is_json() {
    let folder = Folder::new();
    let schema = folder.dyne(&["config", "schema"]).ends(0).stdout;
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("JSON");
    assert!(schema.to_string().contains("f_scale"));
}

#[test]
fn an_unknown_mode_has_no_template() {
    let folder = Folder::new();
    let refused = folder.dyne(&["config", "new", "--mode", "flow"]).ends(2);
    refused.refuses(
        &["--mode", "flow", "expected one of static, laminar_flow, two_component"],
        "explain mode",
    );
}

#[test]
fn help_and_version_are_asked_for() {
    let folder = Folder::new();
    folder.dyne(&["--help"]).ends(0).prints(&["simulate", "inspect", "Exit codes: 0 good"]);
    folder.dyne(&["--version"]).ends(0).prints(&["dyne"]);
    let unknown = folder.dyne(&["fit", "run.hdf", "--sett", "a=b"]).ends(2);
    assert!(unknown.stderr.contains("--set"), "{}", unknown.stderr);
    folder.dyne(&[]).ends(2);
}
