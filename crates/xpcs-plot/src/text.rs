//! The report for terminals, 80 columns.

use dyne_xpcs::config::differing_settings;
use dyne_xpcs::report::Report;

use crate::facts::{self, Fact, Treatment};
use crate::number::significant;

/// Columns of a line.
const WIDTH: usize = 80;

/// Columns of the noise table that fit: four and five distances.
const NOISE_COLUMNS: usize = 9;

/// Writes the report as plain text in lines of at most 80 columns (names, units and paths longer than that excepted).
///
/// The verdict comes first, and of the settings those that differ from the defaults stand at the end; the text holds
/// what [`html`](crate::html()) holds except the figures. **Checked by** the tests in `tests/it/words.rs`.
pub fn text(report: &Report) -> String {
    let mut out = details(report);
    title(&mut out, "Settings that differ from the defaults");
    out.push_str(&differing_settings(&report.provenance.plan));
    out
}

/// The same without the settings.
pub fn details(report: &Report) -> String {
    let mut out = String::new();
    heading(&mut out, report);
    headline(&mut out, report);
    parameters(&mut out, report);
    warnings(&mut out, report);
    scaling(&mut out, report);
    rates(&mut out, report);
    error_bars(&mut out, report);
    lack_of_fit(&mut out, report);
    identifiability(&mut out, report);
    noise(&mut out, report);
    basins(&mut out, report);
    if report.mask.n_frames > 0 {
        section(&mut out, "Masked frames", &facts::mask(report));
    }
    section(&mut out, "Cost", &facts::cost(report));
    section(&mut out, "Work", &facts::work(report));
    section(&mut out, "Provenance", &facts::provenance(&report.provenance));
    out
}

fn heading(out: &mut String, report: &Report) {
    out.push_str(&format!("{}  {}\n", facts::verdict(report).to_uppercase(), report.mode));
    wrap(
        out,
        "",
        &format!(
            "{}, {}, {}",
            facts::q_range(report),
            facts::bins(report),
            facts::file_name(&report.provenance.file)
        ),
    );
    wrap(out, "", &facts::termination(report));
    for reason in &report.verdict.reasons {
        wrap(out, "- ", &format!("{} [{}]", reason.message, reason.code));
    }
}

fn headline(out: &mut String, report: &Report) {
    if report.headline.is_empty() && report.laws.is_empty() {
        return;
    }
    title(out, "What the data determine");
    let row = |q: &dyne_xpcs::report::HeadlineQuantity| {
        let at = q.at_s.map_or_else(String::new, |t| format!("at t = {} s", significant(t, 4)));
        [q.name.clone(), facts::value(q.value, q.stderr), q.unit.clone(), at]
    };
    let rows: Vec<_> = report.headline.iter().map(row).collect();
    table(out, &rows, [Side::Left, Side::Right, Side::Left, Side::Left]);
    for q in report.headline.iter() {
        if let Some(reason) = &q.stderr_absent {
            wrap(out, "  ", &format!("{}: {reason}", q.name));
        }
    }
    for law in facts::laws(report) {
        wrap(out, "", &law);
    }
    for law in &report.laws {
        let clic = law.clic.map_or_else(String::new, |c| format!(", CLIC {}", significant(c, 3)));
        let p = law.p.map_or_else(String::new, |p| format!(", p = {}", significant(p, 2)));
        let chosen = if law.chosen { " (chosen)" } else { "" };
        let words = facts::law_words(&law.law);
        wrap(out, "  ", &format!("{}: {words}{clic}{p}{chosen}", law.rate));
    }
}

/// Warnings that are no reason of the verdict, which stand in the heading.
fn warnings(out: &mut String, report: &Report) {
    let others = facts::other_warnings(report);
    if others.is_empty() {
        return;
    }
    title(out, "Also to be known");
    for warning in others {
        wrap(out, "! ", &format!("{} [{}]", warning.message, warning.code));
    }
}

fn parameters(out: &mut String, report: &Report) {
    title(out, "Parameters");
    let head = ["name", "value ± standard error", "unit", "bounds", ""].map(str::to_owned);
    let row = |p: &dyne_xpcs::report::ParameterResult| {
        let end = match facts::at_bound(p) {
            "" => Treatment::of(p).word(),
            bound => bound.trim_end_matches(" bound"),
        };
        [p.name.clone(), facts::number(report, p), p.unit.clone(), facts::bounds(p), end.to_owned()]
    };
    let rows: Vec<_> = std::iter::once(head).chain(report.parameters.iter().map(row)).collect();
    table(out, &rows, [Side::Left, Side::Right, Side::Left, Side::Left, Side::Left]);
    for p in report.parameters.iter().filter(|p| !facts::is_warned(report, p)) {
        if let Some(reason) = facts::note(p) {
            wrap(out, "  ", &format!("{}: {reason}", p.name));
        }
    }
    for line in facts::conventions(report) {
        wrap(out, "  ", &line);
    }
    match &report.covariance {
        Err(reason) => wrap(out, "  ", &format!("no covariance: {reason}")),
        Ok(covariance) => wrap(out, "  ", &format!("covariance: {}", covariance.method)),
    }
}

/// Whether the model describes the data, in numbers.
fn lack_of_fit(out: &mut String, report: &Report) {
    section(out, "Does the model describe the data?", &facts::lack_of_fit(report));
}

