//! What the optimiser asks of a problem.

use crate::error::EvaluationError;
use crate::layout::Layout;
use crate::normal::NormalEquations;
use crate::transform::Transform;

/// A least-squares problem that can give its normal equations at a point.
///
/// **Contract.** The equations hold at the `theta` asked for and at the linear parameters they carry
/// ([`NormalEquations::linear`]). Equal arguments give equal bits. With a linear loss the objective
/// ignores `linear` and returns the equations at the projected optimum; then [`Self::project`] may
/// return any finite values of the right length and need not touch the data. With a robust loss it
/// evaluates at the `linear` given, with weights ρ' and the robust cost, so that the optimiser moves
/// θ and z together.
///
/// [`crate::contract::check`] tests this; every implementer calls it.
pub trait Objective: Sync {
    /// Number p of shared parameters, free or not.
    fn shared(&self) -> usize;

    /// How contrast and offset hang on the linear parameters.
    fn layout(&self) -> &Layout;

    /// Linear parameters to start from at `theta` (length p): those of the linear loss.
    ///
    /// # Errors
    /// [`EvaluationError`]: not finite here, interrupted, or fatal.
    fn project(&self, theta: &[f64]) -> Result<Vec<f64>, EvaluationError>;

    /// Where a step from `theta` leads: θ + step to first order, along whatever curve keeps the model
    /// closest to linear. The default is the straight line. Parameters that trade off against each
    /// other along a curved valley are followed around its bend, where straight steps would have to
    /// be short.
    ///
    /// `held` (length p) has the values at which some parameters must end: those that are fixed or
    /// tied, and those that rest on a bound or come to lie on it. The others follow the curve that
    /// is left to them; where a held one ends is taken from `held`, whatever is returned for it.
    fn advance(&self, theta: &[f64], step: &[f64], _held: &[Option<f64>]) -> Vec<f64> {
        theta.iter().zip(step).map(|(value, step)| value + step).collect()
    }

    /// Points that can fit about as well as `theta` though they lie far from it, because a symmetry
    /// of the problem holds exactly or nearly. A search refines them beside the minimum at `theta`.
    /// The default is none.
    fn images(&self, _theta: &[f64]) -> Vec<Vec<f64>> {
        Vec::new()
    }

    /// Points that a scan of the data around `theta` tells to be worth a refinement; values may lie
    /// outside the bounds. The default is none.
    ///
    /// # Errors
    /// [`EvaluationError`]: interrupted, or fatal.
    fn scan(
        &self,
        _theta: &[f64],
        _transform: &Transform,
    ) -> Result<Vec<Vec<f64>>, EvaluationError> {
        Ok(Vec::new())
    }

    /// Points not far from the minimum at `theta` from which a fit may find a deeper one, that a
    /// valley or a bound keeps apart. The default is none.
    fn alternatives(&self, _theta: &[f64]) -> Vec<Vec<f64>> {
        Vec::new()
    }

    /// Normal equations and cost at `theta` (length p) and `linear` (length of the layout's z).
    ///
    /// # Errors
    /// [`EvaluationError`]: not finite here, interrupted, or fatal.
    fn evaluate(&self, theta: &[f64], linear: &[f64]) -> Result<NormalEquations, EvaluationError>;
}
