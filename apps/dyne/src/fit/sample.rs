//! `dyne sample`: the fit, then chains of its posterior.

use std::fmt::Write;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use dyne_runtime::{Lanes, Resources, Solo, Stream, phase};
use dyne_sample::{ChainOptions, SampleError, sample};
use dyne_xpcs::config::{FitConfig, Scaling};
use dyne_xpcs::fit::{FitError, problem};
use dyne_xpcs::posterior::{Posterior, Summary, composite_weight};
use dyne_xpcs::results::{ResultFolder, write_columns};

use super::watch::{Told, Watch};
use super::{Outcome, Run, config, fitted, means};
use crate::args::{Likelihood, SampleArguments};
use crate::failure::{Ending, Failure};
use crate::progress::Progress;
use crate::{interrupt, provenance, terminal};

pub(crate) fn run(arguments: &SampleArguments, started: Instant) -> Result<Ending, Failure> {
    let given = &arguments.fit;
    let config = config(given)?;
    check(arguments, &config)?;
    let (lanes, budget) = means(given, &config)?;
    let folder = ResultFolder::create(&config.output.dir)?;
    let target = config.output.dir.clone();
    let cancel = interrupt::cancel();
    let progress = Progress::new(&given.telling, cancel)?;
    let told = Told::new(given, &config.logging.performance, started)?;
    let watch = Watch::new(&progress, told);
    let run = Run { lanes: &lanes, budget: &budget, watch: &watch, cancel, late: cancel, started };
    let found = posterior(config, arguments, &folder, &run);
    progress.clear();
    let summary = found?;
    folder.write("posterior.json", format!("{:#}\n", summary.to_json()).as_bytes())?;
    folder.publish()?;
    if !given.telling.quiet {
        terminal::show(&format!("{}results in {}\n", text(&summary), target.display()))?;
    }
    Ok(if summary.converged { Ending::Converged } else { Ending::Reservations })
}

/// Refuses what cannot be sampled, before anything is read.
fn check(arguments: &SampleArguments, config: &FitConfig) -> Result<(), Failure> {
    let refuse = |what: &str, found: &str, expected: &str, remedy: &str| {
        Err(Failure::Usage(format!("{what}: found {found}, expected {expected}\n{remedy}")))
    };
    if arguments.chains < 2 {
        let found = arguments.chains.to_string();
        let expected = "at least 2, as only several chains can tell that they disagree";
        return refuse("--chains", &found, expected, "give 4");
    }
    if arguments.draws < 4 {
        let found = arguments.draws.to_string();
        return refuse("--draws", &found, "at least 4", "give 500");
    }
    if arguments.fit.dry_run {
        let remedy = "leave it out, or give it to dyne fit, whose plan is the same";
        return refuse("--dry-run", "it", "no plan of a sampling", remedy);
    }
    if let Some(dir) = &config.checkpoint.dir {
        let found = dir.display().to_string();
        let remedy = "leave checkpoint.dir (--checkpoint-dir) out";
        return refuse("checkpoint.dir", &found, "none, as samplings save no checkpoints", remedy);
    }
    if config.fit.scaling != Scaling::Individual {
        let expected = "individual, of which contrast and offset are integrated out";
        let remedy = "leave fit.scaling out";
        return refuse("fit.scaling", "another scaling", expected, remedy);
    }
    Ok(())
}

