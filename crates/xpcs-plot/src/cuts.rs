//! Cuts of a two-time map: c2 against lag at several ages.

use dyne_xpcs::report::{BinPicture, Cut};

use crate::axes::{Axis, LABEL_SIZE, Plot, TICK_SIZE, padded_range};
use crate::caption;
use crate::colour::{ColourMap, Rgb};
use crate::number::significant;
use crate::svg::{Anchor, Frame, Px, Stroke, Svg, TextStyle, polyline};

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 336.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 118.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 44.0;

/// The cuts of one bin: points with error bars, the fit as lines, a legend by age.
pub(crate) fn figure(cuts: &[Cut]) -> Svg {
    let mut svg = Svg::new(WIDTH, HEIGHT);
    let frame = Frame { x: LEFT, y: TOP, w: WIDTH - LEFT - RIGHT, h: HEIGHT - TOP - BOTTOM };
    let plot = Plot { frame, x: lag_axis(cuts), y: c2_axis(cuts) };
    plot.draw_level(&mut svg, 1.0);
    for (index, cut) in cuts.iter().enumerate() {
        draw_points(&mut svg, &plot, cut, colour(index, cuts.len()));
    }
    for (index, cut) in cuts.iter().enumerate() {
        let line = positive_lags(cut)
            .map(|k| (plot.x_at(cut.lag_s[k]), plot.y_inside(value(&cut.fit, k))));
        svg.path(&polyline(line), Stroke::solid(colour(index, cuts.len()), 1.8));
    }
    plot.draw(&mut svg);
    draw_legend(&mut svg, cuts);
    svg
}

/// The same under a title.
pub(crate) fn titled_figure(picture: &BinPicture) -> Svg {
    const TITLE: f64 = 28.0;
    let mut svg = Svg::new(WIDTH, HEIGHT + TITLE);
    let style = TextStyle::new(15.0, Anchor::Middle);
    svg.text(
        (LEFT + (WIDTH - LEFT - RIGHT) / 2.0, 22.0),
        style,
        &caption(picture.phi_deg, picture.q),
    );
    svg.place((0.0, TITLE), &figure(&picture.cuts));
    svg
}

fn lag_axis(cuts: &[Cut]) -> Axis {
    let lags =
        || cuts.iter().flat_map(|c| c.lag_s.iter().copied()).filter(|l| *l > 0.0 && l.is_finite());
    let lo = lags().fold(f64::INFINITY, f64::min);
    let hi = lags().fold(0.0, f64::max);
    Axis::logarithmic(lo / 1.15, hi * 1.15, "lag τ = t₂ − t₁ (s)")
}

/// Range of means and fits; error bars do not stretch it, or one poor point would flatten all.
fn c2_axis(cuts: &[Cut]) -> Axis {
    let shown =
        |cut| positive_lags(cut).flat_map(move |k| [value(&cut.data, k), value(&cut.fit, k)]);
    let (lo, hi) = padded_range(cuts.iter().flat_map(shown), 0.06);
    Axis::linear(lo, hi, "c₂")
}

fn positive_lags(cut: &Cut) -> impl Iterator<Item = usize> + '_ {
    (0..cut.lag_s.len()).filter(|k| cut.lag_s[*k] > 0.0)
}

fn value(values: &[f64], index: usize) -> f64 {
    values.get(index).copied().unwrap_or(f64::NAN)
}

fn draw_points(svg: &mut Svg, plot: &Plot, cut: &Cut, colour: Rgb) {
    let bars =
        positive_lags(cut).map(|k| (cut.lag_s[k], value(&cut.data, k), value(&cut.data_stderr, k)));
    svg.path(&plot.error_bars(bars), Stroke::solid(colour, 0.9));
    let finite = positive_lags(cut).filter(|k| value(&cut.data, *k).is_finite());
    let centres: Vec<_> =
        finite.map(|k| (plot.x_at(cut.lag_s[k]), plot.y_inside(value(&cut.data, k)))).collect();
    svg.discs(&centres, 2.3, colour);
}

/// Young is dark, old is light; the palest fifth of the map is left out because it is hard to see on white.
fn colour(index: usize, count: usize) -> Rgb {
    ColourMap::Viridis.at(0.86 * index as f64 / count.saturating_sub(1).max(1) as f64)
}

fn draw_legend(svg: &mut Svg, cuts: &[Cut]) {
    let x = WIDTH - RIGHT + 14.0;
    let style = TextStyle::new(TICK_SIZE, Anchor::Start);
    svg.text((x, TOP + 10.0), TextStyle::new(LABEL_SIZE, Anchor::Start), "age (s)");
    for (index, cut) in cuts.iter().enumerate() {
        let y = TOP + 30.0 + 19.0 * index as f64;
        let colour = colour(index, cuts.len());
        svg.path(&format!("M{} {}h24", Px(x), Px(y)), Stroke::solid(colour, 1.8));
        svg.discs(&[(x + 12.0, y)], 2.8, colour);
        svg.text((x + 31.0, y + 4.0), style, &significant(cut.age_s, 4));
    }
    let y = TOP + 44.0 + 19.0 * cuts.len() as f64;
    svg.text((x, y), style, if cuts.is_empty() { "no cuts" } else { "• data   — fit" });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(age_s: f64) -> Cut {
        let lag_s = vec![0.0, 0.1, 1.0, 10.0];
        Cut {
            age_s,
            lag_s,
            data: vec![9.0, 1.15, f64::NAN, 1.0],
            data_stderr: vec![0.1, 0.01, 0.01, f64::NAN],
            fit: vec![9.0, 1.15, 1.07, 1.0],
        }
    }

    #[test]
    fn lag_zero_and_gaps_are_left_out() {
        let axis = c2_axis(&[cut(1.0)]);
        assert!(axis.hi < 1.2, "the value at lag zero does not stretch the axis");
        let drawn = figure(&[cut(1.0), cut(20.0)]).document();
        assert!(!drawn.contains("NaN") && !drawn.contains("inf"));
        assert!(drawn.contains("age (s)") && drawn.contains(">20</text>"));
    }

    #[test]
    fn no_cuts_is_said() {
        assert!(figure(&[]).document().contains("no cuts"));
    }
}
