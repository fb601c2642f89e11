//! What the data determine, and what they do not.

use serde::Serialize;

/// One name and its weight in a direction.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Weight {
    /// Parameter.
    pub name: String,
    /// Weight, of a unit vector.
    pub weight: f64,
}

/// How well the data determine the free physical parameters.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Identifiability {
    /// Singular values of the information matrix (contrast and offset eliminated) scaled to a unit
    /// diagonal: roots of its eigenvalues, ascending. Orthogonal parameters have all near 1.
    pub singular_values: Vec<f64>,
    /// Largest over smallest singular value; null where the smallest is 0.
    pub condition: Option<f64>,
    /// The direction that is determined least.
    pub weakest: Vec<Weight>,
    /// Frames on which a transport coefficient is held at its floor.
    pub floored_frames: usize,
    /// Frames on which a fraction is clipped.
    pub clipped_frames: usize,
    /// One sentence a finding; one that says so where there is none.
    pub findings: Vec<String>,
}
