//! The posterior of the physical parameters, contrast, offset and noise of each bin integrated out.

mod summary;
mod weight;

use dyne_sample::{DensityError, LogDensity};
use dyne_solve::{EvaluationError, Gram, Transform};

use crate::problem::Problem;

pub use summary::{ParameterPosterior, Summary};
pub use weight::composite_weight;

/// Log posterior over unbounded variables.
///
/// **Formula.** With flat priors on contrast and offset of each bin β and the prior 1/σ on its noise,
/// $\ln p = w\sum_\beta\left[-\tfrac12\ln\det M_\beta - \tfrac{n_\beta-2}{2}\ln S_\beta\right] + \sum_i \ln[u_i(1-u_i)]$,
/// $M_\beta = \begin{pmatrix} mm & m1 \\ m1 & n \end{pmatrix}$, $S_\beta = yy - (my, y1)M_\beta^{-1}(my, y1)^T$. The free
/// variables x of the transform lie in their bounds by $x = l + (h - l)u$, $u = 1/(1 + e^{-v})$, with a flat
/// prior on x: flat in a parameter, or in its logarithm where the table has a logarithmic scale.
///
/// **Symbols.** v: unbounded variables, one a free parameter; n: pairs; S: residual sum of squares at the
/// best contrast and offset; w: weight of the likelihood, below 1 where pairs are not independent.
///
/// **Edges** Where m is constant or the residuals vanish there is no value. **Cost** one sweep.
/// **Source.** Integrals over linear parameters and a scale under Jeffreys' prior: O'Hagan and Forster,
/// *Bayesian Inference* (2004), section 11. The weight: Pauli, Racugno and Ventura, Statistica Sinica 21 (2011)
/// 149. **Checked by** `tests/fits/posterior.rs`.
pub struct Posterior<'a> {
    /// Model and data; every bin has contrast and offset of its own.
    pub problem: Problem<'a>,
    /// Free, fixed and tied parameters, with bounds.
    pub transform: &'a Transform,
    /// Weight of the likelihood.
    pub weight: f64,
}

/// What one bin adds to the log likelihood.
struct Marginal {
    value: f64,
    /// By the parameters of the model.
    gradient: Vec<f64>,
}

/// Contrast and offset integrated out, as well as the noise.
fn marginal(gram: &Gram<'_>, p: usize) -> Option<Marginal> {
    let n = gram.pairs() as f64;
    let (mm, m1, my, y1) = (gram.mm(), gram.m1(), gram.my(), gram.y1());
    let determinant = mm * n - m1 * m1;
    let contrast = (n * my - m1 * y1) / determinant;
    let offset = (mm * y1 - m1 * my) / determinant;
    let rest = gram.yy() - contrast * my - offset * y1;
    if !(determinant > 0.0 && rest > 0.0) {
        return None;
    }
    let freedom = n - 2.0;
    let gradient = (0..p).map(|a| {
        let (dm, d1) = (gram.dm(a), gram.d1(a));
        let of_determinant = 2.0 * (n * dm - m1 * d1) / determinant;
        let of_rest = -2.0 * contrast * (gram.dy(a) - contrast * dm - offset * d1);
        -0.5 * (of_determinant + freedom * of_rest / rest)
    });
    let gradient = gradient.collect();
    Some(Marginal { value: -0.5 * (determinant.ln() + freedom * rest.ln()), gradient })
}

/// Shares u of the way from lower to upper bound.
fn shares(v: &[f64]) -> Vec<f64> {
    v.iter().map(|v| (1.0 + (-v).exp()).recip()).collect()
}

impl Posterior<'_> {
    /// Free variables x at the unbounded ones.
    fn free(&self, v: &[f64]) -> Vec<f64> {
        let bounds = self.transform.lower().iter().zip(self.transform.upper());
        shares(v).iter().zip(bounds).map(|(u, (l, h))| l + (h - l) * u).collect()
    }

    /// Parameters of the model at the unbounded variables.
    pub fn theta(&self, v: &[f64]) -> Vec<f64> {
        self.transform.theta(&self.free(v))
    }

    /// Unbounded variables of parameters inside their bounds; those on a bound are moved in by a
    /// thousandth of the range.
    ///
    /// # Errors
    /// As [`Transform::free_variables`].
    pub fn unbounded(&self, theta: &[f64]) -> Result<Vec<f64>, dyne_solve::SolveError> {
        let x = self.transform.free_variables(theta)?;
        let bounds = self.transform.lower().iter().zip(self.transform.upper());
        let logit = |(x, (l, h)): (&f64, (&f64, &f64))| {
            let u = ((x - l) / (h - l)).clamp(1e-3, 1.0 - 1e-3);
            (u / (1.0 - u)).ln()
        };
        Ok(x.iter().zip(bounds).map(logit).collect())
    }

    /// Log likelihood and its gradient by the parameters of the model, without the weight.
    fn likelihood(&self, theta: &[f64]) -> Result<Marginal, DensityError> {
        let p = theta.len();
        let sums = self.problem.linear_sums(theta).map_err(|error| match error {
            EvaluationError::Interrupted => DensityError::Interrupted,
            EvaluationError::NonFinite(term) => DensityError::NonFinite { term },
            EvaluationError::Fatal(source) => DensityError::Fatal(source),
            other => DensityError::Fatal(Box::new(other)),
        })?;
        let mut total = Marginal { value: 0.0, gradient: vec![0.0; p] };
        for own in &sums {
            let gram = Gram::try_new(&own.gram, p, own.pairs);
            let gram = gram.map_err(|e| DensityError::Fatal(Box::new(e)))?;
            let term = || format!("likelihood of matrix {} of the fit", own.bin + 1);
            let bin = marginal(&gram, p).ok_or_else(|| DensityError::NonFinite { term: term() })?;
            total.value += bin.value;
            total.gradient.iter_mut().zip(bin.gradient).for_each(|(sum, g)| *sum += g);
        }
        Ok(total)
    }
}

impl LogDensity for Posterior<'_> {
    fn dimension(&self) -> usize {
        self.transform.free().len()
    }

    fn evaluate(&self, v: &[f64], gradient: &mut [f64]) -> Result<f64, DensityError> {
        let theta = self.theta(v);
        let likelihood = self.likelihood(&theta)?;
        let by_x = self.transform.gradient(&theta, &likelihood.gradient);
        let ranges = self.transform.lower().iter().zip(self.transform.upper());
        let mut value = self.weight * likelihood.value;
        for (i, (u, (l, h))) in shares(v).iter().zip(ranges).enumerate() {
            let slope = u * (1.0 - u);
            value += slope.ln();
            gradient[i] = self.weight * by_x[i] * (h - l) * slope + 1.0 - 2.0 * u;
        }
        Ok(value)
    }
}
