//! Gram sums by bin, as a sweep merges them.

use std::ops::Range;

use dyne_math::gram::packed_index;
use dyne_runtime::words::{Words, put_floats, put_words};
use dyne_runtime::{Figures, Reduce};

use super::map_gram;

/// Gram sum of the pairs of one bin.
#[derive(Debug, Clone, PartialEq)]
pub struct BinSums {
    /// Position of the bin.
    pub bin: usize,
    /// Packed Gram matrix.
    pub gram: Vec<f64>,
    /// Cost: the robust one, or that of the linear loss at the contrast and offset expected before the
    /// sums were known.
    pub cost: f64,
    /// Pairs summed.
    pub pairs: u64,
}

impl BinSums {
    /// The same sums with the basis taken to `p` parameters by `map`.
    pub(super) fn mapped(self, map: &[f64], p: usize) -> Self {
        Self { gram: map_gram(&self.gram, map, p), ..self }
    }

    /// Adds the sums of pairs that come later.
    pub(crate) fn add(&mut self, later: &Self) {
        for (a, b) in self.gram.iter_mut().zip(&later.gram) {
            *a += b;
        }
        self.cost += later.cost;
        self.pairs += later.pairs;
    }
}

/// Sums of neighbouring blocks: bins ascend, and only the last one goes on in the next block.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sums {
    bins: Vec<BinSums>,
    /// The first block whose sums are not finite, where blocks are checked.
    bad: Option<BadBlock>,
}

/// A block whose sums are not finite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadBlock {
    pub(super) bin: usize,
    pub(super) rows: Range<usize>,
    pub(super) cause: Cause,
}

/// What is not finite in the sums of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The data, which were finite when they were surveyed.
    Data,
    /// The model.
    Model,
}

impl Sums {
    pub(super) fn of(sums: BinSums) -> Self {
        Self { bins: vec![sums], bad: None }
    }

    /// The same, if the sums are finite; else with a note that those of `rows` are not. `order` is that
    /// of the Gram matrix, whose last two rows are 1 and y.
    pub(super) fn checked(self, order: usize, rows: Range<usize>) -> Self {
        let Some(sums) = self.bins.first().filter(|s| s.gram.iter().any(|g| !g.is_finite())) else {
            return self;
        };
        let of_data = sums.gram[packed_index(order, order - 2, order - 1)];
        let cause = if of_data.is_finite() { Cause::Model } else { Cause::Data };
        let bad = Some(BadBlock { bin: sums.bin, rows, cause });
        Self { bad, ..self }
    }

    pub(super) fn bad(&self) -> Option<&BadBlock> {
        self.bad.as_ref()
    }

    pub(super) fn into_bins(self) -> Vec<BinSums> {
        self.bins
    }
}

impl Reduce for Sums {
    fn merge(&mut self, later: Self) {
        self.bad = self.bad.take().or(later.bad);
        let mut later = later.bins.into_iter().peekable();
        if let (Some(last), Some(next)) = (self.bins.last_mut(), later.peek())
            && last.bin == next.bin
        {
            last.add(next);
            later.next();
        }
        self.bins.extend(later);
    }

    fn figures(&self) -> Figures {
        let sum = |of: fn(&BinSums) -> f64| self.bins.iter().map(of).sum::<f64>();
        let cost = sum(|s| s.cost);
        Figures {
            items: self.bins.iter().map(|s| s.pairs).sum(),
            cost: (cost != 0.0).then_some(cost),
            non_finite: self.bad.is_some(),
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_words(&mut bytes, [self.bad.iter().len() as u64]);
        if let Some(BadBlock { bin, rows, cause }) = &self.bad {
            let cause = match cause {
                Cause::Data => 0,
                Cause::Model => 1,
            };
            put_words(&mut bytes, [*bin, rows.start, rows.end, cause].map(|word| word as u64));
        }
        for s in &self.bins {
            put_words(&mut bytes, [s.bin as u64, s.pairs, s.gram.len() as u64]);
            put_floats(&mut bytes, std::iter::once(&s.cost).chain(&s.gram));
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut words = Words::new(bytes);
        let bad = match words.word()? {
            0 => None,
            _ => {
                let (bin, rows) = (words.count()?, words.count()?..words.count()?);
                let cause = if words.word()? == 0 { Cause::Data } else { Cause::Model };
                Some(BadBlock { bin, rows, cause })
            }
        };
        let mut bins = Vec::new();
        while !words.is_empty() {
            let (bin, pairs, length) = (words.count()?, words.word()?, words.count()?);
            let (cost, gram) = (words.float()?, words.floats(length)?);
            bins.push(BinSums { bin, gram, cost, pairs });
        }
        Some(Self { bins, bad })
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
        let costs: Vec<f64> = left.bins.iter().map(|s| s.cost).collect();
        assert_eq!(costs, [3.0, 12.0, 16.0]);
        assert_eq!(Sums::from_bytes(&left.to_bytes()), Some(left));
        assert_eq!(Sums::from_bytes(&[0; 12]), None);
    }

    #[test]
    fn the_first_block_that_is_not_finite_is_told() {
        // Order 3: m, 1, y; entries mm, m1, my, 11, 1y, yy.
        let block = |bin: usize, at: usize| {
            let mut gram = vec![1.0; 6];
            gram[at] = f64::NAN;
            Sums::of(BinSums { bin, gram, cost: 0.5, pairs: 4 }).checked(3, 2..5)
        };
        let fine = Sums::of(BinSums { bin: 0, gram: vec![1.0; 6], cost: 0.5, pairs: 4 });
        let mut all = fine.clone().checked(3, 0..2);
        assert!(all.bad().is_none() && !all.figures().non_finite);
        all.merge(block(0, 0));
        all.merge(block(1, 4));
        let bad = BadBlock { bin: 0, rows: 2..5, cause: Cause::Model };
        assert_eq!(all.bad(), Some(&bad));
        assert_eq!(block(1, 4).bad().map(|bad| bad.cause), Some(Cause::Data));
        assert_eq!(Sums::from_bytes(&all.to_bytes()).unwrap().bad(), Some(&bad));
        let figures = all.figures();
        assert!(figures.non_finite && figures.items == 12 && figures.cost == Some(1.5));
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
