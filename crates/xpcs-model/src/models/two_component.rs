//! `two_component`: a moving and a resting component that interfere,
//! m = |A + B e^{iΨ}|² with A = cos χ_i cos χ_j e^{−½q²∫J_ref}, B = sin χ_i sin χ_j e^{−½q²∫J_sample},
//! Ψ = q cos(φ − phi0) ∫v dt, tan χ = xs/xr.
//!
//! He et al., PNAS 121 (31) e2401162121 (2024), doi:10.1073/pnas.2401162121, and 122 (42) (2025),
//! doi:10.1073/pnas.2514216122: {(xr_i xr_j)² er² + (xs_i xs_j)² es² + 2 xr_i xr_j xs_i xs_j er es
//! cos Ψ}/f² with f² = (xs_i² + xr_i²)(xs_j² + xr_j²) is the same number.

use dyne_math::elementary::{decay, sincos};
use dyne_math::gram::Segment;
use dyne_math::simd::{Isa, Kernel, Level, WIDTH, dispatch};
use dyne_math::table::Table;

use super::TwoComponentConvention;
use super::static_isotropic::{check_integral, start_transport, transport_curve};
use crate::geometry::{Geometry, ScatteringWindow};
use crate::grid::TimeGrid;
use crate::model::{BinTerm, Curve, FramePhase, KeptFrames, Model, ModelError, Tables};
use crate::param::{ParameterSpec, TWO_COMPONENT};
use crate::scalar::Scalar;
use crate::terms::fraction::{self, Clip};
use crate::terms::power_rate::{
    Floor, ROWS as RATE, advance as advance_rate, freed as freed_rate, integral, integrate,
    reversed as reversed_rate, values_and_slopes, without_origin,
};

/// Largest phase between first and last frame, rad: beyond it sine and cosine are noise.
const PHASE_LIMIT: f64 = 1e9;

/// ε² of √(I² + ε²), Å⁴.
const SOFTENING: f64 = 1e-12;

/// First rows of the table: ∫J_ref, ∫J_sample, ∫v with three derivatives each, then the fraction.
const REFERENCE: usize = 0;
const SAMPLE: usize = RATE;
const VELOCITY: usize = 2 * RATE;
const FRACTION: usize = 3 * RATE;
const ALL: usize = FRACTION + fraction::ROWS;

/// Basis rows: three a rate, then f0, f1, f3.
const BASIS: usize = 12;

/// Positions among the parameters.
const V0: usize = 6;
const F0: usize = 9;
const PHI0: usize = 13;

/// Two interfering components under a named convention.
#[derive(Debug, Clone, Copy)]
pub struct TwoComponent {
    convention: TwoComponentConvention,
}

impl TwoComponent {
    /// The model under a named convention.
    pub fn new(convention: TwoComponentConvention) -> Self {
        Self { convention }
    }

    fn published(&self) -> bool {
        self.convention == TwoComponentConvention::Published
    }

    /// Phase per unit of displacement, k = q cos(φ − phi0), and its derivative by phi0 in degrees.
    fn phase_factor(&self, geometry: &Geometry, phi0_deg: f64) -> (f64, f64) {
        let sign = if self.published() { -1.0 } else { 1.0 };
        let angle = (geometry.phi_deg + sign * phi0_deg).to_radians();
        let slope = -sign * geometry.q * angle.sin() * 1f64.to_radians();
        (geometry.q * angle.cos(), slope)
    }
}

fn rate(theta: &[f64], first: usize) -> [f64; 3] {
    [theta[first], theta[first + 1], theta[first + 2]]
}

fn fractions(theta: &[f64]) -> [f64; 4] {
    [theta[F0], theta[F0 + 1], theta[F0 + 2], theta[F0 + 3]]
}

