//! What each shard tells of every parameter.

use dyne_xpcs::posterior::report::{ParameterPosterior, PosteriorReport, ShardReport};

use super::colours::{self, SHARDS};
use super::legend::{Entry, Legend, Mark};
use super::ruler::{self, Quantity};
use super::sheet::{self, HALF};
use super::{combined, headline};
use crate::axes::{Axis, Plot, padded_range};
use crate::colour::PAPER;
use crate::svg::{Frame, Stroke, Svg, polyline};

/// One panel a parameter, shards by number; absent without shards.
pub(super) fn figure(report: &PosteriorReport) -> Option<Svg> {
    let shards = report.shards.as_ref().filter(|s| !s.shards.is_empty())?;
    let sample = combined(report).or_else(|| headline(report))?;
    let all = sample.parameters.iter().enumerate();
    let panels: Vec<Svg> = all.map(|(k, p)| panel(p, k, &shards.shards)).collect();
    let mut entries = vec![Entry::new(Mark::Disc(colours::posterior()), "mean ± sd of a shard")];
    if shards.shards.iter().any(|s| s.left_out.is_some()) {
        entries.push(Entry::new(Mark::Hollow(colours::posterior()), "left out"));
    }
    entries.push(Entry::new(Mark::Area(SHARDS, 0.25), "combined, 68 %"));
    sheet::grid(&panels, 2, &Legend { name: "", entries }, &[])
}

fn panel(parameter: &ParameterPosterior, index: usize, shards: &[ShardReport]) -> Svg {
    let (mut svg, frame) = (HALF.blank(), HALF.frame());
    let of = |values: &[f64]| values.get(index).copied().unwrap_or(f64::NAN);
    let points: Vec<(f64, f64, f64)> =
        shards.iter().map(|s| (s.shard as f64, of(&s.mean), of(&s.sd))).collect();
    let [_, low, _, high, _] = parameter.spread.quantiles;
    let reach = |(_, mean, sd): &(f64, f64, f64)| {
        let sd = if sd.is_finite() { *sd } else { 0.0 };
        [mean - sd, mean + sd]
    };
    let (lo, hi) = padded_range(points.iter().flat_map(reach).chain([low, high]), 0.08);
    let last = points.iter().map(|p| p.0).fold(1.0, f64::max);
    let x = Axis::linear(0.4, last + 0.6, "");
    let plot = Plot { frame, x, y: Axis::linear(lo, hi, "") };
    band(&mut svg, &plot, [low, parameter.spread.mean, high]);
    let bars = points.iter().copied();
    svg.path(&plot.error_bars(bars), Stroke::solid(colours::posterior(), 1.2));
    let at = |p: &(f64, f64, f64)| ruler::inside(&plot, p.0, p.1);
    let finite = || points.iter().zip(shards).filter(|(p, _)| p.1.is_finite());
    svg.discs(&finite().map(|(p, _)| at(p)).collect::<Vec<_>>(), 3.2, colours::posterior());
    let hollow: Vec<_> =
        finite().filter(|(_, s)| s.left_out.is_some()).map(|(p, _)| at(p)).collect();
    if !hollow.is_empty() {
        svg.discs(&hollow, 2.0, PAPER);
    }
    ruler::below_counted(&mut svg, &plot, "shard");
    ruler::left(&mut svg, &plot, Quantity { symbol: &parameter.symbol, unit: &parameter.unit });
    ruler::frame(&mut svg, frame);
    svg
}

/// The combined interval over the width of the frame.
fn band(svg: &mut Svg, plot: &Plot, [low, mean, high]: [f64; 3]) {
    if !(low.is_finite() && high.is_finite()) {
        return;
    }
    let Frame { x, w, .. } = plot.frame;
    let (top, bottom) = (plot.y_inside(high), plot.y_inside(low));
    let mut area = Svg::new(0.0, 0.0);
    area.fill(Frame { x, y: top, w, h: bottom - top }, SHARDS);
    svg.veil(0.25, &area);
    if mean.is_finite() {
        let y = plot.y_inside(mean);
        svg.path(&polyline([(x, y), (x + w, y)]), Stroke::solid(SHARDS, 1.0));
    }
}
