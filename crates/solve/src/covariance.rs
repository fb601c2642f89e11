//! Covariance of shared and linear parameters at a minimum, and why there is none.

use crate::error::SolveError;
use crate::layout::{Layout, ScalingCovariance};
use crate::normal::NormalEquations;
use crate::symmetric::{eigen, symmetrised};
use crate::transform::Transform;

mod information;

use information::Information;

/// Why a parameter has no variance.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// It was not fitted.
    Fixed,
    /// It lies on its lower bound; the others are conditioned on that.
    AtLowerBound,
    /// It lies on its upper bound; the others are conditioned on that.
    AtUpperBound,
    /// The data do not determine it.
    Undetermined {
        /// The weakest direction it takes part in, in variables scaled to a unit diagonal: position
        /// among (θ, z) and weight, heaviest first, at most four.
        direction: Vec<(usize, f64)>,
    },
    /// There are no more pairs than parameters, so the noise cannot be estimated.
    NoDegreesOfFreedom {
        /// Pairs.
        pairs: u64,
        /// Parameters fitted.
        parameters: usize,
    },
}

impl Reason {
    /// One phrase for a report; `names` holds those of θ, then of z.
    ///
    /// # Panics
    /// When `names` is shorter than the parameters the reason speaks of.
    pub fn phrase(&self, names: &[String]) -> String {
        match self {
            Self::Fixed => "fixed".into(),
            Self::AtLowerBound => "at its lower bound".into(),
            Self::AtUpperBound => "at its upper bound".into(),
            Self::Undetermined { direction } => {
                let terms: Vec<String> = direction
                    .iter()
                    .map(|(index, weight)| format!("{weight:+.2}·{}", names[*index]))
                    .collect();
                format!("not determined by these data: the cost is flat along {}", terms.join(" "))
            }
            Self::NoDegreesOfFreedom { pairs, parameters } => {
                format!("no degrees of freedom: {pairs} pairs for {parameters} parameters")
            }
        }
    }
}

/// Covariance of all parameters (θ, z) at a minimum.
///
/// **Formula.** $V = s^2 H^{-1}$, $s^2 = \mathrm{SSR}/(n - P)$ with SSR = 2·cost. In the arrow:
/// $C = (T^T \tilde H T)^{-1}$ over the free variables x, $V_{\theta\theta} = s^2 T C T^T$ (delta
/// method for logarithms and ties), $K = H_{zz}^{-1}H_{z\theta}$,
/// $V_{z\theta} = -K V_{\theta\theta}$, $V_{zz} = s^2 H_{zz}^{-1} + K V_{\theta\theta} K^T$.
///
/// **Symbols.** n: pairs; P: rank of the information of the free parameters inside their
/// bounds plus that of the linear part;
/// T: slopes ∂θ/∂x (p × f). Order of the matrix: θ (p), then z; units are products of the units of
/// the parameters.
///
/// **Edges.** Fixed parameters and those on a bound are conditioned on: their rows are 0 and they
/// have a [`Reason`] instead of a variance. Directions whose scaled eigenvalue is at most 1e-13 of the
/// largest (more where the elimination has lost digits) count as singular: every parameter that takes
/// part in one has [`Reason::Undetermined`], the others keep their variance from the generalised
/// inverse. The residuals are taken as independent; where they are not, use [`Self::sandwich`].
///
/// **Cost.** O((p + dim z)²·p) operations, (p + dim z)² numbers.
///
/// **Checked by** `covariance_is_the_dense_inverse`, `a_bound_is_conditioned_on`,
/// `twin_parameters_are_undetermined`.
#[derive(Debug, Clone, PartialEq)]
pub struct Covariance {
    order: usize,
    shared: usize,
    inverse: Vec<f64>,
    matrix: Vec<f64>,
    reasons: Vec<Option<Reason>>,
    residual_variance: Option<f64>,
    parameters: usize,
    /// tr(H⁻¹B) of a sandwich; absent for s²·H⁻¹, whose B is s²·H.
    score_trace: Option<f64>,
    spectrum: Vec<f64>,
    weakest: Vec<(usize, f64)>,
    /// Directions of θ that the data do not determine, over the scale of their variables.
    flat: Vec<FlatDirection>,
}

