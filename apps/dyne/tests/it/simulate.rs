//! `dyne simulate`: kinds of noise and of files.

use crate::command::Folder;
use crate::experiment::{FRAMES, REST};

/// `c2` of [`REST`] with this noise.
fn simulated(noise: &str) -> Vec<f64> {
    let folder = Folder::new();
    folder.write("sim.yaml", REST);
    let noise = format!("noise={noise}");
    let arguments = ["simulate", "--config", "sim.yaml", "--out", "run.npz", "--set", &noise];
    folder.dyne(&arguments).ends(0).prints(&["wrote run.npz"]);
    let c2 = folder.array("run.npz", "c2");
    assert_eq!(c2.shape, [3, FRAMES as u64, FRAMES as u64]);
    assert_eq!(folder.array("run.npz", "phi").values, [0.0, 45.0, 90.0]);
    let t = folder.array("run.npz", "t").values;
    assert!(t.iter().enumerate().all(|(k, t)| (t - 0.1 * k as f64).abs() < 1e-12));
    c2.values
}

/// Values of the pairs i < j of all matrices.
fn pairs(c2: &[f64]) -> Vec<f64> {
    let matrices = c2.chunks_exact(FRAMES * FRAMES);
    let upper = |m: &[f64]| -> Vec<f64> {
        (0..FRAMES).flat_map(|i| m[i * FRAMES + i + 1..(i + 1) * FRAMES].to_vec()).collect()
    };
    matrices.flat_map(upper).collect()
}

fn spread(noisy: &[f64], exact: &[f64]) -> f64 {
    let squares: f64 = noisy.iter().zip(exact).map(|(a, b)| (a - b).powi(2)).sum();
    (squares / exact.len() as f64).sqrt()
}

#[test]
fn exact_matrices_follow_the_formula() {
    let c2 = simulated("{kind: none}");
    // One trapezoid of J = D0·t^alpha between frames 20 and 21 of the second matrix; both are
    // cut to 32 bits.
    let rate = |t: f64| 2e4 * t.powf(-0.4);
    let integral = 0.05 * (rate(2.0) + rate(2.1));
    let m = (-0.0054_f64.powi(2) * integral).exp();
    let found = c2[(FRAMES + 20) * FRAMES + 21];
    assert!((found - (1.0 + 0.28 * m)).abs() < 2e-7, "{found}");
    assert_eq!(found, c2[(FRAMES + 21) * FRAMES + 20]);
}

#[test]
fn gaussian_noise_has_its_width_and_follows_its_seed() {
    let exact = pairs(&simulated("{kind: none}"));
    let noisy = pairs(&simulated("{kind: gaussian, sigma: 0.02, seed: 5}"));
    let width = spread(&noisy, &exact);
    assert!((width / 0.02 - 1.0).abs() < 0.05, "{width}");
    assert_eq!(noisy, pairs(&simulated("{kind: gaussian, sigma: 0.02, seed: 5}")));
    assert_ne!(noisy, pairs(&simulated("{kind: gaussian, sigma: 0.02, seed: 6}")));
}

#[test]
fn speckle_noise_shrinks_with_pixels_and_grows_with_shot_noise() {
    let exact = pairs(&simulated("{kind: none}"));
    let width = |noise: &str| spread(&pairs(&simulated(noise)), &exact);
    let few = width("{kind: speckle, pixels: 500, seed: 1}");
    let many = width("{kind: speckle, pixels: 8000, seed: 1}");
    assert!(few > 0.0 && (2.0..8.0).contains(&(few / many)), "{few} and {many}");
    let shot = width("{kind: speckle, pixels: 500, counts: 0.1, seed: 1}");
    assert!(shot > 2.0 * few, "{shot} and {few}");
}

#[test]
fn both_kinds_of_file_hold_the_same_values() {
    let folder = Folder::with(REST);
    folder.dyne(&["simulate", "--config", "sim.yaml", "--out", "run.npz", "-q"]).ends(0);
    let c2 = pairs(&folder.array("run.npz", "c2").values);
    let told = folder.dyne(&["inspect", "run.hdf", "--json"]).ends(0).stdout;
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    for (matrix, values) in c2.chunks_exact(c2.len() / 3).enumerate() {
        let found = &told["matrices"][matrix];
        let most = values.iter().copied().fold(f64::MIN, f64::max);
        let least = values.iter().copied().fold(f64::MAX, f64::min);
        assert_eq!((&found["max"], &found["min"]), (&most.into(), &least.into()));
    }
}

#[test]
fn quiet_says_nothing_and_threads_change_no_bit() {
    let folder = Folder::with(REST);
    let first = std::fs::read(folder.path("run.hdf")).unwrap();
    let arguments = ["simulate", "--config", "sim.yaml", "--out", "run.hdf", "-q", "--threads"];
    for threads in ["1", "2"] {
        let told = folder.dyne(&[&arguments[..], &[threads]].concat()).ends(0);
        assert_eq!((told.stdout.as_str(), told.stderr.as_str()), ("", ""));
        assert_eq!(std::fs::read(folder.path("run.hdf")).unwrap(), first);
    }
}

#[test]
fn what_cannot_be_simulated_is_refused_and_leaves_the_earlier_file() {
    let folder = Folder::with(REST);
    let before = folder.everything();
    let refused = |set: &str, parts: &[&str], remedy: &str| {
        let arguments = ["simulate", "--config", "sim.yaml", "--out", "run.hdf", "--set", set];
        folder.dyne(&arguments).ends(2).refuses(parts, remedy);
        assert_eq!(folder.everything(), before);
    };
    refused("noise.kind=pink", &["noise.kind", "`pink`", "`speckle`"], "explain noise.kind");
    refused("contrast=[0.3]", &["contrast", "a list of 1", "there are 3"], "one number for all");
    refused("frames=1", &["frames", "found 1", "at least 2"], "the number of frames");
    refused("mode=laminar_flow", &["gap", "found nothing"], "in Å");
    let field = "{mode: laminar_flow, frames: 10, dt: 0.1, q: 0.005, gap: 1e6, phi: [0], \
                 physics: {shear: homodyne-2}, noise: {kind: speckle}}";
    folder.write("no_field.yaml", field);
    let before = folder.everything();
    let arguments = ["simulate", "--config", "no_field.yaml", "--out", "new.hdf"];
    let refused = folder.dyne(&arguments).ends(2);
    refused.refuses(&["noise.kind speckle", "homodyne-2", "expected published"], "gaussian");
    assert_eq!(folder.everything(), before);
}

#[test]
fn a_place_that_cannot_be_written_is_a_matter_of_resources() {
    let folder = Folder::with(REST);
    let before = folder.everything();
    let arguments = ["simulate", "--config", "sim.yaml", "--out", "absent/run.hdf"];
    let refused = folder.dyne(&arguments).ends(5);
    refused.refuses(&["writing absent/run.hdf", "expected a writable file"], "check the folder");
    assert_eq!(folder.everything(), before);
}
