//! The ladder of models: which of them describes the data, each fitted from no start.

use dyne_runtime::{Observer, Resources};
use dyne_solve::Slot;
use dyne_xpcs_data::Catalog;
use dyne_xpcs_model::{Mode, QDependence};
use serde::Serialize;

use crate::clic::{BinSsr, clic};
use crate::config::{FitConfig, LawChoice, ParameterConfig, PerBin};
use crate::fit::{Data, FitError, Fitted, fit};
use crate::laws::Law;
use crate::plan::Plan;
use crate::residuals::PictureSize;

/// By how much of its penalty a model with more parameters must beat a simpler one to be named best: a
/// parameter that the data do not need gains as much with a probability of 1 %
/// (χ² of one degree of freedom above 6.63), against 16 % at the 2 of CLIC alone.
pub const NAMED: f64 = 6.63;

/// A model of the ladder: a mode with some of its parameters held.
#[derive(Debug, Clone, PartialEq)]
struct Rung {
    name: String,
    mode: Mode,
    q_dependence: QDependence,
    held: Vec<(String, f64)>,
    /// Name of the simpler model that it holds.
    holds: Option<String>,
}

/// Laws of a transport coefficient, the simplest first.
const LAWS: [Law; 3] = [Law::Constant, Law::Powered, Law::WithOffset];

fn words(law: Law) -> &'static str {
    match law {
        Law::Constant => "constant J",
        Law::Powered => "power law of J",
        Law::WithOffset => "power law of J + constant",
    }
}

fn simpler(law: Law) -> Option<Law> {
    LAWS.into_iter().rev().find(|other| *other < law)
}

/// What a law holds at 0 of the transport coefficients with these suffixes.
fn held(law: Law, suffixes: &[&str]) -> Vec<(String, f64)> {
    let names: &[&str] = match law {
        Law::Constant => &["alpha", "D_offset"],
        Law::Powered => &["D_offset"],
        Law::WithOffset => &[],
    };
    let of = |suffix: &&str| {
        let suffix = (*suffix).to_owned();
        names.iter().map(move |name| (format!("{name}{suffix}"), 0.0))
    };
    suffixes.iter().flat_map(of).collect()
}

impl Rung {
    fn of(name: &str, mode: Mode, law: Law) -> Self {
        let suffixes: &[&str] = match mode {
            Mode::TwoDecays => &["_fast", "_slow"],
            Mode::TwoComponent => &["_ref", "_sample"],
            _ => &[""],
        };
        let (name, holds) = match name {
            "" => (words(law).to_owned(), simpler(law).map(words)),
            name => (format!("{name}, {}", words(law)), Some(words(law))),
        };
        let (held, holds) = (held(law, suffixes), holds.map(str::to_owned));
        Self { name, mode, q_dependence: QDependence::Square, held, holds }
    }

    fn holding(mut self, held: &[(&str, f64)]) -> Self {
        self.held.extend(held.iter().map(|(name, value)| ((*name).to_owned(), *value)));
        self
    }

    /// Holding `simpler` instead of `static` under the same law.
    fn above(self, simpler: &Self) -> Self {
        Self { holds: Some(simpler.name.clone()), ..self }
    }

    fn over_q(self) -> Self {
        Self { q_dependence: QDependence::Power, ..self }
    }

    /// `base` with this model: what it says of parameters that the model has, and does not hold, stays.
    fn config(&self, base: &FitConfig) -> FitConfig {
        let mut config = base.clone();
        config.mode = self.mode;
        // Each rung says what it holds.
        config.fit.law = LawChoice::Full;
        config.physics.q_dependence = self.q_dependence;
        let specs = config.physics.conventions().parameters(self.mode);
        let known = |name: &str| {
            ["contrast", "offset"].contains(&name) || specs.iter().any(|spec| spec.name == name)
        };
        config.parameters.retain(|name, _| known(name));
        config.uncertainty.profile.clear();
        for (name, value) in &self.held {
            let fixed = Some(PerBin::One(*value));
            config.parameters.insert(name.clone(), ParameterConfig { fixed, ..Default::default() });
        }
        config
    }

