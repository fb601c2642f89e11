//! Bounds, fixed and tied parameters, rank deficiency, interruption.

use std::sync::atomic::{AtomicU64, Ordering};

use dyne_runtime::{Event, Flow, Observer, Silent};
use dyne_solve::{
    EvaluationError, Gram, Layout, NormalEquations, Objective, Options, Scale, Slot, SolveError,
    Termination, Transform, assemble, minimise, project,
};

use crate::classic::rosenbrock;
use crate::explicit::{Explicit, decay_data, decay_model};

fn linear(lower: f64, upper: f64) -> Slot {
    Slot::Free { scale: Scale::Linear, lower, upper }
}

#[test]
fn the_solution_on_a_bound_is_exact() {
    // Rosenbrock with x ≤ 0.8: minimum at (0.8, 0.64), cost ½·0.2².
    let transform = Transform::try_new(&[linear(-2.0, 0.8), linear(-2.0, 2.0)]).unwrap();
    let fit =
        minimise(&rosenbrock(), &transform, &[-1.2, 1.0], &Options::default(), &Silent).unwrap();
    assert!(fit.termination.is_converged(), "{:?}", fit.termination);
    assert_eq!(fit.theta[0], 0.8);
    assert!((fit.theta[1] - 0.64).abs() < 1e-9);
    assert!((fit.cost() - 0.02).abs() < 1e-12);
}

#[test]
fn a_corner_is_a_solution_and_a_start_on_the_wrong_bound_is_left() {
    let transform = Transform::try_new(&[linear(-2.0, 0.5), linear(0.5, 2.0)]).unwrap();
    let fit =
        minimise(&rosenbrock(), &transform, &[0.1, 2.0], &Options::default(), &Silent).unwrap();
    assert!(fit.termination.is_converged(), "{:?}", fit.termination);
    assert_eq!(fit.theta, [0.5, 0.5]);
}

#[test]
fn fixed_and_tied_parameters_take_no_part() {
    // x2 tied to x1 on the line x2 = x1: the cost is ½(100 (x − x²)² + (1 − x)²), minimum at 1.
    let transform =
        Transform::try_new(&[linear(-3.0, 3.0), Slot::Tied { to: 0, factor: 1.0 }]).unwrap();
    let fit = minimise(&rosenbrock(), &transform, &[0.7, f64::NAN], &Options::default(), &Silent)
        .unwrap();
    assert!(fit.termination.is_converged() && fit.theta[0] == fit.theta[1]);
    assert!((fit.theta[0] - 1.0).abs() < 1e-8, "{:?}", fit.theta);
    let transform = Transform::try_new(&[Slot::Fixed(0.5), linear(-3.0, 3.0)]).unwrap();
    let fit =
        minimise(&rosenbrock(), &transform, &[9.0, 0.0], &Options::default(), &Silent).unwrap();
    assert!(fit.theta[0] == 0.5 && (fit.theta[1] - 0.25).abs() < 1e-12, "{:?}", fit.theta);
}

#[test]
fn nothing_free_leaves_the_linear_solution() {
    let problem = Explicit::new(2, Layout::individual(3), decay_data(3, 0.02), decay_model);
    let transform = Transform::try_new(&[Slot::Fixed(0.8), Slot::Fixed(1.3)]).unwrap();
    let fit = minimise(&problem, &transform, &[0.0, 0.0], &Options::default(), &Silent).unwrap();
    assert_eq!((fit.termination, fit.evaluations), (Termination::Gradient, 1));
    assert_eq!(fit.linear(), problem.project(&[0.8, 1.3]).unwrap());
}

#[test]
fn twins_share_the_step() {
    // Only the sum of the two rates is seen.
    let problem = Explicit::new(2, Layout::individual(2), decay_data(2, 0.0), |t, bin, k| {
        let (m, d) = decay_model(&[t[0] + t[1], 1.3], bin, k);
        (m, vec![d[0], d[0]])
    });
    let transform = Transform::try_new(&[linear(0.0, 5.0), linear(0.0, 5.0)]).unwrap();
    let fit = minimise(&problem, &transform, &[0.2, 0.4], &Options::default(), &Silent).unwrap();
    assert!(fit.termination.is_converged(), "{:?}", fit.termination);
    assert!((fit.theta[0] + fit.theta[1] - 0.8).abs() < 1e-8);
    // Nothing pulls along the difference.
    assert!((fit.theta[1] - fit.theta[0] - 0.2).abs() < 1e-3, "{:?}", fit.theta);
}

#[test]
fn a_constant_model_is_reported_as_deficient() {
    use dyne_solve::{Gram, project};
    // m = 1 for ten pairs of y = 0.4: contrast + offset = 0.4 is all that can be said.
    let packed = [10.0, 10.0, 4.0, 10.0, 4.0, 1.6];
    let gram = Gram::try_new(&packed, 0, 10).unwrap();
    let projection = project(&[gram], &Layout::individual(1)).unwrap();
    assert_eq!(projection.deficient, [0]);
    assert!((projection.linear[0] - 0.2).abs() < 1e-14);
    assert!((projection.linear[1] - 0.2).abs() < 1e-14);
}

struct StopAfter(u64);

