//! From the tree of values to typed configuration; errors carry key path and origin.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::document::{Entry, Kind, Node};
use super::error::Origin;

/// What is wrong, without the place.
#[derive(Debug)]
pub(super) enum Cause {
    UnknownKey { key: String, expected: &'static [&'static str] },
    UnknownChoice { word: String, expected: &'static [&'static str] },
    Missing { key: &'static str },
    Type { found: String, expected: String },
}

/// An error on its way up the tree; each level adds its segment of the key path.
#[derive(Debug)]
pub(super) struct DecodeError {
    pub(super) cause: Cause,
    pub(super) origin: Option<Origin>,
    /// Innermost segment first.
    segments: Vec<String>,
}

impl DecodeError {
    fn new(cause: Cause) -> Self {
        Self { cause, origin: None, segments: Vec::new() }
    }

    fn inside(mut self, segment: String, origin: &Origin) -> Self {
        self.origin.get_or_insert_with(|| origin.clone());
        self.segments.push(segment);
        self
    }

    /// Key path of the place the error was raised at.
    pub(super) fn path(&self) -> String {
        let mut path = String::new();
        for segment in self.segments.iter().rev() {
            if !path.is_empty() && !segment.starts_with('[') {
                path.push('.');
            }
            path.push_str(segment);
        }
        path
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.path(), self.cause)
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let expected = "a value of this key".to_owned();
        Self::new(Cause::Type { found: message.to_string(), expected })
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Cause::Type { found: describe(&found), expected: plain(&expected.to_string()) })
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        let found = format!("a list of {length}");
        Self::new(Cause::Type { found, expected: plain(&expected.to_string()) })
    }

    fn unknown_variant(word: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Cause::UnknownChoice { word: word.to_owned(), expected })
    }

    fn unknown_field(key: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Cause::UnknownKey { key: key.to_owned(), expected })
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new(Cause::Missing { key })
    }
}

fn describe(found: &Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(value) => format!("the number {value}"),
        Unexpected::Signed(value) => format!("the number {value}"),
        Unexpected::Float(value) => format!("the number {value}"),
        Unexpected::Str(value) => format!("the text `{value}`"),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a group of keys".to_owned(),
        other => other.to_string(),
    }
}

/// The name of a Rust type in words.
fn plain(expected: &str) -> String {
    match expected {
        "f64" => "a number",
        "usize" | "u64" | "u32" => "a whole number of at least 0",
        "a boolean" => "`true` or `false`",
        "a string" | "path string" => "a text",
        "a sequence" => "a list",
        "an array of length 2" => "a list of two numbers",
        "newtype variant" => "its value too, as in `{fourier: 2}`",
        "a map" => "a group of keys",
        name if name.starts_with("struct ") => "a group of keys",
        name if name.starts_with("enum ") => "one word",
        other => other,
    }
    .to_owned()
}

impl<'de> IntoDeserializer<'de, DecodeError> for &'de Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(value) => visitor.visit_bool(*value),
            Kind::Unsigned(value) => visitor.visit_u64(*value),
            Kind::Signed(value) => visitor.visit_i64(*value),
            Kind::Float(value) => visitor.visit_f64(*value),
            Kind::Text(value) => visitor.visit_borrowed_str(value),
            Kind::List(items) => {
                let mut access = Items { items: items.iter(), index: 0 };
                let value = visitor.visit_seq(&mut access)?;
                match access.items.len() {
                    0 => Ok(value),
                    _ => Err(de::Error::invalid_length(items.len(), &"an array of length 2")),
                }
            }
            Kind::Map(entries) => {
                visitor.visit_map(Entries { entries: entries.iter(), open: None })
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.kind {
            Kind::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    /// A float that is a whole number (`1e3`) counts as one.
    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.kind {
            Kind::Float(value) if value.fract() == 0.0 && (0.0..9e15).contains(&value) => {
                visitor.visit_u64(value as u64)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    /// A group whose keys are all commented out is null in YAML and means its defaults.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.kind {
            Kind::Null => visitor.visit_map(Entries { entries: [].iter(), open: None }),
            Kind::List(_) => Err(de::Error::invalid_type(Unexpected::Seq, &visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match &self.kind {
            Kind::Text(word) => visitor.visit_enum(word.as_str().into_deserializer()),
            Kind::Map(entries) => match entries.as_slice() {
                [entry] => visitor.visit_enum(Variant { entry }),
                _ => Err(de::Error::invalid_type(Unexpected::Map, &visitor)),
            },
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct identifier ignored_any
    }
}

struct Items<'de> {
    items: std::slice::Iter<'de, Node>,
    index: usize,
}

impl<'de> SeqAccess<'de> for &mut Items<'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let Some(node) = self.items.next() else { return Ok(None) };
        let segment = format!("[{}]", self.index);
        self.index += 1;
        seed.deserialize(node).map(Some).map_err(|error| error.inside(segment, &node.origin))
    }
}

struct Entries<'de> {
    entries: std::slice::Iter<'de, Entry>,
    open: Option<&'de Entry>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        self.open = self.entries.next();
        let Some(entry) = self.open else { return Ok(None) };
        let key: StrDeserializer<'de, DecodeError> = entry.key.as_str().into_deserializer();
        seed.deserialize(key)
            .map(Some)
            .map_err(|error| error.inside(entry.key.clone(), &entry.origin))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DecodeError> {
        let entry = self.open.take().expect("serde asks for a value only after its key");
        seed.deserialize(&entry.node)
            .map_err(|error| error.inside(entry.key.clone(), &entry.node.origin))
    }
}

/// `{name: content}` read as a choice with content.
struct Variant<'de> {
    entry: &'de Entry,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self), DecodeError> {
        let key: StrDeserializer<'de, DecodeError> = self.entry.key.as_str().into_deserializer();
        Ok((seed.deserialize(key)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        let expected = format!("the word `{}` alone", self.entry.key);
        Err(DecodeError::new(Cause::Type { found: "a group of keys".to_owned(), expected }))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, DecodeError> {
        seed.deserialize(&self.entry.node)
            .map_err(|error| error.inside(self.entry.key.clone(), &self.entry.node.origin))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.entry.node.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.entry.node.deserialize_map(visitor)
    }
}
