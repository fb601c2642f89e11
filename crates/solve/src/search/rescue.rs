//! Jumps from the fit to where a deeper minimum may lie.

use dyne_runtime::Observer;

use super::Work;
use crate::error::SolveError;
use crate::termination::Termination;
use crate::trust_region::{Fit, Options, minimise};

/// Jumps go on from each deeper minimum, so often at most.
const ROUNDS: usize = 3;
/// Up to so many pairs the last level is as quick as the ones before it.
const FEW_PAIRS: u64 = 200_000;
/// Evaluations of a jump before it must have come near.
const JUMP: u64 = 30;
/// A minimum is deeper if its cost is lower by this much, in units of the variance of a residual.
const DEEPER: f64 = 1e-3;

impl Work<'_> {
    /// The deepest minimum that jumps from `fit` to its images and alternatives lead to.
    ///
    /// Given starts alone say which of several like minima is meant; then `fit` is kept.
    pub(super) fn rescued(
        &mut self,
        observer: &dyn Observer,
        mut fit: Fit,
    ) -> Result<Fit, SolveError> {
        let last = self.problem.levels.len() - 1;
        if self.options.starts == 0 {
            return Ok(fit);
        }
        let trial = if fit.equations.pairs() <= FEW_PAIRS { last } else { last.saturating_sub(1) };
        for _ in 0..ROUNDS {
            if fit.termination == Termination::Stopped || self.relay.is_stopped() {
                break;
            }
            let Some(theta) = self.jump(trial, &fit)? else { break };
            let (transform, options) = (self.problem.transform, &self.options.fit);
            let found = minimise(self.problem.levels[last], transform, &theta, options, observer)?;
            self.evaluations[last] += found.evaluations;
            if found.cost() >= fit.cost() - unit(&fit) {
                break;
            }
            fit = found;
        }
        Ok(fit)
    }

    /// The best point that a jump from `fit` reaches at a level, if it is deeper there.
    fn jump(&mut self, level: usize, fit: &Fit) -> Result<Option<Vec<f64>>, SolveError> {
        let (objective, transform) = (self.problem.levels[level], self.problem.transform);
        let last = level + 1 == self.problem.levels.len();
        let options = Options { max_evaluations: JUMP, ..self.tolerances(level) };
        let mut points = vec![fit.theta.clone()];
        points.extend(objective.images(&fit.theta));
        points.extend(objective.alternatives(&fit.theta));
        let mut starts = Vec::new();
        for point in points {
            starts.push(transform.clamped(&point)?);
        }
        // The last level is swept with all lanes.
        let one = |theta: &Vec<f64>| minimise(objective, transform, theta, &options, self.relay);
        let fits: Vec<Result<Fit, SolveError>> = match last {
            true => starts.iter().map(one).collect(),
            false => self.problem.lanes.map(&starts, one),
        };
        let mut found = Vec::new();
        for result in fits {
            match result {
                Ok(fit) => {
                    self.evaluations[level] += fit.evaluations;
                    found.push(fit);
                }
                Err(SolveError::StartNotFinite { .. }) => self.evaluations[level] += 1,
                Err(SolveError::Interrupted) => {
                    self.relay.stop();
                    return Ok(None);
                }
                Err(other) => return Err(other),
            }
        }
        let Some(here) = found.first() else { return Ok(None) };
        let below = here.cost() - unit(here);
        let deepest = found.iter().min_by(|a, b| a.cost().total_cmp(&b.cost()));
        Ok(deepest.filter(|deepest| deepest.cost() < below).map(|deepest| deepest.theta.clone()))
    }
}

/// What a cost has to be lower by.
fn unit(fit: &Fit) -> f64 {
    DEEPER * 2.0 * fit.cost() / fit.equations.pairs().max(1) as f64
}
