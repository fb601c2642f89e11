//! The pictures as files.

use dyne_xpcs::calibrate::{Cell, Coverage, KindCoverage, SbcTrial, histograms};
use dyne_xpcs::config::Mode;
use dyne_xpcs_plot::{bin_pictures, coverage_picture, pictures, rank_picture};

use crate::specimen;

fn size(png: &[u8]) -> (u32, u32) {
    assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n", "signature");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

#[test]
fn names_and_dimensions() {
    let files = pictures(&specimen::report(3, 16)).unwrap();
    let names: Vec<_> = files.iter().map(|f| f.name.as_str()).collect();
    let expected = [
        "map_000.png",
        "cuts_000.png",
        "map_001.png",
        "cuts_001.png",
        "map_002.png",
        "cuts_002.png",
        "correlation.png",
        "scaling.png",
        "rates.png",
        "profiles.png",
    ];
    assert_eq!(names, expected);
    assert_eq!(size(&files[0].png), (2040, 636));
    assert_eq!(size(&files[1].png), (1720, 728));
    assert_eq!(size(&files[6].png), (744, 528));
}

#[test]
fn figures_without_data_are_left_out() {
    let mut report = specimen::report(1, 16);
    report.covariance = Err("singular".to_owned());
    report.curves.clear();
    report.profiles.clear();
    let files = pictures(&report).unwrap();
    assert_eq!(files.len(), 2, "neither correlation nor scaling nor curves");
}

#[test]
fn empty_maps_and_cuts_still_make_files() {
    let mut picture = specimen::report(1, 4).pictures.remove(0);
    picture.bin = 1234;
    picture.map.data.clear();
    picture.map.fit.clear();
    picture.map.residual.clear();
    picture.map.pixels = 0;
    picture.cuts.clear();
    let [map, cuts] = bin_pictures(&picture).unwrap();
    assert_eq!((map.name.as_str(), cuts.name.as_str()), ("map_1234.png", "cuts_1234.png"));
    assert_eq!(size(&map.png).0, 2040);
}

#[test]
fn a_calibration_has_its_picture() {
    let kind = |inside68: f64| KindCoverage {
        inside68,
        inside95: (1.4 * inside68).min(1.0),
        pull_mean: 0.0,
        pull_sd: 1.0,
    };
    let row = |pixels: usize, trials: usize| Coverage {
        cell: Cell { mode: Mode::Static, pixels, counts: None },
        parameter: "D0".to_owned(),
        trials,
        of: 400,
        kinds: [0.68, 0.5, 0.2, 0.1].map(kind),
        posterior: Some([0.7, 0.95]),
    };
    let picture = coverage_picture(&[row(500, 300), row(20_000, 400)]).unwrap().unwrap();
    assert_eq!(picture.name, "coverage.png");
    let taller = coverage_picture(&[row(500, 300), row(20_000, 400), row(100, 20)]);
    let taller = taller.unwrap().unwrap();
    assert!(size(&taller.png).1 > size(&picture.png).1, "a cell more is a row more");
    assert_eq!(coverage_picture(&[row(500, 19)]).unwrap(), None, "too few trials");
}

#[test]
fn ranks_have_their_picture() {
    let trial = |names: &[&str], number: u64| SbcTrial {
        number,
        ranks: names.iter().map(|name| ((*name).to_owned(), 7 * number as usize % 100)).collect(),
        divergences: 0,
        r_hat: 1.0,
    };
    let drawn = |names: &[&str]| {
        let trials: Vec<SbcTrial> = (0..200).map(|number| trial(names, number)).collect();
        rank_picture(&histograms(&trials).unwrap()).unwrap()
    };
    let (one, two) = (drawn(&["D0"]), drawn(&["D0", "alpha"]));
    assert_eq!(one.name, "sbc.png");
    assert!(size(&two.png).0 > size(&one.png).0, "a parameter more is a panel more");
}
