//! What a fit leaves in its folder.

use std::sync::atomic::AtomicU64;

use dyne_runtime::{Cancel, Lanes, Resources};
use dyne_xpcs::config::{Format, PicturesOf};
use dyne_xpcs::fit::{FitError, Fitted, problem};
use dyne_xpcs::plan::Plan;
use dyne_xpcs::report::Report;
use dyne_xpcs::residuals::PairValues;
use dyne_xpcs::results::{ArrayAxes, ResultFolder, write_npz};
use dyne_xpcs_data::Matrices;

use crate::failure::Failure;

/// PNG files of the bins that are asked for, some bins at a time, and of the fit as a whole.
pub(super) fn write_pictures(
    report: &Report,
    plan: &Plan,
    folder: &ResultFolder,
    lanes: &Lanes,
    at_once: usize,
    cancel: &Cancel,
) -> Result<(), Failure> {
    if !plan.config.output.formats.contains(&Format::Png) {
        return Ok(());
    }
    let write = |picture: &dyne_xpcs_plot::Picture| {
        folder.write(&format!("pictures/{}", picture.name), &picture.png)
    };
    let shown = match plan.config.output.pictures {
        PicturesOf::All => report.pictures.iter().collect(),
        _ => dyne_xpcs_plot::telling(report),
    };
    for bins in shown.chunks(at_once.max(1)) {
        if cancel.requested() {
            return Err(FitError::Interrupted.into());
        }
        let drawn = lanes.map(bins, |bin| -> Result<(), Failure> {
            for picture in dyne_xpcs_plot::bin_pictures(bin)? {
                write(&picture)?;
            }
            Ok(())
        });
        drawn.into_iter().collect::<Result<(), Failure>>()?;
    }
    for picture in dyne_xpcs_plot::summary_pictures(report)? {
        write(&picture)?;
    }
    Ok(())
}

/// The files that hold the timings, last of all.
pub(super) fn write_words(
    report: &Report,
    plan: &Plan,
    folder: &ResultFolder,
) -> Result<(), Failure> {
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

pub(super) fn write_arrays(
    plan: &Plan,
    matrices: &Matrices,
    fitted: &Fitted,
    resources: Resources<'_>,
    folder: &ResultFolder,
) -> Result<(), Failure> {
    let sweeps = AtomicU64::new(0);
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
    write_npz(&folder.staged("result.npz")?, &axes, |source, rows| -> Result<PairValues, Failure> {
        let values = problem.pair_values(&fitted.evaluated, &fitted.scaling, source, rows);
        Ok(values.map_err(FitError::from)?)
    })
}
