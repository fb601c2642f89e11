//! `dyne calibrate`: simulate speckle data many times, fit them, tabulate the error bars.

mod defaults;

use dyne_runtime::{Event, Lanes, Observer};
use dyne_xpcs::calibrate::{
    CalibrateError, Cell, LEAST_P, Record, SbcSetting, SbcTrial, Setting, Trial, Tried, coverage,
    histograms, markdown, sbc_markdown, sbc_trial, trials,
};
use dyne_xpcs_plot::{coverage_picture, rank_picture};

use crate::args::CalibrateArguments;
use crate::failure::{Ending, Failure};
use crate::progress::Progress;
use crate::{interrupt, machine, terminal};

pub(crate) fn run(arguments: &CalibrateArguments) -> Result<Ending, Failure> {
    if arguments.sbc {
        return sbc(arguments);
    }
    if arguments.defaults {
        return defaults::run(arguments);
    }
    let cancel = interrupt::cancel();
    let &CalibrateArguments { contrast, seed, .. } = arguments;
    let (frames, speckle) = (one_length(arguments)?, one_speckle(arguments)?);
    let setting = Setting { frames, contrast, speckle, seed };
    let sets = sets(arguments)?;
    let tried = if arguments.posterior { Tried::Posterior } else { Tried::ErrorBars };
    let mut record: Record<Setting, Trial> = Record::open(&arguments.out, setting)?;
    let missing = |set: &Vec<Cell>, number: u64| -> Vec<Cell> {
        set.iter().filter(|cell| !record.has(**cell, number)).copied().collect()
    };
    let wanted: Vec<(Vec<Cell>, u64)> = (0..arguments.fits)
        .flat_map(|number| sets.iter().map(move |set| (set, number)))
        .map(|(set, number)| (missing(set, number), number))
        .filter(|(cells, _)| !cells.is_empty())
        .collect();
    let lanes = machine::lanes(arguments.threads)?;
    let progress = Progress::new(&arguments.telling, cancel)?;
    let total = Some(wanted.iter().map(|(cells, _)| cells.len() as u64).sum());
    progress.event(&Event::PhaseStarted { phase: "calibrate", total });
    let mut count = Count { done: 0, total };
    let work = |(cells, number): &(Vec<Cell>, u64)| trials(cells, setting, *number, tried);
    count.batches((&wanted, &lanes), &progress, work, |results| {
        let made = results?;
        let number = made.len() as u64;
        made.into_iter().try_for_each(|trial| record.add(trial))?;
        Ok(number)
    })?;
    progress.clear();
    let rows = coverage(record.trials());
    let table = markdown(&rows);
    record.write("coverage.md", table.as_bytes())?;
    if let Some(picture) = coverage_picture(&rows)? {
        record.write(&picture.name, &picture.png)?;
    }
    if !arguments.telling.quiet {
        let count = record.trials().len();
        terminal::show(&format!("{table}{count} trials in {}\n", arguments.out.display()))?;
    }
    Ok(if cancel.requested() { Ending::Interrupted } else { Ending::Converged })
}

/// Ranks of truths among the draws of their posteriors.
fn sbc(arguments: &CalibrateArguments) -> Result<Ending, Failure> {
    let cancel = interrupt::cancel();
    let lanes = machine::lanes(arguments.threads)?;
    let progress = Progress::new(&arguments.telling, cancel)?;
    let total = Some(arguments.fits * arguments.mode.len() as u64);
    progress.event(&Event::PhaseStarted { phase: "calibrate", total });
    let (mut text, mut uniform) = (String::new(), true);
    let mut count = Count { done: 0, total };
    for name in &arguments.mode {
        let mode = name.parse().map_err(Failure::Usage)?;
        let (frames, noise, seed) = (one_length(arguments)?, arguments.noise, arguments.seed);
        let setting = SbcSetting { mode, frames, noise, seed };
        let folder = arguments.out.join(mode.to_string());
        let mut record: Record<SbcSetting, SbcTrial> = Record::open(&folder, setting)?;
        let known: Vec<u64> = record.trials().iter().map(|trial| trial.number).collect();
        let wanted: Vec<u64> = (0..arguments.fits).filter(|k| !known.contains(k)).collect();
        count.done += known.len() as u64;
        let before = count.done;
        let work = |number: &u64| sbc_trial(setting, *number);
        count.batches((&wanted, &lanes), &progress, work, |trial| {
            record.add(trial?)?;
            Ok(1)
        })?;
        if count.done < before + wanted.len() as u64 {
            progress.clear();
            return Ok(Ending::Interrupted);
        }
        let rows = histograms(record.trials()).map_err(CalibrateError::from)?;
        uniform &= rows.iter().all(|row| row.uniformity.p_value > LEAST_P);
        let table = sbc_markdown(setting, record.trials(), &rows);
        record.write("sbc.md", table.as_bytes())?;
        let picture = rank_picture(&rows)?;
        record.write(&picture.name, &picture.png)?;
        text += &table;
    }
    progress.clear();
    if !arguments.telling.quiet {
        terminal::show(&format!("{text}ranks in {}\n", arguments.out.display()))?;
    }
    Ok(if uniform { Ending::Converged } else { Ending::Reservations })
}

/// The number of frames where it is the same for all trials.
fn one_length(arguments: &CalibrateArguments) -> Result<usize, Failure> {
    match arguments.frames {
        [least, most] if least == most => Ok(least),
        [least, most] => Err(Failure::Usage(format!(
            "--frames: {least}..{most}, expected one number\ngive a range with --defaults alone"
        ))),
    }
}

/// The size of a speckle where it is the same for all cells.
fn one_speckle(arguments: &CalibrateArguments) -> Result<usize, Failure> {
    match arguments.speckle_pixels[..] {
        [one] => Ok(one),
        _ => Err(Failure::Usage(
            "--speckle-pixels: several numbers, expected one\ngive several with --defaults alone"
                .to_owned(),
        )),
    }
}

/// How many trials are made.
struct Count {
    done: u64,
    total: Option<u64>,
}

impl Count {
    /// Works at what is wanted, batch by batch on all lanes, until the end is asked for; `keep` says how many
    /// trials a result holds.
    fn batches<W: Sync, R: Send>(
        &mut self,
        (wanted, lanes): (&[W], &Lanes),
        progress: &Progress<'_>,
        work: impl Fn(&W) -> R + Sync,
        mut keep: impl FnMut(R) -> Result<u64, Failure>,
    ) -> Result<(), Failure> {
        for batch in wanted.chunks(2 * lanes.count()) {
            if interrupt::cancel().requested() {
                break;
            }
            for result in lanes.map(batch, &work) {
                self.done += keep(result)?;
            }
            let Self { done, total } = *self;
            progress.event(&Event::Progress { phase: "calibrate", done, total });
        }
        Ok(())
    }
}

/// For every mode and number of pixels the cells of all mean counts.
fn sets(arguments: &CalibrateArguments) -> Result<Vec<Vec<Cell>>, Failure> {
    let counts = arguments.counts.iter().map(|text| mean_counts(text));
    let counts = counts.collect::<Result<Vec<_>, _>>()?;
    let mut sets = Vec::new();
    for name in &arguments.mode {
        let mode = name.parse().map_err(Failure::Usage)?;
        for pixels in &arguments.pixels {
            let cell = |counts: &Option<f64>| Cell { mode, pixels: *pixels, counts: *counts };
            sets.push(counts.iter().map(cell).collect());
        }
    }
    Ok(sets)
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