    /// The keys of a configuration that make a fit one of this model, besides its mode.
    fn settings(&self) -> Vec<String> {
        let over_q = (self.q_dependence == QDependence::Power)
            .then(|| "physics.q_dependence=power".to_owned());
        let held = self.held.iter().map(|(name, value)| format!("parameters.{name}.fixed={value}"));
        over_q.into_iter().chain(held).collect()
    }
}

/// A parameter of a model, as fitted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// Name.
    pub name: String,
    /// Value.
    pub value: f64,
    /// Standard error, where there is one.
    pub stderr: Option<f64>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr_absent: Option<String>,
    /// Its variance over that of independent pairs of the same noise, where it has both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inflation: Option<f64>,
    /// Unit.
    pub unit: String,
}

/// How well a model describes the data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The model and its law of J, for people.
    pub model: String,
    /// Mode.
    pub mode: String,
    /// Keys that make a fit one of this model, besides its mode.
    pub settings: Vec<String>,
    /// Free parameters, contrasts and offsets included.
    pub free: usize,
    /// Whether the fit converged.
    pub converged: bool,
    /// −2ℓ of the residuals as [`clic`] takes them.
    pub minus_two_ell: f64,
    /// Effective number of parameters tr(H⁻¹B)/s², measured against that of a simpler model that this one
    /// holds; absent where there are no error bars.
    pub effective_parameters: Option<f64>,
    /// CLIC; absent with it.
    pub clic: Option<f64>,
    /// CLIC above that of the model with the least.
    pub delta_clic: Option<f64>,
    /// Probability of a lack of fit as large as that found, where it was tested.
    pub lack_of_fit: Option<f64>,
    /// Free parameters.
    pub parameters: Vec<Estimate>,
}

/// A model that could not be fitted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unfitted {
    /// The model and its law of J.
    pub model: String,
    /// Why not.
    pub reason: String,
}

/// The models that were compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ladder {
    /// Each model that was fitted, the simpler ones first.
    pub rungs: Vec<Comparison>,
    /// Those that were not.
    pub unfitted: Vec<Unfitted>,
    /// Position of the model that is named best.
    pub best: Option<usize>,
}

impl Ladder {
    /// The model that is named best.
    pub fn best(&self) -> Option<&Comparison> {
        self.best.map(|k| &self.rungs[k])
    }
}

/// What the models are fitted to.
pub struct Compared<'a> {
    /// Selection, conventions, bounds; mode and held parameters are those of each model.
    pub config: &'a FitConfig,
    /// The file.
    pub catalog: &'a Catalog,
    /// The matrices, surveyed.
    pub data: &'a Data,
    /// What the fits may use.
    pub resources: Resources<'a>,
}

/// Fits every model that the selection allows, from no start but those of the configuration.
///
/// **Models.** `static` with J constant, a power law, a power law and a constant; then, with the law that
/// is best of these: `kww`; `two_decays`; where the gap is known and there are several azimuths,
/// `laminar_flow` with a constant and with a power law of the shear rate; where there are several
/// azimuths, `two_component` with constant velocity and fraction, and with a power law of the one and an
/// exponential of the other; where there are several q, `static` and `kww` with J·(q/q_ref)^(n − 2). That
/// of these which is best is fitted under the other laws of J too.
///
/// **Named best** is the model with the least −2ℓ + 6.63·tr(H⁻¹B)/s² ([`NAMED`]): nested models differ by
/// chance by tr·χ², so that CLIC, whose factor is 2, would take a needless parameter in one case of six.
/// The table shows CLIC. **Edges** a model that cannot be fitted is told with its reason; one that did
/// not converge is not named best where another did.
/// **Cost** that of six to fourteen fits with error bars. **Checked by** `tests/fits/ladder.rs`.
///
/// # Errors
/// [`FitError::Interrupted`], and those of reading.
pub fn ladder(compared: &Compared<'_>, observer: &dyn Observer) -> Result<Ladder, FitError> {
    let mut ladder = Ladder { rungs: Vec::new(), unfitted: Vec::new(), best: None };
    for law in LAWS {
        climb(compared, &Rung::of("", Mode::Static, law), &mut ladder, observer)?;
    }
    let law = named(&ladder.rungs).map_or(Law::Constant, |k| law_of(&ladder.rungs[k]));
    for rung in others(compared, law) {
        climb(compared, &rung, &mut ladder, observer)?;
    }
    for rung in best_under_other_laws(compared, law, &ladder) {
        climb(compared, &rung, &mut ladder, observer)?;
    }
    let least = ladder.rungs.iter().filter_map(|r| r.clic).fold(f64::INFINITY, f64::min);
    for rung in &mut ladder.rungs {
        rung.delta_clic = rung.clic.map(|clic| clic - least);
    }
    ladder.best = named(&ladder.rungs);
    Ok(ladder)
}

