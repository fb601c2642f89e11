//! Whether the rates change with age otherwise than by their laws.

use faer::Mat;

use super::lag_age::{AGE_CLASSES, LagAgeCells};
use super::squares::{Spectrum, SumOfSquares};

/// What residuals say of one rate at one age.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateChange {
    /// Position of the prefactor of the rate among the parameters.
    pub rate: usize,
    /// Ends of the ages, frames.
    pub ages: [f64; 2],
    /// Score of a larger rate at these ages alone, over its standard deviation if the law is right.
    pub z: f64,
}

/// Scores of the rates at each age, summed over bins.
///
/// **Formula.** With standardised means z of the cells of a bin, their correlation R = U Λ Uᵀ and ridge ε, the score of
/// rate r in age class a is s = dᵀ(R + ε)⁻¹z, where d is the mean slope ∂y/∂a_r of each cell of that class over the error of
/// the cell and 0 in the others; Cov s = dᵀ(R + ε)⁻¹R(R + ε)⁻¹d. A law that changes with age otherwise than the data is seen
/// in the few numbers s where sixty cells hide it.
/// **Edges** A pair belongs to the age of its middle. Correlations of different bins, which come from the common parameters
/// alone, are left out: directions that the fit absorbs count less than they could.
/// **Checked by** `tests/fits/lack_of_fit.rs`, docs/calibration.md for false alarms, docs/verdict.md for power.
pub(super) struct RateScores<'a> {
    rates: &'a [usize],
    score: Vec<f64>,
    covariance: Mat<f64>,
}

impl<'a> RateScores<'a> {
    pub(super) fn new(rates: &'a [usize]) -> Self {
        let order = rates.len() * AGE_CLASSES;
        Self { rates, score: vec![0.0; order], covariance: Mat::zeros(order, order) }
    }

    /// Adds a bin: standardised means `z` of its `used` cells and their correlation; `slope` of a cell by a rate, over
    /// the error of the cell.
    pub(super) fn add_bin(
        &mut self,
        (spectrum, z): (&Spectrum, &[f64]),
        used: &[usize],
        slope: impl Fn(usize, usize) -> f64,
    ) {
        let directions: Vec<Vec<f64>> = (0..self.score.len())
            .map(|k| {
                let (rate, age) = (self.rates[k / AGE_CLASSES], k % AGE_CLASSES);
                let of = |cell: &usize| match LagAgeCells::age(*cell) == age {
                    true => slope(*cell, rate),
                    false => 0.0,
                };
                used.iter().map(of).collect()
            })
            .collect();
        let mut vectors: Vec<&[f64]> = directions.iter().map(Vec::as_slice).collect();
        vectors.push(z);
        for (value, inverse, along) in spectrum.along(&vectors) {
            let (found, own) = along.split_last().expect("z is the last vector");
            for (a, one) in own.iter().enumerate() {
                self.score[a] += one * inverse * found;
                for (b, other) in own.iter().enumerate() {
                    self.covariance[(a, b)] += one * other * value * inverse * inverse;
                }
            }
        }
    }

    /// Sum of squares of the standardised scores, and each of them.
    pub(super) fn tested(&self, cells: &LagAgeCells) -> (SumOfSquares, Vec<RateChange>) {
        let error = |k: usize| self.covariance[(k, k)].sqrt();
        let seen: Vec<usize> = (0..self.score.len()).filter(|k| error(*k) > 0.0).collect();
        let correlation = Mat::from_fn(seen.len(), seen.len(), |a, b| {
            self.covariance[(seen[a], seen[b])] / (error(seen[a]) * error(seen[b]))
        });
        let z: Vec<f64> = seen.iter().map(|k| self.score[*k] / error(*k)).collect();
        let mut sum = SumOfSquares::default();
        sum.add(&Spectrum::new(&correlation), &z);
        let change = |(k, z): (&usize, &f64)| RateChange {
            rate: self.rates[k / AGE_CLASSES],
            ages: cells.ages(k % AGE_CLASSES),
            z: *z,
        };
        (sum, seen.iter().zip(&z).map(change).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums over cells whose means are independent, with slopes of 1 by the rate at position 4.
    fn tested(z: impl Fn(usize) -> f64) -> (SumOfSquares, Vec<RateChange>, SumOfSquares) {
        let positions: Vec<usize> = (0..60).collect();
        let cells = LagAgeCells::new(&positions, 60);
        let used: Vec<usize> = (0..cells.count()).collect();
        let z: Vec<f64> = used.iter().map(|cell| z(*cell)).collect();
        let spectrum = Spectrum::new(&Mat::identity(used.len(), used.len()));
        let mut scores = RateScores::new(&[4]);
        scores.add_bin((&spectrum, &z), &used, |_, _| 1.0);
        let mut residuals = SumOfSquares::default();
        residuals.add(&spectrum, &z);
        let (sum, rates) = scores.tested(&cells);
        (sum, rates, residuals)
    }

    #[test]
    fn a_faster_rate_at_one_age_is_seen_where_single_cells_hide_it() {
        let (sum, rates, residuals) =
            tested(|cell| if LagAgeCells::age(cell) == 2 { 1.6 } else { 0.0 });
        assert!(sum.p() < 1e-3 && residuals.p() > 0.5, "{} {}", sum.p(), residuals.p());
        let most = rates.iter().max_by(|a, b| a.z.abs().total_cmp(&b.z.abs())).unwrap();
        assert_eq!((most.rate, most.ages), (4, [20.0, 30.0]));
        assert!((most.z - 1.6 * 10.0_f64.sqrt()).abs() < 1e-9, "{most:?}");
    }

    #[test]
    fn a_rate_without_slopes_takes_no_part() {
        let cells = LagAgeCells::new(&[0, 1, 2, 3], 4);
        let (sum, rates) = RateScores::new(&[0]).tested(&cells);
        assert!(rates.is_empty() && sum.p() == 1.0);
    }
}
