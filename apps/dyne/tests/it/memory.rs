//! Memory: where the data are kept never changes the result, and too little is refused at once.

use crate::command::Folder;
use crate::experiment::LONG;

const FIT: [&str; 6] = ["fit", "run.hdf", "--mode", "static", "--set", "output.formats=[json]"];

#[test]
fn residency_threads_and_budget_do_not_change_a_bit() {
    let folder = Folder::with(LONG);
    let fit = |out: &str, more: &[&str]| {
        folder.dyne(&[&FIT[..], &["--out", out], more].concat()).ends(0);
        folder.numbers(out)
    };
    let expected = fit("a", &["--threads", "1"]);
    for (k, more) in [
        &["--residency", "resident", "--threads", "3"][..],
        &["--residency", "mapped"],
        &["--residency", "streamed", "--threads", "3"],
        &["--residency", "sequential", "--memory", "400MB"],
        &["--set", "performance.strategy_override=chunked"],
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(fit(&format!("o{k}"), more), expected, "{more:?}");
    }
    let masked = |out: &str, way: &str| {
        fit(out, &["--residency", way, "--frames", "20:250", "--set", "mask.frames=[[40, 60], 99]"])
    };
    assert_eq!(masked("m1", "streamed"), masked("m2", "resident"));
    assert_eq!(masked("m3", "mapped"), masked("m4", "resident"));
}

#[test]
fn too_little_memory_ends_before_the_data_are_read_and_names_what_would_do() {
    let folder = Folder::with(LONG);
    let refused = folder.dyne(&[&FIT[..], &["--memory", "10MB"]].concat()).ends(5);
    let words = refused.stderr.split_whitespace();
    let minimum = words.skip_while(|word| *word != "--memory").nth(1).expect("a size");
    folder.dyne(&[&FIT[..], &["--memory", minimum]].concat()).ends(0);
    let bytes: u64 = minimum.trim_end_matches("MB").parse().expect("megabytes");
    let less = format!("{}MB", bytes * 9 / 10);
    folder.dyne(&[&FIT[..], &["--memory", &less]].concat()).ends(5);
    // The environment counts where nothing is typed, in GB.
    let mut command = folder.command(&FIT);
    let output = command.env("DYNE_MEMORY_LIMIT", "0.01").output().expect("the program starts");
    assert_eq!(output.status.code(), Some(5));
    assert!(String::from_utf8_lossy(&output.stderr).contains("DYNE_MEMORY_LIMIT"));
}

#[test]
fn scratch_files_go_unless_they_are_kept() {
    let folder = Folder::with(LONG);
    std::fs::create_dir(folder.path("scratch")).unwrap();
    let scratch = "performance.scratch_dir=scratch";
    let count = || std::fs::read_dir(folder.path("scratch")).unwrap().count();
    let mapped = [&FIT[..], &["--residency", "mapped", "--set", scratch]].concat();
    folder.dyne(&mapped).ends(0);
    assert_eq!(count(), 0);
    folder.dyne(&[&mapped[..], &["--set", "performance.keep_scratch=true"]].concat()).ends(0);
    assert_eq!(count(), 1);
    let forbidden = ["--set", "performance.memory_optimization.enable_caching=false"];
    let refused = folder.dyne(&[&mapped[..], &forbidden].concat()).ends(2);
    assert!(refused.stderr.contains("enable_caching is false"), "{}", refused.stderr);
}

#[test]
fn a_dry_run_and_a_plan_without_file_show_the_table() {
    let folder = Folder::with(LONG);
    let shown = folder.dyne(&[&FIT[..], &["--dry-run", "--residency", "streaming"]].concat());
    for word in ["resident", "mapped", "streamed", "peak", "what streaming is called here"] {
        assert!(shown.stdout.contains(word), "{word}: {}", shown.stdout);
    }
    let shown = folder.dyne(&["plan", "--points", "1e9", "--params", "53"]).ends(0);
    for word in ["streamed", "peak", "53 parameters"] {
        assert!(shown.stdout.contains(word), "{word}: {}", shown.stdout);
    }
    folder.dyne(&["plan", "--points", "-3", "--params", "9"]).ends(2);
    folder.dyne(&["plan", "--points", "1e9", "--params", "9", "--memory", "1MB"]).ends(5);
}
