//! Minima that describe the data about as well as the deepest one.

use dyne_runtime::Observer;
use dyne_solve::{
    Basin, Covariance, EvaluationError, FEW_PAIRS, Fit, Objective, Options, SearchOutcome, Slot,
    SolveError, Termination, Transform, brought_inside, minimise,
};

use crate::fit::FitError;
use crate::plan::Plan;
use crate::problem::Problem;
use crate::report::{Choice, MinimumKind};
use crate::uncertainty::Uncertainty;

/// Rise, scaled to the noise of the data, up to which a minimum is reported: two standard deviations.
const REPORTED: f64 = 4.0;
/// Minima whose scaled rises differ by less are equal.
const EQUAL: f64 = 1e-3;
/// Relative difference of costs that an exact symmetry may leave, by rounding and softened forms.
const EXACT: f64 = 1e-6;
/// Evaluations of a rival at most.
const REFINED: u64 = 60;
/// Two points are one where no parameter differs by more than this part of the range searched.
const SAME: f64 = 1e-3;
/// Rise, in units of the variance of a residual, from which on no minimum is looked for; times
/// the scale of the noise.
const HOPELESS: f64 = 100.0;

/// A minimum beside that of the fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Rival {
    /// Shared parameters.
    pub theta: Vec<f64>,
    /// Rise of the cost above the least, as [`crate::report::RivalMinimum::cost_rise_sigma2`].
    pub rise: f64,
    /// How it was come by.
    pub kind: MinimumKind,
}

/// All minima that are reported.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Minima {
    /// That of the fit first, then by cost.
    pub list: Vec<Rival>,
    /// How the first was chosen among several; nothing where there is one.
    pub choice: Option<Choice>,
}

/// Goes over to the twin of the minimum that the user means: the nearest to the starting value of
/// the direction of flow, or to the middle of its prior where there is none.
///
/// # Errors
/// As [`minimise`].
pub fn choose(
    plan: &Plan,
    full: &Problem<'_>,
    fit: &mut Fit,
    observer: &dyn Observer,
) -> Result<(), FitError> {
    let Some(direction) = plan.model.flow().map(|flow| flow.direction) else { return Ok(()) };
    if fit.termination == Termination::Stopped {
        return Ok(());
    }
    let wanted = wanted(plan, direction);
    let away = |theta: &[f64]| (theta[direction] - wanted).abs();
    let nearest = twins(plan, &plan.transform, &fit.theta)
        .into_iter()
        .filter(|twin| away(twin) < away(&fit.theta))
        .min_by(|a, b| away(a).total_cmp(&away(b)));
    let Some(twin) = nearest else { return Ok(()) };
    let found = minimise(full, &plan.transform, &twin, &plan.search.fit, observer)?;
    if found.cost() <= fit.cost() * (1.0 + EXACT) && away(&found.theta) < away(&fit.theta) {
        *fit = found;
    }
    Ok(())
}

/// Where the direction of flow is expected: its starting value, or the middle of its prior.
fn wanted(plan: &Plan, direction: usize) -> f64 {
    let spec = &plan.model.parameters()[direction];
    match (plan.start_of(spec), plan.prior_of(spec)) {
        (Some(start), _) => start,
        (None, dyne_xpcs_model::Prior::Normal { mean, .. }) => mean,
        _ => 0.0,
    }
}

/// Twins of `theta` that the bounds and what is fixed allow.
fn twins(plan: &Plan, transform: &Transform, theta: &[f64]) -> Vec<Vec<f64>> {
    let twins = plan.model.twins(theta, &plan.geometries);
    twins.into_iter().filter(|twin| is_allowed(transform, theta, twin)).collect()
}

/// Whether `image` of `theta` keeps to bounds and to fixed and tied values.
pub(crate) fn is_allowed(transform: &Transform, theta: &[f64], image: &[f64]) -> bool {
    let (slots, at) = (transform.slots(), image);
    slots.iter().zip(theta.iter().zip(image)).all(|(slot, (value, image))| match *slot {
        Slot::Free { lower, upper, .. } => (lower..=upper).contains(image),
        Slot::Fixed(_) => value == image,
        Slot::Tied { to, factor } => (image - factor * at[to]).abs() <= 1e-9 * image.abs(),
    })
}

