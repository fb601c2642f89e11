//! `dyne calibrate --defaults`: how often what a user of the defaults quotes is right.

use dyne_runtime::{Event, Observer};
use dyne_xpcs::calibrate::Record;
use dyne_xpcs::calibrate::defaults::{Cell, Setting, Trial, markdown, tally, trial};

use super::{Count, mean_counts};
use crate::args::CalibrateArguments;
use crate::failure::{Ending, Failure};
use crate::progress::Progress;
use crate::{interrupt, machine, terminal};

pub(super) fn run(arguments: &CalibrateArguments) -> Result<Ending, Failure> {
    let cancel = interrupt::cancel();
    let &CalibrateArguments { contrast, seed, .. } = arguments;
    let setting = Setting { contrast, seed };
    let mut record: Record<Setting, Trial> = Record::open(&arguments.out, setting)?;
    let wanted = wanted(&cells(arguments)?, arguments.fits, record.trials());
    let lanes = machine::lanes(arguments.threads)?;
    let progress = Progress::new(&arguments.telling, cancel)?;
    let total = Some(wanted.len() as u64);
    progress.event(&Event::PhaseStarted { phase: "calibrate", total });
    let work = |(cell, number): &(Cell, u64)| trial(*cell, setting, *number);
    Count { done: 0, total }.batches((&wanted, &lanes), &progress, work, |trial| {
        record.add(trial?)?;
        Ok(1)
    })?;
    progress.clear();
    let table = markdown(&tally(record.trials()));
    record.write("defaults.md", table.as_bytes())?;
    if !arguments.telling.quiet {
        let count = record.trials().len();
        terminal::show(&format!("{table}{count} trials in {}\n", arguments.out.display()))?;
    }
    Ok(if cancel.requested() { Ending::Interrupted } else { Ending::Converged })
}

/// Trials that are not in the record yet, the first ones of all cells first.
fn wanted(cells: &[Cell], fits: u64, made: &[Trial]) -> Vec<(Cell, u64)> {
    let missing = |(cell, number): &(Cell, u64)| {
        !made.iter().any(|trial| trial.cell == *cell && trial.number == *number)
    };
    let all = (0..fits).flat_map(|number| cells.iter().map(move |cell| (*cell, number)));
    all.filter(missing).collect()
}

/// Every combination of what is asked for.
fn cells(arguments: &CalibrateArguments) -> Result<Vec<Cell>, Failure> {
    let counts = arguments.counts.iter().map(|text| mean_counts(text));
    let counts = counts.collect::<Result<Vec<_>, _>>()?;
    let modes = arguments.mode.iter().map(|name| name.parse().map_err(Failure::Usage));
    let mut cells = Vec::new();
    for mode in modes.collect::<Result<Vec<_>, _>>()? {
        for &ageing in &arguments.ageing {
            for &bins in &arguments.bins {
                for &pixels in &arguments.pixels {
                    for &speckle in &arguments.speckle_pixels {
                        let frames = arguments.frames;
                        let cell = |&counts: &Option<f64>| Cell {
                            mode,
                            ageing,
                            bins,
                            frames,
                            pixels,
                            speckle,
                            counts,
                        };
                        cells.extend(counts.iter().map(cell));
                    }
                }
            }
        }
    }
    Ok(cells)
}
