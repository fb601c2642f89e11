//! Density and course of every parameter, a row each, chains in colours.

use dyne_xpcs::posterior::report::{PosteriorReport, SampleReport};

use super::colours::{self, DIVERGENT, PRIOR};
use super::density::density;
use super::draws::{Drawn, divergent, drawn};
use super::headline;
use super::legend::{Entry, Legend, Mark};
use super::ruler::{self, Quantity, tenth};
use super::sheet::{self, WIDTH};
use crate::axes::{Axis, Plot, padded_range};
use crate::g2::evenly;
use crate::svg::{Frame, Px, Stroke, Svg, append, polyline};

/// Most places of a density.
const PLACES: usize = 160;
/// Most places of all densities together, see [`ALL_POINTS`].
const ALL_PLACES: usize = 40_000;
/// Most points of the course of one chain.
const POINTS: usize = 1000;
/// Most points of all courses together, which bounds the bytes of the page.
const ALL_POINTS: usize = 100_000;
/// A prior lower than this share of the densities is a line on the axis and not drawn.
const VISIBLE: f64 = 0.02;

const HEIGHT: f64 = 152.0;
const DENSITY: Frame = Frame { x: 24.0, y: 12.0, w: 278.0, h: 92.0 };
const COURSE: Frame = Frame { x: 408.0, y: 12.0, w: 436.0, h: 92.0 };

/// How finely lines are drawn.
#[derive(Debug, Clone, Copy)]
struct Detail {
    /// Points of the course of a chain.
    points: usize,
    /// Places of a density.
    places: usize,
}

/// One row a parameter; absent without draws.
pub(super) fn figure(report: &PosteriorReport) -> Option<Svg> {
    let sample = headline(report)?;
    let parameters = drawn(sample);
    let detail = Detail::of(&parameters);
    let (last, rest) = parameters.split_last()?;
    let mut rows: Vec<Svg> = rest.iter().map(|d| row(d, sample, detail, "")).collect();
    rows.push(row(last, sample, detail, "draw"));
    let notes = notes(sample, detail.points);
    sheet::grid(&rows, 1, &legend(sample, &parameters), &notes)
}

impl Detail {
    /// As fine as the number of lines allows.
    fn of(parameters: &[Drawn]) -> Self {
        let lines: usize = parameters.iter().map(|d| d.chains.len()).sum::<usize>().max(1);
        let points = (ALL_POINTS / lines).clamp(20, POINTS);
        Self { points, places: (ALL_PLACES / lines).clamp(40, PLACES) }
    }
}

/// Entries of the chains, in the order of their colours.
pub(super) fn chains(sample: &SampleReport) -> Vec<Entry> {
    let count = sample.trace.values.iter().map(Vec::len).max().unwrap_or(0);
    let line = |k| Mark::Line(Stroke::solid(colours::chain(k), 2.0));
    (0..count).map(|k| Entry::new(line(k), (k + 1).to_string())).collect()
}

fn legend(sample: &SampleReport, parameters: &[Drawn]) -> Legend {
    let mut entries = chains(sample);
    if parameters.iter().any(|d| prior(d, peak(d)).is_some()) {
        entries.push(Entry::new(Mark::Line(dashed()), "prior"));
    }
    if !divergent(sample).is_empty() {
        entries.push(Entry::new(Mark::Tick(DIVERGENT), "divergent draw"));
    }
    Legend { name: "chain", entries }
}

fn notes(sample: &SampleReport, points: usize) -> Vec<String> {
    let longest = sample.trace.values.iter().flatten().map(Vec::len).max().unwrap_or(0);
    if longest <= points {
        return Vec::new();
    }
    vec![format!("right: {points} of {longest} draws a chain, evenly; densities rest on all")]
}

fn dashed() -> Stroke {
    Stroke { colour: PRIOR, width: 1.1, dash: "5 3" }
}

/// A parameter, with the name of the axis of its course.
fn row(drawn: &Drawn, sample: &SampleReport, detail: Detail, name: &str) -> Svg {
    let mut svg = Svg::new(WIDTH, HEIGHT);
    let quantity = Quantity { symbol: &drawn.parameter.symbol, unit: &drawn.parameter.unit };
    densities(&mut svg, drawn, sample, detail.places);
    let (lo, hi) = padded_range(drawn.chains.iter().flatten().copied(), 0.05);
    let longest = drawn.chains.iter().map(Vec::len).max().unwrap_or(0);
    let x = Axis::linear(0.0, longest.max(1) as f64, "");
    let plot = Plot { frame: COURSE, x, y: Axis::linear(lo, hi, "") };
    for (k, draws) in drawn.chains.iter().enumerate() {
        svg.veil(0.75, &course(&plot, draws, detail.points, k));
    }
    let marks = divergent(sample).into_iter().map(|(_, draw)| plot.x_at(draw as f64 + 1.0));
    ticks(&mut svg, COURSE, marks);
    ruler::below_counted(&mut svg, &plot, name);
    ruler::left(&mut svg, &plot, quantity);
    ruler::frame(&mut svg, COURSE);
    svg
}

