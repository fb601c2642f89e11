//! `two_decays`: m = (a·e^{−½q²∫J_fast dt} + (1 − a)·e^{−½q²∫J_slow dt})², each J(t) a power law plus
//! a constant.
//!
//! The field of two populations that scatter the shares a and 1 − a of it and do not interfere in the
//! mean, as `two_component` of He et al., PNAS 121 (31) e2401162121 (2024),
//! doi:10.1073/pnas.2401162121, has it without flow and with constant fraction.

use dyne_math::elementary::decay;
use dyne_math::gram::Segment;
use dyne_math::simd::{Isa, Kernel, Level, WIDTH, dispatch};
use dyne_math::table::Table;

use super::static_isotropic::{check_integral, transport_curve};
use crate::geometry::{Geometry, ScatteringWindow};
use crate::grid::TimeGrid;
use crate::model::{BinTerm, Curve, KeptFrames, Model, ModelError, Tables};
use crate::param::{ParameterSpec, TWO_DECAYS};
use crate::scalar::Scalar;
use crate::terms::power_rate::{
    Floor, ROWS as RATE, advance as advance_rate, freed as freed_rate, integral, integrate,
    straight,
};

/// Where a negative transport coefficient counts as 0.
const FLOOR: Floor = Floor::At(0.0);

/// Positions among the parameters, and of the first table row.
const FAST: usize = 0;
const SLOW: usize = 3;
const SHARE: usize = 6;
const SLOW_ROW: usize = RATE;

/// Basis rows: three a rate, then a.
const BASIS: usize = 7;

/// Rates closer than this factor, or shares of less than [`ALONE`], are one decay.
const ALIKE: f64 = 1.3;
const ALONE: f64 = 0.02;

/// Two populations; table rows: ∫J_fast and three derivatives, ∫J_slow and three derivatives.
#[derive(Debug, Clone, Copy)]
pub struct TwoDecays;

fn rate(theta: &[f64], first: usize) -> [f64; 3] {
    [theta[first], theta[first + 1], theta[first + 2]]
}

/// Mean of the rate at `first` over the frames, those where it is negative as 0.
fn mean_rate(theta: &[f64], first: usize, grid: &TimeGrid) -> f64 {
    let [a, b, c] = rate(theta, first);
    let at = |k: usize| (a * (b * grid.ln_time(k)).exp() + c).max(0.0);
    (0..grid.frames()).map(at).sum::<f64>() / grid.frames() as f64
}

/// `theta` with the populations exchanged: the same m.
fn exchanged(theta: &[f64]) -> Vec<f64> {
    let mut image = theta.to_vec();
    image[FAST..SLOW].copy_from_slice(&theta[SLOW..SHARE]);
    image[SLOW..SHARE].copy_from_slice(&theta[FAST..SLOW]);
    image[SHARE] = 1.0 - theta[SHARE];
    image
}

/// Where one decay is all there is, a point with two: that decay three times faster and three times
/// slower, half of the field each.
fn separated(theta: &[f64], grid: &TimeGrid) -> Option<Vec<f64>> {
    let (fast, slow) = (mean_rate(theta, FAST, grid), mean_rate(theta, SLOW, grid));
    let share = theta[SHARE];
    let alike = fast < ALIKE * slow && slow < ALIKE * fast;
    let first = if share < 0.5 { SLOW } else { FAST };
    (alike || !(ALONE..=1.0 - ALONE).contains(&share)).then(|| {
        let [a, b, c] = rate(theta, first);
        vec![3.0 * a, b, 3.0 * c, a / 3.0, b, c / 3.0, 0.5]
    })
}

