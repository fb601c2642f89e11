//! `dyne fit`: from what is typed to the result folder.

mod checkpoints;
mod data;
pub(crate) mod memory;
mod output;
mod text;

use std::path::PathBuf;
use std::time::Instant;

use dyne_runtime::budget::Budget;
use dyne_runtime::{Cancel, Event, Lanes, Observer, Resources, Solo};
use dyne_xpcs::account;
use dyne_xpcs::config::{FitConfig, Format, Override};
use dyne_xpcs::fit::{Fitted, fit};
use dyne_xpcs::plan::Plan;
use dyne_xpcs::report::{Report, Status, Timings};
use dyne_xpcs::residuals::PictureSize;
use dyne_xpcs::results::ResultFolder;
use dyne_xpcs_data::Catalog;

use crate::args::{FitArguments, Telling};
use crate::failure::{Ending, Failure};
use crate::progress::Progress;
use crate::{interrupt, machine, provenance, terminal};
use data::{Kept, Means};

/// Warnings that make a converged fit one with reservations.
const RESERVATIONS: [&str; 4] = ["at_bound", "undetermined", "scaling_range", "profile"];

pub(crate) fn run(arguments: &FitArguments, started: Instant) -> Result<Ending, Failure> {
    let overrides = overrides(arguments)?;
    let config = match &arguments.config {
        Some(path) => FitConfig::load(path, &overrides)?,
        None => FitConfig::from_overrides(&overrides)?,
    };
    let threads = std::num::NonZeroUsize::new(config.performance.threads);
    let lanes = machine::pinned(arguments.threads.or(threads), config.performance.pin)?;
    let budget = memory::budget(arguments.memory.as_deref(), &config.performance)?;
    if arguments.dry_run {
        let reader = dyne_xpcs_h5::open(&config.data.file)?;
        let plan = Plan::resolve(config, reader.catalog())?;
        let (chosen, size) = memory::plan(&plan, &*reader, &budget, lanes.count())?;
        let strategy = plan.config.performance.strategy_override;
        let table = memory::table(&chosen, &size, &budget, strategy);
        terminal::show(&text::plan_text(&plan, reader.catalog(), &table, &lanes))?;
        return Ok(Ending::Converged);
    }
    fit_file(config, &lanes, &budget, &arguments.telling, started)
}

/// The flags as overrides of a configuration.
fn overrides(arguments: &FitArguments) -> Result<Vec<Override>, Failure> {
    let mut list = arguments.selected.overrides()?;
    let mut yaml = |key: &str, value: &Option<String>| -> Result<(), Failure> {
        if let Some(value) = value {
            list.push(Override::parse(&format!("{key}={value}"))?);
        }
        Ok(())
    };
    yaml("mode", &arguments.mode)?;
    yaml("geometry.gap", &arguments.gap)?;
    yaml("performance.strategy_override", &arguments.residency)?;
    yaml("performance.pin", &arguments.pin)?;
    yaml("uncertainty.profile", &arguments.profile.as_ref().map(|names| format!("[{names}]")))?;
    if arguments.global {
        yaml("search.global", &Some("true".to_owned()))?;
    }
    let path = |key: &str, value: &Option<PathBuf>| -> Result<Option<Override>, Failure> {
        let text = value.as_ref().map(|value| Override::text(key, &value.to_string_lossy()));
        Ok(text.transpose()?)
    };
    list.extend(path("data.file", &arguments.file)?);
    list.extend(path("output.dir", &arguments.out)?);
    list.extend(path("checkpoint.dir", &arguments.checkpoint_dir)?);
    if arguments.resume {
        list.push(Override::parse("checkpoint.resume=true")?);
    }
    for text in &arguments.set {
        list.push(Override::parse(text)?);
    }
    Ok(list)
}

/// Reads, fits and writes what `config` asks for.
pub(crate) fn fit_file(
    config: FitConfig,
    lanes: &Lanes,
    budget: &Budget,
    telling: &Telling,
    started: Instant,
) -> Result<Ending, Failure> {
    // The first interrupt ends the fit with a report.
    let cancel = interrupt::cancel();
    let progress = Progress::new(telling, cancel)?;
    let run = Run { lanes, budget, progress: &progress, cancel, started };
    let result = fit_with(config, &run);
    progress.clear();
    let (report, folder) = result?;
    if !telling.quiet {
        let text = dyne_xpcs_plot::text(&report);
        terminal::show(&format!("{text}results in {}\n", folder.display()))?;
    }
    Ok(ending(&report))
}

fn ending(report: &Report) -> Ending {
    let reserved = report.warnings.iter().any(|w| RESERVATIONS.contains(&w.code.as_str()));
    match report.status {
        Status::Interrupted => Ending::Interrupted,
        Status::Converged if !reserved => Ending::Converged,
        _ => Ending::Reservations,
    }
}

