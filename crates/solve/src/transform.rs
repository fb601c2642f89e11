//! From the free variables of the optimiser to the parameters of the model and back.

use crate::error::SolveError;

/// How a free parameter is laid out for the optimiser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// The parameter itself.
    Linear,
    /// Its natural logarithm.
    Log,
}

/// What is to happen to one shared parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Slot {
    /// Fitted inside bounds, which may be infinite on a linear scale.
    Free {
        /// Layout.
        scale: Scale,
        /// Lower bound, in the parameter's unit; positive on a logarithmic scale.
        lower: f64,
        /// Upper bound, in the parameter's unit.
        upper: f64,
    },
    /// Kept at this value.
    Fixed(f64),
    /// `factor` times another parameter, which is free or fixed.
    Tied {
        /// Position of the other parameter.
        to: usize,
        /// Factor.
        factor: f64,
    },
}

/// Map between free variables x and shared parameters θ.
///
/// **Formula.** $\theta_j = x_i$ (linear), $e^{x_i}$ (logarithmic), a fixed value, or
/// $f\,\theta_{to}$ (tied). Every θ_j hangs on at most one x_i, with slope
/// $s_j = \partial\theta_j/\partial x_i$ = 1, θ_j, 0, or f·s_to.
/// Chain rule: $g_x = T^T g_\theta$, $H_x = T^T H_\theta T$ with $T_{ji} = s_j$ (Gauss-Newton: the
/// curvature of the map itself is left out).
///
/// **Symbols.** θ: length p, in the units of the model; x: length f ≤ p.
///
/// **Edges.** At x equal to a bound θ is that bound to the last bit.
///
/// **Checked by** the tests of this file.
#[derive(Debug, Clone, PartialEq)]
pub struct Transform {
    slots: Vec<Slot>,
    /// Positions of the free slots.
    free: Vec<usize>,
    lower: Vec<f64>,
    upper: Vec<f64>,
}

impl Transform {
    /// Takes one slot per shared parameter.
    ///
    /// # Errors
    /// [`SolveError::Bounds`], [`SolveError::SlotValue`], [`SolveError::Tie`].
    pub fn try_new(slots: &[Slot]) -> Result<Self, SolveError> {
        let mut made = Self { slots: slots.to_vec(), free: vec![], lower: vec![], upper: vec![] };
        for (index, slot) in slots.iter().enumerate() {
            match *slot {
                Slot::Free { scale, lower, upper } => made.push_free(index, scale, lower, upper)?,
                Slot::Fixed(value) | Slot::Tied { factor: value, .. } if !value.is_finite() => {
                    return Err(SolveError::SlotValue { index, value });
                }
                Slot::Tied { to, .. }
                    if matches!(slots.get(to), None | Some(Slot::Tied { .. })) =>
                {
                    return Err(SolveError::Tie { index, to });
                }
                Slot::Fixed(_) | Slot::Tied { .. } => {}
            }
        }
        Ok(made)
    }

    fn push_free(
        &mut self,
        index: usize,
        scale: Scale,
        lower: f64,
        upper: f64,
    ) -> Result<(), SolveError> {
        let positive = scale == Scale::Linear || lower > 0.0;
        let (low, high) = (forward(scale, lower), forward(scale, upper));
        let ordered = low < high && low < f64::INFINITY && high > f64::NEG_INFINITY;
        if !(positive && ordered) {
            return Err(SolveError::Bounds { index, lower, upper });
        }
        self.free.push(index);
        self.lower.push(low);
        self.upper.push(high);
        Ok(())
    }

    /// Number p of shared parameters.
    pub fn shared(&self) -> usize {
        self.slots.len()
    }

    /// The slots in the order of the parameters.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Positions of the free parameters, in the order of x.
    pub fn free(&self) -> &[usize] {
        &self.free
    }

    /// Lower bounds of x.
    pub fn lower(&self) -> &[f64] {
        &self.lower
    }

    /// Upper bounds of x.
    pub fn upper(&self) -> &[f64] {
        &self.upper
    }

