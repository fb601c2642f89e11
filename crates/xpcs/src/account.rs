//! A fit put into words and numbers: from [`Fitted`] to [`Report`].

mod derived;
mod errors;
mod headline;
mod identifiability;
mod laws;
mod minima;
mod noise;
mod verdict;
mod warnings;

use std::collections::BTreeMap;

use dyne_solve::{ProfileEnd, Slot, Termination};
use dyne_xpcs_model::{Mode, ParameterSpec, ShearConvention};

use crate::fit::Fitted;
use crate::gaps::left_out as out;
use crate::plan::Plan;
use crate::report::{
    Basin, BinPicture, BoundSide, Cost, Counters, Covariance, LeftOut, OtherConvention,
    ParameterResult, Profile, ProfileSide, Provenance, Report, ScalingResult, Status, Timings,
    Work,
};
use crate::residuals::BinResiduals;

pub use headline::headline_values;
pub(crate) use minima::minima;

/// Two parameters whose correlation is beyond this cannot be told apart well.
const CORRELATED: f64 = 0.95;

/// Puts a fit into a report, to which maps and cuts go over. Mask, timings, memory and work are the caller's to fill in.
pub fn report(plan: &Plan, fitted: &mut Fitted, provenance: Provenance) -> Report {
    // Maps are large; nobody else wants them.
    let pictures = pictures(plan, &mut fitted.residuals);
    let fitted = &*fitted;
    let fit = &fitted.outcome.fit;
    let (cost, freedom) = cost(plan, fitted);
    let parameters = parameters(plan, fitted);
    let other_conventions = other_conventions(plan);
    let status = status(fit.termination);
    let quantities = derived::quantities(plan, fitted, &other_conventions);
    let warnings = warnings::warnings(plan, fitted, &parameters);
    let headline = headline::headline(plan, fitted, &quantities);
    let lack_of_fit = laws::lack_of_fit(plan, fitted);
    let findings = verdict::Findings {
        plan,
        fitted,
        status,
        warnings: &warnings,
        headline: &headline,
        lack_of_fit: &lack_of_fit,
    };
    let verdict = verdict::verdict(findings);
    Report {
        verdict,
        headline,
        laws: laws::laws(fitted),
        lack_of_fit,
        full_law: laws::full_law(plan, fitted),
        status,
        termination: fit.termination.sentence().to_owned(),
        mode: plan.mode.name().to_owned(),
        convention: conventions(plan),
        quantities,
        other_conventions,
        scaling: scaling(plan, fitted),
        covariance: covariance(plan, fitted),
        uncertainty: errors::uncertainty(plan, fitted),
        basins: basins(plan, fitted),
        minima: minima(plan, fitted),
        choice: fitted.minima.choice.clone(),
        profiles: profiles(plan, fitted),
        cost,
        mask: crate::report::Mask::default(),
        left_out: left_out(plan, fitted),
        warnings,
        identifiability: identifiability::identifiability(plan, fitted, &parameters),
        curves: derived::curves(plan, fitted),
        noise: noise::noise(plan, fitted, freedom),
        parameters,
        counters: counters(fitted),
        timings: Timings { read_s: 0.0, fit_s: 0.0, report_s: 0.0, wall_time_seconds: 0.0 },
        peak_rss_bytes: 0,
        work: Work::default(),
        provenance,
        pictures,
    }
}

fn status(termination: Termination) -> Status {
    match termination {
        Termination::Stopped => Status::Interrupted,
        end if end.is_converged() => Status::Converged,
        _ => Status::NotConverged,
    }
}

/// Cost and noise, and the degrees of freedom of the residuals.
fn cost(plan: &Plan, fitted: &Fitted) -> (Cost, f64) {
    let ssr: f64 = fitted.residuals.iter().map(|r| r.ssr).sum();
    let n_pairs: u64 = fitted.residuals.iter().map(|r| r.pairs).sum();
    let n_parameters = match &fitted.covariance {
        Ok(covariance) => covariance.parameters(),
        Err(_) => fitted.transform.free().len() + fitted.layout.linear(),
    };
    let freedom = n_pairs.saturating_sub(n_parameters as u64).max(1) as f64;
    let robust = plan.robust.loss != dyne_solve::Loss::Linear;
    let robust = robust.then(|| fitted.outcome.fit.cost());
    (Cost { ssr, robust, sigma: (ssr / freedom).sqrt(), n_pairs, n_parameters }, freedom)
}

