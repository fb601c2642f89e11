//! Simulated experiments from a configuration.

use std::ops::Range;
use std::path::PathBuf;

use dyne_math::simd::Level;
use dyne_runtime::Lanes;
use dyne_xpcs_data::{
    Bin, Catalog, Counts, Element, FrameTime, Layout, Noise, SimulateError, SimulatedMatrix,
    Simulation, Truth, simulate_bin, simulate_counts,
};
use dyne_xpcs_model::model::KeptFrames;
use dyne_xpcs_model::{BinTerm, Geometry, Model, ModelError, Tables, TimeGrid};
use thiserror::Error;

use crate::config::{NoiseKind, PerBin, SimConfig, TimeOrigin};
use crate::truth::ModelTruth;

/// Why an experiment cannot be simulated.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExperimentError {
    /// The model has no value at the parameters.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The simulation of a bin failed.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// No field covariance under this convention.
    #[error(
        "noise.kind speckle under physics.shear {convention}: m is not the square of a field covariance there; expected published\nset physics.shear to published, or noise.kind to gaussian"
    )]
    NoField {
        /// Name of the convention.
        convention: &'static str,
    },
}

/// The catalogue of a file that held the matrices of the experiment.
pub fn simulated_catalog(sim: &SimConfig) -> Catalog {
    let bin = |(k, (q, phi_deg)): (usize, (f64, f64))| Bin {
        number: k as u32 + 1,
        q,
        phi_deg,
        path: format!("bin {k}"),
        pixels: None,
    };
    Catalog {
        file: PathBuf::from("simulated"),
        layout: Layout::Simulated,
        bins: sim.bins().into_iter().enumerate().map(bin).collect(),
        frames: sim.frames,
        element: Element::F32,
        dt: Some(FrameTime { seconds: sim.dt, derivation: "simulated".into() }),
        dt_searched: Vec::new(),
        notes: Vec::new(),
    }
}

/// The truth of an experiment: a model at known parameters.
pub struct Experiment {
    model: Box<dyn Model>,
    grid: TimeGrid,
    tables: Tables,
    terms: Vec<BinTerm>,
    config: SimConfig,
}

impl Experiment {
    /// The experiment that `config` describes.
    ///
    /// # Errors
    /// [`ExperimentError`] where the model has no value, or speckle is asked for under a
    /// convention without field.
    pub fn try_new(config: SimConfig) -> Result<Self, ExperimentError> {
        let bins = config.bins();
        let ln_q = bins.iter().map(|(q, _)| q.ln()).sum::<f64>() / bins.len() as f64;
        let model = config.physics.conventions().model(config.mode, ln_q.exp());
        let origin = match config.time.origin {
            TimeOrigin::Seconds(seconds) => seconds,
            _ => config.physics.first_time(config.mode, config.dt),
        };
        let grid = TimeGrid::new(config.frames, config.dt, origin);
        let theta = config.parameter_values();
        let tables = model.tables(Level::best(), &theta, &grid, &KeptFrames::All)?;
        // A model without shear does not look at the gap.
        let gap = config.gap.unwrap_or(0.0);
        let terms = bins
            .into_iter()
            .map(|(q, phi_deg)| {
                let geometry = Geometry { q, phi_deg, gap };
                model.bin(&theta, &geometry, &tables)
            })
            .collect::<Result<Vec<_>, _>>()?;
        if config.noise.kind == NoiseKind::Speckle
            && model.field(&tables, &terms[0], 0, 0, 0).is_none()
        {
            return Err(ExperimentError::NoField { convention: config.physics.shear.name() });
        }
        Ok(Self { model, grid, tables, terms, config })
    }

    /// Its configuration.
    pub fn config(&self) -> &SimConfig {
        &self.config
    }

    /// Times of the frames, s.
    pub fn times(&self) -> &[f64] {
        self.grid.times()
    }

    /// Number of frames on which the transport coefficient is negative and counts as 0.
    pub fn floored_frames(&self) -> usize {
        self.tables.floored_frames
    }

    /// Number of frames on which the sample fraction lies outside 0 … 1 and is clipped.
    pub fn clipped_frames(&self) -> usize {
        self.tables.clipped_frames
    }

    fn truth(&self) -> ModelTruth<'_> {
        ModelTruth { model: &*self.model, tables: &self.tables, terms: &self.terms }
    }

    /// The matrix of one angle.
    ///
    /// # Errors
    /// [`ExperimentError::Simulate`].
    pub fn matrix(&self, bin: usize, lanes: &Lanes) -> Result<SimulatedMatrix, ExperimentError> {
        Ok(simulate_bin(self, bin, &self.simulation(bin), lanes)?)
    }

    /// The matrices of one angle that the same speckles make at several mean counts.
    ///
    /// # Errors
    /// [`ExperimentError::Simulate`], also where the noise is not speckle.
    pub fn matrices(
        &self,
        bin: usize,
        counts: &[Counts],
        lanes: &Lanes,
    ) -> Result<Vec<SimulatedMatrix>, ExperimentError> {
        Ok(simulate_counts(self, bin, &self.simulation(bin), counts, lanes)?)
    }

    fn simulation(&self, bin: usize) -> Simulation {
        let at = |values: &PerBin| match values.values() {
            [one] => *one,
            each => each[bin],
        };
        let noise = &self.config.noise;
        Simulation {
            noise: match noise.kind {
                NoiseKind::None => Noise::None,
                NoiseKind::Gaussian => Noise::Gaussian { sigma: noise.sigma },
                NoiseKind::Speckle => Noise::Speckle {
                    pixels: noise.pixels,
                    speckle: noise.pixels_per_speckle,
                    counts: noise.counts.map_or(Counts::Infinite, Counts::Mean),
                },
            },
            contrast: at(&self.config.contrast),
            offset: at(&self.config.offset),
            element: Element::F32,
            seed: noise.seed,
        }
    }
}

impl Truth for Experiment {
    fn frames(&self) -> usize {
        self.truth().frames()
    }

    fn components(&self) -> usize {
        self.truth().components()
    }

    fn correlation(&self, bin: usize, i: usize, columns: Range<usize>, out: &mut [f64]) {
        self.truth().correlation(bin, i, columns, out);
    }

    fn field(
        &self,
        bin: usize,
        component: usize,
        i: usize,
        columns: Range<usize>,
        out: &mut [f64],
    ) {
        self.truth().field(bin, component, i, columns, out);
    }

    fn phase(&self, bin: usize, component: usize, out: &mut [f64]) {
        self.truth().phase(bin, component, out);
    }
}
