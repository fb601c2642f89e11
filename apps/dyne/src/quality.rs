//! The quality of the matrices, as `dyne inspect --quality` tells it.

use std::fmt::Write;

use dyne_runtime::{Cancel, Lanes, Resources, Solo};
use dyne_xpcs::config::MaskConfig;
use dyne_xpcs::fit::FitError;
use dyne_xpcs::gaps::{Side, judged};
use dyne_xpcs::plan::Selection;
use dyne_xpcs::report::LeftOut;
use dyne_xpcs_data::quality::{Ageing, HalfDecay, Outlier};
use dyne_xpcs_data::{
    Bin, BinBlanks, ExcludedRows, Matrices, MatrixSummary, Quality, ReadError, Reader, blanks,
};
use serde_json::{Value, json};

use crate::failure::Failure;

/// Quality of one matrix, with its bin number.
pub(crate) struct BinQuality {
    bin: u32,
    pub(crate) quality: Quality,
}

/// What a look at all pairs tells.
pub(crate) struct Looked {
    /// What has no data.
    pub(crate) left_out: LeftOut,
    /// Quality of the matrices that have, where it is asked for.
    pub(crate) quality: Vec<BinQuality>,
}

/// What is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// What has no data.
    Gaps,
    /// Quality besides.
    Quality,
}

/// Looks at the matrices that can be read, as many at a time as there are lanes.
pub(crate) fn of(
    reader: &dyn Reader,
    readable: &[&MatrixSummary],
    masks: &MaskConfig,
    depth: Depth,
    lanes: &Lanes,
) -> Result<Looked, Failure> {
    let catalog = reader.catalog();
    let mut left_out = Selection::left_out_of(masks, catalog)?;
    let out = |number: u32| left_out.bins.iter().any(|bin| bin.bin == number);
    let positions: Vec<usize> = (0..catalog.bins.len())
        .filter(|k| readable.iter().any(|s| s.bin == catalog.bins[*k].number))
        .filter(|k| !out(catalog.bins[*k].number))
        .collect();
    let masked = masked(masks, catalog.frames);
    let cancel = Cancel::new();
    let resources = Resources::new(lanes, &Solo, &cancel);
    let (mut blank, mut quality, mut side) = (Vec::new(), Vec::new(), None);
    for part in positions.chunks(lanes.count()) {
        let unwritten = reader.unwritten(part, 0..catalog.frames)?;
        let matrices = Matrices::new(reader.read_stored(part, 0..catalog.frames, lanes)?, 0);
        let none = ExcludedRows::default;
        let own = blanks(&matrices, &unwritten, none, resources).map_err(FitError::from)?;
        side = Some(Side::of(&matrices, 0));
        if depth == Depth::Quality {
            let bins: Vec<usize> = (0..part.len()).filter(|k| own[*k].whole.is_none()).collect();
            let found = lanes.map(&bins, |bin| of_bin(&matrices, *bin, &own[*bin], &masked));
            for (bin, found) in bins.into_iter().zip(found) {
                quality.push(BinQuality { bin: catalog.bins[part[bin]].number, quality: found? });
            }
        }
        blank.extend(own);
    }
    if let Some(side) = side {
        let bins: Vec<Bin> = positions.iter().map(|k| catalog.bins[*k].clone()).collect();
        let found = judged(&blank, &side, &bins).left_out;
        left_out.frames = found.frames;
        left_out.add_bins(found.bins);
    }
    Ok(Looked { left_out, quality })
}

fn of_bin(
    matrices: &Matrices,
    bin: usize,
    blanks: &BinBlanks,
    masked: &[usize],
) -> Result<Quality, ReadError> {
    let rows: Vec<usize> = blanks.rows.iter().map(|(i, _)| *i).collect();
    let mut frames: Vec<usize> = blanks.frames.iter().map(|(k, _)| *k).collect();
    frames.extend(masked);
    frames.sort_unstable();
    frames.dedup();
    let triangle = matrices.triangle(bin)?;
    Ok(match frames.is_empty() && rows.is_empty() {
        true => Quality::of(&triangle),
        false => Quality::without(&triangle, &frames, &rows),
    })
}

