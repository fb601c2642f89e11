//! How many pixels a speckle covers: what residuals tell, weighed against what is likely before.

/// Most pixels that a speckle is taken to cover.
const LARGEST: f64 = 25.0;

/// Probability before any data that a speckle covers one pixel.
const SINGLE: f64 = 0.4;

/// Sizes of speckles that are looked at, evenly in the logarithm.
const STEPS: usize = 240;

/// Standard deviations by which residuals must differ from those of speckles of one pixel to show larger ones.
const SHOWN: f64 = 2.0;

/// Spread over mean above which the size of a speckle is not known at all.
const OPEN: f64 = 1.0;

/// Variance of a statistic that tells nothing.
const UNTOLD: f64 = 1e12;

/// Pixels that a speckle covers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Covered {
    /// Expected number, at which error bars are those expected.
    pub mean: f64,
    /// Its standard deviation.
    pub spread: f64,
    /// Whether residuals show that it is above 1.
    pub shown: bool,
}

impl Covered {
    /// Known to be this many.
    pub(super) fn known(pixels: f64) -> Self {
        Self { mean: pixels, spread: 0.0, shown: pixels > 1.0 }
    }

    /// Known by nothing but what is likely before any data.
    pub(super) fn unknown() -> Self {
        Self::weighed(1.0, [UNTOLD, 0.0], |kappa| kappa)
    }

    /// A number that leaves the noise larger than expected: one standard deviation more.
    pub(super) fn careful(self) -> f64 {
        self.mean + self.spread
    }

    /// Whether nothing tells the number, so that it is hardly more than a guess.
    #[must_use]
    pub fn open(self) -> bool {
        !self.shown && self.spread > OPEN * self.mean
    }

    /// Mean and standard deviation by a statistic, `expected` at κ pixels, that was `found`, with the parts of its
    /// variance that are `independent` of it and that go with its square.
    ///
    /// **Formula.** Posterior of κ: before, 0.4 at 1 and the rest with the density $\kappa^{-3/2}$ from 1 to 25; a normal
    /// likelihood. The covariance of the score is linear in κ, so the mean of κ gives the expected covariance.
    /// **Edges** A statistic as noisy as it is large leaves κ above 1, the careful side.
    /// **Checked by** `few_photons_leave_a_speckle_of_four_pixels_above_one`.
    pub(super) fn weighed(
        found: f64,
        [independent, own]: [f64; 2],
        expected: impl Fn(f64) -> f64,
    ) -> Self {
        let variance = |at: f64| match found > 0.0 {
            true => independent + own * (at / found).powi(2),
            false => independent + own,
        };
        let logarithm = |kappa: f64| {
            let (at, variance) = (expected(kappa), variance(expected(kappa)));
            -0.5 * ((found - at).powi(2) / variance + variance.ln())
        };
        let pixels = |k: usize| LARGEST.powf(k as f64 / (STEPS - 1) as f64);
        // Even steps of the logarithm take one power of κ.
        let prior = |k: usize| pixels(k).powf(-0.5);
        let whole: f64 = (0..STEPS).map(prior).sum();
        let points = (0..STEPS).map(|k| (pixels(k), (1.0 - SINGLE) * prior(k) / whole));
        let points: Vec<(f64, f64)> = std::iter::once((1.0, SINGLE)).chain(points).collect();
        let highest = points.iter().map(|(kappa, _)| logarithm(*kappa)).fold(f64::MIN, f64::max);
        let mut sums = [0.0; 3];
        for (kappa, prior) in points {
            let weight = prior * (logarithm(kappa) - highest).exp();
            let moments = [1.0, kappa, kappa * kappa];
            sums.iter_mut().zip(moments).for_each(|(sum, moment)| *sum += weight * moment);
        }
        let (mean, square) = (sums[1] / sums[0], sums[2] / sums[0]);
        let single = expected(1.0);
        let shown = found - single > SHOWN * variance(single).sqrt();
        Self { mean, spread: (square - mean * mean).max(0.0).sqrt(), shown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(found: f64, deviation: f64) -> Covered {
        Covered::weighed(found, [deviation * deviation, 0.0], |kappa| kappa)
    }

    #[test]
    fn few_photons_leave_a_speckle_of_four_pixels_above_one() {
        let middle = of(4.5, 1.5);
        assert!((2.5..4.5).contains(&middle.mean) && middle.shown, "{middle:?}");
        let low = of(2.5, 1.5);
        assert!((1.4..2.5).contains(&low.mean) && !low.shown, "{low:?}");
        assert!(low.careful() > 2.0, "{low:?}");
        let high = of(8.0, 1.5).mean;
        assert!((6.8..8.0).contains(&high), "{high}");
    }

    #[test]
    fn a_clear_statistic_is_believed() {
        assert!((of(4.0, 0.1).mean - 4.0).abs() < 0.05);
        assert!(of(1.0, 0.05).mean < 1.05);
        // Below one pixel, however far.
        let below = of(-3.0, 0.5);
        assert!(below.mean < 1.1 && !below.shown && !below.open(), "{below:?}");
    }

    #[test]
    fn noise_that_goes_with_its_size_does_not_hide_it() {
        // Bright speckles of 2.5 pixels, known to 30 %: those of one pixel would be known to 30 % of one.
        let bright = Covered::weighed(2.5, [0.0, 0.56], |kappa| kappa);
        assert!((bright.mean - 2.5).abs() < 0.3 && bright.shown, "{bright:?}");
    }

    #[test]
    fn single_pixels_at_few_photons_stay_nearly_single() {
        let single = of(1.0, 1.4);
        assert!(single.mean < 1.8 && !single.shown && !single.open(), "{single:?}");
    }

    #[test]
    fn what_tells_nothing_is_open() {
        let open = of(1.0, 100.0);
        assert!(open.open() && open.mean > 1.8 && open.mean < 8.0, "{open:?}");
        let unknown = Covered::unknown();
        assert!(unknown.open() && (unknown.mean - open.mean).abs() < 0.2, "{unknown:?}");
    }
}
