//! What is saved of chains, so that they can be begun again.

use std::path::PathBuf;

use dyne_runtime::{Begin, Identity, Records, RecordsError, RecordsOf};

use crate::density::DensityError;

/// Where the evaluations of chains are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedChains {
    /// Folder, one file a chain.
    pub dir: PathBuf,
    /// What tells these chains from all others: density, starts and options.
    pub identity: Identity,
    /// Whether to go on from what is there.
    pub begin: Begin,
}

impl SavedChains {
    /// The records of chain `chain`, counted from 0, of a density of `dimension` variables.
    pub(super) fn records(&self, chain: usize, dimension: usize) -> Result<Records, RecordsError> {
        let path = self.dir.join(format!("chain-{}.records", chain + 1));
        std::fs::create_dir_all(&self.dir)
            .map_err(|source| RecordsError::Io { path: self.dir.clone(), source })?;
        let of = RecordsOf { identity: self.identity, width: 1 + dimension };
        Records::open(&path, of, self.begin)
    }
}

/// A number for a point: equal points, equal numbers.
pub(super) fn question(x: &[f64]) -> u64 {
    // FNV-1a; an accident is caught by the answers that follow.
    x.iter().flat_map(|x| x.to_le_bytes()).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What a saved answer says: NaN where the density had no value.
pub(super) fn told(answer: &[f64], gradient: &mut [f64]) -> Result<f64, DensityError> {
    gradient.copy_from_slice(&answer[1..]);
    match answer[0].is_finite() {
        true => Ok(answer[0]),
        false => Err(DensityError::NonFinite { term: "as it was before".to_owned() }),
    }
}