/// Every minimum that the noise cannot tell from that of the fit.
///
/// **Method** candidates are the twins and exchanged components that the model knows, its images, and
/// the basins that the search compared on all pairs. All but exact twins are fitted, where there are
/// many pairs first on a coarse level, and only those that can matter on all pairs. **Cost** one
/// sweep a twin; for the others some coarse fits.
///
/// # Errors
/// As [`minimise`].
pub fn minima(
    plan: &Plan,
    full: &Problem<'_>,
    coarse: Option<&Problem<'_>>,
    outcome: &SearchOutcome,
    transform: &Transform,
    errors: (&Result<Covariance, SolveError>, Option<&Uncertainty>),
    observer: &dyn Observer,
) -> Result<Minima, FitError> {
    let fit = &outcome.fit;
    if fit.termination == Termination::Stopped {
        return Ok(Minima::default());
    }
    let unit = unit(plan, transform, fit, errors);
    let options = coarse_options(plan);
    let coarse = match coarse {
        Some(coarse) if fit.equations.pairs() > FEW_PAIRS => {
            let here = minimise(coarse, transform, &fit.theta, &options, observer)?;
            Some((coarse, here))
        }
        _ => None,
    };
    let survey = Survey { plan, transform, full, coarse, fit, unit, observer };
    let mut found = vec![Rival { theta: fit.theta.clone(), rise: 0.0, kind: MinimumKind::Found }];
    for twin in twins(plan, transform, &fit.theta) {
        survey.add_exact(&mut found, twin)?;
    }
    let exchanged = plan.model.exchanged(&fit.theta, &plan.grid);
    for point in exchanged {
        survey.add(&mut found, &point, MinimumKind::Exchanged)?;
    }
    if plan.search.starts > 0 {
        for basin in outcome.basins.iter().skip(1).filter(|b| b.level == outcome.level) {
            survey.add_basin(&mut found, basin)?;
        }
        // With few pairs the search has done this already.
        if fit.equations.pairs() > FEW_PAIRS {
            for point in plan.model.images(&fit.theta, &plan.grid, &plan.geometries) {
                survey.add(&mut found, &point, MinimumKind::Found)?;
            }
        }
    }
    found[1..].sort_by(|a, b| a.rise.total_cmp(&b.rise));
    let least = found.iter().map(|rival| rival.rise).fold(0.0, f64::min);
    found.iter_mut().for_each(|rival| rival.rise -= least);
    let choice = (found.len() > 1).then(|| choice(plan, &found));
    Ok(Minima { list: found, choice })
}

/// Rise of the cost that counts as 1: ½ s² for independent pairs, as much more as the variances of
/// the headline kind are larger on the average over the free parameters.
fn unit(
    plan: &Plan,
    transform: &Transform,
    fit: &Fit,
    (covariance, uncertainty): (&Result<Covariance, SolveError>, Option<&Uncertainty>),
) -> f64 {
    let freedom = fit.equations.pairs().saturating_sub(plan.free_parameters() as u64).max(1);
    let s2 = 2.0 * fit.cost() / freedom as f64;
    let (Ok(covariance), Some(uncertainty)) = (covariance, uncertainty) else { return 0.5 * s2 };
    let ratio = |k: &usize| {
        let (found, independent) =
            (covariance.stderr(*k).ok()?, uncertainty.information.stderr(*k).ok()?);
        Some((found / independent).powi(2)).filter(|ratio| ratio.is_finite())
    };
    let ratios: Vec<f64> = transform.free().iter().filter_map(ratio).collect();
    let mean = ratios.iter().sum::<f64>() / ratios.len().max(1) as f64;
    (0.5 * s2 * if ratios.is_empty() { 1.0 } else { mean }).max(f64::MIN_POSITIVE)
}

