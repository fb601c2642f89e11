//! Do fits without starting values reach the global minimum?
//!
//! Simulates experiments at random truths, fits each from no starting values under the default
//! configuration, and compares the cost with that of a fit of all pairs started at the truth.
//!
//! ```text
//! cargo run --release -p dyne-xpcs --example recovery -- [--mode laminar_flow] [--fits 100]
//!     [--frames 300] [--angles 3] [--sigma 0.02] [--seed 1] [--threads 2] [--only K]
//!     [--truths resolved|prior] [--hold alpha=0,D_offset=0] [--noise gaussian|speckle]
//!     [--margin 5] [--fixed]
//! cargo run --release -p dyne-xpcs --example recovery -- --large
//! ```
//!
//! **Truths** are drawn from the priors of the parameter table, truncated to the bounds, at
//! q 0.0054 Å⁻¹, gap 2·10⁶ Å, frame time 0.1 s, contrast 0.3, offset 1; azimuths are spread evenly
//! from 0° to 90°. A truth is drawn again where its data carry no decay to fit.
//!
//! * `resolved` (default), an experiment whose frame time was chosen for its sample: the mean of
//!   m between neighbouring frames is at least 0.3 at every angle, m between the second and the
//!   last frame at most 0.8 at every angle, and the transport coefficient is positive
//!   throughout (no frame is floored). Of `two_component`: the sample fraction stays between 0
//!   and 1 and the oscillation turns by less than half a turn a frame.
//! * `prior`: m between the second and the last frame is at most 0.8 at one angle, the mean
//!   between neighbouring frames at least 0.1 at one angle. Truths whose transport coefficient
//!   is floored to 0 on many frames, and those whose shear decays within a frame at all angles
//!   but one, are among them.
//!
//! `--hold` gives parameters of the truths a value; they are fitted all the same. `--noise speckle`
//! correlates 1000 simulated pixels; sigma² is then the mean square of the residuals.
//!
//! **Success**: the cost, half the sum of squares, is at most that of the reference fit plus
//! 5 (`--margin`) sigma², which the noise cannot tell apart. With `--fixed` every free parameter in
//! turn is then fixed at its best value, and a fit from no starting values has to reach the least cost
//! met. **Within** counts pulls |found − truth| of at most
//! four standard errors, over the parameters that have a standard error.
//!
//! `--large` fits 23 angles of 1000 frames and tells where the time goes.

use std::error::Error;
use std::f64::consts::PI;
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use dyne_runtime::random::{Generator, Stream};
use dyne_runtime::{Cancel, Event, Flow, Lanes, Observer, Resources, Silent, Solo};
use dyne_solve::minimise;
use dyne_xpcs::config::{FitConfig, NoiseKind, Override, SimConfig};
use dyne_xpcs::fit::{Data, Fitted, fit, problem};
use dyne_xpcs::plan::Plan;
use dyne_xpcs::residuals::PictureSize;
use dyne_xpcs::simulate::{Experiment, simulated_catalog};
use dyne_xpcs_data::{Matrices, Truth};
use dyne_xpcs_model::{Mode, ParameterSpec, Prior};

/// Least mean correlation of neighbouring frames of a decay that is resolved.
const RESOLVED: f64 = 0.3;
/// Above this correlation over the series nothing has decayed.
const NO_DECAY: f64 = 0.8;
/// Below this mean correlation of neighbouring frames all has decayed within a frame.
const ALL_DECAYED: f64 = 0.1;
/// Standard errors within which a truth is counted as found.
const PULL: f64 = 4.0;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Which truths are drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Truths {
    Resolved,
    Prior,
}

/// What is tried.
struct Trial {
    truths: Truths,
    mode: Mode,
    fits: u64,
    frames: usize,
    angles: usize,
    sigma: f64,
    seed: u64,
    lanes: Lanes,
    only: Option<u64>,
    hold: Vec<(String, f64)>,
    noise: NoiseKind,
    margin: f64,
    fixed: Fixing,
}

/// Whether parameters are fixed one after the other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fixing {
    None,
    Each,
}

/// What came out of one fit.
struct Case {
    truth: Vec<f64>,
    fitted: Fitted,
    reference: f64,
    /// Variance of a residual.
    s2: f64,
    elapsed: Duration,
    /// Parameters that were fixed, and by how many sigma² the fits were too high.
    fixed: Vec<(usize, f64)>,
}

