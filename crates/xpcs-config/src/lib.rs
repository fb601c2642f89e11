//! Configuration: words to meaning, nowhere else.
//!
//! A fit is described by [`FitConfig`], a simulated experiment by [`SimConfig`]. Both are read
//! from YAML, from [`Override`]s, or from both; every error names the key and the place of
//! the value. The doc comments of the fields are the documentation a user sees: the template,
//! the JSON schema, the reference page and [`explain`] are generated from them.

mod check;
mod data;
mod decode;
mod differing;
mod document;
mod error;
mod explain;
mod fit;
mod keys;
mod load;
mod logging;
mod mask;
mod nearest;
mod noise;
mod output;
mod overrides;
mod parameters;
mod performance;
mod posterior;
mod reference;
mod simulate;
mod template;
mod uncertainty;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use data::{DataConfig, OnBadBlock, PhiRange, QSelection};
pub use differing::differing_settings;
pub use dyne_xpcs_model::{Mode, ShearConvention};
pub use error::{ConfigError, Fault, Origin};
pub use explain::{explain, prior_words};
pub use fit::{
    GeometryConfig, LawChoice, LeastSquaresConfig, Loss, PhysicsConfig, Scaling, SearchConfig,
    SearchMethod, TimeConfig, TimeOrigin,
};
pub use logging::{LogLevel, LoggingConfig, PerformanceLogConfig};
pub use mask::{MaskConfig, MaskEntry};
pub use noise::{FitNoiseConfig, NoiseModel};
pub use output::{Format, NpzLayout, OutputConfig, PicturesOf};
pub use overrides::Override;
pub use parameters::{ParameterConfig, Parameters, PerBin, Tie, follows_data, parameter_spec};
pub use performance::{
    CheckpointConfig, MemoryOptimizationConfig, PerformanceConfig, PinConfig, Strategy,
    StreamingConfig,
};
pub use posterior::{
    BinQuantity, CmcConfig, CompositeAdjustment, Likelihood, PosteriorConfig, PosteriorMethod,
    ShardCombination, ShardStrategy,
};
pub use reference::{fit_schema, json_schema, reference_markdown, simulation_schema};
pub use simulate::{NoiseConfig, NoiseKind, SimConfig};
pub use template::{simulation_template, template};
pub use uncertainty::{UncertaintyConfig, UncertaintyMethod};

/// A fit, the content of `fit.yaml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FitConfig {
    /// The model.
    #[schemars(schema_with = "parameters::mode_schema")]
    pub mode: Mode,
    /// Which file, which bins, which frames.
    pub data: DataConfig,
    /// Frames that are left out of every matrix.
    #[serde(default)]
    pub mask: MaskConfig,
    /// Noise of the data.
    #[serde(default)]
    pub noise: FitNoiseConfig,
    /// The sample cell.
    #[serde(default)]
    pub geometry: GeometryConfig,
    /// Named conventions of the formulas.
    #[serde(default)]
    pub physics: PhysicsConfig,
    /// The time axis.
    #[serde(default)]
    pub time: TimeConfig,
    /// Starting value, bounds, fixing and tying of each parameter by its name.
    #[serde(default, deserialize_with = "parameters::parameters")]
    #[schemars(schema_with = "parameters::fit_parameters_schema")]
    pub parameters: Parameters,
    /// The least-squares fit.
    #[serde(default)]
    pub fit: LeastSquaresConfig,
    /// The search for starting values.
    #[serde(default)]
    pub search: SearchConfig,
    /// Error bars.
    #[serde(default)]
    pub uncertainty: UncertaintyConfig,
    /// Sampling of the posterior.
    #[serde(default)]
    pub posterior: PosteriorConfig,
    /// Resources; they never change the answer.
    #[serde(default)]
    pub performance: PerformanceConfig,
    /// Blocks of pairs.
    #[serde(default)]
    pub streaming: StreamingConfig,
    /// Checkpoints, from which a killed fit goes on.
    #[serde(default)]
    pub checkpoint: CheckpointConfig,
    /// What is written, and where.
    #[serde(default)]
    pub output: OutputConfig,
    /// What is logged besides.
    #[serde(default)]
    pub logging: LoggingConfig,
}

impl FitConfig {
    /// Folder of the results: the one given, or one in the working directory that is named after data
    /// file and mode.
    pub fn results_dir(&self) -> PathBuf {
        self.output.dir.clone().unwrap_or_else(|| {
            let stem = self.data.file.file_stem().unwrap_or_default().to_string_lossy();
            PathBuf::from(format!("{stem}_{}", self.mode))
        })
    }

    /// Folder of the checkpoints: the one given, or one beside the results.
    pub fn checkpoints_dir(&self) -> PathBuf {
        self.checkpoint.dir.clone().unwrap_or_else(|| {
            let mut dir = self.results_dir().into_os_string();
            dir.push(".checkpoints");
            dir.into()
        })
    }

    /// All that can change a result, the rest as by default: resources, output and checkpoints do not.
    pub fn of_result(&self) -> Self {
        Self {
            performance: PerformanceConfig::default(),
            output: OutputConfig::default(),
            checkpoint: CheckpointConfig::default(),
            logging: LoggingConfig::default(),
            posterior: self.posterior.of_result(),
            ..self.clone()
        }
    }
}
