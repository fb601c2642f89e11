//! Means of c2 over the pairs of an age window, lag by lag.

use dyne_runtime::words::{Words, put_floats, put_words};
use dyne_runtime::{Reduce, Resources, SweepError, sweep};
use dyne_xpcs_data::{BlockPairs, Matrices, PairBlock, ReadError};
use thiserror::Error;

/// Blocks of frames that the jackknife leaves out in turn.
pub const BLOCKS: usize = 10;

/// Numbers of a cell: pairs, Σ(c2 − 1), Σ(c2 − 1)², Σ lag, then pairs and Σ(c2 − 1) of the pairs
/// that touch each block of frames.
const CELL: usize = 4 + 2 * BLOCKS;

/// Which ages are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ages {
    /// All pairs.
    Full,
    /// So many slices of age, as equal as half frames allow.
    Partials(usize),
    /// A window that slides.
    Sliding {
        /// Its width, frames.
        window: usize,
        /// From one to the next, frames.
        step: usize,
    },
}

/// Why ages cannot be cut.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{what}: {found}; expected {expected}\nchoose a value that the {frames} selected frames allow"
)]
pub struct AgesError {
    /// The setting.
    pub what: &'static str,
    /// Value found.
    pub found: usize,
    /// What was expected.
    pub expected: String,
    /// Frames selected.
    pub frames: usize,
}

impl Ages {
    /// Half-open ranges of i + j, twice the age in frames.
    ///
    /// # Errors
    /// [`AgesError`] where a number is 0 or a window does not fit.
    pub fn windows(self, frames: usize) -> Result<Vec<[usize; 2]>, AgesError> {
        let span = 2 * frames.saturating_sub(1);
        let within = |what, found: usize, most: usize| match (1..=most).contains(&found) {
            true => Ok(()),
            false => Err(AgesError { what, found, expected: format!("1 to {most}"), frames }),
        };
        match self {
            Self::Full => Ok(vec![[0, span]]),
            Self::Partials(count) => {
                within("--partials", count, frames / 2)?;
                Ok((0..count).map(|k| [span * k / count, span * (k + 1) / count]).collect())
            }
            Self::Sliding { window, step } => {
                within("--window", window, frames)?;
                within("--step", step, frames)?;
                let starts = (0..=frames - window).step_by(step);
                Ok(starts.map(|first| [2 * first, 2 * (first + window)]).collect())
            }
        }
    }
}

/// One lag, or a few that are averaged.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Mean lag, frames.
    pub lag: f64,
    /// Pairs.
    pub pairs: f64,
    /// Mean of c2.
    pub mean: f64,
    /// Standard error of the mean from the scatter, as if pairs were independent; NaN for one pair.
    pub stderr: f64,
    /// Pairs and mean without the pairs that touch each block of frames.
    pub without: Vec<(f64, f64)>,
}

/// g2 of one age window, lags ascending.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Ends of the age window, frames.
    pub age: [f64; 2],
    /// The points.
    pub points: Vec<Point>,
}

/// Bins that are averaged together.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    bins: Vec<usize>,
    weights: Vec<f64>,
}

impl Group {
    /// Bins of equal weight.
    #[must_use]
    pub fn equal(bins: Vec<usize>) -> Self {
        Self { weights: vec![1.0; bins.len()], bins }
    }

    /// Bins with a weight each, of mean 1.
    ///
    /// # Panics
    /// Where there is not one weight for each bin.
    #[must_use]
    pub fn weighted(bins: Vec<usize>, weights: Vec<f64>) -> Self {
        assert_eq!(bins.len(), weights.len(), "one weight for each bin");
        Self { bins, weights }
    }

    /// Positions of the bins.
    #[must_use]
    pub fn bins(&self) -> &[usize] {
        &self.bins
    }

    /// Weight of a bin; the mean over the group is 1.
    fn weight(&self, bin: usize) -> Option<f64> {
        self.bins.iter().position(|b| *b == bin).map(|k| self.weights[k])
    }
}

/// Curves of each group of bins, one an age window.
pub type Curves = Vec<Vec<Curve>>;

/// Lag from which each average begins: single lags up to 8, then four averages each of 2, 4, 8, …
/// lags, the quasi-logarithmic spacing of a multiple-tau correlator.
fn edges(frames: usize) -> Vec<usize> {
    let mut edges: Vec<usize> = (1..=9).collect();
    let (mut width, mut last) = (2, 9);
    while last < frames {
        for _ in 0..4 {
            last += width;
            edges.push(last);
        }
        width *= 2;
    }
    edges
}

