//! Draws of a consensus weighted by what all data say of them.

use dyne_runtime::{Lanes, Stream};
use dyne_sample::{DensityError, LogDensity};
use faer::{Mat, Side};

/// Share of the draws that the weights must leave in effect; with fewer the consensus is too far off to be mended.
pub(in crate::posterior) const LEAST_SHARE: f64 = 0.1;

/// Share with which no better draws are looked for.
const ENOUGH: f64 = 0.5;

/// Rounds of better draws at most.
const ROUNDS: usize = 6;

/// Degrees of freedom of what better draws are drawn from: tails heavier than those of a posterior.
const FREEDOM: usize = 5;

/// Draws in effect, a variable, from which mean and covariance are taken.
const IN_EFFECT: f64 = 10.0;

/// Draws that stand in for those of the posterior of all data.
#[derive(Debug)]
pub(super) struct Reweighted {
    pub(super) draws: Drawn,
    pub(super) mended: Mended,
}

/// What weights made of combined draws.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mended {
    /// Share that is in effect.
    pub(super) share: f64,
    /// Rounds in which draws were made anew; 0 where they are those of the consensus.
    pub(super) rounds: usize,
}

/// Where draws come from.
#[derive(Debug)]
pub(super) enum Drawn {
    /// The consensus: which of its draws.
    Consensus(Vec<usize>),
    /// Better ones.
    Anew(Vec<Vec<f64>>),
}

/// Weights the draws of a consensus by the density of all data.
///
/// **Formula** $w_s \propto p(z_s)/q(z_s)$, p the density of all data and q the normal one with mean and covariance of the
/// consensus; systematic resampling; share $1/(n\sum_s w_s^2)$. While less than half is in effect, as many draws
/// are made anew from a t distribution of 5 degrees of freedom about the weighted mean with the weighted covariance, and
/// weighted again, six times at most; the best round counts. Weights are flattened to a power for that, as far as is
/// needed for ten draws a variable in effect. **Symbols** z: n draws. **Edges** nothing where the covariance is
/// singular or no draw has a value. **Cost** one sweep of all data a draw and round, some tenth of those of the
/// chains. **Source** Cappé et al., J. Comput. Graph. Stat. 13 (2004) 907, doi:10.1198/106186004X12803, for
/// the rounds; Kitagawa, J. Comput. Graph. Stat. 5 (1996) 1, doi:10.1080/10618600.1996.10474692, for the resampling.
/// **Checked by** `a_shifted_consensus_is_mended`, `a_consensus_that_is_far_off_is_drawn_anew`.
///
/// # Errors
/// [`DensityError::Interrupted`].
pub(super) fn reweighted(
    density: &dyn LogDensity,
    draws: Vec<Vec<f64>>,
    (mean, covariance): (&[f64], &[f64]),
    stream: &Stream,
    lanes: &Lanes,
) -> Result<Option<Reweighted>, DensityError> {
    let d = mean.len();
    let covariance = Mat::from_fn(d, d, |i, j| covariance[i * d + j]);
    let Some(consensus) = Proposal::try_new(mean.to_vec(), &covariance, Tails::Normal) else {
        return Ok(None);
    };
    let Some(mut last) = Weighted::try_new(density, &consensus, draws, lanes)? else {
        return Ok(None);
    };
    let mut best = Reweighted {
        draws: Drawn::Consensus(picked(&last.weights)),
        mended: Mended { share: last.share(), rounds: 0 },
    };
    for round in 1..=ROUNDS {
        if best.mended.share >= ENOUGH {
            break;
        }
        let Some(proposal) = last.proposal() else { break };
        let draws = proposal.draws(last.draws.len(), &stream.index(round as u64));
        let Some(next) = Weighted::try_new(density, &proposal, draws, lanes)? else { break };
        if next.share() > best.mended.share {
            let anew = picked(&next.weights).into_iter().map(|k| next.draws[k].clone());
            let draws = Drawn::Anew(anew.collect());
            best = Reweighted { draws, mended: Mended { share: next.share(), rounds: round } };
        }
        last = next;
    }
    Ok(Some(best))
}

#[derive(Clone, Copy, PartialEq)]
enum Tails {
    Normal,
    Heavy,
}

/// What draws are drawn from.
struct Proposal {
    mean: Vec<f64>,
    /// Lower root of the scale matrix.
    root: Mat<f64>,
    tails: Tails,
}

