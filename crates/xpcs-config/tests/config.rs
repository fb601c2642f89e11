//! The configuration from outside: good files, every kind of bad input, overrides, generated
//! documents.

use std::path::Path;

use dyne_xpcs_config::{
    ConfigError, FitConfig, Format, Loss, Mode, NoiseKind, NpzLayout, Origin, Override, PerBin,
    QSelection, Scaling, ShearConvention, SimConfig, TimeOrigin, json_schema, reference_markdown,
};
use proptest::prelude::*;

const FULL: &str = "\
mode: laminar_flow
data:
  file: run.hdf
  q: [0.0054, 0.0061]
  q_tolerance: 0.05
  phi: [[-10, 10], [170, -170]]
  frames: [2, 1000]
  dt: 0.1
geometry: {gap: 2.0e6}
physics: {shear: homodyne-2}
time: {origin: 0.5}
parameters:
  D0: {start: 1000, min: 100, max: 1e5}
  alpha: -0.5
  D_offset: {tied: {to: D0, factor: 0.1}}
  beta: {fixed: 0}
  gamma_dot_t_offset: {tied: beta}
  contrast: {fixed: [0.3, 0.2]}
  offset: {fixed: 1}
fit: {loss: soft_l1, f_scale: 0.05, scaling: constant, skip_frames: 2, max_sweeps: 50}
search: {global: true, starts: 16, seed: 7}
performance: {threads: 3}
output: {dir: out, formats: [json, png], npz_layout: full}
";

/// The smallest `fit.yaml`, with more lines behind it.
fn fit(more: &str) -> Result<FitConfig, ConfigError> {
    let text = format!("mode: static\ndata:\n  file: run.hdf\n{more}");
    FitConfig::from_yaml(&text, "fit.yaml", &[])
}

fn simulation(more: &str) -> Result<SimConfig, ConfigError> {
    let text = format!("mode: static\nframes: 100\ndt: 0.1\nq: 0.005\n{more}");
    SimConfig::from_yaml(&text, "sim.yaml", &[])
}

/// Asserts that a message has two lines (what is wrong, what to do) and all of the parts.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, ConfigError>, parts: &[&str]) {
    let message = result.expect_err("a bad configuration").to_string();
    assert_eq!(message.lines().count(), 2, "{message}");
    assert!(!message.ends_with('.') && !message.contains("  "), "{message}");
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in:\n{message}");
    }
}

#[test]
fn a_full_config_is_read() {
    let config = FitConfig::from_yaml(FULL, "fit.yaml", &[]).expect("valid");
    assert_eq!(config.mode, Mode::LaminarFlow);
    assert_eq!(config.data.q, Some(QSelection::List(vec![0.0054, 0.0061])));
    assert_eq!((config.data.first_frame(), config.data.last_frame()), (2, Some(1000)));
    assert_eq!(config.physics.shear, ShearConvention::Homodyne2);
    assert_eq!(config.time.origin, TimeOrigin::Seconds(0.5));
    assert_eq!(config.parameters["alpha"].start, Some(-0.5));
    assert_eq!(config.parameters["beta"].fixed_value(), Some(0.0));
    let tie = config.parameters["D_offset"].tied.as_ref().expect("tied");
    assert_eq!((tie.to.as_str(), tie.factor), ("D0", 0.1));
    let tie = config.parameters["gamma_dot_t_offset"].tied.as_ref().expect("tied");
    assert_eq!((tie.to.as_str(), tie.factor), ("beta", 1.0));
    assert_eq!(config.parameters["contrast"].fixed, Some(PerBin::Each(vec![0.3, 0.2])));
    assert_eq!((config.fit.loss, config.fit.scaling), (Loss::SoftL1, Scaling::Constant));
    assert_eq!(config.output.formats, [Format::Json, Format::Png]);
    assert_eq!(config.output.npz_layout, NpzLayout::Full);
}

