//! Priors within bounds: draws, quantiles, words.

use dyne_runtime::Stream;
use dyne_xpcs_model::{Prior, Scale};

/// Places at which a prior is tabulated.
const PLACES: usize = 8192;

/// Shares below a standard deviation beside the middle of a normal distribution.
pub(super) const STANDARD: [f64; 2] = [0.158_655, 0.841_345];

/// A prior within its bounds, tabulated over the variable that is fitted.
///
/// **Edges** quantiles are those of a density that is constant between 8192 places, even in the logarithm for a
/// parameter on a logarithmic scale. **Checked by** `quantiles_are_those_of_the_distribution`.
#[derive(Debug, Clone)]
pub struct BoundedPrior {
    scale: Scale,
    low: f64,
    high: f64,
    /// Share below the end of each place.
    below: Vec<f64>,
}

impl BoundedPrior {
    /// `prior` of a parameter of this scale between its bounds; nothing where it is 0 there.
    pub fn try_new(prior: Prior, scale: Scale, lower: f64, upper: f64) -> Option<Self> {
        let support = prior.support(lower, upper)?;
        let (low, high) = match scale {
            Scale::Linear => support,
            Scale::Log => (support.0.ln(), support.1.ln()),
        };
        let (low, high) = (low.max(-1e300), high.min(1e300));
        let ln_density = |k: usize| {
            let x = low + (high - low) * (k as f64 + 0.5) / PLACES as f64;
            match scale {
                Scale::Linear => prior.ln_density(x, support).value,
                Scale::Log => prior.ln_density(x.exp(), support).value + x,
            }
        };
        let all: Vec<f64> = (0..PLACES).map(ln_density).collect();
        let top = all.iter().copied().filter(|v| v.is_finite()).fold(f64::MIN, f64::max);
        let mut sum = 0.0;
        let mut below: Vec<f64> = Vec::with_capacity(PLACES);
        for value in all {
            // A density without bound at an end counts as the largest one found.
            sum += (value.min(top) - top).exp();
            below.push(sum);
        }
        below.iter_mut().for_each(|share| *share /= sum);
        Some(Self { scale, low, high, below })
    }

    /// The value below which a share `p` lies.
    pub fn quantile(&self, p: f64) -> f64 {
        let place = self.below.partition_point(|share| *share < p).min(PLACES - 1);
        let before = if place == 0 { 0.0 } else { self.below[place - 1] };
        let inside = ((p - before) / (self.below[place] - before).max(1e-300)).clamp(0.0, 1.0);
        let x = self.low + (self.high - self.low) * (place as f64 + inside) / PLACES as f64;
        match self.scale {
            Scale::Linear => x,
            Scale::Log => x.exp(),
        }
    }

    /// `count` draws, evenly over the shares but for a random shift, in random order.
    pub fn draws(&self, count: usize, stream: &Stream) -> Vec<f64> {
        let mut random = stream.generator();
        let shift = random.uniform();
        let share = |k: usize| (k as f64 + shift) / count as f64;
        let mut draws: Vec<f64> = (0..count).map(|k| self.quantile(share(k))).collect();
        random.shuffle(&mut draws);
        draws
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_distribution() {
        let normal = Prior::Normal { mean: 2.0, sd: 0.5 };
        let normal = BoundedPrior::try_new(normal, Scale::Linear, -4.0, 8.0).unwrap();
        for (p, expected) in [(0.5, 2.0), (0.841_344_746, 2.5), (0.022_750_132, 1.0)] {
            assert!((normal.quantile(p) - expected).abs() < 1e-3, "{}", normal.quantile(p));
        }
        // Uniform in the parameter, tabulated in its logarithm.
        let uniform = BoundedPrior::try_new(Prior::Uniform, Scale::Log, 1.0, 101.0).unwrap();
        assert!((uniform.quantile(0.3) - 31.0).abs() < 0.05);
        let log = BoundedPrior::try_new(Prior::LogUniform, Scale::Log, 1.0, 100.0).unwrap();
        assert!((log.quantile(0.5) - 10.0).abs() < 1e-3);
        assert!(
            BoundedPrior::try_new(Prior::HalfNormal { sd: 1.0 }, Scale::Linear, -2.0, -1.0)
                .is_none()
        );
    }

    #[test]
    fn draws_are_spread_as_the_distribution() {
        let prior = Prior::Exponential { mean: 2.0 };
        let prior = BoundedPrior::try_new(prior, Scale::Linear, 0.0, 80.0).unwrap();
        let draws = prior.draws(4000, &Stream::new(3));
        let mean = draws.iter().sum::<f64>() / 4000.0;
        assert!((mean - 2.0).abs() < 0.02, "{mean}");
        assert!(draws.windows(2).filter(|pair| pair[0] < pair[1]).count() < 2200);
    }
}