impl Proposal {
    fn try_new(mean: Vec<f64>, scale: &Mat<f64>, tails: Tails) -> Option<Self> {
        let d = mean.len();
        let factor = scale.llt(Side::Lower).ok()?;
        let lower = factor.L();
        let root = Mat::from_fn(d, d, |i, j| if j <= i { lower[(i, j)] } else { 0.0 });
        Some(Self { mean, root, tails })
    }

    /// Up to a constant.
    fn ln_density(&self, z: &[f64]) -> f64 {
        let d = z.len();
        let mut y = vec![0.0; d];
        for i in 0..d {
            let before: f64 = (0..i).map(|j| self.root[(i, j)] * y[j]).sum();
            y[i] = (z[i] - self.mean[i] - before) / self.root[(i, i)];
        }
        let distance: f64 = y.iter().map(|y| y * y).sum();
        let freedom = FREEDOM as f64;
        match self.tails {
            Tails::Normal => -0.5 * distance,
            Tails::Heavy => -0.5 * (freedom + d as f64) * (distance / freedom).ln_1p(),
        }
    }

    fn draws(&self, count: usize, stream: &Stream) -> Vec<Vec<f64>> {
        let d = self.mean.len();
        let one = |k: usize| {
            let mut random = stream.index(k as u64).generator();
            let mut y = vec![0.0; d];
            random.fill_normal(&mut y);
            if self.tails == Tails::Heavy {
                let chi_square: f64 = (0..FREEDOM).map(|_| random.normal().powi(2)).sum();
                let factor = (FREEDOM as f64 / chi_square).sqrt();
                y.iter_mut().for_each(|y| *y *= factor);
            }
            let z = |i: usize| (0..=i).map(|j| self.root[(i, j)] * y[j]).sum::<f64>();
            (0..d).map(|i| self.mean[i] + z(i)).collect()
        };
        (0..count).map(one).collect()
    }
}

/// Draws and their weights, of which the largest is 1.
struct Weighted {
    draws: Vec<Vec<f64>>,
    weights: Vec<f64>,
}

impl Weighted {
    /// Nothing where no draw has a value.
    fn try_new(
        density: &dyn LogDensity,
        proposal: &Proposal,
        draws: Vec<Vec<f64>>,
        lanes: &Lanes,
    ) -> Result<Option<Self>, DensityError> {
        let values = lanes.map(&draws, |z| density.evaluate(z, &mut vec![0.0; z.len()]));
        let mut ratios = Vec::with_capacity(draws.len());
        for (value, z) in values.into_iter().zip(&draws) {
            ratios.push(match value {
                Ok(value) => value - proposal.ln_density(z),
                Err(DensityError::Interrupted) => return Err(DensityError::Interrupted),
                Err(_) => f64::NEG_INFINITY,
            });
        }
        let top = ratios.iter().copied().filter(|r| r.is_finite()).reduce(f64::max);
        let weigh = |top: f64| ratios.iter().map(|r| (r - top).exp()).collect();
        Ok(top.map(|top| Self { weights: weigh(top), draws }))
    }

    fn share(&self) -> f64 {
        in_effect(&self.weights) / self.weights.len() as f64
    }

    /// What better draws are drawn from; nothing where the draws do not spread.
    fn proposal(&self) -> Option<Proposal> {
        let d = self.draws[0].len();
        let needed = (IN_EFFECT * d as f64).min(0.5 * self.draws.len() as f64);
        let flattened =
            |power: f64| -> Vec<f64> { self.weights.iter().map(|w| w.powf(power)).collect() };
        // The power, from 0 to 1, as near to 1 as leaves enough in effect.
        let (mut low, mut high) = (0.0, 1.0);
        if in_effect(&self.weights) < needed {
            for _ in 0..30 {
                let middle = 0.5 * (low + high);
                let enough = in_effect(&flattened(middle)) >= needed;
                *(if enough { &mut low } else { &mut high }) = middle;
            }
        } else {
            low = 1.0;
        }
        let weights = flattened(low);
        let sum: f64 = weights.iter().sum();
        let weighted = || self.draws.iter().zip(&weights);
        let mean: Vec<f64> =
            (0..d).map(|i| weighted().map(|(z, w)| w * z[i]).sum::<f64>() / sum).collect();
        let entry = |i: usize, j: usize| {
            let terms = weighted().map(|(z, w)| w * (z[i] - mean[i]) * (z[j] - mean[j]));
            terms.sum::<f64>() / sum
        };
        let covariance = Mat::from_fn(d, d, entry);
        Proposal::try_new(mean, &covariance, Tails::Heavy)
    }
}

