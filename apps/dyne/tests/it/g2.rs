//! One-time correlation functions of a simulated sample, and what is refused.

use serde_json::Value;

use crate::command::Folder;

/// m = exp(−q² D0 t): contrast·exp(−2 t/τ) with τ = 2/(q² D0).
const DECAY: &str = "mode: static\nframes: 200\ndt: 0.1\nq: 0.0054\nphi: [0]\n\
    parameters: {D0: 40000, alpha: 0, D_offset: 0}\ncontrast: 0.3\n\
    noise: {kind: gaussian, sigma: 0.01, seed: 1}\n";

/// Speckles at four q, τ from 0.56 to 5 s.
const DIFFUSION: &str = "mode: static\nframes: 300\ndt: 0.1\nq: [0.002, 0.003, 0.0042, 0.006]\n\
    phi: [0, 90]\nparameters: {D0: 100000, alpha: 0, D_offset: 0}\ncontrast: 0.3\n\
    noise: {kind: speckle, pixels: 4000, seed: 5}\n";

#[test]
fn the_decay_of_a_known_sample_is_found_at_every_age() {
    let folder = Folder::with(DECAY);
    let arguments = ["g2", "run.hdf", "--partials", "2", "--model", "both", "--out", "out"];
    folder.dyne(&arguments).ends(0);
    let told = folder.json("out/g2.json");
    assert_eq!(told["schema"], "dyne-g2/1");
    let table = folder.text("out/fits.csv");
    let mut lines = table.lines();
    let head: Vec<&str> = lines.next().unwrap().split(',').collect();
    let column = |part: &str| head.iter().position(|h| h.starts_with(part)).unwrap();
    let (tau, error) = (column("tau (s)"), column("tau stderr"));
    let truth = 2.0 / (0.0054 * 0.0054 * 40000.0);
    let mut rows = 0;
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |k: usize| cells[k].parse::<f64>().unwrap();
        assert!((number(tau) - truth).abs() < 4.0 * number(error), "{line}");
        assert!(number(error) < 0.03 * truth, "{line}");
        rows += 1;
    }
    assert_eq!(rows, 4, "two ages, two models");
    for name in ["out/g2.html", "out/pictures/g2_1.png", "out/pictures/ageing.png"] {
        assert!(folder.path(name).metadata().unwrap().len() > 5000, "{name}");
    }
    assert!(!folder.path("out/power_law.csv").exists(), "one q has no power law");
}

/// Whether a number with its error holds a truth within so many errors.
fn holds(value: &Value, truth: f64, errors: f64) -> bool {
    let number = |key: &str| value[key].as_f64().unwrap();
    (number("value") - truth).abs() < errors * number("stderr")
}

#[test]
fn diffusion_gives_the_square_of_q_and_the_d0_of_the_static_mode() {
    let folder = Folder::with(DIFFUSION);
    let arguments =
        ["g2", "run.hdf", "--q", "all", "--model", "exponential", "--each-angle", "--out", "out"];
    folder.dyne(&arguments).prints(&["τ = a·q⁻ⁿ", "exponential, φ 90°"]);
    let told = folder.json("out/g2.json");
    let laws = told["power_laws"].as_array().unwrap();
    assert_eq!(laws.len(), 2, "one an angle");
    for law in laws {
        let used = law["used"].as_u64().unwrap();
        assert!(used >= 3 && used + law["left_out"].as_u64().unwrap() == 4, "{law:#}");
        let found = &law["law"];
        assert!(holds(&found["exponent"], 2.0, 2.5), "{found:#}");
        assert!(found["exponent"]["stderr"].as_f64().unwrap() < 0.15, "{found:#}");
        assert!(holds(&found["d0"], 1e5, 2.5), "{found:#}");
        assert!(found["d0"]["stderr"].as_f64().unwrap() < 8e3, "{found:#}");
    }
    let csv = folder.text("out/power_law.csv");
    let columns = |line: &str| line.split(',').count();
    assert!(csv.lines().all(|line| columns(line) == columns(csv.lines().next().unwrap())));
    assert!(folder.path("out/pictures/power_law.png").exists());
    // Two q make no law.
    let two = ["g2", "run.hdf", "--q", "[0.003, 0.006]", "--json"];
    let told: Value = serde_json::from_str(&folder.dyne(&two).stdout).unwrap();
    assert_eq!(told["power_laws"].as_array().unwrap().len(), 0);
}

#[test]
fn reservations_end_with_1() {
    let folder = Folder::with(DECAY);
    // τ is 1.7 s, and the longest lag of 20 frames 1.9 s.
    let outcome = folder.dyne(&["g2", "run.hdf", "--frames", "1:20"]).ends(1);
    outcome.prints(&["decay not completed in the window"]);
}

#[test]
fn windows_that_do_not_fit_are_refused() {
    let folder = Folder::with(DECAY);
    folder.dyne(&["g2", "run.hdf", "--partials", "0"]).ends(2);
    folder.dyne(&["g2", "run.hdf", "--window", "900", "--step", "10"]).ends(2);
}

#[test]
fn files_and_bins_that_are_not_there_are_data() {
    let folder = Folder::with(DECAY);
    let before = folder.everything();
    let refused = |arguments: &[&str], code: i32, part: &str, remedy: &str| {
        let all = [&["g2"], arguments, &["--out", "new/out"]].concat();
        folder.dyne(&all).ends(code).refuses(&[part], remedy);
        assert_eq!(folder.everything(), before);
    };
    refused(&["none.hdf"], 3, "reading none.hdf", "check the name");
    refused(&["run.hdf", "--phi", "50:60"], 3, "phi", "");
    refused(&["run.hdf", "--frames", "1:900"], 3, "frames", "");
    refused(&["run.hdf", "--dt", "0"], 2, "data.dt", "above 0 in s");
    let damaged = Folder::with_file("bad_nan.h5");
    damaged.dyne(&["g2", "run.hdf", "--q", "all"]).ends(3).refuses(&["value NaN"], "data.frames");
}

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_is_no_failure() {
    use std::process::Stdio;
    let folder = Folder::with(DECAY);
    for arguments in [&["g2", "run.hdf", "--json"][..], &["config", "schema"]] {
        let mut command = folder.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), told.as_str()), (Some(0), ""), "{arguments:?}");
    }
}
