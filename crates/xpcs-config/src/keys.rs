//! Every key with its type, default and documentation, read from the types' schema.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};

/// One key of a configuration.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct KeyDoc {
    /// Key path; `<name>` stands for the name of a parameter.
    pub(super) path: String,
    /// Type in words.
    pub(super) kind: String,
    /// Whether it is a group of other keys.
    pub(super) group: bool,
    /// Whether it must be given.
    pub(super) required: bool,
    /// Its default, where it has one.
    pub(super) default: Option<Value>,
    /// A value that shows its form.
    pub(super) example: Option<Value>,
    /// Its doc comment in one paragraph.
    pub(super) about: String,
    /// The words it may take, with their doc comments.
    pub(super) choices: Vec<(String, String)>,
}

/// Schema of a configuration, every type in its place.
pub(super) fn schema<T: JsonSchema>() -> Schema {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<T>()
}

/// Every key in the order of the types; a group stands before its keys.
pub(super) fn key_docs<T: JsonSchema>() -> Vec<KeyDoc> {
    let schema = schema::<T>();
    let mut docs = Vec::new();
    let root = schema.as_object().expect("the schema of a struct is an object");
    walk("", root, &Value::Null, &mut docs);
    docs
}

fn walk(prefix: &str, group: &Map<String, Value>, defaults: &Value, docs: &mut Vec<KeyDoc>) {
    let required = group.get("required").and_then(Value::as_array);
    let properties = group.get("properties").and_then(Value::as_object);
    for (key, property) in properties.into_iter().flatten() {
        let Some(property) = property.as_object() else { continue };
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        let default = property.get("default").or_else(|| defaults.get(key));
        docs.push(KeyDoc {
            kind: kind(property),
            group: group_of(property).is_some(),
            required: required.is_some_and(|keys| keys.iter().any(|name| name == key)),
            default: default.filter(|value| !value.is_null()).cloned(),
            example: property.get("examples").and_then(|examples| examples.get(0)).cloned(),
            about: paragraph(property),
            choices: choices(property),
            path: path.clone(),
        });
        if let Some((suffix, inner)) = group_of(property) {
            walk(&format!("{path}{suffix}"), inner, default.unwrap_or(&Value::Null), docs);
        }
    }
}

/// The keys inside a property: its own, or those of each entry of a map.
fn group_of(property: &Map<String, Value>) -> Option<(&'static str, &Map<String, Value>)> {
    if property.contains_key("properties") {
        return Some(("", property));
    }
    let entry = property.get("additionalProperties")?.as_object()?;
    let keys = |schema: &Value| schema.get("properties").is_some();
    let inner = entry.get("anyOf")?.as_array()?.iter().find(|schema| keys(schema))?;
    Some((".<name>", inner.as_object()?))
}

fn paragraph(schema: &Map<String, Value>) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Words with doc comments, from `oneOf` of constants.
fn choices(schema: &Map<String, Value>) -> Vec<(String, String)> {
    let variants = ["oneOf", "anyOf"].iter().find_map(|key| schema.get(*key)?.as_array());
    variants
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .filter(|variant| variant.contains_key("description"))
        .map(|variant| (kind(variant).replace('`', ""), paragraph(variant)))
        .collect()
}

/// The type of a schema in words.
fn kind(schema: &Map<String, Value>) -> String {
    let list = |key: &str| schema.get(key).and_then(Value::as_array);
    if let Some(word) = schema.get("const") {
        return format!("`{}`", plain(word));
    }
    if let Some(words) = list("enum") {
        let words: Vec<String> =
            words.iter().filter(|w| !w.is_null()).map(|w| format!("`{}`", plain(w))).collect();
        return words.join(", ");
    }
    if let Some(variants) = list("anyOf").or_else(|| list("oneOf")) {
        let kinds: Vec<String> = variants
            .iter()
            .filter_map(Value::as_object)
            .map(kind)
            .filter(|kind| kind != "null")
            .collect();
        return kinds.join(", ");
    }
    match type_name(schema) {
        "number" => "number".to_owned(),
        "integer" => "whole number".to_owned(),
        "boolean" => "`true`, `false`".to_owned(),
        "string" => "text".to_owned(),
        "array" => match schema.get("items").and_then(Value::as_object) {
            Some(item) if schema.contains_key("maxItems") => format!("pair of {}", plural(item)),
            Some(item) => format!("list of {}", plural(item)),
            None => "list".to_owned(),
        },
        "object" => object_kind(schema),
        other => other.to_owned(),
    }
}

/// The type of the items of a list.
fn plural(item: &Map<String, Value>) -> String {
    let kind = kind(item);
    match kind.as_str() {
        "number" | "whole number" | "text" => format!("{kind}s"),
        _ => kind.replacen("pair of", "pairs of", 1),
    }
}

/// A type name other than null.
fn type_name(schema: &Map<String, Value>) -> &str {
    match schema.get("type") {
        Some(Value::String(name)) => name,
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).find(|name| *name != "null").unwrap_or("value")
        }
        _ => "value",
    }
}

fn object_kind(schema: &Map<String, Value>) -> String {
    let keys: Vec<&str> = schema
        .get("properties")
        .and_then(Value::as_object)
        .map(|properties| properties.keys().map(String::as_str).collect())
        .unwrap_or_default();
    match keys.as_slice() {
        [] => "group of names".to_owned(),
        [key] if schema.contains_key("required") => {
            let inner = schema["properties"][*key].as_object();
            format!("`{{{key}: {}}}`", inner.map_or_else(|| "value".to_owned(), kind))
        }
        keys => format!("`{{{}}}`", keys.join(", ")),
    }
}

/// A JSON value as YAML on one line.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => {
            self::number(number.as_f64().expect("a JSON float is an f64"))
        }
        Value::Number(number) => number.to_string(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// A number in its shorter form, with a point or an exponent.
pub(super) fn number(value: f64) -> String {
    if value == 0.0 || (1e-3..1e5).contains(&value.abs()) {
        format!("{value}")
    } else {
        format!("{value:e}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FitConfig, SimConfig};
    use super::*;

    #[test]
    fn every_key_is_documented() {
        for doc in key_docs::<FitConfig>().iter().chain(&key_docs::<SimConfig>()) {
            assert!(!doc.about.is_empty(), "{} has no doc comment", doc.path);
            assert!(!doc.kind.contains("value"), "{}: {}", doc.path, doc.kind);
        }
    }

    #[test]
    fn defaults_and_types_come_from_the_types() {
        let docs = key_docs::<FitConfig>();
        let doc = |path: &str| docs.iter().find(|doc| doc.path == path).expect("a key");
        assert_eq!(doc("fit.f_scale").default, Some(Value::from(0.1)));
        assert_eq!(doc("data.q").kind, "number, list of numbers, `all`");
        assert!(doc("data.file").required && !doc("data.q").required);
        assert_eq!(doc("fit.loss").choices.len(), 5);
        assert!(doc("parameters.<name>.start").about.starts_with("Starting value"));
    }
}
