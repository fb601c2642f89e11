//! What chains tell of the parameters, and of themselves.

use std::collections::BTreeMap;

use dyne_sample::{Chain, Draws};
use serde::Serialize;

use super::Posterior;
use crate::fit::Fitted;
use crate::plan::Plan;

/// Largest R̂ of chains that agree.
const R_HAT: f64 = 1.01;
/// Fewest effective draws for which quantiles are worth telling.
const ESS: f64 = 400.0;

/// The posterior of one parameter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParameterPosterior {
    /// Unit.
    pub unit: String,
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub sd: f64,
    /// Quantiles at 2.5, 16, 50, 84 and 97.5 %.
    pub quantiles: [f64; 5],
    /// Standard error of the mean as an estimate.
    pub mcse_mean: f64,
    /// Rank-normalised split R̂.
    pub r_hat: f64,
    /// Effective draws for the centre.
    pub ess_bulk: f64,
    /// Effective draws for the tails.
    pub ess_tail: f64,
    /// Value of the fit.
    pub fit: f64,
    /// Standard error of the fit, where there is one.
    pub fit_stderr: Option<f64>,
}

/// The posterior of a fit; [`Summary::to_json`] writes the schema `dyne-posterior/1`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Name of the schema.
    pub schema: &'static str,
    /// Weight of the likelihood; 1 takes pairs as independent.
    pub likelihood_weight: f64,
    /// Chains.
    pub chains: usize,
    /// Draws of each.
    pub draws: usize,
    /// Evaluations of the density, all chains together.
    pub evaluations: u64,
    /// Draws whose trajectory diverged.
    pub divergences: usize,
    /// Free parameters by name.
    pub parameters: BTreeMap<String, ParameterPosterior>,
    /// Whether the chains can be trusted, in words.
    pub verdict: String,
    /// The same as a fact.
    pub converged: bool,
}

impl Summary {
    /// Sums up `chains` of `posterior`.
    ///
    /// **Checked by** `tests/fits/posterior.rs`.
    ///
    /// # Panics
    /// Where there is no chain, or fewer than four draws.
    pub fn new(plan: &Plan, fitted: &Fitted, posterior: &Posterior<'_>, chains: &[Chain]) -> Self {
        let theta = |chain: &Chain| -> Vec<Vec<f64>> {
            chain.draws.iter().map(|v| posterior.theta(v)).collect()
        };
        let thetas: Vec<Vec<Vec<f64>>> = chains.iter().map(theta).collect();
        let one = |k: &usize| {
            let of = |chain: &Vec<Vec<f64>>| chain.iter().map(|theta| theta[*k]).collect();
            let draws = Draws::new(thetas.iter().map(of).collect());
            let stderr = fitted.covariance.as_ref().ok().and_then(|c| c.stderr(*k).ok());
            let spec = &plan.model.parameters()[*k];
            let found = ParameterPosterior {
                unit: spec.unit.to_owned(),
                mean: draws.mean(),
                sd: draws.standard_deviation(),
                quantiles: [0.025, 0.16, 0.5, 0.84, 0.975].map(|p| draws.quantile(p)),
                mcse_mean: draws.mean_error(),
                r_hat: draws.r_hat(),
                ess_bulk: draws.bulk_ess(),
                ess_tail: draws.tail_ess(),
                fit: fitted.outcome.fit.theta[*k],
                fit_stderr: stderr,
            };
            (spec.name.to_owned(), found)
        };
        let parameters: BTreeMap<_, _> = plan.transform.free().iter().map(one).collect();
        let divergences = chains.iter().map(|chain| chain.divergent.len()).sum();
        let faults = faults(&parameters, divergences);
        Self {
            schema: "dyne-posterior/1",
            likelihood_weight: posterior.weight,
            chains: chains.len(),
            draws: chains[0].draws.len(),
            evaluations: chains.iter().map(|chain| chain.evaluations).sum(),
            divergences,
            parameters,
            converged: faults.is_empty(),
            verdict: match faults.is_empty() {
                true => "the chains agree, and there are enough of their draws".to_owned(),
                false => format!("not to be trusted: {}", faults.join("; ")),
            },
        }
    }

    /// The summary as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!(self)
    }
}

fn faults(parameters: &BTreeMap<String, ParameterPosterior>, divergences: usize) -> Vec<String> {
    let mut faults = Vec::new();
    let mut named = |what: &str, bad: &dyn Fn(&ParameterPosterior) -> bool| {
        let own = parameters.iter().filter(|(_, p)| bad(p));
        let names: Vec<&str> = own.map(|(name, _)| name.as_str()).collect();
        if !names.is_empty() {
            faults.push(format!("{what} of {}", names.join(", ")));
        }
    };
    // NaN, of draws that are all equal, is a fault too.
    named("R̂ above 1.01", &|p| !matches!(p.r_hat, r if r <= R_HAT));
    named("fewer than 400 effective draws", &|p| p.ess_bulk.min(p.ess_tail) < ESS);
    if divergences > 0 {
        faults.push(format!("{divergences} divergent draws"));
    }
    faults
}
