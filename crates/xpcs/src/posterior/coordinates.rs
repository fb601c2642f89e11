//! Variables in which a posterior is nearly normal, and the way from them to the parameters.

use dyne_solve::{Slot, Transform};
use dyne_xpcs_model::terms::power_rate::ln_reference;
use dyne_xpcs_model::{Model, Prior, TimeGrid};

use super::PosteriorError;
use super::affine::Affine;
use super::bounded::Bounded;

/// The way from the variables z of a sampler to the parameters θ.
///
/// **Formula**, one step after the other: $w = w_0 + A z$; for each rate $a t^b + c$ of which the parameters are
/// free, about its values $a_0, b_0, c_0$ at the centre with $p_0 = a_0 t_r^{b_0}$ and $e = e^{w_a}$,
/// $v_b = b_0\,e\,(1 + \tau^2)/(\tau^2 + e^2) + w_b\sqrt{(1 + \tau^2)/(\tau^2 + e^2)}$,
/// $v_a = \ln p_0 + w_a - b \ln t_r$, $v_c = w_c - p_0(e - 1)$; x from v into its bounds (`bounded.rs`), where v is x
/// but near them; θ by the transform of the fit.
///
/// **Symbols.** $t_r$: reference time, the geometric mean of the times; $w_a = \ln(a t_r^b/p_0)$: the power law at
/// the reference time instead of its prefactor; $w_c$: the whole rate there, less $p_0$; τ²: what the prior tells
/// of b over what the data tell at the centre, where they tell $b\,e$, the slope of the rate. Then $w_b$ is b less what
/// data and prior expect of it, in units of how well they know it: for a large power law its slope, for a small
/// one b itself. All steps go both ways, so the posterior is the same; that D₀ grows where α → 0, which bends in
/// (a, b, c), is straight in w, and so is the funnel where the power law vanishes.
///
/// **Edges** With b or c held, the step of b is left out; with a held a rate stays as it is. **Checked by**
/// `tests/fits/posterior.rs`.
#[derive(Debug, Clone)]
pub struct Coordinates {
    /// Where bounds and prior of each free variable x leave room.
    supports: Vec<Bounded>,
    rates: Vec<RateShape>,
    affine: Affine,
}

/// One rate about a centre; positions among the free variables.
#[derive(Debug, Clone, PartialEq)]
struct RateShape {
    prefactor: usize,
    exponent: Option<Exponent>,
    offset: Option<usize>,
    /// ln p₀.
    ln_power: f64,
}

#[derive(Debug, Clone, PartialEq)]
struct Exponent {
    at: usize,
    ln_reference: f64,
    /// Value at the centre, and τ², where the rate is bent.
    bent: Option<Bent>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Bent {
    centre: f64,
    tau2: f64,
}

/// Value and derivatives of the step of an exponent.
struct Turned {
    /// Expected exponent.
    middle: f64,
    /// Its derivative by w_a.
    middle_slope: f64,
    /// Factor of w_b.
    factor: f64,
    /// Derivative of its logarithm by w_a.
    ln_factor_slope: f64,
}

impl Bent {
    fn at(self, wa: f64) -> Turned {
        let e = wa.exp();
        let share = e * e / (self.tau2 + e * e);
        let scale = (1.0 + self.tau2) / (self.tau2 + e * e);
        let middle = self.centre * e * scale;
        Turned {
            middle,
            middle_slope: middle * (1.0 - 2.0 * share),
            factor: scale.sqrt(),
            ln_factor_slope: -share,
        }
    }
}

/// A point on the way from z to θ.
pub(super) struct Place {
    pub(super) w: Vec<f64>,
    v: Vec<f64>,
    /// Free variables of the fit.
    pub(super) x: Vec<f64>,
    /// ln |∂x/∂w| up to a constant.
    pub(super) ln_jacobian: f64,
}

/// What coordinates are about.
#[derive(Clone, Copy)]
pub(super) struct Centre<'a> {
    /// Parameters of the model.
    pub(super) theta: &'a [f64],
    /// Standard deviation of each free variable under its prior.
    pub(super) scales: &'a [f64],
    /// The other variables.
    pub(super) extra: &'a [f64],
    /// Their sizes.
    pub(super) extra_scales: &'a [f64],
}

