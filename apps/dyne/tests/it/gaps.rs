//! Frames and bins without data, and bins that tell nothing: left out, named, and all else fitted.

use dyne_runtime::Lanes;
use dyne_xpcs_data::{ReadError, Samples, SimulatedMatrix, Triangle};
use dyne_xpcs_h5::{Experiment, open, write_aps_u};
use serde_json::Value;

use crate::command::Folder;
use crate::experiment::REST;

const Q: [f64; 2] = [0.0054, 0.008];

/// Two q, one angle.
const TWO: &str = "\
mode: static
frames: 80
dt: 0.1
q: [0.0054, 0.008]
phi: [0]
parameters: {D0: 20000, alpha: 0, D_offset: 0}
contrast: 0.3
noise: {kind: gaussian, sigma: 0.01, seed: 5}
";

const HELD: [&str; 6] = [
    "--set",
    "parameters.alpha.fixed=0",
    "--set",
    "parameters.D_offset.fixed=0",
    "--set",
    "output.formats=[json, text]",
];

impl Folder {
    /// Writes `run.hdf` of these q and angles again, with what `plant` says of bin and frames, 0-based.
    fn plant(&self, q: &[f64], phi: &[f64], plant: impl Fn(usize, usize, usize) -> Option<f64>) {
        let path = self.path("run.hdf");
        let (bins, frames, matrices) = {
            let reader = open(&path).unwrap();
            let catalog = reader.catalog();
            let bins: Vec<usize> = (0..catalog.bins.len()).collect();
            let lanes = Lanes::solo();
            (
                bins.len(),
                catalog.frames,
                reader.read_stored(&bins, 0..catalog.frames, &lanes).unwrap(),
            )
        };
        assert_eq!(bins, q.len() * phi.len());
        let file = Experiment { q: q.to_vec(), phi_deg: phi.to_vec(), dt_s: 0.1, frames };
        let matrix = |bin: usize| -> Result<SimulatedMatrix, ReadError> {
            let old = &matrices[bin];
            let pairs = (0..frames).flat_map(|i| (i + 1..frames).map(move |j| (i, j)));
            let value = |(i, j)| plant(bin, i, j).unwrap_or_else(|| old.get(i, j)) as f32;
            let triangle = Triangle::new(frames, Samples::F32(pairs.map(value).collect()));
            Ok(SimulatedMatrix { triangle, diagonal: vec![1.3; frames] })
        };
        write_aps_u(&path, &file, matrix).unwrap();
    }

