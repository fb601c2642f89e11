//! What a simulation takes from the physics.

use std::ops::Range;

/// Noise-free physics of a set of bins on one time grid.
///
/// The scattered field of a bin is a sum of independent components, each with a real
/// covariance and a phase that turns with time,
///
/// ```text
/// E(i) = Σ_c exp(i ψ_c(i)) E_c(i),       ⟨E_c(i)* E_c(j)⟩ = K_c(i, j),
/// g1(i, j) = Σ_c K_c(i, j) exp(i (ψ_c(j) − ψ_c(i))),      m(i, j) = |g1(i, j)|²,  g1(i, i) = 1.
/// ```
///
/// A homodyne model has one component with K = g1 and ψ = 0; shear may give g1 either
/// sign. Two components have K_r = xr_i xr_j er / f and K_s = xs_i xs_j es / f, with f² the
/// normalisation of m, and Ψ = ψ_s(j) − ψ_s(i).
///
/// Frames are counted from 0. Every speckle simulation checks that m = |g1|² to 1e-6 at
/// every pair, that g1 is 1 on the diagonal, and that each K_c is positive definite.
pub trait Truth: Sync {
    /// Frames along a side.
    fn frames(&self) -> usize;

    /// Number of independent components of the field.
    fn components(&self) -> usize {
        1
    }

    /// Writes m(i, j) for the frames j in `columns`, all greater than `i`, to `out`, which
    /// is as long as `columns`.
    fn correlation(&self, bin: usize, i: usize, columns: Range<usize>, out: &mut [f64]);

    /// Writes K_c(i, j) of component `component` for the frames j in `columns`, none
    /// smaller than `i`, to `out`, which is as long as `columns`.
    fn field(&self, bin: usize, component: usize, i: usize, columns: Range<usize>, out: &mut [f64]);

    /// Writes the phase ψ_c of component `component` at every frame, in radians, to `out`.
    /// Only differences between components matter to m.
    fn phase(&self, _bin: usize, _component: usize, out: &mut [f64]) {
        out.fill(0.0);
    }
}
