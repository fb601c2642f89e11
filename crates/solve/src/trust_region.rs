//! Bounded trust region: from a start to the nearest minimum inside the bounds.

use dyne_runtime::{Event, Flow, Observer};

use crate::curve::follow;
use crate::error::{EvaluationError, SolveError};
use crate::normal::{NormalEquations, Reduced};
use crate::objective::Objective;
use crate::termination::Termination;
use crate::transform::Transform;

mod options;
mod parabola;
mod promised;

pub use options::Options;
use parabola::Parabola;
pub(crate) use promised::promised;

/// A step is accepted when it gains more than this fraction of what the model predicts.
const ACCEPT: f64 = 1e-4;
/// Below this ratio of actual to predicted gain the region shrinks.
const POOR: f64 = 0.25;
/// Above this ratio it grows.
const GOOD: f64 = 0.75;

/// Where an optimiser ended and why.
#[derive(Debug, Clone)]
pub struct Fit {
    /// Shared parameters θ, length p.
    pub theta: Vec<f64>,
    /// Free variables x, length f.
    pub x: Vec<f64>,
    /// Normal equations at that point; they hold the linear parameters and the cost.
    pub equations: NormalEquations,
    /// Why it ended.
    pub termination: Termination,
    /// Evaluations, the start and refused steps included.
    pub evaluations: u64,
    /// Steps accepted.
    pub accepted: u64,
    /// Steps refused, those that were not finite included.
    pub refused: u64,
    /// Trial points that were not finite.
    pub non_finite: u64,
    /// Projected gradient, the quantity that `gtol` is compared with.
    pub gradient: f64,
}

impl Fit {
    /// Cost at the end.
    pub fn cost(&self) -> f64 {
        self.equations.cost()
    }

    /// Linear parameters z at the end.
    pub fn linear(&self) -> &[f64] {
        self.equations.linear()
    }
}

/// Minimises the cost from `start` (θ, length p) inside the bounds of `transform`.
///
/// **Method.** At a point with reduced normal equations H, g (linear parameters eliminated, in free
/// variables) the step is the exact minimum of $g^T d + \tfrac12 d^T H d$ over the box
/// $|d_i| \le \Delta/D_i$, $l \le x + d \le u$; $D_i$ is the running maximum of $\sqrt{H_{ii}}$. With
/// ρ the ratio of actual to predicted gain: accepted above 1e-4; Δ shrinks to 0.1 … 0.5 of the step
/// (minimum of the parabola through slope and trial cost) below 0.25, doubles above 0.75 if it
/// restricted the step; a trial that is not finite shrinks it to a quarter of the step. The linear
/// parameters take the joint step by back-substitution. A step ends where [`Objective::advance`]
/// leads, which is the same to first order; variables that meet a bound end on it, the others where
/// the curve leads that is left to them.
///
/// **Why a box.** Its intersection with the bounds is a box again, so the subproblem is solved
/// exactly, also at bounds and corners, with no reflection or interior heuristics; a rank-deficient
/// H needs no special case; and the step does not depend on the units of the parameters.
///
/// **Edges.** A gain below [`NormalEquations::resolution`] is below the rounding of the cost and ends
/// the run. If every step is refused the run ends as [`Termination::RadiusCollapsed`], which is not
/// convergence. Trials that are not finite are bounded the same way: 27 quarterings in a row take the
/// region to the rounding of x. Without free parameters only the linear ones are solved for.
///
/// **Cost.** One evaluation per trial, O(p³) besides, and one [`Objective::project`].
///
/// # Errors
/// [`SolveError::Option`], [`SolveError::Length`], [`SolveError::StartOutside`],
/// [`SolveError::StartNotFinite`], [`SolveError::Evaluation`]; [`SolveError::Interrupted`] when
/// stopped within the first evaluation. Later interruptions end with [`Termination::Stopped`].
///
/// **Source.** Moré, in Numerical Analysis, Lecture Notes in Mathematics 630 (1978) 105,
/// doi:10.1007/BFb0067700, for scaling and tests; Conn, Gould and Toint, Trust-Region Methods (2000),
/// section 7.5, for the box. Deviations: the tests count only for steps that the region does not
/// restrict, and the gain has a floor at the rounding of the cost.
///
/// **Checked by** `tests/it`: `bounds`, `classic`, `decay`, `scipy`.
pub fn minimise(
    objective: &dyn Objective,
    transform: &Transform,
    start: &[f64],
    options: &Options,
    observer: &dyn Observer,
) -> Result<Fit, SolveError> {
    options.check()?;
    let mut run = Run::begin(objective, transform, start, options, observer)?;
    let stopped = run.tell(true) == Flow::Stop;
    let termination = loop {
        if stopped {
            break Termination::Stopped;
        }
        if run.gradient() <= options.gtol {
            break Termination::Gradient;
        }
        if run.counts.evaluations >= options.max_evaluations {
            break Termination::SweepLimit;
        }
        let step = run.propose();
        if run.is_collapsed(&step) {
            break Termination::RadiusCollapsed;
        }
        if let Some(end) = run.attempt(&step)? {
            break end;
        }
    };
    Ok(run.into_fit(termination))
}

