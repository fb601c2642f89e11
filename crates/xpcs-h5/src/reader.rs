//! Reading of the matrices, which all HDF5 layouts share.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use dyne_runtime::{Cancel, Lanes};
use dyne_xpcs_data::{
    Catalog, Decoding, Element, MatrixSummary, ReadError, Reader, RowSource, Samples, Triangle,
    Unwritten, triangles,
};

use crate::backend::{Facts, Fault, Kind};
use crate::matrix::{self, Defect};
use crate::rows::FileRows;
use crate::source::{Source, dataset_error};

pub(crate) const MATRIX: &str = "a two-time matrix of 32- or 64-bit floats";

/// An HDF5 file whose layout has been understood.
pub(crate) struct TwoTimeFile {
    source: Arc<Source>,
    catalog: Catalog,
}

impl TwoTimeFile {
    pub(crate) fn new(source: Source, catalog: Catalog) -> Self {
        Self { source: Arc::new(source), catalog }
    }

    /// Reads rows and columns `frames` of the matrix at `path`, in bands of chunks on
    /// `lanes`.
    fn square(
        &self,
        path: &str,
        frames: &Range<usize>,
        lanes: &Lanes,
    ) -> Result<Samples, ReadError> {
        let facts = self.source.facts(path, MATRIX)?;
        let bands = bands(frames, chunk_rows(&facts));
        let read =
            |rows: &Range<usize>| self.source.backend.window(path, rows.clone(), frames.clone());
        let parts = if bands.len() == 1 {
            bands.iter().map(read).collect()
        } else {
            lanes.map(&bands, read)
        };
        joined(parts, frames.len().pow(2)).map_err(|e| self.source.fault(path, MATRIX, e))
    }

    /// One bin per lane where a matrix is one chunk; otherwise one bin after the other,
    /// its chunks on all lanes. Either way no lane holds more than one decoded matrix.
    fn over<R: Send>(
        &self,
        bins: &[usize],
        lanes: &Lanes,
        one: impl Fn(usize, &Lanes) -> Result<R, ReadError> + Sync,
    ) -> Result<Vec<R>, ReadError> {
        let Some(&first) = bins.first() else {
            return Ok(Vec::new());
        };
        let facts = self.source.facts(&self.catalog.bins[first].path, MATRIX)?;
        let whole = bands(&(0..self.catalog.frames), chunk_rows(&facts)).len() == 1;
        if whole {
            lanes.map(bins, |&bin| one(bin, &Lanes::solo())).into_iter().collect()
        } else {
            bins.iter().map(|&bin| one(bin, lanes)).collect()
        }
    }
}

impl Reader for TwoTimeFile {
    fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    fn read_stored(
        &self,
        bins: &[usize],
        frames: Range<usize>,
        lanes: &Lanes,
    ) -> Result<Vec<Triangle>, ReadError> {
        triangles(&*self.rows(bins, frames, lanes)?, lanes, &Cancel::new())
    }

    fn rows(
        &self,
        bins: &[usize],
        frames: Range<usize>,
        lanes: &Lanes,
    ) -> Result<Arc<dyn RowSource>, ReadError> {
        check_request(&self.catalog, bins, &frames)?;
        Ok(Arc::new(FileRows::open(&self.source, &self.catalog, bins, &frames, lanes)?))
    }

    fn decoding(&self, bins: &[usize], frames: Range<usize>) -> Result<Decoding, ReadError> {
        check_request(&self.catalog, bins, &frames)?;
        Ok(FileRows::headers(&self.source, &self.catalog, bins, &frames)?.decoding())
    }

    fn unwritten(
        &self,
        bins: &[usize],
        frames: Range<usize>,
    ) -> Result<Vec<Vec<Unwritten>>, ReadError> {
        check_request(&self.catalog, bins, &frames)?;
        Ok(FileRows::headers(&self.source, &self.catalog, bins, &frames)?.unwritten())
    }

    fn summarize(&self, bins: &[usize], lanes: &Lanes) -> Result<Vec<MatrixSummary>, ReadError> {
        let frames = 0..self.catalog.frames;
        check_request(&self.catalog, bins, &frames)?;
        self.over(bins, lanes, |at, lanes| {
            let bin = &self.catalog.bins[at];
            let mut samples = self.square(&bin.path, &frames, lanes)?;
            for [rows, columns] in self.unwritten(&[at], frames.clone())?.concat() {
                blank(&mut samples, frames.len(), &rows, &columns);
            }
            let facts = self.source.facts(&bin.path, MATRIX)?;
            Ok(summary(bin, &samples, frames.len(), facts.chunk, facts.filters))
        })
    }
}

/// Rows of a chunk; all rows where there are no chunks.
fn chunk_rows(facts: &Facts) -> usize {
    facts.chunk.first().map_or(usize::MAX, |rows| usize::try_from(*rows).unwrap_or(usize::MAX))
}

/// Rows of `frames` in bands that end at the edges of chunks of `step` rows.
pub(crate) fn bands(frames: &Range<usize>, step: usize) -> Vec<Range<usize>> {
    let mut bands = Vec::new();
    let mut start = frames.start;
    while start < frames.end {
        let end = (start / step.max(1)).saturating_add(1).saturating_mul(step.max(1));
        let end = end.min(frames.end);
        bands.push(start..end);
        start = end;
    }
    bands
}

