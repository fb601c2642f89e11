//! Whether draws of one quantity come from one mode or from two.

use crate::diagnostics::Draws;

mod mixture;

use mixture::Mixture;

/// How much better two components must be by the Bayesian information criterion: "very strong" in
/// Kass and Raftery, J. Am. Stat. Assoc. 90 (1995) 773, doi:10.1080/01621459.1995.10476572.
const LEAST_GAIN: f64 = 10.0;
/// Least separation of the centres in pooled standard deviations, after Ashman, Bird and Zepf.
const LEAST_SEPARATION: f64 = 2.0;
/// Least weight of a component.
const LEAST_WEIGHT: f64 = 0.1;
/// By how many standard errors of the counts the valley must lie below the lower peak.
const LEAST_DEPTH: f64 = 3.0;
/// Shares of the sorted draws at which the two components are cut apart at first.
const STARTS: [f64; 3] = [0.2, 0.5, 0.8];
/// Most groups of neighbours into which the sorted draws are gathered for the mixture.
const MOST_GROUPS: usize = 500;

/// What the draws of one quantity tell of its modes.
#[derive(Debug, Clone, PartialEq)]
pub enum Modes {
    /// Nothing speaks for more than one.
    One,
    /// Two apart from each other.
    Two {
        /// Their centres in the unit of the draws, ascending.
        centres: [f64; 2],
        /// Share of the draws in each. Where chains do not pass between modes it tells where they began, not
        /// how probable a mode is.
        weights: [f64; 2],
        /// For each chain the share of its draws in the upper mode: near 0 or 1 where it stays in one.
        chains: Vec<f64>,
    },
}

/// Compares one normal distribution of the draws with a mixture of two.
///
/// **Formula** the mixture $w_1 N(\mu_1, \sigma_1^2) + w_2 N(\mu_2, \sigma_2^2)$ of largest likelihood, by expectation
/// maximisation from three cuts of the sorted draws. Two modes are those that meet all of
///
/// 1. $2n(L_2 - L_1) - 3 \ln n > 10$, the difference of the information criteria with 2 and 5 parameters;
/// 2. $|\mu_1 - \mu_2| > 2\sqrt{(\sigma_1^2 + \sigma_2^2)/2}$;
/// 3. both weights above 0.1;
/// 4. a valley: at the place v between the centres where the mixture is lowest, the count $c_v$ of draws within h is
///    below the smaller $c_p$ of those at both centres by more than $3\sqrt{c_p + c_v}$, in effective draws,
///    $h = \min(v - \mu_1, \mu_2 - v)/4$. No density of a single mode has one, whatever its shape (Ibragimov):
///    without it flat and skewed densities would pass for two modes.
///
/// | symbol | meaning |
/// |---|---|
/// | $L_1$, $L_2$ | mean log-likelihood of a draw under the best normal distribution and the mixture |
/// | n | `effective`: independent draws that all of them are worth |
///
/// n must be that of the chains taken each by itself, [`Draws::within_ess`]: that of all together
/// falls to the number of chains just where these sit in different modes.
///
/// **Edges** one mode where all draws are equal or not finite, or n is not positive. A standard deviation of a component is
/// at least 1e-3 of that of the draws. Of three modes the two found may be any. Of normal modes 5 standard
/// deviations apart with weights 0.3 and 0.7 all were found from 500 effective draws and half from 100; 4 apart, nearly
/// all from 1000; 3 apart hardly any from 4000, where the valley is shallow. **Cost** a sort, and at most 900 passes over the
/// means of 500 groups of neighbours among the sorted draws, which stand for them in the mixture.
/// **Source** Ashman, Bird and Zepf, Astron. J. 108 (1994) 2348, doi:10.1086/117248; Schwarz, Ann. Stat. 6
/// (1978) 461, doi:10.1214/aos/1176344136; Ibragimov, Theory Probab. Appl. 1 (1956) 255, doi:10.1137/1101021.
/// **Checked by** `two_modes_are_found`, `shapes_of_one_mode_are_one`.
pub fn modes(draws: &Draws, effective: f64) -> Modes {
    let (centre, scale) = (draws.mean(), draws.standard_deviation());
    let standard = |x: f64| (x - centre) / scale;
    let mut sorted: Vec<f64> = draws.all().map(standard).collect();
    sorted.sort_by(f64::total_cmp);
    if !sorted.iter().all(|x| x.is_finite()) {
        return Modes::One;
    }
    let gathered = gathered(&sorted);
    let fits = STARTS.iter().map(|share| Mixture::fit(&gathered, *share));
    let best = fits.max_by(|a, b| a.likelihood.total_cmp(&b.likelihood));
    let mixture = best.expect("there are starts");
    let gain = 2.0 * effective * (mixture.likelihood - likelihood_of_one(&gathered));
    let worth = effective / sorted.len() as f64;
    let [lower, upper] = &mixture.components;
    let is_two = gain - 3.0 * effective.ln() > LEAST_GAIN
        && mixture.separation() > LEAST_SEPARATION
        && lower.weight.min(upper.weight) > LEAST_WEIGHT
        && depth(&mixture, &sorted, worth) > LEAST_DEPTH;
    if !is_two {
        return Modes::One;
    }
    let share = |chain: &Vec<f64>| {
        let sum: f64 = chain.iter().map(|x| mixture.upper_share(standard(*x))).sum();
        sum / chain.len() as f64
    };
    Modes::Two {
        centres: [lower, upper].map(|one| centre + scale * one.centre),
        weights: [lower, upper].map(|one| one.weight),
        chains: draws.chains().iter().map(share).collect(),
    }
}

