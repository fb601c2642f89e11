//! What the data determine, whatever becomes of single parameters.

use dyne_xpcs_model::Curve;
use dyne_xpcs_model::terms::power_rate::ln_reference;

use super::derived::{mean, stderr};
use crate::fit::Fitted;
use crate::plan::Plan;
use crate::report::{HeadlineQuantity, Quantity};

/// The rates at the reference time of the series, then their means over it.
///
/// **Formula** R(t_k) at the frame nearest to the geometric mean of the times, where value and slope of
/// a power law are least correlated; errors by the delta method. **Checked by** `tests/fits/derived.rs`.
pub(super) fn headline(
    plan: &Plan,
    fitted: &Fitted,
    quantities: &[Quantity],
) -> Vec<HeadlineQuantity> {
    let curves = plan.model.curves(&fitted.outcome.fit.theta, &plan.grid);
    let rates = curves.iter().filter(|curve| is_rate(plan, curve));
    let at_reference = rates.clone().map(|curve| at_reference(plan, fitted, curve));
    let means = rates.filter_map(|curve| {
        let name = format!("mean_{}", curve.name);
        let found = quantities.iter().find(|q| q.name == name)?;
        Some(HeadlineQuantity {
            name,
            symbol: format!("mean {}", curve.symbol),
            about: found.about.clone(),
            at_s: None,
            value: found.value,
            stderr: found.stderr,
            unit: found.unit.clone(),
            stderr_absent: found.stderr_absent.clone(),
        })
    });
    at_reference.chain(means).collect()
}

/// Names and values of the headline where the parameters of `plan` are `theta`: the truth of each of its
/// quantities where a simulation knows them.
pub fn headline_values(plan: &Plan, theta: &[f64]) -> Vec<(String, f64)> {
    let curves = plan.model.curves(theta, &plan.grid);
    let rates = || curves.iter().filter(|curve| is_rate(plan, curve));
    let at = reference_frame(plan);
    let at_reference = rates().map(|curve| (curve.name.to_owned(), curve.values[at]));
    let means = rates().map(|curve| (format!("mean_{}", curve.name), mean(curve, &plan.grid)));
    at_reference.chain(means).collect()
}

/// Frame nearest to the reference time of the series.
fn reference_frame(plan: &Plan) -> usize {
    let times = plan.grid.times();
    let reference = ln_reference(&plan.grid).exp();
    let distance = |k: &usize| (times[*k] - reference).abs();
    let frames = plan.skip()..times.len();
    frames.min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(0)
}

/// Whether a function of time is one of the rates of the model.
pub(super) fn is_rate(plan: &Plan, curve: &Curve) -> bool {
    let first = curve.slopes.first().map(|(k, _)| *k);
    first.is_some_and(|first| plan.model.rates().contains(&first))
}

fn at_reference(plan: &Plan, fitted: &Fitted, curve: &Curve) -> HeadlineQuantity {
    let at = reference_frame(plan);
    let gradient: Vec<(usize, f64)> = curve.slopes.iter().map(|(k, s)| (*k, s[at])).collect();
    let error = stderr(plan, fitted, &gradient);
    HeadlineQuantity {
        name: curve.name.to_owned(),
        symbol: curve.symbol.to_owned(),
        about: format!("{} at the reference time of the series", curve.symbol),
        at_s: Some(plan.grid.times()[at]),
        value: curve.values[at],
        unit: curve.unit.to_owned(),
        stderr_absent: error.as_ref().err().cloned(),
        stderr: error.ok(),
    }
}
