//! Models compared from the command line, and `kww` and `two_decays` fitted there.

use serde_json::Value;

use crate::command::Folder;

const STRETCHED: &str = "mode: kww\nframes: 100\ndt: 0.1\nq: 0.0054\nphi: [0]\n\
    parameters: {D0: 40000, gamma: 0.7}\ncontrast: 0.3\nnoise: {kind: gaussian, sigma: 0.005, seed: 1}\n";

const BALLISTIC: &str = "mode: static\nframes: 100\ndt: 0.1\nq: [0.003, 0.005, 0.008]\nphi: [0]\n\
    physics: {q_dependence: power}\nparameters: {D0: 40000, n: 1}\ncontrast: 0.3\n\
    noise: {kind: gaussian, sigma: 0.005, seed: 2}\n";

fn near(found: &Value, name: &str, truth: f64, share: f64) {
    let value = found["parameters"][name]["value"].as_f64().unwrap();
    assert!((value / truth - 1.0).abs() < share, "{name} = {value}, {truth} simulated");
}

#[test]
fn the_model_that_made_the_data_is_named_and_its_command_fits_it() {
    let folder = Folder::with(STRETCHED);
    let told = folder.dyne(&["models", "run.hdf", "--json", "--quiet"]).ends(0);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(told["best"], "kww, constant J", "{told:#}");
    let rungs = told["rungs"].as_array().unwrap();
    // Static under three laws, two models under the best of them, the better of these under the others.
    assert_eq!(rungs.len(), 7);
    for rung in rungs {
        assert!(rung["delta_clic"].as_f64().unwrap() >= 0.0, "{rung}");
        assert!(rung["lack_of_fit"].as_f64().is_some_and(|p| (0.0..=1.0).contains(&p)));
    }
    let command = told["command"].as_str().unwrap();
    let words: Vec<&str> = command.split_whitespace().skip(1).chain(["--out", "out"]).collect();
    folder.dyne(&[&words[..], &["--quiet"]].concat());
    let found = folder.json("out/result.json");
    near(&found, "gamma", 0.7, 0.03);
    near(&found, "D0", 40000.0, 0.1);
    assert_eq!(found["parameters"]["alpha"]["value"], 0.0);
}

#[test]
fn the_table_marks_the_best() {
    let folder = Folder::with(STRETCHED);
    let told = folder.dyne(&["models", "run.hdf"]).ends(0);
    let told = told.prints(&["ΔCLIC", "two decays, constant J", "best: kww, constant J"]);
    let marked: Vec<&str> = told.stdout.lines().filter(|line| line.starts_with("* ")).collect();
    assert!(matches!(marked[..], [line] if line.contains("kww") && line.contains("gamma 0.")));
}

#[test]
fn an_exponent_of_q_is_fitted_where_it_is_asked_for() {
    let folder = Folder::with(BALLISTIC);
    let common = ["fit", "run.hdf", "--q", "all", "--quiet", "--out", "out"];
    let held = ["--set", "parameters.alpha.fixed=0", "--set", "parameters.D_offset.fixed=0"];
    let power = ["--mode", "static", "--set", "physics.q_dependence=power"];
    folder.dyne(&[&common[..], &power, &held].concat());
    near(&folder.json("out/result.json"), "n", 1.0, 0.05);
    // Without it the parameter is not there, and the refusal says what makes it.
    let without = ["--mode", "static", "--set", "parameters.n.fixed=1"];
    let refused = folder.dyne(&[&common[..], &without].concat()).ends(2);
    refused.refuses(&["parameters.n"], "physics.q_dependence: power");
}

#[test]
fn new_configurations_of_both_models_are_valid() {
    let folder = Folder::new();
    for (mode, name) in [("kww", "gamma:"), ("two_decays", "D0_slow:")] {
        let told = folder.dyne(&["config", "new", "--mode", mode]).ends(0).prints(&[name]);
        folder.write("fit.yaml", told.stdout.as_bytes());
        folder.dyne(&["config", "check", "fit.yaml"]).ends(0);
    }
    folder.dyne(&["config", "explain", "gamma"]).ends(0).prints(&["bounds: 0.1 to 3"]);
    folder.dyne(&["config", "explain", "D0_slow"]).ends(0);
}
