//! Intervals of every parameter: fit, draws, and what independent pairs would give.

use dyne_xpcs::posterior::report::{ParameterPosterior, PosteriorReport, SampleReport};

use super::cells::method;
use super::colours::{self, INDEPENDENT, SHARDS};
use super::legend::Legend;
use super::ruler::{self, Quantity};
use super::sheet::{self, Size, WIDTH};
use super::{COMBINED, headline};
use crate::axes::{Axis, Plot, TICK_SIZE, padded_range};
use crate::colour::{FAINT, INK, Rgb};
use crate::svg::{Anchor, Frame, Stroke, Svg, TextStyle, polyline};

/// Height of a row, px.
const ROW: f64 = 21.0;
/// Standard deviations to either side that hold 95 % of a normal distribution.
const WIDE: f64 = 1.959_964;
/// Bars that reach farther than this many widths of the posterior are cut off.
const FARTHEST: f64 = 4.0;

/// One row of a panel: a centre with two intervals.
struct Bar {
    name: &'static str,
    colour: Rgb,
    /// Lower end, centre and upper end; the ends of the wide interval outside.
    at: [f64; 5],
}

/// A panel for each parameter; absent without parameters.
pub(super) fn figure(report: &PosteriorReport) -> Option<Svg> {
    let parameters = &headline(report)?.parameters;
    let most = parameters.iter().map(|p| bars(report, p).len()).max()?;
    let height = 80.0 + ROW * most as f64;
    let size = Size { width: WIDTH / 2.0, height, left: 128.0, bottom: 46.0 };
    let panels: Vec<Svg> = parameters.iter().map(|p| panel(p, &bars(report, p), size)).collect();
    let note = "thick: 68 %, thin: 95 %; fit with its standard error; independent pairs: normal \
                approximation about the fit that takes all pairs as independent";
    sheet::grid(&panels, 2, &Legend::default(), &[note.to_owned()])
}

fn bars(report: &PosteriorReport, parameter: &ParameterPosterior) -> Vec<Bar> {
    let fit = normal(parameter.fit, parameter.fit_stderr.unwrap_or(0.0));
    let mut out = vec![Bar { name: "fit", colour: INK, at: fit }];
    for sample in &report.samples {
        let same = |p: &&ParameterPosterior| p.name == parameter.name;
        if let Some(found) = sample.parameters.iter().find(same) {
            let (name, colour) = (method(&sample.method), colour(sample));
            out.push(Bar { name, colour, at: found.spread.quantiles });
        }
    }
    let at = normal(parameter.fit, parameter.sd_independent);
    out.push(Bar { name: "independent pairs", colour: INDEPENDENT, at });
    out
}

fn colour(sample: &SampleReport) -> Rgb {
    if sample.method == COMBINED { SHARDS } else { colours::posterior() }
}

fn normal(centre: f64, sd: f64) -> [f64; 5] {
    [-WIDE, -1.0, 0.0, 1.0, WIDE].map(|z| centre + z * sd)
}

fn panel(parameter: &ParameterPosterior, bars: &[Bar], size: Size) -> Svg {
    let (mut svg, frame) = (size.blank(), size.frame());
    let (lo, hi) = range(parameter, bars);
    let y = Axis::linear(bars.len() as f64, 0.0, "");
    let plot = Plot { frame, x: Axis::linear(lo, hi, ""), y };
    if (0.0..=1.0).contains(&plot.x.fraction(parameter.fit)) {
        let x = plot.x_at(parameter.fit);
        let line = polyline([(x, frame.y), (x, frame.y + frame.h)]);
        svg.path(&line, Stroke { colour: FAINT, width: 0.9, dash: "4 3" });
    }
    for (k, bar) in bars.iter().enumerate() {
        draw(&mut svg, &plot, bar, frame.y + frame.h * (k as f64 + 0.5) / bars.len() as f64);
    }
    ruler::below(&mut svg, &plot, Quantity { symbol: &parameter.symbol, unit: &parameter.unit });
    ruler::frame(&mut svg, frame);
    svg
}

fn draw(svg: &mut Svg, plot: &Plot, bar: &Bar, y: f64) {
    let style = TextStyle::new(TICK_SIZE, Anchor::End);
    svg.text((plot.frame.x - 9.0, y + 4.0), style, bar.name);
    let at = bar.at.map(|v| ruler::inside(plot, v, 0.0).0);
    if bar.at.iter().any(|v| !v.is_finite()) {
        let middle = plot.frame.x + plot.frame.w / 2.0;
        svg.text((middle, y + 4.0), TextStyle::new(TICK_SIZE, Anchor::Middle), "not determined");
        return;
    }
    svg.path(&polyline([(at[0], y), (at[4], y)]), Stroke::solid(bar.colour, 1.3));
    svg.path(&polyline([(at[1], y), (at[3], y)]), Stroke::solid(bar.colour, 4.2));
    let Frame { x, w, .. } = plot.frame;
    if (x..=x + w).contains(&plot.x_at(bar.at[2])) {
        svg.discs(&[(at[2], y)], 4.0, bar.colour);
        svg.discs(&[(at[2], y)], 2.2, crate::colour::PAPER);
    }
}

/// Range of all bars, of which none stretches it without bound.
fn range(parameter: &ParameterPosterior, bars: &[Bar]) -> (f64, f64) {
    let [low, .., high] = parameter.spread.quantiles;
    let reach = FARTHEST * (high - low);
    let bounded = reach > 0.0;
    let (least, most) = (low - reach, high + reach);
    let near = |bar: &&Bar| !bounded || (bar.at[2] > least && bar.at[2] < most);
    let held = |v: f64| if bounded { v.clamp(least, most) } else { v };
    padded_range(bars.iter().filter(near).flat_map(|bar| bar.at).map(held), 0.06)
}
