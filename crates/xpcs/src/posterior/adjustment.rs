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

/// A posterior about its maximum, over the straight variables w of its p free parameters and the others.
pub(super) struct Top {
    /// w of the parameters there.
    pub(super) centre: Vec<f64>,
    /// B, row by row: w = centre + B y, y of covariance 1.
    pub(super) units: Vec<f64>,
    /// Slopes of the expected other variables by y, p to each of them.
    pub(super) others: Vec<f64>,
    /// −∂² of the logarithm of the prior by y, row by row.
    pub(super) prior: Vec<f64>,
    /// Slope of the weighted log likelihood by y.
    pub(super) slope: Vec<f64>,
}

/// Where the likelihood is looked up for a point: $\hat w + C(w - \hat w)$, the other variables moved as they go
/// with w.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Adjustment {
    centre: Vec<f64>,
    /// C − 1, row by row; then that of the others by w.
    moves: Vec<f64>,
    /// Least and largest factor by which the widths that the weight alone gives are changed.
    factors: [f64; 2],
}

impl Adjustment {
    /// The curvature adjustment of a likelihood that is weighted already; nothing where no direction that the data
    /// determine has an error bar.
    ///
    /// **Formula** $C^T H C = T$ with $C = H^{-1/2} (H^{-1/2} T H^{-1/2})^{1/2} H^{1/2}$ in the space of those
    /// directions y in which H is above ½, what is outside held, elsewhere C = 1; $\hat w$: a Newton step of the
    /// likelihood from the maximum in that space, so that its own maximum stays. Contrast, offset and noise that
    /// are variables are moved by their slopes by w, so that what they are given the parameters is unchanged.
    ///
    /// **Symbols** y: variables in which the posterior has the curvature 1; H = 1 − P: that of the weighted
    /// likelihood, P of the prior; T: see [`precision`].
    ///
    /// **Edges** No width changes by more than a factor of 5; directions that the prior determines are left
    /// as they are. **Cost** p³. **Source** Ribatet, Cooley and Davison, Statistica Sinica 22 (2012) 813, section
    /// 2.2. **Checked by** `curvature_becomes_the_one_asked_for`, `tests/fits/posterior.rs`, `docs/calibration.md`.
    pub(super) fn try_new(
        top: &Top,
        coordinates: &Coordinates,
        transform: &Transform,
        bars: ErrorBars<'_>,
    ) -> Option<Self> {
        let of_data = top.of_data();
        let precision = precision(top, of_data.as_ref(), coordinates, transform, bars)?;
        Self::of(top, of_data.as_ref(), precision.as_ref())
    }

    /// That which gives the likelihood the curvature `precision` by y instead of `of_data`.
    fn of(top: &Top, of_data: MatRef<'_, f64>, precision: MatRef<'_, f64>) -> Option<Self> {
        let n = top.centre.len();
        let own = of_data.self_adjoint_eigen(Side::Lower).ok()?;
        let told: Vec<usize> = (0..n).filter(|k| own.S()[*k] > TOLD).collect();
        let root = |k: usize| own.S()[told[k]].sqrt();
        let d = told.len();
        let space = Mat::from_fn(n, d, |i, k| own.U()[(i, told[k])]);
        let inner = space.transpose() * precision * &space;
        let ratio = Mat::from_fn(d, d, |i, j| inner[(i, j)] / (root(i) * root(j)));
        let ratio = ratio.self_adjoint_eigen(Side::Lower).ok()?;
        let stretch = |k: usize| ratio.S()[k].max(0.0).sqrt().clamp(MOST.recip(), MOST);
        let turned = Mat::from_fn(d, d, |i, j| {
            let term = |k: usize| ratio.U()[(i, k)] * stretch(k) * ratio.U()[(j, k)];
            (0..d).map(term).sum::<f64>() * root(j) / root(i)
        });
        let moved = &space * (turned - Mat::<f64>::identity(d, d)) * space.transpose();
        let units = square(&top.units, n);
        let others = top.others.len() / n;
        let all = Mat::from_fn(n + others, n, |i, j| match i.checked_sub(n) {
            None => units[(i, j)],
            Some(other) => top.others[other * n + j],
        });
        // M B⁻¹ for M = (B, others)(C_y − 1), by Bᵀ X = Mᵀ.
        let moves = units.transpose().partial_piv_lu().solve((all * moved).transpose().to_owned());
        let slope = Mat::from_fn(n, 1, |i, _| top.slope[i]);
        let within = space.transpose() * slope;
        let within = Mat::from_fn(d, 1, |k, _| within[(k, 0)] / root(k).powi(2));
        let step = &units * &space * within;
        let centre: Vec<f64> = (0..n).map(|i| top.centre[i] + step[(i, 0)]).collect();
        let moves: Vec<f64> = (0..(n + others) * n).map(|k| moves[(k % n, k / n)]).collect();
        let widths = (0..d).map(|k| stretch(k).recip());
        let factors =
            widths.map(|w| [w; 2]).reduce(|[low, high], [w, _]| [low.min(w), high.max(w)]);
        let finite = centre.iter().chain(&moves).all(|c| c.is_finite());
        Some(Self { centre, moves, factors: factors.filter(|_| finite)? })
    }

