//! `laminar_flow`: m = exp(−q² ∫J dt)·[sin(aΦ)/(aΦ)]ⁿ with Φ = ½ q h cos(φ − phi0) ∫γ̇ dt.
//!
//! He et al., PNAS 121 (31) e2401162121 (2024), doi:10.1073/pnas.2401162121; conventions for
//! a and n in [`crate::terms::shear`].

use dyne_math::elementary::{decay, sinc};
use dyne_math::gram::Segment;
use dyne_math::simd::{Isa, Kernel, Level, WIDTH, dispatch};
use dyne_math::table::Table;

use super::ShearConvention;
use super::static_isotropic::{check_integral, start_transport, transport_curve};
use crate::geometry::{Geometry, ScatteringWindow};
use crate::grid::TimeGrid;
use crate::model::{BinTerm, Curve, Flow, KeptFrames, Model, ModelError, Tables};
use crate::param::{LAMINAR_FLOW, ParameterSpec};
use crate::scalar::Scalar;
use crate::terms::direction;
use crate::terms::power_rate::{
    Floor, ROWS as RATE, advance as advance_rate, constant_rate, freed as freed_rate, integral,
    integrate, reversed as reversed_rate, straight, values_and_slopes,
};
use crate::terms::shear::{self, Convention, Floored, phase_factor};

/// Largest shear phase between first and last frame, rad: beyond it sine and cosine are noise.
const PHASE_LIMIT: f64 = 1e9;

/// Diffusion and shear; table rows: ∫J and three derivatives, ∫γ̇ and three derivatives.
#[derive(Debug, Clone, Copy)]
pub struct LaminarFlow {
    name: ShearConvention,
    convention: Convention,
}

impl LaminarFlow {
    /// The model under a named convention.
    pub fn new(name: ShearConvention) -> Self {
        Self { name, convention: name.convention() }
    }

    fn softened(&self) -> bool {
        self.convention.softening > 0.0
    }
}

fn shear_floor(convention: &Convention) -> Floor {
    match convention.floor_shear {
        Floored::Transport => Floor::None,
        Floored::Both => Floor::At(convention.floor),
    }
}

