//! What the residuals tell of the noise.

use std::collections::BTreeMap;

use serde::Serialize;

/// Noise of one bin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BinNoise {
    /// Its number in the file.
    pub bin: u32,
    /// σ̂ = √(Σr²/n), units of c2.
    pub sigma: f64,
    /// Centres of the classes of lag, s.
    pub lag_s: Vec<f64>,
    /// σ̂ of each class.
    pub sigma_by_lag: Vec<f64>,
    /// Correlation of residuals in one row at the distances of `distances_s`; null where there are no
    /// such neighbours.
    pub along_row: Vec<Option<f64>>,
    /// Correlation of residuals of one lag at neighbouring ages.
    pub along_age: Option<f64>,
}

/// The noise of a fit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NoiseResult {
    /// Noise model (`global`, `per_angle`, `per_lag`).
    pub model: String,
    /// Whether it gave the pairs unequal weights.
    pub weighted: bool,
    /// Σ r²/σ̂² with the σ̂ estimated from these residuals.
    pub chi2: f64,
    /// What that number means.
    pub chi2_about: String,
    /// Distances of `along_row`, s.
    pub distances_s: Vec<f64>,
    /// One entry a bin.
    pub bins: Vec<BinNoise>,
}

/// What the noise of one bin is made of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NoisePixels {
    /// Its number in the file.
    pub bin: u32,
    /// Independent speckles P_c behind the correlated part.
    pub speckles: f64,
    /// Pixels P_s behind shot noise; null without.
    pub pixels: Option<f64>,
    /// Mean counts per pixel and frame; null without shot noise.
    pub counts: Option<f64>,
}

/// Standard errors under another reading of the data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alternative {
    /// Which reading.
    pub name: String,
    /// By parameter.
    pub stderr: BTreeMap<String, f64>,
}
