//! The CSV files.

use std::fmt::Write;

use dyne_xpcs::g2::{AgedCurve, G2Report, Law, PowerLaw, Value};

/// Points of all curves.
pub(super) fn curves(report: &G2Report) -> String {
    let mut out =
        "q (1/angstrom),bins,age from (s),age to (s),lag (s),g2,g2 stderr,pairs\n".to_owned();
    for curve in &report.curves {
        let head = head(curve);
        for k in 0..curve.lag.len() {
            let (lag, g2) = (curve.lag[k], curve.g2[k]);
            let (stderr, pairs) = (curve.g2_stderr[k], curve.pairs[k]);
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{head},{lag},{g2},{},{pairs}", number(stderr));
        }
    }
    out
}

/// Fits of all curves.
pub(super) fn fits(report: &G2Report) -> String {
    let mut out = "q (1/angstrom),bins,age from (s),age to (s),model,contrast,contrast stderr,\
                   tau (s),tau stderr (s),exponent,exponent stderr,baseline,baseline stderr,\
                   reservations\n"
        .to_owned();
    for curve in &report.curves {
        for f in &curve.fits {
            let values = [f.contrast, f.tau, f.exponent, f.baseline].map(pair).join(",");
            let (head, model) = (head(curve), f.model.name());
            let _ = writeln!(out, "{head},{model},{values},{}", quoted(&f.reservations()));
        }
    }
    out
}

/// τ(q) of every model, age and azimuth.
pub(super) fn power_laws(report: &G2Report) -> String {
    let mut out = "model,age from (s),age to (s),phi (deg),points used,points left out,n,n stderr,\
                   a (s*angstrom^-n),a stderr,q ref (1/angstrom),tau ref (s),tau ref stderr (s),\
                   chi2,degrees of freedom,D0 (angstrom^2/s),D0 stderr,chi2 of n=2,\
                   degrees of freedom of n=2,remarks\n"
        .to_owned();
    for law in &report.power_laws {
        let PowerLaw { model, age: [from, to], used, left_out, .. } = law;
        let phi = law.phi_deg.map_or_else(String::new, |phi| phi.to_string());
        let _ = write!(out, "{},{from},{to},{phi},{used},{left_out},", model.name());
        let _ = match (&law.law, &law.law_absent) {
            (Some(law), _) => writeln!(out, "{}", numbers(law)),
            (None, reason) => {
                let reason = reason.as_deref().unwrap_or_default();
                writeln!(out, "{}{}", ",".repeat(13), quoted(reason))
            }
        };
    }
    out
}

fn numbers(law: &Law) -> String {
    let remarks: Vec<&str> = law.flags.iter().map(|flag| flag.words()).collect();
    [
        pair(law.exponent),
        pair(law.prefactor),
        law.q_ref.to_string(),
        pair(law.tau_ref),
        law.chi2.to_string(),
        law.degrees_of_freedom.to_string(),
        pair(law.d0),
        law.d0_chi2.to_string(),
        law.d0_degrees_of_freedom.to_string(),
        quoted(&remarks.join("; ")),
    ]
    .join(",")
}

fn head(curve: &AgedCurve) -> String {
    let bins: Vec<String> = curve.bins.iter().map(u32::to_string).collect();
    let [from, to] = curve.age;
    format!("{},{},{from},{to}", curve.q, bins.join(" "))
}

fn pair(v: Value) -> String {
    format!("{},{}", v.value, v.stderr.map_or_else(String::new, number))
}

/// Nothing for what is not a number.
fn number(value: f64) -> String {
    if value.is_nan() { String::new() } else { value.to_string() }
}

fn quoted(text: &str) -> String {
    if text.contains(',') { format!("\"{text}\"") } else { text.to_owned() }
}