/// A direction of θ along which the cost is flat.
#[derive(Debug, Clone, PartialEq)]
struct FlatDirection {
    /// Steps of θ (length p) to which the variables contribute as their scales have it.
    steps: Vec<f64>,
    /// Scale of each parameter: a step of it that counts as one.
    scales: Vec<f64>,
}

/// Share of a gradient along a flat direction above which the quantity is not determined either.
const ALONG_FLAT: f64 = 1e-2;

impl FlatDirection {
    /// Whether a quantity with this gradient changes along the direction.
    fn moves(&self, gradient: &[(usize, f64)]) -> bool {
        let along: f64 = gradient.iter().map(|(k, g)| g * self.steps[*k]).sum();
        let size: f64 = gradient.iter().map(|(k, g)| (g * self.scales[*k]).powi(2)).sum();
        along.abs() > ALONG_FLAT * size.sqrt()
    }
}

impl Covariance {
    /// Covariance at `theta`, where `equations` hold.
    ///
    /// # Errors
    /// [`SolveError::Eigenvalues`]; [`SolveError::Length`] when the arguments do not fit together.
    pub fn try_new(
        equations: &NormalEquations,
        transform: &Transform,
        theta: &[f64],
    ) -> Result<Self, SolveError> {
        for found in [theta.len(), transform.shared()] {
            let expected = equations.shared();
            if found != expected {
                return Err(SolveError::Length { what: "shared parameters", expected, found });
            }
        }
        let reduced = equations.reduce()?;
        let information = Information::try_new(equations, &reduced, transform, theta)?;
        let inverse = information.inverse(&reduced);
        let reasons = information.reasons(&reduced, transform);
        let rank: usize = reduced.groups().iter().map(|g| g.factor.rank()).sum();
        let mut covariance = Self {
            order: reasons.len(),
            shared: theta.len(),
            matrix: Vec::new(),
            inverse,
            reasons,
            residual_variance: None,
            parameters: information.factor.rank() + rank,
            score_trace: None,
            weakest: information.weakest(transform),
            flat: information.flat(transform),
            spectrum: information.spectrum,
        };
        covariance.scale(equations);
        Ok(covariance)
    }

    /// Multiplies the inverse information by s², or says why there is no s².
    fn scale(&mut self, equations: &NormalEquations) {
        let (pairs, parameters) = (equations.pairs(), self.parameters);
        if pairs <= parameters as u64 {
            for reason in self.reasons.iter_mut().filter(|reason| reason.is_none()) {
                *reason = Some(Reason::NoDegreesOfFreedom { pairs, parameters });
            }
            self.matrix = vec![0.0; self.inverse.len()];
            return;
        }
        let s2 = 2.0 * equations.cost() / (pairs - parameters as u64) as f64;
        self.residual_variance = Some(s2);
        self.matrix = self.inverse.iter().map(|v| s2 * v).collect();
    }

    /// Covariance $H^{-1} B H^{-1}$ for a covariance B of the score, `score` row-major of the order of
    /// this matrix, θ before z.
    ///
    /// **Edges.** Parameters without a variance stay without; B's rows for fixed parameters have no
    /// effect. A missing s² is no obstacle: B carries the noise.
    ///
    /// **Source.** White, Econometrica 50 (1982) 1, doi:10.2307/1912526.
    ///
    /// # Errors
    /// [`SolveError::Length`] when B has another size.
    pub fn sandwich(&self, score: &[f64]) -> Result<Self, SolveError> {
        let n = self.order;
        if score.len() != n * n {
            let (what, found) = ("covariance of the score", score.len());
            return Err(SolveError::Length { what, expected: n * n, found });
        }
        let half = product(&self.inverse, score, n);
        let mut sandwich = self.clone();
        sandwich.matrix = symmetrised(product(&half, &self.inverse, n), n);
        sandwich.score_trace = Some((0..n).map(|k| half[k * n + k]).sum());
        for reason in &mut sandwich.reasons {
            if matches!(reason, Some(Reason::NoDegreesOfFreedom { .. })) {
                *reason = None;
            }
        }
        Ok(sandwich)
    }

