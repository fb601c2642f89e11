//! Whether the cost is a parabola over the errors: only there do symmetric error bars hold.

use dyne_solve::{Covariance, EvaluationError, Loss, Objective, SolveError};
use faer::{MatRef, Side};

use crate::fit::FitError;
use crate::plan::Plan;
use crate::problem::Problem;

/// How far along an axis of the error ellipsoid the cost is looked at, and the small step that tells
/// its curvature, in standard deviations.
const FAR: f64 = 2.0;
const NEAR: f64 = 0.2;

/// A cost at [`FAR`] between this share of the parabola's and its inverse counts as a parabola.
const WITHIN: f64 = 0.5;

/// The parameters of a point, their errors and their ranges.
#[derive(Clone, Copy)]
pub struct Ellipsoid<'a> {
    /// The point, a minimum of the cost.
    pub theta: &'a [f64],
    /// Covariance there.
    pub covariance: &'a Covariance,
    /// Range of each free variable.
    pub ranges: &'a [f64],
    /// Axes shorter than this share of the ranges are taken as straight and cost nothing.
    pub shortest: f64,
}

/// Share of the variance from bent axes above which an error bar is not to be trusted.
pub const BENT: f64 = 0.05;

/// Share of the variance of each free variable that comes from axes of the error ellipsoid along
/// which the cost is no parabola.
///
/// **Formula.** $\mathrm{Cov}(x_k/r_k, x_l/r_l) = \sum_a s_a^2u_{ak}u_{al}$; axis a is bent where
/// $[C(2s_a) - C(0)]/[100(C(0.2s_a) - C(0))]$ lies outside 1/2 … 2 on either side of the point. The share of
/// variable k is $\sum_{bent}s_a^2u_{ak}^2/\sum_a s_a^2u_{ak}^2$.
///
/// **Symbols.** C: cost, contrast and offset fitted; x: free variables, logarithms where the fit takes
/// them; r: their ranges; s, u: axes.
/// **Edges** A point that the model refuses counts as bent. A parameter that is not determined counts
/// as known to its whole range.
/// **Cost** four evaluations an axis.
/// **Checked by** `tests/fits/nested.rs`: `a_bent_valley_is_told`, and docs/calibration.md.
///
/// # Errors
/// That of the sweep; [`SolveError::Eigenvalues`].
pub fn bent_shares(
    plan: &Plan,
    problem: &Problem<'_>,
    ellipsoid: Ellipsoid<'_>,
) -> Result<Vec<f64>, FitError> {
    let Ellipsoid { theta, ranges, shortest, .. } = ellipsoid;
    if ranges.is_empty() {
        return Ok(Vec::new());
    }
    let (axes, n) = (principal(plan, ellipsoid)?, ranges.len());
    let x = plan.transform.free_variables(theta).map_err(FitError::from)?;
    let length = |u: &Vec<f64>| u.iter().map(|u| u * u).sum::<f64>().sqrt();
    let looked_along = axes.iter().any(|axis| length(axis) >= shortest);
    let lowest = match looked_along {
        true => cost(problem, theta).map_err(FitError::Evaluation)?,
        false => f64::NAN,
    };
    let rise = |axis: &[f64], deviations: f64| {
        let moved: Vec<f64> = (0..n).map(|k| x[k] + deviations * axis[k] * ranges[k]).collect();
        cost(problem, &plan.transform.theta(&moved)).map_or(f64::NAN, |cost| cost - lowest)
    };
    let straight = |axis: &Vec<f64>| {
        length(axis) < shortest
            || [1.0, -1.0].iter().all(|side| {
                let expected = rise(axis, side * NEAR) * (FAR / NEAR).powi(2);
                (WITHIN..=1.0 / WITHIN).contains(&(rise(axis, side * FAR) / expected))
            })
    };
    let bent: Vec<bool> = axes.iter().map(|axis| !straight(axis)).collect();
    let variance = |k: usize, of: &dyn Fn(usize) -> bool| {
        axes.iter().enumerate().filter(|(a, _)| of(*a)).map(|(_, u)| u[k] * u[k]).sum::<f64>()
    };
    Ok((0..n).map(|k| variance(k, &|a| bent[a]) / variance(k, &|_| true)).collect())
}

fn cost(problem: &Problem<'_>, theta: &[f64]) -> Result<f64, EvaluationError> {
    // A linear loss does not look at the contrast and offset given.
    let linear = match problem.robust.loss {
        Loss::Linear => vec![0.0; problem.layout.linear()],
        _ => problem.project(theta)?,
    };
    Ok(problem.evaluate(theta, &linear)?.cost())
}

/// s·u of every axis, in units of the ranges.
fn principal(plan: &Plan, ellipsoid: Ellipsoid<'_>) -> Result<Vec<Vec<f64>>, SolveError> {
    let Ellipsoid { theta, covariance, ranges, .. } = ellipsoid;
    let (free, n) = (plan.transform.free(), ranges.len());
    let slopes = plan.transform.slopes(theta);
    let scale: Vec<f64> = free.iter().zip(ranges).map(|(j, r)| 1.0 / (slopes[*j] * r)).collect();
    // A parameter that is not determined at all counts as known to its whole range.
    let entry = |k: usize, l: usize| {
        let absent = if k == l { 1.0 } else { 0.0 };
        covariance.covariance(free[k], free[l]).map_or(absent, |c| c * scale[k] * scale[l])
    };
    let matrix: Vec<f64> = (0..n * n).map(|e| entry(e / n, e % n)).collect();
    let found = MatRef::from_row_major_slice(&matrix, n, n)
        .self_adjoint_eigen(Side::Lower)
        .map_err(|_| SolveError::Eigenvalues { order: n })?;
    let values = found.S().column_vector().iter().copied();
    Ok(values
        .enumerate()
        .map(|(a, s)| found.U().col(a).iter().map(|u| u * s.max(0.0).sqrt()).collect())
        .collect())
}
