//! Why a configuration does not fit a file.

use std::path::PathBuf;

use dyne_solve::SolveError;
use thiserror::Error;

/// Why a configuration and a file do not go together.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Several q and no choice.
    #[error("{}: data.q is not given and the file holds {found}; expected one q\nset data.q to one of them, to a list, or to all", file.display())]
    SeveralQ {
        /// The file.
        file: PathBuf,
        /// The values of q, in words.
        found: String,
    },
    /// No bin within the tolerance.
    #[error("{}: data.q {q} Å⁻¹ with data.q_tolerance {tolerance}: no bin; the file holds {found}\nchoose one of them or widen the tolerance", file.display())]
    NoQ {
        /// The file.
        file: PathBuf,
        /// q asked for, Å⁻¹.
        q: f64,
        /// Relative tolerance.
        tolerance: f64,
        /// The values of q, in words.
        found: String,
    },
    /// A q that no bin is near.
    #[error("{}: data.q {q} Å⁻¹: the nearest bin has {nearest:.6} Å⁻¹, expected one within 20 %; the file holds {found}\nchoose one of them; data.q counts in Å⁻¹ (1 nm⁻¹ is 0.1 Å⁻¹), and data.q_tolerance takes what is farther away", file.display())]
    FarQ {
        /// The file.
        file: PathBuf,
        /// q asked for, Å⁻¹.
        q: f64,
        /// The nearest of the file, Å⁻¹.
        nearest: f64,
        /// The values of q, in words.
        found: String,
    },
    /// A q asked for of which no angle is in the ranges.
    #[error("{}: data.q and data.phi: no bin of q {q} lies in the ranges of data.phi, expected one of each q asked for; the angles are {found}\nwiden data.phi, or leave that q out of data.q", file.display())]
    QWithoutPhi {
        /// The file.
        file: PathBuf,
        /// The values of q, in words.
        q: String,
        /// The angles, in words.
        found: String,
    },
    /// No bin has a q that can be used.
    #[error("{}: q of the bins: found {found} Å⁻¹; expected positive numbers\ncorrect the q map of the file, or correlate again with it", file.display())]
    BadQ {
        /// The file.
        file: PathBuf,
        /// The values, in words.
        found: String,
    },
    /// A masked bin that is not in the file.
    #[error(
        "mask.bins: bin {bin}: the file has no such bin; expected some of {found}\nnumbers count as dyne inspect shows them"
    )]
    MaskBins {
        /// Number asked for.
        bin: u32,
        /// Numbers in the file, in words.
        found: String,
    },
    /// No bin is left.
    #[error(
        "mask.bins: all selected bins ({found}) are masked; expected at least one to be left\nmask fewer bins or select more"
    )]
    MaskAllBins {
        /// Numbers selected, in words.
        found: String,
    },
    /// Nothing that could be fitted.
    #[error("{}: no data are left: {found}; expected at least one bin with 3 frames\nlook at the file with dyne inspect --quality, select other bins or frames, or correlate again", file.display())]
    NoData {
        /// The file.
        file: PathBuf,
        /// What is left out, in words.
        found: String,
    },
    /// No angle in the ranges.
    #[error("{}: data.phi: no bin of the selected q lies in the ranges; their angles are {found}\nwiden data.phi (degrees, inclusive; from > to wraps around ±180)", file.display())]
    NoPhi {
        /// The file.
        file: PathBuf,
        /// The angles, in words.
        found: String,
    },
    /// Frames that are not in the file.
    #[error("{}: data.frames [{first}, {last}]: the file holds frames 1 to {frames}; expected a range inside with at least 3 frames\ncorrect data.frames", file.display())]
    Frames {
        /// The file.
        file: PathBuf,
        /// First frame asked for, from 1.
        first: usize,
        /// Last frame asked for.
        last: usize,
        /// Frames in the file.
        frames: usize,
    },
    /// No frame time.
    #[error("{}: frame time: found none at {searched}; expected a positive number of seconds\nset data.dt (or --dt) to the time between frames, stride and averaging included", file.display())]
    FrameTime {
        /// The file.
        file: PathBuf,
        /// Places searched, in words.
        searched: String,
    },
    /// No row of a matrix can be used.
    #[error(
        "data.on_bad_block: bin {bin}: no pair of frames is finite and can be read, expected at least one\nleave the bin out with data.phi or data.q, or write the file again"
    )]
    NothingLeft {
        /// Number of the bin in the file.
        bin: u32,
    },
    /// Too few pairs.
    #[error(
        "the selection: {pairs} pairs of frames for {parameters} free parameters, from {frames} frames; expected more pairs than parameters\nselect more frames or angles, or fix parameters"
    )]
    Pairs {
        /// Pairs that take part.
        pairs: usize,
        /// Free parameters including scaling.
        parameters: usize,
        /// Frames selected.
        frames: usize,
    },
    /// Masked frames that are not selected.
    #[error(
        "mask.frames: frames {first} to {last}, of which some are not selected; expected frames from {from} to {to}\ncorrect mask.frames, which counts as the file does, or select more with data.frames"
    )]
    MaskFrames {
        /// First frame of the entry, from 1.
        first: usize,
        /// Last frame of the entry.
        last: usize,
        /// First frame selected.
        from: usize,
        /// Last frame selected.
        to: usize,
    },
    /// A mask of the configuration that leaves too few pairs.
    #[error(
        "mask.frames: {pairs} pairs of frames left for {parameters} free parameters, with {masked} of {frames} frames masked; expected more pairs than parameters\nmask fewer frames, select more frames or angles, or fix parameters"
    )]
    MaskPairs {
        /// Pairs that are left.
        pairs: usize,
        /// Free parameters including scaling.
        parameters: usize,
        /// Frames masked.
        masked: usize,
        /// Frames selected.
        frames: usize,
    },
    /// Outlier frames that leave too few pairs.
    #[error(
        "mask.auto: {pairs} pairs of frames left for {parameters} free parameters, with {masked} of {frames} frames masked; expected more pairs than parameters\nlook at the frames with dyne inspect --quality, or set mask.auto to false"
    )]
    OutlierPairs {
        /// Pairs that are left.
        pairs: usize,
        /// Free parameters including scaling.
        parameters: usize,
        /// Frames masked.
        masked: usize,
        /// Frames selected.
        frames: usize,
    },
    /// A list that does not match the bins.
    #[error(
        "parameters.{name}.fixed: {found} values for {expected} selected bins; expected one value or one a bin\ncorrect the list or give one number"
    )]
    PerBin {
        /// `contrast` or `offset`.
        name: &'static str,
        /// Values given.
        found: usize,
        /// Bins selected.
        expected: usize,
    },
    /// Starting values whose oscillation is not resolved.
    #[error(
        "parameters.{name}: the starting values give a phase of {phase:.4} rad a frame or more on every frame of every bin, expected at most π\nstart {name} below {below:.4} {unit}, and the constant part of the rate in proportion, or shorten the frame time"
    )]
    Aliasing {
        /// The parameter that scales the phase.
        name: &'static str,
        /// Smallest phase over frames and bins, rad.
        phase: f64,
        /// Value of the parameter at which it is π, where the whole rate is scaled.
        below: f64,
        /// Its unit.
        unit: &'static str,
    },
    /// Starting values whose sample fraction is impossible throughout.
    #[error(
        "parameters.f0 to f3: the starting values give a sample fraction f0·exp(f1·(t − f2)) + f3 outside 0 … 1 on all {frames} frames, expected some inside\nstart with f0 and f3 between 0 and 1 whose sum is below 1"
    )]
    Fraction {
        /// Frames.
        frames: usize,
    },
    /// The solver refuses the set-up.
    #[error(transparent)]
    Solve(SolveError),
}
