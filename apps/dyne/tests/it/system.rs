//! `dyne system`: what machine and allocation offer, and the variables that share it out.

use std::process::{Command, Output};

use serde_json::Value;

use crate::command::Folder;
use crate::experiment::REST;

/// Variables that decide, on the machine of whoever runs the tests.
const DECIDING: [&str; 5] =
    ["DYNE_THREADS", "DYNE_MEMORY_LIMIT", "HOMODYNE_MEMORY_LIMIT", "SLURM_JOB_ID", "PBS_JOBID"];

fn bare(mut command: Command, variables: &[(&str, &str)]) -> Output {
    for name in DECIDING {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied()).output().expect("the program starts")
}

/// What `dyne` with `arguments` prints under `variables` and no others that decide.
#[track_caller]
fn told(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let output = bare(Folder::new().command(arguments), variables);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[track_caller]
fn json(arguments: &[&str], variables: &[(&str, &str)]) -> Value {
    let text = told(&[&["system", "--json"], arguments].concat(), variables);
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// The refusal of `dyne` with `arguments` under `variables`: two lines, exit code 2.
#[track_caller]
fn refused(arguments: &[&str], variables: &[(&str, &str)], parts: &[&str]) {
    let output = bare(Folder::new().command(arguments), variables);
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(output.stdout.is_empty());
    for part in parts {
        assert!(stderr.contains(part), "{part:?} is not in {stderr}");
    }
}

#[test]
fn the_table_tells_of_cpus_memory_and_threads() {
    let text = told(&["system"], &[]);
    for name in ["CPU ", "logical CPUs", "physical cores", "available", "scheduler", "threads"] {
        assert!(text.lines().any(|line| line.starts_with(name)), "{name} is not in:\n{text}");
    }
}

#[test]
fn json_holds_numbers_and_their_reasons() {
    let found = json(&[], &[]);
    assert!(found["threads"]["count"].as_u64().unwrap() >= 1, "{found}");
    assert!(found["budget"]["bytes"].as_u64().unwrap() > 0, "{found}");
    assert!(!found["threads"]["reason"].as_str().unwrap().is_empty());
    assert!(found["scheduler"].is_null());
    let variables = [("DYNE_THREADS", "3"), ("HOMODYNE_MEMORY_LIMIT", "1.5")];
    let found = json(&[], &variables);
    assert_eq!(
        (&found["threads"]["count"], &found["threads"]["reason"]),
        (&3.into(), &"DYNE_THREADS".into())
    );
    assert_eq!(found["budget"]["bytes"], 1_500_000_000);
    assert_eq!(found["budget"]["source"], "HOMODYNE_MEMORY_LIMIT");
}

#[test]
fn a_batch_job_caps_threads_and_memory() {
    let job = [("SLURM_JOB_ID", "42"), ("SLURM_CPUS_PER_TASK", "1"), ("SLURM_MEM_PER_CPU", "500")];
    let found = json(&[], &job);
    assert_eq!(found["threads"]["count"], 1);
    assert_eq!(found["scheduler"]["name"], "SLURM");
    assert_eq!(found["scheduler"]["memory_bytes"], 500 << 20);
    assert!(found["budget"]["bytes"].as_u64().unwrap() <= (500 << 20) * 4 / 5, "{found}");
}

#[test]
#[cfg(unix)]
fn a_shell_evaluates_the_exports() {
    let script = r#"IFS=0; eval "$("$DYNE" system --export --mode "$MODE")"
                    printf '%s %s %s\n' "$DYNE_TASKS" "$DYNE_THREADS" "$OMP_NUM_THREADS"
                    exec "$DYNE" system --json --mode "$MODE""#;
    for mode in ["nlsq", "cmc", "cmc-hpc", "auto"] {
        let expected = json(&["--mode", mode], &[]);
        let tasks = &expected["tasks"];
        let mut shell = Command::new("sh");
        shell.args(["-c", script]);
        let output = bare(shell, &[("DYNE", env!("CARGO_BIN_EXE_dyne")), ("MODE", mode)]);
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let (first, rest) = text.split_once('\n').unwrap_or_else(|| panic!("{text}"));
        let (count, threads) = (&tasks["count"], &tasks["threads"]);
        assert_eq!(first, format!("{count} {threads} {threads}"), "{mode}");
        // What was exported is read back, and exporting again changes nothing.
        let found: Value = serde_json::from_str(rest).unwrap_or_else(|e| panic!("{e}: {rest}"));
        assert_eq!(&found["threads"]["count"], threads);
        assert_eq!(found["threads"]["reason"], "DYNE_THREADS");
        assert_eq!(found["budget"]["source"], "DYNE_MEMORY_LIMIT");
        assert_eq!((&found["tasks"]["count"], &found["tasks"]["threads"]), (count, threads));
    }
}

#[test]
fn modes_share_out_threads() {
    let chains = json(&["--mode", "cmc"], &[]);
    let cores = json(&["--mode", "nlsq"], &[])["tasks"]["threads"].as_u64().unwrap();
    assert_eq!(chains["tasks"]["count"], 4);
    assert_eq!(chains["tasks"]["threads"], (cores / 4).max(1));
}

#[test]
fn bad_variables_are_named() {
    refused(&["system"], &[("DYNE_MEMORY_LIMIT", "junk")], &["DYNE_MEMORY_LIMIT", "`junk`"]);
    refused(&["system"], &[("HOMODYNE_MEMORY_LIMIT", "-1")], &["HOMODYNE_MEMORY_LIMIT"]);
    for value in ["0", "-2", "2.5", "all", ""] {
        let parts = ["DYNE_THREADS", &format!("`{value}`"), "whole number above zero"];
        refused(&["system"], &[("DYNE_THREADS", value)], &parts);
    }
}

#[test]
fn bad_arguments_end_as_usage() {
    refused(&["system", "--mode", "junk"], &[], &["--mode", "junk", "cmc-hpc"]);
    refused(&["system", "--json", "--export"], &[], &["--json", "--export"]);
}

#[test]
fn a_fit_takes_the_threads_of_the_variable_unless_told_otherwise() {
    let folder = Folder::with(REST);
    let plan = |arguments: &[&str]| {
        let fit = ["fit", "run.hdf", "--mode", "static", "--q", "all", "--dry-run"];
        let output = bare(folder.command(&[&fit, arguments].concat()), &[("DYNE_THREADS", "3")]);
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let threads = |text: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix("threads"));
        line.unwrap_or_else(|| panic!("{text}")).trim().to_owned()
    };
    assert_eq!(threads(&plan(&[])), "3");
    assert_eq!(threads(&plan(&["--threads", "2"])), "2");
    assert_eq!(threads(&plan(&["--set", "performance.threads=1"])), "1");
}
