//! Sums of squares of correlated normal numbers, and how likely they are.

use dyne_sample::chi_square::upper_tail;
use faer::{Mat, Side};

/// Ridge of the statistic, a share of the variance of a number: directions in which the numbers hardly vary
/// together count, but not those that are smaller than what a simulation knows of them.
const RIDGE: f64 = 0.1;

/// Eigenvalues and eigenvectors of a correlation matrix.
pub(super) struct Spectrum {
    /// Each eigenvalue with its eigenvector.
    parts: Vec<(f64, Vec<f64>)>,
}

impl Spectrum {
    /// Of a correlation matrix; without parts where it has no rows or no eigenvalues are found.
    pub(super) fn new(correlation: &Mat<f64>) -> Self {
        if correlation.nrows() == 0 {
            return Self { parts: Vec::new() };
        }
        let Ok(spectrum) = correlation.self_adjoint_eigen(Side::Lower) else {
            return Self { parts: Vec::new() };
        };
        let (values, vectors) = (spectrum.S(), spectrum.U());
        let part = |(k, value): (usize, &f64)| {
            (value.max(0.0), vectors.col(k).iter().copied().collect::<Vec<f64>>())
        };
        Self { parts: values.column_vector().iter().enumerate().map(part).collect() }
    }

    /// Along each eigenvector: its eigenvalue λ, 1/(λ + ε), and the components of `vectors`.
    pub(super) fn along<'a>(
        &'a self,
        vectors: &'a [&'a [f64]],
    ) -> impl Iterator<Item = (f64, f64, Vec<f64>)> + 'a {
        self.parts.iter().map(|(value, own)| {
            let dot = |x: &&[f64]| own.iter().zip(*x).map(|(u, x)| u * x).sum::<f64>();
            (*value, (value + RIDGE).recip(), vectors.iter().map(dot).collect())
        })
    }
}

/// T = Σ_k w_k x_k² with independent standard normal x_k, and its cumulants.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SumOfSquares {
    /// T.
    pub statistic: f64,
    /// Its expectation.
    pub expected: f64,
    /// Its variance.
    pub variance: f64,
    /// Its third cumulant.
    pub skew: f64,
}

impl SumOfSquares {
    /// Probability of so large a sum; 1 where there is none.
    ///
    /// **Formula** T = Σ_k w_k x_k² with w = λ/(λ + ε) has the cumulants κ₁ = Σw, κ₂ = 2Σw², κ₃ = 8Σw³; a χ² of
    /// ν = 8κ₂³/κ₃² degrees (rounded), shifted and stretched to κ₁ and κ₂, has nearly the same tail.
    /// **Source** Buckley and Eagleson, Australian Journal of Statistics 30A (1988)
    /// 150, doi:10.1111/j.1467-842X.1988.tb00471.x. **Checked by** `tails_of_correlated_squares`.
    pub fn p(&self) -> f64 {
        if self.variance <= 0.0 {
            return 1.0;
        }
        let freedom = (8.0 * self.variance.powi(3) / self.skew.powi(2)).round().max(1.0);
        let stretch = (2.0 * freedom / self.variance).sqrt();
        let x = freedom + (self.statistic - self.expected) * stretch;
        upper_tail(x, freedom.min(1e6) as usize)
    }

    /// Adds Σ (uᵀz)²/(λ + ε) of standardised numbers z with the eigenvalues λ and eigenvectors u of their correlation.
    pub(super) fn add(&mut self, spectrum: &Spectrum, z: &[f64]) {
        for (value, inverse, along) in spectrum.along(&[z]) {
            let weight = value * inverse;
            self.statistic += along[0] * along[0] * inverse;
            self.expected += weight;
            self.variance += 2.0 * weight.powi(2);
            self.skew += 8.0 * weight.powi(3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_of_correlated_squares() {
        // Independent squares: χ² of 30 degrees.
        let sum = SumOfSquares { statistic: 50.9, expected: 30.0, variance: 60.0, skew: 240.0 };
        assert!((sum.p() - 0.01).abs() < 2e-4, "{}", sum.p());
        // All the same square: 30 times χ² of one degree.
        let same = SumOfSquares { variance: 1800.0, skew: 8.0 * 27000.0, ..sum };
        let expected = upper_tail(50.9 / 30.0, 1);
        assert!((same.p() - expected).abs() < 1e-12, "{} {expected}", same.p());
        let mut none = SumOfSquares::default();
        none.add(&Spectrum::new(&Mat::zeros(0, 0)), &[]);
        assert_eq!(none.p(), 1.0);
    }

    #[test]
    fn independent_numbers_make_a_sum_of_their_squares() {
        let mut sum = SumOfSquares::default();
        sum.add(&Spectrum::new(&Mat::identity(2, 2)), &[3.0, -4.0]);
        assert!(
            (sum.statistic - 25.0 / 1.1).abs() < 1e-12 && (sum.expected - 2.0 / 1.1).abs() < 1e-12
        );
    }
}
