//! Mean counts by the residuals, where they contradict those of the diagonal.

use dyne_xpcs_data::Counts;

use super::factors::{BinFactors, Evidence, LEFT, Share, Telling, inverse, pixels_of_a_speckle};

/// Standard deviations by which products of residuals must differ from what counts make of them
/// before they are believed against the counts.
const BEYOND: f64 = 4.0;

/// The same as a factor.
const APART: f64 = 1.6;

/// Range of 1/n in which residuals tell the mean counts n.
const INVERSE: [f64; 2] = [1e-2, 3e2];

/// Mean counts that the products of residuals which share one frame show, where they contradict `counts`.
///
/// **Formula** n solves $(\kappa c^2 + c/n)\,V_2/(\kappa N_0 + N_1/n + N_2/n^2) = (c^2/P_c + c/(nP_s))\,V_2/R$, the
/// right side from [`crate::residuals::Cells`], both summed over bins. **Edges** a contradiction is 4 standard
/// deviations and a factor of 1.6. Where hardly any correlation is left n comes out near 0, and
/// the noise is independent.
/// **Checked by** `tests/fits/uncertainty.rs`: `residuals_decide_against_a_raised_diagonal`.
pub(super) fn contradicting_counts(evidence: &[Evidence<'_>], counts: &[Counts]) -> Option<Counts> {
    let told: Vec<f64> = counts.iter().map(|c| inverse(*c)).collect();
    let rows: Vec<(Share, usize)> = evidence
        .iter()
        .enumerate()
        .filter(|(_, e)| e.net()[0] > LEFT * e.variance[0])
        .filter_map(|(bin, e)| Some((e.row()?, bin)))
        .collect();
    let weights: f64 = rows.iter().map(|(r, _)| r.weight).sum();
    let mean = |of: &dyn Fn(&Share, usize) -> f64| {
        rows.iter().map(|(row, bin)| row.weight * of(row, *bin)).sum::<f64>() / weights
    };
    let expected = |speckle: f64, inverse: &dyn Fn(usize) -> f64| {
        mean(&|_, bin| {
            let (e, u) = (&evidence[bin], inverse(bin));
            let c = e.contrast;
            let mixture = BinFactors::new(1.0, speckle, u);
            (speckle * c * c + c * u) * e.variance[2] / mixture.sum(e.net())
        })
    };
    let found = mean(&|row, _| row.value);
    let deviation = (mean(&|row, _| row.weight * row.variance) / weights).sqrt();
    let speckle = pixels_of_a_speckle(evidence, &told, Telling::Apart).mean;
    let before = expected(speckle, &|bin| told[bin]);
    let apart = (found - before).abs() > BEYOND * deviation
        && !(before / APART..before * APART).contains(&found);
    if !(weights > 0.0 && apart) {
        return None;
    }
    let mut inverse = solve(INVERSE, found, |u| expected(1.0, &|_| u));
    for _ in 0..2 {
        let all = vec![inverse; evidence.len()];
        let speckle = pixels_of_a_speckle(evidence, &all, Telling::Apart).mean;
        inverse = solve(INVERSE, found, |u| expected(speckle, &|_| u));
    }
    Some(match inverse > 1.01 * INVERSE[0] {
        true => Counts::Mean(inverse.recip()),
        false => Counts::Infinite,
    })
}

/// Where a falling function of x, looked at over its logarithm, takes a value; the nearest end
/// where it does not.
fn solve([low, high]: [f64; 2], value: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (low.ln(), high.ln());
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if f(middle.exp()) > value { low = middle } else { high = middle }
    }
    (0.5 * (low + high)).exp()
}
