//! Two-time maps: data, fit and residual of one bin.

use dyne_xpcs::report::{BinPicture, MapTriple};

use crate::axes::{Axis, LABEL_SIZE, Plot, TICK_SIZE};
use crate::colour::{ColourMap, INK};
use crate::raster::{self, Limits};
use crate::svg::{Anchor, Frame, Px, Sampling, Stroke, Svg, TextStyle, append};
use crate::{caption, tick};

/// Side of the square that holds a map, px.
pub(crate) const SIDE: f64 = 222.0;
pub(crate) const LEFT: f64 = 54.0;
pub(crate) const TOP: f64 = 24.0;
pub(crate) const PANEL_WIDTH: f64 = 340.0;
pub(crate) const PANEL_HEIGHT: f64 = TOP + SIDE + 42.0;

/// Limits of the colours of one bin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct MapLimits {
    /// Of data and fit together.
    pub(crate) data: Limits,
    /// Of the residual, symmetric about zero.
    pub(crate) residual: Limits,
}

impl MapLimits {
    /// Percentiles of the data off the diagonal; of the residual's magnitude for the residual.
    ///
    /// **Formula.** Data and fit: percentiles 0.5 and 99.5 of the data pixels. Residual: ±r with r the percentile 99.5
    /// of |residual|. **Edges.** NaN and the pixels of the main diagonal do not count. Without any value 0 … 1; where
    /// both percentiles coincide, the range is widened by 10⁻³ of the value. **Cost.** Linear in the pixels.
    /// **Checked by** `limits_ignore_diagonal_and_gaps`, `constant_maps_have_limits`.
    pub(crate) fn of(map: &MapTriple) -> Self {
        let mut data = off_diagonal(&map.data, map.pixels, |v| v);
        let lo = percentile(&mut data, 0.005).unwrap_or(0.0);
        let hi = percentile(&mut data, 0.995).unwrap_or(1.0);
        let half = if hi > lo { 0.0 } else { (1e-3 * lo.abs()).max(1e-9) };
        let mut magnitude = off_diagonal(&map.residual, map.pixels, f32::abs);
        let r = percentile(&mut magnitude, 0.995).filter(|r| *r > 0.0).unwrap_or(1.0);
        Self { data: Limits { lo: lo - half, hi: hi + half }, residual: Limits { lo: -r, hi: r } }
    }
}

fn off_diagonal(values: &[f32], pixels: usize, part: impl Fn(f32) -> f32) -> Vec<f32> {
    let off = |(k, v): (usize, &f32)| (k / pixels != k % pixels && v.is_finite()).then(|| part(*v));
    values.iter().enumerate().filter_map(off).collect()
}

fn percentile(values: &mut [f32], fraction: f64) -> Option<f64> {
    let rank = (fraction * values.len().checked_sub(1)? as f64).round() as usize;
    let (_, value, _) = values.select_nth_unstable_by(rank, f32::total_cmp);
    Some(f64::from(*value))
}

/// The three panels of one bin, left to right.
pub(crate) fn panels(map: &MapTriple) -> [Svg; 3] {
    let limits = MapLimits::of(map);
    [
        panel(map, &map.data, "data c₂(t₁, t₂)", (limits.data, ColourMap::Viridis)),
        panel(map, &map.fit, "fit", (limits.data, ColourMap::Viridis)),
        panel(map, &map.residual, "residual: data − fit", (limits.residual, ColourMap::BlueRed)),
    ]
}

/// The three panels side by side under a title.
pub(crate) fn triptych(picture: &BinPicture) -> Svg {
    const TITLE: f64 = 30.0;
    let mut svg = Svg::new(3.0 * PANEL_WIDTH, TITLE + PANEL_HEIGHT);
    let style = TextStyle::new(15.0, Anchor::Middle);
    svg.text((1.5 * PANEL_WIDTH, 22.0), style, &caption(picture.phi_deg, picture.q));
    for (index, panel) in panels(&picture.map).iter().enumerate() {
        svg.place((index as f64 * PANEL_WIDTH, TITLE), panel);
    }
    svg
}

