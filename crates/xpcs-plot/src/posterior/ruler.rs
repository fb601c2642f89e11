//! Axes of physical quantities: symbols with units, and as many ticks as their labels leave room for.

use crate::axes::{Axis, LABEL_SIZE, Plot, Spread, TICK_SIZE};
use crate::colour::INK;
use crate::svg::{Anchor, Frame, Px, Stroke, Svg, TextStyle, append};
use crate::text::columns;
use crate::tick::{self, Tick, Ticks};

/// Mean width of a digit over the size of the font.
const DIGIT: f64 = 0.64;
/// Height of a digit, px.
const DIGIT_HEIGHT: f64 = 0.8 * TICK_SIZE;
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

/// How far labels of ticks may reach over the ends of their axis, px. They are moved inwards a
/// little to stay there, or left out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Overhang(f64);

/// Farthest that a label is moved from its tick, px.
const MOVED: f64 = 8.0;

impl Overhang {
    /// For a panel with room around it.
    pub(super) const WIDE: Self = Self(16.0);
    /// For a panel that nearly touches its neighbours.
    pub(super) const NARROW: Self = Self(2.0);

    /// Where a label of an extent belongs whose tick is at a place; absent where that is too far away.
    fn place(self, tick: f64, extent: f64, length: f64) -> Option<f64> {
        let room = 0.5 * extent - self.0;
        let place = tick.max(room).min(length - room);
        Some(place).filter(|place| (place - tick).abs() <= MOVED)
    }
}

/// Ticks along a horizontal axis, so few that their labels do not meet.
fn across(axis: &Axis, length: f64, overhang: Overhang) -> Ticks {
    roomy(axis, length, overhang, |label| width(label, TICK_SIZE))
}

/// Ticks along a vertical axis.
fn along(axis: &Axis, length: f64, overhang: Overhang) -> Ticks {
    roomy(axis, length, overhang, |_| DIGIT_HEIGHT)
}

/// The finest of some sets of ticks whose labels, of so many px, do not meet. Where only a single
/// label is left, which tells no scale, a finer set with every other label takes its place.
fn roomy(axis: &Axis, length: f64, overhang: Overhang, extent: impl Fn(&str) -> f64) -> Ticks {
    if axis.spread == Spread::Logarithmic {
        return tick::logarithmic(axis.lo, axis.hi);
    }
    let place = |tick: &Tick| {
        overhang.place(length * axis.fraction(tick.value), extent(&tick.label), length)
    };
    let sparse = |count: usize, stride: usize| {
        let mut ticks = tick::linear(axis.lo, axis.hi, count);
        let left_out = |(k, tick): &(usize, &mut Tick)| k % stride > 0 || place(tick).is_none();
        let unlabelled = ticks.ticks.iter_mut().enumerate().filter(left_out);
        unlabelled.for_each(|(_, tick)| tick.label.clear());
        ticks
    };
    let fits = |ticks: &Ticks, least: usize| {
        let labelled = || ticks.ticks.iter().filter(|t| !t.label.is_empty());
        let needed = labelled().map(|t| extent(&t.label) + GAP).fold(0.0, f64::max);
        let places: Vec<f64> = labelled().filter_map(place).collect();
        places.len() >= least && places.windows(2).all(|p| p[1] - p[0] >= needed)
    };
    let sets = |stride| (1..=7).rev().map(move |count| (count, stride));
    let tried = sets(1).chain(sets(2)).map(|(count, stride)| (sparse(count, stride), 2));
    let single = sets(2).filter(|(count, _)| *count < 4).map(|(count, s)| (sparse(count, s), 1));
    let found = tried.chain(single).find(|(ticks, least)| fits(ticks, *least));
    found.map_or_else(|| tick::linear(axis.lo, axis.hi, 1), |(ticks, _)| ticks)
}

/// Draws ticks and label below the frame.
pub(super) fn below(svg: &mut Svg, plot: &Plot, quantity: Quantity) {
    below_within(svg, plot, quantity, Overhang::WIDE);
}

/// The same with labels that reach so far to the sides.
pub(super) fn below_within(svg: &mut Svg, plot: &Plot, quantity: Quantity, overhang: Overhang) {
    let ticks = across(&plot.x, plot.frame.w, overhang);
    let lines = quantity.lines(&ticks.factor(), plot.frame.w);
    draw_below(svg, plot, (&ticks.ticks, overhang), &lines);
}

