//! Posteriors.

use serde_json::Value;

use crate::command::Folder;
use crate::experiment::{REST, SHEARED};

const FIXED: &str = "parameters={D_offset: {fixed: 0}}";

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("a number instead of {value}"))
}

#[test]
fn a_posterior_agrees_with_the_fit_and_does_not_hang_on_threads() {
    let folder = Folder::with(REST);
    let sample = ["sample", "run.hdf", "--mode", "static", "--set", FIXED];
    let told = folder.dyne(&[&sample[..], &["--out", "a", "--threads", "2"]].concat()).ends(0);
    told.prints(&["posterior: 4 chains of 500 draws", "D0", "the chains agree"]);
    folder.dyne(&[&sample[..], &["--out", "b", "--threads", "1", "-q"]].concat()).ends(0);
    let result = folder.json("a/posterior.json");
    assert_eq!(result, folder.json("b/posterior.json"));
    assert_eq!(
        (&result["schema"], &result["converged"]),
        (&"dyne-posterior/1".into(), &true.into())
    );
    for name in ["D0", "alpha"] {
        let p = &result["parameters"][name];
        let error = number(&p["fit_stderr"]);
        assert!((number(&p["sd"]) / error - 1.0).abs() < 0.3, "{p}");
        assert!((number(&p["mean"]) - number(&p["fit"])).abs() < 0.5 * error, "{p}");
        assert!(number(&p["r_hat"]) < 1.01 && number(&p["ess_bulk"]) > 400.0, "{p}");
    }
    let bytes = std::fs::read(folder.path("a/posterior.npz")).unwrap();
    let mut archive = npyz::npz::NpzArchive::new(std::io::Cursor::new(bytes)).unwrap();
    assert_eq!(archive.by_name("D0").unwrap().unwrap().shape(), [4, 500]);
}

#[test]
fn chains_that_are_too_short_are_not_trusted() {
    let folder = Folder::with(SHEARED);
    let few = ["--chains", "2", "--warmup", "30", "--draws", "20"];
    let sample = ["sample", "run.hdf", "--mode", "laminar_flow", "--gap", "2e6", "--out", "a"];
    folder.dyne(&[&sample[..], &few].concat()).ends(1).prints(&["not to be trusted"]);
    let independent = ["--likelihood", "independent", "--out", "b"];
    folder.dyne(&[&sample[..6], &independent, &few].concat()).ends(1);
    assert_eq!(folder.json("b/posterior.json")["likelihood_weight"], 1.0);
}

#[test]
fn what_cannot_be_sampled_is_refused() {
    let folder = Folder::with(REST);
    let sample = ["sample", "run.hdf", "--mode", "static"];
    let refused = |more: &[&str], parts: &[&str], remedy: &str| {
        folder.dyne(&[&sample[..], more].concat()).ends(2).refuses(parts, remedy);
    };
    refused(&["--chains", "1"], &["--chains", "found 1", "at least 2"], "give 4");
    refused(&["--draws", "2"], &["--draws", "found 2", "at least 4"], "give 500");
    let averaged = ["--set", "fit.scaling=averaged"];
    refused(&averaged, &["fit.scaling", "expected individual"], "leave fit.scaling out");
    refused(&["--dry-run"], &["--dry-run"], "dyne fit");
    refused(&["--checkpoint-dir", "saved"], &["checkpoint.dir", "saved"], "leave checkpoint.dir");
    assert!(!folder.path("results").exists() && !folder.path("saved").exists());
}
