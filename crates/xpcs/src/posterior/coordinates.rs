//! Variables in which a posterior is nearly normal, and the way from them to the parameters.

use dyne_solve::{Slot, Transform};
use dyne_xpcs_model::terms::power_rate::ln_reference;
use dyne_xpcs_model::{Model, Prior, TimeGrid};

use super::PosteriorError;
use super::affine::Affine;

/// The way from the variables z of a sampler to the parameters θ.
///
/// **Formula**, one step after the other: $w = w_0 + A z$; for each rate $a t^b + c$ of which the parameters
/// are free, with values $a_0, b_0$ at the centre and $p_0 = a_0 t_r^{b_0}$,
/// $v_b = v_b^0 + w_b e^{-w_a}$, $v_a = v_{a0} + \kappa_a[w_a - (b - b_0)\ln t_r]$,
/// $v_c = w_c - \kappa_c p_0(e^{w_a} - 1)$; $x = l + (h - l)/(1 + e^{-v})$; θ by the transform of the fit.
///
/// **Symbols.** $t_r$: reference time, the geometric mean of the times; $w_a = \ln(a t_r^b/p_0)$, the power law at
/// the reference time instead of its prefactor; $w_b \propto a\,b\,t_r^b$, its slope there; $w_c$: the whole
/// rate there; κ: slopes dv/d ln a and dv/dc at the centre; $v_b^0$: that of b = 0; l, h: where bounds and
/// prior leave room. All steps go both ways, so the posterior is the same; that D₀ grows where α → 0, which
/// bends in (a, b, c), is straight in w.
///
/// **Edges** Without room for b = 0 between the bounds, or with c held, $v_b = w_b$; with a held a rate stays as
/// it is. **Checked by** `tests/fits/posterior.rs`.
#[derive(Debug, Clone)]
pub struct Coordinates {
    /// Where bounds and prior of each free variable x leave room.
    supports: Vec<(f64, f64)>,
    rates: Vec<RateShape>,
    affine: Affine,
}

/// One rate about a centre; positions among the free variables.
#[derive(Debug, Clone, PartialEq)]
struct RateShape {
    prefactor: usize,
    exponent: Option<Exponent>,
    offset: Option<Offset>,
    /// v of the prefactor at the centre.
    v: f64,
    /// dv/d ln a at the centre.
    kappa: f64,
}

#[derive(Debug, Clone, PartialEq)]
struct Exponent {
    at: usize,
    /// Value at the centre.
    centre: f64,
    ln_reference: f64,
    /// v where the exponent is 0, if the rate is bent.
    bent: Option<f64>,
}

#[derive(Debug, Clone, PartialEq)]
struct Offset {
    at: usize,
    /// κ_c p₀.
    slope: f64,
}

/// A point on the way from z to θ.
pub(super) struct Place {
    w: Vec<f64>,
    v: Vec<f64>,
    /// Free variables of the fit.
    pub(super) x: Vec<f64>,
    /// ln |∂x/∂w| up to a constant.
    pub(super) ln_jacobian: f64,
}

/// ln(u (1 − u)) and 1 − 2u for u = 1/(1 + e^−v).
fn logistic_slope(v: f64) -> (f64, f64) {
    let e = (-v.abs()).exp();
    (-v.abs() - 2.0 * e.ln_1p(), -(0.5 * v).tanh())
}

fn share(v: f64) -> f64 {
    (1.0 + (-v).exp()).recip()
}

fn logit(x: f64, (l, h): (f64, f64)) -> f64 {
    let u = ((x - l) / (h - l)).clamp(1e-3, 1.0 - 1e-3);
    (u / (1.0 - u)).ln()
}

/// Slope dx/dv at v.
fn slope(v: f64, (l, h): (f64, f64)) -> f64 {
    (h - l) * logistic_slope(v).0.exp()
}

