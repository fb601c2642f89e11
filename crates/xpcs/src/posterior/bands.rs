//! Functions of time and cuts of the data with the bands that draws give them.

use dyne_math::gram::Tile;
use dyne_sample::Draws;
use dyne_xpcs_model::{Curve, ModelError};

use super::bins::BinDraw;
use super::report::{Band, PredictiveCuts, QUANTILES, RateBand};
use crate::plan::Plan;
use crate::problem::{Evaluated, Problem};
use crate::report::Cut;
use crate::residuals::BinResiduals;

/// Draws behind a band.
const MOST_DRAWS: usize = 200;
/// Points of a function of time.
const MOST_POINTS: usize = 100;
/// Bins whose cuts are drawn.
const MOST_BINS: usize = 12;

/// Positions of some of `count` draws, spread evenly.
pub(super) fn spread_evenly(count: usize, most: usize) -> Vec<usize> {
    let most = most.min(count);
    (0..most).map(|k| k * count / most).collect()
}

/// Draws for bands: evenly out of all of them.
pub(super) fn chosen(count: usize) -> Vec<usize> {
    spread_evenly(count, MOST_DRAWS)
}

fn band(curves: &[Vec<f64>]) -> Band {
    let at = |k: usize| {
        let draws = Draws::new(vec![curves.iter().map(|curve| curve[k]).collect()]);
        QUANTILES.map(|p| draws.quantile(p))
    };
    Band { quantiles: (0..curves[0].len()).map(at).collect() }
}

/// The functions of time behind some draws, and behind the fit.
pub(super) fn rates(plan: &Plan, fit: &[f64], draws: &[Vec<f64>]) -> Vec<RateBand> {
    let frames: Vec<usize> = (plan.skip()..plan.grid.frames()).collect();
    let kept: Vec<usize> =
        spread_evenly(frames.len(), MOST_POINTS).into_iter().map(|k| frames[k]).collect();
    let of = |theta: &[f64]| plan.model.curves(theta, &plan.grid);
    let all: Vec<Vec<Curve>> = draws.iter().map(|theta| of(theta)).collect();
    let at = |curve: &Curve| kept.iter().map(|k| curve.values[*k]).collect::<Vec<f64>>();
    let one = |(c, curve): (usize, &Curve)| RateBand {
        name: curve.name.to_owned(),
        symbol: curve.symbol.to_owned(),
        unit: curve.unit.to_owned(),
        t_s: kept.iter().map(|k| plan.grid.times()[*k]).collect(),
        band: band(&all.iter().map(|curves| at(&curves[c])).collect::<Vec<_>>()),
        fit: at(curve),
    };
    of(fit).iter().enumerate().map(one).collect()
}

/// m of one pair of frames.
fn pair(problem: &Problem<'_>, evaluated: &Evaluated, bin: usize, i: usize, j: usize) -> f64 {
    let nb = problem.model.basis();
    let mut tile = Tile::new(nb + 3);
    let mut segment = tile.segment(1);
    let term = &evaluated.terms[bin];
    problem.model.fill(problem.level, &evaluated.tables, term, i, j, &mut segment);
    segment.end();
    tile.row(nb)[0].0[0]
}

/// A cut with the curves of the draws, as far as they are known.
struct Growing<'a> {
    bin: usize,
    cut: &'a Cut,
    /// Frames of the pair in the middle of the band at each lag.
    pairs: Vec<(usize, usize)>,
    curves: Vec<Vec<f64>>,
}

/// The cuts of some bins with what draws expect of them: the fit along the cut, which is a mean over a band of
/// ages, plus by how much the model at a draw differs from that at the fit in the middle of the band.
///
/// # Errors
/// Where the model has no value at a draw.
pub(super) fn predictive(
    plan: &Plan,
    problem: &Problem<'_>,
    residuals: &[BinResiduals],
    fit: (&[f64], &[BinDraw]),
    draws: &[(Vec<f64>, Vec<BinDraw>)],
) -> Result<Vec<PredictiveCuts>, ModelError> {
    let bins = spread_evenly(residuals.len(), MOST_BINS);
    let times = plan.grid.times();
    let positions = problem.matrices.positions();
    let middle = |cut: &Cut, lag: f64| {
        let frame = |t: f64| positions.partition_point(|k| times[*k] < t);
        let last = positions.len() - 1;
        let i = frame(cut.age_s - 0.5 * lag).min(last - 1);
        (i, frame(cut.age_s + 0.5 * lag).clamp(i + 1, last))
    };
    let mut growing: Vec<Growing<'_>> = bins
        .iter()
        .flat_map(|bin| residuals[*bin].cuts.iter().map(move |cut| (*bin, cut)))
        .map(|(bin, cut)| Growing {
            bin,
            cut,
            pairs: cut.lag_s.iter().map(|lag| middle(cut, *lag)).collect(),
            curves: Vec::new(),
        })
        .collect();
    let values = |scaling: &[BinDraw], own: &Growing<'_>, evaluated: &Evaluated| {
        let scaling = scaling[own.bin.min(scaling.len() - 1)];
        let m = own.pairs.iter().map(|(i, j)| pair(problem, evaluated, own.bin, *i, *j));
        m.map(|m| scaling.offset + scaling.contrast * m).collect::<Vec<f64>>()
    };
    let at_fit = problem.tables(fit.0)?;
    let base: Vec<Vec<f64>> = growing.iter().map(|own| values(fit.1, own, &at_fit)).collect();
    for (theta, scaling) in draws {
        let evaluated = problem.tables(theta)?;
        for (own, base) in growing.iter_mut().zip(&base) {
            let there = values(scaling, own, &evaluated);
            let moved = there.iter().zip(base).zip(&own.cut.fit).map(|((t, b), f)| f + t - b);
            own.curves.push(moved.collect());
        }
    }
    Ok(collected(plan, &bins, growing))
}

fn collected(plan: &Plan, bins: &[usize], growing: Vec<Growing<'_>>) -> Vec<PredictiveCuts> {
    let one = |bin: &usize| {
        let own = growing.iter().filter(|own| own.bin == *bin && !own.pairs.is_empty());
        PredictiveCuts {
            bin: plan.bins[*bin].number,
            q: plan.bins[*bin].q,
            phi_deg: plan.bins[*bin].phi_deg,
            cuts: own.map(|own| (own.cut.clone(), band(&own.curves))).collect(),
        }
    };
    bins.iter().map(one).collect()
}
