//! Which bins and frames are fitted, and under which loss, scaling and constraints.

use serde_json::{Value, json};

use crate::command::Folder;
use crate::experiment::{FRAMES, NUMBERS, REST, SHEARED};
use crate::result::{assert_near, check_schema, codes, number, per_bin};

/// Angles that a fit of [`SHEARED`] with these ranges takes.
fn angles(ranges: &[&str]) -> Vec<f64> {
    let folder = Folder::with(SHEARED);
    let start = "parameters={D0: 3000, alpha: {fixed: 0}, D_offset: {fixed: 0}}";
    let mut arguments = vec!["fit", "run.hdf", "--mode", "static", "--out", "out", "--quiet"];
    arguments.extend(["--set", start, "--set", NUMBERS, "--set", "fit.max_sweeps=3"]);
    for range in ranges {
        arguments.extend(["--phi", range]);
    }
    // Ranges are the matter here: a fit of three sweeps need not converge.
    let outcome = folder.dyne(&arguments);
    assert!(outcome.stderr.is_empty(), "{}", outcome.stderr);
    per_bin(&folder.json("out/result.json"), "phi_deg")
}

#[test]
fn ranges_of_angles_are_inclusive_and_wrap_around() {
    assert_eq!(angles(&[]), [-170.0, -88.0, -5.0, 30.0, 175.0]);
    assert_eq!(angles(&["-88:30"]), [-88.0, -5.0, 30.0]);
    assert_eq!(angles(&["170:-160"]), [-170.0, 175.0]);
    assert_eq!(angles(&["160:200"]), [-170.0, 175.0]);
    assert_eq!(angles(&["-10:0", "20:40"]), [-5.0, 30.0]);
}

/// The bins of an example file with two q, as the plan shows them.
fn planned(selection: &[&str]) -> Vec<String> {
    let folder = Folder::with_file("aps_u.h5");
    let arguments = [&["fit", "run.hdf", "--mode", "static", "--dry-run"], selection].concat();
    let told = folder.dyne(&arguments).ends(0);
    let lines = told.stdout.lines().filter_map(|line| line.trim().strip_prefix("bin "));
    lines.map(|line| line.split(':').next().expect("a number").to_owned()).collect()
}

#[test]
fn q_is_the_nearest_a_list_all_or_within_a_tolerance() {
    // Bins 1 and 2 have q 0.002 Å⁻¹, bin 4 has 0.003 Å⁻¹.
    assert_eq!(planned(&["--q", "0.00202"]), ["1", "2"]);
    assert_eq!(planned(&["--q", "0.0031"]), ["4"]);
    assert_eq!(planned(&["--q", "[0.002, 0.003]"]), ["1", "2", "4"]);
    assert_eq!(planned(&["--q", "all"]), ["1", "2", "4"]);
    assert_eq!(planned(&["--q", "0.0025", "--set", "data.q_tolerance=0.25"]), ["1", "2", "4"]);
    assert_eq!(planned(&["--q", "0.0029", "--set", "data.q_tolerance=0.05"]), ["4"]);
}

#[test]
fn bins_of_several_q_are_fitted_jointly() {
    let folder = Folder::with_file("aps_u.h5");
    let start = "parameters={D0: 1000, alpha: {fixed: 0}, D_offset: {fixed: 0}}";
    let arguments = ["fit", "run.hdf", "--mode", "static", "--q", "all", "--out", "out", "-q"];
    // The values of the file are no decay: the contrast comes to lie on its bound, which is told.
    folder.dyne(&[&arguments[..], &["--set", start, "--set", NUMBERS]].concat()).ends(1);
    let result = folder.json("out/result.json");
    check_schema(&result);
    let warnings = result["warnings"].as_array().expect("warnings");
    assert!(warnings.iter().any(|w| w["code"] == "scaling_range"), "{warnings:?}");
    assert!(per_bin(&result, "contrast").iter().all(|contrast| (0.0..=10.0).contains(contrast)));
    assert_eq!(per_bin(&result, "q"), [0.002, 0.002, 0.003]);
    assert_eq!(per_bin(&result, "phi_deg"), [-90.0, 90.0, 0.0]);
    assert_eq!(folder.array("out/result.npz", "q").values, [0.002, 0.002, 0.003]);
}

