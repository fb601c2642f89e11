//! Warnings: what the user ought to know before quoting a number.

use dyne_xpcs_data::mean_pixels;

use super::{correlated, scaling};
use crate::fit::Fitted;
use crate::plan::Plan;
use crate::report::{BoundSide, ParameterResult, Warning};
use crate::uncertainty::{CountsSource, PixelsSource, Silent, Uncertainty};

fn warning(code: &str, message: String) -> Warning {
    Warning { code: code.to_owned(), message }
}

/// All of them: those of the plan first.
pub(super) fn warnings(
    plan: &Plan,
    fitted: &Fitted,
    parameters: &[ParameterResult],
) -> Vec<Warning> {
    let mut warnings = plan.warnings.clone();
    warnings.extend(parameters.iter().filter(|p| p.free).filter_map(of_parameter));
    warnings.extend(of_silence(plan, fitted));
    warnings.extend(of_scaling(plan, fitted));
    if let Ok(covariance) = &fitted.covariance {
        warnings.extend(correlated(covariance, parameters).into_iter().map(|(a, b, rho)| {
            let message =
                format!("{a} and {b} are correlated by {rho:.3}: the data hardly tell them apart");
            warning("correlated", message)
        }));
    }
    warnings.extend(of_errors(plan, fitted));
    warnings.extend(of_frames(plan, fitted));
    warnings.extend(aliasing(plan, fitted));
    warnings
}

fn of_parameter(p: &ParameterResult) -> Option<Warning> {
    if let Some(side) = p.at_bound {
        let (word, key, bound) = match side {
            BoundSide::Lower => ("lower", "min", p.lower),
            BoundSide::Upper => ("upper", "max", p.upper),
        };
        let name = &p.name;
        let message = format!(
            "{name} lies on its {word} bound {bound:.6e} {}: the data ask for a value beyond it, or do not determine it; parameters.{name}.{key} moves the bound",
            p.unit
        );
        return Some(warning("at_bound", message));
    }
    let reason = p.stderr_absent.as_ref()?;
    Some(warning("undetermined", format!("{} has no standard error: {reason}", p.name)))
}

/// That no bin shows a decay.
fn of_silence(plan: &Plan, fitted: &Fitted) -> Option<Warning> {
    let found = fitted.uncertainty.as_ref()?;
    let one = |s: &Silent| format!("bin {} {}", plan.bins[s.bin].number, s.reason());
    let told: Vec<String> = found.unheard.iter().take(SHOWN).map(one).collect();
    (!told.is_empty()).then(|| {
        let message = format!("no bin shows a decay beyond its noise: {}", told.join("; "));
        warning("no_signal", message)
    })
}

/// Bins that are named of many.
const SHOWN: usize = 6;

/// Contrasts and offsets that are not the usual ones. A contrast above 1 is possible with few pixels, and
/// c2 − 1 has its baseline at 0: both are noted, without a reservation. A bin that tells nothing is named
/// as such.
fn of_scaling(plan: &Plan, fitted: &Fitted) -> Vec<Warning> {
    let silent = |bin: usize| {
        fitted.uncertainty.iter().flat_map(|u| &u.silent).any(|silent| silent.bin == bin)
    };
    let told = scaling(plan, fitted).into_iter().enumerate().filter(|(bin, _)| !silent(*bin));
    told.flat_map(|(_, s)| {
        let bin = format!("bin {} (q {:.5} Å⁻¹, φ {:.1}°)", s.bin, s.q, s.phi_deg);
        let contrast = match s.contrast {
            c if c >= 1.0 => Some(warning(
                "contrast_above_1",
                format!("{bin}: contrast {c:.3} is above 1, which a mean over few pixels can make"),
            )),
            c if c <= 0.0 => Some(warning(
                "scaling_range",
                format!("{bin}: contrast {c:.4} lies on its bound 0: no decay is seen in it"),
            )),
            _ => None,
        };
        let offset = match s.offset {
            o if (0.5..=1.5).contains(&o) => None,
            o if (-0.25..=0.25).contains(&o) => Some(warning(
                "baseline",
                format!(
                    "{bin}: the baseline is {o:.4}: the file stores c2 − 1, or a mean was taken off"
                ),
            )),
            o => Some(warning(
                "scaling_range",
                format!("{bin}: offset {o:.4} is not inside 0.5 … 1.5"),
            )),
        };
        contrast.into_iter().chain(offset)
    })
    .collect()
}

/// Independent speckles over pixels of the map above which the noise is too small to be believed.
const TOO_MANY: f64 = 1.5;

/// Independent speckles over pixels of the map below which it is told that they are few.
const FEW: f64 = 0.5;

/// Standard deviations by which a number must lie beyond a limit.
const SURE: f64 = 2.0;

fn of_pixels(plan: &Plan, fitted: &Fitted) -> Option<Warning> {
    let found = fitted.uncertainty.as_ref()?;
    let ((pixels, source), map) = (found.pixels?, mean_pixels(&plan.bins)?);
    // Counts that the residuals tell leave only pixels·counts² well known.
    let unknown = [CountsSource::Residuals, CountsSource::Contradicted];
    let [inverse, error] = found.by_map?;
    let known = source != PixelsSource::Given && !unknown.contains(&found.counts_source);
    let fewer = inverse + SURE * error < TOO_MANY.recip();
    (known && fewer && pixels > TOO_MANY * map).then(|| {
        let message = format!(
            "the residuals are as small as {pixels:.0} independent pixels a bin would make them, but the map has {map:.0}: the matrices were averaged or smoothed, and the error bars may be too small"
        );
        warning("pixels", message)
    })
}

