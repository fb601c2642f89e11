//! `dyne inspect`: what a file holds and how each number was derived.

use std::fmt::Write;

use dyne_xpcs::config::{FitConfig, MaskConfig, Override};
use dyne_xpcs_data::{Catalog, MatrixSummary, StoredTriangle};
use serde_json::json;

use crate::args::InspectArguments;
use crate::failure::{Ending, Failure};
use crate::quality::{Depth, Looked};
use crate::{machine, quality, terminal};

pub(crate) fn run(arguments: &InspectArguments) -> Result<Ending, Failure> {
    let reader = dyne_xpcs_h5::open(&arguments.file)?;
    let lanes = machine::lanes(None)?;
    let summaries =
        if arguments.headers { Vec::new() } else { dyne_xpcs_h5::inspect(&*reader, &lanes)? };
    let masks = masks(arguments)?;
    // One that contradicts itself cannot be read.
    let readable = |s: &&MatrixSummary| s.stored != StoredTriangle::Asymmetric;
    let readable: Vec<&MatrixSummary> = summaries.iter().filter(readable).collect();
    let depth = if arguments.quality { Depth::Quality } else { Depth::Gaps };
    let Looked { left_out, quality: found } =
        quality::of(&*reader, &readable, &masks, depth, &lanes)?;
    let catalog = reader.catalog();
    if arguments.json {
        let mut told = json!({ "catalog": catalog, "matrices": summaries, "left_out": left_out });
        if arguments.quality {
            told["quality"] = quality::json(&found);
        }
        terminal::show(&format!("{told:#}\n"))?;
    } else {
        let mut told = text(catalog, &summaries);
        for sentence in left_out.sentences() {
            told += &format!("left out  {sentence}\n");
        }
        if arguments.quality {
            told += &quality::text(&found, catalog.dt.as_ref().map(|dt| dt.seconds));
        }
        told += &next(catalog);
        terminal::show(&told)?;
    }
    let noted = !left_out.is_empty() || found.iter().any(|b| !b.quality.notes().is_empty());
    Ok(if noted || summaries.iter().any(is_unfit) {
        Ending::Reservations
    } else {
        Ending::Converged
    })
}

/// What the flags leave out.
fn masks(arguments: &InspectArguments) -> Result<MaskConfig, Failure> {
    // The mode stands there because a configuration has one.
    let mut list = vec![Override::parse("mode=static")?];
    list.push(Override::text("data.file", &arguments.file.to_string_lossy())?);
    list.extend(arguments.masked.overrides()?);
    Ok(FitConfig::from_overrides(&list)?.mask)
}

/// Whether no fit takes the matrix.
fn is_unfit(summary: &MatrixSummary) -> bool {
    summary.not_finite > 0 || is_refused(summary)
}

/// Whether the matrix is no two-time matrix at all.
fn is_refused(summary: &MatrixSummary) -> bool {
    [StoredTriangle::Neither, StoredTriangle::Asymmetric].contains(&summary.stored)
}

fn text(catalog: &Catalog, summaries: &[MatrixSummary]) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "file      {}", catalog.file.display());
    let _ = writeln!(out, "layout    {}", catalog.layout);
    let _ =
        writeln!(out, "matrices  {} of {n} × {n} frames", catalog.bins.len(), n = catalog.frames);
    let _ = match &catalog.dt {
        Some(dt) => {
            let seconds = dyne_xpcs_plot::significant(dt.seconds, 12);
            writeln!(out, "dt        {seconds} s  ({})", dt.derivation)
        }
        None => writeln!(out, "dt        not in the file (looked at {})", searched(catalog)),
    };
    for note in &catalog.notes {
        let _ = writeln!(out, "note      {note}");
    }
    let _ =
        writeln!(out, "\n{:>5} {:>12} {:>9} {:>8}  matrix", "bin", "q (Å⁻¹)", "φ (°)", "pixels");
    for bin in &catalog.bins {
        let pixels = bin.pixels.map_or_else(|| "–".to_owned(), |n| n.to_string());
        let _ = writeln!(
            out,
            "{:>5} {:>12.6} {:>9.3} {pixels:>8}  {}",
            bin.number, bin.q, bin.phi_deg, bin.path
        );
    }
    if summaries.is_empty() {
        return out;
    }
    let _ = writeln!(
        out,
        "\n{:>5} {:>10} {:>10} {:>10} {:>8} {:>8} {:>8}  stored",
        "bin", "min", "mean", "max", "NaN/Inf", "zero", "negative"
    );
    for s in summaries {
        let _ = writeln!(
            out,
            "{:>5} {:>10.5} {:>10.5} {:>10.5} {:>8} {:>8} {:>8}  {}",
            s.bin,
            s.min,
            s.mean,
            s.max,
            s.not_finite,
            s.zeros,
            s.negatives,
            storage(s)
        );
    }
    out
}

/// Commands that fit the file, for what it holds.
fn next(catalog: &Catalog) -> String {
    let mut phi: Vec<f64> = catalog.bins.iter().map(|bin| bin.phi_deg).collect();
    let mut q: Vec<f64> = catalog.bins.iter().map(|bin| bin.q).collect();
    for values in [&mut phi, &mut q] {
        values.sort_by(f64::total_cmp);
        values.dedup_by(|a, b| (*a - *b).abs() <= 1e-6 * b.abs());
    }
    let mut base = format!("dyne fit {}", quoted(&catalog.file.display().to_string()));
    if let (Some(middle), true) = (q.get(q.len() / 2), q.len() > 1) {
        base += format!(" --q {middle:.6}").trim_end_matches('0');
    }
    if catalog.dt.is_none() {
        base += " --dt SECONDS";
    }
    let mut out = format!("\nnext      {base} --mode static\n");
    if phi.len() > 1 {
        out += &format!(
            "          {base} --mode laminar_flow --gap Å    (where the sample is sheared)\n"
        );
    }
    if q.len() > 1 {
        out += "          --q all fits every q together\n";
    }
    out
}

/// A file name as a shell reads it.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "._-/+,=".contains(c);
    match name.chars().all(plain) {
        true => name.to_owned(),
        false => format!("'{}'", name.replace('\'', "'\\''")),
    }
}

fn searched(catalog: &Catalog) -> String {
    match catalog.dt_searched.is_empty() {
        true => "no place: this layout does not store it".to_owned(),
        false => catalog.dt_searched.join(", "),
    }
}

fn storage(summary: &MatrixSummary) -> String {
    let chunk: Vec<String> = summary.chunk.iter().map(u64::to_string).collect();
    let chunk = match chunk.is_empty() {
        true => "one piece".to_owned(),
        false => format!("chunks of {}", chunk.join(" × ")),
    };
    let filters = match summary.filters.is_empty() {
        true => "no filter".to_owned(),
        false => summary.filters.join(" + "),
    };
    format!("{}, {chunk}, {filters}", summary.stored)
}
