//! What the error bars rest on.

use std::collections::BTreeMap;

use dyne_solve::Covariance;
use dyne_xpcs_data::{Counts, mean_pixels};

use super::warnings;
use crate::fit::Fitted;
use crate::plan::Plan;
use crate::report::{Alternative, NoisePixels, Uncertainty};
use crate::uncertainty::CountsSource;

/// The section on error bars.
pub(super) fn uncertainty(plan: &Plan, fitted: &Fitted) -> Option<Uncertainty> {
    let found = fitted.uncertainty.as_ref()?;
    let mean = |counts: &Counts| match counts {
        Counts::Mean(counts) => Some(*counts),
        _ => None,
    };
    let pixels = plan.bins.iter().zip(&found.factors).map(|(bin, factors)| NoisePixels {
        bin: bin.number,
        speckles: factors.speckles(),
        pixels: factors.pixels(),
        counts: factors.counts(),
    });
    let alternative = |(name, covariance): &(&str, Covariance)| Alternative {
        name: (*name).to_owned(),
        stderr: by_parameter(plan, covariance),
    };
    Some(Uncertainty {
        method: found.method.name().to_owned(),
        about: found.method.about().to_owned(),
        instead_of: found.instead_of.clone(),
        pixels: found.pixels.map(|(pixels, _)| pixels),
        pixels_source: match (found.pixels, found.counts_source) {
            (None, _) => String::new(),
            (Some((_, source)), CountsSource::Residuals | CountsSource::Contradicted) => {
                format!("{}; with such counts only pixels·counts² is known well", source.about())
            }
            (Some((_, source)), _) => source.about().to_owned(),
        },
        map_pixels: mean_pixels(&plan.bins),
        counts: found.counts.iter().map(mean).collect(),
        counts_source: found.counts_source.about().to_owned(),
        bins: pixels.collect(),
        alternatives: found.alternatives.iter().map(alternative).collect(),
        notes: warnings::notes_on_noise(plan, found),
        information: by_parameter(plan, &found.information),
    })
}

/// Standard errors by parameter, of those that have one.
fn by_parameter(plan: &Plan, covariance: &Covariance) -> BTreeMap<String, f64> {
    let specs = plan.model.parameters().iter().enumerate();
    let known = specs.filter_map(|(k, spec)| {
        covariance.stderr(k).ok().map(|error| (spec.name.to_owned(), error))
    });
    known.collect()
}
