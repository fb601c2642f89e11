//! What the marks of a figure stand for, in lines above it.

use crate::axes::{LABEL_SIZE, TICK_SIZE};
use crate::colour::{PAPER, Rgb};
use crate::svg::{Anchor, Frame, Px, Stroke, Svg, TextStyle};

/// Height of a line of entries, px.
const LINE: f64 = 20.0;
/// Width of a mark with the gap after it, px.
const MARK: f64 = 28.0;
/// Mean width of a character over the size of the font.
const CHARACTER: f64 = 0.58;

/// A mark as it stands in the legend.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mark {
    /// A line.
    Line(Stroke),
    /// A point.
    Disc(Rgb),
    /// A point that is not filled.
    Hollow(Rgb),
    /// A translucent area.
    Area(Rgb, f64),
    /// A short upright line.
    Tick(Rgb),
    /// Two crossing lines.
    Cross,
}

/// A mark and what it stands for.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) mark: Mark,
    pub(super) label: String,
}

impl Entry {
    pub(super) fn new(mark: Mark, label: impl Into<String>) -> Self {
        Self { mark, label: label.into() }
    }

    fn width(&self) -> f64 {
        MARK + CHARACTER * TICK_SIZE * self.label.chars().count() as f64 + 18.0
    }
}

/// A legend: a name, which may be empty, and entries.
#[derive(Debug, Clone, Default)]
pub(super) struct Legend {
    pub(super) name: &'static str,
    pub(super) entries: Vec<Entry>,
}

impl Legend {
    /// Room for the name.
    fn indent(&self) -> f64 {
        match self.name.chars().count() {
            0 => 0.0,
            n => 14.0 + CHARACTER * LABEL_SIZE * n as f64,
        }
    }

    /// Places of the entries in a given width, from the left and by line.
    fn places(&self, width: f64) -> Vec<(f64, usize)> {
        let (mut x, mut line) = (self.indent(), 0);
        let mut place = |entry: &Entry| {
            if x > self.indent() && x + entry.width() > width {
                (x, line) = (self.indent(), line + 1);
            }
            let at = (x, line);
            x += entry.width();
            at
        };
        self.entries.iter().map(&mut place).collect()
    }

    /// Height it takes in a given width.
    pub(super) fn height(&self, width: f64) -> f64 {
        self.places(width).last().map_or(0.0, |(_, line)| 12.0 + LINE * (*line as f64 + 1.0))
    }

    /// Draws it with its upper left corner at a point.
    pub(super) fn draw(&self, svg: &mut Svg, (left, top): (f64, f64), width: f64) {
        let style = TextStyle::new(TICK_SIZE, Anchor::Start);
        svg.text((left, top + 22.0), TextStyle::new(LABEL_SIZE, Anchor::Start), self.name);
        for (entry, (x, line)) in self.entries.iter().zip(self.places(width)) {
            let (x, y) = (left + x, top + 18.0 + LINE * line as f64);
            draw_mark(svg, (x + 10.0, y), entry.mark);
            svg.symbol((x + MARK - 2.0, y + 4.0), style, &entry.label);
        }
    }
}

fn draw_mark(svg: &mut Svg, (x, y): (f64, f64), mark: Mark) {
    match mark {
        Mark::Line(stroke) => svg.path(&format!("M{} {}h20", Px(x - 10.0), Px(y)), stroke),
        Mark::Disc(colour) => svg.discs(&[(x, y)], 3.0, colour),
        Mark::Hollow(colour) => {
            svg.discs(&[(x, y)], 3.6, colour);
            svg.discs(&[(x, y)], 2.3, PAPER);
        }
        Mark::Area(colour, opacity) => {
            let mut patch = Svg::new(0.0, 0.0);
            patch.fill(Frame { x: x - 10.0, y: y - 5.0, w: 20.0, h: 10.0 }, colour);
            svg.veil(opacity, &patch);
        }
        Mark::Tick(colour) => {
            svg.path(&format!("M{} {}v9", Px(x), Px(y - 4.5)), Stroke::solid(colour, 1.6));
        }
        Mark::Cross => cross(svg, (x, y)),
    }
}

/// The mark of the fit: a cross on a pale edge, so that it is seen on points.
pub(super) fn cross(svg: &mut Svg, (x, y): (f64, f64)) {
    let data = format!("M{} {}l8 8M{} {}l8 -8", Px(x - 4.0), Px(y - 4.0), Px(x - 4.0), Px(y + 4.0));
    svg.path(&data, Stroke::solid(PAPER, 3.6));
    svg.path(&data, Stroke::solid([0, 0, 0], 1.7));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_do_not_fit_go_to_the_next_line() {
        let entry = |k: usize| Entry::new(Mark::Cross, format!("entry {k}"));
        let legend = Legend { name: "name", entries: (0..9).map(entry).collect() };
        assert!(legend.height(2000.0) < legend.height(300.0));
        assert_eq!(Legend::default().height(300.0), 0.0);
        let places = legend.places(300.0);
        assert!(places.iter().all(|(x, _)| *x < 300.0));
    }
}
