//! The models: each a list of terms and a table of parameters.

mod kww;
mod laminar_flow;
mod over_q;
mod static_isotropic;
mod two_component;
mod two_decays;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::Model;
use crate::param::{
    KWW, KWW_OVER_Q, LAMINAR_FLOW, LAMINAR_FLOW_OVER_Q, ParameterSpec, STATIC, STATIC_OVER_Q,
    TWO_COMPONENT, TWO_COMPONENT_OVER_Q, TWO_DECAYS, TWO_DECAYS_OVER_Q,
};
use crate::terms::shear::{Convention, HOMODYNE_2, HOMODYNE_ANALYSIS, PUBLISHED};

pub use kww::{Kww, correlation as kww_correlation};
pub use laminar_flow::{LaminarFlow, correlation as laminar_flow_correlation};
pub use over_q::OverQ;
pub use static_isotropic::{StaticIsotropic, correlation as static_correlation};
pub use two_component::{TwoComponent, correlation as two_component_correlation};
pub use two_decays::{TwoDecays, correlation as two_decays_correlation};

/// Which model is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mode {
    /// Diffusion without flow.
    Static,
    /// Diffusion and a linear velocity profile across a gap.
    LaminarFlow,
    /// A moving and a resting component that interfere.
    #[serde(alias = "heterodyne")]
    TwoComponent,
    /// `two_component` without sample: the reference alone.
    StaticRef,
    /// `two_component` at rest with equal fractions.
    StaticBoth,
    /// Diffusion with a stretched or compressed exponential.
    Kww,
    /// Two populations of the field that decay at their own rates.
    TwoDecays,
}

/// What `static_ref` holds fixed.
const REFERENCE_ALONE: [(&str, f64); 9] = [
    ("D0_sample", 1e4),
    ("alpha_sample", 0.0),
    ("D_offset_sample", 0.0),
    ("v0", 1e-6),
    ("beta", 0.0),
    ("v_offset", 0.0),
    ("f0", 0.0),
    ("f1", 0.0),
    ("f3", 0.0),
];

/// What `static_both` holds fixed.
const AT_REST: [(&str, f64); 6] =
    [("v0", 1e-6), ("beta", 0.0), ("v_offset", 0.0), ("f0", 0.5), ("f1", 0.0), ("f3", 0.0)];

impl Mode {
    /// All modes.
    pub const ALL: [Self; 7] = [
        Self::Static,
        Self::LaminarFlow,
        Self::TwoComponent,
        Self::StaticRef,
        Self::StaticBoth,
        Self::Kww,
        Self::TwoDecays,
    ];

    /// Name in configs and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::LaminarFlow => "laminar_flow",
            Self::TwoComponent => "two_component",
            Self::StaticRef => "static_ref",
            Self::StaticBoth => "static_both",
            Self::Kww => "kww",
            Self::TwoDecays => "two_decays",
        }
    }

    /// What it describes, one sentence.
    pub fn about(self) -> &'static str {
        match self {
            Self::Static => "Diffusion without flow: 3 parameters.",
            Self::LaminarFlow => {
                "Diffusion and a linear velocity profile across a gap: 7 parameters."
            }
            Self::TwoComponent => {
                "A moving and a resting component that interfere (heterodyne): 14 parameters."
            }
            Self::StaticRef => "two_component without sample: the 3 parameters of the reference.",
            Self::StaticBoth => {
                "two_component at rest, half of the field each: 6 parameters of two decays."
            }
            Self::Kww => "Diffusion with a stretched or compressed exponential: 4 parameters.",
            Self::TwoDecays => "Two populations that decay at their own rates: 7 parameters.",
        }
    }

    /// Value at which this mode holds a parameter where nothing else is said; nothing for one that
    /// is fitted.
    pub fn held(self, spec: &ParameterSpec) -> Option<f64> {
        let reduced: &[(&str, f64)] = match self {
            Self::StaticRef => &REFERENCE_ALONE,
            Self::StaticBoth => &AT_REST,
            _ => &[],
        };
        let still = !reduced.is_empty() && spec.name == "phi0";
        match reduced.iter().find(|(name, _)| *name == spec.name) {
            Some((_, value)) => Some(*value),
            None => (!spec.fitted || still).then_some(spec.default),
        }
    }

    /// Whether the gap between the plates enters.
    pub fn has_gap(self) -> bool {
        self == Self::LaminarFlow
    }

    /// Its parameters in order.
    pub fn parameters(self) -> &'static [ParameterSpec] {
        match self {
            Self::Static => &STATIC,
            Self::LaminarFlow => &LAMINAR_FLOW,
            Self::TwoComponent | Self::StaticRef | Self::StaticBoth => &TWO_COMPONENT,
            Self::Kww => &KWW,
            Self::TwoDecays => &TWO_DECAYS,
        }
    }

    /// The model under a choice of conventions.
    pub fn model(self, physics: Physics) -> Box<dyn Model> {
        match self {
            Self::Static => Box::new(StaticIsotropic::new(physics.shear.convention())),
            Self::LaminarFlow => Box::new(LaminarFlow::new(physics.shear)),
            Self::TwoComponent | Self::StaticRef | Self::StaticBoth => {
                Box::new(TwoComponent::new(physics.two_component))
            }
            Self::Kww => Box::new(Kww::new(physics.shear.convention())),
            Self::TwoDecays => Box::new(TwoDecays),
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
            .or((s == "heterodyne").then_some(Self::TwoComponent))
            .ok_or_else(|| {
                let names = Self::ALL.map(Self::name).join(", ");
                format!("unknown mode {s:?}, expected one of {names}")
            })
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

/// Named form of the two-component correlation: published numbers depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TwoComponentConvention {
    /// cos(φ − phi0), fractions clipped to [0, 1].
    #[default]
    Published,
    /// What heterodyne 2.0 and xpcsjax 0.1 compute.
    #[serde(rename = "heterodyne-2")]
    Heterodyne2,
}

impl TwoComponentConvention {
    /// All conventions.
    pub const ALL: [Self; 2] = [Self::Published, Self::Heterodyne2];

    /// Name in configs and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Heterodyne2 => "heterodyne-2",
        }
    }

    /// What it means, one sentence.
    pub fn about(self) -> &'static str {
        match self {
            Self::Published => "cos(φ − phi0), fractions clipped to 0 … 1, the form of the papers.",
            Self::Heterodyne2 => {
                "cos(φ + phi0), soft clip, time from dt, softened integrals: heterodyne 2.0, xpcsjax 0.1."
            }
        }
    }

    /// Time of the first frame, s, where the configuration does not say another.
    pub fn first_time(self, dt: f64) -> f64 {
        match self {
            Self::Published => 0.0,
            Self::Heterodyne2 => dt,
        }
    }
}

