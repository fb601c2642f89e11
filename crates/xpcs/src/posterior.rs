//! The posterior of the physical parameters.

mod account;
mod adjustment;
mod affine;
mod bands;
mod bins;
mod bounded;
mod centre;
mod coordinates;
mod marginal;
mod prior;
mod run;
mod shards;
mod weight;

use dyne_sample::{DensityError, LogDensity};
use dyne_solve::{EvaluationError, Gram, Slot, SolveError, Transform};
use dyne_xpcs_model::{Model, Prior};
use thiserror::Error;

use crate::problem::{BinSums, Problem};
use adjustment::Adjustment;
use coordinates::Place;
use marginal::{Given, Line, add_prior, best, term};

pub use adjustment::ErrorBars;
pub use bins::BinDraw;
pub use coordinates::Coordinates;
pub use dyne_xpcs_report::posterior::{self as report, arrays};
pub use marginal::LinePrior;
pub use prior::BoundedPrior;
pub use run::{Sampled, SamplingError, Setting, ShardRun, sample_posterior};
pub use shards::{ShardsError, ShardsFolder};
pub use weight::composite_weight;

/// Why a posterior cannot be set up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PosteriorError {
    /// The prior leaves no room where the data pull the parameter.
    #[error(
        "prior of {name}: the fit is at {value:e}, expected a value between {low:e} and {high:e}, where the prior is above 0\nwiden the prior, or say with parameters.{name}.max and min where the fit may look"
    )]
    PriorExcludesFit {
        /// Name of the parameter.
        name: &'static str,
        /// Value of the fit.
        value: f64,
        /// Lower end of the support.
        low: f64,
        /// Upper end of the support.
        high: f64,
    },
    /// The eigenvalues of the curvature were not found.
    #[error(
        "the curvature of the posterior over {dimension} variables has no eigenvalues\nsee whether the fit converged"
    )]
    Curvature {
        /// Number of variables.
        dimension: usize,
    },
    /// The posterior has no value at the fit.
    #[error(
        "the posterior has no value at the fit: {0}\nsee whether the fit converged, or widen the prior named here"
    )]
    Density(#[from] DensityError),
    /// The point of the fit does not suit the transform.
    #[error(transparent)]
    Solve(#[from] SolveError),
}

/// How a quantity of each bin enters the posterior.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// Integrated out in closed form.
    Marginalised,
    /// A variable of the sampler.
    Sampled,
}

/// How what belongs to a bin alone enters the posterior.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BinTreatment {
    /// Contrast and offset.
    pub scaling: Treatment,
    /// Standard deviation of the noise.
    pub noise: Treatment,
}

impl BinTreatment {
    /// Variables of the sampler a group of bins.
    fn variables(self) -> usize {
        let of = |treatment, count| if treatment == Treatment::Sampled { count } else { 0 };
        of(self.scaling, 2) + of(self.noise, 1)
    }

    /// What `extra` says of group `index`.
    fn given(self, extra: &[f64], index: usize) -> Given {
        let own = &extra[index * self.variables()..][..self.variables()];
        let (line, ln_sigma) = match (self.scaling, self.noise) {
            (Treatment::Marginalised, Treatment::Marginalised) => (None, None),
            (Treatment::Marginalised, Treatment::Sampled) => (None, Some(own[0])),
            (Treatment::Sampled, noise) => {
                let line = Line { contrast: own[0], offset: own[1] };
                (Some(line), (noise == Treatment::Sampled).then(|| own[2]))
            }
        };
        Given { line, ln_sigma }
    }
}

/// Which bins share contrast, offset and noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    /// None: each has its own.
    Individual,
    /// All of them.
    Averaged,
}