/// Normal equations at a point, reduced and in free variables.
struct Point {
    x: Vec<f64>,
    theta: Vec<f64>,
    equations: NormalEquations,
    reduced: Reduced,
    hessian: Vec<f64>,
    gradient: Vec<f64>,
}

impl Point {
    fn evaluate(
        objective: &dyn Objective,
        transform: &Transform,
        x: Vec<f64>,
        linear: &[f64],
    ) -> Result<Self, EvaluationError> {
        let theta = transform.theta(&x);
        if !theta.iter().chain(linear).all(|value| value.is_finite()) {
            return Err(EvaluationError::NonFinite("the step".into()));
        }
        let equations = objective.evaluate(&theta, linear)?;
        if !equations.is_finite() {
            return Err(EvaluationError::NonFinite("normal equations".into()));
        }
        let reduced = equations.reduce()?;
        let hessian = transform.hessian(&theta, reduced.hessian());
        let gradient = transform.gradient(&theta, reduced.gradient());
        Ok(Self { x, theta, equations, reduced, hessian, gradient })
    }

    fn diagonal(&self, i: usize) -> f64 {
        self.hessian[i * (self.x.len() + 1)]
    }
}

/// A step that is proposed.
struct Step {
    x: Vec<f64>,
    linear: Vec<f64>,
    /// Gain that the quadratic model promises.
    predicted: f64,
    /// Gain that its slope alone promises.
    slope: f64,
    /// max D|d|.
    length: f64,
    /// Whether the trust region cut it short.
    restricted: bool,
}

#[derive(Default)]
struct Counts {
    evaluations: u64,
    accepted: u64,
    refused: u64,
    non_finite: u64,
}

struct Run<'a> {
    objective: &'a dyn Objective,
    transform: &'a Transform,
    options: &'a Options,
    observer: &'a dyn Observer,
    point: Point,
    /// Running maximum of √H_ii; 0 for a variable that never had an effect.
    scale: Vec<f64>,
    radius: f64,
    counts: Counts,
    last_refused: bool,
}

impl<'a> Run<'a> {
    fn begin(
        objective: &'a dyn Objective,
        transform: &'a Transform,
        start: &[f64],
        options: &'a Options,
        observer: &'a dyn Observer,
    ) -> Result<Self, SolveError> {
        let (expected, found) = (objective.shared(), transform.shared());
        if expected != found {
            return Err(SolveError::Length { what: "slots of the transform", expected, found });
        }
        let x = transform.free_variables(start)?;
        let theta = transform.theta(&x);
        let point = objective
            .project(&theta)
            .and_then(|linear| Point::evaluate(objective, transform, x, &linear))
            .map_err(|error| match error {
                EvaluationError::NonFinite(reason) => SolveError::StartNotFinite { theta, reason },
                EvaluationError::Interrupted => SolveError::Interrupted,
                EvaluationError::Fatal(source) => SolveError::Evaluation(source),
            })?;
        let scale = vec![0.0; point.x.len()];
        let counts = Counts { evaluations: 1, ..Counts::default() };
        let (radius, last_refused) = (0.0, false);
        let mut run = Self {
            objective,
            transform,
            options,
            observer,
            point,
            scale,
            radius,
            counts,
            last_refused,
        };
        run.rescale();
        let natural = run.size().max((2.0 * run.point.equations.cost()).sqrt());
        run.radius = options.initial_radius * natural;
        Ok(run)
    }

