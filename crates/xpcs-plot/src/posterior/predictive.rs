//! Cuts of the data with the bands that the posterior expects.

use dyne_xpcs::posterior::report::{Band, PosteriorReport, PredictiveCuts};
use dyne_xpcs::report::Cut;

use super::colours;
use super::density::{quantile, sorted};
use super::legend::{Entry, Legend, Mark};
use super::ruler::{self, Quantity, inside};
use super::sheet::{self, Size, WIDTH};
use crate::axes::{Axis, Plot, padded_range};
use crate::caption;
use crate::g2::evenly;
use crate::number::significant;
use crate::svg::{Stroke, Svg, polyline};

/// Most bins.
const BINS: usize = 12;
/// Panels in a row: two of a few, three of more.
const COLUMNS: [usize; 2] = [2, 3];
/// Most bins in the wider panels.
const FEW: usize = 4;
/// Data whose error is larger than this many times the middle one do not stretch the axis.
const POOR: f64 = 3.0;

/// One panel a bin; absent without cuts.
pub(super) fn figure(report: &PosteriorReport) -> Option<Svg> {
    let all = &report.predictive;
    let shown: Vec<&PredictiveCuts> =
        evenly(all.len(), BINS).into_iter().map(|k| &all[k]).collect();
    let columns = COLUMNS[usize::from(shown.len() > FEW)].min(shown.len()).max(1);
    let height = if columns > 2 { 226.0 } else { 272.0 };
    let size = Size { width: WIDTH / columns as f64, height, left: 66.0, bottom: 48.0 };
    let panels: Vec<Svg> = shown.iter().map(|cuts| panel(cuts, size)).collect();
    let mut notes = vec![
        "points: mean of the data with the error of its scatter; bands: 68 % and 95 % of the draws for \
         the expected c₂, without noise"
            .to_owned(),
    ];
    if all.len() > shown.len() {
        notes.push(format!("{} of {} bins, evenly", shown.len(), all.len()));
    }
    sheet::grid(&panels, columns, &legend(&shown), &notes)
}

/// Ages, where all bins have the same.
fn legend(shown: &[&PredictiveCuts]) -> Legend {
    let ages = |cuts: &PredictiveCuts| -> Vec<String> {
        cuts.cuts.iter().map(|(cut, _)| significant(cut.age_s, 3)).collect()
    };
    let Some(first) = shown.first().map(|cuts| ages(cuts)) else { return Legend::default() };
    let disc = |k| Mark::Disc(colours::age(k, first.len()));
    if shown.iter().all(|cuts| ages(cuts) == first) {
        let entries = first.iter().enumerate().map(|(k, age)| Entry::new(disc(k), age.clone()));
        return Legend { name: "age (s)", entries: entries.collect() };
    }
    let ends = [(0, "youngest"), (first.len().saturating_sub(1), "oldest")];
    let entries = ends.map(|(k, name)| Entry::new(disc(k), name)).to_vec();
    Legend { name: "age", entries }
}

fn panel(cuts: &PredictiveCuts, size: Size) -> Svg {
    let (mut svg, frame) = (size.blank(), size.frame());
    let plot = Plot { frame, x: lag_axis(cuts), y: value_axis(cuts) };
    plot.draw_level(&mut svg, 1.0);
    let radius = if size.width < 300.0 { 1.6 } else { 2.1 };
    for (k, (cut, band)) in cuts.cuts.iter().enumerate() {
        let colour = colours::age(k, cuts.cuts.len());
        draw_band(&mut svg, &plot, &cut.lag_s, band, colour);
    }
    for (k, (cut, _)) in cuts.cuts.iter().enumerate() {
        let colour = colours::age(k, cuts.cuts.len());
        let seen: Vec<usize> = lags(cut).filter(|k| is_seen(&plot, value(&cut.data, *k))).collect();
        let bars = seen.iter().map(|k| (cut.lag_s[*k], cut.data[*k], value(&cut.data_stderr, *k)));
        svg.path(&plot.error_bars(bars), Stroke::solid(colour, 0.8));
        let points = seen.iter().map(|k| inside(&plot, cut.lag_s[*k], cut.data[*k]));
        svg.discs(&points.collect::<Vec<_>>(), radius, colour);
    }
    ruler::below(&mut svg, &plot, Quantity { symbol: "lag τ = t₂ − t₁", unit: "s" });
    ruler::left(&mut svg, &plot, Quantity { symbol: "c₂", unit: "" });
    ruler::frame(&mut svg, frame);
    sheet::title(&mut svg, frame, &caption(cuts.phi_deg, cuts.q));
    svg
}

fn is_seen(plot: &Plot, value: f64) -> bool {
    (0.0..=1.0).contains(&plot.y.fraction(value))
}

fn value(values: &[f64], index: usize) -> f64 {
    values.get(index).copied().unwrap_or(f64::NAN)
}

/// Lags that a logarithmic axis has a place for.
fn lags(cut: &Cut) -> impl Iterator<Item = usize> + '_ {
    (0..cut.lag_s.len()).filter(|k| cut.lag_s[*k] > 0.0)
}

fn lag_axis(cuts: &PredictiveCuts) -> Axis {
    let all = || cuts.cuts.iter().flat_map(|(cut, _)| lags(cut).map(|k| cut.lag_s[k]));
    let (lo, hi) = (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max));
    Axis::logarithmic(lo / 1.15, hi * 1.15, "")
}

/// Range of the bands and of the data that have a fair error.
fn value_axis(cuts: &PredictiveCuts) -> Axis {
    let errors: Vec<f64> =
        cuts.cuts.iter().flat_map(|(cut, _)| cut.data_stderr.iter().copied()).collect();
    let fair = POOR * quantile(&sorted(&errors), 0.5);
    let data = |cut: &Cut| -> Vec<f64> {
        lags(cut)
            .filter(|k| value(&cut.data_stderr, *k) <= fair)
            .map(|k| value(&cut.data, k))
            .collect()
    };
    let shown = cuts.cuts.iter().flat_map(|(cut, band)| {
        let ends = lags(cut).filter_map(|k| band.quantiles.get(k));
        let ends: Vec<f64> = ends.flat_map(|q| [q[0], q[4]]).collect();
        data(cut).into_iter().chain(ends)
    });
    let (lo, hi) = padded_range(shown, 0.06);
    Axis::linear(lo, hi, "")
}

/// The 95 % and the 68 % band over each other, and the median.
pub(super) fn draw_band(
    svg: &mut Svg,
    plot: &Plot,
    places: &[f64],
    band: &Band,
    colour: crate::colour::Rgb,
) {
    let usable = |k: &usize| plot.x.fraction(places[*k]).is_finite();
    let whole = |k: &usize| !band.quantiles[*k].iter().any(|v| v.is_nan());
    let count = places.len().min(band.quantiles.len());
    let shown: Vec<usize> = (0..count).filter(|k| usable(k) && whole(k)).collect();
    let at = |level: usize| {
        let point = move |k: &usize| inside(plot, places[*k], band.quantiles[*k][level]);
        shown.iter().map(point).collect::<Vec<_>>()
    };
    for (lower, upper, opacity) in [(0, 4, 0.16), (1, 3, 0.3)] {
        let outline = at(upper).into_iter().chain(at(lower).into_iter().rev());
        svg.area(&polyline(outline), colour, opacity);
    }
    svg.path(&polyline(at(2)), Stroke::solid(colour, 1.3));
}
