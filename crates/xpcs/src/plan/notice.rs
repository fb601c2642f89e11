//! What a plan says before any matrix is read: what these bins cannot determine, and starting
//! values from which no fit can succeed.

use std::f64::consts::PI;

use dyne_math::simd::Level;
use dyne_solve::Slot;
use dyne_xpcs_model::model::KeptFrames;
use dyne_xpcs_model::param::PHI0;

use super::{Plan, PlanError, settings};
use crate::report::Warning;

/// Code of the warning of [`one_angle`].
pub(super) const ONE_ANGLE: &str = "one_angle";

/// Angles in degrees closer than this are one.
const SAME_ANGLE: f64 = 1e-6;

/// Gaps between these, Å, are those of shear cells: 1 µm to 10 cm.
const GAPS: std::ops::RangeInclusive<f64> = 1e4..=1e9;

/// Warns of a gap that no shear cell has: it scales every shear rate.
pub(super) fn gap(plan: &Plan) -> Option<Warning> {
    let gap = plan.config.geometry.gap.filter(|_| plan.mode.has_gap())?;
    if GAPS.contains(&gap) {
        return None;
    }
    let message = format!(
        "geometry.gap is {gap} Å, {:e} mm, which no shear cell has: is it in Å? 1 mm is 1e7 Å, and the shear rate goes as 1/gap",
        gap * 1e-7
    );
    Some(Warning { code: "gap".into(), message })
}

/// Warns that bins at one angle, or at two that are opposite, leave a free flow direction open.
pub(super) fn one_angle(plan: &Plan) -> Option<Warning> {
    let k = plan.model.parameters().iter().position(|spec| spec.name == PHI0.name)?;
    let free = matches!(plan.transform.slots()[k], Slot::Free { .. });
    let phi = plan.bins.first()?.phi_deg;
    let same = |other: f64| {
        let turns = (other - phi) / 180.0;
        (turns - turns.round()).abs() * 180.0 < SAME_ANGLE
    };
    if !free || !plan.bins.iter().all(|bin| same(bin.phi_deg)) {
        return None;
    }
    let message = format!(
        "all matrices are at one angle, {phi}° (opposite angles count as one): phi0 and the prefactor of the rate only enter as rate·cos(φ − phi0), so phi0 is not determined: fix it (parameters: {{phi0: {{fixed: 0}}}})"
    );
    Some(Warning { code: ONE_ANGLE.into(), message })
}

/// Tells which parameters are held though the configuration does not say so.
pub(super) fn held(plan: &Plan) -> Vec<Warning> {
    let specs = plan.model.parameters().iter().zip(plan.transform.slots());
    specs
        .filter(|(spec, _)| !spec.fitted && settings(&plan.config, spec) == Default::default())
        .filter_map(|(spec, slot)| match slot {
            Slot::Fixed(value) => {
                let (name, unit) = (spec.name, spec.unit);
                let message =
                    format!("{name} is held at {value} {unit} by default: {}", spec.about);
                Some(Warning { code: "held".into(), message })
            }
            _ => None,
        })
        .collect()
}

/// Refuses given starting values whose sample fraction is impossible on every frame: nothing of it
/// could be fitted from there.
pub(super) fn fraction(plan: &Plan) -> Result<(), PlanError> {
    let Some(start) = &plan.start else { return Ok(()) };
    let tables = plan.model.tables(Level::best(), start, &plan.grid, &KeptFrames::All);
    let frames = plan.grid.frames();
    match tables {
        Ok(tables) if tables.clipped_frames == frames => Err(PlanError::Fraction { frames }),
        // Values without tables are refused where the fit starts, with the reason.
        _ => Ok(()),
    }
}

/// Refuses given starting values whose oscillation no frame of any bin resolves.
pub(super) fn aliasing(plan: &Plan) -> Result<(), PlanError> {
    let Some(start) = &plan.start else { return Ok(()) };
    let mut least: Option<(usize, f64)> = None;
    for geometry in &plan.geometries {
        let Some(phase) = plan.model.phase_per_frame(start, &plan.grid, geometry) else {
            return Ok(());
        };
        let smallest = phase.values.iter().copied().fold(f64::INFINITY, f64::min);
        let so_far = least.map_or(f64::INFINITY, |(_, phase)| phase);
        least = Some((phase.parameter, smallest.min(so_far)));
    }
    let Some((parameter, phase)) = least else { return Ok(()) };
    let spec = &plan.model.parameters()[parameter];
    let given = settings(&plan.config, spec);
    if phase <= PI || (given.start.is_none() && given.fixed.is_none()) {
        return Ok(());
    }
    let (name, unit) = (spec.name, spec.unit);
    Err(PlanError::Aliasing { name, phase, below: start[parameter] * PI / phase, unit })
}
