//! Models of two-time correlation: parameter tables, the time grid, terms with analytic
//! derivatives. Pure: no input, output, clock, thread or random number.

pub mod param;

pub use param::{ParameterSpec, Prior, Scale};
