//! netCDF-4 in terms of HDF5.

use std::io::{self, Seek, Write};

use super::super::hdf5::{self, Encoder, Object, Shape, Stored, Values};
use super::{Attribute, Coordinate, Dimension, NetcdfFile, NetcdfGroup, Variable, VariableValues};

/// Tells xarray that bytes are flags.
pub(super) const FLAGS_ATTRIBUTE: &str = "dtype";

const CLASS: &str = "CLASS";
const NAME: &str = "NAME";
const DIMENSION_LIST: &str = "DIMENSION_LIST";
const REFERENCE_LIST: &str = "REFERENCE_LIST";
const DIMENSION_NUMBER: &str = "_Netcdf4Dimid";
const PROVENANCE: &str = "_NCProperties";

/// Names of attributes by which HDF5 and netCDF keep dimensions.
pub(super) const RESERVED: [&str; 8] = [
    CLASS,
    NAME,
    DIMENSION_LIST,
    REFERENCE_LIST,
    DIMENSION_NUMBER,
    PROVENANCE,
    "_Netcdf4Coordinates",
    "_nc3_strict",
];

/// Writes a file that has been checked.
pub(super) fn encode<W: Write + Seek>(out: W, file: &NetcdfFile) -> io::Result<W> {
    let mut encoder = Encoder::new(out)?;
    let mut groups = Vec::with_capacity(file.groups.len());
    let mut dimensions_before = 0;
    for group in &file.groups {
        groups.push((group.name.as_str(), self::group(&mut encoder, group, dimensions_before)?));
        dimensions_before += group.dimensions.len() as i32;
    }
    let written_by = format!("version=2,dyne={}", env!("CARGO_PKG_VERSION"));
    let properties = hdf5::Attribute::scalar(PROVENANCE, Values::Terminated(&written_by));
    let stored = stored(&mut encoder, &file.attributes)?;
    let attributes: Vec<_> = [properties].into_iter().chain(encoded(&stored)).collect();
    let root = encoder.group(&groups, &attributes)?;
    encoder.finish(root)
}

/// Variables come before the scales, which list them; references of variables to scales wait in the heap.
fn group<W: Write + Seek>(
    encoder: &mut Encoder<W>,
    group: &NetcdfGroup,
    dimensions_before: i32,
) -> io::Result<Object> {
    let mut users = vec![Vec::new(); group.dimensions.len()];
    let mut references = vec![Vec::new(); group.dimensions.len()];
    let mut variables = Vec::with_capacity(group.variables.len());
    for variable in &group.variables {
        let axes: Vec<usize> = variable.dimensions.iter().map(|n| position(group, n)).collect();
        let lists = (0..axes.len()).map(|_| encoder.store_reference());
        let lists = lists.collect::<io::Result<Vec<_>>>()?;
        let lengths: Vec<u64> =
            axes.iter().map(|&d| group.dimensions[d].coordinate.len() as u64).collect();
        let object = self::variable(encoder, variable, &lengths, &lists)?;
        variables.push((variable.name.as_str(), object));
        for (axis, (&d, list)) in axes.iter().zip(lists).enumerate() {
            users[d].push((object, axis as u32));
            references[d].push(list);
        }
    }
    let mut members = Vec::with_capacity(group.dimensions.len() + variables.len());
    for (d, dimension) in group.dimensions.iter().enumerate() {
        let object = scale(encoder, dimension, dimensions_before + d as i32, &users[d])?;
        references[d].iter().for_each(|list| encoder.refer(*list, object));
        members.push((dimension.name.as_str(), object));
    }
    members.extend(variables);
    let stored = stored(encoder, &group.attributes)?;
    encoder.group(&members, &encoded(&stored).collect::<Vec<_>>())
}

fn position(group: &NetcdfGroup, name: &str) -> usize {
    group.dimension(name).expect("dimensions were checked")
}