fn law_of(rung: &Comparison) -> Law {
    let is = |law: &Law| words(*law) == rung.model;
    LAWS.into_iter().find(is).unwrap_or(Law::Constant)
}

/// Position of the model with the least −2ℓ + [`NAMED`]·penalty, among those that have one and, where
/// there are such, have converged.
fn named(rungs: &[Comparison]) -> Option<usize> {
    let any = rungs.iter().any(|rung| rung.converged && rung.effective_parameters.is_some());
    let score = |rung: &Comparison| {
        let penalty = rung.effective_parameters.filter(|_| rung.converged || !any)?;
        Some(rung.minus_two_ell + NAMED * penalty)
    };
    let scored = rungs.iter().enumerate().filter_map(|(k, rung)| Some((k, score(rung)?)));
    scored.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(k, _)| k)
}

/// The models above `static`, J following `law`.
fn others(compared: &Compared<'_>, law: Law) -> Vec<Rung> {
    let bins = compared.data.matrices.bins();
    let (several_phi, several_q) = spread(compared, bins);
    let mut rungs =
        vec![Rung::of("kww", Mode::Kww, law), Rung::of("two decays", Mode::TwoDecays, law)];
    if several_phi && compared.config.geometry.gap.is_some() {
        let flow = |name: &str| Rung::of(name, Mode::LaminarFlow, law);
        let constant = [("beta", 0.0), ("gamma_dot_t_offset", 0.0)];
        let steady = flow("laminar flow").holding(&constant);
        let name = "laminar flow, power law of the shear rate";
        let changing = flow(name).holding(&constant[1..]).above(&steady);
        rungs.extend([steady, changing]);
    }
    if several_phi {
        let two = |name: &str| Rung::of(name, Mode::TwoComponent, law);
        let constant = [("v_offset", 0.0), ("f3", 0.0), ("beta", 0.0), ("f1", 0.0)];
        let steady = two("two components").holding(&constant);
        let changing = two("two components that change").holding(&constant[..2]).above(&steady);
        rungs.extend([steady, changing]);
    }
    if several_q {
        let exponential = Rung::of("rates ∝ qⁿ", Mode::Static, law).over_q();
        let stretched = Rung::of("kww, rates ∝ qⁿ", Mode::Kww, law).over_q().above(&exponential);
        rungs.extend([exponential, stretched]);
    }
    rungs
}

/// The model named so far, where it is not `static`, under the other laws of J: which law is best for
/// `static` may be another where `static` is wrong.
fn best_under_other_laws(compared: &Compared<'_>, law: Law, ladder: &Ladder) -> Vec<Rung> {
    let Some(best) = named(&ladder.rungs).map(|k| &ladder.rungs[k]) else { return Vec::new() };
    let position = others(compared, law).iter().position(|rung| rung.name == best.model);
    let Some(position) = position else { return Vec::new() };
    let laws = LAWS.into_iter().filter(|other| *other != law);
    laws.map(|other| others(compared, other).swap_remove(position)).collect()
}

