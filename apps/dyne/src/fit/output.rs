//! What a fit leaves in its folder.

use std::sync::atomic::AtomicU64;

use dyne_runtime::{Cancel, Lanes, Resources};
use dyne_xpcs::config::Format;
use dyne_xpcs::fit::{FitError, Fitted, problem};
use dyne_xpcs::plan::Plan;
use dyne_xpcs::report::Report;
use dyne_xpcs::residuals::PairValues;
use dyne_xpcs::results::{ArrayAxes, ResultFolder, write_npz};
use dyne_xpcs_data::Matrices;

use crate::failure::Failure;

/// Bins whose page is drawn at once.
const FEW_BINS: usize = 8;

/// PNG files, those of some bins at a time; no more of them once `asked` is requested.
pub(super) fn write_pictures(
    report: &Report,
    plan: &Plan,
    folder: &ResultFolder,
    lanes: &Lanes,
    at_once: usize,
    Stops { asked, late }: Stops<'_>,
) -> Result<(), Failure> {
    if !plan.config.output.formats.contains(&Format::Png) {
        return Ok(());
    }
    let write = |picture: &dyne_xpcs_plot::Picture| {
        folder.write(&format!("pictures/{}", picture.name), &picture.png)
    };
    for bins in report.pictures.chunks(at_once.max(1)) {
        if late.requested() {
            return Err(FitError::Interrupted.into());
        }
        if asked.requested() {
            return Ok(());
        }
        let drawn = lanes.map(bins, |bin| -> Result<(), Failure> {
            if !asked.requested() {
                for picture in dyne_xpcs_plot::bin_pictures(bin)? {
                    write(&picture)?;
                }
            }
            Ok(())
        });
        drawn.into_iter().collect::<Result<(), Failure>>()?;
    }
    if !asked.requested() {
        for picture in dyne_xpcs_plot::summary_pictures(report)? {
            write(&picture)?;
        }
    }
    Ok(())
}

/// Requests to end while results are written.
#[derive(Clone, Copy)]
pub(super) struct Stops<'a> {
    /// Leaves out what takes long.
    pub(super) asked: &'a Cancel,
    /// Leaves out all.
    pub(super) late: &'a Cancel,
}

/// The files that hold the timings, last of all; without the page once `asked` is requested.
pub(super) fn write_words(
    report: &Report,
    plan: &Plan,
    folder: &ResultFolder,
    asked: &Cancel,
) -> Result<(), Failure> {
    let formats = &plan.config.output.formats;
    if formats.contains(&Format::Text) {
        folder.write("report.txt", dyne_xpcs_plot::text(report).as_bytes())?;
    }
    // Its maps take long with many bins.
    if formats.contains(&Format::Html) && !(asked.requested() && plan.bins.len() > FEW_BINS) {
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
