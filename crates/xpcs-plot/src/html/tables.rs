//! Tables of the page.

use dyne_xpcs::report::{ParameterResult, Report, ScalingResult};

use crate::facts::{self, Fact, Treatment};
use crate::notation::{self, escape};
use crate::number::significant;
use crate::telling::telling;

/// Physical parameters: name, symbol, value with error, unit, bounds, treatment.
pub(super) fn parameters(report: &Report) -> String {
    let head = "<tr><th>name</th><th>symbol</th><th class=\"n\">value ± standard error</th><th>unit</th>\
                <th>bounds</th><th>treatment</th></tr>";
    let rows: String = report.parameters.iter().map(|p| parameter_row(report, p)).collect();
    table(head, &rows)
}

fn parameter_row(report: &Report, p: &ParameterResult) -> String {
    let mark = match (p.at_bound, Treatment::of(p)) {
        (Some(_), _) => " class=\"bound\"",
        (None, Treatment::Free) => "",
        (None, _) => " class=\"held\"",
    };
    format!(
        "<tr{mark}><td>{name}</td><td>{symbol}</td><td class=\"n\">{value}</td><td>{unit}</td><td>{bounds}</td>\
         <td class=\"w\">{treatment}</td></tr>\n",
        name = escape(&p.name),
        symbol = notation::html(&p.symbol),
        value = facts::number(report, p),
        unit = notation::html(&p.unit),
        bounds = facts::bounds(p),
        treatment = escape(&treatment(report, p)),
    )
}

/// Treatment, bound and reason for a missing error, without saying the same twice.
fn treatment(report: &Report, p: &ParameterResult) -> String {
    let mut parts = vec![Treatment::of(p).word().to_owned()];
    let bound = facts::at_bound(p);
    if !bound.is_empty() {
        parts.push(bound.to_owned());
    }
    match (facts::note(p), Treatment::of(p)) {
        (Some(reason), Treatment::Tied) => parts[0] = reason.to_owned(),
        (Some(reason), _) if bound.is_empty() && !facts::is_warned(report, p) => {
            parts.push(format!("no error: {reason}"))
        }
        _ => {}
    }
    parts.join(", ")
}

/// Quantities that follow from the parameters.
pub(super) fn quantities(report: &Report) -> String {
    let head = "<tr><th>quantity</th><th class=\"n\">value ± standard error</th><th>unit</th>\
                <th>what it is</th></tr>";
    let row = |q: &dyne_xpcs::report::Quantity| {
        format!(
            "<tr><td>{}</td><td class=\"n\">{}</td><td>{}</td><td class=\"w\">{}</td></tr>\n",
            escape(&q.name),
            facts::value(q.value, q.stderr),
            notation::html(&q.unit),
            escape(&q.about)
        )
    };
    let rows: String = report.quantities.iter().map(row).collect();
    table(head, &rows)
}

/// Noise of every bin.
pub(super) fn noise(report: &Report) -> String {
    let cell = |text: &String| format!("<th class=\"n\">{}</th>", escape(text));
    let [head, rows @ ..] = &facts::noise_rows(report)[..] else { return String::new() };
    let head: String = head.iter().map(cell).collect();
    let cell = |text: &String| format!("<td class=\"n\">{}</td>", escape(text));
    let row =
        |row: &Vec<String>| format!("<tr>{}</tr>\n", row.iter().map(cell).collect::<String>());
    table(&format!("<tr>{head}</tr>"), &rows.iter().map(row).collect::<String>())
}

/// What the data determine: name, time, value with error, unit, what it is.
pub(super) fn headline(report: &Report) -> String {
    let head = "<tr><th>quantity</th><th class=\"n\">at</th><th class=\"n\">value ± standard error</th>\
                <th>unit</th><th>what it is</th></tr>";
    let row = |q: &dyne_xpcs::report::HeadlineQuantity| {
        let at = q.at_s.map_or_else(|| "mean".to_owned(), |t| format!("{} s", significant(t, 4)));
        let absent = q.stderr_absent.as_ref().filter(|_| q.stderr.is_none());
        let absent = absent.map_or_else(String::new, |reason| format!("; no error: {reason}"));
        format!(
            "<tr><td>{}</td><td class=\"n\">{at}</td><td class=\"n big\">{}</td><td>{}</td><td class=\"w\">{}</td></tr>\n",
            notation::html(&q.symbol),
            facts::value(q.value, q.stderr),
            notation::html(&q.unit),
            escape(&format!("{}{absent}", q.about))
        )
    };
    table(head, &report.headline.iter().map(row).collect::<String>())
}

/// Minima of the search, a table a level.
pub(super) fn basins(report: &Report) -> String {
    let head = "<tr><th class=\"n\">cost</th><th class=\"n\">starts</th><th>parameters</th></tr>";
    let row = |[cost, starts, parameters]: &[String; 3]| {
        format!(
            "<tr><td class=\"n\">{cost}</td><td class=\"n\">{starts}</td><td class=\"w\">{}</td></tr>\n",
            escape(parameters)
        )
    };
    let level = |level: &facts::Level| {
        let rows: String = level.rows.iter().map(row).collect();
        format!("<p class=\"quiet\">{}</p>\n{}", escape(&level.about), table(head, &rows))
    };
    facts::basins(report).iter().map(level).collect()
}

/// Contrast and offset of every bin.
pub(super) fn scaling(report: &Report) -> String {
    let head = "<tr><th class=\"n\">bin</th><th class=\"n\">φ (°)</th><th class=\"n\">q (Å⁻¹)</th>\
                <th class=\"n\">contrast</th><th class=\"n\">offset</th><th class=\"n\">residual rms</th></tr>";
    let shown = telling(report);
    let drawn = |s: &ScalingResult| shown.iter().any(|p| p.bin == s.bin);
    let rows: String = report.scaling.iter().map(|s| scaling_row(s, drawn(s))).collect();
    table(head, &rows)
}

fn scaling_row(s: &ScalingResult, drawn: bool) -> String {
    let bin =
        if drawn { format!("<a href=\"#bin-{0}\">{0}</a>", s.bin) } else { s.bin.to_string() };
    let cells = [
        bin,
        significant(s.phi_deg, 4),
        significant(s.q, 4),
        facts::contrast(s),
        facts::offset(s),
        significant(s.residual_rms, 3),
    ];
    let cells: String = cells.iter().map(|c| format!("<td class=\"n\">{c}</td>")).collect();
    format!("<tr>{cells}</tr>\n")
}

/// Names and values, two columns.
pub(crate) fn facts(facts: &[Fact]) -> String {
    let row = |(name, value): &Fact| format!("<dt>{name}</dt><dd>{}</dd>\n", escape(value));
    format!("<dl>\n{}</dl>\n", facts.iter().map(row).collect::<String>())
}

/// A table from its head and its rows.
pub(crate) fn table(head: &str, rows: &str) -> String {
    format!(
        "<div class=\"scroll\"><table>\n<thead>{head}</thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
    )
}