/// What a posterior is made of besides the data.
#[derive(Debug, Clone, Copy)]
pub struct Belief<'a> {
    /// Free, fixed and tied parameters, with bounds.
    pub transform: &'a Transform,
    /// Prior of each parameter of the model.
    pub priors: &'a [Prior],
    /// Power of the priors: 1, or a share of it where the data are a share of all.
    pub prior_power: f64,
    /// How contrast, offset and noise enter.
    pub bins: BinTreatment,
    /// Which bins share them.
    pub grouping: Grouping,
    /// Prior of contrast and offset.
    pub line: LinePrior,
    /// Weight of the likelihood, below 1 where pairs are not independent.
    pub weight: f64,
    /// What the likelihood is made as wide as in each direction; nothing where it is weighted alone.
    pub error_bars: Option<ErrorBars<'a>>,
}

/// Log posterior over unbounded variables.
///
/// **Formula.** $\ln p = \sum_\beta \ell_\beta(\theta) + k\sum_i \ln\pi_i(\theta_i) + \ln|\partial\theta/\partial z|$;
/// ℓ_β: log likelihood of bin β, Gaussian, counted λ-fold, contrast and offset under a normal prior and noise
/// under 1/σ integrated out or sampled (`marginal.rs`); π_i: prior of a free parameter, k its power; z: see
/// [`Coordinates`].
///
/// **Edges** Where the residuals vanish there is no value. **Cost** one sweep of first-order
/// sums. **Source.** Integrals over linear parameters and a scale under Jeffreys' prior: O'Hagan and Forster,
/// *Bayesian Inference* (2004), section 11. The weight: Pauli, Racugno and Ventura, Statistica Sinica 21 (2011)
/// 149. **Checked by** `tests/fits/posterior.rs`.
pub struct Posterior<'a> {
    problem: Problem<'a>,
    belief: Belief<'a>,
    coordinates: Coordinates,
    /// Variance of the noise of each group of bins at the fit.
    variances: Vec<f64>,
    /// Where the likelihood is looked up; nothing where it is weighted.
    adjustment: Option<Adjustment>,
}

impl<'a> Posterior<'a> {
    /// Least and largest factor by which the curvature adjustment changes widths that the weight alone gives;
    /// nothing where there is none.
    pub fn adjusted_widths(&self) -> Option<[f64; 2]> {
        self.adjustment.as_ref().map(Adjustment::factors)
    }

    /// Where the likelihood of a place is looked up.
    fn looked_up(&self, place: &Place) -> Option<Place> {
        let adjustment = self.adjustment.as_ref()?;
        Some(self.coordinates.place_of(adjustment.forward(&place.w)))
    }

    /// The variables.
    pub fn coordinates(&self) -> &Coordinates {
        &self.coordinates
    }

