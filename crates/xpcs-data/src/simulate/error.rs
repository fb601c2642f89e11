//! Why a matrix cannot be simulated.

use thiserror::Error;

/// Why a matrix cannot be simulated. The message says what failed, where, what was found
/// and what was expected, then what to do. Bins are positions in the list of bins, counted
/// from 0; frames in fields are counted from 0, in messages from 1.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum SimulateError {
    /// The contrast is not in (0, 1].
    #[error(
        "simulating: contrast {value}; expected above 0 and up to 1\nset a contrast in that range"
    )]
    Contrast {
        /// The contrast asked for.
        value: f64,
    },
    /// The offset is not finite.
    #[error(
        "simulating: offset {value}; expected a finite number\nset the offset, 1 for ideal data"
    )]
    Offset {
        /// The offset asked for.
        value: f64,
    },
    /// The standard deviation of Gaussian noise is negative or not finite.
    #[error(
        "simulating gaussian noise: sigma {value}; expected 0 or more and finite\nset sigma to the standard deviation of one c2 value"
    )]
    Sigma {
        /// The standard deviation asked for.
        value: f64,
    },
    /// Speckle noise of no pixel.
    #[error(
        "simulating speckle noise: 0 pixels; expected 1 or more\nset pixels to the number of independent speckles of the bin"
    )]
    Pixels,
    /// The mean count is not in (0, 1e12].
    #[error(
        "simulating shot noise: mean count {value} per pixel and frame; expected above 0 and up to 1e12\nset counts in that range, or leave shot noise out with infinite counts"
    )]
    Counts {
        /// The mean count asked for.
        value: f64,
    },
    /// Fewer than two frames: there is no pair.
    #[error(
        "simulating bin {bin}: {frames} frames; expected 2 or more\nsimulate a longer measurement"
    )]
    Frames {
        /// The bin.
        bin: usize,
        /// Frames of the truth.
        frames: usize,
    },
    /// The truth has a value that is not finite.
    #[error("simulating bin {bin}: {quantity} is {value} at frames ({}, {}); expected a finite number\ncheck the parameters, and leave out frame 1 where an exponent is negative", row + 1, column + 1)]
    NotFinite {
        /// The bin.
        bin: usize,
        /// `correlation`, `field` or `phase`.
        quantity: &'static str,
        /// Row of the pair.
        row: usize,
        /// Column of the pair.
        column: usize,
        /// What was found.
        value: f64,
    },
    /// The field covariance and the correlation of the truth do not belong together.
    #[error("simulating bin {bin}: |g1|² is {field} at frames ({}, {}), the correlation there is {correlation}; expected them equal to 1e-6\ngive the field covariance and the correlation from the same model and parameters", row + 1, column + 1)]
    FieldMismatch {
        /// The bin.
        bin: usize,
        /// Row of the pair.
        row: usize,
        /// Column of the pair; the same as the row on the diagonal.
        column: usize,
        /// |g1|² of the field covariance.
        field: f64,
        /// The correlation; 1 on the diagonal.
        correlation: f64,
    },
    /// The field covariance is not that of any random field.
    #[error("simulating bin {bin}: the covariance of field component {component} is not positive definite, shown at frame {}; expected a covariance\ncheck the model: without positive definite g1 no field has this correlation", frame + 1)]
    NotPositiveDefinite {
        /// The bin.
        bin: usize,
        /// The field component, counted from 0.
        component: usize,
        /// Frame at which the factorisation met a pivot that is not positive.
        frame: usize,
    },
    /// No pixel counted a photon in a frame: c2 is not defined there.
    #[error("simulating bin {bin}: no photon in any pixel at frame {}; expected at least one\nraise pixels or counts until pixels × counts is well above 10", frame + 1)]
    DarkFrame {
        /// The bin.
        bin: usize,
        /// The frame.
        frame: usize,
    },
}