    /// Number of parameters along each axis: p + dim z.
    pub fn order(&self) -> usize {
        self.order
    }

    /// Number p of shared parameters, which come first.
    pub fn shared(&self) -> usize {
        self.shared
    }

    /// Number P of parameters that the data determine: rank of the information matrix.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// s² = SSR/(n − P); absent without degrees of freedom.
    pub fn residual_variance(&self) -> Option<f64> {
        self.residual_variance
    }

    /// Effective number of parameters tr(H⁻¹B)/s²: by how much, in units of twice the noise of a pair,
    /// the fit lowers the cost by following the noise. P where pairs are independent; with speckle,
    /// whose pairs share frames, many times as much.
    ///
    /// **Formula.** $\mathrm{tr}(H^{-1}B)/s^2$, P for s²·H⁻¹. **Edges** absent without degrees of
    /// freedom; directions that the data do not determine do not count. **Source** Takeuchi (1976);
    /// Varin and Vidoni, Biometrika 92 (2005) 519, doi:10.1093/biomet/92.3.519, for composite
    /// likelihoods. **Checked by** `effective_parameters_count_what_the_fit_absorbs`.
    pub fn effective_parameters(&self) -> Option<f64> {
        let s2 = self.residual_variance.filter(|s2| *s2 > 0.0)?;
        Some(self.score_trace.map_or(self.parameters as f64, |trace| trace / s2))
    }

    /// H⁻¹, row-major, θ before z; rows of fixed parameters and of those on a bound are 0.
    pub fn inverse_information(&self) -> &[f64] {
        &self.inverse
    }

    /// Eigenvalues of the information matrix of the free variables inside their bounds, scalings
    /// eliminated, diagonal scaled to 1; ascending.
    pub fn spectrum(&self) -> &[f64] {
        &self.spectrum
    }

    /// The direction that the data determine least, in logarithms where a parameter is fitted so and
    /// scaled to the unit diagonal of [`Self::spectrum`]: positions among θ and weights, heaviest
    /// first, at most four; empty where nothing is free.
    pub fn weakest(&self) -> &[(usize, f64)] {
        &self.weakest
    }

    /// Variance of a quantity with these derivatives by the shared parameters, by the delta method
    /// $g^TVg$. Parameters that are fixed or rest on a bound count as exact, as they do for V. A
    /// quantity whose gradient has no part along the directions that the data leave undetermined has
    /// a variance even where single parameters have none.
    ///
    /// **Edges** a share of the scaled gradient of up to 1 % along such a direction counts as none: the
    /// directions are those of a Hessian that is rounded. **Checked by**
    /// `what_does_not_move_along_a_flat_direction_is_determined`.
    ///
    /// # Errors
    /// The [`Reason`] of the first parameter with a derivative that has no variance.
    pub fn propagate(&self, gradient: &[(usize, f64)]) -> Result<f64, &Reason> {
        let moving: Vec<(usize, f64)> = gradient
            .iter()
            .copied()
            .filter(|(k, slope)| *slope != 0.0 && !self.rests(*k))
            .collect();
        let without = |(k, _): &(usize, f64)| match self.reason(*k) {
            Some(reason @ Reason::Undetermined { .. }) => {
                self.flat.iter().any(|flat| flat.moves(&moving)).then_some(reason)
            }
            other => other,
        };
        if let Some(reason) = moving.iter().find_map(without) {
            return Err(reason);
        }
        let entry = |i: usize, j: usize| self.matrix[i * self.order + j];
        let pairs = moving.iter().flat_map(|a| moving.iter().map(move |b| (a, b)));
        let variance: f64 = pairs.map(|((i, a), (j, b))| a * b * entry(*i, *j)).sum();
        Ok(variance.max(0.0))
    }