fn panel(
    map: &MapTriple,
    values: &[f32],
    title: &str,
    (limits, colours): (Limits, ColourMap),
) -> Svg {
    let mut svg = Svg::new(PANEL_WIDTH, PANEL_HEIGHT);
    let frame = Frame { x: LEFT, y: TOP, w: SIDE, h: SIDE };
    let png = raster::square_map(values, map.pixels, limits, colours);
    svg.image(frame, &png, sampling(map.pixels));
    let time = |label| Axis::linear(map.t_start_s, map.t_end_s, label);
    Plot { frame, x: time("t₁ (s)"), y: time("t₂ (s)") }.draw(&mut svg);
    svg.text((LEFT + SIDE / 2.0, TOP - 8.0), TextStyle::new(LABEL_SIZE, Anchor::Middle), title);
    draw_bar(&mut svg, Frame { x: LEFT + SIDE + 9.0, w: 12.0, ..frame }, limits, colours);
    svg
}

/// Pixels that are larger on screen than in the image keep their edges; smaller ones must be averaged.
fn sampling(pixels: usize) -> Sampling {
    if (pixels as f64) < 2.0 * SIDE { Sampling::Pixelated } else { Sampling::Smooth }
}

/// Draws a colour bar with its ticks on the right.
pub(crate) fn draw_bar(svg: &mut Svg, frame: Frame, limits: Limits, colours: ColourMap) {
    svg.image(frame, &raster::colour_bar(colours), Sampling::Pixelated);
    svg.outline(frame, Stroke::solid(INK, 1.0));
    let mut marks = String::new();
    let right = frame.x + frame.w;
    let ticks = tick::linear(limits.lo, limits.hi, 5);
    svg.text((frame.x, frame.y - 8.0), TextStyle::new(TICK_SIZE, Anchor::Start), &ticks.factor());
    for tick in ticks.ticks {
        let fraction = (tick.value - limits.lo) / (limits.hi - limits.lo);
        let y = frame.y + frame.h * (1.0 - fraction);
        append(&mut marks, format_args!("M{} {}h4", Px(right), Px(y)));
        svg.text((right + 7.0, y + 4.0), TextStyle::new(TICK_SIZE, Anchor::Start), &tick.label);
    }
    svg.path(&marks, Stroke::solid(INK, 1.0));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pixels: usize, value: impl Fn(usize, usize) -> f32) -> MapTriple {
        let data: Vec<f32> = (0..pixels * pixels).map(|k| value(k / pixels, k % pixels)).collect();
        let residual = data.iter().map(|v| v - 1.0).collect();
        MapTriple { pixels, t_start_s: 0.0, t_end_s: 1.0, fit: data.clone(), data, residual }
    }

    #[test]
    fn limits_ignore_diagonal_and_gaps() {
        let map = map(50, |i, j| match (i, j) {
            (i, j) if i == j => 1e6,
            (0, 1) | (1, 0) => f32::NAN,
            (i, j) => 1.0 + 0.001 * i.abs_diff(j) as f32,
        });
        let limits = MapLimits::of(&map);
        assert!(limits.data.lo >= 1.0 && limits.data.hi < 1.05, "{limits:?}");
        assert_eq!(limits.residual.lo, -limits.residual.hi);
        assert!(limits.residual.hi < 0.05);
    }

    #[test]
    fn constant_maps_have_limits() {
        let constant = MapLimits::of(&map(4, |_, _| 1.0));
        assert!(constant.data.hi > constant.data.lo);
        assert_eq!(constant.residual, Limits { lo: -1.0, hi: 1.0 });
        let empty = MapLimits::of(&map(0, |_, _| 1.0));
        assert_eq!(empty.data, Limits { lo: 0.0, hi: 1.0 });
    }

    #[test]
    fn percentiles_are_ranks() {
        let mut values: Vec<f32> = (0..=200).rev().map(|v| v as f32).collect();
        assert_eq!(percentile(&mut values, 0.005), Some(1.0));
        assert_eq!(percentile(&mut values, 0.995), Some(199.0));
        assert_eq!(percentile(&mut [], 0.5), None);
    }
}
