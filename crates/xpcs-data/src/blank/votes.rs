//! What one sweep remembers of values that are repeated, and another of where they stand.

use dyne_runtime::Reduce;
use dyne_runtime::words::{Words, put_words};

use super::{Fills, LEAST_ROW_PAIRS, bits};
use crate::blocks::PairBlock;

/// A frame votes for a fill value with one of so many of its pairs.
const SHARE: i64 = 8;

/// Least lead of a value that counts as repeated.
const LEAST_LEAD: i64 = 3;

/// Bits of all that is not finite.
const LOST: u64 = f64::NAN.to_bits();

/// Runs of a row beyond which it holds scattered values and no gaps.
const MOST_RUNS: usize = 4096;

/// Majority votes of the frames of one bin, and its rows of one value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BinVotes {
    values: Vec<u64>,
    leads: Vec<i64>,
    /// Values of each frame that are not finite; they have no vote.
    lost: Vec<i64>,
    /// Rows of one value, ascending, with that value.
    rows: Vec<(usize, u64)>,
}

impl BinVotes {
    fn of(block: PairBlock<'_>, row: &mut Vec<f64>) -> Self {
        let n = block.frames;
        let (mut values, mut leads, mut lost) = (vec![0; n], vec![0; n], vec![0; n]);
        let mut rows = Vec::new();
        row.resize(n, 0.0);
        for i in block.first..block.end {
            let (before, after) = (i + 1, n - (i + 1));
            block.row(i).widen_into(row);
            let row = &row[..after];
            let Some(first) = row.first().map(|v| bits(*v)) else { continue };
            let (mut value, mut lead, mut one) = (values[i], leads[i], true);
            let columns = values[before..].iter_mut().zip(&mut leads[before..]);
            let columns = columns.zip(&mut lost[before..]);
            let mut gone = 0;
            for (v, ((column, votes), out)) in row.iter().zip(columns) {
                let own = bits(*v);
                one &= own == first;
                if own == LOST {
                    (gone, *out) = (gone + 1, *out + 1);
                    continue;
                }
                (value, lead) = vote(value, lead, own);
                (*column, *votes) = vote(*column, *votes, own);
            }
            (values[i], leads[i]) = (value, lead);
            lost[i] += gone;
            if one {
                rows.push((i, first));
            }
        }
        Self { values, leads, lost, rows }
    }

    fn merge(&mut self, later: &Self) {
        let own = self.values.iter_mut().zip(&mut self.leads);
        for ((value, lead), (v, l)) in own.zip(later.values.iter().zip(&later.leads)) {
            match *value == *v {
                true => *lead += l,
                false if *lead >= *l => *lead -= l,
                false => (*value, *lead) = (*v, l - *lead),
            }
        }
        self.lost.iter_mut().zip(&later.lost).for_each(|(a, b)| *a += b);
        self.rows.extend_from_slice(&later.rows);
    }

    /// What frame `k` repeats most, if it repeats anything.
    pub(super) fn value(&self, k: usize) -> f64 {
        f64::from_bits(if self.lost[k] > self.leads[k] { LOST } else { self.values[k] })
    }

    /// The value of a row that has one.
    pub(super) fn row(&self, i: usize) -> Option<f64> {
        let at = self.rows.binary_search_by_key(&i, |(row, _)| *row).ok()?;
        Some(f64::from_bits(self.rows[at].1))
    }

    /// Values that stand for no data, where a frame takes part in pairs with `frames` others or so.
    pub(super) fn fills(&self, frames: usize) -> Fills {
        let frames = frames as i64;
        let repeated = |lead: i64, of: i64| lead >= LEAST_LEAD && SHARE * lead > of;
        // The votes of a frame are those of its pairs that are finite.
        let votes = self.values.iter().zip(self.leads.iter().zip(&self.lost));
        let of_frames = votes.filter(|(_, (lead, lost))| repeated(**lead, frames - **lost));
        let n = self.values.len();
        let long = self.rows.iter().filter(|(i, _)| n - 1 - i >= LEAST_ROW_PAIRS);
        let lost = self.lost.iter().filter(|lost| repeated(**lost, frames)).map(|_| LOST);
        let of_frames = of_frames.map(|(value, _)| *value);
        of_frames.chain(long.map(|(_, value)| *value)).chain(lost).collect()
    }
}

