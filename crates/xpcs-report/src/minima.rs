//! Minima that describe the data about as well as the one reported, and ends of profiles.

use std::collections::BTreeMap;

use serde::Serialize;

/// How a minimum was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MinimumKind {
    /// The search met it, or a jump from one that it met.
    Found,
    /// It follows from another by a symmetry of the experiment (azimuths, direction of the flow).
    Twin,
    /// The components of another exchanged.
    Exchanged,
}

/// A minimum that the noise cannot tell from the deepest one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RivalMinimum {
    /// Parameters by name.
    pub parameters: BTreeMap<String, f64>,
    /// Twice the rise of the cost above the deepest minimum, in units of the variance of a residual
    /// and divided by how much more than independent pairs the noise of the data scatters it: that of
    /// χ² with one degree of freedom. 4 is two standard deviations.
    pub cost_rise_sigma2: f64,
    /// How it was come by.
    pub kind: MinimumKind,
}

/// How one of several equal minima was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// Stable machine-readable code: `cost`, `start`, `prior`, `convention`.
    pub code: String,
    /// Why the first was chosen, one sentence.
    pub why: String,
    /// What would decide, one or two sentences.
    pub how_to_decide: String,
}

/// How a profile ends on one side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProfileSide {
    /// Whether both intervals close on this side, by the data.
    pub closed: bool,
    /// Stable machine-readable code: `closed`, `at_bound`, `held_by_bound`, `flat`, `not_finite`.
    pub code: String,
    /// The parameter that rests on its bound, where the cost rises for that alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_by: Option<String>,
}
