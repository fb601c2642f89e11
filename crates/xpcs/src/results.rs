//! Result files: the folder they appear in as a whole, and the arrays.

mod folder;

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::config::NpzLayout;
use dyne_solve::Scaling;
use dyne_xpcs_data::{Element, Matrices, ReadError, Triangle};
use npyz::WriterBuilder;
use npyz::npz::NpzWriter;
use npyz::zip::CompressionMethod;
use npyz::zip::write::FileOptions;

pub use folder::{ResultFolder, ResultsError};

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

/// Writes `c2`, `fit` and `residual` (bin by bin, so that one matrix at a time is in memory),
/// `t`, `phi`, `q`, `contrast`, `offset`. Values have the number type of the data. With
/// [`NpzLayout::Upper`] the arrays are (bin, pair) in the order of `numpy.triu_indices(N, 1)`,
/// with [`NpzLayout::Full`] (bin, frame, frame), symmetric with NaN on the diagonal, which is
/// not data. `fit(bin)` gives the model's c2 of the pairs that take part, packed row by row; the
/// pairs of skipped frames are NaN in `fit` and `residual`, those of masked frames in all three.
///
/// # Errors
/// [`ResultsError`], what `fit` reports, and that of reading the data.
pub fn write_npz<E: From<ResultsError> + From<ReadError>>(
    path: &Path,
    axes: &ArrayAxes<'_>,
    fit: impl Fn(usize) -> Result<Vec<f64>, E>,
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
            Element::F32 => bins::<f32, E>(&mut npz, name, axes, kind, &fit, &mut problem),
            Element::F64 => bins::<f64, E>(&mut npz, name, axes, kind, &fit, &mut problem),
        };
        if let Some(problem) = problem {
            return Err(problem);
        }
        result.map_err(fail)?;
    }
    // Dropping the archive would end it too, but hide a full disk.
    let mut buffered = npz.zip_writer().finish().map_err(|e| fail(e.into()))?;
    buffered.flush().map_err(fail)?;
    Ok(())
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
    fit: &impl Fn(usize) -> Result<Vec<f64>, E>,
    problem: &mut Option<E>,
) -> std::io::Result<()> {
    let frames = axes.times.len() as u64;
    let count = axes.phi_deg.len();
    let shape = match axes.layout {
        NpzLayout::Upper => vec![count as u64, frames * (frames - 1) / 2],
        NpzLayout::Full => vec![count as u64, frames, frames],
    };
    write_array::<T, _>(npz, name, &shape, |push| {
        for k in 0..count {
            let fitted = match kind {
                Kind::Data => Ok(Vec::new()),
                Kind::Fit | Kind::Residual => fit(k),
            };
            let values = fitted.and_then(|fitted| Ok(values::<T>(k, &fitted, axes, kind)?));
            match values {
                Ok(values) => push(&values)?,
                Err(error) => {
                    *problem = Some(error);
                    return Err(std::io::Error::other("a bin could not be evaluated"));
                }
            }
        }
        Ok(())
    })
}

fn values<T: Stored>(
    bin: usize,
    fitted: &[f64],
    axes: &ArrayAxes<'_>,
    kind: Kind,
) -> Result<Vec<T>, ReadError> {
    let n = axes.times.len();
    let left = axes.matrices.frames();
    let start = Triangle::row_start(left, axes.matrices.skip());
    let mut column = vec![None; n];
    for (k, at) in axes.matrices.positions().into_iter().enumerate() {
        column[at] = Some(k);
    }
    let triangle = axes.matrices.triangle(bin)?;
    let value = |i: usize, j: usize| {
        let (Some(i), Some(j)) = (column[i], column[j]) else { return T::of(f64::NAN) };
        let k = Triangle::row_start(left, i) + j - i - 1;
        let fit = || if k < start { f64::NAN } else { fitted[k - start] };
        T::of(match kind {
            Kind::Data => triangle.get(i, j),
            Kind::Fit => fit(),
            Kind::Residual => triangle.get(i, j) - fit(),
        })
    };
    Ok(match axes.layout {
        NpzLayout::Upper => {
            (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).map(|(i, j)| value(i, j)).collect()
        }
        NpzLayout::Full => {
            let mut full = vec![T::of(f64::NAN); n * n];
            for i in 0..n {
                for j in i + 1..n {
                    let v = value(i, j);
                    full[i * n + j] = v;
                    full[j * n + i] = v;
                }
            }
            full
        }
    })
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
