use dyne_xpcs_data::Layout;

use crate::{FRAMES, assert_refused, assert_rule, lanes, open};

/// Number, q and phi of the bins, and the end of their paths.
fn bins(name: &str) -> Vec<(u32, f64, f64, String)> {
    let reader = open(name);
    assert_eq!(reader.catalog().layout, Layout::ApsOld);
    let found = reader.read(&[0, 1, 2], 0..FRAMES, &lanes(1)).unwrap();
    for (k, triangle) in found.iter().enumerate() {
        assert_rule(triangle, k, 0);
    }
    let bin = |b: &dyne_xpcs_data::Bin| {
        (b.number, b.q, b.phi_deg, b.path["/exchange/C2T_all/".len()..].to_owned())
    };
    reader.catalog().bins.iter().map(bin).collect()
}

#[test]
fn names_are_bins_where_they_are_the_list() {
    let last = bins("aps_old_bins.h5").pop().unwrap();
    assert_eq!(last, (4, 0.003, -90.0, "g2_00004".to_owned()));
}

#[test]
fn names_count_the_list_where_they_are_not() {
    let last = bins("aps_old_counter.h5").pop().unwrap();
    assert_eq!(last, (4, 0.003, -90.0, "g2_00003".to_owned()));
}

#[test]
fn names_are_bins_without_a_list() {
    let last = bins("aps_old_no_list.h5").pop().unwrap();
    assert_eq!(last, (4, 0.003, -90.0, "g12b00004".to_owned()));
    let reader = open("aps_old_no_list.h5");
    assert!(reader.catalog().notes[0].contains("qphi_bin_to_process is absent"));
}

#[test]
fn the_frame_time_is_a_product() {
    let reader = open("aps_old_bins.h5");
    let dt = reader.catalog().dt.clone().unwrap();
    assert_eq!(dt.seconds, 0.01 * 2.0 * 3.0);
    assert_eq!(dt.derivation, "exposure_period 0.01 s × stride_frames 2 × avg_frames 3");
}

#[test]
fn contradictions_are_refused() {
    let list = "/xpcs/qphi_bin_to_process";
    assert_refused("bad_old_names.h5", &[list, "3 bins 1 2 4", "3 bins", "1 2 5"]);
    assert_refused("bad_old_count.h5", &[list, "3 bins 1 2 4", "2 bins", "1 2"]);
    assert_refused("bad_old_phi_short.h5", &["/xpcs/dphilist", "1 values", "5"]);
    assert_refused("bad_old_bin_beyond_list.h5", &["g2_00009", "bin 9", "1 to 5"]);
    assert_refused("bad_old_period.h5", &["exposure_period", "found -1"]);
}
