//! What a fit tells at its end, the record of how it was made, and its folder.

use crate::command::Folder;
use crate::experiment::{NUMBERS, REST, REST_START, SHEARED};
use crate::result::codes;

const STATIC: [&str; 6] = ["fit", "run.hdf", "--mode", "static", "--set", REST_START];

fn with<'a>(first: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [first, more].concat()
}

#[test]
fn the_answer_is_short_and_begins_with_the_verdict() {
    let folder = Folder::with(REST);
    let told = folder.dyne(&with(&STATIC, &["--set", NUMBERS])).ends(0);
    let lines: Vec<&str> = told.stdout.lines().collect();
    assert!(lines.len() <= 15, "{}", told.stdout);
    assert!(lines[0].starts_with("GOOD  static, run.hdf, 3 bins"), "{}", lines[0]);
    assert_eq!(lines.last(), Some(&"results in run_static"));
    assert!(!told.stderr.contains("warning"), "{}", told.stderr);
    told.prints(&["J(t = ", "mean_J", "D0  "]);
    let told = folder.dyne(&with(&STATIC, &["--set", NUMBERS, "--verbose"])).ends(0);
    assert!(told.stdout.lines().count() > 40);
    assert!(!told.stdout.contains("threshold_seconds"), "{}", told.stdout);
    told.prints(&["GOOD  static", "\nCost\n", "\nProvenance\n", "results in run_static"]);
}

#[test]
fn the_exit_code_is_that_of_the_verdict() {
    let folder = Folder::with(REST);
    let bounded = ["--set", "parameters.D0.max=19000", "--set", NUMBERS];
    let told = folder.dyne(&with(&STATIC, &bounded)).ends(1);
    told.prints(&["D0  not determined (at upper bound 19000)"]);
    let code = |folder: &Folder| folder.json("run_static/result.json")["verdict"].clone();
    assert_eq!(code(&folder)["exit_code"], 1);
    let class = code(&folder)["class"].clone();
    let accepted =
        folder.dyne(&with(&STATIC, &[&bounded[..], &["--accept", "reservations"]].concat()));
    accepted.ends(if class == "reservations" { 0 } else { 1 });
    assert_eq!(code(&folder)["class"], class);
    assert_eq!(code(&folder)["exit_code"], 1);
}

#[test]
fn a_fit_is_made_again_from_its_record() {
    let folder = Folder::with(SHEARED);
    let known = "parameters={D0: 3000, alpha: {fixed: -0.4}, D_offset: {fixed: 100}, \
                 gamma_dot_t0: 0.002, beta: -0.3, gamma_dot_t_offset: {fixed: 1e-4}, phi0: 4}";
    let selected = ["--phi", "-100:40", "--frames", "2:60", "--set", "fit.loss=soft_l1"];
    let arguments = ["fit", "run.hdf", "--mode", "laminar_flow", "--gap", "2e6", "-q"];
    let given = ["--set", known, "--set", "output.formats=[json, text]"];
    folder.dyne(&[&arguments[..], &selected, &given].concat()).ends(1);
    let expected = folder.numbers("run_laminar_flow");
    let record = folder.text("run_laminar_flow/fit.yaml");
    assert!(record.lines().count() < 45, "{record}");
    assert!(!record.contains("posterior") && record.contains("soft_l1"), "{record}");
    let text = folder.text("run_laminar_flow/report.txt");
    assert!(text.contains("loss: soft_l1") && !text.contains("threshold_seconds"), "{text}");
    let agains: [&[&str]; 3] = [
        &["fit", "--config", "run_laminar_flow/fit.yaml"],
        &["fit", "run_laminar_flow/fit.yaml"],
        &["fit", "--config", "run_laminar_flow/result.json"],
    ];
    for (k, again) in agains.into_iter().enumerate() {
        let out = format!("again{k}");
        folder.dyne(&with(again, &["--out", &out, "-q"])).ends(1);
        assert_eq!(folder.numbers(&out), expected, "{again:?}");
    }
    let table = folder.text("run_laminar_flow/fit.csv");
    let result = folder.json("run_laminar_flow/result.json");
    let d0 = table.lines().find(|line| line.starts_with("parameter,D0,")).expect("a row");
    assert!(d0.contains(&result["parameters"]["D0"]["value"].to_string()), "{d0}");
    assert!(table.lines().any(|line| line.starts_with("headline,mean_J,")), "{table}");
    let columns = table.lines().next().map(|head| head.split(',').count());
    assert_eq!(columns, Some(11));
}

#[test]
fn a_folder_never_holds_files_of_two_fits() {
    let folder = Folder::with(REST);
    let out = ["--out", "out", "-q"];
    folder.dyne(&with(&STATIC, &out)).ends(0);
    folder.write("out/notes.txt", "mine");
    for file in ["report.html", "report.txt", "result.npz", "pictures/map_001.png"] {
        assert!(folder.path("out").join(file).exists(), "{file}");
    }
    // The same fit again, with fewer files: those of before are of this fit.
    let json = ["--set", "output.formats=[json]"];
    folder.dyne(&with(&STATIC, &[&out[..], &json].concat())).ends(0);
    assert!(folder.path("out/report.html").exists());
    // Another fit.
    let other = ["--set", "fit.skip_frames=2"];
    folder.dyne(&with(&STATIC, &[&out[..], &json, &other].concat())).ends(0);
    for file in ["report.html", "report.txt", "result.npz", "pictures"] {
        assert!(!folder.path("out").join(file).exists(), "{file}");
    }
    assert_eq!(folder.text("out/notes.txt"), "mine");
    assert_eq!(folder.json("out/result.json")["provenance"]["plan"]["fit"]["skip_frames"], 2);
}

