//! What `--dry-run` shows.

use std::fmt::Write;

use dyne_runtime::Lanes;
use dyne_xpcs::plan::Plan;
use dyne_xpcs_data::Catalog;

use super::checkpoints::Written;

/// The conventions that decide numbers, each after a comma.
fn conventions(plan: &Plan) -> String {
    let deciding = plan.config.physics.conventions().deciding(plan.mode);
    deciding.into_iter().map(|(about, name)| format!(", {about} {name}")).collect()
}

/// The plan of a fit, with the table `memory`.
pub(super) fn plan_text(
    plan: &Plan,
    catalog: &Catalog,
    (memory, saving): (&str, Written),
    lanes: &Lanes,
) -> String {
    let mut out = String::new();
    let start = match plan.search.starts {
        0 => "the starting values given".to_owned(),
        starts => format!("{starts} points over the bounds"),
    };
    // Writing to a string cannot fail.
    let _ = writeln!(out, "file        {} ({})", catalog.file.display(), catalog.layout);
    let _ = writeln!(out, "mode        {}{}", plan.mode, conventions(plan));
    let (first, last) = (plan.frames.start + 1, plan.frames.end);
    let _ = writeln!(out, "frames      {first} to {last}, of which {} skipped", plan.skip());
    match plan.config.data.stride_coarse {
        1 => {}
        stride => {
            let _ = writeln!(out, "            every {stride}{} of them", ordinal(stride));
        }
    }
    let masked: Vec<String> =
        plan.masked.iter().map(|k| (plan.frames.start + k + 1).to_string()).collect();
    if !masked.is_empty() {
        let _ = writeln!(out, "masked      {}", masked.join(", "));
    }
    if plan.config.mask.auto {
        let _ = writeln!(out, "            and the outlier frames, once the matrices are read");
    }
    let _ = writeln!(out, "dt          {} s ({})", plan.dt.seconds, plan.dt.derivation);
    let _ = writeln!(out, "matrices    {}", plan.bins.len());
    for bin in &plan.bins {
        let _ = writeln!(
            out,
            "            bin {}: q {:.6} Å⁻¹, φ {:.3}°",
            bin.number, bin.q, bin.phi_deg
        );
    }
    let _ = writeln!(out, "pairs       {}", plan.pairs());
    let _ = writeln!(out, "start       {start}");
    let _ = writeln!(out, "threads     {}", lanes.count());
    let _ = writeln!(out, "results     {}", plan.config.results_dir().display());
    let (dir, checkpoint) = (plan.config.checkpoints_dir(), &plan.config.checkpoint);
    let (dir, every) = (dir.display(), checkpoint.every_seconds);
    let _ = match saving {
        Written::Throughout => writeln!(out, "checkpoints {dir}, every {every} s"),
        Written::Late => {
            let after = checkpoint.after_seconds;
            writeln!(out, "checkpoints {dir}, after {after} s every {every} s")
        }
        Written::Never => writeln!(out, "checkpoints none; --checkpoint-dir DIR writes some"),
    };
    out.push_str(memory);
    for warning in &plan.warnings {
        let _ = writeln!(out, "warning     {}", warning.message);
    }
    out
}

/// The ending of an ordinal number.
fn ordinal(number: usize) -> &'static str {
    match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    }
}