    /// Shared parameters θ (length p) at the free variables `x` (length f).
    ///
    /// # Panics
    /// When `x` is shorter than the number of free parameters.
    pub fn theta(&self, x: &[f64]) -> Vec<f64> {
        let mut theta = vec![0.0; self.slots.len()];
        for (i, &j) in self.free.iter().enumerate() {
            theta[j] = self.free_value(i, x[i]);
        }
        self.fill_dependent(&mut theta);
        theta
    }

    /// Free variables of `theta` (length p); values in fixed and tied slots are not looked at.
    ///
    /// # Errors
    /// [`SolveError::Length`], [`SolveError::StartOutside`].
    pub fn free_variables(&self, theta: &[f64]) -> Result<Vec<f64>, SolveError> {
        let (expected, found) = (self.slots.len(), theta.len());
        if expected != found {
            return Err(SolveError::Length { what: "shared parameters", expected, found });
        }
        self.free
            .iter()
            .map(|&index| match self.slots[index] {
                Slot::Free { scale, lower, upper } => {
                    let value = theta[index];
                    if (lower..=upper).contains(&value) {
                        Ok(forward(scale, value))
                    } else {
                        Err(SolveError::StartOutside { index, value, lower, upper })
                    }
                }
                Slot::Fixed(_) | Slot::Tied { .. } => unreachable!("only free slots are listed"),
            })
            .collect()
    }

    /// `theta` with every free value moved into its bounds and fixed and tied ones filled in.
    ///
    /// # Errors
    /// [`SolveError::Length`]; [`SolveError::StartOutside`] for NaN.
    pub fn clamped(&self, theta: &[f64]) -> Result<Vec<f64>, SolveError> {
        let mut inside = theta.to_vec();
        for (value, slot) in inside.iter_mut().zip(&self.slots) {
            if let Slot::Free { lower, upper, .. } = slot {
                *value = value.clamp(*lower, *upper);
            }
        }
        Ok(self.theta(&self.free_variables(&inside)?))
    }

    /// Slopes s_j = ∂θ_j/∂x at `theta`: 0 for a fixed parameter and for one tied to a fixed one.
    pub fn slopes(&self, theta: &[f64]) -> Vec<f64> {
        let own = |j: usize| match self.slots[j] {
            Slot::Free { scale: Scale::Linear, .. } => 1.0,
            Slot::Free { scale: Scale::Log, .. } => theta[j],
            Slot::Fixed(_) | Slot::Tied { .. } => 0.0,
        };
        (0..self.slots.len())
            .map(|j| match self.slots[j] {
                Slot::Tied { to, factor } => factor * own(to),
                _ => own(j),
            })
            .collect()
    }

    /// Position in x of the variable that parameter `j` hangs on, if it hangs on any.
    pub fn variable_of(&self, j: usize) -> Option<usize> {
        let source = match self.slots[j] {
            Slot::Tied { to, .. } => to,
            _ => j,
        };
        self.free.iter().position(|&free| free == source)
    }

    /// Gradient with respect to x: $g_x = T^T g_\theta$.
    pub fn gradient(&self, theta: &[f64], g_theta: &[f64]) -> Vec<f64> {
        let mut gradient = vec![0.0; self.free.len()];
        for (j, slope) in self.slopes(theta).into_iter().enumerate() {
            if let Some(i) = self.variable_of(j) {
                gradient[i] += slope * g_theta[j];
            }
        }
        gradient
    }

    /// Hessian with respect to x, f × f row-major: $H_x = T^T H_\theta T$.
    pub fn hessian(&self, theta: &[f64], h_theta: &[f64]) -> Vec<f64> {
        let (p, f) = (self.slots.len(), self.free.len());
        let slopes = self.slopes(theta);
        let variables: Vec<Option<usize>> = (0..p).map(|j| self.variable_of(j)).collect();
        let mut hessian = vec![0.0; f * f];
        for j in 0..p {
            for k in 0..p {
                if let (Some(a), Some(b)) = (variables[j], variables[k]) {
                    hessian[a * f + b] += slopes[j] * slopes[k] * h_theta[j * p + k];
                }
            }
        }
        hessian
    }

