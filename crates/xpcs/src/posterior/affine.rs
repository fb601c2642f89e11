//! Centre and units of the variables of a sampler.

use faer::{Mat, Side};

use super::PosteriorError;

/// Largest standard deviation that a direction is taken to have, in units of what was expected before.
const WIDEST: f64 = 3.0;

/// $w = w_0 + A z$.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Affine {
    centre: Vec<f64>,
    /// A, row by row.
    units: Vec<f64>,
}

impl Affine {
    /// About a centre, each variable in a unit of its own.
    pub(super) fn about(centre: Vec<f64>, scales: &[f64]) -> Self {
        let n = centre.len();
        let unit = |k: usize| if k / n == k % n { scales[k % n] } else { 0.0 };
        let units = (0..n * n).map(unit).collect();
        Self { centre, units }
    }

    /// Units in which a density with this curvature −∂² ln p, row by row, is a standard normal one.
    ///
    /// **Formula** $A = Q\Lambda^{-1/2}$ of $C = Q\Lambda Q^T$, Λ not below 1/3². **Edges** a curvature that is not
    /// positive, as on a bound, counts as that least one.
    pub(super) fn try_new(centre: Vec<f64>, curvature: &[f64]) -> Result<Self, PosteriorError> {
        let n = centre.len();
        let matrix = Mat::from_fn(n, n, |i, j| curvature[i * n + j]);
        let own = matrix
            .self_adjoint_eigen(Side::Lower)
            .map_err(|_| PosteriorError::Curvature { dimension: n })?;
        let (vectors, values) = (own.U(), own.S());
        let unit = |j: usize| values[j].max(WIDEST.powi(-2)).sqrt().recip();
        let units = (0..n * n).map(|k| vectors[(k / n, k % n)] * unit(k % n)).collect();
        Ok(Self { centre, units })
    }

    /// First z = `start` + B y of `inner`, then this map.
    pub(super) fn after(&self, inner: &Self, start: &[f64]) -> Self {
        let n = self.centre.len();
        let product = |i: usize, j: usize| {
            (0..n).map(|k| self.units[i * n + k] * inner.units[k * n + j]).sum::<f64>()
        };
        let units = (0..n * n).map(|k| product(k / n, k % n)).collect();
        Self { centre: self.forward(start), units }
    }

    pub(super) fn dimension(&self) -> usize {
        self.centre.len()
    }

    pub(super) fn forward(&self, z: &[f64]) -> Vec<f64> {
        let n = self.centre.len();
        let row = |i: usize| self.units[i * n..][..n].iter().zip(z).map(|(a, z)| a * z);
        (0..n).map(|i| self.centre[i] + row(i).sum::<f64>()).collect()
    }

    /// Aᵀ g.
    pub(super) fn transposed(&self, g: &[f64]) -> Vec<f64> {
        let n = self.centre.len();
        (0..n).map(|j| (0..n).map(|i| self.units[i * n + j] * g[i]).sum()).collect()
    }

    /// A root B of the covariance of the first `n` of w, $BB^T = (AA^T)_{nn}$, row by row; and the slopes of what is
    /// expected of the others by y, where the first are B y. Not numbers where the covariance is singular.
    pub(super) fn marginal(&self, n: usize) -> (Vec<f64>, Vec<f64>) {
        use faer::linalg::solvers::Solve;
        let all = self.centre.len();
        let rows = Mat::from_fn(all, all, |i, j| self.units[i * all + j]);
        // In units of each variable, as they differ by orders of magnitude.
        let unit: Vec<f64> = (0..all).map(|i| rows.row(i).norm_l2()).collect();
        let scaled = Mat::from_fn(all, all, |i, j| rows[(i, j)] / unit[i]);
        let covariance = &scaled * scaled.transpose();
        let Ok(factor) = covariance.submatrix(0, 0, n, n).llt(Side::Lower) else {
            return (vec![f64::NAN; n * n], vec![f64::NAN; (all - n) * n]);
        };
        let lower = factor.L();
        let root = |i: usize, j: usize| if j <= i { lower[(i, j)] } else { 0.0 };
        // E[e | y] = Σ_ew B⁻ᵀ y.
        let across = covariance.submatrix(0, n, n, all - n).to_owned();
        let slopes = Mat::from_fn(n, n, root).partial_piv_lu().solve(across);
        let units = (0..n * n).map(|k| unit[k / n] * root(k / n, k % n)).collect();
        let others = (0..(all - n) * n).map(|k| unit[n + k / n] * slopes[(k % n, k / n)]);
        (units, others.collect())
    }

    /// z of w.
    pub(super) fn backward(&self, w: &[f64]) -> Vec<f64> {
        use faer::linalg::solvers::Solve;
        let n = self.centre.len();
        let units = Mat::from_fn(n, n, |i, j| self.units[i * n + j]);
        let rest = Mat::from_fn(n, 1, |i, _| w[i] - self.centre[i]);
        let z = units.partial_piv_lu().solve(&rest);
        (0..n).map(|i| z[(i, 0)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_turn_a_curvature_into_one() {
        let curvature = [400.0, 90.0, 90.0, 25.0];
        let affine = Affine::try_new(vec![1.0, -2.0], &curvature).unwrap();
        let at = |z: [f64; 2]| affine.forward(&z);
        // Aᵀ C A = 1.
        let column = |k: usize| {
            let mut z = [0.0; 2];
            z[k] = 1.0;
            [at(z)[0] - 1.0, at(z)[1] + 2.0]
        };
        for i in 0..2 {
            for j in 0..2 {
                let (a, b) = (column(i), column(j));
                let product: f64 = (0..4).map(|k| a[k / 2] * curvature[k] * b[k % 2]).sum();
                assert!((product - f64::from(u8::from(i == j))).abs() < 1e-12, "{product}");
            }
        }
        let z = [0.3, -0.7];
        let back = affine.backward(&affine.forward(&z));
        assert!(back.iter().zip(z).all(|(a, b)| (a - b).abs() < 1e-12));
    }

    #[test]
    fn a_direction_without_curvature_has_the_widest_unit() {
        let affine = Affine::try_new(vec![0.0, 0.0], &[-4.0, 0.0, 0.0, 0.0]).unwrap();
        for k in 0..4 {
            let expected = if k == 0 || k == 3 { WIDEST } else { 0.0 };
            assert!((affine.units[k].abs() - expected).abs() < 1e-12);
        }
    }
}
