//! The end of a step along the curve of an objective, inside the bounds.

use crate::error::SolveError;
use crate::objective::Objective;
use crate::transform::{Slot, Transform};

/// Values of the slots that are fixed.
pub fn fixed_values(slots: &[Slot]) -> Vec<Option<f64>> {
    let fixed = |slot: &Slot| match *slot {
        Slot::Fixed(value) => Some(value),
        Slot::Free { .. } | Slot::Tied { .. } => None,
    };
    slots.iter().map(fixed).collect()
}

/// `moved` with those of the parameters `watched` that leave their bounds held there one after the other;
/// `advance` says where the others go for what is held.
pub fn held_inside(
    slots: &[Slot],
    watched: &[usize],
    mut held: Vec<Option<f64>>,
    mut moved: Vec<f64>,
    advance: impl Fn(&[Option<f64>]) -> Vec<f64>,
) -> Vec<f64> {
    for _ in watched {
        let outside = watched.iter().rev().find_map(|k| match slots[*k] {
            Slot::Free { lower, upper, .. } if !(lower..=upper).contains(&moved[*k]) => {
                Some((*k, if moved[*k] > upper { upper } else { lower }))
            }
            _ => None,
        });
        let Some((k, bound)) = outside else { break };
        held[k] = Some(bound);
        moved = advance(&held);
    }
    moved
}

/// `point` brought to fixed values and into the bounds along the curve of the objective: what is not
/// held follows ([`Objective::advance`] with no step), so that the model changes as little as it can.
///
/// # Errors
/// [`SolveError::Length`]; [`SolveError::StartOutside`] for NaN.
pub fn brought_inside(
    objective: &dyn Objective,
    transform: &Transform,
    point: &[f64],
) -> Result<Vec<f64>, SolveError> {
    let slots = transform.slots();
    let held = fixed_values(slots);
    let rest = vec![0.0; point.len()];
    let differs = |(held, value): (&Option<f64>, &f64)| held.is_some_and(|held| held != *value);
    let advance = |held: &[Option<f64>]| objective.advance(point, &rest, held);
    let start = match held.iter().zip(point).any(differs) {
        true => advance(&held),
        false => point.to_vec(),
    };
    let all: Vec<usize> = (0..slots.len()).collect();
    let moved = held_inside(slots, &all, held, start, advance);
    transform.clamped(if moved.iter().all(|value| value.is_finite()) { &moved } else { point })
}

/// Where the straight step from `theta` (free variables `old`) to `x` leads along the curve of the
/// objective ([`Objective::advance`]).
///
/// Variables that `rest`, those that the straight step leaves or puts on a bound, and those that
/// others are tied to end where `x` has them. Where the curve leaves the bounds, the variable that
/// meets its bound first is put on it, and the curve of the others is followed anew. `x` itself
/// where there is no such end.
pub(crate) fn follow(
    objective: &dyn Objective,
    transform: &Transform,
    theta: &[f64],
    old: &[f64],
    x: Vec<f64>,
    rest: &[bool],
) -> Vec<f64> {
    let (lower, upper) = (transform.lower(), transform.upper());
    let dx: Vec<f64> = x.iter().zip(old).map(|(new, old)| new - old).collect();
    let step = transform.direction(theta, &dx);
    let mut held: Vec<bool> = (0..x.len())
        .map(|i| rest[i] || x[i] <= lower[i] || x[i] >= upper[i] || transform.is_tied_to(i))
        .collect();
    let mut ends = x.clone();
    for _ in 0..=x.len() {
        let values = transform.held(&ends, &held);
        let Some(curved) = transform.variables(&objective.advance(theta, &step, &values)) else {
            return x;
        };
        let end = |i: usize| if held[i] { ends[i] } else { curved[i] };
        let next: Vec<f64> = (0..x.len()).map(end).collect();
        // The part of the way after which a variable meets its bound.
        let met = |i: usize| {
            let bound = next[i].clamp(lower[i], upper[i]);
            (bound != next[i]).then(|| ((bound - old[i]) / (next[i] - old[i]), i, bound))
        };
        match (0..x.len()).filter_map(met).min_by(|a, b| a.0.total_cmp(&b.0)) {
            None => return next,
            Some((_, i, bound)) => (held[i], ends[i]) = (true, bound),
        }
    }
    x
}
