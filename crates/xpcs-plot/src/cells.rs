//! Mean residuals in cells of lag and age, in units of what noise alone would give them.

use dyne_xpcs::report::{Report, ResidualCell};

use crate::axes::{Axis, LABEL_SIZE, Plot, TICK_SIZE};
use crate::colour::{ColourMap, FAINT, INK, PAPER, is_light};
use crate::map::{LEFT, PANEL_HEIGHT, PANEL_WIDTH, SIDE, TOP, draw_bar};
use crate::raster::Limits;
use crate::svg::{Anchor, Frame, Stroke, Svg, TextStyle};

/// Deviations at which the colours end.
const END: f64 = 5.0;

/// The cells of one bin, lag upwards and age to the right; nothing where there are none.
pub(crate) fn panel(report: &Report, bin: u32) -> Option<Svg> {
    let found = report.lack_of_fit.as_ref().ok()?;
    let cells: Vec<&ResidualCell> = found.cells.iter().filter(|cell| cell.bin == bin).collect();
    let positive = cells.iter().map(|cell| cell.lag_s[0]).filter(|lag| *lag > 0.0);
    let shortest = positive.fold(f64::INFINITY, f64::min);
    let longest = cells.iter().map(|cell| cell.lag_s[1]).fold(0.0, f64::max);
    let first = cells.iter().map(|cell| cell.age_s[0]).fold(f64::INFINITY, f64::min);
    let last = cells.iter().map(|cell| cell.age_s[1]).fold(f64::NEG_INFINITY, f64::max);
    if cells.is_empty() || shortest > longest {
        return None;
    }
    let mut svg = Svg::new(PANEL_WIDTH, PANEL_HEIGHT);
    let frame = Frame { x: LEFT, y: TOP, w: SIDE, h: SIDE };
    let plot = Plot {
        frame,
        x: Axis::linear(first, last, "age (s)"),
        y: Axis::logarithmic(shortest, longest, "lag (s)"),
    };
    for cell in cells {
        draw(&mut svg, &plot, cell, shortest);
    }
    plot.draw(&mut svg);
    let style = TextStyle::new(LABEL_SIZE, Anchor::Middle);
    svg.text((LEFT + SIDE / 2.0, TOP - 8.0), style, "mean residual over its error");
    let bar = Frame { x: LEFT + SIDE + 9.0, w: 12.0, ..frame };
    draw_bar(&mut svg, bar, Limits { lo: -END, hi: END }, ColourMap::BlueRed);
    Some(svg)
}

fn draw(svg: &mut Svg, plot: &Plot, cell: &ResidualCell, shortest: f64) {
    let (left, right) = (plot.x_at(cell.age_s[0]), plot.x_at(cell.age_s[1]));
    let (top, bottom) = (plot.y_inside(cell.lag_s[1]), plot.y_inside(cell.lag_s[0].max(shortest)));
    let frame = Frame { x: left, y: top, w: right - left, h: bottom - top };
    let colour = ColourMap::BlueRed.at(((cell.z + END) / (2.0 * END)).clamp(0.0, 1.0));
    svg.fill(frame, colour);
    svg.outline(frame, Stroke::solid(FAINT, 0.5));
    if frame.w >= 30.0 && frame.h >= TICK_SIZE + 2.0 && cell.z.is_finite() {
        let ink = if is_light(colour) { INK } else { PAPER };
        let style = TextStyle { size: TICK_SIZE, anchor: Anchor::Middle, colour: ink };
        let text = format!("{:.1}", cell.z).replace('-', "−");
        svg.text((left + frame.w / 2.0, top + frame.h / 2.0 + 4.0), style, &text);
    }
}
