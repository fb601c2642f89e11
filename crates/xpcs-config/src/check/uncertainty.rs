//! Checks of the group `uncertainty`.

use super::super::error::Fault;
use super::super::parameters::Parameters;
use super::super::uncertainty::UncertaintyConfig;
use super::parameters::{Chosen, known_parameter};
use super::{Checked, positive};

/// Fewest speckles: below it an error bar is known to no better than a tenth.
const FEWEST_SPECKLES: usize = 128;

pub(super) fn check_uncertainty(
    chosen: Chosen,
    uncertainty: &UncertaintyConfig,
    parameters: &Parameters,
) -> Checked {
    if uncertainty.speckles < FEWEST_SPECKLES {
        return Err(Fault::new("uncertainty.speckles", uncertainty.speckles.to_string())
            .expected(format!("at least {FEWEST_SPECKLES}"))
            .remedy("give a larger number, or delete the key to take its default")
            .value());
    }
    uncertainty.counts.map_or(Ok(()), |counts| positive("uncertainty.counts", counts, ""))?;
    uncertainty.pixels.map_or(Ok(()), |pixels| positive("uncertainty.pixels", pixels, ""))?;
    for (i, name) in uncertainty.profile.iter().enumerate() {
        let key = format!("uncertainty.profile[{i}]");
        known_parameter(chosen, name, &key, &[])?;
        let held = parameters.get(name).is_some_and(|p| p.fixed.is_some() || p.tied.is_some());
        if held {
            return Err(Fault::new(&key, format!("`{name}`"))
                .expected("a free parameter: this one is fixed or tied")
                .remedy(format!("free parameters.{name}, or take it off the list"))
                .value());
        }
    }
    Ok(())
}
