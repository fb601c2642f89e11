//! Sections of the page, top to bottom.

use dyne_xpcs::config::differing_settings;
use dyne_xpcs::report::{Report, Status, VerdictClass, Warning};

use super::tables;
use crate::facts;
use crate::notation::escape;
use crate::svg::Svg;
use crate::{correlation, curves, scaling};

/// Title, verdict with its reasons, and the numbers that say how large the fit was.
pub(super) fn heading(report: &Report) -> String {
    let class = match (report.status, report.verdict.class) {
        (Status::Interrupted, _) => "cut",
        (_, VerdictClass::Good) => "good",
        (_, VerdictClass::Reservations) => "cut",
        (_, VerdictClass::Misfit) => "poor",
        (_, VerdictClass::Undetermined) => "none",
    };
    let reasons: String =
        report.verdict.reasons.iter().map(|r| item(&r.message, &r.code)).collect();
    let reasons = match reasons.is_empty() {
        true => String::new(),
        false => format!("<ul class=\"reasons\">\n{reasons}</ul>\n"),
    };
    format!(
        "<header>\n<h1>{mode} <span class=\"badge {class}\">{verdict}</span></h1>\n\
         <p class=\"sub\">{q} · {bins} · {file}</p>\n<p>{sentence}</p>\n{reasons}</header>\n",
        mode = escape(&report.mode),
        verdict = facts::verdict(report),
        q = facts::q_range(report),
        bins = facts::bins(report),
        file = escape(facts::file_name(&report.provenance.file)),
        sentence = sentence(report),
    )
}

/// What the verdict means.
fn sentence(report: &Report) -> &'static str {
    match (report.status, report.verdict.class) {
        (Status::Interrupted, _) => "The fit was stopped on its way: quote nothing of it.",
        (_, VerdictClass::Good) => "The headline below may be quoted as it stands.",
        (_, VerdictClass::Reservations) => "Something changes what may be quoted:",
        (_, VerdictClass::Misfit) => {
            "The model does not describe these data, so its numbers mean little:"
        }
        (_, VerdictClass::Undetermined) => {
            "These data determine nothing that the model could be fitted to:"
        }
    }
}

fn item(message: &str, code: &str) -> String {
    format!("<li>{} <code>{}</code></li>\n", escape(message), escape(code))
}

/// What the data determine, and the laws of the rates.
pub(super) fn headline(report: &Report) -> String {
    if report.headline.is_empty() {
        return String::new();
    }
    let laws: String =
        facts::laws(report).iter().map(|law| format!("<p>{}.</p>\n", escape(law))).collect();
    format!(
        "<section class=\"whole\">\n<h2>What the data determine</h2>\n{}{laws}</section>\n",
        tables::headline(report)
    )
}

/// Warnings that are no reason of the verdict; nothing where there are none.
pub(super) fn others(report: &Report) -> String {
    let others = facts::other_warnings(report);
    if others.is_empty() {
        return String::new();
    }
    let items: String = others.iter().map(|w| item(&w.message, &w.code)).collect();
    format!("<section>\n<h2>Also to be known</h2>\n<ul>\n{items}</ul>\n</section>\n")
}

/// Warnings of any report; nothing where there are none.
pub(crate) fn warning_list(warnings: &[Warning]) -> String {
    if warnings.is_empty() {
        return String::new();
    }
    let items: String = warnings.iter().map(|w| item(&w.message, &w.code)).collect();
    let heading = match warnings.len() {
        1 => "1 warning".to_owned(),
        n => format!("{n} warnings"),
    };
    format!("<section class=\"warnings\">\n<h2>{heading}</h2>\n<ul>\n{items}</ul>\n</section>\n")
}

/// Parameter table, and conventions where they decide the numbers.
pub(super) fn parameters(report: &Report) -> String {
    let lines = facts::conventions(report);
    let lines: String =
        lines.iter().map(|l| format!("<p class=\"quiet\">{}</p>\n", escape(l))).collect();
    format!("<section>\n<h2>Parameters</h2>\n{}{lines}</section>\n", tables::parameters(report))
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
    folded("Error bars", &format!("{}{profiles}{drawing}", tables::facts(&facts)))
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
    let findings = facts::findings(report);
    let items: String = findings.iter().map(|f| format!("<li>{}</li>\n", escape(f))).collect();
    let list = if items.is_empty() { items } else { format!("<ul>\n{items}</ul>\n") };
    let facts = tables::facts(&facts::identifiability(found));
    folded("Identifiability", &format!("{list}{facts}"))
}

/// What the residuals tell of the noise.
pub(super) fn noise(report: &Report) -> String {
    let facts = tables::facts(&facts::noise(report));
    folded("Noise", &format!("{facts}{}", tables::noise(report)))
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
    folded("Minima of the search", &tables::basins(report))
}

/// Correlation matrix, or why there is none.
pub(super) fn correlation(report: &Report) -> String {
    let content = match (&report.covariance, correlation::figure(report)) {
        (Ok(covariance), Some(svg)) => format!(
            "{}<p class=\"quiet\">From the covariance of the free parameters ({}).</p>\n",
            figure(&svg, "correlation matrix"),
            escape(&covariance.method)
        ),
        (Ok(_), None) => match report.parameters.iter().any(|p| p.free) {
            true => "<p>The data determine none of the free parameters alone.</p>\n".to_owned(),
            false => "<p>No physical parameter was free.</p>\n".to_owned(),
        },
        (Err(reason), _) => format!("<p>There is no covariance: {}.</p>\n", escape(reason)),
    };
    folded("Correlation of the physical parameters", &content)
}

/// Table and figure of contrast and offset.
pub(super) fn scaling(report: &Report) -> String {
    let drawing = scaling::figure(report).map(|svg| figure(&svg, "contrast and offset against φ"));
    let drawing = drawing.unwrap_or_default();
    folded(
        "Contrast and offset",
        &format!("<div class=\"beside\">\n{drawing}{}</div>\n", tables::scaling(report)),
    )
}

/// Whether the model describes the data.
pub(super) fn lack_of_fit(report: &Report) -> String {
    let facts = tables::facts(&facts::lack_of_fit(report));
    folded("Does the model describe the data?", &facts)
}

/// A section that is opened by a click on its title.
pub(super) fn folded(title: &str, content: &str) -> String {
    format!("<details class=\"fold\">\n<summary>{}</summary>\n{content}</details>\n", escape(title))
}

/// Provenance, cost, work, and the settings that differ from the defaults.
pub(super) fn provenance(report: &Report) -> String {
    let content = format!(
        "<p>{}</p>\n{}{}{}<p>Settings that differ from the defaults:</p>\n<pre>{}</pre>\n",
        escape(&facts::termination(report)),
        tables::facts(&facts::provenance(&report.provenance)),
        tables::facts(&facts::cost(report)),
        tables::facts(&facts::work(report)),
        escape(&differing_settings(&report.provenance.plan))
    );
    folded("Provenance", &content)
}

/// A drawing that is scrolled rather than shrunk beyond legibility.
pub(crate) fn figure(svg: &Svg, label: &str) -> String {
    let least = 0.6 * svg.width;
    format!(
        "<div class=\"scroll\"><div style=\"min-width:{least:.0}px\">{}</div></div>\n",
        drawing(svg, label)
    )
}

pub(super) fn drawing(svg: &Svg, label: &str) -> String {
    format!(
        "<div class=\"figure\" style=\"max-width:{:.0}px\">{}</div>\n",
        svg.width,
        svg.inline(label)
    )
}
