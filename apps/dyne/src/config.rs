//! `dyne config`: write, check and explain configurations.

use std::path::Path;

use dyne_xpcs::config::{
    FitConfig, Mode, SimConfig, explain, json_schema, simulation_template, template,
};

use crate::args::ConfigCommand;
use crate::failure::{Ending, Failure};
use crate::terminal;

pub(crate) fn run(command: &ConfigCommand) -> Result<Ending, Failure> {
    let text = match command {
        ConfigCommand::New { mode, simulation } => {
            let mode: Mode = mode.parse().map_err(|message| {
                Failure::Usage(format!("--mode: {message}\nsee `dyne config explain mode`"))
            })?;
            if *simulation { simulation_template(mode) } else { template(mode) }
        }
        ConfigCommand::Check { file, simulation } => check(file, *simulation)?,
        ConfigCommand::Explain { key } => explain(key)?,
        ConfigCommand::Schema => format!("{:#}\n", json_schema()),
    };
    terminal::show(&format!("{}\n", text.trim_end()))?;
    Ok(Ending::Converged)
}

fn check(file: &Path, simulation: bool) -> Result<String, Failure> {
    let mode = if simulation {
        SimConfig::load(file, &[])?.mode
    } else {
        FitConfig::load(file, &[])?.mode
    };
    Ok(format!("{}: a valid configuration for {mode}", file.display()))
}
