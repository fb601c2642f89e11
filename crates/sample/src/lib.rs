//! Sampling of posteriors. It knows no science: what is sampled is a [`LogDensity`].

pub mod density;
pub mod diagnostics;
pub mod nuts;

pub use density::{DensityError, LogDensity};
pub use diagnostics::Draws;
pub use nuts::{Chain, ChainOptions, Enough, SampleError, SavedChains, sample};
