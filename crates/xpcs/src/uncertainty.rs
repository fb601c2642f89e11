//! Error bars: four kinds of covariance, and which of them is the headline.

mod contradiction;
mod counts;
mod covered;
mod dyadic;
mod factors;
mod joint;
mod lack_of_fit;
mod lag_age;
mod nodes;
mod parabola;
mod rate_changes;
mod score;
mod speckle;
mod squares;
mod telling;

use dyne_runtime::{Lanes, SweepError};
use dyne_solve::{Covariance, Loss, Scaling, SolveError};
use dyne_xpcs_data::{Bin, Counts, ReadError, SimulateError, mean_pixels, relative_pixels};
use dyne_xpcs_model::model::{BinTerm, correlation_row};
use thiserror::Error;

use crate::config::{UncertaintyConfig, UncertaintyMethod};
use crate::problem::{Evaluated, Problem};
use crate::residuals::BinResiduals;
use contradiction::contradicting_counts;
use factors::{Evidence, Factors, Telling, speckles_by_map};
use score::Scored;
use speckle::{BinNoise, Drawn, score_map};
use telling::{add_silent, drawn_contrast};

pub use counts::{CountsSource, mean_counts};
pub use covered::Covered;
pub use dyadic::dyadic_covariance;
pub use factors::BinFactors;
pub use lack_of_fit::{LackOfFitTest, TestedCell, lack_of_fit};
pub(crate) use lack_of_fit::{MOST_FRAMES, MOST_WORK};
pub use parabola::{BENT, Ellipsoid, bent_shares};
pub use rate_changes::RateChange;
pub use speckle::SpeckleOptions;
pub(crate) use speckle::{BinSize, speckles_of_bin};
pub use squares::SumOfSquares;
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
    /// How much each part of the noise counts, one a bin, where the kind knows them.
    pub factors: Vec<BinFactors>,
    /// The same where a speckle covers as many pixels as are still likely.
    pub careful: Vec<BinFactors>,
    /// Pixels that a speckle covers, where the kind knows of them.
    pub covered: Option<Covered>,
    /// Largest standard error where a speckle covers as many as are still likely, over that of the headline.
    pub widest: f64,
    /// Where diagonal and residuals contradict: the covariance by the counts of each.
    pub alternatives: Vec<(&'static str, Covariance)>,
    /// Mean of 1/P_c by the pixels of the map and its error, where both are known.
    pub by_map: Option<[f64; 2]>,
    /// Mean counts per pixel and frame, one a bin, where the kind uses them.
    pub counts: Vec<Counts>,
    /// Where the counts come from.
    pub counts_source: CountsSource,
    /// Bins that tell nothing beside others that do.
    pub silent: Vec<Silent>,
    /// All bins, where none of them tells anything.
    pub unheard: Vec<Silent>,
}

