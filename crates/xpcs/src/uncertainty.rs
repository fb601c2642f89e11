//! Error bars: four kinds of covariance, and which of them is the headline.

mod cells;
mod counts;
mod dyadic;
mod joint;
mod lack_of_fit;
mod nodes;
mod parabola;
mod score;
mod speckle;
mod telling;

use dyne_runtime::{Lanes, SweepError};
use dyne_solve::{Covariance, Loss, Scaling, SolveError};
use dyne_xpcs_data::{Bin, Counts, ReadError, SimulateError, mean_pixels, relative_pixels};
use dyne_xpcs_model::model::{BinTerm, correlation_row};
use thiserror::Error;

use crate::config::{UncertaintyConfig, UncertaintyMethod};
use crate::problem::{Evaluated, Problem};
use crate::residuals::BinResiduals;
use score::Scored;
use speckle::{BinNoise, Drawn, mapped, score_map};
use telling::{add_silent, drawn_contrast};

pub use counts::{CountsSource, mean_counts};
pub use dyadic::dyadic_covariance;
pub use lack_of_fit::{LackOfFitTest, TestedCell, lack_of_fit};
pub(crate) use lack_of_fit::{MOST_FRAMES, MOST_WORK};
pub use parabola::{BENT, Ellipsoid, bent_shares};
pub use speckle::SpeckleOptions;
pub(crate) use speckle::{BinSize, speckles_of_bin};
pub use telling::{Silent, silent};

/// Why a kind of covariance could not be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UncertaintyError {
    /// The speckles of the fitted model cannot be simulated.
    #[error("speckle error bars: {0}")]
    Simulate(#[from] SimulateError),
    /// The convention is not the square of a field covariance.
    #[error(
        "speckle error bars: m is not the square of a field covariance under this physics convention\nset the convention to published, or uncertainty.method to information"
    )]
    NoField,
    /// The loss weighs pairs by their residuals.
    #[error(
        "speckle error bars: robust loss, expected linear: weights that hang on residuals are not simulated\nset fit.loss to linear, or uncertainty.method to information"
    )]
    Robust,
    /// The residuals are smaller than any number of pixels explains.
    #[error(
        "speckle error bars: the residuals imply {found:.0} pixels, expected a positive number: the fit absorbs nearly all of such noise\nset uncertainty.pixels to the number of independent pixels of a bin"
    )]
    Pixels {
        /// The number implied.
        found: f64,
    },
    /// There is no information matrix to start from.
    #[error("{0}")]
    Solve(#[from] SolveError),
    /// A sweep failed.
    #[error(transparent)]
    Sweep(#[from] SweepError<ReadError>),
}

/// What is fitted, at its minimum.
pub struct Minimum<'a> {
    /// The problem on all pairs.
    pub problem: Problem<'a>,
    /// Tables at the minimum.
    pub evaluated: &'a Evaluated,
    /// Contrast and offset of each bin, offsets absolute.
    pub scaling: &'a [Scaling],
    /// Residuals of each bin.
    pub residuals: &'a [BinResiduals],
    /// s²·H⁻¹.
    pub information: &'a Covariance,
    /// The bins, as the file has them.
    pub bins: &'a [Bin],
    /// Number of the error bars among those of one run, which a journal tells apart by it.
    pub round: u64,
    /// Those among them that tell nothing, whose noise is not that of the others.
    pub silent: &'a [Silent],
}

/// The headline error bars: which kind they are, and what they rest on.
#[derive(Debug, Clone, PartialEq)]
pub struct Uncertainty {
    /// Kind of the headline covariance.
    pub method: UncertaintyMethod,
    /// Why it is not the kind that was asked for.
    pub instead_of: Option<String>,
    /// s²·H⁻¹, for comparison.
    pub information: Covariance,
    /// Covariance B of the score, θ before z, row-major; nothing where the kind knows none.
    pub score: Option<Vec<f64>>,
    /// Independent pixels a bin on average, where the kind knows of pixels, and where they come from.
    pub pixels: Option<(f64, PixelsSource)>,
    /// Mean counts per pixel and frame, one a bin, where the kind uses them.
    pub counts: Vec<Counts>,
    /// Where the counts come from.
    pub counts_source: CountsSource,
    /// Bins that tell nothing.
    pub silent: Vec<Silent>,
}

