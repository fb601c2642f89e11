//! Posteriors that cannot be had, or not as they were asked for.

use crate::command::Folder;
use crate::experiment::REST;
use crate::sample::{number, parameter, sample};

const FEW: [&str; 6] = ["--chains", "2", "--warmup", "50", "--draws", "40"];
const SHARDS: &str = "posterior.cmc={shards: 2, min_pairs: 500}";

fn with<'a>(parts: &[&[&'a str]]) -> Vec<&'a str> {
    parts.concat()
}

#[test]
fn a_fit_outlives_a_posterior_that_fails() {
    let folder = Folder::with(REST);
    let excluded = "parameters.D0.prior={truncated_normal: {mean: 50, sd: 9, low: 1, high: 100}}";
    let fit = ["fit", "run.hdf", "--mode", "static", "--then", "sample", "-q", "--set", excluded];
    folder.dyne(&fit).ends(2).refuses(&["prior of D0"], "widen the prior");
    assert!(folder.path("run_static/result.json").exists());
    assert!(!folder.path("run_static/posterior.json").exists());
}

#[test]
fn a_shard_that_ran_out_of_time_goes_on_with_more_of_it() {
    let folder = Folder::with(REST);
    let short = ["--set", "posterior.cmc={shards: 2, min_pairs: 500, per_shard_timeout: 0.001}"];
    let one = ["--shard", "1/2", "-q"];
    folder
        .dyne(&with(&[&sample(&FEW), &short, &one]))
        .ends(4)
        .refuses(&["shard 1 of 2", "gave up after 1ms"], "sample again");
    let all = ["--method", "cmc", "-q"];
    let told = ["2 of the first 2 shards", "gave up after 1ms"];
    folder.dyne(&with(&[&sample(&FEW), &short, &all])).ends(4).refuses(&told, "abort_share");
    folder.dyne(&with(&[&sample(&FEW), &["--set", SHARDS], &one])).ends(0);
}

#[test]
fn a_number_of_shards_that_is_refused_leaves_no_plan() {
    let folder = Folder::with(REST);
    let of = |n| ["--method", "cmc", "--set", "posterior.cmc.min_pairs=500", "-q", "--shards", n];
    folder.dyne(&with(&[&sample(&FEW), &of("60")])).ends(2).refuses(&["of 60"], "at most");
    let dead_end = ["--method", "cmc", "-q", "--set", "posterior.cmc={shards: 2, min_pairs: 8000}"];
    folder.dyne(&with(&[&sample(&FEW), &dead_end])).ends(2).refuses(&["of 2"], "--method nuts");
    let three = with(&[&sample(&FEW), &of("3")]);
    folder.dyne(&three).ends(1);
    let other = with(&[&sample(&FEW), &of("3"), &["--seed", "5", "--threads", "1"]]);
    folder.dyne(&other).ends(2).refuses(&["shards of another plan (posterior.seed: "], "another");
}

#[test]
fn shards_that_are_not_there_are_not_combined() {
    let folder = Folder::with(REST);
    let combine = ["sample", "combine", "nowhere", "-q"];
    folder.dyne(&combine).ends(2).refuses(&["no plan.json"], "name the folder");
    let one = ["--shard", "1/2", "-q"];
    folder.dyne(&with(&[&sample(&FEW), &["--set", SHARDS], &one])).ends(0);
    let mut failed = folder.json("run_static/shards/shard-001.json");
    (failed["shard"], failed["failure"]) = (1.into(), "no density".into());
    folder.write("run_static/shards/shard-002.json", failed.to_string());
    let told = ["1 of 2 shards can be combined", "shard 2: no density"];
    let combine = ["sample", "combine", "run_static", "-q"];
    folder.dyne(&combine).ends(4).refuses(&told, "shard-NNN.json");
    std::fs::rename(folder.path("run.hdf"), folder.path("moved.hdf")).unwrap();
    folder.dyne(&combine).ends(2).refuses(&["run.hdf: there is no such file"], "--data");
    let two = with(&[&sample(&FEW), &["--shard", "1/2", "--shards", "4"]]);
    folder.dyne(&two).ends(2);
}

#[test]
fn a_likelihood_that_counts_pairs_as_independent_is_told() {
    let folder = Folder::with(REST);
    let information = ["--set", "uncertainty.method=information", "--out", "a"];
    let told = folder.dyne(&with(&[&sample(&FEW), &information])).stdout;
    assert!(told.contains("[likelihood]") && told.contains("uncertainty.method"), "{told}");
    // Both columns are there whichever likelihood is sampled.
    let independent = ["--likelihood", "independent", "--out", "b"];
    folder.dyne(&with(&[&sample(&FEW), &independent, &["-q"]]));
    let result = folder.json("b/posterior.json");
    let alpha = parameter(&result, 0, "alpha");
    assert!(number(&alpha["sd_composite"]) > 1.01 * number(&alpha["sd_independent"]), "{alpha}");
    assert_eq!(result["warnings"].as_array().map(Vec::len), Some(0), "{result}");
}

#[test]
fn a_prior_that_overrules_the_data_is_told() {
    let folder = Folder::with(REST);
    let far = "parameters.D0.prior={normal: {mean: 18000, sd: 50}}";
    let told = folder.dyne(&with(&[&sample(&FEW), &["--set", far]])).stdout;
    assert!(told.contains("overrules the data") && told.contains("[prior]"), "{told}");
}
