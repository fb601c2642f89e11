//! `dyne fit`: results, their files, and what is told on the way.

use serde_json::Value;

use crate::command::Folder;
use crate::experiment::{FRAMES, NUMBERS, REST, SHEARED};
use crate::result::{assert_near, check_schema, codes, number};

const PAIRS: usize = FRAMES * (FRAMES - 1) / 2;

/// The file of the documentation, for a short experiment: what a person writes.
const CONFIG: &str = "\
mode: laminar_flow
data:
  file: run.hdf
  q: 0.0054
  phi: [[-100, 40]]
  frames: [1, 60]
geometry: {gap: 2.0e6}
physics: {shear: published}
parameters:
  D0: {start: 2500, min: 100, max: 1e5}
  alpha: -0.4
  D_offset: {fixed: 100}
  gamma_dot_t0: 0.00205
  beta: {fixed: -0.3}
  gamma_dot_t_offset: {fixed: 1e-4}
  phi0: 3.5
fit: {loss: linear, scaling: individual}
output: {dir: results}
";

fn sheared() -> Folder {
    let folder = Folder::with(SHEARED);
    folder.write("fit.yaml", CONFIG);
    folder
}

#[test]
fn a_fit_without_starting_values_finds_the_truth() {
    let folder = Folder::with(SHEARED);
    let fixed = "parameters={D_offset: {fixed: 100}, gamma_dot_t_offset: {fixed: 1e-4}}";
    let arguments =
        ["fit", "run.hdf", "--mode", "laminar_flow", "--gap", "2e6", "--out", "results"];
    let more = ["--set", fixed, "--set", "output.formats=[json, text]"];
    let told = folder.dyne(&[&arguments[..], &more].concat()).ends(0);
    told.prints(&["GOOD  laminar_flow, run.hdf, 5 bins", "D0", "results in results"]);
    assert!(folder.path("results/fit.csv").exists());
    let result = folder.json("results/result.json");
    check_schema(&result);
    assert_eq!(result["status"], "converged");
    assert!(number(&result, "/counters/starts") > 1.0);
    let truth =
        [("D0", 3000.0), ("alpha", -0.4), ("gamma_dot_t0", 0.002), ("beta", -0.3), ("phi0", 4.0)];
    for (name, truth) in truth {
        let at = format!("/parameters/{name}");
        assert_near(&result, &format!("{at}/value"), &format!("{at}/stderr"), truth, 5.0);
    }
    for bin in 0..5 {
        let at = format!("/scaling/{bin}");
        assert_near(&result, &format!("{at}/contrast"), &format!("{at}/contrast_stderr"), 0.3, 5.0);
        assert_near(&result, &format!("{at}/offset"), &format!("{at}/offset_stderr"), 1.0, 5.0);
    }
    assert!((number(&result, "/cost/sigma") / 0.01 - 1.0).abs() < 0.05);
    assert!(folder.text("results/report.txt").starts_with("GOOD  laminar_flow"));
}

#[test]
fn a_configuration_a_person_writes_is_enough() {
    assert!(CONFIG.lines().count() < 20);
    let folder = sheared();
    folder.dyne(&["fit", "--config", "fit.yaml", "--quiet"]).ends(0);
    let result = folder.json("results/result.json");
    check_schema(&result);
    assert_eq!(crate::result::per_bin(&result, "phi_deg"), [-88.0, -5.0, 30.0]);
    assert_eq!(number(&result, "/counters/starts"), 1.0);
    let names = ["D0", "alpha", "gamma_dot_t0", "phi0"];
    for (name, truth) in names.into_iter().zip([3000.0, -0.4, 0.002, 4.0]) {
        let at = format!("/parameters/{name}");
        assert_near(&result, &format!("{at}/value"), &format!("{at}/stderr"), truth, 5.0);
    }
    let plan = &result["provenance"]["plan"];
    assert_eq!(plan["parameters"]["D0"]["start"], 2500.0);
    assert_eq!(plan["search"]["seed"], 0);
    let html = folder.text("results/report.html");
    assert!(html.contains("phi0") || html.contains("φ₀"));
    let names = ["report.txt", "result.npz", "pictures/map_002.png", "pictures/cuts_002.png"];
    names.iter().for_each(|name| assert!(folder.path("results").join(name).exists(), "{name}"));
}

#[test]
fn flags_override_the_file_and_settings_override_both() {
    let folder = sheared();
    let arguments = ["fit", "--config", "fit.yaml", "--out", "other", "--q", "0.005", "--quiet"];
    let more = ["--frames", "1:50", "--set", "fit.loss=huber", "--set", "data.frames=[1, 55]"];
    let formats = ["--set", NUMBERS];
    folder.dyne(&[&arguments[..], &more, &formats].concat()).ends(1);
    let plan = &folder.json("other/result.json")["provenance"]["plan"];
    assert_eq!(plan["fit"]["loss"], "huber");
    assert_eq!(plan["data"]["frames"], serde_json::json!([1, 55]));
    assert_eq!(plan["data"]["q"], 0.005);
    assert!(!folder.path("results").exists());
}