/// The headline covariance at a minimum, of the kind that `config` asks for.
///
/// Where that kind cannot be had the headline is the information covariance, and
/// [`Uncertainty::instead_of`] tells why.
///
/// # Errors
/// That of a sweep; any other reason is told as data.
pub fn headline(
    minimum: &Minimum<'_>,
    config: &UncertaintyConfig,
) -> Result<(Covariance, Uncertainty), SweepError<ReadError>> {
    let (counts, counts_source) = mean_counts(minimum, config.counts).map_err(SweepError::Block)?;
    let mut uncertainty = Uncertainty {
        method: config.method,
        instead_of: None,
        information: minimum.information.clone(),
        score: None,
        pixels: None,
        counts: Vec::new(),
        counts_source,
        silent: minimum.silent.to_vec(),
    };
    let found = match config.method {
        UncertaintyMethod::Information => Ok(minimum.information.clone()),
        UncertaintyMethod::Dyadic => dyadic_covariance(minimum, minimum.correlation_frames()),
        UncertaintyMethod::Speckle => {
            let options = SpeckleOptions { speckles: config.speckles, seed: config.seed };
            let pixels = config.pixels.map_or(Pixels::Implied, Pixels::Given);
            speckle_covariance(minimum, &counts, pixels, options).map(|speckle| {
                uncertainty.pixels = Some((speckle.pixels, speckle.pixels_source));
                uncertainty.counts = counts;
                uncertainty.score = Some(speckle.score);
                speckle.covariance
            })
        }
    };
    match found {
        Ok(covariance) => Ok((covariance, uncertainty)),
        Err(UncertaintyError::Sweep(error)) => Err(error),
        Err(reason) => {
            uncertainty.method = UncertaintyMethod::Information;
            uncertainty.instead_of = Some(reason.to_string());
            Ok((minimum.information.clone(), uncertainty))
        }
    }
}

impl Minimum<'_> {
    /// Whether a bin tells something.
    pub fn tells(&self, bin: usize) -> bool {
        self.silent.iter().all(|silent| silent.bin != bin)
    }

    /// The bins that tell something, in order.
    fn telling(&self) -> Vec<usize> {
        (0..self.scaling.len()).filter(|bin| self.tells(*bin)).collect()
    }

    /// Frames after which m has fallen to a half in the middle of the series, at the slowest bin; a
    /// quarter of the series at most.
    pub fn correlation_frames(&self) -> usize {
        let frames = self.problem.matrices.frames();
        let i = frames / 2;
        let lag = |term: &BinTerm| {
            let (model, level) = (self.problem.model, self.problem.level);
            let m = correlation_row(model, level, &self.evaluated.tables, term, i, i + 1..frames);
            m.iter().position(|m| *m < 0.5).map_or(frames, |k| k + 1)
        };
        self.telling()
            .into_iter()
            .map(|k| lag(&self.evaluated.terms[k]))
            .max()
            .unwrap_or(1)
            .min((frames / 4).max(1))
    }
}

/// Error bars from simulated speckles.
#[derive(Debug, Clone, PartialEq)]
pub struct SpeckleCovariance {
    /// H⁻¹ B H⁻¹.
    pub covariance: Covariance,
    /// B, θ before z, row-major.
    pub score: Vec<f64>,
    /// Independent pixels a bin on average.
    pub pixels: f64,
    /// Where they come from.
    pub pixels_source: PixelsSource,
}

/// Independent pixels behind the noise.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Pixels {
    /// As many as the residuals imply.
    Implied,
    /// This many.
    Given(f64),
}

