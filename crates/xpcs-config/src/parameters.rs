//! The group `parameters`: starting values, bounds, fixed and tied parameters.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use dyne_xpcs_model::param::{CONTRAST, OFFSET, Q_EXPONENT};
use dyne_xpcs_model::{Mode, ParameterSpec, Prior, Scale};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What is said about each parameter, by its name.
pub type Parameters = BTreeMap<String, ParameterConfig>;

/// What is said about one parameter; a bare number is shorthand for `start`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ParameterConfig {
    /// Starting value, in the parameter's unit; with one for every free parameter the search is
    /// skipped, otherwise it is one start more, with the others at their default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<f64>,
    /// Lower bound, in the parameter's unit; positive for a parameter on a logarithmic scale. Where left out
    /// that of the table; for prefactors and constant parts of transport, shear and velocity lower where q,
    /// frame time and length of the series see slower.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Upper bound, in the parameter's unit. Where left out that of the table; for prefactors and constant
    /// parts of transport, shear and velocity higher where q and frame time see faster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Value it is held at, in the parameter's unit; a `start` beside it has no effect. For
    /// `contrast` and `offset` also a list with one number for each bin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed: Option<PerBin>,
    /// Parameter it equals: a name, or `{to: NAME, factor: number}` for a multiple of it.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "tie")]
    #[schemars(schema_with = "tie_schema")]
    pub tied: Option<Tie>,
    /// Prior distribution under which it is sampled, cut off at the bounds: `uniform`, `log_uniform`,
    /// `{normal: {mean, sd}}`, `{truncated_normal: {mean, sd, low, high}}`,
    /// `{log_normal: {median, decades}}`, `{half_normal: {sd}}`, `{exponential: {mean}}` or
    /// `{scaled_beta: {a, b}}`; that of the table of parameters where left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "prior_schema", example = &"log_uniform")]
    pub prior: Option<Prior>,
}

impl ParameterConfig {
    /// Lower bound: the one given here, or that of the table.
    #[must_use]
    pub fn lower(&self, spec: &ParameterSpec) -> f64 {
        self.min.unwrap_or(spec.lower)
    }

    /// Upper bound: the one given here, or that of the table.
    #[must_use]
    pub fn upper(&self, spec: &ParameterSpec) -> f64 {
        self.max.unwrap_or(spec.upper)
    }

    /// Prior: the one given here, or that of the table.
    #[must_use]
    pub fn prior(&self, spec: &ParameterSpec) -> Prior {
        self.prior.unwrap_or(spec.prior)
    }

    /// Value it is held at, for a physical parameter.
    #[must_use]
    pub fn fixed_value(&self) -> Option<f64> {
        match &self.fixed {
            Some(PerBin::One(value)) => Some(*value),
            _ => None,
        }
    }
}

/// A parameter equals a multiple of another one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tie {
    /// Name of the other parameter.
    pub to: String,
    /// Multiple of it; 1 where left out.
    #[serde(default = "Tie::same")]
    pub factor: f64,
}

impl Tie {
    fn same() -> f64 {
        1.0
    }
}

/// One number for all bins, or one for each.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum PerBin {
    /// The same for all.
    One(f64),
    /// One for each, in the order of the bins.
    Each(Vec<f64>),
}

impl PerBin {
    /// The numbers, without regard to whom they belong.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Each(values) => values,
        }
    }
}

/// Looks a parameter up by its name; `contrast` and `offset` included.
#[must_use]
pub fn parameter_spec(name: &str) -> Option<&'static ParameterSpec> {
    parameter_table().find(|spec| spec.name == name)
}

/// Every parameter of every mode, each name once as the first mode that has it means it, then the
/// exponent of q, `contrast` and `offset`.
pub(super) fn parameter_table() -> impl Iterator<Item = &'static ParameterSpec> {
    let mut table: Vec<&'static ParameterSpec> = Vec::new();
    for spec in Mode::ALL.iter().flat_map(|mode| mode.parameters()) {
        if table.iter().all(|known| known.name != spec.name) {
            table.push(spec);
        }
    }
    table.into_iter().chain([&Q_EXPONENT, &CONTRAST, &OFFSET])
}

/// Whether the optimiser works on the logarithm of the parameter.
pub(super) fn is_logarithmic(spec: &ParameterSpec) -> bool {
    spec.scale == Scale::Log
}

/// Reads the group, each entry either a number or a group of keys.
pub(super) fn parameters<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Parameters, D::Error> {
    struct Group;
    impl<'de> Visitor<'de> for Group {
        type Value = Parameters;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a group of parameter names")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parameters, A::Error> {
            let mut parameters = Parameters::new();
            while let Some(name) = map.next_key::<String>()? {
                parameters.insert(name, map.next_value_seed(StartOrKeys)?);
            }
            Ok(parameters)
        }
    }
    deserializer.deserialize_map(Group)
}

/// A bare number, or the keys of [`ParameterConfig`].
struct StartOrKeys;

impl<'de> DeserializeSeed<'de> for StartOrKeys {
    type Value = ParameterConfig;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StartOrKeys {
    type Value = ParameterConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a starting value or {start, min, max, fixed, tied, prior}")
    }

