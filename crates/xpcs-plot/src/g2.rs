//! Pictures, page and text of one-time correlation functions.
//!
//! However many curves there are, a page stays short: [`PANELS`] panels at most, [`SERIES`] ages or
//! wave-vector transfers in one of them, chosen evenly; the CSV files hold the rest.

mod ageing;
mod cells;
mod page;
mod panels;
mod power;
mod sheet;
mod words;

use dyne_xpcs::g2::{AgedCurve, G2Report};

use crate::PlotError;
use crate::picture::{Picture, rasterise};

pub use page::g2_html;
pub use words::g2_text;

/// Most panels of curves that are drawn.
const PANELS: usize = 24;
/// Panels of one picture.
const SHEET: usize = 6;
/// Most ages, or wave-vector transfers, in one panel.
const SERIES: usize = 6;

/// Draws the pictures: `g2_1.png`, … with a panel for each q (or bin), `power_law.png` with τ(q) and
/// D0(q) where there are three q, `ageing.png` with τ, exponent and contrast where there are several
/// ages.
///
/// **Edges.** At most 24 panels with at most six ages are drawn, chosen evenly. **Cost.** About
/// 100 ms a picture of six panels. **Checked by** `tests/it/g2.rs`.
///
/// # Errors
/// [`PlotError`] where the renderer refuses a drawing.
pub fn g2_pictures(report: &G2Report) -> Result<Vec<Picture>, PlotError> {
    let sheets = panels::sheets(report).into_iter().enumerate();
    let sheets = sheets.map(|(k, sheet)| (format!("g2_{}.png", k + 1), Some(sheet.svg)));
    let summaries =
        [("power_law.png", power::figure(report)), ("ageing.png", ageing::figure(report))];
    let all = sheets.chain(summaries.map(|(name, svg)| (name.to_owned(), svg)));
    all.filter_map(|(name, svg)| Some(rasterise(name, &svg?))).collect()
}

/// Indices of at most `most` of `count` things, evenly, first and last among them.
pub(crate) fn evenly(count: usize, most: usize) -> Vec<usize> {
    if count <= most {
        return (0..count).collect();
    }
    (0..most).map(|k| k * (count - 1) / (most - 1).max(1)).collect()
}

/// Curves of the same bins, one an age.
fn groups(report: &G2Report) -> Vec<&[AgedCurve]> {
    report.curves.chunk_by(|a, b| a.bins == b.bins).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_even_and_hold_both_ends() {
        assert_eq!(evenly(3, 6), [0, 1, 2]);
        assert_eq!(evenly(50, 6), [0, 9, 19, 29, 39, 49]);
        assert!(evenly(0, 6).is_empty());
    }
}
