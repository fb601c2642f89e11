//! The noise as the residuals show it, in numbers.

use crate::fit::Fitted;
use crate::noise::DISTANCES;
use crate::plan::Plan;
use crate::report::{BinNoise, NoiseResult};
use crate::residuals::BinResiduals;

/// The section on noise.
///
/// **Formula** χ² = Σ r²/σ̂², σ̂ from the same residuals: the number of pairs, less the parameters where
/// all weigh the same. It is printed with that remark, never as a finding.
pub(super) fn noise(plan: &Plan, fitted: &Fitted, freedom: f64) -> NoiseResult {
    let model = plan.config.noise.model;
    let pairs: u64 = fitted.residuals.iter().map(|r| r.pairs).sum();
    let chi2 = if fitted.weights.is_some() { pairs as f64 } else { freedom };
    NoiseResult {
        model: model.name().to_owned(),
        weighted: fitted.weights.is_some(),
        chi2,
        chi2_about:
            "by construction, as σ̂ is estimated from the residuals themselves: it does not \
                     test the fit; the correlations of the residuals do"
                .to_owned(),
        distances_s: DISTANCES.map(|d| d as f64 * plan.dt.seconds).to_vec(),
        bins: plan
            .bins
            .iter()
            .zip(&fitted.residuals)
            .map(|(bin, residuals)| bin_noise(bin.number, residuals, plan.dt.seconds))
            .collect(),
    }
}

fn bin_noise(bin: u32, residuals: &BinResiduals, dt: f64) -> BinNoise {
    let statistics = &residuals.statistics;
    let (mut lag_s, mut sigma_by_lag) = (Vec::new(), Vec::new());
    for (class, [n, ssr]) in statistics.lags.iter().enumerate().filter(|(_, l)| l[0] > 0.0) {
        let lags = statistics.class.iter().enumerate().filter(|(k, c)| *k > 0 && **c == class);
        let (count, sum) = lags.fold((0.0, 0.0), |(n, s), (lag, _)| (n + 1.0, s + lag as f64));
        lag_s.push(dt * sum / count);
        sigma_by_lag.push((ssr / n).sqrt());
    }
    BinNoise {
        bin,
        sigma: (residuals.ssr / residuals.pairs.max(1) as f64).sqrt(),
        lag_s,
        sigma_by_lag,
        along_row: statistics.along_row().to_vec(),
        along_age: statistics.along_age(),
    }
}
