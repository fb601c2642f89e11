//! Whether the cost is a parabola over the errors that an experiment is expected to make.

use dyne_solve::{Covariance, EvaluationError, Objective, SolveError};
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

/// The axes of the error ellipsoid of an experiment.
pub(super) struct Axes {
    /// Share of the variance of each free variable that comes from bent axes.
    pub bent: Vec<f64>,
    /// Largest standard deviation along an axis, in ranges.
    pub widest: f64,
}

/// Looks along the axes of the error ellipsoid: along which of them is the cost no parabola?
///
/// **Formula.** $\mathrm{Cov}(x_k/r_k, x_l/r_l) = \sum_a s_a^2u_{ak}u_{al}$; axis a is bent where
/// $C(2s_a)/[100\,C(0.2s_a)]$ lies outside 1/2 … 2 on either side of the truth, C being the cost of data
/// without noise, 0 at the truth. The share is $\sum_{bent}s_a^2u_{ak}^2/\sum_a s_a^2u_{ak}^2$.
///
/// **Symbols.** x: free variables, logarithms where the fit takes them; r: their ranges; s, u: axes.
/// **Edges** A point that the model refuses counts as bent.
/// **Cost** four evaluations an axis.
pub(super) fn axes(
    plan: &Plan,
    problem: &Problem<'_>,
    truth: &[f64],
    covariance: &Covariance,
    ranges: &[f64],
) -> Result<Axes, FitError> {
    let (axes, n) = (principal(plan, truth, covariance, ranges)?, ranges.len());
    let x = plan.transform.free_variables(truth).map_err(FitError::from)?;
    let cost = |axis: &[f64], deviations: f64| {
        let moved: Vec<f64> = (0..n).map(|k| x[k] + deviations * axis[k] * ranges[k]).collect();
        cost(problem, &plan.transform.theta(&moved)).unwrap_or(f64::NAN)
    };
    let straight = |axis: &Vec<f64>| {
        [1.0, -1.0].iter().all(|side| {
            let expected = cost(axis, side * NEAR) * (FAR / NEAR).powi(2);
            (WITHIN..=1.0 / WITHIN).contains(&(cost(axis, side * FAR) / expected))
        })
    };
    let bent: Vec<bool> = axes.iter().map(|axis| !straight(axis)).collect();
    let variance = |k: usize, of: &dyn Fn(usize) -> bool| {
        axes.iter().enumerate().filter(|(a, _)| of(*a)).map(|(_, u)| u[k] * u[k]).sum::<f64>()
    };
    let length = |u: &Vec<f64>| u.iter().map(|u| u * u).sum::<f64>().sqrt();
    Ok(Axes {
        bent: (0..n).map(|k| variance(k, &|a| bent[a]) / variance(k, &|_| true)).collect(),
        widest: axes.iter().map(length).fold(0.0, f64::max),
    })
}

fn cost(problem: &Problem<'_>, theta: &[f64]) -> Result<f64, EvaluationError> {
    let linear = problem.project(theta)?;
    Ok(problem.evaluate(theta, &linear)?.cost())
}

/// s·u of every axis, in units of the ranges.
fn principal(
    plan: &Plan,
    truth: &[f64],
    covariance: &Covariance,
    ranges: &[f64],
) -> Result<Vec<Vec<f64>>, SolveError> {
    let (free, n) = (plan.transform.free(), ranges.len());
    let slopes = plan.transform.slopes(truth);
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
