//! What the residuals of one bin tell of the noise: variance by lag, correlation of neighbours.

use crate::noise::DISTANCES;

/// Sums over the residuals of one bin.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Statistics {
    /// Class of each lag, in frames that take part; classes ascend and are log-spaced.
    pub class: Vec<usize>,
    /// Pairs and sum of squared residuals of each class.
    pub lags: Vec<[f64; 2]>,
    /// Pairs of neighbours in a row, Σ of their products and Σ of their mean squares, one a
    /// distance of [`DISTANCES`].
    pub row: [[f64; 3]; DISTANCES.len()],
    /// The same for pairs of one lag at neighbouring ages.
    pub age: [f64; 3],
    current: Vec<f64>,
    previous: Vec<f64>,
    at: Option<usize>,
}

impl Statistics {
    pub(super) fn new(class: &[usize], classes: usize) -> Self {
        Self { class: class.to_vec(), lags: vec![[0.0; 2]; classes], ..Self::default() }
    }

    /// Adds the residuals of the pairs (i, first…); pieces of a row come one after the other.
    pub(super) fn add(&mut self, i: usize, first: usize, residuals: impl Iterator<Item = f64>) {
        if self.at != Some(i) {
            self.close();
            self.at = Some(i);
        }
        for (k, r) in residuals.enumerate() {
            let sums = &mut self.lags[self.class[first + k - i]];
            sums[0] += 1.0;
            sums[1] += r * r;
            self.current.push(r);
        }
    }

    /// Ends a row: sums the products of its neighbours, and of those in the row before. Element k
    /// of two neighbouring rows has one lag.
    pub(super) fn close(&mut self) {
        for (sums, distance) in self.row.iter_mut().zip(DISTANCES) {
            let later = self.current.iter().skip(distance);
            self.current.iter().zip(later).for_each(|(a, b)| add_product(sums, *a, *b));
        }
        for (a, b) in self.previous.iter().zip(&self.current) {
            add_product(&mut self.age, *a, *b);
        }
        self.previous = std::mem::take(&mut self.current);
    }

    pub(super) fn merge(&mut self, later: &Self) {
        let own = self.lags.iter_mut().flatten().chain(self.row.iter_mut().flatten());
        let other = later.lags.iter().flatten().chain(later.row.iter().flatten());
        let own = own.chain(&mut self.age);
        own.zip(other.chain(&later.age)).for_each(|(a, b)| *a += b);
    }

    pub(super) fn words(&self) -> impl Iterator<Item = f64> + '_ {
        self.lags.iter().flatten().chain(self.row.iter().flatten()).chain(&self.age).copied()
    }

    pub(super) fn from_words(class: Vec<usize>, words: &[f64]) -> Option<Self> {
        let tail = 3 * (DISTANCES.len() + 1);
        let split = words.len().checked_sub(tail)?;
        let lags = words[..split].chunks_exact(2).map(|c| [c[0], c[1]]).collect();
        let mut threes = words[split..].chunks_exact(3).map(|c| [c[0], c[1], c[2]]);
        let row = std::array::from_fn(|_| threes.next().unwrap_or_default());
        Some(Self { class, lags, row, age: threes.next()?, ..Self::default() })
    }

    /// Correlation of residuals in one row, one a distance of [`DISTANCES`]; nothing where there
    /// are no such neighbours.
    ///
    /// **Formula** $\sum r_{ij}r_{i,j+d} / \tfrac12\sum(r_{ij}^2 + r_{i,j+d}^2)$.
    /// **Checked by** `correlations_of_a_known_pattern`.
    pub fn along_row(&self) -> [Option<f64>; DISTANCES.len()] {
        self.row.map(ratio)
    }

    /// Correlation of residuals of one lag at neighbouring ages, (i, j) and (i+1, j+1).
    ///
    /// **Edges** neighbours in two blocks of rows are left out.
    pub fn along_age(&self) -> Option<f64> {
        ratio(self.age)
    }
}

fn add_product(sums: &mut [f64; 3], a: f64, b: f64) {
    sums[0] += 1.0;
    sums[1] += a * b;
    sums[2] += 0.5 * (a * a + b * b);
}

fn ratio([_, product, square]: [f64; 3]) -> Option<f64> {
    (square > 0.0).then(|| product / square)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlations_of_a_known_pattern() {
        // Signs alternate along a row, and a row is the same as the one before.
        let mut statistics = Statistics::new(&vec![0; 50], 1);
        for i in 0..10 {
            for first in [i + 1, i + 21] {
                let sign = |k: usize| if (first + k - i).is_multiple_of(2) { 1.0 } else { -1.0 };
                statistics.add(i, first, (0..20).map(sign));
            }
        }
        statistics.close();
        let row = statistics.along_row();
        assert_eq!([row[0], row[1], row[2]], [Some(-1.0), Some(1.0), Some(1.0)]);
        assert_eq!(statistics.along_age(), Some(1.0));
        assert_eq!(statistics.lags, [[400.0, 400.0]]);
        let words: Vec<f64> = statistics.words().collect();
        let back = Statistics::from_words(vec![0; 50], &words).unwrap();
        assert_eq!((back.row, back.age), (statistics.row, statistics.age));
        let mut twice = back.clone();
        twice.merge(&back);
        assert_eq!(twice.lags, [[800.0, 800.0]]);
    }
}