impl Uncertainty {
    /// With all that is known before the kind has been computed.
    fn begun(
        minimum: &Minimum<'_>,
        method: UncertaintyMethod,
        counts_source: CountsSource,
    ) -> Self {
        Self {
            method,
            instead_of: None,
            information: minimum.information.clone(),
            score: None,
            pixels: None,
            factors: Vec::new(),
            careful: Vec::new(),
            covered: None,
            widest: 1.0,
            alternatives: Vec::new(),
            by_map: None,
            counts: Vec::new(),
            counts_source,
            silent: minimum.silent.to_vec(),
            unheard: Vec::new(),
        }
    }
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
    let mut uncertainty = Uncertainty::begun(minimum, config.method, counts_source);
    let found = match config.method {
        UncertaintyMethod::Information => Ok(minimum.information.clone()),
        UncertaintyMethod::Dyadic => dyadic_covariance(minimum, minimum.correlation_frames()),
        UncertaintyMethod::Speckle => {
            let options = SpeckleOptions { speckles: config.speckles, seed: config.seed };
            let trust = match counts_source {
                CountsSource::Diagonal => Trust::Residuals,
                _ => Trust::Counts,
            };
            let pixels = match config.pixels {
                Some(pixels) => Pixels::Given { pixels, speckle: 1.0 },
                None => Pixels::Implied,
            };
            speckle_covariance(minimum, &counts, trust, pixels, options).map(|speckle| {
                uncertainty.pixels = Some((speckle.pixels, speckle.pixels_source));
                uncertainty.score = Some(speckle.score);
                uncertainty.factors = speckle.factors;
                uncertainty.careful = speckle.careful;
                uncertainty.covered = Some(speckle.covered);
                uncertainty.widest = speckle.widest;
                uncertainty.counts = speckle.counts;
                uncertainty.by_map = speckle.by_map;
                if !speckle.alternatives.is_empty() {
                    uncertainty.counts_source = CountsSource::Contradicted;
                }
                uncertainty.alternatives = speckle.alternatives;
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
    /// How much each part of the noise counts, one a bin.
    pub factors: Vec<BinFactors>,
    /// The same where a speckle covers as many pixels as are still likely.
    pub careful: Vec<BinFactors>,
    /// Pixels that a speckle covers.
    pub covered: Covered,
    /// Largest standard error where a speckle covers as many as are still likely, over that of the headline.
    pub widest: f64,
    /// The mean counts used, one a bin.
    pub counts: Vec<Counts>,
    /// Where diagonal and residuals contradict: the covariance by the counts of each.
    pub alternatives: Vec<(&'static str, Covariance)>,
    /// Mean of 1/P_c by the pixels of the map and its error, from products that share no frame.
    pub by_map: Option<[f64; 2]>,
}

/// Whether residuals may contradict mean counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The counts are right.
    Counts,
    /// Residuals that contradict the counts decide.
    Residuals,
}

/// Independent pixels behind the noise.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Pixels {
    /// As many as the residuals imply.
    Implied,
    /// This many.
    Given {
        /// Pixels of a bin on average.
        pixels: f64,
        /// Pixels that see one speckle.
        speckle: f64,
    },
}

/// Where the number of independent pixels comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PixelsSource {
    /// Products of residuals that share no frame, for the correlated part, and the size of the residuals.
    Products,
    /// The size of the residuals of each bin.
    Residuals,
    /// The size of the residuals of all bins, shared out by the map, as those of some bins do not tell.
    Pooled,
    /// The configuration.
    Given,
    /// The map in the file, as the residuals do not tell.
    Map,
}

impl PixelsSource {
    /// Where it comes from, one phrase.
    pub fn about(self) -> &'static str {
        match self {
            Self::Products => {
                "from the residuals of each bin; those of pairs that share no frame tell that a speckle covers several pixels"
            }
            Self::Residuals => "from the residuals of each bin",
            Self::Pooled => {
                "from the residuals of all bins, as the fit absorbs nearly all of such noise in some"
            }
            Self::Given => "given by uncertainty.pixels",
            Self::Map => {
                "from the map in the file, each taken as independent, as the fit absorbs nearly all of such noise and the residuals do not tell"
            }
        }
    }
}

/// Sandwich with the covariance of the score that simulated speckles of the fitted model have.
///
/// **Formula.** $V = H^{-1}BH^{-1}$, $B = \sum_\beta T_\beta\,[C_0/P_c + (C_1/n + C_2/n^2)/P_s]_\beta\,T_\beta^T$ with
/// the three parts of the covariance of the score that one pixel of bin β makes ([`BinFactors`]).
/// Where no pixels are given the residuals tell them: of each bin the expected sum of squared
/// residuals, $V_\beta - \mathrm{tr}(H^{-1}B_\beta)$ with the variance V of its pairs, is the one found, and
/// products of residuals that share no frame, whose noise holds no shot noise, tell the pixels that a
/// speckle covers, P_s/P_c. Where pairs weigh differently, squares and variances are those times the
/// weights.
///
/// **Symbols.** H: information of θ and z; T: derivatives of y by θ and z in the rows of the tile; P_c:
/// independent speckles; P_s: pixels; n: mean counts per pixel and frame.
///
/// **Edges.** Bins that tell nothing take no part but in their own contrast and offset, whose pairs count as
/// independent. A bin whose fit absorbs nearly all of such noise takes the mean of all bins, by the map where there
/// is one; where that tells nothing either, the pixels of the map. Where `trust` allows it and the products of
/// residuals that share one frame contradict the counts, they decide, and the covariance under both is kept.
/// Frames of a bin share its contrast. Means over few pixels make c2 nonlinear in them; terms of order 1/P²
/// are left out.
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
    trust: Trust,
    pixels: Pixels,
    options: SpeckleOptions,
) -> Result<SpeckleCovariance, UncertaintyError> {
    let Minimum { problem, evaluated, bins, .. } = minimum;
    if problem.robust.loss != Loss::Linear {
        return Err(UncertaintyError::Robust);
    }
    if problem.model.field(&evaluated.tables, &evaluated.terms[0], 0, 0, 0).is_none() {
        return Err(UncertaintyError::NoField);
    }
    let noise = noise_of_bins(minimum, counts, options)?;
    let sandwich = Sandwich::new(minimum, &noise);
    let mut evidence = sandwich.evidence();
    let map = mean_pixels(bins);
    let own: Vec<Counts> = noise.iter().map(|(bin, _)| counts[*bin]).collect();
    let (factors, told) = match pixels {
        Pixels::Given { pixels, speckle } => {
            (Factors::given([pixels, speckle], &evidence, &own), own.clone())
        }
        Pixels::Implied => sandwich.implied(&mut evidence, &own, trust)?,
    };
    let careful = match pixels {
        Pixels::Given { .. } => factors.clone(),
        Pixels::Implied => factors.careful(&evidence, &told, map)?,
    };
    let score = sandwich.score(&factors);
    let covariance = minimum.information.sandwich(&score)?;
    let widest = widest(&sandwich.covariance(&careful)?, &covariance);
    let mut alternatives = Vec::new();
    if told != own {
        let by_diagonal = Factors::implied(&evidence, &own, map, Telling::Apart)?;
        alternatives.push(("counts of the diagonal", sandwich.covariance(&by_diagonal)?));
        alternatives.push(("counts of the residuals", covariance.clone()));
    }
    let mut all_counts = counts.to_vec();
    noise.iter().zip(&told).for_each(|((bin, _), counts)| all_counts[*bin] = *counts);
    Ok(SpeckleCovariance {
        covariance,
        score,
        pixels: factors.mean_speckles(),
        pixels_source: factors.source,
        factors: sandwich.of_all_bins(&factors),
        careful: sandwich.of_all_bins(&careful),
        covered: factors.covered,
        widest,
        counts: all_counts,
        alternatives,
        by_map: map.and_then(|map| speckles_by_map(&evidence, map)),
    })
}

