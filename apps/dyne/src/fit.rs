//! `dyne fit`: from what is typed to the result folder.

mod checkpoints;
mod data;
mod given;
mod log;
pub(crate) mod memory;
pub(crate) mod models;
mod netcdf;
mod output;
mod record;
pub(crate) mod sample;
pub(crate) mod table;
mod text;
mod trace;
mod watch;

use std::path::PathBuf;
use std::time::Instant;

use dyne_runtime::budget::Budget;
use dyne_runtime::checkpoint::{CheckpointError, CheckpointFolder};
use dyne_runtime::{Cancel, Identity, Journal, Lanes, Resources, Saves, Solo, phase};
use dyne_xpcs::account;
use dyne_xpcs::config::{FitConfig, Format, Override};
use dyne_xpcs::fit::{FitError, Fitted, fit};
use dyne_xpcs::gaps;
use dyne_xpcs::plan::Plan;
use dyne_xpcs::posterior::{Sampled, ShardRun};
use dyne_xpcs::report::{Mask, Reason, Report, Status, Timings, VerdictClass, Warning};
use dyne_xpcs::residuals::PictureSize;
use dyne_xpcs::results::ResultFolder;
use dyne_xpcs_data::Catalog;

use crate::args::{Accepted, FitArguments, FitCommand, Telling, Then};
use crate::failure::{Ending, Failure};
use crate::progress::Progress;
use crate::{interrupt, machine, provenance, terminal};
use checkpoints::Written;
use data::{Kept, Means};
use watch::{Told, Watch};

/// Warnings of a plan that are told before a fit begins, as they may be slips.
const SLIPS: [&str; 4] = ["q_far", "q_dropped", "dt_differs", "gap"];

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
        let saving = Written::of(&plan.config.checkpoint, &budget);
        terminal::show(&text::plan_text(&plan, reader.catalog(), (&table, saving), &lanes))?;
        return Ok(Ending::Converged);
    }
    let told = Told::new(arguments, &config.logging.performance, started)?;
    let task = match command.then {
        None => Task::Fit,
        Some(Then::Sample) => Task::FitAndSample,
    };
    fit_file(config, Request::of(arguments, (&lanes, &budget), told, (started, task)))
}

/// The configuration, with the flags, and some more keys.
fn config(arguments: &FitArguments, more: &[Override]) -> Result<FitConfig, Failure> {
    let mut overrides = overrides(arguments)?;
    // Before what --set says, which is the last word.
    let at = overrides.len() - arguments.set.len();
    overrides.splice(at..at, more.iter().cloned());
    given::config(arguments, &overrides)
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
    list.extend(path("data.file", &given::data_file(arguments))?);
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
    shown: Shown,
    accept: Option<Accepted>,
    told: Told,
    started: Instant,
    task: Task,
}

/// What is printed of a fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// The answer.
    Brief,
    /// The report.
    Whole,
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
        let (shown, told, task) = (Shown::Brief, Told::default(), Task::Fit);
        Self { lanes, budget, telling, shown, accept: None, told, started, task }
    }

    /// As the flags ask.
    fn of(
        arguments: &'a FitArguments,
        (lanes, budget): (&'a Lanes, &'a Budget),
        told: Told,
        (started, task): (Instant, Task),
    ) -> Self {
        let FitArguments { telling, accept, verbose, .. } = arguments;
        let shown = if *verbose { Shown::Whole } else { Shown::Brief };
        Self { lanes, budget, telling, shown, accept: *accept, told, started, task }
    }
}

