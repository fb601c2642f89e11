//! Data that cannot be fitted, and places that cannot be written: what is said, the exit code,
//! and that nothing is left behind or harmed.

use crate::command::Folder;
use crate::experiment::{NUMBERS, REST, SHEARED};

const MAP: &str = "/xpcs/twotime/correlation_map";

/// Fits `run.hdf` of `folder` with `arguments` besides; the refusal leaves nothing behind.
#[track_caller]
pub(crate) fn refused(
    folder: &Folder,
    arguments: &[&str],
    code: i32,
    parts: &[&str],
    remedy: &str,
) {
    let before = folder.everything();
    let outcome = folder.dyne(&[&["fit", "run.hdf", "--out", "new/out"], arguments].concat());
    outcome.ends(code).refuses(parts, remedy);
    let after = folder.everything();
    assert!(before == after, "left behind: {:?}", after.keys().collect::<Vec<_>>());
}

/// A refusal of a file among the examples of the readers.
#[track_caller]
fn refused_file(name: &str, parts: &[&str], remedy: &str) {
    let folder = Folder::with_file(name);
    let arguments = ["--mode", "static", "--q", "all"];
    refused(&folder, &arguments, 3, &[&["run.hdf"], parts].concat(), remedy);
}

#[test]
fn a_truncated_file() {
    let folder = Folder::with(REST);
    let whole = std::fs::read(folder.path("run.hdf")).unwrap();
    for length in [whole.len() - 200, whole.len() / 2, 200, 20] {
        folder.write("run.hdf", &whole[..length]);
        let before = folder.everything();
        let outcome = folder.dyne(&["fit", "run.hdf", "--mode", "static"]).ends(3);
        assert!(outcome.stderr.contains("run.hdf"), "{}", outcome.stderr);
        assert_eq!(outcome.stderr.lines().count(), 2, "{}", outcome.stderr);
        assert_eq!(folder.everything(), before);
    }
}

#[test]
fn a_file_that_is_no_hdf5() {
    let folder = Folder::new();
    for content in ["q = 0.0054\n", ""] {
        folder.write("run.hdf", content);
        let parts = ["reading run.hdf", "neither an HDF5 nor an NPZ file"];
        refused(&folder, &["--mode", "static"], 3, &parts, "boost_corr");
    }
}

#[test]
fn a_missing_file() {
    let folder = Folder::new();
    let parts = ["reading run.hdf", "No such file"];
    refused(&folder, &["--mode", "static"], 3, &parts, "check the name");
}

#[test]
fn a_missing_dataset() {
    let parts = ["/xpcs/twotime/processed_bins: found nothing, expected the numbers of the bins"];
    refused_file("bad_processed_missing.h5", &parts, "correlate again");
}

#[test]
fn an_unknown_layout() {
    let parts = ["no known layout: entry at the root", "expected /xpcs/twotime/correlation_map"];
    refused_file("bad_layout.h5", &parts, "");
}

#[test]
fn lists_that_disagree_in_length() {
    let parts = ["processed_bins: found 2 bin numbers, expected 3", MAP];
    refused_file("bad_processed_short.h5", &parts, "not written whole");
    let parts = ["/xpcs/dphilist: found 1 values, expected 5, as /xpcs/dqlist has"];
    refused_file("bad_old_phi_short.h5", &parts, "make it again");
}

#[test]
fn a_matrix_that_is_not_square() {
    let parts = ["c2_00002: found 6 rows and 5 columns, expected a square matrix"];
    refused_file("bad_not_square.h5", &parts, "correlate the bin again");
}

#[test]
fn matrices_of_different_sizes() {
    let parts = ["c2_00002: found 5 frames", "expected 6 frames", "c2_00001 has"];
    refused_file("bad_sizes.h5", &parts, "with the same frames");
}

#[test]
fn values_that_are_not_finite() {
    let parts = ["c2_00002: value NaN at frames (2, 5)", "expected a finite number"];
    refused_file("bad_nan.h5", &parts, "data.frames");
    // The first frame takes part only where none is skipped.
    let folder = Folder::with_file("bad_inf.h5");
    let arguments = ["--mode", "static", "--q", "all", "--set", "fit.skip_frames=0"];
    let parts = ["run.hdf", "c2_00002: value inf at frames (1, 6)", "expected a finite number"];
    refused(&folder, &arguments, 3, &parts, "data.frames");
}

