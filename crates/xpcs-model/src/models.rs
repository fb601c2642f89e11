//! The models: each a list of terms and a table of parameters.

mod laminar_flow;
mod static_isotropic;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::Model;
use crate::param::{LAMINAR_FLOW, ParameterSpec, STATIC};
use crate::terms::shear::{Convention, HOMODYNE_2, HOMODYNE_ANALYSIS, PUBLISHED};

pub use laminar_flow::{LaminarFlow, correlation as laminar_flow_correlation};
pub use static_isotropic::{StaticIsotropic, correlation as static_correlation};

/// Which model is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mode {
    /// Diffusion without flow.
    Static,
    /// Diffusion and a linear velocity profile across a gap.
    LaminarFlow,
}

impl Mode {
    /// All modes.
    pub const ALL: [Self; 2] = [Self::Static, Self::LaminarFlow];

    /// Name in configs and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::LaminarFlow => "laminar_flow",
        }
    }

    /// What it describes, one sentence.
    pub fn about(self) -> &'static str {
        match self {
            Self::Static => "Diffusion without flow: 3 parameters.",
            Self::LaminarFlow => {
                "Diffusion and a linear velocity profile across a gap: 7 parameters."
            }
        }
    }

    /// Its parameters in order.
    pub fn parameters(self) -> &'static [ParameterSpec] {
        match self {
            Self::Static => &STATIC,
            Self::LaminarFlow => &LAMINAR_FLOW,
        }
    }

    /// The model under a choice of conventions.
    pub fn model(self, physics: Physics) -> Box<dyn Model> {
        match self {
            Self::Static => Box::new(StaticIsotropic::new(physics.shear.convention())),
            Self::LaminarFlow => Box::new(LaminarFlow::new(physics.shear)),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mode {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|m| m.name() == s)
            .ok_or_else(|| format!("unknown mode {s:?}, expected static or laminar_flow"))
    }
}

/// Named form of the shear factor: published numbers depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ShearConvention {
    /// [sin Φ/Φ]², the published form.
    #[default]
    Published,
    /// [sin(Φ/π)/(Φ/π)]⁴, what homodyne 2.x and xpcsjax 0.1 compute.
    #[serde(rename = "homodyne-2")]
    Homodyne2,
    /// [sin Φ/Φ]⁴, what homodyne-analysis 1.x computes.
    HomodyneAnalysis,
}

impl ShearConvention {
    /// All conventions.
    pub const ALL: [Self; 3] = [Self::Published, Self::Homodyne2, Self::HomodyneAnalysis];

    /// Name in configs and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Homodyne2 => "homodyne-2",
            Self::HomodyneAnalysis => "homodyne-analysis",
        }
    }

    /// The shear factor S of a phase Φ, and who computes it so, one sentence.
    pub fn about(self) -> &'static str {
        match self {
            Self::Published => "S = [sin Φ / Φ]², the form of the papers.",
            Self::Homodyne2 => {
                "S = [sin(Φ/π) / (Φ/π)]⁴, what homodyne 2.x and xpcsjax 0.1 compute."
            }
            Self::HomodyneAnalysis => "S = [sin Φ / Φ]⁴, what homodyne-analysis 1.x computes.",
        }
    }

    /// The formula behind the name.
    pub fn convention(self) -> Convention {
        match self {
            Self::Published => PUBLISHED,
            Self::Homodyne2 => HOMODYNE_2,
            Self::HomodyneAnalysis => HOMODYNE_ANALYSIS,
        }
    }

    /// By what factor a shear rate fitted under this convention must be multiplied to be
    /// called by its `published` name, from the expansion at small phase:
    /// S ≈ 1 − n a² Φ²/6, so the factor is a·√(n/2).
    pub fn rate_to_published(self) -> f64 {
        let c = self.convention();
        c.scale * (f64::from(c.power) / 2.0).sqrt()
    }
}

/// Conventions that a fit is made under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Physics {
    /// Form of the shear factor.
    pub shear: ShearConvention,
}
