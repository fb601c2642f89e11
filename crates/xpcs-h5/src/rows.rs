//! Rows of the matrices of a file, decoded when they are asked for.

mod area;

use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock};

use dyne_runtime::Lanes;
use dyne_xpcs_data::{
    Catalog, DecodeBuffers, Decoding, Element, ReadError, RowAccess, RowSource, RowsSize, Samples,
    Triangle, Unwritten,
};

use crate::matrix::{Defect, disagree};
use crate::reader::{MATRIX, bands, defect};
use crate::source::Source;
use area::{Area, Half, Halves, LastChunk, Stored};

/// Values of a strip where the file does not cut the matrix itself: about a mebibyte.
const STRIP_VALUES: usize = 1 << 18;

/// Some bins of a file over some of its frames.
pub(crate) struct FileRows {
    source: Arc<Source>,
    bins: Vec<BinRows>,
    frames: Range<usize>,
    element: Element,
}

struct BinRows {
    path: String,
    stored: Stored,
    /// Which triangle the file holds, once it is known.
    half: OnceLock<Half>,
    diagonal: Mutex<Vec<Option<f64>>>,
}

impl FileRows {
    /// Bins at the positions given, of which only the headers are read.
    pub(crate) fn headers(
        source: &Arc<Source>,
        catalog: &Catalog,
        bins: &[usize],
        frames: &Range<usize>,
    ) -> Result<Self, ReadError> {
        let bin = |&bin: &usize| {
            let path = catalog.bins[bin].path.clone();
            let chunks = source.backend.chunks(&path);
            let chunks = chunks.map_err(|e| source.fault(&path, MATRIX, e))?;
            let stored = chunks.map_or(Stored::Window, Stored::Chunks);
            let diagonal = Mutex::new(vec![None; frames.len()]);
            Ok(BinRows { path, stored, half: OnceLock::new(), diagonal })
        };
        Ok(Self {
            source: Arc::clone(source),
            bins: bins.iter().map(bin).collect::<Result<_, ReadError>>()?,
            frames: frames.clone(),
            element: catalog.element,
        })
    }

    /// Bins at the positions given. Which triangle a matrix holds is found out here where it takes
    /// several strips, else when it is first read.
    pub(crate) fn open(
        source: &Arc<Source>,
        catalog: &Catalog,
        bins: &[usize],
        frames: &Range<usize>,
        lanes: &Lanes,
    ) -> Result<Self, ReadError> {
        let rows = Self::headers(source, catalog, bins, frames)?;
        let several: Vec<usize> =
            (0..bins.len()).filter(|bin| rows.bands(*bin, Half::Upper).len() > 1).collect();
        let found = lanes.map(&several, |bin| rows.half(*bin, &mut LastChunk::default()).map(drop));
        found.into_iter().collect::<Result<(), ReadError>>()?;
        Ok(rows)
    }

    /// What the file was never given, one list a bin.
    pub(crate) fn unwritten(&self) -> Vec<Vec<Unwritten>> {
        (0..self.bins.len()).map(|bin| self.never_stored(bin)).collect()
    }

    /// What decoding takes.
    pub(crate) fn decoding(&self) -> Decoding {
        let frames = self.frames.len();
        let bin = |k: usize| {
            let pairs = |rows: &Range<usize>| {
                Triangle::row_start(frames, rows.end) - Triangle::row_start(frames, rows.start)
            };
            let most = self.strips(k).iter().map(pairs).max().unwrap_or(0);
            let buffers = match &self.bins[k].stored {
                // As stored, and decompressed; one step between where filters follow each other.
                Stored::Chunks(chunks) => {
                    chunks.stored_bytes() + chunks.bytes() * chunks.steps().max(1)
                }
                Stored::Window => 2 * STRIP_VALUES.max(frames) * self.element.bytes(),
            };
            Decoding {
                strip_bytes: (most * self.element.bytes()) as u64,
                buffer_bytes: buffers as u64,
                again: true,
            }
        };
        (0..self.bins.len()).map(bin).reduce(Decoding::most).expect("at least one bin")
    }

    fn strips(&self, bin: usize) -> Vec<Range<usize>> {
        self.bands(bin, self.bins[bin].half.get().copied().unwrap_or(Half::Upper))
    }

    /// Rows of the triangle that are decoded together.
    fn bands(&self, bin: usize, half: Half) -> Vec<Range<usize>> {
        let (first, last) = (self.frames.start, self.frames.len().saturating_sub(1));
        let step = match &self.bins[bin].stored {
            Stored::Chunks(chunks) => chunks.shape[usize::from(half == Half::Lower)],
            Stored::Window => (STRIP_VALUES / self.frames.len().max(1)).max(1),
        };
        let row = |at: usize| (at - first).min(last);
        let bands = bands(&self.frames, step).into_iter().map(|b| row(b.start)..row(b.end));
        bands.filter(|rows| !rows.is_empty()).collect()
    }

