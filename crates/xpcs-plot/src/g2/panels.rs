//! Curves against lag, a panel for each q or bin.

use dyne_xpcs::g2::{AgedCurve, G2Report};

use super::cells::{age, first_model, place};
use super::sheet::{SMALL, Size, WIDE, blank, colour, grid, title};
use super::{PANELS, SERIES, SHEET, evenly, groups};
use crate::axes::{Axis, Plot, padded_range};
use crate::svg::{Stroke, Svg, polyline};

/// Places at which a fit is drawn.
const STEPS: usize = 90;

/// A picture of some panels.
pub(super) struct Sheet {
    /// First and last panel in words.
    pub(super) caption: String,
    pub(super) svg: Svg,
}

/// All pictures; the panels are chosen evenly where there are too many.
pub(super) fn sheets(report: &G2Report) -> Vec<Sheet> {
    let groups = groups(report);
    let chosen: Vec<&[AgedCurve]> =
        evenly(groups.len(), PANELS).into_iter().map(|k| groups[k]).collect();
    let sheet = |chunk: &[&[AgedCurve]]| {
        let (first, last) = (place(&chunk[0][0]), place(&chunk[chunk.len() - 1][0]));
        let caption = if first == last { first } else { format!("{first} to {last}") };
        Sheet { caption, svg: figure(chunk) }
    };
    chosen.chunks(SHEET).map(sheet).collect()
}

/// What is not drawn; nothing where all is.
pub(super) fn left_out(report: &G2Report) -> Option<String> {
    let groups = groups(report);
    let ages = groups.iter().map(|group| group.len()).max().unwrap_or(0);
    let mut parts = Vec::new();
    if groups.len() > PANELS {
        parts.push(format!("{PANELS} of {} panels", groups.len()));
    }
    if ages > SERIES {
        parts.push(format!("{SERIES} of {ages} ages"));
    }
    (!parts.is_empty()).then(|| format!("Drawn are {}; g2.csv holds all.", parts.join(" and ")))
}

fn figure(groups: &[&[AgedCurve]]) -> Svg {
    let size = if groups.len() == 1 { WIDE } else { SMALL };
    let panels: Vec<Svg> = groups.iter().map(|group| panel(group, size)).collect();
    let ages = groups[0];
    let chosen = evenly(ages.len(), SERIES);
    let labels: Vec<String> = chosen.iter().map(|at| age(ages[*at].age)).collect();
    let model = first_model(groups.iter().flat_map(|group| group.iter()));
    let note = format!(
        "points: means over pairs with the error of their scatter; lines: {model} fits, dashed \
         where there are reservations"
    );
    grid(&panels, "age (s)", &labels, &note)
}

fn panel(group: &[AgedCurve], size: Size) -> Svg {
    let (mut svg, frame) = blank(size);
    let chosen = evenly(group.len(), SERIES);
    let curves: Vec<&AgedCurve> = chosen.iter().map(|k| &group[*k]).collect();
    let plot = Plot { frame, x: lag_axis(&curves), y: g2_axis(&curves) };
    plot.draw_level(&mut svg, 1.0);
    for (k, curve) in curves.iter().enumerate() {
        let colour = colour(k, curves.len());
        let inside = |at: &usize| {
            curve.g2_stderr[*at].is_finite()
                && (0.0..=1.0).contains(&plot.y.fraction(curve.g2[*at]))
        };
        let shown: Vec<usize> = (0..curve.lag.len()).filter(inside).collect();
        let bars = shown.iter().map(|at| (curve.lag[*at], curve.g2[*at], curve.g2_stderr[*at]));
        svg.path(&plot.error_bars(bars), Stroke::solid(colour, 0.9));
        let discs: Vec<_> = shown
            .iter()
            .map(|at| (plot.x_at(curve.lag[*at]), plot.y_inside(curve.g2[*at])))
            .collect();
        svg.discs(&discs, 2.3, colour);
    }
    for (k, curve) in curves.iter().enumerate() {
        draw_fit(&mut svg, &plot, curve, colour(k, curves.len()));
    }
    plot.draw(&mut svg);
    title(&mut svg, &place(&group[0]));
    svg
}

/// The first fit of a curve.
fn draw_fit(svg: &mut Svg, plot: &Plot, curve: &AgedCurve, colour: crate::colour::Rgb) {
    let (Some(fit), Some(first), Some(last)) =
        (curve.fits.first(), curve.lag.first(), curve.lag.last())
    else {
        return;
    };
    let lag = |k: usize| first * (last / first).powf(k as f64 / (STEPS - 1) as f64);
    let line = (0..STEPS).map(|k| (plot.x_at(lag(k)), plot.y_inside(fit.at(lag(k)))));
    let dash = if fit.flags.is_empty() { "" } else { "5 3" };
    svg.path(&polyline(line), Stroke { colour, width: 1.8, dash });
}

fn lag_axis(curves: &[&AgedCurve]) -> Axis {
    let lo = curves.iter().filter_map(|c| c.lag.first()).fold(f64::INFINITY, |m, l| m.min(*l));
    let hi = curves.iter().filter_map(|c| c.lag.last()).fold(0.0, |m: f64, l| m.max(*l));
    Axis::logarithmic(lo / 1.15, hi * 1.15, "lag t (s)")
}

/// Range of the fits and of the points that rest on a fair number of pairs: a few pairs at the
/// longest lags scatter far and would flatten the rest.
fn g2_axis(curves: &[&AgedCurve]) -> Axis {
    let shown = |curve: &&AgedCurve| {
        let most = curve.pairs.iter().fold(0.0f64, |m, n| m.max(*n));
        let fit = curve.fits.first().map(|fit| curve.lag.iter().map(|lag| fit.at(*lag)));
        let solid = (0..curve.lag.len()).filter(|k| curve.pairs[*k] >= 0.2 * most);
        solid
            .flat_map(|k| {
                let error = if curve.g2_stderr[k].is_finite() { curve.g2_stderr[k] } else { 0.0 };
                [curve.g2[k] - error, curve.g2[k] + error]
            })
            .chain(fit.into_iter().flatten())
            .collect::<Vec<f64>>()
    };
    let (lo, hi) = padded_range(curves.iter().flat_map(shown), 0.08);
    Axis::linear(lo, hi, "g₂")
}
