//! The maximum of a posterior, and variables in which it is about standard normal there.

use dyne_sample::{DensityError, LogDensity};
use dyne_solve::Transform;
use dyne_xpcs_model::terms::power_rate::ln_reference;
use dyne_xpcs_model::{Model, Prior, Scale, TimeGrid};

use super::adjustment::{Adjustment, Top};
use super::affine::Affine;
use super::coordinates::{Centre, Coordinates};
use super::marginal::best;
use super::prior::STANDARD;
use super::{
    Belief, Posterior, PosteriorError, Treatment, bounded, density_error, gram, grouped,
    no_likelihood,
};
use crate::problem::Problem;

/// Steps that a maximum is looked for at most in variables of one curvature, and how often these are made anew.
const STEPS: usize = 30;
const ROUNDS: usize = 12;

/// Distance and slope, in standard deviations, that count as those of the maximum.
const NEAR: f64 = 0.1;

/// Longest step, in standard deviations.
const LONGEST: f64 = 2.0;

/// Width of the differences of a gradient, in standard deviations.
const WIDTH: f64 = 0.1;

impl<'a> Posterior<'a> {
    /// The posterior of `problem`, its variables such that it is about standard normal near its maximum, which
    /// is looked for from `theta`.
    ///
    /// **Cost** some sixty sweeps for seven parameters, half as many again with error bars to be as wide as.
    ///
    /// # Errors
    /// [`PosteriorError`].
    pub fn try_new(
        problem: Problem<'a>,
        belief: Belief<'a>,
        theta: &[f64],
    ) -> Result<Self, PosteriorError> {
        let start = Self::start(problem, belief, theta)?;
        let mut made = Self::about(problem, belief, &start)?;
        made.weigh_exponents()?;
        made.climb(1e-4)?;
        if let Some(bars) = belief.error_bars {
            let (top, coordinates) = (made.top()?, &made.coordinates);
            made.adjustment = Adjustment::try_new(&top, coordinates, belief.transform, bars);
            made.climb(WIDTH)?;
        }
        Ok(made)
    }

    /// Takes the maximum as centre, with units from the curvature there, first from differences of `width`.
    fn climb(&mut self, mut width: f64) -> Result<(), PosteriorError> {
        let mut top = vec![0.0; self.dimension()];
        for _ in 0..ROUNDS {
            self.turn(&top, width)?;
            width = WIDTH;
            let (there, slope) = self.maximum()?;
            let far = there.iter().fold(0.0f64, |most, z| most.max(z.abs()));
            top = there;
            if far < NEAR && slope < NEAR {
                break;
            }
        }
        self.turn(&top, WIDTH)
    }

    /// What the adjustment of the likelihood asks of the posterior about its maximum.
    fn top(&self) -> Result<Top, PosteriorError> {
        let (n, free) = (self.dimension(), self.coordinates.free());
        let affine = self.coordinates.affine();
        let place = self.coordinates.place(&vec![0.0; n]);
        let (units, others) = affine.marginal(free);
        let to_y = |by_w: &[f64]| -> Vec<f64> {
            (0..free).map(|j| (0..free).map(|i| units[i * free + j] * by_w[i]).sum()).collect()
        };
        let (_, slope) = self.likelihood_slopes(&place)?;
        // Without a value of the prior so near there is no adjustment.
        let moved = |j: usize, by: f64| -> Vec<f64> {
            let mut w = place.w.clone();
            (0..free).for_each(|i| w[i] += by * units[i * free + j]);
            let slopes = self.prior_slopes(&self.coordinates.place_of(w));
            slopes.map_or(vec![f64::NAN; free], |(_, slopes)| to_y(&slopes))
        };
        let mut rows = Vec::with_capacity(free * free);
        for j in 0..free {
            let (up, down) = (moved(j, WIDTH), moved(j, -WIDTH));
            rows.extend(down.iter().zip(up).map(|(d, u)| (d - u) / (2.0 * WIDTH)));
        }
        let prior = symmetric(&rows, free);
        Ok(Top { slope: to_y(&slope), centre: place.w[..free].to_vec(), units, others, prior })
    }

