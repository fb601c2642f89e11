//! Functions of time and single quantities behind a fit, with bands by the delta method.

use dyne_solve::Covariance;
use dyne_xpcs_model::{Curve, TimeGrid};

use super::all_names;
use crate::fit::Fitted;
use crate::plan::Plan;
use crate::report::{CurveResult, OtherConvention, Quantity};

/// Most points of a curve in a report.
const MOST_POINTS: usize = 200;

/// Derivatives of a quantity by some parameters, with their positions.
type Gradient = Vec<(usize, f64)>;

/// The functions of time, at up to 200 frames spread evenly.
///
/// **Formula** variance of f(t) is gᵀVg with g = ∂f(t)/∂θ and V the headline covariance.
/// **Edges** the first frame is left out where it takes no part in the fit: a power law of a negative
/// exponent has no value at t = 0.
/// **Checked by** `tests/fits/derived.rs`.
pub(super) fn curves(plan: &Plan, fitted: &Fitted) -> Vec<CurveResult> {
    let frames: Vec<usize> = (plan.skip()..plan.grid.frames()).collect();
    let count = frames.len().min(MOST_POINTS);
    let kept: Vec<usize> =
        (0..count).map(|k| frames[k * (frames.len() - 1) / (count - 1).max(1)]).collect();
    let curves = plan.model.curves(&fitted.outcome.fit.theta, &plan.grid);
    curves.iter().map(|curve| one(plan, fitted, curve, &kept)).collect()
}

fn one(plan: &Plan, fitted: &Fitted, curve: &Curve, kept: &[usize]) -> CurveResult {
    let at = |k: &usize| curve.slopes.iter().map(|(p, s)| (*p, s[*k])).collect::<Gradient>();
    let errors: Result<Vec<f64>, String> =
        kept.iter().map(|k| stderr(plan, fitted, &at(k))).collect();
    CurveResult {
        name: curve.name.to_owned(),
        symbol: curve.symbol.to_owned(),
        unit: curve.unit.to_owned(),
        t_s: kept.iter().map(|k| plan.grid.times()[*k]).collect(),
        value: kept.iter().map(|k| curve.values[*k]).collect(),
        stderr_absent: errors.as_ref().err().cloned(),
        stderr: errors.ok(),
    }
}

/// Means of the functions of time over the series, their named integrals, and what a shear rate is
/// called under the other conventions.
///
/// **Formula** ∫f dt by the trapezoid rule on the frames, divided by the duration for a mean.
pub(super) fn quantities(
    plan: &Plan,
    fitted: &Fitted,
    others: &[OtherConvention],
) -> Vec<Quantity> {
    let duration = duration(&plan.grid);
    let theta = &fitted.outcome.fit.theta;
    let mut out = Vec::new();
    for curve in plan.model.curves(theta, &plan.grid) {
        let (value, gradient) = integral(&curve, &plan.grid);
        let part = |scale: f64| -> (f64, Gradient) {
            (value * scale, gradient.iter().map(|(k, g)| (*k, g * scale)).collect())
        };
        let mean = format!("mean of {}(t) over the series", curve.name);
        let name = format!("mean_{}", curve.name);
        out.push(quantity(plan, fitted, name, mean, curve.unit, part(duration.recip())));
        if let Some((name, unit)) = curve.integral {
            let about = format!("∫{} dt over the series", curve.name);
            out.push(quantity(plan, fitted, name.to_owned(), about, unit, part(1.0)));
        }
    }
    let rate = plan.model.parameters().iter().position(|spec| spec.name == "gamma_dot_t0");
    for other in others {
        let Some(k) = rate else { continue };
        let value = (theta[k] * other.rate_factor, vec![(k, other.rate_factor)]);
        let about = format!("gamma_dot_t0 as the convention {} calls it", other.name);
        let name = format!("gamma_dot_t0 ({})", other.name);
        out.push(quantity(plan, fitted, name, about, plan.model.parameters()[k].unit, value));
    }
    out
}

fn duration(grid: &TimeGrid) -> f64 {
    grid.dt() * (grid.frames() - 1) as f64
}

/// Mean of a function of time over the series.
pub(super) fn mean(curve: &Curve, grid: &TimeGrid) -> f64 {
    integral(curve, grid).0 * duration(grid).recip()
}

fn integral(curve: &Curve, grid: &TimeGrid) -> (f64, Gradient) {
    let trapezoid = |v: &[f64]| v.windows(2).map(|w| 0.5 * grid.dt() * (w[0] + w[1])).sum::<f64>();
    let gradient = curve.slopes.iter().map(|(k, slope)| (*k, trapezoid(slope))).collect();
    (trapezoid(&curve.values), gradient)
}

fn quantity(
    plan: &Plan,
    fitted: &Fitted,
    name: String,
    about: String,
    unit: &str,
    (value, gradient): (f64, Gradient),
) -> Quantity {
    let error = stderr(plan, fitted, &gradient);
    Quantity {
        name,
        about,
        value,
        unit: unit.to_owned(),
        stderr_absent: error.as_ref().err().cloned(),
        stderr: error.ok(),
    }
}

pub(super) fn stderr(
    plan: &Plan,
    fitted: &Fitted,
    gradient: &[(usize, f64)],
) -> Result<f64, String> {
    let covariance: &Covariance = fitted.covariance.as_ref().map_err(ToString::to_string)?;
    let variance = covariance.propagate(gradient);
    variance.map(f64::sqrt).map_err(|reason| reason.phrase(&all_names(plan, fitted)))
}
