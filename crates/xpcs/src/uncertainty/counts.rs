//! Mean counts per pixel and frame.

use dyne_xpcs_data::Counts;

use super::Minimum;

/// Largest mean count that a diagonal is trusted to tell from none: shot noise is then a hundredth
/// of c2.
const MOST_COUNTS: f64 = 100.0;

/// Where mean counts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CountsSource {
    /// The configuration.
    Given,
    /// The diagonal of the matrices, which shot noise raises.
    Diagonal,
    /// Nowhere: the diagonal is not raised above the decay or was replaced, and no shot noise is
    /// assumed.
    Unknown,
}

impl CountsSource {
    /// Where they come from, one phrase.
    pub fn about(self) -> &'static str {
        match self {
            Self::Given => "given by uncertainty.counts",
            Self::Diagonal => "read off the diagonal of the matrices",
            Self::Unknown => {
                "not known, as the diagonal does not show them: no shot noise is assumed, and the error bars are rather too large"
            }
        }
    }
}

/// Mean counts per pixel and frame of each bin.
///
/// **Formula** $1/n = \langle c2_{ii}\rangle - o - c$: ⟨I²⟩/⟨I⟩² of Poisson counts exceeds that of the
/// intensity by the inverse of the mean.
/// **Edges** An excess below 0.01 counts as none: bright data, or a diagonal that was replaced by
/// neighbours. The error bars are then too large rather than too small, as all scatter counts as
/// speckle.
/// **Checked by** `tests/fits/uncertainty.rs`: `pixels_and_counts_are_found_again`.
pub fn mean_counts(minimum: &Minimum<'_>, given: Option<f64>) -> (Vec<Counts>, CountsSource) {
    let bins = minimum.scaling.len();
    if let Some(counts) = given {
        return (vec![Counts::Mean(counts); bins], CountsSource::Given);
    }
    let excess: Vec<Option<f64>> = (0..bins)
        .map(|bin| {
            let diagonal = minimum.problem.matrices.triangle(bin).diagonal()?;
            let used = &diagonal[minimum.problem.matrices.skip()..];
            let mean = used.iter().sum::<f64>() / used.len() as f64;
            let scaling = minimum.scaling[bin];
            let excess = mean - scaling.offset - scaling.contrast;
            (excess > MOST_COUNTS.recip()).then_some(excess)
        })
        .collect();
    let source = match excess.iter().any(Option::is_some) {
        true => CountsSource::Diagonal,
        false => CountsSource::Unknown,
    };
    (
        excess.iter().map(|e| e.map_or(Counts::Infinite, |e| Counts::Mean(e.recip()))).collect(),
        source,
    )
}
