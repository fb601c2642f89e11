//! Checkpoints of a fit.

use std::time::Duration;

use dyne_math::simd::Level;
use dyne_runtime::budget::Budget;
use dyne_runtime::checkpoint::{CheckpointError, CheckpointFolder, CheckpointOptions, Packing};
use dyne_runtime::journal::{Journal, SavePolicy};
use dyne_runtime::{Event, Observer};
use dyne_xpcs::config::{CheckpointConfig, FitConfig, PosteriorConfig};

use crate::failure::Failure;

/// What a checkpoint of this fit belongs to: the program, all of the configuration that can change the
/// result, the data, and the instruction set.
pub(super) fn identity(config: &FitConfig, stamp: &str) -> [u8; 32] {
    // The fit does not look at the posterior; chains have an identity of their own.
    let of_result = FitConfig { posterior: PosteriorConfig::default(), ..config.of_result() };
    let mut hasher = blake3::Hasher::new();
    for part in [
        env!("CARGO_PKG_VERSION"),
        env!("DYNE_GIT_REVISION"),
        &serde_json::to_string(&of_result).unwrap_or_default(),
        stamp,
        &Level::best().to_string(),
    ] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().into()
}

/// Whether a fit writes checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// From its beginning to its end, into a folder that was asked for.
    Throughout,
    /// Where it takes long.
    Late,
    /// Not at all: what is remembered for them has no place in a budget that was given.
    Never,
}

impl Written {
    pub(super) fn of(config: &CheckpointConfig, budget: &Budget) -> Self {
        match config.dir.is_some() || config.resume {
            true => Self::Throughout,
            false if budget.source().is_asked() => Self::Never,
            false => Self::Late,
        }
    }
}

/// The journal of a fit that writes checkpoints.
pub(super) fn journal(
    fit: &FitConfig,
    written: Written,
    identity: [u8; 32],
    observer: &dyn Observer,
) -> Result<Option<Journal>, Failure> {
    let (config, dir) = (&fit.checkpoint, fit.checkpoints_dir());
    let packing = if config.compress { Packing::Compressed } else { Packing::Plain };
    let options = CheckpointOptions { dir: dir.clone(), keep: config.keep, packing };
    let folder = match written {
        Written::Throughout => CheckpointFolder::open(options, identity)?,
        Written::Late => CheckpointFolder::at(options, identity)?,
        Written::Never => return Ok(None),
    };
    let found = folder.find()?;
    let warn = |message: String| {
        observer.event(&Event::Warning { code: "checkpoint".into(), message });
    };
    let content = match (config.resume, found.newest) {
        (true, Some((name, content))) => {
            found.refusals.iter().for_each(|refusal| warn(format!("refused: {refusal}")));
            warn(format!("goes on from {name}"));
            Some(content)
        }
        (true, None) if !found.refusals.is_empty() => {
            return Err(CheckpointError::NoneOfThisFit { dir, refusals: found.refusals }.into());
        }
        (false, Some((name, _))) => {
            warn(format!("{} holds {name} of this fit; --resume goes on from it", dir.display()));
            None
        }
        _ => None,
    };
    let [first, every] = [config.after_seconds, config.every_seconds].map(Duration::from_secs_f64);
    let policy = SavePolicy {
        first: if written == Written::Late { first } else { every },
        every,
        blocks: config.every_blocks,
    };
    Ok(Some(Journal::new(folder, content.as_deref(), policy)))
}