impl Model for TwoComponent {
    fn parameters(&self) -> &'static [ParameterSpec] {
        &TWO_COMPONENT
    }

    fn rates(&self) -> &'static [usize] {
        &[0, 3, V0]
    }

    fn fractions(&self) -> &'static [usize] {
        &[9]
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
        let mut rows = Table::zeros(ALL, grid.frames());
        let mut floored_frames = 0;
        for (first, parameter, floor) in [
            (REFERENCE, 0, Floor::At(0.0)),
            (SAMPLE, 3, Floor::At(0.0)),
            (VELOCITY, V0, Floor::None),
        ] {
            let parameters = rate(theta, parameter);
            floored_frames += integrate(level, grid, parameters, floor, &mut rows, first);
            if !self.published() {
                without_origin(grid, parameters, floor, &mut rows, first);
            }
        }
        check_integral(&rows, REFERENCE, "the transport coefficient of the reference")?;
        check_integral(&rows, SAMPLE, "the transport coefficient of the sample")?;
        check_integral(&rows, VELOCITY, "the velocity")?;
        let clip = if self.published() { Clip::Hard } else { Clip::Soft };
        let clipped_frames = fraction::fill(grid, fractions(theta), clip, &mut rows, FRACTION);
        let softening = if self.published() { 0.0 } else { SOFTENING };
        Ok(Tables { rows: frames.columns(rows), floored_frames, clipped_frames, softening })
    }

    fn bin(
        &self,
        theta: &[f64],
        geometry: &Geometry,
        tables: &Tables,
    ) -> Result<BinTerm, ModelError> {
        let (k, slope) = self.phase_factor(geometry, theta[PHI0]);
        let path = tables.rows.row(VELOCITY).iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let phase = 2.0 * (k * path).abs();
        if phase > PHASE_LIMIT {
            return Err(ModelError::Phase { phase, limit: PHASE_LIMIT });
        }
        let q2 = geometry.q * geometry.q;
        let mut map = vec![0.0; TWO_COMPONENT.len() * BASIS];
        let mut entry = |parameter: usize, row: usize, value: f64| {
            map[parameter * BASIS + row] = value;
        };
        for row in 0..6 {
            entry(row, row, -q2);
        }
        for row in 6..9 {
            entry(row, row, k);
        }
        entry(F0, 9, 1.0);
        entry(F0 + 1, 10, 1.0);
        entry(F0 + 2, 9, -theta[F0] * theta[F0 + 1]);
        entry(F0 + 3, 11, 1.0);
        // Ψ is linear in v0 and v_offset, so its change with phi0 is a combination of theirs.
        entry(PHI0, 6, slope * theta[V0]);
        entry(PHI0, 8, slope * theta[V0 + 2]);
        Ok(BinTerm { coefficients: [-0.5 * q2, k, tables.softening, 0.0], map })
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
        let [decay_rate, k, epsilon2, _] = term.coefficients;
        let table = &tables.rows;
        let kernel = Fill { table, decay_rate, k, epsilon2, i, first_column, segment };
        dispatch(level, kernel);
    }

    fn components(&self) -> usize {
        2
    }

    /// K_r = cos χ_i cos χ_j e^{−½q²∫J_ref}, K_s = sin χ_i sin χ_j e^{−½q²∫J_sample}.
    fn field(
        &self,
        tables: &Tables,
        term: &BinTerm,
        component: usize,
        i: usize,
        j: usize,
    ) -> Option<f64> {
        if !self.published() {
            return None;
        }
        let integral = tables.rows.row(component * RATE);
        let share = tables.rows.row(FRACTION + component);
        Some(share[i] * share[j] * (term.coefficients[0] * (integral[j] - integral[i])).exp())
    }

    fn phase(&self, tables: &Tables, term: &BinTerm, component: usize, j: usize) -> f64 {
        match component {
            0 => 0.0,
            _ => term.coefficients[1] * tables.rows.row(VELOCITY)[j],
        }
    }

    fn curves(&self, theta: &[f64], grid: &TimeGrid) -> Vec<Curve> {
        let (values, slopes) = values_and_slopes(grid, rate(theta, V0), Floor::None, V0);
        let velocity = Curve {
            name: "v",
            symbol: "v",
            unit: "Å/s",
            integral: Some(("displacement", "Å")),
            values,
            slopes,
        };
        let clip = if self.published() { Clip::Hard } else { Clip::Soft };
        vec![
            transport_curve(("J_ref", "J ref"), theta, grid, 0.0, 0),
            transport_curve(("J_sample", "J sample"), theta, grid, 0.0, 3),
            velocity,
            fraction::curve(grid, fractions(theta), clip, F0),
        ]
    }

    /// q·|cos(φ − phi0)|·|v|·dt.
    fn phase_per_frame(
        &self,
        theta: &[f64],
        grid: &TimeGrid,
        geometry: &Geometry,
    ) -> Option<FramePhase> {
        let k = self.phase_factor(geometry, theta[PHI0]).0;
        let (velocity, _) = values_and_slopes(grid, rate(theta, V0), Floor::None, V0);
        let values = velocity.iter().map(|v| (k * v * grid.dt()).abs()).collect();
        Some(FramePhase { parameter: V0, values })
    }

    fn advance(&self, theta: &[f64], step: &[f64], grid: &TimeGrid) -> Vec<f64> {
        let mut end: Vec<f64> = theta.iter().zip(step).map(|(t, s)| t + s).collect();
        for (first, floor) in [(0, Floor::At(0.0)), (3, Floor::At(0.0)), (V0, Floor::None)] {
            advance_rate(grid, theta, step, floor, &mut end, first);
        }
        end
    }

    /// Rates freed from their floors; the components exchanged; the velocity reversed; its
    /// direction mirrored at the bin along which it is least, and turned by half a turn.
    fn images(&self, theta: &[f64], grid: &TimeGrid, geometries: &[Geometry]) -> Vec<Vec<f64>> {
        let half_turn = |phi: f64| phi - 180.0 * (phi / 180.0).round();
        let mut images: Vec<Vec<f64>> =
            [0, 3].into_iter().filter_map(|first| freed_rate(grid, theta, first)).collect();
        images.push(exchanged(theta, grid));
        images.push(reversed_rate(grid, theta, V0));
        let along = |g: &Geometry| self.phase_factor(g, theta[PHI0]).0.abs();
        if let Some(bin) = geometries.iter().min_by(|a, b| along(a).total_cmp(&along(b))) {
            let mut mirrored = theta.to_vec();
            mirrored[PHI0] = half_turn(2.0 * bin.phi_deg - theta[PHI0]);
            images.push(mirrored);
        }
        if theta[PHI0].abs() >= 90.0 {
            let mut turned = theta.to_vec();
            turned[PHI0] = -theta[PHI0];
            images.push(turned);
        }
        images
    }

    /// The sample is the component with the larger ∫xs dt. Exchanged, xs turns into 1 − xs: f0
    /// changes its sign and f3 turns into 1 − f3; a constant fraction stays with f0.
    fn relabelled(&self, theta: &[f64], grid: &TimeGrid) -> Option<Vec<f64>> {
        let at = |t: &f64| fraction::fraction(fractions(theta), Clip::Hard, *t).0;
        let share = grid.times().iter().map(at).sum::<f64>() / grid.frames() as f64;
        if share >= 0.5 {
            return None;
        }
        let mut image = with_rates_exchanged(theta);
        let [f0, f1, _, f3] = fractions(theta);
        (image[F0], image[F0 + 3]) =
            if f1 == 0.0 { (1.0 - f0 - 2.0 * f3, f3) } else { (-f0, 1.0 - f3) };
        Some(image)
    }

    /// Both transport coefficients as for `static`; the phase Ψ over the whole series is
    /// log-uniform between 0.5 rad and one that turns by a radian in a frame, beta uniform in ±1,
    /// v_offset a fraction of the velocity; f0 and f3 share the fraction, f1 of either sign and
    /// log-uniform between 0.3 over the series and 1 a frame, where it is positive with the
    /// exponential held within the fraction at the end of the series; phi0 uniform in ±90°.
    fn start(&self, u: &[f64], window: &ScatteringWindow) -> Vec<f64> {
        let mut theta = start_transport(&u[..3], window).to_vec();
        theta.extend(start_transport(&u[3..6], window));
        let turns = 0.5 * (2.0 * window.duration / window.dt).powf(u[V0]);
        let velocity = turns / (window.q * window.duration);
        let beta = 2.0 * u[V0 + 1] - 1.0;
        let reference = 0.3 * window.last_time;
        let f1 = fraction_rate(u[F0 + 1], window);
        theta.extend([
            velocity / reference.powf(beta),
            beta,
            velocity * (0.6 * u[V0 + 2] - 0.1),
            (0.05 + 0.9 * u[F0]) * (-f1.max(0.0) * window.last_time).exp(),
            f1,
            0.0,
            0.4 * u[F0 + 3],
            180.0 * u[PHI0] - 90.0,
        ]);
        theta
    }
}

