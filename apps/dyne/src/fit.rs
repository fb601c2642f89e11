//! `dyne fit`: from what is typed to the result folder.

mod checkpoints;
mod data;
mod log;
pub(crate) mod memory;
pub(crate) mod models;
mod netcdf;
mod output;
pub(crate) mod sample;
pub(crate) mod table;
mod text;
mod trace;
mod watch;

use std::path::PathBuf;
use std::time::Instant;

use dyne_runtime::budget::Budget;
use dyne_runtime::{Cancel, Identity, Lanes, Resources, Saves, Solo, phase};
use dyne_xpcs::account;
use dyne_xpcs::config::{FitConfig, Format, Override};
use dyne_xpcs::fit::{Fitted, fit};
use dyne_xpcs::gaps;
use dyne_xpcs::mask::Mask;
use dyne_xpcs::plan::Plan;
use dyne_xpcs::posterior::{Sampled, ShardRun};
use dyne_xpcs::report::{Report, Status, Timings, Warning};
use dyne_xpcs::residuals::PictureSize;
use dyne_xpcs::results::ResultFolder;
use dyne_xpcs_data::Catalog;

use crate::args::{FitArguments, FitCommand, Telling, Then};
use crate::failure::{Ending, Failure};
use crate::progress::Progress;
use crate::{interrupt, machine, provenance, terminal};
use data::{Kept, Means};
use watch::{Told, Watch};

/// Warnings that make a converged fit one with reservations.
const RESERVATIONS: [&str; 5] =
    ["at_bound", "undetermined", "scaling_range", "profile", "masked_rows"];

pub(crate) fn run(command: &FitCommand, started: Instant) -> Result<Ending, Failure> {
    let arguments = &command.fit;
    let config = config(arguments, &[])?;
    let (lanes, budget) = means(arguments, &config)?;
    if arguments.dry_run {
        let reader = dyne_xpcs_h5::open(&config.data.file)?;
        let plan = Plan::resolve(config, reader.catalog())?;
        let (chosen, size) = memory::plan(&plan, &*reader, &budget, lanes.count())?;
        let strategy = plan.config.performance.strategy_override;
        let expected = table::Expected::of(&plan, &*reader, &lanes)?;
        let table = table::table(&chosen, &size, &budget, strategy, expected);
        terminal::show(&text::plan_text(&plan, reader.catalog(), &table, &lanes))?;
        return Ok(Ending::Converged);
    }
    let told = Told::new(arguments, &config.logging.performance, started)?;
    let task = match command.then {
        None => Task::Fit,
        Some(Then::Sample) => Task::FitAndSample,
    };
    let telling = &arguments.telling;
    fit_file(config, Request { lanes: &lanes, budget: &budget, telling, told, started, task })
}

/// The configuration, with the flags, and some more keys.
fn config(arguments: &FitArguments, more: &[Override]) -> Result<FitConfig, Failure> {
    let mut overrides = overrides(arguments)?;
    // Before what --set says, which is the last word.
    let at = overrides.len() - arguments.set.len();
    overrides.splice(at..at, more.iter().cloned());
    Ok(match &arguments.config {
        Some(path) => FitConfig::load(path, &overrides)?,
        None => FitConfig::from_overrides(&overrides)?,
    })
}

/// Threads and memory.
fn means(arguments: &FitArguments, config: &FitConfig) -> Result<(Lanes, Budget), Failure> {
    let threads = std::num::NonZeroUsize::new(config.performance.threads);
    let lanes = machine::pinned(arguments.threads.or(threads), config.performance.pin)?;
    Ok((lanes, memory::budget(arguments.memory.as_deref(), &config.performance)?))
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
    if let Some(stride) = arguments.stride_coarse {
        list.push(Override::parse(&format!("data.stride_coarse={stride}"))?);
    }
    if arguments.resume {
        list.push(Override::parse("checkpoint.resume=true")?);
    }
    for text in &arguments.set {
        list.push(Override::parse(text)?);
    }
    Ok(list)
}

/// What a fit is made with.
pub(crate) struct Request<'a> {
    lanes: &'a Lanes,
    budget: &'a Budget,
    telling: &'a Telling,
    told: Told,
    started: Instant,
    task: Task,
}

/// What a run is for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Task {
    /// The fit and its report.
    Fit,
    /// The same, and the posterior.
    FitAndSample,
    /// The posterior.
    Sample(ShardRun),
}

impl Task {
    /// Which shards are sampled, where a posterior is.
    fn shards(&self) -> Option<ShardRun> {
        match self {
            Self::Fit => None,
            Self::FitAndSample => Some(ShardRun::All),
            Self::Sample(shards) => Some(shards.clone()),
        }
    }
}