#[test]
fn a_matrix_of_zeros() {
    let folder = Folder::with_file("bad_all_zero.h5");
    let told = folder.dyne(&["inspect", "run.hdf"]).ends(1);
    told.prints(&["left out  bin 2", "no data: every pair has the value 0"]);
}

#[test]
fn no_frame_time_in_file_or_configuration() {
    let parts = ["frame time: found none", "detector_1/frame_time: absent", "expected a positive"];
    refused_file("aps_u_no_frame_time.h5", &parts, "data.dt");
    let folder = Folder::with_file("aps_u_no_frame_time.h5");
    let arguments =
        ["fit", "run.hdf", "--mode", "static", "--q", "all", "--dt", "0.5", "--dry-run"];
    folder.dyne(&arguments).ends(0).prints(&["dt          0.5 s (data.dt 0.5 s)"]);
}

#[test]
fn a_frame_time_that_is_not_positive() {
    let parts = ["detector_1/frame_time: found 0, expected a positive frame_time"];
    refused_file("bad_frame_time_zero.h5", &parts, "correct the dataset");
    let folder = Folder::with(REST);
    for dt in ["0", "-1"] {
        let found = format!("found {dt}, expected a positive");
        let arguments = ["--mode", "static", "--dt", dt];
        refused(&folder, &arguments, 2, &["data.dt", &found], "above 0 in s");
    }
}

#[test]
fn fewer_pairs_than_parameters() {
    let folder = Folder::with(REST);
    // Of four frames one is skipped: three pairs a bin, and 3 + 2 × 3 parameters.
    let parts = ["9 pairs of frames for 9 free parameters", "expected more pairs"];
    let arguments = ["--mode", "static", "--frames", "1:4"];
    refused(&folder, &arguments, 3, &parts, "select more frames");
}

#[test]
fn frames_out_of_range() {
    let folder = Folder::with(REST);
    let parts = ["run.hdf: data.frames [50, 70]", "frames 1 to 60", "expected a range inside"];
    refused(&folder, &["--mode", "static", "--frames", "50:70"], 3, &parts, "data.frames");
    let parts = ["data.frames[1]", "found 2, expected more than the first frame 5"];
    refused(&folder, &["--mode", "static", "--frames", "5:2"], 2, &parts, "in this order");
    let parts = ["data.frames[0]", "found 0, expected at least 1"];
    refused(&folder, &["--mode", "static", "--frames", "0:20"], 2, &parts, "from 1");
}

#[test]
fn a_range_of_angles_that_holds_nothing() {
    let folder = Folder::with(REST);
    let parts = ["run.hdf: data.phi: no bin", "their angles are 0, 45, 90°"];
    refused(&folder, &["--mode", "static", "--phi", "100:120"], 3, &parts, "widen data.phi");
}

#[test]
fn several_q_and_no_choice() {
    let folder = Folder::with_file("aps_u.h5");
    let parts = ["run.hdf: data.q is not given", "0.002, 0.003 Å⁻¹", "expected one q"];
    refused(&folder, &["--mode", "static"], 2, &parts, "set data.q");
    let parts = ["data.q 0.0025 Å⁻¹ with data.q_tolerance 0.01: no bin", "0.002, 0.003 Å⁻¹"];
    let arguments = ["--mode", "static", "--q", "0.0025", "--set", "data.q_tolerance=0.01"];
    refused(&folder, &arguments, 3, &parts, "widen the tolerance");
}

#[test]
fn a_profile_of_a_fixed_parameter() {
    let folder = Folder::with(REST);
    let parts = ["uncertainty.profile", "`alpha`", "expected a free parameter"];
    let arguments =
        ["--mode", "static", "--set", "parameters.alpha.fixed=0", "--profile", "D0,alpha"];
    refused(&folder, &arguments, 2, &parts, "free parameters.alpha");
}

