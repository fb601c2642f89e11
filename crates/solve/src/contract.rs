//! The contract of [`Objective`], as a test that every implementer calls.

use crate::objective::Objective;

/// Checks that `objective` keeps its contract at `theta`, a point where it is finite.
///
/// **Checked.** Lengths of θ, z and the equations; equal arguments give equal bits; the equations
/// carry finite numbers; the gradient is the derivative of the cost: with z held (robust loss) or
/// projected (linear loss, where g_z = 0), $\partial\,\mathrm{cost}/\partial\theta_j = g_j$, by central
/// differences of `relative_step`·max(|θ_j|, 1e-3), to within `tolerance` of $\sqrt{2\,\mathrm{cost}\,H_{jj}}$.
///
/// # Errors
/// One sentence that says what is broken.
///
/// **Checked by** `explicit_objectives_keep_the_contract`, `a_wrong_gradient_breaks_the_contract`.
pub fn check(
    objective: &dyn Objective,
    theta: &[f64],
    relative_step: f64,
    tolerance: f64,
) -> Result<(), String> {
    let evaluate = |theta: &[f64], z: &[f64]| {
        objective.evaluate(theta, z).map_err(|error| format!("evaluate at {theta:?}: {error}"))
    };
    let z = objective.project(theta).map_err(|error| format!("project: {error}"))?;
    let equations = evaluate(theta, &z)?;
    let lengths = [
        ("theta", theta.len(), objective.shared()),
        ("project", z.len(), objective.layout().linear()),
        ("linear parameters of the equations", equations.linear().len(), z.len()),
        ("gradient", equations.gradient().len(), theta.len()),
    ];
    for (what, found, expected) in lengths {
        if found != expected {
            return Err(format!("{what}: length {found}, expected {expected}"));
        }
    }
    if !equations.is_finite() {
        return Err(format!("equations at {theta:?} are not finite"));
    }
    if equations != evaluate(theta, &z)? {
        return Err("two evaluations with equal arguments differ".into());
    }
    for (j, gradient) in equations.gradient().iter().enumerate() {
        let step = relative_step * theta[j].abs().max(1e-3);
        let shifted = |sign: f64| {
            let mut shifted = theta.to_vec();
            shifted[j] += sign * step;
            evaluate(&shifted, equations.linear()).map(|e| e.cost())
        };
        let numeric = (shifted(1.0)? - shifted(-1.0)?) / (2.0 * step);
        let diagonal = equations.hessian()[j * (theta.len() + 1)];
        let size = (2.0 * equations.cost() * diagonal).sqrt();
        if (numeric - gradient).abs() > tolerance * size {
            return Err(format!("gradient {j}: {gradient}, expected {numeric} by differences"));
        }
    }
    Ok(())
}