fn course(plot: &Plot, draws: &[f64], points: usize, chain: usize) -> Svg {
    let mut svg = Svg::new(0.0, 0.0);
    let at = |k: usize| {
        let (x, y) = ruler::inside(plot, k as f64 + 1.0, draws[k]);
        (tenth(x), tenth(y))
    };
    let line = polyline(evenly(draws.len(), points).into_iter().map(at));
    svg.path(&line, Stroke::solid(colours::chain(chain), 0.7));
    svg
}

fn densities(svg: &mut Svg, drawn: &Drawn, sample: &SampleReport, places: usize) {
    let quantity = Quantity { symbol: &drawn.parameter.symbol, unit: &drawn.parameter.unit };
    let range = drawn.range();
    let highest = peak(drawn);
    let prior = prior(drawn, highest);
    let top = prior.iter().flatten().fold(highest, |m: f64, v| m.max(*v));
    let x = Axis::linear(range[0], range[1], "");
    let plot = Plot { frame: DENSITY, x, y: Axis::linear(0.0, 1.08 * top, "") };
    if let Some(prior) = prior {
        svg.path(&outline(&plot, &prior), dashed());
    }
    for (k, draws) in drawn.chains.iter().enumerate() {
        let stroke = Stroke::solid(colours::chain(k), 1.5);
        let line = match density(draws, range, places) {
            Some(values) => outline(&plot, &values),
            None => upright(&plot, draws),
        };
        svg.path(&line, stroke);
    }
    let value = |(chain, draw): (usize, usize)| drawn.chains.get(chain)?.get(draw).copied();
    let found = divergent(sample).into_iter().filter_map(value).filter(|v| v.is_finite());
    ticks(svg, DENSITY, found.map(|v| ruler::inside(&plot, v, 0.0).0));
    ruler::below(svg, &plot, quantity);
    ruler::frame(svg, DENSITY);
}

/// Highest density of a chain; 1 where no chain has one.
fn peak(drawn: &Drawn) -> f64 {
    let range = drawn.range();
    let of = |draws: &Vec<f64>| density(draws, range, PLACES);
    let highest = drawn.chains.iter().filter_map(of).flatten().fold(0.0, f64::max);
    if highest > 0.0 { highest } else { 1.0 }
}

/// The prior over the range of the draws, where it can be seen beside densities of that height.
fn prior(drawn: &Drawn, highest: f64) -> Option<Vec<f64>> {
    let values = density(&drawn.parameter.prior_draws, drawn.range(), PLACES)?;
    values.iter().any(|v| *v > VISIBLE * highest).then_some(values)
}

/// A chain that does not move, as a line at its value.
pub(super) fn upright(plot: &Plot, draws: &[f64]) -> String {
    let Some(value) = draws.iter().find(|v| v.is_finite()) else { return String::new() };
    let Frame { y, h, .. } = plot.frame;
    let x = ruler::inside(plot, *value, 0.0).0;
    polyline([(x, y + 0.08 * h), (x, y + h)])
}

/// Path data of values at even places over the width of a frame.
pub(super) fn outline(plot: &Plot, values: &[f64]) -> String {
    let Frame { x, w, .. } = plot.frame;
    let step = w / (values.len().max(2) - 1) as f64;
    let points = values.iter().enumerate();
    polyline(points.map(|(k, v)| (tenth(x + step * k as f64), tenth(plot.y_inside(*v)))))
}

/// Short marks at the lower edge of a frame, one a px at most.
fn ticks(svg: &mut Svg, frame: Frame, places: impl Iterator<Item = f64>) {
    let mut places: Vec<f64> = places.filter(|x| x.is_finite()).map(f64::round).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let mut data = String::new();
    for x in &places {
        append(&mut data, format_args!("M{} {}v-9", Px(*x), Px(frame.y + frame.h)));
    }
    if !data.is_empty() {
        svg.path(&data, Stroke::solid(DIVERGENT, 1.2));
    }
}
