//! One-time correlation functions from two-time matrices: cuts by age, decays, rates against q.
//!
//! Convention, that of the beamlines: `g2 = baseline + contrast·exp(−2(t/τ)^exponent)`, with
//! exponent 1 for the simple exponential.

pub mod cuts;
pub mod decay;

pub use cuts::{Ages, AgesError, Curve, Curves, curves};
pub use decay::{Decay, DecayFit, Flag, Value, fit};