impl Model for TwoDecays {
    fn parameters(&self) -> &'static [ParameterSpec] {
        &TWO_DECAYS
    }

    fn rates(&self) -> &'static [usize] {
        &[FAST, SLOW]
    }

    fn transports(&self) -> &'static [usize] {
        &[FAST, SLOW]
    }

    fn basis(&self) -> usize {
        BASIS
    }

    fn tables(
        &self,
        level: Level,
        theta: &[f64],
        grid: &TimeGrid,
        frames: &KeptFrames,
    ) -> Result<Tables, ModelError> {
        let mut rows = Table::zeros(2 * RATE, grid.frames());
        let mut floored_frames = integrate(level, grid, rate(theta, FAST), FLOOR, &mut rows, 0);
        floored_frames += integrate(level, grid, rate(theta, SLOW), FLOOR, &mut rows, SLOW_ROW);
        check_integral(&rows, 0, "the transport coefficient of the faster decay")?;
        check_integral(&rows, SLOW_ROW, "the transport coefficient of the slower decay")?;
        Ok(Tables { rows: frames.columns(rows), floored_frames, clipped_frames: 0, softening: 0.0 })
    }

    fn bin(
        &self,
        theta: &[f64],
        geometry: &Geometry,
        _tables: &Tables,
    ) -> Result<BinTerm, ModelError> {
        let q2 = geometry.q * geometry.q;
        let mut map = vec![0.0; TWO_DECAYS.len() * BASIS];
        for k in 0..BASIS {
            map[k * (BASIS + 1)] = if k == SHARE { 2.0 } else { -q2 };
        }
        Ok(BinTerm { coefficients: [-0.5 * q2, theta[SHARE], 0.0, 0.0], map })
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
        let [decay_rate, share, ..] = term.coefficients;
        let table = &tables.rows;
        dispatch(level, Fill { table, decay_rate, share, i, first_column, segment });
    }

    /// √m: the populations have no phase between them.
    fn field(
        &self,
        tables: &Tables,
        term: &BinTerm,
        _component: usize,
        i: usize,
        j: usize,
    ) -> Option<f64> {
        let [decay_rate, share, ..] = term.coefficients;
        let left = |first: usize| {
            let integral = tables.rows.row(first);
            (decay_rate * (integral[j] - integral[i])).exp()
        };
        Some(share * left(0) + (1.0 - share) * left(SLOW_ROW))
    }

    fn curves(&self, theta: &[f64], grid: &TimeGrid) -> Vec<Curve> {
        vec![
            transport_curve(("J_fast", "J fast"), theta, grid, 0.0, FAST),
            transport_curve(("J_slow", "J slow"), theta, grid, 0.0, SLOW),
        ]
    }

    fn advance(
        &self,
        theta: &[f64],
        step: &[f64],
        held: &[Option<f64>],
        grid: &TimeGrid,
    ) -> Vec<f64> {
        let mut end = straight(theta, step, held);
        for first in [FAST, SLOW] {
            advance_rate(grid, theta, step, held, FLOOR, &mut end, first);
        }
        end
    }

    /// Rates freed from their floors; two decays where there is one; the populations exchanged.
    fn images(&self, theta: &[f64], grid: &TimeGrid, _geometries: &[Geometry]) -> Vec<Vec<f64>> {
        let mut images: Vec<Vec<f64>> =
            [FAST, SLOW].into_iter().filter_map(|first| freed_rate(grid, theta, first)).collect();
        images.extend(separated(theta, grid));
        images.push(exchanged(theta));
        images
    }

    /// The population with the larger mean rate over the series is the fast one.
    fn relabelled(&self, theta: &[f64], grid: &TimeGrid) -> Option<Vec<f64>> {
        let usual = mean_rate(theta, FAST, grid) >= mean_rate(theta, SLOW, grid);
        (!usual).then(|| exchanged(theta))
    }

    /// The faster rate is log-uniform between a decay of a third over the whole series and one within
    /// a frame, the slower one smaller by a factor that is log-uniform from 2 to 1000; exponents
    /// uniform in ±1.5, constant parts a fraction of the rate, a uniform between 0.1 and 0.9.
    fn start(&self, u: &[f64], window: &ScatteringWindow) -> Vec<f64> {
        let q2 = window.q * window.q;
        let (slow, fast) = (0.3 / (q2 * window.duration), 1.0 / (q2 * window.dt));
        let faster = slow * (fast / slow).powf(u[FAST]);
        let slower = faster / (2.0 * 500f64.powf(u[SLOW]));
        let reference = 0.3 * window.last_time;
        let triple = |size: f64, u: &[f64]| {
            let exponent = 3.0 * u[1] - 1.5;
            [size / reference.powf(exponent), exponent, size * (0.6 * u[2] - 0.1)]
        };
        let mut theta = triple(faster, &u[FAST..]).to_vec();
        theta.extend(triple(slower, &u[SLOW..]));
        theta.push(0.1 + 0.8 * u[SHARE]);
        theta
    }
}

/// Fills seven basis rows and m. With E = a·e_f + (1 − a)·e_s: E·a·e_f·∂∫J_fast,
/// E·(1 − a)·e_s·∂∫J_slow, and E·(e_f − e_s) for a.
struct Fill<'a, 'b> {
    table: &'a Table,
    decay_rate: f64,
    share: f64,
    i: usize,
    first_column: usize,
    segment: &'a mut Segment<'b>,
}

impl Kernel for Fill<'_, '_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Isa>(self, s: S) {
        let [rate, share, rest] =
            [self.decay_rate, self.share, 1.0 - self.share].map(|x| s.splat(x));
        let mut here = [s.splat(0.0); 2 * RATE];
        for (here, row) in here.iter_mut().zip(self.table.stripes::<{ 2 * RATE }>(self.i, 1)) {
            *here = s.splat(row[0]);
        }
        let rows = self.segment.rows_mut::<{ BASIS + 1 }>();
        let chunks = rows[0].len();
        let there = self.table.stripes::<{ 2 * RATE }>(self.first_column, chunks * WIDTH);
        for c in 0..chunks {
            for lane in (0..WIDTH).step_by(S::LANES) {
                let delta = |r: usize| s.sub(s.load(there[r], c * WIDTH + lane), here[r]);
                let fast = decay(s, s.mul(rate, delta(0)));
                let slow = decay(s, s.mul(rate, delta(SLOW_ROW)));
                let (of_fast, of_slow) = (s.mul(share, fast), s.mul(rest, slow));
                let field = s.add(of_fast, of_slow);
                let (u, v) = (s.mul(field, of_fast), s.mul(field, of_slow));
                for r in 0..3 {
                    s.store8(s.mul(u, delta(1 + r)), &mut rows[r][c], lane);
                    s.store8(s.mul(v, delta(SLOW_ROW + 1 + r)), &mut rows[r + 3][c], lane);
                }
                s.store8(s.mul(field, s.sub(fast, slow)), &mut rows[SHARE][c], lane);
                s.store8(s.mul(field, field), &mut rows[BASIS][c], lane);
            }
        }
    }
}

/// The formula for one pair i ≤ j, for tests with dual numbers.
pub fn correlation<T: Scalar>(
    theta: &[T],
    grid: &TimeGrid,
    geometry: &Geometry,
    i: usize,
    j: usize,
) -> T {
    let half_q2 = T::constant(-0.5 * geometry.q * geometry.q);
    let left = |first: usize| {
        let rate = [theta[first], theta[first + 1], theta[first + 2]];
        (half_q2 * integral(grid, rate, FLOOR, i, j)).exp()
    };
    let rest = T::constant(1.0) - theta[SHARE];
    let field = theta[SHARE] * left(FAST) + rest * left(SLOW);
    field * field
}