#[test]
fn threads_change_no_bit() {
    let folder = sheared();
    let fit = |threads: &str, out: &str| {
        let arguments = ["fit", "--config", "fit.yaml", "--global", "--quiet", "--threads"];
        let more = [threads, "--out", out, "--set", NUMBERS, "--set", "search.starts=8"];
        folder.dyne(&[&arguments[..], &more].concat()).ends(0);
        folder.json(&format!("{out}/result.json"))
    };
    let (one, two) = (fit("1", "one"), fit("2", "two"));
    assert_eq!(number(&one, "/provenance/threads"), 1.0);
    assert_eq!(number(&two, "/provenance/threads"), 2.0);
    for key in ["parameters", "scaling", "covariance", "cost", "counters", "termination"] {
        assert_eq!(one[key], two[key], "{key}");
    }
    let bytes = |out: &str| std::fs::read(folder.path(out).join("result.npz")).unwrap();
    for name in ["c2", "fit", "residual", "contrast", "offset"] {
        let bits = |out: &str| -> Vec<u64> {
            let array = folder.array(&format!("{out}/result.npz"), name);
            array.values.iter().map(|v| v.to_bits()).collect()
        };
        assert_eq!(bits("one"), bits("two"), "{name}");
    }
    assert_eq!(bytes("one").len(), bytes("two").len());
}

#[test]
fn a_dry_run_tells_the_plan_and_leaves_the_matrices_alone() {
    // The second matrix of this file cannot be read: a plan that reads it ends with code 3.
    let folder = Folder::with_file("bad_nan.h5");
    let before = folder.everything();
    let arguments = ["fit", "run.hdf", "--mode", "static", "--q", "0.002", "--dry-run"];
    let told = folder.dyne(&arguments).ends(0);
    told.prints(&[
        "mode        static",
        "frames      1 to 6",
        "dt          0.06 s (frame_time 0.01 s × stride_frame 2 × avg_frame 3)",
        "bin 2: q 0.002000 Å⁻¹, φ 90.000°",
    ]);
    assert_eq!(folder.everything(), before);
    let told = folder.dyne(&[&arguments[..4], &["--q", "0.0021", "--dry-run"]].concat()).ends(0);
    assert!(!told.stdout.contains("warning"), "{}", told.stdout);
    let told = folder.dyne(&[&arguments[..4], &["--q", "0.0018", "--dry-run"]].concat()).ends(0);
    told.prints(&["warning", "0.002000 Å⁻¹ and was taken"]);
}

#[test]
fn quiet_is_quiet_and_plain_output_has_no_escapes() {
    let folder = Folder::with(REST);
    let quiet = folder.dyne(&folder.fit_rest(&[])).ends(0);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
    let loud: Vec<&str> = folder.fit_rest(&[]).into_iter().filter(|a| *a != "--quiet").collect();
    let loud = folder.dyne(&loud).ends(0);
    for phase in ["dyne: read: done in", "dyne: fit: done in", "dyne: report: done in"] {
        assert!(loud.stderr.contains(phase), "{phase:?} is not in {:?}", loud.stderr);
    }
    assert!(!loud.stderr.contains('\x1b') && !loud.stdout.contains('\x1b'));
}