/// Writes a variable whose lists of references to scales are in the heap, one an axis.
fn variable<W: Write + Seek>(
    encoder: &mut Encoder<W>,
    variable: &Variable,
    lengths: &[u64],
    lists: &[Stored],
) -> io::Result<Object> {
    let shape = if lengths.is_empty() { Shape::Scalar } else { Shape::Axes(lengths) };
    let mut own = variable.attributes.clone();
    let values = match &variable.values {
        VariableValues::Floats(v) => Values::Floats(v),
        VariableValues::Integers(v) => Values::Integers(v),
        VariableValues::Flags(v) => {
            own.push((FLAGS_ATTRIBUTE.to_owned(), Attribute::Text("bool".to_owned())));
            Values::Flags(v)
        }
    };
    let stored = stored(encoder, &own)?;
    let mut attributes: Vec<_> = encoded(&stored).collect();
    if !lists.is_empty() {
        let list = Values::StoredReferences(lists);
        attributes.push(hdf5::Attribute::list(DIMENSION_LIST, list));
    }
    encoder.dataset(values, shape, &attributes)
}

/// Writes the coordinate variable of a dimension as an HDF5 dimension scale. `number` counts the
/// dimensions of the file; `users` are variables with the axis of each.
fn scale<W: Write + Seek>(
    encoder: &mut Encoder<W>,
    dimension: &Dimension,
    number: i32,
    users: &[(Object, u32)],
) -> io::Result<Object> {
    let numbers = [number];
    let mut attributes = vec![
        hdf5::Attribute::scalar(CLASS, Values::Terminated("DIMENSION_SCALE")),
        hdf5::Attribute::scalar(NAME, Values::Terminated(&dimension.name)),
        hdf5::Attribute::scalar(DIMENSION_NUMBER, Values::Numbers(&numbers)),
    ];
    if !users.is_empty() {
        attributes.push(hdf5::Attribute::list(REFERENCE_LIST, Values::ObjectAxes(users)));
    }
    match &dimension.coordinate {
        Coordinate::Integers(v) => encoder.dataset(Values::Integers(v), Shape::List, &attributes),
        Coordinate::Floats(v) => encoder.dataset(Values::Floats(v), Shape::List, &attributes),
        Coordinate::Texts(texts) => {
            let stored = stored_texts(encoder, texts)?;
            encoder.dataset(Values::StoredTexts(&stored), Shape::List, &attributes)
        }
    }
}

/// An attribute whose texts are in the heap.
struct StoredAttribute<'a> {
    name: &'a str,
    value: StoredValue,
}

enum StoredValue {
    Text([Stored; 1]),
    Texts(Vec<Stored>),
    Float([f64; 1]),
    Integer([i64; 1]),
}

fn stored<'a, W: Write + Seek>(
    encoder: &mut Encoder<W>,
    attributes: &'a [(String, Attribute)],
) -> io::Result<Vec<StoredAttribute<'a>>> {
    let store = |(name, value): &'a (String, Attribute)| {
        let value = match value {
            Attribute::Text(text) => StoredValue::Text([encoder.store_text(text)?]),
            Attribute::Texts(texts) => StoredValue::Texts(stored_texts(encoder, texts)?),
            Attribute::Float(value) => StoredValue::Float([*value]),
            Attribute::Integer(value) => StoredValue::Integer([*value]),
        };
        Ok(StoredAttribute { name, value })
    };
    attributes.iter().map(store).collect()
}

fn stored_texts<W: Write + Seek>(
    encoder: &mut Encoder<W>,
    texts: &[String],
) -> io::Result<Vec<Stored>> {
    texts.iter().map(|text| encoder.store_text(text)).collect()
}

fn encoded<'a>(attributes: &'a [StoredAttribute<'_>]) -> impl Iterator<Item = hdf5::Attribute<'a>> {
    attributes.iter().map(|StoredAttribute { name, value }| match value {
        StoredValue::Text(text) => hdf5::Attribute::scalar(name, Values::StoredTexts(text)),
        StoredValue::Texts(texts) => hdf5::Attribute::list(name, Values::StoredTexts(texts)),
        StoredValue::Float(value) => hdf5::Attribute::scalar(name, Values::Floats(value)),
        StoredValue::Integer(value) => hdf5::Attribute::scalar(name, Values::Integers(value)),
    })
}
