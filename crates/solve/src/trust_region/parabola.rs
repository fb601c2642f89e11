//! The quadratic model around a point, in scaled variables and inside the bounds.

use crate::box_quadratic;
use crate::symmetric::dot;
use crate::transform::Transform;

/// $g^T u + \tfrac12 u^T H u$ for steps u = D d.
pub(super) struct Parabola {
    /// Scaled, row-major.
    hessian: Vec<f64>,
    gradient: Vec<f64>,
    /// Steps to the bounds.
    pub(super) to_lower: Vec<f64>,
    pub(super) to_upper: Vec<f64>,
}

impl Parabola {
    /// Around `x`, with the scales D in `d`.
    pub(super) fn new(
        (hessian, gradient): (&[f64], &[f64]),
        x: &[f64],
        d: &[f64],
        transform: &Transform,
    ) -> Self {
        let n = x.len();
        let room =
            |bounds: &[f64]| -> Vec<f64> { (0..n).map(|i| (bounds[i] - x[i]) * d[i]).collect() };
        Self {
            hessian: (0..n * n).map(|k| hessian[k] / (d[k / n] * d[k % n])).collect(),
            gradient: gradient.iter().zip(d).map(|(g, d)| g / d).collect(),
            to_lower: room(transform.lower()),
            to_upper: room(transform.upper()),
        }
    }

    /// The step to its minimum inside the bounds and a box of half the side `radius`.
    pub(super) fn step(&self, radius: f64) -> Vec<f64> {
        let lower: Vec<f64> = self.to_lower.iter().map(|v| v.max(-radius)).collect();
        let upper: Vec<f64> = self.to_upper.iter().map(|v| v.min(radius)).collect();
        box_quadratic::minimise(&self.hessian, &self.gradient, &lower, &upper)
    }

    /// What its slope alone promises of the step `u`, and the curvature along it.
    pub(super) fn slope_and_curvature(&self, u: &[f64]) -> [f64; 2] {
        let n = u.len();
        let row = |i: usize| &self.hessian[i * n..(i + 1) * n];
        [-dot(&self.gradient, u), (0..n).map(|i| u[i] * dot(row(i), u)).sum()]
    }
}
