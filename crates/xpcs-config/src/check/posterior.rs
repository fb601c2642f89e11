//! Checks of the group `posterior`.

use super::super::error::Fault;
use super::super::keys::number;
use super::super::posterior::{CmcConfig, PosteriorConfig};
use super::{Checked, positive};

pub(super) fn check_posterior(posterior: &PosteriorConfig) -> Checked {
    let PosteriorConfig { chains, warmup, draws, max_depth, target_accept, min_effective, .. } =
        posterior;
    let why = ", as only several chains can tell that they disagree";
    at_least("posterior.chains", *chains as u64, 2, why, "give 4")?;
    at_least("posterior.warmup", *warmup, 20, "", "give 300")?;
    at_least("posterior.draws", *draws, 4, "", "give 500")?;
    at_least("posterior.max_depth", *max_depth, 1, "", "give 10")?;
    share("posterior.target_accept", *target_accept)?;
    min_effective.map_or(Ok(()), |n| positive("posterior.min_effective", n, ""))?;
    check_cmc(&posterior.cmc)
}

fn check_cmc(cmc: &CmcConfig) -> Checked {
    let key = |name: &str| format!("posterior.cmc.{name}");
    if let Some(shards) = cmc.shards {
        let why = ", as there is nothing to combine";
        at_least(&key("shards"), shards as u64, 2, why, "give 8, or method: nuts")?;
    }
    at_least(&key("max_pairs"), cmc.max_pairs as u64, 1, "", "give 2000000")?;
    at_least(&key("min_pairs"), cmc.min_pairs as u64, 1, "", "give 10000")?;
    at_least(&key("max_shards"), cmc.max_shards as u64, 2, "", "give 64")?;
    if let Some(workers) = cmc.num_workers {
        at_least(&key("num_workers"), workers as u64, 1, "", "give 1, or leave it out")?;
    }
    positive(&key("per_shard_timeout"), cmc.per_shard_timeout, "s")?;
    positive(&key("heartbeat_timeout"), cmc.heartbeat_timeout, "s")?;
    share(&key("abort_share"), cmc.abort_share)?;
    share(&key("max_divergence_rate"), cmc.max_divergence_rate)
}

fn at_least(key: &str, found: u64, least: u64, why: &str, remedy: &str) -> Checked {
    if found >= least {
        return Ok(());
    }
    let fault = Fault::new(key, found.to_string()).expected(format!("at least {least}{why}"));
    Err(fault.remedy(remedy).value())
}

fn share(key: &str, value: f64) -> Checked {
    if value > 0.0 && value < 1.0 {
        return Ok(());
    }
    let fault = Fault::new(key, number(value)).expected("a number between 0 and 1");
    Err(fault.remedy("give a share, e.g. 0.5").value())
}
