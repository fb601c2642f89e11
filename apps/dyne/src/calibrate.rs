//! `dyne calibrate`: simulate speckle data many times, fit them, tabulate the error bars.

use dyne_runtime::{Cancel, Event, Observer};
use dyne_xpcs::calibrate::{Cell, Record, Setting, coverage, markdown, trial};

use crate::args::CalibrateArguments;
use crate::failure::{Ending, Failure};
use crate::machine;
use crate::progress::Progress;

pub(crate) fn run(arguments: &CalibrateArguments) -> Result<Ending, Failure> {
    static CANCEL: Cancel = Cancel::new();
    let _ = ctrlc::set_handler(|| CANCEL.request());
    let setting =
        Setting { frames: arguments.frames, contrast: arguments.contrast, seed: arguments.seed };
    let cells = cells(arguments)?;
    let mut record = Record::open(&arguments.out, setting)?;
    let wanted: Vec<(Cell, u64)> = (0..arguments.fits)
        .flat_map(|number| cells.iter().map(move |cell| (*cell, number)))
        .filter(|(cell, number)| !record.has(*cell, *number))
        .collect();
    let lanes = machine::lanes(arguments.threads)?;
    let progress = Progress::new(&arguments.telling, &CANCEL)?;
    let total = Some(wanted.len() as u64);
    progress.event(&Event::PhaseStarted { phase: "calibrate", total });
    let mut done = 0;
    for batch in wanted.chunks(2 * lanes.count()) {
        if CANCEL.requested() {
            break;
        }
        for result in lanes.map(batch, |(cell, number)| trial(*cell, setting, *number)) {
            record.add(result?)?;
        }
        done += batch.len() as u64;
        progress.event(&Event::Progress { phase: "calibrate", done, total });
    }
    progress.clear();
    let table = markdown(&coverage(record.trials()));
    record.write("coverage.md", &table)?;
    if !arguments.telling.quiet {
        print!("{table}");
        println!("{} trials in {}", record.trials().len(), arguments.out.display());
    }
    Ok(if CANCEL.requested() { Ending::Interrupted } else { Ending::Converged })
}

/// Every mode with every number of pixels and every mean count.
fn cells(arguments: &CalibrateArguments) -> Result<Vec<Cell>, Failure> {
    let counts = arguments.counts.iter().map(|text| mean_counts(text));
    let counts = counts.collect::<Result<Vec<_>, _>>()?;
    let mut cells = Vec::new();
    for name in &arguments.mode {
        let mode = name.parse().map_err(Failure::Usage)?;
        for pixels in &arguments.pixels {
            cells.extend(counts.iter().map(|counts| Cell {
                mode,
                pixels: *pixels,
                counts: *counts,
            }));
        }
    }
    Ok(cells)
}

fn mean_counts(text: &str) -> Result<Option<f64>, Failure> {
    match (text, text.parse::<f64>()) {
        ("inf", _) => Ok(None),
        (_, Ok(counts)) if counts > 0.0 && counts.is_finite() => Ok(Some(counts)),
        _ => Err(Failure::Usage(format!(
            "--counts: {text:?}, expected a number above 0, or inf\ngive mean counts per pixel and frame"
        ))),
    }
}
