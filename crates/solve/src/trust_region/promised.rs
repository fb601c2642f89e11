//! What a fit that was cut short has yet to gain.

use super::Fit;
use super::parabola::Parabola;
use crate::error::SolveError;
use crate::transform::Transform;

/// What the quadratic model at the end of `fit` promises to gain still, inside the bounds.
///
/// **Formula** $-\min_d (g^T d + \tfrac12 d^T H d)$ over $l \le x + d \le u$, with the linear parameters
/// eliminated, and what they gain alone. **Cost** O(f³), no evaluation. **Checked by**
/// `a_parabola_keeps_its_promise`.
pub(crate) fn promised(fit: &Fit, transform: &Transform) -> Result<f64, SolveError> {
    let reduced = fit.equations.reduce()?;
    let hessian = transform.hessian(&fit.theta, reduced.hessian());
    let gradient = transform.gradient(&fit.theta, reduced.gradient());
    let n = fit.x.len();
    let root = |i: usize| hessian[i * (n + 1)].max(0.0).sqrt();
    let d: Vec<f64> = (0..n).map(|i| if root(i) > 0.0 { root(i) } else { 1.0 }).collect();
    let parabola = Parabola::new((&hessian, &gradient), &fit.x, &d, transform);
    let [slope, curvature] = parabola.slope_and_curvature(&parabola.step(f64::INFINITY));
    Ok(reduced.linear_decrease() + slope - 0.5 * curvature)
}

#[cfg(test)]
mod tests {
    use dyne_runtime::Silent;

    use super::*;
    use crate::error::EvaluationError;
    use crate::gram::{Gram, packed_len};
    use crate::layout::{Layout, Scaling};
    use crate::normal::{NormalEquations, assemble};
    use crate::objective::Objective;
    use crate::transform::{Scale, Slot};
    use crate::trust_region::{Options, minimise};

    /// y = θ₀ + θ₁ t on a few points, with contrast 1 and offset 0.
    struct Line(Layout);

    impl Objective for Line {
        fn shared(&self) -> usize {
            2
        }

        fn layout(&self) -> &Layout {
            &self.0
        }

        fn project(&self, _theta: &[f64]) -> Result<Vec<f64>, EvaluationError> {
            Ok(Vec::new())
        }

        fn evaluate(&self, theta: &[f64], z: &[f64]) -> Result<NormalEquations, EvaluationError> {
            let mut packed = vec![0.0; packed_len(2)];
            for (t, y) in [(0.0, 1.0), (1.0, 2.5), (2.0, 2.0), (3.0, 4.5)] {
                let v = [1.0, t, theta[0] + theta[1] * t, 1.0, y];
                let products = (0..5).flat_map(|i| (i..5).map(move |j| v[i] * v[j]));
                packed.iter_mut().zip(products).for_each(|(sum, product)| *sum += product);
            }
            Ok(assemble(&[Gram::try_new(&packed, 2, 4)?], &self.0, z)?)
        }
    }

    #[test]
    fn a_parabola_keeps_its_promise() {
        let line = Line(Layout::constant(&[Scaling { contrast: 1.0, offset: 0.0 }]));
        for upper in [10.0, 0.5] {
            let slot = Slot::Free { scale: Scale::Linear, lower: -10.0, upper };
            let transform = Transform::try_new(&[slot, slot]).unwrap();
            let fit = |max_evaluations| {
                let options = Options { max_evaluations, ..Options::default() };
                minimise(&line, &transform, &[-3.0, 0.25], &options, &Silent).unwrap()
            };
            let (begun, ended) = (fit(1), fit(200));
            let gained = begun.cost() - ended.cost();
            let promise = promised(&begun, &transform).unwrap();
            assert!((promise / gained - 1.0).abs() < 1e-9, "{promise} for {gained}");
            assert!(promised(&ended, &transform).unwrap() < 1e-12);
        }
    }
}
