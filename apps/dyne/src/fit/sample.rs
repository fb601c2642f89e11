//! `dyne sample`: the fit, then chains of its posterior.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use dyne_runtime::{Begin, Identity, Machine, Resources, Solo};
use dyne_sample::SavedChains;
use dyne_xpcs::config::{FitConfig, Format, Override, PosteriorConfig};
use dyne_xpcs::posterior::report::PosteriorReport;
use dyne_xpcs::posterior::{Sampled, SamplingError, Setting, ShardRun, ShardsFolder};
use dyne_xpcs::posterior::{arrays, sample_posterior};
use dyne_xpcs::results::{ResultFolder, write_columns};

use super::netcdf;
use super::watch::Told;
use super::{Outcome, Request, Run, Stamp, Task, config, fit_file, means};
use crate::args::{CombineArguments, SampleArguments, SampleCommand};
use crate::failure::{Ending, Failure};
use crate::provenance;

pub(crate) fn run(arguments: &SampleArguments, started: Instant) -> Result<Ending, Failure> {
    if let Some(SampleCommand::Combine(combine)) = &arguments.command {
        return combined(combine, started);
    }
    let given = &arguments.fit;
    let set = arguments.set();
    let set: Result<Vec<Override>, _> =
        set.iter().map(|(key, value)| Override::parse(&format!("{key}={value}"))).collect();
    let config = config(given, &set?)?;
    if given.dry_run {
        return Err(Failure::Usage(
            "--dry-run: found it, expected no plan of a sampling\n\
             leave it out, or give it to dyne fit, whose plan is the same"
                .to_owned(),
        ));
    }
    let (lanes, budget) = means(given, &config)?;
    let told = Told::new(given, &config.logging.performance, started)?;
    let task = Task::Sample(arguments.shard.map_or(ShardRun::All, |one| ShardRun::One(one.number)));
    fit_file(config, Request::of(given, (&lanes, &budget), told, (started, task)))
}

/// Combines the shards in a folder, with the configuration that they were sampled with.
fn combined(arguments: &CombineArguments, started: Instant) -> Result<Ending, Failure> {
    let failed = |error| Failure::Sampling(SamplingError::Shards(error));
    let plan = ShardsFolder::config(&shards_dir(&arguments.dir)).map_err(failed)?;
    let mut set = vec![Override::text("output.dir", &arguments.dir.to_string_lossy())?];
    if let Some(data) = &arguments.data {
        set.push(Override::text("data.file", &data.to_string_lossy())?);
    }
    let config = FitConfig::from_yaml(&serde_json::json!(plan).to_string(), "plan.json", &set)?;
    if !config.data.file.exists() {
        return Err(Failure::Usage(format!(
            "{}: there is no such file from here, expected the data that the shards were sampled from\n\
             name it with --data",
            config.data.file.display()
        )));
    }
    let lanes = crate::machine::lanes(NonZeroUsize::new(config.performance.threads))?;
    let budget = super::memory::budget(None, &config.performance)?;
    let request = Request::untold(&lanes, &budget, &arguments.telling, started);
    fit_file(config, Request { task: Task::Sample(ShardRun::Combine), ..request })
}

/// Where shards are kept beside results.
fn shards_dir(results: &Path) -> PathBuf {
    results.join("shards")
}

/// Where chains are kept beside checkpoints.
fn chains_dir(checkpoints: &Path) -> PathBuf {
    checkpoints.join("chains")
}

/// Shards sampled at the same time: half of the physical cores less one, at least one.
fn workers() -> NonZeroUsize {
    let cores = Machine::read().topology.allowed_cores().len();
    NonZeroUsize::new((cores / 2).saturating_sub(1)).unwrap_or(NonZeroUsize::MIN)
}

/// What tells a posterior from all others: its fit, and all of its group but what is a matter of resources.
fn identity(fit: Identity, config: &PosteriorConfig) -> Identity {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&fit);
    hasher.update(serde_json::to_string(&config.of_result()).unwrap_or_default().as_bytes());
    hasher.finalize().into()
}