/// Where the number of independent pixels comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PixelsSource {
    /// The size of the residuals.
    Residuals,
    /// The configuration.
    Given,
    /// The map in the file, as the residuals do not tell.
    Map,
}

impl PixelsSource {
    /// Where it comes from, one phrase.
    pub fn about(self) -> &'static str {
        match self {
            Self::Residuals => "from the residuals",
            Self::Given => "given by uncertainty.pixels",
            Self::Map => {
                "from the map in the file, each taken as independent, as the fit absorbs nearly all of such noise and the residuals do not tell"
            }
        }
    }
}

/// Sandwich with the covariance of the score that simulated speckles of the fitted model have.
///
/// **Formula.** $V = H^{-1}BH^{-1}$, $B = \frac{1}{P}\sum_\beta T_\beta C_\beta T_\beta^T/r_\beta$ with the
/// covariance $C_\beta$ of the score of one pixel of bin β, and the number of pixels P for which
/// the expected sum of squared residuals, $[\sum_\beta V_\beta/r_\beta - \mathrm{tr}(H^{-1}B_1)]/P$,
/// is the one found; $B_1$ is B at P = 1, $V_\beta$ the variance of the pairs of one pixel. Where
/// pairs weigh differently, squares and variances are those times the weights.
///
/// **Symbols.** H: information of θ and z; T: derivatives of y by θ and z in the rows of the tile;
/// r: pixels of a bin over their mean, from the map of the file, 1 where it has none.
///
/// **Edges.** Bins that tell nothing take no part but in their own contrast and offset, whose pairs count as
/// independent. Where the fit absorbs nearly all of such noise the residuals tell no P, and that of the
/// map is taken. Frames of a bin share its contrast. Means over few
/// pixels make c2 nonlinear in them; terms of order 1/P² are left out.
///
/// **Cost.** For each bin one sweep over its pairs, one Cholesky factor of nodes³/3, and 2·nodes²
/// operations a speckle for each mode and component and for each row; the nodes are those frames
/// between which the field changes little. No refit.
///
/// **Source.** White, Econometrica 50 (1982) 1, doi:10.2307/1912526, for the sandwich; the score
/// covariance by parametric simulation. **Checked by** `tests/fits/uncertainty.rs` and
/// `dyne calibrate` (docs/calibration.md).
///
/// # Errors
/// [`UncertaintyError`].
pub fn speckle_covariance(
    minimum: &Minimum<'_>,
    counts: &[Counts],
    pixels: Pixels,
    options: SpeckleOptions,
) -> Result<SpeckleCovariance, UncertaintyError> {
    let Minimum { problem, evaluated, scaling, residuals, information, bins, .. } = minimum;
    if problem.robust.loss != Loss::Linear {
        return Err(UncertaintyError::Robust);
    }
    if problem.model.field(&evaluated.tables, &evaluated.terms[0], 0, 0, 0).is_none() {
        return Err(UncertaintyError::NoField);
    }
    let p = problem.model.parameters().len();
    let n = information.order();
    let mut score = vec![0.0; n * n];
    let mut variance = 0.0;
    let relative = relative_pixels(bins).unwrap_or_else(|| vec![1.0; bins.len()]);
    for (bin, noise) in &noise_of_bins(minimum, counts, options)? {
        let bin = *bin;
        let t = score_map(&evaluated.terms[bin].map, p, scaling[bin], problem.layout, bin);
        let k = problem.model.basis() + 2;
        let b = mapped(&t, &noise.covariance(counts[bin]), k);
        score.iter_mut().zip(b).for_each(|(s, b)| *s += b / relative[bin]);
        variance += noise.variance(counts[bin]) / relative[bin];
    }
    let (pixels, pixels_source) = match pixels {
        Pixels::Given(pixels) => (pixels, PixelsSource::Given),
        Pixels::Implied => {
            let told = minimum.telling().into_iter();
            let ssr: f64 = told.map(|bin| residuals[bin].weighted).sum();
            let absorbed = trace_of_product(information.inverse_information(), &score, n);
            implied((variance - absorbed) / ssr, bins)?
        }
    };
    score.iter_mut().for_each(|b| *b /= pixels);
    minimum.silent.iter().for_each(|silent| add_silent(minimum, silent, &mut score));
    let covariance = information.sandwich(&score)?;
    Ok(SpeckleCovariance { covariance, score, pixels, pixels_source })
}

