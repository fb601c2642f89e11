//! Tolerances and limits.

use crate::error::SolveError;

/// Tolerances and limits of [`crate::minimise`].
///
/// | option | ends when | default |
/// |---|---|---|
/// | `ftol` | predicted and actual gain of an unrestricted step are at most ftol · cost | 1e-10 |
/// | `xtol` | an accepted unrestricted step has max D\|d\| ≤ xtol · (xtol + max D·size) | 1e-10 |
/// | `gtol` | the largest projected cosine between a Jacobian column and the residuals is at most gtol | 1e-10 |
/// | `max_evaluations` | so many evaluations are done, the start included | 200 |
/// | `initial_radius` | multiplies the first radius, max(max D·size, √(2·cost)) | 1 |
///
/// D is the scale of a variable (see [`crate::minimise`]), its size is |x|, and at least 1 on a logarithmic
/// scale. Unrestricted means: not cut short by the trust region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Relative tolerance of the cost.
    pub ftol: f64,
    /// Relative tolerance of the parameters.
    pub xtol: f64,
    /// Tolerance of the projected gradient, as a cosine.
    pub gtol: f64,
    /// Limit of evaluations, at least 1.
    pub max_evaluations: u64,
    /// Factor on the first radius, positive.
    pub initial_radius: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { ftol: 1e-10, xtol: 1e-10, gtol: 1e-10, max_evaluations: 200, initial_radius: 1.0 }
    }
}

impl Options {
    pub(crate) fn check(&self) -> Result<(), SolveError> {
        for (name, value) in [("ftol", self.ftol), ("xtol", self.xtol), ("gtol", self.gtol)] {
            if !(0.0..1.0).contains(&value) {
                return Err(SolveError::Option { name, value, expected: "at least 0 and below 1" });
            }
        }
        if self.max_evaluations == 0 {
            let (name, expected) = ("max_evaluations", "at least 1");
            return Err(SolveError::Option { name, value: 0.0, expected });
        }
        if !(self.initial_radius > 0.0 && self.initial_radius.is_finite()) {
            let (name, value) = ("initial_radius", self.initial_radius);
            return Err(SolveError::Option { name, value, expected: "a positive number" });
        }
        Ok(())
    }
}