/// Rate of the fraction: its magnitude is log-uniform between 0.3 over the series and 1 a frame,
/// growing away from u = ½; below it the fraction decays.
fn fraction_rate(u: f64, window: &ScatteringWindow) -> f64 {
    let centred = 2.0 * u - 1.0;
    let slow = 0.3 / window.duration;
    let fast = (1.0 / window.dt).max(slow);
    (slow * (fast / slow).powf(centred.abs())).copysign(centred)
}

/// `theta` with the transport coefficients of reference and sample exchanged.
fn with_rates_exchanged(theta: &[f64]) -> Vec<f64> {
    let mut image = theta.to_vec();
    image[..3].copy_from_slice(&theta[3..6]);
    image[3..6].copy_from_slice(&theta[..3]);
    image
}

/// `theta` with reference and sample exchanged: exact where the fraction is constant; else the
/// exponential of the opposite sign of f1 that agrees at both ends of the series.
fn exchanged(theta: &[f64], grid: &TimeGrid) -> Vec<f64> {
    let mut image = with_rates_exchanged(theta);
    let end = grid.times().last().copied().unwrap_or(0.0);
    let at = |t: f64| fraction::fraction(fractions(theta), Clip::Hard, t).0;
    let (first, last) = (1.0 - at(0.0), 1.0 - at(end));
    let f1 = -theta[F0 + 1];
    let growth = (f1 * end).clamp(-50.0, 50.0).exp() - 1.0;
    let f0 = if growth.abs() > 1e-3 { (last - first) / growth } else { first };
    image[F0..F0 + 4].copy_from_slice(&[f0, f1, 0.0, first - f0]);
    image
}

