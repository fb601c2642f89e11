//! Scattering geometry of one bin, and the window in which a model is looked at.

/// Where one (q, φ) bin lies, and the gap that the beam crosses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Geometry {
    /// Wave-vector transfer, Å⁻¹.
    pub q: f64,
    /// Azimuth, degrees.
    pub phi_deg: f64,
    /// Gap between the plates, Å; not used by models without shear.
    pub gap: f64,
}

/// What a set of matrices can resolve; from it a model proposes starting points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScatteringWindow {
    /// A wave-vector transfer typical of the set (geometric mean), Å⁻¹.
    pub q: f64,
    /// Gap, Å.
    pub gap: f64,
    /// Frame time, s.
    pub dt: f64,
    /// Time from the first frame to the last, s.
    pub duration: f64,
    /// Time of the last frame on the grid, s.
    pub last_time: f64,
}