impl Coordinates {
    /// Those of the free variables of `transform` under `priors`, one a parameter, straight about `theta`,
    /// with `extra` variables that are taken as they are.
    ///
    /// # Errors
    /// [`PosteriorError::PriorExcludesFit`] where `theta` lies where a prior is 0.
    pub(super) fn try_new(
        model: &dyn Model,
        grid: &TimeGrid,
        transform: &Transform,
        priors: &[Prior],
        theta: &[f64],
        extra: &[f64],
    ) -> Result<Self, PosteriorError> {
        let supports: Vec<(f64, f64)> = transform
            .free()
            .iter()
            .map(|k| support(model, transform, priors[*k], theta[*k], *k))
            .collect::<Result<_, _>>()?;
        let x = transform.free_variables(theta)?;
        let v: Vec<f64> = x.iter().zip(&supports).map(|(x, s)| logit(*x, *s)).collect();
        let mut made = Self { supports, rates: Vec::new(), affine: Affine::default() };
        let rates = model.rates().iter();
        made.rates =
            rates.filter_map(|first| made.rate(transform, grid, theta, &v, *first)).collect();
        let mut w = made.straightened(&v);
        w.extend(extra);
        made.affine = Affine::about(w);
        Ok(made)
    }

    fn rate(
        &self,
        transform: &Transform,
        grid: &TimeGrid,
        theta: &[f64],
        v: &[f64],
        first: usize,
    ) -> Option<RateShape> {
        let place = |k: usize| transform.free().iter().position(|free| *free == k);
        let prefactor = place(first)?;
        let logarithmic =
            matches!(transform.slots()[first], Slot::Free { scale: dyne_solve::Scale::Log, .. });
        let (a, b) = (theta[first], theta[first + 1]);
        let ln_reference = ln_reference(grid);
        let offset = place(first + 2).map(|at| Offset {
            at,
            slope: a * (b * ln_reference).exp() / slope(v[at], self.supports[at]),
        });
        let exponent = place(first + 1).map(|at| {
            let (l, h) = self.supports[at];
            let bent = offset.is_some() && l < 0.0 && h > 0.0;
            Exponent {
                at,
                centre: l + (h - l) * share(v[at]),
                ln_reference,
                bent: bent.then(|| logit(0.0, (l, h))),
            }
        });
        let kappa = slope(v[prefactor], self.supports[prefactor]).recip();
        logarithmic.then_some(RateShape { prefactor, exponent, offset, v: v[prefactor], kappa })
    }

    /// Number of variables.
    pub fn dimension(&self) -> usize {
        self.affine.dimension()
    }

    /// Number of free parameters; the other variables come after them.
    pub fn free(&self) -> usize {
        self.supports.len()
    }

    /// The same with other units.
    pub(super) fn with(self, affine: Affine) -> Self {
        Self { affine, ..self }
    }

    /// Centre and units.
    pub(super) fn affine(&self) -> &Affine {
        &self.affine
    }

    /// w of v.
    fn straightened(&self, v: &[f64]) -> Vec<f64> {
        let mut w = v.to_vec();
        for rate in &self.rates {
            let mut wa = (v[rate.prefactor] - rate.v) / rate.kappa;
            if let Some(exponent) = &rate.exponent {
                let (l, h) = self.supports[exponent.at];
                let value = l + (h - l) * share(v[exponent.at]);
                wa += (value - exponent.centre) * exponent.ln_reference;
                if let Some(zero) = exponent.bent {
                    w[exponent.at] = (v[exponent.at] - zero) * wa.exp();
                }
            }
            if let Some(offset) = &rate.offset {
                w[offset.at] = v[offset.at] + offset.slope * wa.exp_m1();
            }
            w[rate.prefactor] = wa;
        }
        w
    }