fn main() -> Outcome<()> {
    let mut trial = Trial {
        truths: Truths::Resolved,
        mode: Mode::LaminarFlow,
        fits: 100,
        frames: 300,
        angles: 3,
        sigma: 0.02,
        seed: 1,
        lanes: Lanes::try_new(Lanes::available())?,
        only: None,
        hold: Vec::new(),
        noise: NoiseKind::Gaussian,
        margin: 5.0,
        fixed: Fixing::None,
    };
    let mut large = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        if name == "--large" {
            large = true;
            continue;
        }
        if name == "--fixed" {
            trial.fixed = Fixing::Each;
            continue;
        }
        let value = arguments.next().ok_or(format!("{name}: no value"))?;
        match name.as_str() {
            "--mode" => trial.mode = value.parse()?,
            "--fits" => trial.fits = value.parse()?,
            "--frames" => trial.frames = value.parse()?,
            "--angles" => trial.angles = value.parse()?,
            "--sigma" => trial.sigma = value.parse()?,
            "--seed" => trial.seed = value.parse()?,
            "--threads" => trial.lanes = Lanes::try_new(value.parse::<NonZeroUsize>()?)?,
            "--truths" => {
                trial.truths = match value.as_str() {
                    "resolved" => Truths::Resolved,
                    "prior" => Truths::Prior,
                    _ => return Err(format!("unknown truths {value}").into()),
                }
            }
            "--hold" => trial.hold = held(&value)?,
            "--margin" => trial.margin = value.parse()?,
            "--noise" => {
                trial.noise = match value.as_str() {
                    "gaussian" => NoiseKind::Gaussian,
                    "speckle" => NoiseKind::Speckle,
                    _ => return Err(format!("unknown noise {value}").into()),
                }
            }
            "--only" => trial.only = Some(value.parse()?),
            _ => return Err(format!("unknown argument {name}").into()),
        }
    }
    if large { run_large(&trial.lanes) } else { trial.run() }
}

impl Trial {
    fn run(&self) -> Outcome<()> {
        let mut tally = Tally::default();
        for number in 0..self.fits {
            if self.only.is_none_or(|only| only == number) {
                let case = self.case(number)?;
                tally.add(&case, self.reached(&case), self.margin);
                if !self.reached(&case) || self.only.is_some() {
                    self.tell(number, &case);
                }
            }
        }
        tally.tell(self.mode.parameters());
        Ok(())
    }

    fn case(&self, number: u64) -> Outcome<Case> {
        let experiment = self.experiment(number)?;
        let truth = experiment.config().parameter_values();
        let plan = plan(experiment.config(), &[])?;
        let matrices = matrices(&experiment, &plan, &self.lanes)?;
        let cancel = Cancel::new();
        let resources = Resources::new(&self.lanes, &Solo, &cancel);
        let start = Instant::now();
        let data = Data::survey(&plan, matrices.clone(), resources)?;
        let fitted = fit(&plan, &data, resources, PICTURES, &Silent)?;
        let elapsed = start.elapsed();
        let shift = fitted.shift;
        let (layout, sweeps) = (plan.layout(shift)?, AtomicU64::new(0));
        let full = problem(&plan, &matrices, &layout, shift, resources, &sweeps);
        let near = minimise(&full, &plan.transform, &truth, &plan.search.fit, &Silent)?;
        let (reference, pairs) = (near.cost(), near.equations.pairs());
        let s2 = match self.noise {
            NoiseKind::Speckle => 2.0 * reference / pairs as f64,
            _ => self.sigma * self.sigma,
        };
        let mut case = Case { truth, fitted, reference, s2, elapsed, fixed: Vec::new() };
        if self.fixed == Fixing::Each {
            case.fixed = self.with_each_fixed(&experiment, &plan, &data, &case, &near.theta)?;
        }
        Ok(case)
    }