    fn rescale(&mut self) {
        for i in 0..self.scale.len() {
            self.scale[i] = self.scale[i].max(self.point.diagonal(i).max(0.0).sqrt());
        }
    }

    /// Scale D of a variable; 1 where it never had an effect.
    fn scale(&self, i: usize) -> f64 {
        if self.scale[i] > 0.0 { self.scale[i] } else { 1.0 }
    }

    /// max D·size.
    fn size(&self) -> f64 {
        (0..self.scale.len())
            .map(|i| self.scale(i) * self.transform.size(i, self.point.x[i]))
            .fold(0.0, f64::max)
    }

    /// Largest projected cosine between a column of the Jacobian and the residuals.
    fn gradient(&self) -> f64 {
        let norm = (2.0 * self.point.equations.cost()).sqrt();
        if norm == 0.0 {
            return 0.0;
        }
        let (lower, upper) = (self.transform.lower(), self.transform.upper());
        let mut largest = self.point.equations.linear_gradient();
        for (i, &g) in self.point.gradient.iter().enumerate() {
            let x = self.point.x[i];
            let held = (x <= lower[i] && g > 0.0) || (x >= upper[i] && g < 0.0);
            let diagonal = self.point.diagonal(i);
            if !held && diagonal > 0.0 {
                largest = largest.max(g.abs() / diagonal.sqrt());
            }
        }
        largest / norm
    }

    fn propose(&self) -> Step {
        let n = self.point.x.len();
        let d: Vec<f64> = (0..n).map(|i| self.scale(i)).collect();
        let around = (&self.point.hessian[..], &self.point.gradient[..]);
        let parabola = Parabola::new(around, &self.point.x, &d, self.transform);
        let u = parabola.step(self.radius);
        let (to_lower, to_upper) = (&parabola.to_lower, &parabola.to_upper);
        let x: Vec<f64> = (0..n)
            .map(|i| match u[i] {
                u if u <= to_lower[i] => self.transform.lower()[i],
                u if u >= to_upper[i] => self.transform.upper()[i],
                u => (self.point.x[i] + u / d[i])
                    .clamp(self.transform.lower()[i], self.transform.upper()[i]),
            })
            .collect();
        let [slope, curvature] = parabola.slope_and_curvature(&u);
        let gained_alone = self.point.reduced.linear_decrease();
        Step {
            linear: self.linear_after(&x),
            x: self.curved(x),
            predicted: slope - 0.5 * curvature + gained_alone,
            slope: slope + 2.0 * gained_alone,
            length: u.iter().fold(0.0, |m: f64, u| m.max(u.abs())),
            restricted: (0..n).any(|i| {
                let inside = u[i] > to_lower[i] && u[i] < to_upper[i];
                inside && u[i].abs() >= self.radius
            }),
        }
    }

    /// The end of the objective's curve instead of that of the straight step to `x`.
    fn curved(&self, x: Vec<f64>) -> Vec<f64> {
        let Point { theta, x: old, .. } = &self.point;
        let rest = vec![false; x.len()];
        follow(self.objective, self.transform, theta, old, x, &rest)
    }

    /// Linear parameters that go with the free variables `x`, by back-substitution.
    fn linear_after(&self, x: &[f64]) -> Vec<f64> {
        let dx: Vec<f64> = x.iter().zip(&self.point.x).map(|(new, old)| new - old).collect();
        let d_theta = self.transform.direction(&self.point.theta, &dx);
        let step = self.point.reduced.linear_step(&d_theta);
        self.point.equations.linear().iter().zip(step).map(|(z, dz)| z + dz).collect()
    }

