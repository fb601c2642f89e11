//! Simulation-based calibration of posteriors: truths from the prior, data from the truths, and the ranks of the
//! truths among the draws of their posteriors.

use std::fmt::Write;

use dyne_runtime::{Cancel, Lanes, Resources, Silent, Solo, Stream};
use dyne_sample::uniformity::{Band, band, rank};
use dyne_sample::{Uniformity, UniformityError};
use dyne_xpcs_data::{Matrices, Triangle};
use dyne_xpcs_model::Mode;
use serde::{Deserialize, Serialize};

use super::posterior::sampled;
use super::{CalibrateError, FRAME_TIME, GAP, Q, azimuths};
use crate::config::{FitConfig, SimConfig};
use crate::fit::{Data, fit};
use crate::plan::Plan;
use crate::posterior::BoundedPrior;
use crate::residuals::PictureSize;
use crate::simulate::{Experiment, ExperimentError, simulated_catalog};

/// What is simulated for the ranks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SbcSetting {
    /// The model.
    pub mode: Mode,
    /// Frames of a series.
    pub frames: usize,
    /// Standard deviation of the noise of a pair; pairs are independent.
    pub noise: f64,
    /// Seed of truths, noise and chains.
    pub seed: u64,
}

/// One simulated truth and where it lies among the draws of its posterior.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SbcTrial {
    /// Its number.
    pub number: u64,
    /// Rank of each parameter by name, 0 to [`LARGEST_RANK`].
    pub ranks: Vec<(String, usize)>,
    /// Divergent draws.
    pub divergences: usize,
    /// Largest R̂ of a parameter.
    pub r_hat: f64,
}

/// Draws that a truth is ranked among.
pub const LARGEST_RANK: usize = 99;

/// Bins of a histogram of ranks.
pub const RANK_BINS: usize = 20;

/// A p-value below which ranks do not count as uniform.
pub const LEAST_P: f64 = 0.01;

/// Chains and draws of a posterior: one in ten is ranked among.
const CHAINS: usize = 2;
const DRAWS: usize = 500;

/// Mean and standard deviation of contrast and offset.
const CONTRAST: [f64; 2] = [0.3, 0.05];
const OFFSET: [f64; 2] = [1.0, 0.05];

/// Priors as the configuration takes them: such that the data tell much, but not all.
fn priors(mode: Mode) -> &'static [(&'static str, &'static str)] {
    let all: &'static [(&'static str, &'static str)] = &[
        ("D0", "{log_normal: {median: 1.0e4, decades: 0.3}}"),
        ("alpha", "{normal: {mean: 0.0, sd: 0.3}}"),
        ("D_offset", "{normal: {mean: 0.0, sd: 500.0}}"),
        ("gamma_dot_t0", "{log_normal: {median: 3.0e-4, decades: 0.2}}"),
        ("beta", "{normal: {mean: 0.0, sd: 0.3}}"),
        ("gamma_dot_t_offset", "{normal: {mean: 0.0, sd: 5.0e-5}}"),
        ("phi0", "{normal: {mean: 0.0, sd: 5.0}}"),
    ];
    &all[..mode.parameters().len().min(all.len())]
}

fn fit_config(
    setting: SbcSetting,
    truth: &[f64],
    number: u64,
) -> Result<FitConfig, CalibrateError> {
    let parameters: Vec<String> = priors(setting.mode)
        .iter()
        .zip(truth)
        .map(|((name, prior), value)| format!("{name}: {{start: {value:e}, prior: {prior}}}"))
        .collect();
    let normal =
        |[mean, sd]: [f64; 2]| format!("{{prior: {{normal: {{mean: {mean}, sd: {sd}}}}}}}");
    let yaml = format!(
        "mode: {}\ndata: {{file: simulated}}\ngeometry: {{gap: {GAP}}}\n\
         parameters: {{{}, contrast: {}, offset: {}}}\nuncertainty: {{method: information}}\n\
         posterior: {{likelihood: independent, chains: {CHAINS}, warmup: 300, draws: {DRAWS}, \
         target_accept: 0.95, seed: {}}}\n",
        setting.mode,
        parameters.join(", "),
        normal(CONTRAST),
        normal(OFFSET),
        setting.seed.wrapping_mul(1_000_003).wrapping_add(number),
    );
    Ok(FitConfig::from_yaml(&yaml, "calibrate", &[])?)
}

/// A truth from the priors: parameters, then contrast and offset of each bin.
struct Truth {
    theta: Vec<f64>,
    contrast: Vec<f64>,
    offset: Vec<f64>,
}

fn truth(setting: SbcSetting, number: u64) -> Result<Truth, CalibrateError> {
    let stream = Stream::new(setting.seed).split("sbc").split(setting.mode.name()).index(number);
    let mut random = stream.generator();
    let specs = setting.mode.parameters();
    let middle: Vec<f64> = specs.iter().map(|spec| spec.default).collect();
    let config = fit_config(setting, &middle, 0)?;
    let theta = specs.iter().map(|spec| {
        let prior = config.parameters[spec.name].prior(spec);
        let prior = BoundedPrior::try_new(prior, spec.scale, spec.lower, spec.upper);
        prior
            .expect("the priors of the calibration lie within the bounds")
            .quantile(random.uniform())
    });
    let theta = theta.collect();
    let bins = azimuths(setting.mode).len();
    let mut normal = |[mean, sd]: [f64; 2]| mean + sd * random.normal();
    let lines: Vec<(f64, f64)> = (0..bins).map(|_| (normal(CONTRAST), normal(OFFSET))).collect();
    let (contrast, offset) = lines.into_iter().unzip();
    Ok(Truth { theta, contrast, offset })
}

