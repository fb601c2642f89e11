//! What the report of a trial says, beside the truth.

use super::{Ageing, Named, Naming, Told};
use crate::account::headline_values;
use crate::laws::{FamilyLaws, Law};
use crate::plan::Plan;
use crate::report::{HeadlineQuantity, ParameterResult};

/// The laws of a fit beside those of the truth: constant, or powered without a constant part.
pub(super) fn laws(chosen: &[FamilyLaws], ageing: Ageing) -> Vec<Named> {
    let truth = match ageing {
        Ageing::None => Law::Constant,
        Ageing::Drawn => Law::Powered,
    };
    let one = |own: &FamilyLaws| Named {
        rate: own.family.name.clone(),
        chosen: own.family.law_name(own.law).to_owned(),
        truth: own.family.law_name(truth).to_owned(),
        naming: naming(own.law, truth),
    };
    chosen.iter().map(one).collect()
}

fn naming(chosen: Law, truth: Law) -> Naming {
    match chosen.cmp(&truth) {
        std::cmp::Ordering::Equal => Naming::Right,
        std::cmp::Ordering::Less => Naming::Simpler,
        std::cmp::Ordering::Greater => Naming::Fuller,
    }
}

/// The headline; its truth is the same function of time at the true parameters.
pub(super) fn headline(
    plan: &Plan,
    headline: &[HeadlineQuantity],
    laws: &[Named],
    truth: &[f64],
) -> Vec<Told> {
    let truths = headline_values(plan, truth);
    let one = |quantity: &HeadlineQuantity| {
        let (_, truth) = truths.iter().find(|(name, _)| *name == quantity.name)?;
        let rate = quantity.name.strip_prefix("mean_").unwrap_or(&quantity.name);
        let wrong = |named: &Named| named.rate == rate && named.naming != Naming::Right;
        Some(Told {
            name: quantity.name.clone(),
            value: quantity.value,
            stderr: quantity.stderr,
            truth: *truth,
            right_law: !laws.iter().any(wrong),
        })
    };
    headline.iter().filter_map(one).collect()
}

/// The parameters that are free under the laws chosen.
pub(super) fn parameters(
    parameters: &[ParameterResult],
    chosen: &[FamilyLaws],
    laws: &[Named],
    truth: &[f64],
) -> Vec<Told> {
    let wrong = |k: usize| {
        let mut own = chosen.iter().zip(laws);
        own.any(|(own, named)| own.family.positions.contains(&k) && named.naming != Naming::Right)
    };
    let free = parameters.iter().zip(truth).enumerate().filter(|(_, (own, _))| own.free);
    free.map(|(k, (own, truth))| Told {
        name: own.name.clone(),
        value: own.value,
        stderr: own.stderr,
        truth: *truth,
        right_law: !wrong(k),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_law_is_simpler_or_fuller_than_the_truth() {
        assert_eq!(naming(Law::Constant, Law::Powered), Naming::Simpler);
        assert_eq!(naming(Law::Powered, Law::Powered), Naming::Right);
        assert_eq!(naming(Law::WithOffset, Law::Powered), Naming::Fuller);
    }
}
