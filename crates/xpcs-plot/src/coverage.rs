//! How often error bars held: the picture of a calibration.

use dyne_xpcs::calibrate::{Cell, Coverage};

use crate::axes::{Axis, LABEL_SIZE, Plot, TICK_SIZE};
use crate::colour::{FAINT, INK, Rgb};
use crate::error::PlotError;
use crate::picture::{Picture, rasterise};
use crate::svg::{Anchor, Frame, Stroke, Svg, TextStyle, polyline};

const ROW: f64 = 24.0;
const LEFT: f64 = 256.0;
const PANEL: f64 = 330.0;
const GAP: f64 = 26.0;
const TOP: f64 = 66.0;
const BOTTOM: f64 = 50.0;

/// Fewest trials of a point.
const FEWEST: usize = 20;

/// Kinds in the order of [`Coverage::kinds`].
const KINDS: [(&str, Rgb); 4] = [
    ("speckle (headline)", [33, 102, 172]),
    ("dyadic", [90, 174, 97]),
    ("independent pairs", [244, 165, 66]),
    ("double counting", [178, 24, 43]),
];

/// A nominal coverage, and between which coverages an interval counts as holding it.
const PANELS: [(&str, f64, [f64; 2]); 2] =
    [("nominal 68 %", 68.27, [62.0, 74.0]), ("nominal 95 %", 95.0, [91.5, 98.0])];

/// Draws `coverage.png`: a row a cell, a point a parameter and kind of error bars, at the share of
/// trials whose interval held the truth; parameters identifiable in fewer than 20 trials are left
/// out. `None` where no point is left.
///
/// **Checked by** `a_calibration_has_its_picture` in `tests/it/files.rs`.
///
/// # Errors
/// [`PlotError`] where the renderer refuses the drawing.
pub fn coverage_picture(rows: &[Coverage]) -> Result<Option<Picture>, PlotError> {
    let kept: Vec<&Coverage> = rows.iter().filter(|row| row.trials >= FEWEST).collect();
    if kept.is_empty() {
        return Ok(None);
    }
    rasterise("coverage.png".to_owned(), &figure(&kept)).map(Some)
}

fn figure(rows: &[&Coverage]) -> Svg {
    let mut cells: Vec<Cell> = Vec::new();
    for row in rows {
        if !cells.contains(&row.cell) {
            cells.push(row.cell);
        }
    }
    let height = ROW * cells.len() as f64;
    let width = LEFT + 2.0 * PANEL + GAP + 20.0;
    let mut svg = Svg::new(width, TOP + height + BOTTOM);
    legend(&mut svg);
    for (k, cell) in cells.iter().enumerate() {
        let counts = cell.counts.map_or_else(|| "∞".to_owned(), |n| n.to_string());
        let name = format!("{}, {} px, {counts} counts", cell.mode, cell.pixels);
        let at = (LEFT - 10.0, TOP + ROW * (k as f64 + 0.5) + 4.0);
        svg.text(at, TextStyle::new(TICK_SIZE, Anchor::End), &name);
    }
    for (k, panel) in PANELS.into_iter().enumerate() {
        let x = LEFT + k as f64 * (PANEL + GAP);
        draw(&mut svg, Frame { x, y: TOP, w: PANEL, h: height }, panel, (&cells, rows), k);
    }
    svg
}

fn legend(svg: &mut Svg) {
    for (k, (name, colour)) in KINDS.into_iter().enumerate() {
        let x = LEFT + 165.0 * k as f64;
        svg.discs(&[(x + 4.0, 16.0)], 4.0, colour);
        svg.text((x + 14.0, 20.0), TextStyle::new(TICK_SIZE, Anchor::Start), name);
    }
}

fn draw(
    svg: &mut Svg,
    frame: Frame,
    (title, nominal, [least, most]): (&str, f64, [f64; 2]),
    (cells, rows): (&[Cell], &[&Coverage]),
    panel: usize,
) {
    let x = Axis::linear(0.0, 100.0, "intervals that hold the truth (%)");
    let plot = Plot { frame, x, y: Axis::linear(cells.len() as f64, 0.0, "") };
    let (left, right) = (plot.x_at(least), plot.x_at(most));
    svg.fill(Frame { x: left, w: right - left, ..frame }, [226, 236, 246]);
    let (top, bottom) = (frame.y, frame.y + frame.h);
    let line = polyline([(plot.x_at(nominal), top), (plot.x_at(nominal), bottom)]);
    svg.path(&line, Stroke { colour: INK, width: 1.0, dash: "4 3" });
    for k in 1..cells.len() {
        let y = top + ROW * k as f64;
        svg.path(&polyline([(frame.x, y), (frame.x + frame.w, y)]), Stroke::solid(FAINT, 0.3));
    }
    for (kind, (_, colour)) in KINDS.into_iter().enumerate().rev() {
        let point = |row: &&Coverage| {
            let cell = cells.iter().position(|c| *c == row.cell)?;
            let found = row.kinds[kind];
            let share = [found.inside68, found.inside95][panel];
            let y = top + ROW * (cell as f64 + 0.2 * (kind as f64 + 1.0));
            share.is_finite().then(|| (plot.x_at(100.0 * share), y))
        };
        let points: Vec<(f64, f64)> = rows.iter().filter_map(point).collect();
        svg.discs(&points, 2.2, colour);
    }
    plot.draw_x(svg);
    svg.outline(frame, Stroke::solid(INK, 1.0));
    let middle = frame.x + frame.w / 2.0;
    svg.text((middle, TOP - 12.0), TextStyle::new(LABEL_SIZE, Anchor::Middle), title);
}
