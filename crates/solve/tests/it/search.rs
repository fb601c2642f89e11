//! Global search on a problem with many local minima.

use std::num::NonZeroUsize;

use dyne_runtime::{Event, Flow, Lanes, Observer, Silent};
use dyne_solve::{
    EvaluationError, Layout, NormalEquations, Objective, Options, Scale, Search, SearchMethod,
    SearchOptions, SearchOutcome, Slot, SolveError, Termination, Transform, search,
};

use crate::explicit::{Explicit, noise};

/// Damped oscillation with θ = (frequency, damping): the cost has a minimum at every few cycles.
fn oscillation(theta: &[f64], bin: usize, t: f64) -> (f64, Vec<f64>) {
    let frequency = theta[0] * (1.0 + 0.1 * bin as f64);
    let (sin, cos) = (frequency * t).sin_cos();
    let decay = (-theta[1] * t).exp();
    let d = vec![-decay * sin * t * (1.0 + 0.1 * bin as f64), -t * decay * cos];
    (decay * cos, d)
}

/// Every `stride`-th of 240 points in each of two bins; true θ = (7.3, 0.1).
fn level(stride: usize) -> Explicit {
    let time = move |k: usize| 0.05 * (k * stride + 1) as f64;
    let data = (0..2)
        .map(|bin| {
            (0..240 / stride)
                .map(|k| {
                    let (m, _) = oscillation(&[7.3, 0.1], bin, time(k));
                    0.1 + 0.4 * m + 0.03 * noise((1000 * bin + k * stride) as u64)
                })
                .collect()
        })
        .collect();
    Explicit::new(2, Layout::individual(2), data, move |t, bin, k| oscillation(t, bin, time(k)))
}

fn transform() -> Transform {
    Transform::try_new(&[
        Slot::Free { scale: Scale::Linear, lower: 0.1, upper: 20.0 },
        Slot::Free { scale: Scale::Log, lower: 1e-3, upper: 10.0 },
    ])
    .unwrap()
}

fn from_cube(u: &[f64]) -> Vec<f64> {
    vec![0.1 + 19.9 * u[0], 1e-3 * 1e4f64.powf(u[1])]
}

fn run(seed: u64, lanes: usize, strides: &[usize]) -> SearchOutcome {
    run_by(SearchMethod::Starts, seed, lanes, strides)
}

fn run_by(method: SearchMethod, seed: u64, lanes: usize, strides: &[usize]) -> SearchOutcome {
    let levels: Vec<Explicit> = strides.iter().map(|s| level(*s)).collect();
    let levels: Vec<&dyn Objective> = levels.iter().map(|l| l as &dyn Objective).collect();
    let lanes = Lanes::try_new(NonZeroUsize::new(lanes).unwrap()).unwrap();
    let problem = Search {
        levels: &levels,
        transform: &transform(),
        from_cube: &from_cube,
        given: &[],
        lanes: &lanes,
    };
    let options = SearchOptions { method, seed, starts: 96, ..SearchOptions::default() };
    search(&problem, &options, &Silent).unwrap()
}

#[test]
fn the_global_minimum_is_found_for_every_seed() {
    for seed in 0..12 {
        for strides in [&[4, 2, 1][..], &[4, 1], &[1]] {
            let outcome = run(seed, 2, strides);
            let theta = &outcome.fit.theta;
            assert!(outcome.fit.termination.is_converged());
            assert!((theta[0] - 7.3).abs() < 0.02, "seed {seed}: {theta:?}");
            assert!((theta[1] / 0.1 - 1.0).abs() < 0.2, "seed {seed}: {theta:?}");
            assert_eq!(outcome.level, strides.len() - 1);
            assert_eq!(outcome.basins[0].theta, *theta);
            assert_eq!(outcome.basins[0].cost, outcome.fit.cost());
        }
    }
}

#[test]
fn lanes_do_not_change_a_bit() {
    let one = run(3, 1, &[4, 2, 1]);
    for lanes in [2, 3] {
        let other = run(3, lanes, &[4, 2, 1]);
        assert_eq!(one.fit.theta, other.fit.theta);
        assert_eq!(one.fit.equations, other.fit.equations);
        assert_eq!(one.basins, other.basins);
        assert_eq!(one.evaluations, other.evaluations);
    }
}

#[test]
fn cmaes_does_not_depend_on_lanes() {
    let one = run_by(SearchMethod::Cmaes, 3, 1, &[4, 2, 1]);
    assert!(one.fit.termination.is_converged());
    assert!((one.fit.theta[0] - 7.3).abs() < 0.02, "{:?}", one.fit.theta);
    let other = run_by(SearchMethod::Cmaes, 3, 3, &[4, 2, 1]);
    assert_eq!(one.fit.theta, other.fit.theta);
    assert_eq!(one.fit.equations, other.fit.equations);
    assert_eq!(one.basins, other.basins);
    assert_eq!(one.evaluations, other.evaluations);
}

#[test]
fn counters_tell_the_work() {
    let outcome = run(3, 1, &[4, 2, 1]);
    assert_eq!((outcome.starts, outcome.finite), (96, 96));
    assert_eq!(outcome.basins.iter().map(|b| b.starts).sum::<usize>(), 16);
    assert_eq!(outcome.evaluations, [256, 21, 4]);
}