    /// Least and largest factor by which widths are changed.
    pub(super) fn factors(&self) -> [f64; 2] {
        self.factors
    }

    /// Where the likelihood of `w` is looked up.
    pub(super) fn forward(&self, w: &[f64]) -> Vec<f64> {
        let n = self.centre.len();
        let row = |i: usize| {
            let terms = (0..n).map(|j| self.moves[i * n + j] * (w[j] - self.centre[j]));
            w[i] + terms.sum::<f64>()
        };
        (0..w.len()).map(row).collect()
    }

    /// A gradient by what [`Adjustment::forward`] gives as one by w.
    pub(super) fn transposed(&self, g: &[f64]) -> Vec<f64> {
        let n = self.centre.len();
        let column = |j: usize| {
            let moved = (0..g.len()).map(|i| self.moves[i * n + j] * g[i]).sum::<f64>();
            g[j] + moved
        };
        (0..n).map(column).chain(g[n..].iter().copied()).collect()
    }
}

impl Top {
    /// H.
    fn of_data(&self) -> Mat<f64> {
        let n = self.centre.len();
        Mat::from_fn(n, n, |i, j| f64::from(u8::from(i == j)) - self.prior[i * n + j])
    }
}

fn square(rows: &[f64], n: usize) -> Mat<f64> {
    Mat::from_fn(n, n, |i, j| rows[i * n + j])
}

/// T by y: the inverse of the covariance V of the fit.
///
/// **Formula** over x: $T = H + G^T(V_{kk}^{-1} - H_{kk})G$ with $G = H_{kk}^{-1}(H_{kk}, H_{ku})$, which is
/// V⁻¹ where all parameters are known; taken to y by the slopes ∂x/∂y at the fit. **Symbols** k: parameters that have an
/// error bar; u: the others, on which the known ones hang as in H, and of which H tells the rest.
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
    let m = known.len();
    if m == 0 {
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
    let bars = Mat::from_fn(m, m, correlation).llt(Side::Lower).ok()?;
    let bars = bars.solve(Mat::<f64>::identity(m, m));
    // Needs no inverse of H, which may be singular where the prior determines a direction.
    if m == n {
        return Some(slopes.transpose() * bars * slopes);
    }
    Some(with_unknown(of_data, slopes.as_ref(), bars.as_ref(), &known))
}

