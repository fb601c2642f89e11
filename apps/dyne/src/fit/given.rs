//! Where the configuration of a fit is read from.

use std::path::{Path, PathBuf};

use dyne_xpcs::config::{FitConfig, Override};
use dyne_xpcs::report::SCHEMA;
use serde_json::Value;

use crate::args::FitArguments;
use crate::failure::Failure;

/// The configuration that the arguments name, with `overrides`.
pub(super) fn config(
    arguments: &FitArguments,
    overrides: &[Override],
) -> Result<FitConfig, Failure> {
    let Some(path) = configuration_file(arguments)? else {
        return Ok(FitConfig::from_overrides(overrides)?);
    };
    match plan_of_result(&path) {
        Some(plan) => {
            let name = format!("{}, provenance.plan", path.display());
            Ok(FitConfig::from_yaml(&plan.to_string(), &name, overrides)?)
        }
        None => Ok(FitConfig::load(&path, overrides)?),
    }
}

/// The data file among the arguments.
pub(super) fn data_file(arguments: &FitArguments) -> Option<PathBuf> {
    arguments.file.clone().filter(|path| !is_configuration(path))
}

fn configuration_file(arguments: &FitArguments) -> Result<Option<PathBuf>, Failure> {
    let typed = arguments.file.clone().filter(|path| is_configuration(path));
    match (typed, &arguments.config) {
        (Some(typed), Some(config)) => Err(Failure::Usage(format!(
            "{}: a configuration beside --config {}, expected one of them\n\
             leave one out; data files end in .hdf, .h5 or .npz",
            typed.display(),
            config.display()
        ))),
        (typed, config) => Ok(typed.or_else(|| config.clone())),
    }
}

/// Whether the name of a file is that of a configuration, and of no data.
fn is_configuration(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    ["yaml", "yml", "json"].contains(&ending.as_str())
}

/// The configuration inside the result of an earlier fit; its checkpoints are that fit's own.
fn plan_of_result(path: &Path) -> Option<Value> {
    let text = std::fs::read_to_string(path).ok().filter(|text| text.contains(SCHEMA))?;
    let mut result: Value = serde_json::from_str(&text).ok()?;
    if result["schema"] != SCHEMA {
        return None;
    }
    let mut plan = result.pointer_mut("/provenance/plan")?.take();
    plan.as_object_mut()?.remove("checkpoint");
    Some(plan)
}