/// Sums of neighbouring blocks by bin.
struct Sums(Vec<(usize, Vec<f64>)>);

impl Reduce for Sums {
    fn merge(&mut self, later: Self) {
        for (bin, cells) in later.0 {
            match self.0.last_mut() {
                Some((last, sums)) if *last == bin => add(sums, &cells),
                _ => self.0.push((bin, cells)),
            }
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (bin, cells) in &self.0 {
            put_words(&mut bytes, [*bin as u64, cells.len() as u64]);
            put_floats(&mut bytes, cells);
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut words = Words::new(bytes);
        let mut bins = Vec::new();
        while !words.is_empty() {
            let (bin, length) = (words.count()?, words.count()?);
            bins.push((bin, words.floats(length)?));
        }
        Some(Self(bins))
    }
}

fn add(sums: &mut [f64], more: &[f64]) {
    sums.iter_mut().zip(more).for_each(|(a, b)| *a += b);
}

/// Averages the pairs of every window, from one sweep over the data.
///
/// **Formula.** g2 = Σ w c2(i, j)/Σ w over the pairs i < j of a lag, or of a few neighbouring lags,
/// whose age (i + j)/2 lies in the window, and over the bins of a group. Each pair counts once; w is
/// that of its bin, 1 or its number of pixels over the mean of the group. So where lags are averaged
/// together each weighs as its number of pairs. A pair of a bin with P independent pixels has a
/// variance ∝ 1/P, so the weight by pixels is the one with the least error.
///
/// **Symbols.** `groups`: the bins that are averaged together; `windows`: half-open ranges of i + j, which
/// count frames that are left out.
///
/// **Edges.** A window of w frames has about w pairs at lags up to twice the age of its near edge
/// (counted from the nearer end of the series), fewer beyond. **Checked by**
/// `cuts_agree_with_plain_means_for_any_number_of_threads`, `bins_weigh_as_they_are_told`.
///
/// # Errors
/// [`SweepError`].
pub fn curves(
    matrices: &Matrices,
    groups: &[Group],
    windows: &[[usize; 2]],
    resources: Resources<'_>,
) -> Result<Curves, SweepError<ReadError>> {
    let positions = matrices.positions();
    let edges = edges(positions.last().map_or(0, |last| last + 1));
    let source = matrices.blocks(BlockPairs::default());
    let total = sweep(&source, resources, Vec::new, |block, row: &mut Vec<f64>| {
        Sums(vec![(block.bin, block_sums(block, &positions, &edges, windows, row))])
    })?;
    let size = (edges.len() - 1) * CELL;
    let pooled = groups.iter().map(|group| {
        let mut cells = vec![0.0; windows.len() * size];
        for (bin, sums) in &total.0 {
            if let Some(weight) = group.weight(*bin) {
                cells.iter_mut().zip(sums).for_each(|(a, b)| *a += weight * b);
            }
        }
        let each = windows.iter().zip(cells.chunks_exact(size));
        each.map(|(window, cells)| curve(*window, cells)).collect()
    });
    Ok(pooled.collect())
}

fn block_sums(
    block: PairBlock<'_>,
    positions: &[usize],
    edges: &[usize],
    windows: &[[usize; 2]],
    row: &mut Vec<f64>,
) -> Vec<f64> {
    let (frames, lags) = (block.frames, edges.len() - 1);
    let mut cells = vec![0.0; windows.len() * lags * CELL];
    row.resize(frames, 0.0);
    for i in block.first..block.end {
        block.row(i).widen_into(row);
        for j in i + 1..frames {
            let value = row[j - i - 1] - 1.0;
            let (lag, age) = (positions[j] - positions[i], positions[i] + positions[j]);
            let bin = edges.partition_point(|edge| *edge <= lag) - 1;
            // Both ends ascend from window to window.
            let first = windows.partition_point(|w| w[1] <= age);
            let end = windows.partition_point(|w| w[0] <= age);
            for window in first..end {
                let at = (window * lags + bin) * CELL;
                let cell = &mut cells[at..at + CELL];
                add(&mut cell[..4], &[1.0, value, value * value, lag as f64]);
                let (a, b) = (i * BLOCKS / frames, j * BLOCKS / frames);
                add(&mut cell[4 + 2 * a..6 + 2 * a], &[1.0, value]);
                if a != b {
                    add(&mut cell[4 + 2 * b..6 + 2 * b], &[1.0, value]);
                }
            }
        }
    }
    cells
}

fn curve(window: [usize; 2], cells: &[f64]) -> Curve {
    let points = cells.chunks_exact(CELL).filter(|c| c[0] > 0.0).map(|c| {
        let (n, mean) = (c[0], c[1] / c[0]);
        let variance = ((c[2] - n * mean * mean) / (n - 1.0)).max(0.0);
        let without = c[4..].chunks_exact(2).map(|t| (n - t[0], 1.0 + (c[1] - t[1]) / (n - t[0])));
        Point {
            lag: c[3] / n,
            pairs: n,
            mean: 1.0 + mean,
            stderr: if n > 1.0 { (variance / n).sqrt() } else { f64::NAN },
            without: without.collect(),
        }
    });
    Curve { age: window.map(|end| end as f64 / 2.0), points: points.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dyne_runtime::{Cancel, Lanes, Solo};
    use dyne_xpcs_data::{Samples, Triangle};

    #[test]
    fn cuts_agree_with_plain_means_for_any_number_of_threads() {
        let n = 40;
        let value = |i: usize, j: usize| 1.0 + ((i * 7 + j * 3) % 11) as f64 / 10.0;
        let packed = (0..n).flat_map(|i| (i + 1..n).map(move |j| value(i, j))).collect();
        let matrices = Matrices::new(vec![Triangle::new(n, Samples::F64(packed))], 0);
        let windows = Ages::Partials(3).windows(n).unwrap();
        let run = |count: usize| {
            let lanes = Lanes::try_new(count.try_into().unwrap()).unwrap();
            let cancel = Cancel::new();
            let resources = Resources::new(&lanes, &Solo, &cancel);
            curves(&matrices, &[Group::equal(vec![0])], &windows, resources).unwrap()
        };
        let found = run(1);
        // Where a block leaves no pair the mean is not a number, which equals nothing.
        assert_eq!(format!("{found:?}"), format!("{:?}", run(2)));
        let pairs = (0..n - 3).map(|i| (i, i + 3)).filter(|(i, j)| (26..52).contains(&(i + j)));
        let values: Vec<f64> = pairs.map(|(i, j)| value(i, j)).collect();
        let point = &found[0][1].points[2];
        assert_eq!((point.lag, point.pairs), (3.0, values.len() as f64));
        assert!((point.mean - values.iter().sum::<f64>() / point.pairs).abs() < 1e-12);
        let all: f64 = found[0].iter().flat_map(|c| &c.points).map(|p| p.pairs).sum();
        assert_eq!(all, Triangle::pairs(n) as f64, "every pair falls into one partial");
    }

    #[test]
    fn bins_weigh_as_they_are_told() {
        let n = 20;
        let flat = |value: f64| Triangle::new(n, Samples::F64(vec![value; Triangle::pairs(n)]));
        let matrices = Matrices::new(vec![flat(1.0), flat(1.4)], 0);
        let (lanes, cancel) = (Lanes::try_new(1.try_into().unwrap()).unwrap(), Cancel::new());
        let resources = Resources::new(&lanes, &Solo, &cancel);
        let groups = [Group::equal(vec![0, 1]), Group::weighted(vec![0, 1], vec![1.5, 0.5])];
        let windows = Ages::Full.windows(n).unwrap();
        let found = curves(&matrices, &groups, &windows, resources).unwrap();
        let (equal, weighted) = (&found[0][0].points[0], &found[1][0].points[0]);
        assert!((equal.mean - 1.2).abs() < 1e-12 && (weighted.mean - 1.1).abs() < 1e-12);
        assert!((weighted.without[0].1 - 1.1).abs() < 1e-12);
        assert_eq!((equal.pairs, weighted.pairs), (38.0, 38.0));
    }

    #[test]
    fn windows_that_do_not_fit_are_refused() {
        assert!(Ages::Partials(0).windows(20).is_err());
        assert!(Ages::Sliding { window: 21, step: 1 }.windows(20).is_err());
        assert!(Ages::Sliding { window: 5, step: 0 }.windows(20).is_err());
        assert_eq!(Ages::Sliding { window: 10, step: 5 }.windows(20).unwrap().len(), 3);
    }
}