impl Model for LaminarFlow {
    fn parameters(&self) -> &'static [ParameterSpec] {
        &LAMINAR_FLOW
    }

    fn rates(&self) -> &'static [usize] {
        &[0, 3]
    }

    fn transports(&self) -> &'static [usize] {
        &[0]
    }

    fn basis(&self) -> usize {
        if self.softened() { 7 } else { 6 }
    }

    fn tables(
        &self,
        level: Level,
        theta: &[f64],
        grid: &TimeGrid,
        frames: &KeptFrames,
    ) -> Result<Tables, ModelError> {
        let mut rows = Table::zeros(2 * RATE, grid.frames());
        let j = [theta[0], theta[1], theta[2]];
        let rate = [theta[3], theta[4], theta[5]];
        let floor = Floor::At(self.convention.floor);
        let floored_frames = integrate(level, grid, j, floor, &mut rows, 0);
        integrate(level, grid, rate, shear_floor(&self.convention), &mut rows, RATE);
        check_integral(&rows, 0, "the transport coefficient")?;
        check_integral(&rows, RATE, "the shear rate")?;
        Ok(Tables {
            rows: frames.columns(rows),
            floored_frames,
            clipped_frames: 0,
            softening: self.convention.softening * grid.dt(),
        })
    }

    fn bin(
        &self,
        theta: &[f64],
        geometry: &Geometry,
        tables: &Tables,
    ) -> Result<BinTerm, ModelError> {
        let (k, slope) = phase_factor(geometry, &self.convention, theta[6]);
        let strain = tables.rows.row(RATE).iter().fold(0.0f64, |m, g| m.max(g.abs()));
        let phase = 2.0 * (k * strain).abs();
        if phase > PHASE_LIMIT {
            return Err(ModelError::Phase { phase, limit: PHASE_LIMIT });
        }
        let q2 = geometry.q * geometry.q;
        let n = f64::from(self.convention.power);
        let nb = self.basis();
        let mut map = vec![0.0; 7 * nb];
        for parameter in 0..3 {
            map[parameter * nb + parameter] = -q2;
            map[(parameter + 3) * nb + parameter + 3] = n * k;
        }
        if self.softened() {
            map[6 * nb + 6] = n * slope;
        } else {
            // Φ is linear in gamma_dot_t0 and gamma_dot_t_offset, so its change with phi0 is
            // a combination of theirs.
            map[6 * nb + 3] = n * slope * theta[3];
            map[6 * nb + 5] = n * slope * theta[5];
        }
        Ok(BinTerm { coefficients: [-q2, k, tables.softening * tables.softening, 0.0], map })
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
        let table = &tables.rows;
        let [minus_q2, k, epsilon2, _] = term.coefficients;
        macro_rules! fill {
            ($power:literal, $soft:literal, $rows:literal) => {{
                let kernel = Fill::<$power, $soft, $rows> {
                    table,
                    minus_q2,
                    k,
                    epsilon2,
                    i,
                    first_column,
                    segment,
                };
                dispatch(level, kernel);
            }};
        }
        match self.name {
            ShearConvention::Published => fill!(2, 0, 7),
            ShearConvention::HomodyneAnalysis => fill!(4, 0, 7),
            ShearConvention::Homodyne2 => fill!(4, 1, 8),
        }
    }

    fn field(
        &self,
        tables: &Tables,
        term: &BinTerm,
        _component: usize,
        i: usize,
        j: usize,
    ) -> Option<f64> {
        let [minus_q2, k, ..] = term.coefficients;
        let (a, g) = (tables.rows.row(0), tables.rows.row(RATE));
        let amplitude = (0.5 * minus_q2 * (a[j] - a[i])).exp();
        match self.name {
            ShearConvention::Published => Some(amplitude * shear::sinc(k * (g[j] - g[i]))),
            _ => None,
        }
    }

    fn curves(&self, theta: &[f64], grid: &TimeGrid) -> Vec<Curve> {
        let floor = shear_floor(&self.convention);
        let (values, slopes) = values_and_slopes(grid, [theta[3], theta[4], theta[5]], floor, 3);
        let shear = Curve {
            name: "gamma_dot",
            symbol: "γ̇",
            unit: "s⁻¹",
            integral: Some(("strain", "–")),
            values,
            slopes,
        };
        vec![transport_curve(("J", "J"), theta, grid, self.convention.floor, 0), shear]
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
        advance_rate(grid, theta, step, held, shear_floor(&self.convention), &mut end, 3);
        end
    }

    /// The other direction that two azimuths or one cannot tell apart, with its rate; all of them
    /// turned by half a turn.
    fn twins(&self, theta: &[f64], geometries: &[Geometry]) -> Vec<Vec<f64>> {
        let azimuths = geometries.iter().map(|g| g.phi_deg);
        turned(theta, 3, 6, direction::twin(azimuths, theta[6]))
    }

    fn flow(&self) -> Option<Flow> {
        Some(Flow { rate: 3, direction: 6, sense: 1.0 })
    }

    /// The flow at a constant rate.
    fn flow_shapes(&self, theta: &[f64], _grid: &TimeGrid) -> Vec<Vec<f64>> {
        vec![constant_rate(theta, 3)]
    }

    /// The transport coefficient freed from its floor; the flow mirrored at the bin that it
    /// decorrelates least, which for bins that lie symmetrically about it leaves every
    /// |cos(φ − phi0)| as it is; the flow reversed, by its rate or, at an end of its half turn, by
    /// phi0.
    fn images(&self, theta: &[f64], grid: &TimeGrid, geometries: &[Geometry]) -> Vec<Vec<f64>> {
        let half_turn = |phi: f64| phi - 180.0 * (phi / 180.0).round();
        let along = |g: &Geometry| (g.phi_deg - theta[6]).to_radians().cos().abs();
        let least = geometries.iter().min_by(|a, b| along(a).total_cmp(&along(b)));
        let mut images: Vec<Vec<f64>> = freed_rate(grid, theta, 0).into_iter().collect();
        if let Some(bin) = least {
            let mut mirrored = theta.to_vec();
            mirrored[6] = half_turn(2.0 * bin.phi_deg - theta[6]);
            images.push(mirrored);
        }
        images.push(reversed_rate(grid, theta, 3));
        if theta[6].abs() >= 90.0 {
            let mut turned = theta.to_vec();
            turned[6] = -theta[6];
            images.push(turned);
        }
        images
    }

    /// As for `static`; the shear phase over the whole series is log-uniform between 0.3 and
    /// 300 rad, beta uniform in ±1.5, gamma_dot_t_offset a fraction of the rate, phi0 uniform
    /// in ±90°.
    fn start(&self, u: &[f64], window: &ScatteringWindow) -> Vec<f64> {
        let amplitude = 0.5 * self.convention.scale * window.q * window.gap;
        let rate = 0.3 * 1000f64.powf(u[3]) / (amplitude * window.duration);
        let beta = 3.0 * u[4] - 1.5;
        let reference = 0.3 * window.last_time;
        let mut theta = start_transport(u, window).to_vec();
        theta.extend([
            rate / reference.powf(beta),
            beta,
            rate * (0.6 * u[5] - 0.1),
            180.0 * u[6] - 90.0,
        ]);
        theta
    }
}

