//! `dyne fit`: from what is typed to the result folder.

use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use dyne_runtime::{Cancel, Event, Lanes, Observer, Resources, Solo};
use dyne_xpcs::account;
use dyne_xpcs::config::{FitConfig, Format, Override};
use dyne_xpcs::fit::{Data, FitError, Fitted, fit, problem};
use dyne_xpcs::mask::{self, Mask};
use dyne_xpcs::plan::Plan;
use dyne_xpcs::report::{Report, Status, Timings};
use dyne_xpcs::residuals::PictureSize;
use dyne_xpcs::results::{ArrayAxes, ResultFolder, write_npz};
use dyne_xpcs_data::{Catalog, Matrices, Reader};

use crate::args::{FitArguments, Telling};
use crate::failure::{Ending, Failure};
use crate::progress::Progress;
use crate::{interrupt, machine, provenance, terminal};

/// Warnings that make a converged fit one with reservations.
const RESERVATIONS: [&str; 4] = ["at_bound", "undetermined", "scaling_range", "profile"];

pub(crate) fn run(arguments: &FitArguments, started: Instant) -> Result<Ending, Failure> {
    let overrides = overrides(arguments)?;
    let config = match &arguments.config {
        Some(path) => FitConfig::load(path, &overrides)?,
        None => FitConfig::from_overrides(&overrides)?,
    };
    let lanes = machine::lanes(
        arguments.threads.or(std::num::NonZeroUsize::new(config.performance.threads)),
    )?;
    if arguments.dry_run {
        let reader = dyne_xpcs_h5::open(&config.data.file)?;
        let plan = Plan::resolve(config, reader.catalog())?;
        terminal::show(&plan_text(&plan, reader.catalog(), &lanes))?;
        return Ok(Ending::Converged);
    }
    fit_file(config, &lanes, &arguments.telling, started)
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
    for text in &arguments.set {
        list.push(Override::parse(text)?);
    }
    Ok(list)
}

