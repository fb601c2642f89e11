//! Draws of one sample as figures need them.

use dyne_xpcs::posterior::report::{ParameterPosterior, SampleReport};

use super::density::{quantile, sorted};
use crate::axes::padded_range;

/// A parameter with its draws.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drawn<'a> {
    /// What is told of it.
    pub(super) parameter: &'a ParameterPosterior,
    /// Its draws, chain by chain.
    pub(super) chains: &'a [Vec<f64>],
}

/// Parameters that have a finite draw.
pub(super) fn drawn(sample: &SampleReport) -> Vec<Drawn<'_>> {
    let both = sample.parameters.iter().zip(&sample.trace.values);
    let all = both.map(|(parameter, chains)| Drawn { parameter, chains });
    all.filter(|d| d.chains.iter().flatten().any(|v| v.is_finite())).collect()
}

impl Drawn<'_> {
    /// Draws of all chains, one after the other.
    pub(super) fn pooled(&self) -> Vec<f64> {
        self.chains.iter().flatten().copied().collect()
    }

    /// Range of the draws with a margin; a few in the tails are left out when they would stretch it.
    pub(super) fn range(&self) -> [f64; 2] {
        const TAIL: f64 = 0.001;
        let pooled = sorted(&self.pooled());
        let (lo, hi) = padded_range([quantile(&pooled, TAIL), quantile(&pooled, 1.0 - TAIL)], 0.06);
        [lo, hi]
    }
}

/// Chain and draw of what diverged, where there is such a draw.
pub(super) fn divergent(sample: &SampleReport) -> Vec<(usize, usize)> {
    let of = |(chain, draws): (usize, &Vec<usize>)| {
        draws.iter().map(move |draw| (chain, *draw)).collect::<Vec<_>>()
    };
    sample.trace.divergent.iter().enumerate().flat_map(of).collect()
}