/// Fills twelve basis rows and m. With P = A + B cos Ψ and Q = B + A cos Ψ: A·P·∂∫J_ref,
/// B·Q·∂∫J_sample, −2AB sin Ψ·∂∫v, and 2P ∂A/∂χ + 2Q ∂B/∂χ at both frames times ∂χ.
struct Fill<'a, 'b> {
    table: &'a Table,
    decay_rate: f64,
    k: f64,
    epsilon2: f64,
    i: usize,
    first_column: usize,
    segment: &'a mut Segment<'b>,
}

impl Kernel for Fill<'_, '_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Isa>(self, s: S) {
        let [rate, k, epsilon2] = [self.decay_rate, self.k, self.epsilon2].map(|x| s.splat(x));
        let mut here = [s.splat(0.0); ALL];
        for (here, row) in here.iter_mut().zip(self.table.stripes::<ALL>(self.i, 1)) {
            *here = s.splat(row[0]);
        }
        let rows = self.segment.rows_mut::<{ BASIS + 1 }>();
        let chunks = rows[0].len();
        let there = self.table.stripes::<ALL>(self.first_column, chunks * WIDTH);
        let soft = self.epsilon2 > 0.0;
        for c in 0..chunks {
            for lane in (0..WIDTH).step_by(S::LANES) {
                let load = |r: usize| s.load(there[r], c * WIDTH + lane);
                let delta = |r: usize| s.sub(load(r), here[r]);
                let (ir, ir_slope) = soften(s, soft, delta(REFERENCE), epsilon2);
                let (is, is_slope) = soften(s, soft, delta(SAMPLE), epsilon2);
                let er = decay(s, s.mul(rate, ir));
                let es = decay(s, s.mul(rate, is));
                let (sin, cos) = sincos(s, s.mul(k, delta(VELOCITY)));
                let (ri, si) = (here[FRACTION], here[FRACTION + 1]);
                let (rj, sj) = (load(FRACTION), load(FRACTION + 1));
                let a = s.mul(s.mul(ri, rj), er);
                let b = s.mul(s.mul(si, sj), es);
                let p = s.fma(b, cos, a);
                let q = s.fma(a, cos, b);
                let m = s.fma(a, p, s.mul(b, q));
                let u = s.mul(s.mul(a, p), ir_slope);
                let v = s.mul(s.mul(b, q), is_slope);
                let minus_two = s.splat(-2.0);
                let w = s.mul(s.mul(minus_two, sin), s.mul(a, b));
                // ½ ∂m/∂χ at either frame.
                let (pe, qe) = (s.mul(p, er), s.mul(q, es));
                let at_i = s.sub(s.mul(qe, s.mul(ri, sj)), s.mul(pe, s.mul(si, rj)));
                let at_j = s.sub(s.mul(qe, s.mul(si, rj)), s.mul(pe, s.mul(ri, sj)));
                for r in 0..3 {
                    s.store8(s.mul(u, delta(REFERENCE + 1 + r)), &mut rows[r][c], lane);
                    s.store8(s.mul(v, delta(SAMPLE + 1 + r)), &mut rows[r + 3][c], lane);
                    s.store8(s.mul(w, delta(VELOCITY + 1 + r)), &mut rows[r + 6][c], lane);
                    let chi = FRACTION + 2 + r;
                    let slope = s.fma(at_i, here[chi], s.mul(at_j, load(chi)));
                    s.store8(s.add(slope, slope), &mut rows[r + 9][c], lane);
                }
                s.store8(m, &mut rows[BASIS][c], lane);
            }
        }
    }
}

