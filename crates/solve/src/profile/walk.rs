//! The way outwards along a profile, and back.

use dyne_runtime::Observer;

use super::{ProfileEnd, ProfileOptions};
use crate::box_quadratic;
use crate::curve::follow;
use crate::error::SolveError;
use crate::objective::Objective;
use crate::symmetric::dot;
use crate::transform::{Scale, Slot, Transform};
use crate::trust_region::{Fit, minimise};

/// Most values on one side of the minimum, going outwards.
const MOST_STEPS: usize = 16;
/// Deviation beyond which a side ends.
const FAR: f64 = 2.2;
/// A step over which the deviation grows by less than this is followed by one twice as long.
const LITTLE: f64 = 0.2;
/// Steps over which the deviation grows by more are divided where an interval ends within them,
const WIDE: f64 = 0.75;
/// at these deviations,
const LEVELS: [f64; 2] = [0.994_457_883_209_753, 1.959_963_984_540_054];
/// so often at most.
const MOST_DIVISIONS: usize = 8;
/// Passes over the values of a side at most.
const MOST_PASSES: usize = 4;
/// A fit replaces another if the cost is lower by this part of the rise at one deviation.
const BETTER: f64 = 1e-3;
/// A bound holds a value if without it the rise would be lower by this part.
const HELD: f64 = 0.25;

/// One value with the best fit there.
pub(super) struct Node {
    pub(super) value: f64,
    pub(super) fit: Fit,
    /// Another parameter whose bound makes the cost rise.
    pub(super) held: Option<usize>,
}

/// One side of a profile, away from the minimum.
pub(super) struct Side {
    pub(super) nodes: Vec<Node>,
    pub(super) end: ProfileEnd,
}