    /// Fits from no starting values with each parameter fixed at its best value.
    fn with_each_fixed(
        &self,
        experiment: &Experiment,
        free: &Plan,
        data: &Data,
        case: &Case,
        near: &[f64],
    ) -> Outcome<Vec<(usize, f64)>> {
        let found = &case.fitted.outcome.fit;
        let best = if found.cost() <= case.reference { &found.theta } else { near };
        let least = found.cost().min(case.reference);
        let cancel = Cancel::new();
        let resources = Resources::new(&self.lanes, &Solo, &cancel);
        let mut rises = Vec::new();
        for &k in free.transform.free() {
            let name = free.model.parameters()[k].name;
            let fixed = [Override::parse(&format!("parameters.{name}.fixed={:e}", best[k]))?];
            let plan = plan(experiment.config(), &fixed)?;
            let fitted = fit(&plan, data, resources, PICTURES, &Silent)?;
            let rise = (fitted.outcome.fit.cost() - least) / case.s2;
            if rise > self.margin {
                println!("  {name} fixed at {:e}: {rise:.1} sigma² above", best[k]);
                println!("    best {best:.5?}\n    found {:.5?}", fitted.outcome.fit.theta);
            }
            rises.push((k, rise));
        }
        Ok(rises)
    }

    /// The experiment of the first truth drawn whose data carry a decay.
    fn experiment(&self, number: u64) -> Outcome<Experiment> {
        let mut generator = Stream::new(self.seed).split("truth").index(number).generator();
        loop {
            let sim = self.sim(number, &mut generator)?;
            // A draw whose integrals overflow is not one the bounds of a fit would meet.
            if let Ok(experiment) = Experiment::try_new(sim)
                && tells(&experiment, self.truths)
            {
                return Ok(experiment);
            }
        }
    }

    fn sim(&self, number: u64, generator: &mut Generator) -> Outcome<SimConfig> {
        let phi = azimuths(self.angles, 90.0);
        let mut value = |spec: &ParameterSpec| {
            let given = self.hold.iter().find(|(name, _)| name == spec.name);
            let held = given.map(|(_, value)| *value).or(self.mode.held(spec));
            held.unwrap_or_else(|| draw(spec, generator))
        };
        let parameters: Vec<String> = self
            .mode
            .parameters()
            .iter()
            .map(|spec| format!("{}: {:e}", spec.name, value(spec)))
            .collect();
        let yaml = format!(
            "{}phi: {phi:?}\nparameters: {{{}}}\ncontrast: {}\n\
             noise: {{kind: {}, sigma: {}, pixels: 1000, seed: {}}}\n",
            setup(self.mode, self.frames),
            parameters.join(", "),
            // Of speckle fields it is one over a number of modes.
            if self.noise == NoiseKind::Speckle { 1.0 / 3.0 } else { 0.3 },
            if self.noise == NoiseKind::Speckle { "speckle" } else { "gaussian" },
            self.sigma,
            self.seed.wrapping_mul(1_000_003).wrapping_add(number),
        );
        Ok(SimConfig::from_yaml(&yaml, "recovery.yaml", &[])?)
    }

    fn reached(&self, case: &Case) -> bool {
        case.fitted.outcome.fit.cost() <= case.reference + self.margin * case.s2
    }

    fn tell(&self, number: u64, case: &Case) {
        let fit = &case.fitted.outcome.fit;
        let excess = (fit.cost() - case.reference) / case.s2;
        println!("fit {number}: {excess:.1} sigma² above the reference {:.6}", case.reference);
        println!("  truth {:.4?}", case.truth);
        println!("  found {:.4?} ({:?})", fit.theta, fit.termination);
        for basin in case.fitted.outcome.basins.iter().take(6) {
            println!(
                "  basin {:.4?} cost {:.6} level {} starts {}",
                basin.theta, basin.cost, basin.level, basin.starts
            );
        }
    }
}

/// Sums over the fits.
#[derive(Default)]
struct Tally {
    fits: u32,
    reached: u32,
    converged: u32,
    elapsed: Duration,
    slowest: Duration,
    full_sweeps: u64,
    coarse_sweeps: u64,
    within: Vec<(u32, u32)>,
    lower: u32,
    fixed: Vec<(u32, u32)>,
}

