//! Result files: written beside the folder first, moved into it when all are whole.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use dyne_solve::Scaling;
use dyne_xpcs_data::{Matrices, Samples, Triangle};
use npyz::WriterBuilder;
use npyz::npz::NpzWriter;
use thiserror::Error;

use crate::config::NpzLayout;

/// Why results could not be written.
#[derive(Debug, Error)]
#[error("writing {}: {reason}\nchoose a folder that can be written, or free some space; an earlier result there is untouched", path.display())]
pub struct ResultsError {
    /// File or folder.
    pub path: PathBuf,
    /// What the system says.
    pub reason: String,
}

/// A folder of results in the making. Dropped before [`ResultFolder::publish`] it leaves
/// nothing behind.
#[derive(Debug)]
pub struct ResultFolder {
    target: PathBuf,
    staging: PathBuf,
    published: bool,
}

impl ResultFolder {
    /// Makes a hidden folder beside `target`, which shows at once whether one can write there.
    ///
    /// # Errors
    /// [`ResultsError`] where the folder cannot be made.
    pub fn create(target: &Path) -> Result<Self, ResultsError> {
        let fail = |reason: String| ResultsError { path: target.to_owned(), reason };
        if target.exists() && !target.is_dir() {
            return Err(fail("it exists and is not a folder".into()));
        }
        let name = target.file_name().ok_or_else(|| fail("it has no name".into()))?;
        let parent =
            target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let hidden = format!(".{}.{}", name.to_string_lossy(), std::process::id());
        let staging = parent.join(hidden);
        fs::create_dir_all(&staging).map_err(|e| fail(e.to_string()))?;
        Ok(Self { target: target.to_owned(), staging, published: false })
    }

    /// Writes a file of this name; it may stand in one folder below.
    ///
    /// # Errors
    /// [`ResultsError`] with the file.
    pub fn write(&self, name: &str, contents: &[u8]) -> Result<(), ResultsError> {
        let path = self.staged(name)?;
        fs::write(&path, contents).map_err(|e| self.error(name, &e))
    }

    /// Where a file of this name is to be written by somebody else.
    ///
    /// # Errors
    /// [`ResultsError`] where its folder cannot be made.
    pub fn staged(&self, name: &str) -> Result<PathBuf, ResultsError> {
        let path = self.staging.join(name);
        let folder = path.parent().unwrap_or(&self.staging);
        fs::create_dir_all(folder).map_err(|e| self.error(name, &e))?;
        Ok(path)
    }

    fn error(&self, name: &str, reason: &dyn std::fmt::Display) -> ResultsError {
        ResultsError { path: self.target.join(name), reason: reason.to_string() }
    }

    /// Moves everything to the target. Files of the same name are replaced one by one, whole;
    /// folders of the same name are replaced as a whole; other files stay.
    ///
    /// # Errors
    /// [`ResultsError`] where something cannot be moved.
    pub fn publish(mut self) -> Result<(), ResultsError> {
        let fail =
            |e: std::io::Error| ResultsError { path: self.target.clone(), reason: e.to_string() };
        if !self.target.exists() {
            fs::rename(&self.staging, &self.target).map_err(fail)?;
            self.published = true;
            return Ok(());
        }
        for entry in fs::read_dir(&self.staging).map_err(fail)? {
            let from = entry.map_err(fail)?.path();
            let to = self.target.join(from.file_name().unwrap_or_default());
            if to.is_dir() {
                fs::remove_dir_all(&to).map_err(fail)?;
            }
            fs::rename(&from, &to).map_err(fail)?;
        }
        Ok(())
    }
}

impl Drop for ResultFolder {
    fn drop(&mut self) {
        if !self.published {
            // Nothing can be done about a folder that cannot be removed, and the result stands.
            let _ = fs::remove_dir_all(&self.staging);
        }
    }
}

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
/// pairs of skipped frames are NaN in `fit` and `residual`.
///
/// # Errors
/// [`ResultsError`], and what `fit` reports.
pub fn write_npz<E: From<ResultsError>>(
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
        let result = match axes.matrices.triangle(0).samples() {
            Samples::F32(_) => bins::<f32, E>(&mut npz, name, axes, kind, &fit, &mut problem),
            Samples::F64(_) => bins::<f64, E>(&mut npz, name, axes, kind, &fit, &mut problem),
        };
        if let Some(problem) = problem {
            return Err(problem);
        }
        result.map_err(fail)?;
    }
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

fn bins<T: Stored, E>(
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
            match fitted {
                Ok(fitted) => push(&values::<T>(k, &fitted, axes, kind))?,
                Err(error) => {
                    *problem = Some(error);
                    return Err(std::io::Error::other("a bin could not be evaluated"));
                }
            }
        }
        Ok(())
    })
}

fn values<T: Stored>(bin: usize, fitted: &[f64], axes: &ArrayAxes<'_>, kind: Kind) -> Vec<T> {
    let n = axes.times.len();
    let start = Triangle::row_start(n, axes.matrices.skip());
    let fit = |k: usize| if k < start { f64::NAN } else { fitted[k - start] };
    let data = |k: usize| match axes.matrices.triangle(bin).samples() {
        Samples::F32(v) => f64::from(v[k]),
        Samples::F64(v) => v[k],
    };
    let value = |k: usize| {
        T::of(match kind {
            Kind::Data => data(k),
            Kind::Fit => fit(k),
            Kind::Residual => data(k) - fit(k),
        })
    };
    match axes.layout {
        NpzLayout::Upper => (0..Triangle::pairs(n)).map(value).collect(),
        NpzLayout::Full => {
            let mut full = vec![T::of(f64::NAN); n * n];
            for i in 0..n {
                for j in i + 1..n {
                    let v = value(Triangle::row_start(n, i) + j - i - 1);
                    full[i * n + j] = v;
                    full[j * n + i] = v;
                }
            }
            full
        }
    }
}

fn write_array<T: npyz::AutoSerialize + Copy, W: Write + std::io::Seek>(
    npz: &mut NpzWriter<W>,
    name: &str,
    shape: &[u64],
    fill: impl FnOnce(&mut dyn FnMut(&[T]) -> std::io::Result<()>) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let options = Default::default();
    let mut writer = npz.array(name, options)?.default_dtype().shape(shape).begin_nd()?;
    fill(&mut |values| writer.extend(values.iter().copied()))?;
    writer.finish()
}
