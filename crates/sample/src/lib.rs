//! Sampling of posteriors. It knows no science: what is sampled is a [`LogDensity`].

pub mod chi_square;
pub mod consensus;
pub mod contraction;
pub mod density;
pub mod diagnostics;
pub mod modes;
pub mod nuts;
#[cfg(test)]
mod stream;
pub mod uniformity;

pub use consensus::{Combination, Consensus, ConsensusError, ShardDraws, combine};
pub use contraction::contraction;
pub use density::{DensityError, LogDensity};
pub use diagnostics::Draws;
pub use modes::{Modes, modes};
pub use nuts::{Chain, ChainOptions, Enough, SampleError, SavedChains, sample};
pub use uniformity::{Band, Uniformity, UniformityError};
