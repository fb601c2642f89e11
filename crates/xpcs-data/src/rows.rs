//! Rows of triangles that are not in memory.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use dyne_runtime::{Cancel, Lanes};

use crate::catalog::{Element, ReadError};
use crate::samples::{Samples, Values};
use crate::triangle::Triangle;

/// How rows are had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowAccess {
    /// Any rows, at the cost of their bytes.
    Any,
    /// These ranges of rows, each of which is decoded as a whole: from the first row on, without
    /// gaps, up to the last row that holds a pair.
    Strips(Vec<Range<usize>>),
}

/// Memory that decoding reuses from one range of rows to the next.
#[derive(Debug, Default)]
pub struct DecodeBuffers {
    /// As read.
    pub raw: Vec<u8>,
    /// After the last step of decoding.
    pub step: Vec<u8>,
}

/// What decoding takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoding {
    /// Bytes of the largest strip, decoded.
    pub strip_bytes: u64,
    /// Bytes of memory that decoding it takes besides.
    pub buffer_bytes: u64,
    /// Whether the file can be decoded again and again, some rows at a time.
    pub again: bool,
}

impl Decoding {
    /// The larger of both in each respect.
    pub fn most(self, other: Self) -> Self {
        Self {
            strip_bytes: self.strip_bytes.max(other.strip_bytes),
            buffer_bytes: self.buffer_bytes.max(other.buffer_bytes),
            again: self.again && other.again,
        }
    }
}

/// The size of triangles over the same frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowsSize {
    /// Number of bins.
    pub bins: usize,
    /// Frames along a side.
    pub frames: usize,
    /// Number type of the values.
    pub element: Element,
}

/// Triangles of some bins over the same frames, of which any rows can be had again and again.
///
/// [`contract`] is the conformance test that implementers call.
pub trait RowSource: Send + Sync {
    /// Bins, frames and number type.
    fn size(&self) -> RowsSize;

    /// Number of bins.
    fn bins(&self) -> usize {
        self.size().bins
    }

    /// Frames along a side.
    fn frames(&self) -> usize {
        self.size().frames
    }

    /// Number type of the values.
    fn element(&self) -> Element {
        self.size().element
    }

    /// How the rows of `bin` are had.
    fn access(&self, bin: usize) -> RowAccess;

    /// Puts the pairs (i, j > i) of the rows, packed, in place of what `out` holds. Where rows come
    /// in strips, `rows` is one of them.
    ///
    /// # Errors
    /// With file, dataset and place of what cannot be read.
    fn read_rows(
        &self,
        bin: usize,
        rows: Range<usize>,
        out: &mut Samples,
        buffers: &mut DecodeBuffers,
    ) -> Result<(), ReadError>;

    /// The diagonal of `bin` as the file holds it.
    ///
    /// # Errors
    /// As [`RowSource::read_rows`].
    fn diagonal(&self, bin: usize) -> Result<Vec<f64>, ReadError>;

    /// The whole triangle of `bin`.
    ///
    /// # Errors
    /// As [`RowSource::read_rows`].
    fn triangle(&self, bin: usize) -> Result<Triangle, ReadError> {
        let frames = self.frames();
        let mut all = Samples::with_room(self.element(), Triangle::pairs(frames));
        let mut buffers = DecodeBuffers::default();
        match &ranges(&self.access(bin), frames)[..] {
            [one] => self.read_rows(bin, one.clone(), &mut all, &mut buffers)?,
            several => {
                let mut part = Samples::empty(self.element());
                for rows in several {
                    self.read_rows(bin, rows.clone(), &mut part, &mut buffers)?;
                    all.extend(part.all());
                }
            }
        }
        Ok(Triangle::new(frames, all))
    }
}

