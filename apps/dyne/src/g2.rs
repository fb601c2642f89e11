//! `dyne g2`: one-time correlation functions by age, the decays fitted to them and τ(q).

mod tables;

use dyne_runtime::{Lanes, Resources, Solo, SweepError};
use dyne_xpcs::config::{FitConfig, Override};
use dyne_xpcs::fit::FitError;
use dyne_xpcs::g2::{Ages, Angles, Decay, G2Provenance, G2Report, Request};
use dyne_xpcs::plan::Selection;
use dyne_xpcs::results::{Earlier, ResultFolder};
use dyne_xpcs_data::Matrices;

use crate::args::G2Arguments;
use crate::failure::{Ending, Failure};
use crate::progress::Progress;
use crate::{interrupt, machine, provenance, terminal};

pub(crate) fn run(arguments: &G2Arguments) -> Result<Ending, Failure> {
    let config = FitConfig::from_overrides(&overrides(arguments)?)?;
    let folder = arguments.out.as_deref().map(ResultFolder::create).transpose()?;
    let lanes = machine::lanes(None)?;
    let report = report(arguments, &config, &lanes)?;
    if let Some(folder) = folder {
        write(&report, &folder)?;
        folder.publish(Earlier::Keep)?;
    }
    if arguments.json {
        terminal::show(&format!("{:#}\n", report.to_json()))?;
    } else if !arguments.telling.quiet {
        terminal::show(&dyne_xpcs_plot::g2_text(&report))?;
    }
    Ok(if report.is_trusted() { Ending::Converged } else { Ending::Reservations })
}

fn overrides(arguments: &G2Arguments) -> Result<Vec<Override>, Failure> {
    // The mode stands there because a configuration has one; only its group `data` is used.
    let mut list = vec![Override::parse("mode=static")?];
    list.push(Override::text("data.file", &arguments.file.to_string_lossy())?);
    list.extend(arguments.selected.overrides()?);
    Ok(list)
}

fn report(arguments: &G2Arguments, config: &FitConfig, lanes: &Lanes) -> Result<G2Report, Failure> {
    let cancel = interrupt::cancel();
    let progress = Progress::new(&arguments.telling, cancel)?;
    let reader = dyne_xpcs_h5::open(&config.data.file)?;
    let catalog = reader.catalog();
    let selection = Selection::resolve(&config.data, catalog)?;
    let windows = ages(arguments).windows(selection.frames.len());
    let windows = windows.map_err(|e| Failure::Usage(e.to_string()))?;
    let triangles = reader.read(&selection.positions, selection.frames.clone(), lanes)?;
    let matrices = Matrices::new(triangles, 0);
    let angles = if arguments.each_angle { Angles::Each } else { Angles::Averaged };
    let models = models(arguments);
    let request = Request { selection: &selection, catalog, angles, windows: &windows, models };
    let resources = Resources::new(lanes, &Solo, cancel);
    let source = G2Provenance {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        git_revision: env!("DYNE_GIT_REVISION").to_owned(),
        file: catalog.file.display().to_string(),
        file_hash: provenance::hash(&config.data.file),
    };
    let found = request.report(&matrices, resources, &progress, source);
    progress.clear();
    found.map_err(|error| match error {
        SweepError::Cancelled => Failure::Fit(FitError::Interrupted),
        other => Failure::Usage(other.to_string()),
    })
}

fn ages(arguments: &G2Arguments) -> Ages {
    match (arguments.partials, arguments.window, arguments.step) {
        (Some(count), _, _) => Ages::Partials(count),
        (None, Some(window), Some(step)) => Ages::Sliding { window, step },
        _ => Ages::Full,
    }
}

fn models(arguments: &G2Arguments) -> &'static [Decay] {
    match arguments.model.as_str() {
        "exponential" => &[Decay::Exponential],
        "both" => &[Decay::Kww, Decay::Exponential],
        _ => &[Decay::Kww],
    }
}

fn write(report: &G2Report, folder: &ResultFolder) -> Result<(), Failure> {
    folder.write("g2.csv", tables::curves(report).as_bytes())?;
    folder.write("fits.csv", tables::fits(report).as_bytes())?;
    if !report.power_laws.is_empty() {
        folder.write("power_law.csv", tables::power_laws(report).as_bytes())?;
    }
    folder.write("g2.json", format!("{:#}\n", report.to_json()).as_bytes())?;
    folder.write("g2.html", dyne_xpcs_plot::g2_html(report).as_bytes())?;
    for picture in dyne_xpcs_plot::g2_pictures(report)? {
        folder.write(&format!("pictures/{}", picture.name), &picture.png)?;
    }
    Ok(())
}
