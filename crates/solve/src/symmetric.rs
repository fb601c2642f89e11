//! Small symmetric positive semidefinite matrices: factorisation, rank, minimum-norm solves.

use faer::{MatRef, Side};

use crate::error::SolveError;

/// Eigenvalues of the unit-diagonal matrix at or below this fraction of the largest count as 0.
///
/// The entries carry rounding of some 1e-15 relative; 1e-13 keeps noise from passing for rank.
pub(crate) const RANK_TOLERANCE: f64 = 1e-13;

/// Lower Cholesky factor of the symmetric row-major `a` of order `n`, or nothing as soon as a pivot
/// is not above `floor`.
pub(crate) fn cholesky(a: &[f64], n: usize, floor: f64) -> Option<Vec<f64>> {
    let mut l = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| l[i * n + k] * l[j * n + k]).sum();
            let rest = a[i * n + j] - dot;
            if i == j {
                if rest.is_nan() || rest <= floor {
                    return None;
                }
                l[i * n + i] = rest.sqrt();
            } else {
                l[i * n + j] = rest / l[j * n + j];
            }
        }
    }
    Some(l)
}

/// Solves L x = b in place.
pub(crate) fn solve_lower(l: &[f64], n: usize, x: &mut [f64]) {
    for i in 0..n {
        let dot: f64 = (0..i).map(|k| l[i * n + k] * x[k]).sum();
        x[i] = (x[i] - dot) / l[i * n + i];
    }
}

/// Solves Lᵀ x = b in place.
pub(crate) fn solve_upper(l: &[f64], n: usize, x: &mut [f64]) {
    for i in (0..n).rev() {
        let dot: f64 = (i + 1..n).map(|k| l[k * n + i] * x[k]).sum();
        x[i] = (x[i] - dot) / l[i * n + i];
    }
}

/// Eigenvalues, ascending, and eigenvectors (one per inner vector) of a symmetric row-major matrix.
///
/// # Errors
/// [`SolveError::Eigenvalues`] when the iteration does not converge.
pub(crate) fn eigen(a: &[f64], n: usize) -> Result<(Vec<f64>, Vec<Vec<f64>>), SolveError> {
    if n == 0 {
        return Ok((Vec::new(), Vec::new()));
    }
    let decomposition = MatRef::from_row_major_slice(a, n, n)
        .self_adjoint_eigen(Side::Lower)
        .map_err(|_| SolveError::Eigenvalues { order: n })?;
    let values = decomposition.S().column_vector().iter().copied().collect();
    let u = decomposition.U();
    let vectors = (0..n).map(|j| u.col(j).iter().copied().collect()).collect();
    Ok((values, vectors))
}

/// A positive semidefinite matrix A, factorised after scaling its diagonal to 1.
///
/// **Formula.** With $S = \mathrm{diag}(a_{ii}^{-1/2})$ (0 where $a_{ii} = 0$) the scaled matrix
/// $\hat A = SAS$ is $LL^T$ at full rank, else $V\Lambda V^T$ of which only eigenvalues above
/// tolerance·max are kept. Solutions are of minimum norm in the scaled variables $S^{-1}x$.
///
/// **Edges.** Order 0 is legal. The rank is decided at `tolerance`, relative to the largest
/// eigenvalue.
///
/// **Cost.** n³/3 operations at full rank, some 10 n³ otherwise.
///
/// **Checked by** `full_rank_solves`, `a_singular_matrix_gives_the_minimum_norm`.
#[derive(Debug, Clone)]
pub(crate) struct Factor {
    scale: Vec<f64>,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Cholesky(Vec<f64>),
    Spectral { kept: Vec<(f64, Vec<f64>)>, null: Vec<Vec<f64>> },
}

impl Factor {
    pub(crate) fn try_new(a: &[f64], n: usize, tolerance: f64) -> Result<Self, SolveError> {
        let scale: Vec<f64> = (0..n)
            .map(|i| if a[i * n + i] > 0.0 { a[i * n + i].sqrt().recip() } else { 0.0 })
            .collect();
        let unit = scaled(a, &scale);
        if let Some(l) = cholesky(&unit, n, tolerance * n as f64) {
            return Ok(Self { scale, kind: Kind::Cholesky(l) });
        }
        let (values, vectors) = eigen(&unit, n)?;
        let cut = tolerance * values.last().copied().unwrap_or(0.0).max(f64::MIN_POSITIVE);
        let (mut kept, mut null) = (Vec::new(), Vec::new());
        for (value, vector) in values.into_iter().zip(vectors) {
            if value > cut { kept.push((value, vector)) } else { null.push(vector) }
        }
        Ok(Self { scale, kind: Kind::Spectral { kept, null } })
    }

    pub(crate) fn order(&self) -> usize {
        self.scale.len()
    }

    pub(crate) fn rank(&self) -> usize {
        match &self.kind {
            Kind::Cholesky(_) => self.order(),
            Kind::Spectral { kept, .. } => kept.len(),
        }
    }

    /// Eigenvalues, ascending, of the matrix `a` this factor was made of, scaled to a unit diagonal,
    /// and the eigenvector of the first (empty at order 0).
    pub(crate) fn spectrum(&self, a: &[f64]) -> Result<(Vec<f64>, Vec<f64>), SolveError> {
        let unit = scaled(a, &self.scale);
        let (values, vectors) = eigen(&unit, self.order())?;
        Ok((values, vectors.into_iter().next().unwrap_or_default()))
    }

