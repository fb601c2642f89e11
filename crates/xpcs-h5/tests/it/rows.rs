//! Rows that are read again and again, some at a time.

use dyne_xpcs_data::Triangle;
use dyne_xpcs_data::rows::contract;

use crate::{assert_rule, lanes, open};

#[test]
fn rows_keep_their_contract_in_every_layout() {
    let files = std::fs::read_dir(crate::file("")).unwrap();
    let mut names: Vec<String> =
        files.map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".h5") && !name.starts_with("bad_"));
    let mut several = 0;
    for name in names {
        let Ok(reader) = dyne_xpcs_h5::open(&crate::file(&name)) else { continue };
        let bins: Vec<usize> = (0..reader.catalog().bins.len()).collect();
        let frames = reader.catalog().frames;
        for frames in [0..frames, 1..frames - 1] {
            let rows = reader.rows(&bins, frames.clone(), &lanes(2)).unwrap();
            contract(&*rows);
            let stored = reader.read_stored(&bins, frames, &lanes(2)).unwrap();
            for (bin, triangle) in stored.iter().enumerate() {
                // A value that is not a number equals nothing.
                assert_eq!(bytes(&rows.triangle(bin).unwrap()), bytes(triangle), "{name}");
                let bits = |values: &[f64]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                let diagonal = rows.diagonal(bin).unwrap();
                assert_eq!(bits(&diagonal), bits(triangle.diagonal().unwrap()), "{name}");
            }
        }
        several += 1;
    }
    assert!(several > 4, "{several} files");
}

/// The size and the stored values.
fn bytes(triangle: &Triangle) -> (usize, Vec<u8>) {
    let mut bytes = Vec::new();
    triangle.samples().all().write_le_bytes(&mut bytes);
    (triangle.frames(), bytes)
}

#[test]
fn a_diagonal_is_there_before_any_row_is_read() {
    let reader = open("aps_u_chunks.h5");
    let frames = reader.catalog().frames;
    let first = reader.rows(&[0, 1], 0..frames, &lanes(1)).unwrap();
    let diagonal = first.diagonal(1).unwrap();
    let stored = reader.read_stored(&[0, 1], 0..frames, &lanes(1)).unwrap();
    assert_eq!(Some(&diagonal[..]), stored[1].diagonal());
    assert_rule(&first.triangle(1).unwrap(), 1, 0);
}

#[test]
fn an_archive_is_one_stream() {
    let error = open("cache.npz").rows(&[0], 0..4, &lanes(1)).err().expect("refused");
    assert!(error.to_string().contains("one stream"), "{error}");
}
