//! `dyne simulate`: experiments with known truth.

use std::path::Path;

use dyne_runtime::Lanes;
use dyne_xpcs::config::{Override, SimConfig};
use dyne_xpcs::simulate::Experiment;
use dyne_xpcs_h5::{Experiment as FileExperiment, write_aps_u, write_npz};

use crate::args::SimulateArguments;
use crate::failure::{Ending, Failure};
use crate::{machine, terminal};

pub(crate) fn run(arguments: &SimulateArguments) -> Result<Ending, Failure> {
    let overrides =
        arguments.set.iter().map(|text| Override::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let config = SimConfig::load(&arguments.config, &overrides)?;
    let lanes = machine::lanes(arguments.threads)?;
    write(config, &arguments.out, &lanes)?;
    if !arguments.quiet {
        terminal::show(&format!("wrote {}\n", arguments.out.display()))?;
    }
    Ok(Ending::Converged)
}

/// Simulates `config` and writes it; the ending of the name chooses the format.
pub(crate) fn write(config: SimConfig, out: &Path, lanes: &Lanes) -> Result<(), Failure> {
    let experiment = Experiment::try_new(config)?;
    let config = experiment.config();
    let file = FileExperiment {
        q: config.q.values().to_vec(),
        phi_deg: config.phi.clone(),
        dt_s: config.dt,
        frames: config.frames,
    };
    let matrix = |bin: usize| experiment.matrix(bin, lanes);
    match out.extension() {
        Some(ending) if ending.eq_ignore_ascii_case("npz") => write_npz(out, &file, matrix)?,
        _ => write_aps_u(out, &file, matrix)?,
    }
    Ok(())
}