#[test]
fn events_are_lines_of_json() {
    let folder = Folder::with(REST);
    let arguments = [&folder.fit_rest(&[])[..], &["--events", "events.jsonl"]].concat();
    folder.dyne(&arguments).ends(0);
    let text = folder.text("events.jsonl");
    let events: Vec<Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{l}: {e}")))
        .collect();
    let phases = |kind: &str| -> Vec<&str> {
        let of_kind = events.iter().filter(|e| e["event"] == kind);
        of_kind.map(|e| e["phase"].as_str().expect("a phase")).collect()
    };
    for kind in ["phase_started", "phase_finished"] {
        let found = phases(kind);
        let told: Vec<&&str> =
            found.iter().filter(|p| ["read", "fit", "report"].contains(p)).collect();
        assert_eq!(told, [&"read", &"fit", &"report"], "{kind}");
    }
    assert!(events.iter().any(|e| e["event"] == "iteration" && e["cost"].is_number()));
    let times: Vec<f64> = events.iter().map(|e| e["t"].as_f64().expect("a time")).collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn arrays_hold_the_data_the_fit_and_their_difference() {
    let folder = Folder::with(REST);
    folder.dyne(&["simulate", "--config", "sim.yaml", "--out", "run.npz", "-q"]).ends(0);
    folder.dyne(&folder.fit_rest(&["fit.skip_frames=2"])).ends(0);
    let simulated = folder.array("run.npz", "c2");
    let read = |name: &str| folder.array("out/result.npz", name);
    let [c2, fit, residual] = ["c2", "fit", "residual"].map(read);
    assert_eq!(c2.shape, [3, PAIRS as u64]);
    assert_eq!((&fit.shape, &residual.shape), (&c2.shape, &c2.shape));
    let mut k = 0;
    for bin in 0..3 {
        for i in 0..FRAMES {
            for j in i + 1..FRAMES {
                let exact = simulated.values[(bin * FRAMES + i) * FRAMES + j];
                assert_eq!(c2.values[k], exact, "bin {bin}, pair ({i}, {j})");
                // Pairs of the skipped frames take no part.
                assert_eq!(fit.values[k].is_nan(), i < 2, "bin {bin}, pair ({i}, {j})");
                let difference = c2.values[k] - fit.values[k];
                assert!(i < 2 || (residual.values[k] - difference).abs() < 1e-6);
                k += 1;
            }
        }
    }
    let result = folder.json("out/result.json");
    assert_eq!(number(&result, "/cost/n_pairs"), (3 * (FRAMES - 2) * (FRAMES - 3) / 2) as f64);
    let ssr: f64 = residual.values.iter().filter(|r| !r.is_nan()).map(|r| r * r).sum();
    assert!((ssr / number(&result, "/cost/ssr") - 1.0).abs() < 1e-4);
    assert_eq!(read("phi").values, [0.0, 45.0, 90.0]);
    assert_eq!(read("q").values, [0.0054; 3]);
    assert_eq!(read("t").shape, [FRAMES as u64]);
    assert!((read("t").values[10] - 1.0).abs() < 1e-12);
    assert_eq!(read("contrast").values, crate::result::per_bin(&result, "contrast"));
}

#[test]
fn full_arrays_are_symmetric_with_an_empty_diagonal() {
    let folder = Folder::with(REST);
    folder.dyne(&folder.fit_rest(&["output.npz_layout=full", "data.frames=[11, 40]"])).ends(0);
    let full = folder.array("out/result.npz", "c2");
    folder.dyne(&folder.fit_rest(&["data.frames=[11, 40]"])).ends(0);
    let upper = folder.array("out/result.npz", "c2");
    assert_eq!(full.shape, [3, 30, 30]);
    assert_eq!(upper.shape, [3, 435]);
    let mut packed = Vec::new();
    for bin in full.values.chunks_exact(900) {
        for i in 0..30 {
            assert!(bin[31 * i].is_nan());
            for j in i + 1..30 {
                assert_eq!(bin[30 * i + j], bin[30 * j + i]);
                packed.push(bin[30 * i + j]);
            }
        }
    }
    assert_eq!(packed, upper.values);
}

#[test]
fn a_parameter_on_its_bound_is_a_reservation() {
    let folder = Folder::with(REST);
    folder.dyne(&folder.fit_rest(&["parameters.D0.max=19000"])).ends(1);
    let result = folder.json("out/result.json");
    check_schema(&result);
    assert_eq!(result["status"], "converged");
    assert_eq!(result["parameters"]["D0"]["at_bound"], "upper");
    assert_eq!(result["parameters"]["D0"]["stderr"], Value::Null);
    assert!(codes(&result).contains(&"at_bound"));
}

#[test]
fn a_fit_that_runs_out_of_sweeps_is_a_reservation() {
    // The coarse levels have sweeps of their own; the one sweep is over all pairs.
    let folder = Folder::with(&REST.replace("frames: 60", "frames: 150"));
    folder.dyne(&folder.fit_rest(&["fit.max_sweeps=1"])).ends(1);
    let result = folder.json("out/result.json");
    check_schema(&result);
    assert_eq!(result["status"], "not_converged");
}

#[test]
fn a_second_run_replaces_the_files_of_the_first_and_keeps_others() {
    let folder = Folder::with(REST);
    folder.dyne(&folder.fit_rest(&[])).ends(0);
    folder.write("out/notes.txt", "mine");
    // Weights that hang on residuals have no error bars of speckles, which is a reservation.
    folder.dyne(&folder.fit_rest(&["fit.loss=cauchy"])).ends(1);
    assert_eq!(folder.text("out/notes.txt"), "mine");
    assert_eq!(folder.json("out/result.json")["provenance"]["plan"]["fit"]["loss"], "cauchy");
    let names: Vec<String> = folder
        .everything()
        .into_keys()
        .map(|p| p.file_name().expect("a name").to_string_lossy().into_owned())
        .filter(|name| name.starts_with('.'))
        .collect();
    assert!(names.is_empty(), "{names:?}");
}
