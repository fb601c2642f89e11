//! Ranks of truths among the draws of their posteriors: the picture of a simulation-based calibration.

use dyne_xpcs::calibrate::RankHistogram;

use crate::axes::{Axis, LABEL_SIZE, Plot};
use crate::colour::{FAINT, INK, Rgb};
use crate::error::PlotError;
use crate::picture::{Picture, rasterise};
use crate::svg::{Anchor, Frame, Stroke, Svg, TextStyle, polyline};

const PANEL: (f64, f64) = (300.0, 190.0);
const LEFT: f64 = 46.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 40.0;
const COLUMNS: usize = 3;
const BARS: Rgb = [33, 102, 172];

/// Draws `sbc.png`: a panel a parameter with the histogram of its ranks, the count that is expected, and the band
/// that holds 99 % of the bins of uniform ranks.
///
/// **Checked by** `ranks_have_their_picture` in `tests/it/files.rs`.
///
/// # Errors
/// [`PlotError`] where the renderer refuses the drawing.
pub fn rank_picture(rows: &[RankHistogram]) -> Result<Picture, PlotError> {
    let panels: Vec<Svg> = rows.iter().map(panel).collect();
    rasterise("sbc.png".to_owned(), &Svg::tiled(&panels, COLUMNS, (0.0, 0.0)))
}

fn panel(row: &RankHistogram) -> Svg {
    let (width, height) = PANEL;
    let mut svg = Svg::new(width, height);
    let counts = &row.uniformity.counts;
    let frame = Frame { x: LEFT, y: TOP, w: width - LEFT - RIGHT, h: height - TOP - BOTTOM };
    let most = counts.iter().copied().max().unwrap_or(0).max(row.band.highest) as f64;
    let plot = Plot {
        frame,
        x: Axis::linear(0.0, 1.0, "rank of the truth, share of the draws"),
        y: Axis::linear(0.0, 1.15 * most, "trials"),
    };
    let (left, right) = (plot.x_at(0.0), plot.x_at(1.0));
    let band = [row.band.highest, row.band.lowest].map(|n| plot.y_at(n as f64));
    svg.fill(Frame { x: left, y: band[0], w: right - left, h: band[1] - band[0] }, FAINT);
    let bins = counts.len() as f64;
    for (k, count) in counts.iter().enumerate() {
        let (from, to) = (plot.x_at(k as f64 / bins), plot.x_at((k + 1) as f64 / bins));
        let (top, foot) = (plot.y_at(*count as f64), plot.y_at(0.0));
        svg.fill(Frame { x: from + 0.8, y: top, w: to - from - 1.6, h: foot - top }, BARS);
    }
    let expected = counts.iter().sum::<u64>() as f64 / bins;
    let y = plot.y_at(expected);
    svg.path(&polyline([(left, y), (right, y)]), Stroke::solid(INK, 1.0));
    plot.draw(&mut svg);
    let title = format!("{}: p = {:.2}", row.parameter, row.uniformity.p_value);
    svg.text((left, 20.0), TextStyle::new(LABEL_SIZE, Anchor::Start), &title);
    svg
}