    fn visit_f64<E>(self, value: f64) -> Result<ParameterConfig, E> {
        Ok(ParameterConfig { start: Some(value), ..ParameterConfig::default() })
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<ParameterConfig, E> {
        self.visit_f64(value as f64)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<ParameterConfig, E> {
        self.visit_f64(value as f64)
    }

    fn visit_unit<E>(self) -> Result<ParameterConfig, E> {
        Ok(ParameterConfig::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ParameterConfig, A::Error> {
        ParameterConfig::deserialize(MapAccessDeserializer::new(map))
    }
}

fn tie<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Tie>, D::Error> {
    struct NameOrKeys;
    impl<'de> Visitor<'de> for NameOrKeys {
        type Value = Option<Tie>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a parameter name or {to, factor}")
        }

        fn visit_unit<E>(self) -> Result<Option<Tie>, E> {
            Ok(None)
        }

        fn visit_str<E>(self, name: &str) -> Result<Option<Tie>, E> {
            Ok(Some(Tie { to: name.to_owned(), factor: Tie::same() }))
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<Tie>, A::Error> {
            Tie::deserialize(MapAccessDeserializer::new(map)).map(Some)
        }
    }
    deserializer.deserialize_any(NameOrKeys)
}

impl<'de> Deserialize<'de> for PerBin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrList;
        impl<'de> Visitor<'de> for NumberOrList {
            type Value = PerBin;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a list of numbers")
            }

            fn visit_f64<E>(self, value: f64) -> Result<PerBin, E> {
                Ok(PerBin::One(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<PerBin, E> {
                Ok(PerBin::One(value as f64))
            }

            fn visit_i64<E>(self, value: i64) -> Result<PerBin, E> {
                Ok(PerBin::One(value as f64))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<PerBin, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = seq.next_element()? {
                    values.push(value);
                }
                Ok(PerBin::Each(values))
            }
        }
        deserializer.deserialize_any(NumberOrList)
    }
}

impl JsonSchema for PerBin {
    fn schema_name() -> Cow<'static, str> {
        "PerBin".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"type": "number"},
            {"type": "array", "items": {"type": "number"}},
        ]})
    }
}

/// Schema of one of some words, each with what it means.
pub(super) fn words<const N: usize>(words: [(&str, &str); N]) -> Schema {
    let variants = words
        .map(|(word, about)| json_schema!({"type": "string", "const": word, "description": about}));
    json_schema!({"oneOf": variants.to_vec()})
}

/// Schema of the key `mode`.
pub(super) fn mode_schema(_: &mut SchemaGenerator) -> Schema {
    words(Mode::ALL.map(|mode| (mode.name(), mode.about())))
}

fn prior_schema(_: &mut SchemaGenerator) -> Schema {
    let form = |(name, numbers): &(&str, &[&str])| match numbers.is_empty() {
        true => json_schema!({"const": name}),
        false => {
            let number = |name: &&str| ((*name).to_owned(), json!({"type": "number"}));
            let properties: serde_json::Map<_, _> = numbers.iter().map(number).collect();
            json_schema!({
                "type": "object",
                "properties": {*name: {
                    "type": "object",
                    "properties": properties,
                    "required": numbers,
                    "additionalProperties": false,
                }},
                "required": [name],
                "additionalProperties": false,
            })
        }
    };
    json_schema!({"anyOf": Prior::forms().iter().map(form).collect::<Vec<_>>()})
}

fn tie_schema(_: &mut SchemaGenerator) -> Schema {
    let linear = [CONTRAST.name, OFFSET.name];
    let physical = parameter_table().filter(|spec| !linear.contains(&spec.name));
    let names: Vec<&str> = physical.map(|spec| spec.name).collect();
    json_schema!({"anyOf": [
        {"enum": names},
        {
            "type": "object",
            "properties": {"to": {"enum": names}, "factor": {"type": "number", "default": 1.0}},
            "required": ["to"],
            "additionalProperties": false,
        },
    ]})
}

/// Schema of the group `parameters` of a fit.
pub(super) fn fit_parameters_schema(generator: &mut SchemaGenerator) -> Schema {
    let keys = ParameterConfig::json_schema(generator);
    parameters_schema(json_schema!({"anyOf": [{"type": "number"}, keys]}))
}

/// Schema of the group `parameters` of a simulation.
pub(super) fn simulation_parameters_schema(_: &mut SchemaGenerator) -> Schema {
    parameters_schema(json_schema!({"type": "number"}))
}

fn parameters_schema(value: Schema) -> Schema {
    let names: Vec<&str> = parameter_table().map(|spec| spec.name).collect();
    json_schema!({
        "type": "object",
        "propertyNames": {"enum": names},
        "additionalProperties": value,
    })
}

/// Whether the bounds of a parameter follow from the data where none are given.
pub fn follows_data(spec: &ParameterSpec) -> bool {
    const NAMES: [&str; 10] = [
        "D0",
        "D0_ref",
        "D0_sample",
        "D_offset",
        "D_offset_ref",
        "D_offset_sample",
        "gamma_dot_t0",
        "gamma_dot_t_offset",
        "v0",
        "v_offset",
    ];
    NAMES.contains(&spec.name)
}
