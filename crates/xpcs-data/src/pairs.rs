//! The pairs of frames that a fit runs over: matrices in memory, cut into blocks of rows.

use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;

use dyne_runtime::Source;
use dyne_xpcs_model::model::KeptFrames;

use crate::triangle::{Samples, Triangle};

/// Matrices of several bins over the same frames; clones share them.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrices {
    triangles: Arc<[Triangle]>,
    kept: KeptFrames,
    skip: usize,
}

/// How many pairs a block holds. It sets the shape of the reduction, hence the last bits of a
/// result; it never depends on the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockPairs(pub usize);

impl Default for BlockPairs {
    /// Blocks of 32768 pairs: about a tenth of a millisecond of work, a hundred times what
    /// handing out a block costs.
    fn default() -> Self {
        Self(32_768)
    }
}

impl Matrices {
    /// All frames of the matrices, of which the first `skip` take no part.
    ///
    /// # Panics
    /// When there is no matrix or their sizes differ.
    #[track_caller]
    pub fn new(triangles: Vec<Triangle>, skip: usize) -> Self {
        let frames = triangles.first().expect("at least one matrix").frames();
        assert!(triangles.iter().all(|t| t.frames() == frames), "matrices of one size");
        Self { triangles: triangles.into(), kept: KeptFrames::All, skip }
    }

    /// Number of bins.
    pub fn bins(&self) -> usize {
        self.triangles.len()
    }

    /// Frames along a side.
    pub fn frames(&self) -> usize {
        self.triangles[0].frames()
    }

    /// Frames at the start that take no part.
    pub fn skip(&self) -> usize {
        self.skip
    }

    /// Which frames of the time grid these are.
    pub fn kept(&self) -> &KeptFrames {
        &self.kept
    }

    /// Pairs of one bin that take part.
    pub fn pairs_per_bin(&self) -> usize {
        Triangle::pairs(self.frames().saturating_sub(self.skip))
    }

    /// The matrix of one bin.
    pub fn triangle(&self, bin: usize) -> &Triangle {
        &self.triangles[bin]
    }

    /// Mean of all values.
    ///
    /// **Cost** one pass. The sum runs in storage order, bin by bin.
    pub fn mean(&self) -> f64 {
        let sum = |t: &Triangle| match t.samples() {
            Samples::F32(v) => v.iter().map(|x| f64::from(*x)).sum::<f64>(),
            Samples::F64(v) => v.iter().sum(),
        };
        let count = self.bins() * Triangle::pairs(self.frames());
        self.triangles.iter().map(sum).sum::<f64>() / count.max(1) as f64
    }

    /// About `count` of the frames that take part, in matrices of their own: the same data
    /// with (frames / count)² times fewer pairs.
    ///
    /// The frames stand in groups of four, evenly over the series; within a group their
    /// distances grow geometrically from one frame to the distance of the groups. So pairs of
    /// every lag from one frame to the whole series are there at every age, and neither a fast
    /// nor a slow decay is lost between frames.
    pub fn coarse(&self, count: usize) -> Self {
        Self { skip: 0, ..self.only(&spread(self.skip, self.frames(), count)) }
    }

    /// The matrices without the frames at the positions `masked`, ascending, counted along their
    /// own side.
    ///
    /// The time grid stays that of all frames: [`Matrices::kept`] tells which of them are left.
    /// **Cost** a copy of the pairs that are left. **Checked by**
    /// `masked_matrices_keep_their_frames_through_coarse_levels`.
    pub fn without(&self, masked: &[usize]) -> Self {
        let left = |frame: &usize| masked.binary_search(frame).is_err();
        self.only(&(0..self.frames()).filter(left).collect::<Vec<_>>())
    }

    /// The frames at these positions, in matrices of their own.
    fn only(&self, frames: &[usize]) -> Self {
        let on_grid: Arc<[usize]> = match &self.kept {
            KeptFrames::All => frames.into(),
            KeptFrames::Listed(kept) => frames.iter().map(|k| kept[*k]).collect(),
        };
        Self {
            triangles: self.triangles.iter().map(|t| decimate(t, frames)).collect(),
            kept: KeptFrames::Listed(on_grid),
            skip: frames.iter().filter(|frame| **frame < self.skip).count(),
        }
    }