    /// Whether refusals have shrunk the region to where nothing can be gained.
    fn is_collapsed(&self, step: &Step) -> bool {
        let unresolved = step.predicted <= self.point.equations.resolution();
        self.radius <= f64::EPSILON * self.size()
            || (self.last_refused && step.restricted && unresolved)
    }

    /// Evaluates a step, takes or refuses it, and says whether that ends the run.
    fn attempt(&mut self, step: &Step) -> Result<Option<Termination>, SolveError> {
        let trial = Point::evaluate(self.objective, self.transform, step.x.clone(), &step.linear);
        let trial = match trial {
            Ok(point) => Some(point),
            Err(EvaluationError::NonFinite(_)) => None,
            Err(EvaluationError::Interrupted) => return Ok(Some(Termination::Stopped)),
            Err(EvaluationError::Fatal(source)) => return Err(SolveError::Evaluation(source)),
        };
        self.counts.evaluations += 1;
        let Some(trial) = trial else {
            self.counts.non_finite += 1;
            self.radius = 0.25 * step.length.min(self.radius);
            return Ok(self.refuse());
        };
        let cost = self.point.equations.cost();
        let actual = cost - trial.equations.cost();
        let resolution = self.point.equations.resolution();
        let resolved = step.predicted > resolution;
        let accepted =
            if resolved { actual > ACCEPT * step.predicted } else { actual >= -resolution };
        let end = self.test(step, actual, accepted, resolved);
        self.resize(step, if resolved || !accepted { actual / step.predicted } else { 1.0 });
        if !accepted {
            return Ok(self.refuse().or(end));
        }
        self.point = trial;
        self.rescale();
        self.last_refused = false;
        self.counts.accepted += 1;
        let stop = (self.tell(true) == Flow::Stop).then_some(Termination::Stopped);
        Ok(end.or(stop))
    }

    /// Termination tests of a step; the point is still the one it started from.
    fn test(
        &self,
        step: &Step,
        actual: f64,
        accepted: bool,
        resolved: bool,
    ) -> Option<Termination> {
        if step.restricted {
            return None;
        }
        let small = self.options.ftol * self.point.equations.cost();
        let xtol = self.options.xtol;
        if !resolved {
            Some(Termination::Resolution)
        } else if step.predicted <= small && actual.abs() <= small {
            Some(Termination::Cost)
        } else if accepted && step.length <= xtol * (xtol + self.size()) {
            Some(Termination::Step)
        } else {
            None
        }
    }

    fn resize(&mut self, step: &Step, ratio: f64) {
        if ratio < POOR || ratio.is_nan() {
            let rise = step.slope - ratio * step.predicted;
            let shortened = if rise > 0.0 { 0.5 * step.slope / rise } else { 0.5 };
            self.radius = shortened.clamp(0.1, 0.5) * step.length.min(self.radius);
        } else if ratio > GOOD && step.restricted {
            self.radius *= 2.0;
        }
    }

    fn refuse(&mut self) -> Option<Termination> {
        self.counts.refused += 1;
        self.last_refused = true;
        (self.tell(false) == Flow::Stop).then_some(Termination::Stopped)
    }

    fn tell(&self, accepted: bool) -> Flow {
        let (evaluation, cost) = (self.counts.evaluations, self.point.equations.cost());
        self.observer.event(&Event::Iteration { evaluation, cost, accepted })
    }

    fn into_fit(self, termination: Termination) -> Fit {
        let gradient = self.gradient();
        let Counts { evaluations, accepted, refused, non_finite } = self.counts;
        let Point { x, theta, equations, .. } = self.point;
        Fit {
            theta,
            x,
            equations,
            termination,
            evaluations,
            accepted,
            refused,
            non_finite,
            gradient,
        }
    }
}