/// Twins of `theta`, whose flow has its rate at `rate` and its direction at `phi0`: the one with
/// another direction, and both turned by half a turn.
pub(super) fn turned(
    theta: &[f64],
    rate: usize,
    phi0: usize,
    other: Option<direction::Twin>,
) -> Vec<Vec<f64>> {
    let half_turns = |point: &[f64]| {
        [-180.0, 180.0].map(|turn| {
            let mut turned = point.to_vec();
            turned[phi0] += turn;
            turned
        })
    };
    let mut twins = Vec::new();
    if let Some(other) = other {
        let mut twin = theta.to_vec();
        twin[rate] *= other.rate;
        twin[rate + 2] *= other.rate;
        twin[phi0] = other.phi0_deg;
        twins.extend(half_turns(&twin));
        twins.insert(0, twin);
    }
    twins.extend(half_turns(theta));
    twins
}

/// Fills six basis rows and m: m·∂A for the three transport parameters, then
/// e·s^(n−1)·s'·∂Γ for the three of the shear rate, where e = exp(−q²A), s = sin(x)/x, x = kΓ.
/// `SOFT` = 1 replaces A and Γ by sqrt(A² + (ε dt)²), as homodyne 2.x does, and adds the
/// basis row e·s^(n−1)·s'·Γ for phi0. `ROWS` is the number of rows it fills.
struct Fill<'a, 'b, const POWER: u8, const SOFT: u8, const ROWS: usize> {
    table: &'a Table,
    minus_q2: f64,
    k: f64,
    epsilon2: f64,
    i: usize,
    first_column: usize,
    segment: &'a mut Segment<'b>,
}

impl<const POWER: u8, const SOFT: u8, const ROWS: usize> Kernel
    for Fill<'_, '_, POWER, SOFT, ROWS>
{
    type Output = ();
    #[inline(always)]
    fn run<S: Isa>(self, s: S) {
        let [minus_q2, k, epsilon2] = [self.minus_q2, self.k, self.epsilon2].map(|x| s.splat(x));
        let mut here = [s.splat(0.0); 2 * RATE];
        for (here, row) in here.iter_mut().zip(self.table.stripes::<{ 2 * RATE }>(self.i, 1)) {
            *here = s.splat(row[0]);
        }
        let rows = self.segment.rows_mut::<ROWS>();
        let chunks = rows[0].len();
        let there = self.table.stripes::<{ 2 * RATE }>(self.first_column, chunks * WIDTH);
        for c in 0..chunks {
            for lane in (0..WIDTH).step_by(S::LANES) {
                let delta = |r: usize| s.sub(s.load(there[r], c * WIDTH + lane), here[r]);
                let (a, a_slope) = soften::<S, SOFT>(s, delta(0), epsilon2);
                let (g, g_slope) = soften::<S, SOFT>(s, delta(4), epsilon2);
                let e = decay(s, s.mul(minus_q2, a));
                let (sin, slope) = sinc(s, s.mul(k, g));
                let cube = if POWER == 4 { s.mul(s.mul(sin, sin), sin) } else { sin };
                let es = s.mul(e, cube);
                let m = s.mul(es, sin);
                let mut u = m;
                let mut v = s.mul(es, slope);
                if SOFT == 1 {
                    s.store8(s.mul(v, g), &mut rows[6][c], lane);
                    u = s.mul(u, a_slope);
                    v = s.mul(v, g_slope);
                }
                for r in 0..3 {
                    s.store8(s.mul(u, delta(r + 1)), &mut rows[r][c], lane);
                    s.store8(s.mul(v, delta(r + 5)), &mut rows[r + 3][c], lane);
                }
                s.store8(m, &mut rows[ROWS - 1][c], lane);
            }
        }
    }
}

/// (√(x² + ε²), its derivative) when `SOFT` is 1, else (x, unused).
#[inline(always)]
fn soften<S: Isa, const SOFT: u8>(s: S, x: S::V, epsilon2: S::V) -> (S::V, S::V) {
    if SOFT == 0 {
        return (x, x);
    }
    let root = s.sqrt(s.fma(x, x, epsilon2));
    (root, s.div(x, root))
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
    let floor = Floor::At(convention.floor);
    let epsilon = convention.softening * grid.dt();
    let soft = |x: T| match convention.softening {
        0.0 => x,
        _ => (x * x + T::constant(epsilon * epsilon)).sqrt(),
    };
    let a = soft(integral(grid, [theta[0], theta[1], theta[2]], floor, i, j));
    let rate = [theta[3], theta[4], theta[5]];
    let gamma = soft(integral(grid, rate, shear_floor(convention), i, j));
    let radian = T::constant(1f64.to_radians());
    let angle = (T::constant(geometry.phi_deg) - theta[6]) * radian;
    let amplitude = T::constant(0.5 * convention.scale * geometry.q * geometry.gap);
    let s = shear::sinc(amplitude * angle.cos() * gamma);
    let e = (T::constant(-geometry.q * geometry.q) * a).exp();
    (0..convention.power).fold(e, |m, _| m * s)
}
