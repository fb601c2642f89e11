//! A likelihood of correlated pairs made as wide as the error bars, direction by direction.

use dyne_solve::{Covariance, Slot, Transform};
use faer::linalg::solvers::Solve;
use faer::{Mat, Side};

/// Covariances of the parameters at the fit: of independent pairs, and the one that holds.
#[derive(Debug, Clone, Copy)]
pub struct Covariances<'a> {
    /// Parameters of the fit.
    pub theta: &'a [f64],
    /// Covariance that independent pairs would give.
    pub independent: &'a Covariance,
    /// The one behind the error bars.
    pub actual: &'a Covariance,
}

/// Where the likelihood is looked up for a point: $\hat w + C(w - \hat w)$.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Adjustment {
    centre: Vec<f64>,
    /// C, row by row.
    map: Vec<f64>,
}

impl Adjustment {
    /// The curvature adjustment in the variables w of which `straight` gives those of free variables x.
    ///
    /// **Formula** C = L₀L⁻¹ with $V_0 = L_0L_0^T$ and $V = LL^T$, so that $C^TV_0^{-1}C = V^{-1}$: the likelihood
    /// falls about the fit as a normal one with the covariance V. **Symbols** V₀, V: covariances of independent pairs
    /// and of the error bars, taken to w by the slopes ∂w/∂x. **Edges** nothing where a parameter has no standard
    /// error or lies on a bound. **Source** Ribatet, Cooley and Davison, Statistica Sinica 22 (2012) 813, section 2.2.
    /// **Checked by** `tests/fits/posterior.rs`.
    pub(super) fn try_new(
        transform: &Transform,
        covariances: Covariances<'_>,
        straight: &dyn Fn(&[f64]) -> Vec<f64>,
    ) -> Option<Self> {
        let Covariances { theta, independent, actual } = covariances;
        let free = transform.free();
        let n = free.len();
        let inside = |k: &usize| match transform.slots()[*k] {
            Slot::Free { lower, upper, .. } => theta[*k] > lower && theta[*k] < upper,
            _ => false,
        };
        if !free.iter().all(inside) {
            return None;
        }
        let x = transform.free_variables(theta).ok()?;
        let slopes = transform.slopes(theta);
        let errors: Vec<f64> =
            free.iter().map(|k| independent.stderr(*k).ok()).collect::<Option<_>>()?;
        // Columns of ∂w/∂x in units of the errors of independent pairs.
        let unit = |i: usize| errors[i] / slopes[free[i]];
        let column = |i: usize| -> Vec<f64> {
            let moved = |by: f64| {
                let mut x = x.clone();
                x[i] += by * unit(i);
                straight(&x)
            };
            let (up, down) = (moved(1e-2), moved(-1e-2));
            up.iter().zip(down).map(|(u, d)| (u - d) / 2e-2).collect()
        };
        let columns: Vec<Vec<f64>> = (0..n).map(column).collect();
        let jacobian = Mat::from_fn(n, n, |i, j| columns[j][i]);
        let factor = |of: &Covariance| {
            let entry = |i: usize, j: usize| {
                of.covariance(free[i], free[j]).map_or(f64::NAN, |v| v / (errors[i] * errors[j]))
            };
            let own = Mat::from_fn(n, n, entry);
            let turned = &jacobian * own * jacobian.transpose();
            let factor = turned.llt(Side::Lower).ok()?;
            let lower = factor.L();
            Some(Mat::from_fn(n, n, |i, j| if j <= i { lower[(i, j)] } else { 0.0 }))
        };
        let (narrow, wide) = (factor(independent)?, factor(actual)?);
        // C = L₀ L⁻¹ by Lᵀ Cᵀ = L₀ᵀ.
        let transposed = wide.transpose().partial_piv_lu().solve(narrow.transpose().to_owned());
        let map: Vec<f64> = (0..n * n).map(|k| transposed[(k % n, k / n)]).collect();
        map.iter().all(|c| c.is_finite()).then(|| Self { centre: straight(&x), map })
    }

    /// Where the likelihood of `w` is looked up; variables beyond the parameters stay.
    pub(super) fn forward(&self, w: &[f64]) -> Vec<f64> {
        let n = self.centre.len();
        let row = |i: usize| {
            let terms = (0..n).map(|j| self.map[i * n + j] * (w[j] - self.centre[j]));
            self.centre[i] + terms.sum::<f64>()
        };
        (0..n).map(row).chain(w[n..].iter().copied()).collect()
    }

    /// A gradient by what [`Adjustment::forward`] gives as one by w.
    pub(super) fn transposed(&self, g: &[f64]) -> Vec<f64> {
        let n = self.centre.len();
        let column = |j: usize| (0..n).map(|i| self.map[i * n + j] * g[i]).sum::<f64>();
        (0..n).map(column).chain(g[n..].iter().copied()).collect()
    }
}
