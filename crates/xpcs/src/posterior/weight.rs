//! How much a likelihood of correlated pairs counts.

use dyne_solve::Covariance;
use faer::linalg::solvers::Solve;
use faer::{Mat, MatRef, Side};

/// Weight of a likelihood that takes pairs as independent, from the covariance they would then have and
/// the one they have.
///
/// **Formula** $w = p/\mathrm{tr}(V_0^{-1}V)$ over those of the parameters `free` that both determine: the mean of
/// twice the likelihood ratio at the truth is then p, as for independent data. **Edges** 1 where no parameter
/// is determined; never above 1. **Cost** p³. **Source.** Pauli, Racugno and Ventura, Statistica Sinica 21
/// (2011) 149; Ribatet, Cooley and Davison, Statistica Sinica 22 (2012) 813. **Checked by**
/// `weights_of_known_covariances`.
pub fn composite_weight(independent: &Covariance, actual: &Covariance, free: &[usize]) -> f64 {
    let known = |k: &&usize| independent.stderr(**k).is_ok() && actual.stderr(**k).is_ok();
    let free: Vec<usize> = free.iter().filter(known).copied().collect();
    let stderr: Option<Vec<f64>> = free.iter().map(|k| independent.stderr(*k).ok()).collect();
    // In units of the independent errors, as parameters differ by orders of magnitude.
    let matrix = |of: &Covariance, units: &[f64]| {
        let entry = |i: usize, j: usize| of.covariance(free[i], free[j]).unwrap_or(f64::NAN);
        let n = free.len();
        Mat::from_fn(n, n, |i, j| entry(i, j) / (units[i] * units[j]))
    };
    let trace = stderr.and_then(|units| {
        trace_of_ratio(matrix(independent, &units).as_ref(), matrix(actual, &units).as_ref())
    });
    match trace {
        Some(trace) if trace > free.len() as f64 => free.len() as f64 / trace,
        _ => 1.0,
    }
}

/// tr(A⁻¹B) of symmetric positive matrices; nothing where A is singular.
fn trace_of_ratio(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Option<f64> {
    let ratio = a.llt(Side::Lower).ok()?.solve(b);
    Some((0..a.nrows()).map(|i| ratio[(i, i)]).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::mat;

    #[test]
    fn weights_of_known_covariances() {
        let a = mat![[4.0, 1.0], [1.0, 9.0]];
        let b = mat![[100.0, 25.0], [25.0, 225.0]];
        assert!((trace_of_ratio(a.as_ref(), b.as_ref()).unwrap() - 50.0).abs() < 1e-12);
        // tr(A⁻¹) = (4 + 9)/35.
        let one = mat![[1.0, 0.0], [0.0, 1.0]];
        assert!((trace_of_ratio(a.as_ref(), one.as_ref()).unwrap() - 13.0 / 35.0).abs() < 1e-14);
        let singular = mat![[1.0, 1.0], [1.0, 1.0]];
        assert!(trace_of_ratio(singular.as_ref(), singular.as_ref()).is_none());
    }
}
