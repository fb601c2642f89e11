//! `dyne g2`: one-time correlation functions by age, the decays fitted to them and τ(q).

mod tables;

use dyne_runtime::{Lanes, Resources, Solo, SweepError};
use dyne_xpcs::config::{FitConfig, Override};
use dyne_xpcs::fit::FitError;
use dyne_xpcs::g2::{Ages, Angles, Decay, G2Provenance, G2Report, Request};
use dyne_xpcs::gaps::{self, Origin};
use dyne_xpcs::mask::{self, Outliers};
use dyne_xpcs::plan::{PlanError, Selection};
use dyne_xpcs::report::Warning;
use dyne_xpcs::results::{Earlier, ResultFolder};
use dyne_xpcs_data::{Bin, Matrices, ReadError, Reader};

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
    // The mode stands there because a configuration has one; only its groups `data` and `mask` are used.
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
    let mut selection = Selection::resolve(&config.data, &config.mask, catalog)?;
    let windows = ages(arguments).windows(selection.frames.len());
    let windows = windows.map_err(|e| Failure::Usage(e.to_string()))?;
    let resources = Resources::new(lanes, &Solo, cancel);
    let matrices = matrices(&*reader, &mut selection, config, resources)?;
    let angles = if arguments.each_angle { Angles::Each } else { Angles::Averaged };
    let models = models(arguments);
    let request = Request { selection: &selection, catalog, angles, windows: &windows, models };
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

/// The matrices that are selected, without what has no data or is masked.
fn matrices(
    reader: &dyn Reader,
    selection: &mut Selection,
    config: &FitConfig,
    resources: Resources<'_>,
) -> Result<Matrices, Failure> {
    let (catalog, frames) = (reader.catalog(), selection.frames.clone());
    let bins: Vec<Bin> = selection.positions.iter().map(|k| catalog.bins[*k].clone()).collect();
    let stored = reader.read_stored(&selection.positions, frames.clone(), resources.lanes)?;
    let all = Matrices::new(stored, 0);
    let unwritten = reader.unwritten(&selection.positions, frames.clone())?;
    let none = || Vec::new();
    let origin =
        Origin { bins: &bins, first: frames.start, unwritten: &unwritten, failures: &none };
    let found = gaps::find(&all, &origin, resources).map_err(FitError::from)?;
    selection.leave_out(&found);
    let left = found.left_of(all).ok_or_else(|| {
        let found = selection.left_out.sentences().join("; ");
        Failure::Plan(PlanError::NoData { file: catalog.file.clone(), found })
    })?;
    let outliers = if config.mask.auto { Outliers::Masked } else { Outliers::Kept };
    let (left, excluded) = mask::of_selection(selection, outliers, left, resources.lanes)?;
    selection.warnings.extend(gaps::warnings(&selection.left_out));
    if excluded > 0 {
        let message = format!("{excluded} frames are left out by mask.frames and mask.auto");
        selection.warnings.push(Warning { code: "masked".to_owned(), message });
    }
    let Some((bin, [row, column], value)) = left.first_not_finite()? else { return Ok(left) };
    let positions = left.positions();
    let frame = |k: usize| frames.start + positions[k] + 1;
    Err(Failure::Read(ReadError::NotFinite {
        file: catalog.file.clone(),
        path: catalog.bins[selection.positions[bin]].path.clone(),
        value,
        row: frame(row),
        column: frame(column),
    }))
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