/// The same for things that are counted: ticks at whole numbers, written in full.
pub(super) fn below_counted(svg: &mut Svg, plot: &Plot, name: &str) {
    let whole = |tick: Tick| match tick.label.is_empty() {
        true => tick,
        false => Tick { label: format!("{:.0}", tick.value), ..tick },
    };
    let mut ticks = across(&plot.x, plot.frame.w, Overhang::WIDE).ticks;
    ticks.retain(|tick| (tick.value - tick.value.round()).abs() < 1e-6);
    let ticks: Vec<Tick> = ticks.into_iter().map(whole).collect();
    draw_below(svg, plot, (&ticks, Overhang::WIDE), &[name.to_owned()]);
}

fn draw_below(
    svg: &mut Svg,
    plot: &Plot,
    (ticks, overhang): (&[Tick], Overhang),
    lines: &[String],
) {
    let Frame { x, y, w, h } = plot.frame;
    let mut marks = String::new();
    for tick in ticks {
        let (at, length) = (plot.x_at(tick.value), if tick.label.is_empty() { 3 } else { 5 });
        append(&mut marks, format_args!("M{} {}v{length}", Px(at), Px(y + h)));
        let style = TextStyle::new(TICK_SIZE, Anchor::Middle);
        let label = overhang.place(at - x, width(&tick.label, TICK_SIZE), w).unwrap_or(at - x);
        svg.text((x + label, y + h + 17.0), style, &tick.label);
    }
    svg.path(&marks, Stroke::solid(INK, 1.0));
    for (k, line) in lines.iter().enumerate() {
        let at = (x + w / 2.0, y + h + 34.0 + 15.0 * k as f64);
        svg.symbol(at, TextStyle::new(LABEL_SIZE, Anchor::Middle), line);
    }
}

/// Draws ticks and label left of the frame.
pub(super) fn left(svg: &mut Svg, plot: &Plot, quantity: Quantity) {
    left_within(svg, plot, quantity, Overhang::WIDE);
}

/// The same with labels that reach so far up and down.
pub(super) fn left_within(svg: &mut Svg, plot: &Plot, quantity: Quantity, overhang: Overhang) {
    let Frame { x, y, h, .. } = plot.frame;
    let ticks = along(&plot.y, h, overhang);
    let mut marks = String::new();
    for tick in &ticks.ticks {
        let (at, length) = (plot.y_at(tick.value), if tick.label.is_empty() { 3 } else { 5 });
        append(&mut marks, format_args!("M{} {}h-{length}", Px(x), Px(at)));
        let rise = y + h - at;
        let label = y + h - overhang.place(rise, DIGIT_HEIGHT, h).unwrap_or(rise);
        svg.text((x - 7.0, label + 4.0), TextStyle::new(TICK_SIZE, Anchor::End), &tick.label);
    }
    svg.path(&marks, Stroke::solid(INK, 1.0));
    // Labels of panels below each other line up unless one has uncommonly long ticks.
    let common = width("−0.00", TICK_SIZE);
    let widest = ticks.ticks.iter().map(|t| width(&t.label, TICK_SIZE)).fold(common, f64::max);
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

/// A point held inside the frame, where infinite values are at its edge.
pub(super) fn inside(plot: &Plot, x: f64, y: f64) -> (f64, f64) {
    let Frame { x: left, w, .. } = plot.frame;
    let y = if y.is_nan() { y } else { plot.y_inside(y) };
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
        for (lo, hi) in [(1.234_51, 1.234_59), (-3e-7, 4e-7), (0.0, 12_345.0), (99_990.0, 99_999.0)]
        {
            let axis = Axis::linear(lo, hi, "");
            let ticks = across(&axis, 96.0, Overhang::NARROW).ticks;
            let ticks: Vec<Tick> = ticks.into_iter().filter(|t| !t.label.is_empty()).collect();
            assert!(!ticks.is_empty(), "{lo} {hi}");
            for pair in ticks.windows(2) {
                let pitch = 96.0 * (axis.fraction(pair[1].value) - axis.fraction(pair[0].value));
                assert!(ticks.len() < 3 || pitch > width(&pair[0].label, TICK_SIZE), "{ticks:?}");
            }
        }
    }
}
