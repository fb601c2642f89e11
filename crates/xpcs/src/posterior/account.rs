//! Draws put into numbers: parameters, bins, the sampler, and whether to trust them.

use std::collections::BTreeMap;

use dyne_sample::diagnostics::energy_fraction;
use dyne_sample::{Chain, Draws, Modes, contraction, modes};
use dyne_xpcs_model::Scale;

use super::bins::BinDraw;
use super::report::{
    BinPosterior, Comparison, ParameterPosterior, QUANTILES, SampleReport, Spread, Trace,
};
use super::{BoundedPrior, Grouping};
use crate::fit::Fitted;
use crate::plan::Plan;

/// Largest R̂ of chains that agree.
const R_HAT: f64 = 1.01;
/// Effective draws from which on quantiles are worth telling, where nothing else is asked for.
const ESS: f64 = 400.0;
/// Least energy fraction of a chain that moves freely between energies.
const ENERGY_FRACTION: f64 = 0.3;

/// What goes with the draws of each free parameter.
pub(super) struct About<'a> {
    pub(super) plan: &'a Plan,
    pub(super) fitted: &'a Fitted,
    pub(super) grouping: Grouping,
    /// Prior of each free parameter within its bounds.
    pub(super) priors: &'a [(BoundedPrior, Vec<f64>)],
    /// Standard deviations in the fitted variable, normal approximations: composite, of independent pairs.
    pub(super) errors: [&'a [f64]; 2],
}

/// Draws of parameters and bins, by chain.
pub(super) struct Drawn {
    /// `nuts` or `cmc`.
    pub(super) method: &'static str,
    /// Chains, draws, free parameters.
    pub(super) values: Vec<Vec<Vec<f64>>>,
    /// Chains, draws, groups of bins.
    pub(super) bins: Vec<Vec<Vec<BinDraw>>>,
    /// What the sampler noted; nothing where the draws are combined ones.
    pub(super) chains: Vec<Chain>,
    pub(super) evaluations: u64,
    pub(super) seconds: f64,
}

fn spread(draws: &Draws) -> Spread {
    Spread {
        mean: draws.mean(),
        sd: draws.standard_deviation(),
        quantiles: QUANTILES.map(|p| draws.quantile(p)),
    }
}

/// Sums draws up.
pub(super) fn report(about: &About<'_>, drawn: Drawn) -> SampleReport {
    let trace = trace(about, &drawn);
    let all: Vec<Draws> = trace.values.iter().map(|chains| Draws::new(chains.clone())).collect();
    let limit = about.plan.config.posterior.max_depth;
    let depths = || trace.depth.iter().flatten().copied();
    SampleReport {
        method: drawn.method.to_owned(),
        chains: drawn.values.len(),
        draws: drawn.values[0].len(),
        evaluations: drawn.evaluations,
        seconds: drawn.seconds,
        divergences: trace.divergent.iter().map(Vec::len).sum(),
        divergences_at: divergences_at(about, &trace, &all),
        energy_fractions: trace.energy.iter().map(|chain| energy_fraction(chain)).collect(),
        deepest: depths().max().unwrap_or(0),
        at_depth_limit: depths().filter(|depth| *depth >= limit).count(),
        parameters: (0..all.len()).map(|i| parameter(about, &all[i], i)).collect(),
        bins: bins(about, &trace),
        correlations: correlations(&all),
        trace,
    }
}

fn trace(about: &About<'_>, drawn: &Drawn) -> Trace {
    let parameter = |i: usize| -> Vec<Vec<f64>> {
        drawn.values.iter().map(|chain| chain.iter().map(|draw| draw[i]).collect()).collect()
    };
    let group = |g: usize, of: fn(&BinDraw) -> f64| -> Vec<Vec<f64>> {
        drawn.bins.iter().map(|chain| chain.iter().map(|draw| of(&draw[g])).collect()).collect()
    };
    let groups = drawn.bins[0][0].len();
    let each = |of: fn(&BinDraw) -> f64| (0..groups).map(|g| group(g, of)).collect::<Vec<_>>();
    let chains = || drawn.chains.iter();
    Trace {
        values: (0..about.priors.len()).map(parameter).collect(),
        contrast: each(|bin| bin.contrast),
        offset: each(|bin| bin.offset),
        sigma: each(|bin| bin.sigma),
        log_density: chains().map(|chain| chain.log_density.clone()).collect(),
        energy: chains().map(|chain| chain.energy.clone()).collect(),
        depth: chains().map(|chain| chain.depth.clone()).collect(),
        step_size: chains().map(|chain| chain.step_size).collect(),
        divergent: match drawn.chains.is_empty() {
            true => vec![Vec::new(); drawn.values.len()],
            false => chains().map(|chain| chain.divergent.clone()).collect(),
        },
    }
}

