//! Whether ranks are uniform, as those of simulation-based calibration must be.
//!
//! A truth drawn from the prior, data simulated from it and L draws of their posterior: the rank of the truth
//! among the draws is uniform on 0 to L, whatever the prior and the model, if the posterior is right.
//!
//! **Source** Talts, Betancourt, Simpson, Vehtari and Gelman, arXiv:1804.06788, theorem 1 and section 4.1.

use thiserror::Error;

use crate::chi_square::{ln_gamma, upper_tail};

/// Why ranks do not make a histogram.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UniformityError {
    /// No rank is given.
    #[error("histogram of ranks: no rank, expected at least one\nrun a simulation first")]
    Empty,
    /// A histogram of fewer than two bins says nothing.
    #[error("histogram of ranks: {found} bins, expected at least 2\nask for more bins")]
    Bins {
        /// Bins asked for.
        found: usize,
    },
    /// Bins would hold unequal numbers of possible ranks.
    #[error(
        "histogram of ranks: {possible} possible ranks in {bins} bins, expected as many in each\n\
         take a number of bins that divides {possible}, or thin the draws to another number"
    )]
    Indivisible {
        /// Possible ranks, L + 1.
        possible: usize,
        /// Bins asked for.
        bins: usize,
    },
    /// A rank is above L.
    #[error(
        "histogram of ranks: rank {found} of simulation {}, expected at most {largest}, the number of draws\n\
         rank all simulations among the same number of draws",
        simulation + 1
    )]
    Rank {
        /// Position of the rank.
        simulation: usize,
        /// Rank found.
        found: usize,
        /// Largest possible rank, L.
        largest: usize,
    },
}

/// Rank of `truth` among draws: how many are below it, 0 to the number of draws.
///
/// **Formula** $\sum_l [\theta_l < \tilde\theta]$. The draws must be thinned until they are independent: autocorrelated
/// ones pile ranks up at both ends. **Source** Talts et al., algorithm 1. **Checked by**
/// `ranks_count_draws_below`.
pub fn rank(truth: f64, draws: &[f64]) -> usize {
    draws.iter().filter(|draw| **draw < truth).count()
}

/// A histogram of ranks and how far it is from uniform.
#[derive(Debug, Clone, PartialEq)]
pub struct Uniformity {
    /// Ranks in each bin.
    pub counts: Vec<u64>,
    /// χ² against equal bins.
    pub statistic: f64,
    /// Chance that uniform ranks are at least as far from equal bins.
    pub p_value: f64,
}

impl Uniformity {
    /// Counts ranks into bins and compares these with equal ones.
    ///
    /// **Formula** $\chi^2 = \sum_b (n_b - N/B)^2/(N/B)$; the p-value is the upper tail of χ² with B − 1 degrees.
    ///
    /// | symbol | meaning |
    /// |---|---|
    /// | N | number of ranks, one a simulation |
    /// | L | number of draws, `largest`: ranks are 0 to L |
    /// | B | number of bins, a divisor of L + 1 |
    ///
    /// **Edges** the p-value is that of many ranks: with 20 bins of 5 ranks each, 1e-3 is 1.2e-3 in truth and 1e-4 is 1.6e-4;
    /// of 20 each it is right to a few percent.
    /// **Cost** one pass. **Source** Talts et al., section 4.1. **Checked by** `values_are_those_of_scipy`.
    ///
    /// # Errors
    /// [`UniformityError`].
    pub fn try_new(ranks: &[usize], largest: usize, bins: usize) -> Result<Self, UniformityError> {
        let counts = histogram(ranks, largest, bins)?;
        let expected = ranks.len() as f64 / bins as f64;
        let statistic = counts.iter().map(|n| (*n as f64 - expected).powi(2) / expected).sum();
        Ok(Self { counts, statistic, p_value: upper_tail(statistic, bins - 1) })
    }
}

fn histogram(ranks: &[usize], largest: usize, bins: usize) -> Result<Vec<u64>, UniformityError> {
    let possible = largest + 1;
    if bins < 2 {
        return Err(UniformityError::Bins { found: bins });
    }
    if !possible.is_multiple_of(bins) {
        return Err(UniformityError::Indivisible { possible, bins });
    }
    if ranks.is_empty() {
        return Err(UniformityError::Empty);
    }
    let mut counts = vec![0; bins];
    for (simulation, rank) in ranks.iter().enumerate() {
        if *rank > largest {
            return Err(UniformityError::Rank { simulation, found: *rank, largest });
        }
        counts[rank / (possible / bins)] += 1;
    }
    Ok(counts)
}

/// Counts between which one bin of uniform ranks lies, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band {
    /// Least count.
    pub lowest: u64,
    /// Largest count.
    pub highest: u64,
}