impl<'a> Request<'a> {
    /// A fit with neither trace nor log.
    pub(crate) fn untold(
        lanes: &'a Lanes,
        budget: &'a Budget,
        telling: &'a Telling,
        started: Instant,
    ) -> Self {
        Self { lanes, budget, telling, told: Told::default(), started, task: Task::Fit }
    }
}

/// Reads, fits and writes what `config` asks for.
pub(crate) fn fit_file(config: FitConfig, request: Request<'_>) -> Result<Ending, Failure> {
    let Request { lanes, budget, telling, told, started, task } = request;
    // The first interrupt ends the fit with a report.
    let cancel = interrupt::cancel();
    let progress = Progress::new(telling, cancel)?;
    let watch = Watch::new(&progress, told);
    let never = Cancel::new();
    // A sampling that is cut short has nothing to report.
    let late = if config.checkpoint.dir.is_some() || task != Task::Fit { cancel } else { &never };
    let target = config.output.dir.display().to_string();
    let run = Run { lanes, budget, watch: &watch, cancel, late, started, task };
    let result = fit_with(config, &run);
    progress.clear();
    let Done { report, sampled } = result?;
    let mut text = report.as_ref().map(dyne_xpcs_plot::text).unwrap_or_default();
    if let Some(sampled) = &sampled {
        text += &sample::text(sampled);
    }
    if !telling.quiet {
        terminal::show(&format!("{text}results in {target}\n"))?;
    }
    let of_fit = match &report {
        // Something was left out, if not of the fit then of what follows it.
        Some(_) if cancel.requested() => Ending::Interrupted,
        Some(report) => ending(report),
        None => Ending::Converged,
    };
    let of_posterior = sampled.as_ref().map_or(Ending::Converged, sample::ending);
    Ok(if of_fit == Ending::Converged { of_posterior } else { of_fit })
}

/// What a run leaves.
struct Done {
    report: Option<Report>,
    sampled: Option<Sampled>,
}

fn ending(report: &Report) -> Ending {
    let reserved = report.warnings.iter().any(|w| RESERVATIONS.contains(&w.code.as_str()));
    match report.status {
        Status::Interrupted => Ending::Interrupted,
        Status::Converged if !reserved => Ending::Converged,
        _ => Ending::Reservations,
    }
}

/// What a fit runs with.
struct Run<'a> {
    lanes: &'a Lanes,
    budget: &'a Budget,
    watch: &'a Watch<'a>,
    cancel: &'a Cancel,
    /// The request to end that what follows the fit hears. An interrupted fit is reported, but for one
    /// with checkpoints, which goes on from them.
    late: &'a Cancel,
    started: Instant,
    task: Task,
}

fn fit_with(config: FitConfig, run: &Run<'_>) -> Result<Done, Failure> {
    let folder = ResultFolder::create(&config.output.dir)?;
    let hash = provenance::hash(&config.data.file);
    let stamp = provenance::stamp(&config.data.file, &hash);
    let identity = checkpoints::identity(&config, &stamp);
    let journal = checkpoints::journal(&config.checkpoint, identity, run.watch)?;
    let opened = Instant::now();
    let resources = Resources::new(run.lanes, &Solo, run.cancel).with_observer(run.watch);
    let resources = match &journal {
        Some(journal) => resources.with_journal(journal),
        None => resources,
    };
    let dir = config.checkpoint.dir.clone();
    let fitted = fitted(config, &stamp, resources, run);
    let write = |fitted, saves: Option<&Saves>| {
        written(fitted, Stamp { hash, identity }, folder, run, saves)
    };
    let Some(journal) = journal else { return write(fitted?, None) };
    match fitted {
        // All of it is saved before the results are written; its memory is wanted for that.
        Ok(fitted) => {
            let closed = journal.close();
            run.watch.saved(&journal, opened);
            let saves = journal.saves();
            drop(journal);
            let done = write(fitted, Some(&saves));
            let done = done.map_err(|failure| suspended(failure, dir, run))?;
            match closed {
                Ok(folder) => folder.clear(),
                // Nothing is lost: the results are there.
                Err(error) => run.watch.warn("checkpoint", error.to_string()),
            }
            Ok(done)
        }
        Err(failure) => {
            let closed = journal.close();
            run.watch.saved(&journal, opened);
            closed?;
            Err(suspended(failure, dir, run))
        }
    }
}

/// What a failure is called where there is a checkpoint to go on from, if the end was asked for.
fn suspended(failure: Failure, dir: Option<PathBuf>, run: &Run<'_>) -> Failure {
    match dir {
        Some(dir) if run.cancel.requested() => Failure::Suspended(dir),
        _ => failure,
    }
}