#[test]
fn absent_groups_take_the_defaults_of_the_types() {
    let config = fit("fit:\nparameters:\n").expect("valid");
    assert_eq!(config.fit, dyne_xpcs_config::LeastSquaresConfig::default());
    assert_eq!(config.search.starts, 64);
    assert_eq!(config.output.formats.len(), 6);
    assert_eq!((config.data.first_frame(), config.data.last_frame()), (1, None));
    assert!(config.parameters.is_empty() && config.data.q.is_none());
}

#[test]
fn other_forms_of_values_are_read() {
    let config = fit("  q: all\n  frame_start: 3\n  frame_end: 9\nfit: {scaling: {fourier: 2}}\n");
    let config = config.expect("valid");
    assert_eq!(config.data.q, Some(QSelection::All));
    assert_eq!((config.data.first_frame(), config.data.last_frame()), (3, Some(9)));
    assert_eq!(config.fit.scaling, Scaling::Fourier(2));
    let config = fit("  q: 1\n  frames: [1, 1e3]\ntime: {origin: acquisition}\n").expect("valid");
    assert_eq!(config.data.q, Some(QSelection::Nearest(1.0)));
    assert_eq!(config.data.last_frame(), Some(1000));
    assert_eq!(config.time.origin, TimeOrigin::Acquisition);
}

#[test]
fn a_config_survives_serialisation() {
    let yaml = |text: &str| FitConfig::from_yaml(text, "text", &[]).expect("valid");
    for config in [yaml(FULL), fit("fit: {scaling: {fourier: 1}}\n").expect("valid")] {
        let json = serde_json::to_string_pretty(&config).expect("serialises");
        assert_eq!(yaml(&json), config);
    }
    let config = simulation("phi: [0, 30]\ncontrast: [0.1, 0.2]\nnoise: {counts: 0.1}\n");
    let json = serde_json::to_string(&config.clone().expect("valid")).expect("serialises");
    assert_eq!(SimConfig::from_yaml(&json, "json", &[]), config);
}

#[test]
fn a_simulation_is_read_with_the_defaults_of_the_parameter_table() {
    let text = "phi: [-88, 0, 88]\nparameters: {D0: 3000}\nnoise: {kind: speckle, pixels: 50}\n";
    let config = simulation(text).expect("valid");
    assert_eq!(config.parameter_values(), [3000.0, 0.0, 0.0]);
    assert_eq!(config.contrast, PerBin::One(0.5));
    assert_eq!((config.noise.kind, config.noise.pixels), (NoiseKind::Speckle, 50));
    assert_eq!(config.noise.counts, None);
}

#[test]
fn files_that_cannot_be_read_say_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let load = |path: &Path| FitConfig::load(path, &[]);
    refused(
        load(&folder.path().join("none.yaml")),
        &["none.yaml", "no such file", "check the path"],
    );
    refused(load(folder.path()), &["a folder"]);
    let write = |bytes: &[u8]| {
        let path = folder.path().join("fit.yaml");
        std::fs::write(&path, bytes).expect("writable");
        load(&path)
    };
    refused(write(b""), &["fit.yaml:1:1", "found nothing", "dyne config new"]);
    refused(write(b"# only a comment\n"), &["found nothing"]);
    refused(write(b"mode: static\ndata: \xff\n"), &["fit.yaml:2:7", "0xff", "UTF-8"]);
    refused(write(b"- a\n- b\n"), &["found a list"]);
    refused(write(b"static\n"), &["found a single value"]);
    write(b"\xef\xbb\xbfmode: static\ndata: {file: run.hdf}\n")
        .expect("a byte order mark is no fault");
}

#[test]
fn text_that_is_not_yaml_is_located() {
    refused(fit("fit: {loss: linear\n"), &["fit.yaml:", "valid YAML"]);
    refused(fit("fit:\n\tloss: linear\n"), &["fit.yaml:5:", "tabs"]);
    refused(fit("mode: static\n"), &["fit.yaml:4:1", "`mode` a second time", "delete"]);
    refused(fit("  file: b.hdf\n"), &["fit.yaml:4:3", "`file` a second time"]);
    refused(fit("---\nmode: static\n"), &["second document"]);
}

