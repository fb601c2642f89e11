//! Frames, rows and bins without data: found in the matrices, and left out of whatever is done with them.

use std::collections::BTreeMap;

use dyne_runtime::{Resources, SweepError};
use dyne_xpcs_data::{
    Bin, BinBlanks, ExcludedRows, Matrices, ReadError, RowFailure, Unwritten, blanks,
};

use crate::report::left_out::runs;
use crate::report::{LeftOut, LeftOutBin, Warning};

/// Fewest frames of which a matrix is worth anything: three pairs.
const FEWEST: usize = 3;

/// What the bins of some matrices have no data for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gaps {
    /// Positions of the bins that go.
    pub bins: Vec<usize>,
    /// Positions along a side of the frames that go, of all bins.
    pub frames: Vec<usize>,
    /// Rows of the other bins and frames that go.
    pub rows: ExcludedRows,
    /// The same with reasons.
    pub left_out: LeftOut,
}

/// Where the values come from.
pub struct Origin<'a> {
    /// The bins of the matrices.
    pub bins: &'a [Bin],
    /// First frame selected, from 0.
    pub first: usize,
    /// What the file was never given, by bin, in selected frames.
    pub unwritten: &'a [Vec<Unwritten>],
    /// Tells what could not be read so far.
    pub failures: &'a dyn Fn() -> Vec<RowFailure>,
}

/// Finds what is to be left out of `matrices`.
///
/// A frame without data in one bin goes for all bins. A bin goes that has no data at all, or none in more
/// than half of the frames that the most complete bin has. What else goes are rows: see [`blanks`].
///
/// **Cost** that of [`blanks`]. **Checked by** the tests of this file and `apps/dyne/tests/it/gaps.rs`.
///
/// # Errors
/// As [`blanks`].
pub fn find(
    matrices: &Matrices,
    origin: &Origin<'_>,
    resources: Resources<'_>,
) -> Result<Gaps, SweepError<ReadError>> {
    let unread = || {
        let failed = (origin.failures)();
        let positions = matrices.positions();
        let rows = failed.into_iter().flat_map(|f| f.rows.map(move |row| (f.bin, row)));
        let on_side = |(bin, row): (usize, usize)| Some((bin, positions.binary_search(&row).ok()?));
        ExcludedRows::new(rows.filter_map(on_side))
    };
    let found = blanks(matrices, origin.unwritten, unread, resources)?;
    Ok(judged(&found, &Side::of(matrices, origin.first), origin.bins))
}

/// The frames along a side of some matrices.
pub struct Side {
    /// Number of each in the file, from 1.
    numbers: Vec<usize>,
    /// Frames that take part.
    taking: usize,
}

impl Side {
    /// That of matrices of which `first` is the first frame selected, from 0.
    pub fn of(matrices: &Matrices, first: usize) -> Self {
        let numbers = matrices.positions().iter().map(|k| first + k + 1).collect();
        Self { numbers, taking: matrices.frames() - matrices.skip() }
    }
}

/// What goes, by what each bin has no data for.
#[must_use]
pub fn judged(found: &[BinBlanks], side: &Side, bins: &[Bin]) -> Gaps {
    let frames = side.taking;
    let mut gone: BTreeMap<usize, String> = BTreeMap::new();
    for (bin, blanks) in found.iter().enumerate() {
        if let Some(blank) = blanks.whole {
            gone.insert(bin, format!("no data: {blank}"));
        } else if frames - blanks.frames.len() < FEWEST {
            gone.insert(bin, format!("no data in {} of {frames} frames", blanks.frames.len()));
        }
    }
    let left = |gone: &BTreeMap<usize, String>| {
        (0..found.len()).filter(|bin| !gone.contains_key(bin)).collect::<Vec<_>>()
    };
    let bad = |bin: usize| found[bin].frames.len();
    if let Some(least) = left(&gone).into_iter().map(bad).min() {
        for bin in left(&gone) {
            if 2 * (bad(bin) - least) > frames - least {
                gone.insert(bin, format!("no data in {} of {frames} frames", bad(bin)));
            }
        }
    }
    let left = left(&gone);
    let number = |k: usize| side.numbers[k];
    let mut frames: BTreeMap<usize, String> = BTreeMap::new();
    for bin in &left {
        for (k, blank) in &found[*bin].frames {
            frames.entry(*k).or_insert_with(|| blank.to_string());
        }
    }
    let rows = left.iter().flat_map(|bin| found[*bin].rows.iter().map(move |(i, b)| (*bin, *i, b)));
    let rows = rows.filter(|(_, i, _)| !frames.contains_key(i));
    let mut named: BTreeMap<usize, String> = BTreeMap::new();
    let mut excluded = Vec::new();
    for (bin, i, blank) in rows {
        named.entry(i).or_insert_with(|| format!("{blank}, with later frames"));
        excluded.push((bin, i));
    }
    let told = |(k, reason): (&usize, &String)| (number(*k), reason.clone());
    let mut all = runs(frames.iter().map(told));
    all.extend(runs(named.iter().map(told)));
    all.sort_by_key(|run| run.first);
    let out = gone.iter().map(|(bin, reason)| left_out(&bins[*bin], reason.clone()));
    Gaps {
        left_out: LeftOut { frames: all, bins: out.collect() },
        bins: gone.keys().copied().collect(),
        frames: frames.into_keys().collect(),
        rows: ExcludedRows::new(excluded),
    }
}

