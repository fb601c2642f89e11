//! The page.

use dyne_xpcs::g2::G2Report;

use super::cells::{FORMULA, LAW_HEAD, LAW_MEANING, MARK_MEANING, NO_FIT, age, law, place, values};
use super::{ageing, panels, power};
use crate::facts::{Fact, file_name};
use crate::html::{document, drawing_in, facts, table, warning_list};
use crate::notation::escape;
use crate::number::significant;

/// More rows than this are folded.
const ROWS: usize = 40;
/// Cells with more characters than this are broken into lines.
const LONG: usize = 28;
/// Most rows of a table.
const MOST_ROWS: usize = 400;

/// Writes one self-contained HTML page: τ(q) with its picture, what changes with age, the curves,
/// the table of fits, provenance.
///
/// **Edges.** At most 24 panels and 400 rows; the first six panels stand open, the others are
/// folded. **Checked by** `tests/it/g2.rs`.
pub fn g2_html(report: &G2Report) -> String {
    let name = file_name(&report.provenance.file);
    let body = [
        heading(report, name),
        warning_list(&report.warnings),
        reservations(report),
        power_laws(report),
        ages(report),
        curves(report),
        fits(report),
        provenance(report),
    ];
    document(&format!("g2, {name}"), &body.concat())
}

fn heading(report: &G2Report, name: &str) -> String {
    let fits = || report.curves.iter().flat_map(|curve| &curve.fits);
    let (all, kept) = (fits().count(), fits().filter(|fit| fit.flags.is_empty()).count());
    let class = if report.is_trusted() { "good" } else { "cut" };
    format!(
        "<header>\n<h1>g2 <span class=\"badge {class}\">{kept} of {all} fits without reservations\
         </span></h1>\n<p class=\"sub\">{}</p>\n<p>{}</p>\n</header>\n",
        escape(name),
        escape(FORMULA)
    )
}

/// What keeps fits from being trusted, each reason once with the number of fits that it holds for.
fn reservations(report: &G2Report) -> String {
    let mut found: Vec<(&str, usize)> = Vec::new();
    let mut count = |words: &'static str| match found.iter_mut().find(|(known, _)| *known == words)
    {
        Some((_, n)) => *n += 1,
        None => found.push((words, 1)),
    };
    let fits = report.curves.iter().flat_map(|curve| &curve.fits);
    fits.flat_map(|fit| &fit.flags).for_each(|flag| count(flag.words()));
    let laws = report.power_laws.iter().filter_map(|law| law.law.as_ref());
    laws.flat_map(|law| &law.flags).for_each(|flag| count(flag.words()));
    if found.is_empty() {
        return String::new();
    }
    let item = |(words, n): &(&str, usize)| format!("<li>{} ({n})</li>\n", escape(words));
    let items: String = found.iter().map(item).collect();
    format!("<section class=\"warnings\">\n<h2>Reservations</h2>\n<ul>\n{items}</ul>\n</section>\n")
}

fn power_laws(report: &G2Report) -> String {
    if report.power_laws.is_empty() {
        return String::new();
    }
    let drawing = power::figure(report).map(|svg| drawing_in(&svg, "τ and D0 against q"));
    let rows: Vec<Vec<String>> = report.power_laws.iter().map(law).collect();
    format!(
        "<section class=\"whole\">\n<h2>τ(q) and D0</h2>\n{}{}<p class=\"quiet\">{}</p>\n</section>\n",
        drawing.unwrap_or_default(),
        folded(&LAW_HEAD, &rows, "power_law.csv"),
        escape(LAW_MEANING)
    )
}

fn ages(report: &G2Report) -> String {
    ageing::figure(report).map_or_else(String::new, |svg| {
        let drawing = drawing_in(&svg, "time, exponent, contrast and baseline against age");
        format!("<section class=\"whole\">\n<h2>Ageing</h2>\n{drawing}</section>\n")
    })
}

fn curves(report: &G2Report) -> String {
    let mut out = String::from("<section>\n<h2>Curves</h2>\n");
    if let Some(note) = panels::left_out(report) {
        out.push_str(&format!("<p class=\"quiet\">{}</p>\n", escape(&note)));
    }
    for (k, sheet) in panels::sheets(report).iter().enumerate() {
        let drawing = drawing_in(&sheet.svg, "g2 against lag");
        match k {
            0 => out.push_str(&drawing),
            _ => out.push_str(&details(&sheet.caption, &drawing)),
        }
    }
    out + "</section>\n"
}

fn fits(report: &G2Report) -> String {
    let head = ["", "age (s)", "model", "contrast", "τ (s)", "exponent", "baseline", ""];
    let mut rows: Vec<Vec<String>> = Vec::new();
    for curve in &report.curves {
        let place = [place(curve), age(curve.age)];
        if curve.fits.is_empty() {
            let none = std::iter::repeat_n(String::new(), 5);
            let told = [NO_FIT.to_owned()];
            rows.push(place.clone().into_iter().chain(none).chain(told).collect());
        }
        for fit in &curve.fits {
            let cells = std::iter::once(fit.model.name().to_owned()).chain(values(fit));
            rows.push(place.clone().into_iter().chain(cells).chain([fit.reservations()]).collect());
        }
    }
    let marked = rows.iter().flatten().any(|cell| cell.ends_with('?'));
    let mark =
        if marked { format!("<p class=\"quiet\">{MARK_MEANING}</p>\n") } else { String::new() };
    format!("<section>\n<h2>Fits</h2>\n{}{mark}</section>\n", folded(&head, &rows, "fits.csv"))
}

/// A table, folded where it is long; rows beyond [`MOST_ROWS`] are left to a file.
fn folded(head: &[&str], rows: &[Vec<String>], file: &str) -> String {
    let cell = |text: &&str| format!("<th>{}</th>", escape(text));
    let head: String = head.iter().map(cell).collect();
    let cell = |text: &String| match text.chars().count() > LONG {
        true => format!("<td class=\"w\">{}</td>", escape(text)),
        false => format!("<td>{}</td>", escape(text)),
    };
    let row =
        |row: &Vec<String>| format!("<tr>{}</tr>\n", row.iter().map(cell).collect::<String>());
    let body: String = rows.iter().take(MOST_ROWS).map(row).collect();
    let table = table(&format!("<tr>{head}</tr>"), &body);
    let rest = match rows.len().saturating_sub(MOST_ROWS) {
        0 => String::new(),
        more => format!("<p class=\"quiet\">{more} more rows are in {file}.</p>\n"),
    };
    match rows.len() > ROWS {
        true => details(&format!("{} rows", rows.len()), &(table + &rest)),
        false => table,
    }
}

fn details(summary: &str, content: &str) -> String {
    format!("<details>\n<summary>{}</summary>\n{content}</details>\n", escape(summary))
}

fn provenance(report: &G2Report) -> String {
    let [first, last] = report.frames;
    let list: Vec<Fact> = vec![
        ("file", report.provenance.file.clone()),
        ("hash", report.provenance.file_hash.clone()),
        ("layout", report.layout.clone()),
        ("frames", format!("{first} to {last}")),
        ("frame time", format!("{} s ({})", significant(report.dt_s, 6), report.dt_source)),
        ("weights", report.weights.to_owned()),
        ("errors of fits", "jackknife over blocks of frames".to_owned()),
        ("program", format!("{} ({})", report.provenance.version, report.provenance.git_revision)),
    ];
    format!("<section>\n<h2>Provenance</h2>\n{}</section>\n", facts(&list))
}
