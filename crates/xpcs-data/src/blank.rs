//! Frames, rows and whole matrices without data: what a correlator leaves where it had no counts, and
//! what a file was never given.

mod judge;
mod votes;

use std::collections::BTreeSet;
use std::ops::Range;

use dyne_runtime::{Resources, SweepError, sweep};

use crate::blocks::BlockPairs;
use crate::catalog::ReadError;
use crate::excluded::ExcludedRows;
use crate::pairs::Matrices;
use judge::{Pairs, Verdict};
use votes::{BinVotes, Marked, Screened};

/// Rows and columns of a matrix that the file has no place for.
pub type Unwritten = [Range<usize>; 2];

/// Fewest pairs of rows that are left out as rows: shorter ones, at the end of the series, may be of
/// one value by chance.
const LEAST_ROW_PAIRS: usize = 8;

/// What stands where data ought to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Blank {
    /// One value.
    Constant(f64),
    /// NaN or infinity.
    NotFinite,
    /// Nothing: the file was never given these values.
    NotWritten,
}

impl std::fmt::Display for Blank {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Constant(value) => write!(f, "every pair has the value {value}"),
            Self::NotFinite => f.write_str("no pair is finite"),
            Self::NotWritten => f.write_str("not written"),
        }
    }
}

/// What one matrix has no data for; positions along a side, ascending.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BinBlanks {
    /// Why there are no data at all.
    pub whole: Option<Blank>,
    /// Frames none of whose pairs with the other frames is data.
    pub frames: Vec<(usize, Blank)>,
    /// Rows without data whose frames have data in earlier rows.
    pub rows: Vec<(usize, Blank)>,
}

/// Finds what has no data.
///
/// **Formula.** A value is *blank* where it is not finite or one of the fill values of its matrix: those
/// that a frame repeats in more than an eighth of its finite pairs (majority votes of Boyer and Moore, merged
/// block by block), and those of rows of one value throughout. A set B of frames is without data where
/// all pairs of its frames with frames outside are blank: it is the largest such set among the frames
/// more than half of whose pairs are blank; where these are all, the frame with the most data is taken
/// out first. Rows are left out where all their pairs with frames outside B are blank, in runs of 8 pairs
/// and more, or where the file was never given some of them.
///
/// **Symbols.** `unwritten`: by bin, what the file was never given, in frames of the time grid; `unread`:
/// rows that could not be read, which are judged by nobody here; it is asked after the values were.
///
/// **Edges.** A matrix of one value is without data. A pair of two blank frames may hold anything.
/// **Cost** one sweep; one more over a matrix that has fill values.
/// **Source** Boyer and Moore (1991), *MJRTY*, doi:10.1007/978-94-011-3488-0_5.
/// **Checked by** `planted_gaps_are_found_exactly`.
///
/// # Errors
/// As [`sweep`].
pub fn blanks(
    matrices: &Matrices,
    unwritten: &[Vec<Unwritten>],
    unread: impl Fn() -> ExcludedRows,
    resources: Resources<'_>,
) -> Result<Vec<BinBlanks>, SweepError<ReadError>> {
    let (frames, size) = (matrices.frames(), BlockPairs::default());
    let resources = resources.without_journal().without_observer().to("blanks");
    let blocks = matrices.blocks(size);
    if dyne_runtime::Source::blocks(&blocks) == 0 {
        return Ok(vec![BinBlanks::default(); matrices.bins()]);
    }
    let screened = sweep(&blocks, resources, Vec::new, Screened::of)?;
    let unread = unread();
    let mut found = vec![BinBlanks::default(); matrices.bins()];
    for (bin, votes) in screened.into_bins() {
        let fills = votes.fills(frames - matrices.skip());
        let own = unwritten.get(bin).map_or(&[][..], Vec::as_slice);
        if fills.is_empty() && own.is_empty() {
            continue;
        }
        let blocks = matrices.blocks_of(bin..bin + 1, size);
        let marked =
            sweep(&blocks, resources, Vec::new, |block, row| Marked::of(block, &fills, row))?;
        let out = (0..frames)
            .map(|i| i < matrices.skip() || matrices.excluded().contains(bin, i))
            .zip((0..frames).map(|i| unread.contains(bin, i)))
            .map(|(out, unread)| out || unread)
            .collect();
        let pairs = Pairs::new(frames, matrices.skip(), out, marked.runs(frames));
        found[bin] = told(&pairs, &votes, &on_side(matrices, own));
    }
    Ok(found)
}

