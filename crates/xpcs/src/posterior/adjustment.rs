//! A likelihood of correlated pairs made as wide as the error bars, direction by direction.

use dyne_solve::{Covariance, Transform};
use faer::linalg::solvers::Solve;
use faer::{Mat, MatRef, Side};

use super::coordinates::Coordinates;

/// Share of the curvature of a posterior that the data must have in a direction for it to be adjusted.
const TOLD: f64 = 0.5;

/// Most that a width is changed by.
const MOST: f64 = 5.0;

/// The error bars that a likelihood is made as wide as.
#[derive(Debug, Clone, Copy)]
pub struct ErrorBars<'a> {
    /// Parameters of the fit.
    pub theta: &'a [f64],
    /// Their covariance.
    pub covariance: &'a Covariance,
}

/// A posterior about its maximum, over the straight variables w of its free parameters.
pub(super) struct Top {
    /// w there.
    pub(super) centre: Vec<f64>,
    /// B, row by row: w = centre + B y, y of covariance 1.
    pub(super) units: Vec<f64>,
    /// −∂² of the logarithm of the prior by y, row by row.
    pub(super) prior: Vec<f64>,
    /// Slope of the weighted log likelihood by y.
    pub(super) slope: Vec<f64>,
}

/// Where the likelihood is looked up for a point: $\hat w + C(w - \hat w)$.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Adjustment {
    centre: Vec<f64>,
    /// C, row by row.
    map: Vec<f64>,
    /// Least and largest factor by which the widths that the weight alone gives are changed.
    factors: [f64; 2],
}

impl Adjustment {
    /// The curvature adjustment of a likelihood that is weighted already; nothing where the error bars are
    /// of no use.
    ///
    /// **Formula** $C^T H C = T$ with $C = H^{-1/2} (H^{-1/2} T H^{-1/2})^{1/2} H^{1/2}$ in the space of those
    /// directions y in which H is above ½, elsewhere C = 1; $\hat w$: a Newton step of the likelihood from the
    /// maximum in that space, so that its own maximum stays.
    ///
    /// **Symbols** y: variables in which the posterior has the curvature 1; H = 1 − P: that of the weighted
    /// likelihood, P of the prior; T: inverse of the covariance V of the fit, taken to y by the slopes ∂x/∂y at
    /// the fit. Where a parameter has no error bar, T is that inverse for the others given it, and H for what
    /// concerns it.
    ///
    /// **Edges** No width changes by more than a factor of 5; directions that the prior alone determines are left
    /// as they are. **Cost** p³. **Source** Ribatet, Cooley and Davison, Statistica Sinica 22 (2012) 813, section
    /// 2.2. **Checked by** `tests/fits/posterior.rs`, `docs/calibration.md`.
    pub(super) fn try_new(
        top: &Top,
        coordinates: &Coordinates,
        transform: &Transform,
        bars: ErrorBars<'_>,
    ) -> Option<Self> {
        let n = top.centre.len();
        let of_data = Mat::from_fn(n, n, |i, j| f64::from(u8::from(i == j)) - top.prior[i * n + j]);
        let own = of_data.self_adjoint_eigen(Side::Lower).ok()?;
        let told: Vec<usize> = (0..n).filter(|k| own.S()[*k] > TOLD).collect();
        let root = |k: usize| own.S()[told[k]].sqrt();
        let d = told.len();
        let space = Mat::from_fn(n, d, |i, k| own.U()[(i, told[k])]);
        let precision = precision(top, of_data.as_ref(), coordinates, transform, bars)?;
        let inner = space.transpose() * precision * &space;
        let ratio = Mat::from_fn(d, d, |i, j| inner[(i, j)] / (root(i) * root(j)));
        let ratio = ratio.self_adjoint_eigen(Side::Lower).ok()?;
        let stretch = |k: usize| ratio.S()[k].max(0.0).sqrt().clamp(MOST.recip(), MOST);
        let turned = Mat::from_fn(d, d, |i, j| {
            let term = |k: usize| ratio.U()[(i, k)] * stretch(k) * ratio.U()[(j, k)];
            (0..d).map(term).sum::<f64>() * root(j) / root(i)
        });
        let one = |m: usize| Mat::from_fn(m, m, |i, j| f64::from(u8::from(i == j)));
        let in_y = one(n) + &space * (turned - one(d)) * space.transpose();
        let units = square(&top.units, n);
        // C = B C_y B⁻¹, by Bᵀ Cᵀ = (B C_y)ᵀ.
        let product = &units * in_y;
        let map = units.transpose().partial_piv_lu().solve(product.transpose().to_owned());
        let slope = Mat::from_fn(n, 1, |i, _| top.slope[i]);
        let within = space.transpose() * slope;
        let within = Mat::from_fn(d, 1, |k, _| within[(k, 0)] / root(k).powi(2));
        let step = &units * &space * within;
        let centre: Vec<f64> = (0..n).map(|i| top.centre[i] + step[(i, 0)]).collect();
        let map: Vec<f64> = (0..n * n).map(|k| map[(k % n, k / n)]).collect();
        let widths = (0..d).map(|k| stretch(k).recip());
        let factors = widths.fold([1.0; 2], |[low, high], w| [f64::min(low, w), f64::max(high, w)]);
        let finite = centre.iter().chain(&map).all(|c| c.is_finite());
        finite.then_some(Self { centre, map, factors })
    }

