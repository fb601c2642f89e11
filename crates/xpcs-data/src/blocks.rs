//! Blocks of rows of matrices, addressed by number.

use std::ops::Range;
use std::sync::Arc;

use dyne_runtime::Source;

use crate::catalog::{Element, ReadError};
use crate::rows::{DecodeBuffers, RowSource};
use crate::samples::{Samples, Values};
use crate::strips::{HeldStrip, Strips};
use crate::triangle::Triangle;

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

/// Rows cut into blocks, each of which ends with the row in which it reaches its size.
pub(crate) fn cut(bin: usize, rows: Range<usize>, frames: usize, size: BlockPairs) -> Vec<Address> {
    let mut addresses = Vec::new();
    let (mut start, mut pairs) = (rows.start, 0);
    for row in rows.clone() {
        pairs += frames - 1 - row;
        if pairs >= size.0 || row + 1 == rows.end {
            addresses.push(Address { bin, rows: start..row + 1 });
            (start, pairs) = (row + 1, 0);
        }
    }
    addresses
}

/// Rows of one bin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    bin: usize,
    rows: Range<usize>,
}

/// Blocks of rows of [`Matrices`], addressed by number.
pub struct PairBlocks {
    pub(crate) data: Data,
    pub(crate) addresses: Vec<Address>,
    pub(crate) frames: usize,
    pub(crate) element: Element,
}

/// Where the values of blocks come from.
#[derive(Clone)]
pub(crate) enum Data {
    Resident(Arc<[Triangle]>),
    Rows(Arc<dyn RowSource>),
    Strips(Strips),
}

/// Rows `first` to `end` of the matrix of bin `bin`: the pairs (i, j) with i among them and j > i.
#[derive(Debug, Clone, Copy)]
pub struct PairBlock<'m> {
    /// Position of the bin.
    pub bin: usize,
    /// First row.
    pub first: usize,
    /// Row behind the last one.
    pub end: usize,
    /// Frames along a side of the matrix.
    pub frames: usize,
    /// The values, row by row.
    pub values: Values<'m>,
}

impl<'m> PairBlock<'m> {
    /// Where the pair (i, j) stands among the values.
    pub fn position(&self, i: usize, j: usize) -> usize {
        let at = |i| Triangle::row_start(self.frames, i);
        at(i) - at(self.first) + j - (i + 1)
    }

    /// The values of row `i`: columns i + 1 to the last.
    pub fn row(&self, i: usize) -> Values<'m> {
        let start = self.position(i, i + 1);
        self.values.part(start..start + self.frames - (i + 1))
    }
}

/// What one lane keeps from block to block.
#[derive(Default)]
pub struct BlockBuffer {
    own: Option<Samples>,
    decode: DecodeBuffers,
    strip: Option<HeldStrip>,
}

impl PairBlocks {
    /// Puts the rows of a block, which may lie in several strips, into the lane's own memory.
    fn gather(
        &self,
        strips: &Strips,
        at: &Address,
        buffer: &mut BlockBuffer,
    ) -> Result<(), ReadError> {
        let own = buffer.own.get_or_insert_with(|| Samples::empty(self.element));
        own.clear();
        for index in strips.of(at.bin, &at.rows) {
            let within = strips.rows(index);
            let strip = held(strips, index, &mut buffer.strip)?;
            let rows = at.rows.start.max(within.start)..at.rows.end.min(within.end);
            own.extend(strip.values(self.part(&within, &rows)));
        }
        Ok(())
    }

    /// Where the rows lie among the values of the rows `within`.
    fn part(&self, within: &Range<usize>, rows: &Range<usize>) -> Range<usize> {
        let at = |i| {
            Triangle::row_start(self.frames, i) - Triangle::row_start(self.frames, within.start)
        };
        at(rows.start)..at(rows.end)
    }
}

/// Strip `index`, which the lane then holds instead of another.
fn held<'b>(
    strips: &Strips,
    index: usize,
    slot: &'b mut Option<HeldStrip>,
) -> Result<&'b Samples, ReadError> {
    if slot.as_ref().is_none_or(|held| held.index() != index) {
        // A lane that waits for a strip holds none.
        *slot = None;
        *slot = Some(strips.get(index)?);
    }
    Ok(slot.as_ref().expect("the slot was filled").samples())
}

impl Source for PairBlocks {
    type Buffer = BlockBuffer;
    type Block<'b> = PairBlock<'b>;
    type Error = ReadError;

    fn blocks(&self) -> usize {
        self.addresses.len()
    }

    fn block<'b>(
        &'b self,
        index: usize,
        buffer: &'b mut BlockBuffer,
    ) -> Result<PairBlock<'b>, ReadError> {
        let at = &self.addresses[index];
        let Address { bin, rows } = at;
        let values = match &self.data {
            Data::Resident(triangles) => triangles[*bin].rows(rows.clone()),
            Data::Rows(source) => {
                let own = buffer.own.get_or_insert_with(|| Samples::empty(self.element));
                source.read_rows(*bin, rows.clone(), own, &mut buffer.decode)?;
                own.values(0..own.len())
            }
            Data::Strips(strips) => {
                let span = strips.of(*bin, rows);
                if span.len() == 1 {
                    let within = strips.rows(span.start);
                    let strip = held(strips, span.start, &mut buffer.strip)?;
                    strip.values(self.part(&within, rows))
                } else {
                    self.gather(strips, at, buffer)?;
                    let own = buffer.own.as_ref().expect("the block was gathered");
                    own.values(0..own.len())
                }
            }
        };
        Ok(PairBlock { bin: *bin, first: rows.start, end: rows.end, frames: self.frames, values })
    }
}