impl Coordinates {
    /// Those of the free variables of `transform` under `priors`, one a parameter, straight about a centre.
    ///
    /// # Errors
    /// [`PosteriorError::PriorExcludesFit`] where the centre lies where a prior is 0.
    pub(super) fn try_new(
        model: &dyn Model,
        grid: &TimeGrid,
        transform: &Transform,
        priors: &[Prior],
        centre: Centre<'_>,
    ) -> Result<Self, PosteriorError> {
        let Centre { theta, scales, extra, extra_scales } = centre;
        let supports: Vec<Bounded> = transform
            .free()
            .iter()
            .map(|k| support(model, transform, priors[*k], theta[*k], *k))
            .collect::<Result<_, _>>()?;
        let x = transform.free_variables(theta)?;
        let v: Vec<f64> = x.iter().zip(&supports).map(|(x, s)| s.v(*x)).collect();
        let mut made = Self { supports, rates: Vec::new(), affine: Affine::default() };
        let rates = model.rates().iter();
        made.rates = rates.filter_map(|first| rate(transform, grid, theta, *first)).collect();
        let mut w = made.straightened(&v);
        w.extend(extra);
        made.affine = Affine::about(w, &[scales, extra_scales].concat());
        Ok(made)
    }

    /// Positions of the exponents of bent rates among the variables.
    pub(super) fn bent_exponents(&self) -> Vec<usize> {
        let exponents = self.rates.iter().filter_map(|rate| rate.exponent.as_ref());
        exponents.filter(|exponent| exponent.bent.is_some()).map(|exponent| exponent.at).collect()
    }

