//! Starting points of a fit with fixed parameters, from a search with these released.

use dyne_runtime::{Lanes, Silent};
use dyne_solve::{Objective, Search, SearchOptions, SolveError, search};

use crate::plan::Plan;

/// Points from which a fit goes on beside its own starts; none where nothing is released.
///
/// A fixed value cuts valleys of a model with many parameters into many minima. With it released most starts flow into a
/// few of them; these, moved back onto the fixed values, begin close to where the fit should end.
///
/// **Cost** that of a search at the coarsest level. **Errors** [`SolveError`] of the search, [`SolveError::Interrupted`] where it is
/// stopped. **Checked by** `a_parameter_fixed_among_many_leaves_the_minimum_where_it_is`.
pub(crate) fn released_starts(
    plan: &Plan,
    coarsest: &dyn Objective,
    lanes: &Lanes,
) -> Result<Vec<Vec<f64>>, SolveError> {
    let Some(transform) = &plan.released else { return Ok(Vec::new()) };
    let from_cube = |u: &[f64]| plan.start_in_cube(transform, u);
    let problem =
        Search { levels: &[coarsest], transform, from_cube: &from_cube, given: &[], lanes };
    let options = SearchOptions { fit: loosely(&plan.search), ..plan.search };
    let found = search(&problem, &options, &Silent)?;
    let points = found.basins.into_iter().take(options.promote);
    points.map(|basin| plan.transform.clamped(&plan.onto_fixed(basin.theta))).collect()
}

/// Options of a fit that only leads to starting points.
fn loosely(options: &SearchOptions) -> dyne_solve::Options {
    let coarse = options.coarse_tolerance;
    dyne_solve::Options {
        ftol: coarse,
        xtol: coarse,
        gtol: coarse,
        max_evaluations: options.coarse_evaluations,
        ..options.fit
    }
}
