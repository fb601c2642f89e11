//! Elimination of the linear parameters and the way back to them.

use super::{Group, NormalEquations};
use crate::error::SolveError;
use crate::symmetric::{Factor, RANK_TOLERANCE, dot, times};

impl NormalEquations {
    /// Eliminates the linear parameters.
    ///
    /// **Formula.** $\tilde H = H_{\theta\theta} - H_{\theta z}H_{zz}^{+}H_{z\theta}$,
    /// $\tilde g = g_\theta - H_{\theta z}H_{zz}^{+}g_z$.
    ///
    /// **Edges.** A shared parameter whose diagonal entry loses all but 1e-13 of itself in the
    /// subtraction is not told apart from the scaling: its row, column and gradient are set to 0.
    ///
    /// **Cost.** O(groups·(k³ + k²p + kp²)).
    ///
    /// # Errors
    /// [`SolveError::Eigenvalues`].
    ///
    /// **Checked by** `the_reduced_step_is_the_dense_one`.
    pub fn reduce(&self) -> Result<Reduced, SolveError> {
        let p = self.shared;
        let mut reduced = Reduced {
            shared: p,
            hessian: self.hessian.clone(),
            gradient: self.gradient.clone(),
            linear_decrease: 0.0,
            noise: 0.0,
            groups: Vec::with_capacity(self.groups.len()),
        };
        for group in &self.groups {
            let group = ReducedGroup::try_new(group, p)?;
            reduced.subtract(&group);
            reduced.groups.push(group);
        }
        reduced.drop_unresolved(&self.hessian);
        Ok(reduced)
    }
}

/// Normal equations of the shared parameters alone, with what leads back to the linear ones.
#[derive(Debug, Clone)]
pub struct Reduced {
    shared: usize,
    hessian: Vec<f64>,
    gradient: Vec<f64>,
    linear_decrease: f64,
    noise: f64,
    groups: Vec<ReducedGroup>,
}

/// Half products of one group: W = A^{-1/2} H_zθ and A^{-1/2} g_z with A = H_zz.
#[derive(Debug, Clone)]
pub(crate) struct ReducedGroup {
    pub(crate) factor: Factor,
    /// Rank × p, row-major.
    half_theta: Vec<f64>,
    half_gradient: Vec<f64>,
}

impl ReducedGroup {
    fn try_new(group: &Group, p: usize) -> Result<Self, SolveError> {
        let k = group.gradient.len();
        let factor = Factor::try_new(&group.zz, k, RANK_TOLERANCE)?;
        let half_gradient = factor.half(&group.gradient);
        let mut half_theta = vec![0.0; factor.rank() * p];
        for j in 0..p {
            let column: Vec<f64> = (0..k).map(|i| group.z_theta[i * p + j]).collect();
            for (i, value) in factor.half(&column).into_iter().enumerate() {
                half_theta[i * p + j] = value;
            }
        }
        Ok(Self { factor, half_theta, half_gradient })
    }

    /// A⁺ H_zθ v for a direction v of the shared parameters.
    pub(crate) fn response(&self, v: &[f64]) -> Vec<f64> {
        self.factor.solve_half(times(&self.half_theta, self.factor.rank(), v))
    }
}

impl Reduced {
    /// H̃, p × p row-major.
    pub fn hessian(&self) -> &[f64] {
        &self.hessian
    }

    /// g̃, length p.
    pub fn gradient(&self) -> &[f64] {
        &self.gradient
    }

    /// What the linear parameters alone gain at fixed θ: ½ g_zᵀ H_zz⁺ g_z.
    pub fn linear_decrease(&self) -> f64 {
        self.linear_decrease
    }

    /// Relative rounding of H̃ with its diagonal scaled to 1.
    pub fn noise(&self) -> f64 {
        self.noise
    }

    /// Step of the linear parameters that goes with the step `d_theta` (length p):
    /// $dz = -H_{zz}^{+}(g_z + H_{z\theta}\,d\theta)$.
    pub fn linear_step(&self, d_theta: &[f64]) -> Vec<f64> {
        let mut step = Vec::new();
        for group in &self.groups {
            let mut half = times(&group.half_theta, group.factor.rank(), d_theta);
            half.iter_mut().zip(&group.half_gradient).for_each(|(h, g)| *h = -(*h + g));
            step.extend(group.factor.solve_half(half));
        }
        step
    }

    /// The groups in order.
    pub(crate) fn groups(&self) -> &[ReducedGroup] {
        &self.groups
    }

    fn subtract(&mut self, group: &ReducedGroup) {
        let p = self.shared;
        for r in 0..group.factor.rank() {
            let row = &group.half_theta[r * p..(r + 1) * p];
            for i in 0..p {
                self.gradient[i] -= row[i] * group.half_gradient[r];
                for j in 0..p {
                    self.hessian[i * p + j] -= row[i] * row[j];
                }
            }
        }
        self.linear_decrease += 0.5 * dot(&group.half_gradient, &group.half_gradient);
    }

    fn drop_unresolved(&mut self, full: &[f64]) {
        let p = self.shared;
        for i in 0..p {
            let (left, whole) = (self.hessian[i * p + i], full[i * p + i]);
            if left > RANK_TOLERANCE * whole {
                self.noise = self.noise.max(8.0 * f64::EPSILON * whole / left);
                continue;
            }
            self.gradient[i] = 0.0;
            for j in 0..p {
                self.hessian[i * p + j] = 0.0;
                self.hessian[j * p + i] = 0.0;
            }
        }
    }
}
