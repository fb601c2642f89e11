//! The minimum of a convex quadratic over a box.

use crate::symmetric::{cholesky, dot, solve_lower, solve_upper};

/// First ridge on the diagonal, relative to the largest diagonal entry.
const RIDGE: f64 = 1e-13;

/// Minimises $q(d) = g^T d + \tfrac12 d^T (H + \lambda I) d$ over $l \le d \le u$.
///
/// The trust region is a box in scaled variables and so are the bounds; their intersection is a box
/// again. Solving that problem exactly needs no reflections at bounds and no interior penalty: a
/// step that ends on a bound ends on it to the last bit, a parameter leaves a bound as soon as its
/// multiplier says so, and a singular H costs nothing but the ridge.
///
/// **Symbols.** H: `h`, n × n row-major, positive semidefinite up to rounding, diagonal of order 1
/// (0 for a variable without effect); g, l, u, d: length n with l ≤ 0 ≤ u; n up to some 20.
///
/// **Method.** Primal active set from d = 0. The subspace minimum over the free variables comes from
/// a Cholesky factorisation; a bound in the way joins the active set; at a subspace minimum the
/// active bound with the multiplier furthest on the wrong side leaves it. Every subspace minimum is
/// lower than the last, so the method ends; rounding is met by a tolerance on the multipliers and a
/// limit of 20 + 10 n changes, after which the feasible point reached is returned.
///
/// **Edges.** λ is 1e-13 of the largest diagonal entry, tenfold until H + λI is numerically positive
/// definite: far below what the entries of H are known to, and it makes the minimum unique (nothing
/// moves along a direction that H and g do not see). n = 0 gives an empty step.
///
/// **Cost.** O(n³) per change of the active set; about n changes.
///
/// **Source.** Nocedal and Wright, Numerical Optimization, 2nd ed. (2006), algorithm 16.3, for a box.
///
/// **Checked by** `the_minimum_meets_the_optimality_conditions`, `a_singular_matrix_is_no_obstacle`.
pub(crate) fn minimise(h: &[f64], g: &[f64], lower: &[f64], upper: &[f64]) -> Vec<f64> {
    let n = g.len();
    let h = with_ridge(h, n);
    let mut d = vec![0.0; n];
    let mut free: Vec<bool> =
        (0..n).map(|i| enters(i, &h, g, &d, lower, upper).is_some()).collect();
    for _ in 0..20 + 10 * n {
        if !advance(&h, g, lower, upper, &mut d, &mut free) {
            continue;
        }
        let candidates = (0..n).filter(|&i| !free[i]);
        let best = candidates
            .filter_map(|i| enters(i, &h, g, &d, lower, upper).map(|violation| (i, violation)))
            .fold(None, |best: Option<(usize, f64)>, next| match best {
                Some(b) if b.1 >= next.1 => Some(b),
                _ => Some(next),
            });
        match best {
            Some((i, _)) => free[i] = true,
            None => break,
        }
    }
    d
}

/// H + λI, with the smallest λ of the ladder that makes it numerically positive definite.
fn with_ridge(h: &[f64], n: usize) -> Vec<f64> {
    let largest = (0..n).map(|i| h[i * n + i]).fold(0.0, f64::max);
    let largest = if largest > 0.0 { largest } else { 1.0 };
    let mut ridge = RIDGE * largest;
    loop {
        let mut ridged = h.to_vec();
        (0..n).for_each(|i| ridged[i * n + i] += ridge);
        // A ridge of n times the largest entry makes any matrix of that size positive definite.
        if cholesky(&ridged, n, 0.1 * ridge).is_some() || ridge > 2.0 * n as f64 * largest {
            return ridged;
        }
        ridge *= 10.0;
    }
}

/// How wrong the multiplier of the active variable `i` is, if it is: then it may move off its bound.
fn enters(i: usize, h: &[f64], g: &[f64], d: &[f64], lower: &[f64], upper: &[f64]) -> Option<f64> {
    let n = g.len();
    let row = &h[i * n..(i + 1) * n];
    let slope = g[i] + dot(row, d);
    let size = g[i].abs() + row.iter().zip(d).map(|(h, d)| (h * d).abs()).sum::<f64>();
    let wrong_up = slope < 0.0 && d[i] < upper[i];
    let wrong_down = slope > 0.0 && d[i] > lower[i];
    ((wrong_up || wrong_down) && slope.abs() > 1e-14 * size).then_some(slope.abs())
}