    /// Where the maximum is looked for from: the fit, or, if the posterior is higher there, the point with about the
    /// same rates whose constant parts are such as the priors expect. A fit without priors runs far along the
    /// valley where a power law and a constant cancel.
    fn start(
        problem: Problem<'a>,
        belief: Belief<'a>,
        theta: &[f64],
    ) -> Result<Vec<f64>, PosteriorError> {
        let Belief { transform, priors, .. } = belief;
        let expected = as_expected(problem.model, problem.grid, transform, priors, theta);
        let value = |theta: &[f64]| -> Result<f64, PosteriorError> {
            let made = Self::about(problem, belief, theta)?;
            let place = made.coordinates.place(&vec![0.0; made.dimension()]);
            let mut by_x = vec![0.0; place.x.len()];
            let theta = transform.theta(&place.x);
            let likelihood = made.likelihood(&theta, made.coordinates.extra(&place))?.value;
            Ok(likelihood + made.prior(&theta, &mut by_x)?)
        };
        match value(&expected) {
            Ok(there) if value(theta).map_or(true, |here| there > here) => Ok(expected),
            _ => Ok(theta.to_vec()),
        }
    }

    /// The posterior in variables that are straight about `theta`, but in units of their own.
    fn about(
        problem: Problem<'a>,
        belief: Belief<'a>,
        theta: &[f64],
    ) -> Result<Self, PosteriorError> {
        let sums = problem.gradient_sums(theta).map_err(density_error)?;
        let sums = grouped(sums, belief.grouping);
        let mut variances = Vec::new();
        let (mut extra, mut extra_scales) = (Vec::new(), Vec::new());
        for own in &sums {
            let best = best(&gram(own, theta.len())?).ok_or_else(|| no_likelihood(own.bin))?;
            let variance = best.rest / own.pairs as f64;
            variances.push(variance);
            if belief.bins.scaling == Treatment::Sampled {
                extra.extend([best.line.contrast, best.line.offset]);
                extra_scales.extend([0.1, 0.1]);
            }
            if belief.bins.noise == Treatment::Sampled {
                extra.push(0.5 * variance.ln());
                extra_scales.push(1.0);
            }
        }
        let Belief { transform, priors, .. } = belief;
        let scales = prior_scales(problem.model, transform, priors);
        let centre = Centre { theta, scales: &scales, extra: &extra, extra_scales: &extra_scales };
        let coordinates =
            Coordinates::try_new(problem.model, problem.grid, transform, priors, centre)?;
        Ok(Self { problem, belief, coordinates, variances, adjustment: None })
    }

    /// Sets what the priors tell of the exponents of bent rates against what the data tell at the centre.
    fn weigh_exponents(&mut self) -> Result<(), DensityError> {
        let n = self.dimension();
        for at in self.coordinates.bent_exponents() {
            let slope = |by: f64| -> Result<f64, DensityError> {
                let (mut z, mut gradient) = (vec![0.0; n], vec![0.0; n]);
                z[at] = by;
                self.evaluate(&z, &mut gradient)?;
                Ok(gradient[at])
            };
            let width = 1e-3;
            // In standard deviations of the prior, of which the curvature is 1.
            let curvature = (slope(-width)? - slope(width)?) / (2.0 * width);
            let data = curvature - self.belief.prior_power;
            self.coordinates.set_tau2(at, self.belief.prior_power / data.max(1e-6));
        }
        Ok(())
    }

    /// The posterior of other data in the variables of this one.
    pub fn of<'b>(&self, problem: Problem<'b>, belief: Belief<'b>) -> Posterior<'b> {
        let (coordinates, variances) = (self.coordinates.clone(), self.variances.clone());
        let adjustment = self.adjustment.clone();
        Posterior { problem, belief, coordinates, variances, adjustment }
    }

    /// Takes the point z as centre, with units from the curvature there, from differences of `width`.
    fn turn(&mut self, z: &[f64], width: f64) -> Result<(), PosteriorError> {
        let curvature = self.curvature(z, width)?;
        let n = z.len();
        // Of w: A⁻ᵀ C A⁻¹; the product of units does it without an inverse.
        let inner = Affine::try_new(vec![0.0; n], &curvature)?;
        let affine = self.coordinates.affine().after(&inner, z);
        self.coordinates = self.coordinates.clone().with(affine);
        Ok(())
    }

