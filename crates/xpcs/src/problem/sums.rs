//! Gram sums by bin, as a sweep merges them.

use dyne_runtime::Reduce;
use dyne_runtime::words::{Words, put_floats, put_words};

use super::map_gram;

/// Gram sum of the pairs of one bin.
#[derive(Debug, Clone, PartialEq)]
pub struct BinSums {
    /// Position of the bin.
    pub bin: usize,
    /// Packed Gram matrix.
    pub gram: Vec<f64>,
    /// Robust cost.
    pub cost: f64,
    /// Pairs summed.
    pub pairs: u64,
}

impl BinSums {
    /// The same sums with the basis taken to `p` parameters by `map`.
    pub(super) fn mapped(self, map: &[f64], p: usize) -> Self {
        Self { gram: map_gram(&self.gram, map, p), ..self }
    }

    fn add(&mut self, later: &Self) {
        for (a, b) in self.gram.iter_mut().zip(&later.gram) {
            *a += b;
        }
        self.cost += later.cost;
        self.pairs += later.pairs;
    }
}

/// Sums of neighbouring blocks: bins ascend, and only the last one goes on in the next block.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sums(Vec<BinSums>);

impl Sums {
    pub(super) fn of(sums: BinSums) -> Self {
        Self(vec![sums])
    }

    pub(super) fn into_bins(self) -> Vec<BinSums> {
        self.0
    }
}

impl Reduce for Sums {
    fn merge(&mut self, later: Self) {
        let mut later = later.0.into_iter().peekable();
        if let (Some(last), Some(next)) = (self.0.last_mut(), later.peek())
            && last.bin == next.bin
        {
            last.add(next);
            later.next();
        }
        self.0.extend(later);
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for s in &self.0 {
            put_words(&mut bytes, [s.bin as u64, s.pairs, s.gram.len() as u64]);
            put_floats(&mut bytes, std::iter::once(&s.cost).chain(&s.gram));
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut words = Words::new(bytes);
        let mut bins = Vec::new();
        while !words.is_empty() {
            let (bin, pairs, length) = (words.count()?, words.word()?, words.count()?);
            let (cost, gram) = (words.float()?, words.floats(length)?);
            bins.push(BinSums { bin, gram, cost, pairs });
        }
        Some(Self(bins))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(bin: usize, value: f64) -> Sums {
        Sums::of(BinSums { bin, gram: vec![value; 3], cost: value, pairs: 1 })
    }

    #[test]
    fn neighbours_merge_at_the_seam_only() {
        let mut left = one(0, 1.0);
        left.merge(one(0, 2.0));
        left.merge(one(1, 4.0));
        let mut right = one(1, 8.0);
        right.merge(one(2, 16.0));
        left.merge(right);
        let costs: Vec<f64> = left.0.iter().map(|s| s.cost).collect();
        assert_eq!(costs, [3.0, 12.0, 16.0]);
        assert_eq!(Sums::from_bytes(&left.to_bytes()), Some(left));
        assert_eq!(Sums::from_bytes(&[0; 12]), None);
    }

    #[test]
    fn mapping_agrees_with_the_mapped_vectors() {
        // Two basis rows, three parameters; G of two columns of v.
        let map = [1.0, 2.0, 0.0, -1.0, 0.5, 0.25];
        let columns = [[0.3, -1.2, 0.7, 1.0, 0.9], [2.0, 0.4, 0.1, 1.0, -0.3]];
        let packed = |vectors: &[Vec<f64>]| {
            let n = vectors[0].len();
            let mut g = Vec::new();
            for a in 0..n {
                for b in a..n {
                    g.push(vectors.iter().map(|v| v[a] * v[b]).sum::<f64>());
                }
            }
            g
        };
        let basis: Vec<Vec<f64>> = columns.iter().map(|c| c.to_vec()).collect();
        let mapped: Vec<Vec<f64>> = columns
            .iter()
            .map(|c| {
                let d = (0..3).map(|p| map[2 * p] * c[0] + map[2 * p + 1] * c[1]);
                d.chain(c[2..].iter().copied()).collect()
            })
            .collect();
        let found = map_gram(&packed(&basis), &map, 3);
        for (a, b) in found.iter().zip(packed(&mapped)) {
            assert!((a - b).abs() < 1e-14, "{a} and {b}");
        }
    }
}
