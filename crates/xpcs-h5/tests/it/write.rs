use std::io;
use std::path::Path;

use dyne_xpcs_data::{Element, Layout, Samples, SimulatedMatrix, StoredTriangle, Triangle};
use dyne_xpcs_h5::{Experiment, WriteError, inspect, open, write_aps_u, write_npz};

use crate::{lanes, value};

fn experiment(frames: usize) -> Experiment {
    Experiment { q: vec![0.0054], phi_deg: vec![-30.0, 0.0, 60.0], dt_s: 0.25, frames }
}

fn matrix(k: usize, n: usize) -> SimulatedMatrix {
    let pairs = (0..n).flat_map(|i| (i + 1..n).map(move |j| value(k, i, j) as f32));
    SimulatedMatrix {
        triangle: Triangle::new(n, Samples::F32(pairs.collect())),
        diagonal: vec![3.5; n],
    }
}

fn given(n: usize) -> impl FnMut(usize) -> Result<SimulatedMatrix, io::Error> {
    move |k| Ok(matrix(k, n))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn aps_u_comes_back_as_written() {
    // Axis lengths of one and two bytes: the layout message stores the fewest; one chunk and several.
    for n in [2, 7, 256, 300, 513] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("written.h5");
        write_aps_u(&path, &experiment(n), given(n)).unwrap();
        let reader = open(&path).unwrap();
        let catalog = reader.catalog();
        assert_eq!((catalog.layout, catalog.element), (Layout::ApsU, Element::F32));
        assert_eq!(catalog.dt.as_ref().unwrap().seconds, 0.25);
        let bins: Vec<_> = catalog.bins.iter().map(|b| (b.number, b.q, b.phi_deg)).collect();
        assert_eq!(bins, [(1, 0.0054, -30.0), (2, 0.0054, 0.0), (3, 0.0054, 60.0)]);
        let found = reader.read(&[0, 1, 2], 0..n, &lanes(2)).unwrap();
        for (k, triangle) in found.iter().enumerate() {
            assert_eq!(*triangle, matrix(k, n).triangle, "{n} frames, matrix {k}");
        }
        let summary = &inspect(&*reader, &lanes(1)).unwrap()[0];
        assert_eq!(summary.stored, StoredTriangle::Upper);
        assert_eq!(summary.filters, ["shuffle", "gzip"]);
        assert_eq!(summary.chunk, [n.min(256) as u64; 2]);
        assert_eq!(names(folder.path()), ["written.h5"]);
    }
}

#[test]
fn several_q_are_a_grid() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("written.h5");
    let grid = Experiment { q: vec![0.003, 0.006], phi_deg: vec![-30.0, 60.0], ..experiment(5) };
    write_aps_u(&path, &grid, given(5)).unwrap();
    let reader = open(&path).unwrap();
    let bins: Vec<_> = reader.catalog().bins.iter().map(|b| (b.q, b.phi_deg)).collect();
    assert_eq!(bins, [(0.003, -30.0), (0.003, 60.0), (0.006, -30.0), (0.006, 60.0)]);
    let error = write_npz(&folder.path().join("written.npz"), &grid, given(5)).unwrap_err();
    assert!(error.to_string().contains("found 2 q, expected one"), "{error}");
}

#[test]
fn npz_holds_full_matrices() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("written.npz");
    write_npz(&path, &experiment(5), given(5)).unwrap();
    let mut archive = npyz::npz::NpzArchive::open(&path).unwrap();
    let mut array = |name: &str| -> (Vec<u64>, Vec<f64>) {
        let npy = archive.by_name(name).unwrap().unwrap();
        (npy.shape().to_vec(), npy.into_vec().unwrap())
    };
    assert_eq!(array("q"), (vec![], vec![0.0054]));
    assert_eq!(array("phi"), (vec![3], vec![-30.0, 0.0, 60.0]));
    assert_eq!(array("t"), (vec![5], vec![0.0, 0.25, 0.5, 0.75, 1.0]));
    let (shape, c2) = array("c2");
    assert_eq!(shape, [3, 5, 5]);
    let at = |k: usize, i: usize, j: usize| c2[(k * 5 + i) * 5 + j];
    assert_eq!((at(1, 2, 4), at(1, 4, 2), at(1, 3, 3)), (value(1, 2, 4), value(1, 2, 4), 3.5));
}

#[test]
fn a_failure_leaves_nothing_and_keeps_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["written.h5", "written.npz"] {
        let path = folder.path().join(name);
        std::fs::write(&path, "earlier").unwrap();
        let failing = |k: usize| match k {
            0 => Ok(matrix(k, 7)),
            _ => Err(io::Error::other("no more matrices")),
        };
        let result = if name.ends_with("h5") {
            write_aps_u(&path, &experiment(7), failing)
        } else {
            write_npz(&path, &experiment(7), failing)
        };
        let error = result.unwrap_err();
        assert!(matches!(error, WriteError::Matrix { matrix: 2, .. }), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "earlier");
    }
    let mut left = names(folder.path());
    left.sort();
    assert_eq!(left, ["written.h5", "written.npz"]);
    let nowhere = folder.path().join("absent/written.h5");
    let error = write_aps_u(&nowhere, &experiment(7), given(7)).unwrap_err();
    assert!(matches!(error, WriteError::File { .. }), "{error}");
}

#[test]
fn what_cannot_be_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("written.h5");
    let refused = |experiment: Experiment, n: usize| {
        let error = write_aps_u(&path, &experiment, given(n)).unwrap_err();
        assert!(matches!(error, WriteError::Experiment { .. }), "{error}");
        assert!(names(folder.path()).is_empty());
        error.to_string()
    };
    let good = experiment(7);
    assert!(refused(Experiment { q: vec![0.0], ..good.clone() }, 7).contains("q 0"));
    assert!(refused(Experiment { dt_s: f64::NAN, ..good.clone() }, 7).contains("NaN s"));
    assert!(refused(Experiment { phi_deg: vec![], ..good.clone() }, 7).contains("no angle"));
    assert!(
        refused(Experiment { phi_deg: vec![f64::INFINITY], ..good.clone() }, 7).contains("inf")
    );
    assert!(refused(Experiment { frames: 1, ..good.clone() }, 1).contains("1 frames"));
    assert!(refused(Experiment { frames: 40_000, ..good.clone() }, 7).contains("32767"));
    assert!(refused(good, 8).contains("matrix 1 of 8 frames"));
}