/// T by y where only the parameters `known` have error bars; `bars`: $V_{kk}^{-1}$.
fn with_unknown(
    of_data: MatRef<'_, f64>,
    slopes: MatRef<'_, f64>,
    bars: MatRef<'_, f64>,
    known: &[usize],
) -> Mat<f64> {
    let (n, m) = (of_data.nrows(), known.len());
    // H X⁻¹ and X⁻ᵀ H X⁻¹.
    let inverse = slopes.partial_piv_lu().solve(Mat::<f64>::identity(n, n));
    let half = of_data * &inverse;
    let by_x = inverse.transpose() * &half;
    let own = Mat::from_fn(m, m, |i, j| by_x[(known[i], known[j])]);
    let rows = Mat::from_fn(m, n, |i, j| half[(j, known[i])]);
    let regression = own.partial_piv_lu().solve(rows);
    of_data + regression.transpose() * (bars - own) * &regression
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: MatRef<'_, f64>, b: MatRef<'_, f64>) {
        assert!((a - b).norm_max() < 1e-12, "{a:?} {b:?}");
    }

    fn rows(of: &Mat<f64>) -> Vec<f64> {
        (0..of.nrows() * of.ncols()).map(|k| of[(k / of.ncols(), k % of.ncols())]).collect()
    }

    /// Three parameters, one told by the prior alone, and another variable.
    fn top() -> Top {
        Top {
            centre: vec![1.0, -2.0, 0.5],
            units: vec![2.0, 0.0, 0.0, 0.3, 0.5, 0.0, -4.0, 1.0, 30.0],
            others: vec![0.2, -0.1, 0.4],
            prior: vec![0.05, 0.01, 0.0, 0.01, 0.1, 0.02, 0.0, 0.02, 0.9],
            slope: vec![0.0; 3],
        }
    }

    #[test]
    fn curvature_becomes_the_one_asked_for() {
        let top = top();
        let of_data = top.of_data();
        let asked = faer::mat![[0.3, 0.1, 0.0], [0.1, 2.0, 0.0], [0.0, 0.0, 0.1]];
        let made = Adjustment::of(&top, of_data.as_ref(), asked.as_ref()).unwrap();
        let units = square(&top.units, 3);
        let map = square(&made.moves, 3) + Mat::<f64>::identity(3, 3);
        let in_y = units.partial_piv_lu().solve(map * &units);
        let found = in_y.transpose() * &of_data * &in_y;
        // In the space that the data tell.
        let own = of_data.self_adjoint_eigen(Side::Lower).unwrap();
        let space = Mat::from_fn(3, 2, |i, k| own.U()[(i, k + 1)]);
        assert!(own.S()[0] < TOLD && own.S()[1] > TOLD);
        near(
            (space.transpose() * found * &space).as_ref(),
            (space.transpose() * asked * &space).as_ref(),
        );
        let outside = Mat::from_fn(3, 1, |i, _| own.U()[(i, 0)]);
        near((&in_y * &outside).as_ref(), outside.as_ref());
        // The other variable keeps its distance from what is expected of it.
        let w = [1.7, -1.0, 9.0, 4.0];
        let there = made.forward(&w);
        let y = |w: &[f64]| {
            units.partial_piv_lu().solve(Mat::from_fn(3, 1, |i, _| w[i] - top.centre[i]))
        };
        let expected = |w: &[f64]| (0..3).map(|j| top.others[j] * y(w)[(j, 0)]).sum::<f64>();
        assert!((there[3] - expected(&there) - (w[3] - expected(&w))).abs() < 1e-12);
    }

    /// Where one of three correlated parameters has no error bar, the others are as wide as theirs given it, and
    /// T stays positive.
    #[test]
    fn known_parameters_are_as_wide_as_their_error_bars_given_the_others() {
        let of_data = faer::mat![[1.0, 0.9, 0.9], [0.9, 1.0, 0.9], [0.9, 0.9, 1.0]];
        let slopes = faer::mat![[1.0, 0.2, 0.0], [0.0, 3.0, 0.0], [0.5, 0.0, 2.0]];
        let by_y = slopes.transpose() * &of_data * &slopes;
        let bars = faer::mat![[0.25, 0.225], [0.225, 0.25]];
        let found = with_unknown(by_y.as_ref(), slopes.as_ref(), bars.as_ref(), &[0, 1]);
        let inverse = slopes.partial_piv_lu().solve(Mat::<f64>::identity(3, 3));
        let by_x = inverse.transpose() * &found * &inverse;
        near(by_x.submatrix(0, 0, 2, 2), bars.as_ref());
        let own = found.self_adjoint_eigen(Side::Lower).unwrap();
        assert!(own.S()[0] > 0.0, "{:?}", rows(&found));
        // With the same information nothing changes.
        let same = of_data.submatrix(0, 0, 2, 2);
        near(with_unknown(by_y.as_ref(), slopes.as_ref(), same, &[0, 1]).as_ref(), by_y.as_ref());
    }
}
