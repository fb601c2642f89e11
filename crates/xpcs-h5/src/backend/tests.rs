use super::*;
use std::path::PathBuf;

/// Shape of the matrices that `reference/hdf5/make_conformance.py` makes.
const SHAPE: (usize, usize) = (13, 18);

const MATRICES: &[&str] = &[
    "plain",
    "gzip",
    "shuffle",
    "shuffle_gzip",
    "fletcher32",
    "fletcher32_shuffle_gzip",
    "lzf",
    "shuffle_lzf",
    "lz4",
    "lz4_small_blocks",
    "bitshuffle",
    "bitshuffle_lz4",
    "bitshuffle_lz4_small_blocks",
    "whole_matrix_gzip",
    "whole_matrix_lzf",
    "resizable_gzip",
    "resizable_one_axis_gzip",
    "contiguous_f32",
    "contiguous_f64",
    "shuffle_gzip_f32_le",
    "shuffle_gzip_f32_be",
    "shuffle_gzip_f64_le",
    "shuffle_gzip_f64_be",
    "contiguous_f32_be",
    "bitshuffle_lz4_f64",
    "unwritten_chunks",
    "filter_mask",
    "compact",
];

/// Filters that the reference library lacks without plug-ins.
#[cfg(feature = "reference")]
const PLUGINS: &[&str] = &["lz4", "bitshuffle"];

fn files() -> [PathBuf; 2] {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/files");
    ["earliest", "latest"].map(|v| folder.join(format!("conformance_{v}.h5")))
}

fn expected(name: &str, i: usize, j: usize) -> f64 {
    if name == "unwritten_chunks" && (i >= 8 || j >= 16) {
        return 2.5;
    }
    1.0 + ((37 * i + 11 * j) % 251) as f64 / 256.0
}

fn numbers(samples: Samples) -> Vec<f64> {
    match samples {
        Samples::F32(v) => v.into_iter().map(f64::from).collect(),
        Samples::F64(v) => v,
    }
}

/// Reads all matrices that `reads` admits, whole and in part.
fn check_matrices(backend: &dyn Backend, reads: impl Fn(&str) -> bool) {
    for name in MATRICES.iter().filter(|name| reads(name)) {
        let path = format!("/matrices/{name}");
        let facts = backend.facts(&path).unwrap_or_else(|e| panic!("{name}: {e:?}"));
        let shape = if *name == "compact" { (4, 5) } else { SHAPE };
        assert_eq!(facts.shape, [shape.0 as u64, shape.1 as u64], "{name}");
        for (rows, columns) in [(0..shape.0, 0..shape.1), (1..4, 2..5), (3..shape.0, 4..shape.1)] {
            if rows.is_empty() || columns.is_empty() {
                continue;
            }
            let window = backend.window(&path, rows.clone(), columns.clone());
            let found = numbers(window.unwrap_or_else(|e| panic!("{name}: {e:?}")));
            let rule: Vec<f64> =
                rows.flat_map(|i| columns.clone().map(move |j| expected(name, i, j))).collect();
            assert_eq!(found, rule, "{name}");
        }
    }
}

fn check_lists(backend: &dyn Backend) {
    for name in ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "be_u2", "be_i4", "be_u8", "be_i8"]
    {
        let found = backend.numbers(&format!("/integers/{name}"));
        assert_eq!(found, Ok(vec![1.0, 2.0, 5.0, 6.0, 9.0]), "{name}");
    }
    assert_eq!(backend.numbers("/integers/column"), Ok(vec![1.0, 2.0, 5.0]));
    assert_eq!(backend.numbers("/integers/bool"), Ok(vec![1.0, 0.0, 1.0]));
    for kind in ["f8", "f4", "i8"] {
        for shape in ["zero_d", "one", "one_one"] {
            let path = format!("/scalars/{kind}_{shape}");
            assert_eq!(backend.numbers(&path), Ok(vec![3.0]), "{path}");
        }
    }
    assert_eq!(backend.numbers("/scalars/empty"), Ok(vec![]));
    assert_eq!(backend.numbers("/scalars/zero_length"), Ok(vec![]));
    assert!(matches!(backend.numbers("/scalars/reference"), Err(Fault::Unreadable(_))));
    for name in ["fixed", "variable", "variable_ascii"] {
        let found = backend.texts(&format!("/strings/{name}"));
        assert_eq!(found, Ok(vec!["q".to_owned(), "phi".to_owned()]), "{name}");
    }
    assert_eq!(backend.texts("/strings/variable_scalar"), Ok(vec!["Å⁻¹".to_owned()]));
    assert_eq!(backend.texts("/strings/fixed_scalar"), Ok(vec!["deg".to_owned()]));
}

