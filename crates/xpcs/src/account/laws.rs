//! The laws of the rates, and the fit of the fullest ones.

use dyne_solve::Slot;

use crate::fit::Fitted;
use crate::laws::FamilyLaws;
use crate::plan::Plan;
use crate::report::{FullLaw, FullParameter, LawResult};

/// One entry for each law of each function of time that has laws.
pub(super) fn laws(fitted: &Fitted) -> Vec<LawResult> {
    fitted.laws.iter().flat_map(of_family).collect()
}

fn of_family(own: &FamilyLaws) -> Vec<LawResult> {
    let one = |law, clic, p| LawResult {
        rate: own.family.name.clone(),
        law: own.family.law_name(law).to_owned(),
        clic,
        p,
        chosen: law == own.law,
    };
    match own.compared.is_empty() {
        true => vec![one(own.law, None, None)],
        false => own.compared.iter().map(|c| one(c.law, Some(c.clic), c.p)).collect(),
    }
}

/// The fit of the fullest laws where the data support simpler ones. What a simpler law holds is not
/// determined by these data, nor is what trades off against it.
pub(super) fn full_law(plan: &Plan, fitted: &Fitted) -> Option<FullLaw> {
    if fitted.transform == plan.transform {
        return None;
    }
    let theta = &fitted.fullest.theta;
    let specs = plan.model.parameters().iter().enumerate();
    let parameters = specs.map(|(k, spec)| {
        let free = matches!(plan.transform.slots()[k], Slot::Free { .. });
        let simpler = fitted
            .laws
            .iter()
            .find(|own| own.law < own.family.fullest() && own.family.positions.contains(&k));
        let (stderr, absent) = match (free, simpler) {
            (false, _) => (None, Some("fixed".to_owned())),
            (true, Some(own)) => {
                let (name, law) = (&own.family.name, own.family.law_name(own.law));
                let law = law.replace('_', " ");
                let reason =
                    format!("not determined: the data support no more than a {law} for {name}");
                (None, Some(reason))
            }
            (true, None) => {
                let covariance = fitted.covariance.as_ref().ok();
                let stderr = covariance.and_then(|c| c.stderr(k).ok());
                let absent = stderr.is_none().then(|| "see parameters".to_owned());
                (stderr, absent)
            }
        };
        let unit = spec.unit.to_owned();
        let found = FullParameter { value: theta[k], stderr, unit, stderr_absent: absent };
        (spec.name.to_owned(), found)
    });
    let ssr = 2.0 * fitted.fullest.cost();
    Some(FullLaw { parameters: parameters.collect(), ssr })
}