/// One vote for `own`.
#[inline]
fn vote(value: u64, lead: i64, own: u64) -> (u64, i64) {
    let value = if lead == 0 { own } else { value };
    (value, if value == own { lead + 1 } else { lead - 1 })
}

/// Votes of neighbouring blocks, by bin.
pub(super) struct Screened(Vec<(usize, BinVotes)>);

impl Screened {
    pub(super) fn of(block: PairBlock<'_>, row: &mut Vec<f64>) -> Self {
        Self(vec![(block.bin, BinVotes::of(block, row))])
    }

    pub(super) fn into_bins(self) -> Vec<(usize, BinVotes)> {
        self.0
    }
}

impl Reduce for Screened {
    fn merge(&mut self, later: Self) {
        for (bin, votes) in later.0 {
            match self.0.last_mut() {
                Some((last, own)) if *last == bin => own.merge(&votes),
                _ => self.0.push((bin, votes)),
            }
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (bin, votes) in &self.0 {
            let sizes = [*bin, votes.values.len(), votes.rows.len()];
            put_words(&mut bytes, sizes.map(|number| number as u64));
            put_words(&mut bytes, votes.values.iter().copied());
            let counts = votes.leads.iter().chain(&votes.lost);
            put_words(&mut bytes, counts.map(|count| *count as u64));
            put_words(&mut bytes, votes.rows.iter().flat_map(|(i, value)| [*i as u64, *value]));
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut words = Words::new(bytes);
        let mut bins = Vec::new();
        while !words.is_empty() {
            let (bin, frames, rows) = (words.count()?, words.count()?, words.count()?);
            let values = (0..frames).map(|_| words.word()).collect::<Option<_>>()?;
            let mut counts = || (0..frames).map(|_| words.word().map(|w| w as i64)).collect();
            let [leads, lost]: [Option<Vec<i64>>; 2] = [counts(), counts()];
            let (leads, lost) = (leads?, lost?);
            let rows = (0..rows).map(|_| Some((words.count()?, words.word()?)));
            bins.push((bin, BinVotes { values, leads, lost, rows: rows.collect::<Option<_>>()? }));
        }
        Some(Self(bins))
    }
}

/// Where rows hold blank values: runs of columns, end exclusive.
pub(super) struct Marked(Vec<(usize, Vec<[u32; 2]>)>);

impl Marked {
    pub(super) fn of(block: PairBlock<'_>, fills: &Fills, row: &mut Vec<f64>) -> Self {
        let n = block.frames;
        let mut marked = Vec::new();
        row.resize(n, 0.0);
        for i in block.first..block.end {
            block.row(i).widen_into(row);
            let mut runs: Vec<[u32; 2]> = Vec::new();
            for (j, value) in (i + 1..n).zip(row.iter()) {
                if value.is_finite() && !fills.contains(&bits(*value)) {
                    continue;
                }
                match runs.last_mut() {
                    Some(run) if run[1] as usize == j => run[1] += 1,
                    _ => runs.push([j as u32, j as u32 + 1]),
                }
            }
            if !runs.is_empty() && runs.len() <= MOST_RUNS {
                marked.push((i, runs));
            }
        }
        Self(marked)
    }

    /// The runs of every row.
    pub(super) fn runs(self, frames: usize) -> Vec<Vec<[u32; 2]>> {
        let mut all = vec![Vec::new(); frames];
        self.0.into_iter().for_each(|(i, runs)| all[i] = runs);
        all
    }
}

impl Reduce for Marked {
    fn merge(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (i, runs) in &self.0 {
            put_words(&mut bytes, [*i as u64, runs.len() as u64]);
            put_words(&mut bytes, runs.iter().flatten().map(|column| u64::from(*column)));
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut words = Words::new(bytes);
        let mut rows = Vec::new();
        while !words.is_empty() {
            let (i, count) = (words.count()?, words.count()?);
            let mut column = || u32::try_from(words.word()?).ok();
            let runs = (0..count).map(|_| Some([column()?, column()?]));
            rows.push((i, runs.collect::<Option<_>>()?));
        }
        Some(Self(rows))
    }
}
