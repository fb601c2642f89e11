//! The report for terminals.

use dyne_xpcs::posterior::report::{ParameterPosterior, PosteriorReport, SampleReport};

use super::{cells, headline};
use crate::facts::file_name;
use crate::number::{count, significant};
use crate::text::{Side, columns, table, wrap};

/// Columns of a line.
const WIDTH: usize = 110;

/// Writes the posterior as plain text in lines of at most 110 columns (names longer than that
/// excepted): the parameters, what the sampler did, how two samples compare, the verdict.
///
/// **Edges.** A table too wide for the line is written as two. **Checked by**
/// `tests/it/posterior.rs`.
pub fn posterior_text(report: &PosteriorReport) -> String {
    let mut out = format!("posterior of {}: {}\n", report.mode, cells::status(report).to_uppercase());
    wrap(&mut out, "", file_name(&report.file));
    for warning in &report.warnings {
        wrap(&mut out, "! ", &format!("{} [{}]", warning.message, warning.code));
    }
    out.push('\n');
    if let Some(sample) = headline(report) {
        parameters(&mut out, &sample.parameters);
        out.push('\n');
    }
    for sample in &report.samples {
        wrap(&mut out, "", &sampler(report, sample));
        if !sample.divergences_at.is_empty() {
            wrap(&mut out, "  ", &sample.divergences_at);
        }
    }
    if let Some(told) = cells::comparison(report) {
        wrap(&mut out, "", &told);
    }
    wrap(&mut out, "", &report.verdict);
    out
}

fn parameters(out: &mut String, parameters: &[ParameterPosterior]) {
    let mut whole = String::new();
    one_table(&mut whole, parameters);
    if whole.lines().all(|line| columns(line) <= WIDTH) {
        out.push_str(&whole);
        return;
    }
    let rows = all(parameters);
    let left = rows.iter().map(|[name, mean, most, .., unit]| [name, mean, most, unit].map(String::clone));
    let sides = [Side::Left, Side::Right, Side::Right, Side::Left];
    table(out, &left.collect::<Vec<_>>(), sides);
    out.push('\n');
    let right = rows.iter().map(|[name, _, _, r_hat, bulk, tail, fit, unit]| {
        [name, r_hat, bulk, tail, fit, unit].map(String::clone)
    });
    let sides = [Side::Left, Side::Right, Side::Right, Side::Right, Side::Right, Side::Left];
    table(out, &right.collect::<Vec<_>>(), sides);
}

fn one_table(out: &mut String, parameters: &[ParameterPosterior]) {
    let mut sides = [Side::Right; 8];
    (sides[0], sides[7]) = (Side::Left, Side::Left);
    table(out, &all(parameters), sides);
}

/// Name, mean, 95 %, R̂, bulk, tail, fit, unit; a heading first.
fn all(parameters: &[ParameterPosterior]) -> Vec<[String; 8]> {
    let head = ["name", "mean ± sd", "95 %", "R̂", "bulk", "tail", "fit ± stderr", "unit"];
    let row = |p: &ParameterPosterior| {
        [
            p.name.clone(),
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

fn sampler(report: &PosteriorReport, sample: &SampleReport) -> String {
    let divergences = match sample.divergences {
        1 => "1 divergence".to_owned(),
        n => format!("{n} divergences"),
    };
    format!(
        "{}: {} chains × {} draws, {} evaluations, {divergences}, likelihood {} with weight {}",
        cells::method(&sample.method),
        sample.chains,
        sample.draws,
        count(sample.evaluations),
        report.likelihood.kind,
        significant(report.likelihood.weight, 3)
    )
}