fn scaling(out: &mut String, report: &Report) {
    title(out, "Contrast and offset");
    let head = ["bin", "φ (°)", "q (Å⁻¹)", "contrast", "offset", "residual rms"].map(str::to_owned);
    let row = |s: &dyne_xpcs::report::ScalingResult| {
        let (phi, q) = (significant(s.phi_deg, 4), significant(s.q, 4));
        let rms = significant(s.residual_rms, 3);
        [s.bin.to_string(), phi, q, facts::contrast(s), facts::offset(s), rms]
    };
    let rows: Vec<_> = std::iter::once(head).chain(report.scaling.iter().map(row)).collect();
    table(out, &rows, [Side::Right; 6]);
}

fn error_bars(out: &mut String, report: &Report) {
    let facts = facts::error_bars(report);
    if facts.is_empty() {
        return;
    }
    section(out, "Error bars", &facts);
    for profile in &report.profiles {
        wrap(out, &format!("profile of {}  ", profile.name), &facts::profile(profile));
    }
}

fn rates(out: &mut String, report: &Report) {
    if report.quantities.is_empty() {
        return;
    }
    title(out, "Derived quantities");
    let row = |q: &dyne_xpcs::report::Quantity| {
        [q.name.clone(), facts::value(q.value, q.stderr), q.unit.clone()]
    };
    let rows: Vec<_> = report.quantities.iter().map(row).collect();
    table(out, &rows, [Side::Left, Side::Right, Side::Left]);
}

fn identifiability(out: &mut String, report: &Report) {
    let Some(found) = &report.identifiability else { return };
    title(out, "Identifiability");
    for finding in facts::findings(report) {
        wrap(out, "- ", finding);
    }
    for (name, value) in facts::identifiability(found) {
        wrap(out, &format!("{name}  "), &value);
    }
}

fn noise(out: &mut String, report: &Report) {
    section(out, "Noise", &facts::noise(report));
    let rows: Vec<[String; NOISE_COLUMNS]> = facts::noise_rows(report)
        .iter()
        .map(|row| std::array::from_fn(|k| row.get(k).cloned().unwrap_or_default()))
        .collect();
    table(out, &rows, [Side::Right; NOISE_COLUMNS]);
}

fn basins(out: &mut String, report: &Report) {
    let levels = facts::basins(report);
    if levels.iter().map(|level| level.rows.len()).sum::<usize>() < 2 {
        return;
    }
    title(out, "Minima of the search");
    for level in levels {
        wrap(out, "", &level.about);
        for [cost, starts, parameters] in level.rows {
            wrap(out, &format!("  cost {cost}, {starts} starts: "), &parameters);
        }
    }
}

fn section(out: &mut String, name: &str, facts: &[Fact]) {
    title(out, name);
    let widest = facts.iter().map(|(name, _)| columns(name)).max().unwrap_or(0);
    for (name, value) in facts {
        let label = format!("{name}{}  ", " ".repeat(widest - columns(name)));
        wrap(out, &label, value);
    }
}

/// A heading with a rule below.
fn title(out: &mut String, name: &str) {
    out.push_str(&format!("\n{name}\n{}\n", "-".repeat(columns(name))));
}

/// Side of its column at which a cell stands.
#[derive(Clone, Copy)]
pub(crate) enum Side {
    /// Names and units.
    Left,
    /// Numbers.
    Right,
}

/// Writes rows with columns as wide as their widest cell, two spaces apart.
pub(crate) fn table<const N: usize>(out: &mut String, rows: &[[String; N]], sides: [Side; N]) {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = columns(cell).max(*width);
        }
    }
    for row in rows {
        let cells = row.iter().zip(widths).zip(sides).map(|((cell, width), side)| {
            let gap = " ".repeat(width - columns(cell));
            match side {
                Side::Left => format!("{cell}{gap}"),
                Side::Right => format!("{gap}{cell}"),
            }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

/// Writes words after a label, broken at spaces; further lines are indented below the first word.
fn wrap(out: &mut String, label: &str, words: &str) {
    wrap_at(out, WIDTH, label, words);
}

/// The same with a margin of its own.
pub(crate) fn wrap_at(out: &mut String, margin: usize, label: &str, words: &str) {
    let indent = columns(label);
    let mut line = label.to_owned();
    let mut is_empty = true;
    for word in words.split([' ', '\n', '\t']).filter(|word| !word.is_empty()) {
        if !is_empty && columns(&line) + 1 + columns(word) > margin {
            out.push_str(&line);
            out.push('\n');
            line = " ".repeat(indent);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    out.push_str(line.trim_end());
    out.push('\n');
}

/// Columns on a terminal: characters less combining marks.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_broken_at_the_margin_and_indented() {
        let mut out = String::new();
        wrap(&mut out, "! ", &"word ".repeat(30));
        let lines: Vec<_> = out.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|l| columns(l) <= WIDTH));
        assert!(lines[0].starts_with("! word") && lines[1].starts_with("  word"));
    }

    #[test]
    fn columns_line_up() {
        let mut out = String::new();
        let rows = [["γ̇", "1"], ["long", "22"]].map(|r| r.map(str::to_owned));
        table(&mut out, &rows, [Side::Left, Side::Right]);
        assert_eq!(out, "γ̇      1\nlong  22\n");
    }
}
