//! Contrast and offset against azimuth.

use dyne_xpcs::report::{Report, ScalingResult};

use crate::axes::{Axis, LABEL_SIZE, Plot, TICK_SIZE, padded_range};
use crate::colour::{ColourMap, Rgb};
use crate::number::significant;
use crate::svg::{Anchor, Frame, Stroke, Svg, TextStyle};

const WIDTH: f64 = 600.0;
const LEFT: f64 = 76.0;
const TOP: f64 = 20.0;
const PANEL: f64 = 190.0;
const GAP: f64 = 34.0;
const BOTTOM: f64 = 44.0;
/// Fewest azimuths that make a figure worth its room.
const FEWEST_ANGLES: usize = 3;
/// Room for the legend where there are several wave-vector transfers.
const LEGEND: f64 = 120.0;

/// One panel for contrast, one for offset; absent for fewer than three azimuths.
pub(crate) fn figure(report: &Report) -> Option<Svg> {
    of_bins(&report.scaling)
}

/// The same of any list of bins.
pub(crate) fn of_bins(scaling: &[ScalingResult]) -> Option<Svg> {
    if distinct(scaling.iter().map(|s| s.phi_deg)).len() < FEWEST_ANGLES {
        return None;
    }
    let groups = distinct(scaling.iter().map(|s| s.q));
    let right = if groups.len() > 1 { LEGEND } else { 16.0 };
    let mut svg = Svg::new(WIDTH, TOP + 2.0 * PANEL + GAP + BOTTOM);
    let (lo, hi) = padded_range(scaling.iter().map(|s| s.phi_deg), 0.04);
    let frame = Frame { x: LEFT, y: TOP, w: WIDTH - LEFT - right, h: PANEL };
    let below = Frame { y: TOP + PANEL + GAP, ..frame };
    let azimuth = |label| Axis::linear(lo, hi, label);
    let contrast = |s: &ScalingResult| (s.contrast, s.contrast_stderr.unwrap_or(f64::NAN));
    let offset = |s: &ScalingResult| (s.offset, s.offset_stderr.unwrap_or(f64::NAN));
    let upper = Plot { frame, x: azimuth(""), y: value_axis(scaling, contrast, "contrast") };
    let lower =
        Plot { frame: below, x: azimuth("φ (°)"), y: value_axis(scaling, offset, "offset") };
    draw_panel(&mut svg, &upper, scaling, contrast);
    draw_panel(&mut svg, &lower, scaling, offset);
    if groups.len() > 1 {
        draw_legend(&mut svg, &groups);
    }
    Some(svg)
}

/// Distinct values in ascending order, equal within a millionth.
fn distinct(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut out: Vec<f64> = values.collect();
    out.sort_by(f64::total_cmp);
    out.dedup_by(|a, b| (*a - *b).abs() <= 1e-6 * b.abs());
    out
}

fn value_axis(
    scaling: &[ScalingResult],
    of: impl Fn(&ScalingResult) -> (f64, f64),
    label: &'static str,
) -> Axis {
    let ends = scaling.iter().flat_map(|s| {
        let (value, error) = of(s);
        let error = if error.is_finite() { error } else { 0.0 };
        [value - error, value + error]
    });
    let (lo, hi) = padded_range(ends, 0.08);
    Axis::linear(lo, hi, label)
}

fn draw_panel(
    svg: &mut Svg,
    plot: &Plot,
    scaling: &[ScalingResult],
    of: impl Fn(&ScalingResult) -> (f64, f64),
) {
    let groups = distinct(scaling.iter().map(|s| s.q));
    for (index, q) in groups.iter().enumerate() {
        let colour = colour(index, groups.len());
        let members = || scaling.iter().filter(|s| (s.q - q).abs() <= 1e-6 * q.abs());
        let points = members().map(|s| (s.phi_deg, of(s).0, of(s).1));
        svg.path(&plot.error_bars(points), Stroke::solid(colour, 1.2));
        let centres: Vec<_> = members()
            .filter(|s| of(s).0.is_finite())
            .map(|s| (plot.x_at(s.phi_deg), plot.y_inside(of(s).0)))
            .collect();
        svg.discs(&centres, 3.2, colour);
    }
    plot.draw(svg);
}

fn draw_legend(svg: &mut Svg, groups: &[f64]) {
    let x = WIDTH - LEGEND + 16.0;
    svg.text((x, TOP + 10.0), TextStyle::new(LABEL_SIZE, Anchor::Start), "q (Å⁻¹)");
    for (index, q) in groups.iter().enumerate() {
        let y = TOP + 30.0 + 18.0 * index as f64;
        svg.discs(&[(x + 5.0, y)], 3.2, colour(index, groups.len()));
        svg.text(
            (x + 16.0, y + 4.0),
            TextStyle::new(TICK_SIZE, Anchor::Start),
            &significant(*q, 4),
        );
    }
}

fn colour(index: usize, count: usize) -> Rgb {
    match count {
        1 => ColourMap::Viridis.at(0.25),
        _ => ColourMap::Viridis.at(0.86 * index as f64 / (count - 1) as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearly_equal_values_are_one() {
        assert_eq!(distinct([2.0, 1.0, 2.000_000_1, f64::NAN].into_iter()).len(), 3);
        assert_eq!(distinct([0.0, 0.0, -5.0].into_iter()), [-5.0, 0.0]);
    }
}