/// What the file was never given, along a side of the matrices.
fn on_side(matrices: &Matrices, unwritten: &[Unwritten]) -> Vec<Unwritten> {
    let positions = matrices.positions();
    let at = |frames: &Range<usize>| {
        let place = |frame: usize| positions.partition_point(|position| *position < frame);
        place(frames.start)..place(frames.end)
    };
    unwritten.iter().map(|[rows, columns]| [at(rows), at(columns)]).collect()
}

fn told(pairs: &Pairs, votes: &BinVotes, unwritten: &[Unwritten]) -> BinBlanks {
    let verdict = pairs.judge();
    let frames = pairs.frames();
    // Half of the values of a frame, each of which stands in a row or in a column.
    let never = |k: usize| {
        let touching = unwritten.iter().map(|[rows, columns]| {
            let along = |own: &Range<usize>, other: &Range<usize>| {
                if own.contains(&k) { other.len() } else { 0 }
            };
            along(rows, columns).max(along(columns, rows))
        });
        2 * touching.sum::<usize>() >= frames - 1
    };
    let blank = |k: usize| match votes.value(k) {
        value if value.is_finite() => Blank::Constant(value),
        _ if never(k) => Blank::NotWritten,
        _ => Blank::NotFinite,
    };
    let Verdict::Some(bad) = verdict else {
        // What most frames say.
        let all: Vec<Blank> = (pairs.skip()..frames).map(blank).collect();
        let count = |b: &&Blank| all.iter().filter(|other| same(other, b)).count();
        return BinBlanks { whole: all.iter().max_by_key(count).copied(), ..BinBlanks::default() };
    };
    let rows = rows(pairs, &bad, votes, unwritten);
    let frames = (0..frames).filter(|k| bad[*k]).map(|k| (k, blank(k))).collect();
    BinBlanks { whole: None, frames, rows }
}

fn same(a: &Blank, b: &Blank) -> bool {
    match (a, b) {
        (Blank::Constant(a), Blank::Constant(b)) => a.to_bits() == b.to_bits(),
        (a, b) => a == b,
    }
}

/// Rows without data.
fn rows(
    pairs: &Pairs,
    bad: &[bool],
    votes: &BinVotes,
    unwritten: &[Unwritten],
) -> Vec<(usize, Blank)> {
    let mut rows = Vec::new();
    let mut run: Vec<(usize, usize)> = Vec::new();
    let end = |run: &mut Vec<(usize, usize)>, rows: &mut Vec<(usize, Blank)>| {
        if run.iter().map(|(_, pairs)| pairs).sum::<usize>() >= LEAST_ROW_PAIRS {
            let blank = |i: usize| match votes.row(i) {
                _ if never_in_row(pairs, i, unwritten) => Blank::NotWritten,
                Some(value) if value.is_finite() => Blank::Constant(value),
                _ => Blank::NotFinite,
            };
            rows.extend(run.iter().map(|(i, _)| (*i, blank(*i))));
        }
        run.clear();
    };
    for i in (0..pairs.frames()).filter(|i| pairs.takes(*i) && !bad[*i]) {
        let (all, blank) = pairs.row_counts(i, bad);
        match all == blank {
            // The last frame has no row of its own.
            true if all > 0 => run.push((i, all)),
            true => {}
            false => {
                end(&mut run, &mut rows);
                if blank > 0 && never_in_row(pairs, i, unwritten) {
                    rows.push((i, Blank::NotWritten));
                }
            }
        }
    }
    end(&mut run, &mut rows);
    rows
}

/// Whether the file was never given some pairs of a row.
fn never_in_row(pairs: &Pairs, i: usize, unwritten: &[Unwritten]) -> bool {
    let meet = |a: &Range<usize>, b: &Range<usize>| a.start < b.end && b.start < a.end;
    pairs.runs(i).any(|run| {
        unwritten.iter().any(|[rows, columns]| {
            rows.contains(&i) && meet(columns, &run) || columns.contains(&i) && meet(rows, &run)
        })
    })
}

/// Bits that tell values apart: one pattern for all that is not finite, one zero.
fn bits(value: f64) -> u64 {
    if value.is_finite() { (value + 0.0).to_bits() } else { f64::NAN.to_bits() }
}

/// Values that stand for no data in one matrix.
type Fills = BTreeSet<u64>;

#[cfg(test)]
mod tests;