    /// Position on the time grid of each frame along a side, ascending.
    pub fn positions(&self) -> Vec<usize> {
        match &self.kept {
            KeptFrames::All => (0..self.frames()).collect(),
            KeptFrames::Listed(kept) => kept.to_vec(),
        }
    }

    /// The blocks of all bins, in order.
    pub fn blocks(&self, size: BlockPairs) -> PairBlocks {
        self.blocks_of(0..self.bins(), size)
    }

    /// The blocks of some bins, in order.
    pub fn blocks_of(&self, bins: Range<usize>, size: BlockPairs) -> PairBlocks {
        let frames = self.frames();
        let mut addresses = Vec::new();
        for bin in bins {
            let mut start = self.skip;
            let mut pairs = 0;
            for row in self.skip..frames.saturating_sub(1) {
                pairs += frames - 1 - row;
                if pairs >= size.0 || row + 2 == frames {
                    addresses.push(Address { bin, rows: start..row + 1 });
                    (start, pairs) = (row + 1, 0);
                }
            }
        }
        PairBlocks { triangles: Arc::clone(&self.triangles), addresses }
    }
}

/// Frames of [`Matrices::coarse`] between `first` and `end`.
fn spread(first: usize, end: usize, count: usize) -> Vec<usize> {
    const GROUP: usize = 4;
    let groups = (count / GROUP).max(1);
    let distance = (end - first) as f64 / groups as f64;
    let offsets = [0.0, 1.0, distance.powf(1.0 / 3.0).max(2.0), distance.powf(2.0 / 3.0).max(3.0)];
    let mut frames: Vec<usize> = (0..groups)
        .flat_map(|g| offsets.map(|o| first + (g as f64 * distance) as usize + o.round() as usize))
        .filter(|frame| *frame < end)
        .collect();
    frames.sort_unstable();
    frames.dedup();
    frames
}

