//! HDF5 without a C library.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use hdf5_reader::error::Error;
use hdf5_reader::storage::FileStorage;
use hdf5_reader::{
    Dataset, Datatype, FilterRegistry, Hdf5File, OpenOptions, SliceInfo, SliceInfoElem,
};

use dyne_xpcs_data::{Element, Samples};

use super::chunks::{self, RawFile};
use super::{Backend, Chunks, Decoded, Facts, Fault, Kind};
use crate::filter;

/// No filter of the field expands a byte to more than this many (deflate: 1032).
const EXPANSION: usize = 1100;
/// Small files may ask for this much whatever their size.
const LEAST_LIMIT: usize = 1 << 20;

/// An open file.
pub(crate) struct Pure {
    file: Hdf5File,
    raw: RawFile,
    /// Most bytes of a chunk.
    limit: usize,
    registry: FilterRegistry,
}

impl Pure {
    /// Opens `path`. Nothing that the file claims makes a single allocation larger than
    /// its own size times the greatest expansion of a filter.
    pub(crate) fn open(path: &Path) -> Result<Self, Fault> {
        let storage = FileStorage::open(path).map_err(fault)?;
        let bytes = std::fs::metadata(path).map_err(|e| Fault::Unreadable(e.to_string()))?.len();
        let limit =
            usize::try_from(bytes).unwrap_or(usize::MAX).saturating_mul(EXPANSION).max(LEAST_LIMIT);
        let options = OpenOptions::default()
            .with_filter_registry(filter::registry())
            .with_chunk_cache_bytes(0)
            .with_max_read_bytes(limit)
            .with_max_chunk_bytes(limit);
        let file = Hdf5File::from_storage_with_options(Arc::new(storage), options);
        let file = file.map_err(fault)?;
        let raw = RawFile::open(path, file.superblock().base_address)
            .map_err(|e| Fault::Unreadable(e.to_string()))?;
        Ok(Self { file, raw, limit, registry: filter::registry() })
    }

    fn dataset(&self, path: &str) -> Result<Dataset, Fault> {
        self.file.dataset(path).map_err(fault)
    }

    fn filters(&self, dataset: &Dataset) -> Result<Vec<String>, Fault> {
        let filters = chunks::filters(&self.file, dataset)?;
        Ok(filters.iter().map(|f| filter::name(f.id, &f.client_data)).collect())
    }
}

pub(super) fn fault(error: Error) -> Fault {
    match error {
        Error::DatasetNotFound(_) | Error::GroupNotFound(_) => Fault::Missing,
        Error::Context { source, .. } => fault(*source),
        other => Fault::Unreadable(other.to_string()),
    }
}

fn kind(datatype: &Datatype) -> Kind {
    match datatype {
        Datatype::FloatingPoint { size: 4, .. } => Kind::Float(Element::F32),
        Datatype::FloatingPoint { size: 8, .. } => Kind::Float(Element::F64),
        Datatype::FloatingPoint { size, .. } => Kind::Other(format!("{}-bit floats", 8 * size)),
        Datatype::FixedPoint { .. } | Datatype::Enum { .. } => Kind::Integer,
        Datatype::String { .. } | Datatype::VarLen { .. } => Kind::Text,
        Datatype::Reference { .. } => Kind::Other("references".to_owned()),
        Datatype::Compound { .. } => Kind::Other("records".to_owned()),
        Datatype::Array { .. } => Kind::Other("arrays".to_owned()),
        Datatype::Opaque { .. } | Datatype::Bitfield { .. } => Kind::Other("raw bytes".to_owned()),
    }
}

