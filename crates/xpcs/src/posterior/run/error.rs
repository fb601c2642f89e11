//! Why there is no posterior.

use dyne_sample::{DensityError, SampleError};
use thiserror::Error;

use super::super::PosteriorError;
use super::super::shards::ShardsError;
use crate::plan::PlanError;

/// Why there is no posterior.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SamplingError {
    /// The fit is of a kind that is not sampled.
    #[error("{key}: found {found}, expected {expected}\n{remedy}")]
    Unsuited {
        /// Key of the configuration.
        key: &'static str,
        /// What it says.
        found: String,
        /// What can be sampled.
        expected: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// The plan does not fit the data.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The posterior cannot be set up.
    #[error(transparent)]
    Posterior(PosteriorError),
    /// The chains failed.
    #[error(transparent)]
    Sample(SampleError),
    /// The shards failed.
    #[error(transparent)]
    Shards(ShardsError),
    /// The model has no value at a draw.
    #[error(transparent)]
    Model(#[from] dyne_xpcs_model::ModelError),
    /// An evaluation after the sampling failed.
    #[error("contrast and offset at a draw: {0}\nsee the cause")]
    Density(DensityError),
    /// The end was requested.
    #[error("the sampling was interrupted")]
    Interrupted,
}

impl From<PosteriorError> for SamplingError {
    fn from(error: PosteriorError) -> Self {
        match error {
            PosteriorError::Density(DensityError::Interrupted) => Self::Interrupted,
            other => Self::Posterior(other),
        }
    }
}

impl From<SampleError> for SamplingError {
    fn from(error: SampleError) -> Self {
        match error {
            SampleError::Interrupted => Self::Interrupted,
            other => Self::Sample(other),
        }
    }
}

impl From<ShardsError> for SamplingError {
    fn from(error: ShardsError) -> Self {
        match error {
            ShardsError::Interrupted => Self::Interrupted,
            ShardsError::Sample(error) => error.into(),
            other => Self::Shards(other),
        }
    }
}

impl From<DensityError> for SamplingError {
    fn from(error: DensityError) -> Self {
        match error {
            DensityError::Interrupted => Self::Interrupted,
            other => Self::Density(other),
        }
    }
}

impl From<DensityError> for ShardsError {
    fn from(error: DensityError) -> Self {
        match error {
            DensityError::Interrupted => Self::Interrupted,
            other => SampleError::Failed { chain: 1, reason: other.to_string() }.into(),
        }
    }
}
