//! Decays at several bins against brute force on the explicit Jacobian.

use std::sync::atomic::Ordering;

use dyne_runtime::Silent;
use dyne_solve::{
    Layout, Loss, Objective, Options, Scale, Scaling, Slot, Termination, Transform, contract,
    minimise,
};

use crate::explicit::{Explicit, decay_data, decay_model, normal_matrix, solve_dense};

fn free() -> Transform {
    Transform::try_new(&[
        Slot::Free { scale: Scale::Log, lower: 1e-2, upper: 1e2 },
        Slot::Free { scale: Scale::Linear, lower: 0.2, upper: 3.0 },
    ])
    .unwrap()
}

fn layouts(bins: usize) -> Vec<Layout> {
    let phi: Vec<f64> = (0..bins).map(|b| 0.7 * b as f64).collect();
    vec![
        Layout::individual(bins),
        Layout::averaged(bins),
        Layout::constant(&vec![Scaling { contrast: 0.33, offset: 0.03 }; bins]),
        Layout::fourier(1, &phi).unwrap(),
    ]
}

#[test]
fn layouts_agree_with_dense_least_squares() {
    let theta = [0.5, 1.1];
    for layout in layouts(4) {
        let problem = Explicit::new(2, layout, decay_data(4, 0.02), decay_model);
        let zeros = vec![0.0; problem.layout.linear()];
        let (a, b) = normal_matrix(&problem.rows(&theta, &zeros));
        let zz = a[2..].iter().map(|row| row[2..].to_vec()).collect();
        let dense = solve_dense(zz, b[2..].to_vec());
        let z = problem.project(&theta).unwrap();
        for (z, dense) in z.iter().zip(&dense) {
            assert!((z - dense).abs() < 1e-11 * (1.0 + dense.abs()), "{z} against {dense}");
        }
        let equations = problem.evaluate(&theta, &z).unwrap();
        let rows = problem.rows(&theta, &z);
        let cost: f64 = rows.iter().map(|(r, _)| 0.5 * r * r).sum();
        assert!((equations.cost() - cost).abs() <= equations.resolution().max(1e-15));
        let (a, b) = normal_matrix(&rows);
        for i in 0..2 {
            assert!((equations.gradient()[i] + b[i]).abs() < 1e-13);
            for (h, dense) in equations.hessian()[2 * i..2 * i + 2].iter().zip(&a[i]) {
                assert!((h - dense).abs() < 1e-12);
            }
        }
        assert_eq!(equations.pairs(), 160);
    }
}

#[test]
fn the_reduced_step_is_the_dense_one() {
    let theta = [0.5, 1.1];
    for layout in layouts(4) {
        // Away from the projected optimum, as with a robust loss: the gradient of z is not 0.
        let problem =
            Explicit::new(2, layout, decay_data(4, 0.02), decay_model).with_loss(Loss::Cauchy, 1e6);
        let z: Vec<f64> = (0..problem.layout.linear()).map(|i| 0.3 - 0.04 * i as f64).collect();
        let (a, b) = normal_matrix(&problem.rows(&theta, &z));
        let dense = solve_dense(a, b);
        let equations = problem.evaluate(&theta, &z).unwrap();
        let reduced = equations.reduce().unwrap();
        let h = reduced.hessian();
        let rows = vec![h[..2].to_vec(), h[2..].to_vec()];
        let step = solve_dense(rows, reduced.gradient().iter().map(|g| -g).collect());
        let linear = reduced.linear_step(&step);
        for (got, dense) in step.iter().chain(&linear).zip(&dense) {
            assert!((got - dense).abs() < 1e-8 * (1.0 + dense.abs()), "{got} against {dense}");
        }
    }
}

#[test]
fn the_minimum_is_stationary_in_the_explicit_jacobian() {
    for layout in layouts(5) {
        for loss in [Loss::Linear, Loss::SoftL1, Loss::Huber, Loss::Cauchy, Loss::Arctan] {
            let problem = Explicit::new(2, layout.clone(), decay_data(5, 0.02), decay_model)
                .with_loss(loss, 0.01);
            let fit =
                minimise(&problem, &free(), &[3.0, 0.6], &Options::default(), &Silent).unwrap();
            assert!(fit.termination.is_converged(), "{loss:?}: {:?}", fit.termination);
            let rows = problem.rows(&fit.theta, fit.linear());
            let n = rows[0].1.len();
            for i in 0..n {
                let (mut slope, mut rr, mut jj) = (0.0, 0.0, 0.0);
                for (r, row) in &rows {
                    slope += problem.robust.weight(*r, 1.0) * r * row[i];
                    rr += r * r;
                    jj += row[i] * row[i];
                }
                assert!(slope.abs() < 2e-5 * (rr * jj).sqrt(), "{loss:?} parameter {i}: {slope}");
            }
        }
    }
}

#[test]
fn data_without_noise_give_the_truth() {
    let problem = Explicit::new(2, Layout::individual(5), decay_data(5, 0.0), decay_model);
    let fit = minimise(&problem, &free(), &[10.0, 0.5], &Options::default(), &Silent).unwrap();
    assert!(fit.termination.is_converged(), "{:?}", fit.termination);
    assert!((fit.theta[0] - 0.8).abs() < 1e-9 && (fit.theta[1] - 1.3).abs() < 1e-9, "{fit:?}");
    assert!((fit.linear()[2] - 0.32).abs() < 1e-9);
}

#[test]
fn work_is_counted() {
    let problem = Explicit::new(2, Layout::individual(5), decay_data(5, 0.02), decay_model);
    let fit = minimise(&problem, &free(), &[3.0, 0.6], &Options::default(), &Silent).unwrap();
    assert_eq!(fit.evaluations, problem.evaluations.load(Ordering::Relaxed));
    assert_eq!(fit.evaluations, 1 + fit.accepted + fit.refused);
    let few = Options { max_evaluations: 3, ..Options::default() };
    let fit = minimise(&problem, &free(), &[3.0, 0.6], &few, &Silent).unwrap();
    assert_eq!((fit.termination, fit.evaluations), (Termination::SweepLimit, 3));
}

#[test]
fn explicit_objectives_keep_the_contract() {
    for layout in layouts(4) {
        for loss in [Loss::Linear, Loss::SoftL1, Loss::Cauchy, Loss::Arctan] {
            let problem = Explicit::new(2, layout.clone(), decay_data(4, 0.02), decay_model)
                .with_loss(loss, 0.02);
            contract::check(&problem, &[0.6, 1.1], 1e-5, 1e-6).unwrap();
        }
    }
}

#[test]
fn a_wrong_gradient_breaks_the_contract() {
    let problem = Explicit::new(2, Layout::averaged(2), decay_data(2, 0.02), |t, bin, k| {
        let (m, d) = decay_model(t, bin, k);
        (m, vec![d[0], 1.1 * d[1]])
    });
    let breach = contract::check(&problem, &[0.6, 1.1], 1e-5, 1e-6).unwrap_err();
    assert!(breach.starts_with("gradient 1"), "{breach}");
}