fn posterior(
    config: FitConfig,
    arguments: &SampleArguments,
    folder: &ResultFolder,
    run: &Run<'_>,
) -> Result<Summary, Failure> {
    let hash = provenance::hash(&config.data.file);
    let stamp = provenance::stamp(&config.data.file, &hash);
    let resources = Resources::new(run.lanes, &Solo, run.cancel).with_observer(run.watch);
    let Outcome { plan, kept, fitted, .. } = fitted(config, &stamp, resources, run)?;
    let layout = plan.layout(fitted.shift).map_err(FitError::Plan)?;
    let (solo, sweeps) = (Lanes::solo(), AtomicU64::new(0));
    // Chains are spread over the lanes; a sweep of one stays on its lane.
    let own = resources.with_lanes(&solo).without_observer();
    let problem = problem(&plan, &kept.data.matrices, &layout, fitted.shift, own, &sweeps);
    let weight = match (arguments.likelihood, &fitted.covariance, &fitted.uncertainty) {
        (Likelihood::Composite, Ok(actual), Some(uncertainty)) => {
            composite_weight(&uncertainty.information, actual, plan.transform.free())
        }
        _ => 1.0,
    };
    let posterior = Posterior { problem, transform: &plan.transform, weight };
    let centre = posterior.unbounded(&fitted.outcome.fit.theta).map_err(FitError::Solve)?;
    let stderr = |k: &usize| fitted.covariance.as_ref().ok().and_then(|c| c.stderr(*k).ok());
    let errors: Vec<Option<f64>> = plan.transform.free().iter().map(stderr).collect();
    let starts = starts(&posterior, &centre, &errors, arguments);
    let options = ChainOptions {
        warmup: arguments.warmup,
        draws: arguments.draws,
        seed: arguments.chain_seed,
        ..ChainOptions::default()
    };
    let (chains, _) =
        phase(run.watch, "sample", || sample(&posterior, &starts, options, run.lanes, run.watch))?;
    let columns: Vec<(String, Vec<f64>)> = plan
        .transform
        .free()
        .iter()
        .map(|k| {
            let draws = chains.iter().flat_map(|chain| &chain.draws);
            let name = plan.model.parameters()[*k].name.to_owned();
            (name, draws.map(|v| posterior.theta(v)[*k]).collect())
        })
        .collect();
    let shape = [chains.len() as u64, arguments.draws];
    write_columns(&folder.staged("posterior.npz")?, &columns, &shape)?;
    Ok(Summary::new(&plan, &fitted, &posterior, &chains))
}

/// Starts about the centre, apart by about a standard error where there is one.
fn starts(
    posterior: &Posterior<'_>,
    centre: &[f64],
    errors: &[Option<f64>],
    arguments: &SampleArguments,
) -> Vec<Vec<f64>> {
    let theta = posterior.theta(centre);
    let stream = Stream::new(arguments.chain_seed).split("starts");
    let one = |chain: usize| {
        let mut normal = vec![0.0; centre.len()];
        stream.index(chain as u64).generator().fill_normal(&mut normal);
        let moved = |(i, (v, z)): (usize, (&f64, &f64))| {
            let k = posterior.transform.free()[i];
            let mut beside = centre.to_vec();
            beside[i] += 1e-4;
            let slope = (posterior.theta(&beside)[k] - theta[k]) / 1e-4;
            let step = errors[i].map_or(0.1, |error| (error / slope.abs()).min(1.0));
            v + step * z
        };
        centre.iter().zip(&normal).enumerate().map(moved).collect()
    };
    (0..arguments.chains as usize).map(one).collect()
}

fn text(summary: &Summary) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "posterior: {} chains of {} draws, {} evaluations, {} divergences, likelihood weight {:.4}",
        summary.chains,
        summary.draws,
        summary.evaluations,
        summary.divergences,
        summary.likelihood_weight
    );
    let _ = writeln!(
        out,
        "{:<20} {:>13} {:>11} {:>25} {:>7} {:>6} {:>6} {:>13} {:>11}",
        "parameter", "mean", "sd", "95 %", "R̂", "bulk", "tail", "fit", "± of fit"
    );
    for (name, p) in &summary.parameters {
        let interval = format!("{:.5e}…{:.5e}", p.quantiles[0], p.quantiles[4]);
        let error = p.fit_stderr.map_or_else(|| "–".to_owned(), |error| format!("{error:.3e}"));
        let _ = writeln!(
            out,
            "{name:<20} {:>13.6e} {:>11.3e} {interval:>25} {:>7.4} {:>6.0} {:>6.0} {:>13.6e} {error:>11}",
            p.mean, p.sd, p.r_hat, p.ess_bulk, p.ess_tail, p.fit
        );
    }
    let _ = writeln!(out, "{}", summary.verdict);
    out
}

impl From<SampleError> for Failure {
    fn from(error: SampleError) -> Self {
        match error {
            SampleError::Interrupted => FitError::Interrupted.into(),
            other => Self::Sample(other),
        }
    }
}
