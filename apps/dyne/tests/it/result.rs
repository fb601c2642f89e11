//! The stable part of `result.json`, and the arrays of `result.npz`.

use std::fs::File;
use std::io::BufReader;

use npyz::npz::NpzArchive;
use serde_json::Value;

use crate::command::Folder;

/// What stands at a key.
enum Kind {
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    Number,
    NumberOrNull,
    Count,
    Truth,
    /// `null` or one of these words.
    WordOrNull(&'static [&'static str]),
    Object,
    List,
}

use Kind::{Count, List, Number, NumberOrNull, Object, Text, Truth, Word, WordOrNull};

const TOP: [(&str, Kind); 15] = [
    ("/schema", Word(&["dyne-result/1"])),
    ("/status", Word(&["converged", "not_converged", "interrupted"])),
    ("/termination", Text),
    ("/mode", Word(&["static", "laminar_flow"])),
    ("/convention", Object),
    ("/parameters", Object),
    ("/scaling", List),
    ("/covariance/names", List),
    ("/covariance/matrix", List),
    ("/covariance/method", Text),
    ("/warnings", List),
    ("/peak_rss_bytes", Count),
    ("/work/sweeps", List),
    ("/work/last_blocks", List),
    ("/work/phases", List),
];

const NUMBERS: [(&str, Kind); 13] = [
    ("/cost/ssr", Number),
    ("/cost/sigma", Number),
    ("/cost/n_pairs", Count),
    ("/cost/n_parameters", Count),
    ("/counters/full_sweeps", Count),
    ("/counters/coarse_sweeps", Count),
    ("/counters/starts", Count),
    ("/counters/refused_steps", Count),
    ("/counters/non_finite_steps", Count),
    ("/timings/read_s", Number),
    ("/timings/fit_s", Number),
    ("/timings/report_s", Number),
    ("/timings/wall_time_seconds", Number),
];

const PROVENANCE: [(&str, Kind); 10] = [
    ("/provenance/version", Text),
    ("/provenance/git_revision", Text),
    ("/provenance/file", Text),
    ("/provenance/file_hash", Text),
    ("/provenance/dt_s", Number),
    ("/provenance/dt_source", Text),
    ("/provenance/host_cores", Count),
    ("/provenance/simd", Text),
    ("/provenance/threads", Count),
    ("/provenance/plan", Object),
];

const PARAMETER: [(&str, Kind); 5] = [
    ("/value", Number),
    ("/stderr", NumberOrNull),
    ("/unit", Text),
    ("/free", Truth),
    ("/at_bound", WordOrNull(&["lower", "upper"])),
];

const SCALING: [(&str, Kind); 6] = [
    ("/phi_deg", Number),
    ("/q", Number),
    ("/contrast", Number),
    ("/contrast_stderr", NumberOrNull),
    ("/offset", Number),
    ("/offset_stderr", NumberOrNull),
];

const WARNING: [(&str, Kind); 2] = [("/code", Text), ("/message", Text)];

impl Kind {
    fn fits(&self, value: &Value) -> bool {
        let among = |words: &[&str]| value.as_str().is_some_and(|v| words.contains(&v));
        match self {
            Text => value.as_str().is_some_and(|text| !text.is_empty()),
            Word(words) => among(words),
            Number => value.is_number(),
            NumberOrNull => value.is_number() || value.is_null(),
            Count => value.is_u64(),
            Truth => value.is_boolean(),
            WordOrNull(words) => value.is_null() || among(words),
            Object => value.is_object(),
            List => value.is_array(),
        }
    }
}

fn check(place: &str, value: &Value, keys: &[(&str, Kind)]) {
    for (key, kind) in keys {
        let found = value.pointer(key).unwrap_or_else(|| panic!("{place}{key} is missing"));
        assert!(kind.fits(found), "{place}{key} is {found}");
    }
}

/// Checks every key of the schema `dyne-result/1` and its type.
pub(crate) fn check_schema(result: &Value) {
    check("", result, &TOP);
    // Conventions that decide no number are not named.
    let conventions: Vec<&String> =
        result["convention"].as_object().expect("checked above").keys().collect();
    let deciding: &[&str] = if result["mode"] == "static" { &[] } else { &["shear"] };
    assert_eq!(conventions, deciding);
    check("", result, &NUMBERS);
    check("", result, &PROVENANCE);
    for (name, parameter) in result["parameters"].as_object().expect("checked above") {
        check(&format!("/parameters/{name}"), parameter, &PARAMETER);
    }
    let list = |key: &str| result[key].as_array().expect("checked above");
    assert!(!list("scaling").is_empty());
    list("scaling").iter().for_each(|bin| check("/scaling", bin, &SCALING));
    list("warnings").iter().for_each(|warning| check("/warnings", warning, &WARNING));
    let names = result["covariance"]["names"].as_array().expect("checked above");
    let matrix = result["covariance"]["matrix"].as_array().expect("checked above");
    assert_eq!(matrix.len(), names.len());
    for row in matrix {
        let row = row.as_array().expect("a row");
        assert_eq!(row.len(), names.len());
        assert!(row.iter().all(Value::is_number), "{row:?}");
    }
}

/// A number of the result.
#[track_caller]
pub(crate) fn number(result: &Value, pointer: &str) -> f64 {
    let found = result.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is missing"));
    found.as_f64().unwrap_or_else(|| panic!("{pointer} is {found}"))
}

/// Checks that a value lies within `errors` of its standard errors of the truth.
#[track_caller]
pub(crate) fn assert_near(result: &Value, value: &str, stderr: &str, truth: f64, errors: f64) {
    let (value_found, stderr_found) = (number(result, value), number(result, stderr));
    assert!(
        stderr_found > 0.0 && (value_found - truth).abs() <= errors * stderr_found,
        "{value}: {value_found} ± {stderr_found}, truth {truth}"
    );
}

/// The codes of the warnings.
pub(crate) fn codes(result: &Value) -> Vec<&str> {
    let warnings = result["warnings"].as_array().expect("a list");
    warnings.iter().map(|warning| warning["code"].as_str().expect("a code")).collect()
}

/// A number of every bin.
pub(crate) fn per_bin(result: &Value, key: &str) -> Vec<f64> {
    let bins = result["scaling"].as_array().expect("a list");
    bins.iter().map(|bin| bin[key].as_f64().unwrap_or_else(|| panic!("{bin}"))).collect()
}

/// An array with its shape.
#[derive(Debug, PartialEq)]
pub(crate) struct Array {
    pub(crate) shape: Vec<u64>,
    pub(crate) values: Vec<f64>,
}

impl Folder {
    /// An array of 32- or 64-bit floats in an NPZ file.
    pub(crate) fn array(&self, file: &str, name: &str) -> Array {
        let mut archive: NpzArchive<BufReader<File>> =
            NpzArchive::open(self.path(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        let array = archive.by_name(name).expect("a readable archive");
        let array = array.unwrap_or_else(|| panic!("{file} holds no {name}"));
        let shape = array.shape().to_vec();
        let short = array.dtype().descr().contains("f4");
        let values = if short {
            array.into_vec::<f32>().expect("floats").into_iter().map(f64::from).collect()
        } else {
            array.into_vec::<f64>().expect("floats")
        };
        Array { shape, values }
    }
}
