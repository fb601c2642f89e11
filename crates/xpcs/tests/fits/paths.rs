//! One fit over every path: blocks, lanes and ranks.

use std::num::NonZeroUsize;
use std::sync::atomic::AtomicU64;

use dyne_runtime::comm::Threads;
use dyne_runtime::{Cancel, Comm, Lanes, Resources};
use dyne_solve::{Layout, Objective, contract};
use dyne_xpcs::fit::problem;
use dyne_xpcs::problem::Problem;
use dyne_xpcs::survey::survey;
use dyne_xpcs_data::{BlockPairs, Triangle};

use crate::experiment::{Case, case};

const SIM: &str = "mode: laminar_flow\nframes: 60\ndt: 0.1\nq: 0.0054\ngap: 2.0e6\nphi: [0, 40, 80]\n\
    parameters: {D0: 3000, alpha: -0.4, gamma_dot_t0: 0.002}\ncontrast: 0.3\n\
    noise: {kind: gaussian, sigma: 0.02, seed: 5}\n";
const FIT: &str = "mode: laminar_flow\ndata: {file: x}\ngeometry: {gap: 2.0e6}\n";
const THETA: [f64; 7] = [2500.0, -0.3, 50.0, 0.0015, 0.1, 1e-4, 3.0];

fn with_problem<R>(
    case: &Case,
    lanes: usize,
    comm: &dyn Comm,
    block: BlockPairs,
    work: impl FnOnce(&Problem<'_>) -> R,
) -> R {
    let lanes = Lanes::try_new(NonZeroUsize::new(lanes).unwrap()).unwrap();
    let layout = Layout::individual(case.matrices.bins());
    let cancel = Cancel::new();
    let resources = Resources::new(&lanes, comm, &cancel);
    let sweeps = AtomicU64::new(0);
    let shift = survey(&case.matrices, &[], block, resources).unwrap().mean;
    let problem = problem(&case.plan, &case.matrices, &layout, shift, resources, &sweeps);
    work(&Problem { block, ..problem })
}

fn evaluate(case: &Case, lanes: usize, comm: &dyn Comm, block: BlockPairs) -> Vec<f64> {
    with_problem(case, lanes, comm, block, |problem| {
        let e = problem.evaluate(&THETA, &[0.0; 6]).unwrap();
        let mut numbers = vec![e.cost()];
        numbers.extend(e.hessian().iter().chain(e.gradient()).chain(e.linear()));
        numbers
    })
}

#[test]
fn bits_depend_on_blocks_alone() {
    for setting in ["", "fit: {loss: soft_l1}\n"] {
        let case = case(SIM, &format!("{FIT}{setting}"));
        let mut results = Vec::new();
        for block in [1, 1000, usize::MAX].map(BlockPairs) {
            let expected = evaluate(&case, 1, &dyne_runtime::Solo, block);
            for lanes in [1, 2, 7] {
                for ranks in [1, 2, 3] {
                    for found in Threads::run(ranks, |comm| evaluate(&case, lanes, comm, block)) {
                        let same =
                            found.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits());
                        assert!(same, "{block:?}, {lanes} lanes, {ranks} ranks");
                    }
                }
            }
            results.push(expected);
        }
        for other in &results[1..] {
            for (a, b) in results[0].iter().zip(other) {
                assert!((a - b).abs() <= 1e-9 * a.abs().max(1e-9), "{a} and {b}");
            }
        }
    }
}

#[test]
fn whole_fits_do_not_depend_on_lanes() {
    let case = case(SIM, FIT);
    let lanes = |n| Lanes::try_new(NonZeroUsize::new(n).unwrap()).unwrap();
    let expected = case.fit(&lanes(1)).outcome;
    for n in [2, 7] {
        let found = case.fit(&lanes(n)).outcome;
        assert_eq!(found.fit.theta, expected.fit.theta, "{n} lanes");
        assert_eq!(found.fit.cost().to_bits(), expected.fit.cost().to_bits(), "{n} lanes");
        assert_eq!(found.basins, expected.basins, "{n} lanes");
    }
}

#[test]
fn the_problem_keeps_the_contract_of_objectives() {
    for setting in ["", "fit: {loss: huber}\n", "fit: {scaling: averaged}\n"] {
        let case = case(SIM, &format!("{FIT}{setting}"));
        with_problem(&case, 1, &dyne_runtime::Solo, BlockPairs::default(), |problem| {
            contract::check(problem, &THETA, 1e-5, 1e-5).unwrap();
        });
    }
}

/// Gram sums against residuals: the sum of squares that the solver takes from the sums is
/// that of the residuals one by one.
#[test]
fn sums_agree_with_residuals() {
    let case = case(SIM, FIT);
    let fitted = case.fit(&Lanes::solo());
    let direct: f64 = fitted.residuals.iter().map(|r| r.ssr).sum();
    let sums = 2.0 * fitted.outcome.fit.cost();
    assert!((direct - sums).abs() < 1e-10 * direct, "{direct} and {sums}");
    let pairs: u64 = fitted.residuals.iter().map(|r| r.pairs).sum();
    assert_eq!(pairs as usize, 3 * Triangle::pairs(59));
    for r in &fitted.residuals {
        let last = r.cuts.last().unwrap();
        assert!(last.lag_s.windows(2).all(|w| w[0] < w[1]));
        assert!(last.data.iter().zip(&last.fit).all(|(y, f)| (y - f).abs() < 0.1));
        assert_eq!(r.map.data.len(), r.map.pixels * r.map.pixels);
    }
}
