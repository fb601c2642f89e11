//! Damaged files: an error or the right values, and no more memory than their size allows.

use std::path::Path;

use dyne_xpcs_data::ReadError;
use proptest::prelude::*;

use crate::{assert_refused, file, lanes, value};

fn read_all(path: &Path) -> Result<Vec<dyne_xpcs_data::Triangle>, ReadError> {
    let reader = dyne_xpcs_h5::open(path)?;
    let bins: Vec<usize> = (0..reader.catalog().bins.len()).collect();
    reader.read(&bins, 0..reader.catalog().frames, &lanes(1))
}

#[test]
fn files_of_other_kinds_are_refused() {
    assert_refused("bad_layout.h5", &["no known layout", "entry at the root", "C2T_all"]);
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.h5");
    std::fs::write(&text, "q = 0.0054\n").unwrap();
    let message = read_all(&text).unwrap_err().to_string();
    assert!(message.contains("neither an HDF5 nor an NPZ file"), "{message}");
    let absent = read_all(&folder.path().join("absent.h5")).unwrap_err().to_string();
    assert!(absent.contains("absent.h5") && absent.contains("check the name"), "{absent}");
    assert!(read_all(folder.path()).unwrap_err().to_string().contains("a folder"));
    let archive = folder.path().join("archive.npz");
    std::fs::write(&archive, b"PK\x03\x04 and nothing").unwrap();
    assert!(read_all(&archive).unwrap_err().to_string().contains("archive"));
}

#[test]
fn a_file_cut_short_is_refused_at_any_length() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["aps_u_oldest.h5", "aps_u_chunks.h5", "aps_old_bins.h5", "cache.npz"] {
        let whole = std::fs::read(file(name)).unwrap();
        let cut = folder.path().join(name);
        for length in (0..whole.len()).step_by(131) {
            std::fs::write(&cut, &whole[..length]).unwrap();
            if let Ok(found) = read_all(&cut) {
                // Only the room after the last value may be missing.
                assert_eq!(found[0].get(0, 1), value(0, 0, 1), "{name} cut to {length}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Checksums protect the headers of the newest format; of the oldest nothing does. Raw values carry no checksum, so a wrong value is not an error here.
    #[test]
    fn spliced_bytes_never_panic(
        which in 0..4_usize,
        at in 0.0..1.0_f64,
        bytes in prop::collection::vec(any::<u8>(), 1..24),
    ) {
        let name = ["aps_u_oldest.h5", "aps_u_chunks.h5", "aps_old_bins.h5", "cache.npz"][which];
        let mut content = std::fs::read(file(name)).unwrap();
        let start = (at * (content.len() - bytes.len()) as f64) as usize;
        content[start..start + bytes.len()].copy_from_slice(&bytes);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spliced");
        std::fs::write(&path, &content).unwrap();
        if let Ok(found) = read_all(&path) {
            prop_assert!(found.iter().all(|t| t.frames() >= 2));
        }
        prop_assert!(peak_bytes() < 1 << 30, "{} bytes", peak_bytes());
    }
}

/// Peak of the address space in use; 0 where the system does not tell.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}
