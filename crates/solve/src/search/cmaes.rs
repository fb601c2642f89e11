//! Evolution strategy with covariance matrix adaptation in the unit cube.

use dyne_runtime::Stream;

use crate::error::SolveError;
use crate::symmetric::{dot, eigen};

/// Runs: the first, and three with twice the population of the one before.
const RUNS: u32 = 4;
/// Step size at the start, in units of the edge of the cube.
const SIGMA: f64 = 0.3;
/// A run ends when the best costs of its last generations differ by less than this fraction,
const FLAT: f64 = 1e-4;
/// when its longest axis is shorter than this,
const SHORT: f64 = 1e-7;
/// or when its axes differ by more than this factor.
const CONDITION: f64 = 1e7;

/// Costs of points of the unit cube, in their order; infinite where there is none.
pub(super) type Costs<'a> = dyn FnMut(&[Vec<f64>]) -> Result<Vec<f64>, SolveError> + 'a;

/// The best points of the runs in the unit cube of `dimension` edges: of each run the best point
/// and the mean at its end.
///
/// **Formula.** The (μ/μ_w, λ) strategy: points $x = m + \sigma B D z$ with z normal, m the mean of
/// the better half with logarithmic weights, C = B D² Bᵀ adapted by rank one and rank μ with the
/// weights of the worse half negative, σ by the length of the cumulated path; all constants are those
/// of table 1 of the source. A point outside the cube counts as its mirror image inside, in every
/// coordinate.
/// **Symbols.** d: `dimension`; λ: population, 4 + 3 ln d, doubled from run to run; m: starts in the
/// middle of the cube, in later runs anywhere in it.
/// **Edges.** Points without a finite cost rank last. A generation without one starts the run anew
/// from another place, until its generations are spent. Without a dimension there are no points.
/// **Cost.** λ evaluations a generation, at most 100 + 50 (d + 3)²/√λ generations a run; O(d³) a
/// generation besides.
///
/// **Source.** Hansen, arXiv:1604.00772 (2016). Doubling of the population: Auger and Hansen, CEC
/// 2005, 1769, doi:10.1109/CEC.2005.1554902.
/// **Checked by** `rosenbrock_in_six_dimensions`, `rastrigin_in_four_dimensions`,
/// `tests/it/search.rs`: `cmaes_does_not_depend_on_lanes`.
pub(super) fn best_points(
    dimension: usize,
    stream: &Stream,
    costs: &mut Costs<'_>,
) -> Result<Vec<Vec<f64>>, SolveError> {
    let mut points = Vec::new();
    if dimension == 0 {
        return Ok(points);
    }
    let smallest = 4 + (3.0 * (dimension as f64).ln()) as usize;
    for run in 0..RUNS {
        let constants = Constants::new(dimension, smallest << run);
        points.extend(one_run(&constants, &stream.index(u64::from(run)), run > 0, costs)?);
    }
    Ok(points)
}

fn one_run(
    constants: &Constants,
    stream: &Stream,
    anywhere: bool,
    costs: &mut Costs<'_>,
) -> Result<Vec<Vec<f64>>, SolveError> {
    let (d, mut generator) = (constants.dimension, stream.generator());
    let place = |generator: &mut dyne_runtime::Generator| {
        (0..d).map(|_| generator.uniform()).collect::<Vec<f64>>()
    };
    let middle = if anywhere { place(&mut generator) } else { vec![0.5; d] };
    let mut state = State::new(middle);
    let (mut best, mut history) = ((f64::INFINITY, Vec::new()), Vec::new());
    for _ in 0..constants.generations {
        let steps: Vec<Vec<f64>> = (0..constants.population)
            .map(|_| state.step(&(0..d).map(|_| generator.normal()).collect::<Vec<f64>>()))
            .collect();
        let cube: Vec<Vec<f64>> = steps.iter().map(|y| reflected(&state.at(y))).collect();
        let mut ranked: Vec<(f64, usize)> =
            costs(&cube)?.into_iter().enumerate().map(|(k, c)| (c, k)).collect();
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (cost, k) = ranked[0];
        if cost == f64::INFINITY {
            state = State::new(place(&mut generator));
            continue;
        }
        if cost < best.0 {
            best = (cost, cube[k].clone());
        }
        history.push(cost);
        let order: Vec<&[f64]> = ranked.iter().map(|(_, k)| steps[*k].as_slice()).collect();
        state.adapt(constants, &order)?;
        if state.has_settled(constants, &history) {
            break;
        }
    }
    let mean = reflected(&state.mean);
    Ok(if best.1.is_empty() { vec![mean] } else { vec![best.1, mean] })
}

