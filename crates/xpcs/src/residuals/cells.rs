//! Products of residuals of pairs that share one frame or none, summed over square cells far from the
//! diagonal.

use std::ops::Range;

use dyne_solve::Scaling;
use dyne_xpcs_model::model::correlation_row;

use crate::problem::{Evaluated, Problem};

/// Parts of the series, by the age of the row, whose sums are kept apart; their scatter tells the error
/// of the whole.
pub const BANDS: usize = 16;

/// Frames along a side of a cell: one and a half times those in which m halves, within these limits.
const SIDES: [usize; 2] = [2, 16];

/// Largest m of pairs that count as far from the diagonal.
const FAR: f64 = 0.1;

/// Numbers of a [`Cells`] as words.
pub(super) const WORDS: usize = 4 * BANDS + 4;

/// Sums over all cells of one bin that lie where m stays small.
///
/// **Formula.** Far from the diagonal the noise of c2 is that of $(I_i - 1)(I_j - 1)$, so that residuals of
/// pairs (i, j), (i′, j′) that share no frame have the covariance $c^2 m_{ii'}m_{jj'}/P_c$, without a part of
/// shot noise, and those that share a frame $(c^2/P_c + c/(nP_s))\,m_{jj'}$. In a cell of the frames R along one
/// side and C along the other
/// $\sum_{i\neq i',j\neq j'} r_{ij}r_{i'j'} = (\sum r)^2 - \sum_i(\sum_j r)^2 - \sum_j(\sum_i r)^2 + \sum r^2$, whose
/// expectation is $c^2M_RM_C/P_c$ with $M_R = \sum_{i\neq i'\in R} m_{ii'}$.
///
/// **Symbols.** c: contrast; m: correlation; P_c: independent speckles, P_s: pixels, n: mean counts.
///
/// **Edges.** A cell ends where a block of rows ends, and its sums with it, so they are exact for any
/// partition. **Cost** some operations a pair. **Checked by** `cells_sum_the_products_of_their_pairs`,
/// `tests/fits/uncertainty.rs`.
#[derive(Debug, Clone, PartialEq)]
pub struct Cells {
    /// Products of pairs that share no frame; M_R·M_C; products of pairs that share one frame;
    /// |R|·M_C + |C|·M_R; one of each a band.
    pub bands: [[f64; 4]; BANDS],
    /// Products that share no frame, and those that share one; pairs; the frames of a side.
    pub counts: [f64; 4],
    group: Group,
}

/// Rows of the cells under way.
#[derive(Debug, Clone, Default, PartialEq)]
struct Group {
    rows: Range<usize>,
    /// Column from which on all is far.
    far: usize,
    /// Σ over the rows, by column.
    columns: Vec<f64>,
    /// Of each cell: sum, squared sums of rows, squares, and the sum of the row under way.
    cells: Vec<[f64; 4]>,
}

/// m of a frame with some later ones.
type Row<'a> = Box<dyn Fn(usize, Range<usize>) -> Vec<f64> + Sync + 'a>;

/// The cells of one bin and what the model says of them.
pub(super) struct CellGrid<'a> {
    row: Row<'a>,
    frames: usize,
    /// Frames along a side.
    side: usize,
    /// M of each group of columns.
    within: Vec<f64>,
    /// Offset and the distance from it that is far.
    level: [f64; 2],
}

impl<'a> CellGrid<'a> {
    pub(super) fn new(
        problem: &'a Problem<'a>,
        evaluated: &'a Evaluated,
        bin: usize,
        scaling: Scaling,
    ) -> Self {
        let (tables, term) = (&evaluated.tables, &evaluated.terms[bin]);
        let row = move |i: usize, columns: Range<usize>| {
            correlation_row(problem.model, problem.level, tables, term, i, columns)
        };
        Self::of(Box::new(row), problem.matrices.frames(), scaling)
    }

    fn of(row: Row<'a>, frames: usize, scaling: Scaling) -> Self {
        let level = [scaling.offset, FAR * scaling.contrast.abs()];
        let middle = frames / 2;
        let decay = row(middle, middle + 1..frames.min(middle + 1 + SIDES[1]));
        let half = decay.iter().position(|m| *m < 0.5).unwrap_or(SIDES[1]) + 1;
        let side = (half + half / 2).clamp(SIDES[0], SIDES[1]);
        let mut grid = Self { row, frames, side, within: Vec::new(), level };
        let groups = (0..frames).step_by(side);
        grid.within =
            groups.map(|start| grid.sum_within(start..frames.min(start + side))).collect();
        grid
    }

