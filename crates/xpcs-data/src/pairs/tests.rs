//! Tests of matrices and their blocks.

use super::*;
use crate::rows::{DecodeBuffers, RowsSize, contract};
use proptest::prelude::*;

fn matrices(frames: usize, bins: usize, skip: usize) -> Matrices {
    let one = |bin: usize| {
        let value = |i: usize, j: usize| (bin * 10_000 + i * 100 + j) as f64;
        let packed = (0..frames).flat_map(|i| (i + 1..frames).map(move |j| value(i, j))).collect();
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
            let mut buffer = BlockBuffer::default();
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
    let frames = m.coarse_frames(12);
    assert_eq!(frames[..5], [1, 2, 4, 11, 33]);
    let triangles = (0..2).map(|b| decimate(&m.triangle(b).unwrap(), &frames)).collect();
    let c = m.with_values_at(&frames, triangles);
    let KeptFrames::Listed(kept) = c.kept() else { panic!("some frames") };
    assert_eq!(kept[..], frames[..]);
    assert_eq!(c.triangle(1).unwrap().get(1, 4), m.triangle(1).unwrap().get(2, 33));
    assert_eq!(c.skip(), 0);
}

#[test]
fn masked_matrices_keep_their_frames_through_coarse_levels() {
    let diagonal: Vec<f64> = (0..99).map(f64::from).collect();
    let whole = matrices(99, 1, 2).triangle(0).unwrap().into_owned().with_diagonal(diagonal);
    let m = Matrices::new(vec![whole], 2).without(&[0, 5, 6, 40]);
    assert_eq!((m.frames(), m.skip()), (95, 1));
    assert_eq!(m.positions()[..6], [1, 2, 3, 4, 7, 8]);
    let triangle = m.triangle(0).unwrap();
    assert_eq!((triangle.get(3, 4), m.diagonal(0).unwrap().unwrap()[4]), (407.0, 7.0));
    let frames = m.coarse_frames(12);
    let c = m.with_values_at(&frames, vec![decimate(&triangle, &frames)]);
    assert_eq!(c.skip(), 0);
    let on_grid = c.positions();
    assert!(on_grid.windows(2).all(|w| w[0] < w[1]) && !on_grid.contains(&5), "{on_grid:?}");
    for (i, j) in [(0, 1), (2, 7), (3, 4)] {
        let value = on_grid[i] * 100 + on_grid[j];
        assert_eq!(c.triangle(0).unwrap().get(i, j), value as f64);
    }
}

#[test]
fn blocks_are_the_same_wherever_the_values_are() {
    for strip in [None, Some(1), Some(7), Some(100)] {
        let all = matrices(41, 3, 2);
        let rows = InMemory { matrices: all.clone(), strip };
        contract(&rows);
        let some: Arc<[usize]> = [1, 2, 5, 6, 7, 20, 33, 39].into();
        contract(&PickedRows::new(Arc::new(rows.clone()), some));
        let read = Matrices::read_by_sweeps(Arc::new(rows), StripsHeld(2), all.skip());
        for (all, read) in [
            (all.clone(), read.clone()),
            (all.without(&[0, 3, 11, 40]), read.without(&[0, 3, 11, 40])),
        ] {
            assert_eq!(all.positions(), read.positions());
            assert_eq!(*all.triangle(2).unwrap(), *read.triangle(2).unwrap());
            assert_eq!(read.diagonal(1).unwrap().unwrap().len(), read.frames());
            for bins in [0..3, 1..2] {
                let (a, b) = (
                    all.blocks_of(bins.clone(), BlockPairs(90)),
                    read.blocks_of(bins, BlockPairs(90)),
                );
                assert_eq!(a.blocks(), b.blocks());
                let (mut one, mut other) = (BlockBuffer::default(), BlockBuffer::default());
                for index in 0..a.blocks() {
                    let a = a.block(index, &mut one).unwrap();
                    let b = b.block(index, &mut other).unwrap();
                    assert_eq!((a.bin, a.first, a.end), (b.bin, b.first, b.end));
                    assert_eq!((a.values, a.row(a.first)), (b.values, b.row(b.first)));
                }
            }
        }
    }
}

/// Matrices in memory as if they were not.
#[derive(Clone)]
pub(crate) struct InMemory {
    matrices: Matrices,
    strip: Option<usize>,
}

impl InMemory {
    /// Matrices that come in strips of so many rows.
    pub(crate) fn new(frames: usize, bins: usize, strip: usize) -> Self {
        Self { matrices: matrices(frames, bins, 0), strip: Some(strip) }
    }
}

impl RowSource for InMemory {
    fn size(&self) -> RowsSize {
        let m = &self.matrices;
        RowsSize { bins: m.bins(), frames: m.frames(), element: m.element() }
    }
    fn access(&self, _bin: usize) -> RowAccess {
        let last = self.frames() - 1;
        self.strip.map_or(RowAccess::Any, |step| {
            let strips = (0..last).step_by(step).map(|k| k..(k + step).min(last));
            RowAccess::Strips(strips.collect())
        })
    }
    fn diagonal(&self, _bin: usize) -> Result<Vec<f64>, ReadError> {
        Ok((0..self.frames()).map(|k| k as f64).collect())
    }
    fn read_rows(
        &self,
        bin: usize,
        rows: Range<usize>,
        out: &mut Samples,
        _buffers: &mut DecodeBuffers,
    ) -> Result<(), ReadError> {
        out.clear();
        out.extend(self.matrices.triangle(bin)?.rows(rows));
        Ok(())
    }
}

/// Rows of which those from `at` on, a bin and the first row of a strip, cannot be read.
pub(crate) struct Broken {
    pub(crate) inner: InMemory,
    pub(crate) at: (usize, usize),
}

impl RowSource for Broken {
    fn size(&self) -> RowsSize {
        self.inner.size()
    }
    fn access(&self, bin: usize) -> RowAccess {
        self.inner.access(bin)
    }
    fn diagonal(&self, bin: usize) -> Result<Vec<f64>, ReadError> {
        self.inner.diagonal(bin)
    }
    fn read_rows(
        &self,
        bin: usize,
        rows: Range<usize>,
        out: &mut Samples,
        buffers: &mut DecodeBuffers,
    ) -> Result<(), ReadError> {
        if (bin, rows.start) == self.at {
            let file = std::path::PathBuf::from("f");
            let (reason, remedy) = ("broken".into(), "mend it".into());
            return Err(ReadError::File { file, reason, remedy });
        }
        self.inner.read_rows(bin, rows, out, buffers)
    }
}

#[test]
fn excluded_rows_are_in_no_block() {
    let excluded = ExcludedRows::new([(0, 3), (1, 0), (1, 1), (1, 28)]);
    let m = matrices(30, 2, 1).without_rows(excluded);
    let source = m.blocks(BlockPairs(100));
    let mut rows = vec![Vec::new(); 2];
    for index in 0..source.blocks() {
        let mut buffer = BlockBuffer::default();
        let block = source.block(index, &mut buffer).unwrap();
        assert_eq!(
            block.values.get(0),
            m.triangle(block.bin).unwrap().get(block.first, block.first + 1)
        );
        rows[block.bin].extend(block.first..block.end);
    }
    let left = |bin: usize, out: &[usize]| {
        let rows: Vec<usize> = (1..29).filter(|row| !out.contains(row)).collect();
        assert_eq!(m.pairs(bin), rows.iter().map(|row| 29 - row).sum::<usize>());
        rows
    };
    assert_eq!(rows, [left(0, &[3]), left(1, &[1, 28])]);
    let coarse = m.without(&(0..30).filter(|k| k % 3 > 0).collect::<Vec<_>>());
    assert_eq!(coarse.excluded(), &ExcludedRows::new([(0, 1), (1, 0)]));
}

#[test]
fn all_rows_are_read_once_and_no_further_than_is_wanted() {
    let lanes = Lanes::try_new(3.try_into().unwrap()).unwrap();
    let all = matrices(41, 3, 2).without_rows(ExcludedRows::new([(0, 3)]));
    for strip in [None, Some(1), Some(7), Some(100)] {
        let rows = Arc::new(InMemory { matrices: all.clone(), strip });
        let read = Matrices::read_by_sweeps(rows, StripsHeld(2), 2);
        let read = read.without_rows(all.excluded().clone());
        let cancel = Cancel::new();
        let resident = read.clone().resident(&lanes, &cancel).unwrap();
        assert_eq!(resident.excluded(), all.excluded());
        for bin in 0..3 {
            assert_eq!(*resident.triangle(bin).unwrap(), *all.triangle(bin).unwrap());
        }
        cancel.request();
        let stopped = read.resident(&lanes, &cancel);
        assert!(matches!(stopped.err(), Some(ReadError::Interrupted)));
    }
    let rows = Broken { inner: InMemory::new(12, 2, 4), at: (1, 4) };
    let read = Matrices::read_by_sweeps(Arc::new(rows), StripsHeld(2), 0);
    let error = read.resident(&lanes, &Cancel::new()).err().expect("refused");
    assert!(error.to_string().contains("broken"));
}

#[test]
fn coarse_frames_hold_lags_of_every_size() {
    let frames = spread(1, 1000, 48);
    assert!((40..=48).contains(&frames.len()), "{}", frames.len());
    for lag in [1, 4, 20, 100, 500] {
        let near = |a: &usize, b: &usize| (lag * 2 / 3..=lag * 3 / 2 + 1).contains(&(b - a));
        let ages: Vec<usize> =
            frames.iter().filter(|a| frames.iter().any(|b| b > a && near(a, b))).copied().collect();
        assert!(ages.len() >= 6, "{lag}: {ages:?}");
    }
}
