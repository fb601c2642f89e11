//! Sections of the page, top to bottom.

use dyne_xpcs::report::{BinPicture, Report, Status, Warning};

use super::tables;
use crate::facts::{self, Fact};
use crate::notation::escape;
use crate::number::significant;
use crate::svg::Svg;
use crate::{caption, correlation, curves, cuts, map, scaling};

/// Title, status and the numbers that say how large the fit was.
pub(super) fn heading(report: &Report) -> String {
    let class = match report.status {
        Status::Converged => "good",
        Status::NotConverged => "poor",
        Status::Interrupted => "cut",
    };
    format!(
        "<header>\n<h1>{mode} <span class=\"badge {class}\">{status}</span></h1>\n\
         <p class=\"sub\">{q} · {bins} · {file}</p>\n<p>{termination}</p>\n</header>\n",
        mode = escape(&report.mode),
        status = facts::status(report.status),
        q = facts::q_range(report),
        bins = facts::bins(report),
        file = escape(facts::file_name(&report.provenance.file)),
        termination = escape(&report.termination),
    )
}

/// Warnings; a line that says so where there are none.
pub(super) fn warnings(report: &Report) -> String {
    warning_list(&report.warnings)
}

/// The same of any report.
pub(crate) fn warning_list(warnings: &[Warning]) -> String {
    if warnings.is_empty() {
        return "<p class=\"quiet\">No warnings.</p>\n".to_owned();
    }
    let item =
        |w: &Warning| format!("<li>{} <code>{}</code></li>\n", escape(&w.message), escape(&w.code));
    let items: String = warnings.iter().map(item).collect();
    let heading = match warnings.len() {
        1 => "1 warning".to_owned(),
        n => format!("{n} warnings"),
    };
    format!("<section class=\"warnings\">\n<h2>{heading}</h2>\n<ul>\n{items}</ul>\n</section>\n")
}

/// Links to the bins, by φ, grouped by q.
pub(super) fn index(report: &Report) -> String {
    let mut out = String::from("<nav aria-label=\"bins\">\n");
    let mut last_q = String::new();
    for picture in &report.pictures {
        let q = significant(picture.q, 4);
        if q != last_q {
            out.push_str(&format!("<span>q = {q} Å⁻¹, φ:</span>\n"));
            last_q = q;
        }
        let degrees = facts::degrees(picture.phi_deg);
        out.push_str(&format!("<a href=\"#bin-{}\">{degrees}</a>\n", picture.bin));
    }
    out.push_str("</nav>\n");
    out
}

/// Parameter table, conventions and cost.
pub(super) fn parameters(report: &Report) -> String {
    let lines = facts::conventions(report);
    let lines: String =
        lines.iter().map(|l| format!("<p class=\"quiet\">{}</p>\n", escape(l))).collect();
    format!(
        "<section>\n<h2>Parameters</h2>\n{}{lines}{}</section>\n",
        tables::parameters(report),
        tables::facts(&facts::cost(report))
    )
}

/// What the standard errors rest on, and the profiles.
pub(super) fn error_bars(report: &Report) -> String {
    let facts = facts::error_bars(report);
    if facts.is_empty() {
        return String::new();
    }
    let profiles: String = report
        .profiles
        .iter()
        .map(|p| format!("<p>Profile of {}: {}</p>\n", escape(&p.name), escape(&facts::profile(p))))
        .collect();
    let drawing = curves::profiles(report).map(|svg| figure(&svg, "profiles")).unwrap_or_default();
    format!(
        "<section>\n<h2>Error bars</h2>\n{}{profiles}{drawing}</section>\n",
        tables::facts(&facts)
    )
}

/// Functions of time with their bands, and what follows from the parameters.
pub(super) fn rates(report: &Report) -> String {
    let drawing = curves::figure(report).map(|svg| figure(&svg, "functions of time"));
    let absent = report.curves.iter().find_map(|c| c.stderr_absent.as_ref());
    let absent = absent.map_or_else(String::new, |reason| {
        format!("<p class=\"quiet\">No band: {}.</p>\n", escape(reason))
    });
    format!(
        "<section class=\"whole\">\n<h2>Rates over time</h2>\n{}{absent}{}</section>\n",
        drawing.unwrap_or_default(),
        tables::quantities(report)
    )
}

/// What the data determine.
pub(super) fn identifiability(report: &Report) -> String {
    let Some(found) = &report.identifiability else { return String::new() };
    let items: String =
        found.findings.iter().map(|f| format!("<li>{}</li>\n", escape(f))).collect();
    format!(
        "<section>\n<h2>Identifiability</h2>\n<ul>\n{items}</ul>\n{}</section>\n",
        tables::facts(&facts::identifiability(found))
    )
}

/// What the residuals tell of the noise.
pub(super) fn noise(report: &Report) -> String {
    format!(
        "<section class=\"whole\">\n<h2>Noise</h2>\n{}{}</section>\n",
        tables::facts(&facts::noise(report)),
        tables::noise(report)
    )
}

