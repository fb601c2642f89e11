//! The data of a fit, kept where the memory allows.

use std::sync::Arc;

use dyne_runtime::budget::{Budget, Lease};
use dyne_runtime::machine::take_memory;
use dyne_runtime::{Event, Lanes, Observer, Resources};
use dyne_xpcs::config::OnBadBlock;
use dyne_xpcs::fit::{Data, FitError};
use dyne_xpcs::gaps::{self, Origin};
use dyne_xpcs::mask;
use dyne_xpcs::memory::{Candidate, MemoryError, MemoryPlan, Phase, Residency};
use dyne_xpcs::plan::Plan;
use dyne_xpcs::report::Mask;
use dyne_xpcs_data::{
    Afterwards, Matrices, PatchedRows, ReadError, Reader, RowFailure, RowSource, Scratch,
};

use super::memory;
use crate::failure::Failure;

/// Data, and what they hold on to.
pub(super) struct Kept {
    pub(super) data: Data,
    pub(super) mask: Mask,
    /// The way in which they are kept.
    chosen: Candidate,
    /// What is held of the budget, until the end.
    _leases: Vec<Lease>,
}

impl Kept {
    /// What is held of the budget in one phase.
    pub(super) fn lease(&self, budget: &Budget, phase: Phase) -> Result<Vec<Lease>, Failure> {
        leases(&self.chosen, budget, phase)
    }
}

fn leases(chosen: &Candidate, budget: &Budget, phase: Phase) -> Result<Vec<Lease>, Failure> {
    let own = chosen.holders.iter().filter(|holder| holder.phase == phase);
    Ok(own.map(|holder| budget.lease(holder.name, holder.bytes)).collect::<Result<_, _>>()?)
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
    let data = &plan.config.data;
    let what = format!(
        "{stamp} {:?} {:?} {} {} {:?}",
        plan.positions,
        plan.frames,
        plan.skip(),
        data.stride_coarse,
        data.on_bad_block
    );
    blake3::hash(what.as_bytes()).into()
}

/// Reads, or prepares for reading, the matrices that `plan` selects.
pub(super) fn kept(
    plan: &mut Plan,
    reader: &dyn Reader,
    means: Means<'_>,
) -> Result<Kept, Failure> {
    let Means { budget, resources, .. } = means;
    let lanes = resources.lanes;
    let (memory, _) = memory::plan(plan, reader, budget, lanes.count())?;
    let chosen = memory.candidates.iter().find(|c| c.residency == memory.residency);
    let chosen = chosen.expect("the residency is one of the candidates").clone();
    let mut always = leases(&chosen, budget, Phase::Program)?;
    always.extend(leases(&chosen, budget, Phase::Always)?);
    let reading = leases(&chosen, budget, Phase::Reading)?;
    means.observer.event(&Event::Residency { name: memory.residency.name(), bytes: chosen.peak() });
    if budget.source().is_asked() {
        // So the fit does not run out of it later, and takes the same from beginning to end.
        take_memory(chosen.peak_of_data()).map_err(|reason| MemoryError::Refused {
            bytes: chosen.peak(),
            reason: reason.to_string(),
        })?;
    }
    let (matrices, patched) = matrices(plan, reader, &memory, means)?;
    let failures = || patched.as_ref().map(|rows| rows.failures()).unwrap_or_default();
    let matrices = without_gaps(plan, reader, matrices, &failures, resources)?;
    let (matrices, mut mask) = mask::apply(plan, matrices, lanes)?;
    let mut data = Data::survey(plan, matrices, resources)?;
    data.bins_at_once = memory.concurrency.bins;
    mask.rows = mask::rows(plan, &data, &failures());
    drop(reading);
    Ok(Kept { data, mask, chosen, _leases: always })
}

/// The matrices without what has no data, which goes from the plan as well.
fn without_gaps(
    plan: &mut Plan,
    reader: &dyn Reader,
    matrices: Matrices,
    failures: &dyn Fn() -> Vec<RowFailure>,
    resources: Resources<'_>,
) -> Result<Matrices, Failure> {
    let unwritten = reader.unwritten(&plan.positions, plan.frames.clone())?;
    let origin =
        Origin { bins: &plan.bins, first: plan.frames.start, unwritten: &unwritten, failures };
    let found = gaps::find(&matrices, &origin, resources).map_err(FitError::from)?;
    plan.leave_out(&found, &matrices.positions())?;
    if found.is_empty() {
        return Ok(matrices);
    }
    Ok(found.left_of(matrices).expect("the plan refuses where nothing is left"))
}

/// The matrices, and who tells what of them could not be read where that is allowed.
fn matrices(
    plan: &Plan,
    reader: &dyn Reader,
    memory: &MemoryPlan,
    means: Means<'_>,
) -> Result<(Matrices, Option<Arc<PatchedRows>>), Failure> {
    let (bins, frames) = (&plan.positions, plan.frames.clone());
    let data = &plan.config.data;
    let held = memory.concurrency.strips;
    // No more are decoded at a time than the memory allows.
    let (all, solo, cancel) = (means.resources.lanes, Lanes::solo(), means.resources.cancel);
    let lanes = if held.0 < all.count() { &solo } else { all };
    let strict = data.on_bad_block == OnBadBlock::Error;
    if memory.residency == Residency::Resident && !reader.decoding(bins, frames.clone())?.again {
        let whole = Matrices::new(reader.read_stored(bins, frames, lanes)?, plan.skip());
        let strided = plan.strided();
        let picked = if strided.is_empty() { whole } else { whole.without(&strided) };
        return Ok((picked, None));
    }
    let mut rows = reader.rows(bins, frames, lanes)?;
    let patched = (!strict).then(|| Arc::new(PatchedRows::new(Arc::clone(&rows))));
    if let Some(patched) = &patched {
        rows = Arc::clone(patched) as Arc<dyn RowSource>;
    }
    let strided = plan.strided();
    let whole = Matrices::read_by_sweeps(rows, held, plan.skip());
    let picked = if strided.is_empty() { whole } else { whole.without(&strided) };
    let kept = match memory.residency {
        Residency::Resident => picked.resident(lanes, cancel)?,
        Residency::Streamed => picked,
        Residency::Mapped => picked.copied(|rows| {
            let performance = &plan.config.performance;
            let dir = memory::scratch_dir(performance);
            let afterwards = match performance.keep_scratch {
                true => Afterwards::Keep,
                false => Afterwards::Remove,
            };
            let scratch = Scratch::of(rows, means.selection, &dir, afterwards, lanes, cancel)?;
            Ok::<_, ReadError>(Arc::new(scratch) as Arc<dyn RowSource>)
        })?,
    };
    Ok((kept, patched))
}
