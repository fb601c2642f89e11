//! The group `output`: what is written, and where.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is written, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OutputConfig {
    /// Folder of the results, made where absent; a relative path counts from the working
    /// directory. Where left out it is named after data file and mode, `run_static` for `run.hdf`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"results")]
    pub dir: Option<PathBuf>,
    /// Files to write.
    pub formats: Vec<Format>,
    /// Bins whose maps and cuts are written as files of their own.
    pub pictures: PicturesOf,
    /// Layout of the matrices in `result.npz`.
    pub npz_layout: NpzLayout,
}

impl Default for OutputConfig {
    fn default() -> Self {
        Self {
            dir: None,
            formats: vec![
                Format::Json,
                Format::Text,
                Format::Npz,
                Format::Html,
                Format::Png,
                Format::Nc,
            ],
            pictures: PicturesOf::Telling,
            npz_layout: NpzLayout::Upper,
        }
    }
}

/// A kind of result file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Format {
    /// `result.json`, `posterior.json`: every number.
    Json,
    /// `report.txt`, `posterior.txt`: the report in plain text.
    Text,
    /// `result.npz`: c2, fit and residual; `posterior.npz`: draws.
    Npz,
    /// `report.html`, `posterior.html`: the report with pictures, in one file.
    Html,
    /// Pictures as files, those of `pictures`.
    Png,
    /// `posterior.nc`: draws with all that ArviZ looks for, where a posterior was sampled.
    Nc,
}

/// Bins whose maps and cuts are written as files of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum PicturesOf {
    /// All of up to 12 bins; of more those four that tell most.
    Telling,
    /// Every bin.
    All,
}

/// Layout of the matrices in `result.npz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum NpzLayout {
    /// The pairs i < j, row by row.
    Upper,
    /// Square matrices.
    Full,
}