fn counters(fitted: &Fitted) -> Counters {
    let fit = &fitted.outcome.fit;
    Counters {
        full_sweeps: fitted.full_sweeps,
        coarse_sweeps: fitted.coarse_sweeps,
        starts: fitted.outcome.starts as u64,
        refused_steps: fit.refused,
        non_finite_steps: fit.non_finite,
    }
}

/// What has no data, and what tells nothing.
fn left_out(plan: &Plan, fitted: &Fitted) -> LeftOut {
    let silent = fitted.uncertainty.iter().flat_map(|found| &found.silent);
    let mut left_out = plan.left_out.clone();
    left_out.add_bins(silent.map(|silent| out(&plan.bins[silent.bin], silent.reason())));
    left_out
}

/// The conventions that decide the numbers.
fn conventions(plan: &Plan) -> BTreeMap<String, String> {
    let deciding = plan.config.physics.conventions().deciding(plan.mode);
    deciding.into_iter().map(|(about, name)| (about.to_owned(), name.to_owned())).collect()
}

/// By what factor a shear rate of this fit is called under the other conventions.
fn other_conventions(plan: &Plan) -> Vec<OtherConvention> {
    let own = plan.config.physics.shear;
    let sheared = plan.mode == Mode::LaminarFlow;
    ShearConvention::ALL
        .into_iter()
        .filter(|other| sheared && *other != own)
        .map(|other| OtherConvention {
            name: other.name().to_owned(),
            rate_factor: own.rate_to_published() / other.rate_to_published(),
        })
        .collect()
}

fn parameters(plan: &Plan, fitted: &Fitted) -> Vec<ParameterResult> {
    let specs = plan.model.parameters();
    let names = all_names(plan, fitted);
    let theta = &fitted.outcome.fit.theta;
    specs
        .iter()
        .enumerate()
        .map(|(k, spec)| {
            let slot = fitted.transform.slots()[k];
            let (lower, upper) = match slot {
                Slot::Free { lower, upper, .. } => (lower, upper),
                _ => (spec.lower, spec.upper),
            };
            let free = matches!(slot, Slot::Free { .. });
            let at_bound = free.then(|| side(theta[k], lower, upper)).flatten();
            let stderr = match (&fitted.covariance, at_bound) {
                (_, Some(BoundSide::Lower)) => Err("at its lower bound".to_owned()),
                (_, Some(BoundSide::Upper)) => Err("at its upper bound".to_owned()),
                (Ok(covariance), None) => covariance.stderr(k).map_err(|r| r.phrase(&names)),
                (Err(error), None) => Err(error.to_string()),
            };
            ParameterResult {
                name: spec.name.to_owned(),
                symbol: spec.symbol.to_owned(),
                value: theta[k],
                unit: spec.unit.to_owned(),
                free,
                at_bound,
                lower,
                upper,
                stderr_absent: stderr.as_ref().err().cloned(),
                stderr: stderr.ok(),
            }
        })
        .collect()
}

fn side(value: f64, lower: f64, upper: f64) -> Option<BoundSide> {
    let near =
        |bound: f64| (value - bound).abs() <= 1e-9 * (upper - lower).min(bound.abs().max(1.0));
    if near(lower) { Some(BoundSide::Lower) } else { near(upper).then_some(BoundSide::Upper) }
}

fn scaling(plan: &Plan, fitted: &Fitted) -> Vec<ScalingResult> {
    plan.bins
        .iter()
        .enumerate()
        .map(|(k, bin)| {
            let covariance =
                fitted.covariance.as_ref().ok().and_then(|c| c.scaling(&fitted.layout, k).ok());
            let given = fitted.layout.parameters_of(k).is_empty();
            let stderr = |variance: f64| (!given).then(|| variance.max(0.0).sqrt());
            let residuals = &fitted.residuals[k];
            ScalingResult {
                bin: bin.number,
                phi_deg: bin.phi_deg,
                q: bin.q,
                contrast: fitted.scaling[k].contrast,
                contrast_stderr: covariance.as_ref().and_then(|c| stderr(c.contrast)),
                offset: fitted.scaling[k].offset,
                offset_stderr: covariance.as_ref().and_then(|c| stderr(c.offset)),
                residual_rms: (residuals.ssr / residuals.pairs.max(1) as f64).sqrt(),
            }
        })
        .collect()
}