/// Reads, fits and writes what `config` asks for.
pub(crate) fn fit_file(config: FitConfig, request: Request<'_>) -> Result<Ending, Failure> {
    let Request { lanes, budget, telling, shown, accept, told, started, task } = request;
    let cancel = interrupt::cancel();
    let progress = Progress::new(telling, cancel)?;
    let watch = Watch::new(&progress, told);
    let place = format!("results in {}", config.results_dir().display());
    let run = Run { lanes, budget, watch: &watch, cancel, started, task };
    let result = fit_with(config, &run);
    progress.clear();
    let Done { report, sampled } = result?;
    if !telling.quiet {
        terminal::show(&told_of(report.as_ref(), sampled.as_ref(), shown, &place))?;
    }
    let of_fit = report.as_ref().map_or(Ending::Converged, ending);
    let of_posterior = sampled.as_ref().map_or(Ending::Converged, sample::ending);
    let ending = if of_fit == Ending::Converged { of_posterior } else { of_fit };
    let reserved = report.is_none_or(|report| report.verdict.class <= VerdictClass::Reservations);
    Ok(match (accept, ending) {
        (Some(Accepted::Reservations), Ending::Reservations) if reserved => Ending::Converged,
        _ => ending,
    })
}

/// What is printed of a run.
fn told_of(
    report: Option<&Report>,
    sampled: Option<&Sampled>,
    shown: Shown,
    place: &str,
) -> String {
    let posterior = sampled.map(sample::text).unwrap_or_default();
    let fit = match (report, shown) {
        (None, _) => String::new(),
        (Some(report), Shown::Whole) => dyne_xpcs_plot::details(report),
        // The place comes last of all.
        (Some(report), Shown::Brief) if sampled.is_none() => {
            return dyne_xpcs_plot::brief(report, place);
        }
        (Some(report), Shown::Brief) => dyne_xpcs_plot::brief(report, "the posterior:"),
    };
    format!("{fit}{posterior}{place}\n")
}

/// What a run leaves.
struct Done {
    report: Option<Report>,
    sampled: Option<Sampled>,
}

/// The ending that follows from the verdict.
fn ending(report: &Report) -> Ending {
    match report.status {
        Status::Interrupted => Ending::Interrupted,
        _ => Ending::of(report.verdict.exit_code),
    }
}

/// What a fit runs with.
struct Run<'a> {
    lanes: &'a Lanes,
    budget: &'a Budget,
    watch: &'a Watch<'a>,
    cancel: &'a Cancel,
    started: Instant,
    task: Task,
}

fn fit_with(config: FitConfig, run: &Run<'_>) -> Result<Done, Failure> {
    let folder = ResultFolder::create(&config.results_dir())?;
    let hash = provenance::hash(&config.data.file);
    let stamp = provenance::stamp(&config.data.file, &hash);
    let identity = checkpoints::identity(&config, &stamp);
    let saving = Written::of(&config.checkpoint, run.budget);
    let journal = checkpoints::journal(&config, saving, identity, run.watch)?;
    if saving != Written::Throughout {
        interrupt::hurry(folder.hidden(), &config.checkpoints_dir());
    }
    let opened = Instant::now();
    let resources = Resources::new(run.lanes, &Solo, run.cancel).with_observer(run.watch);
    let resources = match &journal {
        Some(journal) => resources.with_journal(journal),
        None => resources,
    };
    let (dir, target) = (config.checkpoints_dir(), config.results_dir());
    let fitted = fitted(config, &stamp, resources, run);
    let write = |fitted, saves: Option<&Saves>| {
        written(fitted, Stamp { hash, identity }, folder, run, saves)
    };
    let Some(journal) = journal else {
        return write(fitted.map_err(|failure| stopped(failure, target))?, None);
    };
    match fitted {
        // All of it is saved before the results are written; its memory is wanted for that.
        Ok(fitted) => {
            let closed = ended(&journal, saving);
            run.watch.saved(&journal, opened);
            let saves = Some(journal.saves());
            drop(journal);
            let saves =
                saves.filter(|saves| saving == Written::Throughout || !saves.each.is_empty());
            let done = write(fitted, saves.as_ref());
            let done = done.map_err(|failure| suspended(failure, dir, run))?;
            match closed {
                Ok(folder) => folder.clear(),
                // Nothing is lost: the results are there.
                Err(error) => run.watch.warn("checkpoint", error.to_string()),
            }
            Ok(done)
        }
        Err(failure) => {
            let closed = ended(&journal, saving);
            run.watch.saved(&journal, opened);
            closed?;
            // What lies in a folder that was not asked for may be another run's.
            match saving == Written::Throughout || !journal.saves().each.is_empty() {
                true => Err(suspended(failure, dir, run)),
                false => Err(stopped(failure, target)),
            }
        }
    }
}