/// The pixels that the residuals imply, or those of the map where they imply none.
fn implied(found: f64, bins: &[Bin]) -> Result<(f64, PixelsSource), UncertaintyError> {
    if found > 0.0 && found.is_finite() {
        return Ok((found, PixelsSource::Residuals));
    }
    match mean_pixels(bins) {
        Some(pixels) => Ok((pixels, PixelsSource::Map)),
        None => Err(UncertaintyError::Pixels { found }),
    }
}

/// The noise of every bin that tells something; some bins at a time, for the memory's sake.
fn noise_of_bins(
    minimum: &Minimum<'_>,
    counts: &[Counts],
    options: SpeckleOptions,
) -> Result<Vec<(usize, BinNoise)>, UncertaintyError> {
    let Minimum { problem, evaluated, scaling, .. } = minimum;
    let bins = minimum.telling();
    let one = |bin: &usize, lanes: &Lanes| -> Result<BinNoise, UncertaintyError> {
        let resources = problem.resources.with_lanes(lanes).without_journal();
        let problem = Problem { resources, ..*problem };
        let (contrast, counts) = (drawn_contrast(scaling[*bin].contrast), counts[*bin]);
        let drawn = Drawn::new(&problem, evaluated, *bin, contrast, options, lanes)?;
        let of = Scored { evaluated, contrast, counts, nodes: &drawn.nodes };
        Ok(BinNoise::new(&problem, *bin, of, &drawn)?)
    };
    let one = |bin: &usize, lanes: &Lanes| match problem.resources.journal {
        None => one(bin, lanes),
        Some(journal) => {
            let index = minimum.round * bins.len() as u64 + *bin as u64;
            let bytes = journal.memo("score", index, || Ok(one(bin, lanes)?.to_bytes()));
            let diverged = || UncertaintyError::Sweep(SweepError::Diverged);
            bytes.and_then(|bytes| BinNoise::from_bytes(&bytes).ok_or_else(diverged))
        }
    };
    let mut noise = Vec::with_capacity(bins.len());
    for bins in bins.chunks(problem.bins_at_once.max(1)) {
        let found = spread(problem.resources.lanes, bins, one);
        for (bin, found) in bins.iter().zip(found) {
            noise.push((*bin, found?));
        }
    }
    Ok(noise)
}

/// `work` on every item, each on a lane of its own; a single item has all lanes to itself.
fn spread<T: Sync, R: Send>(
    lanes: &Lanes,
    items: &[T],
    work: impl Fn(&T, &Lanes) -> R + Sync,
) -> Vec<R> {
    match items {
        [one] => vec![work(one, lanes)],
        _ => lanes.map(items, |item| work(item, &Lanes::solo())),
    }
}

/// tr(A B) of symmetric n × n matrices.
fn trace_of_product(a: &[f64], b: &[f64], n: usize) -> f64 {
    (0..n * n).map(|k| a[k] * b[k]).sum()
}

/// A (n × k) times B (k × m).
fn product(a: &[f64], b: &[f64], n: usize, k: usize, m: usize) -> Vec<f64> {
    let mut c = vec![0.0; n * m];
    for (row, out) in a.chunks_exact(k).zip(c.chunks_exact_mut(m)) {
        for (left, row) in row.iter().zip(b.chunks_exact(m)) {
            out.iter_mut().zip(row).for_each(|(c, b)| *c += left * b);
        }
    }
    c
}