#[test]
fn frames_count_from_one_and_include_the_last() {
    let folder = Folder::with(REST);
    folder.dyne(&folder.fit_rest(&[])).ends(0);
    let whole = folder.array("out/result.npz", "c2");
    let index = |n: usize, i: usize, j: usize| i * (2 * n - i - 1) / 2 + j - i - 1;
    for setting in ["data.frames=[5, 44]", "data={file: run.hdf, frame_start: 5, frame_end: 44}"] {
        folder.dyne(&folder.fit_rest(&[setting])).ends(0);
        let part = folder.array("out/result.npz", "c2");
        assert_eq!(part.shape, [3, 40 * 39 / 2]);
        assert_eq!(part.values[index(40, 0, 1)], whole.values[index(FRAMES, 4, 5)]);
        assert_eq!(part.values[index(40, 38, 39)], whole.values[index(FRAMES, 42, 43)]);
        let t = folder.array("out/result.npz", "t").values;
        assert_eq!((t.len(), t[0]), (40, 0.0));
    }
    folder.dyne(&folder.fit_rest(&["data.frames=[5, 44]", "time.origin=acquisition"])).ends(0);
    assert!((folder.array("out/result.npz", "t").values[0] - 0.4).abs() < 1e-12);
}

/// The result of a fit of [`REST`] with these settings.
fn fitted(settings: &[&str]) -> Value {
    let folder = Folder::with(REST);
    let code = if settings.iter().any(|s| s.starts_with("fit.loss")) { 1 } else { 0 };
    folder.dyne(&folder.fit_rest(settings)).ends(code);
    let result = folder.json("out/result.json");
    check_schema(&result);
    result
}

fn names(result: &Value) -> &Value {
    &result["covariance"]["names"]
}

#[test]
fn every_bin_has_its_own_scaling_by_default() {
    let result = fitted(&[]);
    let truth = [0.30, 0.28, 0.31];
    for (bin, truth) in truth.into_iter().enumerate() {
        let at = format!("/scaling/{bin}");
        assert_near(
            &result,
            &format!("{at}/contrast"),
            &format!("{at}/contrast_stderr"),
            truth,
            5.0,
        );
    }
    assert_eq!(number(&result, "/cost/n_parameters"), 8.0);
}

#[test]
fn averaged_scaling_is_one_for_all() {
    let result = fitted(&["fit.scaling=averaged"]);
    assert_eq!(names(&result), &json!(["D0", "alpha", "contrast", "offset"]));
    let contrast = per_bin(&result, "contrast");
    assert!(contrast.iter().all(|c| *c == contrast[0]));
    assert!((contrast[0] - 0.2967).abs() < 0.01, "{contrast:?}");
}

#[test]
fn constant_scaling_is_what_was_given() {
    let contrast = "parameters.contrast.fixed=[0.30, 0.28, 0.31]";
    let result = fitted(&["fit.scaling=constant", contrast, "parameters.offset.fixed=1"]);
    assert_eq!(names(&result), &json!(["D0", "alpha"]));
    assert_eq!(per_bin(&result, "contrast"), [0.30, 0.28, 0.31]);
    assert_eq!(per_bin(&result, "offset"), [1.0, 1.0, 1.0]);
    assert_eq!(result["scaling"][1]["contrast_stderr"], Value::Null);
    assert_near(&result, "/parameters/D0/value", "/parameters/D0/stderr", 2e4, 5.0);
}

#[test]
fn fourier_scaling_of_as_many_coefficients_as_bins_is_individual() {
    let fourier = fitted(&["fit.scaling={fourier: 1}"]);
    let individual = fitted(&[]);
    assert_eq!(number(&fourier, "/cost/n_parameters"), 8.0);
    let of = |result: &Value| number(result, "/cost/ssr");
    assert!((of(&fourier) / of(&individual) - 1.0).abs() < 1e-9);
    for (a, b) in per_bin(&fourier, "contrast").iter().zip(per_bin(&individual, "contrast")) {
        assert!((a - b).abs() < 1e-5, "{a} and {b}");
    }
}

