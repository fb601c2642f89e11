//! Whether the cost is a parabola over the errors: only there do symmetric error bars hold.

use dyne_solve::{Covariance, EvaluationError, Objective, Transform};

use crate::fit::FitError;
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
    /// Cost there.
    pub lowest: f64,
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
/// [`SolveError::Eigenvalues`](dyne_solve::SolveError::Eigenvalues).
pub fn bent_shares(
    transform: &Transform,
    problem: &Problem<'_>,
    ellipsoid: Ellipsoid<'_>,
) -> Result<Vec<f64>, FitError> {
    let Ellipsoid { theta, lowest, covariance, ranges, shortest } = ellipsoid;
    let (free, n) = (transform.free(), ranges.len());
    let slopes = transform.slopes(theta);
    let units: Vec<f64> = free.iter().zip(ranges).map(|(j, r)| slopes[*j] * r).collect();
    let axes = covariance.axes(free, &units).map_err(FitError::from)?;
    let x = transform.free_variables(theta).map_err(FitError::from)?;
    let length = |u: &Vec<f64>| u.iter().map(|u| u * u).sum::<f64>().sqrt();
    let rise = |axis: &[f64], deviations: f64| {
        let moved: Vec<f64> = (0..n).map(|k| x[k] + deviations * axis[k] * ranges[k]).collect();
        cost(problem, &transform.theta(&moved)).map_or(f64::NAN, |cost| cost - lowest)
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
    Ok(problem.evaluate(theta, &problem.project(theta)?)?.cost())
}
