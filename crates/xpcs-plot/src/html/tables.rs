//! Tables of the page.

use dyne_xpcs::report::{ParameterResult, Report, ScalingResult};

use crate::facts::{self, Fact, Treatment};
use crate::notation::{self, escape};
use crate::number::significant;

/// Physical parameters: name, symbol, value with error, unit, bounds, treatment.
pub(super) fn parameters(report: &Report) -> String {
    let head = "<tr><th>name</th><th>symbol</th><th class=\"n\">value ± standard error</th><th>unit</th>\
                <th>bounds</th><th>treatment</th></tr>";
    let rows: String = report.parameters.iter().map(parameter_row).collect();
    table(head, &rows)
}

fn parameter_row(p: &ParameterResult) -> String {
    let mark = match (p.at_bound, Treatment::of(p)) {
        (Some(_), _) => " class=\"bound\"",
        (None, Treatment::Free) => "",
        (None, _) => " class=\"held\"",
    };
    format!(
        "<tr{mark}><td>{name}</td><td>{symbol}</td><td class=\"n\">{value}</td><td>{unit}</td><td>{bounds}</td>\
         <td>{treatment}</td></tr>\n",
        name = escape(&p.name),
        symbol = notation::html(&p.symbol),
        value = facts::value(p.value, p.stderr),
        unit = notation::html(&p.unit),
        bounds = facts::bounds(p),
        treatment = escape(&treatment(p)),
    )
}

/// Treatment, bound and reason for a missing error, without saying the same twice.
fn treatment(p: &ParameterResult) -> String {
    let mut parts = vec![Treatment::of(p).word().to_owned()];
    let bound = facts::at_bound(p);
    if !bound.is_empty() {
        parts.push(bound.to_owned());
    }
    match (facts::note(p), Treatment::of(p)) {
        (Some(reason), Treatment::Tied) => parts[0] = reason.to_owned(),
        (Some(reason), _) if bound.is_empty() => parts.push(format!("no error: {reason}")),
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
            "<tr><td>{}</td><td class=\"n\">{}</td><td>{}</td><td>{}</td></tr>\n",
            escape(&q.name),
            facts::value(q.value, q.stderr),
            escape(&q.unit),
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

/// Minima of the search.
pub(super) fn basins(report: &Report) -> String {
    let head = "<tr><th class=\"n\">cost</th><th class=\"n\">starts</th><th class=\"n\">level</th>\
                <th>parameters</th></tr>";
    let row = |[cost, starts, level, parameters]: [String; 4]| {
        format!(
            "<tr><td class=\"n\">{cost}</td><td class=\"n\">{starts}</td><td class=\"n\">{level}</td>\
             <td>{}</td></tr>\n",
            escape(&parameters)
        )
    };
    let rows: String = facts::basins(report).into_iter().map(row).collect();
    table(head, &rows)
}

/// Contrast and offset of every bin.
pub(super) fn scaling(report: &Report) -> String {
    let head = "<tr><th class=\"n\">bin</th><th class=\"n\">φ (°)</th><th class=\"n\">q (Å⁻¹)</th>\
                <th class=\"n\">contrast</th><th class=\"n\">offset</th><th class=\"n\">residual rms</th></tr>";
    let drawn = |s: &ScalingResult| report.pictures.iter().any(|p| p.bin == s.bin);
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