/// Runs `work` as a phase that the observer hears of, and tells how long it took.
fn phase<R>(
    progress: &Progress<'_>,
    name: &'static str,
    work: impl FnOnce() -> Result<R, Failure>,
) -> Result<(R, f64), Failure> {
    let began = Instant::now();
    progress.event(&Event::PhaseStarted { phase: name, total: None });
    let result = work()?;
    let seconds = began.elapsed().as_secs_f64();
    progress.event(&Event::PhaseFinished { phase: name, seconds });
    Ok((result, seconds))
}

/// What a fit runs with.
struct Run<'a> {
    lanes: &'a Lanes,
    budget: &'a Budget,
    progress: &'a Progress<'a>,
    cancel: &'a Cancel,
    started: Instant,
}

fn fit_with(config: FitConfig, run: &Run<'_>) -> Result<(Report, PathBuf), Failure> {
    let folder = ResultFolder::create(&config.output.dir)?;
    let target = config.output.dir.clone();
    let hash = provenance::hash(&config.data.file);
    let stamp = provenance::stamp(&config.data.file, &hash);
    let identity = checkpoints::identity(&config, &stamp);
    let journal = checkpoints::journal(&config.checkpoint, identity, run.progress)?;
    let resources = Resources::new(run.lanes, &Solo, run.cancel);
    let resources = match &journal {
        Some(journal) => resources.with_journal(journal),
        None => resources,
    };
    let dir = config.checkpoint.dir.clone();
    let fitted = fitted(config, &stamp, resources, run);
    let Some(journal) = journal else {
        return written(fitted?, hash, folder, run).map(|report| (report, target));
    };
    match fitted {
        // The journal is whole: once the results are there nobody goes on from it.
        Ok(fitted) => {
            let report = written(fitted, hash, folder, run)?;
            journal.end()?.clear();
            Ok((report, target))
        }
        Err(failure) => {
            journal.close()?;
            let suspended = run.cancel.requested();
            Err(match dir {
                Some(dir) if suspended => Failure::Suspended(dir),
                _ => failure,
            })
        }
    }
}

/// A fit before it is written.
struct Outcome {
    plan: Plan,
    catalog: Catalog,
    kept: Kept,
    fitted: Fitted,
    read_s: f64,
    fit_s: f64,
}

fn fitted(
    config: FitConfig,
    stamp: &str,
    resources: Resources<'_>,
    run: &Run<'_>,
) -> Result<Outcome, Failure> {
    let ((plan, catalog, kept), read_s) = phase(run.progress, "read", || {
        let reader = dyne_xpcs_h5::open(&config.data.file)?;
        let plan = Plan::resolve(config, reader.catalog())?;
        let selection = data::selection(stamp, &plan);
        let means = Means { budget: run.budget, resources, selection, observer: run.progress };
        let kept = data::kept(&plan, &*reader, means)?;
        Ok((plan, reader.catalog().clone(), kept))
    })?;
    let (fitted, fit_s) = phase(run.progress, "fit", || {
        let late = Cancel::new();
        // Without a journal the first interrupt ends the fit with a report, with one it suspends it.
        let after = match resources.journal {
            Some(_) => resources,
            None => resources.with_cancel(&late),
        };
        let size = PictureSize { pixels: dyne_xpcs_plot::map_pixels(plan.bins.len()) };
        Ok(fit(&plan, &kept.data, resources, after, size, run.progress)?)
    })?;
    Ok(Outcome { plan, catalog, kept, fitted, read_s, fit_s })
}

/// Writes what a fit leaves.
fn written(
    outcome: Outcome,
    hash: String,
    folder: ResultFolder,
    run: &Run<'_>,
) -> Result<Report, Failure> {
    let Outcome { plan, catalog, kept, fitted, read_s, fit_s } = outcome;
    let (lanes, progress) = (run.lanes, run.progress);
    let provenance = provenance::of(&plan, &catalog, hash, lanes);
    let mut report = account::report(&plan, &fitted, provenance);
    report.mask = kept.mask;
    for warning in &report.warnings {
        let (code, message) = (warning.code.clone(), warning.message.clone());
        progress.event(&Event::Warning { code, message });
    }
    let ((), report_s) = phase(progress, "report", || {
        output::write_pictures(&report, &plan, &folder, lanes)?;
        if plan.config.output.formats.contains(&Format::Npz) {
            output::write_arrays(&plan, &kept.data.matrices, &fitted, lanes, &folder)?;
        }
        Ok(())
    })?;
    let wall_time_seconds = run.started.elapsed().as_secs_f64();
    report.timings = Timings { read_s, fit_s, report_s, wall_time_seconds };
    report.peak_rss_bytes = machine::peak_rss_bytes();
    output::write_words(&report, &plan, &folder)?;
    folder.publish()?;
    Ok(report)
}
