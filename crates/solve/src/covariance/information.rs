//! The information matrix of the free variables: its inverse and what it does not determine.

use super::{FlatDirection, Reason};
use crate::error::SolveError;
use crate::normal::{NormalEquations, Reduced};
use crate::symmetric::{Factor, RANK_TOLERANCE, dot};
use crate::transform::Transform;

/// A parameter with more than this weight in a null direction is not determined.
const PARTICIPATION: f64 = 1e-6;

/// Information matrix of the free variables inside their bounds, factorised.
pub(super) struct Information {
    /// Variables x that are inside their bounds.
    pub(super) inside: Vec<usize>,
    /// For each variable x: the reason why it is conditioned on.
    held: Vec<Option<Reason>>,
    /// Columns of T that belong to `inside`, each of length p.
    columns: Vec<Vec<f64>>,
    /// 1/√H_ii before the linear parameters were eliminated; 1 for a variable without any effect.
    natural: Vec<f64>,
    pub(super) factor: Factor,
    pub(super) spectrum: Vec<f64>,
    /// Direction of the smallest eigenvalue over `inside`, unit length in scaled variables.
    weakest: Vec<f64>,
}

impl Information {
    pub(super) fn try_new(
        equations: &NormalEquations,
        reduced: &Reduced,
        transform: &Transform,
        theta: &[f64],
    ) -> Result<Self, SolveError> {
        let x = transform.free_variables(theta)?;
        let held: Vec<Option<Reason>> = (0..x.len())
            .map(|i| {
                if x[i] <= transform.lower()[i] {
                    Some(Reason::AtLowerBound)
                } else if x[i] >= transform.upper()[i] {
                    Some(Reason::AtUpperBound)
                } else {
                    None
                }
            })
            .collect();
        let inside: Vec<usize> = (0..x.len()).filter(|&i| held[i].is_none()).collect();
        let full = transform.hessian(theta, reduced.hessian());
        let block: Vec<f64> = inside
            .iter()
            .flat_map(|&i| inside.iter().map(move |&j| (i, j)))
            .map(|(i, j)| full[i * x.len() + j])
            .collect();
        let columns = inside
            .iter()
            .map(|&i| {
                let unit: Vec<f64> = (0..x.len()).map(|j| f64::from(u8::from(i == j))).collect();
                transform.direction(theta, &unit)
            })
            .collect();
        let whole = transform.hessian(theta, equations.hessian());
        let natural = inside
            .iter()
            .map(|&i| whole[i * (x.len() + 1)])
            .map(|diagonal| if diagonal > 0.0 { diagonal.sqrt().recip() } else { 1.0 })
            .collect();
        let tolerance = RANK_TOLERANCE.max(reduced.noise());
        let factor = Factor::try_new(&block, inside.len(), tolerance)?;
        let (spectrum, weakest) = factor.spectrum(&block)?;
        Ok(Self { inside, held, columns, natural, factor, spectrum, weakest })
    }

    /// The weakest direction: positions among θ and weights, heaviest first, at most four.
    pub(super) fn weakest(&self, transform: &Transform) -> Vec<(usize, f64)> {
        let mut weights = vec![0.0; transform.shared()];
        for (j, weight) in weights.iter_mut().enumerate() {
            let position = transform
                .variable_of(j)
                .and_then(|i| self.inside.iter().position(|&inside| inside == i));
            *weight = position.map_or(0.0, |k| self.weakest[k]);
        }
        heaviest(&weights)
    }

    /// The null directions of the variables, as steps of θ.
    pub(super) fn flat(&self, transform: &Transform) -> Vec<FlatDirection> {
        let p = transform.shared();
        let scales = self.factor.scale().iter().zip(&self.natural);
        let scales: Vec<f64> =
            scales.map(|(s, natural)| if *s > 0.0 { *s } else { *natural }).collect();
        let squares = |values: Vec<f64>| values.into_iter().map(|v| v * v).collect::<Vec<f64>>();
        let mut of_theta = vec![0.0; p];
        for (column, scale) in self.columns.iter().zip(&scales) {
            let scaled = column.iter().map(|c| c * scale).collect();
            of_theta.iter_mut().zip(squares(scaled)).for_each(|(sum, s)| *sum += s);
        }
        of_theta.iter_mut().for_each(|s| *s = s.sqrt());
        let steps = |v: &Vec<f64>| {
            let raw: Vec<f64> = v.iter().zip(&scales).map(|(v, s)| v * s).collect();
            self.pushed(&raw, p)
        };
        let made = |v| FlatDirection { steps: steps(v), scales: of_theta.clone() };
        self.factor.null().iter().map(made).collect()
    }

    /// T v for a vector over the inside variables.
    fn pushed(&self, v: &[f64], p: usize) -> Vec<f64> {
        let mut theta = vec![0.0; p];
        for (column, v) in self.columns.iter().zip(v) {
            theta.iter_mut().zip(column).for_each(|(t, c)| *t += c * v);
        }
        theta
    }

