//! The posterior of a trial.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use dyne_runtime::{Resources, Silent};

use super::CalibrateError;
use crate::fit::{Data, Fitted};
use crate::plan::Plan;
use crate::posterior::report::SampleReport;
use crate::posterior::{Sampled, Setting, ShardRun, sample_posterior};

/// Draws of the posterior by all data, of which nothing is kept or told.
pub(super) fn sampled(
    plan: &Plan,
    data: &Data,
    fitted: &Fitted,
    resources: Resources<'_>,
) -> Result<SampleReport, CalibrateError> {
    let setting = Setting {
        plan,
        matrices: &data.matrices,
        fitted,
        resources,
        observer: &Silent,
        saved: None,
        identity: [0; 32],
        shards_dir: &PathBuf::new(),
        shard_run: &ShardRun::All,
        workers: NonZeroUsize::MIN,
    };
    match sample_posterior(setting)? {
        Sampled::Report(mut report) => Ok(report.samples.swap_remove(0)),
        Sampled::Shard(_) => unreachable!("a calibration samples all data"),
    }
}

/// Share of the draws of each free parameter that lie below its true value.
pub(super) fn shares_below(
    plan: &Plan,
    data: &Data,
    fitted: &Fitted,
    truth: &[f64],
    resources: Resources<'_>,
) -> Result<Vec<f64>, CalibrateError> {
    let sample = sampled(plan, data, fitted, resources)?;
    let values = fitted.transform.free().iter().zip(&sample.trace.values);
    let below = |(k, chains): (&usize, &Vec<Vec<f64>>)| {
        let draws = chains.iter().flatten();
        let below = draws.clone().filter(|draw| **draw < truth[*k]).count();
        below as f64 / draws.count() as f64
    };
    Ok(values.map(below).collect())
}
