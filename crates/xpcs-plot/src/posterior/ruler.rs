//! Axes of physical quantities: symbols with units, and as many ticks as their labels leave room for.

use crate::axes::{Axis, LABEL_SIZE, Plot, Spread, TICK_SIZE};
use crate::colour::INK;
use crate::svg::{Anchor, Frame, Px, Stroke, Svg, TextStyle, append};
use crate::text::columns;
use crate::tick::{self, Tick, Ticks};

/// Mean width of a digit over the size of the font.
const DIGIT: f64 = 0.64;
/// Room between the labels of two ticks, px.
const GAP: f64 = 10.0;

/// A symbol with its unit; `–` and nothing are no unit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quantity<'a> {
    pub(super) symbol: &'a str,
    pub(super) unit: &'a str,
}

impl Quantity<'_> {
    /// Symbol, and unit with the power of ten that the labels of ticks leave out.
    fn parts(&self, factor: &str) -> [String; 2] {
        let unit = if self.unit == "–" { "" } else { self.unit };
        let scale = match (factor.trim_start_matches('×'), unit) {
            ("", "") => String::new(),
            (power, "") => format!("({power})"),
            ("", unit) => format!("({unit})"),
            (power, unit) => format!("({power} {unit})"),
        };
        [self.symbol.to_owned(), scale]
    }

    /// One line, or two where one is longer than the room.
    fn lines(&self, factor: &str, room: f64) -> Vec<String> {
        let [symbol, scale] = self.parts(factor);
        let whole = format!("{symbol} {scale}").trim_end().to_owned();
        match scale.is_empty() || width(&whole, LABEL_SIZE) <= room {
            true => vec![whole],
            false => vec![symbol, scale],
        }
    }
}

fn width(text: &str, size: f64) -> f64 {
    let marks = text.matches(['_', '^']).count();
    DIGIT * size * (columns(text) - marks) as f64
}

/// Ticks along a horizontal axis, so few that their labels do not meet.
fn across(axis: &Axis, length: f64) -> Ticks {
    if axis.spread == Spread::Logarithmic {
        return tick::logarithmic(axis.lo, axis.hi);
    }
    let fits = |ticks: &Ticks| {
        let places: Vec<f64> =
            ticks.ticks.iter().map(|t| length * axis.fraction(t.value)).collect();
        let pitch = places.windows(2).map(|p| p[1] - p[0]).fold(f64::INFINITY, f64::min);
        let widest = ticks.ticks.iter().map(|t| width(&t.label, TICK_SIZE)).fold(0.0, f64::max);
        widest + GAP <= pitch
    };
    let tried = (1..=7).rev().map(|count| tick::linear(axis.lo, axis.hi, count));
    tried.into_iter().find(fits).unwrap_or_else(|| tick::linear(axis.lo, axis.hi, 1))
}

/// Ticks along a vertical axis.
fn along(axis: &Axis, length: f64) -> Ticks {
    match axis.spread {
        Spread::Linear => tick::linear(axis.lo, axis.hi, ((length / 34.0) as usize).clamp(2, 7)),
        Spread::Logarithmic => tick::logarithmic(axis.lo, axis.hi),
    }
}

/// Draws ticks and label below the frame.
pub(super) fn below(svg: &mut Svg, plot: &Plot, quantity: Quantity) {
    let ticks = across(&plot.x, plot.frame.w);
    draw_below(svg, plot, &ticks.ticks, &quantity.lines(&ticks.factor(), plot.frame.w));
}

/// The same for things that are counted: ticks at whole numbers, written in full.
pub(super) fn below_counted(svg: &mut Svg, plot: &Plot, name: &str) {
    let whole = |tick: Tick| Tick { label: format!("{:.0}", tick.value), ..tick };
    let mut ticks = across(&plot.x, plot.frame.w).ticks;
    ticks.retain(|tick| (tick.value - tick.value.round()).abs() < 1e-6);
    let ticks: Vec<Tick> = ticks.into_iter().map(whole).collect();
    draw_below(svg, plot, &ticks, &[name.to_owned()]);
}

