//! Draws of two parameters against each other.

use dyne_xpcs::posterior::report::{PosteriorReport, SampleReport};

use super::colours::{self, DIVERGENT};
use super::density::density;
use super::draws::{Drawn, divergent, drawn};
use super::headline;
use super::legend::{Entry, Legend, Mark, cross};
use super::ruler::{self, Overhang, Quantity, tenth};
use super::sheet::{self, WIDTH};
use super::trace::{outline, upright};
use crate::axes::{Axis, Plot};
use crate::colour::INK;
use crate::g2::evenly;
use crate::svg::{Frame, Stroke, Svg, polyline};

/// Most parameters.
const MOST: usize = 8;
/// Most points of a panel.
const POINTS: usize = 600;
/// Most divergent draws of a panel.
const DIVERGENT_POINTS: usize = 200;
/// Places of a density.
const PLACES: usize = 100;
/// Room for the labels of the left column and of the lowest row.
const LEFT: f64 = 92.0;
const BOTTOM: f64 = 62.0;
/// Gap between panels.
const GAP: f64 = 8.0;
/// Largest side of a panel.
const SIDE: f64 = 210.0;

/// Chain and draw.
type Place = (usize, usize);

/// What all panels share.
struct Matrix<'a> {
    parameters: Vec<Drawn<'a>>,
    axes: Vec<Axis>,
    points: Vec<Place>,
    divergent: Vec<Place>,
    side: f64,
}

/// A lower triangle of scatter plots with densities on its diagonal; absent without draws.
pub(super) fn figure(report: &PosteriorReport) -> Option<Svg> {
    let sample = headline(report)?;
    let all = drawn(sample);
    let kept = most_correlated(sample, &all);
    let parameters: Vec<Drawn> = kept.iter().map(|k| all[*k]).collect();
    let (places, found) = (places(parameters.first()?), divergent(sample));
    let matrix = Matrix {
        axes: parameters.iter().map(axis).collect(),
        points: thinned(&places, POINTS),
        divergent: thinned(&found, DIVERGENT_POINTS),
        side: side(parameters.len()),
        parameters,
    };
    let notes = notes(&matrix, (all.len(), places.len(), found.len()));
    sheet::grid(&[matrix.draw()], 1, &legend(&matrix), &notes)
}

fn thinned(places: &[Place], most: usize) -> Vec<Place> {
    evenly(places.len(), most).into_iter().map(|k| places[k]).collect()
}

/// Side of a panel that leaves room for so many.
fn side(count: usize) -> f64 {
    let gaps = GAP * (count as f64 - 1.0);
    ((WIDTH - LEFT - 14.0 - gaps) / count as f64).min(SIDE)
}

/// Numbers of the parameters that are drawn: all, or those with the strongest correlations.
fn most_correlated(sample: &SampleReport, all: &[Drawn]) -> Vec<usize> {
    let strongest = |k: &usize| {
        let name = &all[*k].parameter.name;
        let row = sample.parameters.iter().position(|p| p.name == *name).unwrap_or(*k);
        let values = sample.correlations.get(row).into_iter().flatten().enumerate();
        let others = values.filter(|(j, r)| *j != row && r.is_finite());
        others.map(|(_, r)| r.abs()).fold(0.0, f64::max)
    };
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by(|a, b| strongest(b).total_cmp(&strongest(a)));
    order.truncate(MOST);
    order.sort_unstable();
    order
}

/// All draws, chain by chain.
fn places(drawn: &Drawn) -> Vec<Place> {
    let chains = drawn.chains.iter().enumerate();
    chains.flat_map(|(chain, draws)| (0..draws.len()).map(move |draw| (chain, draw))).collect()
}

/// The range of the draws, and of the fit where that is near.
fn axis(drawn: &Drawn) -> Axis {
    let [lo, hi] = drawn.range();
    let (fit, width) = (drawn.parameter.fit, hi - lo);
    let near = fit > lo - width && fit < hi + width;
    match near {
        true => Axis::linear(lo.min(fit - 0.05 * width), hi.max(fit + 0.05 * width), ""),
        false => Axis::linear(lo, hi, ""),
    }
}

fn legend(matrix: &Matrix) -> Legend {
    if matrix.parameters.len() == 1 {
        let entries = vec![Entry::new(Mark::Line(fitted()), "fit")];
        return Legend { name: "", entries };
    }
    let mut entries = vec![Entry::new(Mark::Disc(colours::posterior()), "draw")];
    if !matrix.divergent.is_empty() {
        entries.push(Entry::new(Mark::Disc(DIVERGENT), "divergent draw"));
    }
    entries.push(Entry::new(Mark::Cross, "fit"));
    Legend { name: "", entries }
}

/// The fit on the axis of a density.
fn fitted() -> Stroke {
    Stroke { colour: INK, width: 1.1, dash: "5 3" }
}

