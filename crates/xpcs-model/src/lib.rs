//! Models of two-time correlation: parameter tables, the time grid, terms with analytic
//! derivatives. Pure: no input, output, clock, thread or random number.

pub mod geometry;
pub mod grid;
pub mod model;
pub mod models;
pub mod param;
pub mod prior;
pub mod scalar;
pub mod terms;

pub use geometry::{Geometry, ScatteringWindow};
pub use grid::TimeGrid;
pub use model::{BinTerm, Curve, Flow, FramePhase, Model, ModelError, Tables};
pub use models::{Mode, Physics, QDependence, ShearConvention, TwoComponentConvention};
pub use param::{ParameterSpec, Scale};
pub use prior::{LnDensity, Prior};