impl Observer for StopAfter {
    fn event(&self, event: &Event) -> Flow {
        match event {
            Event::Iteration { evaluation, .. } if *evaluation >= self.0 => Flow::Stop,
            _ => Flow::Continue,
        }
    }
}

/// Fails in a chosen way from the n-th evaluation on.
struct Failing<'a> {
    inner: &'a Explicit,
    after: u64,
    error: fn() -> EvaluationError,
    count: AtomicU64,
}

impl Objective for Failing<'_> {
    fn shared(&self) -> usize {
        self.inner.shared()
    }
    fn layout(&self) -> &Layout {
        self.inner.layout()
    }
    fn project(&self, theta: &[f64]) -> Result<Vec<f64>, EvaluationError> {
        self.inner.project(theta)
    }
    fn evaluate(&self, theta: &[f64], linear: &[f64]) -> Result<NormalEquations, EvaluationError> {
        if self.count.fetch_add(1, Ordering::Relaxed) >= self.after {
            return Err((self.error)());
        }
        self.inner.evaluate(theta, linear)
    }
}

#[test]
fn stopping_keeps_the_best_point_and_failing_does_not_pretend() {
    let transform = Transform::try_new(&[linear(-2.0, 2.0), linear(-2.0, 2.0)]).unwrap();
    let (problem, options) = (rosenbrock(), Options::default());
    let start = [-1.2, 1.0];
    let fit = minimise(&problem, &transform, &start, &options, &StopAfter(4)).unwrap();
    assert_eq!((fit.termination, fit.evaluations), (Termination::Stopped, 4));
    assert!(fit.cost() < 12.1);
    let failing =
        |after, error| Failing { inner: &problem, after, error, count: AtomicU64::new(0) };
    let run = |f: &Failing<'_>| minimise(f, &transform, &start, &options, &Silent);
    let fit = run(&failing(5, || EvaluationError::Interrupted)).unwrap();
    assert_eq!((fit.termination, fit.evaluations), (Termination::Stopped, 5));
    assert!(matches!(
        run(&failing(0, || EvaluationError::Interrupted)),
        Err(SolveError::Interrupted)
    ));
    assert!(matches!(
        run(&failing(3, || EvaluationError::Fatal("a rank was lost".into()))),
        Err(SolveError::Evaluation(_))
    ));
    assert!(matches!(
        run(&failing(0, || EvaluationError::NonFinite("cost".into()))),
        Err(SolveError::StartNotFinite { .. })
    ));
    let fit = run(&failing(3, || EvaluationError::NonFinite("cost".into()))).unwrap();
    assert_eq!(fit.termination, Termination::RadiusCollapsed);
}

#[test]
fn wrong_input_is_refused() {
    let transform = Transform::try_new(&[linear(-2.0, 2.0), linear(-2.0, 2.0)]).unwrap();
    let run = |start: &[f64], options: &Options| {
        minimise(&rosenbrock(), &transform, start, options, &Silent).unwrap_err()
    };
    let fine = Options::default();
    assert!(matches!(run(&[3.0, 0.0], &fine), SolveError::StartOutside { index: 0, .. }));
    assert!(matches!(run(&[0.0], &fine), SolveError::Length { expected: 2, found: 1, .. }));
    for bad in [
        Options { ftol: -1.0, ..fine },
        Options { xtol: f64::NAN, ..fine },
        Options { max_evaluations: 0, ..fine },
        Options { initial_radius: 0.0, ..fine },
    ] {
        assert!(matches!(run(&[0.0, 0.0], &bad), SolveError::Option { .. }), "{bad:?}");
    }
}

/// y = 5 m + 0.2 with contrasts up to 1: the contrast stops there, the offset is the mean of
/// what is left, and the gradient by θ is that of the cost with the contrast held.
#[test]
fn a_contrast_beyond_its_ceiling_is_held_there() {
    let layout = Layout::individual(1).with_contrast_between([0.0, 1.0]);
    let m = |theta: f64, k: usize| (-theta * (k + 1) as f64).exp();
    let y: Vec<f64> = (0..9).map(|k| 5.0 * m(0.3, k) + 0.2).collect();
    let equations = |theta: f64| {
        let mut packed = Vec::new();
        let columns: Vec<[f64; 4]> =
            (0..9).map(|k| [-((k + 1) as f64) * m(theta, k), m(theta, k), 1.0, y[k]]).collect();
        for a in 0..4 {
            for b in a..4 {
                packed.push(columns.iter().map(|v| v[a] * v[b]).sum::<f64>());
            }
        }
        let grams = [Gram::try_new(&packed, 1, 9).unwrap()];
        let z = project(&grams, &layout).unwrap().linear;
        assert_eq!(z[0], 1.0);
        let left: f64 = (0..9).map(|k| y[k] - m(theta, k)).sum::<f64>() / 9.0;
        assert!((z[1] - left).abs() < 1e-12, "{} and {left}", z[1]);
        assemble(&grams, &layout, &z).unwrap()
    };
    let (at, h) = (0.4, 1e-6);
    let slope = (equations(at + h).cost() - equations(at - h).cost()) / (2.0 * h);
    let reduced = equations(at).reduce().unwrap();
    assert!((reduced.gradient()[0] - slope).abs() < 1e-6 * slope.abs(), "{slope}");
    assert!(reduced.hessian()[0] > 0.0);
}