/// Whether the selected bins have several azimuths, and several q.
fn spread(compared: &Compared<'_>, bins: usize) -> (bool, bool) {
    let rung = Rung::of("", Mode::Static, Law::Constant);
    let Ok(plan) = Plan::resolve(rung.config(compared.config), compared.catalog) else {
        return (false, false);
    };
    let first = &plan.geometries[0];
    let differ = |a: f64, b: f64| (a - b).abs() > 1e-6 * b.abs().max(1e-12);
    let phi = plan.geometries.iter().any(|g| differ(g.phi_deg, first.phi_deg));
    (bins > 1 && phi, bins > 1 && plan.geometries.iter().any(|g| differ(g.q, first.q)))
}

/// Fits one model.
fn climb(
    compared: &Compared<'_>,
    rung: &Rung,
    ladder: &mut Ladder,
    observer: &dyn Observer,
) -> Result<(), FitError> {
    let found = Plan::resolve(rung.config(compared.config), compared.catalog)
        .map_err(FitError::from)
        .and_then(|plan| {
            let (data, resources) = (compared.data, compared.resources);
            let size = PictureSize { pixels: 1 };
            let fitted = fit(&plan, data, resources, size, observer)?;
            Ok(comparison(rung, &plan, &fitted))
        });
    match found {
        Ok(comparison) => {
            let simpler = ladder.rungs.iter().find(|r| rung.holds.as_ref() == Some(&r.model));
            let comparison = match simpler {
                Some(simpler) => comparison.above(simpler),
                None => comparison,
            };
            ladder.rungs.push(comparison);
        }
        Err(error @ (FitError::Interrupted | FitError::Read(_) | FitError::Sweep(_))) => {
            return Err(error);
        }
        Err(error) => {
            ladder.unfitted.push(Unfitted { model: rung.name.clone(), reason: error.to_string() });
        }
    }
    Ok(())
}

impl Comparison {
    /// With its penalty measured against that of `simpler`, a model that this one holds.
    ///
    /// The penalty of each fit is that of speckle of its own model; two of some hundreds differ by chance
    /// and by model by more than a parameter adds, and where the data do not determine a parameter the
    /// model may be one whose noise counts for less. So one more parameter adds what V over s²H⁻¹ says
    /// that it does, exactly the difference of the traces for one noise; several add what the traces
    /// say, or, where a model that can follow more noise seems to follow less, each as much as a
    /// parameter of the simpler one. Where the fit gains more than either could by following the noise,
    /// `simpler` is wrong, and so is its penalty: the own one stays.
    fn above(mut self, simpler: &Self) -> Self {
        let (Some(own), Some(base)) = (self.effective_parameters, simpler.effective_parameters)
        else {
            return self;
        };
        if simpler.minus_two_ell - self.minus_two_ell > NAMED * (own + base) {
            return self;
        }
        let more = self.free.saturating_sub(simpler.free) as f64;
        let has = |e: &&Estimate| simpler.parameters.iter().any(|other| other.name == e.name);
        let new: Vec<&Estimate> = self.parameters.iter().filter(|e| !has(e)).collect();
        let penalty = match new[..] {
            [Estimate { inflation: Some(inflation), .. }] if more == 1.0 => {
                base + inflation.max(1.0)
            }
            _ if own >= base + more => own,
            _ => base + more * base / simpler.free.max(1) as f64,
        };
        self.effective_parameters = Some(penalty);
        self.clic = Some(self.minus_two_ell + 2.0 * penalty);
        self
    }
}

