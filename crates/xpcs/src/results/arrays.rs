//! `result.npz`: data, fit and residual of every pair.

use std::fs;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::Path;

use dyne_solve::Scaling;
use dyne_xpcs_data::{BinRows, Element, Matrices, ReadError, Triangle};
use npyz::WriterBuilder;
use npyz::npz::NpzWriter;
use npyz::zip::CompressionMethod;
use npyz::zip::write::FileOptions;

use super::ResultsError;
use crate::config::NpzLayout;
use crate::residuals::PairValues;

/// Most pairs of neighbouring rows that are in memory at a time, as far as single rows do.
pub(crate) const PAIRS_AT_ONCE: usize = 1 << 20;

/// What `result.npz` holds besides the model.
pub struct ArrayAxes<'a> {
    /// The matrices.
    pub matrices: &'a Matrices,
    /// Times of the frames, s.
    pub times: &'a [f64],
    /// Azimuths, degrees.
    pub phi_deg: &'a [f64],
    /// Wave-vector transfers, Å⁻¹.
    pub q: &'a [f64],
    /// Contrast and offset of each bin.
    pub scaling: &'a [Scaling],
    /// Upper triangles or full matrices.
    pub layout: NpzLayout,
}

/// Writes `c2`, `fit` and `residual`, `t`, `phi`, `q`, `contrast`, `offset`. Values have the number
/// type of the data. With [`NpzLayout::Upper`] the arrays are (bin, pair) in the order of
/// `numpy.triu_indices(N, 1)`, and some rows at a time are in memory; with [`NpzLayout::Full`] they
/// are (bin, frame, frame), symmetric with NaN on the diagonal, which is not data, and one matrix at a
/// time is in memory. `pairs` gives data and fit of some rows of a bin; the pairs of skipped frames and excluded
/// rows are NaN in `fit` and `residual`, those of frames that are left out in all three.
///
/// # Errors
/// [`ResultsError`], and what `pairs` reports.
pub fn write_npz<E: From<ResultsError> + From<ReadError>>(
    path: &Path,
    axes: &ArrayAxes<'_>,
    pairs: impl Fn(&BinRows<'_>, Range<usize>) -> Result<PairValues, E>,
) -> Result<(), E> {
    let fail = |e: std::io::Error| ResultsError { path: path.to_owned(), reason: e.to_string() };
    let file = fs::File::create(path).map_err(fail)?;
    let mut npz = NpzWriter::new(BufWriter::with_capacity(1 << 20, file));
    let column = |f: &dyn Fn(&Scaling) -> f64| axes.scaling.iter().map(f).collect::<Vec<f64>>();
    let vectors: [(&str, Vec<f64>); 5] = [
        ("t", axes.times.to_vec()),
        ("phi", axes.phi_deg.to_vec()),
        ("q", axes.q.to_vec()),
        ("contrast", column(&|s| s.contrast)),
        ("offset", column(&|s| s.offset)),
    ];
    for (name, values) in vectors {
        write_array(&mut npz, name, &[values.len() as u64], |push| push(&values)).map_err(fail)?;
    }
    for (name, kind) in [("c2", Kind::Data), ("fit", Kind::Fit), ("residual", Kind::Residual)] {
        let mut problem = None;
        let result = match axes.matrices.element() {
            Element::F32 => bins::<f32, E>(&mut npz, name, axes, kind, &pairs, &mut problem),
            Element::F64 => bins::<f64, E>(&mut npz, name, axes, kind, &pairs, &mut problem),
        };
        if let Err(error) = result {
            // An archive that is dropped tries to end itself, and prints that it could not.
            std::mem::forget(npz);
            return Err(problem.unwrap_or_else(|| fail(error).into()));
        }
    }
    // Dropping the archive would end it too, but hide a full disk.
    let mut buffered = npz.zip_writer().finish().map_err(|e| fail(e.into()))?;
    buffered.flush().map_err(fail)?;
    Ok(())
}

/// Writes arrays of one shape by their names.
///
/// # Errors
/// [`ResultsError`].
///
/// # Panics
/// Where an array has not as many values as its shape says.
pub fn write_columns(
    path: &Path,
    columns: &[(String, Vec<f64>)],
    shape: &[u64],
) -> Result<(), ResultsError> {
    let fail = |e: std::io::Error| ResultsError { path: path.to_owned(), reason: e.to_string() };
    let mut npz = NpzWriter::new(BufWriter::new(fs::File::create(path).map_err(fail)?));
    for (name, values) in columns {
        assert_eq!(values.len() as u64, shape.iter().product::<u64>(), "values of {name}");
        write_array(&mut npz, name, shape, |push| push(values)).map_err(fail)?;
    }
    npz.zip_writer().finish().map_err(|e| fail(e.into()))?.flush().map_err(fail)
}

#[derive(Clone, Copy)]
enum Kind {
    Data,
    Fit,
    Residual,
}

/// A number type that `result.npz` can hold.
trait Stored: npyz::AutoSerialize + Copy {
    fn of(x: f64) -> Self;
}

impl Stored for f32 {
    fn of(x: f64) -> Self {
        x as f32
    }
}

impl Stored for f64 {
    fn of(x: f64) -> Self {
        x
    }
}

fn bins<T: Stored, E: From<ReadError>>(
    npz: &mut NpzWriter<BufWriter<fs::File>>,
    name: &str,
    axes: &ArrayAxes<'_>,
    kind: Kind,
    pairs: &impl Fn(&BinRows<'_>, Range<usize>) -> Result<PairValues, E>,
    problem: &mut Option<E>,
) -> std::io::Result<()> {
    let frames = axes.times.len() as u64;
    let count = axes.phi_deg.len();
    let shape = match axes.layout {
        NpzLayout::Upper => vec![count as u64, frames * (frames - 1) / 2],
        NpzLayout::Full => vec![count as u64, frames, frames],
    };
    let mut told = |error: E| {
        *problem = Some(error);
        std::io::Error::other("a bin could not be evaluated")
    };
    write_array::<T, _>(npz, name, &shape, |push| {
        for bin in 0..count {
            let source = axes.matrices.bin(bin, usize::MAX);
            let whole = Side::of(axes);
            let mut square = match axes.layout {
                NpzLayout::Upper => Vec::new(),
                NpzLayout::Full => vec![T::of(f64::NAN); whole.frames * whole.frames],
            };
            for rows in whole.bands() {
                let values = pairs(&source, whole.own(&rows)).map_err(&mut told)?;
                match axes.layout {
                    NpzLayout::Upper => push(&whole.packed(&rows, &values, kind))?,
                    NpzLayout::Full => whole.fill(&mut square, &rows, &values, kind),
                }
            }
            push(&square)?;
        }
        Ok(())
    })
}

/// The frames of the time grid, and which of them the matrices have.
struct Side {
    frames: usize,
    /// Frames of the matrices.
    left: usize,
    /// Position in the matrices of each frame of the grid.
    place: Vec<Option<usize>>,
}

impl Side {
    fn of(axes: &ArrayAxes<'_>) -> Self {
        let mut place = vec![None; axes.times.len()];
        for (k, at) in axes.matrices.positions().into_iter().enumerate() {
            place[at] = Some(k);
        }
        Self { frames: place.len(), left: axes.matrices.frames(), place }
    }

    /// Ranges of rows of the grid, from the first to the last.
    fn bands(&self) -> Vec<Range<usize>> {
        let mut bands = Vec::new();
        let mut start = 0;
        while start < self.frames {
            let step = (PAIRS_AT_ONCE / (self.frames - start)).max(1);
            bands.push(start..(start + step).min(self.frames));
            start += step;
        }
        bands
    }

    /// The rows of the matrices among these.
    fn own(&self, rows: &Range<usize>) -> Range<usize> {
        let mut own = self.place[rows.clone()].iter().flatten();
        let first = own.next().copied();
        let last = own.next_back().copied().or(first);
        first.map_or(0, |k| k)..last.map_or(0, |k| k + 1)
    }

    /// The value of the pair (i, j > i) of the grid; `values` are those of the rows that `own` tells.
    fn value(&self, first: usize, [i, j]: [usize; 2], values: &PairValues, kind: Kind) -> f64 {
        let (Some(i), Some(j)) = (self.place[i], self.place[j]) else { return f64::NAN };
        let at = |row| Triangle::row_start(self.left, row);
        let k = at(i) - at(first) + j - i - 1;
        let data = values.data.values(k..k + 1).get(0);
        match kind {
            Kind::Data => data,
            Kind::Fit => values.fit[k],
            Kind::Residual => data - values.fit[k],
        }
    }

    fn packed<T: Stored>(&self, rows: &Range<usize>, values: &PairValues, kind: Kind) -> Vec<T> {
        let first = self.own(rows).start;
        let pairs = rows.clone().flat_map(|i| (i + 1..self.frames).map(move |j| [i, j]));
        pairs.map(|pair| T::of(self.value(first, pair, values, kind))).collect()
    }

    fn fill<T: Stored>(
        &self,
        square: &mut [T],
        rows: &Range<usize>,
        values: &PairValues,
        kind: Kind,
    ) {
        let first = self.own(rows).start;
        for i in rows.clone() {
            for j in i + 1..self.frames {
                let value = T::of(self.value(first, [i, j], values, kind));
                square[i * self.frames + j] = value;
                square[j * self.frames + i] = value;
            }
        }
    }
}

fn write_array<T: npyz::AutoSerialize + Copy, W: Write + std::io::Seek>(
    npz: &mut NpzWriter<W>,
    name: &str,
    shape: &[u64],
    fill: impl FnOnce(&mut dyn FnMut(&[T]) -> std::io::Result<()>) -> std::io::Result<()>,
) -> std::io::Result<()> {
    // Noise does not compress; more than 4 GB is allowed.
    let options =
        FileOptions::default().compression_method(CompressionMethod::Stored).large_file(true);
    let mut writer = npz.array(name, options)?.default_dtype().shape(shape).begin_nd()?;
    fill(&mut |values| writer.extend(values.iter().copied()))?;
    writer.finish()
}