/// √(x² + ε²) and its derivative where `soft`, else x and 1.
#[inline(always)]
fn soften<S: Isa>(s: S, soft: bool, x: S::V, epsilon2: S::V) -> (S::V, S::V) {
    if !soft {
        return (x, s.splat(1.0));
    }
    let root = s.sqrt(s.fma(x, x, epsilon2));
    (root, s.div(x, root))
}

/// The published formula for one pair i ≤ j, for tests with dual numbers.
pub fn correlation<T: Scalar>(
    theta: &[T],
    grid: &TimeGrid,
    geometry: &Geometry,
    i: usize,
    j: usize,
) -> T {
    let rate = |first: usize| [theta[first], theta[first + 1], theta[first + 2]];
    let half_q2 = T::constant(-0.5 * geometry.q * geometry.q);
    let er = (half_q2 * integral(grid, rate(0), Floor::At(0.0), i, j)).exp();
    let es = (half_q2 * integral(grid, rate(3), Floor::At(0.0), i, j)).exp();
    let path = integral(grid, rate(V0), Floor::None, i, j);
    let angle = (T::constant(geometry.phi_deg) - theta[PHI0]) * T::constant(1f64.to_radians());
    let psi = T::constant(geometry.q) * angle.cos() * path;
    let f = [theta[F0], theta[F0 + 1], theta[F0 + 2], theta[F0 + 3]];
    let xs = [i, j].map(|k| fraction::hard(f, grid.times()[k]));
    let xr = xs.map(|x| T::constant(1.0) - x);
    let (r, s) = (xr[0] * xr[1] * er, xs[0] * xs[1] * es);
    let two = T::constant(2.0);
    let norm = |k: usize| xs[k] * xs[k] + xr[k] * xr[k];
    (r * r + s * s + two * r * s * psi.cos()) / (norm(0) * norm(1))
}
