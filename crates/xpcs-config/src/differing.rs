//! What of a configuration differs from the defaults.

use serde_json::{Map, Value};

use super::FitConfig;

/// Groups of a configuration that say how a run is made and not what is fitted.
const OF_THE_RUN: [&str; 1] = ["checkpoint"];

/// The keys of a configuration, as a report holds it under `provenance.plan`, that differ from the
/// defaults, as YAML; model and data file are among them always.
///
/// Leaves are written as JSON, which is YAML too and keeps every bit of a number. **Edges.** Something
/// that is no configuration is returned whole. **Checked by** `only_what_differs_is_written` and the
/// round trip in `apps/dyne/tests/it/record.rs`.
pub fn differing_settings(plan: &Value) -> String {
    let mut out = String::new();
    let shown = match serde_json::from_value::<FitConfig>(plan.clone()) {
        Ok(_) => difference(plan, &defaults(&plan["mode"])).unwrap_or_default(),
        Err(_) => plan.as_object().cloned().unwrap_or_default(),
    };
    write(&mut out, &shown, 0);
    out
}

/// The defaults as JSON, without what has none.
fn defaults(mode: &Value) -> Value {
    let plain = serde_json::json!({ "mode": mode, "data": { "file": "" } });
    let plain = serde_json::from_value::<FitConfig>(plain).ok();
    let mut value = plain.and_then(|c| serde_json::to_value(c).ok()).unwrap_or_default();
    if let Some(top) = value.as_object_mut() {
        top.remove("mode");
        if let Some(data) = top.get_mut("data").and_then(Value::as_object_mut) {
            data.remove("file");
        }
    }
    value
}

/// The entries of `plan` that are not those of `default`; nothing where there are none.
fn difference(plan: &Value, default: &Value) -> Option<Map<String, Value>> {
    let mut out = Map::new();
    for (key, value) in plan.as_object()? {
        match (value, default.get(key)) {
            (_, Some(usual)) if usual == value => {}
            (Value::Object(_), Some(usual @ Value::Object(_))) => {
                let inner = difference(value, usual);
                out.extend(inner.map(|inner| (key.clone(), Value::Object(inner))));
            }
            (Value::Null, None) => {}
            _ => {
                out.insert(key.clone(), value.clone());
            }
        }
    }
    (!out.is_empty()).then_some(out)
}

/// Writes groups as indented lines and everything else as JSON.
fn write(out: &mut String, group: &Map<String, Value>, depth: usize) {
    for (key, value) in group {
        if depth == 0 && OF_THE_RUN.contains(&key.as_str()) {
            continue;
        }
        let indent = "  ".repeat(depth);
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                out.push_str(&format!("{indent}{key}:\n"));
                write(out, inner, depth + 1);
            }
            Value::String(text) if is_plain(text) => {
                out.push_str(&format!("{indent}{key}: {text}\n"));
            }
            other => out.push_str(&format!("{indent}{key}: {other}\n")),
        }
    }
}

/// Whether YAML reads the bare word as this text.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let ordinary = |c: char| c.is_ascii_alphanumeric() || "_./-".contains(c);
    let special = WORDS.contains(&text.to_ascii_lowercase().as_str());
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(ordinary) && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_written() {
        let text = "{mode: static, data: {file: a b.hdf, q: 0.005}, fit: {loss: huber}, \
                    parameters: {D0: {max: 1e5}}, checkpoint: {dir: x}}";
        let config = FitConfig::from_yaml(text, "test", &[]).unwrap();
        let yaml = differing_settings(&serde_json::to_value(&config).unwrap());
        for told in
            ["mode: static\n", "data:\n  file: \"a b.hdf\"\n  q: 0.005\n", "fit:\n  loss: huber\n"]
        {
            assert!(yaml.contains(told), "{yaml}");
        }
        assert!(yaml.contains("parameters:\n  D0:\n    max: 100000.0\n"), "{yaml}");
        assert_eq!(yaml.lines().count(), 9, "{yaml}");
        let mut again = FitConfig::from_yaml(&yaml, "again", &[]).unwrap();
        again.checkpoint = config.checkpoint.clone();
        assert_eq!(again, config);
    }
}