fn decimate(triangle: &Triangle, frames: &[usize]) -> Triangle {
    let positions = frames.iter().enumerate().flat_map(|(k, i)| {
        frames[k + 1..]
            .iter()
            .map(move |j| Triangle::row_start(triangle.frames(), *i) + j - (i + 1))
    });
    let samples = match triangle.samples() {
        Samples::F32(v) => Samples::F32(positions.map(|p| v[p]).collect()),
        Samples::F64(v) => Samples::F64(positions.map(|p| v[p]).collect()),
    };
    let left = Triangle::new(frames.len(), samples);
    match triangle.diagonal() {
        Some(diagonal) => left.with_diagonal(frames.iter().map(|k| diagonal[*k]).collect()),
        None => left,
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Address {
    bin: usize,
    rows: Range<usize>,
}

/// Blocks of rows of [`Matrices`], addressed by number.
#[derive(Debug, Clone)]
pub struct PairBlocks {
    triangles: Arc<[Triangle]>,
    addresses: Vec<Address>,
}

/// Rows `rows` of the matrix of bin `bin`: the pairs (i, j) with i in `rows` and j > i.
#[derive(Debug, Clone, Copy)]
pub struct PairBlock<'m> {
    /// Position of the bin.
    pub bin: usize,
    /// First row.
    pub first: usize,
    /// Row behind the last one.
    pub end: usize,
    /// The matrix.
    pub triangle: &'m Triangle,
}

impl Source for PairBlocks {
    type Buffer = ();
    type Block<'b> = PairBlock<'b>;
    type Error = Infallible;

    fn blocks(&self) -> usize {
        self.addresses.len()
    }

    fn block<'b>(&'b self, index: usize, _buffer: &'b mut ()) -> Result<PairBlock<'b>, Infallible> {
        let Address { bin, rows } = &self.addresses[index];
        Ok(PairBlock {
            bin: *bin,
            first: rows.start,
            end: rows.end,
            triangle: &self.triangles[*bin],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matrices(frames: usize, bins: usize, skip: usize) -> Matrices {
        let one = |bin: usize| {
            let value = |i: usize, j: usize| (bin * 10_000 + i * 100 + j) as f64;
            let packed =
                (0..frames).flat_map(|i| (i + 1..frames).map(move |j| value(i, j))).collect();
            Triangle::new(frames, Samples::F64(packed))
        };
        Matrices::new((0..bins).map(one).collect(), skip)
    }

    proptest! {
        #[test]
        fn blocks_cover_every_pair_once(
            frames in 2usize..30,
            bins in 1usize..4,
            skip in 0usize..2,
            size in 1usize..500,
        ) {
            let m = matrices(frames, bins, skip);
            let source = m.blocks(BlockPairs(size));
            let mut rows = Vec::new();
            for index in 0..source.blocks() {
                let mut buffer = ();
                let block = source.block(index, &mut buffer).unwrap();
                prop_assert!(block.first < block.end);
                rows.extend((block.first..block.end).map(|i| (block.bin, i)));
            }
            let expected: Vec<_> = (0..bins)
                .flat_map(|bin| (skip..frames - 1).map(move |i| (bin, i)))
                .collect();
            prop_assert_eq!(rows, expected);
        }
    }

    #[test]
    fn coarse_matrices_keep_their_frames() {
        let m = matrices(99, 2, 1);
        let c = m.coarse(12);
        let KeptFrames::Listed(frames) = c.kept() else { panic!("some frames") };
        assert_eq!(frames.len(), c.frames());
        assert_eq!(frames[..5], [1, 2, 4, 11, 33]);
        assert_eq!(c.triangle(1).get(1, 4), m.triangle(1).get(2, 33));
        assert_eq!(c.skip(), 0);
    }

    #[test]
    fn masked_matrices_keep_their_frames_through_coarse_levels() {
        let diagonal: Vec<f64> = (0..99).map(f64::from).collect();
        let whole = matrices(99, 1, 2).triangle(0).clone().with_diagonal(diagonal);
        let m = Matrices::new(vec![whole], 2).without(&[0, 5, 6, 40]);
        assert_eq!((m.frames(), m.skip()), (95, 1));
        assert_eq!(m.positions()[..6], [1, 2, 3, 4, 7, 8]);
        assert_eq!(m.triangle(0).get(3, 4), 407.0);
        assert_eq!(m.triangle(0).diagonal().unwrap()[4], 7.0);
        let c = m.coarse(12);
        assert_eq!(c.skip(), 0);
        let on_grid = c.positions();
        assert!(on_grid.windows(2).all(|w| w[0] < w[1]) && !on_grid.contains(&5), "{on_grid:?}");
        for (i, j) in [(0, 1), (2, 7), (3, 4)] {
            let value = on_grid[i] * 100 + on_grid[j];
            assert_eq!(c.triangle(0).get(i, j), value as f64);
            assert_eq!(c.triangle(0).diagonal().unwrap()[i], on_grid[i] as f64);
        }
    }

    #[test]
    fn coarse_frames_hold_lags_of_every_size() {
        let frames = spread(1, 1000, 48);
        assert!((40..=48).contains(&frames.len()), "{}", frames.len());
        for lag in [1, 4, 20, 100, 500] {
            let near = |a: &usize, b: &usize| (lag * 2 / 3..=lag * 3 / 2 + 1).contains(&(b - a));
            let ages: Vec<usize> = frames
                .iter()
                .filter(|a| frames.iter().any(|b| b > a && near(a, b)))
                .copied()
                .collect();
            assert!(ages.len() >= 6, "{lag}: {ages:?}");
        }
    }

    #[test]
    fn mean_is_that_of_all_pairs() {
        let m = Matrices::new(vec![Triangle::new(3, Samples::F32(vec![1.0, 2.0, 6.0]))], 0);
        assert_eq!(m.mean(), 3.0);
    }
}