/// Samples the posterior of a fit and writes what it leaves.
pub(super) fn write(
    outcome: &Outcome,
    stamp: &Stamp,
    shards: &ShardRun,
    folder: &ResultFolder,
    run: &Run<'_>,
) -> Result<Sampled, Failure> {
    let Outcome { plan, kept, fitted, .. } = outcome;
    let config = &plan.config;
    let identity = identity(stamp.identity, &config.posterior);
    let begin = if config.checkpoint.resume { Begin::GoOn } else { Begin::Afresh };
    let dir = config.checkpoint.dir.as_deref();
    let saved = dir.map(|dir| SavedChains { dir: chains_dir(dir), identity, begin });
    let resources = Resources::new(run.lanes, &Solo, run.cancel);
    let setting = Setting {
        plan,
        matrices: &kept.data.matrices,
        fitted,
        resources,
        observer: run.watch,
        saved: saved.as_ref(),
        identity,
        shards_dir: &shards_dir(&config.results_dir()),
        shard_run: shards,
        workers: workers(),
    };
    let mut sampled = sample_posterior(setting)?;
    if let Sampled::Report(report) = &mut sampled {
        let hash = stamp.hash.clone();
        report.provenance = Some(provenance::of(plan, &outcome.catalog, hash, run.lanes));
        for warning in &report.warnings {
            run.watch.warn(&warning.code, warning.message.clone());
        }
        files(report, outcome, folder)?;
    }
    Ok(sampled)
}

/// Removes the chains of a posterior that is written.
pub(super) fn forget(config: &FitConfig) {
    if let Some(dir) = &config.checkpoint.dir {
        // What is left behind only takes space.
        let _ = std::fs::remove_dir_all(chains_dir(dir));
    }
}

fn files(
    report: &PosteriorReport,
    outcome: &Outcome,
    folder: &ResultFolder,
) -> Result<(), Failure> {
    let formats = &outcome.plan.config.output.formats;
    let wanted = |format| formats.contains(&format);
    if wanted(Format::Json) {
        folder.write("posterior.json", format!("{:#}\n", report.to_json()).as_bytes())?;
    }
    if wanted(Format::Npz) {
        for (name, sample) in ["posterior.npz", "posterior_cmc.npz"].iter().zip(&report.samples) {
            let (columns, shape) = arrays(sample);
            write_columns(&folder.staged(name)?, &columns, &shape)?;
        }
    }
    if wanted(Format::Nc) {
        dyne_xpcs_h5::write_netcdf(&folder.staged("posterior.nc")?, &netcdf::of(report, outcome))?;
    }
    if wanted(Format::Text) {
        folder.write("posterior.txt", dyne_xpcs_plot::posterior_text(report).as_bytes())?;
    }
    if wanted(Format::Html) {
        folder.write("posterior.html", dyne_xpcs_plot::posterior_html(report).as_bytes())?;
    }
    if wanted(Format::Png) {
        for picture in dyne_xpcs_plot::posterior_pictures(report)? {
            folder.write(&format!("pictures/{}", picture.name), &picture.png)?;
        }
    }
    Ok(())
}

/// What is shown of a sampling.
pub(super) fn text(sampled: &Sampled) -> String {
    match sampled {
        Sampled::Report(report) => dyne_xpcs_plot::posterior_text(report),
        Sampled::Shard(shard) => {
            format!("shard {shard} is sampled; combine all with dyne sample combine\n")
        }
    }
}

pub(super) fn ending(sampled: &Sampled) -> Ending {
    match sampled {
        Sampled::Report(report) if !report.converged => Ending::Reservations,
        _ => Ending::Converged,
    }
}

impl From<SamplingError> for Failure {
    fn from(error: SamplingError) -> Self {
        match error {
            SamplingError::Interrupted => dyne_xpcs::fit::FitError::Interrupted.into(),
            SamplingError::Plan(error) => error.into(),
            other => Self::Sampling(other),
        }
    }
}
