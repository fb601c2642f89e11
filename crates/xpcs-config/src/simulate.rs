//! The configuration of a simulated experiment.

use std::collections::BTreeMap;

use dyne_xpcs_model::Mode;
use dyne_xpcs_model::param::{CONTRAST, OFFSET};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fit::{PhysicsConfig, TimeConfig};
use super::parameters::{PerBin, mode_schema, simulation_parameters_schema};

/// A simulated experiment, the content of `sim.yaml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SimConfig {
    /// The model.
    #[schemars(schema_with = "mode_schema")]
    pub mode: Mode,
    /// Number of frames.
    #[schemars(example = 1000)]
    pub frames: usize,
    /// Time between frames, s.
    #[schemars(example = 0.1)]
    pub dt: f64,
    /// Wave-vector transfer, Å⁻¹, or a list; every q has every angle.
    #[schemars(example = 0.0054)]
    pub q: PerBin,
    /// Gap between the surfaces that shear the sample, Å; required for `laminar_flow`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 2.0e6)]
    pub gap: Option<f64>,
    /// Azimuths, degrees.
    #[schemars(extend("examples" = [[-88.0, 0.0, 88.0]]))]
    pub phi: Vec<f64>,
    /// Named conventions of the formulas.
    #[serde(default)]
    pub physics: PhysicsConfig,
    /// The time axis.
    #[serde(default)]
    pub time: TimeConfig,
    /// Value of each parameter by its name, in its unit; one left out takes its default.
    #[serde(default)]
    #[schemars(schema_with = "simulation_parameters_schema")]
    pub parameters: BTreeMap<String, f64>,
    /// Contrast, a pure number, or a list with one for each angle of each q.
    #[serde(default = "SimConfig::default_contrast")]
    pub contrast: PerBin,
    /// Offset, a pure number, or a list with one for each angle of each q.
    #[serde(default = "SimConfig::default_offset")]
    pub offset: PerBin,
    /// Noise added to the exact matrices.
    #[serde(default)]
    pub noise: NoiseConfig,
}

impl SimConfig {
    fn default_contrast() -> PerBin {
        PerBin::One(CONTRAST.default)
    }

    fn default_offset() -> PerBin {
        PerBin::One(OFFSET.default)
    }

    /// q and φ of each matrix: all angles of the first q, then those of the next.
    #[must_use]
    pub fn bins(&self) -> Vec<(f64, f64)> {
        let angles = |q: &f64| self.phi.iter().map(|phi| (*q, *phi)).collect::<Vec<_>>();
        self.q.values().iter().flat_map(angles).collect()
    }

    /// Values of the parameters of the mode, in its order; those not given are the defaults of
    /// the table.
    #[must_use]
    pub fn parameter_values(&self) -> Vec<f64> {
        let value = |name, default| self.parameters.get(name).copied().unwrap_or(default);
        let specs = self.physics.conventions().parameters(self.mode);
        specs.iter().map(|spec| value(spec.name, spec.default)).collect()
    }
}

/// Noise of a simulated experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NoiseConfig {
    /// Kind of noise.
    pub kind: NoiseKind,
    /// Standard deviation of the noise of a pair, in units of c2; for `gaussian`.
    pub sigma: f64,
    /// Pixels of a bin; for `speckle`.
    pub pixels: usize,
    /// Neighbouring pixels that see one speckle, each with shot noise of its own; for `speckle`.
    pub pixels_per_speckle: usize,
    /// Mean photons in a pixel and frame, for `speckle`; no shot noise where left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = 0.1)]
    pub counts: Option<f64>,
    /// Seed of the random numbers.
    pub seed: u64,
}

impl Default for NoiseConfig {
    fn default() -> Self {
        Self {
            kind: NoiseKind::None,
            sigma: 0.02,
            pixels: 500,
            pixels_per_speckle: 1,
            counts: None,
            seed: 1,
        }
    }
}

/// Kind of noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum NoiseKind {
    /// Exact matrices.
    None,
    /// Independent normal noise of every pair.
    Gaussian,
    /// Correlations of simulated speckle fields, with the dependence between pairs of a real
    /// experiment.
    Speckle,
}
