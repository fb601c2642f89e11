//! Functions of time behind the parameters, with bands.

use dyne_xpcs::posterior::report::{Band, PosteriorReport, RateBand};

use super::colours;
use super::legend::{Entry, Legend, Mark};
use super::predictive::draw_band;
use super::ruler::{self, Quantity, inside};
use super::sheet::{self, HALF};
use crate::axes::{Axis, Plot, padded_range};
use crate::colour::INK;
use crate::g2::evenly;
use crate::svg::{Stroke, Svg, polyline};

/// Most times of a curve.
const TIMES: usize = 300;
/// Bands wider than this many times the values are cut off, or the values would be a flat line.
const WIDEST: f64 = 2.0;

/// One panel a function; absent without any.
pub(super) fn figure(report: &PosteriorReport) -> Option<Svg> {
    let panels: Vec<Svg> = report.rates.iter().map(panel).collect();
    let colour = colours::posterior();
    let entries = vec![
        Entry::new(Mark::Line(Stroke::solid(colour, 1.5)), "median"),
        Entry::new(Mark::Area(colour, 0.45), "68 %"),
        Entry::new(Mark::Area(colour, 0.16), "95 %"),
        Entry::new(Mark::Line(fitted()), "fit"),
    ];
    sheet::grid(&panels, 2, &Legend { name: "", entries }, &[])
}

fn fitted() -> Stroke {
    Stroke { colour: INK, width: 1.4, dash: "5 3" }
}

fn panel(rate: &RateBand) -> Svg {
    let (mut svg, frame) = (HALF.blank(), HALF.frame());
    let kept = evenly(rate.t_s.len().min(rate.band.quantiles.len()), TIMES);
    let times: Vec<f64> = kept.iter().map(|k| rate.t_s[*k]).collect();
    let quantiles = kept.iter().map(|k| rate.band.quantiles[*k]).collect();
    let fit: Vec<f64> =
        kept.iter().map(|k| rate.fit.get(*k).copied().unwrap_or(f64::NAN)).collect();
    let (first, last) = padded_range(times.iter().copied(), 0.0);
    let band = Band { quantiles };
    let y = value_axis(&band, &fit);
    let plot = Plot { frame, x: Axis::linear(first, last, ""), y };
    draw_band(&mut svg, &plot, &times, &band, colours::posterior());
    let line = times.iter().zip(&fit).map(|(t, v)| inside(&plot, *t, *v));
    svg.path(&polyline(line), fitted());
    ruler::below(&mut svg, &plot, Quantity { symbol: "t", unit: "s" });
    ruler::left(&mut svg, &plot, Quantity { symbol: &rate.symbol, unit: &rate.unit });
    ruler::frame(&mut svg, frame);
    svg
}

fn value_axis(band: &Band, fit: &[f64]) -> Axis {
    let middle = band.quantiles.iter().map(|q| q[2]).chain(fit.iter().copied());
    let largest = middle.filter(|v| v.is_finite()).fold(0.0f64, |m, v| m.max(v.abs()));
    let held = |(end, centre): (f64, f64)| {
        centre + (end - centre).clamp(-WIDEST * largest, WIDEST * largest)
    };
    let ends = band.quantiles.iter().flat_map(|q| [(q[0], q[2]), (q[4], q[2])]).map(held);
    let (lo, hi) = padded_range(ends.chain(fit.iter().copied()), 0.0);
    ruler::wide_axis(lo, hi)
}