fn notes(matrix: &Matrix, (parameters, draws, divergent): (usize, usize, usize)) -> Vec<String> {
    let mut out = Vec::new();
    if parameters > matrix.parameters.len() {
        let shown = matrix.parameters.len();
        out.push(format!(
            "{shown} of {parameters} parameters, those with the strongest correlations"
        ));
    }
    if draws > POINTS {
        out.push(format!("{POINTS} of {draws} draws, evenly; densities rest on all"));
    }
    if divergent > DIVERGENT_POINTS {
        out.push(format!("{DIVERGENT_POINTS} of {divergent} divergent draws, evenly"));
    }
    let far: Vec<&str> = (0..matrix.parameters.len())
        .filter(|k| matrix.fit(*k).is_finite())
        .filter(|k| !(0.0..=1.0).contains(&matrix.axes[*k].fraction(matrix.fit(*k))))
        .map(|k| matrix.parameters[k].parameter.symbol.as_str())
        .collect();
    if !far.is_empty() {
        out.push(format!("the fit is outside the range of {}", far.join(", ")));
    }
    out
}

impl Matrix<'_> {
    fn fit(&self, k: usize) -> f64 {
        self.parameters[k].parameter.fit
    }

    fn draw(&self) -> Svg {
        let n = self.parameters.len();
        let extent = n as f64 * (self.side + GAP) - GAP;
        let mut svg = Svg::new(WIDTH.min(LEFT + extent + 14.0).max(420.0), 10.0 + extent + BOTTOM);
        for row in 0..n {
            for column in 0..=row {
                let frame = Frame {
                    x: LEFT + column as f64 * (self.side + GAP),
                    y: 10.0 + row as f64 * (self.side + GAP),
                    w: self.side,
                    h: self.side,
                };
                match row == column {
                    true => self.diagonal(&mut svg, frame, row),
                    false => self.scatter(&mut svg, frame, (row, column)),
                }
            }
        }
        svg
    }

    fn quantity(&self, k: usize) -> Quantity<'_> {
        let p = self.parameters[k].parameter;
        Quantity { symbol: &p.symbol, unit: &p.unit }
    }

    fn diagonal(&self, svg: &mut Svg, frame: Frame, k: usize) {
        let axis = self.axes[k].clone();
        let pooled = self.parameters[k].pooled();
        let values = density(&pooled, [axis.lo, axis.hi], PLACES).unwrap_or_default();
        let top = values.iter().fold(0.0f64, |m, v| m.max(*v));
        let plot = Plot { frame, x: axis, y: Axis::linear(0.0, 1.1 * top, "") };
        let stroke = Stroke::solid(colours::posterior(), 1.5);
        if values.is_empty() {
            svg.path(&upright(&plot, &pooled), stroke);
        } else {
            let line = outline(&plot, &values);
            let (right, bottom) = (frame.x + frame.w, frame.y + frame.h);
            let area = polyline([(right, bottom), (frame.x, bottom)]).replace('M', "L");
            svg.area(&format!("{line}{area}"), colours::posterior(), 0.2);
            svg.path(&line, stroke);
        }
        if (0.0..=1.0).contains(&plot.x.fraction(self.fit(k))) {
            let x = plot.x_at(self.fit(k));
            let line = polyline([(x, frame.y), (x, frame.y + frame.h)]);
            svg.path(&line, fitted());
        }
        self.edges(svg, &plot, (k, k));
    }

    fn scatter(&self, svg: &mut Svg, frame: Frame, (row, column): (usize, usize)) {
        let plot = Plot { frame, x: self.axes[column].clone(), y: self.axes[row].clone() };
        let mut cloud = Svg::new(0.0, 0.0);
        let radius = if self.side > 150.0 { 1.3 } else { 1.1 };
        cloud.discs(&self.at(&plot, &self.points, (row, column)), radius, colours::posterior());
        svg.veil(0.45, &cloud);
        let divergent = self.at(&plot, &self.divergent, (row, column));
        if !divergent.is_empty() {
            svg.discs(&divergent, 2.0, DIVERGENT);
        }
        let (x, y) = (self.fit(column), self.fit(row));
        let seen =
            (0.0..=1.0).contains(&plot.x.fraction(x)) && (0.0..=1.0).contains(&plot.y.fraction(y));
        if seen {
            cross(svg, (plot.x_at(x), plot.y_at(y)));
        }
        self.edges(svg, &plot, (row, column));
    }

    /// Draws inside the frame; those outside it are left out.
    fn at(&self, plot: &Plot, places: &[Place], (row, column): (usize, usize)) -> Vec<(f64, f64)> {
        let value = |k: usize, (chain, draw): Place| {
            self.parameters[k].chains.get(chain)?.get(draw).copied()
        };
        let point = |place: &Place| {
            let (x, y) = (value(column, *place)?, value(row, *place)?);
            let seen = (0.0..=1.0).contains(&plot.x.fraction(x))
                && (0.0..=1.0).contains(&plot.y.fraction(y));
            seen.then(|| (tenth(plot.x_at(x)), tenth(plot.y_at(y))))
        };
        places.iter().filter_map(point).collect()
    }

    /// Frame, with ticks and labels in the left column and the lowest row.
    fn edges(&self, svg: &mut Svg, plot: &Plot, (row, column): (usize, usize)) {
        ruler::frame(svg, plot.frame);
        if row + 1 == self.parameters.len() {
            ruler::below_within(svg, plot, self.quantity(column), Overhang::NARROW);
        }
        if column == 0 && row > 0 {
            ruler::left_within(svg, plot, self.quantity(row), Overhang::NARROW);
        }
    }
}
