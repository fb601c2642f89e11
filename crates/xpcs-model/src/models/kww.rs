//! `kww`: m = exp(−(q² ∫J dt)^gamma), J(t) = D0·t^alpha + D_offset.
//!
//! The stretched (gamma below 1) or compressed exponential of Kohlrausch, Williams and Watts
//! (Trans. Faraday Soc. 66 (1970) 80, doi:10.1039/TF9706600080) with the transport coefficient of
//! `static`, which it is at gamma = 1. For constant J it is exp(−2(Γτ)^gamma) with
//! Γ = q² J·2^(−1/gamma).

use dyne_math::elementary::{decay, exp, ln};
use dyne_math::gram::Segment;
use dyne_math::simd::{Isa, Kernel, Level, WIDTH, dispatch};
use dyne_math::table::Table;

use super::static_isotropic::{StaticIsotropic, start_transport};
use crate::geometry::{Geometry, ScatteringWindow};
use crate::grid::TimeGrid;
use crate::model::{BinTerm, Curve, KeptFrames, Model, ModelError, Tables};
use crate::param::{KWW, ParameterSpec};
use crate::scalar::Scalar;
use crate::terms::power_rate::{Floor, ROWS, integral};
use crate::terms::shear::Convention;

/// Position of gamma among the parameters.
const GAMMA: usize = 3;

/// Below this q²∫J counts as 0, where m = 1 and every derivative is 0: x^gamma·ln x → 0, and the
/// integrals by whose derivatives x^(gamma − 1) is multiplied are 0 as well.
const NO_DECAY: f64 = 1e-100;

/// Range of gamma·ln x: beyond the upper end x^gamma > 1000, and m and its derivatives are as good as
/// 0 whatever it is.
const EXPONENT: (f64, f64) = (-690.0, 7.0);

/// Diffusion with a stretched or compressed exponential; table rows as for `static`.
#[derive(Debug, Clone, Copy)]
pub struct Kww {
    rate: StaticIsotropic,
}

impl Kww {
    /// The model with the floor of `convention`.
    pub fn new(convention: Convention) -> Self {
        Self { rate: StaticIsotropic::new(convention) }
    }
}

impl Model for Kww {
    fn parameters(&self) -> &'static [ParameterSpec] {
        &KWW
    }

    fn rates(&self) -> &'static [usize] {
        &[0]
    }

    fn transports(&self) -> &'static [usize] {
        &[0]
    }

    fn basis(&self) -> usize {
        4
    }

    fn tables(
        &self,
        level: Level,
        theta: &[f64],
        grid: &TimeGrid,
        frames: &KeptFrames,
    ) -> Result<Tables, ModelError> {
        self.rate.tables(level, &theta[..GAMMA], grid, frames)
    }

    fn bin(
        &self,
        theta: &[f64],
        geometry: &Geometry,
        _tables: &Tables,
    ) -> Result<BinTerm, ModelError> {
        let q2 = geometry.q * geometry.q;
        let mut map = vec![0.0; KWW.len() * KWW.len()];
        for (k, factor) in [-q2, -q2, -q2, -1.0].into_iter().enumerate() {
            map[k * (KWW.len() + 1)] = factor;
        }
        Ok(BinTerm { coefficients: [-q2, theta[GAMMA], 0.0, 0.0], map })
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
        let [minus_q2, gamma, ..] = term.coefficients;
        let table = &tables.rows;
        dispatch(level, Fill { table, q2: -minus_q2, gamma, i, first_column, segment });
    }

    /// √m.
    fn field(
        &self,
        tables: &Tables,
        term: &BinTerm,
        _component: usize,
        i: usize,
        j: usize,
    ) -> Option<f64> {
        let a = tables.rows.row(0);
        let [minus_q2, gamma, ..] = term.coefficients;
        let x = (-minus_q2 * (a[j] - a[i])).abs();
        Some((-0.5 * x.powf(gamma)).exp())
    }

    fn curves(&self, theta: &[f64], grid: &TimeGrid) -> Vec<Curve> {
        self.rate.curves(&theta[..GAMMA], grid)
    }

    fn advance(
        &self,
        theta: &[f64],
        step: &[f64],
        held: &[Option<f64>],
        grid: &TimeGrid,
    ) -> Vec<f64> {
        let mut end = self.rate.advance(&theta[..GAMMA], &step[..GAMMA], &held[..GAMMA], grid);
        end.push(held[GAMMA].unwrap_or(theta[GAMMA] + step[GAMMA]));
        end
    }

    fn images(&self, theta: &[f64], grid: &TimeGrid, geometries: &[Geometry]) -> Vec<Vec<f64>> {
        let mut images = self.rate.images(&theta[..GAMMA], grid, geometries);
        images.iter_mut().for_each(|image| image.push(theta[GAMMA]));
        images
    }

    /// As for `static`; gamma log-uniform between ½ and 2.
    fn start(&self, u: &[f64], window: &ScatteringWindow) -> Vec<f64> {
        let mut theta = start_transport(u, window).to_vec();
        theta.push(0.5 * 4f64.powf(u[GAMMA]));
        theta
    }
}

/// Fills four basis rows and m: with x = q²∫J, m·gamma·x^(gamma − 1)·∂∫J for the three parameters of
/// J and m·x^gamma·ln x for gamma.
struct Fill<'a, 'b> {
    table: &'a Table,
    q2: f64,
    gamma: f64,
    i: usize,
    first_column: usize,
    segment: &'a mut Segment<'b>,
}

impl Kernel for Fill<'_, '_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Isa>(self, s: S) {
        let [q2, gamma, least] = [self.q2, self.gamma, NO_DECAY].map(|x| s.splat(x));
        let [zero, low, high] = [0.0, EXPONENT.0, EXPONENT.1].map(|x| s.splat(x));
        let mut here = [s.splat(0.0); ROWS];
        for (here, row) in here.iter_mut().zip(self.table.stripes::<ROWS>(self.i, 1)) {
            *here = s.splat(row[0]);
        }
        let rows = self.segment.rows_mut::<5>();
        let chunks = rows[0].len();
        let there = self.table.stripes::<ROWS>(self.first_column, chunks * WIDTH);
        for c in 0..chunks {
            for lane in (0..WIDTH).step_by(S::LANES) {
                let delta = |r: usize| s.sub(s.load(there[r], c * WIDTH + lane), here[r]);
                let x = s.mul(q2, delta(0));
                let none = s.lt(x, least);
                let x = s.max(x, least);
                let logarithm = ln(s, x);
                let exponent = s.max(s.mul(gamma, logarithm), low);
                let exponent = s.select(s.lt(exponent, high), exponent, high);
                let power = s.select(none, zero, exp(s, exponent));
                let m = decay(s, s.sub(zero, power));
                let by_ln_x = s.mul(m, power);
                let u = s.div(s.mul(gamma, by_ln_x), x);
                for r in 0..3 {
                    s.store8(s.mul(u, delta(r + 1)), &mut rows[r][c], lane);
                }
                s.store8(s.mul(by_ln_x, logarithm), &mut rows[3][c], lane);
                s.store8(m, &mut rows[4][c], lane);
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
    let x = T::constant(geometry.q * geometry.q) * a;
    if x.value() < NO_DECAY {
        return T::constant(1.0);
    }
    (-(theta[GAMMA] * x.ln()).exp()).exp()
}