    fn fit_held(&self, more: &[&str], code: &[i32]) -> Value {
        let arguments = ["fit", "run.hdf", "--mode", "static", "--out", "out", "-q"];
        let output = self.command(&[&arguments[..], &HELD, more].concat()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let ended = output.status.code().expect("it ends by itself");
        assert!(code.contains(&ended), "ended with {ended}: {told}");
        self.json("out/result.json")
    }
}

fn d0(result: &Value) -> [f64; 2] {
    let d0 = &result["parameters"]["D0"];
    [d0["value"].as_f64().unwrap(), d0["stderr"].as_f64().unwrap()]
}

/// Bad frames of one kind, 0-based.
fn gap(value: f64, bad: &'static [usize]) -> impl Fn(usize, usize, usize) -> Option<f64> {
    move |_, i, j| (bad.contains(&i) || bad.contains(&j)).then_some(value)
}

#[test]
fn frames_without_data_are_left_out_and_named() {
    const LONG: &[usize] = &[20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31];
    const SINGLE: &[usize] = &[3, 7, 40, 79];
    for (value, bad) in [(0.0, LONG), (-1.0, SINGLE), (f64::NAN, SINGLE), (f64::NAN, LONG)] {
        let folder = Folder::with(TWO);
        folder.plant(&Q, &[0.0], gap(value, bad));
        let told = folder.fit_held(&["--q", "all"], &[0, 1]);
        let [value, error] = d0(&told);
        assert!((value - 20000.0).abs() < 5.0 * error && error < 1000.0, "{value} ± {error}");
        let left_out = told["left_out"]["frames"].as_array().unwrap();
        let total: u64 = left_out.iter().map(|run| run["n"].as_u64().unwrap()).sum();
        assert_eq!(total as usize, bad.len(), "{left_out:?}");
        assert_eq!(left_out[0]["first"], bad[0] + 1);
        let all = 80 - bad.len();
        // The first frame takes no part in a fit.
        let left = all - usize::from(!bad.contains(&0));
        assert_eq!(told["cost"]["n_pairs"], 2 * left * (left - 1) / 2);
        assert!(folder.text("out/report.txt").contains("left out"));
        let quality = folder.dyne(&["inspect", "run.hdf", "--quality"]).ends(1);
        quality.prints(&["left out  frame"]);
        folder.dyne(&["inspect", "run.hdf"]).ends(1).prints(&["left out  frame"]);
        let arguments = ["g2", "run.hdf", "--q", "0.0054", "--json"];
        let output = folder.command(&arguments).output().unwrap();
        let g2: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(g2["left_out"]["frames"].as_array().unwrap().len(), left_out.len());
        let pairs = g2["curves"][0]["pairs"].as_array().unwrap();
        let pairs: f64 = pairs.iter().map(|n| n.as_f64().unwrap()).sum();
        assert_eq!(pairs as usize, all * (all - 1) / 2);
    }
}

#[test]
fn a_bin_without_data_is_left_out_and_named() {
    let folder = Folder::with(TWO);
    folder.plant(&Q, &[0.0], |bin, _, _| (bin == 1).then_some(f64::NAN));
    let told = folder.fit_held(&["--q", "all"], &[0, 1]);
    assert_eq!(told["left_out"]["bins"][0]["bin"], 2);
    assert_eq!(told["scaling"].as_array().unwrap().len(), 1);
    let [value, error] = d0(&told);
    assert!((value - 20000.0).abs() < 5.0 * error);
    // None with data: a refusal that says so.
    folder.plant(&Q, &[0.0], |bin, _, _| Some(if bin == 0 { 0.0 } else { f64::NAN }));
    for command in [&["fit", "run.hdf", "--mode", "static"][..], &["g2", "run.hdf"]] {
        let refused = folder.dyne(&[command, &["--q", "all"]].concat()).ends(3);
        refused.refuses(&["no data are left", "every pair has the value 0"], "dyne inspect");
    }
}

#[test]
fn bins_are_excluded_by_number() {
    let folder = Folder::with(REST);
    let arguments = ["fit", "run.hdf", "--mode", "static", "--out", "out", "-q"];
    let output = folder
        .command(&[&arguments[..], &HELD, &["--exclude-bins", "1,3"]].concat())
        .output()
        .unwrap();
    assert!(output.status.code().is_some_and(|code| code < 2));
    let told = folder.json("out/result.json");
    let bins = told["left_out"]["bins"].as_array().unwrap();
    assert_eq!((bins.len(), &bins[1]["bin"]), (2, &Value::from(3)));
    assert_eq!(told["scaling"][0]["bin"], 2);
    let unknown = ["fit", "run.hdf", "--mode", "static", "--exclude-bins", "9"];
    folder.dyne(&unknown).ends(2).refuses(&["mask.bins: bin 9", "1 to 3"], "dyne inspect");
    let all = ["g2", "run.hdf", "--exclude-bins", "1,2,3"];
    folder.dyne(&all).ends(2).refuses(&["mask.bins: all selected bins"], "mask fewer");
    let json = ["g2", "run.hdf", "--exclude-bins", "2", "--mask-frames", "3,10:12", "--json"];
    let output = folder.command(&json).output().unwrap();
    let g2: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(g2["curves"][0]["bins"], serde_json::json!([1, 3]));
    let pairs = g2["curves"][0]["pairs"].as_array().unwrap();
    let pairs: f64 = pairs.iter().map(|n| n.as_f64().unwrap()).sum();
    assert_eq!(pairs as usize, 2 * 56 * 55 / 2);
    let quality = ["inspect", "run.hdf", "--quality", "--exclude-bins", "2"];
    folder.dyne(&quality).ends(1).prints(&["bin 2", "named by mask.bins"]);
}

#[test]
fn a_bin_that_tells_nothing_changes_nothing() {
    let folder = Folder::with(TWO);
    let alone = d0(&folder.fit_held(&["--q", "0.0054"], &[0, 1]));
    // Noise alone, with a faint decay of either sign.
    for contrast in [-0.02, 0.0, 1e-9, 1e-4] {
        folder.plant(&Q, &[0.0], |bin, i, j| {
            let noise = ((i * 7919 + j * 104_729) % 10_007) as f64 / 10_007.0 - 0.5;
            let decay = contrast * (-((j - i) as f64)).exp();
            (bin == 1).then_some(1.0 + 0.03 * noise + decay)
        });
        let told = folder.fit_held(&["--q", "all"], &[0, 1]);
        let [value, error] = d0(&told);
        let ratio = error / alone[1];
        assert!((0.95..1.05).contains(&ratio), "{contrast}: {ratio}");
        assert!((value - alone[0]).abs() < 0.5 * alone[1]);
        let bins = told["left_out"]["bins"].as_array().unwrap();
        assert!(bins[0]["reason"].as_str().unwrap().contains("tells nothing"), "{bins:?}");
    }
}

#[test]
fn a_bin_without_q_is_refused_or_left_out() {
    let folder = Folder::with(TWO);
    let path = folder.path("run.hdf");
    let file = std::fs::read(&path).unwrap();
    // The writer refuses such a q, so the number is changed in the file.
    let without = |q: f64, file: &[u8]| -> Vec<u8> {
        let number = q.to_le_bytes();
        let at = file.windows(8).position(|bytes| bytes == number).unwrap();
        [&file[..at], &[0; 8], &file[at + 8..]].concat()
    };
    let second = without(Q[1], &file);
    std::fs::write(&path, &second).unwrap();
    let told = folder.fit_held(&["--q", "all"], &[0, 1]);
    assert_eq!(told["left_out"]["bins"][0]["bin"], 2);
    std::fs::write(&path, without(Q[0], &second)).unwrap();
    let fit = ["fit", "run.hdf", "--mode", "static", "--q", "all"];
    folder.dyne(&fit).ends(3).refuses(&["q of the bins: found 0, 0"], "correct the q map");
}