    /// What it is made of.
    pub fn belief(&self) -> &Belief<'a> {
        &self.belief
    }

    /// Parameters of the model at the variables z.
    pub fn theta(&self, z: &[f64]) -> Vec<f64> {
        self.belief.transform.theta(&self.coordinates.place(z).x)
    }

    /// Variables z at which the parameters are `theta` and what is sampled of the bins is as at the centre.
    /// Values on a bound are moved in by a thousandth of the range.
    ///
    /// # Errors
    /// As [`Transform::free_variables`].
    pub fn variables(&self, theta: &[f64]) -> Result<Vec<f64>, SolveError> {
        let x = self.belief.transform.free_variables(theta)?;
        let centre = self.coordinates.place(&vec![0.0; self.dimension()]);
        Ok(self.coordinates.variables(&x, self.coordinates.extra(&centre)))
    }

    /// Standard deviations of the free parameters as the curvature at the centre has them; those of a
    /// logarithmic one in its logarithm.
    pub fn normal_errors(&self) -> Vec<f64> {
        let (n, h) = (self.dimension(), 1e-3);
        let slopes = |k: usize| {
            let x = |by: f64| {
                let mut z = vec![0.0; n];
                z[k] = by;
                self.coordinates.place(&z).x
            };
            let (up, down) = (x(h), x(-h));
            up.iter().zip(down).map(|(u, d)| (u - d) / (2.0 * h)).collect::<Vec<_>>()
        };
        let columns: Vec<Vec<f64>> = (0..n).map(slopes).collect();
        let one = |i: usize| columns.iter().map(|column| column[i] * column[i]).sum::<f64>().sqrt();
        (0..self.coordinates.free()).map(one).collect()
    }

    /// Standard deviation of all residuals at the variables z.
    fn noise(&self, z: &[f64]) -> Result<f64, DensityError> {
        let theta = self.theta(z);
        let sums = self.problem.gradient_sums(&theta).map_err(density_error)?;
        let (mut rest, mut pairs) = (0.0, 0);
        for own in &sums {
            rest += best(&gram(own, theta.len())?).ok_or_else(|| no_likelihood(own.bin))?.rest;
            pairs += own.pairs;
        }
        Ok((rest / pairs as f64).sqrt())
    }

    /// Sums of each group of bins at θ, with the prior of contrast and offset.
    fn sums(&self, theta: &[f64]) -> Result<Vec<BinSums>, DensityError> {
        let Belief { grouping, line, prior_power, weight, .. } = self.belief;
        let sums = self.problem.gradient_sums(theta).map_err(density_error)?;
        let mut sums = grouped(sums, grouping);
        for (own, variance) in sums.iter_mut().zip(&self.variances) {
            let strength = prior_power * variance / weight;
            add_prior(own, theta.len(), line, strength, self.problem.shift);
        }
        Ok(sums)
    }

    /// Log likelihood and its gradients by θ and by the extra variables.
    fn likelihood(&self, theta: &[f64], extra: &[f64]) -> Result<Likelihood, DensityError> {
        let Belief { bins, prior_power, weight, .. } = self.belief;
        let sums = self.sums(theta)?;
        let mut total = Likelihood {
            value: 0.0,
            by_theta: vec![0.0; theta.len()],
            by_extra: Vec::with_capacity(extra.len()),
        };
        for (index, own) in sums.iter().enumerate() {
            let gram = gram(own, theta.len())?;
            let term = term(&gram, weight, prior_power, bins.given(extra, index));
            let term = term.ok_or_else(|| no_likelihood(own.bin))?;
            total.value += term.value;
            total.by_theta.iter_mut().zip(term.by_theta).for_each(|(sum, g)| *sum += g);
            if bins.scaling == Treatment::Sampled {
                total.by_extra.extend(term.by_line);
            }
            if bins.noise == Treatment::Sampled {
                total.by_extra.push(term.by_ln_sigma);
            }
        }
        Ok(total)
    }

    /// Log likelihood, weighted and adjusted, and its gradient by w.
    fn likelihood_slopes(&self, place: &Place) -> Result<(f64, Vec<f64>), DensityError> {
        let (coordinates, transform) = (&self.coordinates, self.belief.transform);
        let looked_up = self.looked_up(place);
        let there = looked_up.as_ref().unwrap_or(place);
        let theta = transform.theta(&there.x);
        let found = self.likelihood(&theta, coordinates.extra(there))?;
        let by_x = transform.gradient(&theta, &found.by_theta);
        let mut by_w = coordinates.straight_gradient(there, &by_x, 0.0);
        by_w.extend(found.by_extra);
        Ok(match &self.adjustment {
            Some(adjustment) => (found.value, adjustment.transposed(&by_w)),
            None => (found.value, by_w),
        })
    }

    /// Log prior over w, and its gradient by those of w that stand for parameters.
    fn prior_slopes(&self, place: &Place) -> Result<(f64, Vec<f64>), DensityError> {
        let theta = self.belief.transform.theta(&place.x);
        let mut by_x = vec![0.0; place.x.len()];
        let value = self.prior(&theta, &mut by_x)?;
        let by_w = self.coordinates.straight_gradient(place, &by_x, 1.0);
        Ok((value + place.ln_jacobian, by_w))
    }

    /// Log prior of θ over the free variables x, and its gradient by x added to `by_x`.
    fn prior(&self, theta: &[f64], by_x: &mut [f64]) -> Result<f64, DensityError> {
        let Belief { transform, priors, prior_power, .. } = self.belief;
        let mut value = 0.0;
        for (k, by_x) in transform.free().iter().zip(by_x) {
            let Slot::Free { scale, lower, upper } = transform.slots()[*k] else {
                unreachable!("only free slots are listed");
            };
            let support = priors[*k].support(lower, upper);
            let found = support.map(|support| priors[*k].ln_density(theta[*k], support));
            let found = found.filter(|found| found.value.is_finite()).ok_or_else(|| {
                let name = self.problem.model.parameters()[*k].name;
                DensityError::NonFinite { term: format!("prior of {name}") }
            })?;
            let (ln_slope, slope, by_ln_slope) = match scale {
                dyne_solve::Scale::Linear => (0.0, 1.0, 0.0),
                dyne_solve::Scale::Log => (theta[*k].ln(), theta[*k], 1.0),
            };
            value += prior_power * found.value + ln_slope;
            *by_x += prior_power * found.slope * slope + by_ln_slope;
        }
        Ok(value)
    }
}