fn simulation(
    setting: SbcSetting,
    truth: &Truth,
    number: u64,
) -> Result<SimConfig, CalibrateError> {
    let specs = setting.mode.parameters().iter().zip(&truth.theta);
    let parameters: Vec<String> =
        specs.map(|(spec, value)| format!("{}: {value:e}", spec.name)).collect();
    let yaml = format!(
        "mode: {}\nframes: {}\ndt: {FRAME_TIME}\nq: {Q}\ngap: {GAP}\nphi: {:?}\n\
         parameters: {{{}}}\ncontrast: {:?}\noffset: {:?}\n\
         noise: {{kind: gaussian, sigma: {}, seed: {}}}\n",
        setting.mode,
        setting.frames,
        azimuths(setting.mode),
        parameters.join(", "),
        truth.contrast,
        truth.offset,
        setting.noise,
        setting.seed.wrapping_mul(7_368_787).wrapping_add(number),
    );
    Ok(SimConfig::from_yaml(&yaml, "calibrate", &[])?)
}

/// Simulates trial `number`, samples its posterior and ranks its truth.
///
/// **Rule** truths are drawn from the priors of [`SbcSetting::mode`], contrast of each bin from N(0.3, 0.05) and
/// offset from N(1, 0.05); pairs have independent Gaussian noise. The fit begins at the truth, as it is the
/// posterior that is tried and not the search. Every tenth draw is kept, so that the ranks are those among
/// independent ones. **Source** Talts, Betancourt, Simpson, Vehtari and Gelman, arXiv:1804.06788.
///
/// # Errors
/// [`CalibrateError`].
pub fn sbc_trial(setting: SbcSetting, number: u64) -> Result<SbcTrial, CalibrateError> {
    let lanes = Lanes::solo();
    let truth = truth(setting, number)?;
    let sim = simulation(setting, &truth, number)?;
    let plan = Plan::resolve(fit_config(setting, &truth.theta, number)?, &simulated_catalog(&sim))?;
    let experiment = Experiment::try_new(sim)?;
    let triangles: Vec<Triangle> = plan
        .positions
        .iter()
        .map(|bin| Ok(experiment.matrix(*bin, &lanes)?.triangle))
        .collect::<Result<_, ExperimentError>>()?;
    let cancel = Cancel::new();
    let resources = Resources::new(&lanes, &Solo, &cancel);
    let data = Data::survey(&plan, Matrices::new(triangles, plan.skip()), resources)?;
    let fitted = fit(&plan, &data, resources, PictureSize { pixels: 1 }, &Silent)?;
    let sample = sampled(&plan, &data, &fitted, resources)?;
    let of = |name: &str, value: f64, chains: &Vec<Vec<f64>>| {
        let draws: Vec<f64> = chains.iter().flatten().copied().collect();
        let step = draws.len() / (LARGEST_RANK + 1);
        let kept: Vec<f64> = draws.into_iter().step_by(step).take(LARGEST_RANK).collect();
        (name.to_owned(), rank(value, &kept))
    };
    let mut ranks: Vec<(String, usize)> = sample
        .parameters
        .iter()
        .zip(&truth.theta)
        .zip(&sample.trace.values)
        .map(|((p, value), chains)| of(&p.name, *value, chains))
        .collect();
    ranks.push(of("contrast[0]", truth.contrast[0], &sample.trace.contrast[0]));
    ranks.push(of("offset[0]", truth.offset[0], &sample.trace.offset[0]));
    Ok(SbcTrial {
        number,
        ranks,
        divergences: sample.divergences,
        r_hat: sample.parameters.iter().map(|p| p.r_hat).fold(0.0, f64::max),
    })
}

/// The ranks of one parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct RankHistogram {
    /// Name of the parameter.
    pub parameter: String,
    /// Counts, χ² and p-value.
    pub uniformity: Uniformity,
    /// Between which counts 99 % of uniform histograms have a bin.
    pub band: Band,
}

/// Histograms of the ranks of some trials.
///
/// # Errors
/// [`UniformityError`] where there is no trial.
pub fn histograms(trials: &[SbcTrial]) -> Result<Vec<RankHistogram>, UniformityError> {
    let first = trials.first().ok_or(UniformityError::Empty)?;
    let one = |(k, (name, _)): (usize, &(String, usize))| {
        let ranks: Vec<usize> = trials.iter().map(|trial| trial.ranks[k].1).collect();
        let uniformity = Uniformity::try_new(&ranks, LARGEST_RANK, RANK_BINS)?;
        let band = band(ranks.len(), RANK_BINS, 0.99);
        Ok(RankHistogram { parameter: name.clone(), uniformity, band })
    };
    first.ranks.iter().enumerate().map(one).collect()
}

/// The table as Markdown, one line a parameter.
pub fn sbc_markdown(setting: SbcSetting, trials: &[SbcTrial], rows: &[RankHistogram]) -> String {
    let mut out = String::from(
        "| mode | parameter | trials | χ² (19 degrees) | p | lowest and highest bin | 99 % of bins |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let Uniformity { counts, statistic, p_value } = &row.uniformity;
        let ends = [counts.iter().min(), counts.iter().max()].map(|n| n.copied().unwrap_or(0));
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "| {} | {} | {} | {statistic:.1} | {p_value:.3} | {} … {} | {} … {} |",
            setting.mode,
            row.parameter,
            trials.len(),
            ends[0],
            ends[1],
            row.band.lowest,
            row.band.highest,
        );
    }
    let divergences: usize = trials.iter().map(|trial| trial.divergences).sum();
    let draws = trials.len() * CHAINS * DRAWS;
    let _ = writeln!(out, "\n{}: {divergences} of {draws} draws diverged", setting.mode);
    out
}
