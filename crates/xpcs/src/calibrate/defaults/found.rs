//! What the report of a trial says, beside the truth.

use super::{Named, Naming, Told};
use crate::account::headline_values;
use crate::laws::{FamilyLaws, Law};
use crate::plan::Plan;
use crate::report::{HeadlineQuantity, ParameterResult};

/// The true parameters `truth` under the names that the fit at `theta` gives its components: a model that calls
/// the larger of two the sample calls it so whatever the truth was simulated as.
pub(super) fn named_alike(plan: &Plan, theta: &[f64], truth: &[f64]) -> Vec<f64> {
    let usual = plan.model.relabelled(theta, &plan.grid).is_none();
    let renamed = plan.model.relabelled(truth, &plan.grid).filter(|_| usual);
    renamed.unwrap_or_else(|| truth.to_vec())
}

/// The laws of a fit beside those of the truth.
pub(super) fn laws(chosen: &[FamilyLaws], truth: &[f64]) -> Vec<Named> {
    let one = |own: &FamilyLaws| {
        let law = law(own.family.positions.map(|k| truth[k]));
        Named {
            rate: own.family.name.clone(),
            chosen: own.family.law_name(own.law).to_owned(),
            truth: own.family.law_name(law).to_owned(),
            naming: naming(own.law, law),
        }
    };
    chosen.iter().map(one).collect()
}

/// The simplest law of a function with this amplitude, exponent and constant part.
fn law([_, exponent, offset]: [f64; 3]) -> Law {
    match (exponent == 0.0, offset == 0.0) {
        (true, _) => Law::Constant,
        (false, true) => Law::Powered,
        (false, false) => Law::WithOffset,
    }
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
    use crate::calibrate::defaults::tests::CELL;
    use crate::calibrate::simulated::Simulated;
    use crate::calibrate::{Ageing, Setting, azimuths, truth};
    use crate::config::Mode;

    fn two_components(theta: &[f64]) -> Plan {
        let mode = Mode::TwoComponent;
        let phi = azimuths(mode);
        let (frames, contrast, pixels, speckle, counts) = (100, 0.5, CELL.pixels, 1, None);
        let simulated =
            Simulated { mode, frames, phi, theta, contrast, pixels, speckle, counts, seed: 1 };
        super::super::plan(&simulated.config().unwrap()).unwrap()
    }

    #[test]
    fn a_truth_takes_the_names_of_the_report() {
        let setting = Setting { frames: 100, contrast: 0.5, speckle: 1, seed: 1 };
        let mut truth = truth(Mode::TwoComponent, Ageing::None, setting, 0);
        truth[9] = 0.4;
        let plan = two_components(&truth);
        let renamed = plan.model.relabelled(&truth, &plan.grid).unwrap();
        assert_eq!((renamed[0], renamed[9]), (truth[3], 0.6));
        assert_eq!(named_alike(&plan, &renamed, &truth), renamed, "the fit has the usual names");
        assert_eq!(named_alike(&plan, &truth, &truth), truth, "the fit has the others");
    }

    #[test]
    fn the_law_of_a_truth_is_the_simplest() {
        assert_eq!(law([2.0, 0.0, 0.0]), Law::Constant);
        assert_eq!(law([2.0, 0.1, 0.0]), Law::Powered);
        assert_eq!(law([-0.4, 0.1, 1.0]), Law::WithOffset);
    }

    #[test]
    fn a_law_is_simpler_or_fuller_than_the_truth() {
        assert_eq!(naming(Law::Constant, Law::Powered), Naming::Simpler);
        assert_eq!(naming(Law::Powered, Law::Powered), Naming::Right);
        assert_eq!(naming(Law::WithOffset, Law::Powered), Naming::Fuller);
    }
}
