//! A flow read off the data bin by bin: each bin sees the rate of the flow times the cosine of its
//! angle to the direction, so that one scan of the rate tells the cost of every rate and direction.

use dyne_math::gram::packed_index;
use dyne_solve::{EvaluationError, Slot, Transform};
use dyne_xpcs_model::model::Flow;
use dyne_xpcs_model::{Geometry, ScatteringWindow};

use super::{BinSums, Part, Problem};

/// Rates that are tried, even in the logarithm.
const RATES: usize = 96;
/// Directions over half a turn that are compared.
const DIRECTIONS: usize = 45;
/// Points that are handed on.
const KEPT: usize = 6;
/// Two points this many rates and directions apart are two.
const APART: [usize; 2] = [2, 3];

/// A rate and a direction of the table with the cost of all bins.
struct Place {
    rate: usize,
    direction: usize,
    cost: f64,
}

impl Problem<'_> {
    /// Points that differ from `theta` in the flow, by the cost of all bins with contrast and offset
    /// free, best first.
    ///
    /// **Method** for each shape of the flow that the model names, all bins turned into its direction
    /// are summed at 96 rates; the cost of a bin at a rate r and a direction p is then that at
    /// r·|cos(φ − p)|. **Cost** 96 sweeps a shape.
    ///
    /// # Errors
    /// As an evaluation.
    pub(super) fn flows(
        &self,
        theta: &[f64],
        transform: &Transform,
    ) -> Result<Vec<Vec<f64>>, EvaluationError> {
        let Some(flow) = self.model.flow() else { return Ok(Vec::new()) };
        if !matches!(transform.slots()[flow.rate], Slot::Free { .. }) {
            return Ok(Vec::new());
        }
        let rates = self.rates(flow);
        let directions = directions(theta, transform, flow);
        let mut found: Vec<(f64, Vec<f64>)> = Vec::new();
        for shape in self.model.flow_shapes(theta, self.grid) {
            let table = self.table(&shape, flow, &rates)?;
            for place in self.best(&table, flow, &rates, &directions) {
                let mut point = scaled(&shape, flow, rates[place.rate]);
                point[flow.direction] = directions[place.direction];
                found.push((place.cost, point));
            }
        }
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(found.into_iter().take(KEPT).map(|(_, point)| point).collect())
    }

    /// Rates between those that the model's starts span.
    fn rates(&self, flow: Flow) -> Vec<f64> {
        let ln_q: f64 = self.geometries.iter().map(|g| g.q.ln()).sum();
        let times = self.grid.times();
        let last_time = times.last().copied().unwrap_or(0.0);
        let window = ScatteringWindow {
            q: (ln_q / self.geometries.len() as f64).exp(),
            gap: self.geometries.first().map_or(0.0, |g| g.gap),
            dt: self.grid.dt(),
            duration: last_time - times[0],
            last_time,
        };
        let at = |u: f64| {
            let mut cube = vec![0.5; self.model.parameters().len()];
            cube[flow.rate] = u;
            // The exponent in the middle of its range is 0.
            self.model.start(&cube, &window)[flow.rate]
        };
        let (low, high) = (at(0.0), at(1.0));
        let share = |k: usize| k as f64 / (RATES - 1) as f64;
        (0..RATES).map(|k| low * (high / low).powf(share(k))).collect()
    }

    /// Cost of every bin at every rate, all of them along the flow.
    fn table(
        &self,
        shape: &[f64],
        flow: Flow,
        rates: &[f64],
    ) -> Result<Vec<Vec<f64>>, EvaluationError> {
        let phi_deg = flow.sense * shape[flow.direction];
        let aligned: Vec<Geometry> =
            self.geometries.iter().map(|g| Geometry { phi_deg, ..*g }).collect();
        let problem = Problem { geometries: &aligned, ..*self };
        let costs = |rate: &f64| match problem.sums(&scaled(shape, flow, *rate), &[], Part::Border)
        {
            Ok(sums) => Ok(sums.iter().map(|sums| cost(sums, shape.len())).collect()),
            Err(EvaluationError::NonFinite(_)) => Ok(vec![f64::INFINITY; aligned.len()]),
            Err(other) => Err(other),
        };
        rates.iter().map(costs).collect()
    }

    /// The best places of a table that lie apart.
    fn best(
        &self,
        table: &[Vec<f64>],
        flow: Flow,
        rates: &[f64],
        directions: &[f64],
    ) -> Vec<Place> {
        let step = (rates[1] / rates[0]).ln();
        let mut places = Vec::new();
        for (direction, phi0) in directions.iter().enumerate() {
            let shifts: Vec<f64> = self
                .geometries
                .iter()
                .map(|g| (g.phi_deg - flow.sense * phi0).to_radians().cos().abs().ln() / step)
                .collect();
            for rate in 0..rates.len() {
                let of_bin = |(bin, shift): (usize, &f64)| at(table, bin, rate as f64 + shift);
                let cost = shifts.iter().enumerate().map(of_bin).sum();
                places.push(Place { rate, direction, cost });
            }
        }
        places.sort_by(|a, b| a.cost.total_cmp(&b.cost));
        let mut best: Vec<Place> = Vec::new();
        for place in places {
            let near = |other: &Place| {
                let turn = place.direction.abs_diff(other.direction);
                place.rate.abs_diff(other.rate) <= APART[0]
                    && turn.min(directions.len() - turn) <= APART[1]
            };
            if !best.iter().any(near) {
                best.push(place);
            }
            if best.len() == KEPT {
                break;
            }
        }
        best
    }
}

/// Directions over half a turn, or the one that is not free.
fn directions(theta: &[f64], transform: &Transform, flow: Flow) -> Vec<f64> {
    match transform.slots()[flow.direction] {
        Slot::Free { lower, upper, .. } => (0..DIRECTIONS)
            .map(|k| 180.0 * (k as f64 + 0.5) / DIRECTIONS as f64 - 90.0)
            .filter(|phi0| (lower..=upper).contains(phi0))
            .collect(),
        _ => vec![theta[flow.direction]],
    }
}

/// `shape` with its rate multiplied.
fn scaled(shape: &[f64], flow: Flow, by: f64) -> Vec<f64> {
    let mut theta = shape.to_vec();
    theta[flow.rate] *= by;
    theta[flow.rate + 2] *= by;
    theta
}

/// Cost of a bin between two places of the table, even in the logarithm of the rate.
fn at(table: &[Vec<f64>], bin: usize, place: f64) -> f64 {
    let place = place.clamp(0.0, (table.len() - 1) as f64);
    let (low, part) = (place as usize, place.fract());
    let high = (low + 1).min(table.len() - 1);
    table[low][bin] + part * (table[high][bin] - table[low][bin])
}

/// Half the sum of squares of a bin at its best contrast, not below 0, and offset.
fn cost(sums: &BinSums, p: usize) -> f64 {
    let order = p + 3;
    let g = |a: usize, b: usize| sums.gram[packed_index(order, p + a, p + b)];
    let n = g(1, 1).max(f64::MIN_POSITIVE);
    let of_model = g(0, 0) - g(0, 1) * g(0, 1) / n;
    let of_both = g(0, 2) - g(0, 1) * g(1, 2) / n;
    let of_data = g(2, 2) - g(1, 2) * g(1, 2) / n;
    let contrast = if of_model > 0.0 { (of_both / of_model).clamp(0.0, 1.0) } else { 0.0 };
    0.5 * (of_data - 2.0 * contrast * of_both + contrast * contrast * of_model)
}
