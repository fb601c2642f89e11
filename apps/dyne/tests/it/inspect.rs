//! `dyne inspect`: what a file holds and how each number was derived.

use serde_json::Value;

use crate::command::Folder;
use crate::experiment::{FRAMES, REST};

#[test]
fn a_simulated_file_is_told_whole() {
    let folder = Folder::with(REST);
    folder.dyne(&["inspect", "run.hdf"]).ends(0).prints(&[
        "file      run.hdf",
        "layout    APS-U",
        "matrices  3 of 60 × 60 frames",
        "dt        0.1 s  (frame_time 0.1 s × stride_frame 1 × avg_frame 1)",
        "numbered through /xpcs/qmap/dynamic_index_mapping",
        "    2     0.005400    45.000        –  /xpcs/twotime/correlation_map/c2_00002",
        "upper triangle, chunks of 60 × 60, shuffle + gzip",
    ]);
}

#[test]
fn json_holds_the_same_and_the_ranges() {
    let folder = Folder::with(REST);
    folder.dyne(&["simulate", "--config", "sim.yaml", "--out", "run.npz", "-q"]).ends(0);
    let told = folder.dyne(&["inspect", "run.hdf", "--json"]).ends(0).stdout;
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let catalog = &told["catalog"];
    assert_eq!(catalog["layout"], "aps_u");
    assert_eq!(catalog["frames"], FRAMES);
    assert_eq!(catalog["dt"]["seconds"], 0.1);
    let phi: Vec<&Value> =
        catalog["bins"].as_array().unwrap().iter().map(|b| &b["phi_deg"]).collect();
    assert_eq!(phi, [&Value::from(0.0), &Value::from(45.0), &Value::from(90.0)]);
    let matrices = told["matrices"].as_array().unwrap();
    let c2 = folder.array("run.npz", "c2").values;
    for (found, values) in matrices.iter().zip(c2.chunks_exact(FRAMES * FRAMES)) {
        assert_eq!(found["pairs"], FRAMES * (FRAMES - 1) / 2);
        let upper = (0..FRAMES).flat_map(|i| &values[i * FRAMES + i + 1..(i + 1) * FRAMES]);
        let mean = upper.sum::<f64>() / (FRAMES * (FRAMES - 1) / 2) as f64;
        let told = found["mean"].as_f64().unwrap();
        assert!((told - mean).abs() < 1e-9, "{told} and {mean}");
        for none in ["not_finite", "zeros", "negatives"] {
            assert_eq!(found[none], 0);
        }
    }
}

#[test]
fn headers_alone_read_no_matrix() {
    let folder = Folder::with_file("bad_nan.h5");
    let told = folder.dyne(&["inspect", "run.hdf", "--headers"]).ends(0);
    assert!(!told.stdout.contains("NaN"), "{}", told.stdout);
    told.prints(&["matrices  3 of 6 × 6 frames", "dt        0.06 s"]);
}

#[test]
fn bad_values_are_counted_and_a_reservation() {
    for (file, counts) in [("bad_nan.h5", [0, 1, 0]), ("bad_inf.h5", [0, 1, 0])] {
        let folder = Folder::with_file(file);
        let told = folder.dyne(&["inspect", "run.hdf", "--json"]).ends(1).stdout;
        let told: Value = serde_json::from_str(&told).expect("JSON");
        for (matrix, count) in counts.into_iter().enumerate() {
            let matrix = &told["matrices"][matrix];
            assert_eq!(matrix["not_finite"], count, "{matrix}");
            assert!(matrix["max"].as_f64().unwrap() < 2.0, "{matrix}");
        }
        folder.dyne(&["inspect", "run.hdf"]).ends(1).prints(&["NaN/Inf"]);
    }
}

#[test]
fn matrices_that_no_fit_takes_are_a_reservation() {
    let folder = Folder::with_file("bad_all_zero.h5");
    folder.dyne(&["inspect", "run.hdf"]).ends(1).prints(&["zeros only"]);
    let folder = Folder::with_file("bad_asymmetric.h5");
    folder.dyne(&["inspect", "run.hdf"]).ends(1).prints(&["full matrix, not symmetric"]);
}

#[test]
fn an_absent_frame_time_tells_where_it_was_looked_for() {
    let folder = Folder::with_file("aps_u_no_frame_time.h5");
    let told = folder.dyne(&["inspect", "run.hdf"]).ends(0);
    told.prints(&["dt        not in the file", "/entry/instrument/detector_1/frame_time: absent"]);
}

#[test]
fn other_layouts_are_recognised() {
    let folder = Folder::with_file("aps_old_bins.h5");
    folder.dyne(&["inspect", "run.hdf"]).ends(0).prints(&["layout    APS old"]);
    let folder = Folder::with_file("cache.npz");
    folder.dyne(&["inspect", "run.hdf"]).ends(0).prints(&["layout    homodyne NPZ cache"]);
}

#[test]
fn a_file_that_is_none_is_refused() {
    let folder = Folder::new();
    folder.write("notes.txt", "q = 0.0054\n");
    let refused = folder.dyne(&["inspect", "notes.txt"]).ends(3);
    refused.refuses(&["reading notes.txt", "neither an HDF5 nor an NPZ file"], "boost_corr");
}
