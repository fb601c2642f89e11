//! Pixels of the bins, counted in the map that assigns them.

use dyne_xpcs_data::Bin;

use crate::backend::Fault;
use crate::source::Source;

/// Sets the pixels of every bin from the map at `path`, whose entries are bin numbers. A map that
/// is absent or cannot be read leaves them unknown: no fit needs it.
pub(crate) fn count(source: &Source, path: &str, bins: &mut [Bin], notes: &mut Vec<String>) {
    let map = match source.backend.numbers(path) {
        Ok(map) => map,
        Err(Fault::Missing) => return,
        Err(_) => {
            notes.push(format!("{path} cannot be read; the pixels of the bins are not known"));
            return;
        }
    };
    let largest = bins.iter().map(|bin| bin.number).max().unwrap_or(0) as usize;
    let mut counts = vec![0_u64; largest + 1];
    for label in map {
        // A label that no bin with a matrix has, or none at all, saturates or finds no counter.
        if let Some(count) = counts.get_mut(label as usize) {
            *count += 1;
        }
    }
    for bin in bins {
        bin.pixels = Some(counts[bin.number as usize]).filter(|count| *count > 0);
    }
    notes.push(format!("pixels of the bins are counted in {path}"));
}