    /// Generalised inverse over (θ, z), row-major.
    ///
    /// With $M = (T;\,-KT)$ and $C = LL^T$ it is $(ML)(ML)^T$ plus the blocks $H_{zz}^{+}$.
    pub(super) fn inverse(&self, reduced: &Reduced) -> Vec<f64> {
        let p = reduced.gradient().len();
        let f = self.inside.len();
        let mut unit = vec![0.0; self.factor.rank()];
        let mut roots: Vec<Vec<f64>> = Vec::new();
        for r in 0..unit.len() {
            unit[r] = 1.0;
            let root = self.factor.solve_half(unit.clone());
            unit[r] = 0.0;
            roots.push(with_response(reduced, self.pushed(&root[..f], p)));
        }
        let order = p + reduced.groups().iter().map(|g| g.factor.order()).sum::<usize>();
        let mut inverse = vec![0.0; order * order];
        for root in &roots {
            for (i, a) in root.iter().enumerate().filter(|(_, a)| **a != 0.0) {
                for (j, b) in root.iter().enumerate() {
                    inverse[i * order + j] += a * b;
                }
            }
        }
        let mut start = p;
        for group in reduced.groups() {
            let k = group.factor.order();
            for (index, value) in group.factor.inverse().into_iter().enumerate() {
                inverse[(start + index / k) * order + start + index % k] += value;
            }
            start += k;
        }
        inverse
    }

    /// Why each of (θ, z) has no variance, where it has none.
    pub(super) fn reasons(&self, reduced: &Reduced, transform: &Transform) -> Vec<Option<Reason>> {
        let mut reasons: Vec<Option<Reason>> = (0..transform.shared())
            .map(|j| match transform.variable_of(j) {
                Some(i) => self.held[i].clone(),
                None => Some(Reason::Fixed),
            })
            .collect();
        let linear: usize = reduced.groups().iter().map(|g| g.factor.order()).sum();
        reasons.resize(reasons.len() + linear, None);
        for weights in self.null_directions(reduced, transform) {
            let direction = heaviest(&weights);
            for (reason, weight) in reasons.iter_mut().zip(&weights) {
                if reason.is_none() && weight.abs() > PARTICIPATION {
                    *reason = Some(Reason::Undetermined { direction: direction.clone() });
                }
            }
        }
        reasons
    }

    /// Null directions over (θ, z) in variables scaled to a unit diagonal, the weakest first.
    fn null_directions(&self, reduced: &Reduced, transform: &Transform) -> Vec<Vec<f64>> {
        let p = transform.shared();
        let mut directions = Vec::new();
        for v in self.factor.null() {
            // A variable without effect of its own has no scale there.
            let scales = self.factor.scale().iter().zip(&self.natural);
            let scales = scales.map(|(s, natural)| if *s > 0.0 { s } else { natural });
            let raw: Vec<f64> = v.iter().zip(scales).map(|(v, s)| v * s).collect();
            let mut weights = with_response(reduced, self.pushed(&raw, p));
            for (j, weight) in weights[..p].iter_mut().enumerate() {
                let position = transform
                    .variable_of(j)
                    .and_then(|i| self.inside.iter().position(|&inside| inside == i));
                *weight = position.map_or(0.0, |k| v[k]);
            }
            let scales = reduced.groups().iter().flat_map(|g| g.factor.scale());
            weights[p..].iter_mut().zip(scales).for_each(|(w, s)| {
                *w = if *s > 0.0 { *w / s } else { 0.0 };
            });
            directions.push(weights);
        }
        let order = p + reduced.groups().iter().map(|g| g.factor.order()).sum::<usize>();
        let mut start = p;
        for group in reduced.groups() {
            for v in group.factor.null() {
                let mut weights = vec![0.0; order];
                weights[start..start + v.len()].copy_from_slice(v);
                directions.push(weights);
            }
            start += group.factor.order();
        }
        directions
    }
}

/// (v, −K v) for a direction v of θ.
fn with_response(reduced: &Reduced, mut v: Vec<f64>) -> Vec<f64> {
    let responses: Vec<f64> = reduced.groups().iter().flat_map(|g| g.response(&v)).collect();
    v.extend(responses.into_iter().map(|z| -z));
    v
}

/// The four heaviest entries, with their positions, scaled to a unit vector.
fn heaviest(weights: &[f64]) -> Vec<(usize, f64)> {
    let norm = dot(weights, weights).sqrt().max(f64::MIN_POSITIVE);
    let mut entries: Vec<(usize, f64)> =
        weights.iter().map(|w| w / norm).enumerate().filter(|(_, w)| w.abs() > 0.01).collect();
    entries.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    entries.truncate(4);
    entries
}