    /// Which triangle of a matrix the file holds; looks at as much of it as tells, the first time.
    fn half(&self, bin: usize, last: &mut LastChunk) -> Result<Half, ReadError> {
        if let Some(half) = self.bins[bin].half.get() {
            return Ok(*half);
        }
        let Halves { upper, lower } = self.halves(bin, last)?;
        let half = match (upper, lower) {
            (true, false) => Half::Upper,
            (false, true) => Half::Lower,
            (true, true) => self.symmetric(bin, last)?,
            // Zeros only: whoever needs data finds none.
            (false, false) => Half::Upper,
        };
        Ok(*self.bins[bin].half.get_or_init(|| half))
    }

    /// Refuses a matrix whose triangles differ.
    fn symmetric(&self, bin: usize, last: &mut LastChunk) -> Result<Half, ReadError> {
        let frames = self.frames.len();
        let (mut above, mut below) = (Samples::empty(self.element), Samples::empty(self.element));
        for rows in self.bands(bin, Half::Upper) {
            let upper = self.pack(bin, &rows, Half::Upper, last, &mut above);
            // Whoever needs rows that cannot be read is told why.
            if upper.and_then(|()| self.pack(bin, &rows, Half::Lower, last, &mut below)).is_err() {
                continue;
            }
            let (a, b) = (above.all(), below.all());
            if let Some(at) = (0..a.len()).find(|k| disagree(a.get(*k), b.get(*k))) {
                let at = at + Triangle::row_start(frames, rows.start);
                let [row, column] = Triangle::pair_at(frames, at);
                let at = at - Triangle::row_start(frames, rows.start);
                let (above, below) = (a.get(at), b.get(at));
                return Err(self.defect(bin, Defect::Asymmetric { row, column, above, below }));
            }
        }
        Ok(Half::Upper)
    }

    fn defect(&self, bin: usize, found: Defect) -> ReadError {
        defect(found, &self.source.file, &self.bins[bin].path, self.frames.start)
    }

    /// The pairs of the rows, packed, from one half of the matrix; remembers the diagonal.
    fn pack(
        &self,
        bin: usize,
        rows: &Range<usize>,
        half: Half,
        last: &mut LastChunk,
        out: &mut Samples,
    ) -> Result<(), ReadError> {
        let (n, origin) = (self.frames.len(), self.frames.start);
        let start = Triangle::row_start(n, rows.start);
        out.resize(Triangle::row_start(n, rows.end) - start);
        let mut diagonal = Vec::new();
        let position = |i: usize, j: usize| Triangle::row_start(n, i) + j - (i + 1) - start;
        // The last frame has no row of its own, but an entry on the diagonal.
        let end = if rows.end + 1 == n { n } else { rows.end };
        let area = Area::of_half(half, &(rows.start..end), &self.frames);
        self.visit(bin, &area, last, |row, column, mut values| {
            let (row, mut column) = (row - origin, column - origin);
            match half {
                Half::Upper => {
                    if column == row {
                        diagonal.push((row, values.get(0)));
                        values = values.part(1..values.len());
                        column += 1;
                    }
                    if !values.is_empty() {
                        out.put(position(row, column), values);
                    }
                }
                Half::Lower => {
                    for k in 0..values.len() {
                        match column + k {
                            j if j == row => diagonal.push((row, values.get(k))),
                            i => out.put(position(i, row), values.part(k..k + 1)),
                        }
                    }
                }
            }
        })?;
        self.remember(bin, &diagonal);
        Ok(())
    }

    fn remember(&self, bin: usize, diagonal: &[(usize, f64)]) {
        let mut known = self.bins[bin].diagonal.lock().expect("no reader panics");
        diagonal.iter().for_each(|(frame, value)| known[*frame] = Some(*value));
    }
}

impl RowSource for FileRows {
    fn size(&self) -> RowsSize {
        let (bins, frames) = (self.bins.len(), self.frames.len());
        RowsSize { bins, frames, element: self.element }
    }

    fn access(&self, bin: usize) -> RowAccess {
        RowAccess::Strips(self.strips(bin))
    }

    fn read_rows(
        &self,
        bin: usize,
        rows: Range<usize>,
        out: &mut Samples,
        buffers: &mut DecodeBuffers,
    ) -> Result<(), ReadError> {
        let mut last = LastChunk::reusing(buffers);
        let read =
            self.half(bin, &mut last).and_then(|half| self.pack(bin, &rows, half, &mut last, out));
        last.give_back(buffers);
        read
    }

    fn diagonal(&self, bin: usize) -> Result<Vec<f64>, ReadError> {
        let known = || self.bins[bin].diagonal.lock().expect("no reader panics").clone();
        let before = known();
        let missing = (0..before.len()).filter(|frame| before[*frame].is_none());
        let mut last = LastChunk::default();
        for frame in missing {
            let at = self.frames.start + frame;
            let mut found = Vec::new();
            self.visit(bin, &Area::square(&(at..at + 1)), &mut last, |_, _, values| {
                found.push((frame, values.get(0)));
            })?;
            self.remember(bin, &found);
        }
        Ok(known().into_iter().flatten().collect())
    }
}
