//! τ against q on logarithmic axes, and D0 against q.

use dyne_xpcs::g2::{G2Report, Law, PowerLaw, RatePoint, Value};

use super::cells::{age, laws_together};
use super::sheet::{Mark, SMALL, blank, colour, ends, grid, marks, shift, title};
use super::{SERIES, evenly};
use crate::axes::{Axis, Plot, Spread, padded_range};
use crate::colour::{FAINT, Rgb};
use crate::facts::degrees;
use crate::svg::{Stroke, Svg, polyline};

/// Most pairs of panels: one for each model and azimuth.
const ROWS: usize = 4;

/// τ(q) and D0(q), a row of two panels for each model and azimuth, ages in colours; absent where
/// there are fewer than three q.
pub(super) fn figure(report: &G2Report) -> Option<Svg> {
    let families = laws_together(report);
    let chosen = evenly(families.len(), ROWS);
    let first = chosen.first().map(|k| &families[*k])?;
    let ages = evenly(first.len(), SERIES);
    let labels: Vec<String> = ages.iter().map(|at| age(first[*at].age)).collect();
    let both = |k: usize| [times(&families[k]), coefficients(&families[k])];
    let panels: Vec<Svg> = chosen.into_iter().flat_map(both).collect();
    let note = "lines: τ = a·q⁻ⁿ, left; the mean D0 with n = 2, right; grey: q⁻²; hollow points \
                have reservations and are left out";
    Some(grid(&panels, "age (s)", &labels, note))
}

fn name(law: &PowerLaw, what: &str) -> String {
    let phi = law.phi_deg.map_or_else(String::new, |phi| format!(", φ = {}", degrees(phi)));
    format!("{what}, {}{phi}", law.model.name())
}

fn chosen<'a>(family: &[&'a PowerLaw]) -> Vec<&'a PowerLaw> {
    evenly(family.len(), SERIES).into_iter().map(|k| family[k]).collect()
}

fn marks_of(law: &PowerLaw, of: fn(&RatePoint) -> Value) -> Vec<Mark> {
    let mark = |p: &RatePoint| Mark {
        x: p.q,
        y: of(p).value,
        error: of(p).stderr.unwrap_or(f64::NAN),
        trusted: p.used,
    };
    law.points.iter().map(mark).collect()
}

fn q_axis(family: &[&PowerLaw]) -> Axis {
    let q = || family.iter().flat_map(|law| law.points.iter().map(|p| p.q));
    let (lo, hi) = (q().fold(f64::INFINITY, f64::min), q().fold(0.0, f64::max));
    Axis::logarithmic(lo / 1.12, hi * 1.12, "q (Å⁻¹)")
}

fn times(family: &[&PowerLaw]) -> Svg {
    let laws = chosen(family);
    let all: Vec<Vec<Mark>> = laws.iter().map(|law| marks_of(law, |p| p.tau)).collect();
    let (lo, hi) = padded_range(ends(all.iter().flatten()).into_iter().map(f64::log10), 0.08);
    let y = Axis::logarithmic(10f64.powf(lo), 10f64.powf(hi), "τ (s)");
    let (mut svg, frame) = blank(SMALL);
    let plot = Plot { frame, x: q_axis(family), y };
    if let Some(law) = laws.iter().find_map(|law| law.law.as_ref()) {
        let square = |q: f64| 2.0 / (law.d0.value * q * q);
        line(&mut svg, &plot, square, Stroke { colour: FAINT, width: 1.0, dash: "5 4" });
    }
    each(&mut svg, &plot, &laws, &all, |law: &Law, q: f64| {
        law.tau_ref.value * (q / law.q_ref).powf(-law.exponent.value)
    });
    plot.draw(&mut svg);
    title(&mut svg, &name(family[0], "τ(q)"));
    svg
}

fn coefficients(family: &[&PowerLaw]) -> Svg {
    let laws = chosen(family);
    let all: Vec<Vec<Mark>> = laws.iter().map(|law| marks_of(law, |p| p.d0)).collect();
    let (lo, hi) = padded_range(ends(all.iter().flatten()), 0.12);
    let (mut svg, frame) = blank(SMALL);
    let y = Axis::linear(lo, hi, "2/(q²τ) (Å²/s)");
    let plot = Plot { frame, x: q_axis(family), y };
    each(&mut svg, &plot, &laws, &all, |law: &Law, _q: f64| law.d0.value);
    plot.draw(&mut svg);
    title(&mut svg, &name(family[0], "D0(q)"));
    svg
}

fn each(
    svg: &mut Svg,
    plot: &Plot,
    laws: &[&PowerLaw],
    all: &[Vec<Mark>],
    value: impl Fn(&Law, f64) -> f64,
) {
    for (k, (law, points)) in laws.iter().zip(all).enumerate() {
        let colour: Rgb = colour(k, laws.len());
        if let Some(law) = &law.law {
            line(svg, plot, |q| value(law, q), Stroke::solid(colour, 1.6));
        }
        marks(svg, plot, points, (colour, apart(plot, k, laws.len(), points.len())));
    }
}

/// Points on a sloping line stay where they are.
fn apart(plot: &Plot, index: usize, count: usize, places: usize) -> f64 {
    match plot.y.spread {
        Spread::Logarithmic => 0.0,
        Spread::Linear => shift(index, count, places),
    }
}

/// A function of q over the width of the panel, where it lies inside.
fn line(svg: &mut Svg, plot: &Plot, value: impl Fn(f64) -> f64, stroke: Stroke) {
    const STEPS: usize = 60;
    let q = |k: usize| plot.x.lo * (plot.x.hi / plot.x.lo).powf(k as f64 / (STEPS - 1) as f64);
    let at = |k: usize| {
        let y = value(q(k));
        let inside = (0.0..=1.0).contains(&plot.y.fraction(y));
        (plot.x_at(q(k)), if inside { plot.y_at(y) } else { f64::NAN })
    };
    svg.path(&polyline((0..STEPS).map(at)), stroke);
}
