//! Bounded nonlinear least squares on arrow-shaped normal equations.
//!
//! The data of one bin (q, φ) are y ≈ b + a·m(θ). The shared parameters θ are nonlinear, the
//! contrast a and the offset b of every bin are linear. All the solver ever sees of the data is
//! one small symmetric matrix per bin, the [`Gram`] matrix of (∂m/∂θ, m, 1, y); the Jacobian is
//! never formed. [`Layout`] says how contrast and offset hang on the linear parameters,
//! [`NormalEquations`] eliminates them, [`minimise`] walks to the nearest minimum inside the
//! bounds, [`search()`] finds the deepest one, and [`Covariance`] says how well it is determined.

pub mod contract;
pub mod covariance;
mod curve;
pub mod error;
pub mod gram;
pub mod layout;
pub mod loss;
pub mod normal;
pub mod objective;
pub mod profile;
pub mod search;
pub mod termination;
pub mod transform;
pub mod trust_region;

mod box_quadratic;
mod symmetric;

pub use covariance::{Covariance, Reason};
pub use curve::{brought_inside, fixed_values, held_inside};
pub use error::{EvaluationError, SolveError};
pub use gram::Gram;
pub use layout::{Layout, Scaling, ScalingCovariance};
pub use loss::{Loss, Robust};
pub use normal::{NormalEquations, Projection, Reduced, assemble, assemble_robust, project};
pub use objective::Objective;
pub use profile::{Profile, ProfileEnd, ProfileOptions, ProfilePoint, profile};
pub use search::{
    Basin, FEW_PAIRS, FromCube, Search, SearchMethod, SearchOptions, SearchOutcome, search,
};
pub use termination::Termination;
pub use transform::{Scale, Slot, Transform};
pub use trust_region::{Fit, Options, minimise};