fn parameter(about: &About<'_>, draws: &Draws, i: usize) -> ParameterPosterior {
    let k = about.fitted.transform.free()[i];
    let spec = &about.plan.model.parameters()[k];
    let fit = about.fitted.outcome.fit.theta[k];
    let stderr = about.fitted.covariance.as_ref().ok().and_then(|c| c.stderr(k).ok());
    let (_, prior_draws) = &about.priors[i];
    let of_prior = Draws::new(vec![prior_draws.clone()]);
    let spread = spread(draws);
    let unit = if spec.scale == Scale::Log { spread.quantiles[2] } else { 1.0 };
    let two_modes = match modes(draws, draws.within_ess()) {
        Modes::Two { centres, .. } => Some(centres),
        Modes::One => None,
    };
    let (r_hat, ess_bulk, ess_tail) = (draws.r_hat(), draws.bulk_ess(), draws.tail_ess());
    ParameterPosterior {
        name: spec.name.to_owned(),
        symbol: spec.symbol.to_owned(),
        unit: spec.unit.to_owned(),
        mcse_mean: draws.mean_error(),
        r_hat,
        ess_bulk,
        ess_tail,
        converged: r_hat <= R_HAT && ess_bulk.min(ess_tail) >= enough(about),
        contraction: contraction(draws, of_prior.standard_deviation().powi(2)),
        two_modes,
        sd_composite: about.errors[0][i] * unit,
        sd_independent: about.errors[1][i] * unit,
        fit,
        fit_stderr: stderr,
        prior_draws: prior_draws.clone(),
        spread,
    }
}

fn bins(about: &About<'_>, trace: &Trace) -> Vec<BinPosterior> {
    let of = |g: usize, of: &[Vec<Vec<f64>>]| spread(&Draws::new(of[g].clone()));
    let one = |(b, bin): (usize, &dyne_xpcs_data::Bin)| {
        let g = match about.grouping {
            Grouping::Individual => b,
            Grouping::Averaged => 0,
        };
        BinPosterior {
            bin: bin.number,
            q: bin.q,
            phi_deg: bin.phi_deg,
            contrast: of(g, &trace.contrast),
            offset: of(g, &trace.offset),
            sigma: of(g, &trace.sigma),
        }
    };
    about.plan.bins.iter().enumerate().map(one).collect()
}

fn correlations(all: &[Draws]) -> Vec<Vec<f64>> {
    let one = |a: &Draws, b: &Draws| {
        let (ma, mb) = (a.mean(), b.mean());
        let n = a.all().count() as f64;
        let sum: f64 = a.all().zip(b.all()).map(|(x, y)| (x - ma) * (y - mb)).sum();
        sum / (n - 1.0) / (a.standard_deviation() * b.standard_deviation())
    };
    all.iter().map(|a| all.iter().map(|b| one(a, b)).collect()).collect()
}

/// Where divergent draws are: the parameters in which they lie aside, and on which side.
fn divergences_at(about: &About<'_>, trace: &Trace, all: &[Draws]) -> String {
    let chains = trace.divergent.iter().enumerate();
    let places: Vec<(usize, usize)> =
        chains.flat_map(|(chain, draws)| draws.iter().map(move |draw| (chain, *draw))).collect();
    if places.is_empty() {
        return String::new();
    }
    let aside = |i: usize| -> Option<String> {
        let own = places.iter().map(|(chain, draw)| trace.values[i][*chain][*draw]);
        let centre = own.sum::<f64>() / places.len() as f64;
        let distance = (centre - all[i].mean()) / all[i].standard_deviation();
        // Half a standard deviation is more than chance where there are many.
        let chance = 3.0 / (places.len() as f64).sqrt();
        let name = about.plan.model.parameters()[about.fitted.transform.free()[i]].name;
        let side = if distance > 0.0 { "high" } else { "low" };
        (distance.abs() > chance.max(0.5)).then(|| format!("{side} {name} ({distance:+.1} sd)"))
    };
    let aside: Vec<String> = (0..all.len()).filter_map(aside).collect();
    match aside.is_empty() {
        true => "spread over the posterior".to_owned(),
        false => format!("at {}", aside.join(", ")),
    }
}

