//! netCDF-4 files as they are written, read by the reader of this crate's dependencies and, with the
//! feature `reference`, by the HDF5 library. ArviZ reads them in `scripts/arviz.py`.

#[cfg(feature = "reference")]
mod reference;
mod refusals;

use std::path::{Path, PathBuf};

use dyne_xpcs_h5::{
    Attribute, Coordinate, Dimension, NetcdfFile, NetcdfGroup, Variable, VariableValues,
    WriteError, write_netcdf,
};
use hdf5_reader::{Dataset, Hdf5File};

/// A file with all kinds of values, dimensions and attributes.
fn example() -> NetcdfFile {
    let posterior = NetcdfGroup {
        name: "posterior".to_owned(),
        dimensions: vec![integers("draw", &[0, 1, 2]), integers("chain", &[0, 1])],
        variables: vec![
            variable("D0", &["chain", "draw"], VariableValues::Floats(draws())),
            Variable {
                attributes: vec![text("units", "Å²/s"), text("empty", "")],
                ..variable("alpha", &["chain"], VariableValues::Floats(vec![f64::NAN, -0.5]))
            },
        ],
        attributes: vec![
            text("created_at", "2026-01-01T00:00:00+00:00"),
            text("settings", &long_text()),
            ("sample_dims".to_owned(), texts(&["chain", "draw"])),
            ("weight".to_owned(), Attribute::Float(0.25)),
            ("frames".to_owned(), Attribute::Integer(-1500)),
        ],
    };
    let sample_stats = NetcdfGroup {
        name: "sample_stats".to_owned(),
        dimensions: vec![integers("chain", &[0, 1]), integers("draw", &[0, 1, 2])],
        variables: vec![
            variable("diverging", &["chain", "draw"], VariableValues::Flags(flags())),
            variable("n_steps", &["draw", "chain"], VariableValues::Integers(steps())),
        ],
        attributes: Vec::new(),
    };
    let names = Coordinate::Texts(names());
    let constant_data = NetcdfGroup {
        name: "constant_data".to_owned(),
        dimensions: vec![
            Dimension { name: "paramètre".to_owned(), coordinate: names },
            Dimension { name: "lag".to_owned(), coordinate: Coordinate::Floats(vec![0.1, 0.5]) },
        ],
        variables: vec![
            variable("lower", &["paramètre"], VariableValues::Floats(vec![1.0; 300])),
            variable("dt", &[], VariableValues::Floats(vec![0.1])),
        ],
        attributes: Vec::new(),
    };
    NetcdfFile {
        attributes: vec![text("title", "an example")],
        groups: vec![
            posterior,
            sample_stats,
            constant_data,
            NetcdfGroup { name: "prior".to_owned(), ..NetcdfGroup::default() },
        ],
    }
}

fn draws() -> Vec<f64> {
    (0..6).map(|k| 1000.0 + f64::from(k) / 8.0).collect()
}

fn flags() -> Vec<bool> {
    vec![false, true, false, false, false, true]
}

fn steps() -> Vec<i64> {
    vec![1, 3, 7, 15, 31, -1]
}

/// More names than one collection of the heap holds; one is empty.
fn names() -> Vec<String> {
    let name = |k: usize| if k == 7 { String::new() } else { format!("γ̇{k}") };
    (0..300).map(name).collect()
}

/// A text longer than an attribute may be, so that it has to be in the heap.
fn long_text() -> String {
    "mode: laminar_flow\n".repeat(5000)
}

fn integers(name: &str, values: &[i64]) -> Dimension {
    Dimension { name: name.to_owned(), coordinate: Coordinate::Integers(values.to_vec()) }
}

fn text(name: &str, value: &str) -> (String, Attribute) {
    (name.to_owned(), Attribute::Text(value.to_owned()))
}

fn texts(values: &[&str]) -> Attribute {
    Attribute::Texts(values.iter().map(|t| (*t).to_owned()).collect())
}

fn variable(name: &str, axes: &[&str], values: VariableValues) -> Variable {
    let dimensions = axes.iter().map(|axis| (*axis).to_owned()).collect();
    Variable { name: name.to_owned(), dimensions, values, attributes: Vec::new() }
}

fn written(folder: &Path) -> PathBuf {
    let path = folder.join("written.nc");
    write_netcdf(&path, &example()).unwrap();
    path
}

/// Names of the scales to which `DIMENSION_LIST` refers, found by address among the members.
fn dimensions(file: &Hdf5File, group: &str, name: &str) -> Vec<String> {
    let group = file.group(group).unwrap();
    let variable = group.dataset(name).unwrap();
    let list = variable.attribute("DIMENSION_LIST").unwrap();
    let scale = |place: &[u8]| {
        let bytes = variable.resolve_vlen_reference_bytes(place, 8).unwrap();
        let address = u64::from_le_bytes(bytes.try_into().unwrap());
        let name = group.child_name_by_address(address).unwrap().unwrap();
        let scale = group.dataset(&name).unwrap();
        assert_eq!(scale.attribute("CLASS").unwrap().read_string().unwrap(), "DIMENSION_SCALE");
        assert_eq!(scale.attribute("NAME").unwrap().read_string().unwrap(), name);
        assert!(users(&scale).iter().any(|(address, _)| *address == variable.address()));
        name
    };
    list.raw_data.chunks_exact(16).map(scale).collect()
}

