//! The report for terminals.

use dyne_xpcs::g2::G2Report;

use super::cells::{FORMULA, LAW_HEAD, LAW_MEANING, MARK_MEANING, NO_FIT, age, law, values};
use crate::facts::degrees;
use crate::number::significant;

/// Writes tables of all fits and of the power laws.
///
/// **Checked by** `tests/it/g2.rs`.
pub fn g2_text(report: &G2Report) -> String {
    let mut out = format!("{FORMULA}\n");
    for warning in &report.warnings {
        out.push_str(&format!("! {}\n", warning.message));
    }
    let fits = fits(report);
    out.push_str(&table(&fits));
    if fits.iter().flatten().any(|cell| cell.ends_with('?')) {
        out.push_str(&format!("{MARK_MEANING}\n"));
    }
    if !report.power_laws.is_empty() {
        out.push_str(&format!("\n{LAW_MEANING}\n"));
        let head = LAW_HEAD.map(str::to_owned).to_vec();
        let lines = report.power_laws.iter().map(law);
        out.push_str(&table(&std::iter::once(head).chain(lines).collect::<Vec<_>>()));
    }
    out
}

fn fits(report: &G2Report) -> Vec<Vec<String>> {
    let each = report.curves.iter().any(|c| c.phi_deg.len() == 1);
    let head =
        ["q (Å⁻¹)", "φ", "age (s)", "model", "contrast", "τ (s)", "exponent", "baseline", ""];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for curve in &report.curves {
        let phi = match &curve.phi_deg[..] {
            [phi] => degrees(*phi),
            many => format!("{} angles", many.len()),
        };
        let place = [significant(curve.q, 5), phi, age(curve.age)];
        if curve.fits.is_empty() {
            rows.push(place.into_iter().chain([NO_FIT.to_owned()]).collect());
            continue;
        }
        for fit in &curve.fits {
            let cells = std::iter::once(fit.model.name().to_owned()).chain(values(fit));
            rows.push(place.clone().into_iter().chain(cells).chain([fit.reservations()]).collect());
        }
    }
    if !each {
        rows.iter_mut().for_each(|row| drop(row.remove(1)));
    }
    rows
}

/// Columns as wide as their widest cell; the last one is ragged.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let length = |text: &String| text.chars().count();
    // A row that ends early ends in a sentence, which does not widen its column.
    let full = || rows.iter().filter(|row| row.len() == columns);
    let width = |k: usize| full().filter_map(|row| row.get(k)).map(length).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let cells = row.iter().enumerate().map(|(k, cell)| {
            format!("{cell}{}", " ".repeat((widths[k] + 2).saturating_sub(length(cell))))
        });
        out.push_str(cells.collect::<String>().trim_end());
        out.push('\n');
    }
    out
}
