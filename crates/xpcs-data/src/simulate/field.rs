//! Random fields with the covariance of the truth.

use std::ops::Range;

use dyne_runtime::{Cancel, Generator, Lanes};
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{LltError, cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::linalg::triangular_solve::solve_upper_triangular_in_place;
use faer::reborrow::Reborrow;
use faer::{Accum, Mat, MatMut, MatRef, Par};

use super::modes::Modes;
use super::{SimulateError, Truth, check_finite};

/// Variance of white noise added to each component, so that a covariance which is singular
/// to rounding (a field that hardly moves) has a factor. It changes m by 2e-9 at most.
const RIDGE: f64 = 1e-9;

/// Largest difference between |g1|² and m that counts as rounding.
const MISMATCH: f64 = 1e-6;

/// Rows of the covariance that are evaluated before they are stored; bounds memory.
const ROWS_AT_ONCE: usize = 256;

/// Draws Gaussian fields with the covariance of the truth.
///
/// **Formula** E = Σ_c exp(i ψ_c) L_c z_c with L_c L_cᵀ = K_c + 1e-9·1, z_c complex normal
/// of unit variance.
/// **Symbols** K_c, ψ_c: as in [`Truth`]; L_c: frames × frames, lower triangle.
/// **Edges** K_c singular to rounding is factored thanks to the ridge; an eigenvalue below
/// −1e-9 is an error.
/// **Cost** frames³/3 multiplications a component, once; 8·frames² bytes a component. With
/// [`Past::Blocks`] of b frames 8·b²·frames/3 and 16·b·frames.
/// **Errors** [`SimulateError::NotFinite`], [`SimulateError::FieldMismatch`],
/// [`SimulateError::NotPositiveDefinite`].
/// **Source** Cholesky sampling of a multivariate normal.
/// **Checked by** `tests/simulate.rs`: `speckle_has_the_mean_of_the_truth`,
/// `a_moving_component_beats`, `an_impossible_field_is_refused`.
pub(super) struct Field {
    frames: usize,
    components: Vec<Component>,
}

/// On how much of what went before the field of a frame depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Past {
    /// On all frames.
    Whole,
    /// Given the block of so many frames before its own, on nothing earlier: exact where the field has
    /// forgotten what lies further back, and where a sum of rates is all it remembers.
    Blocks(usize),
}

struct Component {
    factor: Factor,
    rotation: Rotation,
}

enum Factor {
    Whole(Mat<f64>),
    Blocks(Vec<Step>),
}

/// From the field of one block of frames to that of the next: E = carry·E_before + own·z.
struct Step {
    first: usize,
    carry: Mat<f64>,
    own: Mat<f64>,
}

/// cos ψ and sin ψ at every frame.
struct Rotation {
    cos: Vec<f64>,
    sin: Vec<f64>,
}

impl Field {
    /// Evaluates, checks and factors the covariances of `bin`.
    pub(super) fn try_new(
        truth: &dyn Truth,
        bin: usize,
        past: Past,
        lanes: &Lanes,
    ) -> Result<Self, SimulateError> {
        let frames = truth.frames();
        let rotations = (0..truth.components())
            .map(|component| Rotation::try_new(truth, bin, component))
            .collect::<Result<Vec<_>, _>>()?;
        let refuse =
            |(component, frame)| SimulateError::NotPositiveDefinite { bin, component, frame };
        let factors = match past {
            Past::Whole => covariances(truth, bin, 0..frames, &rotations, lanes)?
                .into_iter()
                .enumerate()
                .map(|(k, covariance)| Ok(Factor::Whole(factor(covariance).map_err(|at| (k, at))?)))
                .collect::<Result<Vec<_>, _>>()
                .map_err(refuse)?,
            Past::Blocks(length) => {
                let mut chains: Vec<Vec<Step>> = rotations.iter().map(|_| Vec::new()).collect();
                for first in (0..frames).step_by(length) {
                    let within = first.saturating_sub(length)..(first + length).min(frames);
                    let pair = covariances(truth, bin, within, &rotations, lanes)?;
                    for (k, (chain, covariance)) in chains.iter_mut().zip(pair).enumerate() {
                        let step = step(covariance, first, first.min(length));
                        chain.push(step.map_err(|at| refuse((k, at)))?);
                    }
                }
                chains.into_iter().map(Factor::Blocks).collect()
            }
        };
        let components = factors.into_iter().zip(rotations);
        let components = components.map(|(factor, rotation)| Component { factor, rotation });
        Ok(Self { frames, components: components.collect() })
    }