fn joined(parts: Vec<Result<Samples, Fault>>, values: usize) -> Result<Samples, Fault> {
    let mut parts = parts.into_iter();
    let mut all = parts.next().unwrap_or(Ok(Samples::F64(Vec::new())))?;
    for part in parts {
        match (&mut all, part?) {
            (Samples::F32(all), Samples::F32(part)) => {
                all.reserve_exact(values - all.len());
                all.extend(part);
            }
            (Samples::F64(all), Samples::F64(part)) => {
                all.reserve_exact(values - all.len());
                all.extend(part);
            }
            _ => return Err(Fault::Unreadable("number type changes".to_owned())),
        }
    }
    if all.len() == values {
        Ok(all)
    } else {
        Err(Fault::Unreadable(format!("{} values instead of {values}", all.len())))
    }
}

/// Puts NaN in place of what the library fills in.
fn blank(samples: &mut Samples, side: usize, rows: &Range<usize>, columns: &Range<usize>) {
    for row in rows.clone() {
        let at = row * side + columns.start..row * side + columns.end;
        match samples {
            Samples::F32(values) => values[at].fill(f32::NAN),
            Samples::F64(values) => values[at].fill(f64::NAN),
        }
    }
}

/// Describes one matrix.
pub(crate) fn summary(
    bin: &dyne_xpcs_data::Bin,
    samples: &Samples,
    frames: usize,
    chunk: Vec<u64>,
    filters: Vec<String>,
) -> MatrixSummary {
    let found = matrix::statistics(samples, frames);
    MatrixSummary {
        bin: bin.number,
        path: bin.path.clone(),
        min: found.min,
        max: found.max,
        mean: found.mean,
        pairs: Triangle::pairs(frames),
        not_finite: found.not_finite,
        zeros: found.zeros,
        negatives: found.negatives,
        stored: found.stored,
        chunk,
        filters,
    }
}

/// The error of a defect in the matrix at `path`, of which frame `origin` is the first.
pub(crate) fn defect(defect: Defect, file: &Path, path: &str, origin: usize) -> ReadError {
    let frame = |k: usize| origin + k + 1;
    match defect {
        Defect::Asymmetric { row, column, above, below } => dataset_error(
            file,
            path,
            format!(
                "{above} at frames ({i}, {j}) and {below} at ({j}, {i}) (counted from 1)",
                i = frame(row),
                j = frame(column)
            ),
            "a symmetric matrix, or one triangle with zeros in the other",
            "correlate the bin again, or leave it out of the selection",
        ),
    }
}

/// Refuses bins that are not in the file or named twice, and frames that are not in it.
pub(crate) fn check_request(
    catalog: &Catalog,
    bins: &[usize],
    frames: &Range<usize>,
) -> Result<(), ReadError> {
    let refuse = |path: &str, found: String, expected: String| {
        dataset_error(&catalog.file, path, found, expected, "correct the selection")
    };
    if let Some(bin) = bins.iter().find(|&&bin| bin >= catalog.bins.len()) {
        let expected = format!("less than {} (bins in the file)", catalog.bins.len());
        return Err(refuse("the selected bins", format!("position {bin}"), expected));
    }
    if let Some(at) = (1..bins.len()).find(|&at| bins[..at].contains(&bins[at])) {
        let found = format!("position {} twice", bins[at]);
        return Err(refuse("the selected bins", found, "every bin once".to_owned()));
    }
    if frames.end > catalog.frames || frames.start + 2 > frames.end {
        let found = format!("{} to {} (counted from 1)", frames.start + 1, frames.end);
        let expected = format!("at least two of frames 1 to {}", catalog.frames);
        return Err(refuse("the selected frames", found, expected));
    }
    Ok(())
}

/// Side length and number type of the matrices at `paths` in `group`, which must agree.
pub(crate) fn common_shape(
    source: &Source,
    group: &str,
    paths: &[String],
) -> Result<(usize, Element), ReadError> {
    let mut common: Option<(u64, Element, &String)> = None;
    for path in paths {
        let facts = source.facts(path, MATRIX)?;
        let (&[rows, columns], Kind::Float(element)) = (&facts.shape[..], &facts.kind) else {
            let found = format!("{} of shape {:?}", facts.kind.describe(), facts.shape);
            return Err(source.error(path, found, MATRIX, "choose another file"));
        };
        if rows != columns || rows < 2 {
            let found = format!("{rows} rows and {columns} columns");
            let expected = "a square matrix of at least two frames";
            return Err(source.error(path, found, expected, "correlate the bin again"));
        }
        match common {
            None => common = Some((rows, *element, path)),
            Some((n, kind, first)) if n != rows || kind != *element => {
                let found = format!("{rows} frames of {}", facts.kind.describe());
                let of = Kind::Float(kind).describe();
                let expected = format!("{n} frames of {of}, as {first} has");
                let remedy = "correlate all bins with the same frames";
                return Err(source.error(path, found, expected, remedy));
            }
            Some(_) => {}
        }
    }
    let Some((frames, element, first)) = common else {
        let remedy = "correlate again with two-time results";
        return Err(source.error(group, "no matrices", MATRIX, remedy));
    };
    let frames = usize::try_from(frames).map_err(|_| {
        let expected = "a side that fits memory";
        source.error(first, format!("{frames} frames"), expected, "choose another file")
    })?;
    Ok((frames, element))
}

#[cfg(test)]
mod tests {
    use super::bands;

    #[test]
    fn bands_end_at_chunks() {
        assert_eq!(bands(&(0..10), 4), [0..4, 4..8, 8..10]);
        assert_eq!(bands(&(3..9), 4), [3..4, 4..8, 8..9]);
        assert_eq!(bands(&(0..10), 16), vec![0..10]);
        assert_eq!(bands(&(2..10), usize::MAX), vec![2..10]);
    }
}
