//! `dyne demo`: an experiment simulated, fitted and reported, with nothing else needed.

use std::time::Instant;

use dyne_xpcs::config::{FitConfig, Override, SimConfig};

use crate::args::{DemoArguments, Telling};
use crate::failure::{Ending, Failure};
use crate::{fit, machine, simulate, terminal};

const EXPERIMENT: &str = include_str!("../demo.yaml");

pub(crate) fn run(arguments: &DemoArguments, started: Instant) -> Result<Ending, Failure> {
    let lanes = machine::lanes(None)?;
    let config = SimConfig::from_yaml(EXPERIMENT, "demo.yaml", &[])?;
    std::fs::create_dir_all(&arguments.out).map_err(|e| {
        Failure::Usage(format!(
            "--out {}: {e}; expected a folder that can be made\nchoose another one",
            arguments.out.display()
        ))
    })?;
    let file = arguments.out.join("demo.hdf");
    simulate::write(config.clone(), &file, &lanes)?;
    let gap = config.gap.map_or_else(String::new, |gap| gap.to_string());
    let fit_config = FitConfig::from_overrides(&[
        Override::parse(&format!("mode={}", config.mode))?,
        Override::parse(&format!("geometry.gap={gap}"))?,
        Override::text("data.file", &file.to_string_lossy())?,
        Override::text("output.dir", &arguments.out.to_string_lossy())?,
    ])?;
    let budget = fit::memory::budget(None, &fit_config.performance)?;
    let telling = Telling { quiet: arguments.quiet, events: None };
    let ending =
        fit::fit_file(fit_config, fit::Request::untold(&lanes, &budget, &telling, started))?;
    if !arguments.quiet {
        let mut text = "\nthe truth that was simulated:\n".to_owned();
        for (spec, value) in config.mode.parameters().iter().zip(config.parameter_values()) {
            text += &format!("  {:<20} {value} {}\n", spec.name, spec.unit);
        }
        text += &format!("open {}\n", arguments.out.join("report.html").display());
        terminal::show(&text)?;
    }
    Ok(ending)
}
