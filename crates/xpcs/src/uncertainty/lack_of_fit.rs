//! Whether the model describes the data: mean residuals in cells of lag and age against the noise that
//! speckles of the fitted model would make of them.

use dyne_runtime::Lanes;
use faer::{Mat, MatRef};

use super::factors::BinFactors;
use super::joint::Joint;
use super::lag_age::LagAgeCells;
use super::rate_changes::{RateChange, RateScores};
use super::speckle::{Drawn, SpeckleOptions, mapped, score_map};
use super::squares::{Spectrum, SumOfSquares};
use super::telling::{add_silent, drawn_contrast};
use super::{Minimum, UncertaintyError, product, spread};

/// Speckles of a bin where there are few bins, and the least where there are many.
const SPECKLES: [usize; 2] = [1024, 256];

/// Speckles of all bins together beyond which each gets fewer.
const ALL_SPECKLES: usize = 8192;

/// Fewest pairs of a cell that takes part.
const FEWEST: f64 = 30.0;

/// A cell that the fit absorbs to less than this share of its variance takes no part.
const ABSORBED: f64 = 1e-3;

/// Most frames of a matrix on which the test is made.
pub(crate) const MOST_FRAMES: usize = 512;

/// Most frames² of all bins together.
pub(crate) const MOST_WORK: usize = 1_500_000;

/// One cell of the test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TestedCell {
    /// Position of the bin.
    pub bin: usize,
    /// Least and largest lag, frames.
    pub lags: [usize; 2],
    /// Ends of the ages, frames.
    pub ages: [f64; 2],
    /// Mean residual.
    pub mean: f64,
    /// Over its standard deviation if the model is right.
    pub z: f64,
}

/// Outcome of the test.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LackOfFitTest {
    /// Of the mean residuals.
    pub residuals: SumOfSquares,
    /// Of the scores of the rates at each age.
    pub changes: SumOfSquares,
    /// The cells.
    pub cells: Vec<TestedCell>,
    /// What they say of each rate at each age.
    pub rates: Vec<RateChange>,
}

impl LackOfFitTest {
    /// Probability of what is seen if the model is right: of the less likely of two statistics, 1 − (1 − p)².
    pub fn p(&self) -> f64 {
        let least = self.residuals.p().min(self.changes.p());
        least * (2.0 - least)
    }

    /// Adds the cells of a bin.
    fn add_bin(
        &mut self,
        own: &BinCells,
        covariance: &Mat<f64>,
        cells: &LagAgeCells,
        scores: &mut RateScores<'_>,
    ) {
        let usable = |cell: &usize| {
            let variance = covariance[(*cell, *cell)];
            own.residuals[*cell][0] >= FEWEST && variance > ABSORBED * own.alone(*cell)
        };
        let used: Vec<usize> = (0..cells.count()).filter(usable).collect();
        let error = |cell: usize| covariance[(cell, cell)].sqrt();
        let correlation = Mat::from_fn(used.len(), used.len(), |a, b| {
            covariance[(used[a], used[b])] / (error(used[a]) * error(used[b]))
        });
        let z: Vec<f64> = used.iter().map(|cell| own.residuals[*cell][1] / error(*cell)).collect();
        let spectrum = Spectrum::new(&correlation);
        self.residuals.add(&spectrum, &z);
        let slope = |cell: usize, rate: usize| own.slope(cell, rate) / error(cell);
        scores.add_bin((&spectrum, &z), &used, slope);
        for (cell, z) in used.into_iter().zip(z) {
            let [pairs, sum] = own.residuals[cell];
            let (lags, ages) = (cells.lags(cell), cells.ages(cell));
            self.cells.push(TestedCell { bin: own.bin, lags, ages, mean: sum / pairs, z });
        }
    }
}

/// The noise and the residuals of the cells of one bin.
struct BinCells {
    bin: usize,
    joint: Joint,
    /// Joint covariance at the pixels and counts of the bin, row-major.
    covariance: Vec<f64>,
    /// T: (θ, z) × rows of the score.
    map: Vec<f64>,
    /// Covariance of the score of (θ, z).
    score: Vec<f64>,
    residuals: Vec<[f64; 2]>,
}

impl BinCells {
    fn draw(
        minimum: &Minimum<'_>,
        bin: usize,
        factors: BinFactors,
        (residuals, cells): (Vec<[f64; 2]>, &LagAgeCells),
        options: SpeckleOptions,
        lanes: &Lanes,
    ) -> Result<Self, UncertaintyError> {
        let Minimum { problem, evaluated, scaling, .. } = minimum;
        let contrast = drawn_contrast(scaling[bin].contrast);
        let drawn = Drawn::on_all_frames(problem, evaluated, bin, contrast, options, lanes)?;
        let (frames, on_frames) = (problem.matrices.frames(), drawn.on_frames());
        let speckles = on_frames.len() / frames;
        let intensities = MatRef::from_column_major_slice(&on_frames, frames, speckles);
        let joint = problem.joint_noise(evaluated, bin, contrast, factors, cells, intensities);
        let [bright, mixed, dark] = &joint.parts;
        let covariance = factors.combined([bright, mixed, dark]);
        let p = problem.model.parameters().len();
        let map = score_map(&evaluated.terms[bin].map, p, scaling[bin], problem.layout, bin);
        let score = mapped(&map, &corner(&covariance, joint.order, joint.rows), joint.rows);
        Ok(Self { bin, joint, covariance, map, score, residuals })
    }

