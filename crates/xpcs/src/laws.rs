//! Nested laws of the rates of a model, and the simplest of them that the data support.
//!
//! A rate a·t^b + c has a flat valley (b → 0, a → ∞, c → −∞ with R(t) → A + B ln t), so its three numbers
//! are often not determined though R(t) is. Its laws nest: constant (b = 0, c = 0), power law (c = 0), power
//! law + constant. The same holds for a fraction f0·exp(f1 t) + f3.

mod choose;
mod judge;

use dyne_solve::{Slot, SolveError, Transform};
use dyne_xpcs_model::TimeGrid;
use dyne_xpcs_model::terms::power_rate::ln_reference;

use crate::plan::Plan;

pub use choose::{Chosen, Compared, FamilyLaws, choose};
pub use judge::{Judged, judge};

/// Law of a rate or a fraction, from simple to full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Law {
    /// The same at all times.
    Constant,
    /// A power law, or an exponential, without a constant part.
    Powered,
    /// The same with a constant part.
    WithOffset,
}

/// How the variable part of a function depends on time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// a·t^b + c.
    Power,
    /// a·exp(b (t − t₀)) + c, with the position of t₀.
    Exponential(usize),
}

/// A function of time with nested laws.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// Its name (`J`, `gamma_dot`, …).
    pub name: String,
    /// How it depends on time.
    pub shape: Shape,
    /// Positions of amplitude a, exponent b and constant part c.
    pub positions: [usize; 3],
    /// Laws that the slots of the plan allow, from simple to full; the last one is the plan's own.
    pub choices: Vec<Law>,
}

impl Family {
    /// The functions of time of a plan that have nested laws.
    pub fn all(plan: &Plan) -> Vec<Self> {
        let theta: Vec<f64> = plan.model.parameters().iter().map(|spec| spec.default).collect();
        let curves = plan.model.curves(&theta, &plan.grid);
        let name = |first: usize| {
            let own = curves.iter().find(|c| c.slopes.first().is_some_and(|(k, _)| *k == first));
            own.map_or_else(|| plan.model.parameters()[first].name, |curve| curve.name).to_owned()
        };
        let rates = plan.model.rates().iter().map(|k| (Shape::Power, [*k, k + 1, k + 2]));
        let fractions =
            plan.model.fractions().iter().map(|k| (Shape::Exponential(k + 2), [*k, k + 1, k + 3]));
        rates
            .chain(fractions)
            .map(|(shape, positions)| Self {
                name: name(positions[0]),
                shape,
                positions,
                choices: choices(plan.transform.slots(), positions),
            })
            .collect()
    }

