//! Simulated two-time matrices: the truth of a model with no noise, with independent noise,
//! or with the noise of a measurement.

mod error;
mod field;
mod modes;
mod speckle;
mod speckles;
mod truth;

use dyne_runtime::{Lanes, Stream};

pub use error::SimulateError;
pub use field::Past;
pub use speckles::Speckles;
pub use truth::Truth;

use crate::{Element, Samples, Triangle};
use field::Field;
use speckle::{Moments, Pixels};

/// Largest mean count per pixel and frame.
const MOST_COUNTS: f64 = 1e12;

/// Noise of a simulated matrix.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Noise {
    /// The truth itself.
    None,
    /// An independent normal number at each pair i < j.
    Gaussian {
        /// Standard deviation, in units of c2; 0 or more.
        sigma: f64,
    },
    /// c2 of a finite number of speckles, as a detector measures it.
    Speckle {
        /// Pixels that are averaged; 1 or more.
        pixels: usize,
        /// Neighbouring pixels that see one speckle, each with shot noise of its own; 1 or more.
        speckle: usize,
        /// Photons in a pixel.
        counts: Counts,
    },
}

/// Photons that a pixel counts in a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Counts {
    /// So many that they tell the intensity exactly: no shot noise.
    Infinite,
    /// Poisson counts of this mean over pixels, above 0 and up to 10¹².
    Mean(f64),
}

/// How to simulate a bin.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulation {
    /// The noise.
    pub noise: Noise,
    /// Contrast c, above 0 and up to 1.
    pub contrast: f64,
    /// Offset o; 1 for ideal data.
    pub offset: f64,
    /// Number type of the values.
    pub element: Element,
    /// Seed. A matrix is fixed by seed, bin, truth and the other fields, on any number of
    /// lanes.
    pub seed: u64,
}

/// A simulated matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedMatrix {
    /// c2 at the pairs i < j.
    pub triangle: Triangle,
    /// c2 on the diagonal, as a file holds it before any treatment. Shot noise adds one
    /// over the mean count to it.
    pub diagonal: Vec<f64>,
}

/// Simulates the two-time matrix of bin `bin`.
///
/// **Formula** c2(i, j) = o + c·m(i, j) + ε(i, j) with ε = 0 for [`Noise::None`] and
/// ε ~ N(0, sigma²), independent, for [`Noise::Gaussian`]; on the diagonal o + c. For
/// [`Noise::Speckle`]
///
/// ```text
/// c2(i, j) = ⟨I_i I_j⟩ / (⟨I_i⟩⟨I_j⟩) + o − 1,     I = Σ_k w_k |E_k|²,   Σ w = 1,  Σ w² = c,
/// ```
///
/// ⟨⟩ over the pixels, of which `speckle` see the same intensity each, E_k independent circular Gaussian fields with the covariance g1 of
/// the truth. With counts of mean n, I is replaced by a Poisson number of mean n·I.
///
/// **Symbols** o: offset; c: contrast; m, g1: correlation and field covariance of
/// [`Truth`], frames × frames; w: weights of the ⌈1/c⌉ modes of a pixel; all without unit.
/// **Edges** m on the diagonal is 1. Means over P pixels are those of the sample, so the
/// mean of c2 differs from o + c·m by a term of order 1/P. With f32 values are rounded once,
/// at the end. Two bins of one seed are independent.
/// **Cost** None and Gaussian: one evaluation of each pair. Speckle: frames³/3 + about
/// 2·frames²·pixels·⌈1/c⌉ operations, times the field's components; memory
/// 8·frames²·(components + 1) bytes, 16 KiB a frame, and 2 KiB a frame and lane.
/// **Source** He et al., PNAS 121(31) e2401162121 (2024) for c2; Siegert relation for
/// Gaussian fields; Goodman, *Speckle Phenomena in Optics* (2007) for the modes.
/// **Checked by** `tests/simulate.rs`.
///
/// # Errors
/// [`SimulateError`]: settings out of range, a truth that is not finite or whose field and
/// correlation do not belong together, a frame without a photon. No partial result is left.
pub fn simulate_bin(
    truth: &dyn Truth,
    bin: usize,
    spec: &Simulation,
    lanes: &Lanes,
) -> Result<SimulatedMatrix, SimulateError> {
    spec.check()?;
    let frames = truth.frames();
    if frames < 2 {
        return Err(SimulateError::Frames { bin, frames });
    }
    let stream = Stream::new(spec.seed).split("two-time").index(bin as u64);
    match spec.noise {
        Noise::None => spec.scale(truth, bin, lanes, |_, _| {}),
        Noise::Gaussian { sigma } => {
            let stream = stream.split("gaussian");
            spec.scale(truth, bin, lanes, |i, row| {
                let mut generator = stream.index(i as u64).generator();
                row.iter_mut().for_each(|value| *value += sigma * generator.normal());
            })
        }
        Noise::Speckle { counts, .. } => {
            let mut matrices = simulate_counts(truth, bin, spec, &[counts], lanes)?;
            Ok(matrices.remove(0))
        }
    }
}