    /// Covariance of the sums of residuals of the cells; `others`: covariance of the scores of other bins.
    fn residual_covariance(&self, inverse: &[f64], others: &[f64]) -> Mat<f64> {
        let (rows, order) = (self.joint.rows, self.joint.order);
        let (cells, n) = (order - rows, self.map.len() / rows);
        // A = slopes · Tᵀ, cells × (θ, z); then L = A H⁻¹ and G = L T.
        let mut transposed = vec![0.0; self.map.len()];
        for a in 0..n {
            for k in 0..rows {
                transposed[k * n + a] = self.map[a * rows + k];
            }
        }
        let slopes = product(&self.joint.slopes, &transposed, cells, rows, n);
        let lift = product(&slopes, inverse, cells, n, n);
        let drag = product(&lift, &self.map, cells, n, rows);
        // Residuals are (−G, 1) · (score, cells).
        let both = Mat::from_fn(cells, order, |c, k| match k.checked_sub(rows) {
            None => -drag[c * rows + k],
            Some(cell) => f64::from(u8::from(cell == c)),
        });
        let noise = Mat::from_fn(order, order, |a, b| self.covariance[a * order + b]);
        let lift = Mat::from_fn(cells, n, |c, a| lift[c * n + a]);
        let others = Mat::from_fn(n, n, |a, b| others[a * n + b]);
        &both * &noise * both.transpose() + &lift * &others * lift.transpose()
    }

    /// Σ ∂y/∂θ_k over the pairs of a cell.
    fn slope(&self, cell: usize, k: usize) -> f64 {
        let rows = self.joint.rows;
        let (slopes, map) = (&self.joint.slopes[cell * rows..], &self.map[k * rows..]);
        slopes[..rows].iter().zip(map).map(|(slope, map)| slope * map).sum()
    }

    /// Variance that a cell would have without the fit.
    fn alone(&self, cell: usize) -> f64 {
        self.covariance[(self.joint.rows + cell) * (self.joint.order + 1)]
    }
}

/// Tests whether the residuals of a fit are what noise alone would leave.
///
/// **Formula.** d: sum of the residuals of a cell (ten classes of lag × six of age); without lack of fit
/// d = e − A H⁻¹ s with the noise e of the cell, the score s of all bins and A = Σ ∂y/∂(θ, z) over its pairs, so that
/// Cov d = C_ee − A H⁻¹C_se − C_es H⁻¹Aᵀ + A H⁻¹ B H⁻¹ Aᵀ. C: joint covariance of cells and score from
/// speckles of the fitted model, drawn for this test, with shot noise in closed form. z = d/√Var d, and with
/// eigenvalues λ and eigenvectors u of the correlation of z in a bin T = Σ (uᵀz)²/(λ + ε), ε = 0.1. Σz²
/// alone is ruled by the few directions in which all cells vary together, and sees a wrong shape late. A second
/// statistic of the same form looks along the rates at each age alone ([`RateScores`]).
///
/// **Symbols.** `factors`: how much each part of the noise counts, one entry a bin. **Edges** LagAgeCells of fewer than 30 pairs, and those
/// that the fit absorbs, take no part. Correlations of different bins, which come from the common
/// parameters alone, are left out of the cumulants.
/// **Cost** for each bin a Cholesky factor of frames³/3 and 2·frames² operations for each of some thousand speckles and
/// each row of the score; one sweep.
/// **Source** for the idea: parametric bootstrap of grouped residuals. **Checked by** `tests/fits/lack_of_fit.rs`,
/// docs/calibration.md for false alarms and power.
///
/// # Errors
/// [`UncertaintyError`].
pub fn lack_of_fit(
    minimum: &Minimum<'_>,
    factors: &[BinFactors],
    seed: u64,
) -> Result<LackOfFitTest, UncertaintyError> {
    let Minimum { problem, evaluated, scaling, information, .. } = minimum;
    if problem.model.field(&evaluated.tables, &evaluated.terms[0], 0, 0, 0).is_none() {
        return Err(UncertaintyError::NoField);
    }
    let cells = LagAgeCells::new(&problem.matrices.positions(), problem.grid.frames());
    let residuals = problem.cell_residuals(evaluated, scaling, &cells)?;
    let silent = |bin: &usize| minimum.silent.iter().any(|silent| silent.bin == *bin);
    let bins: Vec<usize> = (0..scaling.len()).filter(|bin| !silent(bin)).collect();
    let [most, least] = SPECKLES;
    let each = (ALL_SPECKLES / bins.len().max(1)).clamp(least, most);
    let options = SpeckleOptions { speckles: each * scaling.len(), seed };
    let one = |bin: &usize, lanes: &Lanes| {
        let residuals = residuals[*bin].clone();
        BinCells::draw(minimum, *bin, factors[*bin], (residuals, &cells), options, lanes)
    };
    let found: Vec<BinCells> =
        spread(problem.resources.lanes, &bins, one).into_iter().collect::<Result<_, _>>()?;
    let order = information.order();
    let mut whole = vec![0.0; order * order];
    minimum.silent.iter().for_each(|silent| add_silent(minimum, silent, &mut whole));
    for own in &found {
        whole.iter_mut().zip(&own.score).for_each(|(sum, b)| *sum += b);
    }
    let mut test = LackOfFitTest::default();
    let mut scores = RateScores::new(problem.model.rates());
    for own in &found {
        let others: Vec<f64> = whole.iter().zip(&own.score).map(|(a, b)| a - b).collect();
        let covariance = own.residual_covariance(information.inverse_information(), &others);
        test.add_bin(own, &covariance, &cells, &mut scores);
    }
    (test.changes, test.rates) = scores.tested(&cells);
    Ok(test)
}

/// The first `rows` rows and columns of a matrix.
fn corner(matrix: &[f64], order: usize, rows: usize) -> Vec<f64> {
    (0..rows * rows).map(|e| matrix[e / rows * order + e % rows]).collect()
}