/// Largest ratio of standard errors.
fn widest(careful: &Covariance, covariance: &Covariance) -> f64 {
    let ratio = |k: usize| Some(careful.stderr(k).ok()? / covariance.stderr(k).ok()?);
    let ratios = (0..covariance.shared()).filter_map(ratio);
    ratios.filter(|ratio| ratio.is_finite()).fold(1.0, f64::max)
}

/// Rounds in which the error of the offset, which is taken from products of residuals, is found
/// with them.
const ROUNDS: usize = 2;

/// H⁻¹ B H⁻¹ for any factors of the parts of B.
struct Sandwich<'a> {
    minimum: &'a Minimum<'a>,
    /// Noise of the bins that tell something.
    noise: &'a [(usize, BinNoise)],
    /// T of each of them.
    maps: Vec<Vec<f64>>,
}

impl<'a> Sandwich<'a> {
    fn new(minimum: &'a Minimum<'a>, noise: &'a [(usize, BinNoise)]) -> Self {
        let Minimum { problem, evaluated, scaling, .. } = minimum;
        let p = problem.model.parameters().len();
        let map = |(bin, _): &(usize, BinNoise)| {
            score_map(&evaluated.terms[*bin].map, p, scaling[*bin], problem.layout, *bin)
        };
        Self { minimum, noise, maps: noise.iter().map(map).collect() }
    }