#[test]
fn files_of_somebody_else_stay() {
    let folder = Folder::with(REST);
    folder.write("fit.yaml", "mode: static\ndata: {file: run.hdf}\n");
    folder.write("report.txt", "mine");
    let json = ["--set", "output.formats=[json]", "-q", "--set", REST_START, "--out", "."];
    for _ in 0..2 {
        folder.dyne(&with(&["fit", "--config", "fit.yaml"], &json)).ends(0);
        assert!(folder.text("fit.yaml").starts_with("mode: static"));
    }
    assert!(folder.path("result.json").exists() && folder.path("run.hdf").exists());
}

#[test]
fn many_bins_leave_few_pictures() {
    let phi: Vec<String> = (0..14).map(|k| (10 * k).to_string()).collect();
    let folder = Folder::with(&format!(
        "mode: static\nframes: 40\ndt: 0.1\nq: 0.0054\nphi: [{}]\n\
         parameters: {{D0: 20000, alpha: -0.4, D_offset: 0}}\n\
         noise: {{kind: gaussian, sigma: 0.01, seed: 1}}\n",
        phi.join(", ")
    ));
    let pictures = |out: &str| {
        let names = std::fs::read_dir(folder.path(&format!("{out}/pictures"))).expect("pictures");
        names.map(|e| e.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    let formats = ["--set", "output.formats=[png, html]", "-q", "--out"];
    folder.dyne(&with(&STATIC, &with(&formats, &["few"])));
    let few = pictures("few");
    assert_eq!(few.iter().filter(|name| name.starts_with("map_")).count(), 4, "{few:?}");
    assert!(few.contains(&"sheet.png".to_owned()));
    assert!(folder.text("few/report.html").contains("All 14 bins"));
    let all = ["--set", "output.pictures=all"];
    folder.dyne(&with(&STATIC, &with(&all, &with(&formats, &["all"]))));
    assert_eq!(pictures("all").iter().filter(|name| name.starts_with("map_")).count(), 14);
}

#[test]
fn slips_are_told_in_the_words_of_the_user() {
    let folder = Folder::with(REST);
    let fit = |more: &[&str]| folder.dyne(&with(&["fit", "run.hdf", "--mode", "static"], more));
    fit(&["--phi", "45"]).ends(2).refuses(&["--phi 45", "two angles"], "--phi 40:50");
    fit(&["--frames", "1-50"]).ends(2).refuses(&["--frames 1-50"], "--frames 1:50");
    fit(&["--q", "0.05"]).ends(2).refuses(&["data.q 0.05", "0.0054"], "choose one of them");
    fit(&["--set", "parameters.D0.fix=3000"]).ends(2).refuses(&["fix"], "write `fixed`?");
    for mode in ["static_isotropic", "statik"] {
        let told = folder.dyne(&["fit", "run.hdf", "--mode", mode]).ends(2);
        told.refuses(&[mode], "write `static`?");
    }
    let told = fit(&["--set", REST_START, "--set", NUMBERS, "--dt", "1", "--out", "out"]);
    assert!(told.stderr.contains("data.dt says 1 s a frame and the file 0.1 s"), "{}", told.stderr);
    assert!(codes(&folder.json("out/result.json")).contains(&"dt_differs"));
}

#[test]
fn a_gap_and_a_q_that_vanish_are_told_before_the_fit() {
    let folder = Folder::with(&SHEARED.replace("q: 0.0054", "q: [0.0054, 0.008]"));
    let flow = ["fit", "run.hdf", "--mode", "laminar_flow", "--dry-run", "--gap"];
    folder.dyne(&with(&flow, &["2", "--q", "all"])).ends(0).prints(&["is it in Å?"]);
    let told = folder.dyne(&with(&flow, &["2e6", "--q", "all"])).ends(0);
    assert!(!told.stdout.contains("is it in Å?"));
    // Bins of the second q are taken away by mask of angle only where the file lacks them.
    let file = Folder::with_file("bad_nan.h5");
    let asked = ["fit", "run.hdf", "--mode", "static", "--dry-run", "--phi", "89:91", "--q"];
    let told = file.dyne(&with(&asked, &["[0.002, 0.003]"])).ends(2);
    told.refuses(&["0.003 Å⁻¹"], "widen data.phi");
    file.dyne(&with(&asked, &["all"])).ends(0).prints(&["no bin of q 0.003 Å⁻¹"]);
}

#[test]
fn an_inspected_file_comes_with_a_command() {
    let folder = Folder::with(REST);
    let told = folder.dyne(&["inspect", "run.hdf"]).ends(0);
    told.prints(&["next      dyne fit run.hdf --mode static", "--mode laminar_flow --gap"]);
}