/// The band in which the count of one bin lies with chance `share`, for pictures: 0.99 as Talts et al. draw it.
///
/// **Formula** the smallest counts at which the distribution function of the binomial distribution of N ranks
/// with chance 1/B reaches (1 ∓ share)/2. It holds for one bin: of B bins some B·(1 − share) lie outside by chance.
/// **Symbols** as in [`Uniformity::try_new`]. **Edges** 0 to N for a share of 1. **Cost** N terms.
/// **Source** Talts et al., section 4.1. **Checked by** `bands_are_those_of_scipy`.
///
/// # Panics
/// With fewer than 2 bins or a share outside 0 to 1.
#[track_caller]
pub fn band(ranks: usize, bins: usize, share: f64) -> Band {
    assert!(bins >= 2, "at least two bins");
    assert!((0.0..=1.0).contains(&share), "a share of 0 to 1");
    let below = 0.5 * (1.0 - share);
    let (lowest, highest) = (count_at(below, ranks, bins), count_at(1.0 - below, ranks, bins));
    Band { lowest, highest }
}

/// Smallest count at which the binomial distribution function reaches `p`.
fn count_at(p: f64, ranks: usize, bins: usize) -> u64 {
    let (n, inside) = (ranks as f64, (bins as f64).recip());
    let chance = |k: f64| {
        let choices = ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0);
        (choices + k * inside.ln() + (n - k) * (-inside).ln_1p()).exp()
    };
    let mut sum = 0.0;
    let reached = (0..ranks).find(|k| {
        sum += chance(*k as f64);
        // A sum of some thousand terms may miss 1 by its rounding.
        sum >= p && p < 1.0
    });
    reached.unwrap_or(ranks) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Stream;

    #[test]
    fn values_are_those_of_scipy() {
        // Bins of 2 ranks each: 12, 8, 10, 14 and 6 of them.
        let ranks: Vec<usize> = [(0, 5), (1, 7), (2, 8), (5, 10), (6, 14), (9, 6)]
            .iter()
            .flat_map(|(rank, count)| std::iter::repeat_n(*rank, *count))
            .collect();
        let found = Uniformity::try_new(&ranks, 9, 5).unwrap();
        assert_eq!(found.counts, [12, 8, 10, 14, 6]);
        // SciPy 1.17.1: scipy.stats.chisquare([12, 8, 10, 14, 6]).
        assert!((found.statistic - 4.0).abs() < 1e-14);
        assert!((found.p_value - 0.40600584970983794).abs() < 1e-13, "{}", found.p_value);
    }

    #[test]
    fn uniform_ranks_pass_and_crowded_ones_fail() {
        let mut stream = Stream::new(3);
        let uniform: Vec<usize> = (0..2000).map(|_| (stream.uniform() * 100.0) as usize).collect();
        assert!(Uniformity::try_new(&uniform, 99, 20).unwrap().p_value > 0.01);
        // Error bars a fifth too wide crowd the ranks in the middle.
        let crowded: Vec<usize> = (0..2000)
            .map(|_| {
                let truth = stream.normal() / 1.2;
                rank(truth, &(0..99).map(|_| stream.normal()).collect::<Vec<f64>>())
            })
            .collect();
        assert!(Uniformity::try_new(&crowded, 99, 20).unwrap().p_value < 1e-6);
    }

    #[test]
    fn ranks_count_draws_below() {
        assert_eq!(rank(0.5, &[0.1, 0.5, 0.9, 0.2]), 2);
        assert_eq!((rank(-1.0, &[0.0; 7]), rank(1.0, &[0.0; 7])), (0, 7));
    }

    #[test]
    fn ranks_that_make_no_histogram_are_refused() {
        let refused = |ranks: &[usize], largest, bins| {
            Uniformity::try_new(ranks, largest, bins).unwrap_err().to_string()
        };
        assert!(refused(&[1], 99, 30).contains("100 possible ranks in 30 bins"));
        assert!(refused(&[1], 99, 1).contains("1 bins"));
        assert!(refused(&[], 99, 10).contains("no rank"));
        assert!(refused(&[3, 100], 99, 10).contains("rank 100 of simulation 2"));
    }

    #[test]
    fn bands_are_those_of_scipy() {
        // SciPy 1.17.1: scipy.stats.binom.ppf([(1 - share)/2, (1 + share)/2], n, 1/B).
        for (ranks, bins, share, lowest, highest) in [
            (1000, 20, 0.99, 33, 69),
            (100, 10, 0.99, 3, 18),
            (20, 20, 0.99, 0, 4),
            (100_000, 50, 0.99, 1887, 2115),
            (7, 2, 0.99, 0, 7),
            (1000, 20, 0.95, 37, 64),
            (100, 10, 0.95, 5, 16),
        ] {
            assert_eq!(band(ranks, bins, share), Band { lowest, highest });
        }
        assert_eq!(band(10, 2, 1.0), Band { lowest: 0, highest: 10 });
    }
}
