//! `dyne bench`: what block sizes and residencies cost on this machine, each fit in a process of its own.

mod child;
mod strategies;

use std::ffi::OsString;
use std::fmt::Write;

use crate::args::{BenchBlocksArguments, BenchCommand};
use crate::failure::{Ending, Failure};
use crate::terminal;
use child::{Measured, fit};

pub(crate) fn run(command: &BenchCommand) -> Result<Ending, Failure> {
    match command {
        BenchCommand::Blocks(arguments) => blocks(arguments),
        BenchCommand::Strategies(arguments) => strategies::run(arguments),
    }
}

/// Fits one file under several sizes of blocks.
fn blocks(arguments: &BenchBlocksArguments) -> Result<Ending, Failure> {
    let head = format!(
        "{:>9} {:>8} {:>7} {:>7} {:>9} {:>10} {:>11} {:>8}\n",
        "pairs", "blocks", "fit s", "sweeps", "sweep ms", "Mpoints/s", "slowest ms", "peak MB"
    );
    terminal::show(&head)?;
    for size in &arguments.sizes {
        let mut flags: Vec<OsString> = vec![arguments.file.clone().into()];
        flags.extend(arguments.fit.iter().map(OsString::from));
        flags.push("--set".into());
        flags.push(format!("streaming.batch_size={size}").into());
        let found = fit(&flags)?;
        terminal::show(&line(*size, &found))?;
    }
    Ok(Ending::Converged)
}

fn line(size: usize, found: &Measured) -> String {
    let Measured { fit_s, sweeps, sweep_s, blocks, slowest_block_s, peak_bytes, .. } = found;
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "{size:>9} {:>8} {fit_s:>7.2} {sweeps:>7} {:>9.2} {:>10.0} {:>11.2} {:>8.0}",
        blocks / sweeps.max(&1),
        1e3 * sweep_s / *sweeps.max(&1) as f64,
        1e-6 * found.points_per_s(),
        1e3 * slowest_block_s,
        1e-6 * *peak_bytes as f64
    );
    out
}
