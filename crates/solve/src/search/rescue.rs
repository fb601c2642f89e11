//! Jumps from the fit to where a deeper minimum may lie.

use dyne_runtime::Observer;

use super::Work;
use super::basin::Candidate;
use crate::curve::brought_inside;
use crate::error::SolveError;
use crate::termination::Termination;
use crate::trust_region::{Fit, Options, minimise};

/// Up to so many pairs the last level is as quick as the ones before it: jumps are tried there.
pub const FEW_PAIRS: u64 = 200_000;
/// Jumps go on from each deeper minimum, so often at most.
const ROUNDS: usize = 3;
/// Rounds of the jumps: so many of them at most, each with so many evaluations.
const JUMPS: [(usize, u64); 2] = [(usize::MAX, 5), (6, 15)];
/// Tolerance of a jump.
const LOOSE: f64 = 1e-7;
/// A minimum is deeper if its cost is lower by this much, in units of the variance of a residual: by
/// less, it is another point of a flat valley, often at a bound,
const DEEPER: f64 = 0.25;
/// on a coarse level, where the noise is another, by this much,
const CLEARLY: f64 = 4.0;
/// and a rival worth noting if it is higher by less than this.
const NOTED: f64 = 1e3;

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
        // With many pairs the coarsest level is asked first, then the one before the last.
        let levels = if fit.equations.pairs() <= FEW_PAIRS {
            vec![last]
        } else {
            vec![0, last.saturating_sub(1)]
        };
        for _ in 0..ROUNDS {
            if fit.termination == Termination::Stopped || self.relay.is_stopped() {
                break;
            }
            let Some(mut theta) = self.jump(levels[0], &fit)? else { break };
            if levels.len() > 1 && levels[1] > 0 {
                let pair = [fit.theta.clone(), theta];
                let found = self.approaches(levels[1], &pair, JUMPS[1].1)?;
                let [here, there] = &found[..] else { break };
                if there.cost() >= here.cost() {
                    break;
                }
                theta = there.theta.clone();
            }
            let (transform, options) = (self.problem.transform, &self.options.fit);
            let found = minimise(self.problem.levels[last], transform, &theta, options, observer)?;
            self.evaluations[last] += found.evaluations;
            if found.cost() >= fit.cost() - DEEPER * variance(&fit) {
                break;
            }
            fit = found;
        }
        Ok(fit)
    }

    /// The best point that a jump from `fit` reaches at a level, if it is deeper there. The others are
    /// noted among the basins.
    fn jump(&mut self, level: usize, fit: &Fit) -> Result<Option<Vec<f64>>, SolveError> {
        let (objective, transform) = (self.problem.levels[level], self.problem.transform);
        let mut points = objective.images(&fit.theta);
        points.extend(objective.alternatives(&fit.theta));
        let mut starts = Vec::new();
        for point in points {
            starts.push(brought_inside(objective, transform, &point)?);
        }
        if starts.is_empty() {
            return Ok(None);
        }
        let mut found: Vec<Fit> = Vec::new();
        for (count, evaluations) in JUMPS {
            found.sort_by(|a, b| a.cost().total_cmp(&b.cost()));
            if !found.is_empty() {
                starts = found.iter().take(count).map(|fit| fit.theta.clone()).collect();
            }
            found = self.approaches(level, &starts, evaluations)?;
        }
        let Some(here) =
            self.approaches(level, std::slice::from_ref(&fit.theta), JUMPS[1].1)?.pop()
        else {
            return Ok(None);
        };
        found.sort_by(|a, b| a.cost().total_cmp(&b.cost()));
        let last = level + 1 == self.problem.levels.len();
        let below = here.cost() - if last { DEEPER } else { CLEARLY } * variance(&here);
        if let Some(deepest) = found.first().filter(|deepest| deepest.cost() < below) {
            return Ok(Some(deepest.theta.clone()));
        }
        let near = here.cost() + NOTED * variance(&here);
        for fit in found.into_iter().filter(|fit| fit.cost() < near) {
            self.note(level, &[Candidate { fit, starts: 0 }]);
        }
        Ok(None)
    }

    /// Fits from several points with few evaluations each.
    fn approaches(
        &mut self,
        level: usize,
        starts: &[Vec<f64>],
        evaluations: u64,
    ) -> Result<Vec<Fit>, SolveError> {
        let (objective, transform) = (self.problem.levels[level], self.problem.transform);
        let options = Options { ftol: LOOSE, max_evaluations: evaluations, ..self.options.fit };
        let one = |theta: &Vec<f64>| minimise(objective, transform, theta, &options, self.relay);
        // The last level is swept with all lanes.
        let fits: Vec<Result<Fit, SolveError>> = match level + 1 == self.problem.levels.len() {
            true => starts.iter().map(one).collect(),
            false => self.problem.lanes.map(starts, one),
        };
        let mut found = Vec::new();
        for result in fits {
            match result {
                Ok(fit) => {
                    self.evaluations[level] += fit.evaluations;
                    if fit.termination == Termination::Stopped {
                        self.relay.stop();
                    }
                    found.push(fit);
                }
                Err(SolveError::StartNotFinite { .. }) => self.evaluations[level] += 1,
                Err(SolveError::Interrupted) => self.relay.stop(),
                Err(other) => return Err(other),
            }
        }
        Ok(found)
    }
}

/// Variance of a residual.
fn variance(fit: &Fit) -> f64 {
    2.0 * fit.cost() / fit.equations.pairs().max(1) as f64
}