/// Frames that are masked, from 0.
fn masked(masks: &MaskConfig, frames: usize) -> Vec<usize> {
    let ends = masks.frames.iter().map(|entry| entry.ends());
    ends.flat_map(|[first, last]| first - 1..last.min(frames)).collect()
}

/// As JSON; frames count from 1.
pub(crate) fn json(found: &[BinQuality]) -> Value {
    let one = |b: &BinQuality| {
        let mut value = json!(b.quality);
        value["bin"] = json!(b.bin);
        value["outliers"] = b
            .quality
            .outliers
            .iter()
            .map(|o| json!({"frame": o.frame + 1, "deviation": o.deviation}))
            .collect();
        value["notes"] = json!(b.quality.notes());
        value
    };
    found.iter().map(one).collect()
}

/// As a table, with a line for each thing of note.
pub(crate) fn text(found: &[BinQuality], dt: Option<f64>) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "\n{:>5} {:>8} {:>8} {:>9} {:>7} {:>9} {:>8}  ageing",
        "bin", "NaN/Inf", "negative", "baseline", "drift", "contrast", "outliers"
    );
    for BinQuality { bin, quality: q } in found {
        let drift = match q.baseline_reached {
            true => format!("{:.3}", q.drift),
            false => "–".to_owned(),
        };
        let _ = writeln!(
            out,
            "{bin:>5} {:>8} {:>8} {:>9.5} {drift:>7} {:>9.4} {:>8}  {}",
            q.not_finite,
            q.negative,
            q.baseline,
            q.contrast,
            q.outliers.len(),
            ageing(&q.ageing, dt)
        );
    }
    out.push_str(
        "drift: change of the baseline over the series in units of the contrast, – where the\n\
         decay does not end within the series; contrast: first two lags taken to lag 0;\n\
         ageing: half-decay in the first and the last third\n",
    );
    for BinQuality { bin, quality } in found {
        for note in quality.notes() {
            let _ = writeln!(out, "note      bin {bin}: {note}");
        }
        if !quality.outliers.is_empty() {
            let frames = ranges(&quality.outliers);
            let _ = writeln!(out, "          mask.frames: [{frames}]");
        }
    }
    out
}

fn ageing(ageing: &Ageing, dt: Option<f64>) -> String {
    let lag = |h: HalfDecay| match dt {
        Some(dt) => format!("{:.3} ± {:.1} s", h.frames * dt, h.stderr * dt),
        None => format!("{:.2} ± {:.2} frames", h.frames, h.stderr),
    };
    let (Some(early), Some(late)) = (ageing.early, ageing.late) else {
        return "not told: a third of the series does not fall by half".to_owned();
    };
    let verdict = match ageing.seen {
        true => "ageing",
        false => "no ageing seen",
    };
    let (ratio, error) = (ageing.ratio.unwrap_or(1.0), ageing.ratio_stderr.unwrap_or(0.0));
    format!("{verdict}: {} to {}, ratio {ratio:.2} ± {error:.2}", lag(early), lag(late))
}

/// Frames counted from 1, as `mask.frames` takes them.
fn ranges(outliers: &[Outlier]) -> String {
    let mut runs: Vec<[usize; 2]> = Vec::new();
    for frame in outliers.iter().map(|o| o.frame + 1) {
        match runs.last_mut() {
            Some(run) if run[1] + 1 == frame => run[1] = frame,
            _ => runs.push([frame; 2]),
        }
    }
    let words = runs.iter().map(|[first, last]| match first == last {
        true => first.to_string(),
        false => format!("[{first}, {last}]"),
    });
    words.collect::<Vec<_>>().join(", ")
}
