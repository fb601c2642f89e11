use dyne_xpcs_data::{Element, Layout, Reader, StoredTriangle};
use dyne_xpcs_h5::inspect;

use crate::{FRAMES, assert_refused, assert_rule, lanes, open};

fn assert_all(reader: &dyn Reader) {
    let triangles = reader.read(&[0, 1, 2], 0..FRAMES, &lanes(2)).unwrap();
    for (k, triangle) in triangles.iter().enumerate() {
        assert_rule(triangle, k, 0);
    }
}

#[test]
fn bins_go_through_the_mapping() {
    let reader = open("aps_u.h5");
    let catalog = reader.catalog();
    assert_eq!((catalog.layout, catalog.frames), (Layout::ApsU, FRAMES));
    assert_eq!(catalog.element, Element::F32);
    let bins: Vec<_> = catalog.bins.iter().map(|b| (b.number, b.q, b.phi_deg)).collect();
    // Natural indices 0, 2 and 4 of a grid of two q by three phi.
    assert_eq!(bins, [(1, 0.002, -90.0), (2, 0.002, 90.0), (4, 0.003, 0.0)]);
    assert_eq!(catalog.bins[2].path, "/xpcs/twotime/correlation_map/c2_00003");
    assert!(catalog.notes.iter().any(|n| n.contains("dynamic_index_mapping")));
    assert_all(&*reader);
}

#[test]
fn pixels_are_counted_in_the_map() {
    let pixels = |file: &str| -> (Vec<Option<u64>>, Vec<String>) {
        let reader = open(file);
        let catalog = reader.catalog();
        (catalog.bins.iter().map(|b| b.pixels).collect(), catalog.notes.clone())
    };
    // Bin 4 has a matrix but no pixel: the map is not that of the matrices there.
    let (counted, notes) = pixels("aps_u_map.h5");
    assert_eq!(counted, [Some(5), Some(3), None]);
    assert!(notes.iter().any(|n| n.contains("counted in /xpcs/qmap/dynamic_roi_map")));
    let (unreadable, notes) = pixels("aps_u_map_of_texts.h5");
    assert_eq!(unreadable, [None; 3]);
    assert!(notes.iter().any(|n| n.contains("cannot be read")), "{notes:?}");
    assert_eq!(pixels("aps_u.h5").0, [None; 3]);
}

#[test]
fn without_a_mapping_bins_count_the_whole_grid() {
    let reader = open("aps_u_plain.h5");
    let bins: Vec<_> = reader.catalog().bins.iter().map(|b| (b.q, b.phi_deg)).collect();
    assert_eq!(bins, [(0.002, -90.0), (0.002, 0.0), (0.003, -90.0)]);
    assert!(reader.catalog().notes.iter().any(|n| n.contains("absent; bins are numbered")));
}

#[test]
fn names_count_matrices() {
    let reader = open("aps_u_counter_from_8.h5");
    let last = &reader.catalog().bins[2];
    assert_eq!((last.number, last.phi_deg), (4, 0.0));
    // Numbers of different length: 8, 9, 10.
    assert!(last.path.ends_with("c2_00010"));
    assert_all(&*reader);
}

#[test]
fn the_frame_time_is_a_product_in_any_shape_of_scalar() {
    for name in ["aps_u.h5", "aps_u_one.h5", "aps_u_one_one.h5"] {
        let reader = open(name);
        let dt = reader.catalog().dt.as_ref().unwrap();
        assert_eq!(dt.seconds, 0.01 * 2.0 * 3.0, "{name}");
        assert_eq!(dt.derivation, "frame_time 0.01 s × stride_frame 2 × avg_frame 3");
    }
}

#[test]
fn an_absent_frame_time_is_absent() {
    let reader = open("aps_u_no_frame_time.h5");
    assert_eq!(reader.catalog().dt, None);
    assert_eq!(
        reader.catalog().dt_searched,
        [
            "/entry/instrument/detector_1/frame_time: absent",
            "/xpcs/twotime/config/stride_frame: 2",
            "/xpcs/twotime/config/avg_frame: 3"
        ]
    );
}

#[test]
fn number_types_triangles_and_texts() {
    for (name, element) in [
        ("aps_u_f64.h5", Element::F64),
        ("aps_u_f32_big_endian.h5", Element::F32),
        ("aps_u_f64_big_endian.h5", Element::F64),
        ("aps_u_lower.h5", Element::F32),
        ("aps_u_full.h5", Element::F32),
        ("aps_u_chunks.h5", Element::F32),
        ("aps_u_oldest.h5", Element::F32),
        ("aps_u_nan_diagonal.h5", Element::F32),
        ("aps_u_variable_names.h5", Element::F32),
    ] {
        let reader = open(name);
        assert_eq!(reader.catalog().element, element, "{name}");
        assert_all(&*reader);
    }
}

#[test]
fn some_bins_and_some_frames() {
    for name in ["aps_u.h5", "aps_u_chunks.h5", "aps_u_lower.h5"] {
        for count in [1, 3] {
            let found = open(name).read(&[2, 0], 1..5, &lanes(count)).unwrap();
            assert_eq!(found.iter().map(|t| t.frames()).collect::<Vec<_>>(), [4, 4]);
            assert_rule(&found[0], 2, 1);
            assert_rule(&found[1], 0, 1);
        }
    }
}

