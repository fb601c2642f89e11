//! Normal equations in the shape of an arrow: a shared block and independent linear groups.

use crate::error::SolveError;
use crate::gram::Gram;
use crate::layout::{BinMap, Layout, Scaling};
use crate::symmetric::{Factor, RANK_TOLERANCE};

mod reduced;

pub use reduced::Reduced;

/// Rounding of the cost, as a fraction of the sums of squares it is the difference of.
const COST_ROUNDING: f64 = 16.0 * f64::EPSILON;

/// The linear part of the normal equations that belongs to one group.
#[derive(Debug, Clone, PartialEq)]
struct Group {
    /// H_zz, k × k row-major.
    zz: Vec<f64>,
    /// H_zθ, k × p row-major.
    z_theta: Vec<f64>,
    /// g_z, length k.
    gradient: Vec<f64>,
}

/// Gauss-Newton normal equations of all bins at one point.
///
/// **Formula.** With residuals $r_k = y_k - b_\beta - a_\beta m_k$, cost $\frac12\sum w r^2$ and Jacobian
/// $J = \partial(b + a m)/\partial(\theta, z)$: $H = J^T W J$ and gradient $g = -J^T W r$. In terms of the
/// Gram matrices: $H_{\theta\theta} = \sum_\beta a_\beta^2\,dd$,
/// $H_{z\theta} = \sum_\beta B_\beta^T (a_\beta dm, a_\beta d1)^T$,
/// $H_{zz} = \sum_\beta B_\beta^T \begin{pmatrix} mm & m1 \\ m1 & n1 \end{pmatrix} B_\beta$,
/// $g_\theta = -\sum_\beta a_\beta (dy - a_\beta dm - b_\beta d1)$.
///
/// **Symbols.** p: shared parameters θ; k: linear parameters z of a group; all in the units of the
/// parameters and of squared data.
///
/// **Source.** Golub and Pereyra, SIAM J. Numer. Anal. 10 (1973) 413, doi:10.1137/0710036, for the
/// projection; the Schur complement is Kaufman's approximation of its Hessian.
///
/// **Checked by** `layouts_agree_with_dense_least_squares`, `the_reduced_step_is_the_dense_one`.
#[derive(Debug, Clone, PartialEq)]
pub struct NormalEquations {
    shared: usize,
    hessian: Vec<f64>,
    gradient: Vec<f64>,
    groups: Vec<Group>,
    linear: Vec<f64>,
    cost: f64,
    resolution: f64,
    pairs: u64,
}

/// Linear parameters that minimise the cost at fixed θ.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    /// Linear parameters z.
    pub linear: Vec<f64>,
    /// Groups whose block is singular: m is constant there, or there are no pairs.
    pub deficient: Vec<usize>,
}