/// Names of the physical parameters, then of the linear ones.
fn all_names(plan: &Plan, fitted: &Fitted) -> Vec<String> {
    let physical = plan.model.parameters().iter().map(|s| s.name.to_owned());
    physical.chain(fitted.layout.names().iter().cloned()).collect()
}

/// Covariance of everything that has a variance, physical parameters first.
fn covariance(plan: &Plan, fitted: &Fitted) -> Result<Covariance, String> {
    let covariance = fitted.covariance.as_ref().map_err(ToString::to_string)?;
    let all = all_names(plan, fitted);
    let kept: Vec<usize> =
        (0..covariance.order()).filter(|k| covariance.reason(*k).is_none()).collect();
    if kept.is_empty() {
        let reason = (0..covariance.order()).find_map(|k| covariance.reason(k));
        return Err(reason.map_or_else(|| "no free parameter".to_owned(), |r| r.phrase(&all)));
    }
    let value = |i: usize, j: usize| covariance.covariance(i, j).unwrap_or(f64::NAN);
    Ok(Covariance {
        physical: kept.iter().filter(|k| **k < covariance.shared()).count(),
        names: kept.iter().map(|k| all[*k].clone()).collect(),
        matrix: kept.iter().map(|i| kept.iter().map(|j| value(*i, *j)).collect()).collect(),
        method: fitted.uncertainty.as_ref().map_or_else(String::new, method),
    })
}

fn method(uncertainty: &crate::uncertainty::Uncertainty) -> String {
    format!("{}: {}", uncertainty.method.name(), uncertainty.method.about())
}

fn basins(plan: &Plan, fitted: &Fitted) -> Vec<Basin> {
    let specs = plan.model.parameters();
    let named = |theta: &[f64]| {
        specs.iter().zip(theta).map(|(spec, value)| (spec.name.to_owned(), *value)).collect()
    };
    let one = |basin: &dyne_solve::Basin| Basin {
        cost: basin.cost,
        level: basin.level,
        starts: basin.starts,
        parameters: named(&basin.theta),
    };
    fitted.outcome.basins.iter().map(one).collect()
}

fn profiles(plan: &Plan, fitted: &Fitted) -> Vec<Profile> {
    let specs = plan.model.parameters();
    let one = |(k, profile): &(usize, dyne_solve::Profile)| Profile {
        name: specs[*k].name.to_owned(),
        unit: specs[*k].unit.to_owned(),
        values: profile.points.iter().map(|p| p.value).collect(),
        deviations: profile.points.iter().map(|p| p.z).collect(),
        interval68: profile.interval(0.994_457_883_209_753),
        interval95: profile.interval(1.959_963_984_540_054),
        ends: profile.ends.map(|end| profile_side(specs, end)),
        deeper: profile.deeper,
    };
    fitted.profiles.iter().map(one).collect()
}

fn profile_side(specs: &[ParameterSpec], end: ProfileEnd) -> ProfileSide {
    let (code, held_by) = match end {
        ProfileEnd::Closed => ("closed", None),
        ProfileEnd::Bound => ("at_bound", None),
        ProfileEnd::Held(k) => ("held_by_bound", Some(specs[k].name.to_owned())),
        ProfileEnd::NotFinite => ("not_finite", None),
        _ => ("flat", None),
    };
    ProfileSide { closed: end == ProfileEnd::Closed, code: code.to_owned(), held_by }
}

fn correlated<'p>(
    covariance: &dyne_solve::Covariance,
    parameters: &'p [ParameterResult],
) -> Vec<(&'p str, &'p str, f64)> {
    let mut pairs = Vec::new();
    for (i, a) in parameters.iter().enumerate() {
        for (j, b) in parameters.iter().enumerate().skip(i + 1) {
            match covariance.correlation(i, j) {
                Ok(rho) if a.free && b.free && rho.abs() > CORRELATED => {
                    pairs.push((a.name.as_str(), b.name.as_str(), rho));
                }
                _ => {}
            }
        }
    }
    pairs
}

fn pictures(plan: &Plan, residuals: &mut [BinResiduals]) -> Vec<BinPicture> {
    plan.bins
        .iter()
        .zip(residuals)
        .map(|(bin, residuals)| BinPicture {
            bin: bin.number,
            q: bin.q,
            phi_deg: bin.phi_deg,
            map: std::mem::take(&mut residuals.map),
            cuts: std::mem::take(&mut residuals.cuts),
        })
        .collect()
}