/// Frames that are left out; nothing where none is.
pub(super) fn mask(report: &Report) -> String {
    match facts::mask(report) {
        facts if facts.is_empty() => String::new(),
        facts => {
            format!("<section>\n<h2>Masked frames</h2>\n{}</section>\n", tables::facts(&facts))
        }
    }
}

/// Minima of the search, the fit's own first.
pub(super) fn basins(report: &Report) -> String {
    if report.basins.len() < 2 {
        return String::new();
    }
    format!(
        "<section class=\"whole\">\n<h2>Minima of the search</h2>\n{}</section>\n",
        tables::basins(report)
    )
}

/// Correlation matrix, or why there is none.
pub(super) fn correlation(report: &Report) -> String {
    let content = match (&report.covariance, correlation::figure(report)) {
        (Ok(covariance), Some(svg)) => format!(
            "{}<p class=\"quiet\">From the covariance of the free parameters ({}).</p>\n",
            figure(&svg, "correlation matrix"),
            escape(&covariance.method)
        ),
        (Ok(_), None) => "<p>No physical parameter was free.</p>\n".to_owned(),
        (Err(reason), _) => format!("<p>There is no covariance: {}.</p>\n", escape(reason)),
    };
    format!(
        "<section class=\"whole\">\n<h2>Correlation of the physical parameters</h2>\n{content}</section>\n"
    )
}

/// Table and figure of contrast and offset.
pub(super) fn scaling(report: &Report) -> String {
    let drawing = scaling::figure(report).map(|svg| figure(&svg, "contrast and offset against φ"));
    format!(
        "<section>\n<h2>Contrast and offset</h2>\n<div class=\"beside\">\n{}{}</div>\n</section>\n",
        drawing.unwrap_or_default(),
        tables::scaling(report)
    )
}

/// Maps and cuts of all bins.
pub(super) fn bins(report: &Report) -> String {
    report.pictures.iter().map(|picture| bin(report, picture)).collect()
}

fn bin(report: &Report, picture: &BinPicture) -> String {
    let names = ["data", "fit", "residual"];
    let panels = map::panels(&picture.map);
    let panels: String = panels.iter().zip(names).map(|(svg, name)| drawing(svg, name)).collect();
    format!(
        "<section class=\"bin\" id=\"bin-{bin}\">\n<h2>{caption} <small>bin {bin}</small></h2>\n\
         <div class=\"maps\">\n{panels}</div>\n<div class=\"below\">\n{cuts}{facts}</div>\n</section>\n",
        bin = picture.bin,
        caption = caption(picture.phi_deg, picture.q),
        cuts = figure(&cuts::figure(&picture.cuts), "cuts against lag"),
        facts = tables::facts(&bin_facts(report, picture)),
    )
}

fn bin_facts(report: &Report, picture: &BinPicture) -> Vec<Fact> {
    let mut out = Vec::new();
    if let Some(s) = report.scaling.iter().find(|s| s.bin == picture.bin) {
        out.push(("contrast", facts::contrast(s)));
        out.push(("offset", facts::offset(s)));
        out.push(("residual rms", significant(s.residual_rms, 3)));
    }
    let map = &picture.map;
    let limits = map::MapLimits::of(map);
    let pixel = (map.t_end_s - map.t_start_s) / map.pixels.max(1) as f64;
    out.push(("pixel of the maps", format!("{} s", significant(pixel, 3))));
    let (lo, hi) = (significant(limits.data.lo, 5), significant(limits.data.hi, 5));
    out.push(("colours of data and fit", format!("{lo} to {hi}")));
    out.push(("colours of the residual", format!("± {}", significant(limits.residual.hi, 3))));
    out
}

/// Provenance, work and plan, folded.
pub(super) fn provenance(report: &Report) -> String {
    format!(
        "<section>\n<h2>Provenance</h2>\n{}<details>\n<summary>Work and wall times</summary>\n{}</details>\n\
         <details>\n<summary>Plan</summary>\n<pre>{}</pre>\n</details>\n</section>\n",
        tables::facts(&facts::provenance(&report.provenance)),
        tables::facts(&facts::work(report)),
        escape(&format!("{:#}", report.provenance.plan))
    )
}

/// A drawing that is scrolled rather than shrunk beyond legibility.
pub(crate) fn figure(svg: &Svg, label: &str) -> String {
    let least = 0.75 * svg.width;
    format!(
        "<div class=\"scroll\"><div style=\"min-width:{least:.0}px\">{}</div></div>\n",
        drawing(svg, label)
    )
}

fn drawing(svg: &Svg, label: &str) -> String {
    format!(
        "<div class=\"figure\" style=\"max-width:{:.0}px\">{}</div>\n",
        svg.width,
        svg.inline(label)
    )
}