impl Tally {
    fn add(&mut self, case: &Case, reached: bool, margin: f64) {
        let fitted = &case.fitted;
        let lowest = fitted.outcome.fit.cost();
        self.lower += u32::from(lowest < case.reference - margin * case.s2);
        self.fixed.resize(case.truth.len(), (0, 0));
        for (k, rise) in &case.fixed {
            self.fixed[*k].0 += u32::from(*rise <= margin);
            self.fixed[*k].1 += 1;
        }
        self.fits += 1;
        self.reached += u32::from(reached);
        self.converged += u32::from(fitted.outcome.fit.termination.is_converged());
        self.elapsed += case.elapsed;
        self.slowest = self.slowest.max(case.elapsed);
        self.full_sweeps += fitted.full_sweeps;
        self.coarse_sweeps += fitted.coarse_sweeps;
        self.within.resize(case.truth.len(), (0, 0));
        let Ok(covariance) = &fitted.covariance else { return };
        for (k, (within, of)) in self.within.iter_mut().enumerate() {
            if let Ok(error) = covariance.stderr(k) {
                *of += 1;
                let pull = (fitted.outcome.fit.theta[k] - case.truth[k]).abs();
                *within += u32::from(pull <= PULL * error);
            }
        }
    }

    fn tell(&self, parameters: &[ParameterSpec]) {
        let mean = |sum: u64| sum as f64 / f64::from(self.fits.max(1));
        println!("reached the global minimum: {} of {}", self.reached, self.fits);
        println!("below the reference: {}", self.lower);
        println!("converged: {}", self.converged);
        for (spec, (reached, of)) in parameters.iter().zip(&self.fixed).filter(|(_, f)| f.1 > 0) {
            println!("with {} fixed: {reached} of {of}", spec.name);
        }
        println!(
            "time of a fit: mean {:.1} ms, longest {:.1} ms",
            mean(self.elapsed.as_micros() as u64) / 1e3,
            self.slowest.as_secs_f64() * 1e3
        );
        println!(
            "sweeps of a fit: {:.1} full, {:.1} coarse",
            mean(self.full_sweeps),
            mean(self.coarse_sweeps)
        );
        for (spec, (within, of)) in parameters.iter().zip(&self.within) {
            println!("within 4 standard errors: {} {within} of {of}", spec.name);
        }
    }
}

const PICTURES: PictureSize = PictureSize { pixels: 64 };

fn setup(mode: Mode, frames: usize) -> String {
    format!("mode: {mode}\nframes: {frames}\ndt: 0.1\nq: 0.0054\ngap: 2.0e6\n")
}

/// `count` azimuths from 0 to `last`, degrees.
fn azimuths(count: usize, last: f64) -> Vec<f64> {
    (0..count).map(|k| last * k as f64 / (count - 1).max(1) as f64).collect()
}

/// A value of the prior inside the bounds.
fn draw(spec: &ParameterSpec, generator: &mut Generator) -> f64 {
    loop {
        let z = generator.normal();
        let value = match spec.prior {
            Prior::Normal { mean, sd } => mean + sd * z,
            Prior::LogNormal { median, decades } => median * 10f64.powf(decades * z),
            _ => unreachable!("the table has normal and log-normal priors"),
        };
        if (spec.lower..=spec.upper).contains(&value) {
            return value;
        }
    }
}

/// Whether the data carry a decay, by the rule of the truths.
fn tells(experiment: &Experiment, truths: Truths) -> bool {
    let frames = experiment.times().len();
    let between = |bin: usize, i: usize, j: usize| {
        let mut m = [0.0];
        experiment.correlation(bin, i, j..j + 1, &mut m);
        m[0]
    };
    let bins = 0..experiment.config().phi.len();
    let neighbours = |bin: usize| {
        (1..frames - 1).map(|i| between(bin, i, i + 1)).sum::<f64>() / (frames - 2) as f64
    };
    let mut bins = bins;
    match truths {
        Truths::Resolved => {
            let resolved =
                |bin| between(bin, 1, frames - 1) <= NO_DECAY && neighbours(bin) >= RESOLVED;
            experiment.floored_frames() == 0
                && experiment.clipped_frames() == 0
                && !aliased(experiment)
                && bins.all(resolved)
        }
        Truths::Prior => {
            bins.clone().any(|bin| between(bin, 1, frames - 1) <= NO_DECAY)
                && bins.any(|bin| neighbours(bin) >= ALL_DECAYED)
        }
    }
}

