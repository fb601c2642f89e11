//! What can go wrong in this crate.

use std::error::Error;

use thiserror::Error;

/// Why a problem could not be set up or solved.
///
/// That an optimiser ends without convergence is not an error: see [`crate::Termination`].
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SolveError {
    /// A packed Gram matrix has the wrong number of entries.
    #[error(
        "gram matrix: {found} packed entries, expected {expected} for {shared} shared parameters\n\
         pack the upper triangle of order {shared} + 3 row by row"
    )]
    GramLength {
        /// Number of shared parameters.
        shared: usize,
        /// Entries needed.
        expected: usize,
        /// Entries given.
        found: usize,
    },
    /// The number of Gram matrices is not the number of bins of the layout.
    #[error(
        "normal equations: {found} gram matrices, expected {expected}, one per bin of the layout\n\
         build the layout for the bins that are fitted"
    )]
    BinCount {
        /// Bins of the layout.
        expected: usize,
        /// Gram matrices given.
        found: usize,
    },
    /// A Gram matrix holds NaN or infinity.
    #[error(
        "gram matrix of bin {bin}: not finite, expected finite sums\n\
         keep the parameters where the model is finite and mask non-finite data"
    )]
    NonFinite {
        /// Position of the bin in the layout.
        bin: usize,
    },
    /// More Fourier coefficients than bins.
    #[error(
        "fourier layout of order {order}: {bins} bins, expected at least {needed}\n\
         lower the order or scale every bin by itself"
    )]
    FourierOrder {
        /// Order asked for.
        order: usize,
        /// Bins given.
        bins: usize,
        /// Coefficients per quantity, 2·order + 1.
        needed: usize,
    },
    /// An azimuth is NaN or infinite.
    #[error(
        "fourier layout, bin {bin}: azimuth {phi_rad} rad, expected a finite angle\ncorrect the list of angles"
    )]
    Azimuth {
        /// Position of the bin.
        bin: usize,
        /// Azimuth given, rad.
        phi_rad: f64,
    },
    /// The bounds of a slot are empty, not numbers, or not positive under a logarithm.
    #[error(
        "parameter {index}: bounds [{lower}, {upper}], expected lower < upper, and lower > 0 on a \
         logarithmic scale\ncorrect the bounds or fix the parameter"
    )]
    Bounds {
        /// Position of the parameter.
        index: usize,
        /// Lower bound given.
        lower: f64,
        /// Upper bound given.
        upper: f64,
    },
    /// A fixed value or tie factor is NaN or infinite.
    #[error(
        "parameter {index}: fixed value or tie factor {value}, expected a finite number\ncorrect the value"
    )]
    SlotValue {
        /// Position of the parameter.
        index: usize,
        /// Value given.
        value: f64,
    },
    /// A parameter is tied to itself, to another tied one, or to none that exists.
    #[error(
        "parameter {index}: tied to parameter {to}, expected one that is free or fixed\n\
         tie it to a parameter that is not itself tied"
    )]
    Tie {
        /// Position of the tied parameter.
        index: usize,
        /// What it is tied to.
        to: usize,
    },
    /// A vector of parameters has the wrong length.
    #[error("{what}: {found} values, expected {expected}\ngive one value per parameter")]
    Length {
        /// Which vector.
        what: &'static str,
        /// Values needed.
        expected: usize,
        /// Values given.
        found: usize,
    },
    /// A starting value lies outside its bounds.
    #[error(
        "start of parameter {index}: {value}, expected a value in [{lower}, {upper}]\n\
         move the start or widen the bounds"
    )]
    StartOutside {
        /// Position of the parameter.
        index: usize,
        /// Starting value.
        value: f64,
        /// Lower bound.
        lower: f64,
        /// Upper bound.
        upper: f64,
    },
    /// The model is not finite at the starting point.
    #[error(
        "start {theta:?}: the model is not finite there ({reason})\nstart from a point where it is"
    )]
    StartNotFinite {
        /// Shared parameters at the start.
        theta: Vec<f64>,
        /// What the evaluation said.
        reason: String,
    },
    /// None of the starting points of a search can be evaluated.
    #[error("search: none of {tried} starting points has a finite cost\nnarrow the bounds")]
    NoStart {
        /// Starting points tried.
        tried: usize,
    },
    /// An option lies outside its range.
    #[error("option {name}: {value}, expected {expected}\ncorrect the option")]
    Option {
        /// Name of the option.
        name: &'static str,
        /// Value given.
        value: f64,
        /// What is allowed.
        expected: &'static str,
    },
    /// The eigenvalue iteration of a small symmetric matrix did not converge.
    #[error(
        "eigenvalues of a symmetric matrix of order {order}: iteration did not converge\n\
         check the data for extreme values"
    )]
    Eigenvalues {
        /// Order of the matrix.
        order: usize,
    },
    /// An evaluation ended for a reason that no other point can cure.
    #[error("evaluation of the objective failed\nsee the cause below")]
    Evaluation(#[source] Box<dyn Error + Send + Sync>),
    /// The work was stopped before there was a point to report.
    #[error("interrupted before a first point was found\nrun it again")]
    Interrupted,
}

/// Why an objective has no value at a point.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// The model or its sums are not finite here; another point may do.
    #[error("not finite at this point: {0}, expected finite sums\ntry another point")]
    NonFinite(String),
    /// The caller asked to stop during the evaluation.
    #[error("evaluation interrupted, expected to run to its end\nrun it again")]
    Interrupted,
    /// No point will do: data that cannot be read, a lost rank.
    #[error("evaluation failed\nsee the cause below")]
    Fatal(#[source] Box<dyn Error + Send + Sync>),
}

impl From<SolveError> for EvaluationError {
    fn from(error: SolveError) -> Self {
        match error {
            SolveError::NonFinite { bin } => Self::NonFinite(format!("gram matrix of bin {bin}")),
            other => Self::Fatal(Box::new(other)),
        }
    }
}
