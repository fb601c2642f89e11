//! Parts of a stored matrix, visited row by row.

use std::cell::Cell;
use std::ops::Range;

use dyne_xpcs_data::{DecodeBuffers, ReadError, Samples, Unwritten, Values};

use super::{FileRows, STRIP_VALUES};
use crate::backend::{Chunks, Decoded};
use crate::reader::MATRIX;

/// Which triangle of a matrix the file holds; of two that agree the upper one is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Upper,
    Lower,
}

/// Where a matrix has values that differ from zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Halves {
    pub(super) upper: bool,
    pub(super) lower: bool,
}

impl Halves {
    /// And where values of a row from `column` on do.
    fn and(self, row: usize, column: usize, values: Values<'_>) -> Self {
        let split = row.saturating_sub(column).min(values.len());
        let after = (row + 1).saturating_sub(column).min(values.len());
        let any = |part: Range<usize>| values.part(part).any_not_zero();
        Self { upper: self.upper || any(after..values.len()), lower: self.lower || any(0..split) }
    }
}

/// How a matrix is stored.
pub(super) enum Stored {
    /// In chunks that can be had one by one.
    Chunks(Chunks),
    /// In another way; the reader cuts windows out of it.
    Window,
}

/// The chunk that was decoded last: what is found out about a matrix of one chunk and its values
/// come from one decoding.
#[derive(Default)]
pub(super) struct LastChunk {
    of: Option<(usize, [usize; 2])>,
    decoded: Decoded,
}

impl LastChunk {
    /// None yet, in the memory of earlier ones.
    pub(super) fn reusing(buffers: &mut DecodeBuffers) -> Self {
        let [raw, bytes] = [&mut buffers.raw, &mut buffers.step].map(std::mem::take);
        Self { of: None, decoded: Decoded::reusing(raw, bytes) }
    }

    /// Gives the memory back.
    pub(super) fn give_back(self, buffers: &mut DecodeBuffers) {
        [buffers.raw, buffers.step] = self.decoded.into_memory();
    }
}

/// Rows and columns of the file.
pub(super) struct Area {
    rows: Range<usize>,
    columns: Range<usize>,
    kind: Kind,
}

enum Kind {
    Square,
    /// From the diagonal on.
    Upper,
    /// Up to the diagonal.
    Lower,
}

impl Area {
    /// All pairs of the frames.
    pub(super) fn square(frames: &Range<usize>) -> Self {
        Self { rows: frames.clone(), columns: frames.clone(), kind: Kind::Square }
    }

    /// Where the pairs of some rows of the triangle over `frames` are stored, and their diagonal.
    pub(super) fn of_half(half: Half, rows: &Range<usize>, frames: &Range<usize>) -> Self {
        let near = frames.start + rows.start..frames.start + rows.end;
        let far = near.start..frames.end;
        match half {
            Half::Upper => Self { rows: near, columns: far, kind: Kind::Upper },
            Half::Lower => Self { rows: far, columns: near, kind: Kind::Lower },
        }
    }

    /// Columns of row `row` within `columns`.
    fn columns_of(&self, row: usize, columns: &Range<usize>) -> Range<usize> {
        let start = columns.start.max(self.columns.start);
        let end = columns.end.min(self.columns.end);
        match self.kind {
            Kind::Square => start..end,
            Kind::Upper => start.max(row)..end,
            Kind::Lower => start..end.min(row + 1),
        }
    }
}

