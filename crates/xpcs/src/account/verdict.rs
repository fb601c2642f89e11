//! The verdict on a fit.

use dyne_xpcs_data::mean_pixels;
use dyne_xpcs_model::model::correlation_row;

use super::identifiability::labels;
use crate::fit::{Fitted, Labels};
use crate::misfit::MISFIT;
use crate::plan::Plan;
use crate::report::{
    AgedRate, HeadlineQuantity, LackOfFit, MinimumKind, Reason, ResidualCell, Status, Verdict,
    VerdictClass, Warning,
};
use crate::uncertainty::PixelsSource;

/// Least probability that is written out.
const LEAST_P: f64 = 1e-99;

/// Residuals that so few of the pixels of the map explain are no noise: speckles that span more than this
/// many pixels are not seen at beamlines.
const LARGEST_SPECKLE: f64 = 16.0;

/// Contrast over its error below which a bin shows no decay.
const FAINT: f64 = 3.0;

/// m beyond which nothing has decayed, and below which all has.
const FROZEN: f64 = 0.97;
const GONE: f64 = 0.03;

/// Warnings that change what may be quoted.
const RESERVATIONS: [&str; 7] = [
    "at_bound",
    "profile",
    "error_bars",
    "aliasing",
    "masked_rows",
    "scaling_range",
    "speckle_size",
];

/// What a verdict is made from.
#[derive(Clone, Copy)]
pub(super) struct Findings<'a> {
    pub(super) plan: &'a Plan,
    pub(super) fitted: &'a Fitted,
    pub(super) status: Status,
    pub(super) warnings: &'a [Warning],
    pub(super) headline: &'a [HeadlineQuantity],
    pub(super) lack_of_fit: &'a Result<LackOfFit, String>,
}

/// What may be quoted of a fit.
///
/// The worst finding decides: that nothing is determined, that the model does not describe the data, then what
/// changes single numbers. **Checked by** `tests/fits/lack_of_fit.rs`, docs/calibration.md.
pub(super) fn verdict(findings: Findings<'_>) -> Verdict {
    let undetermined = undetermined(findings);
    let misfit = misfit(findings);
    let reserved = reservations(findings);
    let class = if !undetermined.is_empty() {
        VerdictClass::Undetermined
    } else if !misfit.is_empty() {
        VerdictClass::Misfit
    } else if !reserved.is_empty() {
        VerdictClass::Reservations
    } else {
        VerdictClass::Good
    };
    let reasons = undetermined.into_iter().chain(misfit).chain(reserved).collect();
    Verdict { class, exit_code: u8::from(class != VerdictClass::Good), reasons }
}

fn reason(code: &str, message: String) -> Reason {
    Reason { code: code.to_owned(), message }
}

/// m of a bin at the shortest lag in the middle of the series, and at the longest.
fn decay(plan: &Plan, fitted: &Fitted, bin: usize) -> [f64; 2] {
    let frames = fitted.evaluated.tables.rows.len();
    let level = dyne_math::simd::Level::best();
    let (tables, term) = (&fitted.evaluated.tables, &fitted.evaluated.terms[bin]);
    let at = |i: usize, j: usize| {
        correlation_row(&*plan.model, level, tables, term, i, j..j + 1).first().copied()
    };
    let (skip, middle) = (plan.skip().min(frames.saturating_sub(2)), frames / 2);
    let first = at(middle.min(frames - 2), middle.min(frames - 2) + 1).unwrap_or(1.0);
    [first, at(skip, frames - 1).unwrap_or(0.0)]
}

