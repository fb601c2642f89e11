//! The reference library: the oracle of the conformance files.

use std::ops::Range;
use std::path::Path;

use dyne_xpcs_data::{Element, Samples};
use hdf5_metno::types::{
    FixedAscii, FixedUnicode, FloatSize, TypeDescriptor, VarLenAscii, VarLenUnicode,
};
use hdf5_metno::{Dataset, File};

use super::{Backend, Facts, Fault, Kind};
use crate::filter;

/// An open file.
pub(super) struct Reference(File);

impl Reference {
    pub(super) fn open(path: &Path) -> Result<Self, Fault> {
        File::open(path).map(Self).map_err(unreadable)
    }

    fn dataset(&self, path: &str) -> Result<Dataset, Fault> {
        self.0.dataset(path).map_err(|_| Fault::Missing)
    }
}

fn unreadable(error: hdf5_metno::Error) -> Fault {
    Fault::Unreadable(error.to_string())
}

fn descriptor(dataset: &Dataset) -> Result<TypeDescriptor, Fault> {
    dataset.dtype().and_then(|t| t.to_descriptor()).map_err(unreadable)
}

fn kind(descriptor: &TypeDescriptor) -> Kind {
    match descriptor {
        TypeDescriptor::Float(FloatSize::U4) => Kind::Float(Element::F32),
        TypeDescriptor::Float(FloatSize::U8) => Kind::Float(Element::F64),
        TypeDescriptor::Integer(_)
        | TypeDescriptor::Unsigned(_)
        | TypeDescriptor::Boolean
        | TypeDescriptor::Enum(_) => Kind::Integer,
        TypeDescriptor::FixedAscii(_)
        | TypeDescriptor::FixedUnicode(_)
        | TypeDescriptor::VarLenAscii
        | TypeDescriptor::VarLenUnicode => Kind::Text,
        other => Kind::Other(other.to_string()),
    }
}

impl Backend for Reference {
    fn facts(&self, path: &str) -> Result<Facts, Fault> {
        let dataset = self.dataset(path)?;
        let long = |axes: Vec<usize>| axes.into_iter().map(|n| n as u64).collect();
        Ok(Facts {
            shape: long(dataset.shape()),
            kind: kind(&descriptor(&dataset)?),
            chunk: long(dataset.chunk().unwrap_or_default()),
            filters: dataset
                .filters()
                .iter()
                .map(|f| {
                    filter::name(u16::try_from(f.id()).expect("filter numbers have 16 bits"), &[])
                })
                .collect(),
        })
    }

    fn members(&self, path: &str) -> Result<Vec<String>, Fault> {
        let group = self.0.group(path).map_err(|_| Fault::Missing)?;
        let names = group.member_names().map_err(unreadable)?;
        let reached = |name: &String| group.dataset(name).is_ok() || group.group(name).is_ok();
        Ok(names.into_iter().filter(reached).collect())
    }

    fn numbers(&self, path: &str) -> Result<Vec<f64>, Fault> {
        let dataset = self.dataset(path)?;
        let descriptor = descriptor(&dataset)?;
        match (&descriptor, kind(&descriptor)) {
            _ if dataset.size() == 0 => Ok(Vec::new()),
            (TypeDescriptor::Boolean, _) => {
                let values = dataset.read_raw::<bool>().map_err(unreadable)?;
                Ok(values.into_iter().map(|v| f64::from(u8::from(v))).collect())
            }
            (_, Kind::Float(_) | Kind::Integer) => dataset.read_raw::<f64>().map_err(unreadable),
            (_, other) => Err(Fault::Unreadable(other.describe())),
        }
    }

    fn texts(&self, path: &str) -> Result<Vec<String>, Fault> {
        let dataset = self.dataset(path)?;
        let texts = match descriptor(&dataset)? {
            TypeDescriptor::VarLenUnicode => owned(dataset.read_raw::<VarLenUnicode>()),
            TypeDescriptor::VarLenAscii => owned(dataset.read_raw::<VarLenAscii>()),
            TypeDescriptor::FixedUnicode(_) => owned(dataset.read_raw::<FixedUnicode<16>>()),
            _ => owned(dataset.read_raw::<FixedAscii<16>>()),
        };
        texts.map_err(unreadable)
    }

    fn window(
        &self,
        path: &str,
        rows: Range<usize>,
        columns: Range<usize>,
    ) -> Result<Samples, Fault> {
        let width = self.dataset(path)?.shape()[1];
        let values = self.numbers(path)?;
        let part = rows.flat_map(|i| values[i * width..][columns.clone()].to_vec()).collect();
        Ok(Samples::F64(part))
    }
}

fn owned<T: ToString>(texts: hdf5_metno::Result<Vec<T>>) -> hdf5_metno::Result<Vec<String>> {
    Ok(texts?.iter().map(T::to_string).collect())
}