/// Whether an oscillation turns by more than half a turn from one frame to the next.
fn aliased(experiment: &Experiment) -> bool {
    let sim = experiment.config();
    let value = |name| sim.parameters.get(name).copied().unwrap_or(0.0);
    let turn = |t: f64| {
        let velocity = value("v0") * t.powf(value("beta")) + value("v_offset");
        (sim.q.values()[0] * velocity * sim.dt).abs()
    };
    sim.mode == Mode::TwoComponent && experiment.times().iter().skip(1).any(|t| turn(*t) > PI)
}

/// Values by name, as in `alpha=0,D_offset=0`.
fn held(words: &str) -> Outcome<Vec<(String, f64)>> {
    let one = |word: &str| {
        let (name, value) = word.split_once('=').ok_or(format!("{word}: no value"))?;
        Ok((name.to_owned(), value.parse()?))
    };
    words.split(',').map(one).collect()
}

fn plan(sim: &SimConfig, overrides: &[Override]) -> Outcome<Plan> {
    // The error bars of independent noise take no time; a simpler law lies above the minimum.
    let yaml = format!(
        "mode: {}\ndata: {{file: simulated}}\ngeometry: {{gap: 2.0e6}}\n\
         uncertainty: {{method: information}}\nfit: {{law: full}}\n",
        sim.mode
    );
    let config = FitConfig::from_yaml(&yaml, "recovery.yaml", overrides)?;
    Ok(Plan::resolve(config, &simulated_catalog(sim))?)
}

fn matrices(experiment: &Experiment, plan: &Plan, lanes: &Lanes) -> Outcome<Matrices> {
    let triangles = plan
        .positions
        .iter()
        .map(|bin| Ok(experiment.matrix(*bin, lanes)?.triangle))
        .collect::<Outcome<Vec<_>>>()?;
    Ok(Matrices::new(triangles, plan.skip()))
}

/// Notes when the search ended, that is when the last level began.
#[derive(Default)]
struct Clock {
    fit_began: Mutex<Option<Instant>>,
    iterations: Mutex<u32>,
}

impl Observer for Clock {
    fn event(&self, event: &Event) -> Flow {
        if let Event::Iteration { .. } = event {
            let mut began = self.fit_began.lock().unwrap_or_else(PoisonError::into_inner);
            began.get_or_insert_with(Instant::now);
            *self.iterations.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        }
        Flow::Continue
    }
}

fn run_large(lanes: &Lanes) -> Outcome<()> {
    let yaml = format!(
        "{}phi: {:?}\nparameters: {{D0: 3000, alpha: -0.4, D_offset: 100, gamma_dot_t0: 0.002, \
         beta: -0.3, gamma_dot_t_offset: 1.0e-4, phi0: 4}}\ncontrast: 0.3\n\
         noise: {{kind: gaussian, sigma: 0.02, seed: 1}}\n",
        setup(Mode::LaminarFlow, 1000),
        azimuths(23, 176.0),
    );
    let experiment = Experiment::try_new(SimConfig::from_yaml(&yaml, "recovery.yaml", &[])?)?;
    let plan = plan(experiment.config(), &[])?;
    let matrices = matrices(&experiment, &plan, lanes)?;
    for _ in 0..3 {
        time_large(&plan, &matrices, lanes)?;
    }
    Ok(())
}

fn time_large(plan: &Plan, matrices: &Matrices, lanes: &Lanes) -> Outcome<()> {
    let (cancel, clock) = (Cancel::new(), Clock::default());
    let resources = Resources::new(lanes, &Solo, &cancel);
    let start = Instant::now();
    let data = Data::survey(plan, matrices.clone(), resources)?;
    let fitted = fit(plan, &data, resources, PICTURES, &clock)?;
    let total = start.elapsed();
    let began = clock.fit_began.into_inner()?.unwrap_or(start);
    let outcome = &fitted.outcome;
    println!(
        "total {:.0} ms: before the last level {:.0} ms; evaluations by level {:?}; {} full and \
         {} coarse sweeps; {} basins; {:?}",
        total.as_secs_f64() * 1e3,
        began.duration_since(start).as_secs_f64() * 1e3,
        outcome.evaluations,
        fitted.full_sweeps,
        fitted.coarse_sweeps,
        outcome.basins.len(),
        outcome.fit.termination,
    );
    println!("  found {:.5?}", outcome.fit.theta);
    Ok(())
}