/// Why the data determine nothing.
fn undetermined(findings: Findings<'_>) -> Vec<Reason> {
    let Findings { plan, fitted, headline, .. } = findings;
    let bins = 0..plan.bins.len();
    let decays: Vec<[f64; 2]> = bins.clone().map(|bin| decay(plan, fitted, bin)).collect();
    if decays.iter().all(|[_, last]| *last > FROZEN) {
        let message = format!(
            "no decay in the window: the fit keeps more than {:.0} % of the correlation over the whole series, so a rate has at best an upper limit; measure longer, or at larger q",
            100.0 * FROZEN
        );
        return vec![reason("no_decay", message)];
    }
    if decays.iter().all(|[first, _]| *first < GONE) {
        let message = format!(
            "the correlation decays within a frame: less than {:.0} % is left after one of {} s; measure faster, or at smaller q",
            100.0 * GONE,
            plan.dt.seconds
        );
        return vec![reason("decay_within_frame", message)];
    }
    let error = |bin: usize| {
        let covariance = fitted.covariance.as_ref().ok()?;
        Some(covariance.scaling(&fitted.layout, bin).ok()?.contrast.max(0.0).sqrt())
    };
    let faint = |bin: usize| {
        let contrast = fitted.scaling[bin].contrast;
        contrast <= 0.0 || error(bin).is_some_and(|error| contrast < FAINT * error)
    };
    let free_scaling = bins.clone().any(|bin| !fitted.layout.parameters_of(bin).is_empty());
    if free_scaling && bins.clone().all(faint) {
        let message = "no bin has a contrast of more than three of its standard errors: the matrices show no decay beyond their noise".to_owned();
        return vec![reason("no_signal", message)];
    }
    let told = |h: &HeadlineQuantity| h.stderr.is_some_and(|error| error < h.value.abs());
    if !headline.is_empty()
        && !fitted.transform.free().is_empty()
        && fitted.covariance.is_ok()
        && !headline.iter().any(told)
    {
        let message = "no rate is known to better than its own size".to_owned();
        return vec![reason("error_exceeds_value", message)];
    }
    Vec::new()
}

/// Why the model does not describe the data.
fn misfit(findings: Findings<'_>) -> Vec<Reason> {
    let Findings { plan, fitted, lack_of_fit, .. } = findings;
    let mut reasons = Vec::new();
    if let Ok(found) = lack_of_fit
        && found.p < MISFIT
    {
        reasons.push(reason("lack_of_fit", lack_of_fit_words(plan, found)));
    }
    let pixels = fitted.uncertainty.as_ref().and_then(|u| u.pixels);
    if let (Some((pixels, PixelsSource::Residuals)), Some(map)) = (pixels, mean_pixels(&plan.bins))
        && pixels * LARGEST_SPECKLE < map
    {
        let message = format!(
            "the residuals are as large as {pixels:.0} pixels a bin would make them, but the map has {map:.0}: this is no noise but what the model leaves out (or speckles span more than {LARGEST_SPECKLE:.0} pixels: then say so by uncertainty.pixels)"
        );
        reasons.push(reason("residuals_too_large", message));
    }
    reasons
}

fn lack_of_fit_words(plan: &Plan, found: &LackOfFit) -> String {
    let p = match found.p {
        p if p < LEAST_P => format!("p below {LEAST_P:.0e}"),
        p => format!("p = {p:.1e}"),
    };
    let seen = match rate_that_changes(found) {
        Some(rate) => {
            format!("rates change with age otherwise than their laws ({p}; {})", aged(rate))
        }
        None => {
            let worst = found.cells.iter().max_by(|a, b| a.z.abs().total_cmp(&b.z.abs()));
            let place =
                worst.map_or_else(String::new, |cell| format!("; most {}", place(plan, cell)));
            let (statistic, expected) = (found.statistic, found.expected);
            format!(
                "mean residuals differ from what noise leaves ({p}, {statistic:.0} where {expected:.0} is expected{place})"
            )
        }
    };
    format!(
        "{seen}. `dyne models` says which model does better. Possible causes: another shape of decay, a rate that changes otherwise, frames of a dump, drift, normalisation of each pixel by its own time average"
    )
}

/// The rate that differs most from its law, where that is less likely than the mean residuals.
fn rate_that_changes(found: &LackOfFit) -> Option<&AgedRate> {
    let sooner = found.p_rates? < found.p_residuals?;
    found.rates.iter().filter(|_| sooner).max_by(|a, b| a.z.abs().total_cmp(&b.z.abs()))
}

fn aged(found: &AgedRate) -> String {
    let side = if found.z > 0.0 { "above" } else { "below" };
    let (rate, ages, z) = (&found.rate, span("age", found.age_s), found.z);
    format!("{rate} is most {side} its law at {ages}, {z:+.1} σ")
}

fn place(plan: &Plan, cell: &ResidualCell) -> String {
    let bin = match plan.bins.len() {
        1 => String::new(),
        _ => format!(" in bin {}", cell.bin),
    };
    let lags = span("lag", cell.lag_s);
    let ages = span("age", cell.age_s);
    let (percent, z) = (100.0 * cell.of_contrast, cell.z);
    format!("at {lags} and {ages}{bin}, by {percent:+.1} % of the contrast ({z:+.1} σ)")
}

