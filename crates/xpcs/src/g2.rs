//! One-time correlation functions from two-time matrices: cuts by age, decays, rates against q.
//!
//! Convention, that of the beamlines: `g2 = baseline + contrast·exp(−2(t/τ)^exponent)`, with
//! exponent 1 for the simple exponential, where τ = 2/(q²·D0) with the D0 of the static model.

pub mod cuts;
pub mod decay;
pub mod power_law;
pub mod report;

pub use cuts::{Ages, AgesError, Curve, Curves, Group, curves};
pub use decay::{Decay, DecayFit, Flag, Value, fit};
pub use power_law::{Law, LawFlag, PowerLaw, RatePoint};
pub use report::{AgedCurve, Angles, G2Provenance, G2Report, Request};