    /// Name of a law of this function in results.
    pub fn law_name(&self, law: Law) -> &'static str {
        match (law, self.shape) {
            (Law::Constant, _) => "constant",
            (Law::Powered, Shape::Power) => "power_law",
            (Law::WithOffset, Shape::Power) => "power_law_offset",
            (Law::Powered, Shape::Exponential(_)) => "exponential",
            (Law::WithOffset, Shape::Exponential(_)) => "exponential_offset",
        }
    }

    /// The fullest law that the plan allows.
    pub fn fullest(&self) -> Law {
        self.choices.last().copied().unwrap_or(Law::WithOffset)
    }

    /// The law above `law`.
    fn next(&self, law: Law) -> Option<Law> {
        self.choices.iter().copied().find(|choice| *choice > law)
    }

    /// Positions that `law` holds at 0, of those that are free under `slots`.
    fn held(&self, law: Law, slots: &[Slot]) -> Vec<usize> {
        let [_, exponent, offset] = self.positions;
        let candidates: &[usize] = match law {
            _ if self.choices.last() == Some(&law) => &[],
            Law::Constant => &[exponent, offset],
            Law::Powered => &[offset],
            Law::WithOffset => &[],
        };
        let free = |k: &&usize| matches!(slots[**k], Slot::Free { .. });
        candidates.iter().filter(free).copied().collect()
    }

    /// `theta` with this function replaced by the nearest one that follows `law`: with the same value,
    /// and slope where the law has one, at the reference time.
    ///
    /// **Formula** with r = R(t*) and s = dR/d ln t there: constant a = |r|; power law b = s/r,
    /// a = |r| t*^(−b). For an exponential t* is the mean time and s = dR/dt.
    fn nearest(&self, law: Law, theta: &mut [f64], grid: &TimeGrid) {
        let [at_a, at_b, at_c] = self.positions;
        let [a, b, c] = self.positions.map(|k| theta[k]);
        let reference = match self.shape {
            Shape::Power => ln_reference(grid),
            Shape::Exponential(onset) => mean(grid.times()) - theta[onset],
        };
        let grown = (b * reference).exp();
        let (value, slope) = (a * grown + c, a * b * grown);
        let exponent = match law {
            Law::WithOffset => return,
            Law::Constant => 0.0,
            Law::Powered if value.abs() > f64::MIN_POSITIVE => slope / value,
            Law::Powered => b,
        };
        let exponent = match self.shape {
            Shape::Power => exponent.clamp(-STEEPEST, STEEPEST),
            Shape::Exponential(_) => exponent,
        };
        theta[at_a] = value.abs() * (-exponent * reference).exp();
        theta[at_b] = exponent;
        theta[at_c] = 0.0;
    }
}

/// Steepest power law that a fit starts from.
const STEEPEST: f64 = 1.5;

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn choices(slots: &[Slot], [a, b, c]: [usize; 3]) -> Vec<Law> {
    let positions = [a, b, c];
    let tied = |slot: &Slot| match slot {
        Slot::Tied { to, .. } => positions.contains(to),
        _ => false,
    };
    let own_tie = positions.iter().any(|k| matches!(slots[*k], Slot::Tied { .. }));
    let as_it_is = || match (slots[b], slots[c]) {
        (Slot::Fixed(0.0), Slot::Fixed(0.0)) => Law::Constant,
        (_, Slot::Fixed(0.0)) => Law::Powered,
        (Slot::Fixed(0.0), Slot::Fixed(_)) => Law::Constant,
        _ => Law::WithOffset,
    };
    if own_tie || slots.iter().any(tied) || !matches!(slots[a], Slot::Free { .. }) {
        return vec![as_it_is()];
    }
    let zero = |k: usize| match slots[k] {
        Slot::Free { lower, upper, .. } => (lower..=upper).contains(&0.0),
        Slot::Fixed(_) | Slot::Tied { .. } => true,
    };
    match (slots[b], slots[c]) {
        (Slot::Free { .. }, Slot::Free { .. }) => {
            let constant = (zero(b) && zero(c)).then_some(Law::Constant);
            let powered = zero(c).then_some(Law::Powered);
            constant.into_iter().chain(powered).chain([Law::WithOffset]).collect()
        }
        (Slot::Free { .. }, _) => {
            let constant = zero(b).then_some(Law::Constant);
            constant.into_iter().chain([as_it_is()]).collect()
        }
        // With b = 0 amplitude and constant part are one number.
        (Slot::Fixed(0.0), Slot::Free { .. }) if zero(c) => vec![Law::Constant, Law::WithOffset],
        (_, Slot::Free { .. }) if zero(c) => vec![Law::Powered, Law::WithOffset],
        _ => vec![as_it_is()],
    }
}

/// The transform of `plan` with the functions held to `laws`.
///
/// # Errors
/// As [`Transform::try_new`].
fn restricted(plan: &Plan, families: &[Family], laws: &[Law]) -> Result<Transform, SolveError> {
    let mut slots = plan.transform.slots().to_vec();
    for (family, law) in families.iter().zip(laws) {
        for k in family.held(*law, plan.transform.slots()) {
            slots[k] = Slot::Fixed(0.0);
        }
    }
    Transform::try_new(&slots)
}