    /// Direction of θ that goes with the direction `dx` of x: $T\,dx$.
    pub fn direction(&self, theta: &[f64], dx: &[f64]) -> Vec<f64> {
        self.slopes(theta)
            .into_iter()
            .enumerate()
            .map(|(j, slope)| self.variable_of(j).map_or(0.0, |i| slope * dx[i]))
            .collect()
    }

    /// Whether other parameters are tied to the one behind the variable `i`.
    pub(crate) fn is_tied_to(&self, i: usize) -> bool {
        let tied = |slot: &Slot| matches!(slot, Slot::Tied { to, .. } if *to == self.free[i]);
        self.slots.iter().any(tied)
    }

    /// Values (length p) at which parameters are held when the variables of which `held` says so
    /// end at `x`: these, fixed and tied ones.
    pub(crate) fn held(&self, x: &[f64], held: &[bool]) -> Vec<Option<f64>> {
        let theta = self.theta(x);
        let mut values: Vec<Option<f64>> = theta.into_iter().map(Some).collect();
        for (index, held) in self.free.iter().zip(held) {
            if !held {
                values[*index] = None;
            }
        }
        values
    }

    /// Free variables of `theta` (length p), inside the bounds or not; nothing where one is not
    /// finite.
    pub(crate) fn variables(&self, theta: &[f64]) -> Option<Vec<f64>> {
        let x: Vec<f64> = self
            .free
            .iter()
            .map(|&index| match self.slots[index] {
                Slot::Free { scale, .. } => forward(scale, theta[index]),
                Slot::Fixed(_) | Slot::Tied { .. } => unreachable!("only free slots are listed"),
            })
            .collect();
        x.iter().all(|x| x.is_finite()).then_some(x)
    }

    /// Size of the variable `i` at `x`, the measure of a relative step: |x|, and at least 1 on a
    /// logarithmic scale, where a step of x is itself relative.
    pub(crate) fn size(&self, i: usize, x: f64) -> f64 {
        match self.slots[self.free[i]] {
            Slot::Free { scale: Scale::Log, .. } => x.abs().max(1.0),
            _ => x.abs(),
        }
    }

    fn free_value(&self, i: usize, x: f64) -> f64 {
        match self.slots[self.free[i]] {
            Slot::Free { lower, .. } if x <= self.lower[i] => lower,
            Slot::Free { upper, .. } if x >= self.upper[i] => upper,
            Slot::Free { scale: Scale::Log, lower, upper } => x.exp().clamp(lower, upper),
            _ => x,
        }
    }

    fn fill_dependent(&self, theta: &mut [f64]) {
        for (j, slot) in self.slots.iter().enumerate() {
            if let Slot::Fixed(value) = slot {
                theta[j] = *value;
            }
        }
        for (j, slot) in self.slots.iter().enumerate() {
            if let Slot::Tied { to, factor } = slot {
                theta[j] = factor * theta[*to];
            }
        }
    }
}