#[test]
fn a_fourier_order_too_high_for_the_angles() {
    let folder = Folder::with(REST);
    let parts = ["fourier", "order 2", "3 bins, expected at least 5"];
    let arguments = ["--mode", "static", "--set", "fit.scaling={fourier: 2}"];
    refused(&folder, &arguments, 2, &parts, "lower the order");
    refused(&folder, &[&arguments[..], &["--dry-run"]].concat(), 2, &parts, "lower the order");
}

#[test]
fn a_contrast_list_of_a_wrong_length() {
    let folder = Folder::with(REST);
    let parts = ["parameters.contrast.fixed: 2 values for 3 selected bins", "expected one value"];
    let list = "parameters={contrast: {fixed: [0.3, 0.28]}, offset: {fixed: 1}}";
    let arguments = ["--mode", "static", "--set", "fit.scaling=constant", "--set", list];
    refused(&folder, &arguments, 2, &parts, "correct the list");
    refused(&folder, &[&arguments[..], &["--dry-run"]].concat(), 2, &parts, "correct the list");
}

#[test]
fn a_place_that_cannot_be_written() {
    let folder = Folder::with(REST);
    folder.write("occupied", "a file");
    let before = folder.everything();
    for out in ["occupied", "occupied/below"] {
        let outcome = folder.dyne(&["fit", "run.hdf", "--mode", "static", "--out", out]).ends(5);
        let parts = ["writing", out, "expected a folder"];
        outcome.refuses(&parts, "an earlier result there is untouched");
        assert_eq!(folder.everything(), before);
    }
    let arguments = ["fit", "run.hdf", "--mode", "static", "--events", "absent/events.jsonl"];
    let outcome = folder.dyne(&arguments).ends(2);
    outcome.refuses(&["--events absent/events.jsonl", "expected a file"], "choose another");
    let outcome = folder.dyne(&["demo", "--out", "occupied"]).ends(2);
    outcome.refuses(&["--out occupied", "expected a folder"], "choose another");
    assert_eq!(folder.everything(), before);
}

#[test]
fn an_earlier_result_survives_a_failure() {
    let folder = Folder::with(REST);
    folder.dyne(&folder.fit_rest(&["output.formats=[json, text, npz, html, png]"])).ends(0);
    let before = folder.everything();
    assert!(before.len() > 10, "{before:?}");
    let failures: [&[&str]; 3] =
        [&["data.frames=[50, 70]"], &["data.dt=-1"], &["fit.scaling={fourier: 2}"]];
    for settings in failures {
        let outcome = folder.dyne(&folder.fit_rest(settings));
        assert!(!outcome.stderr.is_empty());
        assert!(folder.everything() == before, "{settings:?}");
    }
    // Data that turn out bad only when they are read.
    let bad = Folder::with_file("bad_nan.h5");
    folder.write("bad.hdf", std::fs::read(bad.path("run.hdf")).unwrap());
    let before = folder.everything();
    let arguments = ["fit", "bad.hdf", "--mode", "static", "--q", "all", "--out", "out"];
    folder.dyne(&arguments).ends(3).refuses(&["bad.hdf", "value NaN"], "data.frames");
    assert!(folder.everything() == before);
}

#[test]
fn the_current_folder_and_links_take_results() {
    let folder = Folder::with(SHEARED);
    let known = "parameters={D0: 3000, alpha: {fixed: 0}, D_offset: {fixed: 0}}";
    std::fs::create_dir(folder.path("far")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("far", folder.path("link")).unwrap();
    for (out, result) in [(".", "result.json"), ("link", "far/result.json")] {
        let arguments = ["fit", "run.hdf", "--mode", "static", "--out", out, "-q", "--set", known];
        let outcome = folder.dyne(&[&arguments[..], &["--set", NUMBERS]].concat());
        assert_eq!(outcome.stderr, "");
        assert_eq!(folder.json(result)["schema"], "dyne-result/1");
    }
    let hidden = folder
        .everything()
        .into_keys()
        .filter(|p| p.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')));
    assert_eq!(hidden.count(), 0);
}