    /// v of w.
    fn bent(&self, w: &[f64]) -> (Vec<f64>, f64) {
        let (mut v, mut ln_jacobian) = (w[..self.free()].to_vec(), 0.0);
        for rate in &self.rates {
            let wa = w[rate.prefactor];
            let mut moved = wa;
            if let Some(exponent) = &rate.exponent {
                if let Some(zero) = exponent.bent {
                    v[exponent.at] = zero + w[exponent.at] * (-wa).exp();
                    ln_jacobian -= wa;
                }
                let (l, h) = self.supports[exponent.at];
                let value = l + (h - l) * share(v[exponent.at]);
                moved -= (value - exponent.centre) * exponent.ln_reference;
            }
            if let Some(offset) = &rate.offset {
                v[offset.at] = w[offset.at] - offset.slope * wa.exp_m1();
            }
            v[rate.prefactor] = rate.v + rate.kappa * moved;
        }
        (v, ln_jacobian)
    }

    /// The point at z.
    pub(super) fn place(&self, z: &[f64]) -> Place {
        let w = self.affine.forward(z);
        let (v, mut ln_jacobian) = self.bent(&w);
        let mut x = Vec::with_capacity(v.len());
        for (v, (l, h)) in v.iter().zip(&self.supports) {
            x.push(l + (h - l) * share(*v));
            ln_jacobian += logistic_slope(*v).0;
        }
        Place { w, v, x, ln_jacobian }
    }

    /// The variables z of a point: free variables x of the fit, then the extra ones.
    pub(super) fn variables(&self, x: &[f64], extra: &[f64]) -> Vec<f64> {
        let v: Vec<f64> = x.iter().zip(&self.supports).map(|(x, s)| logit(*x, *s)).collect();
        let mut w = self.straightened(&v);
        w.extend(extra);
        self.affine.backward(&w)
    }

    /// Gradient by z of a function with the gradient `by_x` by the free variables and `by_extra` by the
    /// others, the logarithm of the Jacobian added to it.
    pub(super) fn pulled_back(&self, place: &Place, by_x: &[f64], by_extra: &[f64]) -> Vec<f64> {
        let mut g: Vec<f64> = by_x.to_vec();
        for (g, (v, support)) in g.iter_mut().zip(place.v.iter().zip(&self.supports)) {
            *g = *g * slope(*v, *support) + logistic_slope(*v).1;
        }
        for rate in &self.rates {
            let wa = place.w[rate.prefactor];
            let by_prefactor = g[rate.prefactor] * rate.kappa;
            let mut by_wa = by_prefactor;
            if let Some(exponent) = &rate.exponent {
                let at = exponent.at;
                let turned = slope(place.v[at], self.supports[at]) * exponent.ln_reference;
                let by_exponent = g[at] - by_prefactor * turned;
                g[at] = match exponent.bent {
                    Some(zero) => {
                        by_wa -= by_exponent * (place.v[at] - zero) + 1.0;
                        by_exponent * (-wa).exp()
                    }
                    None => by_exponent,
                };
            }
            if let Some(offset) = &rate.offset {
                by_wa -= g[offset.at] * offset.slope * wa.exp();
            }
            g[rate.prefactor] = by_wa;
        }
        g.extend(by_extra);
        self.affine.transposed(&g)
    }

    /// The variables beyond those of the parameters.
    pub(super) fn extra<'p>(&self, place: &'p Place) -> &'p [f64] {
        &place.w[self.free()..]
    }
}

/// Where bounds and prior of parameter `k` leave room, in its free variable.
fn support(
    model: &dyn Model,
    transform: &Transform,
    prior: Prior,
    value: f64,
    k: usize,
) -> Result<(f64, f64), PosteriorError> {
    let Slot::Free { scale, lower, upper } = transform.slots()[k] else {
        unreachable!("only free slots are listed");
    };
    let outside = |low: f64, high: f64| PosteriorError::PriorExcludesFit {
        name: model.parameters()[k].name,
        value,
        low,
        high,
    };
    let (low, high) = prior.support(lower, upper).ok_or_else(|| outside(lower, upper))?;
    if !(low..=high).contains(&value) {
        return Err(outside(low, high));
    }
    Ok(match scale {
        dyne_solve::Scale::Linear => (low, high),
        dyne_solve::Scale::Log => (low.ln(), high.ln()),
    })
}