/// The end of a journal; what is saved late is as new as it need be.
fn ended(journal: &Journal, saving: Written) -> Result<CheckpointFolder, CheckpointError> {
    match saving {
        Written::Throughout => journal.close(),
        Written::Late | Written::Never => journal.end(),
    }
}

/// What a failure is called where there is a checkpoint to go on from, if the end was asked for.
fn suspended(failure: Failure, dir: PathBuf, run: &Run<'_>) -> Failure {
    if run.cancel.requested() { Failure::Suspended(dir) } else { failure }
}

/// What a failure is called where its reason is that the end was asked for.
fn stopped(failure: Failure, target: PathBuf) -> Failure {
    match failure.ending() {
        Ending::Interrupted => Failure::Stopped(target),
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
        for warning in plan.warnings.iter().filter(|w| SLIPS.contains(&w.code.as_str())) {
            run.watch.warn(&warning.code, warning.message.clone());
        }
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
    let plan = &outcome.plan;
    let target = plan.config.results_dir();
    let made = record::Made::of(&plan.config, &stamp.hash);
    let earlier = made.earlier(&target);
    made.write(&folder, &target)?;
    let stopped = |failure| stopped(failure, target.clone());
    // The report takes the maps that the posterior is drawn against.
    let sampled = run.task.shards();
    let sampled = sampled.map(|shards| sample::write(&outcome, &stamp, &shards, &folder, run));
    let report = match run.task {
        Task::Sample(_) => None,
        _ => Some(report(&mut outcome, stamp.hash, &folder, run, saves).map_err(stopped)?),
    };
    let sampled = match sampled.transpose() {
        Err(failure) if report.is_some() => {
            // The fit is there, and is not lost with the posterior.
            interrupt::wait();
            folder.publish(earlier)?;
            return Err(failure);
        }
        other => other.map_err(stopped)?,
    };
    interrupt::wait();
    folder.publish(earlier)?;
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
    if report.status == Status::Interrupted || run.cancel.requested() {
        // Half a fit is no result.
        return Err(FitError::Interrupted.into());
    }
    report.warnings.extend(gaps::warnings(&report.left_out));
    if let Some(warning) = masked_rows(&kept.mask) {
        report.verdict.reserve(Reason::from(&warning));
        report.warnings.push(warning);
    }
    report.mask = kept.mask.clone();
    let told = |w: &&Warning| SLIPS.contains(&w.code.as_str());
    for warning in report.warnings.iter().filter(|w| !told(w)) {
        // The terminal has them in the answer.
        watch.note(&warning.code, &warning.message);
    }
    let ((), report_s) = phase(watch, "report", || {
        let _arrays = kept.lease(run.budget, memory::Phase::Writing)?;
        let at_once = kept.data.bins_at_once;
        output::write_pictures(&report, plan, folder, lanes, at_once, run.cancel)?;
        if plan.config.output.formats.contains(&Format::Npz) {
            let resources = Resources::new(lanes, &Solo, run.cancel);
            output::write_arrays(plan, &kept.data.matrices, fitted, resources, folder)?;
        }
        Ok::<_, Failure>(())
    })?;
    let wall_time_seconds = run.started.elapsed().as_secs_f64();
    report.timings = Timings { read_s: *read_s, fit_s: *fit_s, report_s, wall_time_seconds };
    report.peak_rss_bytes = machine::peak_rss_bytes();
    report.work = watch.work(saves);
    output::write_words(&report, plan, folder)?;
    folder.write("fit.csv", record::table(&report).as_bytes())?;
    Ok(report)
}
