//! Ranks of the draws of each chain among those of all.

use dyne_xpcs::posterior::report::PosteriorReport;

use super::draws::{Drawn, drawn};
use super::legend::Legend;
use super::ruler;
use super::sheet::{self, Size, WIDTH};
use super::{colours, headline};
use crate::axes::{Axis, Plot, TICK_SIZE};
use crate::colour::{FAINT, INK, MISSING};
use crate::g2::evenly;
use crate::svg::{Anchor, Frame, Px, Stroke, Svg, TextStyle};

/// Bars of a histogram.
const BINS: usize = 20;
/// Most chains of a panel.
const CHAINS: usize = 12;
/// Panels in a row.
const COLUMNS: usize = 3;
/// Height of the lane of a chain over its expected count.
const HEADROOM: f64 = 2.0;

/// One panel a parameter, one lane a chain; absent without draws.
pub(super) fn figure(report: &PosteriorReport) -> Option<Svg> {
    let parameters = drawn(headline(report)?);
    let most = parameters.iter().map(|d| d.chains.len()).max()?;
    let lanes = most.min(CHAINS);
    let height = 76.0 + lanes as f64 * (120.0 / lanes as f64).clamp(18.0, 34.0);
    let size = Size { width: WIDTH / COLUMNS as f64, height, left: 44.0, bottom: 46.0 };
    let panels: Vec<Svg> = parameters.iter().map(|d| panel(d, size)).collect();
    let mut notes = vec![
        "bars: ranks of the draws of a chain among those of all chains, which are even where chains \
         tell the same; dashed: the expected count; grey: where 95 % of the counts of independent \
         draws lie"
            .to_owned(),
    ];
    if most > CHAINS {
        notes.push(format!("{CHAINS} of {most} chains are drawn; ranks are among all"));
    }
    sheet::grid(&panels, COLUMNS, &Legend::default(), &notes)
}

fn panel(drawn: &Drawn, size: Size) -> Svg {
    let (mut svg, frame) = (size.blank(), size.frame());
    let counts = counts(drawn.chains, BINS);
    let total: usize = counts.iter().flatten().sum();
    let plot = Plot {
        frame,
        x: Axis::linear(0.0, total.max(1) as f64, ""),
        y: Axis::linear(0.0, 1.0, ""),
    };
    let shown = evenly(counts.len(), CHAINS);
    let lane = frame.h / shown.len().max(1) as f64;
    for (k, chain) in shown.iter().enumerate() {
        let lane = Frame { y: frame.y + lane * k as f64, h: lane, ..frame };
        draw_lane(&mut svg, lane, (*chain, &counts[*chain]), total);
    }
    ruler::below_counted(&mut svg, &plot, "rank");
    let middle = (18.0, frame.y + frame.h / 2.0);
    svg.text_upwards(middle, TextStyle::new(TICK_SIZE, Anchor::Middle), "chain");
    ruler::frame(&mut svg, frame);
    sheet::title(&mut svg, frame, &drawn.parameter.symbol);
    svg
}

fn draw_lane(svg: &mut Svg, lane: Frame, (chain, counts): (usize, &[usize]), total: usize) {
    let own: usize = counts.iter().sum();
    let expected = own as f64 / counts.len() as f64;
    let bottom = lane.y + lane.h;
    let up = |count: f64| match expected > 0.0 {
        true => lane.h * (count / (HEADROOM * expected)).clamp(0.0, 0.96),
        false => 0.0,
    };
    let reach = 1.96 * deviation(own, total, counts.len());
    let (low, high) = (up(expected - reach), up(expected + reach));
    svg.fill(Frame { y: bottom - high, h: high - low, ..lane }, MISSING);
    let width = lane.w / counts.len() as f64;
    let mut bars = Svg::new(0.0, 0.0);
    for (k, count) in counts.iter().enumerate() {
        let (x, h) = (lane.x + width * k as f64, up(*count as f64));
        bars.fill(Frame { x: x + 0.6, y: bottom - h, w: width - 1.2, h }, colours::chain(chain));
    }
    svg.veil(0.8, &bars);
    let line = format!("M{} {}h{}", Px(lane.x), Px(bottom - up(expected)), Px(lane.w));
    svg.path(&line, Stroke { colour: INK, width: 0.8, dash: "4 3" });
    svg.path(&format!("M{} {}h{}", Px(lane.x), Px(bottom), Px(lane.w)), Stroke::solid(FAINT, 0.6));
    let at = (lane.x - 7.0, lane.y + lane.h / 2.0 + 4.0);
    svg.text(at, TextStyle::new(TICK_SIZE, Anchor::End), &(chain + 1).to_string());
}

