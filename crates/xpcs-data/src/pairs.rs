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
pub(crate) mod tests;