/// How many draws of equal weight tell as much.
fn in_effect(weights: &[f64]) -> f64 {
    let sum: f64 = weights.iter().sum();
    sum * sum / weights.iter().map(|w| w * w).sum::<f64>()
}

/// Which draws stand in for equally many of equal weight.
fn picked(weights: &[f64]) -> Vec<usize> {
    let (sum, n) = (weights.iter().sum::<f64>(), weights.len());
    let (mut picked, mut below, mut next) = (Vec::with_capacity(n), 0.0, 0);
    for (k, weight) in weights.iter().enumerate() {
        below += weight / sum * n as f64;
        while next < n && (next as f64 + 0.5) < below {
            picked.push(k);
            next += 1;
        }
    }
    // Rounding may leave the last place empty.
    picked.resize(n, n - 1);
    picked
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two variables of standard deviation 1, correlated by `self.0`.
    struct Known(f64);

    impl LogDensity for Known {
        fn dimension(&self) -> usize {
            2
        }

        fn evaluate(&self, z: &[f64], _: &mut [f64]) -> Result<f64, DensityError> {
            let form = z[0] * z[0] - 2.0 * self.0 * z[0] * z[1] + z[1] * z[1];
            Ok(-0.5 * form / (1.0 - self.0 * self.0))
        }
    }

    fn consensus(centre: [f64; 2], sd: f64, count: usize) -> Vec<Vec<f64>> {
        let mut random = Stream::new(4).generator();
        (0..count)
            .map(|_| vec![centre[0] + sd * random.normal(), centre[1] + random.normal()])
            .collect()
    }

    fn moments(draws: &[&Vec<f64>]) -> [f64; 3] {
        let n = draws.len() as f64;
        let mean = draws.iter().map(|z| z[0]).sum::<f64>() / n;
        let variance = draws.iter().map(|z| z[0] * z[0]).sum::<f64>() / n;
        [mean, variance, draws.iter().map(|z| z[0] * z[1]).sum::<f64>() / n]
    }

    #[test]
    fn a_shifted_consensus_is_mended() {
        let draws = consensus([0.5, 0.0], 1.1, 8000);
        let told = (&[0.5, 0.0][..], &[1.21, 0.0, 0.0, 1.0][..]);
        let stream = Stream::new(1);
        let of = |told| reweighted(&Known(0.0), draws.clone(), told, &stream, &Lanes::solo());
        let found = of(told).unwrap().unwrap();
        let Drawn::Consensus(picked) = found.draws else { panic!("drawn anew") };
        assert_eq!(picked.len(), 8000);
        assert!((0.6..0.95).contains(&found.mended.share), "{:?}", found.mended);
        let draws: Vec<&Vec<f64>> = picked.iter().map(|k| &draws[*k]).collect();
        let [mean, variance, _] = moments(&draws);
        assert!(mean.abs() < 0.05 && (variance - 1.0).abs() < 0.06, "{mean}, {variance}");
        assert!(of((&[0.5, 0.0], &[1.0, 1.0, 1.0, 1.0])).unwrap().is_none());
    }

    #[test]
    fn a_consensus_that_is_far_off_is_drawn_anew() {
        let draws = consensus([4.0, -2.0], 1.5, 4000);
        let told = (&[4.0, -2.0][..], &[2.25, 0.0, 0.0, 1.0][..]);
        let stream = Stream::new(2);
        let found = reweighted(&Known(0.8), draws, told, &stream, &Lanes::solo());
        let found = found.unwrap().unwrap();
        let Drawn::Anew(draws) = found.draws else { panic!("of the consensus") };
        assert!(draws.len() == 4000 && found.mended.share > ENOUGH, "{:?}", found.mended);
        let [mean, variance, product] = moments(&draws.iter().collect::<Vec<_>>());
        assert!(mean.abs() < 0.08 && (variance - 1.0).abs() < 0.1, "{mean}, {variance}");
        assert!((product - 0.8).abs() < 0.1, "{product}");
    }
}