pub(super) struct Walk<'a> {
    objective: &'a dyn Objective,
    transform: &'a Transform,
    pub(super) minimum: &'a Fit,
    options: &'a ProfileOptions,
    observer: &'a dyn Observer,
    scale: Scale,
    lower: f64,
    upper: f64,
    /// Position of the parameter among the free variables.
    variable: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn try_new(
        objective: &'a dyn Objective,
        transform: &'a Transform,
        minimum: &'a Fit,
        options: &'a ProfileOptions,
        observer: &'a dyn Observer,
    ) -> Result<Self, SolveError> {
        for (name, value) in [("stderr", options.stderr), ("rise", options.rise)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(SolveError::Option { name, value, expected: "a positive number" });
            }
        }
        let slot = transform.slots().get(options.parameter);
        match (slot, transform.variable_of(options.parameter)) {
            (Some(Slot::Free { scale, lower, upper }), Some(variable)) => Ok(Self {
                objective,
                transform,
                minimum,
                options,
                observer,
                scale: *scale,
                lower: *lower,
                upper: *upper,
                variable,
            }),
            _ => Err(SolveError::Option {
                name: "parameter",
                value: options.parameter as f64,
                expected: "the position of a free parameter",
            }),
        }
    }

    /// Value of the parameter at the minimum.
    pub(super) fn best(&self) -> f64 {
        self.minimum.theta[self.options.parameter]
    }

    /// Rise of the cost above the minimum, in units of that at one deviation.
    pub(super) fn rise(&self, node: &Node) -> f64 {
        (node.fit.cost() - self.minimum.cost()) / self.options.rise
    }

    fn deviation(&self, node: &Node) -> f64 {
        self.rise(node).max(0.0).sqrt()
    }

    pub(super) fn side(&self, sign: f64) -> Result<Side, SolveError> {
        let mut side = self.outwards(sign)?;
        self.settle(&mut side.nodes)?;
        // A deeper minimum is looked for before more is done.
        if side.nodes.iter().all(|node| self.rise(node) > -0.01) {
            self.divide(&mut side.nodes)?;
            for node in &mut side.nodes {
                node.held = self.holding(node)?;
            }
        }
        // What closes the wider interval decides.
        let crossed = side.nodes.iter().find(|node| self.deviation(node) >= LEVELS[1]);
        let held = crossed.and_then(|node| node.held);
        if let (ProfileEnd::Closed, Some(k)) = (side.end, held) {
            side.end = ProfileEnd::Held(k);
        }
        Ok(side)
    }

    /// Values away from the minimum, each fitted from the one before and from the minimum.
    fn outwards(&self, sign: f64) -> Result<Side, SolveError> {
        let best = self.best();
        let unit = match self.scale {
            Scale::Linear => self.options.stderr,
            Scale::Log => (self.options.stderr / best).min(1.0),
        };
        let (mut nodes, mut at, mut step, mut z) = (Vec::<Node>::new(), 0.0, 0.5, 0.0);
        let end = loop {
            if z >= FAR {
                break ProfileEnd::Closed;
            }
            let edge = nodes.last().map_or(best, |node| node.value);
            if (edge <= self.lower && sign < 0.0) || (edge >= self.upper && sign > 0.0) {
                break ProfileEnd::Bound;
            }
            if nodes.len() >= MOST_STEPS {
                break ProfileEnd::Flat;
            }
            at += step;
            let value = self.moved(best, sign * at * unit).clamp(self.lower, self.upper);
            let starts: Vec<&Fit> =
                nodes.last().map(|node| &node.fit).into_iter().chain([self.minimum]).collect();
            let Some(node) = self.best_fit(value, &starts)? else { break ProfileEnd::NotFinite };
            let next = self.deviation(&node);
            if next - z < LITTLE {
                step *= 2.0;
            }
            z = next;
            nodes.push(node);
        };
        Ok(Side { nodes, end })
    }

    /// `value` moved along the scale.
    fn moved(&self, value: f64, by: f64) -> f64 {
        match self.scale {
            Scale::Linear => value + by,
            Scale::Log => value * by.exp(),
        }
    }

    /// Fits every value from its neighbours, inwards and outwards, until nothing improves.
    fn settle(&self, nodes: &mut [Node]) -> Result<(), SolveError> {
        // What is new since its inner and since its outer neighbour was fitted from it.
        let mut news = vec![[true, false]; nodes.len()];
        for _ in 0..MOST_PASSES {
            for k in (1..nodes.len()).rev() {
                if std::mem::take(&mut news[k][0]) && self.improve(nodes, k - 1, k)? {
                    news[k - 1] = [true, true];
                }
            }
            for k in 1..nodes.len() {
                if std::mem::take(&mut news[k - 1][1]) && self.improve(nodes, k, k - 1)? {
                    news[k] = [true, true];
                }
            }
            if news.iter().skip(1).all(|new| !new[0]) {
                break;
            }
        }
        Ok(())
    }

    /// Fits the value `k` from `from`; whether that was better.
    fn improve(&self, nodes: &mut [Node], k: usize, from: usize) -> Result<bool, SolveError> {
        let Some(found) = self.fit_at(nodes[k].value, &nodes[from].fit)? else { return Ok(false) };
        let better = found.cost() < nodes[k].fit.cost() - BETTER * self.options.rise;
        if better {
            nodes[k].fit = found;
        }
        Ok(better)
    }

    /// Puts values into wide steps within which an interval ends.
    fn divide(&self, nodes: &mut Vec<Node>) -> Result<(), SolveError> {
        for _ in 0..MOST_DIVISIONS {
            let z = |k: usize| if k == 0 { 0.0 } else { self.deviation(&nodes[k - 1]) };
            let wide = |k: &usize| {
                let crossed = LEVELS.iter().any(|level| z(*k) < *level && *level <= z(k + 1));
                crossed && z(k + 1) - z(*k) > WIDE
            };
            let Some(k) = (0..nodes.len()).find(wide) else { break };
            let inner = if k == 0 { self.best() } else { nodes[k - 1].value };
            let value = self.between(inner, nodes[k].value);
            let below = if k == 0 { self.minimum } else { &nodes[k - 1].fit };
            let starts = [below, self.minimum, &nodes[k].fit];
            let Some(node) = self.best_fit(value, &starts)? else { break };
            nodes.insert(k, node);
        }
        Ok(())
    }

    fn between(&self, a: f64, b: f64) -> f64 {
        match self.scale {
            Scale::Linear => 0.5 * (a + b),
            Scale::Log => (a * b).sqrt(),
        }
    }

    /// The best of the fits from several starts; nothing where there is none.
    fn best_fit(&self, value: f64, starts: &[&Fit]) -> Result<Option<Node>, SolveError> {
        let mut best: Option<Fit> = None;
        for start in starts {
            let found = self.fit_at(value, start)?;
            best = match (best, found) {
                (Some(a), Some(b)) => Some(if b.cost() < a.cost() { b } else { a }),
                (a, b) => a.or(b),
            };
        }
        Ok(best.map(|fit| Node { value, fit, held: None }))
    }

    /// The fit with the parameter held at `value`, from where the valley of `from` leads; nothing
    /// where there is none.
    fn fit_at(&self, value: f64, from: &Fit) -> Result<Option<Fit>, SolveError> {
        let mut slots = self.transform.slots().to_vec();
        slots[self.options.parameter] = Slot::Fixed(value);
        let transform = Transform::try_new(&slots)?;
        let start = self.along(value, from)?;
        match minimise(self.objective, &transform, &start, &self.options.fit, self.observer) {
            Ok(fit) => Ok(Some(fit)),
            Err(SolveError::StartNotFinite { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Where the parameter is at `value` and the others where the normal equations of `from` have
    /// the minimum, along the curve of the objective.
    fn along(&self, value: f64, from: &Fit) -> Result<Vec<f64>, SolveError> {
        let (transform, k) = (self.transform, self.variable);
        let mut theta = from.theta.clone();
        let old = transform.free_variables(&theta)?;
        theta[self.options.parameter] = value;
        let shift = transform.free_variables(&theta)?[k] - old[k];
        let (h, mut g) = self.quadratic(from)?;
        let n = old.len();
        for i in 0..n {
            g[i] += h[i * n + k] * shift;
        }
        let room = |bounds: &[f64]| -> Vec<f64> {
            (0..n).map(|i| if i == k { 0.0 } else { bounds[i] - old[i] }).collect()
        };
        let step = descend(&h, &g, &room(transform.lower()), &room(transform.upper()));
        let x: Vec<f64> =
            (0..n).map(|i| if i == k { old[k] + shift } else { old[i] + step[i] }).collect();
        let rest: Vec<bool> = (0..n).map(|i| i == k).collect();
        let x = follow(self.objective, transform, &from.theta, &old, x, &rest);
        let mut end = transform.theta(&x);
        end[self.options.parameter] = value;
        transform.clamped(&end)
    }

    /// Hessian and gradient of a fit, by all free variables.
    fn quadratic(&self, fit: &Fit) -> Result<(Vec<f64>, Vec<f64>), SolveError> {
        let reduced = fit.equations.reduce()?;
        let hessian = self.transform.hessian(&fit.theta, reduced.hessian());
        Ok((hessian, self.transform.gradient(&fit.theta, reduced.gradient())))
    }

    /// Another parameter on its bound without which the rise would be lower by a quarter.
    fn holding(&self, node: &Node) -> Result<Option<usize>, SolveError> {
        let rise = node.fit.cost() - self.minimum.cost();
        let (lower, upper) = (self.transform.lower(), self.transform.upper());
        let x = self.transform.free_variables(&node.fit.theta)?;
        let n = x.len();
        let at_bound =
            |i: &usize| *i != self.variable && (x[*i] <= lower[*i] || x[*i] >= upper[*i]);
        let (h, g) = self.quadratic(&node.fit)?;
        for i in (0..n).filter(at_bound) {
            let room = |bounds: &[f64], beyond: f64| -> Vec<f64> {
                (0..n)
                    .map(|j| match j {
                        _ if j == self.variable => 0.0,
                        _ if j == i => beyond,
                        _ => bounds[j] - x[j],
                    })
                    .collect()
            };
            let far = f64::INFINITY;
            let step = descend(&h, &g, &room(lower, -far), &room(upper, far));
            let curved: f64 = (0..n).map(|a| step[a] * dot(&h[a * n..(a + 1) * n], &step)).sum();
            if -dot(&g, &step) - 0.5 * curved > HELD * rise {
                return Ok(Some(self.transform.free()[i]));
            }
        }
        Ok(None)
    }
}

/// The minimum of gᵀd + ½ dᵀHd over a box, in variables of which every curvature is 1.
fn descend(h: &[f64], g: &[f64], lower: &[f64], upper: &[f64]) -> Vec<f64> {
    let n = g.len();
    let root = |i: usize| h[i * (n + 1)].max(0.0).sqrt();
    let d: Vec<f64> = (0..n).map(|i| if root(i) > 0.0 { root(i) } else { 1.0 }).collect();
    let scaled: Vec<f64> = (0..n * n).map(|k| h[k] / (d[k / n] * d[k % n])).collect();
    let by = |v: &[f64]| -> Vec<f64> { v.iter().zip(&d).map(|(v, d)| v * d).collect() };
    let slope: Vec<f64> = g.iter().zip(&d).map(|(g, d)| g / d).collect();
    let u = box_quadratic::minimise(&scaled, &slope, &by(lower), &by(upper));
    u.iter().zip(&d).map(|(u, d)| u / d).collect()
}
