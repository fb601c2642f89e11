//! A YAML text as a tree whose every value knows where it comes from.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::error::{ConfigError, Fault, Origin};

/// A value and its origin.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) origin: Origin,
    pub(super) kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key of a map with its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) origin: Origin,
    pub(super) node: Node,
}

impl Node {
    /// A map without keys.
    pub(super) fn empty() -> Self {
        Self { origin: Origin::Program, kind: Kind::Map(Vec::new()) }
    }

    /// Parses a YAML document; `origin` makes an origin of line and column. An empty document
    /// is null.
    pub(super) fn parse(
        text: &str,
        origin: &dyn Fn(u64, u64) -> Origin,
    ) -> Result<Self, ConfigError> {
        let options = serde_saphyr::options! {
            with_snippet: false,
            strict_booleans: true,
            non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::PassThrough,
            budget: serde_saphyr::budget! { max_depth: 64 },
        };
        match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options) {
            Ok(raw) => Ok(raw.into_node(origin)),
            Err(error) => Err(syntax(&error, origin)),
        }
    }

    /// Origin of the value at a key path, or of its nearest ancestor; for a path that a list
    /// index ends (`data.phi[1]`), that of the item.
    pub(super) fn locate(&self, path: &str) -> Origin {
        self.places(path).1.clone()
    }

    /// Origin of the last key of a path, or of that of its nearest ancestor.
    pub(super) fn locate_key(&self, path: &str) -> Origin {
        self.places(path).0.clone()
    }

    /// Origins of key and value.
    fn places(&self, path: &str) -> (&Origin, &Origin) {
        let mut node = self;
        let mut found = (&self.origin, &self.origin);
        for segment in path.split(['.', '[']).filter(|segment| !segment.is_empty()) {
            match &node.kind {
                Kind::Map(entries) => {
                    let Some(entry) = entries.iter().find(|entry| entry.key == segment) else {
                        break;
                    };
                    (node, found) = (&entry.node, (&entry.origin, &entry.node.origin));
                }
                Kind::List(items) => {
                    let index = segment.trim_end_matches(']').parse::<usize>().ok();
                    let Some(item) = index.and_then(|index| items.get(index)) else { break };
                    (node, found) = (item, (&item.origin, &item.origin));
                }
                _ => break,
            }
        }
        found
    }
}

fn syntax(error: &serde_saphyr::Error, origin: &dyn Fn(u64, u64) -> Origin) -> ConfigError {
    let place = error
        .location()
        .map_or(Origin::Program, |location| origin(location.line(), location.column()));
    let fault = match error {
        serde_saphyr::Error::DuplicateMappingKey { key, .. } => {
            let key = key.clone().unwrap_or_else(|| "a key".to_owned());
            Fault::new("", format!("`{key}` a second time"))
                .expected("every key once in its group")
                .remedy("keep one of the two lines and delete the other")
        }
        serde_saphyr::Error::MultipleDocuments { .. } => {
            Fault::new("", "a second document (`---`)")
                .expected("one YAML document")
                .remedy("write each configuration into its own file")
        }
        other => Fault::new("", reason(other)).expected("valid YAML").remedy(
            "mend the line; keys of one group start in the same column, after spaces and not \
             tabs, with a space after each `:`",
        ),
    };
    ConfigError::Syntax(Box::new(fault.at(place)))
}

/// The parser's reason without its own statements of the place.
fn reason(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    let text = text.lines().next().unwrap_or_default();
    let text =
        text.split_once(": ").filter(|(head, _)| head.contains("line")).map_or(text, |t| t.1);
    text.split(" at line ").next().unwrap_or(text).to_owned()
}

/// What the parser hands over before origins are made.
enum Raw {
    Scalar(Kind),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

trait IntoNode {
    fn into_node(self, origin: &dyn Fn(u64, u64) -> Origin) -> Node;
}

impl IntoNode for Spanned<Raw> {
    fn into_node(self, origin: &dyn Fn(u64, u64) -> Origin) -> Node {
        let kind = match self.value {
            Raw::Scalar(kind) => kind,
            Raw::List(items) => {
                Kind::List(items.into_iter().map(|item| item.into_node(origin)).collect())
            }
            Raw::Map(entries) => Kind::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| Entry {
                        origin: origin(key.referenced.line(), key.referenced.column()),
                        key: key.value,
                        node: value.into_node(origin),
                    })
                    .collect(),
            ),
        };
        Node { origin: origin(self.referenced.line(), self.referenced.column()), kind }
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Kind::Null))
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Kind::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Scalar(Kind::Bool(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Kind::Unsigned(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        let kind = u64::try_from(value).map_or(Kind::Signed(value), Kind::Unsigned);
        Ok(Raw::Scalar(kind))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Kind::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Scalar(Kind::Text(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Node, ConfigError> {
        Node::parse(text, &|line, column| Origin::File { name: "t".to_owned(), line, column })
    }

    #[test]
    fn every_value_knows_its_line_and_column() {
        let node = parse("a:\n  b: 1e-3\n  c: [x, -2]\n").expect("valid");
        let at = |path: &str| node.locate(path).to_string();
        assert_eq!(at("a.b"), " at t:2:6");
        assert_eq!(at("a.c[1]"), " at t:3:10");
        assert_eq!(at("a.absent"), at("a"));
        let Kind::Map(entries) = &node.kind else { panic!("a map") };
        let Kind::Map(inner) = &entries[0].node.kind else { panic!("a map") };
        assert_eq!(inner[0].node.kind, Kind::Float(1e-3));
        assert_eq!(inner[0].origin.to_string(), " at t:2:3");
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_an_overflow() {
        assert!(matches!(parse(&"[".repeat(100_000)), Err(ConfigError::Syntax(_))));
        assert!(matches!(parse("a: &a [*a]"), Err(ConfigError::Syntax(_))));
    }
}
