//! Configurations that cannot be used.

use crate::command::Folder;
use crate::errors::refused;
use crate::experiment::{REST, SHEARED};

#[test]
fn an_unknown_mode() {
    let folder = Folder::with(REST);
    let parts = ["mode", "found `lamina`, expected `static`, `laminar_flow`"];
    refused(&folder, &["--mode", "lamina"], 2, &parts, "laminar_flow");
    refused(&folder, &[], 2, &["missing key mode", "expected"], "mode");
}

#[test]
fn bounds_in_the_wrong_order() {
    let folder = Folder::with(REST);
    let parts = ["parameters.D0.min", "found 1000, expected less than max, 100"];
    let set = "parameters.D0={min: 1000, max: 100}";
    refused(&folder, &["--mode", "static", "--set", set], 2, &parts, "exchange");
    let parts = ["parameters.D0.min", "expected less than max, 100"];
    let set = "parameters.D0={min: 100, max: 100}";
    refused(&folder, &["--mode", "static", "--set", set], 2, &parts, "fixed");
}

#[test]
fn a_start_outside_its_bounds() {
    let folder = Folder::with(REST);
    let parts = ["parameters.D0.start", "found 1e9, expected at most 1e7 Å²/s^(1+α)"];
    let set = "parameters.D0={start: 1e9, max: 1e7}";
    refused(&folder, &["--mode", "static", "--set", set], 2, &parts, "move the starting value");
}

#[test]
fn a_gap_missing_for_laminar_flow() {
    let folder = Folder::with(SHEARED);
    let parts = ["missing key geometry.gap", "found nothing, expected the gap"];
    refused(&folder, &["--mode", "laminar_flow"], 2, &parts, "in Å");
    let parts = ["geometry.gap", "found -2e6, expected a positive"];
    let arguments = ["--mode", "laminar_flow", "--gap", "-2e6"];
    refused(&folder, &arguments, 2, &parts, "above 0 in Å");
}

#[test]
fn a_tie_to_an_unknown_parameter() {
    let folder = Folder::with(REST);
    let parts = ["parameters.D_offset.tied", "found `D1`, expected `D0`, `alpha` or `D_offset`"];
    let set = "parameters.D_offset={tied: D1}";
    refused(&folder, &["--mode", "static", "--set", set], 2, &parts, "write `D0`");
}

#[test]
fn a_q_that_is_not_positive() {
    let folder = Folder::with(REST);
    let parts = ["data.q", "found -0.005, expected a positive"];
    refused(&folder, &["--mode", "static", "--q", "-0.005"], 2, &parts, "above 0");
}

#[test]
fn constant_scaling_without_values() {
    let folder = Folder::with(REST);
    let parts = ["parameters.contrast.fixed", "found nothing", "`fit.scaling: constant` needs"];
    let arguments = ["--mode", "static", "--set", "fit.scaling=constant"];
    refused(&folder, &arguments, 2, &parts, "give parameters.contrast.fixed");
}

/// A configuration file is refused by `check` and by `fit`, in the same words.
#[track_caller]
fn refused_config(yaml: &str, parts: &[&str], remedy: &str) {
    let folder = Folder::with(REST);
    folder.write("fit.yaml", yaml);
    let before = folder.everything();
    folder.dyne(&["config", "check", "fit.yaml"]).ends(2).refuses(parts, remedy);
    folder.dyne(&["fit", "--config", "fit.yaml"]).ends(2).refuses(parts, remedy);
    assert_eq!(folder.everything(), before);
}

#[test]
fn an_unknown_key_with_line_and_column() {
    let parts = ["unknown key fit.los at fit.yaml:5:3", "found `los`, expected `law`, `loss`"];
    refused_config(
        "mode: static\ndata:\n  file: run.hdf\nfit:\n  los: huber\n",
        &parts,
        "write `loss`?",
    );
    let parts = ["unknown key parameters.D_ofset at fit.yaml:3:14", "found `D_ofset`"];
    let yaml = "mode: static\ndata: {file: run.hdf}\nparameters: {D_ofset: 3}\n";
    refused_config(yaml, &parts, "write `D_offset`?");
}

#[test]
fn a_value_of_another_type_with_line_and_column() {
    let parts = ["wrong type of data.dt at fit.yaml:4:7", "found"];
    refused_config("mode: static\ndata:\n  file: run.hdf\n  dt: fast\n", &parts, "explain data.dt");
}

#[test]
fn a_file_that_is_no_yaml() {
    let parts = ["fit.yaml:2:", "expected"];
    refused_config("mode: static\ndata: [run.hdf\n", &parts, "");
    refused_config("", &["fit.yaml", "expected"], "");
}

#[test]
fn a_config_that_is_absent() {
    let folder = Folder::new();
    let refused = folder.dyne(&["fit", "--config", "absent.yaml"]).ends(2);
    refused.refuses(&["reading config absent.yaml", "expected a readable YAML file"], "");
}

#[test]
fn an_override_that_leads_nowhere() {
    let folder = Folder::with(REST);
    let parts = ["unknown key fit.los in override fit.los=huber", "found `los`"];
    let arguments = ["--mode", "static", "--set", "fit.los=huber"];
    refused(&folder, &arguments, 2, &parts, "write `loss`?");
    let parts = ["override", "fit.loss", "expected"];
    refused(&folder, &["--mode", "static", "--set", "fit.loss"], 2, &parts, "");
}
