//! NPZ cache of the homodyne package: full matrices, frames already cut, with their
//! times.

use std::fs::File;
use std::io::{BufReader, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dyne_runtime::Lanes;
use dyne_xpcs_data::{
    Bin, Catalog, Decoding, Element, FrameTime, Layout, MatrixSummary, ReadError, Reader,
    RowSource, Samples, Triangle,
};
use npyz::npz::NpzArchive;
use npyz::{DType, Deserialize, NpyFile, Order};

use crate::matrix;
use crate::reader::{check_request, defect, summary};
use crate::source::dataset_error;

const MATRICES: &str = "c2_exp";
const Q: &str = "wavevector_q_list";
const PHI: &str = "phi_angles_list";
const TIMES: &str = "t1";

/// Entries of a list that anything of this kind can have.
const LONGEST_LIST: u64 = 1 << 24;
/// Largest deviation of a time step from the first one, relative.
const STEP: f64 = 1e-6;

/// An NPZ cache whose lists have been read.
pub(crate) struct HomodyneCache {
    file: PathBuf,
    catalog: Catalog,
}

impl HomodyneCache {
    /// Opens `path` and reads its lists.
    pub(crate) fn open(path: &Path) -> Result<Self, ReadError> {
        let mut archive = Archive::open(path)?;
        let (element, shape) = archive.with(MATRICES, |npy| {
            Ok((element(&npy).map_err(|found| archive_type(path, &found))?, npy.shape().to_vec()))
        })?;
        let q = archive.list(Q)?;
        let phi = archive.list(PHI)?;
        let (count, frames) = dimensions(path, &shape, npy_bytes(&element))?;
        for (name, values) in [(Q, &q), (PHI, &phi)] {
            if values.len() != count {
                let found = format!("{} values", values.len());
                let expected = format!("{count}, the number of matrices in {MATRICES}");
                return Err(dataset_error(path, name, found, expected, REWRITE));
            }
        }
        let dt = archive.has(TIMES).then(|| archive.list(TIMES)).transpose()?;
        let dt = dt.map(|times| frame_time(path, &times, frames)).transpose()?;
        let found = if dt.is_some() { "found" } else { "absent" };
        let bins = q.iter().zip(&phi).zip(1..).map(|((&q, &phi_deg), number)| Bin {
            number,
            q,
            phi_deg,
            path: format!("{MATRICES}[{}]", number - 1),
            pixels: None,
        });
        let catalog = Catalog {
            file: path.to_owned(),
            layout: Layout::HomodyneCache,
            bins: bins.collect(),
            frames,
            element,
            dt,
            dt_searched: vec![format!("{TIMES}: {found}")],
            notes: vec![
                "matrices are numbered as in the cache; frames were cut when it was written"
                    .to_owned(),
            ],
        };
        Ok(Self { file: path.to_owned(), catalog })
    }

    /// Hands the wanted matrices, whole, to `each` in the order of the file. The archive
    /// is one stream: matrices in between are decoded and dropped.
    fn visit<R>(
        &self,
        bins: &[usize],
        each: impl FnMut(usize, Samples) -> Result<R, ReadError>,
    ) -> Result<Vec<R>, ReadError> {
        let mut archive = Archive::open(&self.file)?;
        let (element, frames) = (self.catalog.element, self.catalog.frames);
        let path = &self.file;
        archive.with(MATRICES, |npy| match element {
            Element::F32 => visit_as(path, npy, frames, bins, Samples::F32, each),
            Element::F64 => visit_as(path, npy, frames, bins, Samples::F64, each),
        })
    }
}

const REWRITE: &str = "write the cache again with homodyne, or give the HDF5 file";

impl Reader for HomodyneCache {
    fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    fn read_stored(
        &self,
        bins: &[usize],
        frames: Range<usize>,
        _lanes: &Lanes,
    ) -> Result<Vec<Triangle>, ReadError> {
        check_request(&self.catalog, bins, &frames)?;
        let all = self.catalog.frames;
        self.visit(bins, |bin, samples| {
            let path = &self.catalog.bins[bin].path;
            matrix::pack(cut(samples, all, &frames), frames.len())
                .map_err(|d| defect(d, &self.file, path, frames.start))
        })
    }

    fn rows(
        &self,
        _bins: &[usize],
        _frames: Range<usize>,
        _lanes: &Lanes,
    ) -> Result<Arc<dyn RowSource>, ReadError> {
        Err(ReadError::File {
            file: self.file.clone(),
            reason: "an NPZ archive is one stream and cannot be read some rows at a time"
                .to_owned(),
            remedy: "give more memory, so that its matrices stay resident, or the HDF5 file"
                .to_owned(),
        })
    }

    fn decoding(&self, bins: &[usize], frames: Range<usize>) -> Result<Decoding, ReadError> {
        check_request(&self.catalog, bins, &frames)?;
        let element = self.catalog.element.bytes() as u64;
        let all = (self.catalog.frames as u64).pow(2) * element;
        let own = Triangle::pairs(frames.len()) as u64 * element;
        Ok(Decoding { strip_bytes: own, buffer_bytes: 2 * all, again: false })
    }

    fn summarize(&self, bins: &[usize], _lanes: &Lanes) -> Result<Vec<MatrixSummary>, ReadError> {
        let frames = self.catalog.frames;
        check_request(&self.catalog, bins, &(0..frames))?;
        self.visit(bins, |bin, samples| {
            let filters = vec!["npz".to_owned()];
            Ok(summary(&self.catalog.bins[bin], &samples, frames, Vec::new(), filters))
        })
    }
}

/// The open archive.
struct Archive<'a> {
    path: &'a Path,
    archive: NpzArchive<BufReader<File>>,
}

