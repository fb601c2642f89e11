use hdf5_metno::types::{FixedAscii, VarLenArray, VarLenUnicode};
use hdf5_metno::{Dataset, File, H5Type, ObjectReference, ObjectReference1, ReferencedObject};

use super::{draws, flags, long_text, names, steps, written};

/// A record of `REFERENCE_LIST`.
#[derive(H5Type, Clone, Copy)]
#[repr(C)]
struct User {
    dataset: ObjectReference1,
    dimension: u32,
}

fn resolved(dataset: &Dataset, reference: ObjectReference1) -> Dataset {
    match reference.dereference(dataset).unwrap() {
        ReferencedObject::Dataset(found) => found,
        other => panic!("{other:?}"),
    }
}

fn texts(found: Vec<VarLenUnicode>) -> Vec<String> {
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn the_library_reads_values_and_texts() {
    let folder = tempfile::tempdir().unwrap();
    let file = File::open(written(folder.path())).unwrap();
    let dataset = |path: &str| file.dataset(path).unwrap();
    assert_eq!(dataset("posterior/D0").read_raw::<f64>().unwrap(), draws());
    assert_eq!(dataset("sample_stats/n_steps").read_raw::<i64>().unwrap(), steps());
    let bytes: Vec<i8> = flags().into_iter().map(i8::from).collect();
    assert_eq!(dataset("sample_stats/diverging").read_raw::<i8>().unwrap(), bytes);
    assert_eq!(dataset("constant_data/dt").read_scalar::<f64>().unwrap(), 0.1);
    assert_eq!(texts(dataset("constant_data/paramètre").read_raw().unwrap()), names());
    let posterior = file.group("posterior").unwrap();
    let settings = posterior.attr("settings").unwrap().read_scalar::<VarLenUnicode>().unwrap();
    assert_eq!(settings.as_str(), long_text());
    let axes = posterior.attr("sample_dims").unwrap().read_raw().unwrap();
    assert_eq!(texts(axes), ["chain", "draw"]);
    assert_eq!(posterior.attr("frames").unwrap().read_scalar::<i64>().unwrap(), -1500);
    let empty = dataset("posterior/alpha").attr("empty").unwrap();
    assert_eq!(empty.read_scalar::<VarLenUnicode>().unwrap().as_str(), "");
}

#[test]
fn the_library_follows_the_references() {
    let folder = tempfile::tempdir().unwrap();
    let file = File::open(written(folder.path())).unwrap();
    let variable = file.dataset("sample_stats/n_steps").unwrap();
    let lists = variable.attr("DIMENSION_LIST").unwrap();
    let lists = lists.read_raw::<VarLenArray<ObjectReference1>>().unwrap();
    assert_eq!(lists.len(), 2);
    for (axis, (list, name)) in lists.iter().zip(["draw", "chain"]).enumerate() {
        let scale = resolved(&variable, list[0]);
        assert_eq!((list.len(), scale.name()), (1, format!("/sample_stats/{name}")));
        let class = scale.attr("CLASS").unwrap().read_scalar::<FixedAscii<16>>().unwrap();
        assert_eq!(class.as_str(), "DIMENSION_SCALE");
        assert_eq!(scale.attr("NAME").unwrap().dtype().unwrap().size(), name.len() + 1);
        let users = scale.attr("REFERENCE_LIST").unwrap().read_raw::<User>().unwrap();
        let found = users.iter().map(|user| resolved(&scale, user.dataset).name());
        assert!(found.eq(["/sample_stats/diverging", "/sample_stats/n_steps"]));
        assert_eq!(users[1].dimension as usize, axis);
    }
}