/// Walks to the minimum over the free variables or to the first bound in the way, which then joins
/// the active set. Returns whether the minimum was reached.
fn advance(
    h: &[f64],
    g: &[f64],
    lower: &[f64],
    upper: &[f64],
    d: &mut [f64],
    free: &mut [bool],
) -> bool {
    let list: Vec<usize> = (0..g.len()).filter(|&i| free[i]).collect();
    let Some(step) = subspace_step(h, g, d, &list) else { return true };
    let mut fraction = 1.0;
    let mut blocking = None;
    for (&i, s) in list.iter().zip(&step) {
        let room = if *s > 0.0 { upper[i] - d[i] } else { lower[i] - d[i] };
        if *s != 0.0 && room / s < fraction {
            fraction = room / s;
            blocking = Some((i, if *s > 0.0 { upper[i] } else { lower[i] }));
        }
    }
    for (&i, s) in list.iter().zip(&step) {
        d[i] = (d[i] + fraction * s).clamp(lower[i], upper[i]);
    }
    if let Some((i, bound)) = blocking {
        d[i] = bound;
        free[i] = false;
    }
    blocking.is_none()
}

/// Newton step of the variables in `list`; nothing where the list is empty.
fn subspace_step(h: &[f64], g: &[f64], d: &[f64], list: &[usize]) -> Option<Vec<f64>> {
    let (n, k) = (g.len(), list.len());
    if k == 0 {
        return None;
    }
    let block: Vec<f64> =
        list.iter().flat_map(|&i| list.iter().map(move |&j| h[i * n + j])).collect();
    let l = cholesky(&block, k, 0.0)?;
    let mut step: Vec<f64> =
        list.iter().map(|&i| -(g[i] + dot(&h[i * n..(i + 1) * n], d))).collect();
    solve_lower(&l, k, &mut step);
    solve_upper(&l, k, &mut step);
    Some(step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(h: &[f64], g: &[f64], d: &[f64]) -> f64 {
        let n = g.len();
        (0..n).map(|i| d[i] * (g[i] + 0.5 * dot(&h[i * n..(i + 1) * n], d))).sum()
    }

    /// JᵀJ with unit diagonal from a 6 × 5 matrix of the given entries.
    fn gram(entries: &[f64]) -> Vec<f64> {
        let n = 5;
        let raw: Vec<f64> = (0..n * n)
            .map(|k| (0..6).map(|r| entries[r * n + k / n] * entries[r * n + k % n]).sum())
            .collect();
        (0..n * n)
            .map(|k| raw[k] / (raw[(k / n) * (n + 1)] * raw[(k % n) * (n + 1)]).sqrt())
            .collect()
    }

    proptest! {
        #[test]
        fn the_minimum_meets_the_optimality_conditions(
            entries in prop::collection::vec(-1.0f64..1.0, 30),
            g in prop::collection::vec(-2.0f64..2.0, 5),
            lower in prop::collection::vec(-1.0f64..0.0, 5),
            upper in prop::collection::vec(0.0f64..1.0, 5),
        ) {
            let h = gram(&entries);
            let d = minimise(&h, &g, &lower, &upper);
            for i in 0..5 {
                prop_assert!(lower[i] <= d[i] && d[i] <= upper[i]);
                let slope = g[i] + dot(&h[i * 5..(i + 1) * 5], &d);
                if d[i] > lower[i] { prop_assert!(slope < 1e-8, "{slope}"); }
                if d[i] < upper[i] { prop_assert!(slope > -1e-8, "{slope}"); }
            }
        }
    }

    #[test]
    fn a_singular_matrix_is_no_obstacle() {
        // q = d0 + d1 + ½ (d0 + d1)²: any point with d0 + d1 = −1 will do, the shortest is chosen;
        // d2 has no effect and stays.
        let h = [1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0];
        let d = minimise(&h, &[1.0, 1.0, 0.0], &[-5.0; 3], &[5.0; 3]);
        assert!((d[0] + 0.5).abs() < 1e-3 && (d[0] + d[1] + 1.0).abs() < 1e-10, "{d:?}");
        assert_eq!(d[2], 0.0);
    }

    #[test]
    fn a_gradient_that_the_matrix_does_not_see_leads_to_the_bound() {
        let d = minimise(&[0.0], &[1.0], &[-0.75], &[2.0]);
        assert_eq!(d, [-0.75]);
    }

    #[test]
    fn a_variable_leaves_the_bound_it_hit_on_the_way() {
        // Strong coupling: the path from 0 hits a bound that the solution does not touch.
        let h = [1.0, 0.9, 0.9, 1.0];
        let g = [-1.0, -0.2];
        let (lower, upper) = ([-0.1, -10.0], [0.5, 10.0]);
        let d = minimise(&h, &g, &lower, &upper);
        assert_eq!(d[0], 0.5);
        assert!((d[1] - (0.2 - 0.45)).abs() < 1e-9, "{d:?}");
        assert!(value(&h, &g, &d) < value(&h, &g, &[0.5, 0.0]));
    }
}
