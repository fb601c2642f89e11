//! The answer of a fit in a few lines.

use dyne_xpcs::report::{HeadlineQuantity, Report};

use crate::facts::{self, Treatment};
use crate::number::significant;
use crate::text::{columns, wrap_at};

/// Most lines of the answer.
const LINES: usize = 15;

/// Columns of a line.
const WIDTH: usize = 100;

/// Lines that the reasons of a verdict are given where the rest leaves them.
const LINES_FOR_REASONS: usize = 2;

/// Writes what a reader asks first in at most 15 lines: verdict, determined quantities, laws, parameters, the
/// reasons of the verdict, what was left out, and `place`, where the files are.
///
/// **Edges.** Where the parameters take much room the means over the series are left out, then reasons are cut, with
/// a word on where they stand. **Checked by** `the_answer_is_short` in `tests/it/words.rs`.
pub fn brief(report: &Report, place: &str) -> String {
    let first = format!(
        "{}  {}, {}, {}",
        facts::verdict(report).to_uppercase(),
        report.mode,
        facts::file_name(&report.provenance.file),
        facts::bins(report)
    );
    let mut means = pairs(report.headline.iter().map(quantity).collect());
    let mut rest = laws(report);
    rest.extend(pairs(parameters(report)));
    rest.extend(held(report));
    let mut last = left_out(report);
    last.push(place.to_owned());
    let room = |means: &[String]| LINES.saturating_sub(1 + means.len() + rest.len() + last.len());
    let wanted = LINES_FOR_REASONS.min(report.verdict.reasons.len());
    if room(&means) < wanted {
        let instants = report.headline.iter().filter(|q| q.at_s.is_some());
        means = pairs(instants.map(quantity).collect());
    }
    let reasons = reasons(report, room(&means));
    let others = if room(&means) > reasons.len() { others(report) } else { None };
    let others: Vec<String> = others.into_iter().collect();
    let lines = [vec![first], means, rest, reasons, others, last].concat();
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn quantity(quantity: &HeadlineQuantity) -> String {
    let at = quantity.at_s.map_or_else(String::new, |t| format!("(t = {} s)", significant(t, 4)));
    let value = facts::value(quantity.value, quantity.stderr);
    let words = format!("{}{at}  {value} {}", quantity.name, quantity.unit);
    words.trim_end_matches([' ', '–']).to_owned()
}

fn laws(report: &Report) -> Vec<String> {
    let laws = facts::laws(report);
    if laws.is_empty() { Vec::new() } else { vec![laws.join("; ")] }
}

fn parameters(report: &Report) -> Vec<String> {
    let free = report.parameters.iter().filter(|p| p.free);
    free.map(|p| format!("{}  {}", p.name, facts::determined(report, p))).collect()
}

/// Parameters that were not fitted, on one line.
fn held(report: &Report) -> Option<String> {
    let held: Vec<String> = report
        .parameters
        .iter()
        .filter(|p| Treatment::of(p) == Treatment::Fixed)
        .map(|p| format!("{} = {} {}", p.name, significant(p.value, 6), p.unit))
        .map(|words| words.trim_end_matches([' ', '–']).to_owned())
        .collect();
    (!held.is_empty()).then(|| cut(&format!("held  {}", held.join(", "))))
}

/// Frames and bins that took no part.
fn left_out(report: &Report) -> Vec<String> {
    let mask = facts::mask(report);
    let masked = mask.iter().map(|(name, value)| format!("{name} {value}"));
    let words: Vec<String> = report.left_out.sentences().into_iter().chain(masked).collect();
    if words.is_empty() { Vec::new() } else { vec![cut(&words.join("; "))] }
}

/// The reasons in so many lines.
fn reasons(report: &Report, room: usize) -> Vec<String> {
    let reasons = &report.verdict.reasons;
    if reasons.is_empty() || room == 0 {
        return Vec::new();
    }
    let shown = if reasons.len() > room { room - 1 } else { reasons.len() };
    let each = (room / shown.max(1)).clamp(1, 2);
    let mut lines: Vec<String> =
        reasons[..shown].iter().flat_map(|reason| lines_of(&reason.message, each)).collect();
    if shown < reasons.len() {
        let more = reasons.len() - shown;
        lines.push(cut(&format!("- {more} more in the report: {}", codes(&reasons[shown..]))));
    }
    lines
}

/// That there are more warnings, by their codes.
fn others(report: &Report) -> Option<String> {
    let mut codes: Vec<&str> =
        facts::other_warnings(report).iter().map(|w| w.code.as_str()).collect();
    codes.retain(|code| *code != "left_out");
    codes.sort_unstable();
    codes.dedup();
    (!codes.is_empty()).then(|| cut(&format!("  also in the report: {}", codes.join(", "))))
}

fn codes(reasons: &[dyne_xpcs::report::Reason]) -> String {
    let mut codes: Vec<&str> = reasons.iter().map(|reason| reason.code.as_str()).collect();
    codes.dedup();
    codes.join(", ")
}

/// A sentence on at most so many lines, with an ellipsis where it goes on.
fn lines_of(words: &str, most: usize) -> Vec<String> {
    let mut text = String::new();
    wrap_at(&mut text, WIDTH - 2, "- ", words);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            last.push_str(" …");
        }
    }
    lines
}

/// A line that ends with an ellipsis where it would be too long.
fn cut(line: &str) -> String {
    match columns(line) > WIDTH {
        true => line.chars().take(WIDTH - 2).collect::<String>().trim_end().to_owned() + " …",
        false => line.to_owned(),
    }
}

/// Two cells a line, the second ones one below the other.
fn pairs(cells: Vec<String>) -> Vec<String> {
    let firsts = cells.iter().step_by(2);
    let widest = firsts.map(|cell| columns(cell)).max().unwrap_or(0);
    let line = |pair: &[String]| match pair {
        [first, second] => {
            format!("  {first}{}   {second}", " ".repeat(widest - columns(first)))
        }
        _ => format!("  {}", pair.join("")),
    };
    cells.chunks(2).map(line).collect()
}
