//! The laws of the rates, and the fit of the fullest ones.

use dyne_solve::Slot;

use crate::fit::Fitted;
use crate::laws::FamilyLaws;
use crate::plan::Plan;
use crate::report::{AgedRate, FullLaw, FullParameter, LackOfFit, LawResult, ResidualCell};

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

/// The test of lack of fit.
pub(super) fn lack_of_fit(plan: &Plan, fitted: &Fitted) -> Result<LackOfFit, String> {
    let found = fitted.misfit.as_ref().map_err(Clone::clone)?;
    let dt = plan.dt.seconds;
    let origin = plan.grid.times()[0];
    let cells = found.test.cells.iter().map(|cell| ResidualCell {
        bin: plan.bins[cell.bin].number,
        lag_s: cell.lags.map(|lag| lag as f64 * dt),
        age_s: cell.ages.map(|age| origin + age * dt),
        mean: cell.mean,
        of_contrast: cell.mean / fitted.scaling[cell.bin].contrast,
        z: cell.z,
    });
    let test = &found.test;
    let name = |rate: usize| {
        let own = fitted.laws.iter().map(|own| &own.family).find(|own| own.positions[0] == rate);
        own.map_or_else(|| plan.model.parameters()[rate].name.to_owned(), |own| own.name.clone())
    };
    let rates = test.rates.iter().map(|change| AgedRate {
        rate: name(change.rate),
        age_s: change.ages.map(|age| origin + age * dt),
        z: change.z,
    });
    Ok(LackOfFit {
        p: test.p(),
        p_residuals: Some(test.residuals.p()),
        p_rates: Some(test.changes.p()),
        statistic: test.residuals.statistic,
        expected: test.residuals.expected,
        pixels: found.pixels,
        pixels_source: found.pixels_source.clone(),
        cells: cells.collect(),
        rates: rates.collect(),
    })
}