/// Reads, fits and writes what `config` asks for.
pub(crate) fn fit_file(
    config: FitConfig,
    lanes: &Lanes,
    telling: &Telling,
    started: Instant,
) -> Result<Ending, Failure> {
    // The first interrupt ends the fit with a report.
    let cancel = interrupt::cancel();
    let progress = Progress::new(telling, cancel)?;
    let result = fit_with(config, lanes, &progress, cancel, started);
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

fn fit_with(
    config: FitConfig,
    lanes: &Lanes,
    progress: &Progress<'_>,
    cancel: &Cancel,
    started: Instant,
) -> Result<(Report, PathBuf), Failure> {
    let folder = ResultFolder::create(&config.output.dir)?;
    let file = config.data.file.clone();
    let target = config.output.dir.clone();
    let hashing = std::thread::spawn(move || provenance::hash(&file));
    let ((plan, data, mask, catalog), read_s) = phase(progress, "read", || {
        let reader = dyne_xpcs_h5::open(&config.data.file)?;
        let plan = Plan::resolve(config, reader.catalog())?;
        let (matrices, mask) = matrices(&plan, &*reader, lanes)?;
        let data = Data::survey(&plan, matrices, Resources::new(lanes, &Solo, cancel))?;
        Ok((plan, data, mask, reader.catalog().clone()))
    })?;
    let (fitted, fit_s) = phase(progress, "fit", || {
        let resources = Resources::new(lanes, &Solo, cancel);
        let late = Cancel::new();
        let after = resources.with_cancel(&late);
        let size = PictureSize { pixels: dyne_xpcs_plot::map_pixels(plan.bins.len()) };
        Ok(fit(&plan, &data, resources, after, size, progress)?)
    })?;
    let hash = hashing.join().unwrap_or_else(|_| "none: hashing failed".to_owned());
    let provenance = provenance::of(&plan, &catalog, hash, lanes);
    let mut report = account::report(&plan, &fitted, provenance);
    report.mask = mask;
    for warning in &report.warnings {
        let (code, message) = (warning.code.clone(), warning.message.clone());
        progress.event(&Event::Warning { code, message });
    }
    let ((), report_s) = phase(progress, "report", || {
        write_pictures(&report, &plan, &folder, lanes)?;
        if plan.config.output.formats.contains(&Format::Npz) {
            write_arrays(&plan, &data.matrices, &fitted, lanes, &folder)?;
        }
        Ok(())
    })?;
    let wall_time_seconds = started.elapsed().as_secs_f64();
    report.timings = Timings { read_s, fit_s, report_s, wall_time_seconds };
    report.peak_rss_bytes = machine::peak_rss_bytes();
    write_words(&report, &plan, &folder)?;
    folder.publish()?;
    Ok((report, target))
}

/// The selected matrices without the masked frames.
fn matrices(plan: &Plan, reader: &dyn Reader, lanes: &Lanes) -> Result<(Matrices, Mask), Failure> {
    let triangles = reader.read_stored(&plan.positions, plan.frames.clone(), lanes)?;
    Ok(mask::apply(plan, Matrices::new(triangles, plan.skip()), lanes)?)
}

/// PNG files, drawn on all lanes.
fn write_pictures(
    report: &Report,
    plan: &Plan,
    folder: &ResultFolder,
    lanes: &Lanes,
) -> Result<(), Failure> {
    if !plan.config.output.formats.contains(&Format::Png) {
        return Ok(());
    }
    let write = |picture: &dyne_xpcs_plot::Picture| {
        folder.write(&format!("pictures/{}", picture.name), &picture.png)
    };
    let drawn = lanes.map(&report.pictures, |bin| -> Result<(), Failure> {
        for picture in dyne_xpcs_plot::bin_pictures(bin)? {
            write(&picture)?;
        }
        Ok(())
    });
    drawn.into_iter().collect::<Result<(), Failure>>()?;
    for picture in dyne_xpcs_plot::summary_pictures(report)? {
        write(&picture)?;
    }
    Ok(())
}

/// The files that hold the timings, last of all.
fn write_words(report: &Report, plan: &Plan, folder: &ResultFolder) -> Result<(), Failure> {
    let formats = &plan.config.output.formats;
    if formats.contains(&Format::Text) {
        folder.write("report.txt", dyne_xpcs_plot::text(report).as_bytes())?;
    }
    if formats.contains(&Format::Html) {
        folder.write("report.html", dyne_xpcs_plot::html(report).as_bytes())?;
    }
    if formats.contains(&Format::Json) {
        folder.write("result.json", format!("{:#}\n", report.to_json()).as_bytes())?;
    }
    Ok(())
}

fn write_arrays(
    plan: &Plan,
    matrices: &Matrices,
    fitted: &Fitted,
    lanes: &Lanes,
    folder: &ResultFolder,
) -> Result<(), Failure> {
    let sweeps = AtomicU64::new(0);
    let cancel = Cancel::new();
    let resources = Resources::new(lanes, &Solo, &cancel);
    let problem = problem(plan, matrices, &fitted.layout, fitted.shift, resources, &sweeps);
    let phi_deg: Vec<f64> = plan.bins.iter().map(|b| b.phi_deg).collect();
    let q: Vec<f64> = plan.bins.iter().map(|b| b.q).collect();
    let axes = ArrayAxes {
        matrices,
        times: plan.grid.times(),
        phi_deg: &phi_deg,
        q: &q,
        scaling: &fitted.scaling,
        layout: plan.config.output.npz_layout,
    };
    write_npz(&folder.staged("result.npz")?, &axes, |bin| -> Result<Vec<f64>, Failure> {
        let values = problem.fitted(&fitted.evaluated, &fitted.scaling, bin);
        Ok(values.map_err(FitError::from)?)
    })
}

/// What `--dry-run` shows.
fn plan_text(plan: &Plan, catalog: &Catalog, lanes: &Lanes) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    let bytes = plan.pairs() * if catalog.element == dyne_xpcs_data::Element::F32 { 4 } else { 8 };
    let start = match plan.search.starts {
        0 => "the starting values given".to_owned(),
        starts => format!("{starts} points over the bounds"),
    };
    // Writing to a string cannot fail.
    let _ = writeln!(out, "file        {} ({})", catalog.file.display(), catalog.layout);
    let _ = writeln!(out, "mode        {}, shear {}", plan.mode, plan.config.physics.shear.name());
    let (first, last) = (plan.frames.start + 1, plan.frames.end);
    let _ = writeln!(out, "frames      {first} to {last}, of which {} skipped", plan.skip());
    let masked: Vec<String> =
        plan.masked.iter().map(|k| (plan.frames.start + k + 1).to_string()).collect();
    if !masked.is_empty() {
        let _ = writeln!(out, "masked      {}", masked.join(", "));
    }
    if plan.config.mask.auto {
        let _ = writeln!(out, "            and the outlier frames, once the matrices are read");
    }
    let _ = writeln!(out, "dt          {} s ({})", plan.dt.seconds, plan.dt.derivation);
    let _ = writeln!(out, "matrices    {}", plan.bins.len());
    for bin in &plan.bins {
        let _ = writeln!(
            out,
            "            bin {}: q {:.6} Å⁻¹, φ {:.3}°",
            bin.number, bin.q, bin.phi_deg
        );
    }
    let _ = writeln!(out, "pairs       {} ({:.1} MB in memory)", plan.pairs(), bytes as f64 / 1e6);
    let _ = writeln!(out, "start       {start}");
    let _ = writeln!(out, "threads     {}", lanes.count());
    let _ = writeln!(out, "results     {}", plan.config.output.dir.display());
    for warning in &plan.warnings {
        let _ = writeln!(out, "warning     {}", warning.message);
    }
    out
}