    /// Least and largest factor by which widths are changed.
    pub(super) fn factors(&self) -> [f64; 2] {
        self.factors
    }

    /// Where the likelihood of `w` is looked up; variables beyond the parameters stay.
    pub(super) fn forward(&self, w: &[f64]) -> Vec<f64> {
        let n = self.centre.len();
        let row = |i: usize| {
            let terms = (0..n).map(|j| self.map[i * n + j] * (w[j] - self.centre[j]));
            self.centre[i] + terms.sum::<f64>()
        };
        (0..n).map(row).chain(w[n..].iter().copied()).collect()
    }

    /// A gradient by what [`Adjustment::forward`] gives as one by w.
    pub(super) fn transposed(&self, g: &[f64]) -> Vec<f64> {
        let n = self.centre.len();
        let column = |j: usize| (0..n).map(|i| self.map[i * n + j] * g[i]).sum::<f64>();
        (0..n).map(column).chain(g[n..].iter().copied()).collect()
    }
}

fn square(rows: &[f64], n: usize) -> Mat<f64> {
    Mat::from_fn(n, n, |i, j| rows[i * n + j])
}

/// T by y.
fn precision(
    top: &Top,
    of_data: MatRef<'_, f64>,
    coordinates: &Coordinates,
    transform: &Transform,
    bars: ErrorBars<'_>,
) -> Option<Mat<f64>> {
    let ErrorBars { theta, covariance } = bars;
    let (free, n) = (transform.free(), top.centre.len());
    let known: Vec<usize> = (0..n).filter(|i| covariance.stderr(free[*i]).is_ok()).collect();
    if known.is_empty() {
        return None;
    }
    // Slopes of x by y at the fit, those with an error bar in units of it.
    let place = coordinates.place_of(coordinates.straight(&transform.free_variables(theta).ok()?));
    let to_x = transform.slopes(theta);
    let row = |i: usize| {
        let mut by_x = vec![0.0; n];
        by_x[i] = covariance.stderr(free[i]).map_or(1.0, |error| to_x[free[i]] / error);
        coordinates.straight_gradient(&place, &by_x, 0.0)
    };
    let rows: Vec<Vec<f64>> = (0..n).map(row).collect();
    let slopes = Mat::from_fn(n, n, |i, j| rows[i][j]) * square(&top.units, n);
    let correlation = |i: usize, j: usize| {
        covariance.correlation(free[known[i]], free[known[j]]).unwrap_or(f64::NAN)
    };
    let m = known.len();
    let one = Mat::from_fn(m, m, |i, j| f64::from(u8::from(i == j)));
    let bars = Mat::from_fn(m, m, correlation).llt(Side::Lower).ok()?.solve(one);
    let of_known = Mat::from_fn(m, n, |i, j| slopes[(known[i], j)]);
    if m == n {
        return Some(of_known.transpose() * bars * of_known);
    }
    // H by x: X⁻ᵀ H X⁻¹.
    let inverse = slopes.partial_piv_lu().solve(Mat::<f64>::identity(n, n));
    let by_x = inverse.transpose() * of_data * &inverse;
    let changed = Mat::from_fn(m, m, |i, j| bars[(i, j)] - by_x[(known[i], known[j])]);
    Some(of_data + of_known.transpose() * changed * of_known)
}