/// What candidates are looked at with.
struct Survey<'a> {
    plan: &'a Plan,
    /// Free, fixed and tied parameters of the fit.
    transform: &'a Transform,
    full: &'a Problem<'a>,
    /// A coarse level with the minimum of the fit there.
    coarse: Option<(&'a Problem<'a>, Fit)>,
    fit: &'a Fit,
    /// Rise of the cost that counts as 1.
    unit: f64,
    observer: &'a dyn Observer,
}

impl Survey<'_> {
    fn rise(&self, cost: f64) -> f64 {
        (cost - self.fit.cost()) / self.unit
    }

    /// Adds a point of the same m.
    fn add_exact(&self, found: &mut Vec<Rival>, theta: Vec<f64>) -> Result<(), FitError> {
        let theta = brought_inside(self.full, self.transform, &theta)?;
        if self.is_known(found, &theta) {
            return Ok(());
        }
        match self.full.evaluate(&theta, self.fit.linear()) {
            Ok(equations) if equations.cost() <= self.fit.cost() * (1.0 + EXACT) => {
                let rise = self.rise(equations.cost());
                found.push(Rival { theta, rise, kind: MinimumKind::Twin });
                Ok(())
            }
            Ok(_) => self.refine(found, &theta, MinimumKind::Twin),
            Err(EvaluationError::NonFinite(_)) => Ok(()),
            Err(EvaluationError::Interrupted) => Err(FitError::Interrupted),
            Err(other) => Err(FitError::Evaluation(other)),
        }
    }

    /// Adds the minimum near a point, if it can matter.
    fn add(
        &self,
        found: &mut Vec<Rival>,
        point: &[f64],
        kind: MinimumKind,
    ) -> Result<(), FitError> {
        let theta = brought_inside(self.full, self.transform, point)?;
        let Some((coarse, here)) = &self.coarse else { return self.refine(found, &theta, kind) };
        let options = coarse_options(self.plan);
        let there = match minimise(*coarse, self.transform, &theta, &options, self.observer) {
            Ok(there) => there,
            Err(SolveError::StartNotFinite { .. }) => return Ok(()),
            Err(other) => return Err(other.into()),
        };
        let share = here.equations.pairs() as f64 / self.fit.equations.pairs() as f64;
        let unit = self.unit * share;
        let hopeless = there.cost() - here.cost() > HOPELESS * unit;
        if hopeless || self.is_reached(coarse, (&here.theta, here.cost()), &there, unit) {
            return Ok(());
        }
        self.refine(found, &there.theta, kind)
    }

    /// Adds a basin that the search has compared on all pairs.
    fn add_basin(&self, found: &mut Vec<Rival>, basin: &Basin) -> Result<(), FitError> {
        if self.rise(basin.cost) > HOPELESS || self.is_known(found, &basin.theta) {
            return Ok(());
        }
        self.refine(found, &basin.theta, MinimumKind::Found)
    }

    /// Fits all pairs from a point and adds the minimum where it is new and near in cost.
    fn refine(
        &self,
        found: &mut Vec<Rival>,
        theta: &[f64],
        kind: MinimumKind,
    ) -> Result<(), FitError> {
        let transform = self.transform;
        let most = REFINED.min(self.plan.search.fit.max_evaluations);
        let options = Options { ftol: 1e-8, max_evaluations: most, ..self.plan.search.fit };
        let fit = match minimise(self.full, transform, theta, &options, self.observer) {
            Ok(fit) => fit,
            Err(SolveError::StartNotFinite { .. }) => return Ok(()),
            Err(other) => return Err(other.into()),
        };
        let rise = self.rise(fit.cost());
        let near = rise <= REPORTED && !self.is_known(found, &fit.theta);
        // Minima of one valley count once.
        let known = |rival: &Rival| {
            let cost = self.fit.cost() + rival.rise * self.unit;
            self.is_reached(self.full, (&rival.theta, cost), &fit, self.unit)
        };
        if near && !found.iter().any(known) {
            found.push(Rival { theta: fit.theta, rise, kind });
        }
        Ok(())
    }

    /// Whether a point is one of those found.
    fn is_known(&self, found: &[Rival], theta: &[f64]) -> bool {
        let transform = self.transform;
        let ranges: Vec<f64> = transform.free().iter().map(|k| self.plan.searched_of(*k)).collect();
        let Ok(x) = transform.free_variables(theta) else { return false };
        found.iter().any(|rival| {
            transform.free_variables(&rival.theta).is_ok_and(|known| {
                x.iter()
                    .zip(&known)
                    .zip(&ranges)
                    .all(|((a, b), range)| (a - b).abs() <= SAME * range.max(f64::MIN_POSITIVE))
            })
        })
    }

    /// Whether a valley without a rise leads from one minimum to another: the cost half way, along the
    /// curve of the objective, is no higher than that of both.
    fn is_reached(
        &self,
        problem: &Problem<'_>,
        (from, cost): (&[f64], f64),
        to: &Fit,
        unit: f64,
    ) -> bool {
        let transform = self.transform;
        let Ok(x) = transform.free_variables(from) else { return false };
        let half: Vec<f64> = x.iter().zip(&to.x).map(|(a, b)| 0.5 * (b - a)).collect();
        let step = transform.direction(from, &half);
        let held: Vec<Option<f64>> = transform
            .slots()
            .iter()
            .zip(from)
            .map(|(slot, value)| (!matches!(slot, Slot::Free { .. })).then_some(*value))
            .collect();
        let middle = problem.advance(from, &step, &held);
        let Ok(middle) = brought_inside(problem, transform, &middle) else { return false };
        let higher = cost.max(to.cost());
        match problem.evaluate(&middle, to.linear()) {
            Ok(equations) => equations.cost() <= higher + 0.1 * unit,
            Err(_) => false,
        }
    }
}

