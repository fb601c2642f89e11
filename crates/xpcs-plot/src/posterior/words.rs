//! The report for terminals.

use dyne_xpcs::posterior::report::{ParameterPosterior, PosteriorReport, SampleReport};

use super::{COMPOSITE, cells, headline};
use crate::facts::file_name;
use crate::number::{count, significant};
use crate::text::{Side, columns, table, wrap_at};

/// Columns of a line.
const WIDTH: usize = 110;

/// Writes the posterior as plain text in lines of at most 110 columns (names longer than that
/// excepted): the parameters, what the sampler did, how two samples compare, the verdict.
///
/// **Edges.** A table too wide for the line loses its units to a line of their own, and where that is
/// not enough it is written as two. **Checked by**
/// `tests/it/posterior.rs`.
pub fn posterior_text(report: &PosteriorReport) -> String {
    let mut out =
        format!("posterior of {}: {}\n", report.mode, cells::status(report).to_uppercase());
    wrap_at(&mut out, WIDTH, "", file_name(&report.file));
    for warning in &report.warnings {
        wrap_at(&mut out, WIDTH, "! ", &format!("{} [{}]", warning.message, warning.code));
    }
    out.push('\n');
    if let Some(sample) = headline(report) {
        parameters(&mut out, &sample.parameters);
        out.push('\n');
    }
    for sample in &report.samples {
        wrap_at(&mut out, WIDTH, "", &sampler(report, sample));
        if !sample.divergences_at.is_empty() {
            wrap_at(&mut out, WIDTH, "  ", &sample.divergences_at);
        }
    }
    if let Some(sample) = headline(report).filter(|_| report.likelihood.kind == COMPOSITE) {
        wrap_at(&mut out, WIDTH, "", &independent(&sample.parameters));
    }
    if let Some(told) = cells::comparison(report) {
        wrap_at(&mut out, WIDTH, "", &told);
    }
    wrap_at(&mut out, WIDTH, "", &report.verdict);
    out
}

fn parameters(out: &mut String, parameters: &[ParameterPosterior]) {
    let rows = all(parameters);
    let [with_units, without] = [with_units(&rows), without_units(&rows)];
    let fits = |table: &str| table.lines().all(|line| columns(line) <= WIDTH);
    if fits(&with_units) {
        return out.push_str(&with_units);
    }
    match fits(&without) {
        true => out.push_str(&without),
        false => out.push_str(&two_tables(&rows)),
    }
    let named = parameters.iter().filter(|p| !cells::unit(&p.unit).is_empty());
    let named: Vec<String> = named.map(|p| format!("{} {}", p.name, p.unit)).collect();
    if !named.is_empty() {
        wrap_at(out, WIDTH, "units: ", &named.join(", "));
    }
}

fn with_units(rows: &[[String; 8]]) -> String {
    let mut sides = [Side::Right; 8];
    (sides[0], sides[7]) = (Side::Left, Side::Left);
    let mut out = String::new();
    table(&mut out, rows, sides);
    out
}

fn without_units(rows: &[[String; 8]]) -> String {
    let mut sides = [Side::Right; 7];
    sides[0] = Side::Left;
    let cut = rows.iter().map(|row| std::array::from_fn(|k| row[k].clone()));
    let mut out = String::new();
    table(&mut out, &cut.collect::<Vec<[String; 7]>>(), sides);
    out
}

fn two_tables(rows: &[[String; 8]]) -> String {
    let mut out = String::new();
    let left = rows.iter().map(|[name, mean, most, ..]| [name, mean, most].map(String::clone));
    table(&mut out, &left.collect::<Vec<_>>(), [Side::Left, Side::Right, Side::Right]);
    out.push('\n');
    let right = rows.iter().map(|[name, _, _, r_hat, bulk, tail, fit, _]| {
        [name, r_hat, bulk, tail, fit].map(String::clone)
    });
    let sides = [Side::Left, Side::Right, Side::Right, Side::Right, Side::Right];
    table(&mut out, &right.collect::<Vec<_>>(), sides);
    out
}

/// Name, mean, 95 %, R̂, bulk, tail, fit, unit; a heading first.
fn all(parameters: &[ParameterPosterior]) -> Vec<[String; 8]> {
    let head = ["name", "mean ± sd", "95 %", "R̂", "bulk", "tail", "fit ± stderr", "unit"];
    let row = |p: &ParameterPosterior| {
        [
            cells::name(p),
            cells::spread(&p.spread),
            cells::most(&p.spread),
            cells::r_hat(p.r_hat),
            cells::effective(p.ess_bulk),
            cells::effective(p.ess_tail),
            cells::fit(p),
            cells::unit(&p.unit).to_owned(),
        ]
    };
    std::iter::once(head.map(str::to_owned)).chain(parameters.iter().map(row)).collect()
}

/// What the widths would be if pairs were independent.
fn independent(parameters: &[ParameterPosterior]) -> String {
    let one = |p: &ParameterPosterior| format!("{} {}", p.name, significant(p.sd_independent, 2));
    let all: Vec<String> = parameters.iter().map(one).collect();
    format!("independent pairs would give sd {}", all.join(", "))
}

fn sampler(report: &PosteriorReport, sample: &SampleReport) -> String {
    let divergences = match sample.divergences {
        1 => "1 divergence".to_owned(),
        n => format!("{n} divergences"),
    };
    let widths = match report.likelihood.width_factors {
        Some(_) => format!(", widths {}", cells::width_factors(&report.likelihood)),
        None => String::new(),
    };
    format!(
        "{}: {} chains × {} draws, {} evaluations, {divergences}, likelihood {} with weight {}{widths}",
        cells::method(&sample.method),
        sample.chains,
        sample.draws,
        count(sample.evaluations),
        report.likelihood.kind,
        significant(report.likelihood.weight, 3)
    )
}
