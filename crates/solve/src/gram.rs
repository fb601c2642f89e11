//! The Gram matrix of one bin: all that the solver sees of the data.

use crate::error::SolveError;

/// Length of the packed upper triangle of a Gram matrix with `shared` parameters:
/// (p + 3)(p + 4)/2.
pub const fn packed_len(shared: usize) -> usize {
    (shared + 3) * (shared + 4) / 2
}

/// View of the packed Gram matrix of one bin.
///
/// **Formula.** $G = \sum_k w_k v_k v_k^T$ with
/// $v = (\partial m/\partial\theta_1, …, \partial m/\partial\theta_p, m, 1, y)$; the upper triangle is
/// packed row by row.
///
/// **Symbols.** p: shared parameters; m: model before scaling, pure number; y: data, pure number;
/// w: weight of a pair, pure number, including the weight of a robust loss where there is one.
///
/// **Edges.** Sums of squares lose digits when y is far from 0 (see [`crate::assemble`]): subtract a
/// constant such as 1 from the data before summing and add it to the offsets afterwards.
///
/// **Checked by** `accessors_follow_the_packing`.
#[derive(Debug, Clone, Copy)]
pub struct Gram<'a> {
    packed: &'a [f64],
    shared: usize,
    pairs: u64,
}

impl<'a> Gram<'a> {
    /// Takes `packed` as the Gram matrix of a bin with `pairs` pairs.
    ///
    /// # Errors
    /// [`SolveError::GramLength`] when the slice is not [`packed_len`] long.
    pub fn try_new(packed: &'a [f64], shared: usize, pairs: u64) -> Result<Self, SolveError> {
        let expected = packed_len(shared);
        if packed.len() != expected {
            return Err(SolveError::GramLength { shared, expected, found: packed.len() });
        }
        Ok(Self { packed, shared, pairs })
    }

    /// Number p of shared parameters.
    pub fn shared(&self) -> usize {
        self.shared
    }

    /// Number of pairs summed, whatever their weights.
    pub fn pairs(&self) -> u64 {
        self.pairs
    }

    /// Whether every entry is finite.
    pub fn is_finite(&self) -> bool {
        self.packed.iter().all(|v| v.is_finite())
    }

    /// Σ w ∂m/∂θ_a ∂m/∂θ_b.
    pub fn dd(&self, a: usize, b: usize) -> f64 {
        self.entry(a.min(b), a.max(b))
    }

    /// Σ w m ∂m/∂θ_a.
    pub fn dm(&self, a: usize) -> f64 {
        self.entry(a, self.shared)
    }

    /// Σ w ∂m/∂θ_a.
    pub fn d1(&self, a: usize) -> f64 {
        self.entry(a, self.shared + 1)
    }

    /// Σ w y ∂m/∂θ_a.
    pub fn dy(&self, a: usize) -> f64 {
        self.entry(a, self.shared + 2)
    }

    /// Σ w m².
    pub fn mm(&self) -> f64 {
        self.entry(self.shared, self.shared)
    }

    /// Σ w m.
    pub fn m1(&self) -> f64 {
        self.entry(self.shared, self.shared + 1)
    }

    /// Σ w m y.
    pub fn my(&self) -> f64 {
        self.entry(self.shared, self.shared + 2)
    }

    /// Σ w.
    pub fn n1(&self) -> f64 {
        self.entry(self.shared + 1, self.shared + 1)
    }

    /// Σ w y.
    pub fn y1(&self) -> f64 {
        self.entry(self.shared + 1, self.shared + 2)
    }

    /// Σ w y².
    pub fn yy(&self) -> f64 {
        self.entry(self.shared + 2, self.shared + 2)
    }

    /// Entry of the upper triangle, row ≤ column.
    fn entry(&self, row: usize, column: usize) -> f64 {
        let order = self.shared + 3;
        self.packed[row * (2 * order - row + 1) / 2 + column - row]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accessors_follow_the_packing() {
        // v = (2, 3, 5, 1, 7) for one pair of weight 1: every entry is a product of primes.
        let v = [2.0, 3.0, 5.0, 1.0, 7.0];
        let packed: Vec<f64> = (0..5).flat_map(|i| (i..5).map(move |j| v[i] * v[j])).collect();
        let gram = Gram::try_new(&packed, 2, 1).unwrap();
        assert_eq!((gram.dd(0, 0), gram.dd(0, 1), gram.dd(1, 0), gram.dd(1, 1)), (4., 6., 6., 9.));
        assert_eq!((gram.dm(0), gram.dm(1)), (10., 15.));
        assert_eq!((gram.d1(0), gram.d1(1)), (2., 3.));
        assert_eq!((gram.dy(0), gram.dy(1)), (14., 21.));
        assert_eq!((gram.mm(), gram.m1(), gram.my()), (25., 5., 35.));
        assert_eq!((gram.n1(), gram.y1(), gram.yy()), (1., 7., 49.));
        assert_eq!(gram.pairs(), 1);
    }

    #[test]
    fn a_wrong_length_is_refused() {
        let error = Gram::try_new(&[0.0; 14], 2, 1).unwrap_err();
        assert!(matches!(error, SolveError::GramLength { expected: 15, found: 14, .. }));
    }
}