#[test]
fn unknown_keys_name_place_and_nearest() {
    refused(fit("fit: {los: huber}\n"), &["unknown key fit.los at fit.yaml:4:7", "write `loss`?"]);
    refused(fit("loss: huber\n"), &["fit.yaml:4:1", "write it as `fit.loss`"]);
    refused(fit("D0: 100\n"), &["write it as `parameters.D0`"]);
    refused(fit("zzzzzzzzzz: 1\n"), &["`mode`, `data`", "delete `zzzzzzzzzz`"]);
    refused(fit("parameters: {D0: {strt: 1}}\n"), &["parameters.D0.strt", "write `start`?"]);
    refused(fit("parameters: {alpha: {tied: {too: D0}}}\n"), &["alpha.tied.too", "write `to`?"]);
    refused(simulation("phi: [0]\nnoise: {pixel: 3}\n"), &["noise.pixel", "write `pixels`?"]);
}

#[test]
fn unknown_words_list_the_choices() {
    let mode = FitConfig::from_yaml("mode: laminar\ndata: {file: a}\n", "fit.yaml", &[]);
    refused(mode, &["fit.yaml:1:7", "`laminar`", "`static`, `laminar_flow`"]);
    refused(fit("fit: {loss: hubr}\n"), &["fit.loss", "`soft_l1`", "write `huber`?"]);
    refused(fit("fit: {scaling: fouriers}\n"), &["write `fourier`?"]);
    refused(fit("physics: {shear: homodyne2}\n"), &["write `homodyne-2`?"]);
    refused(fit("output: {formats: [json, pdf]}\n"), &["output.formats[1] at fit.yaml:4:26"]);
    refused(fit("time: {origin: firstframe}\n"), &["time.origin", "`first_frame`, `acquisition`"]);
    refused(simulation("phi: [0]\nnoise: {kind: gauss}\n"), &["write `gaussian`?"]);
}

#[test]
fn missing_keys_are_described() {
    let text = "data: {file: a}\n";
    refused(FitConfig::from_yaml(text, "fit.yaml", &[]), &["missing key mode", "`laminar_flow`"]);
    refused(
        FitConfig::from_yaml("mode: static\n", "fit.yaml", &[]),
        &["missing key data.file", "Data file"],
    );
    let text = "mode: static\ndata: {q: 1}\n";
    refused(
        FitConfig::from_yaml(text, "fit.yaml", &[]),
        &["missing key data.file at fit.yaml:2:7"],
    );
    refused(fit("parameters: {alpha: {tied: {factor: 1}}}\n"), &["parameters.alpha.tied.to"]);
    refused(simulation(""), &["missing key phi", "list of numbers", "degrees"]);
}

#[test]
fn values_of_a_wrong_type_are_described() {
    refused(fit("geometry: {gap: wide}\n"), &["geometry.gap", "the text `wide`", "a number"]);
    refused(fit("fit: 3\n"), &["wrong type of fit", "the number 3", "a group of keys"]);
    refused(fit("fit: [linear]\n"), &["a list", "a group of keys"]);
    refused(fit("fit: {max_sweeps: -1}\n"), &["the number -1", "a whole number of at least 0"]);
    refused(fit("fit: {max_sweeps: 1.5}\n"), &["the number 1.5"]);
    refused(fit("fit: {loss: }\n"), &["fit.loss", "found nothing"]);
    refused(fit("fit: {scaling: fourier}\n"), &["fit.scaling", "{fourier: 2}"]);
    refused(fit("fit: {scaling: {averaged: 2}}\n"), &["the word `averaged` alone"]);
    refused(fit("search: {global: maybe}\n"), &["`true` or `false`"]);
    refused(fit("  q: most\n"), &["a number, a list of numbers, or `all`"]);
    refused(fit("  phi: [-10, 10]\n"), &["data.phi[0]", "two numbers"]);
    refused(fit("  phi: [[-10, 0, 10]]\n"), &["data.phi[0]", "a list of 3", "two numbers"]);
    refused(fit("  phi: [[-10]]\n"), &["data.phi[0]", "a list of 1", "two numbers"]);
    refused(fit("  frames: [1]\n"), &["data.frames", "two numbers"]);
    let text = "mode: static\ndata: {file: 12}\n";
    refused(FitConfig::from_yaml(text, "fit.yaml", &[]), &["data.file", "a text"]);
    refused(fit("parameters: [D0]\n"), &["parameters", "a group of parameter names"]);
    refused(fit("parameters: {D0: high}\n"), &["{start, min, max, fixed, tied, prior}"]);
    refused(fit("parameters: {D0: {tied: 3}}\n"), &["a parameter name or {to, factor}"]);
}

