//! What a model is: parameters, tables of integrals, and vectors of derivatives a pair.

use std::ops::Range;
use std::sync::Arc;

use dyne_math::gram::{Segment, Tile};
use dyne_math::simd::Level;
use dyne_math::table::Table;
use thiserror::Error;

use crate::geometry::{Geometry, ScatteringWindow};
use crate::grid::TimeGrid;
use crate::param::ParameterSpec;

/// Why a model has no value at a point.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// An integral of a rate overflows.
    #[error(
        "time integral of {rate}: value {value}, expected a finite number\nnarrow the bounds of its parameters"
    )]
    Integral {
        /// Which rate.
        rate: &'static str,
        /// The value met.
        value: f64,
    },
    /// The shear phase is beyond what sine and cosine resolve.
    #[error(
        "shear phase between first and last frame: {phase:e} rad, expected at most {limit:e}\nnarrow the bounds of the shear rate"
    )]
    Phase {
        /// The phase met, rad.
        phase: f64,
        /// The largest one allowed, rad.
        limit: f64,
    },
}

/// Integrals and their parameter derivatives on the frames that are fitted; one for all bins.
#[derive(Debug, Clone, PartialEq)]
pub struct Tables {
    /// Rows as the model lays them out.
    pub rows: Table,
    /// Number of frames on which a floor of the transport coefficient holds.
    pub floored_frames: usize,
    /// Number of frames on which a fraction is clipped.
    pub clipped_frames: usize,
    /// ε·dt of a softened convention, in the unit of the integrals; 0 otherwise.
    pub softening: f64,
}

/// What one bin needs besides the tables.
#[derive(Debug, Clone, PartialEq)]
pub struct BinTerm {
    /// Numbers that multiply the tables, as the model lays them out.
    pub coefficients: [f64; 4],
    /// ∂m/∂θ = map · basis: row-major, one row a parameter, one column a basis row.
    pub map: Vec<f64>,
}

/// A function of time that some parameters make up: a rate or a fraction.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Name, as the papers write it.
    pub name: &'static str,
    /// Symbol for pictures.
    pub symbol: &'static str,
    /// Unit.
    pub unit: &'static str,
    /// What its time integral over the series is called, and the unit of that; nothing where it has
    /// no name of its own.
    pub integral: Option<(&'static str, &'static str)>,
    /// Values on the frames.
    pub values: Vec<f64>,
    /// Derivatives by a parameter, with its position; by all others they are 0.
    pub slopes: Vec<(usize, Vec<f64>)>,
}

/// By how much the phase of an oscillation grows in one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct FramePhase {
    /// Position of the parameter that scales it.
    pub parameter: usize,
    /// Its size at every frame, rad; beyond π the oscillation is not resolved.
    pub values: Vec<f64>,
}

/// A model of m(θ; q, φ, i, j), the normalised correlation with m = 1 on the diagonal. It
/// knows no contrast, offset, weight or datum.
///
/// Within one bin many derivatives are combinations of fewer *basis* vectors (the derivative
/// by phi0 is one of those by the shear rate); the Gram sum runs over the basis, and
/// [`BinTerm::map`] takes it to the parameters.
pub trait Model: Send + Sync {
    /// Parameters in order.
    fn parameters(&self) -> &'static [ParameterSpec];

    /// Position of the prefactor a of each rate a·t^b + c; b and c follow it.
    fn rates(&self) -> &'static [usize];

