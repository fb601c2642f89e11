//! Relaxation time, exponent and contrast against age.

use dyne_xpcs::g2::{AgedCurve, DecayFit, G2Report, Value};

use super::cells::{first_model, short};
use super::sheet::{Mark, SMALL, blank, colour, ends, grid, marks, shift, title};
use super::{SERIES, evenly, groups};
use crate::axes::{Axis, Plot, padded_range};
use crate::svg::{Stroke, Svg, polyline};

/// A range of τ above this factor is drawn by its logarithm.
const WIDE: f64 = 8.0;

/// What is drawn of a fit, and under which name.
type Quantity = (&'static str, fn(&DecayFit) -> Value);

/// A panel for each quantity, the q (or bins) in colours; absent for one age.
pub(super) fn figure(report: &G2Report) -> Option<Svg> {
    let groups = groups(report);
    let chosen: Vec<&[AgedCurve]> =
        evenly(groups.len(), SERIES).into_iter().map(|k| groups[k]).collect();
    if chosen.iter().all(|group| group.len() < 2) {
        return None;
    }
    let stretched = chosen.iter().flat_map(|g| g.iter()).filter_map(|c| c.fits.first());
    let stretched = stretched.clone().any(|fit| fit.exponent.stderr.is_some());
    let mut quantities: Vec<Quantity> = vec![("τ (s)", |fit| fit.tau)];
    if stretched {
        quantities.push(("exponent", |fit| fit.exponent));
    }
    quantities.push(("contrast", |fit| fit.contrast));
    quantities.push(("baseline", |fit| fit.baseline));
    let labels: Vec<String> = chosen.iter().map(|group| short(&group[0])).collect();
    let panels: Vec<Svg> = quantities.into_iter().map(|q| panel(&chosen, q)).collect();
    let model = first_model(chosen.iter().flat_map(|group| group.iter()));
    let note = format!("{model} fits; bars: one standard error; hollow points have reservations");
    Some(grid(&panels, "q (Å⁻¹)", &labels, &note))
}

fn panel(groups: &[&[AgedCurve]], (label, of): Quantity) -> Svg {
    let mark = |curve: &AgedCurve| {
        let fit = curve.fits.first()?;
        let Value { value, stderr } = of(fit);
        Some(Mark {
            x: 0.5 * (curve.age[0] + curve.age[1]),
            y: value,
            error: stderr.unwrap_or(f64::NAN),
            trusted: fit.flags.is_empty(),
        })
    };
    let all: Vec<Vec<Mark>> =
        groups.iter().map(|group| group.iter().filter_map(mark).collect()).collect();
    let ages = || groups.iter().flat_map(|group| group.iter().flat_map(|curve| curve.age));
    let (first, last) = padded_range(ages(), 0.02);
    let x = Axis::linear(first.max(0.0), last, "age (s)");
    let (mut svg, frame) = blank(SMALL);
    let plot = Plot { frame, x, y: axis(&all, label) };
    for (k, points) in all.iter().enumerate() {
        let (colour, shift) = (colour(k, all.len()), shift(k, all.len(), points.len()));
        let kept = points.iter().filter(|m| m.trusted);
        let line = kept.map(|m| (plot.x_at(m.x) + shift, plot.y_inside(m.y)));
        svg.path(&polyline(line), Stroke { colour, width: 0.8, dash: "2 3" });
        marks(&mut svg, &plot, points, (colour, shift));
    }
    plot.draw(&mut svg);
    title(&mut svg, label);
    svg
}

fn axis(all: &[Vec<Mark>], label: &'static str) -> Axis {
    let ends = ends(all.iter().flatten());
    let positive = || ends.iter().copied().filter(|v| *v > 0.0);
    let (lo, hi) = (positive().fold(f64::INFINITY, f64::min), positive().fold(0.0, f64::max));
    if label.starts_with('τ') && hi > WIDE * lo {
        return Axis::logarithmic(lo / 1.2, hi * 1.2, label);
    }
    let (lo, hi) = padded_range(ends, 0.1);
    Axis::linear(lo, hi, label)
}
