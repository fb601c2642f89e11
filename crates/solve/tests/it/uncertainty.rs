//! Covariance against dense inverses.

use dyne_runtime::Silent;
use dyne_solve::{
    Covariance, Fit, Layout, Options, Profile, ProfileEnd, ProfileOptions, Reason, Scale, Slot,
    Transform, minimise, profile,
};

use crate::explicit::{Explicit, decay_data, decay_model, normal_matrix, solve_dense};

fn log(lower: f64, upper: f64) -> Slot {
    Slot::Free { scale: Scale::Log, lower, upper }
}

fn linear(lower: f64, upper: f64) -> Slot {
    Slot::Free { scale: Scale::Linear, lower, upper }
}

fn solved(problem: &Explicit, slots: &[Slot], start: &[f64]) -> (Fit, Covariance) {
    let transform = Transform::try_new(slots).unwrap();
    let fit = minimise(problem, &transform, start, &Options::default(), &Silent).unwrap();
    assert!(fit.termination.is_converged(), "{:?}", fit.termination);
    let covariance = Covariance::try_new(&fit.equations, &transform, &fit.theta).unwrap();
    (fit, covariance)
}

/// (JᵀJ)⁻¹ of the explicit rows, columns `keep` only.
fn dense_inverse(problem: &Explicit, fit: &Fit, keep: &[usize]) -> Vec<Vec<f64>> {
    let (a, _) = normal_matrix(&problem.rows(&fit.theta, fit.linear()));
    let block: Vec<Vec<f64>> =
        keep.iter().map(|&i| keep.iter().map(|&j| a[i][j]).collect()).collect();
    (0..keep.len())
        .map(|i| {
            let unit = (0..keep.len()).map(|j| f64::from(u8::from(i == j))).collect();
            solve_dense(block.clone(), unit)
        })
        .collect()
}

#[test]
fn axes_add_up_to_the_covariance() {
    let problem = Explicit::new(2, Layout::individual(4), decay_data(4, 0.02), decay_model);
    let (_, covariance) = solved(&problem, &[log(0.01, 100.0), linear(0.2, 3.0)], &[1., 1.]);
    let units = [0.5, 3.0];
    let axes = covariance.axes(&[0, 1], &units).unwrap();
    for i in 0..2 {
        for j in 0..2 {
            let sum: f64 = axes.iter().map(|axis| axis[i] * axis[j]).sum();
            let expected = covariance.covariance(i, j).unwrap() / (units[i] * units[j]);
            assert!((sum - expected).abs() < 1e-12 * expected.abs(), "({i}, {j})");
        }
    }
    assert!(covariance.axes(&[], &[]).unwrap().is_empty());
}

#[test]
fn covariance_is_the_dense_inverse() {
    let phi = [0.0, 0.7, 1.4, 2.1];
    for layout in [Layout::individual(4), Layout::averaged(4), Layout::fourier(1, &phi).unwrap()] {
        let problem = Explicit::new(2, layout, decay_data(4, 0.02), decay_model);
        let (fit, covariance) = solved(&problem, &[log(0.01, 100.0), linear(0.2, 3.0)], &[1., 1.]);
        let n = covariance.order();
        assert_eq!((n, covariance.parameters()), (2 + problem.layout.linear(), n));
        let s2 = covariance.residual_variance().unwrap();
        assert!((s2 * (160 - n) as f64 / (2.0 * fit.cost()) - 1.0).abs() < 1e-14);
        let keep: Vec<usize> = (0..n).collect();
        let dense = dense_inverse(&problem, &fit, &keep);
        for i in 0..n {
            for j in 0..n {
                let size = s2 * (dense[i][i] * dense[j][j]).sqrt();
                let got = covariance.covariance(i, j).unwrap();
                assert!((got - s2 * dense[i][j]).abs() < 1e-9 * size, "({i}, {j})");
            }
        }
        let scaling = covariance.scaling(&problem.layout, 1).unwrap();
        if problem.layout.groups() == 4 {
            assert_eq!(Ok(scaling.contrast), covariance.covariance(4, 4));
            assert_eq!(Ok(scaling.offset), covariance.covariance(5, 5));
            assert_eq!(Ok(scaling.cross), covariance.covariance(4, 5));
        }
        assert!(scaling.contrast > 0.0 && scaling.offset > 0.0);
        let rho = covariance.correlation(0, 1).unwrap();
        let expected = dense[0][1] / (dense[0][0] * dense[1][1]).sqrt();
        assert!((rho - expected).abs() < 1e-9);
    }
}

