//! A mixture of two normal distributions.

/// Least variance of a component, in units of the variance of the draws: where draws repeat, the
/// likelihood has no largest value otherwise.
const LEAST_VARIANCE: f64 = 1e-6;
/// Most passes from one start.
const MOST_PASSES: usize = 300;
/// Gain of the log-likelihood of a draw below which the passes end.
const LEAST_STEP: f64 = 1e-7;

/// One component.
#[derive(Debug, Clone, Copy)]
pub(super) struct Component {
    pub(super) weight: f64,
    pub(super) centre: f64,
    variance: f64,
    /// Logarithm of weight times density at the centre.
    summit: f64,
}

impl Component {
    fn new(weight: f64, centre: f64, variance: f64) -> Self {
        let summit = weight.ln() - 0.5 * (std::f64::consts::TAU * variance).ln();
        Self { weight, centre, variance, summit }
    }

    /// Logarithm of weight times density.
    fn log_density(&self, x: f64) -> f64 {
        self.summit - 0.5 * (x - self.centre).powi(2) / self.variance
    }
}

/// Two components, their centres ascending.
#[derive(Debug)]
pub(super) struct Mixture {
    pub(super) components: [Component; 2],
    /// Mean log-likelihood of a draw.
    pub(super) likelihood: f64,
}

impl Mixture {
    /// The mixture that expectation maximisation finds from the two parts of the draws cut at `share`.
    ///
    /// **Cost** one pass with three transcendental functions a draw, at most [`MOST_PASSES`] times. **Source**
    /// Dempster, Laird and Rubin, J. R. Stat. Soc. B 39 (1977) 1, doi:10.1111/j.2517-6161.1977.tb01600.x.
    pub(super) fn fit(sorted: &[f64], share: f64) -> Self {
        let cut = (share * sorted.len() as f64) as usize;
        let start = |k: usize| if k < cut { 0.0 } else { 1.0 };
        let mut upper: Vec<f64> = (0..sorted.len()).map(start).collect();
        let mut found = Self { components: components(sorted, &upper), likelihood: f64::MIN };
        for _ in 0..MOST_PASSES {
            let before = found.likelihood;
            let sum: f64 = sorted.iter().map(|x| found.log_density(*x)).sum();
            found.likelihood = sum / sorted.len() as f64;
            if found.likelihood - before < LEAST_STEP {
                break;
            }
            upper.iter_mut().zip(sorted).for_each(|(u, x)| *u = found.upper_share(*x));
            found.components = components(sorted, &upper);
        }
        found.components.sort_by(|a, b| a.centre.total_cmp(&b.centre));
        found
    }

    /// Logarithm of the density.
    pub(super) fn log_density(&self, x: f64) -> f64 {
        let [a, b] = self.components.map(|one| one.log_density(x));
        a.max(b) + (-(a - b).abs()).exp().ln_1p()
    }

    /// Chance that a draw at `x` belongs to the upper component.
    pub(super) fn upper_share(&self, x: f64) -> f64 {
        let [a, b] = self.components.map(|one| one.log_density(x));
        (1.0 + (a - b).exp()).recip()
    }

    /// Distance of the centres in pooled standard deviations.
    pub(super) fn separation(&self) -> f64 {
        let [a, b] = &self.components;
        (b.centre - a.centre) / (0.5 * (a.variance + b.variance)).sqrt()
    }
}

/// Moments of draws of which the shares `upper` belong to the second component.
fn components(draws: &[f64], upper: &[f64]) -> [Component; 2] {
    let moments = |share: &dyn Fn(f64) -> f64| {
        let total: f64 = upper.iter().map(|u| share(*u)).sum();
        // A component that lost its draws keeps a place, and a weight that counts for nothing.
        let total = total.max(f64::MIN_POSITIVE);
        let sum: f64 = draws.iter().zip(upper).map(|(x, u)| share(*u) * x).sum();
        let centre = sum / total;
        let square = |(x, u): (&f64, &f64)| share(*u) * (x - centre).powi(2);
        let variance = draws.iter().zip(upper).map(square).sum::<f64>() / total;
        let weight = total / draws.len() as f64;
        Component::new(weight, centre, variance.max(LEAST_VARIANCE))
    };
    [moments(&|u| 1.0 - u), moments(&|u| u)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Stream;

    #[test]
    fn the_likelihood_of_a_fit_is_that_of_the_truth_or_more() {
        let mut stream = Stream::new(4);
        let truth = [Component::new(0.4, -1.0, 0.25), Component::new(0.6, 1.0, 1.0)];
        let mut draw = || {
            let one = truth[if stream.uniform() < 0.4 { 0 } else { 1 }];
            one.centre + one.variance.sqrt() * stream.normal()
        };
        let mut sorted: Vec<f64> = (0..5000).map(|_| draw()).collect();
        sorted.sort_by(f64::total_cmp);
        let fit = Mixture::fit(&sorted, 0.5);
        let truth = Mixture { components: truth, likelihood: 0.0 };
        let of_truth: f64 = sorted.iter().map(|x| truth.log_density(*x)).sum();
        // Five parameters gain 5/2 on average.
        let gain = 5000.0 * fit.likelihood - of_truth;
        assert!((0.0..10.0).contains(&gain), "{gain}");
        for (found, true_one) in fit.components.iter().zip(&truth.components) {
            assert!((found.centre - true_one.centre).abs() < 0.1, "{fit:?}");
            assert!((found.variance / true_one.variance - 1.0).abs() < 0.2, "{fit:?}");
        }
    }
}