/// Solves for the linear parameters at fixed θ: weighted linear least squares, group by group.
///
/// **Formula.** $z = H_{zz}^{+} \sum_\beta B_\beta^T\left[(my, y1)^T - M_\beta s_\beta\right]$,
/// $M_\beta = \begin{pmatrix} mm & m1 \\ m1 & n1 \end{pmatrix}$.
///
/// **Edges.** A singular block (a constant m leaves contrast and offset inseparable) gives the
/// solution of least norm in variables scaled to a unit diagonal, and the group is listed in
/// [`Projection::deficient`]; eigenvalues up to 1e-13 of the largest count as 0.
/// A contrast beyond the ends of the layout is put there and the offset solved for.
///
/// **Cost.** O(bins·k²) + O(groups·k³).
///
/// # Errors
/// [`SolveError::BinCount`], [`SolveError::Length`] for inputs that do not fit together,
/// [`SolveError::NonFinite`] (another θ may do), [`SolveError::Eigenvalues`].
///
/// **Checked by** `layouts_agree_with_dense_least_squares`, `a_constant_model_is_reported_as_deficient`.
pub fn project(grams: &[Gram<'_>], layout: &Layout) -> Result<Projection, SolveError> {
    check(grams, layout)?;
    let mut linear = vec![0.0; layout.linear()];
    let mut deficient = Vec::new();
    let mut groups = empty_groups(layout, 0);
    for (bin, gram) in grams.iter().enumerate() {
        let map = layout.map(bin);
        let Scaling { contrast: a, offset: b } = map.shift;
        let right =
            [gram.my() - a * gram.mm() - b * gram.m1(), gram.y1() - a * gram.m1() - b * gram.n1()];
        add_block(&mut groups[map.group], map, gram);
        add_pulled_back(&mut groups[map.group].gradient, map, right);
    }
    for (index, group) in groups.iter().enumerate() {
        let order = group.gradient.len();
        let factor = Factor::try_new(&group.zz, order, RANK_TOLERANCE)?;
        if factor.rank() < order {
            deficient.push(index);
        }
        let mut z = factor.solve(&group.gradient);
        if let [contrast, offset] = &mut z[..]
            && let [least, most] = layout.contrasts()
            && !(least..=most).contains(contrast)
        {
            *contrast = contrast.clamp(least, most);
            *offset = (group.gradient[1] - group.zz[2] * *contrast) / group.zz[3];
        }
        linear[layout.range(index)].copy_from_slice(&z);
    }
    Ok(Projection { linear, deficient })
}

/// Normal equations and cost ½ Σ w r² at the linear parameters `linear`.
///
/// **Edges.** The cost is a difference of sums of squares: its rounding is
/// [`NormalEquations::resolution`], some 4e-15 of Σ w y². Data that are centred (1 subtracted from
/// c2) keep it far below the cost of the noise.
///
/// **Cost.** O(bins·p²).
///
/// # Errors
/// As [`project`], without the eigenvalues.
///
/// **Checked by** `layouts_agree_with_dense_least_squares`.
pub fn assemble(
    grams: &[Gram<'_>],
    layout: &Layout,
    linear: &[f64],
) -> Result<NormalEquations, SolveError> {
    let mut equations = blocks(grams, layout, linear)?;
    for (bin, gram) in grams.iter().enumerate() {
        let (cost, magnitude) = cost_of(gram, layout.scaling(bin, linear));
        equations.cost += cost;
        equations.resolution += COST_ROUNDING * magnitude;
    }
    Ok(equations)
}

/// Normal equations at `linear` from Gram matrices that carry the weights w ρ', with the robust cost.
///
/// `cost` is ½ f² Σ ρ as [`crate::Robust::cost`] sums it.
///
/// # Errors
/// As [`assemble`].
pub fn assemble_robust(
    grams: &[Gram<'_>],
    layout: &Layout,
    linear: &[f64],
    cost: f64,
) -> Result<NormalEquations, SolveError> {
    let equations = blocks(grams, layout, linear)?;
    Ok(NormalEquations { cost, resolution: COST_ROUNDING * cost, ..equations })
}

impl NormalEquations {
    /// Number p of shared parameters.
    pub fn shared(&self) -> usize {
        self.shared
    }

    /// H_θθ, p × p row-major.
    pub fn hessian(&self) -> &[f64] {
        &self.hessian
    }

    /// g_θ, length p.
    pub fn gradient(&self) -> &[f64] {
        &self.gradient
    }

    /// Linear parameters z at which the equations hold.
    pub fn linear(&self) -> &[f64] {
        &self.linear
    }

    /// Cost: ½ Σ w r², or ½ f² Σ ρ with a robust loss.
    pub fn cost(&self) -> f64 {
        self.cost
    }

    /// Rounding of the cost: smaller differences mean nothing.
    pub fn resolution(&self) -> f64 {
        self.resolution
    }

    /// Number of pairs.
    pub fn pairs(&self) -> u64 {
        self.pairs
    }

    /// Whether cost, gradient and Hessian are finite.
    pub fn is_finite(&self) -> bool {
        let finite = |values: &[f64]| values.iter().all(|v| v.is_finite());
        self.cost.is_finite()
            && finite(&self.gradient)
            && finite(&self.hessian)
            && self
                .groups
                .iter()
                .all(|g| finite(&g.zz) && finite(&g.z_theta) && finite(&g.gradient))
    }

    /// Largest |g_z,i|/√H_zz,ii over the linear parameters; 0 where there are none.
    pub fn linear_gradient(&self) -> f64 {
        self.groups
            .iter()
            .flat_map(|group| {
                let k = group.gradient.len();
                group.gradient.iter().enumerate().map(move |(i, g)| (g, group.zz[i * k + i]))
            })
            .filter(|(_, diagonal)| *diagonal > 0.0)
            .fold(0.0, |largest: f64, (g, diagonal)| largest.max(g.abs() / diagonal.sqrt()))
    }
}

/// Blocks of the equations without the cost.
fn blocks(
    grams: &[Gram<'_>],
    layout: &Layout,
    linear: &[f64],
) -> Result<NormalEquations, SolveError> {
    check(grams, layout)?;
    if linear.len() != layout.linear() {
        let (expected, found) = (layout.linear(), linear.len());
        return Err(SolveError::Length { what: "linear parameters", expected, found });
    }
    let p = grams.first().map_or(0, Gram::shared);
    let mut equations = NormalEquations {
        shared: p,
        hessian: vec![0.0; p * p],
        gradient: vec![0.0; p],
        groups: empty_groups(layout, p),
        linear: linear.to_vec(),
        cost: 0.0,
        resolution: 0.0,
        pairs: grams.iter().map(Gram::pairs).sum(),
    };
    for (bin, gram) in grams.iter().enumerate() {
        add_bin(&mut equations, layout.map(bin), gram, layout.scaling(bin, linear));
    }
    for (index, group) in equations.groups.iter_mut().enumerate() {
        let z = &linear[layout.range(index)];
        let [least, most] = layout.contrasts();
        let beyond =
            |z: f64, gradient: f64| z >= most && gradient <= 0.0 || z <= least && gradient >= 0.0;
        if z.len() == 2 && beyond(z[0], group.gradient[0]) {
            hold_contrast(group, p);
        }
    }
    Ok(equations)
}

/// Takes the contrast of a group out of the equations: a parameter without effect.
fn hold_contrast(group: &mut Group, p: usize) {
    group.gradient[0] = 0.0;
    group.zz[..3].fill(0.0);
    group.z_theta[..p].fill(0.0);
}

fn check(grams: &[Gram<'_>], layout: &Layout) -> Result<(), SolveError> {
    if grams.len() != layout.bins() {
        return Err(SolveError::BinCount { expected: layout.bins(), found: grams.len() });
    }
    let shared = grams.first().map_or(0, Gram::shared);
    if let Some(other) = grams.iter().find(|gram| gram.shared() != shared) {
        let (what, found) = ("shared parameters of a gram matrix", other.shared());
        return Err(SolveError::Length { what, expected: shared, found });
    }
    match grams.iter().position(|gram| !gram.is_finite()) {
        Some(bin) => Err(SolveError::NonFinite { bin }),
        None => Ok(()),
    }
}

fn empty_groups(layout: &Layout, p: usize) -> Vec<Group> {
    (0..layout.groups())
        .map(|group| {
            let k = layout.range(group).len();
            Group { zz: vec![0.0; k * k], z_theta: vec![0.0; k * p], gradient: vec![0.0; k] }
        })
        .collect()
}

fn add_bin(
    equations: &mut NormalEquations,
    map: &BinMap,
    gram: &Gram<'_>,
    Scaling { contrast: a, offset: b }: Scaling,
) {
    let p = equations.shared;
    for i in 0..p {
        equations.gradient[i] -= a * (gram.dy(i) - a * gram.dm(i) - b * gram.d1(i));
        for j in 0..p {
            equations.hessian[i * p + j] += a * a * gram.dd(i, j);
        }
    }
    let group = &mut equations.groups[map.group];
    add_block(group, map, gram);
    let slope =
        [a * gram.mm() + b * gram.m1() - gram.my(), a * gram.m1() + b * gram.n1() - gram.y1()];
    add_pulled_back(&mut group.gradient, map, slope);
    for (row, (c, o)) in group.z_theta.chunks_exact_mut(p.max(1)).zip(rows(map)) {
        for (j, value) in row.iter_mut().enumerate() {
            *value += a * (c * gram.dm(j) + o * gram.d1(j));
        }
    }
}

/// Adds Bᵀ M B to H_zz.
fn add_block(group: &mut Group, map: &BinMap, gram: &Gram<'_>) {
    let k = group.gradient.len();
    for (i, (ci, oi)) in rows(map).enumerate() {
        let (m, one) = (ci * gram.mm() + oi * gram.m1(), ci * gram.m1() + oi * gram.n1());
        for (j, (cj, oj)) in rows(map).enumerate() {
            group.zz[i * k + j] += m * cj + one * oj;
        }
    }
}

/// Adds Bᵀ v.
fn add_pulled_back(target: &mut [f64], map: &BinMap, v: [f64; 2]) {
    for (value, (c, o)) in target.iter_mut().zip(rows(map)) {
        *value += c * v[0] + o * v[1];
    }
}

/// Rows of Bᵀ: weight in the contrast, weight in the offset.
fn rows(map: &BinMap) -> impl Iterator<Item = (f64, f64)> + '_ {
    map.contrast.iter().copied().zip(map.offset.iter().copied())
}

/// ½ Σ w r² of a bin, and half the sum of the squares it is the difference of.
///
/// Taken about the means, $\sum w r^2 = C_{yy} - 2aC_{my} + a^2C_{mm} + n(\bar y - a\bar m - b)^2$:
/// an offset far from 0 then costs digits once, not three times.
fn cost_of(gram: &Gram<'_>, Scaling { contrast: a, offset: b }: Scaling) -> (f64, f64) {
    let n = gram.n1();
    if n <= 0.0 {
        return (0.0, 0.0);
    }
    let (y, m) = (gram.y1() / n, gram.m1() / n);
    let yy = gram.yy() - y * gram.y1();
    let my = gram.my() - m * gram.y1();
    let mm = gram.mm() - m * gram.m1();
    let mean = y - a * m - b;
    let sum = yy - 2.0 * a * my + a * a * mm + n * mean * mean;
    (0.5 * sum.max(0.0), 0.5 * (gram.yy() + a * a * gram.mm() + b * b * n))
}