/// Standard deviation of the count of a bar when all orders of independent draws are equally likely.
///
/// **Formula.** √(n p (1 − p)(N − n)/(N − 1)), hypergeometric, p = 1/bins, n of N draws.
fn deviation(own: usize, total: usize, bins: usize) -> f64 {
    let (n, all, p) = (own as f64, total as f64, 1.0 / bins as f64);
    (n * p * (1.0 - p) * (all - n) / (all - 1.0).max(1.0)).max(0.0).sqrt()
}

/// How many draws of each chain fall on each part of the ranks among the draws of all chains.
///
/// **Formula.** Rank r from 1 to N falls on the part ⌊(r − ½)·bins/N⌋. **Edges.** Equal draws share
/// the mean of their ranks; draws that are not finite have none. **Cost.** A sort of all draws.
/// **Source.** A. Vehtari et al., Bayesian Analysis 16, 667 (2021), section 4.2,
/// doi:10.1214/20-BA1221. **Checked by** `ranks_are_counted_by_chain`, `equal_draws_share_a_rank`.
fn counts(chains: &[Vec<f64>], bins: usize) -> Vec<Vec<usize>> {
    let mut all: Vec<(f64, usize)> = Vec::new();
    for (chain, draws) in chains.iter().enumerate() {
        all.extend(draws.iter().filter(|v| v.is_finite()).map(|v| (*v, chain)));
    }
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut out = vec![vec![0; bins]; chains.len()];
    let mut before = 0;
    // Zeros of either sign are one value.
    for equal in all.chunk_by(|a, b| a.0 == b.0) {
        let rank = before as f64 + 0.5 * (equal.len() + 1) as f64;
        let bin = ((rank - 0.5) * bins as f64 / all.len() as f64) as usize;
        equal.iter().for_each(|(_, chain)| out[*chain][bin.min(bins - 1)] += 1);
        before += equal.len();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_counted_by_chain() {
        let low: Vec<f64> = (0..50).map(f64::from).collect();
        let high: Vec<f64> = (50..100).map(f64::from).collect();
        let found = counts(&[low, high], 4);
        assert_eq!(found, [[25, 25, 0, 0], [0, 0, 25, 25]]);
        let mixed: Vec<Vec<f64>> =
            (0..2).map(|c| (0..40).map(|k| f64::from(2 * k + c)).collect()).collect();
        assert_eq!(counts(&mixed, 4), [[10; 4], [10; 4]]);
    }

    #[test]
    fn equal_draws_share_a_rank() {
        let found = counts(&[vec![1.0; 8], vec![1.0, f64::NAN]], 4);
        assert_eq!(found, [[0, 0, 8, 0], [0, 0, 1, 0]]);
        assert_eq!(counts(&[vec![], vec![f64::NAN]], 3), [[0; 3], [0; 3]]);
    }

    #[test]
    fn one_chain_has_no_scatter() {
        assert_eq!(deviation(100, 100, 20), 0.0);
        assert!((deviation(50, 100, 2) - (50.0 * 0.25 * 50.0 / 99.0f64).sqrt()).abs() < 1e-12);
    }
}
