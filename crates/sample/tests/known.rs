//! Chains against posteriors that are known by other means.

use std::num::NonZeroUsize;

use dyne_runtime::Silent;
use dyne_sample::density::check;
use dyne_sample::{ChainOptions, DensityError, Draws, LogDensity, sample};

/// Draws of each quantity, by long chains.
fn draws(density: &dyn LogDensity, seed: u64) -> Vec<Draws> {
    let n = density.dimension();
    let starts: Vec<Vec<f64>> = [-1.0, -0.3, 0.4, 1.1].map(|x| vec![x; n]).into();
    let options = ChainOptions {
        warmup: 500,
        draws: 4000,
        target_accept: 0.99,
        seed,
        ..ChainOptions::default()
    };
    let two = NonZeroUsize::new(2).expect("2 is not 0");
    let chains = sample(density, &starts, options, None, two, &Silent).unwrap();
    let divergent: usize = chains.iter().map(|chain| chain.divergent.len()).sum();
    assert!(divergent <= 8, "{divergent} of 16 000 draws");
    let quantity = |k: usize| {
        let of = |chain: &dyne_sample::Chain| chain.quantities.iter().map(|q| q[k]).collect();
        Draws::new(chains.iter().map(of).collect())
    };
    (0..chains[0].quantities[0].len()).map(quantity).collect()
}

/// Mean and standard deviation within three Monte Carlo standard errors.
#[track_caller]
fn agrees(draws: &Draws, mean: f64, sd: f64) {
    assert!(draws.r_hat() < 1.01, "{}", draws.r_hat());
    let error = draws.mean_error();
    assert!((draws.mean() - mean).abs() < 3.0 * error, "{} ± {error}, {mean}", draws.mean());
    // That of the mean of (x − mean)², carried over to its root.
    let squares: Vec<Vec<f64>> = draws
        .chains()
        .iter()
        .map(|chain| chain.iter().map(|x| (x - mean).powi(2)).collect())
        .collect();
    let error = Draws::new(squares).mean_error() / (2.0 * sd);
    let found = draws.standard_deviation();
    assert!((found - sd).abs() < 3.0 * error, "{found} ± {error}, {sd}");
}

/// A line through points with known noise, under normal priors: normal, with mean and covariance by algebra.
struct Line;

const TIMES: [f64; 6] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
const VALUES: [f64; 6] = [1.3, 1.9, 3.4, 3.6, 5.2, 5.8];
const NOISE: f64 = 0.4;
const PRIOR: f64 = 2.0;

impl LogDensity for Line {
    fn dimension(&self) -> usize {
        2
    }
    fn evaluate(&self, x: &[f64], gradient: &mut [f64]) -> Result<f64, DensityError> {
        let mut value = 0.0;
        for k in 0..2 {
            value -= 0.5 * (x[k] / PRIOR).powi(2);
            gradient[k] = -x[k] / (PRIOR * PRIOR);
        }
        for (t, y) in TIMES.iter().zip(VALUES) {
            let z = (y - x[0] - x[1] * t) / NOISE;
            value -= 0.5 * z * z;
            gradient[0] += z / NOISE;
            gradient[1] += z * t / NOISE;
        }
        Ok(value)
    }
}

#[test]
fn a_line_has_the_posterior_of_the_algebra() {
    check(&Line, &[0.7, 1.2], 1e-5, 1e-6);
    let (w, p) = (NOISE.powi(-2), PRIOR.powi(-2));
    let sum = |of: &dyn Fn(f64, f64) -> f64| -> f64 {
        TIMES.iter().zip(VALUES).map(|(t, y)| w * of(*t, y)).sum()
    };
    let (a, b, c) = (sum(&|_, _| 1.0) + p, sum(&|t, _| t), sum(&|t, _| t * t) + p);
    let (u, v) = (sum(&|_, y| y), sum(&|t, y| t * y));
    let determinant = a * c - b * b;
    let mean = [(c * u - b * v) / determinant, (a * v - b * u) / determinant];
    let sd = [(c / determinant).sqrt(), (a / determinant).sqrt()];
    for (k, draws) in draws(&Line, 1).iter().enumerate() {
        agrees(draws, mean[k], sd[k]);
    }
}

/// Eight schools (Rubin, J. Educ. Stat. 6 (1981) 377): effects y about a mean μ with spread τ; variables μ, ln τ and the
/// standardised effects.
struct Schools;

const EFFECTS: [f64; 8] = [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0];
const ERRORS: [f64; 8] = [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0];
const WIDTH: f64 = 5.0;

impl LogDensity for Schools {
    fn dimension(&self) -> usize {
        10
    }
    fn evaluate(&self, x: &[f64], gradient: &mut [f64]) -> Result<f64, DensityError> {
        let (mu, tau) = (x[0], x[1].exp());
        let ratio = (tau / WIDTH).powi(2);
        // μ ~ N(0, 5), τ half Cauchy of width 5, ln τ its variable.
        let mut value = -0.5 * (mu / WIDTH).powi(2) - ratio.ln_1p() + x[1];
        gradient[0] = -mu / (WIDTH * WIDTH);
        gradient[1] = 1.0 - 2.0 * ratio / (1.0 + ratio);
        for i in 0..8 {
            let eta = x[2 + i];
            let z = (EFFECTS[i] - mu - tau * eta) / ERRORS[i];
            value -= 0.5 * (z * z + eta * eta);
            gradient[0] += z / ERRORS[i];
            gradient[1] += z * tau * eta / ERRORS[i];
            gradient[2 + i] = z * tau / ERRORS[i] - eta;
        }
        Ok(value)
    }
    fn quantities(&self, x: &[f64]) -> Vec<f64> {
        vec![x[0], x[1].exp().ln_1p()]
    }
}

#[test]
fn eight_schools_have_the_posterior_of_the_quadrature() {
    check(&Schools, &[0.4, 0.8, 0.1, -0.3, 0.5, 0.2, -0.6, 0.9, 0.3, -0.1], 1e-5, 1e-6);
    // The effects integrated out: y_i ~ N(μ, σ_i² + τ²). ln(1 + τ) in place of τ, whose tail is too long for means.
    let (mut sums, n) = ([0.0; 5], 600);
    for j in 0..n {
        let ln_tau = -9.0 + 15.0 * (j as f64 + 0.5) / n as f64;
        let tau = ln_tau.exp();
        for i in 0..n {
            let mu = -25.0 + 60.0 * (i as f64 + 0.5) / n as f64;
            let ratio = (tau / WIDTH).powi(2);
            let mut ln_p = -0.5 * (mu / WIDTH).powi(2) - ratio.ln_1p() + ln_tau;
            for (y, s) in EFFECTS.iter().zip(ERRORS) {
                let variance = s * s + tau * tau;
                ln_p -= 0.5 * (variance.ln() + (y - mu).powi(2) / variance);
            }
            let (p, t) = ((ln_p + 20.0).exp(), tau.ln_1p());
            let of = [1.0, mu, mu * mu, t, t * t];
            sums.iter_mut().zip(of).for_each(|(sum, f)| *sum += p * f);
        }
    }
    let moments = |first: usize| {
        let mean = sums[first] / sums[0];
        (mean, (sums[first + 1] / sums[0] - mean * mean).sqrt())
    };
    let found = draws(&Schools, 2);
    for (draws, (mean, sd)) in found.iter().zip([moments(1), moments(3)]) {
        agrees(draws, mean, sd);
    }
}
