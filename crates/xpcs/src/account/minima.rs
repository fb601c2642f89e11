//! Rival minima in words and numbers.

use crate::fit::Fitted;
use crate::plan::Plan;
use crate::report::RivalMinimum;

/// The minima of a fit, the chosen one first.
pub(crate) fn minima(plan: &Plan, fitted: &Fitted) -> Vec<RivalMinimum> {
    let specs = plan.model.parameters();
    let named = |theta: &[f64]| {
        specs.iter().zip(theta).map(|(spec, value)| (spec.name.to_owned(), *value)).collect()
    };
    let one = |rival: &crate::minima::Rival| RivalMinimum {
        parameters: named(&rival.theta),
        cost_rise_sigma2: rival.rise,
        kind: rival.kind,
    };
    fitted.minima.list.iter().map(one).collect()
}