fn of_counts(found: &Uncertainty) -> Option<Warning> {
    (found.counts_source == CountsSource::Contradicted).then(|| {
        let message = "the diagonal is raised as by shot noise, but the residuals do not correlate as such noise does: the residuals decide the error bars, and uncertainty.alternatives has both";
        warning("noise_contradiction", message.to_owned())
    })
}

/// What was noticed about the noise, of which the error bars know.
pub(super) fn notes_on_noise(plan: &Plan, found: &Uncertainty) -> Vec<Warning> {
    let mut notes: Vec<Warning> = of_counts(found).into_iter().collect();
    let Some((speckles, source)) = found.pixels else { return notes };
    let covered = found.factors.first().and_then(|f| Some(f.pixels()? / f.speckles()));
    if let Some(covered) = covered.filter(|_| source == PixelsSource::Products) {
        let message = format!(
            "residuals of pairs that share no frame show {speckles:.0} independent speckles a bin: a speckle covers about {covered:.1} pixels"
        );
        notes.push(warning("speckle_pixels", message));
    }
    let known = found.covered.is_none_or(|covered| covered.shown || covered.spread == 0.0);
    if let Some(map) = mean_pixels(&plan.bins).filter(|map| known && speckles < FEW * map) {
        let message = format!(
            "the noise is that of {speckles:.0} independent speckles a bin, but the map has {map:.0} pixels: a speckle covers several, their brightness differs, or the intensities were normalised otherwise than frame by frame"
        );
        notes.push(warning("few_speckles", message));
    }
    notes
}

/// Standard errors that the size of a speckle changes by less may be quoted without it.
const WIDER: f64 = 1.3;

/// That nothing tells how many pixels a speckle covers, where the error bars hang on it.
fn of_size(found: &Uncertainty) -> Option<Warning> {
    let covered = found.covered.filter(|covered| covered.open() && found.widest > WIDER)?;
    let message = format!(
        "the residuals do not tell how many pixels a speckle covers: the error bars are those of {:.1} ± {:.1}, and may be {:.1} times as large; say by uncertainty.pixels and uncertainty.counts how many speckles there are",
        covered.mean, covered.spread, found.widest
    );
    Some(warning("speckle_size", message))
}

fn of_errors(plan: &Plan, fitted: &Fitted) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if let Some(reason) = fitted.uncertainty.as_ref().and_then(|u| u.instead_of.as_ref()) {
        let message = format!(
            "the error bars take all pairs as independent and are too small, as {}",
            reason.lines().next().unwrap_or_default()
        );
        warnings.push(warning("error_bars", message));
    }
    warnings.extend(of_pixels(plan, fitted));
    warnings.extend(fitted.uncertainty.as_ref().and_then(of_counts));
    warnings.extend(fitted.uncertainty.as_ref().and_then(of_size));
    for (k, _) in fitted.profiles.iter().filter(|(_, profile)| profile.deeper) {
        let message = format!(
            "the profile of {} met a lower cost than the fit: start the fit again with --global",
            plan.model.parameters()[*k].name
        );
        warnings.push(warning("profile", message));
    }
    warnings
}

fn of_frames(plan: &Plan, fitted: &Fitted) -> Vec<Warning> {
    let tables = &fitted.evaluated.tables;
    let all = plan.frames.len();
    let mut warnings = Vec::new();
    if tables.clipped_frames > 0 {
        let message = format!(
            "the sample fraction lies outside 0 … 1 on {} of {all} frames and is clipped there",
            tables.clipped_frames
        );
        warnings.push(warning("clip", message));
    }
    if tables.floored_frames > 0 {
        let message = format!(
            "the transport coefficient is negative on {} of {all} frames and counts as 0 there",
            tables.floored_frames
        );
        warnings.push(warning("floor", message));
    }
    warnings
}

/// The bin in which the oscillation is resolved worst, with the frames on which it is not.
fn aliasing(plan: &Plan, fitted: &Fitted) -> Option<Warning> {
    let theta = &fitted.outcome.fit.theta;
    let largest = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let (bin, phase) = plan
        .bins
        .iter()
        .zip(&plan.geometries)
        .filter_map(|(bin, g)| Some((bin, plan.model.phase_per_frame(theta, &plan.grid, g)?)))
        .max_by(|(_, a), (_, b)| largest(&a.values).total_cmp(&largest(&b.values)))?;
    let beyond = |phase: &f64| *phase > std::f64::consts::PI;
    let number = |k: usize| plan.frames.start + k + 1;
    let first = number(phase.values.iter().position(beyond)?);
    let last = number(phase.values.iter().rposition(beyond)?);
    let message = format!(
        "the oscillation is not resolved between frames {first} and {last}: in bin {} (q {:.5} Å⁻¹, φ {:.1}°), the worst, its phase grows by up to {:.3} rad a frame, more than π: shorten the frame time, or fit smaller q",
        bin.number,
        bin.q,
        bin.phi_deg,
        largest(&phase.values)
    );
    Some(warning("aliasing", message))
}
