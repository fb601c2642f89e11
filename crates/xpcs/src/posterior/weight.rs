//! How much a likelihood of correlated pairs counts.

use dyne_solve::Covariance;

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
    let matrix = |of: &Covariance| -> Option<Vec<Vec<f64>>> {
        let row = |i: &usize| free.iter().map(|j| of.covariance(*i, *j).ok()).collect();
        free.iter().map(row).collect()
    };
    let trace = matrix(independent).zip(matrix(actual)).and_then(|(a, b)| trace_of_ratio(a, b));
    match trace {
        Some(trace) if trace > free.len() as f64 => free.len() as f64 / trace,
        _ => 1.0,
    }
}

/// tr(A⁻¹B) of symmetric positive matrices, in units of the diagonal of A; nothing where A is singular.
fn trace_of_ratio(mut a: Vec<Vec<f64>>, mut b: Vec<Vec<f64>>) -> Option<f64> {
    let n = a.len();
    let scale: Vec<f64> = (0..n).map(|i| a[i][i].sqrt()).collect();
    for i in 0..n {
        for j in 0..n {
            a[i][j] /= scale[i] * scale[j];
            b[i][j] /= scale[i] * scale[j];
        }
    }
    // Gauss and Jordan with pivots from the diagonal, largest first.
    let mut left: Vec<usize> = (0..n).collect();
    while !left.is_empty() {
        let at = (0..left.len())
            .max_by(|x, y| a[left[*x]][left[*x]].total_cmp(&a[left[*y]][left[*y]]))?;
        let k = left.swap_remove(at);
        let pivot = a[k][k];
        if pivot.is_nan() || pivot <= 1e-14 {
            return None;
        }
        let (row_a, row_b) = (a[k].clone(), b[k].clone());
        for i in (0..n).filter(|i| *i != k) {
            let factor = a[i][k] / pivot;
            (0..n).for_each(|j| a[i][j] -= factor * row_a[j]);
            (0..n).for_each(|j| b[i][j] -= factor * row_b[j]);
        }
    }
    Some((0..n).map(|i| b[i][i] / a[i][i]).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_known_covariances() {
        let a = vec![vec![4.0, 1.0], vec![1.0, 9.0]];
        let b: Vec<Vec<f64>> = a.iter().map(|row| row.iter().map(|x| 25.0 * x).collect()).collect();
        assert!((trace_of_ratio(a.clone(), b).unwrap() - 50.0).abs() < 1e-12);
        // tr(A⁻¹) = (4 + 9)/35.
        let one = vec![vec![1.0, 0.0], vec![0.0, 1.0]];
        assert!((trace_of_ratio(a, one).unwrap() - 13.0 / 35.0).abs() < 1e-14);
        let singular = vec![vec![1.0, 1.0], vec![1.0, 1.0]];
        assert!(trace_of_ratio(singular.clone(), singular).is_none());
    }
}