    /// Intensities of one pixel for each generator, of the modes given: frames × pixels, of mean 1.
    /// Once `cancel` is requested they mean nothing.
    ///
    /// **Cost** about 2·frames² operations for each pixel, mode and component, and
    /// 6·8·frames bytes a pixel while it runs.
    pub(super) fn intensities(
        &self,
        modes: &Modes,
        generators: &mut [Generator],
        cancel: &Cancel,
    ) -> Mat<f64> {
        let (frames, pixels) = (self.frames, generators.len());
        let mut normals = Mat::zeros(frames, 2 * pixels);
        let mut drawn = Mat::zeros(frames, 2 * pixels);
        let mut intensities = Mat::full(frames, pixels, modes.background);
        for weight in &modes.weights {
            if cancel.requested() {
                break;
            }
            let mut field = Mat::zeros(frames, 2 * pixels);
            for component in &self.components {
                for (pixel, generator) in generators.iter_mut().enumerate() {
                    generator.fill_normal(normals.col_as_slice_mut(2 * pixel));
                    generator.fill_normal(normals.col_as_slice_mut(2 * pixel + 1));
                }
                component.colour(&normals, &mut drawn);
                component.rotation.add_rotated(&drawn, &mut field);
            }
            add_intensity(*weight, &field, &mut intensities);
        }
        intensities
    }
}

impl Component {
    /// drawn = L · normals.
    fn colour(&self, normals: &Mat<f64>, drawn: &mut Mat<f64>) {
        match &self.factor {
            Factor::Whole(factor) => {
                lower_product(factor, normals.as_ref(), drawn.as_mut(), Accum::Replace);
            }
            Factor::Blocks(steps) => {
                for Step { first, carry, own } in steps {
                    let length = own.nrows();
                    let (before, mut now) = drawn.as_mut().split_at_row_mut(*first);
                    let now = now.as_mut().subrows_mut(0, length);
                    let normals = normals.subrows(*first, length);
                    let mut now = now;
                    lower_product(own, normals, now.as_mut(), Accum::Replace);
                    let before = before.rb().subrows(first - carry.ncols(), carry.ncols());
                    faer::linalg::matmul::matmul(now, Accum::Add, carry, before, 1.0, Par::Seq);
                }
            }
        }
    }
}

/// Lower triangle times matrix.
fn lower_product(factor: &Mat<f64>, right: MatRef<'_, f64>, out: MatMut<'_, f64>, accum: Accum) {
    matmul(
        out,
        BlockStructure::Rectangular,
        accum,
        factor.as_ref(),
        BlockStructure::TriangularLower,
        right,
        BlockStructure::Rectangular,
        1.0,
        Par::Seq,
    );
}

/// The step to the block that begins at frame `first`, from the covariance of the `before` frames
/// in front of it and of its own: with L of both, carry = L₂₁L₁₁⁻¹ and own = L₂₂. Fails with the
/// frame of the first pivot that is not positive.
fn step(covariance: Mat<f64>, first: usize, before: usize) -> Result<Step, usize> {
    let factor = factor(covariance).map_err(|at| at + first - before)?;
    let own = factor.submatrix(before, before, factor.nrows() - before, factor.nrows() - before);
    let mut carried = factor.submatrix(before, 0, own.nrows(), before).transpose().to_owned();
    // carryᵀ = L₁₁⁻ᵀ L₂₁ᵀ.
    solve_upper_triangular_in_place(
        factor.submatrix(0, 0, before, before).transpose(),
        carried.as_mut(),
        Par::Seq,
    );
    Ok(Step { first, carry: carried.transpose().to_owned(), own: own.to_owned() })
}

