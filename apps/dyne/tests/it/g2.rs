//! One-time correlation functions of a simulated sample, and what is refused.

use crate::command::Folder;

/// m = exp(−q² D0 t): contrast·exp(−2 t/τ) with τ = 2/(q² D0).
const DECAY: &str = "mode: static\nframes: 200\ndt: 0.1\nq: 0.0054\nphi: [0]\n\
    parameters: {D0: 40000, alpha: 0, D_offset: 0}\ncontrast: 0.3\n\
    noise: {kind: gaussian, sigma: 0.01, seed: 1}\n";

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
}

#[test]
fn windows_that_do_not_fit_are_refused() {
    let folder = Folder::with(DECAY);
    folder.dyne(&["g2", "run.hdf", "--partials", "0"]).ends(2);
    folder.dyne(&["g2", "run.hdf", "--window", "900", "--step", "10"]).ends(2);
}
