//! Frames and rows that were left out of every matrix.

use serde::Serialize;

/// Why a frame is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MaskReason {
    /// `mask.frames` names it.
    Config,
    /// It is an outlier of a selected matrix and `mask.auto` is set.
    Auto,
}

/// Frames in a row that are left out for one reason, counted from 1 as in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MaskedFrames {
    /// First frame.
    pub first: usize,
    /// Last frame.
    pub last: usize,
    /// Why.
    pub reason: MaskReason,
}

/// What is left out of a fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Mask {
    /// Number of frames left out.
    pub n_frames: usize,
    /// Pairs left out, all bins together, of those that would take part.
    pub n_pairs: usize,
    /// Which frames, ascending.
    pub frames: Vec<MaskedFrames>,
    /// Rows left out beyond those of masked frames.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<MaskedRows>,
}

/// Neighbouring rows of one matrix that are left out for one reason: frames, each with all later ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MaskedRows {
    /// Number of the bin in the file.
    pub bin: u32,
    /// First frame, counted from 1 as in the file.
    pub first: usize,
    /// Last frame.
    pub last: usize,
    /// Pairs left out.
    pub n_pairs: usize,
    /// Why.
    pub reason: String,
}
