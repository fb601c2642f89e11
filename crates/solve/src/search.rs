//! Global search: many starts on coarse data, the best minima refined on finer ones.

use dyne_runtime::{Lanes, Observer, Stream};

use crate::curve::brought_inside;
use crate::error::{EvaluationError, SolveError};
use crate::objective::Objective;
use crate::termination::Termination;
use crate::transform::Transform;
use crate::trust_region::{Fit, Options, minimise, promised};

mod basin;
mod cmaes;
mod relay;
mod rescue;
mod sequence;

use basin::{Candidate, cluster};
use relay::Relay;
use sequence::Sequence;

/// Basins whose cost is within this fraction of the best one are compared at the last level,
const RIVAL: f64 = 0.05;
/// unless the rise is more than so many units of the variance of a residual, so that the noise
/// cannot be its cause.
const RIVAL_RISE: f64 = 100.0;
/// Rounds of the comparison: so many basins at most, each with so many evaluations.
const RIVAL_ROUNDS: [(usize, u64); 2] = [(8, 3), (3, 12)];
/// A basin goes on only where so many times the gain that its parabola promises would make it the best.
const HOPE: f64 = 10.0;
/// Basins whose images are refined at the levels between the first and the last.
const IMAGED: usize = 4;
/// Basins around which the data are scanned at the first level,
const SCANNED: usize = 3;
/// and one where there are no more free variables than this.
const FEW_VARIABLES: usize = 8;
/// Costs below this fraction of the median start count as equal to it when minima are compared.
const COST_FLOOR: f64 = 1e-6;

pub use rescue::FEW_PAIRS;

/// Map from a point of the unit cube, one coordinate per free parameter, to θ (length p).
pub type FromCube<'a> = dyn Fn(&[f64]) -> Vec<f64> + Sync + 'a;

/// What is searched.
pub struct Search<'a> {
    /// Objectives from coarse to fine, at least one, with the same shared parameters. All but the
    /// last are evaluated from several lanes at once.
    pub levels: &'a [&'a dyn Objective],
    /// Free, fixed and tied parameters.
    pub transform: &'a Transform,
    /// Where a point of the unit cube lies among the parameters; values outside the bounds are
    /// moved onto them.
    pub from_cube: &'a FromCube<'a>,
    /// Starting values (θ, length p) that are refined whatever their cost.
    pub given: &'a [Vec<f64>],
    /// Lanes over which the starts are spread.
    pub lanes: &'a Lanes,
}

/// Where the points come from that are screened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SearchMethod {
    /// A low-discrepancy sequence.
    #[default]
    Starts,
    /// The best points of an evolution strategy with covariance matrix adaptation (CMA-ES) at the
    /// coarsest level, restarted three times with twice the population.
    Cmaes,
}

/// How widely and how closely is searched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SearchOptions {
    /// Where the points come from.
    pub method: SearchMethod,
    /// Points of the sequence that are screened by their cost; at 0 the given ones serve alone,
    /// whatever the method.
    pub starts: usize,
    /// How many of the best of them are refined at the coarsest level.
    pub refine: usize,
    /// How many basins at most go on to the next level; at least 1.
    pub promote: usize,
    /// Seed of the sequence.
    pub seed: u64,
    /// Relative difference of cost up to which minima can belong to one basin.
    pub basin: f64,
    /// `ftol`, `xtol` and `gtol` at the coarsest level; they tighten geometrically to those of `fit`.
    pub coarse_tolerance: f64,
    /// Limit of evaluations of one refinement before the last level.
    pub coarse_evaluations: u64,
    /// Tolerances and limits at the last level.
    pub fit: Options,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            method: SearchMethod::Starts,
            starts: 64,
            refine: 16,
            promote: 10,
            seed: 0,
            basin: 1e-2,
            coarse_tolerance: 1e-4,
            coarse_evaluations: 60,
            fit: Options::default(),
        }
    }
}

