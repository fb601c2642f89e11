//! Prior distributions of parameters.

use serde::{Deserialize, Serialize};

/// Prior distribution of a parameter, truncated to its bounds.
///
/// All numbers are in the unit of the parameter. Densities are up to a factor: what the bounds cut off is
/// not known to the distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Prior {
    /// The same density everywhere between the bounds.
    Uniform,
    /// The same density in the logarithm; the lower bound must be positive.
    LogUniform,
    /// Normal.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        sd: f64,
    },
    /// Normal between limits of its own.
    TruncatedNormal {
        /// Mean of the whole distribution.
        mean: f64,
        /// Standard deviation of the whole distribution.
        sd: f64,
        /// Lower limit.
        low: f64,
        /// Upper limit.
        high: f64,
    },
    /// The decimal logarithm is normal around that of the median.
    LogNormal {
        /// Median.
        median: f64,
        /// Standard deviation of the decimal logarithm.
        decades: f64,
    },
    /// The size of a normal number of mean 0.
    HalfNormal {
        /// Standard deviation of that number.
        sd: f64,
    },
    /// Exponential decay from 0 on.
    Exponential {
        /// Mean.
        mean: f64,
    },
    /// Beta distribution stretched over the bounds.
    ScaledBeta {
        /// Exponent of the distance from the lower bound, plus 1.
        a: f64,
        /// Exponent of the distance from the upper bound, plus 1.
        b: f64,
    },
}

/// Name of each distribution, with its numbers.
const FORMS: [(&str, &[&str]); 8] = [
    ("uniform", &[]),
    ("log_uniform", &[]),
    ("normal", &["mean", "sd"]),
    ("truncated_normal", &["mean", "sd", "low", "high"]),
    ("log_normal", &["median", "decades"]),
    ("half_normal", &["sd"]),
    ("exponential", &["mean"]),
    ("scaled_beta", &["a", "b"]),
];

/// Logarithm of a density up to a constant, and its slope.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LnDensity {
    /// Logarithm of the density.
    pub value: f64,
    /// Its derivative by the parameter.
    pub slope: f64,
}

