//! From files, texts and overrides to checked configurations.

use std::path::Path;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::decode::{Cause, DecodeError};
use super::document::{Kind, Node};
use super::error::{ConfigError, Fault, Origin};
use super::keys::{KeyDoc, key_docs};
use super::nearest::{choices, elsewhere, nearest};
use super::overrides::Override;
use super::parameters::parameter_table;
use super::simulate::SimConfig;
use super::{FitConfig, check::Check};

macro_rules! loaders {
    ($config:ty) => {
        impl $config {
            /// Reads, merges and checks a YAML file; overrides win over the file, later ones
            /// over earlier ones.
            ///
            /// # Errors
            ///
            /// Any [`ConfigError`]; its message names the key, and file, line and column or the
            /// override.
            pub fn load(path: &Path, overrides: &[Override]) -> Result<Self, ConfigError> {
                let name = path.display().to_string();
                Self::from_yaml(&read(path, &name)?, &name, overrides)
            }

            /// Like `load`, from a text; `origin_name` stands for the file in messages.
            ///
            /// # Errors
            ///
            /// As `load`.
            pub fn from_yaml(
                text: &str,
                origin_name: &str,
                overrides: &[Override],
            ) -> Result<Self, ConfigError> {
                resolve(parse(text, origin_name)?, overrides)
            }

            /// Builds a configuration without a file.
            ///
            /// # Errors
            ///
            /// As `load`; places are named by the override.
            pub fn from_overrides(overrides: &[Override]) -> Result<Self, ConfigError> {
                resolve(Node::empty(), overrides)
            }

            /// Checks every value and the agreement between them.
            ///
            /// # Errors
            ///
            /// [`ConfigError::Value`] or [`ConfigError::UnknownKey`] for the first fault.
            pub fn check(&self) -> Result<(), ConfigError> {
                Check::check(self)
            }
        }
    };
}

loaders!(FitConfig);
loaders!(SimConfig);

fn read(path: &Path, name: &str) -> Result<String, ConfigError> {
    let bytes = std::fs::read(path).map_err(|error| ConfigError::File {
        file: name.to_owned(),
        reason: match error.kind() {
            std::io::ErrorKind::NotFound => "no such file".to_owned(),
            std::io::ErrorKind::IsADirectory => "a folder".to_owned(),
            _ => error.to_string(),
        },
        remedy: "check the path and its permissions, or begin from `dyne config new`".to_owned(),
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let text = String::from_utf8_lossy(valid);
        let line = text.matches('\n').count() as u64 + 1;
        let column = text.rsplit('\n').next().unwrap_or_default().chars().count() as u64 + 1;
        let byte = error.as_bytes()[valid.len()];
        let fault = Fault::new("", format!("the byte 0x{byte:02x}"))
            .expected("text in UTF-8")
            .remedy("save the file as UTF-8 text")
            .at(Origin::File { name: name.to_owned(), line, column });
        ConfigError::Syntax(Box::new(fault))
    })
}

fn parse(text: &str, name: &str) -> Result<Node, ConfigError> {
    let origin = |line, column| Origin::File { name: name.to_owned(), line, column };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let node = Node::parse(text, &origin)?;
    match node.kind {
        Kind::Map(_) => Ok(node),
        Kind::Null => Err(no_group("nothing", origin(1, 1))),
        Kind::List(_) => Err(no_group("a list", node.origin)),
        _ => Err(no_group("a single value", node.origin)),
    }
}

fn no_group(found: &str, origin: Origin) -> ConfigError {
    let fault = Fault::new("", found)
        .expected("a group of keys such as `mode: static`")
        .remedy("begin from `dyne config new`, which writes a commented template")
        .at(origin);
    ConfigError::Syntax(Box::new(fault))
}

fn resolve<T: DeserializeOwned + JsonSchema + Check>(
    mut root: Node,
    overrides: &[Override],
) -> Result<T, ConfigError> {
    for value in overrides {
        value.apply(&mut root)?;
    }
    let config = T::deserialize(&root).map_err(|error| located::<T>(error, &root))?;
    config.check().map_err(|error| {
        error.with_origin(|path| root.locate_key(path), |path| root.locate(path))
    })?;
    Ok(config)
}

fn located<T: JsonSchema>(error: DecodeError, root: &Node) -> ConfigError {
    let path = error.path();
    let origin = error.origin.clone().unwrap_or_else(|| root.origin.clone());
    match error.cause {
        Cause::UnknownKey { key, expected } => {
            let fault = Fault::new(&path, format!("`{key}`"))
                .expected(choices(expected))
                .remedy(unknown_key::<T>(&key, &path, expected));
            ConfigError::UnknownKey(Box::new(fault.at(origin)))
        }
        Cause::UnknownChoice { word, expected } => {
            let fault = Fault::new(&path, format!("`{word}`")).expected(choices(expected));
            let known = elsewhere(&word).filter(|name| expected.contains(name));
            let remedy = known
                .or_else(|| nearest(&word, expected.iter().copied()))
                .map_or_else(|| explained(&path), |word| format!("write `{word}`?"));
            ConfigError::UnknownChoice(Box::new(fault.remedy(remedy).at(origin)))
        }
        Cause::Missing { key } => missing::<T>(&path, key, origin),
        Cause::Type { found, expected } => {
            let fault = Fault::new(&path, found).expected(expected).remedy(explained(&path));
            ConfigError::Type(Box::new(fault.at(origin)))
        }
    }
}

fn explained(path: &str) -> String {
    let key = path.split('[').next().unwrap_or_default();
    format!("correct the value; `dyne config explain {key}` tells what the key takes")
}

/// Of a missing group the first key that must be given is named.
fn missing<T: JsonSchema>(path: &str, key: &str, origin: Origin) -> ConfigError {
    let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    let docs = key_docs::<T>();
    let inside = format!("{path}.");
    let found = docs
        .iter()
        .find(|doc| doc.required && doc.path.starts_with(&inside))
        .or_else(|| docs.iter().find(|doc| doc.path == path));
    let path = found.map_or(path, |doc| doc.path.clone());
    let expected = found.map_or_else(|| "a value".to_owned(), |doc| doc.kind.clone());
    let about = found.map_or("", |doc| doc.about.as_str());
    let fault = Fault::new(&path, "nothing")
        .expected(expected)
        .remedy(format!("give `{path}`: {}", about.trim_end_matches('.')));
    ConfigError::MissingKey(Box::new(fault.at(origin)))
}

/// Where the key may have been meant to stand: the nearest in this group, the same key in
/// another group, or a parameter's name outside its group.
fn unknown_key<T: JsonSchema>(key: &str, path: &str, expected: &[&str]) -> String {
    let docs: Vec<KeyDoc> = key_docs::<T>();
    let ends = |doc: &&KeyDoc| doc.path.rsplit('.').next() == Some(key);
    if let Some(doc) = docs.iter().find(ends) {
        return format!("`{key}` belongs to another group: write it as `{}`", doc.path);
    }
    if parameter_table().any(|spec| spec.name == key) {
        return format!("`{key}` is a parameter: write it as `parameters.{key}`");
    }
    match nearest(key, expected.iter().copied()) {
        Some(word) => format!("write `{word}`?"),
        None => format!("delete `{path}`, or choose one of the keys named above"),
    }
}
