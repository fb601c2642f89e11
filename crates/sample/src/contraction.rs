//! How much the data narrow a prior.

use crate::diagnostics::Draws;

/// Contraction of one parameter from its prior to the posterior of `draws`: 0 where the data tell nothing, towards 1
/// where they tell all.
///
/// **Formula** $1 - \sigma^2_\mathrm{post}/\sigma^2_\mathrm{prior}$, the variance of the draws with n − 1 in its denominator.
/// **Symbols** `prior_variance` in the square of the unit of the draws, positive; (b − a)²/12 for a uniform prior.
/// **Edges** nothing is clamped: below 0 where the posterior is wider than the prior, as an estimate from few
/// draws or a conflict of data and prior makes it; 1 for an infinite prior variance, −∞ or NaN for one of 0.
/// **Cost** two passes. **Source** Schad, Betancourt and Vasishth, Psychological Methods 26 (2021) 103,
/// doi:10.1037/met0000275. **Checked by** `halving_an_error_contracts_by_three_quarters`.
pub fn contraction(draws: &Draws, prior_variance: f64) -> f64 {
    1.0 - draws.standard_deviation().powi(2) / prior_variance
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_an_error_contracts_by_three_quarters() {
        // Variance 1 with n − 1 = 8 in the denominator.
        let draws = Draws::new(vec![vec![5.0, 4.0, 6.0, 4.0, 6.0, 4.0, 6.0, 4.0, 6.0]]);
        assert!((contraction(&draws, 4.0) - 0.75).abs() < 1e-15);
        assert!((contraction(&draws, 1.0)).abs() < 1e-15);
        assert!((contraction(&draws, 0.5) + 1.0).abs() < 1e-15);
        assert_eq!(contraction(&draws, f64::INFINITY), 1.0);
    }
}
