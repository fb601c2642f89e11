//! What a sampler asks of a density.

use std::error::Error;
use std::fmt;

/// Why a density has no value at a point.
#[derive(Debug)]
pub enum DensityError {
    /// A term is not finite there; the sampler counts a divergence and goes on.
    NonFinite {
        /// Which term.
        term: String,
    },
    /// The end was requested.
    Interrupted,
    /// No other point would do either.
    Fatal(Box<dyn Error + Send + Sync>),
}

impl fmt::Display for DensityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NonFinite { term } => write!(f, "the log density is not finite: {term}"),
            Self::Interrupted => f.write_str("the sampling was interrupted"),
            Self::Fatal(source) => write!(f, "{source}"),
        }
    }
}

impl Error for DensityError {}

/// A log density over unbounded variables, up to a constant, with its gradient.
///
/// **Contract.** Equal points give equal bits. The gradient is that of the value. [`check`] tests
/// this; every implementer calls it.
pub trait LogDensity: Sync {
    /// Number of variables.
    fn dimension(&self) -> usize;

    /// Log density at `x`; its derivatives go to `gradient`. Both have the length of the dimension.
    ///
    /// # Errors
    /// [`DensityError`].
    fn evaluate(&self, x: &[f64], gradient: &mut [f64]) -> Result<f64, DensityError>;

    /// What is to be known at `x`: quantities of which chains tell how well they mix.
    fn quantities(&self, x: &[f64]) -> Vec<f64> {
        x.to_vec()
    }
}

/// Checks the contract at `x`: equal bits, and the gradient against central differences with relative
/// steps `step` to within `tolerance` of its largest component.
///
/// # Panics
/// Where it is not kept.
pub fn check(density: &dyn LogDensity, x: &[f64], step: f64, tolerance: f64) {
    let n = density.dimension();
    assert_eq!(x.len(), n, "one coordinate for each variable");
    let at = |x: &[f64]| {
        let mut gradient = vec![f64::NAN; n];
        let value = density.evaluate(x, &mut gradient).expect("a value at the point");
        (value, gradient)
    };
    let (value, gradient) = at(x);
    let (again, same) = at(x);
    assert_eq!(value.to_bits(), again.to_bits(), "equal points give equal bits");
    assert_eq!(gradient, same, "equal points give equal gradients");
    let largest = gradient.iter().fold(0.0f64, |most, g| most.max(g.abs()));
    for i in 0..n {
        let h = step * x[i].abs().max(1.0);
        let moved = |d: f64| {
            let mut x = x.to_vec();
            x[i] += d;
            at(&x).0
        };
        let difference = (moved(h) - moved(-h)) / (2.0 * h);
        let error = (difference - gradient[i]).abs();
        assert!(
            error <= tolerance * largest.max(1.0),
            "variable {i}: gradient {}, difference {difference}",
            gradient[i]
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A normal density whose gradient is off by a factor.
    struct Normal {
        factor: f64,
    }

    impl LogDensity for Normal {
        fn dimension(&self) -> usize {
            2
        }
        fn evaluate(&self, x: &[f64], gradient: &mut [f64]) -> Result<f64, DensityError> {
            gradient.iter_mut().zip(x).for_each(|(g, x)| *g = -x * self.factor);
            Ok(-0.5 * x.iter().map(|x| x * x).sum::<f64>())
        }
    }

    #[test]
    fn a_right_gradient_passes() {
        check(&Normal { factor: 1.0 }, &[0.3, -1.2], 1e-5, 1e-8);
    }

    #[test]
    #[should_panic(expected = "gradient")]
    fn a_wrong_gradient_is_found() {
        check(&Normal { factor: 1.001 }, &[0.3, -1.2], 1e-5, 1e-8);
    }
}