    /// Scale S of the variables: 1/√a_ii.
    pub(crate) fn scale(&self) -> &[f64] {
        &self.scale
    }

    /// Null directions in scaled variables, unit length.
    pub(crate) fn null(&self) -> &[Vec<f64>] {
        match &self.kind {
            Kind::Cholesky(_) => &[],
            Kind::Spectral { null, .. } => null,
        }
    }

    /// w with wᵀw' = bᵀ A⁺ b', for b and b' treated alike.
    pub(crate) fn half(&self, b: &[f64]) -> Vec<f64> {
        let mut scaled: Vec<f64> = b.iter().zip(&self.scale).map(|(b, s)| b * s).collect();
        match &self.kind {
            Kind::Cholesky(l) => {
                solve_lower(l, scaled.len(), &mut scaled);
                scaled
            }
            Kind::Spectral { kept, .. } => {
                kept.iter().map(|(value, v)| dot(v, &scaled) / value.sqrt()).collect()
            }
        }
    }

    /// x = A⁺ b, by way of w = [`Self::half`] of b.
    pub(crate) fn solve_half(&self, mut w: Vec<f64>) -> Vec<f64> {
        let mut x = match &self.kind {
            Kind::Cholesky(l) => {
                solve_upper(l, self.order(), &mut w);
                w
            }
            Kind::Spectral { kept, .. } => {
                let mut x = vec![0.0; self.order()];
                for ((value, v), w) in kept.iter().zip(&w) {
                    for (x, v) in x.iter_mut().zip(v) {
                        *x += v * w / value.sqrt();
                    }
                }
                x
            }
        };
        x.iter_mut().zip(&self.scale).for_each(|(x, s)| *x *= s);
        x
    }

    /// x = A⁺ b.
    pub(crate) fn solve(&self, b: &[f64]) -> Vec<f64> {
        self.solve_half(self.half(b))
    }

    /// A⁺, row-major.
    pub(crate) fn inverse(&self) -> Vec<f64> {
        let n = self.order();
        let mut columns = Vec::with_capacity(n * n);
        let mut unit = vec![0.0; n];
        for i in 0..n {
            unit[i] = 1.0;
            columns.extend(self.solve(&unit));
            unit[i] = 0.0;
        }
        symmetrised(columns, n)
    }
}

/// S A S, row-major.
fn scaled(a: &[f64], scale: &[f64]) -> Vec<f64> {
    let n = scale.len();
    (0..n * n).map(|k| a[k] * scale[k / n] * scale[k % n]).collect()
}

/// The mean of a row-major matrix and its transpose: rounding must not break symmetry.
pub(crate) fn symmetrised(mut a: Vec<f64>, n: usize) -> Vec<f64> {
    for i in 0..n {
        for j in 0..i {
            let mean = 0.5 * (a[i * n + j] + a[j * n + i]);
            a[i * n + j] = mean;
            a[j * n + i] = mean;
        }
    }
    a
}

/// Scalar product, summed in order.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Row-major A (`rows` × length of b) times b; b may be empty.
pub(crate) fn times(a: &[f64], rows: usize, b: &[f64]) -> Vec<f64> {
    let n = b.len();
    (0..rows).map(|i| dot(&a[i * n..(i + 1) * n], b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_rank_solves() {
        let a = [4e6, 2e3, 0.0, 2e3, 5.0, 1.0, 0.0, 1.0, 3.0];
        let factor = Factor::try_new(&a, 3, RANK_TOLERANCE).unwrap();
        assert_eq!(factor.rank(), 3);
        let x = factor.solve(&times(&a, 3, &[1e-3, 2.0, -1.0]));
        for (x, expected) in x.iter().zip([1e-3, 2.0, -1.0]) {
            assert!((x - expected).abs() < 1e-14, "{x} against {expected}");
        }
    }

    #[test]
    fn a_singular_matrix_gives_the_minimum_norm() {
        // x0 + x1 = 2 is all that is known; the shortest solution is (1, 1). x2 is not seen at all.
        let a = [1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0];
        let factor = Factor::try_new(&a, 3, RANK_TOLERANCE).unwrap();
        assert_eq!((factor.rank(), factor.null().len()), (1, 2));
        let x = factor.solve(&[2.0, 2.0, 0.0]);
        assert!((x[0] - 1.0).abs() < 1e-14 && (x[1] - 1.0).abs() < 1e-14 && x[2] == 0.0);
    }

    #[test]
    fn half_products_are_quadratic_forms_of_the_inverse() {
        let a = [4.0, 1.0, 1.0, 3.0];
        let factor = Factor::try_new(&a, 2, RANK_TOLERANCE).unwrap();
        let (b, c) = ([1.0, 2.0], [-3.0, 0.5]);
        let direct = dot(&b, &factor.solve(&c));
        assert!((dot(&factor.half(&b), &factor.half(&c)) - direct).abs() < 1e-15);
        let inverse = factor.inverse();
        assert!((dot(&b, &times(&inverse, 2, &c)) - direct).abs() < 1e-15);
    }
}
