//! Frames that are left out of every matrix, because the configuration or the data say so.

use dyne_runtime::Lanes;
use dyne_xpcs_data::quality::outliers;
use dyne_xpcs_data::{Matrices, ReadError, RowFailure, Triangle};
use thiserror::Error;

use crate::fit::Data;
use crate::plan::{Plan, PlanError, Selection};
use crate::report::{Mask, MaskReason, MaskedFrames, MaskedRows};

/// Why no mask can be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MaskError {
    /// Too few pairs are left.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A matrix cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// The rows that a survey excludes, with the reasons; `failures` tells of rows that could not be read.
pub fn rows(plan: &Plan, data: &Data, failures: &[RowFailure]) -> Vec<MaskedRows> {
    let positions = data.matrices.positions();
    let frames = positions.len();
    let mut runs: Vec<MaskedRows> = Vec::new();
    let mut last = None;
    for found in &data.survey.not_finite {
        let (bin, row) = (found.bin, found.frames[0]);
        let frame = plan.frames.start + positions[row] + 1;
        let (read, at) = (plan.place(bin), positions[row]);
        let own = failures.iter().find(|f| f.bin == read && f.rows.contains(&at));
        let reason = match own {
            Some(failure) => failure.reason.clone(),
            None => format!("a value is {}", found.value),
        };
        let n_pairs = frames - 1 - row;
        match runs.last_mut() {
            Some(run) if last == row.checked_sub(1).map(|r| (bin, r)) && run.reason == reason => {
                run.last = frame;
                run.n_pairs += n_pairs;
            }
            _ => {
                let bin = plan.bins[bin].number;
                runs.push(MaskedRows { bin, first: frame, last: frame, n_pairs, reason });
            }
        }
        last = Some((bin, row));
    }
    runs
}

/// Takes the masked frames out of the matrices that `plan` selects.
///
/// **Cost** with `mask.auto` that of [`outliers`] for each matrix; a copy of the pairs that are
/// left, where any frame goes. **Checked by** `tests/fits/mask.rs`.
///
/// # Errors
/// [`PlanError::OutlierPairs`] where too few pairs are left; with `mask.auto` that of reading.
pub fn apply(
    plan: &Plan,
    matrices: Matrices,
    lanes: &Lanes,
) -> Result<(Matrices, Mask), MaskError> {
    let auto = plan.config.mask.auto;
    let reasons = reasons(plan.frames.len(), &plan.masked, auto, &matrices, lanes)?;
    let masked: Vec<usize> = (0..reasons.len()).filter(|k| reasons[*k].is_some()).collect();
    let (pairs, parameters) = (plan.pairs_without(&masked), plan.free_parameters());
    if pairs <= parameters {
        let (masked, frames) = (masked.len(), plan.frames.len());
        return Err(PlanError::OutlierPairs { pairs, parameters, masked, frames }.into());
    }
    let mask = Mask {
        n_frames: masked.len(),
        n_pairs: plan.pairs_without(&[]) - pairs,
        frames: runs(&reasons, plan.frames.start + 1),
        rows: Vec::new(),
    };
    Ok((without(matrices, &reasons), mask))
}

/// Takes the masked frames, with `auto` outliers too, out of matrices to which no model is fitted; tells
/// how many there are.
///
/// # Errors
/// [`PlanError::MaskPairs`] where fewer than three frames are left; that of reading.
pub fn of_selection(
    selection: &Selection,
    auto: Outliers,
    matrices: Matrices,
    lanes: &Lanes,
) -> Result<(Matrices, usize), MaskError> {
    let (all, there) = (selection.frames.len(), matrices.frames());
    let auto = auto == Outliers::Masked;
    let reasons = reasons(all, &selection.masked, auto, &matrices, lanes)?;
    let own = matrices.positions().iter().filter(|k| reasons[**k].is_some()).count();
    if there < own + 3 {
        let (parameters, frames) = (2, all);
        let pairs = Triangle::pairs(there - own);
        return Err(PlanError::MaskPairs { pairs, parameters, masked: own, frames }.into());
    }
    Ok((without(matrices, &reasons), own))
}

/// What happens to outlier frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outliers {
    /// They are left out.
    Masked,
    /// They stay.
    Kept,
}

/// Why each frame of a selection is masked, if it is.
fn reasons(
    frames: usize,
    masked: &[usize],
    auto: bool,
    matrices: &Matrices,
    lanes: &Lanes,
) -> Result<Vec<Option<MaskReason>>, MaskError> {
    let mut reasons: Vec<Option<MaskReason>> = vec![None; frames];
    if auto {
        let (bins, at): (Vec<usize>, _) = ((0..matrices.bins()).collect(), matrices.positions());
        let found = lanes.map(&bins, |bin| Ok(outliers(&*matrices.triangle(*bin)?)));
        for outliers in found.into_iter().collect::<Result<Vec<_>, MaskError>>()? {
            outliers.iter().for_each(|o| reasons[at[o.frame]] = Some(MaskReason::Auto));
        }
    }
    masked.iter().for_each(|k| reasons[*k] = Some(MaskReason::Config));
    Ok(reasons)
}

/// The matrices without the frames that have a reason.
fn without(matrices: Matrices, reasons: &[Option<MaskReason>]) -> Matrices {
    let at = matrices.positions();
    let masked = |k: &usize| reasons[at[*k]].is_some();
    let own: Vec<usize> = (0..matrices.frames()).filter(masked).collect();
    if own.is_empty() { matrices } else { matrices.without(&own) }
}

/// Frames in a row with one reason; the first has the number `first`.
fn runs(reasons: &[Option<MaskReason>], first: usize) -> Vec<MaskedFrames> {
    let mut runs: Vec<MaskedFrames> = Vec::new();
    for (k, reason) in reasons.iter().enumerate() {
        let (Some(reason), frame) = (*reason, first + k) else { continue };
        match runs.last_mut() {
            Some(run) if run.last + 1 == frame && run.reason == reason => run.last = frame,
            _ => runs.push(MaskedFrames { first: frame, last: frame, reason }),
        }
    }
    runs
}
