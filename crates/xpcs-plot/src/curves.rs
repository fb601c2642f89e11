//! Functions of time behind a fit, and profiles of parameters.

use dyne_xpcs::report::{CurveResult, Profile, Report};

use crate::axes::{Axis, LABEL_SIZE, Plot, padded_range};
use crate::colour::{ColourMap, Rgb};
use crate::svg::{Anchor, Frame, Stroke, Svg, TextStyle, polyline};

const PANEL_WIDTH: f64 = 430.0;
const PANEL_HEIGHT: f64 = 262.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 44.0;

/// Panels in a row.
const COLUMNS: usize = 2;

/// Bands wider than this many times the values are cut off, or the values would be a flat line.
const WIDEST_BAND: f64 = 2.0;

fn ink() -> Rgb {
    ColourMap::Viridis.at(0.25)
}

/// One panel a function of time: the value as a line, one standard error to either side as a band;
/// absent where there is none.
pub(crate) fn figure(report: &Report) -> Option<Svg> {
    grid(report.curves.iter().map(panel).collect())
}

/// One panel a profile: deviation in standard deviations against the parameter, with the levels of
/// the 68 % and 95 % intervals.
pub(crate) fn profiles(report: &Report) -> Option<Svg> {
    grid(report.profiles.iter().map(profile).collect())
}

fn grid(panels: Vec<Svg>) -> Option<Svg> {
    (!panels.is_empty()).then(|| Svg::tiled(&panels, COLUMNS, (0.0, 0.0)))
}

fn frame() -> Frame {
    Frame { x: LEFT, y: TOP, w: PANEL_WIDTH - LEFT - RIGHT, h: PANEL_HEIGHT - TOP - BOTTOM }
}

fn title(svg: &mut Svg, text: &str) {
    let middle = LEFT + (PANEL_WIDTH - LEFT - RIGHT) / 2.0;
    svg.text((middle, 18.0), TextStyle::new(LABEL_SIZE, Anchor::Middle), text);
}

fn panel(curve: &CurveResult) -> Svg {
    let mut svg = Svg::new(PANEL_WIDTH, PANEL_HEIGHT);
    let errors = curve.stderr.clone().unwrap_or_default();
    let error = |k: usize| errors.get(k).copied().unwrap_or(0.0);
    let largest = curve.value.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let ends = (0..curve.value.len()).flat_map(|k| {
        let reach = error(k).min(WIDEST_BAND * largest);
        [curve.value[k] - reach, curve.value[k] + reach]
    });
    let (lo, hi) = padded_range(ends, 0.06);
    let (first, last) = padded_range(curve.t_s.iter().copied(), 0.0);
    let x = Axis::linear(first, last, "t (s)");
    let plot = Plot { frame: frame(), x, y: Axis::linear(lo, hi, "") };
    if !errors.is_empty() {
        let upper = (0..errors.len()).map(|k| (k, curve.value[k] + error(k)));
        let lower = (0..errors.len()).rev().map(|k| (k, curve.value[k] - error(k)));
        let outline = upper.chain(lower);
        let points = outline.map(|(k, y)| (plot.x_at(curve.t_s[k]), plot.y_inside(y)));
        svg.area(&polyline(points), ink(), 0.2);
    }
    let line = curve.t_s.iter().zip(&curve.value);
    let line = line.map(|(t, v)| (plot.x_at(*t), plot.y_inside(*v)));
    svg.path(&polyline(line), Stroke::solid(ink(), 1.8));
    plot.draw(&mut svg);
    title(&mut svg, &format!("{} ({})", curve.symbol, curve.unit));
    svg
}

fn profile(profile: &Profile) -> Svg {
    let mut svg = Svg::new(PANEL_WIDTH, PANEL_HEIGHT);
    let (lo, hi) = padded_range(profile.values.iter().copied(), 0.04);
    let (bottom, top) = padded_range(profile.deviations.iter().copied().chain([-2.2, 2.2]), 0.04);
    let plot = Plot {
        frame: frame(),
        x: Axis::linear(lo, hi, ""),
        y: Axis::linear(bottom, top, "deviation (standard deviations)"),
    };
    for level in [-1.96, -0.994, 0.0, 0.994, 1.96] {
        plot.draw_level(&mut svg, level);
    }
    let points = profile.values.iter().zip(&profile.deviations);
    let points: Vec<_> = points.map(|(v, z)| (plot.x_at(*v), plot.y_inside(*z))).collect();
    svg.path(&polyline(points.iter().copied()), Stroke::solid(ink(), 1.8));
    svg.discs(&points, 2.6, ink());
    plot.draw(&mut svg);
    title(&mut svg, &format!("profile of {} ({})", profile.name, profile.unit));
    svg
}