/// Mirror image inside the unit cube.
fn reflected(x: &[f64]) -> Vec<f64> {
    x.iter().map(|x| x.rem_euclid(2.0)).map(|x| if x > 1.0 { 2.0 - x } else { x }).collect()
}

/// What does not change in a run; names as in the source.
struct Constants {
    dimension: usize,
    population: usize,
    generations: usize,
    /// Weights of all points, best first; those of the worse half are negative.
    weights: Vec<f64>,
    mu: usize,
    mu_eff: f64,
    c_sigma: f64,
    d_sigma: f64,
    c_c: f64,
    c_1: f64,
    c_mu: f64,
    /// Mean length of a normal vector.
    chi: f64,
}

impl Constants {
    fn new(dimension: usize, population: usize) -> Self {
        let (n, lambda) = (dimension as f64, population as f64);
        let raw: Vec<f64> =
            (1..=population).map(|i| (0.5 * (lambda + 1.0)).ln() - (i as f64).ln()).collect();
        let mu = population / 2;
        let effective = |w: &[f64]| {
            let sum: f64 = w.iter().sum();
            sum * sum / w.iter().map(|w| w * w).sum::<f64>()
        };
        let (mu_eff, mu_eff_minus) = (effective(&raw[..mu]), effective(&raw[mu..]));
        let c_1 = 2.0 / ((n + 1.3).powi(2) + mu_eff);
        let gain = 2.0 * (0.25 + mu_eff + 1.0 / mu_eff - 2.0) / ((n + 2.0).powi(2) + mu_eff);
        let c_mu = gain.min(1.0 - c_1);
        let negative = (1.0 + c_1 / c_mu)
            .min(1.0 + 2.0 * mu_eff_minus / (mu_eff + 2.0))
            .min((1.0 - c_1 - c_mu) / (n * c_mu));
        let plus: f64 = raw[..mu].iter().sum();
        let minus: f64 = raw.iter().filter(|w| **w < 0.0).map(|w| -w).sum();
        let scaled = |w: &f64| if *w >= 0.0 { w / plus } else { negative * w / minus };
        let c_sigma = (mu_eff + 2.0) / (n + mu_eff + 5.0);
        let damping = (((mu_eff - 1.0) / (n + 1.0)).sqrt() - 1.0).max(0.0);
        Self {
            dimension,
            population,
            generations: (100.0 + 50.0 * (n + 3.0).powi(2) / lambda.sqrt()) as usize,
            weights: raw.iter().map(scaled).collect(),
            mu,
            mu_eff,
            c_sigma,
            d_sigma: 1.0 + 2.0 * damping + c_sigma,
            c_c: (4.0 + mu_eff / n) / (n + 4.0 + 2.0 * mu_eff / n),
            c_1,
            c_mu,
            chi: n.sqrt() * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n)),
        }
    }
}

/// Where a run stands.
struct State {
    mean: Vec<f64>,
    sigma: f64,
    /// C, row-major.
    covariance: Vec<f64>,
    /// Columns of B and the diagonal of D.
    axes: Vec<Vec<f64>>,
    lengths: Vec<f64>,
    path_c: Vec<f64>,
    path_sigma: Vec<f64>,
    generation: i32,
}

impl State {
    fn new(mean: Vec<f64>) -> Self {
        let n = mean.len();
        let unit = |k: usize| (0..n).map(|j| f64::from(u8::from(j == k))).collect::<Vec<f64>>();
        let axes: Vec<Vec<f64>> = (0..n).map(unit).collect();
        Self {
            mean,
            sigma: SIGMA,
            covariance: axes.concat(),
            axes,
            lengths: vec![1.0; n],
            path_c: vec![0.0; n],
            path_sigma: vec![0.0; n],
            generation: 0,
        }
    }

    /// B D z.
    fn step(&self, z: &[f64]) -> Vec<f64> {
        self.turned(&z.iter().zip(&self.lengths).map(|(z, d)| z * d).collect::<Vec<f64>>())
    }