/// A minimum and the starts that led to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Basin {
    /// Shared parameters at the minimum.
    pub theta: Vec<f64>,
    /// Cost at the level named.
    pub cost: f64,
    /// The finest level at which it was refined.
    pub level: usize,
    /// Refined starts that ended in it.
    pub starts: usize,
}

/// What a search found.
#[derive(Debug, Clone)]
pub struct SearchOutcome {
    /// The best minimum.
    pub fit: Fit,
    /// Level at which `fit` was made: the last one, unless the search was stopped.
    pub level: usize,
    /// All basins: those that went furthest first, then by cost. The first is that of `fit`.
    pub basins: Vec<Basin>,
    /// Evaluations at each level.
    pub evaluations: Vec<u64>,
    /// Starts tried, given ones included.
    pub starts: usize,
    /// Starts with a finite cost.
    pub finite: usize,
}

/// Looks for the deepest minimum inside the bounds.
///
/// **Method.** (1) Starts: the given ones and a low-discrepancy sequence in the unit cube (additive
/// recurrence R_d, shifted by the seed), or the best points of CMA-ES in that cube. (2) All are screened by their cost at the coarsest level; the
/// given and the best `refine` ones are refined there with loose tolerances. (3) Minima that belong
/// together are merged into basins: costs that differ by at most `basin` and a distance, measured by
/// the information matrix, of no more. The images ([`Objective::images`]) of the best `promote` of
/// them are refined beside them, unless the given starts serve alone. (4) The best `promote` basins go up level by level, with tightening
/// tolerances, and the images of the best four are refined again. (5) At the last level up to eight basins that the level before cannot tell from the
/// best (a rise of at most 5 %, and of 100 units of the variance of a residual) take a few steps
/// each, the best three of them some more unless ten times what their parabolas promise leaves them above
/// the best; that one is fitted to the final tolerances. (6) From the
/// fit jumps to its images and alternatives ([`Objective::alternatives`]) are tried, at the coarsest
/// level where the last has many pairs, and a deeper minimum takes its place.
///
/// Between (3) and its images, scans of the data around the best three basins ([`Objective::scan`])
/// give further points to refine.
///
/// **Determinism.** The outcome does not depend on the number of lanes: starts are independent of
/// each other and are collected in order. Ties are broken by order.
///
/// **Edges.** Starts without a finite cost are dropped and counted. With one level it serves for
/// search and fit. When stopped before the last level, `fit` is the best point of the level
/// reached and ends as [`Termination::Stopped`].
///
/// **Cost.** `starts` (CMA-ES: some thousands) + (`refine` + `promote`)·(some 10) coarse evaluations; at the last level some 10,
/// and up to 68 more where several basins must be compared there.
///
/// # Errors
/// [`SolveError::Option`], [`SolveError::NoStart`], [`SolveError::StartOutside`] for a given start,
/// [`SolveError::Interrupted`] when stopped during the screening, and those of [`minimise`].
///
/// **Checked by** `tests/it/search.rs`.
pub fn search(
    problem: &Search<'_>,
    options: &SearchOptions,
    observer: &dyn Observer,
) -> Result<SearchOutcome, SolveError> {
    check(problem, options)?;
    let relay = Relay::new(observer);
    let mut work = Work {
        problem,
        options,
        relay: &relay,
        evaluations: vec![0; problem.levels.len()],
        settled: Vec::new(),
        floor: 0.0,
    };
    let starts = work.starts()?;
    let (chosen, finite) = work.screen(&starts)?;
    let last = problem.levels.len() - 1;
    let mut level = 0;
    let fresh = chosen.into_iter().map(|theta| (theta, 1)).collect();
    let mut basins = work.refine(level, fresh)?;
    if !relay.is_stopped() {
        basins = work.with_scans(level, basins)?;
    }
    if !relay.is_stopped() {
        basins = work.with_images(level, basins, options.promote)?;
    }
    while level + 1 < last && !relay.is_stopped() {
        let promoted = work.promote(level, basins);
        let points = promoted.iter().map(|b| (b.fit.theta.clone(), b.starts)).collect();
        match work.refine(level + 1, points) {
            Err(SolveError::Interrupted) => basins = promoted,
            refined => {
                level += 1;
                basins = refined?;
                if !relay.is_stopped() {
                    basins = work.with_images(level, basins, IMAGED)?;
                }
            }
        }
    }
    let starts = starts.len();
    if relay.is_stopped() {
        return Ok(work.stopped(level, basins, starts, finite));
    }
    let rivals = work.promote(level, basins);
    match work.finish(observer, &rivals) {
        Err(SolveError::Interrupted) => Ok(work.stopped(level, rivals, starts, finite)),
        Err(other) => Err(other),
        Ok((fit, compared)) => {
            let fit = work.rescued(observer, fit)?;
            Ok(work.outcome(fit, compared, starts, finite))
        }
    }
}