impl Rotation {
    fn try_new(truth: &dyn Truth, bin: usize, component: usize) -> Result<Self, SimulateError> {
        let mut phase = vec![0.0; truth.frames()];
        truth.phase(bin, component, &mut phase);
        if let Some(i) = phase.iter().position(|p| !p.is_finite()) {
            let value = phase[i];
            return Err(SimulateError::NotFinite {
                bin,
                quantity: "phase",
                row: i,
                column: i,
                value,
            });
        }
        Ok(Self {
            cos: phase.iter().map(|p| p.cos()).collect(),
            sin: phase.iter().map(|p| p.sin()).collect(),
        })
    }

    /// Adds exp(iψ)·drawn to the field. Even columns are real parts, odd ones imaginary.
    fn add_rotated(&self, drawn: &Mat<f64>, field: &mut Mat<f64>) {
        for column in (0..drawn.ncols()).step_by(2) {
            let (re, im) = (drawn.col_as_slice(column), drawn.col_as_slice(column + 1));
            let out = field.col_as_slice_mut(column);
            for (k, value) in out.iter_mut().enumerate() {
                *value += self.cos[k] * re[k] - self.sin[k] * im[k];
            }
            let out = field.col_as_slice_mut(column + 1);
            for (k, value) in out.iter_mut().enumerate() {
                *value += self.sin[k] * re[k] + self.cos[k] * im[k];
            }
        }
    }
}

/// Adds weight·|E|² to the intensities. Real and imaginary part have variance 1 each, so
/// that half their squares have mean 1.
fn add_intensity(weight: f64, field: &Mat<f64>, intensities: &mut Mat<f64>) {
    for pixel in 0..intensities.ncols() {
        let (re, im) = (field.col_as_slice(2 * pixel), field.col_as_slice(2 * pixel + 1));
        for (k, value) in intensities.col_as_slice_mut(pixel).iter_mut().enumerate() {
            *value += 0.5 * weight * (re[k] * re[k] + im[k] * im[k]);
        }
    }
}

/// Lower triangles of the covariances of all components over some frames.
fn covariances(
    truth: &dyn Truth,
    bin: usize,
    frames: Range<usize>,
    rotations: &[Rotation],
    lanes: &Lanes,
) -> Result<Vec<Mat<f64>>, SimulateError> {
    let (first, side) = (frames.start, frames.len());
    let mut covariances: Vec<Mat<f64>> = rotations.iter().map(|_| Mat::zeros(side, side)).collect();
    let indices: Vec<usize> = frames.clone().collect();
    for batch in indices.chunks(ROWS_AT_ONCE) {
        let rows = lanes.map(batch, |&i| covariance_rows(truth, bin, i..frames.end, rotations));
        for (&i, row) in batch.iter().zip(rows) {
            let (row, k) = (row?, i - first);
            for (covariance, values) in covariances.iter_mut().zip(row.chunks(side - k)) {
                covariance.col_as_slice_mut(k)[k..].copy_from_slice(values);
            }
        }
    }
    Ok(covariances)
}