    /// Position of the amplitude f0 of each fraction f0·exp(f1 (t − f2)) + f3; the others follow it.
    fn fractions(&self) -> &'static [usize] {
        &[]
    }

    /// Number of basis rows. A tile has three more: m, 1 and the data.
    fn basis(&self) -> usize;

    /// Tables for θ, integrated over the whole grid, of which the columns of `frames` are kept.
    ///
    /// # Errors
    /// [`ModelError::Integral`] where an integral is not finite.
    fn tables(
        &self,
        level: Level,
        theta: &[f64],
        grid: &TimeGrid,
        frames: &KeptFrames,
    ) -> Result<Tables, ModelError>;

    /// Coefficients of one bin.
    ///
    /// # Errors
    /// [`ModelError::Phase`] where the phase is too large to be resolved.
    fn bin(
        &self,
        theta: &[f64],
        geometry: &Geometry,
        tables: &Tables,
    ) -> Result<BinTerm, ModelError>;

    /// Fills the basis rows and then the row of m of `segment` with the pairs (i, j) for j
    /// from `first_column` on, i and j counted in the tables' columns.
    fn fill(
        &self,
        level: Level,
        tables: &Tables,
        term: &BinTerm,
        i: usize,
        first_column: usize,
        segment: &mut Segment<'_>,
    );

    /// Number of independent components of the scattered field.
    fn components(&self) -> usize {
        1
    }

    /// Covariance K_c(i, j) of component `component` of the scattered field, real; over all
    /// components 1 on the diagonal. With the phases ψ_c of [`Model::phase`], m is the square of
    /// |Σ_c K_c(i, j) exp(i (ψ_c(j) − ψ_c(i)))|: what speckle is simulated from. `None` where the
    /// convention is not the square of a field covariance.
    fn field(
        &self,
        tables: &Tables,
        term: &BinTerm,
        component: usize,
        i: usize,
        j: usize,
    ) -> Option<f64>;

    /// Phase ψ_c of component `component` at frame `j`, rad.
    fn phase(&self, _tables: &Tables, _term: &BinTerm, _component: usize, _j: usize) -> f64 {
        0.0
    }

    /// The functions of time behind θ, on every frame of `grid`.
    fn curves(&self, theta: &[f64], grid: &TimeGrid) -> Vec<Curve>;

    /// Phase that oscillates between neighbouring frames, at every frame of `grid`; `None` for a
    /// model whose m does not oscillate.
    fn phase_per_frame(
        &self,
        _theta: &[f64],
        _grid: &TimeGrid,
        _geometry: &Geometry,
    ) -> Option<FramePhase> {
        None
    }

    /// The point with the same m whose components carry their usual names; `None` where those of
    /// `theta` do, or there is one component. It may lie outside the bounds.
    fn relabelled(&self, _theta: &[f64], _grid: &TimeGrid) -> Option<Vec<f64>> {
        None
    }

    /// Where a step from `theta` leads along the curve on which the rates change most nearly
    /// in proportion to it; θ + step to first order.
    fn advance(&self, theta: &[f64], step: &[f64], grid: &TimeGrid) -> Vec<f64>;

    /// Points from which a search may find a better minimum than that at `theta`: where bins of
    /// these geometries look about the same by a symmetry that holds exactly or nearly, and where
    /// a rate is free that a floor holds. Values may lie outside the bounds.
    fn images(&self, theta: &[f64], grid: &TimeGrid, geometries: &[Geometry]) -> Vec<Vec<f64>>;

    /// A starting point from a point `u` of the unit cube: rates of the size that `window`
    /// can resolve. The caller clamps it to the bounds.
    fn start(&self, u: &[f64], window: &ScatteringWindow) -> Vec<f64>;
}

/// Which frames of a grid take part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptFrames {
    /// Every frame.
    All,
    /// Those at these positions, ascending, counted from 0.
    Listed(Arc<[usize]>),
}

impl KeptFrames {
    /// The columns of `table`, which has one for every frame, that belong to these frames.
    pub fn columns(&self, mut table: Table) -> Table {
        match self {
            Self::All => {
                table.pad();
                table
            }
            Self::Listed(frames) => table.columns(frames),
        }
    }
}

/// m of frame `i` with the frames `columns` (counted in the tables' columns, all > i).
pub fn correlation_row(
    model: &dyn Model,
    level: Level,
    tables: &Tables,
    term: &BinTerm,
    i: usize,
    columns: Range<usize>,
) -> Vec<f64> {
    let mut tile = Tile::new(model.basis() + 1);
    let mut out = Vec::with_capacity(columns.len());
    let mut at = columns.start;
    while at < columns.end {
        let count = (columns.end - at).min(dyne_math::gram::TILE);
        tile.clear();
        let mut segment = tile.segment(count);
        model.fill(level, tables, term, i, at, &mut segment);
        let row = segment.row(model.basis());
        out.extend(row.iter().flat_map(|chunk| chunk.0).take(count));
        at += count;
    }
    out
}