#[test]
fn every_loss_reaches_the_truth_and_its_cost() {
    let linear = fitted(&[]);
    assert!(linear["cost"].get("robust").is_none());
    // ρ(z) ≤ z for each of them, so that the robust cost stays below half the sum of squares.
    for loss in ["soft_l1", "huber", "cauchy", "arctan"] {
        let result = fitted(&[&format!("fit.loss={loss}"), "fit.f_scale=0.01"]);
        assert_near(&result, "/parameters/D0/value", "/parameters/D0/stderr", 2e4, 5.0);
        assert!(number(&result, "/cost/ssr") > number(&linear, "/cost/ssr"), "{loss}");
        let robust = number(&result, "/cost/robust");
        assert!(robust > 0.0 && robust < 0.5 * number(&result, "/cost/ssr"), "{loss}: {robust}");
        assert_eq!(result["provenance"]["plan"]["fit"]["loss"], loss);
    }
}

#[test]
fn fixed_parameters_stay_where_they_are() {
    let result = fitted(&["parameters.alpha={fixed: -0.4}"]);
    let alpha = &result["parameters"]["alpha"];
    assert_eq!((&alpha["value"], &alpha["free"]), (&json!(-0.4), &json!(false)));
    assert_eq!((&alpha["stderr"], &alpha["stderr_absent"]), (&Value::Null, &json!("fixed")));
    assert_near(&result, "/parameters/D0/value", "/parameters/D0/stderr", 2e4, 5.0);
}

#[test]
fn bounds_of_the_table_do_not_bind_what_is_fixed() {
    let folder = Folder::with(REST);
    // Far from the truth, so that other parameters may well end on a bound.
    folder.dyne(&folder.fit_rest(&["parameters.D_offset.fixed=2e5"]));
    let result = folder.json("out/result.json");
    check_schema(&result);
    assert_eq!(number(&result, "/parameters/D_offset/value"), 2e5);
}

#[test]
fn tied_parameters_follow() {
    let result = fitted(&["parameters.D_offset={tied: {to: D0, factor: 0.01}}"]);
    let of = |key: &str| number(&result, &format!("/parameters/{key}"));
    assert!((of("D_offset/value") / (0.01 * of("D0/value")) - 1.0).abs() < 1e-14);
    assert!((of("D_offset/stderr") / (0.01 * of("D0/stderr")) - 1.0).abs() < 1e-9);
    assert_eq!(result["parameters"]["D_offset"]["free"], json!(false));
    assert!(!names(&result).as_array().unwrap().is_empty());
}

#[test]
fn a_q_far_away_is_a_warning() {
    let folder = Folder::with(REST);
    folder.dyne(&folder.fit_rest(&["data.q=0.006"])).ends(0);
    let result = folder.json("out/result.json");
    assert!(codes(&result).contains(&"q_far"));
    let message = result["warnings"][0]["message"].as_str().unwrap();
    assert!(message.contains("0.006 Å⁻¹") && message.contains("0.005400 Å⁻¹"), "{message}");
}

#[test]
fn the_shear_convention_goes_from_simulation_to_result() {
    let folder = Folder::with(&SHEARED.replace("gap:", "physics: {shear: homodyne-2}\ngap:"));
    let known = "parameters={D0: 3000, alpha: {fixed: -0.4}, D_offset: {fixed: 100}, \
                 gamma_dot_t0: 0.002, beta: {fixed: -0.3}, gamma_dot_t_offset: {fixed: 1e-4}, phi0: 4}";
    let arguments =
        ["fit", "run.hdf", "--mode", "laminar_flow", "--gap", "2e6", "--out", "out", "-q"];
    let more = ["--set", known, "--set", NUMBERS, "--set", "physics.shear=homodyne-2"];
    // This form is no square of a field, so that its error bars take pairs as independent.
    folder.dyne(&[&arguments[..], &more].concat()).ends(1);
    let result = folder.json("out/result.json");
    assert_eq!(result["convention"]["shear"], "homodyne-2");
    let at = "/parameters/gamma_dot_t0";
    assert_near(&result, &format!("{at}/value"), &format!("{at}/stderr"), 0.002, 5.0);
}
