//! Mean counts per pixel and frame.

use dyne_xpcs_data::{Counts, ReadError};
use dyne_xpcs_model::model::correlation_row;

use super::Minimum;

/// Largest mean count that a diagonal is trusted to tell from none: shot noise is then a hundredth
/// of c2.
const MOST_COUNTS: f64 = 100.0;

/// Correlation of neighbouring residuals, over that of neighbouring frames, below which it tells the
/// counts. Above it a slow decay that the fit follows would pass for shot noise.
const FAINT: f64 = 0.3;

/// Least value of that ratio; a smaller one is noise, and stands for next to no counts.
const FAINTEST: f64 = 1e-3;

/// Least correlation of neighbouring frames against which the ratio means anything.
const FOLLOWED: f64 = 0.3;

/// Where mean counts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CountsSource {
    /// The configuration.
    Given,
    /// The diagonal of the matrices, which shot noise raises.
    Diagonal,
    /// The residuals, whose neighbours in a row correlate less than speckles without shot noise would.
    Residuals,
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
            Self::Residuals => "from the residuals, whose neighbours in a row hardly correlate",
            Self::Unknown => "not shown by the diagonal or the residuals: no shot noise is assumed",
        }
    }
}

/// Mean counts per pixel and frame of each bin.
///
/// **Formula** $1/n = \langle c2_{ii}\rangle - o - c$: ⟨I²⟩/⟨I⟩² of Poisson counts exceeds that of the
/// intensity by the inverse of the mean. Else $1/n = c(\bar m_1/\rho - 1)$ with the correlation ρ of the
/// residuals of (i, j) and (i, j + 1) and the mean $\bar m_1$ of m between neighbouring frames: far from the
/// diagonal, where most pairs lie, the noise $(I_i-1)(I_j-1)$ has the variance $(c + 1/n)^2$, and neighbours
/// share $(c + 1/n)\,c\,\bar m_1$ of it.
/// Both sums of ρ run over all bins.
/// **Edges** An excess below 0.01 counts as none: bright data, or a diagonal that was replaced by
/// neighbours. ρ is used below 0.3·m̄₁ only, for counts up to about 1/(2c); it is lowered where the fit
/// follows a slow decay. Where neither tells, no shot noise is assumed.
/// **Checked by** `tests/fits/uncertainty.rs`: `pixels_and_counts_are_found_again`,
/// `independent_noise_has_the_error_bars_of_independent_pairs`.
///
/// # Errors
/// Where a diagonal cannot be read.
pub fn mean_counts(
    minimum: &Minimum<'_>,
    given: Option<f64>,
) -> Result<(Vec<Counts>, CountsSource), ReadError> {
    let bins = minimum.scaling.len();
    if let Some(counts) = given {
        return Ok((vec![Counts::Mean(counts); bins], CountsSource::Given));
    }
    let excess: Vec<Option<f64>> = (0..bins)
        .map(|bin| {
            if !minimum.tells(bin) {
                return Ok(None);
            }
            let Some(diagonal) = minimum.problem.matrices.diagonal(bin)? else { return Ok(None) };
            let used = &diagonal[minimum.problem.matrices.skip()..];
            // Where the file cannot be read and that is allowed, there are others.
            let known: Vec<f64> = used.iter().copied().filter(|c2| c2.is_finite()).collect();
            let mean = known.iter().sum::<f64>() / known.len() as f64;
            let scaling = minimum.scaling[bin];
            let excess = mean - scaling.offset - scaling.contrast;
            Ok((excess > MOST_COUNTS.recip()).then_some(excess))
        })
        .collect::<Result<_, ReadError>>()?;
    if excess.iter().any(Option::is_some) {
        let counts = excess.iter().map(|e| e.map_or(Counts::Infinite, |e| Counts::Mean(e.recip())));
        return Ok((counts.collect(), CountsSource::Diagonal));
    }
    let counts = of_residuals(minimum);
    let source = match counts {
        Counts::Infinite => CountsSource::Unknown,
        _ => CountsSource::Residuals,
    };
    Ok((vec![counts; bins], source))
}

/// One mean count for all bins, as the noise of the ratio would make those of single bins differ
/// by orders of magnitude.
fn of_residuals(minimum: &Minimum<'_>) -> Counts {
    let (mut products, mut squares, mut follow) = (0.0, 0.0, 0.0);
    let telling = |(bin, _): &(usize, _)| minimum.tells(*bin);
    for (bin, residuals) in minimum.residuals.iter().enumerate().filter(telling) {
        let [_, product, square] = residuals.statistics.row[0];
        products += product;
        squares += square;
        follow += square * neighbours(minimum, bin);
    }
    let ratio = products / follow;
    if !(follow > FOLLOWED * squares && ratio < FAINT) {
        return Counts::Infinite;
    }
    let contrasts = minimum.telling().into_iter().map(|bin| minimum.scaling[bin].contrast);
    let contrast = contrasts.clone().sum::<f64>() / contrasts.len() as f64;
    let ratio = ratio.max(FAINTEST);
    Counts::Mean(ratio / (contrast * (1.0 - ratio)))
}

/// Mean of m between neighbouring frames.
fn neighbours(minimum: &Minimum<'_>, bin: usize) -> f64 {
    let problem = &minimum.problem;
    let (tables, term) = (&minimum.evaluated.tables, &minimum.evaluated.terms[bin]);
    let first = problem.matrices.skip();
    let frames = first..problem.matrices.frames() - 1;
    let count = frames.len() as f64;
    let next =
        |i: usize| correlation_row(problem.model, problem.level, tables, term, i, i + 1..i + 2)[0];
    frames.map(next).sum::<f64>() / count
}
