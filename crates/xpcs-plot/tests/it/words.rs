//! The text report.

use dyne_xpcs::report::{Reason, VerdictClass};
use dyne_xpcs_plot::{brief, text};

use crate::specimen;

#[test]
fn lines_fit_a_terminal() {
    let mut report = specimen::report(23, 4);
    report.provenance.file = "/data/short.hdf".to_owned();
    report.provenance.file_hash = "blake3:9f86".to_owned();
    report.provenance.plan = serde_json::json!({});
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
        "RESERVATIONS  laminar_flow",
        "not converged: the limit of 50 sweeps",
        "- beta lies on its upper bound",
        "[at_bound]",
        "J follows a power law",
        "mean_gamma_dot",
        "2964 ± 20",
        "Å²/s^(1+α)",
        "[1, 1e7]",
        "at upper\n",
        "under homodyne-2",
        "11\u{202f}488\u{202f}500",
        "sum of squared residuals",
        "coarse sweeps",
        "1.81 s",
        "213 MB",
        "avx512",
        "tolerance: 1e-8",
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

#[test]
fn the_answer_is_short() {
    let mut report = specimen::report(23, 4);
    for reasons in 0..9 {
        report.verdict.reasons = (0..reasons)
            .map(|k| Reason { code: format!("code_{k}"), message: "something is so ".repeat(20) })
            .collect();
        let words = brief(&report, "results in run_laminar_flow");
        let lines: Vec<&str> = words.lines().collect();
        assert!(lines.len() <= 15, "{words}");
        assert!(lines[0].starts_with("RESERVATIONS  laminar_flow"), "{words}");
        assert!(words.ends_with("results in run_laminar_flow\n"));
        assert_eq!(words.contains("something is so"), reasons > 0);
        assert!(lines.iter().all(|line| line.chars().count() <= 104), "{words}");
    }
    for told in
        ["J(t = 30 s)", "D0  2964 ± 20 Å²/s^(1+α)", "beta  not determined (at upper bound 2)"]
    {
        let words = brief(&report, "");
        assert!(words.contains(told), "{told}\n{words}");
    }
    report.verdict.class = VerdictClass::Misfit;
    assert!(brief(&report, "").starts_with("DOES NOT DESCRIBE THE DATA"));
}

#[test]
fn what_is_not_determined_is_said_once() {
    let mut report = specimen::report(1, 4);
    let reason = "not determined by these data: they fix D0 + alpha only";
    let parameter = report.parameters.iter_mut().find(|p| p.name == "alpha").unwrap();
    parameter.stderr = None;
    parameter.stderr_absent = Some(reason.to_owned());
    let warning = dyne_xpcs::report::Warning {
        code: "undetermined".to_owned(),
        message: format!("alpha has no standard error: {reason}"),
    };
    report.verdict.reserve(Reason::from(&warning));
    report.warnings.push(warning);
    report.identifiability.as_mut().unwrap().findings.push(format!("alpha is {reason}."));
    for words in [text(&report), dyne_xpcs_plot::html(&report)] {
        assert_eq!(
            words.split_whitespace().collect::<Vec<_>>().join(" ").matches(reason).count(),
            1
        );
    }
}
