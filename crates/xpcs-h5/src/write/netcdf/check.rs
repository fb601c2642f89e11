//! What must hold of a file before it can be written.

use std::collections::HashSet;

use super::{Attribute, Coordinate, NetcdfFault, NetcdfFile, NetcdfGroup, Variable};
use super::{VariableValues, encode};

/// Where a fault is, and the fault.
type Found = (String, NetcdfFault);

/// HDF5 counts the bytes of an attribute in 16 bits; a text or a reference in a list takes 16 bytes.
const MOST_IN_ATTRIBUTE: usize = 4000;
/// HDF5 has no more axes.
const MOST_AXES: usize = 32;
const MOST_NAME_BYTES: usize = 255;

pub(super) fn check(file: &NetcdfFile) -> Result<(), Found> {
    attributes("/", &file.attributes)?;
    names("/", file.groups.iter().map(|group| group.name.as_str()))?;
    file.groups.iter().try_for_each(group)
}

fn group(group: &NetcdfGroup) -> Result<(), Found> {
    let place = format!("/{}", group.name);
    attributes(&place, &group.attributes)?;
    let dimensions = group.dimensions.iter().map(|dimension| dimension.name.as_str());
    names(&place, dimensions.chain(group.variables.iter().map(|v| v.name.as_str())))?;
    for dimension in &group.dimensions {
        let own = format!("{place}/{}", dimension.name);
        if let Coordinate::Texts(list) = &dimension.coordinate {
            texts(&own, list)?;
        } else if dimension.coordinate.len() == 0 {
            return Err((own, NetcdfFault::Empty));
        }
        let uses = |v: &&Variable| v.dimensions.contains(&dimension.name);
        most(&own, group.variables.iter().filter(uses).count(), "variables along it")?;
    }
    group.variables.iter().try_for_each(|variable| {
        let own = format!("{place}/{}", variable.name);
        self::variable(group, variable).map_err(|fault| (own.clone(), fault))?;
        attributes(&own, &variable.attributes)
    })
}

fn variable(group: &NetcdfGroup, variable: &Variable) -> Result<(), NetcdfFault> {
    if variable.dimensions.len() > MOST_AXES {
        let found = variable.dimensions.len();
        return Err(NetcdfFault::TooMany { found, what: "dimensions", most: MOST_AXES });
    }
    let mut expected = 1usize;
    let mut seen = HashSet::new();
    for name in &variable.dimensions {
        let at = group.dimension(name).ok_or_else(|| NetcdfFault::UnknownDimension {
            found: name.clone(),
            expected: group.dimensions.iter().map(|d| d.name.clone()).collect(),
        })?;
        if !seen.insert(name) {
            return Err(NetcdfFault::Duplicate { found: name.clone() });
        }
        expected = expected.saturating_mul(group.dimensions[at].coordinate.len());
    }
    let found = variable.values.len();
    if found != expected {
        return Err(NetcdfFault::Length { found, expected });
    }
    let says_flags = variable.attributes.iter().any(|(name, _)| name == encode::FLAGS_ATTRIBUTE);
    if says_flags && matches!(variable.values, VariableValues::Flags(_)) {
        return Err(NetcdfFault::Duplicate { found: encode::FLAGS_ATTRIBUTE.to_owned() });
    }
    Ok(())
}

fn attributes(place: &str, attributes: &[(String, Attribute)]) -> Result<(), Found> {
    names(place, attributes.iter().map(|(name, _)| name.as_str()))?;
    for (name, value) in attributes {
        let own = format!("{place}@{name}");
        if encode::RESERVED.contains(&name.as_str()) {
            let expected = "one that netCDF does not use itself";
            return Err((own, NetcdfFault::Name { found: name.clone(), expected }));
        }
        match value {
            Attribute::Text(text) => texts(&own, std::slice::from_ref(text))?,
            Attribute::Texts(list) => {
                most(&own, list.len(), "texts")?;
                texts(&own, list)?;
            }
            Attribute::Float(_) | Attribute::Integer(_) => {}
        }
    }
    Ok(())
}

fn most(place: &str, found: usize, what: &'static str) -> Result<(), Found> {
    if found <= MOST_IN_ATTRIBUTE {
        return Ok(());
    }
    Err((place.to_owned(), NetcdfFault::TooMany { found, what, most: MOST_IN_ATTRIBUTE }))
}

fn texts(place: &str, texts: &[String]) -> Result<(), Found> {
    if texts.is_empty() {
        return Err((place.to_owned(), NetcdfFault::Empty));
    }
    match texts.iter().find(|text| text.contains('\0')) {
        Some(text) => Err((place.to_owned(), NetcdfFault::ZeroCharacter { found: text.clone() })),
        None => Ok(()),
    }
}

fn names<'a>(place: &str, names: impl Iterator<Item = &'a str>) -> Result<(), Found> {
    let mut seen = HashSet::new();
    for name in names {
        if let Some(expected) = broken_rule(name) {
            return Err((place.to_owned(), NetcdfFault::Name { found: name.to_owned(), expected }));
        }
        if !seen.insert(name) {
            return Err((place.to_owned(), NetcdfFault::Duplicate { found: name.to_owned() }));
        }
    }
    Ok(())
}

/// The rule of netCDF for names that `name` breaks.
fn broken_rule(name: &str) -> Option<&'static str> {
    let begins = |c: char| c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii();
    match name.chars().next() {
        None => Some("at least one character"),
        Some(first) if !begins(first) => Some("a letter, a digit or _ at its beginning"),
        _ if name.contains('/') => Some("no /, which divides groups"),
        _ if name.chars().any(|c| c.is_ascii_control()) => Some("no control character"),
        _ if name.ends_with(' ') => Some("no blank at its end"),
        _ if name.len() > MOST_NAME_BYTES => Some("at most 255 bytes"),
        _ => None,
    }
}