/// Addresses of the variables that use a scale, with the axis of each.
fn users(scale: &Dataset) -> Vec<(u64, u32)> {
    let list = scale.attribute("REFERENCE_LIST").unwrap();
    let user = |record: &[u8]| {
        let axis = u32::from_le_bytes(record[8..12].try_into().unwrap());
        (u64::from_le_bytes(record[..8].try_into().unwrap()), axis)
    };
    list.raw_data.chunks_exact(16).map(user).collect()
}

fn floats(file: &Hdf5File, path: &str) -> Vec<f64> {
    let dataset = file.dataset(path).unwrap();
    dataset.read_array::<f64>().unwrap().into_raw_vec_and_offset().0
}

fn whole_numbers(file: &Hdf5File, path: &str) -> Vec<i64> {
    let dataset = file.dataset(path).unwrap();
    dataset.read_array::<i64>().unwrap().into_raw_vec_and_offset().0
}

#[test]
fn values_come_back_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = Hdf5File::open(written(folder.path())).unwrap();
    assert_eq!(floats(&file, "/posterior/D0"), draws());
    assert_eq!(file.dataset("/posterior/D0").unwrap().shape(), [2, 3]);
    let alpha = floats(&file, "/posterior/alpha");
    assert!(alpha[0].is_nan() && alpha[1] == -0.5, "{alpha:?}");
    let diverging = file.dataset("/sample_stats/diverging").unwrap();
    let bytes: Vec<u8> = flags().into_iter().map(u8::from).collect();
    assert_eq!(diverging.read_native_bytes().unwrap(), bytes);
    assert_eq!(diverging.attribute("dtype").unwrap().read_string().unwrap(), "bool");
    assert_eq!(whole_numbers(&file, "/sample_stats/n_steps"), steps());
    assert_eq!(whole_numbers(&file, "/posterior/draw"), [0, 1, 2]);
    assert_eq!(floats(&file, "/constant_data/lag"), [0.1, 0.5]);
    assert_eq!(floats(&file, "/constant_data/dt"), [0.1]);
    assert!(file.dataset("/constant_data/dt").unwrap().shape().is_empty());
    let found = file.dataset("/constant_data/paramètre").unwrap().read_strings().unwrap();
    assert_eq!(found, names());
}

#[test]
fn attributes_come_back_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = Hdf5File::open(written(folder.path())).unwrap();
    let root = file.root_group().unwrap();
    assert_eq!(root.attribute("title").unwrap().read_string().unwrap(), "an example");
    let properties = root.attribute("_NCProperties").unwrap().read_string().unwrap();
    assert!(properties.starts_with("version=2,dyne="), "{properties}");
    let posterior = file.group("/posterior").unwrap();
    let attribute = |name: &str| posterior.attribute(name).unwrap();
    assert_eq!(attribute("created_at").read_string().unwrap(), "2026-01-01T00:00:00+00:00");
    assert_eq!(attribute("settings").read_string().unwrap(), long_text());
    assert_eq!(attribute("sample_dims").read_strings().unwrap(), ["chain", "draw"]);
    assert_eq!(attribute("weight").read_scalar::<f64>().unwrap(), 0.25);
    assert_eq!(attribute("frames").read_scalar::<i64>().unwrap(), -1500);
    let alpha = file.dataset("/posterior/alpha").unwrap();
    assert_eq!(alpha.attribute("units").unwrap().read_string().unwrap(), "Å²/s");
    assert_eq!(alpha.attribute("empty").unwrap().read_string().unwrap(), "");
}

#[test]
fn variables_and_scales_refer_to_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = Hdf5File::open(written(folder.path())).unwrap();
    assert_eq!(dimensions(&file, "/posterior", "D0"), ["chain", "draw"]);
    assert_eq!(dimensions(&file, "/posterior", "alpha"), ["chain"]);
    assert_eq!(dimensions(&file, "/sample_stats", "n_steps"), ["draw", "chain"]);
    assert_eq!(dimensions(&file, "/constant_data", "lower"), ["paramètre"]);
    let lag = file.dataset("/constant_data/lag").unwrap();
    assert!(lag.attribute("REFERENCE_LIST").is_err(), "no variable uses it");
    let of = |path: &str| users(&file.dataset(path).unwrap());
    let address = |path: &str| file.dataset(path).unwrap().address();
    let expected = [(address("/posterior/D0"), 0), (address("/posterior/alpha"), 0)];
    assert_eq!(of("/posterior/chain"), expected);
    let numbers = ["posterior/draw", "posterior/chain", "sample_stats/chain", "sample_stats/draw"];
    for (k, path) in numbers.iter().enumerate() {
        let number = file.dataset(path).unwrap().attribute("_Netcdf4Dimid").unwrap();
        assert_eq!(number.read_scalar::<i32>().unwrap(), k as i32, "{path}");
    }
}

#[test]
fn an_earlier_file_is_replaced_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("written.nc");
    std::fs::write(&path, "earlier").unwrap();
    let mut wrong = example();
    wrong.groups[0].variables[0].dimensions[0] = "chains".to_owned();
    write_netcdf(&path, &wrong).unwrap_err();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "earlier");
    written(folder.path());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    Hdf5File::open(&path).unwrap();
    let nowhere = folder.path().join("absent/written.nc");
    let error = write_netcdf(&nowhere, &example()).unwrap_err();
    assert!(matches!(error, WriteError::File { .. }), "{error}");
}
