//! Which bins are shown where there are many.

use dyne_xpcs::report::{BinPicture, Report};

/// Up to so many bins all are shown.
pub(crate) const ALL_UP_TO: usize = 12;

/// Bins that are shown of more.
const OF_MORE: usize = 4;

/// The bins whose maps and cuts are worth a look of their own, those that tell most first: all of up to 12, four of
/// more.
///
/// **Formula.** Standard deviation of the fit over the pixels of its map (contrast times what of the decay lies inside
/// the window) over the root mean square of the residuals. **Edges.** Bins without a finite ratio come last; equal ones
/// stay in the order of the fit. **Checked by** `bins_with_contrast_and_decay_come_first`.
pub fn telling(report: &Report) -> Vec<&BinPicture> {
    let mut order: Vec<(f64, &BinPicture)> =
        report.pictures.iter().map(|picture| (score(report, picture), picture)).collect();
    order.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let shown = if order.len() > ALL_UP_TO { OF_MORE } else { order.len() };
    order.into_iter().take(shown).map(|(_, picture)| picture).collect()
}

/// The same of one bin; −1 where there is none.
fn score(report: &Report, picture: &BinPicture) -> f64 {
    let scaling = report.scaling.iter().find(|s| s.bin == picture.bin);
    let noise = scaling.map_or(f64::NAN, |s| s.residual_rms);
    let values = || picture.map.fit.iter().map(|v| f64::from(*v)).filter(|v| v.is_finite());
    let (n, sum) = values().fold((0.0, 0.0), |(n, sum), v| (n + 1.0, sum + v));
    let spread = values().map(|v| (v - sum / n).powi(2)).sum::<f64>() / n;
    let score = spread.sqrt() / noise;
    if score.is_finite() { score } else { -1.0 }
}