#[test]
fn a_bound_is_conditioned_on() {
    let problem = Explicit::new(2, Layout::individual(3), decay_data(3, 0.02), decay_model);
    let (fit, covariance) = solved(&problem, &[log(0.01, 100.0), linear(0.2, 1.0)], &[1.0, 0.8]);
    assert_eq!(fit.theta[1], 1.0);
    assert_eq!(covariance.stderr(1), Err(&Reason::AtUpperBound));
    assert_eq!(covariance.parameters(), 7);
    let keep = [0, 2, 3, 4, 5, 6, 7];
    let dense = dense_inverse(&problem, &fit, &keep);
    let s2 = covariance.residual_variance().unwrap();
    for (row, &i) in keep.iter().enumerate() {
        let expected = s2 * dense[row][row];
        assert!((covariance.covariance(i, i).unwrap() / expected - 1.0).abs() < 1e-9, "{i}");
    }
}

#[test]
fn fixed_has_no_error_and_tied_follows() {
    let problem = Explicit::new(3, Layout::averaged(3), decay_data(3, 0.02), |t, bin, k| {
        let (m, mut d) = decay_model(&t[..2], bin, k);
        d.push(0.0);
        (m, d)
    });
    let slots = [log(0.01, 100.0), Slot::Fixed(1.3), Slot::Tied { to: 0, factor: 2.0 }];
    let (_, covariance) = solved(&problem, &slots, &[1.0, 0.0, 0.0]);
    assert_eq!(covariance.stderr(1), Err(&Reason::Fixed));
    let (own, tied) = (covariance.stderr(0).unwrap(), covariance.stderr(2).unwrap());
    assert!((tied / own - 2.0).abs() < 1e-12);
    assert!((covariance.correlation(0, 2).unwrap() - 1.0).abs() < 1e-12);
}

#[test]
fn twin_parameters_are_undetermined() {
    let problem = Explicit::new(3, Layout::individual(2), decay_data(2, 0.02), |t, bin, k| {
        let (m, d) = decay_model(&[t[0] + t[2], t[1]], bin, k);
        (m, vec![d[0], d[1], d[0]])
    });
    let slots = [linear(0.0, 5.0), linear(0.2, 3.0), linear(0.0, 5.0)];
    let (fit, covariance) = solved(&problem, &slots, &[0.3, 1.0, 0.3]);
    let Err(reason @ Reason::Undetermined { direction }) = covariance.stderr(0) else {
        panic!("{:?}", covariance.stderr(0))
    };
    let mut named: Vec<usize> = direction.iter().map(|(index, _)| *index).collect();
    named.sort_unstable();
    assert_eq!(named, [0, 2]);
    let names: Vec<String> = ["first", "stretch", "second"].map(String::from).into();
    assert!(reason.phrase(&names).contains("·first") && reason.phrase(&names).contains("0.71"));
    assert!(covariance.stderr(2).is_err());
    // The stretch and the scaling are as well determined as with one rate only.
    let dense = dense_inverse(&problem, &fit, &[0, 1, 3, 4, 5, 6]);
    let s2 = 2.0 * fit.cost() / (80 - 6) as f64;
    for (row, i) in [(1, 1), (2, 3), (5, 6)] {
        let expected = (s2 * dense[row][row]).sqrt();
        let got = covariance.stderr(i).unwrap();
        assert!((got / expected - 1.0).abs() < 1e-7, "{i}: {got} against {expected}");
    }
    assert!(covariance.spectrum()[0].abs() < 1e-12 && covariance.spectrum()[1] > 1e-3);
}

