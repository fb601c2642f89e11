//! The data of a fit, kept where the memory allows.

use std::sync::Arc;

use dyne_runtime::budget::{Budget, Lease};
use dyne_runtime::{Event, Lanes, Observer, Resources};
use dyne_xpcs::fit::Data;
use dyne_xpcs::mask::{self, Mask};
use dyne_xpcs::memory::{MemoryPlan, Phase, Residency};
use dyne_xpcs::plan::Plan;
use dyne_xpcs_data::{Afterwards, Matrices, Reader, Scratch};

use super::memory;
use crate::failure::Failure;

/// Data, and what they hold on to.
pub(super) struct Kept {
    pub(super) data: Data,
    pub(super) mask: Mask,
    /// What is held of the budget, until the end.
    _leases: Vec<Lease>,
}

/// What reading may use.
#[derive(Clone, Copy)]
pub(super) struct Means<'a> {
    pub(super) budget: &'a Budget,
    pub(super) resources: Resources<'a>,
    /// Tells file and selection apart from all others.
    pub(super) selection: [u8; 32],
    pub(super) observer: &'a dyn Observer,
}

/// Hash of what is read of which file.
pub(super) fn selection(stamp: &str, plan: &Plan) -> [u8; 32] {
    let what = format!("{stamp} {:?} {:?}", plan.positions, plan.frames);
    blake3::hash(what.as_bytes()).into()
}

/// Reads, or prepares for reading, the matrices that `plan` selects.
pub(super) fn kept(plan: &Plan, reader: &dyn Reader, means: Means<'_>) -> Result<Kept, Failure> {
    let Means { budget, resources, .. } = means;
    let lanes = resources.lanes;
    let (memory, _) = memory::plan(plan, reader, budget, lanes.count())?;
    let chosen = memory.candidates.iter().find(|c| c.residency == memory.residency);
    let holders = chosen.map(|c| c.holders.as_slice()).unwrap_or_default();
    let always = holders.iter().filter(|h| h.phase == Phase::Always);
    let leases =
        always.map(|h| budget.lease(h.name, h.bytes)).collect::<Result<Vec<Lease>, _>>()?;
    means.observer.event(&Event::Residency {
        name: memory.residency.name(),
        bytes: chosen.map_or(0, dyne_xpcs::memory::Candidate::peak),
    });
    let matrices = matrices(plan, reader, &memory, means)?;
    let (matrices, mask) = mask::apply(plan, matrices, lanes)?;
    let mut data = Data::survey(plan, matrices, resources)?;
    data.bins_at_once = memory.concurrency.bins;
    Ok(Kept { data, mask, _leases: leases })
}

fn matrices(
    plan: &Plan,
    reader: &dyn Reader,
    memory: &MemoryPlan,
    means: Means<'_>,
) -> Result<Matrices, Failure> {
    let (bins, frames) = (&plan.positions, plan.frames.clone());
    let held = memory.concurrency.strips;
    // No more are decoded at a time than the memory allows.
    let (all, solo) = (means.resources.lanes, Lanes::solo());
    let lanes = if held.0 < all.count() { &solo } else { all };
    if memory.residency == Residency::Resident {
        let triangles = reader.read_stored(bins, frames, lanes)?;
        return Ok(Matrices::new(triangles, plan.skip()));
    }
    let rows = reader.rows(bins, frames, lanes)?;
    if memory.residency == Residency::Streamed {
        return Ok(Matrices::read_by_sweeps(rows, held, plan.skip()));
    }
    let performance = &plan.config.performance;
    let afterwards = match performance.keep_scratch {
        true => Afterwards::Keep,
        false => Afterwards::Remove,
    };
    let dir = memory::scratch_dir(performance);
    let scratch = Scratch::of(&*rows, means.selection, &dir, afterwards, lanes)?;
    Ok(Matrices::read_by_sweeps(Arc::new(scratch), held, plan.skip()))
}
