//! The JSON schema and the reference page.

use std::fmt::Write;

use schemars::JsonSchema;
use serde_json::{Value, json};

use super::FitConfig;
use super::keys::{KeyDoc, key_docs, number, plain, schema};
use super::parameters::parameter_table;
use super::simulate::SimConfig;

/// JSON schema (draft 2020-12) of `fit.yaml`.
#[must_use]
pub fn fit_schema() -> Value {
    schema::<FitConfig>().to_value()
}

/// JSON schema (draft 2020-12) of `sim.yaml`.
#[must_use]
pub fn simulation_schema() -> Value {
    schema::<SimConfig>().to_value()
}

/// Both schemas: `{"$defs": {"fit": …, "simulate": …}}`, and valid for either file.
#[must_use]
pub fn json_schema() -> Value {
    let [mut fit, mut simulate] = [fit_schema(), simulation_schema()];
    for schema in [&mut fit, &mut simulate] {
        if let Some(schema) = schema.as_object_mut() {
            schema.remove("$schema");
        }
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Dyne configuration",
        "anyOf": [{"$ref": "#/$defs/fit"}, {"$ref": "#/$defs/simulate"}],
        "$defs": {"fit": fit, "simulate": simulate},
    })
}

/// The reference page: every key of both files with type, default, unit and meaning, and the
/// table of parameters. `docs/config.md` holds it.
#[must_use]
pub fn reference_markdown() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         Generated from the documentation of the types by\n\
         `cargo run -p dyne-xpcs-config --example config_reference`; edit the doc comments there.\n\n\
         `dyne config new` writes a commented file to begin from, `dyne config check FILE` checks\n\
         one, `dyne config explain KEY` explains one key. A command-line override `a.b=c` sets a\n\
         single key and wins over the file.\n\n",
    );
    section::<FitConfig>(&mut page, "`fit.yaml`");
    section::<SimConfig>(&mut page, "`sim.yaml`");
    parameter_section(&mut page);
    page
}

fn section<T: JsonSchema>(page: &mut String, title: &str) {
    let docs = key_docs::<T>();
    let _ = writeln!(page, "## {title}\n\n| key | type | default | meaning |\n|---|---|---|---|");
    for doc in &docs {
        let _ = writeln!(page, "{}", row(doc));
    }
    let chosen = docs.iter().filter(|doc| !doc.choices.is_empty());
    for doc in chosen {
        let _ = writeln!(page, "\n`{}` takes one of:\n", doc.path);
        for (word, about) in &doc.choices {
            let _ = writeln!(page, "* `{word}`: {about}");
        }
    }
    page.push('\n');
}

fn row(doc: &KeyDoc) -> String {
    let KeyDoc { path, about, .. } = doc;
    if doc.group {
        return format!("| **`{path}`** | group | | {about} |");
    }
    let default = match (&doc.default, doc.required) {
        (Some(value), _) => format!("`{}`", plain(value)),
        (None, true) => "required".to_owned(),
        (None, false) => "–".to_owned(),
    };
    format!("| `{path}` | {} | {default} | {about} |", doc.kind)
}

fn parameter_section(page: &mut String) {
    page.push_str(
        "## Parameters\n\n\
         | name | symbol | unit | default | bounds | meaning |\n|---|---|---|---|---|---|\n",
    );
    for spec in parameter_table() {
        let [default, lower, upper] = [spec.default, spec.lower, spec.upper].map(number);
        let (name, symbol, unit, about) = (spec.name, spec.symbol, spec.unit, spec.about);
        let scale = if super::parameters::is_logarithmic(spec) { ", log scale" } else { "" };
        let _ = writeln!(
            page,
            "| `{name}` | {symbol} | {unit} | {default} | {lower} … {upper}{scale} | {about} |"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_rejects_unknown_keys_and_knows_the_words() {
        let schema = fit_schema();
        assert_eq!(schema["additionalProperties"], json!(false));
        assert_eq!(schema["properties"]["fit"]["additionalProperties"], json!(false));
        assert_eq!(schema["required"], json!(["mode", "data"]));
        let names = &schema["properties"]["parameters"]["propertyNames"]["enum"];
        assert!(names.as_array().is_some_and(|names| names.contains(&json!("gamma_dot_t0"))));
        assert!(json_schema()["$defs"]["simulate"]["properties"]["noise"].is_object());
    }
}
