//! What the data determine and what they do not, in words.

use dyne_solve::{Covariance, Reason, Slot};

use super::CORRELATED;
use crate::fit::{Fitted, Labels};
use crate::plan::Plan;
use crate::report::{BoundSide, Identifiability, ParameterResult, Weight};

/// A smallest singular value below this is named: the weakest combination is then known ten times
/// worse than its parameters would be each alone.
const WEAK: f64 = 0.1;

/// The section on identifiability; nothing where there is no information matrix.
pub(super) fn identifiability(
    plan: &Plan,
    fitted: &Fitted,
    parameters: &[ParameterResult],
) -> Option<Identifiability> {
    let covariance = fitted.covariance.as_ref().ok()?;
    let singular_values: Vec<f64> =
        covariance.spectrum().iter().map(|value| value.max(0.0).sqrt()).collect();
    let weakest: Vec<Weight> = covariance
        .weakest()
        .iter()
        .map(|(k, weight)| Weight {
            name: plan.model.parameters()[*k].name.to_owned(),
            weight: *weight,
        })
        .collect();
    let (floored_frames, clipped_frames) =
        (fitted.evaluated.tables.floored_frames, fitted.evaluated.tables.clipped_frames);
    let mut findings = at_bounds(parameters);
    findings.extend(undetermined(covariance, parameters));
    findings.extend(weak(&singular_values, &weakest));
    findings.extend(correlated(covariance, parameters));
    let all = plan.frames.len();
    if floored_frames > 0 {
        findings.push(format!(
            "A transport coefficient is negative on {floored_frames} of {all} frames and counts as 0 there: the data say nothing of it on those frames."
        ));
    }
    if clipped_frames > 0 {
        findings.push(format!(
            "The sample fraction lies outside 0 … 1 on {clipped_frames} of {all} frames and is clipped there: the data say nothing of it on those frames."
        ));
    }
    if findings.is_empty() {
        findings.push("Every free parameter is determined by these data.".to_owned());
    }
    findings.extend(curved(plan, &fitted.curved));
    findings.extend(labels(plan, &fitted.labels));
    let condition = match (singular_values.first(), singular_values.last()) {
        (Some(first), Some(last)) if *first > 0.0 => Some(last / first),
        _ => None,
    };
    Some(Identifiability {
        singular_values,
        condition,
        weakest,
        floored_frames,
        clipped_frames,
        findings,
    })
}

/// Error bars over which the cost is no parabola.
fn curved(plan: &Plan, curved: &[usize]) -> Option<String> {
    let names: Vec<&str> = curved.iter().map(|k| plan.model.parameters()[*k].name).collect();
    (!names.is_empty()).then(|| {
        let list = names.join(", ");
        let profile = names.join(",");
        format!(
            "Over the errors of {list} the cost is no parabola: symmetric error bars hold there at best roughly; --profile {profile} gives asymmetric ones."
        )
    })
}

/// Which component carries which name, where that is a choice.
pub(super) fn labels(plan: &Plan, labels: &Labels) -> Option<String> {
    match labels {
        Labels::Usual => None,
        Labels::Exchanged => Some(
            "The two components were exchanged, which leaves m as it is, so that the sample is the one with the larger share of the field over the series.".to_owned(),
        ),
        Labels::Kept(image) => {
            let outside = |(slot, value): &(&Slot, &f64)| {
                matches!(slot, Slot::Free { lower, upper, .. } if !(lower..=upper).contains(value))
            };
            let slots = plan.transform.slots().iter().zip(image).enumerate();
            let beyond: Vec<String> = slots
                .filter(|(_, pair)| outside(pair))
                .map(|(k, (_, value))| format!("{} = {value:.4}", plan.model.parameters()[k].name))
                .collect();
            let reason = match (beyond.is_empty(), plan.start.is_some()) {
                (false, _) => {
                    format!("the bounds keep their names, as {} lies outside", beyond.join(", "))
                }
                (true, true) => "the starting values keep their names".to_owned(),
                (true, false) => {
                    "fixed parameters or the laws chosen have no exact image with the names exchanged"
                        .to_owned()
                }
            };
            Some(format!(
                "The sample has less than half of the field over the series. The two components could be exchanged without changing m; {reason}."
            ))
        }
    }
}

fn at_bounds(parameters: &[ParameterResult]) -> Vec<String> {
    let sentence = |p: &ParameterResult| {
        let side = match p.at_bound? {
            BoundSide::Lower => "lower",
            BoundSide::Upper => "upper",
        };
        Some(format!(
            "{} lies on its {side} bound; the errors of the others count it as free.",
            p.name
        ))
    };
    parameters.iter().filter(|p| p.free).filter_map(sentence).collect()
}

fn undetermined(covariance: &Covariance, parameters: &[ParameterResult]) -> Vec<String> {
    let missing = |(k, p): (usize, &ParameterResult)| match covariance.reason(k) {
        Some(reason @ Reason::Undetermined { .. }) => {
            let names: Vec<String> = parameters.iter().map(|p| p.name.clone()).collect();
            // A direction may name contrast and offset, which stand after the parameters.
            let among = matches!(reason, Reason::Undetermined { direction }
                if direction.iter().all(|(at, _)| *at < names.len()));
            let words = match among {
                true => reason.phrase(&names),
                false => "not determined by these data".to_owned(),
            };
            Some(format!("{} is {words}.", p.name))
        }
        _ => None,
    };
    parameters.iter().enumerate().filter(|(_, p)| p.free).filter_map(missing).collect()
}

fn weak(singular_values: &[f64], weakest: &[Weight]) -> Option<String> {
    let smallest = singular_values.first().copied().filter(|s| *s < WEAK)?;
    let terms: Vec<String> =
        weakest.iter().map(|w| format!("{:+.2}·{}", w.weight, w.name)).collect();
    Some(format!(
        "The weakest combination is {} (singular value {smallest:.1e}): along it the parameters can move together with hardly any change of the fit.",
        terms.join(" ")
    ))
}

fn correlated(covariance: &Covariance, parameters: &[ParameterResult]) -> Vec<String> {
    super::correlated(covariance, parameters)
        .into_iter()
        .map(|(a, b, rho)| {
            format!("{a} and {b} are correlated by {rho:.3} (beyond {CORRELATED}): fix one of them, or quote a combination.")
        })
        .collect()
}
