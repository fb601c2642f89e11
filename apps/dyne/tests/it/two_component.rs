//! Two components from the command line: what their data cannot determine, and starting values
//! from which no fit can succeed.

use crate::command::Folder;
use crate::errors::refused;
use crate::experiment::{NUMBERS, SHEARED};

/// Two components at these angles.
fn experiment(angles: &str) -> String {
    format!(
        "mode: two_component\nframes: 60\ndt: 0.1\nq: 0.0054\nphi: {angles}\nparameters: {{D0_ref: 500, alpha_ref: 0, D_offset_ref: 0, D0_sample: 3000, alpha_sample: 0, D_offset_sample: 0, v0: 800, beta: 0, v_offset: 0, f0: 0.4, f1: 0, f2: 0, f3: 0.2, phi0: 0}}\ncontrast: 0.3\noffset: 1.0\nnoise: {{kind: gaussian, sigma: 0.01, seed: 3}}\n"
    )
}

/// Near the truth, so that the search is skipped.
const START: &str = "parameters={D0_ref: 500, alpha_ref: 0, D_offset_ref: 0, D0_sample: 3000, alpha_sample: 0, D_offset_sample: 0, v0: 800, beta: 0, v_offset: 0, f0: 0.4, f1: 0, f3: 0.2, phi0: 5}";

/// Codes of the warnings of a fit that ends with 0 or 1.
#[track_caller]
fn warnings(folder: &Folder, arguments: &[&str]) -> Vec<String> {
    let common = ["fit", "run.hdf", "--out", "out", "--quiet", "--set", NUMBERS];
    let status = folder.command(&[&common, arguments].concat()).output().expect("it starts");
    assert!(matches!(status.status.code(), Some(0 | 1)), "{status:?}");
    let report = folder.json("out/result.json");
    let warnings = report["warnings"].as_array().expect("a list");
    warnings.iter().map(|w| w["code"].as_str().expect("a code").to_owned()).collect()
}

#[test]
fn one_two_and_four_angles() {
    for (angles, one) in [("[20]", true), ("[0, 60]", false), ("[0, 30, 60, 90]", false)] {
        let folder = Folder::with(&experiment(angles));
        let full = ["--mode", "two_component", "--set", START, "--set", "fit.law=full"];
        let found = warnings(&folder, &full);
        assert_eq!(found.contains(&"one_angle".to_owned()), one, "{angles}: {found:?}");
        assert!(found.contains(&"held".to_owned()), "{angles}: {found:?}");
        assert!(found.contains(&"undetermined".to_owned()), "{angles}: {found:?}");
    }
}

#[test]
fn one_angle_of_a_sheared_sample() {
    let folder = Folder::with(SHEARED);
    let flow = ["--mode", "laminar_flow", "--gap", "2e6", "--phi", "-10:0"];
    assert!(warnings(&folder, &flow).contains(&"one_angle".to_owned()));
}

#[test]
fn a_start_that_no_frame_resolves() {
    let folder = Folder::with(&experiment("[0, 60]"));
    let parts = ["parameters.v0", "rad a frame", "expected at most π"];
    let arguments = ["--mode", "two_component", "--set", "parameters.v0=90000"];
    refused(&folder, &arguments, 2, &parts, "start v0 below");
}

#[test]
fn a_start_whose_fraction_is_impossible_throughout() {
    let folder = Folder::with(&experiment("[0, 60]"));
    let parts = ["parameters.f0 to f3", "outside 0 … 1 on all 60 frames", "expected some inside"];
    let arguments = ["--mode", "two_component", "--set", START, "--set", "parameters.f3=0.9"];
    refused(&folder, &arguments, 2, &parts, "start with f0 and f3 between 0 and 1");
}
