//! The speckle experiment of a trial.

use dyne_xpcs_model::Mode;

use super::truths::{FRAME_TIME, GAP, Q};
use crate::config::{ConfigError, SimConfig};

/// What tells one experiment of a calibration from another.
pub(super) struct Simulated<'a> {
    pub(super) mode: Mode,
    pub(super) frames: usize,
    /// Azimuths of the bins, degrees.
    pub(super) phi: &'a [f64],
    /// Values of the parameters.
    pub(super) theta: &'a [f64],
    pub(super) contrast: f64,
    /// Pixels of a bin.
    pub(super) pixels: usize,
    /// Pixels that see one speckle.
    pub(super) speckle: usize,
    /// Mean counts per pixel and frame; none for no shot noise.
    pub(super) counts: Option<f64>,
    pub(super) seed: u64,
}

impl Simulated<'_> {
    /// Its configuration.
    pub(super) fn config(&self) -> Result<SimConfig, ConfigError> {
        let Self { mode, frames, phi, contrast, pixels, speckle, seed, .. } = self;
        let parameters: Vec<String> = mode
            .parameters()
            .iter()
            .zip(self.theta)
            .map(|(spec, value)| format!("{}: {value:e}", spec.name))
            .collect();
        let counts = self.counts.map_or_else(String::new, |n| format!(", counts: {n}"));
        let yaml = format!(
            "mode: {mode}\nframes: {frames}\ndt: {FRAME_TIME}\nq: {Q}\ngap: {GAP}\nphi: {phi:?}\n\
             parameters: {{{}}}\ncontrast: {contrast}\n\
             noise: {{kind: speckle, pixels: {pixels}, pixels_per_speckle: {speckle}, seed: {seed}{counts}}}\n",
            parameters.join(", "),
        );
        SimConfig::from_yaml(&yaml, "calibrate", &[])
    }
}

/// Seed of the noise of trial `number`.
pub(super) fn seed(of_all: u64, number: u64) -> u64 {
    of_all.wrapping_mul(1_000_003).wrapping_add(number)
}