    /// B, bins that tell nothing included.
    fn score(&self, factors: &Factors) -> Vec<f64> {
        let n = self.minimum.information.order();
        let mut score = vec![0.0; n * n];
        for (((_, noise), t), factors) in self.noise.iter().zip(&self.maps).zip(&factors.bins) {
            noise.add_score(*factors, t, &mut score);
        }
        let silent = self.minimum.silent.iter();
        silent.for_each(|silent| add_silent(self.minimum, silent, &mut score));
        score
    }

    fn covariance(&self, factors: &Factors) -> Result<Covariance, SolveError> {
        self.minimum.information.sandwich(&self.score(factors))
    }

    /// Factors of every bin; bins that tell nothing have those of the first that does.
    fn of_all_bins(&self, factors: &Factors) -> Vec<BinFactors> {
        let mut all = vec![factors.bins[0]; self.minimum.scaling.len()];
        let told = self.noise.iter().zip(&factors.bins);
        told.for_each(|((bin, _), factors)| all[*bin] = *factors);
        all
    }

    fn evidence(&self) -> Vec<Evidence<'a>> {
        let Minimum { scaling, residuals, information, bins, .. } = self.minimum;
        let relative = relative_pixels(bins).unwrap_or_else(|| vec![1.0; bins.len()]);
        let one = |((bin, noise), t): (&'a (usize, BinNoise), &Vec<f64>)| Evidence {
            variance: noise.variances(),
            absorbed: noise.absorbed(t, information.inverse_information()),
            contrast: scaling[*bin].contrast,
            relative: relative[*bin],
            offset: 0.0,
            residuals: residuals.get(*bin),
        };
        self.noise.iter().zip(&self.maps).map(one).collect()
    }

    /// Factors and mean counts that the residuals tell, and the errors of the offsets with them.
    fn implied(
        &self,
        evidence: &mut [Evidence<'_>],
        counts: &[Counts],
        trust: Trust,
    ) -> Result<(Factors, Vec<Counts>), UncertaintyError> {
        let Minimum { problem, bins, .. } = self.minimum;
        let map = mean_pixels(bins);
        let mut told = counts.to_vec();
        // Counts of the diagonal leave it to the products that share one frame to tell more.
        let mut telling = match trust {
            Trust::Residuals => Telling::Both,
            Trust::Counts => Telling::Apart,
        };
        for _ in 0..ROUNDS {
            let found = self.covariance(&Factors::implied(evidence, &told, map, telling)?)?;
            for ((bin, _), e) in self.noise.iter().zip(evidence.iter_mut()) {
                e.offset = found.scaling(problem.layout, *bin).map_or(0.0, |s| s.offset);
            }
            if trust == Trust::Residuals
                && let Some(counts) = contradicting_counts(evidence, &told)
            {
                told = vec![counts; self.noise.len()];
                telling = Telling::Apart;
            }
        }
        Ok((Factors::implied(evidence, &told, map, telling)?, told))
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
    // Those that tell something share the speckles; no more than twice as many, for the memory's sake.
    let speckles = options.speckles * scaling.len() / bins.len().max(1);
    let options = SpeckleOptions { speckles: speckles.min(2 * options.speckles), ..options };
    // Residuals may tell of shot noise in all bins where some diagonals do.
    let shot = counts.iter().find(|c| **c != Counts::Infinite).copied().unwrap_or(Counts::Infinite);
    let one = |bin: &usize, lanes: &Lanes| -> Result<BinNoise, UncertaintyError> {
        let resources = problem.resources.with_lanes(lanes).without_journal();
        let problem = Problem { resources, ..*problem };
        let (contrast, counts) = (drawn_contrast(scaling[*bin].contrast), shot);
        let drawn = Drawn::new(&problem, evaluated, *bin, contrast, options, lanes)?;
        let of = Scored { evaluated, contrast, counts, nodes: &drawn.nodes };
        Ok(BinNoise::new(&problem, *bin, of, &drawn)?)
    };
    let one = |bin: &usize, lanes: &Lanes| match problem.resources.journal {
        None => one(bin, lanes),
        Some(journal) => {
            let index = minimum.round * scaling.len() as u64 + *bin as u64;
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
