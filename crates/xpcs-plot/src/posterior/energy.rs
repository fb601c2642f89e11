//! Energies of the trajectories and how they change from draw to draw.

use dyne_xpcs::posterior::report::{PosteriorReport, SampleReport};

use super::density::{quantile, sorted};
use super::legend::{Entry, Legend, Mark};
use super::ruler::{self, Quantity};
use super::sheet::{self, Size, WIDTH};
use super::{colours, headline};
use crate::axes::{Axis, Plot};
use crate::colour::INK;
use crate::g2::evenly;
use crate::number::significant;
use crate::svg::{Frame, Px, Stroke, Svg, append};

/// Bars of a histogram.
const BINS: usize = 36;
/// Most chains.
const CHAINS: usize = 12;
/// Panels in a row.
const COLUMNS: usize = 4;

/// One panel a chain: histogram of E − ⟨E⟩ filled, of the change from draw to draw as a line; absent
/// where there are no energies.
///
/// **Source.** M. Betancourt, arXiv:1604.00695 (2016).
pub(super) fn figure(report: &PosteriorReport) -> Option<Svg> {
    let sample = headline(report)?;
    let chains = &sample.trace.energy;
    let usable = |k: &usize| chains[*k].iter().filter(|e| e.is_finite()).count() > 1;
    let all: Vec<usize> = (0..chains.len()).filter(usable).collect();
    let shown: Vec<usize> = evenly(all.len(), CHAINS).into_iter().map(|k| all[k]).collect();
    let reach = shown.iter().map(|k| reach(&chains[*k])).fold(0.0, f64::max);
    let reach = if reach > 0.0 { reach } else { 1.0 };
    let columns = shown.len().clamp(1, COLUMNS);
    let width = (WIDTH / columns as f64).min(WIDTH / 2.0);
    let size = Size { width, height: 216.0, left: 18.0, bottom: 46.0 };
    let panels: Vec<Svg> = shown.iter().map(|k| panel(sample, *k, reach, size)).collect();
    let line = Mark::Line(Stroke::solid(INK, 1.3));
    let entries = vec![
        Entry::new(
            Mark::Area(colours::chain(0), 0.55),
            "energy less its mean, in the colour of the chain",
        ),
        Entry::new(line, "change from draw to draw"),
    ];
    let mut notes = vec![
        "E-BFMI: mean square of the change over the variance of the energy; below 0.3 the line is much \
         narrower than the area, and tails are explored slowly"
            .to_owned(),
    ];
    if all.len() > shown.len() {
        notes.push(format!("{} of {} chains", shown.len(), all.len()));
    }
    sheet::grid(&panels, columns, &Legend { name: "", entries }, &notes)
}

/// Farthest deviation that is drawn of a chain.
fn reach(energy: &[f64]) -> f64 {
    let [marginal, change] = [centred(energy), changes(energy)];
    let far = |values: &[f64]| {
        let values = sorted(values);
        quantile(&values, 0.002).abs().max(quantile(&values, 0.998).abs())
    };
    far(&marginal).max(far(&change)) * 1.05
}

fn centred(energy: &[f64]) -> Vec<f64> {
    let finite = sorted(energy);
    let mean = finite.iter().sum::<f64>() / finite.len().max(1) as f64;
    energy.iter().map(|e| e - mean).collect()
}

fn changes(energy: &[f64]) -> Vec<f64> {
    energy.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// Share of the values in each bar from −reach to reach; those beyond are in the outermost.
fn histogram(values: &[f64], reach: f64) -> Vec<f64> {
    let mut out = vec![0.0; BINS];
    let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    for value in &finite {
        // The cast saturates at zero.
        let bin = ((value + reach) / (2.0 * reach) * BINS as f64) as usize;
        out[bin.min(BINS - 1)] += 1.0 / finite.len() as f64;
    }
    out
}

fn panel(sample: &SampleReport, chain: usize, reach: f64, size: Size) -> Svg {
    let (mut svg, frame) = (size.blank(), size.frame());
    let energy = &sample.trace.energy[chain];
    let marginal = histogram(&centred(energy), reach);
    let change = histogram(&changes(energy), reach);
    let top = marginal.iter().chain(&change).fold(0.0f64, |m, v| m.max(*v));
    let x = Axis::linear(-reach, reach, "");
    let plot = Plot { frame, x, y: Axis::linear(0.0, 1.08 * top.max(1e-9), "") };
    svg.area(&stairs(&plot, &marginal), colours::chain(chain), 0.55);
    svg.path(&stairs(&plot, &change), Stroke::solid(INK, 1.3));
    ruler::below(&mut svg, &plot, Quantity { symbol: "energy difference", unit: "" });
    ruler::frame(&mut svg, frame);
    let fraction = sample.energy_fractions.get(chain).copied().unwrap_or(f64::NAN);
    let text = format!("chain {}, E-BFMI {}", chain + 1, significant(fraction, 2));
    sheet::title(&mut svg, frame, &text);
    svg
}

/// Path data of the outline of bars over the width of a frame.
fn stairs(plot: &Plot, shares: &[f64]) -> String {
    let Frame { x, y, w, h } = plot.frame;
    let width = w / shares.len() as f64;
    let mut data = format!("M{} {}", Px(x), Px(y + h));
    for (k, share) in shares.iter().enumerate() {
        let right = x + width * (k as f64 + 1.0);
        append(&mut data, format_args!("V{}H{}", Px(plot.y_inside(*share)), Px(right)));
    }
    append(&mut data, format_args!("V{}", Px(y + h)));
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_to_one_and_gaps_do_not_count() {
        let shares = histogram(&[-9.0, 0.1, f64::NAN, 9.0], 1.0);
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert_eq!(shares.iter().filter(|s| **s > 0.0).count(), 3);
        assert!(shares[0] > 0.0 && shares[BINS - 1] > 0.0);
    }
}
