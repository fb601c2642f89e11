//! Any model with its transport coefficients multiplied by (q/q_ref)^(n − 2).
//!
//! Relaxation times τ ∝ q^(−n) of dynamics that are not diffusive: n = 1 for ballistic motion, e.g. of
//! internal stresses that relax (Cipelletti et al., Faraday Discuss. 123 (2003) 237,
//! doi:10.1039/b204495a). The transport coefficients of the parameters are those at q_ref.

use dyne_math::gram::Segment;
use dyne_math::simd::Level;

use crate::geometry::{Geometry, ScatteringWindow};
use crate::grid::TimeGrid;
use crate::model::{BinTerm, Curve, Flow, FramePhase, KeptFrames, Model, ModelError, Tables};
use crate::param::ParameterSpec;

/// A model with the exponent n of q behind its parameters.
///
/// **Formula** s = (q/q_ref)^(n − 2) multiplies the first coefficient of a bin and the rows of J in its
/// map; ∂m/∂n = ln(q/q_ref)·∂m/∂ln J, and ∂m/∂ln J = D0·∂m/∂D0 + D_offset·∂m/∂D_offset summed over the
/// transport coefficients: no new row of the basis. **Edges** n = 2 or q = q_ref change nothing, to the
/// bit. On frames that a floor above 0 holds ∂m/∂n leaves the floor out, as it does the softening of
/// `homodyne-2`. **Checked by** `tests/it/over_q.rs`.
pub struct OverQ {
    inner: Box<dyn Model>,
    q_ref: f64,
    parameters: &'static [ParameterSpec],
}

impl OverQ {
    /// `inner` with the exponent of q; `parameters` are its own and n.
    ///
    /// # Panics
    /// When `parameters` are not one more than those of `inner`, or q_ref is not positive.
    #[track_caller]
    pub fn new(inner: Box<dyn Model>, q_ref: f64, parameters: &'static [ParameterSpec]) -> Self {
        assert_eq!(parameters.len(), inner.parameters().len() + 1, "the exponent of q is the last");
        assert!(q_ref > 0.0, "wave-vector transfer {q_ref} Å⁻¹ is positive");
        Self { inner, q_ref, parameters }
    }

    /// The parameters of the model inside, and n.
    fn split<'a>(&self, theta: &'a [f64]) -> (&'a [f64], f64) {
        let (n, own) = theta.split_last().expect("the exponent of q is the last parameter");
        (own, *n)
    }

    fn with(n: f64, mut theta: Vec<f64>) -> Vec<f64> {
        theta.push(n);
        theta
    }
}

impl Model for OverQ {
    fn parameters(&self) -> &'static [ParameterSpec] {
        self.parameters
    }

    fn rates(&self) -> &'static [usize] {
        self.inner.rates()
    }

    fn fractions(&self) -> &'static [usize] {
        self.inner.fractions()
    }

    fn transports(&self) -> &'static [usize] {
        self.inner.transports()
    }

    fn basis(&self) -> usize {
        self.inner.basis()
    }

    fn tables(
        &self,
        level: Level,
        theta: &[f64],
        grid: &TimeGrid,
        frames: &KeptFrames,
    ) -> Result<Tables, ModelError> {
        self.inner.tables(level, self.split(theta).0, grid, frames)
    }

    fn bin(
        &self,
        theta: &[f64],
        geometry: &Geometry,
        tables: &Tables,
    ) -> Result<BinTerm, ModelError> {
        let (own, n) = self.split(theta);
        let mut term = self.inner.bin(own, geometry, tables)?;
        let ln_ratio = (geometry.q / self.q_ref).ln();
        let scale = ((n - 2.0) * ln_ratio).exp();
        let nb = self.basis();
        term.coefficients[0] *= scale;
        let mut by_n = vec![0.0; nb];
        for first in self.transports() {
            for k in *first..first + 3 {
                let weight = if k == first + 1 { 0.0 } else { own[k] * ln_ratio };
                for (slope, entry) in by_n.iter_mut().zip(&mut term.map[k * nb..(k + 1) * nb]) {
                    *entry *= scale;
                    *slope += weight * *entry;
                }
            }
        }
        term.map.extend(by_n);
        Ok(term)
    }

    fn fill(
        &self,
        level: Level,
        tables: &Tables,
        term: &BinTerm,
        i: usize,
        first_column: usize,
        segment: &mut Segment<'_>,
    ) {
        self.inner.fill(level, tables, term, i, first_column, segment);
    }

    fn components(&self) -> usize {
        self.inner.components()
    }

    fn field(
        &self,
        tables: &Tables,
        term: &BinTerm,
        component: usize,
        i: usize,
        j: usize,
    ) -> Option<f64> {
        self.inner.field(tables, term, component, i, j)
    }

    fn phase(&self, tables: &Tables, term: &BinTerm, component: usize, j: usize) -> f64 {
        self.inner.phase(tables, term, component, j)
    }

    fn curves(&self, theta: &[f64], grid: &TimeGrid) -> Vec<Curve> {
        self.inner.curves(self.split(theta).0, grid)
    }

    fn phase_per_frame(
        &self,
        theta: &[f64],
        grid: &TimeGrid,
        geometry: &Geometry,
    ) -> Option<FramePhase> {
        self.inner.phase_per_frame(self.split(theta).0, grid, geometry)
    }

    fn relabelled(&self, theta: &[f64], grid: &TimeGrid) -> Option<Vec<f64>> {
        let (own, n) = self.split(theta);
        self.inner.relabelled(own, grid).map(|image| Self::with(n, image))
    }

    fn advance(
        &self,
        theta: &[f64],
        step: &[f64],
        held: &[Option<f64>],
        grid: &TimeGrid,
    ) -> Vec<f64> {
        let ((own, n), (own_step, n_step)) = (self.split(theta), self.split(step));
        let (own_held, n_held) = held.split_at(own.len());
        let end = self.inner.advance(own, own_step, own_held, grid);
        Self::with(n_held[0].unwrap_or(n + n_step), end)
    }

    fn twins(&self, theta: &[f64], geometries: &[Geometry]) -> Vec<Vec<f64>> {
        let (own, n) = self.split(theta);
        let twins = self.inner.twins(own, geometries);
        twins.into_iter().map(|twin| Self::with(n, twin)).collect()
    }

    fn exchanged(&self, theta: &[f64], grid: &TimeGrid) -> Vec<Vec<f64>> {
        let (own, n) = self.split(theta);
        let images = self.inner.exchanged(own, grid);
        images.into_iter().map(|image| Self::with(n, image)).collect()
    }

    fn flow(&self) -> Option<Flow> {
        self.inner.flow()
    }

    fn flow_shapes(&self, theta: &[f64], grid: &TimeGrid) -> Vec<Vec<f64>> {
        let (own, n) = self.split(theta);
        let shapes = self.inner.flow_shapes(own, grid);
        shapes.into_iter().map(|shape| Self::with(n, shape)).collect()
    }

    fn images(&self, theta: &[f64], grid: &TimeGrid, geometries: &[Geometry]) -> Vec<Vec<f64>> {
        let (own, n) = self.split(theta);
        let images = self.inner.images(own, grid, geometries);
        images.into_iter().map(|image| Self::with(n, image)).collect()
    }

    /// That of the model inside; n uniform between ½ and 3.
    fn start(&self, u: &[f64], window: &ScatteringWindow) -> Vec<f64> {
        let (own, at) = self.split(u);
        Self::with(0.5 + 2.5 * at, self.inner.start(own, window))
    }
}
