//! The group `noise`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The noise of the data, which carry no error bars.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FitNoiseConfig {
    /// What its standard deviation depends on; it is estimated from the residuals.
    pub model: NoiseModel,
}

/// What the standard deviation of a pair depends on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum NoiseModel {
    /// Nothing: all pairs weigh the same.
    Global,
    /// The angle: where the standard deviations of the bins differ by more than a tenth, one more fit in which
    /// each bin weighs by the inverse of its variance.
    #[default]
    PerAngle,
    /// Angle and lag: one more fit with the variances that the residuals of the first have by lag.
    PerLag,
}

impl NoiseModel {
    /// Name in configs and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::PerAngle => "per_angle",
            Self::PerLag => "per_lag",
        }
    }
}
