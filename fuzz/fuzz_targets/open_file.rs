//! Any bytes as a two-time file: an error or a catalogue, never a panic, and no more
//! memory than the size of the file allows.

#![no_main]

use libfuzzer_sys::fuzz_target;

use dyne_runtime::Lanes;

/// Frames beyond which the matrices of a fuzzed file are not read.
const MOST_FRAMES: usize = 256;

fuzz_target!(|bytes: &[u8]| {
    let path = std::env::temp_dir().join(format!("dyne-fuzz-{}", std::process::id()));
    std::fs::write(&path, bytes).expect("the temporary folder is writable");
    if let Ok(reader) = dyne_xpcs_h5::open(&path) {
        let frames = reader.catalog().frames;
        if frames <= MOST_FRAMES {
            let _ = reader.read(&[0], 0..frames, &Lanes::solo());
        }
    }
    // An interrupted run may leave the file; nothing else reads it.
    let _ = std::fs::remove_file(&path);
});
