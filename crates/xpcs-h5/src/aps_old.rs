//! APS old: result files of 8-ID-I from 2019 to 2024.
//!
//! Two programs wrote them. `xpcs-eigen` names a matrix after its (q, φ) bin,
//! `boost_corr` counts the processed bins. The list `qphi_bin_to_process` tells them
//! apart: numbers that are the list are bins; numbers 1 … n that are not the list count
//! its entries.

use std::collections::BTreeSet;

use dyne_xpcs_data::{Bin, Catalog, Layout, ReadError};

use crate::aps_u::numbered;
use crate::frame_time::{self, Factor};
use crate::pixels;
use crate::reader::common_shape;
use crate::source::Source;

/// The group of the matrices.
pub(crate) const MAP: &str = "/exchange/C2T_all";
const PROCESSED: &str = "/xpcs/qphi_bin_to_process";
const Q: &str = "/xpcs/dqlist";
const PHI: &str = "/xpcs/dphilist";
const LABELS: &str = "/xpcs/dqmap";

const FRAME_TIME: [Factor; 3] = [
    Factor {
        path: "/measurement/instrument/detector/exposure_period",
        name: "exposure_period",
        unit: " s",
    },
    Factor { path: "/xpcs/stride_frames", name: "stride_frames", unit: "" },
    Factor { path: "/xpcs/avg_frames", name: "avg_frames", unit: "" },
];

/// Whether the file has this layout.
pub(crate) fn recognizes(source: &Source) -> bool {
    source.has_group(MAP)
}

/// Reads the lists of the file.
pub(crate) fn catalog(source: &Source) -> Result<Catalog, ReadError> {
    let mut notes = Vec::new();
    let q = source.numbers(Q, "the q of every bin")?;
    let phi = source.numbers(PHI, "the phi of every bin")?;
    if q.len() != phi.len() {
        return Err(source.error(
            PHI,
            format!("{} values", phi.len()),
            format!("{}, as {Q} has", q.len()),
            "the map is inconsistent; make it again",
        ));
    }
    let matrices = numbered(source, MAP)?;
    let numbers = bin_numbers(source, &matrices, &mut notes)?;
    let mut bins = numbers
        .iter()
        .zip(&matrices)
        .map(|(&number, (_, path))| bin(source, number, (&q, &phi), path))
        .collect::<Result<Vec<_>, _>>()?;
    pixels::count(source, LABELS, &mut bins, &mut notes);
    let paths: Vec<String> = bins.iter().map(|bin| bin.path.clone()).collect();
    let (frames, element) = common_shape(source, MAP, &paths)?;
    let time = frame_time::read(source, &FRAME_TIME)?;
    Ok(Catalog {
        file: source.file.clone(),
        layout: Layout::ApsOld,
        bins,
        frames,
        element,
        dt: time.dt,
        dt_searched: time.searched,
        notes,
    })
}

fn bin(
    source: &Source,
    number: u32,
    (q, phi): (&[f64], &[f64]),
    path: &str,
) -> Result<Bin, ReadError> {
    let remedy = "the map is not the one the file was correlated with; correlate again";
    let at = (number as usize).wrapping_sub(1);
    let (Some(&q_bin), Some(&phi_deg)) = (q.get(at), phi.get(at)) else {
        let found = format!("bin {number}");
        let expected = format!("1 to {}, the bins of {Q}", q.len());
        return Err(source.error(path, found, expected, remedy));
    };
    if !(q_bin.is_finite() && phi_deg.is_finite()) {
        let found = format!("q {q_bin} and phi {phi_deg} of bin {number}");
        return Err(source.error(Q, found, "finite values", "correct the map"));
    }
    Ok(Bin { number, q: q_bin, phi_deg, path: path.to_owned(), pixels: None })
}

/// Bin number of every matrix.
fn bin_numbers(
    source: &Source,
    matrices: &[(u32, String)],
    notes: &mut Vec<String>,
) -> Result<Vec<u32>, ReadError> {
    let names: Vec<u32> = matrices.iter().map(|(number, _)| *number).collect();
    let Some(list) = source.optional_counts(PROCESSED, 1, "the bins that have a matrix")? else {
        notes.push(format!("{PROCESSED} is absent; the numbers in the names are bin numbers"));
        return Ok(names);
    };
    let listed: BTreeSet<u32> = list.iter().copied().collect();
    if listed.len() == list.len() && names.iter().copied().eq(listed) {
        notes.push(format!("the numbers in the names are those of {PROCESSED}: bin numbers"));
        return Ok(names);
    }
    if names.len() == list.len() && names.iter().copied().eq(1..=names.len() as u32) {
        notes.push(format!("the numbers in the names count the entries of {PROCESSED}"));
        return Ok(list);
    }
    Err(source.error(
        PROCESSED,
        format!("{} bins {}", list.len(), shortened(&list)),
        format!("{} bins, matching the names in {MAP}: {}", names.len(), shortened(&names)),
        "the file was not written whole; correlate again",
    ))
}

fn shortened(numbers: &[u32]) -> String {
    const SHOWN: usize = 8;
    let mut words: Vec<String> = numbers.iter().take(SHOWN).map(u32::to_string).collect();
    if numbers.len() > SHOWN {
        words.push("…".to_owned());
    }
    words.join(" ")
}