/// The prior of a free parameter between its bounds.
fn bounded(model: &dyn Model, transform: &Transform, priors: &[Prior], k: usize) -> BoundedPrior {
    let Slot::Free { lower, upper, .. } = transform.slots()[k] else {
        unreachable!("only free slots are asked for");
    };
    let scale = model.parameters()[k].scale;
    BoundedPrior::try_new(priors[k], scale, lower, upper)
        .expect("the configuration was checked for room between the bounds")
}

/// A log likelihood with its gradients.
struct Likelihood {
    value: f64,
    by_theta: Vec<f64>,
    by_extra: Vec<f64>,
}

fn gram(sums: &BinSums, p: usize) -> Result<Gram<'_>, DensityError> {
    Gram::try_new(&sums.gram, p, sums.pairs).map_err(|e| DensityError::Fatal(Box::new(e)))
}

fn no_likelihood(bin: usize) -> DensityError {
    DensityError::NonFinite { term: format!("likelihood of matrix {} of the fit", bin + 1) }
}

fn density_error(error: EvaluationError) -> DensityError {
    match error {
        EvaluationError::Interrupted => DensityError::Interrupted,
        EvaluationError::NonFinite(term) => DensityError::NonFinite { term },
        EvaluationError::Fatal(source) => DensityError::Fatal(source),
        other => DensityError::Fatal(Box::new(other)),
    }
}

/// Sums of the bins that share contrast, offset and noise.
fn grouped(sums: Vec<BinSums>, grouping: Grouping) -> Vec<BinSums> {
    match grouping {
        Grouping::Individual => sums,
        Grouping::Averaged => {
            let mut all = sums.into_iter();
            let Some(mut first) = all.next() else { return Vec::new() };
            all.for_each(|own| first.add(&own));
            vec![first]
        }
    }
}

impl LogDensity for Posterior<'_> {
    fn dimension(&self) -> usize {
        self.coordinates.dimension()
    }

    fn quantities(&self, z: &[f64]) -> Vec<f64> {
        let theta = self.theta(z);
        self.belief.transform.free().iter().map(|k| theta[*k]).collect()
    }

    fn evaluate(&self, z: &[f64], gradient: &mut [f64]) -> Result<f64, DensityError> {
        let place = self.coordinates.place(z);
        let (likelihood, mut by_w) = self.likelihood_slopes(&place)?;
        let (prior, of_prior) = self.prior_slopes(&place)?;
        by_w.iter_mut().zip(of_prior).for_each(|(g, p)| *g += p);
        gradient.copy_from_slice(&self.coordinates.affine().transposed(&by_w));
        Ok(likelihood + prior)
    }
}
