//! Problems of Moré, Garbow and Hillstrom, ACM Trans. Math. Softw. 7 (1981) 17,
//! doi:10.1145/355934.355936, as residual functions with constant scaling.

use dyne_runtime::Silent;
use dyne_solve::{Fit, Options, Scale, Slot, Termination, Transform, minimise};

use crate::explicit::Explicit;

pub(crate) fn unbounded(count: usize) -> Transform {
    let free = Slot::Free { scale: Scale::Linear, lower: -f64::INFINITY, upper: f64::INFINITY };
    Transform::try_new(&vec![free; count]).unwrap()
}

pub(crate) fn rosenbrock() -> Explicit {
    Explicit::residuals(2, 2, |x, k| match k {
        0 => (10.0 * (x[1] - x[0] * x[0]), vec![-20.0 * x[0], 10.0]),
        _ => (1.0 - x[0], vec![-1.0, 0.0]),
    })
}

fn powell_singular() -> Explicit {
    Explicit::residuals(4, 4, |x, k| match k {
        0 => (x[0] + 10.0 * x[1], vec![1.0, 10.0, 0.0, 0.0]),
        1 => {
            let s = 5f64.sqrt();
            (s * (x[2] - x[3]), vec![0.0, 0.0, s, -s])
        }
        2 => {
            let u = x[1] - 2.0 * x[2];
            (u * u, vec![0.0, 2.0 * u, -4.0 * u, 0.0])
        }
        _ => {
            let (s, u) = (10f64.sqrt(), x[0] - x[3]);
            (s * u * u, vec![2.0 * s * u, 0.0, 0.0, -2.0 * s * u])
        }
    })
}

fn helical_valley() -> Explicit {
    Explicit::residuals(3, 3, |x, k| {
        let r2 = x[0] * x[0] + x[1] * x[1];
        let tau = std::f64::consts::TAU;
        match k {
            0 => {
                let turn = x[1].atan2(x[0]) / tau;
                let d = 100.0 / (tau * r2);
                (10.0 * (x[2] - 10.0 * turn), vec![d * x[1], -d * x[0], 10.0])
            }
            1 => {
                let r = r2.sqrt();
                (10.0 * (r - 1.0), vec![10.0 * x[0] / r, 10.0 * x[1] / r, 0.0])
            }
            _ => (x[2], vec![0.0, 0.0, 1.0]),
        }
    })
}

fn bard() -> Explicit {
    const Y: [f64; 15] =
        [0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39];
    Explicit::residuals(3, 15, |x, k| {
        let (u, v) = ((k + 1) as f64, (15 - k) as f64);
        let w = u.min(v);
        let s = v * x[1] + w * x[2];
        (Y[k] - x[0] - u / s, vec![-1.0, u * v / (s * s), u * w / (s * s)])
    })
}

fn kowalik_osborne() -> Explicit {
    const Y: [f64; 11] =
        [0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246];
    const U: [f64; 11] = [4., 2., 1., 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625];
    Explicit::residuals(4, 11, |x, k| {
        let u = U[k];
        let (top, bottom) = (u * u + u * x[1], u * u + u * x[2] + x[3]);
        let slope = x[0] * top / (bottom * bottom);
        (Y[k] - x[0] * top / bottom, vec![-top / bottom, -x[0] * u / bottom, slope * u, slope])
    })
}

fn solve(problem: &Explicit, start: &[f64]) -> Fit {
    let options = Options { max_evaluations: 500, ..Options::default() };
    minimise(problem, &unbounded(start.len()), start, &options, &Silent).unwrap()
}

#[test]
fn rosenbrock_valley() {
    for (scale, most) in [(1.0, 40), (10.0, 60)] {
        let fit = solve(&rosenbrock(), &[-1.2 * scale, scale]);
        assert!(fit.termination.is_converged(), "{:?}", fit.termination);
        assert!((fit.theta[0] - 1.0).abs() < 1e-7 && (fit.theta[1] - 1.0).abs() < 1e-7);
        assert!(fit.evaluations <= most, "{} evaluations", fit.evaluations);
    }
}

#[test]
fn powell_singular_function_is_followed_into_its_singular_minimum() {
    // Every step halves x: no test for a minimum is ever met, and none must be claimed.
    let few = Options { max_evaluations: 20, ..Options::default() };
    let start = [3.0, -1.0, 0.0, 1.0];
    let fit = minimise(&powell_singular(), &unbounded(4), &start, &few, &Silent).unwrap();
    assert_eq!((fit.termination, fit.refused), (Termination::SweepLimit, 0));
    assert!(fit.cost() < 1e-14, "{}", fit.cost());
    assert!(fit.theta.iter().all(|x| x.abs() < 1e-3), "{:?}", fit.theta);
}

#[test]
fn helical_valley_is_walked_around() {
    let fit = solve(&helical_valley(), &[-1.0, 0.0, 0.0]);
    assert!(fit.termination.is_converged(), "{:?}", fit.termination);
    assert!((fit.theta[0] - 1.0).abs() < 1e-7 && fit.theta[1].abs() < 1e-7);
}

#[test]
fn sums_of_squares_are_those_of_the_collection() {
    // Sums of squares from the paper: Bard 8.21487e-3, Kowalik and Osborne 3.07505e-4.
    for (problem, start, sum) in [
        (bard(), vec![1.0, 1.0, 1.0], 8.21487e-3),
        (kowalik_osborne(), vec![0.25, 0.39, 0.415, 0.39], 3.07505e-4),
    ] {
        let fit = solve(&problem, &start);
        assert!(fit.termination.is_converged(), "{:?}", fit.termination);
        assert!((2.0 * fit.cost() / sum - 1.0).abs() < 2e-6, "{}", 2.0 * fit.cost());
    }
}

#[test]
fn evaluation_counts_are_pinned() {
    let counts = [
        solve(&rosenbrock(), &[-1.2, 1.0]).evaluations,
        solve(&helical_valley(), &[-1.0, 0.0, 0.0]).evaluations,
        solve(&bard(), &[1.0; 3]).evaluations,
        solve(&kowalik_osborne(), &[0.25, 0.39, 0.415, 0.39]).evaluations,
    ];
    assert_eq!(counts, [14, 10, 7, 22]);
}

#[test]
fn a_start_at_the_minimum_has_converged_and_a_wall_has_not() {
    let fit = solve(&rosenbrock(), &[1.0, 1.0]);
    assert_eq!((fit.termination, fit.evaluations), (Termination::Gradient, 1));
    // The slope says downhill, the values say otherwise: no honest optimiser calls that converged.
    let wall = Explicit::residuals(1, 1, |x, _| (1.0 + (x[0] - 1.0).abs(), vec![-1.0]));
    let fit = solve(&wall, &[1.0]);
    assert_eq!(fit.termination, Termination::RadiusCollapsed);
    assert_eq!((fit.accepted, fit.theta[0]), (0, 1.0));
}

#[test]
fn points_without_a_value_shrink_the_region() {
    // 1/x − 2 for x > 0, no value elsewhere: the first step from 3 would go far below 0.
    let problem = Explicit::residuals(1, 1, |x, _| {
        if x[0] > 0.0 {
            (x[0].recip() - 2.0, vec![-x[0].recip().powi(2)])
        } else {
            (f64::NAN, vec![f64::NAN])
        }
    });
    let fit = solve(&problem, &[3.0]);
    assert!(fit.non_finite > 0 && fit.termination.is_converged(), "{fit:?}");
    assert!((fit.theta[0] - 0.5).abs() < 1e-8);
}