    /// Σ of m over ordered pairs of different frames.
    fn sum_within(&self, frames: Range<usize>) -> f64 {
        let end = frames.end;
        frames.map(|i| 2.0 * (self.row)(i, i + 1..end).iter().sum::<f64>()).sum()
    }

    /// M of some rows.
    fn of_rows(&self, rows: &Range<usize>) -> f64 {
        match rows.len() == self.side {
            true => self.within[rows.start / self.side],
            false => self.sum_within(rows.clone()),
        }
    }
}

impl Default for Cells {
    fn default() -> Self {
        Self { bands: [[0.0; 4]; BANDS], counts: [0.0; 4], group: Group::default() }
    }
}

impl Cells {
    /// Adds the residuals of the pairs (i, first…); pieces of a row come one after the other, and rows
    /// in ascending order without a gap.
    pub(super) fn add(
        &mut self,
        grid: &CellGrid<'_>,
        i: usize,
        first: usize,
        data: &[f64],
        fit: &[f64],
    ) {
        let group = &mut self.group;
        if group.rows.is_empty() || i / grid.side != group.rows.start / grid.side {
            self.close(grid);
            let group = &mut self.group;
            group.rows = i..i;
            group.far = 0;
            group.columns.clear();
            group.columns.resize(grid.frames, 0.0);
            group.cells.clear();
            group.cells.resize(grid.within.len(), [0.0; 4]);
        }
        let group = &mut self.group;
        group.rows.end = i + 1;
        let [offset, far] = grid.level;
        if let Some(last) = fit.iter().rposition(|f| (f - offset).abs() >= far) {
            group.far = group.far.max(first + last + 1);
        }
        let mut at = first;
        let (mut data, mut fit) = (data, fit);
        while !data.is_empty() {
            let cell = at / grid.side;
            let count = ((cell + 1) * grid.side - at).min(data.len());
            let (mut sum, mut squares) = (0.0, 0.0);
            for ((y, f), column) in data.iter().zip(fit).take(count).zip(&mut group.columns[at..]) {
                let r = y - f;
                *column += r;
                sum += r;
                squares += r * r;
            }
            group.cells[cell][2] += squares;
            group.cells[cell][3] += sum;
            (data, fit) = (&data[count..], &fit[count..]);
            at += count;
            if at == (cell + 1) * grid.side || at == grid.frames {
                let [whole, rows, _, row] = &mut group.cells[cell];
                *whole += *row;
                *rows += *row * *row;
                *row = 0.0;
            }
        }
    }

    /// Ends the cells under way.
    fn close(&mut self, grid: &CellGrid<'_>) {
        let group = std::mem::take(&mut self.group);
        let rows = group.rows.len() as f64;
        let (side, frames) = (grid.side, grid.frames);
        if group.rows.len() > 1 {
            let of_rows = grid.of_rows(&group.rows);
            let band = &mut self.bands[group.rows.start * BANDS / frames];
            for cell in group.far.max(group.rows.end).div_ceil(side)..group.cells.len() {
                let columns = &group.columns[cell * side..frames.min((cell + 1) * side)];
                let [whole, by_row, squares, _] = group.cells[cell];
                let by_column: f64 = columns.iter().map(|c| c * c).sum();
                let (count, of_columns) = (columns.len() as f64, grid.within[cell]);
                band[0] += whole * whole - by_row - by_column + squares;
                band[1] += of_rows * of_columns;
                band[2] += by_row + by_column - 2.0 * squares;
                band[3] += rows * of_columns + count * of_rows;
                self.counts[0] += rows * (rows - 1.0) * count * (count - 1.0);
                self.counts[1] += rows * count * (rows + count - 2.0);
                self.counts[2] += rows * count;
            }
        }
        // The memory goes on to the next rows.
        self.group = Group { rows: 0..0, ..group };
        self.counts[3] = side as f64;
    }

    /// Ends the cells under way and gives their memory back.
    pub(super) fn finish(&mut self, grid: &CellGrid<'_>) {
        self.close(grid);
        self.group = Group::default();
    }

