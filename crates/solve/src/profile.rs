//! Profile likelihood: the cost along one parameter, all others fitted anew at each value.

use dyne_runtime::Observer;

use crate::error::SolveError;
use crate::objective::Objective;
use crate::transform::Transform;
use crate::trust_region::{Fit, Options, minimise};

mod walk;

use walk::{Node, Walk};

/// Most restarts from a deeper minimum.
const RESTARTS: usize = 3;

/// What a profile is computed of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProfileOptions {
    /// Position of the parameter.
    pub parameter: usize,
    /// Standard error of the parameter, in its unit: half of it is the first step.
    pub stderr: f64,
    /// Rise of the cost at one standard deviation: ½ s² for independent noise, more where
    /// the noise is correlated.
    pub rise: f64,
    /// Options of the fits.
    pub fit: Options,
}

/// One value of a profile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProfilePoint {
    /// Value of the parameter.
    pub value: f64,
    /// Signed deviation z, in standard deviations: root of the rise of the cost over `rise`.
    pub z: f64,
    /// Position of another parameter without whose bound the cost would rise by three quarters at
    /// most.
    pub held: Option<usize>,
}

/// How a profile ends on one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProfileEnd {
    /// Beyond z = 2.2, by the data.
    Closed,
    /// At the bound of the parameter.
    Bound,
    /// Beyond z = 1.96, only because the parameter at this position rests on its bound.
    Held(usize),
    /// After the most values, over which the cost rose too little.
    Flat,
    /// Where the model is not finite.
    NotFinite,
}

/// A profile, ascending in the value.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Values and deviations; that of the minimum is 0.
    pub points: Vec<ProfilePoint>,
    /// How it ends below and above.
    pub ends: [ProfileEnd; 2],
    /// Whether a lower cost than that of the fit was met, beyond rounding and tolerance; then the
    /// profile is that around the deeper minimum.
    pub deeper: bool,
    /// The minimum it is around, all parameters.
    pub minimum: Vec<f64>,
}

impl Profile {
    /// Ends of the interval |z| ≤ `z`, the outermost where there are several; `None` where the
    /// profile ends before it or closes only by the bound of another parameter.
    ///
    /// **Formula** linear interpolation of z between two values.
    pub fn interval(&self, z: f64) -> [Option<f64>; 2] {
        let crossing = |inner: &ProfilePoint, outer: &ProfilePoint| {
            let (low, high) = (inner.z.abs(), outer.z.abs());
            let inside = low <= z && z <= high && low < high && inner.z * outer.z >= 0.0;
            (inside && outer.held.is_none())
                .then(|| inner.value + (outer.value - inner.value) * (z - low) / (high - low))
        };
        let pairs = || self.points.windows(2);
        let below = |pair: &[ProfilePoint]| pair[0].z <= -z && -z <= pair[1].z;
        let above = |pair: &[ProfilePoint]| pair[0].z <= z && z <= pair[1].z;
        [
            pairs().find(|pair| below(pair)).and_then(|pair| crossing(&pair[1], &pair[0])),
            pairs().rfind(|pair| above(pair)).and_then(|pair| crossing(&pair[0], &pair[1])),
        ]
    }
}

/// The profile of one free parameter around the minimum `fit`.
///
/// **Formula.** $z(v) = \pm\sqrt{[\min_{\theta_k=v}\mathrm{cost} - \mathrm{cost}_{min}]/\mathrm{rise}}$.
///
/// **Method.** Steps go outwards, twice as long where the cost hardly rises. Each value is fitted
/// from its inner neighbour, from the minimum, and then from its outer neighbour, and the lowest
/// cost is kept; what improves is handed on to its neighbours until nothing does. Starts are moved
/// along the valley as the normal equations say and along the curve of the objective. Where one of the
/// two intervals ends within a wide step, values are put in between. Where a cost lies below that of
/// the minimum, all parameters are fitted from there and the profile begins anew.
///
/// **Edges.** Each side ends beyond z = 2.2, at a bound (inclusive), after 16 values, or where the
/// model is not finite ([`ProfileEnd`]). On a logarithmic scale steps are equal ratios.
///
/// **Cost.** Some 15 fits a side, most of them of a few evaluations.
///
/// **Source.** Venzon and Moolgavkar, Applied Statistics 37 (1988) 87, doi:10.2307/2347496.
/// **Checked by** `a_profile_near_a_quadratic_minimum_is_the_standard_error`,
/// `a_profile_ends_at_a_bound`, `a_profile_goes_on_from_a_deeper_minimum`.
///
/// # Errors
/// [`SolveError::Option`] for a parameter that is not free or sizes that are not positive, and
/// those of [`minimise`].
pub fn profile(
    objective: &dyn Objective,
    transform: &Transform,
    fit: &Fit,
    options: &ProfileOptions,
    observer: &dyn Observer,
) -> Result<Profile, SolveError> {
    let (mut minimum, mut deeper) = (fit.clone(), false);
    for restart in 0.. {
        let walk = Walk::try_new(objective, transform, &minimum, options, observer)?;
        let sides = [walk.side(-1.0)?, walk.side(1.0)?];
        let nodes = sides.iter().flat_map(|side| &side.nodes);
        let lowest = nodes.min_by(|a, b| a.fit.cost().total_cmp(&b.fit.cost()));
        let below = lowest.filter(|node| walk.rise(node) < -0.01);
        let (Some(node), true) = (below, restart < RESTARTS) else {
            return Ok(made(&walk, &sides, deeper || below.is_some()));
        };
        let start = node.fit.theta.clone();
        minimum = minimise(objective, transform, &start, &options.fit, observer)?;
        deeper = true;
    }
    unreachable!("the loop ends after the last restart")
}

fn made(walk: &Walk<'_>, sides: &[walk::Side; 2], deeper: bool) -> Profile {
    let point = |sign: f64| {
        move |node: &Node| ProfilePoint {
            value: node.value,
            z: sign * walk.rise(node).max(0.0).sqrt(),
            held: node.held,
        }
    };
    let centre = ProfilePoint { value: walk.best(), z: 0.0, held: None };
    let [below, above] = sides;
    let points = below.nodes.iter().rev().map(point(-1.0)).chain([centre]);
    Profile {
        points: points.chain(above.nodes.iter().map(point(1.0))).collect(),
        ends: [below.end, above.end],
        deeper,
        minimum: walk.minimum.theta.clone(),
    }
}
