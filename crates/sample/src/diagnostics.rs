//! What chains tell of themselves: convergence, effective sizes, errors of estimates.

mod autocorrelation;
pub(crate) mod normal;
mod rank;

use autocorrelation::effective_size;
use rank::{folded, normalised};

/// Draws of one quantity: chains of equal length, at least four draws each.
///
/// **Source.** Vehtari, Gelman, Simpson, Carpenter and Bürkner, Bayesian Analysis 16 (2021) 667,
/// doi:10.1214/20-BA1221; effective sizes after Geyer, Statistical Science 7 (1992) 473,
/// doi:10.1214/ss/1177011137. **Checked by** `values_are_those_of_arviz`.
#[derive(Debug, Clone, PartialEq)]
pub struct Draws(Vec<Vec<f64>>);

impl Draws {
    /// Chains of equal length.
    ///
    /// # Panics
    /// Where there is no chain, lengths differ, or a chain has fewer than four draws.
    #[track_caller]
    pub fn new(chains: Vec<Vec<f64>>) -> Self {
        let length = chains.first().expect("at least one chain").len();
        assert!(length >= 4 && chains.iter().all(|c| c.len() == length), "chains of one length");
        Self(chains)
    }

    /// All draws, chain after chain.
    pub fn all(&self) -> impl Iterator<Item = f64> + Clone + '_ {
        self.0.iter().flatten().copied()
    }

    /// All draws in ascending order.
    fn sorted(&self) -> Vec<f64> {
        let mut sorted: Vec<f64> = self.all().collect();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    /// The chains.
    pub fn chains(&self) -> &[Vec<f64>] {
        &self.0
    }

    /// Mean.
    pub fn mean(&self) -> f64 {
        mean(self.all())
    }

    /// Standard deviation of the draws.
    pub fn standard_deviation(&self) -> f64 {
        variance(self.all()).sqrt()
    }

    /// Value below which a share `p` of the draws lies, linear between neighbours.
    pub fn quantile(&self, p: f64) -> f64 {
        let sorted = self.sorted();
        let at = p.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
        let (below, share) = (at.floor() as usize, at.fract());
        let above = (below + 1).min(sorted.len() - 1);
        sorted[below] + share * (sorted[above] - sorted[below])
    }

    /// Rank-normalised split R̂: the larger of that of the values and of their distances from the median.
    ///
    /// **Edges** NaN where all draws are equal.
    pub fn r_hat(&self) -> f64 {
        let split = split(&self.0);
        let of = |chains: &[Vec<f64>]| plain_r_hat(&normalised(chains));
        let (bulk, tails) = (of(&split), of(&folded(&split)));
        // NaN of either is one of both.
        if bulk.is_nan() || tails.is_nan() { f64::NAN } else { bulk.max(tails) }
    }

    /// Effective number of draws for the centre of the distribution.
    pub fn bulk_ess(&self) -> f64 {
        effective_size(&normalised(&split(&self.0)))
    }

    /// Effective number of draws for the 5 % and 95 % quantiles, the smaller of both.
    pub fn tail_ess(&self) -> f64 {
        let below = |p: f64| {
            let bound = self.quantile(p);
            let inside = |chain: &Vec<f64>| {
                chain.iter().map(|x| if *x <= bound { 1.0 } else { 0.0 }).collect()
            };
            effective_size(&split(&self.0.iter().map(inside).collect::<Vec<_>>()))
        };
        below(0.05).min(below(0.95))
    }

    /// Effective number of draws for the mean.
    pub fn mean_ess(&self) -> f64 {
        effective_size(&split(&self.0))
    }

    /// Effective number of draws of the chains taken each by itself.
    ///
    /// **Formula** the sum of [`Self::mean_ess`] of every chain alone; a chain that never moves counts as one draw. That
    /// of all chains together falls to the number of chains where these sit in different modes, so it cannot
    /// tell how well the modes are known. **Checked by** `chains_apart_are_effective_by_themselves`.
    pub fn within_ess(&self) -> f64 {
        let of = |chain: &Vec<f64>| {
            let moves = chain.iter().any(|x| *x != chain[0]);
            if moves { effective_size(&split(std::slice::from_ref(chain))) } else { 1.0 }
        };
        self.0.iter().map(of).sum()
    }

    /// Standard error of the mean as an estimate.
    pub fn mean_error(&self) -> f64 {
        self.standard_deviation() / self.mean_ess().sqrt()
    }
}

/// Estimated Bayesian fraction of missing information of the energies of each chain, after Betancourt,
/// arXiv:1604.00695: below 0.3 the momentum hardly moves the chain between energies.
///
/// **Formula** $\sum_n (E_n - E_{n-1})^2 / \sum_n (E_n - \bar E)^2$.
pub fn energy_fraction(energies: &[f64]) -> f64 {
    let centre = mean(energies.iter().copied());
    let steps: f64 = energies.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum();
    steps / energies.iter().map(|e| (e - centre).powi(2)).sum::<f64>()
}

fn mean(values: impl Iterator<Item = f64> + Clone) -> f64 {
    values.clone().sum::<f64>() / values.count() as f64
}

/// With n − 1 in the denominator.
fn variance(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let (centre, count) = (mean(values.clone()), values.clone().count());
    values.map(|x| (x - centre).powi(2)).sum::<f64>() / (count - 1) as f64
}

/// Halves of all chains; the draw in the middle of an odd length is left out.
fn split(chains: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let halves = |chain: &Vec<f64>| {
        let half = chain.len() / 2;
        [chain[..half].to_vec(), chain[chain.len() - half..].to_vec()]
    };
    chains.iter().flat_map(halves).collect()
}

/// R̂ of Gelman and Rubin.
fn plain_r_hat(chains: &[Vec<f64>]) -> f64 {
    let length = chains[0].len() as f64;
    let within = mean(chains.iter().map(|chain| variance(chain.iter().copied())));
    let between = variance(chains.iter().map(|chain| mean(chain.iter().copied())));
    ((between + within * (length - 1.0) / length) / within).sqrt()
}

#[cfg(test)]
mod tests;