impl FileRows {
    /// Calls `f(row, first column, values)` for the pieces of rows of `area`, of which none is empty.
    /// Rows and columns count as in the file.
    pub(super) fn visit(
        &self,
        bin: usize,
        area: &Area,
        last: &mut LastChunk,
        f: impl FnMut(usize, usize, Values<'_>),
    ) -> Result<(), ReadError> {
        match &self.bins[bin].stored {
            Stored::Chunks(chunks) => {
                self.visit_chunks((bin, chunks), area, last, |_, _| true, Err, f)
            }
            Stored::Window => self.visit_windows(bin, area, f),
        }
    }

    /// Visits those chunks whose rows and columns are `wanted`; `unread` judges one that cannot be read.
    fn visit_chunks(
        &self,
        (bin, chunks): (usize, &Chunks),
        area: &Area,
        last: &mut LastChunk,
        wanted: impl Fn(&Range<usize>, &Range<usize>) -> bool,
        mut unread: impl FnMut(ReadError) -> Result<(), ReadError>,
        mut f: impl FnMut(usize, usize, Values<'_>),
    ) -> Result<(), ReadError> {
        let [height, width] = chunks.shape;
        let within = |all: &Range<usize>, at: usize, side: usize| {
            (at * side).max(all.start)..((at + 1) * side).min(all.end)
        };
        let mut piece = Samples::empty(chunks.element);
        for a in area.rows.start / height..area.rows.end.div_ceil(height) {
            let rows = within(&area.rows, a, height);
            for b in area.columns.start / width..area.columns.end.div_ceil(width) {
                let across = within(&area.columns, b, width);
                let empty = rows.clone().all(|row| area.columns_of(row, &across).is_empty());
                if empty || !wanted(&rows, &across) {
                    continue;
                }
                let decoded = match self.decoded((bin, chunks), [a, b], last) {
                    Ok(decoded) => decoded,
                    Err(error) => {
                        unread(error)?;
                        continue;
                    }
                };
                for row in rows.clone() {
                    let columns = area.columns_of(row, &across);
                    if columns.is_empty() {
                        continue;
                    }
                    let at = (row - a * height) * width + columns.start - b * width;
                    values_at(decoded, at..at + columns.len(), &mut piece);
                    f(row, columns.start, piece.all());
                }
            }
        }
        Ok(())
    }

    /// Whether any value above the diagonal differs from zero, and any below. Chunks that could tell
    /// nothing new are not decoded; one that cannot be read tells nothing, and whoever needs its values
    /// is told why.
    pub(super) fn halves(&self, bin: usize, last: &mut LastChunk) -> Result<Halves, ReadError> {
        let found = Cell::new(Halves::default());
        let whole = Area::square(&self.frames);
        let look =
            |row, column, values: Values<'_>| found.set(found.get().and(row, column, values));
        let Stored::Chunks(chunks) = &self.bins[bin].stored else {
            self.visit(bin, &whole, last, look)?;
            return Ok(found.get());
        };
        let new = |rows: &Range<usize>, columns: &Range<usize>| {
            let Halves { upper, lower } = found.get();
            let place = [rows.start / chunks.shape[0], columns.start / chunks.shape[1]];
            chunks.stored(place)
                && (!upper && columns.end > rows.start + 1
                    || !lower && columns.start + 1 < rows.end)
        };
        let mut unreadable = None;
        let later = |error| {
            unreadable.get_or_insert(error);
            Ok(())
        };
        self.visit_chunks((bin, chunks), &whole, last, new, later, look)?;
        match unreadable {
            Some(error) if found.get() == Halves::default() => Err(error),
            _ => Ok(found.get()),
        }
    }

    /// Rows and columns, of the frames of this source, whose chunks were never stored.
    pub(super) fn never_stored(&self, bin: usize) -> Vec<Unwritten> {
        let Stored::Chunks(chunks) = &self.bins[bin].stored else { return Vec::new() };
        let Range { start, end } = self.frames;
        let [height, width] = chunks.shape;
        let within = |at: usize, side: usize| {
            (at * side).max(start) - start..((at + 1) * side).min(end) - start
        };
        let places = (start / height..end.div_ceil(height))
            .flat_map(|a| (start / width..end.div_ceil(width)).map(move |b| [a, b]));
        places
            .filter(|place| !chunks.stored(*place))
            .map(|[a, b]| [within(a, height), within(b, width)])
            .collect()
    }

    fn decoded<'l>(
        &self,
        (bin, chunks): (usize, &Chunks),
        place: [usize; 2],
        last: &'l mut LastChunk,
    ) -> Result<&'l Decoded, ReadError> {
        if last.of != Some((bin, place)) {
            last.of = None;
            let path = &self.bins[bin].path;
            let decoded = self.source.backend.decode(chunks, place, &mut last.decoded);
            decoded.map_err(|e| self.source.fault(path, MATRIX, e))?;
            last.of = Some((bin, place));
        }
        Ok(&last.decoded)
    }

    fn visit_windows(
        &self,
        bin: usize,
        area: &Area,
        mut f: impl FnMut(usize, usize, Values<'_>),
    ) -> Result<(), ReadError> {
        let path = &self.bins[bin].path;
        let step = (STRIP_VALUES / area.columns.len().max(1)).max(1);
        for start in area.rows.clone().step_by(step) {
            let rows = start..(start + step).min(area.rows.end);
            let window = self.source.backend.window(path, rows.clone(), area.columns.clone());
            let window = window.map_err(|e| self.source.fault(path, MATRIX, e))?;
            for row in rows {
                let columns = area.columns_of(row, &area.columns);
                if !columns.is_empty() {
                    let at =
                        (row - start) * area.columns.len() + columns.start - area.columns.start;
                    f(row, columns.start, window.values(at..at + columns.len()));
                }
            }
        }
        Ok(())
    }
}

/// Values at some positions of a decoded chunk.
fn values_at(decoded: &Decoded, range: Range<usize>, out: &mut Samples) {
    let Decoded { bytes, shuffled, .. } = decoded;
    out.clear();
    match (out, shuffled) {
        (Samples::F32(out), true) => {
            let [a, b, c, d] = planes(bytes, &range);
            let value = |k: usize| f32::from_le_bytes([a[k], b[k], c[k], d[k]]);
            out.extend((0..range.len()).map(value));
        }
        (Samples::F64(out), true) => {
            let p: [&[u8]; 8] = planes(bytes, &range);
            out.extend((0..range.len()).map(|k| f64::from_le_bytes(p.map(|plane| plane[k]))));
        }
        (out, false) => {
            let size = out.element().bytes();
            out.extend_le_bytes(&bytes[size * range.start..size * range.end]);
        }
    }
}

/// The bytes of some values, those of one significance together.
fn planes<'a, const N: usize>(bytes: &'a [u8], range: &Range<usize>) -> [&'a [u8]; N] {
    let values = bytes.len() / N;
    std::array::from_fn(|k| &bytes[k * values + range.start..k * values + range.end])
}
