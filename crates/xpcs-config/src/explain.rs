//! What a key or a parameter means.

use std::fmt::Write;

use dyne_xpcs_model::{ParameterSpec, Prior, Scale};

use super::FitConfig;
use super::error::{ConfigError, Fault};
use super::keys::{KeyDoc, key_docs, number, plain};
use super::nearest::nearest;
use super::parameters::{parameter_spec, parameter_table};
use super::simulate::SimConfig;

/// Explains a key path of a fit or a simulation (`fit.loss`), or a parameter (`D0`): type,
/// default and meaning, or the row of the parameter table.
///
/// # Errors
///
/// [`ConfigError::UnknownKey`], naming the nearest key or parameter.
pub fn explain(key: &str) -> Result<String, ConfigError> {
    if let Some(spec) = parameter_spec(key.strip_prefix("parameters.").unwrap_or(key)) {
        return Ok(explain_parameter(spec));
    }
    let mut docs = key_docs::<FitConfig>();
    docs.extend(key_docs::<SimConfig>());
    let general = general_path(key);
    match docs.iter().find(|doc| doc.path == general) {
        Some(doc) => Ok(explain_key(doc, &docs)),
        None => Err(unknown(key, &docs)),
    }
}

/// `parameters.D0.start` is documented as `parameters.<name>.start`.
fn general_path(key: &str) -> String {
    let words: Vec<&str> = key.split('.').collect();
    match words.as_slice() {
        ["parameters", name, rest] if parameter_spec(name).is_some() => {
            format!("parameters.<name>.{rest}")
        }
        _ => key.to_owned(),
    }
}

fn explain_key(doc: &KeyDoc, docs: &[KeyDoc]) -> String {
    let mut text = format!("{}\n\n{}\n\n", doc.path, doc.about);
    if doc.group {
        let prefix = format!("{}.", doc.path);
        text.push_str("keys:\n");
        for inner in docs.iter().filter(|inner| inner.path.starts_with(&prefix)) {
            let _ = writeln!(text, "  {}", inner.path);
        }
        return text;
    }
    let _ = writeln!(text, "type: {}", doc.kind);
    for (word, about) in &doc.choices {
        let _ = writeln!(text, "  {word}: {about}");
    }
    let default = doc.default.as_ref().map(plain);
    let absent = if doc.required { "none: must be given" } else { "none: may be left out" };
    let _ = writeln!(text, "default: {}", default.as_deref().unwrap_or(absent));
    if let Some(example) = &doc.example {
        let _ = writeln!(text, "example: {}", plain(example));
    }
    text
}

/// A prior in words.
pub fn prior_words(prior: Prior) -> String {
    let (form, numbers) = prior.numbers();
    let numbers = numbers.iter().map(|(name, x)| format!(", {name} {}", number(*x)));
    format!("{}{}", form.replace('_', "-"), numbers.collect::<String>())
}

fn explain_parameter(spec: &ParameterSpec) -> String {
    let scale = match spec.scale {
        Scale::Linear => "linear",
        Scale::Log => "logarithmic",
    };
    let prior = prior_words(spec.prior);
    let ParameterSpec { name, symbol, unit, about, .. } = spec;
    let [default, lower, upper] = [spec.default, spec.lower, spec.upper].map(number);
    format!(
        "{name}\n\n{about}\n\nsymbol: {symbol}\nunit: {unit}\ndefault: {default}\n\
         bounds: {lower} to {upper}\nscale: {scale}\nprior: {prior}, cut off at the bounds\n"
    )
}

fn unknown(key: &str, docs: &[KeyDoc]) -> ConfigError {
    let paths = docs.iter().map(|doc| doc.path.as_str());
    let leaf = docs.iter().find(|doc| doc.path.rsplit('.').next() == Some(key));
    let near = leaf
        .map(|doc| doc.path.as_str())
        .or_else(|| nearest(key, paths.chain(parameter_table().map(|spec| spec.name))));
    let remedy = near.map_or_else(
        || "look the key up in the reference page, docs/config.md".to_owned(),
        |near| format!("ask for `{near}`?"),
    );
    let fault = Fault::new(key, format!("`{key}`"))
        .expected("a key path such as `fit.loss`, or a parameter such as `D0`")
        .remedy(remedy);
    ConfigError::UnknownKey(Box::new(fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_parameters_are_explained() {
        let loss = explain("fit.loss").expect("a key");
        assert!(loss.contains("soft_l1: ρ = 2(√(1 + z) − 1)."), "{loss}");
        assert!(loss.contains("default: linear"), "{loss}");
        let d0 = explain("parameters.D0").expect("a parameter");
        assert_eq!(d0, explain("D0").expect("a parameter"));
        assert!(d0.contains("unit: Å²/s^(1+α)") && d0.contains("scale: logarithmic"), "{d0}");
        assert!(explain("parameters.beta.fixed").expect("a key").contains("held at"));
        assert!(explain("noise.kind").expect("a key").contains("speckle"));
        assert!(explain("data").expect("a group").contains("data.q_tolerance"));
    }

    #[test]
    fn unknown_keys_name_the_nearest() {
        let message = |key: &str| explain(key).expect_err("unknown").to_string();
        assert!(message("fit.los").contains("`fit.loss`"));
        assert!(message("loss").contains("`fit.loss`"));
        assert!(message("D_ofset").contains("`D_offset`"));
        assert!(message("temperature_of_the_moon").contains("docs/config.md"));
    }
}
