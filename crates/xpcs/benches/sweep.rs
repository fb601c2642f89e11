//! Time of one full evaluation of the normal equations against the exponential, the sine and
//! the cosine that it cannot do without.
//!
//! The case: `laminar_flow`, published convention, 23 angles of 1000 × 1000 frames in packed
//! f32. Columns of the table printed, each the best of many rounds that take turns:
//! *full*, ns a pair of `Problem::evaluate`; *bare*, ns a pair of a loop over the same rows
//! and table differences that only takes `decay` and `sincos` and adds the results; *ratio*,
//! full by bare on one thread; *scaling*, full on one thread by full on two; *gradient*, ns a pair of
//! `Problem::gradient_sums`, the sweep without the sums of two derivatives, on one thread.
//!
//! Roofline: a pair is 4 bytes of data, 45 fused operations of the Gram sum of 9 rows and
//! some 75 of the model, 50 of which are exp and sincos: the sweep is bound by arithmetic,
//! and with two vector operations a cycle the ratio cannot fall below about 2.2.

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use dyne_math::elementary::{decay, sincos};
use dyne_math::simd::{Isa, Kernel, Lane8, Level, dispatch};
use dyne_math::table::Table;
use dyne_runtime::{Cancel, Lanes, Resources, Solo};
use dyne_solve::{Layout, Loss, Objective, Robust};
use dyne_xpcs::problem::{Checks, Evaluated, Problem};
use dyne_xpcs_data::{BlockPairs, Matrices, Samples, Triangle};
use dyne_xpcs_model::{Geometry, Mode, Physics, TimeGrid};

const FRAMES: usize = 1000;
const ANGLES: usize = 23;
const ROUNDS: usize = 25;
/// D0, alpha, D_offset, gamma_dot_t0, beta, gamma_dot_t_offset, phi0.
const THETA: [f64; 7] = [3000.0, -0.4, 100.0, 0.002, -0.3, 1e-4, 4.0];

/// First table row of the transport coefficient and of the shear rate.
const TRANSPORT: usize = 0;
const SHEAR: usize = 4;

fn geometries() -> Vec<Geometry> {
    let phi = |bin: usize| 8.0 * bin as f64 - 88.0;
    (0..ANGLES).map(|bin| Geometry { q: 0.0054, phi_deg: phi(bin), gap: 2e6 }).collect()
}

/// Values of the size of c2 without structure: what they are costs nothing.
fn matrices() -> Matrices {
    let value = |k: usize| 1.05 + 0.1 * ((k * 7919) % 1024) as f32 / 1024.0;
    let one =
        |_| Triangle::new(FRAMES, Samples::F32((0..Triangle::pairs(FRAMES)).map(value).collect()));
    Matrices::new((0..ANGLES).map(one).collect(), 0)
}

/// Sum of e^(−q²ΔA), sin(kΔΓ) and cos(kΔΓ) over all pairs of one angle.
struct Bare<'a> {
    table: &'a Table,
    minus_q2: f64,
    k: f64,
}

impl Kernel for Bare<'_> {
    type Output = f64;
    #[inline(always)]
    fn run<S: Isa>(self, s: S) -> f64 {
        let (transport, shear) = (self.table.row(TRANSPORT), self.table.row(SHEAR));
        let (minus_q2, k) = (s.splat(self.minus_q2), s.splat(self.k));
        let mut sum = s.splat(0.0);
        for i in 0..FRAMES - 1 {
            let (a, g) = (s.splat(transport[i]), s.splat(shear[i]));
            let count = (FRAMES - i - 1).next_multiple_of(S::LANES);
            let there = self.table.stripes::<8>(i + 1, count);
            for at in (0..count).step_by(S::LANES) {
                let e = decay(s, s.mul(minus_q2, s.sub(s.load(there[TRANSPORT], at), a)));
                let (sin, cos) = sincos(s, s.mul(k, s.sub(s.load(there[SHEAR], at), g)));
                sum = s.add(sum, s.add(e, s.add(sin, cos)));
            }
        }
        let mut out = Lane8::ZERO;
        s.store8(sum, &mut out, 0);
        out.0.iter().sum()
    }
}

fn bare(level: Level, evaluated: &Evaluated) -> f64 {
    let table = &evaluated.tables.rows;
    let one = |[minus_q2, k, ..]: [f64; 4]| dispatch(level, Bare { table, minus_q2, k });
    evaluated.terms.iter().map(|term| one(term.coefficients)).sum()
}

/// Seconds of one call.
fn seconds<T>(work: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    black_box(work());
    start.elapsed().as_secs_f64()
}

/// Best times of the measurements, s.
struct Best {
    bare: f64,
    full: f64,
    two: f64,
    gradient: f64,
}

fn measure(solo: &Problem<'_>, two: &Problem<'_>) -> Best {
    let evaluated = solo.tables(&THETA).expect("the model has a value here");
    let linear = vec![0.0; solo.layout.linear()];
    let full = |problem: &Problem<'_>| problem.evaluate(&THETA, &linear).map(|e| e.cost());
    let mut best = Best { bare: f64::MAX, full: f64::MAX, two: f64::MAX, gradient: f64::MAX };
    for _ in 0..ROUNDS {
        best.bare = best.bare.min(seconds(|| bare(solo.level, &evaluated)));
        best.full = best.full.min(seconds(|| full(solo)));
        best.two = best.two.min(seconds(|| full(two)));
        best.gradient = best.gradient.min(seconds(|| solo.gradient_sums(&THETA)));
    }
    best
}

fn main() {
    let matrices = matrices();
    let geometries = geometries();
    let grid = TimeGrid::new(FRAMES, 0.1, 0.0);
    let model = Mode::LaminarFlow.model(Physics::default());
    let layout = Layout::individual(ANGLES);
    let (cancel, sweeps) = (Cancel::new(), AtomicU64::new(0));
    let lanes = [1, 2].map(|count| {
        Lanes::try_new(NonZeroUsize::new(count).expect("one or two")).expect("threads start")
    });
    let problem = |level: Level, lanes| Problem {
        model: &*model,
        grid: &grid,
        geometries: &geometries,
        matrices: &matrices,
        layout: &layout,
        robust: Robust { loss: Loss::Linear, f_scale: 1.0 },
        weights: dyne_xpcs::noise::Weights::Equal,
        shift: 1.1,
        block: BlockPairs::default(),
        bins_at_once: 1,
        level,
        resources: Resources::new(lanes, &Solo, &cancel),
        checks: Checks::Blocks,
        sweeps: &sweeps,
    };
    let pairs = (ANGLES * Triangle::pairs(FRAMES)) as f64;
    println!("laminar_flow, {ANGLES} angles, {FRAMES} frames, ns a pair, best of {ROUNDS}");
    println!(
        "{:<10}{:>8}{:>8}{:>8}{:>12}{:>9}{:>10}",
        "level", "full", "bare", "ratio", "2 threads", "scaling", "gradient"
    );
    for level in Level::available() {
        let best = measure(&problem(level, &lanes[0]), &problem(level, &lanes[1]));
        let [full, bare, two, gradient] =
            [best.full, best.bare, best.two, best.gradient].map(|t| t * 1e9 / pairs);
        println!(
            "{:<10}{full:>8.2}{bare:>8.2}{:>8.2}{two:>12.2}{:>9.2}{gradient:>10.2}",
            level.to_string(),
            full / bare,
            full / two,
        );
    }
}