/// Means of groups of neighbours, as many draws in each but for one.
fn gathered(sorted: &[f64]) -> Vec<f64> {
    let groups = sorted.len().min(MOST_GROUPS);
    let start = |group: usize| group * sorted.len() / groups;
    let mean = |group: usize| {
        let members = &sorted[start(group)..start(group + 1)];
        members.iter().sum::<f64>() / members.len() as f64
    };
    (0..groups).map(mean).collect()
}

/// Mean log-likelihood of a draw under the one normal distribution that fits best.
fn likelihood_of_one(draws: &[f64]) -> f64 {
    let n = draws.len() as f64;
    let mean = draws.iter().sum::<f64>() / n;
    let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    -0.5 * ((std::f64::consts::TAU * variance).ln() + 1.0)
}

/// By how many standard errors of its count the valley between the components is below the lower peak;
/// `worth` effective draws for each.
fn depth(mixture: &Mixture, sorted: &[f64], worth: f64) -> f64 {
    const PLACES: usize = 100;
    let [from, to] = [0, 1].map(|k| mixture.components[k].centre);
    let place = |k: usize| from + (to - from) * k as f64 / PLACES as f64;
    let density = |x: &f64| mixture.log_density(*x);
    let lowest = (1..PLACES).map(place).min_by(|a, b| density(a).total_cmp(&density(b)));
    let valley = lowest.expect("there are places");
    let half = 0.25 * (valley - from).min(to - valley);
    let count = |x: f64| {
        let below = |bound: f64| sorted.partition_point(|draw| *draw < bound);
        worth * (below(x + half) - below(x - half)) as f64
    };
    let (peak, bottom) = (count(from).min(count(to)), count(valley));
    (peak - bottom) / (peak + bottom).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Stream;

    /// Four chains of independent draws.
    fn draws(seed: u64, length: usize, mut one: impl FnMut(&mut Stream, usize) -> f64) -> Draws {
        let mut stream = Stream::new(seed);
        let chain = |k| (0..length).map(|_| one(&mut stream, k)).collect();
        Draws::new((0..4).map(chain).collect())
    }

    /// Draws of two normal densities of standard deviation 1, `apart` from each other.
    fn pair(seed: u64, apart: f64, upper: f64) -> Draws {
        draws(seed, 500, |stream, _| {
            let centre = if stream.uniform() < upper { apart } else { 0.0 };
            centre + stream.normal()
        })
    }

    #[test]
    fn two_modes_are_found() {
        for seed in 0..10 {
            let Modes::Two { centres, weights, chains } = modes(&pair(seed, 5.0, 0.3), 2000.0)
            else {
                panic!("seed {seed}: two modes")
            };
            assert!(centres[0].abs() < 0.2 && (centres[1] - 5.0).abs() < 0.3, "{centres:?}");
            assert!((weights[1] - 0.3).abs() < 0.05, "{weights:?}");
            assert!((weights[0] + weights[1] - 1.0).abs() < 1e-12);
            assert!(chains.iter().all(|share| (share - 0.3).abs() < 0.1), "{chains:?}");
        }
    }

    #[test]
    fn chains_that_stay_in_a_mode_are_told() {
        let apart = draws(1, 200, |stream, k| [0.0, 8.0, 8.0, 0.0][k] + stream.normal());
        assert!(apart.mean_ess() < 10.0);
        let Modes::Two { chains, .. } = modes(&apart, apart.within_ess()) else {
            panic!("two modes")
        };
        for (share, expected) in chains.iter().zip([0.0, 1.0, 1.0, 0.0]) {
            assert!((share - expected).abs() < 0.01, "{chains:?}");
        }
    }

    #[test]
    fn slow_chains_of_one_mode_are_one() {
        for seed in 0..10 {
            let mut x = 0.0;
            let slow = draws(seed, 1000, |stream, _| {
                x = 0.98 * x + stream.normal();
                x
            });
            assert_eq!(modes(&slow, slow.within_ess()), Modes::One, "seed {seed}");
        }
    }

    /// A name and how it is drawn.
    type Shape = (&'static str, fn(&mut Stream) -> f64);

    #[test]
    fn shapes_of_one_mode_are_one() {
        let shapes: [Shape; 7] = [
            ("normal", Stream::normal),
            ("uniform", Stream::uniform),
            ("exponential", |stream| -stream.uniform().ln()),
            ("log-normal", |stream| stream.normal().exp()),
            ("normal at a bound", |stream| stream.normal().abs()),
            ("heavy tails", |stream| stream.normal() / stream.uniform().sqrt()),
            ("triangle", |stream| stream.uniform().max(stream.uniform())),
        ];
        for (name, shape) in shapes {
            for seed in 0..10 {
                let found = modes(&draws(seed, 1000, |stream, _| shape(stream)), 4000.0);
                assert_eq!(found, Modes::One, "{name}, seed {seed}");
            }
        }
    }

    #[test]
    fn what_is_near_or_slight_or_scarce_is_one() {
        assert_eq!(modes(&pair(1, 1.5, 0.5), 2000.0), Modes::One);
        assert_eq!(modes(&pair(1, 8.0, 0.05), 2000.0), Modes::One);
        assert!(matches!(modes(&pair(1, 4.0, 0.5), 2000.0), Modes::Two { .. }));
        assert_eq!(modes(&pair(1, 4.0, 0.5), 10.0), Modes::One);
        assert_eq!(modes(&pair(1, 4.0, 0.5), f64::NAN), Modes::One);
        assert_eq!(modes(&Draws::new(vec![vec![0.1; 50]; 4]), 200.0), Modes::One);
    }

    #[test]
    fn a_narrow_peak_on_the_flank_of_a_broad_one_is_one() {
        let flank = draws(1, 5000, |stream, _| match stream.uniform() < 0.3 {
            true => -1.2 + 0.1 * stream.normal(),
            false => stream.normal(),
        });
        assert_eq!(modes(&flank, 20_000.0), Modes::One);
    }

    #[test]
    fn modes_do_not_hang_on_units() {
        let plain = pair(2, 6.0, 0.5);
        let Modes::Two { centres, weights, .. } = modes(&plain, 2000.0) else { panic!("two") };
        for (scale, shift) in [(1e-8, 0.0), (1e8, 3e8), (1.0, -1e6)] {
            let map = |chain: &Vec<f64>| chain.iter().map(|x| scale * x + shift).collect();
            let moved = Draws::new(plain.chains().iter().map(map).collect());
            let Modes::Two { centres: c, weights: w, .. } = modes(&moved, 2000.0) else {
                panic!("two modes")
            };
            for k in 0..2 {
                assert!(((c[k] - shift) / scale - centres[k]).abs() < 1e-6);
                assert!((w[k] - weights[k]).abs() < 1e-6);
            }
        }
    }
}