#[test]
fn what_does_not_move_along_a_flat_direction_is_determined() {
    let twin = Explicit::new(3, Layout::individual(2), decay_data(2, 0.02), |t, bin, k| {
        let (m, d) = decay_model(&[t[0] + t[2], t[1]], bin, k);
        (m, vec![d[0], d[1], d[0]])
    });
    let slots = [linear(0.0, 5.0), linear(0.2, 3.0), linear(0.0, 5.0)];
    let (_, covariance) = solved(&twin, &slots, &[0.3, 1.0, 0.3]);
    let single = Explicit::new(2, Layout::individual(2), decay_data(2, 0.02), decay_model);
    let (_, expected) = solved(&single, &[linear(0.0, 9.0), linear(0.2, 3.0)], &[0.6, 1.0]);
    let sum = covariance.propagate(&[(0, 1.0), (2, 1.0)]).unwrap();
    assert!((sum.sqrt() / expected.stderr(0).unwrap() - 1.0).abs() < 1e-6, "{sum}");
    for moving in [&[(0, 1.0)][..], &[(0, 1.0), (2, -1.0)], &[(0, 1.0), (2, 0.9)]] {
        let found = covariance.propagate(moving);
        assert!(matches!(found, Err(Reason::Undetermined { .. })), "{moving:?}");
    }
}

#[test]
fn a_parameter_hidden_by_the_scaling_is_undetermined() {
    // The second parameter multiplies m: it is one with the contrast.
    let problem = Explicit::new(2, Layout::individual(2), decay_data(2, 0.02), |t, bin, k| {
        let (m, d) = decay_model(&[t[0], 1.3], bin, k);
        (t[1] * m, vec![t[1] * d[0], m])
    });
    let (_, covariance) = solved(&problem, &[linear(0.1, 5.0), linear(0.5, 2.0)], &[0.6, 1.0]);
    assert!(covariance.stderr(0).is_ok());
    for i in [1, 2, 4] {
        assert!(matches!(covariance.stderr(i), Err(Reason::Undetermined { .. })), "{i}");
    }
    assert!(covariance.scaling(&problem.layout, 0).is_err());
    for offset in [3, 5] {
        assert!(covariance.stderr(offset).is_ok(), "{offset}");
    }
}

#[test]
fn no_degrees_of_freedom_give_no_errors_and_a_sandwich_brings_its_own_noise() {
    let data = vec![decay_data(1, 0.02)[0][..4].to_vec()];
    let problem = Explicit::new(2, Layout::individual(1), data, decay_model);
    let theta = [0.8, 1.3];
    let z = dyne_solve::Objective::project(&problem, &theta).unwrap();
    let equations = dyne_solve::Objective::evaluate(&problem, &theta, &z).unwrap();
    let transform = Transform::try_new(&[log(0.01, 100.0), linear(0.2, 3.0)]).unwrap();
    let covariance = Covariance::try_new(&equations, &transform, &theta).unwrap();
    let expected = Reason::NoDegreesOfFreedom { pairs: 4, parameters: 4 };
    assert_eq!(covariance.stderr(0), Err(&expected));
    assert_eq!(covariance.residual_variance(), None);
    // With B = σ² JᵀJ the sandwich is σ² (JᵀJ)⁻¹.
    let (a, _) = normal_matrix(&problem.rows(&theta, &z));
    let score: Vec<f64> = a.iter().flatten().map(|v| 0.25 * v).collect();
    let sandwich = covariance.sandwich(&score).unwrap();
    for i in 0..4 {
        let expected = 0.25 * covariance.inverse_information()[i * 5];
        assert!((sandwich.covariance(i, i).unwrap() / expected - 1.0).abs() < 1e-6, "{i}");
    }
    assert!(covariance.sandwich(&score[1..]).is_err());
}

#[test]
fn effective_parameters_count_what_the_fit_absorbs() {
    let problem = Explicit::new(2, Layout::individual(2), decay_data(2, 0.02), decay_model);
    let (fit, covariance) = solved(&problem, &[log(0.01, 100.0), linear(0.2, 3.0)], &[0.6, 1.0]);
    assert_eq!(covariance.effective_parameters(), Some(6.0));
    // With B = k s² JᵀJ every parameter absorbs k times what it does of independent noise.
    let (a, _) = normal_matrix(&problem.rows(&fit.theta, fit.linear()));
    let s2 = covariance.residual_variance().unwrap();
    let score: Vec<f64> = a.iter().flatten().map(|v| 7.0 * s2 * v).collect();
    let found = covariance.sandwich(&score).unwrap().effective_parameters().unwrap();
    assert!((found - 42.0).abs() < 1e-6, "{found}");
}

