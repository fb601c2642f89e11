//! LagAgeCells of lag and age, over which residuals are averaged.

use dyne_math::gram::Tile;
use dyne_runtime::words::{Words, put_floats, put_words};
use dyne_runtime::{Reduce, SweepError, sweep};
use dyne_solve::Scaling;
use dyne_xpcs_data::ReadError;

use crate::problem::{Evaluated, Problem};

/// Classes of lag, spaced evenly in the logarithm.
const LAG_CLASSES: usize = 10;

/// Classes of age: an even number, so that a change at half time falls between two of them.
pub(super) const AGE_CLASSES: usize = 6;

/// Columns of one row that belong to one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    /// First column.
    pub start: usize,
    /// Column past the last one.
    pub end: usize,
    /// The cell.
    pub cell: usize,
}

/// LagAgeCells of lag class × age class on the frames of a matrix.
///
/// **Formula** lag l = t_j − t_i in frames of the grid, in the class [e_k, e_{k+1}) with e_k = ⌈N^{k/10}⌉, at
/// least one frame wider than the one before; age (t_i + t_j)/2 in sixths of the series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LagAgeCells {
    /// Lags at which classes begin, frames; one more at the end.
    edges: Vec<usize>,
    /// Frames of the grid.
    grid: usize,
    /// LagAgeCells of each row, by its frame.
    rows: Vec<Vec<Segment>>,
}

impl LagAgeCells {
    /// LagAgeCells for frames at the positions `at` of a grid of `grid` frames.
    pub(super) fn new(at: &[usize], grid: usize) -> Self {
        let mut edges = vec![1];
        for k in 1..=LAG_CLASSES {
            let edge = (grid as f64).powf(k as f64 / LAG_CLASSES as f64).ceil() as usize;
            let last = edges[edges.len() - 1];
            edges.push(edge.max(last + 1));
        }
        let mut cells = Self { edges, grid, rows: Vec::new() };
        cells.rows = (0..at.len()).map(|i| cells.row(at, i)).collect();
        cells
    }

    /// Number of cells.
    pub(super) fn count(&self) -> usize {
        LAG_CLASSES * AGE_CLASSES
    }

    /// LagAgeCells of row `i`.
    pub(super) fn segments(&self, i: usize) -> &[Segment] {
        &self.rows[i]
    }

    /// Least and largest lag of a cell, frames.
    pub(super) fn lags(&self, cell: usize) -> [usize; 2] {
        let class = cell / AGE_CLASSES;
        [self.edges[class], (self.edges[class + 1] - 1).min(self.grid - 1)]
    }

    /// Age class of a cell.
    pub(super) fn age(cell: usize) -> usize {
        cell % AGE_CLASSES
    }

    /// Ends of the ages of a cell, frames.
    pub(super) fn ages(&self, cell: usize) -> [f64; 2] {
        let width = self.grid as f64 / AGE_CLASSES as f64;
        let age = Self::age(cell) as f64;
        [age * width, (age + 1.0) * width]
    }

    fn row(&self, at: &[usize], i: usize) -> Vec<Segment> {
        let mut segments: Vec<Segment> = Vec::new();
        for j in i + 1..at.len() {
            let class = self.edges.partition_point(|edge| *edge <= at[j] - at[i]) - 1;
            let age = (at[i] + at[j]) * AGE_CLASSES / (2 * self.grid);
            let cell = class.min(LAG_CLASSES - 1) * AGE_CLASSES + age.min(AGE_CLASSES - 1);
            match segments.last_mut() {
                Some(last) if last.cell == cell => last.end = j + 1,
                _ => segments.push(Segment { start: j, end: j + 1, cell }),
            }
        }
        segments
    }
}

/// Pairs and sum of residuals of every cell, bin by bin.
struct Sums(Vec<(usize, Vec<[f64; 2]>)>);

impl Reduce for Sums {
    fn merge(&mut self, later: Self) {
        for (bin, cells) in later.0 {
            match self.0.last_mut() {
                Some((own, sums)) if *own == bin => {
                    for (a, b) in sums.iter_mut().flatten().zip(cells.iter().flatten()) {
                        *a += b;
                    }
                }
                _ => self.0.push((bin, cells)),
            }
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (bin, cells) in &self.0 {
            put_words(&mut bytes, [*bin as u64, cells.len() as u64]);
            put_floats(&mut bytes, cells.iter().flatten());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut words = Words::new(bytes);
        let mut bins = Vec::new();
        while !words.is_empty() {
            let (bin, count) = (words.count()?, words.count()?);
            let values = words.floats(count.checked_mul(2)?)?;
            bins.push((bin, values.chunks_exact(2).map(|c| [c[0], c[1]]).collect()));
        }
        Some(Self(bins))
    }
}

impl Problem<'_> {
    /// Pairs and sum of residuals of every cell of every bin.
    ///
    /// **Cost** one sweep.
    ///
    /// # Errors
    /// As [`sweep`].
    pub(super) fn cell_residuals(
        &self,
        evaluated: &Evaluated,
        scaling: &[Scaling],
        cells: &LagAgeCells,
    ) -> Result<Vec<Vec<[f64; 2]>>, SweepError<ReadError>> {
        let total = sweep(
            &self.matrices.blocks(self.block),
            self.resources.to("lack of fit"),
            || Tile::new(self.model.basis() + 3),
            |block, tile| {
                let mut sums = vec![[0.0; 2]; cells.count()];
                self.for_each_row(evaluated, scaling, block, tile, |i, first, data, fit| {
                    let end = first + data.len();
                    for segment in cells.segments(i) {
                        let own = segment.start.max(first)..segment.end.min(end);
                        let [pairs, sum] = &mut sums[segment.cell];
                        for k in own {
                            *pairs += 1.0;
                            *sum += data[k - first] - fit[k - first];
                        }
                    }
                });
                Sums(vec![(block.bin, sums)])
            },
        )?;
        Ok(total.0.into_iter().map(|(_, cells)| cells).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_has_one_cell_with_its_lag_and_age() {
        let at: Vec<usize> = (0..200).filter(|k| k % 7 != 3).collect();
        let cells = LagAgeCells::new(&at, 200);
        for i in 0..at.len() {
            let mut next = i + 1;
            for segment in cells.segments(i) {
                assert_eq!(segment.start, next);
                next = segment.end;
                for j in segment.start..segment.end {
                    let [least, most] = cells.lags(segment.cell);
                    assert!((least..=most).contains(&(at[j] - at[i])), "{i} {j}");
                    let [young, old] = cells.ages(segment.cell);
                    let age = 0.5 * (at[i] + at[j]) as f64;
                    assert!((young - 1e-9..=old).contains(&age), "{i} {j}");
                }
            }
            assert_eq!(next, at.len());
        }
    }

    #[test]
    fn sums_travel_as_bytes() {
        let sums = Sums(vec![(3, vec![[1.0, 0.5], [2.0, -0.25]])]);
        let mut back = Sums::from_bytes(&sums.to_bytes()).expect("own bytes");
        assert_eq!(back.0, sums.0);
        back.merge(sums);
        assert_eq!(back.0, vec![(3, vec![[2.0, 1.0], [4.0, -0.5]])]);
    }
}
