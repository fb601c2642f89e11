//! Pictures, page and text of a posterior.
//!
//! However long the chains are, a page stays short: lines, points and panels are thinned evenly, and
//! a figure says so where it shows less than all.

mod cells;
mod colours;
mod density;
mod draws;
mod energy;
mod forest;
mod legend;
mod page;
mod pair;
mod predictive;
mod rank;
mod rates;
mod ruler;
mod sections;
mod shards;
mod sheet;
mod trace;
mod words;

use dyne_xpcs::posterior::report::{PosteriorReport, SampleReport};
use dyne_xpcs::report::ScalingResult;

use crate::picture::{Picture, rasterise};
use crate::svg::Svg;
use crate::{PlotError, scaling};

pub use page::posterior_html;
pub use words::posterior_text;

/// Draws the pictures of a posterior, those there is something to draw for, in this order:
/// `trace.png` (density and course of every parameter), `rank.png`, `pair.png` (draws of two
/// parameters against each other), `forest.png` (intervals beside the fit), `energy.png`,
/// `predictive.png` (cuts of the data with bands), `posterior_rates.png`, `shards.png`,
/// `scaling_posterior.png` (contrast and offset against φ).
///
/// **Edges.** A chain that does not move and draws that are not finite are drawn as far as they can
/// be. At most eight parameters meet in pairs, at most twelve bins are drawn. **Cost.** About a
/// second for fourteen parameters and some thousand draws. **Checked by** `tests/it/posterior.rs`.
///
/// # Errors
/// [`PlotError`] where the renderer refuses a drawing.
pub fn posterior_pictures(report: &PosteriorReport) -> Result<Vec<Picture>, PlotError> {
    let figures = figures(report).into_iter();
    figures.map(|figure| rasterise(format!("{}.png", figure.name), &figure.svg)).collect()
}

/// A drawing under the name of its file.
struct Figure {
    name: &'static str,
    svg: Svg,
}

fn figures(report: &PosteriorReport) -> Vec<Figure> {
    let drawn = [
        ("trace", trace::figure(report)),
        ("rank", rank::figure(report)),
        ("pair", pair::figure(report)),
        ("forest", forest::figure(report)),
        ("energy", energy::figure(report)),
        ("predictive", predictive::figure(report)),
        ("posterior_rates", rates::figure(report)),
        ("shards", shards::figure(report)),
        ("scaling_posterior", scaling_figure(report)),
    ];
    let present = |(name, svg): (&'static str, Option<Svg>)| Some(Figure { name, svg: svg? });
    drawn.into_iter().filter_map(present).collect()
}

/// The sample that the report stands on.
fn headline(report: &PosteriorReport) -> Option<&SampleReport> {
    report.samples.first()
}

/// The sample that was combined from shards.
fn combined(report: &PosteriorReport) -> Option<&SampleReport> {
    report.samples.iter().find(|sample| sample.method == COMBINED)
}

/// [`SampleReport::method`] of draws that were combined from shards.
const COMBINED: &str = "cmc";

/// Kind of the likelihood that allows for correlated pairs.
const COMPOSITE: &str = "composite";

/// Contrast and offset as the fit shows them, with half the 68 % interval as error.
fn scaling_figure(report: &PosteriorReport) -> Option<Svg> {
    let bins = &headline(report)?.bins;
    let half = |q: &[f64; 5]| Some(0.5 * (q[3] - q[1])).filter(|h| h.is_finite());
    let point = |bin: &dyne_xpcs::posterior::report::BinPosterior| ScalingResult {
        bin: bin.bin,
        phi_deg: bin.phi_deg,
        q: bin.q,
        contrast: bin.contrast.mean,
        contrast_stderr: half(&bin.contrast.quantiles),
        offset: bin.offset.mean,
        offset_stderr: half(&bin.offset.quantiles),
        residual_rms: f64::NAN,
    };
    scaling::of_bins(&bins.iter().map(point).collect::<Vec<_>>())
}
