use dyne_xpcs_h5::{
    Attribute, Coordinate, NetcdfFault, NetcdfFile, Variable, VariableValues, WriteError,
    write_netcdf,
};

use super::{example, integers, text, texts, variable};

/// What is said of the example after `change`, and that nothing is written.
fn refused(change: impl FnOnce(&mut NetcdfFile)) -> (NetcdfFault, String) {
    let mut file = example();
    change(&mut file);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("written.nc");
    let error = write_netcdf(&path, &file).unwrap_err();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let message = error.to_string();
    assert!(message.starts_with(&format!("writing {}: /", path.display())), "{message}");
    assert_eq!(message.lines().count(), 2, "{message:?}");
    match error {
        WriteError::Netcdf { fault, .. } => (fault, message),
        other => panic!("{other}"),
    }
}

fn assert_refused(change: impl FnOnce(&mut NetcdfFile), expected: NetcdfFault, place: &str) {
    let (fault, message) = refused(change);
    assert_eq!(fault, expected);
    assert!(message.contains(&format!(": {place}: found")), "{place:?} is not in {message:?}");
}

fn along(name: &str) -> Variable {
    variable(name, &["draw"], VariableValues::Flags(vec![true; 3]))
}

#[test]
fn dimensions_and_lengths_are_checked() {
    assert_refused(
        |file| file.groups[0].variables[0].dimensions[1] = "draws".to_owned(),
        NetcdfFault::UnknownDimension {
            found: "draws".to_owned(),
            expected: vec!["draw".to_owned(), "chain".to_owned()],
        },
        "/posterior/D0",
    );
    let (_, message) = refused(|file| file.groups[3].variables = vec![along("x")]);
    assert!(message.contains("expected none, as the group has no dimension"), "{message}");
    assert_refused(
        |file| file.groups[0].variables[0].values = VariableValues::Integers(vec![1; 5]),
        NetcdfFault::Length { found: 5, expected: 6 },
        "/posterior/D0",
    );
    assert_refused(
        |file| file.groups[2].variables[1].values = VariableValues::Flags(Vec::new()),
        NetcdfFault::Length { found: 0, expected: 1 },
        "/constant_data/dt",
    );
    for nothing in [
        Coordinate::Integers(Vec::new()),
        Coordinate::Floats(Vec::new()),
        Coordinate::Texts(Vec::new()),
    ] {
        let change = |file: &mut NetcdfFile| file.groups[0].dimensions[0].coordinate = nothing;
        assert_refused(change, NetcdfFault::Empty, "/posterior/draw");
    }
}

#[test]
fn names_stand_once() {
    let twice = |found: &str| NetcdfFault::Duplicate { found: found.to_owned() };
    assert_refused(|f| f.groups[1].name = "posterior".to_owned(), twice("posterior"), "/");
    assert_refused(
        |f| f.groups[0].dimensions.push(integers("chain", &[1])),
        twice("chain"),
        "/posterior",
    );
    assert_refused(
        |f| f.groups[0].variables[0].name = "draw".to_owned(),
        twice("draw"),
        "/posterior",
    );
    assert_refused(|f| f.groups[0].variables[1].name = "D0".to_owned(), twice("D0"), "/posterior");
    assert_refused(|f| f.attributes.push(text("title", "")), twice("title"), "/");
    assert_refused(
        |f| f.groups[0].variables[0].dimensions = vec!["chain".to_owned(), "chain".to_owned()],
        twice("chain"),
        "/posterior/D0",
    );
    assert_refused(
        |f| f.groups[1].variables[0].attributes.push(text("dtype", "bool")),
        twice("dtype"),
        "/sample_stats/diverging",
    );
}

#[test]
fn names_follow_the_rules_of_netcdf() {
    let long = "x".repeat(256);
    for name in ["", "a/b", "/", ".", " a", "a ", "a\nb", "-a", &long] {
        let named = |fault: NetcdfFault| {
            let right = matches!(&fault, NetcdfFault::Name { found, .. } if found == name);
            assert!(right, "{name:?}: {fault:?}");
        };
        named(refused(|f| f.groups[0].name = name.to_owned()).0);
        named(refused(|f| f.groups[0].dimensions[0].name = name.to_owned()).0);
        named(refused(|f| f.groups[0].variables[0].name = name.to_owned()).0);
        named(refused(|f| f.attributes.push(text(name, ""))).0);
    }
    for name in ["CLASS", "DIMENSION_LIST", "_Netcdf4Dimid", "_NCProperties"] {
        let (fault, _) = refused(|f| f.groups[0].variables[0].attributes.push(text(name, "")));
        assert!(matches!(fault, NetcdfFault::Name { .. }), "{name}: {fault:?}");
    }
}

#[test]
fn texts_and_counts_are_checked() {
    let zero = NetcdfFault::ZeroCharacter { found: "a\0b".to_owned() };
    assert_refused(|f| f.attributes.push(text("x", "a\0b")), zero.clone(), "/@x");
    assert_refused(
        |f| f.groups[2].dimensions[0].coordinate = Coordinate::Texts(vec!["a\0b".to_owned()]),
        zero,
        "/constant_data/paramètre",
    );
    assert_refused(
        |f| f.groups[0].attributes.push(("x".to_owned(), texts(&[]))),
        NetcdfFault::Empty,
        "/posterior@x",
    );
    let many = Attribute::Texts(vec![String::new(); 4001]);
    assert_refused(
        |f| f.attributes.push(("x".to_owned(), many)),
        NetcdfFault::TooMany { found: 4001, what: "texts", most: 4000 },
        "/@x",
    );
    assert_refused(
        |f| f.groups[1].variables = (0..4001).map(|k| along(&format!("v{k}"))).collect(),
        NetcdfFault::TooMany { found: 4001, what: "variables along it", most: 4000 },
        "/sample_stats/draw",
    );
    let axes: Vec<String> = (0..33).map(|k| format!("d{k}")).collect();
    assert_refused(
        |f| {
            f.groups[0].dimensions.extend(axes.iter().map(|name| integers(name, &[0])));
            f.groups[0].variables[0].dimensions = axes;
        },
        NetcdfFault::TooMany { found: 33, what: "dimensions", most: 32 },
        "/posterior/D0",
    );
}