fn comparison(rung: &Rung, plan: &Plan, fitted: &Fitted) -> Comparison {
    let covariance = fitted.covariance.as_ref().ok();
    let effective_parameters = covariance.and_then(|c| c.effective_parameters());
    let bins: Vec<BinSsr> =
        fitted.residuals.iter().map(|r| BinSsr { pairs: r.pairs, ssr: r.ssr }).collect();
    let specs = plan.model.parameters().iter().zip(plan.transform.slots()).enumerate();
    let free = specs.filter(|(_, (_, slot))| matches!(slot, Slot::Free { .. }));
    let physical = plan.model.parameters().iter().map(|spec| spec.name.to_owned());
    let names: Vec<String> = physical.chain(fitted.layout.names().iter().cloned()).collect();
    let information = fitted.uncertainty.as_ref().map(|u| &u.information);
    let inflation = |k: usize| {
        let independent = information?.stderr(k).ok().filter(|error| *error > 0.0)?;
        Some((covariance?.stderr(k).ok()? / independent).powi(2))
    };
    let estimate = |k: usize| {
        let stderr = match &fitted.covariance {
            Ok(covariance) => covariance.stderr(k).map_err(|reason| reason.phrase(&names)),
            Err(error) => Err(error.to_string()),
        };
        let spec = &plan.model.parameters()[k];
        Estimate {
            name: spec.name.to_owned(),
            value: fitted.outcome.fit.theta[k],
            stderr_absent: stderr.as_ref().err().cloned(),
            inflation: inflation(k),
            stderr: stderr.ok(),
            unit: spec.unit.to_owned(),
        }
    };
    Comparison {
        model: rung.name.clone(),
        mode: rung.mode.name().to_owned(),
        settings: rung.settings(),
        free: plan.transform.free().len() + fitted.layout.linear(),
        converged: fitted.outcome.fit.termination.is_converged(),
        minus_two_ell: clic(&bins, 0.0),
        effective_parameters,
        clic: effective_parameters.map(|penalty| clic(&bins, penalty)),
        delta_clic: None,
        lack_of_fit: fitted.misfit.as_ref().ok().map(|misfit| misfit.test.p()),
        parameters: free.map(|(k, _)| estimate(k)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(names: &[&str], minus_two_ell: f64, penalty: f64) -> Comparison {
        let estimate = |name: &&str| Estimate {
            name: (*name).to_owned(),
            value: 1.0,
            stderr: Some(0.1),
            stderr_absent: None,
            inflation: Some(40.0),
            unit: "–".to_owned(),
        };
        Comparison {
            model: names.join(" "),
            mode: "static".to_owned(),
            settings: Vec::new(),
            free: names.len() + 2,
            converged: true,
            minus_two_ell,
            effective_parameters: Some(penalty),
            clic: Some(minus_two_ell + 2.0 * penalty),
            delta_clic: None,
            lack_of_fit: None,
            parameters: names.iter().map(estimate).collect(),
        }
    }

    #[test]
    fn penalties_are_measured_against_the_simpler_model() {
        let simple = compared(&["D0"], -1000.0, 120.0);
        let penalty = |c: Comparison| c.above(&simple).effective_parameters.unwrap();
        // One more: what its own variance says, whatever the traces.
        assert_eq!(penalty(compared(&["D0", "alpha"], -1010.0, 90.0)), 160.0);
        // Several: what the traces say, but never less than the simpler model.
        assert_eq!(penalty(compared(&["fast", "slow", "a"], -1010.0, 200.0)), 200.0);
        assert_eq!(penalty(compared(&["fast", "slow", "a"], -1010.0, 90.0)), 200.0);
        // A simpler model that is wrong says nothing.
        assert_eq!(penalty(compared(&["fast", "slow", "a"], -9000.0, 90.0)), 90.0);
    }

    #[test]
    fn a_needless_parameter_is_not_named() {
        let one = compared(&["D0"], -1000.0, 120.0);
        // It gains 3 standard deviations: 9 times its inflation.
        let gains = |gain: f64| compared(&["D0", "alpha"], -1000.0 - gain, 90.0).above(&one);
        assert_eq!(named(&[one.clone(), gains(9.0 * 40.0)]), Some(1));
        assert_eq!(named(&[one.clone(), gains(4.0 * 40.0)]), Some(0));
        let mut open = gains(9.0 * 40.0);
        open.converged = false;
        assert_eq!(named(&[one, open]), Some(0));
    }
}
