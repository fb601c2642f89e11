//! Whole-process times of the program: wall time and peak memory of `dyne fit` on simulated
//! files, in a table. `cargo bench -p dyne --bench process` runs it; the best and the median
//! of several runs are shown, since other work on the machine only ever adds time.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

const RUNS: usize = 7;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let large = simulate(folder.path(), "large.hdf", &large_experiment());
    let small = simulate(folder.path(), "small.hdf", SMALL);
    let laminar = ["--mode", "laminar_flow", "--gap", "2e6"];
    let words = ["--set", "output.formats=[json,text]"];
    let starts = [
        "parameters.D0.start=2000",
        "parameters.alpha.start=-0.3",
        "parameters.D_offset.start=0",
        "parameters.gamma_dot_t0.start=0.0015",
        "parameters.beta.start=-0.2",
        "parameters.gamma_dot_t_offset.start=0",
        "parameters.phi0.start=0",
    ]
    .map(|value| ["--set", value])
    .concat();
    let all: [&str; 0] = [];
    let two = simulate(folder.path(), "two.hdf", TWO_COMPONENT);
    let mode = ["--mode", "two_component"];
    let near = TWO_STARTS.map(|value| ["--set", value]).concat();
    let cases: [(&str, &Path, Vec<&str>); 7] = [
        ("23 × 1000², no starts, json + text", &large, [&laminar[..], &words].concat()),
        ("23 × 1000², starts, json + text", &large, [&laminar[..], &words, &starts].concat()),
        (
            "the same, no starts, 1 thread",
            &large,
            [&laminar[..], &words, &["--threads", "1"]].concat(),
        ),
        ("23 × 1000², no starts, all outputs", &large, [&laminar[..], &all].concat()),
        (
            "200², static, no starts, json + text",
            &small,
            [&["--mode", "static"][..], &words].concat(),
        ),
        ("two_component, 3 × 1000², no starts", &two, [&mode[..], &words].concat()),
        ("two_component, 3 × 1000², starts", &two, [&mode[..], &words, &near].concat()),
    ];
    println!(
        "{:<40} {:>8} {:>8} {:>6} {:>6} {:>6} {:>8} {:>6}",
        "dyne fit", "best s", "median s", "read", "fit", "report", "peak MB", "full"
    );
    for (name, file, flags) in cases {
        row(name, file, &flags, folder.path());
    }
    let help = repeat(|| run(&["--help"]));
    println!("{:<40} {:>8.4} {:>8.4}", "dyne --help", help[0], help[RUNS / 2]);
}

const SMALL: &str = "mode: static\nframes: 200\ndt: 0.1\nq: 0.0054\nphi: [0]\n\
    parameters: {D0: 20000, alpha: -0.5, D_offset: 1000}\ncontrast: 0.3\n\
    noise: {kind: gaussian, sigma: 0.02, seed: 1}\n";

const TWO_COMPONENT: &str = "mode: two_component\nframes: 1000\ndt: 0.1\nq: 0.0054\n\
    phi: [0, 45, 90]\nparameters: {D0_ref: 3000, alpha_ref: -0.2, D_offset_ref: 50, D0_sample: 8000, \
    alpha_sample: -0.3, D_offset_sample: 100, v0: 30, beta: -0.1, v_offset: 1, f0: 0.3, f1: -0.002, \
    f2: 0, f3: 0.3, phi0: 5}\ncontrast: 0.3\nnoise: {kind: gaussian, sigma: 0.02, seed: 1}\n";

/// A tenth off the truth.
const TWO_STARTS: [&str; 13] = [
    "parameters.D0_ref.start=3300",
    "parameters.alpha_ref.start=-0.22",
    "parameters.D_offset_ref.start=55",
    "parameters.D0_sample.start=7200",
    "parameters.alpha_sample.start=-0.27",
    "parameters.D_offset_sample.start=110",
    "parameters.v0.start=33",
    "parameters.beta.start=-0.11",
    "parameters.v_offset.start=1.1",
    "parameters.f0.start=0.33",
    "parameters.f1.start=-0.0022",
    "parameters.f3.start=0.27",
    "parameters.phi0.start=4.5",
];

fn large_experiment() -> String {
    let phi: Vec<String> = (0..23).map(|k| (8 * k - 88).to_string()).collect();
    format!(
        "mode: laminar_flow\nframes: 1000\ndt: 0.1\nq: 0.0054\ngap: 2.0e6\nphi: [{}]\n\
         parameters: {{D0: 3000, alpha: -0.4, D_offset: 100, gamma_dot_t0: 0.002, beta: -0.3, \
         gamma_dot_t_offset: 1.0e-4, phi0: 4}}\ncontrast: 0.3\n\
         noise: {{kind: gaussian, sigma: 0.02, seed: 1}}\n",
        phi.join(", ")
    )
}

fn simulate(folder: &Path, name: &str, yaml: &str) -> PathBuf {
    let config = folder.join("sim.yaml");
    std::fs::write(&config, yaml).expect("the temporary folder can be written");
    let out = folder.join(name);
    let text = |path: &Path| path.to_string_lossy().into_owned();
    run(&["simulate", "--quiet", "--config", &text(&config), "--out", &text(&out)]);
    out
}

fn row(name: &str, file: &Path, flags: &[&str], folder: &Path) {
    let (file, out) = (file.to_string_lossy(), folder.join("results"));
    let out_text = out.to_string_lossy();
    let arguments = [&["fit", &file, "--out", &out_text, "--quiet"][..], flags].concat();
    let times = repeat(|| run(&arguments));
    let text = std::fs::read_to_string(out.join("result.json")).expect("a result was written");
    let result: Value = serde_json::from_str(&text).expect("the result is JSON");
    assert_eq!(result["status"], "converged", "{name}");
    let second = |key: &str| result["timings"][key].as_f64().expect("a timing");
    println!(
        "{name:<40} {:>8.3} {:>8.3} {:>6.3} {:>6.3} {:>6.3} {:>8.0} {:>6}",
        times[0],
        times[RUNS / 2],
        second("read_s"),
        second("fit_s"),
        second("report_s"),
        result["peak_rss_bytes"].as_f64().expect("a number of bytes") / 1e6,
        result["counters"]["full_sweeps"],
    );
}

/// Wall times of several runs, ascending.
fn repeat(run: impl Fn()) -> Vec<f64> {
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let began = Instant::now();
            run();
            began.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times
}

/// Runs the program; reservations are no failure here.
fn run(arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_dyne"))
        .args(arguments)
        .output()
        .expect("the program starts");
    let code = output.status.code();
    assert!(
        matches!(code, Some(0 | 1)),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