    /// Takes `tau2` for the bent rate whose exponent is at `at`.
    pub(super) fn set_tau2(&mut self, at: usize, tau2: f64) {
        let exponents = self.rates.iter_mut().filter_map(|rate| rate.exponent.as_mut());
        let bent = exponents.filter(|e| e.at == at).filter_map(|e| e.bent.as_mut());
        bent.for_each(|bent| bent.tau2 = tau2);
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
            let mut wa = v[rate.prefactor] - rate.ln_power;
            if let Some(exponent) = &rate.exponent {
                let at = exponent.at;
                wa += self.supports[at].x(v[at]) * exponent.ln_reference;
                if let Some(bent) = exponent.bent {
                    let turned = bent.at(wa);
                    w[at] = (v[at] - turned.middle) / turned.factor;
                }
            }
            if let Some(at) = rate.offset {
                w[at] = v[at] + rate.ln_power.exp() * wa.exp_m1();
            }
            w[rate.prefactor] = wa;
        }
        w
    }

    /// v of w, and ln |∂v/∂w|.
    fn bent(&self, w: &[f64]) -> (Vec<f64>, f64) {
        let (mut v, mut ln_jacobian) = (w[..self.free()].to_vec(), 0.0);
        for rate in &self.rates {
            let wa = w[rate.prefactor];
            let mut moved = wa;
            if let Some(exponent) = &rate.exponent {
                let at = exponent.at;
                if let Some(bent) = exponent.bent {
                    let turned = bent.at(wa);
                    v[at] = turned.middle + w[at] * turned.factor;
                    ln_jacobian += turned.factor.ln();
                }
                moved -= self.supports[at].x(v[at]) * exponent.ln_reference;
            }
            if let Some(at) = rate.offset {
                v[at] = w[at] - rate.ln_power.exp() * wa.exp_m1();
            }
            v[rate.prefactor] = rate.ln_power + moved;
        }
        (v, ln_jacobian)
    }

    /// The point at z.
    pub(super) fn place(&self, z: &[f64]) -> Place {
        self.place_of(self.affine.forward(z))
    }

    /// The point at w.
    pub(super) fn place_of(&self, w: Vec<f64>) -> Place {
        let (v, mut ln_jacobian) = self.bent(&w);
        let mut x = Vec::with_capacity(v.len());
        for (v, support) in v.iter().zip(&self.supports) {
            x.push(support.x(*v));
            ln_jacobian += support.ln_slope(*v).0;
        }
        Place { w, v, x, ln_jacobian }
    }

    /// The variables z of a point: free variables x of the fit, then the extra ones.
    pub(super) fn variables(&self, x: &[f64], extra: &[f64]) -> Vec<f64> {
        let mut w = self.straight(x);
        w.extend(extra);
        self.affine.backward(&w)
    }

    /// Gradient by w of a function with the gradient `by_x` by the free variables, the logarithm of the Jacobian
    /// added to it `jacobian`-fold.
    pub(super) fn straight_gradient(&self, place: &Place, by_x: &[f64], jacobian: f64) -> Vec<f64> {
        let mut g: Vec<f64> = by_x.to_vec();
        for (g, (v, support)) in g.iter_mut().zip(place.v.iter().zip(&self.supports)) {
            *g = *g * support.slope(*v) + jacobian * support.ln_slope(*v).1;
        }
        for rate in &self.rates {
            let wa = place.w[rate.prefactor];
            let mut by_wa = g[rate.prefactor];
            if let Some(exponent) = &rate.exponent {
                let at = exponent.at;
                let turned = self.supports[at].slope(place.v[at]) * exponent.ln_reference;
                g[at] -= g[rate.prefactor] * turned;
                if let Some(bent) = exponent.bent {
                    let turned = bent.at(wa);
                    let spread = place.w[at] * turned.factor;
                    by_wa += g[at] * (turned.middle_slope + spread * turned.ln_factor_slope);
                    by_wa += jacobian * turned.ln_factor_slope;
                    g[at] *= turned.factor;
                }
            }
            if let Some(at) = rate.offset {
                by_wa -= g[at] * (rate.ln_power + wa).exp();
            }
            g[rate.prefactor] = by_wa;
        }
        g
    }

    /// w of free variables x.
    pub(super) fn straight(&self, x: &[f64]) -> Vec<f64> {
        let v: Vec<f64> = x.iter().zip(&self.supports).map(|(x, s)| s.v(*x)).collect();
        self.straightened(&v)
    }

    /// The variables beyond those of the parameters.
    pub(super) fn extra<'p>(&self, place: &'p Place) -> &'p [f64] {
        &place.w[self.free()..]
    }
}

/// The rate at `first`, if its prefactor is free.
fn rate(transform: &Transform, grid: &TimeGrid, theta: &[f64], first: usize) -> Option<RateShape> {
    let place = |k: usize| transform.free().iter().position(|free| *free == k);
    let slot = transform.slots()[first];
    if !matches!(slot, Slot::Free { scale: dyne_solve::Scale::Log, .. }) {
        return None;
    }
    let (a, b, ln_reference) = (theta[first], theta[first + 1], ln_reference(grid));
    let offset = place(first + 2);
    let exponent = place(first + 1).map(|at| Exponent {
        at,
        ln_reference,
        bent: offset.map(|_| Bent { centre: b, tau2: 0.0 }),
    });
    // A held exponent is part of the constant.
    let turned = if exponent.is_some() { b * ln_reference } else { 0.0 };
    let ln_power = a.ln() + turned;
    Some(RateShape { prefactor: place(first)?, exponent, offset, ln_power })
}

/// Where bounds and prior of parameter `k` leave room, in its free variable.
fn support(
    model: &dyn Model,
    transform: &Transform,
    prior: Prior,
    value: f64,
    k: usize,
) -> Result<Bounded, PosteriorError> {
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
        dyne_solve::Scale::Linear => Bounded { low, high },
        dyne_solve::Scale::Log => Bounded { low: low.ln(), high: high.ln() },
    })
}