    /// −∂² ln p at z, row by row, from central differences of the gradient.
    fn curvature(&self, z: &[f64], width: f64) -> Result<Vec<f64>, PosteriorError> {
        let n = z.len();
        let mut rows = vec![0.0; n * n];
        for i in 0..n {
            let moved = |by: f64| -> Result<Vec<f64>, DensityError> {
                let (mut z, mut gradient) = (z.to_vec(), vec![0.0; n]);
                z[i] += by;
                self.evaluate(&z, &mut gradient)?;
                Ok(gradient)
            };
            let both = |width: f64| Ok((moved(width)?, moved(-width)?, width));
            // Nearer where the density has no value farther out.
            let (up, down, width) = both(width).or_else(|_: DensityError| both(0.01 * width))?;
            for j in 0..n {
                rows[i * n + j] = (down[j] - up[j]) / (2.0 * width);
            }
        }
        Ok(symmetric(&rows, n))
    }

    /// The maximum, from z = 0 on, by steps along the gradient, and the slope left there; units are standard
    /// deviations already.
    fn maximum(&self) -> Result<(Vec<f64>, f64), DensityError> {
        let n = self.dimension();
        let (mut z, mut gradient) = (vec![0.0; n], vec![0.0; n]);
        let mut value = self.evaluate(&z, &mut gradient)?;
        let (mut length, mut size) = (1.0, f64::INFINITY);
        for _ in 0..STEPS {
            size = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
            if size < 0.5 * NEAR {
                break;
            }
            let step = length * (LONGEST / size).min(1.0);
            let next: Vec<f64> = z.iter().zip(&gradient).map(|(z, g)| z + step * g).collect();
            let mut there = vec![0.0; n];
            match self.evaluate(&next, &mut there) {
                Ok(found) if found > value => {
                    (z, gradient, value) = (next, there, found);
                    length = f64::min(2.0 * length, 1.0);
                }
                Ok(_) | Err(DensityError::NonFinite { .. }) => length *= 0.3,
                Err(error) => return Err(error),
            }
        }
        Ok((z, size))
    }
}

/// `theta` with the constant part c of each rate a·t^b + c moved into the middle 68 % of its prior, value and
/// slope of the rate at the reference time as they were.
fn as_expected(
    model: &dyn Model,
    grid: &TimeGrid,
    transform: &Transform,
    priors: &[Prior],
    theta: &[f64],
) -> Vec<f64> {
    let mut expected = theta.to_vec();
    let is_free = |k: &usize| transform.free().contains(k);
    let ln_reference = ln_reference(grid);
    for first in model.rates() {
        let [a, b, c] = [*first, first + 1, first + 2];
        if ![a, b, c].iter().all(is_free) {
            continue;
        }
        let power = theta[a] * (theta[b] * ln_reference).exp();
        let (value, slope) = (power + theta[c], theta[b] * power);
        let prior = bounded(model, transform, priors, c);
        let offset = theta[c].clamp(prior.quantile(0.16), prior.quantile(0.84));
        let power = value - offset;
        if power > 0.0 {
            let exponent = slope / power;
            let moved = [power * (-exponent * ln_reference).exp(), exponent, offset];
            expected[a..=c].copy_from_slice(&moved);
        }
    }
    transform.clamped(&expected).unwrap_or_else(|_| theta.to_vec())
}

/// Standard deviation of each free variable under its prior, half of the middle 68 %.
fn prior_scales(model: &dyn Model, transform: &Transform, priors: &[Prior]) -> Vec<f64> {
    let one = |k: &usize| {
        let prior = bounded(model, transform, priors, *k);
        let logarithmic = model.parameters()[*k].scale == Scale::Log;
        let x = |p: f64| if logarithmic { prior.quantile(p).ln() } else { prior.quantile(p) };
        0.5 * (x(STANDARD[1]) - x(STANDARD[0]))
    };
    transform.free().iter().map(one).collect()
}

/// The symmetric part of a matrix, row by row.
fn symmetric(rows: &[f64], n: usize) -> Vec<f64> {
    (0..n * n).map(|k| 0.5 * (rows[k] + rows[k % n * n + k / n])).collect()
}
