//! Page, text and pictures of one-time correlation functions.

use dyne_xpcs::g2::{
    AgedCurve, Decay, DecayFit, Flag, G2Provenance, G2Report, Law, LawFlag, PowerLaw, RatePoint,
    Value,
};
use dyne_xpcs_plot::{g2_html, g2_pictures, g2_text};

use crate::page::assert_balanced;

fn known(value: f64, stderr: f64) -> Value {
    Value { value, stderr: Some(stderr) }
}

fn decay(q: f64, age: usize, flags: Vec<Flag>) -> DecayFit {
    let tau = 1e-5 / (q * q) * (1.0 + 0.2 * age as f64);
    let error = if flags.is_empty() { 0.04 * tau } else { 400.0 * tau };
    DecayFit {
        model: Decay::Kww,
        contrast: known(0.25, 0.01),
        tau: known(tau, error),
        exponent: known(0.9, 0.05),
        baseline: known(1.0, 0.002),
        flags,
    }
}

fn curve(q: f64, bin: u32, age: usize, lags: usize) -> AgedCurve {
    let flags = if age == 1 { vec![Flag::Undetermined] } else { Vec::new() };
    let fit = decay(q, age, flags);
    let lag: Vec<f64> = (0..lags).map(|k| 0.1 * 1.25f64.powi(k as i32)).collect();
    AgedCurve {
        q,
        phi_deg: vec![0.0, 90.0],
        bins: vec![2 * bin + 1, 2 * bin + 2],
        age: [age as f64 * 4.0, age as f64 * 4.0 + 4.0],
        g2: lag.iter().map(|t| fit.at(*t)).collect(),
        g2_stderr: lag.iter().map(|t| if *t > 20.0 { f64::NAN } else { 0.01 }).collect(),
        pairs: vec![50.0; lags],
        lag,
        reservations: vec![fit.flags.iter().map(|f| f.words()).collect()],
        fits: vec![fit],
    }
}

fn law(curves: &[AgedCurve], age: usize) -> PowerLaw {
    let at = curves.iter().filter(|c| c.age[0] == age as f64 * 4.0);
    let point = |c: &AgedCurve| {
        let tau = c.fits[0].tau;
        let d0 = known(2.0 / (c.q * c.q * tau.value), 1e4);
        RatePoint { q: c.q, tau, d0, used: age != 1 }
    };
    let points: Vec<RatePoint> = at.map(point).collect();
    let found = Law {
        exponent: known(2.31, 0.05),
        prefactor: known(1e-5, 1e-6),
        q_ref: 0.004,
        tau_ref: known(0.6, 0.02),
        chi2: 3.2,
        degrees_of_freedom: 2,
        d0: known(2e5, 4e3),
        d0_chi2: 42.0,
        d0_degrees_of_freedom: 3,
        flags: vec![LawFlag::NotDiffusive],
    };
    let used = points.iter().filter(|p| p.used).count();
    PowerLaw {
        model: Decay::Kww,
        age: [age as f64 * 4.0, age as f64 * 4.0 + 4.0],
        phi_deg: None,
        used,
        left_out: points.len() - used,
        points,
        law: (age != 1).then_some(found),
        law_absent: (age == 1).then(|| "0 of 4 q have a fit without reservations".to_owned()),
    }
}

fn report(bins: usize, ages: usize) -> G2Report {
    let of = |bin: usize| (0..ages).map(move |age| (0.002 + 0.001 * bin as f64, bin, age));
    let curves: Vec<AgedCurve> =
        (0..bins).flat_map(of).map(|(q, bin, age)| curve(q, bin as u32, age, 30)).collect();
    let power_laws =
        if bins < 3 { Vec::new() } else { (0..ages).map(|a| law(&curves, a)).collect() };
    G2Report {
        left_out: Default::default(),
        curves,
        power_laws,
        weights: "bins of one q: numbers of pixels",
        warnings: Vec::new(),
        layout: "aps_u".into(),
        frames: [1, 300],
        dt_s: 0.1,
        dt_source: "the file".into(),
        provenance: G2Provenance {
            version: "0".into(),
            git_revision: "none".into(),
            file: "/data/run<1>.hdf".into(),
            file_hash: "none".into(),
        },
    }
}

#[test]
fn the_page_of_any_number_of_curves_is_whole_and_short() {
    for (bins, ages) in [(1, 1), (1, 60), (4, 3), (50, 40)] {
        let page = g2_html(&report(bins, ages));
        assert_balanced(&page);
        assert!(page.len() < 1_500_000, "{bins} bins, {ages} ages: {} bytes", page.len());
        assert!(!page.contains("NaN") && page.contains("run&lt;1&gt;.hdf"));
    }
    let page = g2_html(&report(50, 40));
    assert!(page.contains("24 of 50 panels and 6 of 40 ages; g2.csv holds all"));
    assert!(page.contains("more rows are in fits.csv"));
    assert!(!g2_html(&report(1, 1)).contains("Ageing"));
}

#[test]
fn the_text_marks_what_is_not_determined() {
    let text = g2_text(&report(4, 2));
    for part in [
        "g2 = baseline + contrast·exp(−2(t/τ)^exponent)",
        "tau or contrast not determined",
        " ?",
        "?  not determined: the error is not below the value",
        "2.310 ± 0.050",
        "42 / 3",
        "n is not 2 within two standard errors",
        "0 of 4 q have a fit without reservations",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert!(text.lines().all(|line| line == line.trim_end()));
}

#[test]
fn pictures_are_few_and_named() {
    let names = |bins, ages| -> Vec<String> {
        g2_pictures(&report(bins, ages)).unwrap().into_iter().map(|p| p.name).collect()
    };
    assert_eq!(names(1, 1), ["g2_1.png"]);
    assert_eq!(names(4, 2), ["g2_1.png", "power_law.png", "ageing.png"]);
    assert_eq!(names(50, 2).len(), 6);
}