/// How the transport coefficient depends on the wave-vector transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum QDependence {
    /// Not at all: rates go with q².
    #[default]
    Square,
    /// J·(q/q_ref)^(n − 2): rates go with qⁿ.
    Power,
}

impl QDependence {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Square, Self::Power];

    /// Name in configs and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Square => "square",
            Self::Power => "power",
        }
    }

    /// What it means, one sentence.
    pub fn about(self) -> &'static str {
        match self {
            Self::Square => "J is the same at every q, so that rates go with q².",
            Self::Power => {
                "J·(q/q_ref)^(n − 2): rates go with qⁿ and the parameter n is added; q_ref is the geometric mean of the selected q."
            }
        }
    }
}

/// Conventions that a fit is made under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Physics {
    /// Form of the shear factor.
    pub shear: ShearConvention,
    /// Form of the two-component correlation.
    pub two_component: TwoComponentConvention,
    /// How the transport coefficient depends on q.
    pub q_dependence: QDependence,
}

impl Physics {
    /// The parameters of `mode` in order; where J depends on q, n is the last.
    pub fn parameters(self, mode: Mode) -> &'static [ParameterSpec] {
        match (self.q_dependence, mode) {
            (QDependence::Square, _) => mode.parameters(),
            (QDependence::Power, Mode::Static) => &STATIC_OVER_Q,
            (QDependence::Power, Mode::LaminarFlow) => &LAMINAR_FLOW_OVER_Q,
            (QDependence::Power, Mode::Kww) => &KWW_OVER_Q,
            (QDependence::Power, Mode::TwoDecays) => &TWO_DECAYS_OVER_Q,
            (QDependence::Power, Mode::TwoComponent | Mode::StaticRef | Mode::StaticBoth) => {
                &TWO_COMPONENT_OVER_Q
            }
        }
    }

    /// The conventions that decide numbers of `mode`: what each is about in results, and its name. A static sample has no
    /// shear, and rates that go with q² are no convention.
    pub fn deciding(self, mode: Mode) -> Vec<(&'static str, &'static str)> {
        let of_mode = match mode {
            Mode::LaminarFlow => Some(("shear", self.shear.name())),
            Mode::TwoComponent | Mode::StaticRef | Mode::StaticBoth => {
                Some(("two_component", self.two_component.name()))
            }
            Mode::Static | Mode::Kww | Mode::TwoDecays => None,
        };
        let over_q = (self.q_dependence == QDependence::Power)
            .then(|| ("q_dependence", self.q_dependence.name()));
        of_mode.into_iter().chain(over_q).collect()
    }

    /// The model of `mode` for bins whose wave-vector transfers have the geometric mean `q_ref`, Å⁻¹.
    pub fn model(self, mode: Mode, q_ref: f64) -> Box<dyn Model> {
        match self.q_dependence {
            QDependence::Square => mode.model(self),
            QDependence::Power => {
                Box::new(OverQ::new(mode.model(self), q_ref, self.parameters(mode)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_convention_is_named_where_it_decides_numbers_alone() {
        let physics = Physics {
            two_component: TwoComponentConvention::Heterodyne2,
            q_dependence: QDependence::Power,
            ..Physics::default()
        };
        assert_eq!(Physics::default().deciding(Mode::Static), []);
        assert_eq!(Physics::default().deciding(Mode::LaminarFlow), [("shear", "published")]);
        let both = [("two_component", "heterodyne-2"), ("q_dependence", "power")];
        assert_eq!(physics.deciding(Mode::TwoComponent), both);
    }
}