/// The row of every covariance at the first of some frames, from the diagonal on, one component
/// after the other, once it is shown to agree with the correlation.
fn covariance_rows(
    truth: &dyn Truth,
    bin: usize,
    columns: Range<usize>,
    rotations: &[Rotation],
) -> Result<Vec<f64>, SimulateError> {
    let (i, frames) = (columns.start, columns.end);
    let length = columns.len();
    let mut rows = vec![0.0; rotations.len() * length];
    let (mut re, mut im) = (vec![0.0; length], vec![0.0; length]);
    for (component, rotation) in rotations.iter().enumerate() {
        let row = &mut rows[component * length..(component + 1) * length];
        truth.field(bin, component, i, i..frames, row);
        check_finite(row, "field", bin, i, i)?;
        for (k, value) in row.iter().enumerate() {
            let (cos, sin) = (rotation.cos[i + k], rotation.sin[i + k]);
            re[k] += value * (cos * rotation.cos[i] + sin * rotation.sin[i]);
            im[k] += value * (sin * rotation.cos[i] - cos * rotation.sin[i]);
        }
    }
    let mut correlation = vec![1.0; length];
    truth.correlation(bin, i, i + 1..frames, &mut correlation[1..]);
    check_finite(&correlation, "correlation", bin, i, i)?;
    for (k, &correlation) in correlation.iter().enumerate() {
        let field = re[k] * re[k] + im[k] * im[k];
        if (field - correlation).abs() > MISMATCH {
            let column = i + k;
            return Err(SimulateError::FieldMismatch { bin, row: i, column, field, correlation });
        }
    }
    Ok(rows)
}

/// L with L Lᵀ = K + ridge, from the lower triangle of K and in its place; the strict upper
/// triangle is not read. Fails with the frame of the first pivot that is not positive.
fn factor(mut covariance: Mat<f64>) -> Result<Mat<f64>, usize> {
    let frames = covariance.nrows();
    for i in 0..frames {
        covariance[(i, i)] += RIDGE;
    }
    let scratch = cholesky_in_place_scratch::<f64>(frames, Par::Seq, Default::default());
    let mut memory = MemBuffer::new(scratch);
    cholesky_in_place(
        covariance.as_mut(),
        Default::default(),
        Par::Seq,
        MemStack::new(&mut memory),
        Default::default(),
    )
    .map_err(|LltError::NonPositivePivot { index }| index)?;
    Ok(covariance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factor_reproduces_the_covariance() {
        let frames = 70;
        let value = |i: usize, j: usize| (-(i.abs_diff(j) as f64) / 9.0).exp();
        let factor = factor(Mat::from_fn(frames, frames, value)).unwrap();
        for i in 0..frames {
            for j in 0..=i {
                let product: f64 = (0..=j).map(|k| factor[(i, k)] * factor[(j, k)]).sum();
                assert!((product - value(i, j)).abs() < 2.0 * RIDGE);
            }
        }
    }

    #[test]
    fn blocks_carry_the_covariance_on() {
        let frames = 100;
        // Forgets within some frames, as products of diffusion and shear do.
        let value = |i: usize, j: usize| {
            let lag = i.abs_diff(j) as f64;
            let x = 0.3 * lag;
            (-lag / 6.0).exp() * if x == 0.0 { 1.0 } else { x.sin() / x }
        };
        let starts = (0..frames).step_by(40);
        let steps = starts.map(|first: usize| {
            let within = first.saturating_sub(40)..(first + 40).min(frames);
            let covariance = Mat::from_fn(within.len(), within.len(), |i, j| {
                value(within.start + i, within.start + j)
            });
            step(covariance, first, first.min(40)).unwrap()
        });
        let rotation = Rotation { cos: vec![1.0; frames], sin: vec![0.0; frames] };
        let component = Component { factor: Factor::Blocks(steps.collect()), rotation };
        let mut factor = Mat::zeros(frames, frames);
        component.colour(&Mat::identity(frames, frames), &mut factor);
        let product = &factor * factor.transpose();
        for i in 0..frames {
            for j in 0..frames {
                let error = (product[(i, j)] - value(i, j)).abs();
                assert!(error < 1e-3, "({i}, {j}): off by {error}");
            }
        }
    }

    #[test]
    fn a_frozen_field_has_a_factor_and_a_false_covariance_has_none() {
        assert!(factor(Mat::from_fn(50, 50, |_, _| 1.0)).is_ok());
        let mut covariance = Mat::<f64>::identity(300, 300);
        covariance[(251, 250)] = 1.1;
        assert_eq!(factor(covariance).unwrap_err(), 251);
    }
}
