//! The pairs of frames that a fit runs over, cut into blocks of rows.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use dyne_runtime::{Cancel, Lanes, Source};
use dyne_xpcs_model::model::KeptFrames;

use crate::blocks::{Address, BlockBuffer, BlockPairs, Data, PairBlocks, cut};
use crate::catalog::{Element, ReadError};
use crate::excluded::ExcludedRows;
use crate::rows::{PickedBins, PickedRows, RowAccess, RowSource, pick_row, triangles};
use crate::samples::Samples;
use crate::strips::{Shelf, Strips, StripsHeld};
use crate::triangle::Triangle;

/// Matrices of several bins over the same frames, in memory or read anew by each sweep; clones
/// share them.
#[derive(Clone)]
pub struct Matrices {
    store: Store,
    kept: KeptFrames,
    skip: usize,
    excluded: ExcludedRows,
}

/// Where the values are between sweeps.
#[derive(Clone)]
enum Store {
    Resident(Arc<[Triangle]>),
    Read { rows: Arc<dyn RowSource>, shelf: Arc<Shelf> },
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
        Self {
            store: Store::Resident(triangles.into()),
            kept: KeptFrames::All,
            skip,
            excluded: ExcludedRows::default(),
        }
    }

    /// Matrices of which each sweep reads the rows, holding at most `held` strips where they come in
    /// strips.
    ///
    /// # Panics
    /// When there is no matrix.
    #[track_caller]
    pub fn read_by_sweeps(rows: Arc<dyn RowSource>, held: StripsHeld, skip: usize) -> Self {
        assert!(rows.bins() > 0, "at least one matrix");
        Self {
            store: Store::Read { rows, shelf: Arc::new(Shelf::new(held)) },
            kept: KeptFrames::All,
            skip,
            excluded: ExcludedRows::default(),
        }
    }

    /// Without some rows of some bins: their pairs take part in no sweep. The other rows stay where
    /// they are.
    pub fn without_rows(self, excluded: ExcludedRows) -> Self {
        Self { excluded, ..self }
    }

    /// Rows that take part in no sweep.
    pub fn excluded(&self) -> &ExcludedRows {
        &self.excluded
    }

    /// The same matrices in memory, decoded on `lanes`.
    ///
    /// # Errors
    /// As [`triangles`].
    pub fn resident(self, lanes: &Lanes, cancel: &Cancel) -> Result<Self, ReadError> {
        match &self.store {
            Store::Resident(_) => Ok(self),
            Store::Read { rows, .. } => {
                let triangles = triangles(&**rows, lanes, cancel)?;
                Ok(Self { store: Store::Resident(triangles.into()), ..self })
            }
        }
    }

    /// The same matrices read by sweeps from what `copy` makes of their rows; those in memory stay
    /// there.
    ///
    /// # Errors
    /// Those of `copy`.
    pub fn copied<E>(
        self,
        copy: impl FnOnce(&dyn RowSource) -> Result<Arc<dyn RowSource>, E>,
    ) -> Result<Self, E> {
        match &self.store {
            Store::Resident(_) => Ok(self),
            Store::Read { rows, shelf } => {
                let (rows, shelf) = (copy(&**rows)?, Arc::clone(shelf));
                Ok(Self { store: Store::Read { rows, shelf }, ..self })
            }
        }
    }

    /// Number of bins.
    pub fn bins(&self) -> usize {
        match &self.store {
            Store::Resident(triangles) => triangles.len(),
            Store::Read { rows, .. } => rows.bins(),
        }
    }

    /// Frames along a side.
    pub fn frames(&self) -> usize {
        match &self.store {
            Store::Resident(triangles) => triangles[0].frames(),
            Store::Read { rows, .. } => rows.frames(),
        }
    }

    /// Number type of the values.
    pub fn element(&self) -> Element {
        match &self.store {
            Store::Resident(triangles) => triangles[0].samples().element(),
            Store::Read { rows, .. } => rows.element(),
        }
    }

    /// Frames at the start that take no part.
    pub fn skip(&self) -> usize {
        self.skip
    }

    /// Which frames of the time grid these are.
    pub fn kept(&self) -> &KeptFrames {
        &self.kept
    }

    /// Pairs of `bin` that take part.
    pub fn pairs(&self, bin: usize) -> usize {
        let frames = self.frames();
        let excluded = self.excluded.of(bin).filter(|row| *row >= self.skip);
        let out: usize = excluded.map(|row| frames - 1 - row).sum();
        Triangle::pairs(frames.saturating_sub(self.skip)) - out
    }

    /// The matrix of one bin, read anew where it is not in memory.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn triangle(&self, bin: usize) -> Result<Cow<'_, Triangle>, ReadError> {
        match &self.store {
            Store::Resident(triangles) => Ok(Cow::Borrowed(&triangles[bin])),
            Store::Read { rows, .. } => {
                Ok(Cow::Owned(rows.triangle(bin)?.with_diagonal(rows.diagonal(bin)?)))
            }
        }
    }

    /// The diagonal of the matrix of one bin, where it is known.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn diagonal(&self, bin: usize) -> Result<Option<Cow<'_, [f64]>>, ReadError> {
        match &self.store {
            Store::Resident(triangles) => Ok(triangles[bin].diagonal().map(Cow::Borrowed)),
            Store::Read { rows, .. } => Ok(Some(Cow::Owned(rows.diagonal(bin)?))),
        }
    }

    /// The first pair that takes part with a value that is not finite: bin, frames along a side, value.
    ///
    /// # Errors
    /// Where a matrix cannot be read.
    pub fn first_not_finite(&self) -> Result<Option<(usize, [usize; 2], f64)>, ReadError> {
        let last = self.frames().saturating_sub(1);
        for bin in 0..self.bins() {
            let triangle = self.triangle(bin)?;
            for i in self.excluded.parts(bin, self.skip..last).into_iter().flatten() {
                let row = triangle.rows(i..i + 1);
                if let Some(k) = row.first_not_finite() {
                    return Ok(Some((bin, [i, i + 1 + k], row.get(k))));
                }
            }
        }
        Ok(None)
    }

    /// Positions of about `count` of the frames that take part: the same data with
    /// (frames / count)² times fewer pairs.
    ///
    /// The frames stand in groups of four, evenly over the series; within a group their
    /// distances grow geometrically from one frame to the distance of the groups. So pairs of
    /// every lag from one frame to the whole series are there at every age, and neither a fast
    /// nor a slow decay is lost between frames.
    pub fn coarse_frames(&self, count: usize) -> Vec<usize> {
        spread(self.skip, self.frames(), count)
    }

    /// The frames at the positions `frames`, ascending, as matrices of which `triangles` are the
    /// values; all of them take part.
    ///
    /// # Panics
    /// When the sizes differ.
    #[track_caller]
    pub fn with_values_at(&self, frames: &[usize], triangles: Vec<Triangle>) -> Self {
        let excluded = self.excluded.at(frames);
        Self { kept: self.on_grid(frames), excluded, ..Self::new(triangles, 0) }
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

    /// The bins at these positions, ascending.
    ///
    /// **Cost** a copy of their pairs where they are in memory and others are not wanted.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    #[track_caller]
    pub fn of_bins(self, bins: &[usize]) -> Self {
        assert!(!bins.is_empty(), "at least one matrix");
        if bins.len() == self.bins() {
            return self;
        }
        let store = match &self.store {
            Store::Resident(triangles) => {
                Store::Resident(bins.iter().map(|bin| triangles[*bin].clone()).collect())
            }
            Store::Read { rows, shelf } => Store::Read {
                rows: Arc::new(PickedBins::new(Arc::clone(rows), bins.into())),
                shelf: Arc::clone(shelf),
            },
        };
        Self { store, excluded: self.excluded.of_bins(bins), ..self }
    }

    /// The frames at these positions, in matrices of their own.
    fn only(&self, frames: &[usize]) -> Self {
        let store = match &self.store {
            Store::Resident(triangles) => {
                Store::Resident(triangles.iter().map(|t| decimate(t, frames)).collect())
            }
            Store::Read { rows, shelf } => Store::Read {
                rows: Arc::new(PickedRows::new(Arc::clone(rows), frames.into())),
                shelf: Arc::clone(shelf),
            },
        };
        let skip = frames.iter().filter(|frame| **frame < self.skip).count();
        Self { store, kept: self.on_grid(frames), skip, excluded: self.excluded.at(frames) }
    }

    fn on_grid(&self, frames: &[usize]) -> KeptFrames {
        KeptFrames::Listed(match &self.kept {
            KeptFrames::All => frames.into(),
            KeptFrames::Listed(kept) => frames.iter().map(|k| kept[*k]).collect(),
        })
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
        let data = self.data(bins.clone(), usize::MAX);
        let rows = self.skip..self.frames().saturating_sub(1);
        let cut = bins.flat_map(|bin| self.cut(bin, rows.clone(), size));
        self.pair_blocks(data, cut.collect())
    }

    /// One bin, of which several sweeps share the strips that are decoded. No more of them are held
    /// than one a lane.
    pub fn bin(&self, bin: usize, lanes: usize) -> BinRows<'_> {
        BinRows { matrices: self, bin, data: self.data(bin..bin + 1, lanes) }
    }

    /// The values of some bins, of which no more than `most` strips are held.
    fn data(&self, bins: Range<usize>, most: usize) -> Data {
        match &self.store {
            Store::Resident(triangles) => Data::Resident(Arc::clone(triangles)),
            Store::Read { rows, shelf } => match rows.access(bins.start) {
                RowAccess::Any => Data::Rows(Arc::clone(rows)),
                RowAccess::Strips(_) => {
                    let held = StripsHeld(shelf.held().0.min(most));
                    Data::Strips(Strips::new(Arc::clone(rows), bins, held, shelf))
                }
            },
        }
    }

    /// Blocks of those of the rows that take part.
    fn cut(&self, bin: usize, rows: Range<usize>, size: BlockPairs) -> Vec<Address> {
        let parts = self.excluded.parts(bin, rows);
        parts.into_iter().flat_map(|rows| cut(bin, rows, self.frames(), size)).collect()
    }

    fn pair_blocks(&self, data: Data, addresses: Vec<Address>) -> PairBlocks {
        PairBlocks { data, addresses, frames: self.frames(), element: self.element() }
    }
}