/// Options of a fit that tells whether a candidate can matter.
fn coarse_options(plan: &Plan) -> Options {
    Options { ftol: 1e-6, max_evaluations: plan.search.coarse_evaluations, ..plan.search.fit }
}

/// Why the first of several minima is the reported one, and what would decide.
fn choice(plan: &Plan, found: &[Rival]) -> Choice {
    let equal = |rival: &&Rival| rival.rise - found[0].rise < EQUAL;
    let has = |kind| found[1..].iter().filter(equal).any(|rival| rival.kind == kind);
    let any = |kind| found[1..].iter().any(|rival| rival.kind == kind);
    let specs = plan.model.parameters();
    let direction = plan.model.flow().map(|flow| &specs[flow.direction]);
    let name = direction.map_or("phi0", |spec| spec.name);
    let start = direction.and_then(|spec| plan.start_of(spec));
    let (code, why) = match start {
        Some(start) if has(MinimumKind::Twin) => {
            ("start", format!("of equal minima that nearest to the start of {name}, {start}"))
        }
        None if has(MinimumKind::Twin) => {
            ("prior", format!("of equal minima that nearest to the middle of the prior of {name}"))
        }
        _ if has(MinimumKind::Exchanged) => {
            ("convention", "the sample is the component with the larger mean fraction".to_owned())
        }
        _ => ("cost", "the least cost, though the noise cannot tell them apart".to_owned()),
    };
    let mut ways = Vec::new();
    if any(MinimumKind::Twin) {
        ways.push(format!(
            "{name}: a further azimuth (three that differ have no twin), or a known direction: `--set parameters.{name}.min=…` and `.max=…`"
        ));
    }
    if any(MinimumKind::Exchanged) {
        ways.push(
            "components: a starting value or bounds that only one of them meets, for instance `--set parameters.D0_ref.max=…`"
                .to_owned(),
        );
    }
    if any(MinimumKind::Found) {
        ways.push(
            "others: more data, or bounds, starting values or fixed values from what is known of the sample"
                .to_owned(),
        );
    }
    Choice { code: code.to_owned(), why, how_to_decide: ways.join("; ") }
}