fn check(problem: &Search<'_>, options: &SearchOptions) -> Result<(), SolveError> {
    options.fit.check()?;
    let at_least_one = |name, value: usize| {
        let expected = "at least 1";
        if value == 0 { Err(SolveError::Option { name, value: 0.0, expected }) } else { Ok(()) }
    };
    at_least_one("levels", problem.levels.len())?;
    at_least_one("promote", options.promote)?;
    at_least_one("starts", options.starts + problem.given.len())?;
    at_least_one("refine", options.refine + problem.given.len())?;
    at_least_one("coarse_evaluations", usize::from(options.coarse_evaluations > 0))?;
    for (name, value) in [("basin", options.basin), ("coarse_tolerance", options.coarse_tolerance)]
    {
        if !(value > 0.0 && value < 1.0) {
            return Err(SolveError::Option { name, value, expected: "above 0 and below 1" });
        }
    }
    Ok(())
}

struct Work<'a> {
    problem: &'a Search<'a>,
    options: &'a SearchOptions,
    relay: &'a Relay<'a>,
    evaluations: Vec<u64>,
    /// Basins that were left behind.
    settled: Vec<Basin>,
    /// Cost below which differences do not matter.
    floor: f64,
}

impl Work<'_> {
    /// Given starts, then those of the method.
    fn starts(&mut self) -> Result<Vec<Vec<f64>>, SolveError> {
        let transform = self.problem.transform;
        let sequence = Sequence::new(transform.free().len(), self.options.seed);
        let mut starts = Vec::new();
        for theta in self.problem.given {
            starts.push(transform.theta(&transform.free_variables(theta)?));
        }
        let points: Vec<Vec<f64>> = match self.options.method {
            SearchMethod::Cmaes if self.options.starts > 0 => self.evolved()?,
            _ => (0..self.options.starts as u64).map(|k| sequence.point(k)).collect(),
        };
        for point in points {
            starts.push(transform.clamped(&(self.problem.from_cube)(&point))?);
        }
        Ok(starts)
    }

    /// The best points of CMA-ES in the unit cube, by the cost at the coarsest level.
    fn evolved(&mut self) -> Result<Vec<Vec<f64>>, SolveError> {
        let (transform, from_cube) = (self.problem.transform, self.problem.from_cube);
        let stream = Stream::new(self.options.seed).split("cma-es");
        cmaes::best_points(transform.free().len(), &stream, &mut |cube| {
            let points: Vec<Vec<f64>> =
                cube.iter().map(|u| transform.clamped(&from_cube(u))).collect::<Result<_, _>>()?;
            let costs = self.costs(0, &points)?;
            if self.relay.is_stopped() { Err(SolveError::Interrupted) } else { Ok(costs) }
        })
    }

    /// Starts to refine, and the number of those with a finite cost.
    fn screen(&mut self, starts: &[Vec<f64>]) -> Result<(Vec<Vec<f64>>, usize), SolveError> {
        let mut costs: Vec<(usize, f64)> =
            self.costs(0, starts)?.into_iter().enumerate().filter(|(_, c)| c.is_finite()).collect();
        if self.relay.is_stopped() {
            return Err(SolveError::Interrupted);
        }
        if costs.is_empty() {
            return Err(SolveError::NoStart { tried: starts.len() });
        }
        let finite = costs.len();
        costs.sort_by(|a, b| a.1.total_cmp(&b.1));
        self.floor = COST_FLOOR * costs[finite / 2].1;
        let given = self.problem.given.len();
        let hints = costs.iter().filter(|(index, _)| *index < given);
        let others = costs.iter().filter(|(index, _)| *index >= given).take(self.options.refine);
        let chosen = hints.chain(others).map(|(index, _)| starts[*index].clone()).collect();
        Ok((chosen, finite))
    }

    /// Cost of every point at a level; infinite where there is none.
    fn costs(&mut self, level: usize, points: &[Vec<f64>]) -> Result<Vec<f64>, SolveError> {
        let objective = self.problem.levels[level];
        self.evaluations[level] += points.len() as u64;
        let costs = self.problem.lanes.map(points, |theta| {
            if self.relay.is_stopped() {
                return Ok(f64::INFINITY);
            }
            self.relay.tick();
            cost(objective, theta)
        });
        costs.into_iter().collect()
    }

    /// Refines points, each with its count of starts, at a level and merges what belongs together.
    fn refine(
        &mut self,
        level: usize,
        points: Vec<(Vec<f64>, usize)>,
    ) -> Result<Vec<Candidate>, SolveError> {
        let (objective, transform) = (self.problem.levels[level], self.problem.transform);
        let options = self.tolerances(level);
        let fits = self.problem.lanes.map(&points, |(theta, starts)| {
            let fit = minimise(objective, transform, theta, &options, self.relay)?;
            Ok::<_, SolveError>(Candidate { fit, starts: *starts })
        });
        let mut candidates = Vec::new();
        for result in fits {
            match result {
                Ok(candidate) => {
                    self.evaluations[level] += candidate.fit.evaluations;
                    if candidate.fit.termination == Termination::Stopped {
                        self.relay.stop();
                    }
                    candidates.push(candidate);
                }
                Err(SolveError::StartNotFinite { .. }) => self.evaluations[level] += 1,
                Err(SolveError::Interrupted) => self.relay.stop(),
                Err(other) => return Err(other),
            }
        }
        if candidates.is_empty() && self.relay.is_stopped() {
            return Err(SolveError::Interrupted);
        }
        if candidates.is_empty() {
            return Err(SolveError::NoStart { tried: points.len() });
        }
        cluster(candidates, transform, self.options.basin, self.floor)
    }

    /// Adds the minima that scans around the best basins lead to.
    fn with_scans(
        &mut self,
        level: usize,
        basins: Vec<Candidate>,
    ) -> Result<Vec<Candidate>, SolveError> {
        if self.options.starts == 0 {
            return Ok(basins);
        }
        let (objective, transform) = (self.problem.levels[level], self.problem.transform);
        let many = transform.free().len() > FEW_VARIABLES;
        let count = if many { SCANNED } else { 1 };
        let best: Vec<Vec<f64>> =
            basins.iter().take(count).map(|basin| basin.fit.theta.clone()).collect();
        let scans = self.problem.lanes.map(&best, |theta| objective.scan(theta, transform));
        let mut points = Vec::new();
        for scan in scans {
            match scan {
                Ok(found) => {
                    for point in found {
                        points.push((brought_inside(objective, transform, &point)?, 0));
                    }
                }
                Err(EvaluationError::NonFinite(_)) => {}
                Err(EvaluationError::Interrupted) => self.relay.stop(),
                Err(EvaluationError::Fatal(source)) => return Err(SolveError::Evaluation(source)),
            }
        }
        if self.relay.is_stopped() {
            return Ok(basins);
        }
        self.with_points(level, basins, points)
    }

    /// Adds the minima that points lead to.
    fn with_points(
        &mut self,
        level: usize,
        basins: Vec<Candidate>,
        points: Vec<(Vec<f64>, usize)>,
    ) -> Result<Vec<Candidate>, SolveError> {
        let mut all = basins;
        if !points.is_empty() {
            match self.refine(level, points) {
                Ok(found) => all.extend(found),
                Err(SolveError::Interrupted | SolveError::NoStart { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        cluster(all, self.problem.transform, self.options.basin, self.floor)
    }

    /// Adds the minima that the images of the best `count` basins lead to.
    fn with_images(
        &mut self,
        level: usize,
        basins: Vec<Candidate>,
        count: usize,
    ) -> Result<Vec<Candidate>, SolveError> {
        let (objective, transform) = (self.problem.levels[level], self.problem.transform);
        let mut points = Vec::new();
        // Given starts alone say which of several like minima is meant.
        let count = if self.options.starts == 0 { 0 } else { count };
        for basin in basins.iter().take(count) {
            for image in objective.images(&basin.fit.theta) {
                let theta = brought_inside(objective, transform, &image)?;
                if theta != basin.fit.theta {
                    points.push((theta, 0));
                }
            }
        }
        self.with_points(level, basins, points)
    }

    /// Keeps the best basins as starts of the next level and notes the others.
    fn promote(&mut self, level: usize, mut basins: Vec<Candidate>) -> Vec<Candidate> {
        let left = basins.split_off(self.options.promote.min(basins.len()));
        self.note(level, &left);
        let best = basins[0].fit.cost();
        let to_last = level + 2 >= self.problem.levels.len();
        if to_last {
            let pairs = basins[0].fit.equations.pairs().max(1) as f64;
            let reach = best + RIVAL.min(2.0 * RIVAL_RISE / pairs) * best.max(self.floor);
            let close = basins.iter().take_while(|b| b.fit.cost() <= reach);
            let rivals = close.take(RIVAL_ROUNDS[0].0).count();
            let beaten = basins.split_off(rivals);
            self.note(level, &beaten);
        }
        basins
    }

    fn note(&mut self, level: usize, left: &[Candidate]) {
        let mut rows: Vec<Basin> = left.iter().map(|candidate| row(level, candidate)).collect();
        rows.append(&mut self.settled);
        self.settled = rows;
    }

    /// Chooses among the rivals at the last level and fits the best one. Returns the fit and the
    /// rivals with their cost at that level, the chosen one first.
    fn finish(
        &mut self,
        observer: &dyn Observer,
        rivals: &[Candidate],
    ) -> Result<(Fit, Vec<Basin>), SolveError> {
        let level = self.problem.levels.len() - 1;
        let objective = self.problem.levels[level];
        let compared = self.compared(rivals.iter().map(|rival| row(level, rival)).collect())?;
        let (transform, options) = (self.problem.transform, &self.options.fit);
        let fit = minimise(objective, transform, &compared[0].theta, options, observer)?;
        self.evaluations[level] += fit.evaluations;
        Ok((fit, compared))
    }

    /// Takes rivals some steps at the last level, fewer and fewer of them; best first.
    fn compared(&mut self, mut going: Vec<Basin>) -> Result<Vec<Basin>, SolveError> {
        let mut beaten = Vec::new();
        for (count, evaluations) in RIVAL_ROUNDS {
            if going.len() < 2 {
                break;
            }
            beaten.append(&mut going.split_off(count.min(going.len())));
            let mut hopes = Vec::new();
            for mut basin in going {
                let promised = self.approach(&mut basin, evaluations)?;
                hopes.push((basin.cost - HOPE * promised, basin));
            }
            hopes.sort_by(|(_, a), (_, b)| a.cost.total_cmp(&b.cost));
            let best = hopes[0].1.cost;
            let (kept, left): (Vec<_>, Vec<_>) =
                hopes.into_iter().partition(|(hope, _)| *hope <= best);
            going = kept.into_iter().map(|(_, basin)| basin).collect();
            beaten.extend(left.into_iter().map(|(_, basin)| basin));
        }
        going.append(&mut beaten);
        going.sort_by(|a, b| a.cost.total_cmp(&b.cost));
        Ok(going)
    }

    /// Takes a basin of the level before a few steps towards its minimum at the last level. Returns
    /// what its parabola promises to gain still.
    fn approach(&mut self, basin: &mut Basin, evaluations: u64) -> Result<f64, SolveError> {
        let level = self.problem.levels.len() - 1;
        let options = Options { max_evaluations: evaluations, ..self.options.fit };
        let (objective, transform) = (self.problem.levels[level], self.problem.transform);
        match minimise(objective, transform, &basin.theta, &options, self.relay) {
            Ok(fit) => {
                self.evaluations[level] += fit.evaluations;
                if fit.termination == Termination::Stopped {
                    return Err(SolveError::Interrupted);
                }
                let promised = promised(&fit, transform)?;
                (basin.cost, basin.theta) = (fit.cost(), fit.theta);
                Ok(promised)
            }
            Err(SolveError::StartNotFinite { .. }) => {
                basin.cost = f64::INFINITY;
                Ok(0.0)
            }
            Err(other) => Err(other),
        }
    }

    /// The outcome of a fit at the last level.
    fn outcome(
        mut self,
        fit: Fit,
        mut basins: Vec<Basin>,
        starts: usize,
        finite: usize,
    ) -> SearchOutcome {
        basins[0].theta.clone_from(&fit.theta);
        basins[0].cost = fit.cost();
        basins.append(&mut self.settled);
        let level = self.problem.levels.len() - 1;
        SearchOutcome { fit, level, basins, evaluations: self.evaluations, starts, finite }
    }

    /// The outcome when stopped before the last level.
    fn stopped(
        mut self,
        level: usize,
        basins: Vec<Candidate>,
        starts: usize,
        finite: usize,
    ) -> SearchOutcome {
        self.note(level, &basins);
        let mut fit = basins[0].fit.clone();
        fit.termination = Termination::Stopped;
        let (basins, evaluations) = (self.settled, self.evaluations);
        SearchOutcome { fit, level, basins, evaluations, starts, finite }
    }

    /// Tolerances of a level before the last: geometric from the coarse one to those of the fit.
    fn tolerances(&self, level: usize) -> Options {
        let last = self.problem.levels.len() - 1;
        let part = if last == 0 { 0.0 } else { level as f64 / last as f64 };
        let coarse = self.options.coarse_tolerance;
        let between = |fine: f64| {
            if fine < coarse && fine > 0.0 { coarse * (fine / coarse).powf(part) } else { coarse }
        };
        Options {
            ftol: between(self.options.fit.ftol),
            xtol: between(self.options.fit.xtol),
            gtol: between(self.options.fit.gtol),
            max_evaluations: self.options.coarse_evaluations,
            ..self.options.fit
        }
    }
}

fn row(level: usize, candidate: &Candidate) -> Basin {
    Basin {
        theta: candidate.fit.theta.clone(),
        cost: candidate.fit.cost(),
        level,
        starts: candidate.starts,
    }
}

/// Cost at a point; infinite where the model is not finite.
fn cost(objective: &dyn Objective, theta: &[f64]) -> Result<f64, SolveError> {
    let evaluated = objective.project(theta).and_then(|z| objective.evaluate(theta, &z));
    match evaluated {
        Ok(equations) if equations.cost().is_finite() => Ok(equations.cost()),
        Ok(_) | Err(EvaluationError::NonFinite(_)) => Ok(f64::INFINITY),
        Err(EvaluationError::Interrupted) => Err(SolveError::Interrupted),
        Err(EvaluationError::Fatal(source)) => Err(SolveError::Evaluation(source)),
    }
}