    pub(super) fn merge(&mut self, later: &Self) {
        let own = self.bands.iter_mut().flatten().zip(later.bands.iter().flatten());
        own.for_each(|(a, b)| *a += b);
        for (a, b) in self.counts[..3].iter_mut().zip(later.counts) {
            *a += b;
        }
        self.counts[3] = self.counts[3].max(later.counts[3]);
    }

    pub(super) fn words(&self) -> impl Iterator<Item = &f64> {
        self.bands.iter().flatten().chain(&self.counts)
    }

    pub(super) fn from_words(words: &[f64]) -> Option<Self> {
        let (bands, counts) = words.split_at_checked(4 * BANDS)?;
        let mut fours = bands.chunks_exact(4).map(|b| [b[0], b[1], b[2], b[3]]);
        let bands = std::array::from_fn(|_| fours.next().unwrap_or_default());
        Some(Self { bands, counts: counts.try_into().ok()?, group: Group::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAMES: usize = 40;

    fn m(i: usize, j: usize) -> f64 {
        (-0.2 * (i as f64 - j as f64).abs()).exp()
    }

    fn residual(i: usize, j: usize) -> f64 {
        ((7 * i + 13 * j + i * j) as f64).sin()
    }

    fn grid() -> CellGrid<'static> {
        let row = |i: usize, columns: Range<usize>| columns.map(|j| m(i, j)).collect();
        CellGrid::of(Box::new(row), FRAMES, Scaling { contrast: 0.5, offset: 1.0 })
    }

    /// Sums over blocks of rows that begin where given, pieces of 11 columns.
    fn summed(grid: &CellGrid<'_>, starts: &[usize]) -> Cells {
        let mut total = Cells::default();
        for (k, start) in starts.iter().enumerate() {
            let end = starts.get(k + 1).copied().unwrap_or(FRAMES - 1);
            let mut cells = Cells::default();
            for i in *start..end {
                for first in (i + 1..FRAMES).step_by(11) {
                    let columns = first..FRAMES.min(first + 11);
                    let fit: Vec<f64> = columns.clone().map(|j| 1.0 + 0.5 * m(i, j)).collect();
                    let data: Vec<f64> =
                        columns.zip(&fit).map(|(j, f)| f + residual(i, j)).collect();
                    cells.add(grid, i, first, &data, &fit);
                }
            }
            cells.finish(grid);
            total.merge(&cells);
        }
        total
    }

    /// The same four sums over all bands, pair by pair.
    fn direct(side: usize, starts: &[usize]) -> [f64; 4] {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for i in 0..FRAMES - 1 {
            match groups.last_mut() {
                Some(group) if group[0] / side == i / side && !starts.contains(&i) => group.push(i),
                _ => groups.push(vec![i]),
            }
        }
        let mut sums = [0.0; 4];
        for rows in groups.iter().filter(|rows| rows.len() > 1) {
            let near = |j: &usize| rows.iter().any(|i| j <= i || m(*i, *j) >= FAR);
            let far = (0..FRAMES).rfind(near).unwrap() + 1;
            for first in (far.div_ceil(side) * side..FRAMES).step_by(side) {
                let columns = first..FRAMES.min(first + side);
                for (i, k) in rows.iter().flat_map(|i| rows.iter().map(move |k| (*i, *k))) {
                    for (j, l) in columns.clone().flat_map(|j| columns.clone().map(move |l| (j, l)))
                    {
                        let product = residual(i, j) * residual(k, l);
                        match (i == k, j == l) {
                            (false, false) => {
                                sums[0] += product;
                                sums[1] += m(i, k) * m(j, l);
                            }
                            (true, true) => {}
                            _ => {
                                sums[2] += product;
                                sums[3] += m(i, k) * m(j, l);
                            }
                        }
                    }
                }
            }
        }
        sums
    }

    #[test]
    fn cells_sum_the_products_of_their_pairs() {
        let grid = grid();
        assert_eq!(grid.side, 6);
        for starts in [&[0][..], &[0, 3, 17, 18, 31]] {
            let cells = summed(&grid, starts);
            let direct = direct(grid.side, starts);
            for (k, expected) in direct.iter().enumerate() {
                let found: f64 = cells.bands.iter().map(|b| b[k]).sum();
                assert!((found - expected).abs() < 1e-9, "{k}: {found} and {expected}");
            }
            let words: Vec<f64> = cells.words().copied().collect();
            assert_eq!(words.len(), WORDS);
            assert_eq!(Cells::from_words(&words).unwrap().bands, cells.bands);
        }
    }
}
