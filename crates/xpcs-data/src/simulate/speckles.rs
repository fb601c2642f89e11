//! Intensities of single speckles, from which the noise of a matrix is made up.

use std::ops::Range;

use dyne_runtime::{Cancel, Generator, Lanes, Stream};

use super::field::{Field, Past};
use super::modes::{Modes, modes};
use super::{SimulateError, Truth};

/// Speckles that one lane draws at a time; fixed, so that results do not depend on lanes. Many, as
/// each block packs the factor of the covariance once more.
const SPECKLES_PER_BLOCK: usize = 128;

/// Independent speckles (pixels) of one bin.
pub struct Speckles {
    field: Field,
    frames: usize,
    modes: Modes,
}

impl Speckles {
    /// Speckles of the contrast given under the physics of `truth`.
    ///
    /// **Cost** that of the field: with the whole past frames³/3 operations a component, once, and
    /// 8·frames² bytes each.
    ///
    /// # Errors
    /// [`SimulateError`]: a contrast outside [0, 1]; a truth without a valid field covariance.
    pub fn try_new(
        truth: &dyn Truth,
        bin: usize,
        contrast: f64,
        past: Past,
        lanes: &Lanes,
    ) -> Result<Self, SimulateError> {
        if !(0.0..=1.0).contains(&contrast) {
            return Err(SimulateError::Contrast { value: contrast });
        }
        let field = Field::try_new(truth, bin, past, lanes)?;
        Ok(Self { field, frames: truth.frames(), modes: modes(contrast) })
    }

    /// Frames of a speckle.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// Σ w² (the contrast), Σ w³ and Σ w⁴ over the modes of a speckle.
    pub fn mode_moments(&self) -> [f64; 3] {
        [2, 3, 4].map(|n| self.modes.weights.iter().map(|w| w.powi(n)).sum())
    }

    /// Intensities, of mean 1, one speckle after the other; nothing once `cancel` is requested. A speckle
    /// is fixed by `stream` and its number.
    ///
    /// **Cost** 2·frames² operations a speckle, mode and component.
    pub fn intensities(
        &self,
        speckles: Range<usize>,
        stream: &Stream,
        lanes: &Lanes,
        cancel: &Cancel,
    ) -> Option<Vec<f64>> {
        let end = speckles.end;
        let starts: Vec<usize> = speckles.step_by(SPECKLES_PER_BLOCK).collect();
        let blocks = lanes.map(&starts, |&start| {
            let mut generators: Vec<Generator> = (start..end.min(start + SPECKLES_PER_BLOCK))
                .map(|speckle| stream.index(speckle as u64).split("field").generator())
                .collect();
            let drawn = self.field.intensities(&self.modes, &mut generators, cancel);
            (0..drawn.ncols()).flat_map(|k| drawn.col_as_slice(k).to_vec()).collect::<Vec<f64>>()
        });
        (!cancel.requested()).then(|| blocks.concat())
    }
}
