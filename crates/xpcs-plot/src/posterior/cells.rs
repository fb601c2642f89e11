//! What tables, captions and the text say.

use dyne_xpcs::posterior::report::{
    LikelihoodReport, ParameterPosterior, PosteriorReport, SampleReport, Spread,
};

use super::COMBINED;
use crate::facts::value;
use crate::number::{count, interval, significant, value_with_error};

/// A way of sampling, for readers.
pub(super) fn method(method: &str) -> &'static str {
    match method {
        COMBINED => "CMC",
        "nuts" => "NUTS",
        _ => "draws",
    }
}

/// What the verdict is called in a word.
pub(super) fn status(report: &PosteriorReport) -> &'static str {
    if report.converged { "converged" } else { "not converged" }
}

/// The name, with a mark where the draws of it are not to be trusted.
pub(super) fn name(parameter: &ParameterPosterior) -> String {
    format!("{}{}", parameter.name, if parameter.converged { "" } else { " !" })
}

/// Mean with standard deviation.
pub(super) fn spread(spread: &Spread) -> String {
    value_with_error(spread.mean, spread.sd)
}

/// Ends of the middle 68 %.
pub(super) fn middle(spread: &Spread) -> String {
    interval([spread.quantiles[1], spread.quantiles[3]], spread.sd)
}

/// Ends of the middle 95 %.
pub(super) fn most(spread: &Spread) -> String {
    interval([spread.quantiles[0], spread.quantiles[4]], spread.sd)
}

/// The fit with its standard error.
pub(super) fn fit(parameter: &ParameterPosterior) -> String {
    value(parameter.fit, parameter.fit_stderr)
}

/// R̂ with three decimals, as differences from 1 matter.
pub(super) fn r_hat(r_hat: f64) -> String {
    match r_hat.is_finite() {
        true if r_hat < 100.0 => format!("{r_hat:.3}"),
        _ => significant(r_hat, 3),
    }
}

/// Effective draws.
pub(super) fn effective(draws: f64) -> String {
    match draws.is_finite() && (0.0..1e15).contains(&draws) {
        true => count(draws.round() as u64),
        false => significant(draws, 3),
    }
}

/// A unit; nothing for a pure number.
pub(super) fn unit(unit: &str) -> &str {
    if unit == "–" { "" } else { unit }
}

/// Share of the prior variance that is gone, with as many digits as tell it from 1.
pub(super) fn contraction(share: f64) -> String {
    match 1.0 - share {
        rest if rest > 0.0 && rest < 1e-4 => format!("1 − {}", significant(rest, 1)),
        _ => significant(share, 4),
    }
}

/// Two places about which draws gather, to the digits of the spread.
pub(super) fn modes(parameter: &ParameterPosterior) -> String {
    parameter.two_modes.map_or_else(String::new, |[a, b]| {
        interval([a, b], parameter.spread.sd).replace(" to ", " and ")
    })
}

/// E-BFMI of the chains: each of a few, the range of many.
pub(super) fn energy_fractions(sample: &SampleReport) -> String {
    const FEW: usize = 8;
    let all = &sample.energy_fractions;
    let two = |v: &f64| significant(*v, 2);
    match all.len() {
        0 => "–".to_owned(),
        n if n <= FEW => all.iter().map(two).collect::<Vec<_>>().join(", "),
        _ => {
            let lo = all.iter().copied().fold(f64::INFINITY, f64::min);
            let hi = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            format!("{} to {}", two(&lo), two(&hi))
        }
    }
}

/// By how much widths are changed beyond what the weight of the likelihood makes of them.
pub(super) fn width_factors(found: &LikelihoodReport) -> String {
    found.width_factors.map_or_else(
        || "none".to_owned(),
        |[low, high]| format!("× {} to × {}", significant(low, 3), significant(high, 3)),
    )
}

/// What the weight of the likelihood is.
pub(super) const WEIGHT_MEANING: &str = "Pairs of a two-time matrix are correlated, so they tell \
    less than as many independent ones. The weight multiplies the log likelihood and makes the \
    posterior as wide, on average over the directions, as the error bars which know the \
    correlation; 1 takes pairs as independent. The adjustment of widths, where there is one, makes \
    it as wide in each direction that the data and not the priors determine, up to a factor of 5.";

/// Columns of the table of values.
pub(super) const VALUES_MEANING: &str = "Intervals hold 68 % and 95 % of the draws, with equal \
    tails. The fit stands with its standard error.";

/// Columns of the table of widths and chains.
pub(super) const CHAINS_MEANING: &str = "sd composite (normal): the normal approximation at the \
    maximum under the composite likelihood; sd independent pairs: the same with all pairs taken as \
    independent. Contraction: share of the prior variance that the data took away. R̂: \
    rank-normalised, of split chains. Bulk and tail ESS: effective draws for the centre and for \
    the tails. MCSE: standard error of the mean as an estimate. !: R̂ or effective draws are not as they ought to be.";

/// How two samples differ, in a sentence; nothing with one sample.
pub(super) fn comparison(report: &PosteriorReport) -> Option<String> {
    let found = report.comparison.as_ref()?;
    let farthest = found.mean_shift.iter().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))?;
    let far = |ratio: &f64| if *ratio > 0.0 { ratio.ln().abs() } else { f64::INFINITY };
    let widest = found.sd_ratio.iter().max_by(|a, b| far(a.1).total_cmp(&far(b.1)))?;
    Some(format!(
        "CMC against NUTS: means differ by at most {} sd ({}), widths by a factor of {} ({}), \
         correlations by {}",
        significant(farthest.1.abs(), 2),
        farthest.0,
        significant(*widest.1, 3),
        widest.0,
        significant(found.correlation_difference, 2)
    ))
}