#[test]
fn bins_and_frames_out_of_range_are_refused() {
    refused(fit("  q: 0\n"), &["data.q at fit.yaml:4:6", "found 0", "positive"]);
    refused(fit("  q: [0.1, -1]\n"), &["data.q[1] at fit.yaml:4:12", "found -1"]);
    refused(fit("  q: []\n"), &["data.q", "an empty list"]);
    refused(fit("  q: 0.1\n  q_tolerance: 1.5\n"), &["data.q_tolerance", "below 1"]);
    refused(fit("  q_tolerance: 0.1\n"), &["a q that the tolerance belongs to"]);
    refused(fit("  phi: []\n"), &["data.phi", "an empty list"]);
    refused(fit("  phi: [[0, .nan]]\n"), &["data.phi[0][1]", "NaN"]);
    refused(fit("  frames: [0, 10]\n"), &["data.frames[0]", "at least 1"]);
    refused(fit("  frames: [10, 5]\n"), &["data.frames[1]", "more than the first frame 10"]);
    refused(fit("  frame_start: 10\n  frame_end: 5\n"), &["data.frame_end at fit.yaml:5:14"]);
    refused(fit("  frames: [1, 5]\n  frame_end: 5\n"), &["`frame_end` beside `frames`"]);
    refused(fit("  dt: 0\n"), &["data.dt", "found 0", "in s"]);
    refused(fit("geometry: {gap: -1}\n"), &["geometry.gap", "found -1", "in Å"]);
    let text = "mode: laminar_flow\ndata: {file: a}\n";
    refused(FitConfig::from_yaml(text, "fit.yaml", &[]), &["geometry.gap", "`laminar_flow` needs"]);
    refused(fit("time: {origin: -1}\n"), &["time.origin", "0 or more seconds"]);
}

#[test]
fn parameters_that_cannot_be_are_refused() {
    let refused = |parameter: &str, parts: &[&str]| {
        refused(fit(&format!("parameters:\n  {parameter}\n")), parts);
    };
    refused("D_ofset: 1", &["fit.yaml:5:3", "parameters of mode `static`", "write `D_offset`?"]);
    refused("beta: 1", &["set `mode: laminar_flow`"]);
    refused("alpha: {min: 1, max: -1}", &["alpha.min", "found 1", "less than max, -1"]);
    refused("alpha: {max: -3}", &["alpha.max", "found -3", "more than min, -2"]);
    refused("alpha: {max: .inf}", &["alpha.max", "a finite number"]);
    refused("D0: {min: 0}", &["D0.min", "logarithmic scale", "such as 1"]);
    refused("alpha: 5", &["alpha.start at fit.yaml:5:10", "between -2 and 2"]);
    refused("D0: {start: 50, min: 100}", &["D0.start", "at least 100 Å²/s^(1+α)"]);
    refused("alpha: {fixed: 5, max: 1}", &["alpha.fixed", "between -inf and 1"]);
    refused("alpha: {fixed: [1, 2]}", &["alpha.fixed", "one number"]);
    refused("alpha: {tied: alpha}", &["alpha.tied", "another parameter than itself"]);
    refused("alpha: {tied: alfa}", &["alpha.tied", "write `alpha`?"]);
    refused("alpha: {tied: D0, fixed: 1}", &["`tied` beside `fixed`"]);
    refused("alpha: {tied: D0, start: 1}", &["`tied` beside `start`"]);
    refused("alpha: {tied: {to: D0, factor: 0}}", &["alpha.tied.factor", "other than 0"]);
    refused("contrast: {start: 0.3}", &["contrast.start", "linear"]);
    refused("contrast: {fixed: 0.3}", &["`fit.scaling` is `constant`"]);
    let chain = "D0: {tied: D_offset}\n  D_offset: {tied: alpha}";
    refused(chain, &["D0.tied", "which is tied itself"]);
}

