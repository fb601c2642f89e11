//! Effective sizes from autocorrelations.

use super::{mean, variance};

/// Number of independent draws that estimate a mean as well, by the initial monotone sequence of the
/// autocorrelations of all chains together.
///
/// **Formula.** $N/\hat\tau$, $\hat\tau = -1 + 2\sum_k P_k$, $P_k = \rho_{2k} + \rho_{2k+1}$ as long as positive and
/// made to fall, $\rho_t = 1 - (W - \bar s_t)/\hat v$ with the mean autocovariance $\bar s_t$, the variance W within chains
/// and $\hat v$ of all. At least $1/\log_{10} N$ is taken for $\hat\tau$.
///
/// **Edges** N where all draws are equal. **Cost** draws × lags up to the last positive pair.
pub(super) fn effective_size(chains: &[Vec<f64>]) -> f64 {
    let (count, length) = (chains.len() as f64, chains[0].len());
    let draws = count * length as f64;
    let first = chains[0][0];
    if chains.iter().flatten().all(|x| *x == first) {
        return draws;
    }
    let n = length as f64;
    let centred: Vec<Vec<f64>> = chains
        .iter()
        .map(|chain| {
            let centre = mean(chain.iter().copied());
            chain.iter().map(|x| x - centre).collect()
        })
        .collect();
    let covariance = |lag: usize| {
        let of = |c: &Vec<f64>| c.iter().zip(&c[lag..]).map(|(a, b)| a * b).sum::<f64>() / n;
        mean(centred.iter().map(of))
    };
    let within = covariance(0) * n / (n - 1.0);
    let mut all = within * (n - 1.0) / n;
    if chains.len() > 1 {
        all += variance(chains.iter().map(|chain| mean(chain.iter().copied())));
    }
    let rho = |lag: usize| 1.0 - (within - covariance(lag)) / all;
    let mut pairs = vec![1.0 + rho(1)];
    let (mut even, mut ends) = (1.0, false);
    let mut lag = 2;
    while lag + 2 < length && !ends && pairs[0] > 0.0 {
        even = rho(lag);
        let pair = even + rho(lag + 1);
        ends = pair <= 0.0;
        if !ends {
            pairs.push(pair);
        }
        lag += 2;
    }
    if !ends {
        // The last pair may go on: only the first half of it is taken.
        pairs.pop();
    }
    let mut tau = -1.0;
    let mut lowest = f64::INFINITY;
    for pair in &pairs {
        lowest = lowest.min(*pair);
        tau += 2.0 * lowest;
    }
    // One more even term where it is positive, which lowers the variance of the sum.
    tau += even.max(0.0);
    draws / tau.max(draws.log10().recip())
}
