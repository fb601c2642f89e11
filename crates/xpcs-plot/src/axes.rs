//! Axes: from values to places on the drawing, with ticks and labels.

use crate::colour::{FAINT, INK};
use crate::svg::{Anchor, Frame, Px, Stroke, Svg, TextStyle, append};
use crate::tick::{self, Tick, Ticks};

/// Size of tick labels, px.
pub(crate) const TICK_SIZE: f64 = 11.0;
/// Size of axis labels and titles, px.
pub(crate) const LABEL_SIZE: f64 = 12.0;
/// Mean width of a digit over the size of the font.
const DIGIT_WIDTH: f64 = 0.62;

/// How values are spread along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spread {
    /// Evenly.
    Linear,
    /// By their logarithm; values must be positive.
    Logarithmic,
}

/// One axis.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    /// Value at the lower or left end.
    pub(crate) lo: f64,
    /// Value at the upper or right end.
    pub(crate) hi: f64,
    /// How values are spread.
    pub(crate) spread: Spread,
    /// Name with unit; empty for none.
    pub(crate) label: &'static str,
}

impl Axis {
    /// An axis with even spread; a range without extent is widened.
    pub(crate) fn linear(lo: f64, hi: f64, label: &'static str) -> Self {
        let (lo, hi) = widened(lo, hi);
        Self { lo, hi, spread: Spread::Linear, label }
    }

    /// An axis by logarithm; a range without extent is widened, one that is not positive becomes 1 … 10.
    pub(crate) fn logarithmic(lo: f64, hi: f64, label: &'static str) -> Self {
        let usable = lo > 0.0 && hi >= lo && hi.is_finite();
        let (lo, hi) = if usable { (lo, hi) } else { (1.0, 10.0) };
        let (lo, hi) = if hi < lo * 1.05 { (lo / 2.0, hi * 2.0) } else { (lo, hi) };
        Self { lo, hi, spread: Spread::Logarithmic, label }
    }

    /// Place of a value: 0 at the lower end, 1 at the upper end.
    pub(crate) fn fraction(&self, value: f64) -> f64 {
        match self.spread {
            Spread::Linear => (value - self.lo) / (self.hi - self.lo),
            Spread::Logarithmic => (value / self.lo).ln() / (self.hi / self.lo).ln(),
        }
    }

    fn ticks(&self, length: f64) -> Ticks {
        match self.spread {
            Spread::Linear => {
                tick::linear(self.lo, self.hi, ((length / 48.0) as usize).clamp(2, 8))
            }
            Spread::Logarithmic => tick::logarithmic(self.lo, self.hi),
        }
    }
}

/// Lowest and highest finite value, with a margin as a fraction of the range on both sides.
pub(crate) fn padded_range(values: impl IntoIterator<Item = f64>, margin: f64) -> (f64, f64) {
    let finite = values.into_iter().filter(|v| v.is_finite());
    let (lo, hi) =
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)));
    if lo > hi {
        return (0.0, 1.0);
    }
    let (lo, hi) = widened(lo, hi);
    let pad = margin * (hi - lo);
    (lo - pad, hi + pad)
}

fn widened(lo: f64, hi: f64) -> (f64, f64) {
    if !(lo.is_finite() && hi.is_finite()) {
        return (0.0, 1.0);
    }
    if hi - lo > 1e-12 * lo.abs().max(hi.abs()) {
        return (lo, hi);
    }
    let half = (0.05 * lo.abs()).max(1e-12);
    (lo - half, lo + half)
}

/// A rectangle with two axes.
#[derive(Debug, Clone)]
pub(crate) struct Plot {
    /// Where the data go.
    pub(crate) frame: Frame,
    /// Axis along the lower edge.
    pub(crate) x: Axis,
    /// Axis along the left edge.
    pub(crate) y: Axis,
}

impl Plot {
    /// Horizontal place of a value, px.
    pub(crate) fn x_at(&self, value: f64) -> f64 {
        self.frame.x + self.frame.w * self.x.fraction(value)
    }

    /// Vertical place of a value, px, not beyond the frame by more than its height.
    pub(crate) fn y_at(&self, value: f64) -> f64 {
        self.frame.y + self.frame.h * (1.0 - self.y.fraction(value).clamp(-1.0, 2.0))
    }

    /// Vertical place of a value, px, held inside the frame.
    pub(crate) fn y_inside(&self, value: f64) -> f64 {
        self.y_at(value).clamp(self.frame.y, self.frame.y + self.frame.h)
    }