    fn rests(&self, i: usize) -> bool {
        let reason = self.reason(i);
        matches!(reason, Some(Reason::Fixed | Reason::AtLowerBound | Reason::AtUpperBound))
    }

    /// Why parameter `i` has no variance; nothing where it has one.
    pub fn reason(&self, i: usize) -> Option<&Reason> {
        self.reasons[i].as_ref()
    }

    /// Covariance of the parameters `i` and `j`.
    ///
    /// # Errors
    /// The [`Reason`] of the first of them that has no variance.
    pub fn covariance(&self, i: usize, j: usize) -> Result<f64, &Reason> {
        match (&self.reasons[i], &self.reasons[j]) {
            (Some(reason), _) | (None, Some(reason)) => Err(reason),
            (None, None) => Ok(self.matrix[i * self.order + j]),
        }
    }

    /// Standard error of parameter `i`.
    ///
    /// # Errors
    /// The [`Reason`] why there is none.
    pub fn stderr(&self, i: usize) -> Result<f64, &Reason> {
        self.covariance(i, i).map(|variance| variance.max(0.0).sqrt())
    }

    /// Principal axes of the error ellipsoid of some parameters, each measured in its `unit`: for every
    /// eigenvector u of $V_{ij}/(r_ir_j)$ with the eigenvalue s², s·u. A parameter without variance
    /// counts as known to one unit.
    ///
    /// **Symbols.** `parameters`: positions; `units` r: one a parameter. **Cost** some 10 n³ operations.
    /// **Checked by** `axes_add_up_to_the_covariance` in `tests/it/uncertainty.rs`.
    ///
    /// # Errors
    /// [`SolveError::Eigenvalues`].
    pub fn axes(&self, parameters: &[usize], units: &[f64]) -> Result<Vec<Vec<f64>>, SolveError> {
        let n = parameters.len();
        let scale: Vec<f64> = units.iter().map(|unit| 1.0 / unit).collect();
        let entry = |k: usize, l: usize| {
            let absent = if k == l { 1.0 } else { 0.0 };
            let found = self.covariance(parameters[k], parameters[l]);
            found.map_or(absent, |c| c * scale[k] * scale[l])
        };
        let matrix: Vec<f64> = (0..n * n).map(|e| entry(e / n, e % n)).collect();
        let (values, vectors) = eigen(&matrix, n)?;
        let axis = |(value, vector): (&f64, Vec<f64>)| {
            let deviation = value.max(0.0).sqrt();
            vector.into_iter().map(|u| u * deviation).collect()
        };
        Ok(values.iter().zip(vectors).map(axis).collect())
    }

    /// Covariance of contrast and offset of one bin of `layout`, the layout of the equations.
    ///
    /// # Errors
    /// The [`Reason`] of the first linear parameter of that bin that has no variance.
    pub fn scaling(&self, layout: &Layout, bin: usize) -> Result<ScalingCovariance, &Reason> {
        let involved = layout.parameters_of(bin);
        match involved.iter().find_map(|z| self.reason(self.shared + z)) {
            Some(reason) => Err(reason),
            None => Ok(layout.scaling_covariance(bin, |i, j| {
                self.matrix[(self.shared + i) * self.order + self.shared + j]
            })),
        }
    }

    /// Correlation of the parameters `i` and `j`, in [−1, 1]; 0 where a variance is 0.
    ///
    /// # Errors
    /// The [`Reason`] of the first of them that has no variance.
    pub fn correlation(&self, i: usize, j: usize) -> Result<f64, &Reason> {
        let product = self.stderr(i)? * self.stderr(j)?;
        let covariance = self.covariance(i, j)?;
        Ok(if product > 0.0 { (covariance / product).clamp(-1.0, 1.0) } else { 0.0 })
    }
}

fn product(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {
    let mut c = vec![0.0; n * n];
    for i in 0..n {
        for k in 0..n {
            let left = a[i * n + k];
            for j in 0..n {
                c[i * n + j] += left * b[k * n + j];
            }
        }
    }
    c
}
