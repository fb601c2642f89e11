//! What tables, captions and legends say.

use dyne_xpcs::g2::{AgedCurve, Decay, DecayFit, G2Report, LawFlag, PowerLaw, Value};

use crate::facts::{degrees, value};
use crate::number::{significant, value_or_mark};

/// Ends of an age window.
pub(super) fn age([from, to]: [f64; 2]) -> String {
    format!("{} to {}", significant(from, 3), significant(to, 3))
}

/// q, and the azimuth or the number of bins averaged.
pub(super) fn place(curve: &AgedCurve) -> String {
    let q = significant(curve.q, 4);
    match &curve.phi_deg[..] {
        [phi] => format!("q = {q} Å⁻¹, φ = {}", degrees(*phi)),
        many => format!("q = {q} Å⁻¹, {} angles", many.len()),
    }
}

/// q in Å⁻¹, and the azimuth of a single bin.
pub(super) fn short(curve: &AgedCurve) -> String {
    match &curve.phi_deg[..] {
        [phi] => format!("{}, {}", significant(curve.q, 4), degrees(*phi)),
        _ => significant(curve.q, 4),
    }
}

/// Name of the model that pictures show, the first one that was fitted.
pub(super) fn first_model<'a>(mut curves: impl Iterator<Item = &'a AgedCurve>) -> &'static str {
    curves.find_map(|curve| curve.fits.first()).map_or("no", |fit| fit.model.name())
}

/// A fitted number: with its error, marked where the error is not below it.
pub(super) fn number(v: Value) -> String {
    match v.stderr {
        Some(stderr) => value_or_mark(v.value, stderr),
        None => format!("{} (no error)", significant(v.value, 3)),
    }
}

/// Contrast, τ, exponent and baseline of a fit.
pub(super) fn values(fit: &DecayFit) -> [String; 4] {
    let exponent = match fit.model {
        Decay::Exponential => "1 (fixed)".to_owned(),
        Decay::Kww => number(fit.exponent),
    };
    [number(fit.contrast), number(fit.tau), exponent, number(fit.baseline)]
}

/// Power laws of one model and azimuth, one an age.
pub(super) fn laws_together(report: &G2Report) -> Vec<Vec<&PowerLaw>> {
    let mut families: Vec<Vec<&PowerLaw>> = Vec::new();
    for law in &report.power_laws {
        let same = |f: &&mut Vec<&PowerLaw>| f[0].model == law.model && f[0].phi_deg == law.phi_deg;
        match families.iter_mut().find(same) {
            Some(family) => family.push(law),
            None => families.push(vec![law]),
        }
    }
    families
}

/// Headings of [`law`]; the remark has none.
pub(super) const LAW_HEAD: [&str; 9] =
    ["age (s)", "model", "q used", "n", "τ at q_ref", "χ²", "D0 (Å²/s)", "χ² with n = 2", ""];

/// A power law in a line, with what is to be said of it at the end.
pub(super) fn law(law: &PowerLaw) -> Vec<String> {
    let phi = law.phi_deg.map_or_else(String::new, |phi| format!(", φ {}", degrees(phi)));
    let count = format!("{} of {}", law.used, law.used + law.left_out);
    let mut cells = vec![age(law.age), format!("{}{phi}", law.model.name()), count];
    let Some(found) = &law.law else {
        cells.extend(std::iter::repeat_n("–".to_owned(), LAW_HEAD.len() - 4));
        cells.push(law.law_absent.clone().unwrap_or_default());
        return cells;
    };
    let chi2 = |chi2: f64, degrees: usize| {
        format!("{} / {degrees}", significant((100.0 * chi2).round() / 100.0, 3))
    };
    let q_ref = significant(found.q_ref, 3);
    let flags: Vec<&str> = found.flags.iter().map(|flag: &LawFlag| flag.words()).collect();
    cells.extend([
        value(found.exponent.value, found.exponent.stderr),
        format!("{} s at {q_ref} Å⁻¹", number(found.tau_ref)),
        chi2(found.chi2, found.degrees_of_freedom),
        number(found.d0),
        chi2(found.d0_chi2, found.d0_degrees_of_freedom),
        flags.join("; "),
    ]);
    cells
}

/// What stands in place of the numbers of a curve that has no fit.
pub(super) const NO_FIT: &str = "no fit: fewer than five lags";

/// The sentence that explains the numbers of a power law.
pub(super) const LAW_MEANING: &str = "τ = a·q⁻ⁿ; D0 is the weighted mean of 2/(q²τ), the D0 of \
    the static model; χ² / degrees of freedom. Fits with reservations are left out.";

/// The sentence that explains a mark.
pub(super) const MARK_MEANING: &str = "?  not determined: the error is not below the value";

/// The formula of the decays.
pub(super) const FORMULA: &str = "g2 = baseline + contrast·exp(−2(t/τ)^exponent)";
