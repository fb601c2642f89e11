//! Panels in two columns under a legend, the frame of every figure here.

use crate::axes::{LABEL_SIZE, Plot, TICK_SIZE};
use crate::colour::{ColourMap, PAPER, Rgb};
use crate::svg::{Anchor, Frame, Px, Stroke, Svg, TextStyle};

/// Extent of a panel, px.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) width: f64,
    pub(super) height: f64,
}

/// One of several panels.
pub(super) const SMALL: Size = Size { width: 430.0, height: 280.0 };
/// A panel that stands alone.
pub(super) const WIDE: Size = Size { width: 860.0, height: 360.0 };

const LEFT: f64 = 74.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 32.0;
const BOTTOM: f64 = 46.0;
const LEGEND: f64 = 30.0;
/// Room for the name of the legend.
const NAME: f64 = 66.0;
const COLUMNS: usize = 2;

/// An empty panel, and where its data go.
pub(super) fn blank(size: Size) -> (Svg, Frame) {
    let (w, h) = (size.width - LEFT - RIGHT, size.height - TOP - BOTTOM);
    (Svg::new(size.width, size.height), Frame { x: LEFT, y: TOP, w, h })
}

/// The title of a panel.
pub(super) fn title(svg: &mut Svg, text: &str) {
    let middle = LEFT + (svg.width - LEFT - RIGHT) / 2.0;
    svg.text((middle, 20.0), TextStyle::new(LABEL_SIZE, Anchor::Middle), text);
}

/// The first of several is dark, the last light; the palest fifth of the map is left out because it
/// is hard to see on white.
pub(super) fn colour(index: usize, count: usize) -> Rgb {
    match count {
        0 | 1 => ColourMap::Viridis.at(0.25),
        _ => ColourMap::Viridis.at(0.86 * index as f64 / (count - 1) as f64),
    }
}

/// Panels in two columns; above them what the colours of the series stand for, where there are
/// several, below them a note.
pub(super) fn grid(panels: &[Svg], name: &str, labels: &[String], note: &str) -> Svg {
    let labels = if labels.len() > 1 { labels } else { &[] };
    let width = panels.iter().take(COLUMNS).map(|panel| panel.width).sum::<f64>();
    let longest = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
    let pitch = 44.0 + 0.62 * TICK_SIZE * longest as f64;
    let per_line = (((width - LEFT - NAME) / pitch) as usize).max(1);
    let lines = labels.len().div_ceil(per_line);
    let top = if lines == 0 { 0.0 } else { 10.0 + 20.0 * lines as f64 };
    let mut svg = Svg::tiled(panels, COLUMNS, (top, LEGEND));
    if lines > 0 {
        legend(&mut svg, name, labels, (per_line, pitch));
    }
    let foot = (LEFT, svg.height - 12.0);
    svg.text(foot, TextStyle::new(TICK_SIZE, Anchor::Start), note);
    svg
}

fn legend(svg: &mut Svg, name: &str, labels: &[String], (per_line, pitch): (usize, f64)) {
    let place = |k: usize| {
        (LEFT + NAME + (k % per_line) as f64 * pitch, 22.0 + (k / per_line) as f64 * 20.0)
    };
    svg.text((LEFT, 22.0), TextStyle::new(LABEL_SIZE, Anchor::Start), name);
    for (k, label) in labels.iter().enumerate() {
        let ((x, y), colour) = (place(k), colour(k, labels.len()));
        svg.path(&format!("M{} {}h20", Px(x), Px(y - 4.0)), Stroke::solid(colour, 1.8));
        svg.discs(&[(x + 10.0, y - 4.0)], 2.8, colour);
        svg.text((x + 26.0, y), TextStyle::new(TICK_SIZE, Anchor::Start), label);
    }
}

/// How far apart series of points at the same places are drawn, px.
const APART: f64 = 5.0;
/// Most places at which series are drawn apart: more are too close to each other.
const PLACES: usize = 8;

/// Shift of a series so that points at the same places do not hide each other, px.
pub(super) fn shift(index: usize, count: usize, places: usize) -> f64 {
    match places > PLACES {
        true => 0.0,
        false => APART * (index as f64 - (count.max(1) - 1) as f64 / 2.0),
    }
}

/// A point with its error; hollow ones have reservations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    /// Horizontal place without the shift of its series.
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) error: f64,
    pub(super) trusted: bool,
}

/// Draws points with error bars, shifted by some px; those outside the frame are left out.
pub(super) fn marks(svg: &mut Svg, plot: &Plot, marks: &[Mark], (colour, shift): (Rgb, f64)) {
    let inside = |m: &&Mark| (0.0..=1.0).contains(&plot.y.fraction(m.y));
    let shown: Vec<&Mark> = marks.iter().filter(inside).collect();
    let positive = |y: f64| if plot.y.lo > 0.0 { y.max(plot.y.lo / 10.0) } else { y };
    let bars = shown.iter().filter(|m| m.error.is_finite());
    for m in bars {
        let (low, high) = (plot.y_inside(positive(m.y - m.error)), plot.y_inside(m.y + m.error));
        let x = Px(plot.x_at(m.x) + shift);
        svg.path(&format!("M{x} {}V{}", Px(low), Px(high)), Stroke::solid(colour, 1.0));
    }
    let at = |m: &&&Mark| (plot.x_at(m.x) + shift, plot.y_inside(m.y));
    let all: Vec<_> = shown.iter().map(|m| at(&m)).collect();
    let hollow: Vec<_> = shown.iter().filter(|m| !m.trusted).map(|m| at(&m)).collect();
    svg.discs(&all, 3.2, colour);
    if !hollow.is_empty() {
        svg.discs(&hollow, 2.0, PAPER);
    }
}

/// Ends of the values that an axis must show: those of the trusted marks with their errors, of all
/// marks where none is trusted. An error larger than its value does not stretch the axis.
pub(super) fn ends<'a>(marks: impl Iterator<Item = &'a Mark> + Clone) -> Vec<f64> {
    let trusted = marks.clone().any(|m| m.trusted);
    let reach = |m: &Mark| {
        let error = if m.error < m.y.abs() { m.error } else { 0.0 };
        [m.y - error, m.y + error]
    };
    marks.filter(|m| m.trusted || !trusted).flat_map(reach).collect()
}
