//! The page.

use dyne_xpcs::posterior::report::PosteriorReport;

use super::sections::{self, drawing};
use super::{cells, figures};
use crate::facts::file_name;
use crate::html::{document, warning_list};
use crate::notation::escape;

/// Writes one self-contained HTML page: verdict and warnings, the parameters, what the chains did,
/// shards, priors, bins, provenance, and every picture of
/// [`posterior_pictures`](crate::posterior_pictures()).
///
/// **Edges.** Courses and clouds of long chains are thinned evenly, so that the page stays below
/// about 5 MB; more than eight bins are folded. What a sample does not have is left out, and numbers
/// that are not finite are `–` or `∞`. **Checked by** `tests/it/posterior.rs`.
pub fn posterior_html(report: &PosteriorReport) -> String {
    let figures = figures(report);
    let shown = |name: &str, label: &str| drawing(&figures, name, label);
    let body = [
        heading(report),
        warning_list(&report.warnings),
        sections::parameters(report, &shown("forest", "intervals of every parameter")),
        sections::likelihood(report),
        sections::sampler(report),
        sections::chains(
            &shown("trace", "density and course of every parameter"),
            &shown("rank", "ranks of the draws by chain"),
            &shown("energy", "energies by chain"),
        ),
        sections::pairs(report, &shown("pair", "draws of two parameters against each other")),
        sections::predictive(&shown("predictive", "cuts of the data with bands")),
        sections::rates(&shown("posterior_rates", "functions of time with bands")),
        sections::comparison(report),
        sections::shards(report, &shown("shards", "means of the shards")),
        sections::priors(report),
        sections::bins(report, &shown("scaling_posterior", "contrast and offset against φ")),
        sections::provenance(report),
    ];
    let title = format!("posterior of {}, {}", report.mode, file_name(&report.file));
    document(&title, &body.concat())
}

fn heading(report: &PosteriorReport) -> String {
    let class = if report.converged { "good" } else { "poor" };
    format!(
        "<header>\n<h1>posterior of {mode} <span class=\"badge {class}\">{status}</span></h1>\n\
         <p class=\"sub\">{file}</p>\n<p>{verdict}</p>\n</header>\n",
        mode = escape(&report.mode),
        status = cells::status(report),
        file = escape(file_name(&report.file)),
        verdict = escape(&report.verdict),
    )
}
