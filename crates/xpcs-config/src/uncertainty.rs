//! The group `uncertainty`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Error bars.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UncertaintyConfig {
    /// Which covariance the error bars of the report are.
    pub method: UncertaintyMethod,
    /// Speckles drawn for `speckle`, all bins together; an error bar is known to about one over
    /// the root of this number.
    pub speckles: usize,
    /// Seed of the speckles.
    pub seed: u64,
    /// Mean counts per pixel and frame, above 0; where absent from the diagonal of the matrices, else
    /// from the correlation of neighbouring residuals.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = 0.1)]
    pub counts: Option<f64>,
    /// Independent pixels (speckles) of a bin, above 0; from the size of the residuals where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = 2000.0)]
    pub pixels: Option<f64>,
    /// Free parameters whose profile likelihood is computed.
    pub profile: Vec<String>,
}

impl Default for UncertaintyConfig {
    fn default() -> Self {
        Self {
            method: UncertaintyMethod::Speckle,
            speckles: 1536,
            seed: 0,
            counts: None,
            pixels: None,
            profile: Vec::new(),
        }
    }
}

/// Kinds of covariance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum UncertaintyMethod {
    /// Score covariance of simulated speckles of the fitted model; holds for all data.
    Speckle,
    /// Residuals clustered over blocks of frames; too small where the decay is slow.
    Dyadic,
    /// Pairs taken as independent; holds for independent noise only.
    Information,
}

impl UncertaintyMethod {
    /// Name in configs and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Speckle => "speckle",
            Self::Dyadic => "dyadic",
            Self::Information => "information",
        }
    }

    /// What it is, one sentence.
    pub fn about(self) -> &'static str {
        match self {
            Self::Speckle => {
                "H⁻¹BH⁻¹ with the score covariance of speckles simulated under the fitted model"
            }
            Self::Dyadic => "H⁻¹BH⁻¹ with residuals clustered over blocks of frames",
            Self::Information => "s²·H⁻¹ of the Gauss-Newton Hessian, pairs taken as independent",
        }
    }
}