/// Decodes all rows once on `lanes` and hands each range of them to `work`, which may take the values:
/// bin, rows, values. No more ranges are in memory than lanes. Where lanes are bound to NUMA nodes each
/// part of the rows goes to those that begin with it in a sweep.
///
/// # Errors
/// Of several ranges that cannot be decoded or worked on, the first; [`ReadError::Interrupted`] once
/// `cancel` is requested.
pub fn decode_all(
    source: &dyn RowSource,
    lanes: &Lanes,
    cancel: &Cancel,
    work: impl Fn(usize, &Range<usize>, &mut Samples) -> Result<(), ReadError> + Sync,
) -> Result<(), ReadError> {
    let RowsSize { bins, frames, element } = source.size();
    let strips: Vec<(usize, Range<usize>)> = (0..bins)
        .flat_map(|bin| ranges(&source.access(bin), frames).into_iter().map(move |r| (bin, r)))
        .collect();
    let hand_out = lanes.hand_out(strips.len());
    let failed = Mutex::new(None);
    lanes.broadcast(|lane| {
        let (mut samples, mut buffers) = (Samples::empty(element), DecodeBuffers::default());
        while let Some(at) = hand_out.next(lane) {
            let (bin, rows) = &strips[at];
            let done = match cancel.requested() {
                true => Err(ReadError::Interrupted),
                false => source
                    .read_rows(*bin, rows.clone(), &mut samples, &mut buffers)
                    .and_then(|()| work(*bin, rows, &mut samples)),
            };
            if let Err(error) = done {
                let mut failed = failed.lock().expect("nobody panics with the lock held");
                if failed.as_ref().is_none_or(|(first, _)| at < *first) {
                    *failed = Some((at, error));
                }
                return hand_out.close();
            }
        }
    });
    match failed.into_inner().expect("nobody panics with the lock held") {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

/// All triangles with their diagonals, decoded on `lanes`.
///
/// # Errors
/// As [`decode_all`].
pub fn triangles(
    source: &dyn RowSource,
    lanes: &Lanes,
    cancel: &Cancel,
) -> Result<Vec<Triangle>, ReadError> {
    let RowsSize { bins, frames, element } = source.size();
    let pairs = Triangle::pairs(frames);
    let whole: Vec<Mutex<Samples>> =
        (0..bins).map(|_| Mutex::new(Samples::empty(element))).collect();
    decode_all(source, lanes, cancel, |bin, rows, samples| {
        let mut own = whole[bin].lock().expect("nobody panics with the lock held");
        if samples.len() == pairs {
            *own = std::mem::replace(samples, Samples::empty(element));
            return Ok(());
        }
        own.resize(pairs);
        own.put(Triangle::row_start(frames, rows.start), samples.all());
        Ok(())
    })?;
    let triangles = whole.into_iter().enumerate().map(|(bin, samples)| {
        let samples = samples.into_inner().expect("nobody panics with the lock held");
        Ok(Triangle::new(frames, samples).with_diagonal(source.diagonal(bin)?))
    });
    triangles.collect()
}

/// Rows that hold pairs, in the ranges in which they are had.
pub(crate) fn ranges(access: &RowAccess, frames: usize) -> Vec<Range<usize>> {
    match access {
        RowAccess::Any => std::iter::once(0..frames.saturating_sub(1)).collect(),
        RowAccess::Strips(strips) => strips.clone(),
    }
}

/// Some frames of another source.
pub(crate) struct PickedRows {
    inner: Arc<dyn RowSource>,
    frames: Arc<[usize]>,
}

impl PickedRows {
    /// The frames at these positions along a side, ascending.
    pub(crate) fn new(inner: Arc<dyn RowSource>, frames: Arc<[usize]>) -> Self {
        Self { inner, frames }
    }

    /// Rows of the other source that hold the pairs of `rows`.
    fn within(&self, bin: usize, rows: &Range<usize>) -> Range<usize> {
        let (first, last) = (self.frames[rows.start], self.frames[rows.end - 1]);
        match self.inner.access(bin) {
            RowAccess::Any => first..last + 1,
            RowAccess::Strips(strips) => strips
                .into_iter()
                .find(|strip| strip.contains(&first))
                .expect("the rows lie in one strip of the other source"),
        }
    }
}

impl RowSource for PickedRows {
    fn size(&self) -> RowsSize {
        RowsSize { frames: self.frames.len(), ..self.inner.size() }
    }

    fn access(&self, bin: usize) -> RowAccess {
        let RowAccess::Strips(strips) = self.inner.access(bin) else { return RowAccess::Any };
        let last = self.frames.len().saturating_sub(1);
        let at = |row: usize| self.frames.partition_point(|frame| *frame < row).min(last);
        let own = strips.iter().map(|strip| at(strip.start)..at(strip.end));
        let mut own: Vec<Range<usize>> = own.filter(|rows| !rows.is_empty()).collect();
        if let Some(end) = own.last_mut() {
            end.end = last;
        }
        RowAccess::Strips(own)
    }

    fn diagonal(&self, bin: usize) -> Result<Vec<f64>, ReadError> {
        let all = self.inner.diagonal(bin)?;
        Ok(self.frames.iter().map(|k| all[*k]).collect())
    }

    fn read_rows(
        &self,
        bin: usize,
        rows: Range<usize>,
        out: &mut Samples,
        buffers: &mut DecodeBuffers,
    ) -> Result<(), ReadError> {
        let within = self.within(bin, &rows);
        let mut all = Samples::empty(self.element());
        self.inner.read_rows(bin, within.clone(), &mut all, buffers)?;
        out.clear();
        for row in rows {
            pick_row(&all, self.inner.frames(), within.start, (&self.frames, row), out);
        }
        Ok(())
    }
}

/// Some bins of another source.
pub(crate) struct PickedBins {
    inner: Arc<dyn RowSource>,
    bins: Arc<[usize]>,
}

impl PickedBins {
    /// The bins at these positions.
    pub(crate) fn new(inner: Arc<dyn RowSource>, bins: Arc<[usize]>) -> Self {
        Self { inner, bins }
    }
}

impl RowSource for PickedBins {
    fn size(&self) -> RowsSize {
        RowsSize { bins: self.bins.len(), ..self.inner.size() }
    }

    fn access(&self, bin: usize) -> RowAccess {
        self.inner.access(self.bins[bin])
    }

    fn read_rows(
        &self,
        bin: usize,
        rows: Range<usize>,
        out: &mut Samples,
        buffers: &mut DecodeBuffers,
    ) -> Result<(), ReadError> {
        self.inner.read_rows(self.bins[bin], rows, out, buffers)
    }

    fn diagonal(&self, bin: usize) -> Result<Vec<f64>, ReadError> {
        self.inner.diagonal(self.bins[bin])
    }
}

/// Adds the pairs of the frame at place `row` of `frames` with those behind it, from the rows from
/// `first` on of a triangle over `n` frames.
pub(crate) fn pick_row(
    from: &Samples,
    n: usize,
    first: usize,
    (frames, row): (&[usize], usize),
    out: &mut Samples,
) {
    let i = frames[row];
    let at = |j: &usize| Triangle::row_start(n, i) - Triangle::row_start(n, first) + j - (i + 1);
    out.extend_picked(from.all(), frames[row + 1..].iter().map(at));
}

/// What every source of rows must keep: strips cover the rows once, and rows are the same whoever
/// asks and in whatever order.
///
/// # Panics
/// Where it does not.
pub fn contract(source: &dyn RowSource) {
    let frames = source.frames();
    for bin in 0..source.bins() {
        let whole = source.triangle(bin).expect("a readable bin");
        let strips = ranges(&source.access(bin), frames);
        let edges: Vec<usize> = strips.iter().map(|s| s.start).chain([frames - 1]).collect();
        assert_eq!(edges[0], 0, "the first strip begins at the first row");
        let joined = strips.iter().zip(&edges[1..]).all(|(strip, next)| strip.end == *next);
        assert!(joined, "strips without gaps up to the last row with a pair");
        let mut buffers = DecodeBuffers::default();
        let mut out = Samples::empty(source.element());
        for rows in strips.into_iter().rev() {
            source.read_rows(bin, rows.clone(), &mut out, &mut buffers).expect("readable rows");
            let bits = |values: Values<'_>| {
                let mut bytes = Vec::new();
                values.write_le_bytes(&mut bytes);
                bytes
            };
            // Rows that were never written are not numbers.
            assert_eq!(bits(out.all()), bits(whole.rows(rows)), "rows of bin {bin}");
        }
    }
}