    /// Path data of vertical bars value ± error, clipped to the frame; bars without a finite error are left out.
    pub(crate) fn error_bars(&self, points: impl IntoIterator<Item = (f64, f64, f64)>) -> String {
        let mut out = String::new();
        for (x, y, error) in points {
            if error.is_finite() && y.is_finite() {
                let (lower, upper) = (self.y_inside(y - error), self.y_inside(y + error));
                append(&mut out, format_args!("M{} {}V{}", Px(self.x_at(x)), Px(lower), Px(upper)));
            }
        }
        out
    }

    /// Draws frame, ticks, tick labels and axis labels.
    pub(crate) fn draw(&self, svg: &mut Svg) {
        self.draw_x(svg);
        self.draw_y(svg);
        svg.outline(self.frame, Stroke::solid(INK, 1.0));
    }

    /// Draws a dashed horizontal line where the value lies inside the frame.
    pub(crate) fn draw_level(&self, svg: &mut Svg, value: f64) {
        if (0.0..=1.0).contains(&self.y.fraction(value)) {
            let data =
                format!("M{} {}h{}", Px(self.frame.x), Px(self.y_at(value)), Px(self.frame.w));
            svg.path(&data, Stroke { colour: FAINT, width: 1.0, dash: "5 4" });
        }
    }

    pub(crate) fn draw_x(&self, svg: &mut Svg) {
        let Frame { x, y, w, h } = self.frame;
        let bottom = y + h;
        let style = TextStyle::new(TICK_SIZE, Anchor::Middle);
        let mut marks = String::new();
        let ticks = self.x.ticks(w);
        svg.text((x + w, bottom + 34.0), TextStyle::new(TICK_SIZE, Anchor::End), &ticks.factor());
        for tick in ticks.ticks {
            let at = self.x_at(tick.value);
            append(&mut marks, format_args!("M{} {}v{}", Px(at), Px(bottom), tick_length(&tick)));
            if !tick.label.is_empty() {
                svg.text((at, bottom + 17.0), style, &tick.label);
            }
        }
        svg.path(&marks, Stroke::solid(INK, 1.0));
        svg.text(
            (x + w / 2.0, bottom + 34.0),
            TextStyle::new(LABEL_SIZE, Anchor::Middle),
            self.x.label,
        );
    }

    fn draw_y(&self, svg: &mut Svg) {
        let Frame { x, y, h, .. } = self.frame;
        let style = TextStyle::new(TICK_SIZE, Anchor::End);
        let mut marks = String::new();
        let mut widest = 0;
        let ticks = self.y.ticks(h);
        svg.text((x, y - 7.0), TextStyle::new(TICK_SIZE, Anchor::Start), &ticks.factor());
        for tick in ticks.ticks {
            let at = self.y_at(tick.value);
            append(&mut marks, format_args!("M{} {}h-{}", Px(x), Px(at), tick_length(&tick)));
            if !tick.label.is_empty() {
                svg.text((x - 7.0, at + 4.0), style, &tick.label);
                widest = widest.max(tick.label.chars().count());
            }
        }
        svg.path(&marks, Stroke::solid(INK, 1.0));
        let label_x = (x - 12.0 - widest as f64 * TICK_SIZE * DIGIT_WIDTH).max(LABEL_SIZE);
        svg.text_upwards(
            (label_x, y + h / 2.0),
            TextStyle::new(LABEL_SIZE, Anchor::Middle),
            self.y.label,
        );
    }
}

fn tick_length(tick: &Tick) -> u8 {
    if tick.label.is_empty() { 3 } else { 5 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot() -> Plot {
        let frame = Frame { x: 50.0, y: 10.0, w: 200.0, h: 100.0 };
        Plot { frame, x: Axis::logarithmic(0.1, 10.0, "τ (s)"), y: Axis::linear(1.0, 2.0, "c₂") }
    }

    #[test]
    fn values_land_where_the_axes_say() {
        let plot = plot();
        assert!((plot.x_at(1.0) - 150.0).abs() < 1e-9);
        assert!((plot.y_at(1.0) - 110.0).abs() < 1e-9, "the lower end is at the bottom");
        assert!((plot.y_inside(99.0) - 10.0).abs() < 1e-9);
    }

    #[test]
    fn ranges_without_extent_are_widened() {
        let axis = Axis::linear(3.0, 3.0, "");
        assert!(axis.lo < 3.0 && axis.hi > 3.0);
        let axis = Axis::logarithmic(-1.0, 5.0, "");
        assert_eq!((axis.lo, axis.hi), (1.0, 10.0));
        assert_eq!(padded_range([f64::NAN], 0.1), (0.0, 1.0));
        assert_eq!(padded_range([0.0, f64::NAN, 10.0], 0.1), (-1.0, 11.0));
    }

    #[test]
    fn bars_without_error_are_left_out() {
        let data = plot().error_bars([(1.0, 1.5, 0.1), (2.0, 1.5, f64::NAN)]);
        assert_eq!(data, "M150 70V50");
    }
}
