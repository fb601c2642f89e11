use dyne_xpcs_data::{Element, Layout, StoredTriangle};
use dyne_xpcs_h5::inspect;

use crate::{FRAMES, assert_refused, assert_rule, lanes, open};

#[test]
fn a_cache_is_read_in_both_precisions() {
    for (name, element) in [("cache.npz", Element::F64), ("cache_f32.npz", Element::F32)] {
        let reader = open(name);
        let catalog = reader.catalog();
        assert_eq!((catalog.layout, catalog.element), (Layout::HomodyneCache, element));
        let bins: Vec<_> = catalog.bins.iter().map(|b| (b.number, b.q, b.phi_deg)).collect();
        assert_eq!(bins, [(1, 0.002, -90.0), (2, 0.003, 45.0)]);
        assert!((catalog.dt.as_ref().unwrap().seconds - 0.06).abs() < 1e-15);
        let found = reader.read(&[1, 0], 2..FRAMES, &lanes(2)).unwrap();
        assert_rule(&found[0], 1, 2);
        assert_rule(&found[1], 0, 2);
        assert_eq!(inspect(&*reader, &lanes(1)).unwrap()[1].stored, StoredTriangle::Full);
    }
}

#[test]
fn without_times_there_is_no_frame_time() {
    let reader = open("cache_no_times.npz");
    assert_eq!(reader.catalog().dt, None);
    assert_eq!(reader.catalog().dt_searched, ["t1: absent"]);
}

#[test]
fn bad_caches_are_refused() {
    assert_refused("bad_cache_q_short.npz", &["wavevector_q_list", "1 values", "expected 2"]);
    assert_refused("bad_cache_times.npz", &["t1", "after frame 1", "equal steps"]);
    assert_refused("bad_cache_times_2d.npz", &["t1", "shape [6, 6]"]);
    assert_refused("bad_cache_flat.npz", &["c2_exp", "shape [6, 6]", "(angle, frame, frame)"]);
    assert_refused("bad_cache_missing.npz", &["c2_exp", "found nothing"]);
    assert_refused("bad_cache_fortran.npz", &["c2_exp", "Fortran order"]);
}