#[test]
fn a_fixed_value_needs_no_bounds_of_the_table() {
    fit("parameters: {D0: {fixed: 0, start: 10}}\n").expect("a transport coefficient of zero");
}

#[test]
fn settings_out_of_range_are_refused() {
    refused(fit("fit: {f_scale: 0}\n"), &["fit.f_scale", "positive"]);
    refused(fit("fit: {xtol: 1}\n"), &["fit.xtol", "below 1"]);
    refused(fit("fit: {max_sweeps: 0}\n"), &["fit.max_sweeps", "at least 1"]);
    refused(fit("fit: {scaling: {fourier: 0}}\n"), &["fit.scaling.fourier", "at least 1"]);
    refused(fit("fit: {scaling: constant}\n"), &["parameters.contrast.fixed", "needs"]);
    refused(fit("search: {global: true, starts: 0}\n"), &["search.starts", "at least 1"]);
    refused(fit("output: {formats: []}\n"), &["output.formats", "an empty list"]);
    refused(fit("output: {dir: ''}\n"), &["output.dir", "an empty text"]);
    let text = "mode: static\ndata: {file: ''}\n";
    refused(FitConfig::from_yaml(text, "fit.yaml", &[]), &["data.file", "an empty text"]);
}

#[test]
fn simulations_out_of_range_are_refused() {
    refused(simulation("phi: []\n"), &["phi", "an empty list"]);
    refused(simulation("phi: [0]\ngap: 0\n"), &["gap", "found 0"]);
    refused(simulation("phi: [0]\nparameters: {beta: 1}\n"), &["set `mode: laminar_flow`"]);
    refused(simulation("phi: [0]\nparameters: {contrast: 1}\n"), &["parameters.contrast"]);
    refused(
        simulation("phi: [0]\ncontrast: [1, 2]\n"),
        &["contrast", "a list of 2", "there are 1"],
    );
    refused(simulation("phi: [0]\noffset: .nan\n"), &["offset", "NaN"]);
    refused(simulation("phi: [0]\nnoise: {kind: gaussian, sigma: 0}\n"), &["noise.sigma"]);
    refused(simulation("phi: [0]\nnoise: {pixels: 0}\n"), &["noise.pixels", "at least 1"]);
    refused(simulation("phi: [0]\nnoise: {counts: -1}\n"), &["noise.counts", "positive"]);
    let short = "mode: static\nframes: 1\ndt: 0.1\nq: 0.005\nphi: [0]\n";
    refused(
        SimConfig::from_yaml(short, "sim.yaml", &[]),
        &["frames at sim.yaml:2:9", "at least 2"],
    );
}

fn overrides(texts: &[&str]) -> Vec<Override> {
    texts.iter().map(|text| Override::parse(text).expect("an override")).collect()
}

#[test]
fn overrides_win_over_the_file_and_over_earlier_ones() {
    let set = [
        "fit.loss=huber",
        "fit.loss=cauchy",
        "parameters.alpha.max=1",
        "data.phi=null",
        "parameters.beta={fixed: 0.5}",
        "output.dir=b",
    ];
    let config = FitConfig::from_yaml(FULL, "fit.yaml", &overrides(&set)).expect("valid");
    assert_eq!(config.fit.loss, Loss::Cauchy);
    assert_eq!(config.fit.f_scale, 0.05);
    assert_eq!(config.parameters["alpha"].start, Some(-0.5));
    assert_eq!(config.parameters["alpha"].max, Some(1.0));
    assert_eq!(config.parameters["beta"].fixed_value(), Some(0.5));
    assert!(config.data.phi.is_none());
    assert_eq!(config.output.dir.as_deref(), Some(Path::new("b")));
}