fn draw_below(svg: &mut Svg, plot: &Plot, ticks: &[Tick], lines: &[String]) {
    let Frame { x, y, w, h } = plot.frame;
    let mut marks = String::new();
    for tick in ticks {
        let (at, length) = (plot.x_at(tick.value), if tick.label.is_empty() { 3 } else { 5 });
        append(&mut marks, format_args!("M{} {}v{length}", Px(at), Px(y + h)));
        let style = TextStyle::new(TICK_SIZE, Anchor::Middle);
        svg.text((at, y + h + 17.0), style, &tick.label);
    }
    svg.path(&marks, Stroke::solid(INK, 1.0));
    for (k, line) in lines.iter().enumerate() {
        let at = (x + w / 2.0, y + h + 34.0 + 15.0 * k as f64);
        svg.symbol(at, TextStyle::new(LABEL_SIZE, Anchor::Middle), line);
    }
}

/// Draws ticks and label left of the frame.
pub(super) fn left(svg: &mut Svg, plot: &Plot, quantity: Quantity) {
    let Frame { x, y, h, .. } = plot.frame;
    let ticks = along(&plot.y, h);
    let mut marks = String::new();
    for tick in &ticks.ticks {
        let (at, length) = (plot.y_at(tick.value), if tick.label.is_empty() { 3 } else { 5 });
        append(&mut marks, format_args!("M{} {}h-{length}", Px(x), Px(at)));
        svg.text((x - 7.0, at + 4.0), TextStyle::new(TICK_SIZE, Anchor::End), &tick.label);
    }
    svg.path(&marks, Stroke::solid(INK, 1.0));
    let widest = ticks.ticks.iter().map(|t| width(&t.label, TICK_SIZE)).fold(0.0, f64::max);
    let lines = quantity.lines(&ticks.factor(), h + 30.0);
    for (k, line) in lines.iter().rev().enumerate() {
        let at = (x - 15.0 - widest - 15.0 * k as f64, y + h / 2.0);
        svg.symbol_upwards(at, TextStyle::new(LABEL_SIZE, Anchor::Middle), line);
    }
}

/// Draws the frame.
pub(super) fn frame(svg: &mut Svg, frame: Frame) {
    svg.outline(frame, Stroke::solid(INK, 1.0));
}

/// An axis by logarithm where positive values span more than a factor of thirty, else an even one.
pub(super) fn wide_axis(lo: f64, hi: f64) -> Axis {
    const WIDE: f64 = 30.0;
    if lo > 0.0 && hi > WIDE * lo {
        return Axis::logarithmic(lo / 1.2, hi * 1.2, "");
    }
    let pad = 0.06 * (hi - lo);
    Axis::linear(lo - pad, hi + pad, "")
}

/// A point held inside the frame.
pub(super) fn inside(plot: &Plot, x: f64, y: f64) -> (f64, f64) {
    let Frame { x: left, w, .. } = plot.frame;
    let y = if y.is_finite() { plot.y_inside(y) } else { f64::NAN };
    (plot.x_at(x).clamp(left, left + w), y)
}

/// A length to a tenth of a px, which lines of many points need no more than.
pub(super) fn tenth(length: f64) -> f64 {
    (length * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_take_the_power_of_ten() {
        let rate = Quantity { symbol: "γ̇₀", unit: "s⁻¹" };
        assert_eq!(rate.lines("×10⁻³", 400.0), ["γ̇₀ (10⁻³ s⁻¹)"]);
        assert_eq!(rate.lines("×10⁻³", 40.0), ["γ̇₀", "(10⁻³ s⁻¹)"]);
        assert_eq!(Quantity { symbol: "α", unit: "–" }.lines("", 9.0), ["α"]);
    }

    #[test]
    fn labels_of_ticks_do_not_meet() {
        for (lo, hi) in [(1.234_51, 1.234_59), (-3e-7, 4e-7), (0.0, 12_345.0), (99_990.0, 99_999.0)] {
            let axis = Axis::linear(lo, hi, "");
            let ticks = across(&axis, 96.0).ticks;
            assert!(!ticks.is_empty(), "{lo} {hi}");
            for pair in ticks.windows(2) {
                let pitch = 96.0 * (axis.fraction(pair[1].value) - axis.fraction(pair[0].value));
                assert!(ticks.len() < 3 || pitch > width(&pair[0].label, TICK_SIZE), "{ticks:?}");
            }
        }
    }
}
