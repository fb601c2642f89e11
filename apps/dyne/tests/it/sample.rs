//! Posteriors.

use std::path::PathBuf;

use serde_json::Value;

use crate::command::Folder;
use crate::experiment::{REST, SHEARED};

const FIXED: &str = "parameters={D_offset: {fixed: 0}}";
const NUMBERS: &str = "output.formats=[json, npz]";
/// A sample at rest, sampled with numbers alone written.
const SAMPLE: [&str; 8] =
    ["sample", "run.hdf", "--mode", "static", "--set", FIXED, "--set", NUMBERS];

pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("a number instead of {value}"))
}

pub(crate) fn sample<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&SAMPLE[..], more].concat()
}

pub(crate) fn parameter<'v>(result: &'v Value, sample: usize, name: &str) -> &'v Value {
    let all = result["samples"][sample]["parameters"].as_array().expect("a list of parameters");
    all.iter().find(|p| p["name"] == name).unwrap_or_else(|| panic!("{name} in {result}"))
}

fn draws(folder: &Folder, path: &str) -> Vec<u8> {
    std::fs::read(folder.path(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn array(folder: &Folder, path: &str, name: &str) -> (Vec<u64>, Vec<f64>) {
    let bytes = std::io::Cursor::new(draws(folder, path));
    let mut archive = npyz::npz::NpzArchive::new(bytes).unwrap();
    let array = archive.by_name(name).unwrap().unwrap_or_else(|| panic!("{name} in {path}"));
    (array.shape().to_vec(), array.into_vec().unwrap())
}

/// What the sampler drew; the archive itself holds the time of writing.
fn all_arrays(folder: &Folder, path: &str) -> Vec<(Vec<u64>, Vec<f64>)> {
    let names = ["D0", "alpha", "contrast[0]", "offset[1]", "sigma[2]", "lp", "energy"];
    names.map(|name| array(folder, path, name)).to_vec()
}

#[test]
fn a_posterior_agrees_with_the_fit_and_does_not_hang_on_threads() {
    let folder = Folder::with(REST);
    let told = folder.dyne(&sample(&["--out", "a", "--threads", "2"])).ends(0);
    told.prints(&["4 chains × 500 draws", "D0", "the chains agree"]);
    folder.dyne(&sample(&["--out", "b", "--threads", "1", "-q"])).ends(0);
    let [result, other] = ["a", "b"].map(|dir| folder.json(&format!("{dir}/posterior.json")));
    let [threads, one] = [&result, &other].map(|of| of["provenance"]["threads"].clone());
    assert_eq!((threads, one), (2.into(), 1.into()));
    for of in ["samples", "likelihood", "priors", "warnings", "verdict"] {
        assert_eq!(result[of], other[of]);
    }
    assert_eq!(all_arrays(&folder, "a/posterior.npz"), all_arrays(&folder, "b/posterior.npz"));
    assert_eq!(
        (&result["schema"], &result["converged"]),
        (&"dyne-posterior/1".into(), &true.into())
    );
    for name in ["D0", "alpha"] {
        let p = parameter(&result, 0, name);
        let error = number(&p["fit_stderr"]);
        assert!((number(&p["sd"]) / error - 1.0).abs() < 0.3, "{p}");
        assert!((number(&p["mean"]) - number(&p["fit"])).abs() < 0.5 * error, "{p}");
        assert!((number(&p["sd"]) / number(&p["sd_composite"]) - 1.0).abs() < 0.15, "{p}");
        assert!(number(&p["sd_independent"]) <= number(&p["sd_composite"]) * 1.05, "{p}");
        assert!(number(&p["r_hat"]) < 1.01 && number(&p["ess_bulk"]) > 400.0, "{p}");
        assert!(number(&p["contraction"]) > 0.9, "{p}");
    }
    let contrast = &result["samples"][0]["bins"][1]["contrast"];
    assert!((number(&contrast["mean"]) - 0.28).abs() < 0.01, "{contrast}");
    assert_eq!(array(&folder, "a/posterior.npz", "D0").0, [4, 500]);
    assert_eq!(array(&folder, "a/posterior.npz", "contrast[2]").0, [4, 500]);
}

#[test]
fn a_fit_may_go_on_with_its_posterior_and_leaves_all_files() {
    let folder = Folder::with(REST);
    let fit = ["fit", "run.hdf", "--mode", "static", "--then", "sample", "--set", FIXED];
    let few = ["--set", "posterior={warmup: 300, draws: 1500, min_effective: 400}"];
    folder.dyne(&[&fit[..], &few, &["--out", "out"]].concat()).ends(0).prints(&[
        "D0",
        "the chains agree",
        "results in out",
    ]);
    for name in [
        "result.json",
        "report.html",
        "posterior.json",
        "posterior.txt",
        "posterior.html",
        "posterior.nc",
        "posterior.npz",
        "pictures/trace.png",
        "pictures/pair.png",
        "pictures/predictive.png",
    ] {
        let size = std::fs::metadata(folder.path(&format!("out/{name}"))).map(|m| m.len());
        assert!(size.as_ref().is_ok_and(|size| *size > 300), "{name}: {size:?}");
    }
    let drawn = folder.json("out/posterior.json")["samples"][0]["draws"].as_u64().unwrap();
    assert!(drawn < 1500, "{drawn} draws of 1500 are enough");
    // What is observed is there too, although the report of the fit holds the same cuts.
    let netcdf = draws(&folder, "out/posterior.nc");
    assert!(netcdf.windows(13).any(|bytes| bytes == b"observed_data"));
    let page = folder.text("out/posterior.html");
    assert!(page.contains("Prior") && page.contains("<svg") && !page.contains("NaN"));
}

#[test]
fn chains_that_are_killed_go_on_to_the_same_draws() {
    let folder = Folder::with(REST);
    folder.dyne(&sample(&["--out", "whole", "-q"])).ends(0);
    let saved = ["--checkpoint-dir", "saved", "--out", "out", "-q"];
    let records = folder.path("saved/chains/chain-1.records");
    for (least, more) in [(20_000, vec![]), (60_000, vec!["--resume"]), (90_000, vec!["--resume"])]
    {
        let arguments = [&sample(&saved)[..], &more].concat();
        let mut child = folder.command(&arguments).spawn().expect("the program starts");
        wait_for(&records, least, &mut child);
        child.kill().expect("the process is ours");
        child.wait().expect("the process is ours");
    }
    folder.dyne(&[&sample(&saved)[..], &["--resume"]].concat()).ends(0);
    assert_eq!(
        all_arrays(&folder, "whole/posterior.npz"),
        all_arrays(&folder, "out/posterior.npz")
    );
    assert!(!folder.path("saved/chains").exists(), "chains that are written are not kept");
}

/// Waits until a file has so many bytes, or the program has ended.
fn wait_for(path: &PathBuf, bytes: u64, child: &mut std::process::Child) {
    for _ in 0..6000 {
        let grown = std::fs::metadata(path).is_ok_and(|m| m.len() >= bytes);
        if grown || child.try_wait().expect("the process is ours").is_some() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("{} did not grow to {bytes} bytes", path.display());
}

const CMC: &str = "posterior.cmc={shards: 3, min_pairs: 500}";

#[test]
fn shards_agree_with_all_data_and_may_be_sampled_one_by_one() {
    let folder = Folder::with(REST);
    let cmc = ["--set", CMC, "--likelihood", "independent"];
    let both = [&sample(&cmc)[..], &["--method", "both", "--out", "both"]].concat();
    folder.dyne(&both).ends(0).prints(&["CMC"]);
    let result = folder.json("both/posterior.json");
    let compared = &result["comparison"];
    for name in ["D0", "alpha"] {
        assert!(number(&compared["mean_shift"][name]).abs() < 0.25, "{compared}");
        assert!((number(&compared["sd_ratio"][name]) - 1.0).abs() < 0.12, "{compared}");
    }
    assert!(number(&compared["correlation_difference"]) < 0.1, "{compared}");
    assert_eq!(result["shards"]["shards"].as_array().unwrap().len(), 3);
    for shard in ["2/3", "1/3"] {
        let one = [&sample(&cmc)[..], &["--shard", shard, "--out", "apart"]].concat();
        folder.dyne(&one).ends(0).prints(&["is sampled"]);
    }
    let combine = ["sample", "combine", "apart"];
    let missing = ["no result of shard 3 (not begun)", "expected all of 3"];
    folder.dyne(&[&combine[..], &["-q"]].concat()).ends(2).refuses(&missing, "--shard");
    folder.dyne(&[&sample(&cmc)[..], &["--shard", "3/3", "--out", "apart", "-q"]].concat()).ends(0);
    folder.dyne(&combine).ends(0);
    let (apart, together) = ("apart/posterior.npz", "both/posterior_cmc.npz");
    assert_eq!(array(&folder, apart, "D0"), array(&folder, together, "D0"));
    // The shards of another plan stay as they are.
    let other = ["--set", "posterior.cmc={shards: 4, min_pairs: 500}", "--method", "cmc"];
    folder
        .dyne(&[&sample(&other)[..], &["--out", "apart", "-q"]].concat())
        .ends(2)
        .refuses(&["shards of another plan"], "another output.dir");
    assert!(folder.path("apart/shards/shard-003.npz").exists());
}

#[test]
fn chains_that_are_too_short_are_not_trusted() {
    let folder = Folder::with(SHEARED);
    let few = ["--chains", "2", "--warmup", "30", "--draws", "20", "--set", NUMBERS];
    let sample = ["sample", "run.hdf", "--mode", "laminar_flow", "--gap", "2e6", "--out", "a"];
    folder.dyne(&[&sample[..], &few].concat()).ends(1).prints(&["not to be trusted"]);
    let independent = ["--likelihood", "independent", "--out", "b"];
    folder.dyne(&[&sample[..6], &independent, &few].concat()).ends(1);
    assert_eq!(number(&folder.json("b/posterior.json")["likelihood"]["weight"]), 1.0);
}

#[test]
fn what_cannot_be_sampled_is_refused() {
    let folder = Folder::with(REST);
    let start = ["sample", "run.hdf", "--mode", "static"];
    let refused = |more: &[&str], parts: &[&str], remedy: &str| {
        folder.dyne(&[&start[..], more, &["-q"]].concat()).ends(2).refuses(parts, remedy);
    };
    refused(&["--chains", "1"], &["posterior.chains", "1", "at least 2"], "give 4");
    refused(&["--chains", "0"], &["posterior.chains", "0", "at least 2"], "give 4");
    refused(&["--draws", "2"], &["posterior.draws", "at least 4"], "give 500");
    let fourier = ["--set", "fit.scaling={fourier: 1}"];
    refused(&fourier, &["fit.scaling", "individual or averaged"], "leave fit.scaling out");
    refused(&["--set", "fit.loss=huber"], &["fit.loss", "linear"], "leave fit.loss out");
    refused(&["--dry-run"], &["--dry-run"], "dyne fit");
    let excluded = "parameters.D0.prior={truncated_normal: {mean: 50, sd: 9, low: 1, high: 100}}";
    refused(&["--set", excluded], &["prior of D0", "between"], "widen the prior");
    let wide = "parameters.alpha.prior={normal: {mean: 0, sd: 0}}";
    refused(&["--set", wide], &["parameters.alpha.prior.normal.sd", "above 0"], "width");
    let nowhere = "parameters.alpha={min: -2, max: -1, prior: {exponential: {mean: 1}}}";
    refused(&["--set", nowhere], &["parameters.alpha.prior", "room between"], "move the bounds");
    let many = ["--method", "cmc", "--shards", "40"];
    refused(&many, &["shard 1 of 40", "posterior.cmc.min_pairs"], "--method nuts");
    assert!(!folder.path("run_static/posterior.json").exists());
}