#[test]
fn overrides_alone_make_a_config() {
    let mut set = overrides(&["mode=laminar_flow", "geometry.gap=2e6"]);
    set.push(Override::text("data.file", "no: yaml [").expect("a key"));
    let config = FitConfig::from_overrides(&set).expect("valid");
    assert_eq!(config.data.file, Path::new("no: yaml ["));
    assert_eq!(config.geometry.gap, Some(2e6));
    let set = overrides(&["mode=static", "frames=10", "dt=1", "q=0.01", "phi=[0]"]);
    assert_eq!(SimConfig::from_overrides(&set).expect("valid").frames, 10);
}

#[test]
fn faults_of_overrides_name_the_override() {
    let set = |text: &str| {
        let set = overrides(&["mode=static", "data.file=run.hdf", text]);
        FitConfig::from_overrides(&set)
    };
    refused(set("fit.loss=hubr"), &["fit.loss in override fit.loss=hubr", "write `huber`?"]);
    refused(set("fit.los=huber"), &["fit.los in override fit.los=huber", "write `loss`?"]);
    refused(set("data.dt=-1"), &["data.dt in override data.dt=-1", "found -1"]);
    refused(set("parameters.D9=1"), &["parameters.D9 in override", "write `D0`?"]);
    refused(set("mode.name=x"), &["override mode.name=x", "a value", "group of keys"]);
    refused(
        FitConfig::from_overrides(&overrides(&["mode=static"])),
        &["missing key data.file", "Data file"],
    );
    refused(Override::parse("fit.loss"), &["no `=`", "fit.loss=huber"]);
    refused(Override::parse("fit..loss=huber"), &["an empty word"]);
    refused(Override::text("", "x"), &["an empty word"]);
    refused(Override::parse("data.phi=[[1, 2]"), &["in override data.phi=[[1, 2]", "valid YAML"]);
}

#[test]
fn faults_are_open_to_programs() {
    let error = fit("geometry: {gap: 0}\n").expect_err("no gap");
    let fault = error.fault().expect("a fault with a place");
    assert_eq!(fault.key, "geometry.gap");
    let origin = Origin::File { name: "fit.yaml".to_owned(), line: 4, column: 17 };
    assert_eq!(fault.origin, origin);
    let mut config = fit("").expect("valid");
    config.fit.f_scale = -1.0;
    let error = config.check().expect_err("set in the program");
    assert_eq!(error.fault().map(|fault| &fault.origin), Some(&Origin::Program));
}

/// `cargo run -p dyne-xpcs-config --example config_reference` writes both anew.
#[test]
fn the_committed_documents_are_the_generated_ones() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let read = |name: &str| std::fs::read_to_string(docs.join(name)).expect("committed");
    assert_eq!(read("config.md"), reference_markdown());
    assert_eq!(read("config.schema.json"), format!("{:#}\n", json_schema()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(2), ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,200}", words in "[a-z:{}\\[\\],&*!|> \n\t0-9.-]{0,200}") {
        for text in [text, words] {
            let _ = FitConfig::from_yaml(&text, "text", &[]);
            let _ = SimConfig::from_yaml(&text, "text", &[]);
            let _ = Override::parse(&text).and_then(|set| FitConfig::from_overrides(&[set]));
        }
    }

    #[test]
    fn a_damaged_config_never_panics(at in 0..FULL.len(), new in "\\PC?", end in 0..FULL.len()) {
        let mut text = FULL.to_owned();
        text.replace_range(at..=at, &new);
        let _ = FitConfig::from_yaml(&text, "text", &[]);
        let _ = FitConfig::from_yaml(&FULL[..end], "text", &[]);
    }
}