fn check_links(backend: &dyn Backend) {
    for path in ["/links/hard", "/links/soft", "/links/soft_relative", "/links/group/u2"] {
        assert_eq!(backend.numbers(path), Ok(vec![1.0, 2.0, 5.0, 6.0, 9.0]), "{path}");
    }
    for path in ["/links/soft_broken", "/links/external_missing", "/links/absent", "/absent/x"] {
        assert_eq!(backend.numbers(path), Err(Fault::Missing), "{path}");
    }
    assert_eq!(backend.members("/absent"), Err(Fault::Missing));
    let sorted = |path: &str| {
        let mut names = backend.members(path).unwrap();
        names.sort();
        names
    };
    assert_eq!(sorted("/many").len(), 40);
    assert_eq!(sorted("/ordered"), ["c2_00001", "c2_00002", "c2_00003"]);
    assert_eq!(sorted("/links"), ["group", "hard", "soft", "soft_relative"]);
}

#[test]
fn every_conformance_file_reads_as_its_rule_says() {
    for file in files() {
        let backend = Pure::open(&file).unwrap();
        check_matrices(&backend, |_| true);
        check_lists(&backend);
        check_links(&backend);
    }
}

#[test]
fn headers_are_told() {
    let backend = Pure::open(&files()[1]).unwrap();
    let facts = backend.facts("/matrices/fletcher32_shuffle_gzip").unwrap();
    assert_eq!(facts.kind, Kind::Float(Element::F32));
    assert_eq!(facts.chunk, [8, 16]);
    assert_eq!(facts.filters, ["shuffle", "gzip", "fletcher32"]);
    let lz4 = backend.facts("/matrices/bitshuffle_lz4").unwrap();
    assert_eq!(lz4.filters, ["bitshuffle+lz4"]);
    assert!(backend.facts("/matrices/contiguous_f64").unwrap().chunk.is_empty());
    assert_eq!(backend.facts("/strings/fixed").unwrap().kind, Kind::Text);
}

/// Damage that fletcher32 guards is an error, never another value.
#[test]
fn a_flipped_bit_under_a_checksum_is_an_error() {
    let file = &files()[1];
    let mut content = std::fs::read(file).unwrap();
    // The unfiltered chunks of `fletcher32` hold the rule as it is: find the second one.
    let needle: Vec<u8> = (0..8).flat_map(|j| (expected("", 8, j) as f32).to_le_bytes()).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flipped.h5");
    let places: Vec<usize> = content
        .windows(needle.len())
        .enumerate()
        .filter_map(|(at, bytes)| (bytes == needle).then_some(at))
        .collect();
    for at in places {
        content[at] ^= 4;
    }
    std::fs::write(&path, &content).unwrap();
    let backend = Pure::open(&path).unwrap();
    let read = |name: &str| backend.window(name, 0..SHAPE.0, 0..SHAPE.1);
    assert!(matches!(read("/matrices/fletcher32"), Err(Fault::Unreadable(_))));
    assert!(read("/matrices/plain").is_ok());
}

#[cfg(feature = "reference")]
#[test]
fn the_reference_library_reads_the_same() {
    for file in files() {
        let backend = reference::Reference::open(&file).unwrap();
        check_matrices(&backend, |name| !PLUGINS.iter().any(|p| name.starts_with(p)));
        check_lists(&backend);
        check_links(&backend);
    }
}

#[cfg(feature = "reference")]
#[test]
fn the_reference_library_reads_what_is_written() {
    use dyne_xpcs_data::{SimulatedMatrix, Triangle};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("written.h5");
    let n = 300;
    let pairs: Vec<f32> = (0..Triangle::pairs(n)).map(|k| 1.0 + (k % 977) as f32 / 64.0).collect();
    let matrix =
        SimulatedMatrix { triangle: Triangle::new(n, Samples::F32(pairs)), diagonal: vec![2.5; n] };
    let experiment =
        crate::Experiment { q: vec![0.0054], phi_deg: vec![-30.0, 60.0], dt_s: 0.25, frames: n };
    let given = |_| Ok::<_, std::io::Error>(matrix.clone());
    crate::write_aps_u(&path, &experiment, given).unwrap();
    let backend = reference::Reference::open(&path).unwrap();
    let map = "/xpcs/twotime/correlation_map";
    assert_eq!(backend.members(map).unwrap(), ["c2_00001", "c2_00002"]);
    let read = numbers(backend.window(&format!("{map}/c2_00002"), 0..n, 0..n).unwrap());
    for (k, value) in read.into_iter().enumerate() {
        let (i, j) = (k / n, k % n);
        let expected = match i.cmp(&j) {
            std::cmp::Ordering::Less => matrix.triangle.get(i, j),
            std::cmp::Ordering::Equal => 2.5,
            std::cmp::Ordering::Greater => 0.0,
        };
        assert_eq!(value, expected, "({i}, {j})");
    }
    assert_eq!(backend.numbers("/xpcs/qmap/dynamic_v_list_dim1").unwrap(), [-30.0, 60.0]);
    assert_eq!(backend.texts("/xpcs/qmap/map_names").unwrap(), ["q", "phi"]);
    assert_eq!(backend.numbers("/xpcs/twotime/config/avg_frame").unwrap(), [1.0]);
}
