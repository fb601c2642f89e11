//! The composite-likelihood information criterion, by which models of the same pairs are compared.

use std::f64::consts::TAU;

use crate::fit::Fitted;

/// Least variance of a pair, in units of c2²: that of the rounding of 32-bit values near 1.
const LEAST_VARIANCE: f64 = 1e-15;

/// What one bin leaves: pairs and the sum of their squared residuals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BinSsr {
    /// Pairs.
    pub pairs: u64,
    /// Sum of squared residuals.
    pub ssr: f64,
}

/// CLIC = −2ℓ + 2·penalty; the model with the lower value predicts new data of the same kind better.
///
/// **Formula.** $-2\ell = \sum_\beta n_\beta\,[\ln(2\pi\,\mathrm{SSR}_\beta/n_\beta) + 1]$: the likelihood
/// of independent normal residuals with one variance a bin, at its maximum over the variances;
/// penalty = tr(H⁻¹B)/s², [`dyne_solve::Covariance::effective_parameters`]. **Symbols.** β: bins;
/// n: pairs. Pure numbers. **Edges.** Only differences between fits of the same pairs mean anything. A
/// bin without pairs adds nothing; a variance below 1e-15 counts as that. The penalty is that of the
/// fit that was made: where bins of very different noise weigh the same (`noise.model: global`) it is
/// the one of the common variance.
///
/// **Why not AIC.** Pairs of speckle share frames, so ℓ is a composite likelihood: by following the
/// noise a fit gains not half a unit of ℓ a parameter but tens or hundreds, which the trace counts.
///
/// **Source.** Varin and Vidoni, Biometrika 92 (2005) 519, doi:10.1093/biomet/92.3.519.
/// **Checked by** `tests::independent_pairs_give_the_criterion_of_akaike`, `tests/fits/clic.rs`.
pub fn clic(bins: &[BinSsr], penalty: f64) -> f64 {
    let of = |bin: &BinSsr| {
        let pairs = bin.pairs as f64;
        pairs * ((TAU * (bin.ssr / pairs).max(LEAST_VARIANCE)).ln() + 1.0)
    };
    bins.iter().filter(|bin| bin.pairs > 0).map(of).sum::<f64>() + 2.0 * penalty
}

/// [`clic`] of a fit with its headline covariance; nothing where it has none or no degrees of freedom.
pub fn clic_of(fitted: &Fitted) -> Option<f64> {
    let penalty = fitted.covariance.as_ref().ok()?.effective_parameters()?;
    let bins = fitted.residuals.iter().map(|r| BinSsr { pairs: r.pairs, ssr: r.ssr });
    Some(clic(&bins.collect::<Vec<_>>(), penalty))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With independent pairs the penalty is the number of parameters, and CLIC that of Akaike.
    #[test]
    fn independent_pairs_give_the_criterion_of_akaike() {
        let bins = [BinSsr { pairs: 100, ssr: 0.04 }, BinSsr { pairs: 50, ssr: 0.02 }];
        let minus_two_ell: f64 = bins
            .iter()
            .map(|b| {
                let (n, variance) = (b.pairs as f64, b.ssr / b.pairs as f64);
                n * (TAU * variance).ln() + b.ssr / variance
            })
            .sum();
        assert!((clic(&bins, 5.0) - (minus_two_ell + 10.0)).abs() < 1e-9);
    }

    #[test]
    fn one_variance_a_bin_and_none_for_no_pairs() {
        let one = [BinSsr { pairs: 100, ssr: 1.0 }];
        let with_empty = [one[0], BinSsr { pairs: 0, ssr: 0.0 }];
        assert_eq!(clic(&one, 0.0), clic(&with_empty, 0.0));
        assert!(clic(&[BinSsr { pairs: 100, ssr: 0.0 }], 3.0).is_finite());
        // Halving the residuals of a bin gains n ln 4.
        let halved = [BinSsr { pairs: 100, ssr: 0.25 }];
        assert!((clic(&one, 0.0) - clic(&halved, 0.0) - 100.0 * 4f64.ln()).abs() < 1e-9);
    }
}
