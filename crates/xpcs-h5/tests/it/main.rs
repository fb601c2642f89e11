//! Two-time files as the programs of the field write them. The files under `tests/files`
//! come from the scripts in `reference/hdf5`; their values follow a rule that [`value`]
//! evaluates.

mod aps_old;
mod aps_u;
mod damage;
mod homodyne_cache;
mod netcdf;
mod rows;
mod write;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use dyne_runtime::Lanes;
use dyne_xpcs_data::{ReadError, Reader, Triangle};

/// Frames of the files.
const FRAMES: usize = 6;

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/files").join(name)
}

fn open(name: &str) -> Box<dyn Reader> {
    dyne_xpcs_h5::open(&file(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn lanes(count: usize) -> Lanes {
    Lanes::try_new(NonZeroUsize::new(count).unwrap()).unwrap()
}

/// Value of the `k`-th matrix at frames `i < j`, all from 0.
fn value(k: usize, i: usize, j: usize) -> f64 {
    1.0 + k as f64 / 8.0 + (10 * i + j) as f64 / 1024.0
}

/// Whether `triangle` holds frames `first ..` of the `k`-th matrix.
fn assert_rule(triangle: &Triangle, k: usize, first: usize) {
    for i in 0..triangle.frames() {
        for j in i + 1..triangle.frames() {
            let expected = value(k, first + i, first + j);
            assert_eq!(triangle.get(i, j), expected, "matrix {k}, pair ({i}, {j})");
        }
    }
}

/// Opens `name` and, where that works, reads everything; the message of the error.
fn refusal(name: &str) -> String {
    let read = || -> Result<(), ReadError> {
        let reader = dyne_xpcs_h5::open(&file(name))?;
        let bins: Vec<usize> = (0..reader.catalog().bins.len()).collect();
        reader.read(&bins, 0..reader.catalog().frames, &lanes(1)).map(drop)
    };
    read().expect_err(name).to_string()
}

/// Whether the message says all of `parts` and what to do about it.
fn assert_refused(name: &str, parts: &[&str]) {
    let message = refusal(name);
    for part in parts {
        assert!(message.contains(part), "{name}: {part:?} is not in {message:?}");
    }
    assert!(message.contains(name), "{name} is not named in {message:?}");
    assert_eq!(message.lines().count(), 2, "{message:?}");
}