#[test]
fn a_given_start_is_refined_whatever_its_cost() {
    let (only, lanes) = (level(1), Lanes::solo());
    let given = [vec![7.2, 0.05]];
    let transform = transform();
    let problem = Search {
        levels: &[&only],
        transform: &transform,
        from_cube: &|_| vec![15.0, 5.0],
        given: &given,
        lanes: &lanes,
    };
    let options = SearchOptions { starts: 5, ..SearchOptions::default() };
    let outcome = search(&problem, &options, &Silent).unwrap();
    assert!((outcome.fit.theta[0] - 7.3).abs() < 0.02, "{:?}", outcome.fit.theta);
    assert_eq!(outcome.starts, 6);
    let outside = [vec![99.0, 0.05]];
    let error = search(&Search { given: &outside, ..problem }, &options, &Silent).unwrap_err();
    assert!(matches!(error, SolveError::StartOutside { index: 0, .. }));
}

/// The oscillation, where every point has one image, not far from the global minimum.
struct Imaged(Explicit);

impl Objective for Imaged {
    fn shared(&self) -> usize {
        self.0.shared()
    }

    fn layout(&self) -> &Layout {
        self.0.layout()
    }

    fn project(&self, theta: &[f64]) -> Result<Vec<f64>, EvaluationError> {
        self.0.project(theta)
    }

    fn images(&self, _theta: &[f64]) -> Vec<Vec<f64>> {
        vec![vec![7.1, 0.2]]
    }

    fn evaluate(&self, theta: &[f64], linear: &[f64]) -> Result<NormalEquations, EvaluationError> {
        self.0.evaluate(theta, linear)
    }
}

#[test]
fn images_lead_out_of_a_false_minimum() {
    let (plain, lanes, transform) = (level(1), Lanes::solo(), transform());
    let imaged = Imaged(level(1));
    let poor = vec![14.0, 0.05];
    // Short steps, so that the start stays in its own valley.
    let fit = Options { initial_radius: 1e-3, ..Options::default() };
    let found = |objective: &dyn Objective, given: &[Vec<f64>], starts: usize| {
        let problem = Search {
            levels: &[objective, &plain],
            transform: &transform,
            from_cube: &|_| poor.clone(),
            given,
            lanes: &lanes,
        };
        let options = SearchOptions { starts, refine: starts, fit, ..SearchOptions::default() };
        search(&problem, &options, &Silent).unwrap().fit.theta[0]
    };
    let plainly = found(&plain, &[], 1);
    assert!((plainly - 7.3).abs() > 1.0, "{plainly}");
    let by_image = found(&imaged, &[], 1);
    assert!((by_image - 7.3).abs() < 0.02, "{by_image}");
    // Given starts alone say which of several like minima is meant.
    assert_eq!(found(&imaged, std::slice::from_ref(&poor), 0), plainly);
}

#[test]
fn starts_without_a_value_are_counted_and_none_at_all_is_an_error() {
    let lanes = Lanes::solo();
    let transform = transform();
    let time = |k: usize| 0.05 * (k + 1) as f64;
    let data = level(1).data;
    let broken = |limit: f64| {
        Explicit::new(2, Layout::individual(2), data.clone(), move |t, bin, k| {
            let (m, d) = oscillation(t, bin, time(k));
            if t[0] > limit { (f64::NAN, d) } else { (m, d) }
        })
    };
    let options = SearchOptions { starts: 40, ..SearchOptions::default() };
    let half = broken(10.0);
    let problem = Search {
        levels: &[&half],
        transform: &transform,
        from_cube: &from_cube,
        given: &[],
        lanes: &lanes,
    };
    let outcome = search(&problem, &options, &Silent).unwrap();
    assert!((15..=25).contains(&outcome.finite), "{}", outcome.finite);
    assert!((outcome.fit.theta[0] - 7.3).abs() < 0.02);
    let all = broken(-1.0);
    let error = search(&Search { levels: &[&all], ..problem }, &options, &Silent).unwrap_err();
    assert!(matches!(error, SolveError::NoStart { tried: 40 }));
}

struct StopAfter(u64);

impl Observer for StopAfter {
    fn event(&self, event: &Event) -> Flow {
        match event {
            Event::Progress { done, .. } if *done >= self.0 => Flow::Stop,
            _ => Flow::Continue,
        }
    }
}

#[test]
fn stopping_gives_the_best_point_so_far() {
    let (coarse, fine, lanes) = (level(4), level(1), Lanes::solo());
    let transform = transform();
    let problem = Search {
        levels: &[&coarse, &fine],
        transform: &transform,
        from_cube: &from_cube,
        given: &[],
        lanes: &lanes,
    };
    let options = SearchOptions::default();
    let outcome = search(&problem, &options, &StopAfter(80)).unwrap();
    assert_eq!((outcome.fit.termination, outcome.level), (Termination::Stopped, 0));
    assert!(outcome.evaluations[1] == 0 && outcome.fit.cost().is_finite());
    let error = search(&problem, &options, &StopAfter(10)).unwrap_err();
    assert!(matches!(error, SolveError::Interrupted));
}