#[test]
fn requests_beyond_the_file_are_refused() {
    let reader = open("aps_u.h5");
    let refused = |bins: &[usize], frames| {
        reader.read(bins, frames, &lanes(1)).expect_err("refused").to_string()
    };
    assert!(refused(&[3], 0..6).contains("position 3, expected less than 3"));
    assert!(refused(&[1, 1], 0..6).contains("position 1 twice"));
    assert!(refused(&[0], 2..7).contains("3 to 7 (counted from 1)"));
    assert!(refused(&[0], 2..3).contains("at least two"));
}

#[test]
fn a_bad_pair_outside_the_frames_does_not_matter() {
    let reader = open("bad_nan.h5");
    assert_rule(&reader.read(&[1], 2..6, &lanes(1)).unwrap()[0], 1, 2);
    assert_rule(&reader.read(&[2], 0..6, &lanes(1)).unwrap()[0], 2, 0);
}

#[test]
fn inspection_counts_instead_of_refusing() {
    let counts = |name: &str, k: usize| inspect(&*open(name), &lanes(2)).unwrap().swap_remove(k);
    let nan = counts("bad_nan.h5", 1);
    assert_eq!((nan.not_finite, nan.pairs, nan.bin), (1, 15, 2));
    assert!(nan.mean > 1.0 && nan.mean < 1.3);
    assert_eq!(counts("bad_all_zero.h5", 1).stored, StoredTriangle::Neither);
    assert_eq!(counts("bad_asymmetric.h5", 1).stored, StoredTriangle::Asymmetric);
    assert_eq!(counts("aps_u_lower.h5", 0).stored, StoredTriangle::Lower);
    let chunks = counts("aps_u_chunks.h5", 0);
    assert_eq!((chunks.chunk, chunks.stored), (vec![4, 4], StoredTriangle::Upper));
    assert_eq!(chunks.filters, ["shuffle", "gzip"]);
    assert_eq!((chunks.min, chunks.max), (crate::value(0, 0, 1), crate::value(0, 4, 5)));
}

#[test]
fn lists_that_disagree_are_refused() {
    let map = "/xpcs/twotime/correlation_map";
    let processed = "/xpcs/twotime/processed_bins";
    assert_refused("bad_processed_missing.h5", &[processed, "found nothing"]);
    assert_refused("bad_processed_short.h5", &[processed, "2 bin numbers, expected 3", map]);
    assert_refused("bad_processed_twice.h5", &[processed, "bin 2 twice"]);
    assert_refused("bad_processed_zero.h5", &[processed, "the value 0", "from 1 on"]);
    assert_refused("bad_bin_beyond_map.h5", &["bin 9, expected at most 5"]);
    assert_refused("bad_mapping_beyond_grid.h5", &["the index 40 of bin 4", "2 q × 3 phi"]);
    assert_refused("bad_num_pts.h5", &["[2.0, 4.0]", "2 values of q and 3 of phi"]);
    assert_refused("bad_names.h5", &["map_names", "the axes x and y", "q and phi"]);
}

#[test]
fn bad_matrices_are_refused() {
    assert_refused("bad_not_square.h5", &["c2_00002", "6 rows and 5 columns"]);
    assert_refused("bad_sizes.h5", &["c2_00002", "5 frames", "expected 6 frames", "c2_00001"]);
    assert_refused("bad_types.h5", &["c2_00002", "64-bit floats", "32-bit floats"]);
    assert_refused("bad_integers.h5", &["c2_00001", "integers of shape [6, 6]"]);
    assert_refused("bad_nan.h5", &["c2_00002", "NaN at frames (2, 5) (counted from 1)"]);
    assert_refused("bad_inf.h5", &["c2_00002", "inf at frames (1, 6)"]);
    assert_refused("bad_asymmetric.h5", &["c2_00002", "frames (3, 5)", "5 at (5, 3)"]);
}

#[test]
fn a_matrix_of_zeros_is_read_as_it_is() {
    let reader = open("bad_all_zero.h5");
    let read = reader.read(&[1], 0..6, &lanes(1)).unwrap();
    assert!(!read[0].samples().all().any_not_zero());
}

#[test]
fn what_was_never_written_is_told_and_not_made_up() {
    let reader = open("aps_u_unwritten.h5");
    let told = reader.unwritten(&[1], 0..6).unwrap();
    assert_eq!(told, [vec![[2..4, 0..6], [4..6, 0..6]]]);
    assert!(reader.unwritten(&[0, 1], 0..2).unwrap().iter().all(Vec::is_empty));
    assert_eq!(reader.unwritten(&[0], 1..4).unwrap(), [vec![[1..3, 0..3]]]);
    let read = reader.read_stored(&[1], 0..6, &lanes(1)).unwrap();
    assert_eq!(read[0].get(1, 4), 1.125 + 14.0 / 1024.0);
    assert!(read[0].get(2, 3).is_nan() && read[0].get(4, 5).is_nan());
    let [summary] = &reader.summarize(&[1], &lanes(1)).unwrap()[..] else { panic!("one") };
    assert_eq!((summary.not_finite, summary.zeros), (6, 0));
}

#[test]
fn bad_frame_times_are_refused() {
    let path = "/entry/instrument/detector_1/frame_time";
    assert_refused("bad_frame_time_zero.h5", &[path, "found 0", "a positive frame_time"]);
    assert_refused("bad_frame_time_nan.h5", &[path, "found NaN"]);
    assert_refused("bad_frame_time_list.h5", &[path, "2 values", "one value"]);
}
