//! The shape of a distribution, for pictures and intervals.

use super::Draws;
use super::rank::ranks;

/// Shortest interval with a share of the draws.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Its lower end, a draw.
    pub lower: f64,
    /// Its upper end, a draw.
    pub upper: f64,
}

/// Density at a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DensityPoint {
    /// Where, in the unit of the draws.
    pub x: f64,
    /// Density there, in the inverse of that unit.
    pub density: f64,
}

impl Draws {
    /// Shortest interval that holds the share `p` of the draws: the region of highest density where that is one
    /// piece.
    ///
    /// **Formula** of the intervals between the sorted draws k and k + ⌊p·n⌋ the shortest, of equal ones the lowest.
    /// **Edges** all draws from p = 1 on; one draw at p = 0. Between two modes it includes the valley.
    /// **Cost** one sort. **Source** Chen and Shao, J. Comput. Graph. Stat. 8 (1999) 69,
    /// doi:10.1080/10618600.1999.10474802; the steps as ArviZ counts them. **Checked by** `intervals_are_shortest`.
    pub fn highest_density(&self, p: f64) -> Interval {
        let sorted = self.sorted();
        let n = sorted.len();
        let step = ((p.clamp(0.0, 1.0) * n as f64) as usize).min(n - 1);
        let width = |k: &usize| sorted[k + step] - sorted[*k];
        let narrowest = (0..n - step).min_by(|a, b| width(a).total_cmp(&width(b)));
        let k = narrowest.expect("there are more draws than steps");
        Interval { lower: sorted[k], upper: sorted[k + step] }
    }

    /// Density estimate at `points` equally spaced places, from three bandwidths below the least draw to three above
    /// the largest.
    ///
    /// **Formula** $\frac{1}{nh}\sum_i \varphi((x - x_i)/h)$ with the normal density φ and the bandwidth
    /// $h = 0.9\,\min(s, (q_{75} - q_{25})/1.34)\,n^{-1/5}$; s where the quartiles coincide.
    ///
    /// **Edges** nothing where all draws are equal; it smears an edge by h, and two narrow modes far apart by more
    /// than is good. n counts draws, not effective ones. **Cost** n × points exponentials. **Source** Silverman,
    /// Density Estimation (1986), equation 3.31. **Checked by** `densities_are_those_of_scipy`.
    pub fn density(&self, points: usize) -> Vec<DensityPoint> {
        let deviation = self.standard_deviation();
        let quartiles = (self.quantile(0.75) - self.quantile(0.25)) / 1.34;
        let narrow = if quartiles > 0.0 { quartiles.min(deviation) } else { deviation };
        let n = self.all().count() as f64;
        let h = 0.9 * narrow * n.powf(-0.2);
        let least = self.all().fold(f64::INFINITY, f64::min);
        let largest = self.all().fold(f64::NEG_INFINITY, f64::max);
        if least == largest {
            return Vec::new();
        }
        let (from, to) = (least - 3.0 * h, largest + 3.0 * h);
        let step = (to - from) / points.saturating_sub(1).max(1) as f64;
        let front = (n * h * std::f64::consts::TAU.sqrt()).recip();
        let at = |k: usize| {
            let x = from + step * k as f64;
            let sum: f64 = self.all().map(|draw| (-0.5 * ((x - draw) / h).powi(2)).exp()).sum();
            DensityPoint { x, density: front * sum }
        };
        (0..points).map(at).collect()
    }

    /// For each chain how many of its draws have their rank, among the draws of all chains, in each of `bins` equal
    /// parts: chains that agree have flat counts.
    ///
    /// **Formula** rank r of N falls into bin ⌊(r − 1/2)·bins/N⌋; equal draws share their mean rank. **Edges** counts
    /// of flat chains differ by one where bins do not divide N. **Cost** one sort. **Source** Vehtari et al.,
    /// Bayesian Analysis 16 (2021) 667, doi:10.1214/20-BA1221, section 4. **Checked by**
    /// `rank_histograms_are_those_of_scipy`.
    ///
    /// # Panics
    /// With no bins.
    #[track_caller]
    pub fn rank_histogram(&self, bins: usize) -> Vec<Vec<u64>> {
        assert!(bins > 0, "at least one bin");
        let total = self.all().count() as f64;
        let of = |chain: &Vec<f64>| {
            let mut counts = vec![0; bins];
            for rank in chain {
                let bin = ((rank - 0.5) * bins as f64 / total) as usize;
                counts[bin.min(bins - 1)] += 1;
            }
            counts
        };
        ranks(&self.0).iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{chains, close};
    use super::*;
    use crate::stream::Stream;

    #[test]
    fn intervals_are_shortest() {
        let draws = chains(3, 2, 101, 0.5, 0.3);
        // NumPy 2.4.6: s = sort(x); argmin(s[inc:] - s[:n - inc]) with inc = floor(p n).
        let Interval { lower, upper } = draws.highest_density(0.5);
        close(lower, -0.1287689901738206);
        close(upper, 0.39317432588586276);
        let Interval { lower, upper } = draws.highest_density(0.9);
        close(lower, -0.4756471963306418);
        close(upper, 0.6858301458512059);
        // Of an exponential density the interval begins at 0, and ends at −ln(1 − p).
        let mut stream = Stream::new(1);
        let draws = Draws::new(vec![(0..20_000).map(|_| -stream.uniform().ln()).collect()]);
        let Interval { lower, upper } = draws.highest_density(0.8);
        assert!(lower < 0.02 && (upper + 0.2f64.ln()).abs() < 0.05, "{lower} {upper}");
        let all = draws.highest_density(1.0);
        assert_eq!((all.lower, all.upper), (draws.quantile(0.0), draws.quantile(1.0)));
    }

    #[test]
    fn densities_are_those_of_scipy() {
        let draws = chains(3, 2, 101, 0.5, 0.3);
        // SciPy 1.17.1: scipy.stats.gaussian_kde(x, bw_method=h / std(x, ddof=1)).
        let expected = [
            (-1.042381158242644, 0.0003002896416411814),
            (-0.41927187434395996, 0.3370675525966252),
            (0.20383740955472418, 0.9412656910935305),
            (0.8269466934534084, 0.2309935533015294),
            (1.4500559773520925, 0.00019931112369937705),
        ];
        let found = draws.density(5);
        assert_eq!(found.len(), 5);
        for (point, (x, density)) in found.iter().zip(expected) {
            close(point.x, x);
            close(point.density, density);
        }
        let fine = draws.density(400);
        let step = fine[1].x - fine[0].x;
        let mass: f64 = fine.iter().map(|point| point.density * step).sum();
        assert!((mass - 1.0).abs() < 1e-4, "{mass}");
        assert!(Draws::new(vec![vec![2.0; 9]]).density(10).is_empty());
    }

    #[test]
    fn rank_histograms_are_those_of_scipy() {
        // SciPy 1.17.1 and NumPy: histogram(rankdata(x) - 0.5, bins=5, range=(0, n)) of each chain.
        let found = chains(3, 2, 101, 0.5, 0.3).rank_histogram(5);
        assert_eq!(found, [[34, 24, 18, 10, 15], [6, 17, 22, 31, 25]]);
        let equal = Draws::new(vec![vec![1.0; 4]; 2]).rank_histogram(4);
        assert_eq!(equal, [[0, 0, 4, 0], [0, 0, 4, 0]]);
    }
}
