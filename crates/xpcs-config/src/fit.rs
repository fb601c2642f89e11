//! The groups `geometry`, `physics`, `time`, `fit` and `search`.

use std::borrow::Cow;
use std::fmt;

use dyne_xpcs_model::{Mode, Physics, QDependence, ShearConvention, TwoComponentConvention};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Unexpected, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::parameters::words;

/// The sample cell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GeometryConfig {
    /// Gap between the surfaces that shear the sample, Å; required for `laminar_flow`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = 2.0e6)]
    pub gap: Option<f64>,
}

/// Named conventions of the formulas.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PhysicsConfig {
    /// Shear factor of `laminar_flow`, Φ = ½ q·gap·cos(φ − phi0)·∫γ̇ dt.
    #[schemars(schema_with = "shear_schema")]
    pub shear: ShearConvention,
    /// Form of `two_component`.
    #[schemars(schema_with = "two_component_schema")]
    pub two_component: TwoComponentConvention,
    /// How the transport coefficient depends on q, where several are fitted together.
    #[schemars(schema_with = "q_dependence_schema")]
    pub q_dependence: QDependence,
}

impl PhysicsConfig {
    /// The conventions as the models take them.
    pub fn conventions(&self) -> Physics {
        Physics {
            shear: self.shear,
            two_component: self.two_component,
            q_dependence: self.q_dependence,
        }
    }

    /// Time of the first frame, s, under the convention of `mode`, where none is given.
    pub fn first_time(&self, mode: Mode, dt: f64) -> f64 {
        match mode {
            Mode::TwoComponent | Mode::StaticRef | Mode::StaticBoth => {
                self.two_component.first_time(dt)
            }
            _ => 0.0,
        }
    }
}

/// The time axis.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TimeConfig {
    /// Time of the first selected frame: `first_frame` is 0 s, `acquisition` is its number
    /// (from 0) times dt, a number is that many s.
    pub origin: TimeOrigin,
}

/// Time of the first selected frame.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum TimeOrigin {
    /// 0 s.
    #[default]
    FirstFrame,
    /// Its number in the file, from 0, times dt.
    Acquisition,
    /// This, s.
    Seconds(f64),
}

/// The least-squares fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LeastSquaresConfig {
    /// Laws that the rates follow: the simplest that the data support, or those that the free parameters make up.
    pub law: LawChoice,
    /// Robust loss, as in SciPy's `least_squares`.
    pub loss: Loss,
    /// Residual at which the loss turns from square to robust, in units of c2 (SciPy's
    /// `f_scale`); without effect for `linear`.
    pub f_scale: f64,
    /// How contrast and offset vary over the bins.
    pub scaling: Scaling,
    /// Frames at the start of the selection that take no part in the fit; at t = 0 a power law
    /// with a negative exponent has no value.
    pub skip_frames: usize,
    /// Most sweeps over all pairs before the fit ends unconverged.
    pub max_sweeps: usize,
    /// Relative change of the cost below which the fit has converged, a pure number.
    pub ftol: f64,
    /// Relative change of the parameters below which the fit has converged, a pure number.
    pub xtol: f64,
    /// Scaled gradient below which the fit has converged, a pure number.
    pub gtol: f64,
}

impl Default for LeastSquaresConfig {
    fn default() -> Self {
        Self {
            law: LawChoice::Simplest,
            loss: Loss::Linear,
            f_scale: 0.1,
            scaling: Scaling::Individual,
            skip_frames: 1,
            max_sweeps: 200,
            ftol: 1e-8,
            xtol: 1e-8,
            gtol: 1e-8,
        }
    }
}

/// Laws that the rates follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum LawChoice {
    /// For each rate the first of constant, power law, power law + constant that the data do not reject.
    Simplest,
    /// Power law + constant for each rate, as far as its parameters are free.
    Full,
}

/// Robust loss ρ of z = (residual / f_scale)².
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Loss {
    /// ρ = z, ordinary least squares.
    Linear,
    /// ρ = 2(√(1 + z) − 1).
    SoftL1,
    /// ρ = z for z ≤ 1, else 2√z − 1.
    Huber,
    /// ρ = ln(1 + z).
    Cauchy,
    /// ρ = arctan z.
    Arctan,
}

/// How contrast and offset vary over the bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Scaling {
    /// Each bin has its own.
    Individual,
    /// All bins share one contrast and one offset.
    Averaged,
    /// Held at `parameters.contrast.fixed` and `parameters.offset.fixed`.
    Constant,
    /// Fourier series in φ of this order, at least 1.
    Fourier(usize),
}

/// The search for starting values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SearchConfig {
    /// Whether to search even where every free parameter has a starting value; without one for
    /// each of them the search is made anyway.
    pub global: bool,
    /// Where the points come from that the search refines.
    pub method: SearchMethod,
    /// Points the search starts from under `starts`; eight times as many where more than 8 parameters
    /// are free.
    pub starts: usize,
    /// Seed of the sequence of starting points.
    pub seed: u64,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self { global: false, method: SearchMethod::Starts, starts: 64, seed: 0 }
    }
}

/// Where the points come from that the search refines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum SearchMethod {
    /// The best of `starts` points that fill the range evenly.
    Starts,
    /// The best points of an evolution strategy (CMA-ES) with three restarts.
    Cmaes,
}

fn shear_schema(_: &mut SchemaGenerator) -> Schema {
    words(ShearConvention::ALL.map(|shear| (shear.name(), shear.about())))
}

fn two_component_schema(_: &mut SchemaGenerator) -> Schema {
    words(TwoComponentConvention::ALL.map(|form| (form.name(), form.about())))
}

fn q_dependence_schema(_: &mut SchemaGenerator) -> Schema {
    words(QDependence::ALL.map(|form| (form.name(), form.about())))
}

impl Serialize for TimeOrigin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::FirstFrame => serializer.serialize_str("first_frame"),
            Self::Acquisition => serializer.serialize_str("acquisition"),
            Self::Seconds(seconds) => serializer.serialize_f64(*seconds),
        }
    }
}

impl<'de> Deserialize<'de> for TimeOrigin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TimeOriginVisitor)
    }
}

struct TimeOriginVisitor;

impl Visitor<'_> for TimeOriginVisitor {
    type Value = TimeOrigin;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`first_frame`, `acquisition`, or a number of seconds")
    }

    fn visit_f64<E>(self, value: f64) -> Result<TimeOrigin, E> {
        Ok(TimeOrigin::Seconds(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<TimeOrigin, E> {
        Ok(TimeOrigin::Seconds(value as f64))
    }

    fn visit_i64<E>(self, value: i64) -> Result<TimeOrigin, E> {
        Ok(TimeOrigin::Seconds(value as f64))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<TimeOrigin, E> {
        match value {
            "first_frame" => Ok(TimeOrigin::FirstFrame),
            "acquisition" => Ok(TimeOrigin::Acquisition),
            _ => Err(E::invalid_value(Unexpected::Str(value), &self)),
        }
    }
}

impl JsonSchema for TimeOrigin {
    fn schema_name() -> Cow<'static, str> {
        "TimeOrigin".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"enum": ["first_frame", "acquisition"]}, {"type": "number"}]})
    }
}
