//! Overrides: single values set from outside the file.

use super::document::{Entry, Kind, Node};
use super::error::{ConfigError, Fault, Origin};

/// A value for one key, given outside the file; it replaces what the file says.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    path: Vec<String>,
    value: Node,
}

impl Override {
    /// Parses `a.b=c`: a key path and a YAML value, e.g. `fit.loss=huber`,
    /// `data.phi=[[-10, 10]]` or `parameters.D0.max=1e5`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Override`] without a `=` or with an empty segment of the path;
    /// [`ConfigError::Syntax`] where the value is not YAML.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let origin = Origin::Override(text.to_owned());
        let Some((key, value)) = text.split_once('=') else {
            return Err(malformed(text, "no `=`"));
        };
        let path = split(key).ok_or_else(|| malformed(text, "an empty word in the key path"))?;
        let value = Node::parse(value, &|_, _| origin.clone())?;
        Ok(Self { path, value })
    }

    /// A text taken literally, for values that YAML would read otherwise, such as file names.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Override`] where `key` has an empty segment.
    pub fn text(key: &str, value: &str) -> Result<Self, ConfigError> {
        let text = format!("{key}={value}");
        let path = split(key).ok_or_else(|| malformed(&text, "an empty word in the key path"))?;
        let kind = Kind::Text(value.to_owned());
        Ok(Self { path, value: Node { origin: Origin::Override(text), kind } })
    }

    /// Puts the value into the tree, with the groups on the way to it.
    pub(super) fn apply(&self, root: &mut Node) -> Result<(), ConfigError> {
        let origin = &self.value.origin;
        let (last, groups) = self.path.split_last().expect("a key path has at least one word");
        let mut node = root;
        for (depth, segment) in groups.iter().enumerate() {
            let entries = self.entries(node, depth)?;
            node = &mut entry(entries, segment, origin).node;
        }
        let entries = self.entries(node, groups.len())?;
        let entry = entry(entries, last, origin);
        entry.origin = origin.clone();
        entry.node = self.value.clone();
        Ok(())
    }

    /// Entries of the group that the first `depth` words lead to. A bare number under
    /// `parameters` is a group with `start` alone.
    fn entries<'a>(
        &self,
        node: &'a mut Node,
        depth: usize,
    ) -> Result<&'a mut Vec<Entry>, ConfigError> {
        let number = matches!(node.kind, Kind::Unsigned(_) | Kind::Signed(_) | Kind::Float(_));
        if matches!(node.kind, Kind::Null) {
            node.kind = Kind::Map(Vec::new());
        } else if number && depth == 2 && self.path[0] == "parameters" {
            let start = node.clone();
            let key = "start".to_owned();
            node.kind = Kind::Map(vec![Entry { key, origin: start.origin.clone(), node: start }]);
        }
        let place = node.origin.clone();
        match &mut node.kind {
            Kind::Map(entries) => Ok(entries),
            _ => Err(self.blocked(&place, depth)),
        }
    }

    fn blocked(&self, place: &Origin, depth: usize) -> ConfigError {
        let group = self.path[..depth].join(".");
        let fault = Fault::new(self.path.join("."), format!("a value{place} at `{group}`"))
            .expected(format!("`{group}` to be a group of keys"))
            .remedy(format!("override `{group}` itself, or shorten the key path"))
            .at(self.value.origin.clone());
        ConfigError::Override(Box::new(fault))
    }
}

/// The entry of a key, made where absent.
fn entry<'a>(entries: &'a mut Vec<Entry>, key: &str, origin: &Origin) -> &'a mut Entry {
    let index = entries.iter().position(|entry| entry.key == key).unwrap_or_else(|| {
        let node = Node { origin: origin.clone(), kind: Kind::Null };
        entries.push(Entry { key: key.to_owned(), origin: origin.clone(), node });
        entries.len() - 1
    });
    &mut entries[index]
}

fn split(key: &str) -> Option<Vec<String>> {
    let path: Vec<String> = key.split('.').map(|word| word.trim().to_owned()).collect();
    path.iter().all(|word| !word.is_empty()).then_some(path)
}

fn malformed(text: &str, found: &str) -> ConfigError {
    let fault = Fault::new("", found)
        .expected("`key.path=value`")
        .remedy("write for example fit.loss=huber or parameters.D0.max=1e5")
        .at(Origin::Override(text.to_owned()));
    ConfigError::Override(Box::new(fault))
}