/// Rows of one bin, for several sweeps.
pub struct BinRows<'m> {
    matrices: &'m Matrices,
    bin: usize,
    data: Data,
}

impl BinRows<'_> {
    /// The blocks of those rows that take part.
    pub fn blocks(&self, rows: Range<usize>, size: BlockPairs) -> PairBlocks {
        let (skip, frames) = (self.matrices.skip, self.matrices.frames());
        let rows = rows.start.max(skip)..rows.end.min(frames.saturating_sub(1));
        let cut = self.matrices.cut(self.bin, rows, size);
        self.matrices.pair_blocks(self.data.clone(), cut)
    }

    /// Whether a row takes part.
    pub fn takes(&self, row: usize) -> bool {
        row >= self.matrices.skip && !self.matrices.excluded.contains(self.bin, row)
    }

    /// The values of some rows, packed, whether they take part or not.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn values(&self, rows: Range<usize>) -> Result<Samples, ReadError> {
        let (frames, mut all) = (self.matrices.frames(), Samples::empty(self.matrices.element()));
        let rows = rows.start..rows.end.min(frames.saturating_sub(1));
        let blocks = cut(self.bin, rows, frames, BlockPairs::default());
        let blocks = self.matrices.pair_blocks(self.data.clone(), blocks);
        let mut buffer = BlockBuffer::default();
        for index in 0..blocks.blocks() {
            all.extend(blocks.block(index, &mut buffer)?.values);
        }
        Ok(all)
    }
}

/// Frames of [`Matrices::coarse_frames`] between `first` and `end`.
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
    let mut samples = Samples::empty(triangle.samples().element());
    for row in 0..frames.len() {
        pick_row(triangle.samples(), triangle.frames(), 0, (frames, row), &mut samples);
    }
    let left = Triangle::new(frames.len(), samples);
    match triangle.diagonal() {
        Some(diagonal) => left.with_diagonal(frames.iter().map(|k| diagonal[*k]).collect()),
        None => left,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::rows::{DecodeBuffers, RowsSize, contract};
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
            let ages: Vec<usize> = frames
                .iter()
                .filter(|a| frames.iter().any(|b| b > a && near(a, b)))
                .copied()
                .collect();
            assert!(ages.len() >= 6, "{lag}: {ages:?}");
        }
    }
}
