//! Where the numbers of a report come from.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use dyne_math::simd::Level;
use dyne_runtime::Lanes;
use dyne_xpcs::plan::Plan;
use dyne_xpcs::report::Provenance;
use dyne_xpcs_data::Catalog;

/// Files up to this size are hashed whole.
const WHOLE: u64 = 256 << 20;

/// Bytes at each end that stand for a larger file.
const END: u64 = 1 << 20;

/// What begins the hash of a whole file.
const OF_ALL: &str = "blake3:";

/// Provenance of a fit.
pub(crate) fn of(plan: &Plan, catalog: &Catalog, hash: String, lanes: &Lanes) -> Provenance {
    Provenance {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        git_revision: env!("DYNE_GIT_REVISION").to_owned(),
        file: catalog.file.display().to_string(),
        file_hash: hash,
        layout: catalog.layout.to_string(),
        dt_s: plan.dt.seconds,
        dt_source: plan.dt.derivation.clone(),
        host_cores: Lanes::available().get(),
        simd: Level::best().to_string(),
        threads: lanes.count(),
        plan: serde_json::to_value(&plan.config).unwrap_or(serde_json::Value::Null),
    }
}

/// BLAKE3 of a file; of the first and last mebibyte and the size where it is large, since only
/// the selected matrices of a large file are read.
pub(crate) fn hash(path: &Path) -> String {
    let hashed = File::open(path).and_then(|mut file| {
        let size = file.metadata()?.len();
        let mut hasher = blake3::Hasher::new();
        if size <= WHOLE {
            hasher.update_reader(file)?;
            return Ok(format!("{OF_ALL}{}", hasher.finalize()));
        }
        let mut part = vec![0; END as usize];
        for at in [SeekFrom::Start(0), SeekFrom::End(-(END as i64))] {
            file.seek(at)?;
            file.read_exact(&mut part)?;
            hasher.update(&part);
        }
        hasher.update(&size.to_le_bytes());
        Ok(format!("blake3-ends:{}", hasher.finalize()))
    });
    hashed.unwrap_or_else(|e| format!("none: {e}"))
}

/// What tells a file from one that was changed in between: its hash, and the time of its last change
/// where the hash is not of all its bytes.
pub(crate) fn stamp(path: &Path, hash: &str) -> String {
    if hash.starts_with(OF_ALL) {
        return hash.to_owned();
    }
    let changed = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    format!("{hash} {changed:?}")
}