/// Decodes `raw`, in the byte order of this machine.
fn decode(datatype: &Datatype, raw: &[u8]) -> Result<Vec<f64>, Fault> {
    let unusable = || Fault::Unreadable(format!("{}, not numbers", kind(datatype).describe()));
    match datatype {
        Datatype::Enum { base, .. } => decode(base, raw),
        Datatype::FloatingPoint { size: 4, .. } => {
            Ok(elements(raw, |b| f64::from(f32::from_ne_bytes(b))))
        }
        Datatype::FloatingPoint { size: 8, .. } => Ok(elements(raw, f64::from_ne_bytes)),
        Datatype::FixedPoint { size, signed, .. } => match (size, signed) {
            (1, false) => Ok(elements(raw, |b| f64::from(u8::from_ne_bytes(b)))),
            (1, true) => Ok(elements(raw, |b| f64::from(i8::from_ne_bytes(b)))),
            (2, false) => Ok(elements(raw, |b| f64::from(u16::from_ne_bytes(b)))),
            (2, true) => Ok(elements(raw, |b| f64::from(i16::from_ne_bytes(b)))),
            (4, false) => Ok(elements(raw, |b| f64::from(u32::from_ne_bytes(b)))),
            (4, true) => Ok(elements(raw, |b| f64::from(i32::from_ne_bytes(b)))),
            (8, false) => Ok(elements(raw, |b| u64::from_ne_bytes(b) as f64)),
            (8, true) => Ok(elements(raw, |b| i64::from_ne_bytes(b) as f64)),
            _ => Err(unusable()),
        },
        _ => Err(unusable()),
    }
}

fn elements<const N: usize>(raw: &[u8], value: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    raw.as_chunks().0.iter().map(|&bytes| value(bytes)).collect()
}

fn span(range: &Range<usize>) -> SliceInfoElem {
    SliceInfoElem::Slice { start: range.start as u64, end: range.end as u64, step: 1 }
}

impl Backend for Pure {
    fn facts(&self, path: &str) -> Result<Facts, Fault> {
        let dataset = self.dataset(path)?;
        Ok(Facts {
            shape: dataset.shape().to_vec(),
            kind: kind(dataset.dtype()),
            chunk: dataset
                .chunks()
                .unwrap_or_default()
                .into_iter()
                .take(dataset.ndim())
                .map(u64::from)
                .collect(),
            filters: self.filters(&dataset)?,
        })
    }

    fn members(&self, path: &str) -> Result<Vec<String>, Fault> {
        let (mut names, datasets) =
            self.file.group(path).and_then(|group| group.member_names()).map_err(fault)?;
        names.extend(datasets);
        Ok(names)
    }

    fn numbers(&self, path: &str) -> Result<Vec<f64>, Fault> {
        let dataset = self.dataset(path)?;
        let raw = dataset.read_native_bytes().map_err(fault)?;
        decode(dataset.dtype(), &raw)
    }

    fn texts(&self, path: &str) -> Result<Vec<String>, Fault> {
        self.dataset(path)?.read_strings().map_err(fault)
    }

    fn window(
        &self,
        path: &str,
        rows: Range<usize>,
        columns: Range<usize>,
    ) -> Result<Samples, Fault> {
        let dataset = self.dataset(path)?;
        let selection = SliceInfo { selections: vec![span(&rows), span(&columns)] };
        match kind(dataset.dtype()) {
            Kind::Float(Element::F32) => dataset
                .read_slice::<f32>(&selection)
                .map(|array| Samples::F32(array.into_raw_vec_and_offset().0))
                .map_err(fault),
            Kind::Float(Element::F64) => dataset
                .read_slice::<f64>(&selection)
                .map(|array| Samples::F64(array.into_raw_vec_and_offset().0))
                .map_err(fault),
            other => Err(Fault::Unreadable(format!("{}, not floats", other.describe()))),
        }
    }

    fn chunks(&self, path: &str) -> Result<Option<Chunks>, Fault> {
        Chunks::of(&self.file, &self.dataset(path)?, self.limit)
    }

    fn decode(&self, chunks: &Chunks, place: [usize; 2], out: &mut Decoded) -> Result<(), Fault> {
        chunks.decode(&self.raw, &self.registry, place, out)
    }
}