/// A warning about rows that are left out because they are not finite or cannot be read.
fn masked_rows(mask: &Mask) -> Option<Warning> {
    let first = mask.rows.first()?;
    let pairs: usize = mask.rows.iter().map(|run| run.n_pairs).sum();
    let message = format!(
        "{pairs} pairs are left out, the first of them in bin {}, rows {} to {}: {}. Look at the file \
         with dyne inspect --quality; where one frame is bad throughout, mask.frames leaves it alone out.",
        first.bin, first.first, first.last, first.reason
    );
    Some(Warning { code: "masked_rows".into(), message })
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
    let ((plan, catalog, kept), read_s) = phase(run.watch, "read", || {
        let reader = dyne_xpcs_h5::open(&config.data.file)?;
        let mut plan = Plan::resolve(config, reader.catalog())?;
        let selection = data::selection(stamp, &plan);
        let means = Means { budget: run.budget, resources, selection, observer: run.watch };
        let kept = data::kept(&mut plan, &*reader, means)?;
        Ok::<_, Failure>((plan, reader.catalog().clone(), kept))
    })?;
    let (fitted, fit_s) = phase(run.watch, "fit", || {
        let size = PictureSize { pixels: dyne_xpcs_plot::map_pixels(plan.bins.len()) };
        let _error_bars = kept.lease(run.budget, memory::Phase::ErrorBars)?;
        Ok::<_, Failure>(fit(&plan, &kept.data, resources, size, run.watch)?)
    })?;
    Ok(Outcome { plan, catalog, kept, fitted, read_s, fit_s })
}

/// What tells a run from all others.
struct Stamp {
    /// Hash of the data file.
    hash: String,
    /// Of program, configuration and data.
    identity: Identity,
}

/// Samples where that is asked for, and writes what a run leaves.
fn written(
    mut outcome: Outcome,
    stamp: Stamp,
    folder: ResultFolder,
    run: &Run<'_>,
    saves: Option<&Saves>,
) -> Result<Done, Failure> {
    // The report takes the maps that the posterior is drawn against.
    let sampled = run.task.shards();
    let sampled = sampled.map(|shards| sample::write(&outcome, &stamp, &shards, &folder, run));
    let report = match run.task {
        Task::Sample(_) => None,
        _ => Some(report(&mut outcome, stamp.hash, &folder, run, saves)?),
    };
    let sampled = match sampled.transpose() {
        Err(failure) if report.is_some() => {
            // The fit is there, and is not lost with the posterior.
            folder.publish()?;
            return Err(failure);
        }
        other => other?,
    };
    folder.publish()?;
    sample::forget(&outcome.plan.config);
    Ok(Done { report, sampled })
}

/// Writes what a fit leaves.
fn report(
    outcome: &mut Outcome,
    hash: String,
    folder: &ResultFolder,
    run: &Run<'_>,
    saves: Option<&Saves>,
) -> Result<Report, Failure> {
    let Outcome { plan, catalog, kept, fitted, read_s, fit_s } = outcome;
    let (lanes, watch) = (run.lanes, run.watch);
    let provenance = provenance::of(plan, catalog, hash, lanes);
    let mut report = account::report(plan, fitted, provenance);
    report.warnings.extend(gaps::warnings(&report.left_out));
    report.warnings.extend(masked_rows(&kept.mask));
    report.mask = kept.mask.clone();
    for warning in &report.warnings {
        watch.warn(&warning.code, warning.message.clone());
    }
    let ((), report_s) = phase(watch, "report", || {
        let _arrays = kept.lease(run.budget, memory::Phase::Writing)?;
        let at_once = kept.data.bins_at_once;
        let stops = output::Stops { asked: run.cancel, late: run.late };
        output::write_pictures(&report, plan, folder, lanes, at_once, stops)?;
        let arrays = plan.config.output.formats.contains(&Format::Npz);
        if arrays && (!run.cancel.requested() || run.late.requested()) {
            let resources = Resources::new(lanes, &Solo, run.late);
            output::write_arrays(plan, &kept.data.matrices, fitted, resources, folder)?;
        }
        Ok::<_, Failure>(())
    })?;
    let wall_time_seconds = run.started.elapsed().as_secs_f64();
    report.timings = Timings { read_s: *read_s, fit_s: *fit_s, report_s, wall_time_seconds };
    report.peak_rss_bytes = machine::peak_rss_bytes();
    report.work = watch.work(saves);
    output::write_words(&report, plan, folder, run.cancel)?;
    Ok(report)
}
