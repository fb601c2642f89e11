//! Values of small datasets and attributes, and how their types are told.

use super::header::Object;
use super::heap::Stored;

/// Values of a small dataset or attribute.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Values<'a> {
    /// Signed 64-bit integers.
    Integers(&'a [i64]),
    /// Signed 32-bit integers.
    Numbers(&'a [i32]),
    /// Signed bytes, 1 for true and 0 for false.
    Flags(&'a [bool]),
    /// 64-bit floats.
    Floats(&'a [f64]),
    /// Text of fixed length, UTF-8, padded with zeros.
    Texts(&'a [&'a str]),
    /// One text with its final zero, said to be ASCII.
    Terminated(&'a str),
    /// Texts in the heap, UTF-8, of any length.
    StoredTexts(&'a [Stored]),
    /// Lists of references to objects, in the heap.
    StoredReferences(&'a [Stored]),
    /// Objects, with the axis that is meant of each.
    ObjectAxes(&'a [(Object, u32)]),
}

/// Shape of a small dataset or attribute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) enum Shape<'a> {
    /// One value, no axis.
    Scalar,
    /// One axis.
    List,
    /// Axes of these lengths.
    Axes(&'a [u64]),
}

impl Values<'_> {
    pub(super) fn count(self) -> usize {
        match self {
            Self::Integers(v) => v.len(),
            Self::Numbers(v) => v.len(),
            Self::Flags(v) => v.len(),
            Self::Floats(v) => v.len(),
            Self::Texts(v) => v.len(),
            Self::Terminated(_) => 1,
            Self::StoredTexts(v) | Self::StoredReferences(v) => v.len(),
            Self::ObjectAxes(v) => v.len(),
        }
    }

    pub(super) fn datatype(self) -> Vec<u8> {
        match self {
            Self::Integers(_) => integer_type(8, SIGNED),
            Self::Numbers(_) => integer_type(4, SIGNED),
            Self::Flags(_) => integer_type(1, SIGNED),
            Self::Floats(_) => float_type(8),
            Self::Texts(texts) => text_type(PADDED_UTF8, longest(texts) as u32),
            Self::Terminated(text) => text_type(TERMINATED_ASCII, text.len() as u32 + 1),
            // String, ended by a zero, UTF-8.
            Self::StoredTexts(_) => stored_type([0x01, 0x01], &integer_type(1, UNSIGNED)),
            Self::StoredReferences(_) => stored_type([0, 0], &REFERENCE),
            Self::ObjectAxes(_) => object_axis_type(),
        }
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        match self {
            Self::Integers(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::Numbers(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::Flags(v) => v.iter().map(|x| u8::from(*x)).collect(),
            Self::Floats(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::Texts(texts) => {
                let width = longest(texts);
                let padded = texts
                    .iter()
                    .flat_map(|t| t.bytes().chain(std::iter::repeat_n(0, width - t.len())));
                padded.collect()
            }
            Self::Terminated(text) => text.bytes().chain([0]).collect(),
            Self::StoredTexts(v) | Self::StoredReferences(v) => {
                v.iter().flat_map(|x| x.place()).collect()
            }
            Self::ObjectAxes(v) => v.iter().flat_map(object_axis).collect(),
        }
    }
}

/// Bytes of the longest text, and at least one, as a type of none does not exist.
fn longest(texts: &[&str]) -> usize {
    texts.iter().map(|t| t.len()).max().unwrap_or(0).max(1)
}

const SIGNED: u8 = 0x08;
const UNSIGNED: u8 = 0;

/// Integer of so many bytes, little endian.
fn integer_type(bytes: u8, sign: u8) -> Vec<u8> {
    // Version 1, class 0; all bits count.
    vec![0x10, sign, 0, 0, bytes, 0, 0, 0, 0, 0, 8 * bytes, 0]
}

/// IEEE 754 float of 4 or 8 bytes, little endian.
pub(super) fn float_type(bytes: u8) -> Vec<u8> {
    let (exponent_at, exponent, bias) = if bytes == 4 { (23, 8, 127u32) } else { (52, 11, 1023) };
    // Version 1, class 1; leading bit of the mantissa implied; sign in the last bit.
    let mut body = vec![0x11, 0x20, bytes * 8 - 1, 0, bytes, 0, 0, 0];
    body.extend([0, 0, bytes * 8, 0, exponent_at, exponent, 0, exponent_at]);
    body.extend(bias.to_le_bytes());
    body
}

const PADDED_UTF8: u8 = 0x11;
const TERMINATED_ASCII: u8 = 0;

fn text_type(padding_and_characters: u8, bytes: u32) -> Vec<u8> {
    // Version 1, class 3.
    let mut body = vec![0x13, padding_and_characters, 0, 0];
    body.extend(bytes.to_le_bytes());
    body
}

/// Reference to an object: version 1, class 7, 8 bytes.
const REFERENCE: [u8; 8] = [0x17, 0, 0, 0, 8, 0, 0, 0];

/// A list of any length in the heap.
fn stored_type(bits: [u8; 2], element: &[u8]) -> Vec<u8> {
    // Version 1, class 9, 16 bytes in place.
    let mut body = vec![0x19, bits[0], bits[1], 0, 16, 0, 0, 0];
    body.extend(element);
    body
}

/// The record that lists by whom a dimension scale is used; the names of its fields are those of the
/// library, which looks for them.
fn object_axis_type() -> Vec<u8> {
    // Version 3, class 6, two fields, 16 bytes; each field: name, offset, type.
    let mut body = vec![0x36, 2, 0, 0, 16, 0, 0, 0];
    body.extend(b"dataset\0\x00");
    body.extend(REFERENCE);
    body.extend(b"dimension\0\x08");
    body.extend(integer_type(4, UNSIGNED));
    body
}

fn object_axis((object, axis): &(Object, u32)) -> [u8; 16] {
    let mut record = [0; 16];
    record[..8].copy_from_slice(&object.reference());
    record[8..12].copy_from_slice(&axis.to_le_bytes());
    record
}