    /// B v.
    fn turned(&self, v: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; v.len()];
        for (axis, v) in self.axes.iter().zip(v) {
            out.iter_mut().zip(axis).for_each(|(out, a)| *out += a * v);
        }
        out
    }

    /// D⁻¹ Bᵀ y.
    fn whitened(&self, y: &[f64]) -> Vec<f64> {
        self.axes.iter().zip(&self.lengths).map(|(axis, d)| dot(axis, y) / d).collect()
    }

    fn at(&self, y: &[f64]) -> Vec<f64> {
        self.mean.iter().zip(y).map(|(m, y)| m + self.sigma * y).collect()
    }

    /// Moves mean, paths, covariance and step size by the steps of a generation, best first.
    fn adapt(&mut self, k: &Constants, steps: &[&[f64]]) -> Result<(), SolveError> {
        let n = k.dimension;
        let mut shift = vec![0.0; n];
        for (w, y) in k.weights.iter().zip(&steps[..k.mu]) {
            shift.iter_mut().zip(*y).for_each(|(s, y)| *s += w * y);
        }
        self.mean = self.at(&shift);
        self.generation += 1;
        let white = self.turned(&self.whitened(&shift));
        let push = (k.c_sigma * (2.0 - k.c_sigma) * k.mu_eff).sqrt();
        let path = self.path_sigma.iter_mut().zip(&white);
        path.for_each(|(p, w)| *p = (1.0 - k.c_sigma) * *p + push * w);
        let length = dot(&self.path_sigma, &self.path_sigma).sqrt();
        let whole = (1.0 - (1.0 - k.c_sigma).powi(2 * self.generation)).sqrt();
        let short = length / whole < (1.4 + 2.0 / (n as f64 + 1.0)) * k.chi;
        let push = if short { (k.c_c * (2.0 - k.c_c) * k.mu_eff).sqrt() } else { 0.0 };
        let path = self.path_c.iter_mut().zip(&shift);
        path.for_each(|(p, s)| *p = (1.0 - k.c_c) * *p + push * s);
        let lost = if short { 0.0 } else { k.c_1 * k.c_c * (2.0 - k.c_c) };
        let total: f64 = k.weights.iter().sum();
        self.covariance.iter_mut().for_each(|c| *c *= 1.0 + lost - k.c_1 - k.c_mu * total);
        let path = self.path_c.clone();
        self.add_outer(k.c_1, &path);
        for (w, y) in k.weights.iter().zip(steps) {
            let white = self.whitened(y);
            let part = if *w >= 0.0 { 1.0 } else { n as f64 / dot(&white, &white) };
            self.add_outer(k.c_mu * w * part, y);
        }
        let pace = (k.c_sigma / k.d_sigma) * (length / k.chi - 1.0);
        self.sigma = (self.sigma * pace.min(1.0).exp()).min(1.0);
        let (values, axes) = eigen(&self.covariance, n)?;
        self.lengths = values.iter().map(|v| v.max(f64::MIN_POSITIVE).sqrt()).collect();
        self.axes = axes;
        Ok(())
    }

    fn add_outer(&mut self, weight: f64, y: &[f64]) {
        for (row, a) in self.covariance.chunks_exact_mut(y.len()).zip(y) {
            row.iter_mut().zip(y).for_each(|(c, b)| *c += weight * a * b);
        }
    }

    fn has_settled(&self, k: &Constants, history: &[f64]) -> bool {
        let (shortest, longest) =
            self.lengths.iter().fold((f64::INFINITY, 0.0f64), |(a, b), l| (a.min(*l), b.max(*l)));
        let window = 10 + (30 * k.dimension).div_ceil(k.population);
        let flat = history.len() >= window && {
            let recent = &history[history.len() - window..];
            let least = recent.iter().copied().fold(f64::INFINITY, f64::min);
            recent.iter().copied().fold(0.0, f64::max) - least <= FLAT * least
        };
        flat || self.sigma * longest < SHORT || longest > CONDITION * shortest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least cost found.
    fn best(dimension: usize, seed: u64, cost: impl Fn(&[f64]) -> f64) -> f64 {
        let mut costs = |points: &[Vec<f64>]| Ok(points.iter().map(|u| cost(u)).collect());
        let points = best_points(dimension, &Stream::new(seed), &mut costs).unwrap();
        assert!(points.iter().flatten().all(|u| (0.0..=1.0).contains(u)));
        points.iter().map(|u| cost(u)).fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn rosenbrock_in_six_dimensions() {
        let cost = |u: &[f64]| -> f64 {
            let x: Vec<f64> = u.iter().map(|u| 4.0 * u - 2.0).collect();
            x.windows(2).map(|x| 100.0 * (x[1] - x[0] * x[0]).powi(2) + (1.0 - x[0]).powi(2)).sum()
        };
        assert!((0..4).all(|seed| best(6, seed, cost) < 1e-8));
    }

    #[test]
    fn rastrigin_in_four_dimensions() {
        let cost = |u: &[f64]| -> f64 {
            let x = u.iter().map(|u| 10.24 * u - 5.12 - 0.7);
            x.map(|x| 10.0 + x * x - 10.0 * (std::f64::consts::TAU * x).cos()).sum()
        };
        let reached = (0..6).filter(|seed| best(4, *seed, cost) < 1e-8).count();
        assert!(reached >= 3, "{reached} of 6 seeds");
    }
}