/// Effective draws that are enough.
fn enough(about: &About<'_>) -> f64 {
    about.plan.config.posterior.min_effective.unwrap_or(ESS)
}

/// What speaks against the draws, in words.
pub(super) fn faults(about: &About<'_>, sample: &SampleReport) -> Vec<String> {
    let enough = enough(about);
    let mut faults = Vec::new();
    let mut named = |what: String, bad: &dyn Fn(&ParameterPosterior) -> bool| {
        let own = sample.parameters.iter().filter(|p| bad(p));
        let names: Vec<&str> = own.map(|p| p.name.as_str()).collect();
        if !names.is_empty() {
            faults.push(format!("{what} of {}", names.join(", ")));
        }
    };
    // NaN, of draws that are all equal, is a fault too.
    named("R̂ above 1.01".to_owned(), &|p| !matches!(p.r_hat, r if r <= R_HAT));
    named(format!("fewer than {enough:.0} effective draws"), &|p| {
        p.ess_bulk.min(p.ess_tail) < enough
    });
    named("two modes".to_owned(), &|p| p.two_modes.is_some());
    if sample.divergences > 0 {
        let plural = if sample.divergences == 1 { "draw" } else { "draws" };
        faults.push(format!("{} divergent {plural}", sample.divergences));
    }
    if sample.energy_fractions.iter().any(|e| *e < ENERGY_FRACTION) {
        faults.push("energies hardly explored (E-BFMI below 0.3)".to_owned());
    }
    if sample.at_depth_limit > 0 {
        faults.push(format!("{} trajectories cut off at max_depth", sample.at_depth_limit));
    }
    faults.extend(exchanged(about, sample));
    faults
}

/// Whether components exchange their names from draw to draw.
fn exchanged(about: &About<'_>, sample: &SampleReport) -> Option<String> {
    let (plan, fitted) = (about.plan, about.fitted);
    let free = fitted.transform.free();
    let usual = |chain: usize, draw: usize| {
        let mut theta = fitted.outcome.fit.theta.clone();
        for (i, k) in free.iter().enumerate() {
            theta[*k] = sample.trace.values[i][chain][draw];
        }
        plan.model.relabelled(&theta, &plan.grid).is_none()
    };
    let looked = |draw: &usize| draw.is_multiple_of(10);
    let places: Vec<bool> = (0..sample.chains)
        .flat_map(|chain| (0..sample.draws).filter(looked).map(move |draw| (chain, draw)))
        .map(|(chain, draw)| usual(chain, draw))
        .collect();
    let count = places.iter().filter(|usual| **usual).count();
    let share = count.min(places.len() - count) as f64 / places.len() as f64;
    (share > 0.01).then(|| {
        format!("the components exchange their names in {:.0} % of the draws", 100.0 * share)
    })
}

/// How draws by shards differ from those by all data.
pub(super) fn comparison(whole: &SampleReport, shards: &SampleReport) -> Comparison {
    let pairs = || whole.parameters.iter().zip(&shards.parameters);
    let by = |of: &dyn Fn(&Spread, &Spread) -> f64| -> BTreeMap<String, f64> {
        pairs().map(|(a, b)| (a.name.clone(), of(&a.spread, &b.spread))).collect()
    };
    let differences = whole.correlations.iter().flatten().zip(shards.correlations.iter().flatten());
    Comparison {
        mean_shift: by(&|a, b| (b.mean - a.mean) / a.sd),
        sd_ratio: by(&|a, b| b.sd / a.sd),
        correlation_difference: differences.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max),
    }
}
