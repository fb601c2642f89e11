//! Colours that mean the same in every picture of a posterior.

use crate::colour::{ColourMap, Rgb};

/// Chains. Source: M. Okabe and K. Ito, "Color Universal Design" (2008), without the two that pass
/// for [`DIVERGENT`] or vanish on white, and with brown and violet in their place.
const CHAINS: [Rgb; 8] = [
    [0, 114, 178],
    [230, 159, 0],
    [0, 158, 115],
    [204, 121, 167],
    [86, 180, 233],
    [140, 86, 75],
    [120, 94, 180],
    [110, 110, 110],
];

/// Draws whose trajectory diverged.
pub(super) const DIVERGENT: Rgb = [205, 22, 34];
/// The prior.
pub(super) const PRIOR: Rgb = [90, 90, 90];
/// The normal approximation with independent pairs.
pub(super) const INDEPENDENT: Rgb = [140, 140, 140];
/// Draws combined from shards.
pub(super) const SHARDS: Rgb = [178, 92, 26];

/// Chain by number from 0; after eight the colours begin again.
pub(super) fn chain(index: usize) -> Rgb {
    CHAINS[index % CHAINS.len()]
}

/// Draws of all chains together.
pub(super) fn posterior() -> Rgb {
    ColourMap::Viridis.at(0.25)
}

/// One of several ages, young dark, old light, as in the pictures of a fit.
pub(super) fn age(index: usize, count: usize) -> Rgb {
    ColourMap::Viridis.at(0.86 * index as f64 / count.saturating_sub(1).max(1) as f64)
}