impl Prior {
    /// Names of the distributions in configurations, with those of their numbers.
    pub fn forms() -> &'static [(&'static str, &'static [&'static str])] {
        &FORMS
    }

    /// Its name and its numbers.
    pub fn numbers(&self) -> (&'static str, Vec<(&'static str, f64)>) {
        let (k, values) = match *self {
            Self::Uniform => (0, vec![]),
            Self::LogUniform => (1, vec![]),
            Self::Normal { mean, sd } => (2, vec![mean, sd]),
            Self::TruncatedNormal { mean, sd, low, high } => (3, vec![mean, sd, low, high]),
            Self::LogNormal { median, decades } => (4, vec![median, decades]),
            Self::HalfNormal { sd } => (5, vec![sd]),
            Self::Exponential { mean } => (6, vec![mean]),
            Self::ScaledBeta { a, b } => (7, vec![a, b]),
        };
        let (name, names) = FORMS[k];
        (name, names.iter().copied().zip(values).collect())
    }

    /// The number that makes no sense, by its name: one that must be above 0 and is not, or is not finite.
    pub fn nonsense(&self) -> Option<(&'static str, f64)> {
        let (_, numbers) = self.numbers();
        let must = |name: &str| {
            let above_zero = ["sd", "median", "decades", "a", "b"].contains(&name);
            above_zero || (name == "mean" && matches!(self, Self::Exponential { .. }))
        };
        numbers.into_iter().find(|(name, x)| !x.is_finite() || (must(name) && *x <= 0.0))
    }

    /// Where the density is above 0 within the bounds; nothing where the two have no room in common.
    pub fn support(&self, lower: f64, upper: f64) -> Option<(f64, f64)> {
        let (low, high) = match *self {
            Self::TruncatedNormal { low, high, .. } => (low, high),
            Self::LogNormal { .. }
            | Self::LogUniform
            | Self::HalfNormal { .. }
            | Self::Exponential { .. } => (0.0, f64::INFINITY),
            _ => (f64::NEG_INFINITY, f64::INFINITY),
        };
        let (low, high) = (lower.max(low), upper.min(high));
        (low < high).then_some((low, high))
    }

    /// ln p at `x` inside the support that goes from `low` to `high`, up to a constant.
    ///
    /// **Formula.** uniform 0; log-uniform −ln x; normal −½((x − mean)/sd)²; log-normal
    /// −½(log₁₀(x/median)/decades)² − ln x; half-normal −½(x/sd)²; exponential −x/mean; scaled beta
    /// (a − 1) ln u + (b − 1) ln(1 − u) with u = (x − low)/(high − low). **Checked by**
    /// `slopes_are_those_of_the_values`, `tests::moments_are_those_of_the_distributions`.
    pub fn ln_density(&self, x: f64, (low, high): (f64, f64)) -> LnDensity {
        let (value, slope) = match *self {
            Self::Uniform => (0.0, 0.0),
            Self::LogUniform => (-x.ln(), -1.0 / x),
            Self::Normal { mean, sd } | Self::TruncatedNormal { mean, sd, .. } => {
                let z = (x - mean) / sd;
                (-0.5 * z * z, -z / sd)
            }
            Self::LogNormal { median, decades } => {
                let width = decades * std::f64::consts::LN_10;
                let z = (x / median).ln() / width;
                (-0.5 * z * z - x.ln(), -(z / width + 1.0) / x)
            }
            Self::HalfNormal { sd } => (-0.5 * (x / sd).powi(2), -x / (sd * sd)),
            Self::Exponential { mean } => (-x / mean, -1.0 / mean),
            Self::ScaledBeta { a, b } => {
                let (below, above) = (x - low, high - x);
                let range = (high - low).ln();
                let value = (a - 1.0) * (below.ln() - range) + (b - 1.0) * (above.ln() - range);
                (value, (a - 1.0) / below - (b - 1.0) / above)
            }
        };
        LnDensity { value, slope }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Prior; 8] = [
        Prior::Uniform,
        Prior::LogUniform,
        Prior::Normal { mean: 1.5, sd: 0.7 },
        Prior::TruncatedNormal { mean: 1.5, sd: 0.7, low: 0.5, high: 3.0 },
        Prior::LogNormal { median: 1.2, decades: 0.3 },
        Prior::HalfNormal { sd: 1.3 },
        Prior::Exponential { mean: 0.8 },
        Prior::ScaledBeta { a: 2.0, b: 3.5 },
    ];

    proptest! {
        #[test]
        fn slopes_are_those_of_the_values(u in 0.05f64..0.95) {
            for prior in ALL {
                let support = prior.support(0.2, 4.0).unwrap();
                let x = support.0 + u * (support.1 - support.0);
                let at = |x: f64| prior.ln_density(x, support);
                let h = 1e-6;
                let difference = (at(x + h).value - at(x - h).value) / (2.0 * h);
                prop_assert!((difference - at(x).slope).abs() < 1e-6 * (1.0 + difference.abs()), "{prior:?}");
            }
        }
    }

    /// Mean and standard deviation by the trapezoidal rule.
    fn moments(prior: Prior, bounds: (f64, f64)) -> (f64, f64) {
        let support = prior.support(bounds.0, bounds.1).unwrap();
        let n = 400_000;
        let mut sums = [0.0; 3];
        for k in 0..n {
            let x = support.0 + (k as f64 + 0.5) / n as f64 * (support.1 - support.0);
            let p = prior.ln_density(x, support).value.exp();
            sums.iter_mut().zip([1.0, x, x * x]).for_each(|(sum, f)| *sum += p * f);
        }
        let mean = sums[1] / sums[0];
        (mean, (sums[2] / sums[0] - mean * mean).sqrt())
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let root = |x: f64| x.sqrt();
        let ln = std::f64::consts::LN_10 * 0.2;
        let log_normal = (ln * ln / 2.0).exp();
        for (prior, bounds, mean, sd) in [
            (Prior::Uniform, (1.0, 4.0), 2.5, 3.0 / root(12.0)),
            (Prior::Normal { mean: 2.0, sd: 0.5 }, (-5.0, 9.0), 2.0, 0.5),
            (
                Prior::HalfNormal { sd: 1.0 },
                (-1.0, 20.0),
                root(2.0 / std::f64::consts::PI),
                root(1.0 - 2.0 / std::f64::consts::PI),
            ),
            (Prior::Exponential { mean: 0.5 }, (0.0, 30.0), 0.5, 0.5),
            (Prior::ScaledBeta { a: 2.0, b: 3.0 }, (0.0, 10.0), 4.0, 2.0),
            (
                Prior::LogNormal { median: 1.0, decades: 0.2 },
                (1e-9, 60.0),
                log_normal,
                log_normal * root((ln * ln).exp_m1()),
            ),
            (
                Prior::TruncatedNormal { mean: 0.0, sd: 1.0, low: 0.0, high: 50.0 },
                (-9.0, 20.0),
                root(2.0 / std::f64::consts::PI),
                root(1.0 - 2.0 / std::f64::consts::PI),
            ),
            (
                Prior::LogUniform,
                (1.0, 10.0),
                9.0 / std::f64::consts::LN_10,
                root(
                    99.0 / (2.0 * std::f64::consts::LN_10)
                        - (9.0 / std::f64::consts::LN_10).powi(2),
                ),
            ),
        ] {
            let found = moments(prior, bounds);
            assert!(
                (found.0 - mean).abs() < 1e-4 && (found.1 - sd).abs() < 1e-4,
                "{prior:?}: {found:?}"
            );
        }
    }

    #[test]
    fn nonsense_is_named() {
        assert_eq!(Prior::Normal { mean: 0.0, sd: 0.0 }.nonsense(), Some(("sd", 0.0)));
        assert_eq!(Prior::Exponential { mean: -1.0 }.nonsense(), Some(("mean", -1.0)));
        assert!(ALL.iter().all(|prior| prior.nonsense().is_none()));
        assert_eq!(Prior::HalfNormal { sd: 1.0 }.support(-3.0, -1.0), None);
        assert_eq!(Prior::Exponential { mean: 1.0 }.support(-3.0, 2.0), Some((0.0, 2.0)));
    }

    #[test]
    fn forms_are_read_as_they_are_written() {
        for (prior, (name, numbers)) in ALL.iter().zip(Prior::forms()) {
            let (own, values) = prior.numbers();
            assert_eq!((own, values.len()), (*name, numbers.len()));
            let text = serde_json::to_string(prior).unwrap();
            assert_eq!(serde_json::from_str::<Prior>(&text).unwrap(), *prior);
        }
    }
}