/// The matrices of one bin that the same speckles make at several mean counts, for the price of
/// one set of fields. Each is the one that [`simulate_bin`] makes at that mean count.
///
/// **Edges** noise that is not speckle is an error: there are no pixels.
/// **Checked by** `tests/simulate.rs`: `several_mean_counts_share_their_speckles`.
///
/// # Errors
/// As [`simulate_bin`].
pub fn simulate_counts(
    truth: &dyn Truth,
    bin: usize,
    spec: &Simulation,
    counts: &[Counts],
    lanes: &Lanes,
) -> Result<Vec<SimulatedMatrix>, SimulateError> {
    let Noise::Speckle { pixels, speckle, .. } = spec.noise else {
        return Err(SimulateError::Pixels);
    };
    for counts in counts {
        let noise = Noise::Speckle { pixels, speckle, counts: *counts };
        Simulation { noise, ..spec.clone() }.check()?;
    }
    let frames = truth.frames();
    if frames < 2 {
        return Err(SimulateError::Frames { bin, frames });
    }
    let field = &Field::try_new(truth, bin, Past::Whole, lanes)?;
    let stream = Stream::new(spec.seed).split("two-time").index(bin as u64).split("speckle");
    let contrast = spec.contrast;
    let pixels = Pixels { field, frames, count: pixels, speckle, counts, contrast, stream };
    let moments = pixels.moments(lanes).into_iter();
    moments
        .map(|moments| {
            moments.check_lit(bin)?;
            Ok(spec.normalise(&moments, frames))
        })
        .collect()
}

impl Simulation {
    fn check(&self) -> Result<(), SimulateError> {
        if !(self.contrast > 0.0 && self.contrast <= 1.0) {
            return Err(SimulateError::Contrast { value: self.contrast });
        }
        if !self.offset.is_finite() {
            return Err(SimulateError::Offset { value: self.offset });
        }
        match self.noise {
            Noise::Gaussian { sigma } if !(sigma >= 0.0 && sigma.is_finite()) => {
                Err(SimulateError::Sigma { value: sigma })
            }
            Noise::Speckle { pixels: 0, .. } | Noise::Speckle { speckle: 0, .. } => {
                Err(SimulateError::Pixels)
            }
            Noise::Speckle { counts: Counts::Mean(value), .. }
                if !(value > 0.0 && value <= MOST_COUNTS) =>
            {
                Err(SimulateError::Counts { value })
            }
            _ => Ok(()),
        }
    }

    /// Offset + contrast·m, each row then changed by `disturb`, which is given the row's
    /// number and its values from the first pair on.
    fn scale(
        &self,
        truth: &dyn Truth,
        bin: usize,
        lanes: &Lanes,
        disturb: impl Fn(usize, &mut [f64]) + Sync,
    ) -> Result<SimulatedMatrix, SimulateError> {
        let frames = truth.frames();
        let indices: Vec<usize> = (0..frames).collect();
        let rows = lanes.map(&indices, |&i| {
            let mut row = vec![0.0; frames - i - 1];
            truth.correlation(bin, i, i + 1..frames, &mut row);
            check_finite(&row, "correlation", bin, i, i + 1)?;
            row.iter_mut().for_each(|value| *value = self.offset + self.contrast * *value);
            disturb(i, &mut row);
            Ok(row)
        });
        let rows = rows.into_iter().collect::<Result<Vec<Vec<f64>>, _>>()?;
        let triangle = pack(frames, rows.iter().flatten().copied(), self.element);
        Ok(SimulatedMatrix { triangle, diagonal: vec![self.offset + self.contrast; frames] })
    }

    /// c2 from the moments over pixels.
    fn normalise(&self, moments: &Moments, frames: usize) -> SimulatedMatrix {
        let shift = self.offset - 1.0;
        let diagonal = (0..frames).map(|i| moments.row(i)[0] + shift).collect();
        let pairs =
            (0..frames).flat_map(|i| moments.row(i).into_iter().skip(1)).map(|value| value + shift);
        SimulatedMatrix { triangle: pack(frames, pairs, self.element), diagonal }
    }
}

/// Packs values that come in the order of the triangle.
fn pack(frames: usize, pairs: impl Iterator<Item = f64>, element: Element) -> Triangle {
    let count = Triangle::pairs(frames);
    let samples = match element {
        Element::F32 => {
            let mut values = Vec::with_capacity(count);
            values.extend(pairs.map(|value| value as f32));
            Samples::F32(values)
        }
        Element::F64 => {
            let mut values = Vec::with_capacity(count);
            values.extend(pairs);
            Samples::F64(values)
        }
    };
    Triangle::new(frames, samples)
}

/// Refuses values that are not finite; the first belongs to column `first_column`.
fn check_finite(
    values: &[f64],
    quantity: &'static str,
    bin: usize,
    row: usize,
    first_column: usize,
) -> Result<(), SimulateError> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(k) => {
            let (column, value) = (first_column + k, values[k]);
            Err(SimulateError::NotFinite { bin, quantity, row, column, value })
        }
    }
}
