//! The text report.

use dyne_xpcs_plot::text;

use crate::specimen;

#[test]
fn lines_fit_a_terminal() {
    let mut report = specimen::report(23, 4);
    report.provenance.file = "/data/short.hdf".to_owned();
    report.provenance.file_hash = "blake3:9f86".to_owned();
    for line in text(&report).lines() {
        let columns = line.chars().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).count();
        assert!(columns <= 80, "{columns}: {line}");
        assert_eq!(line, line.trim_end());
    }
}

#[test]
fn every_fact_is_there() {
    let words = text(&specimen::report(3, 4));
    let expected = [
        "laminar_flow: NOT CONVERGED",
        "the limit of 50 sweeps",
        "! beta lies on its upper bound",
        "[at_bound]",
        "2964 ± 20",
        "Å²/s^(1+α)",
        "[1, 1e7]",
        "at upper\n",
        "beta: at its upper bound",
        "under homodyne-2",
        "11\u{202f}488\u{202f}500",
        "sum of squared residuals",
        "coarse sweeps",
        "1.81 s",
        "213 MB",
        "avx512",
        "\"tolerance\": 1e-8",
    ];
    for fact in expected {
        assert!(words.contains(fact), "{fact}\n{words}");
    }
}

#[test]
fn absent_covariance_and_memory_are_told() {
    let mut report = specimen::report(1, 4);
    report.covariance = Err("the information matrix is singular".to_owned());
    report.peak_rss_bytes = 0;
    let words = text(&report);
    assert!(words.contains("no covariance: the information matrix is singular"));
    assert!(words.contains("not told by the system"));
}