/// A bin that goes.
#[must_use]
pub fn left_out(bin: &Bin, reason: String) -> LeftOutBin {
    LeftOutBin { bin: bin.number, q: bin.q, phi_deg: bin.phi_deg, reason }
}

impl Gaps {
    /// Whether all data are there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bins.is_empty() && self.frames.is_empty() && self.rows == ExcludedRows::default()
    }

    /// The matrices without what has no data; nothing where nothing is left.
    #[must_use]
    pub fn left_of(&self, matrices: Matrices) -> Option<Matrices> {
        let bins: Vec<usize> =
            (0..matrices.bins()).filter(|bin| !self.bins.contains(bin)).collect();
        if bins.is_empty() || matrices.frames() - self.frames.len() < FEWEST {
            return None;
        }
        let rows = matrices.excluded().and(self.rows.iter());
        let left = matrices.without_rows(rows).of_bins(&bins);
        Some(if self.frames.is_empty() { left } else { left.without(&self.frames) })
    }
}

/// What is left out, as warnings.
#[must_use]
pub fn warnings(left_out: &LeftOut) -> Vec<Warning> {
    let warning = |message| Warning { code: "left_out".to_owned(), message };
    left_out.sentences().into_iter().map(warning).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dyne_runtime::{Cancel, Lanes, Solo};
    use dyne_xpcs_data::{Samples, Triangle};

    fn gaps(bins: Vec<&dyn Fn(usize) -> Option<f64>>) -> (Gaps, Option<Matrices>) {
        let n = 40;
        let one = |planted: &&dyn Fn(usize) -> Option<f64>| {
            let value = |i: usize, j: usize| {
                let noise = ((i * 7919 + j * 104_729) % 10_007) as f64 / 1e6;
                planted(i).or(planted(j)).unwrap_or(1.0 + 1.0 / (1 + j - i) as f64 + noise)
            };
            let pairs = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
            Triangle::new(n, Samples::F64(pairs.map(|(i, j)| value(i, j)).collect()))
        };
        let matrices = Matrices::new(bins.iter().map(one).collect(), 0);
        let bin = |k: usize| Bin {
            number: 10 + k as u32,
            q: 0.01,
            phi_deg: 0.0,
            path: String::new(),
            pixels: None,
        };
        let told: Vec<Bin> = (0..bins.len()).map(bin).collect();
        let none = || Vec::new();
        let origin = Origin { bins: &told, first: 100, unwritten: &[], failures: &none };
        let (lanes, cancel) = (Lanes::solo(), Cancel::new());
        let found = find(&matrices, &origin, Resources::new(&lanes, &Solo, &cancel)).unwrap();
        let left = found.left_of(matrices);
        (found, left)
    }

    #[test]
    fn a_frame_goes_for_all_bins_and_a_bin_without_data_goes() {
        let zero = |k: usize| (3..6).contains(&k).then_some(0.0);
        let (found, left) = gaps(vec![&|_| None, &zero, &|_| Some(f64::NAN)]);
        assert_eq!((found.frames, found.bins), (vec![3, 4, 5], vec![2]));
        let run = &found.left_out.frames[0];
        assert_eq!((run.first, run.last, run.n), (104, 106, 3));
        assert_eq!(found.left_out.bins[0].bin, 12);
        let left = left.unwrap();
        assert_eq!((left.bins(), left.frames(), left.positions()[3]), (2, 37, 6));
    }

    #[test]
    fn a_bin_goes_that_would_cost_the_others_half_of_their_frames() {
        let most = |k: usize| (k > 10).then_some(-1.0);
        let (found, _) = gaps(vec![&|_| None, &most]);
        assert_eq!((found.frames.len(), found.bins), (0, vec![1]));
        // Where all bins miss them, the frames go.
        let (found, left) = gaps(vec![&most, &most]);
        assert_eq!((found.frames.len(), found.bins.len()), (29, 0));
        assert_eq!(left.unwrap().frames(), 11);
    }

    #[test]
    fn nothing_is_left_of_nothing() {
        let (found, left) = gaps(vec![&|_| Some(1.0), &|_| Some(f64::NAN)]);
        assert_eq!(found.bins, [0, 1]);
        assert!(left.is_none());
        let (found, left) = gaps(vec![&|_| None]);
        assert!(found.is_empty() && left.is_some());
    }
}
