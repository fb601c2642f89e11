//! The factor by which a linear velocity profile across the gap decorrelates the speckle.
//!
//! S = [sin Φ / Φ]², Φ = ½ q h cos(φ − phi0) ∫γ̇ dt: He et al., PNAS 121 (31) e2401162121
//! (2024), doi:10.1073/pnas.2401162121; Burghardt et al., PRE 85, 021402 (2012),
//! doi:10.1103/PhysRevE.85.021402. Other programs compute other powers of other arguments;
//! [`Convention`] names them.

use crate::geometry::Geometry;
use crate::scalar::Scalar;

/// Shape of the shear factor: S = [sin(aΦ)/(aΦ)]^n, and whether integrals are softened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Convention {
    /// a
    pub scale: f64,
    /// n, 2 or 4.
    pub power: i32,
    /// Softening ε in units of rate × frame: integrals I become sqrt(I² + (ε dt)²).
    pub softening: f64,
    /// Floor of both rates.
    pub floor: f64,
    /// Whether the shear rate has the floor too.
    pub floor_shear: Floored,
}

/// Which rates are floored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Floored {
    /// Only the transport coefficient.
    Transport,
    /// The transport coefficient and the shear rate.
    Both,
}

/// The published form.
pub const PUBLISHED: Convention = Convention {
    scale: 1.0,
    power: 2,
    softening: 0.0,
    floor: 0.0,
    floor_shear: Floored::Transport,
};

/// What homodyne 2.x and xpcsjax 0.1 compute.
pub const HOMODYNE_2: Convention = Convention {
    scale: std::f64::consts::FRAC_1_PI,
    power: 4,
    softening: 1e-6,
    floor: 1e-10,
    floor_shear: Floored::Both,
};

/// What homodyne-analysis 1.x computes.
pub const HOMODYNE_ANALYSIS: Convention = Convention {
    scale: 1.0,
    power: 4,
    softening: 0.0,
    floor: 0.0,
    floor_shear: Floored::Transport,
};

/// Phase per unit of strain, k = ½ a q h cos(φ − phi0), and its derivative by phi0 in degrees.
///
/// **Symbols** q in Å⁻¹, h in Å, angles in degrees; k is a pure number.
/// **Checked by** `tests/derivatives.rs`.
pub fn phase_factor(geometry: &Geometry, convention: &Convention, phi0_deg: f64) -> (f64, f64) {
    let amplitude = 0.5 * convention.scale * geometry.q * geometry.gap;
    let angle = (geometry.phi_deg - phi0_deg).to_radians();
    (amplitude * angle.cos(), amplitude * angle.sin() * 1f64.to_radians())
}

/// sin x / x as a formula, for tests with dual numbers: series below |x| = 0.1, where the
/// quotient's derivatives cancel.
pub fn sinc<T: Scalar>(x: T) -> T {
    if x.value().abs() >= 0.1 {
        return x.sin() / x;
    }
    let z = x * x;
    let terms = [-1.0 / 6.0, 1.0 / 120.0, -1.0 / 5040.0, 1.0 / 362_880.0, -1.0 / 39_916_800.0];
    let mut sum = T::constant(0.0);
    for c in terms.iter().rev() {
        sum = (sum + T::constant(*c)) * z;
    }
    sum + T::constant(1.0)
}