fn forward(scale: Scale, value: f64) -> f64 {
    match scale {
        Scale::Linear => value,
        Scale::Log => value.ln(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mixed() -> Transform {
        Transform::try_new(&[
            Slot::Free { scale: Scale::Log, lower: 1.0, upper: 1e7 },
            Slot::Fixed(0.25),
            Slot::Free { scale: Scale::Linear, lower: -2.0, upper: 2.0 },
            Slot::Tied { to: 0, factor: 0.5 },
            Slot::Tied { to: 1, factor: 4.0 },
        ])
        .unwrap()
    }

    proptest! {
        #[test]
        fn round_trip(d in 1.0f64..1e7, alpha in -2.0f64..2.0) {
            let transform = mixed();
            let x = transform.free_variables(&[d, 9.0, alpha, 9.0, 9.0]).unwrap();
            let theta = transform.theta(&x);
            prop_assert!((theta[0] / d - 1.0).abs() < 1e-14);
            prop_assert_eq!(theta[2], alpha);
            prop_assert_eq!(theta[1], 0.25);
            prop_assert_eq!(theta[3], 0.5 * theta[0]);
            prop_assert_eq!(theta[4], 1.0);
        }

        #[test]
        fn chain_rule_is_the_derivative(d in 2.0f64..1e3, alpha in -1.0f64..1.0) {
            // F(θ) = Σ c_j θ_j + ½ Σ θ_j²: gradient c + θ.
            let transform = mixed();
            let c = [0.3, -1.0, 2.0, 0.7, 5.0];
            let value = |x: &[f64]| -> f64 {
                transform.theta(x).iter().zip(c).map(|(t, c)| c * t + 0.5 * t * t).sum()
            };
            let x = transform.free_variables(&[d, 0.0, alpha, 0.0, 0.0]).unwrap();
            let theta = transform.theta(&x);
            let slope: Vec<f64> = theta.iter().zip(c).map(|(t, c)| c + t).collect();
            let gradient = transform.gradient(&theta, &slope);
            for i in 0..2 {
                let h = 1e-6;
                let (mut up, mut down) = (x.clone(), x.clone());
                up[i] += h;
                down[i] -= h;
                let numeric = (value(&up) - value(&down)) / (2.0 * h);
                prop_assert!((gradient[i] - numeric).abs() < 1e-5 * (1.0 + numeric.abs() + value(&x)));
            }
        }
    }

    #[test]
    fn hessian_is_that_of_the_pulled_back_outer_product() {
        let transform = mixed();
        let theta = transform.theta(&[3.0f64.ln(), 0.5]);
        let v = [1.0, 2.0, 3.0, 4.0, 5.0];
        let outer: Vec<f64> = v.iter().flat_map(|a| v.iter().map(move |b| a * b)).collect();
        let g = transform.gradient(&theta, &v);
        let h = transform.hessian(&theta, &outer);
        for i in 0..4 {
            assert!((h[i] - g[i / 2] * g[i % 2]).abs() < 1e-12);
        }
        let along = transform.direction(&theta, &[1.0, 0.0]);
        assert!((along[0] - 3.0).abs() < 1e-14 && (along[3] - 1.5).abs() < 1e-14);
        assert_eq!((along[1], along[2], along[4]), (0.0, 0.0, 0.0));
    }

    #[test]
    fn bounds_are_met_to_the_last_bit() {
        let transform = mixed();
        let theta = transform.theta(&[1e7f64.ln(), -2.0]);
        assert_eq!((theta[0], theta[2]), (1e7, -2.0));
        assert_eq!(transform.clamped(&[0.0, 0.0, 5.0, 0.0, 0.0]).unwrap()[..3], [1.0, 0.25, 2.0]);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let free = |scale, lower, upper| Slot::Free { scale, lower, upper };
        for bad in [
            free(Scale::Linear, 1.0, 1.0),
            free(Scale::Linear, f64::NAN, 1.0),
            free(Scale::Log, 0.0, 1.0),
            free(Scale::Log, -1.0, 1.0),
        ] {
            assert!(
                matches!(Transform::try_new(&[bad]), Err(SolveError::Bounds { .. })),
                "{bad:?}"
            );
        }
        let tie = |to| Slot::Tied { to, factor: 1.0 };
        for slots in [vec![tie(0)], vec![tie(3)], vec![Slot::Fixed(1.0), tie(0), tie(1)]] {
            assert!(matches!(Transform::try_new(&slots), Err(SolveError::Tie { .. })));
        }
        assert!(matches!(
            Transform::try_new(&[Slot::Fixed(f64::NAN)]),
            Err(SolveError::SlotValue { index: 0, .. })
        ));
        assert!(matches!(
            mixed().free_variables(&[0.5, 0.0, 0.0, 0.0, 0.0]),
            Err(SolveError::StartOutside { index: 0, .. })
        ));
    }
}
