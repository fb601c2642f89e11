//! Minima that belong together.

use crate::error::SolveError;
use crate::normal::NormalEquations;
use crate::symmetric::dot;
use crate::transform::Transform;
use crate::trust_region::Fit;

/// A fit with the number of starts that ended there.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) fit: Fit,
    pub(super) starts: usize,
}

/// Merges fits whose minima belong together; the deepest stands for all. Best first.
///
/// **Formula.** A fit joins a deeper one when the costs differ by at most τS and
/// $\tfrac12\,\Delta x^T \tilde H\,\Delta x \le \tau S$ with $\tilde H$ the reduced information matrix of
/// either, S the larger cost, at least `floor`, and τ the tolerance or 20/n if that is less: a rise
/// of 20 S/n is 10 units of the variance of a residual, so minima that the noise can tell apart
/// stay apart. The measure has no units, and points of one flat valley count as one.
pub(super) fn cluster(
    mut fits: Vec<Candidate>,
    transform: &Transform,
    tolerance: f64,
    floor: f64,
) -> Result<Vec<Candidate>, SolveError> {
    fits.sort_by(|a, b| a.fit.cost().total_cmp(&b.fit.cost()));
    let mut basins: Vec<(Candidate, Vec<f64>)> = Vec::new();
    for candidate in fits {
        let pairs = candidate.fit.equations.pairs().max(1) as f64;
        let tolerance = tolerance.min(20.0 / pairs);
        let allowed = tolerance * candidate.fit.cost().max(floor);
        let own = free_hessian(&candidate.fit.equations, transform, &candidate.fit.theta)?;
        let home = basins.iter_mut().find(|(deeper, hessian)| {
            let rise = candidate.fit.cost() - deeper.fit.cost();
            let near = |h: &[f64]| distance(h, &deeper.fit.x, &candidate.fit.x) <= allowed;
            rise <= allowed && near(hessian) && near(&own)
        });
        match home {
            Some((deeper, _)) => deeper.starts += candidate.starts,
            None => basins.push((candidate, own)),
        }
    }
    Ok(basins.into_iter().map(|(candidate, _)| candidate).collect())
}

fn free_hessian(
    equations: &NormalEquations,
    transform: &Transform,
    theta: &[f64],
) -> Result<Vec<f64>, SolveError> {
    Ok(transform.hessian(theta, equations.reduce()?.hessian()))
}

/// ½ Δxᵀ H Δx.
fn distance(hessian: &[f64], from: &[f64], to: &[f64]) -> f64 {
    let step: Vec<f64> = to.iter().zip(from).map(|(to, from)| to - from).collect();
    let n = step.len();
    (0..n).map(|i| 0.5 * step[i] * dot(&hessian[i * n..(i + 1) * n], &step)).sum()
}
