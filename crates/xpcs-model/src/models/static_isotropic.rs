//! `static`: m = exp(−q² ∫J dt), J(t) = D0·t^alpha + D_offset.
//!
//! He et al., PNAS 121 (31) e2401162121 (2024), doi:10.1073/pnas.2401162121.

use dyne_math::elementary::decay;
use dyne_math::gram::Segment;
use dyne_math::simd::{Isa, Kernel, Level, WIDTH, dispatch};
use dyne_math::table::Table;

use crate::geometry::{Geometry, ScatteringWindow};
use crate::grid::TimeGrid;
use crate::model::{BinTerm, Curve, KeptFrames, Model, ModelError, Tables};
use crate::param::{ParameterSpec, STATIC};
use crate::scalar::Scalar;
use crate::terms::power_rate::{
    Floor, ROWS, advance as advance_rate, freed as freed_rate, integral, integrate, straight,
    values_and_slopes,
};
use crate::terms::shear::Convention;

/// Diffusion without flow; table rows: ∫J and its derivatives by D0, alpha, D_offset.
#[derive(Debug, Clone, Copy)]
pub struct StaticIsotropic {
    convention: Convention,
}

impl StaticIsotropic {
    /// The model with the floor of `convention`.
    pub fn new(convention: Convention) -> Self {
        Self { convention }
    }
}

/// Whether the last value of the first row of a rate is finite; if so all others are.
pub(super) fn check_integral(
    table: &Table,
    first: usize,
    rate: &'static str,
) -> Result<(), ModelError> {
    for row in first..first + ROWS {
        let value = table.row(row).last().copied().unwrap_or(0.0);
        if !value.is_finite() {
            return Err(ModelError::Integral { rate, value });
        }
    }
    Ok(())
}

/// Transport coefficient of the size that decays within `window`, from three numbers in
/// [0, 1]: J at a reference time is log-uniform between a decay of a tenth over the whole
/// series and one within a frame, alpha uniform in ±1.5, D_offset a fraction of J.
pub(super) fn start_transport(u: &[f64], window: &ScatteringWindow) -> [f64; 3] {
    let q2 = window.q * window.q;
    let (slow, fast) = (0.1 / (q2 * window.duration), 1.0 / (q2 * window.dt));
    let rate = slow * (fast / slow).powf(u[0]);
    let alpha = 3.0 * u[1] - 1.5;
    let reference = 0.3 * window.last_time;
    [rate / reference.powf(alpha), alpha, rate * (0.6 * u[2] - 0.1)]
}

/// J(t) = D0·t^alpha + D_offset with its floor, of the three parameters from `first` on.
pub(super) fn transport_curve(
    name: (&'static str, &'static str),
    theta: &[f64],
    grid: &TimeGrid,
    floor: f64,
    first: usize,
) -> Curve {
    let rate = [theta[first], theta[first + 1], theta[first + 2]];
    let (values, slopes) = values_and_slopes(grid, rate, Floor::At(floor), first);
    Curve { name: name.0, symbol: name.1, unit: "Å²/s", integral: None, values, slopes }
}

impl Model for StaticIsotropic {
    fn parameters(&self) -> &'static [ParameterSpec] {
        &STATIC
    }

    fn rates(&self) -> &'static [usize] {
        &[0]
    }

    fn transports(&self) -> &'static [usize] {
        &[0]
    }

    fn basis(&self) -> usize {
        3
    }

    fn tables(
        &self,
        level: Level,
        theta: &[f64],
        grid: &TimeGrid,
        frames: &KeptFrames,
    ) -> Result<Tables, ModelError> {
        let mut rows = Table::zeros(ROWS, grid.frames());
        let floor = Floor::At(self.convention.floor);
        let j = [theta[0], theta[1], theta[2]];
        let floored_frames = integrate(level, grid, j, floor, &mut rows, 0);
        check_integral(&rows, 0, "the transport coefficient")?;
        Ok(Tables { rows: frames.columns(rows), floored_frames, clipped_frames: 0, softening: 0.0 })
    }

    fn bin(
        &self,
        _theta: &[f64],
        geometry: &Geometry,
        _tables: &Tables,
    ) -> Result<BinTerm, ModelError> {
        let q2 = geometry.q * geometry.q;
        let map = vec![-q2, 0.0, 0.0, 0.0, -q2, 0.0, 0.0, 0.0, -q2];
        Ok(BinTerm { coefficients: [-q2, 0.0, 0.0, 0.0], map })
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
        let minus_q2 = term.coefficients[0];
        dispatch(level, Fill { table: &tables.rows, minus_q2, i, first_column, segment });
    }

    fn field(
        &self,
        tables: &Tables,
        term: &BinTerm,
        _component: usize,
        i: usize,
        j: usize,
    ) -> Option<f64> {
        let a = tables.rows.row(0);
        Some((0.5 * term.coefficients[0] * (a[j] - a[i])).exp())
    }

    fn curves(&self, theta: &[f64], grid: &TimeGrid) -> Vec<Curve> {
        vec![transport_curve(("J", "J"), theta, grid, self.convention.floor, 0)]
    }

    fn advance(
        &self,
        theta: &[f64],
        step: &[f64],
        held: &[Option<f64>],
        grid: &TimeGrid,
    ) -> Vec<f64> {
        let mut end = straight(theta, step, held);
        advance_rate(grid, theta, step, held, Floor::At(self.convention.floor), &mut end, 0);
        end
    }

    fn images(&self, theta: &[f64], grid: &TimeGrid, _geometries: &[Geometry]) -> Vec<Vec<f64>> {
        freed_rate(grid, theta, 0).into_iter().collect()
    }

    fn start(&self, u: &[f64], window: &ScatteringWindow) -> Vec<f64> {
        start_transport(u, window).to_vec()
    }
}

struct Fill<'a, 'b> {
    table: &'a Table,
    minus_q2: f64,
    i: usize,
    first_column: usize,
    segment: &'a mut Segment<'b>,
}

impl Kernel for Fill<'_, '_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Isa>(self, s: S) {
        let minus_q2 = s.splat(self.minus_q2);
        let mut here = [s.splat(0.0); ROWS];
        for (here, row) in here.iter_mut().zip(self.table.stripes::<ROWS>(self.i, 1)) {
            *here = s.splat(row[0]);
        }
        let rows = self.segment.rows_mut::<4>();
        let chunks = rows[0].len();
        let there = self.table.stripes::<ROWS>(self.first_column, chunks * WIDTH);
        for c in 0..chunks {
            for lane in (0..WIDTH).step_by(S::LANES) {
                let delta = |r: usize| s.sub(s.load(there[r], c * WIDTH + lane), here[r]);
                let m = decay(s, s.mul(minus_q2, delta(0)));
                for r in 0..3 {
                    s.store8(s.mul(m, delta(r + 1)), &mut rows[r][c], lane);
                }
                s.store8(m, &mut rows[3][c], lane);
            }
        }
    }
}

/// The formula for one pair i ≤ j, for tests with dual numbers.
pub fn correlation<T: Scalar>(
    convention: &Convention,
    theta: &[T],
    grid: &TimeGrid,
    geometry: &Geometry,
    i: usize,
    j: usize,
) -> T {
    let rate = [theta[0], theta[1], theta[2]];
    let a = integral(grid, rate, Floor::At(convention.floor), i, j);
    (T::constant(-geometry.q * geometry.q) * a).exp()
}
