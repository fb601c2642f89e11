//! Profile likelihood: the cost along one parameter, all others fitted anew at each value.

use dyne_runtime::Observer;

use crate::error::SolveError;
use crate::objective::Objective;
use crate::transform::{Scale, Slot, Transform};
use crate::trust_region::{Fit, Options, minimise};

/// Most values on one side of the minimum.
const MOST_STEPS: usize = 16;

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
}

/// A profile, ascending in the value.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Values and deviations; that of the minimum is 0.
    pub points: Vec<ProfilePoint>,
    /// Whether the cost came to lie below that of the minimum, beyond rounding and tolerance.
    pub deeper: bool,
}

impl Profile {
    /// Ends of the interval |z| ≤ `z`; `None` where the profile ends before it.
    ///
    /// **Formula** linear interpolation of z between two values.
    pub fn interval(&self, z: f64) -> [Option<f64>; 2] {
        [-z, z].map(|level| {
            self.points.windows(2).find_map(|pair| {
                let [a, b] = pair else { return None };
                let inside = a.z <= level && level <= b.z && a.z < b.z;
                inside.then(|| a.value + (b.value - a.value) * (level - a.z) / (b.z - a.z))
            })
        })
    }
}

/// The profile of one free parameter around the minimum `fit`.
///
/// **Formula.** $z(v) = \pm\sqrt{[\min_{\theta_k=v}\mathrm{cost} - \mathrm{cost}_{min}]/\mathrm{rise}}$.
///
/// **Edges.** Each side ends beyond z = 2.2, at a bound (inclusive), after 16 values, or where the
/// model is not finite. On a logarithmic scale steps are equal ratios.
///
/// **Cost.** Some ten fits a side, each started from the one before.
///
/// **Source.** Venzon and Moolgavkar, Applied Statistics 37 (1988) 87, doi:10.2307/2347496.
/// **Checked by** `a_profile_near_a_quadratic_minimum_is_the_standard_error`,
/// `a_profile_ends_at_a_bound`.
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
    let walk = Walk::try_new(objective, transform, fit, options, observer)?;
    let (below, deeper_below) = walk.side(-1.0)?;
    let (above, deeper_above) = walk.side(1.0)?;
    let centre = ProfilePoint { value: fit.theta[options.parameter], z: 0.0 };
    let points = below.into_iter().rev().chain([centre]).chain(above).collect();
    Ok(Profile { points, deeper: deeper_below || deeper_above })
}

struct Walk<'a> {
    objective: &'a dyn Objective,
    transform: &'a Transform,
    fit: &'a Fit,
    options: &'a ProfileOptions,
    observer: &'a dyn Observer,
    scale: Scale,
    lower: f64,
    upper: f64,
}

impl<'a> Walk<'a> {
    fn try_new(
        objective: &'a dyn Objective,
        transform: &'a Transform,
        fit: &'a Fit,
        options: &'a ProfileOptions,
        observer: &'a dyn Observer,
    ) -> Result<Self, SolveError> {
        for (name, value) in [("stderr", options.stderr), ("rise", options.rise)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(SolveError::Option { name, value, expected: "a positive number" });
            }
        }
        match transform.slots().get(options.parameter) {
            Some(Slot::Free { scale, lower, upper }) => Ok(Self {
                objective,
                transform,
                fit,
                options,
                observer,
                scale: *scale,
                lower: *lower,
                upper: *upper,
            }),
            _ => Err(SolveError::Option {
                name: "parameter",
                value: options.parameter as f64,
                expected: "the position of a free parameter",
            }),
        }
    }

    /// Points on one side, away from the minimum, and whether one lies deeper.
    fn side(&self, sign: f64) -> Result<(Vec<ProfilePoint>, bool), SolveError> {
        let k = self.options.parameter;
        let best = self.fit.theta[k];
        let unit = match self.scale {
            Scale::Linear => self.options.stderr,
            Scale::Log => (self.options.stderr / best).min(1.0),
        };
        let (mut points, mut deeper) = (Vec::new(), false);
        let (mut at, mut step, mut z) = (0.0, 0.5, 0.0);
        let mut theta = self.fit.theta.clone();
        while points.len() < MOST_STEPS && z < 2.2 {
            at += step;
            let moved = match self.scale {
                Scale::Linear => best + sign * at * unit,
                Scale::Log => best * (sign * at * unit).exp(),
            };
            let value = moved.clamp(self.lower, self.upper);
            theta[k] = value;
            let Some(found) = self.fit_at(&theta)? else { break };
            let rise = (found.cost() - self.fit.cost()) / self.options.rise;
            deeper |= rise < -0.01;
            let next = rise.max(0.0).sqrt();
            if next - z < 0.2 {
                step *= 2.0;
            }
            z = next;
            theta.clone_from(&found.theta);
            points.push(ProfilePoint { value, z: sign * z });
            if value == self.lower || value == self.upper {
                break;
            }
        }
        Ok((points, deeper))
    }

    /// The fit with the parameter held at its value in `theta`; nothing where there is none.
    fn fit_at(&self, theta: &[f64]) -> Result<Option<Fit>, SolveError> {
        let mut slots = self.transform.slots().to_vec();
        slots[self.options.parameter] = Slot::Fixed(theta[self.options.parameter]);
        let transform = Transform::try_new(&slots)?;
        match minimise(self.objective, &transform, theta, &self.options.fit, self.observer) {
            Ok(fit) => Ok(Some(fit)),
            Err(SolveError::StartNotFinite { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }
}