impl<'a> Archive<'a> {
    fn open(path: &'a Path) -> Result<Self, ReadError> {
        match NpzArchive::open(path) {
            Ok(archive) => Ok(Self { path, archive }),
            Err(e) => Err(ReadError::File {
                file: path.to_owned(),
                reason: e.to_string(),
                remedy: "the archive is damaged or was not copied whole; copy it again".to_owned(),
            }),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.archive.array_names().any(|found| found == name)
    }

    fn with<R>(
        &mut self,
        name: &str,
        read: impl FnOnce(NpyFile<&mut dyn Read>) -> Result<R, ReadError>,
    ) -> Result<R, ReadError> {
        let path = self.path;
        let failed = |found: String| dataset_error(path, name, found, "an array", REWRITE);
        let entry = self.archive.by_name(name).map_err(|e| failed(e.to_string()))?;
        let npy = entry.ok_or_else(|| failed("nothing".to_owned()))?;
        let header = npy.header().clone();
        let mut stream = npy.into_inner();
        read(NpyFile::with_header(header, &mut stream as &mut dyn Read))
    }

    /// A list of numbers.
    fn list(&mut self, name: &str) -> Result<Vec<f64>, ReadError> {
        let path = self.path;
        self.with(name, |npy| {
            let refuse =
                |found: String| dataset_error(path, name, found, "a list of numbers", REWRITE);
            let shape = npy.shape().to_vec();
            if shape.len() != 1 || shape[0] > LONGEST_LIST {
                return Err(refuse(format!("an array of shape {shape:?}")));
            }
            match element(&npy).map_err(refuse)? {
                Element::F32 => values::<f32>(npy, shape[0]).map_err(refuse),
                Element::F64 => values::<f64>(npy, shape[0]).map_err(refuse),
            }
        })
    }
}

fn values<T: Deserialize + Into<f64>>(
    npy: NpyFile<&mut dyn Read>,
    count: u64,
) -> Result<Vec<f64>, String> {
    let reader = npy.data::<T>().map_err(|e| e.to_string())?;
    let found: Vec<f64> =
        reader.map(|v| v.map(Into::into).map_err(|e| e.to_string())).collect::<Result<_, _>>()?;
    if found.len() as u64 == count { Ok(found) } else { Err("an array cut short".to_owned()) }
}

fn archive_type(path: &Path, found: &str) -> ReadError {
    dataset_error(path, MATRICES, found, "matrices of 32- or 64-bit floats", REWRITE)
}

/// Number type of an array of floats.
fn element(npy: &NpyFile<&mut dyn Read>) -> Result<Element, String> {
    match npy.dtype() {
        DType::Plain(kind) => match kind.to_string().trim_start_matches(['<', '>', '=']) {
            "f4" => Ok(Element::F32),
            "f8" => Ok(Element::F64),
            other => Err(format!("numbers of type {other}")),
        },
        _ => Err("records".to_owned()),
    }
}

const fn npy_bytes(element: &Element) -> u64 {
    match element {
        Element::F32 => 4,
        Element::F64 => 8,
    }
}

/// Number of matrices and frames of an array of shape `shape`, checked against what a
/// deflated archive of this size can hold (a byte becomes 1032 at most).
fn dimensions(path: &Path, shape: &[u64], bytes: u64) -> Result<(usize, usize), ReadError> {
    const EXPANSION: u64 = 1032;
    let refuse = |found: String, expected: &str| {
        Err(dataset_error(path, MATRICES, found, expected, REWRITE))
    };
    let &[count, rows, columns] = shape else {
        return refuse(format!("an array of shape {shape:?}"), "shape (angle, frame, frame)");
    };
    if rows != columns || rows < 2 || count == 0 {
        let expected = "at least one square matrix of at least two frames";
        return refuse(format!("an array of shape {shape:?}"), expected);
    }
    let size = std::fs::metadata(path).map_or(0, |m| m.len());
    let needed = count.checked_mul(rows).and_then(|n| n.checked_mul(columns)?.checked_mul(bytes));
    match needed {
        Some(needed) if needed / EXPANSION <= size => Ok((count as usize, rows as usize)),
        _ => refuse(
            format!("an array of shape {shape:?} in {size} bytes"),
            "no more than the file can hold",
        ),
    }
}

fn frame_time(path: &Path, times: &[f64], frames: usize) -> Result<FrameTime, ReadError> {
    let refuse =
        |found: String, expected: String| Err(dataset_error(path, TIMES, found, expected, REWRITE));
    if times.len() != frames {
        let expected = format!("{frames}, the frames of {MATRICES}");
        return refuse(format!("{} times", times.len()), expected);
    }
    let seconds = (times[frames - 1] - times[0]) / (frames - 1) as f64;
    if !(seconds > 0.0 && seconds.is_finite()) {
        return refuse(format!("steps of {seconds} s"), "increasing times".to_owned());
    }
    match times.windows(2).position(|t| ((t[1] - t[0]) / seconds - 1.0).abs() > STEP) {
        Some(k) => refuse(
            format!("a step of {} s after frame {}", times[k + 1] - times[k], k + 1),
            format!("equal steps of {seconds} s"),
        ),
        None => Ok(FrameTime { seconds, derivation: format!("mean step of {TIMES}") }),
    }
}

/// Frames `frames` of both axes of an `n` × `n` matrix.
fn cut(samples: Samples, n: usize, frames: &Range<usize>) -> Samples {
    fn rows<T: Copy>(values: &[T], n: usize, frames: &Range<usize>) -> Vec<T> {
        frames.clone().flat_map(|i| &values[i * n..][frames.clone()]).copied().collect()
    }
    match samples {
        samples if frames.len() == n => samples,
        Samples::F32(values) => Samples::F32(rows(&values, n, frames)),
        Samples::F64(values) => Samples::F64(rows(&values, n, frames)),
    }
}

fn visit_as<T: Deserialize, R>(
    path: &Path,
    npy: NpyFile<&mut dyn Read>,
    frames: usize,
    bins: &[usize],
    samples: impl Fn(Vec<T>) -> Samples,
    mut each: impl FnMut(usize, Samples) -> Result<R, ReadError>,
) -> Result<Vec<R>, ReadError> {
    let refuse =
        |found: String| dataset_error(path, MATRICES, found, "matrices in C order, whole", REWRITE);
    if npy.order() != Order::C {
        return Err(refuse("an array in Fortran order".to_owned()));
    }
    let mut stream = npy.data::<T>().map_err(|e| refuse(e.to_string()))?;
    let mut wanted: Vec<(usize, usize)> = bins.iter().copied().zip(0..).collect();
    wanted.sort_unstable();
    let mut results = Vec::with_capacity(bins.len());
    let mut next = 0;
    for (bin, place) in wanted {
        let skip = (bin - next) * frames * frames;
        if skip > 0 && stream.nth(skip - 1).is_none() {
            return Err(refuse("an array cut short".to_owned()));
        }
        let values: Vec<T> = stream
            .by_ref()
            .take(frames * frames)
            .collect::<Result<_, _>>()
            .map_err(|e| refuse(e.to_string()))?;
        if values.len() != frames * frames {
            return Err(refuse("an array cut short".to_owned()));
        }
        next = bin + 1;
        results.push((place, each(bin, samples(values))?));
    }
    results.sort_by_key(|(place, _)| *place);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}