/// Profile of parameter `k` after a fit under `slots`, with the covariance's own rise.
fn profiled(slots: &[Slot], k: usize) -> (Fit, Covariance, Profile) {
    let problem = Explicit::new(2, Layout::individual(4), decay_data(4, 0.02), decay_model);
    let (fit, covariance) = solved(&problem, slots, &[0.4, 1.]);
    let options = ProfileOptions {
        parameter: k,
        stderr: covariance.stderr(k).unwrap(),
        rise: 0.5 * covariance.residual_variance().unwrap(),
        fit: Options::default(),
    };
    let transform = Transform::try_new(slots).unwrap();
    let profile = profile(&problem, &transform, &fit, &options, &Silent).unwrap();
    (fit, covariance, profile)
}

#[test]
fn a_profile_near_a_quadratic_minimum_is_the_standard_error() {
    let (fit, covariance, profile) = profiled(&[log(0.01, 100.0), linear(0.2, 3.0)], 1);
    let sigma = covariance.stderr(1).unwrap();
    let [low, high] = profile.interval(1.0).map(Option::unwrap);
    assert!(!profile.deeper);
    assert!(((high - low) / (2.0 * sigma) - 1.0).abs() < 0.05, "{low} {high} {sigma}");
    assert!(low < fit.theta[1] && fit.theta[1] < high);
    assert!(profile.points.windows(2).all(|p| p[0].value < p[1].value && p[0].z <= p[1].z));
}

#[test]
fn a_profile_ends_at_a_bound() {
    let (fit, covariance, _) = profiled(&[log(0.01, 100.0), linear(0.2, 3.0)], 1);
    let upper = fit.theta[1] + 0.8 * covariance.stderr(1).unwrap();
    let (_, _, profile) = profiled(&[log(0.01, 100.0), linear(0.2, upper)], 1);
    assert_eq!(profile.points.last().unwrap().value, upper);
    let [low, high] = profile.interval(1.0);
    assert!(low.is_some() && high.is_none());
}

/// Profile of parameter 0 around the minimum next to `start`.
fn profiled_from(problem: &Explicit, slots: &[Slot], start: &[f64], rise: f64) -> (Fit, Profile) {
    let transform = Transform::try_new(slots).unwrap();
    let fit = minimise(problem, &transform, start, &Options::default(), &Silent).unwrap();
    let options = ProfileOptions { parameter: 0, stderr: 0.1, rise, fit: Options::default() };
    let profile = profile(problem, &transform, &fit, &options, &Silent).unwrap();
    (fit, profile)
}

#[test]
fn a_profile_goes_on_from_a_deeper_minimum() {
    // A double well, deeper at 1.
    let problem = Explicit::residuals(1, 2, |t, k| match k {
        0 => (t[0] * t[0] - 1.0, vec![2.0 * t[0]]),
        _ => (0.3 * (t[0] - 1.0), vec![0.3]),
    });
    let (fit, profile) = profiled_from(&problem, &[linear(-3.0, 3.0)], &[-1.2], 0.2);
    assert!(fit.theta[0] < -0.8, "{:?}", fit.theta);
    assert!(profile.deeper);
    assert!((profile.minimum[0] - 1.0).abs() < 1e-6, "{:?}", profile.minimum);
    assert!(profile.points.iter().all(|point| point.z.is_finite()));
}

#[test]
fn a_flat_valley_that_a_bound_ends_is_open() {
    // a + c is known, c is bounded by ±1.
    let problem = Explicit::residuals(2, 1, |t, _| (10.0 * (t[0] + t[1] - 1.0), vec![10.0; 2]));
    let slots = [linear(-50.0, 50.0), linear(-1.0, 1.0)];
    let (_, profile) = profiled_from(&problem, &slots, &[0.7, 0.2], 0.5);
    assert!(!profile.deeper);
    assert_eq!(profile.ends, [ProfileEnd::Held(1), ProfileEnd::Held(1)]);
    assert_eq!(profile.interval(1.0), [None, None]);
    // Between the ends the valley is flat.
    let inside = profile.points.iter().filter(|p| p.value > 0.01 && p.value < 1.99);
    assert!(inside.clone().count() > 2 && inside.clone().all(|p| p.z.abs() < 1e-3));
}