/// A range of times with three digits, whatever the time of a frame.
fn span(name: &str, [from, to]: [f64; 2]) -> String {
    let digits = |time: f64| {
        let decimals = 2 - time.abs().max(f64::MIN_POSITIVE).log10().floor() as i32;
        format!("{time:.0$}", decimals.clamp(0, 12) as usize)
    };
    match (if from == 0.0 { "0".to_owned() } else { digits(from) }, digits(to)) {
        (from, to) if from == to => format!("{name} {to} s"),
        (from, to) => format!("{name}s {from} to {to} s"),
    }
}

/// Minima that the noise cannot tell from the reported one, of each kind the nearest in cost.
fn rivals(findings: Findings<'_>) -> Vec<Reason> {
    let Findings { plan, fitted, .. } = findings;
    let minima = &fitted.minima;
    let (Some(own), Some(choice)) = (minima.list.first(), &minima.choice) else {
        return Vec::new();
    };
    let kinds = [
        (MinimumKind::Twin, "twin", "describes the data exactly as well, by a symmetry"),
        (MinimumKind::Exchanged, "exchanged", "with the components exchanged is as likely"),
        (MinimumKind::Found, "rival_minimum", "is as likely by these data"),
    ];
    let one = |(kind, code, words): (MinimumKind, &str, &str)| {
        let rival = minima.list.iter().skip(1).find(|rival| rival.kind == kind)?;
        let values: Vec<String> = plan
            .transform
            .free()
            .iter()
            .filter(|k| differ(own.theta[**k], rival.theta[**k]))
            .map(|k| format!("{} = {:.4e}", plan.model.parameters()[*k].name, rival.theta[*k]))
            .collect();
        let message = format!(
            "another minimum ({}) {words}; reported is {}. What decides: {}",
            values.join(", "),
            choice.why,
            choice.how_to_decide
        );
        Some(reason(code, message))
    };
    kinds.into_iter().filter_map(one).collect()
}

/// Components that carry the unusual names without a starting value that gave them.
fn names_in_doubt(findings: Findings<'_>) -> Option<Reason> {
    let Findings { plan, fitted, .. } = findings;
    let kept = matches!(fitted.labels, Labels::Kept(_)) && plan.start.is_none();
    let words = labels(plan, &fitted.labels).filter(|_| kept)?;
    Some(reason("exchanged", words))
}

fn differ(a: f64, b: f64) -> bool {
    (a - b).abs() > 1e-3 * a.abs().max(b.abs())
}

/// What changes single numbers.
fn reservations(findings: Findings<'_>) -> Vec<Reason> {
    let Findings { fitted, status, warnings, headline, .. } = findings;
    let mut reasons = Vec::new();
    if status != Status::Converged {
        reasons.push(reason("not_converged", "the fit has not converged".to_owned()));
    }
    let own = warnings.iter().filter(|w| RESERVATIONS.contains(&w.code.as_str()));
    reasons.extend(own.map(|w| reason(&w.code, w.message.clone())));
    reasons.extend(rivals(findings));
    // A rival with the names exchanged says the same.
    if !fitted.minima.list.iter().any(|rival| rival.kind == MinimumKind::Exchanged) {
        reasons.extend(names_in_doubt(findings));
    }
    if fitted.covariance.is_err() || fitted.transform.free().is_empty() {
        return reasons;
    }
    for quantity in headline.iter().filter(|h| h.at_s.is_some()) {
        let HeadlineQuantity { name, value, stderr, unit, .. } = quantity;
        match stderr {
            None => {
                let why = quantity.stderr_absent.as_deref().unwrap_or("not determined");
                reasons
                    .push(reason("undetermined", format!("{name} has no standard error: {why}")));
            }
            Some(error) if error >= &value.abs() => {
                let message =
                    format!("{name} = {value:.4e} ± {error:.1e} {unit} is not told from 0");
                reasons.push(reason("error_exceeds_value", message));
            }
            Some(_) => {}
        }
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_at_any_frame_time() {
        assert_eq!(span("lag", [0.1, 0.1]), "lag 0.100 s");
        assert_eq!(span("age", [0.0, 6.667]), "ages 0 to 6.67 s");
        assert_eq!(span("lag", [2e-6, 5.25e-5]), "lags 0.00000200 to 0.0000525 s");
        assert_eq!(span("age", [300.0, 4567.8]), "ages 300 to 4568 s");
    }
}
