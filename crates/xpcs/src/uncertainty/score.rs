//! The score of one bin as a quadratic form of the intensities of a speckle, from one sweep over
//! its pairs.

use std::ops::Range;

use dyne_math::gram::{Accumulator, TILE, Tile, packed_index};
use dyne_math::simd::{Lane8, WIDTH};
use dyne_runtime::words::{Words, put_floats, put_words};
use dyne_runtime::{Reduce, Source, SweepError, sweep};
use dyne_xpcs_data::{BinRows, Counts, PairBlock, ReadError};
use faer::Mat;

use super::nodes::Nodes;
use crate::problem::{Evaluated, Problem, scale_pairs};

/// Σ over pairs of the fluctuation of c2 that one speckle makes, times each row of (basis, m, 1),
/// as a form of the intensities at the nodes.
///
/// **Formula.** To first order in the fluctuations of the means the noise of c2 is a mean over
/// speckles of $x_{ij} = I_iI_j - E_{ij}(I_i + I_j) + E_{ij}$, $E_{ij} = 1 + c\,m_{ij}$, hence
/// $Q_k = \sum_{i<j} v_{k,ij} I_iI_j - \sum_i h_{k,i} I_i$ up to a constant, with
/// $h_{k,i} = \sum_{j\neq i} v_{k,ij}E_{ij}$. With I linear between the nodes,
/// $Q_k = I^TU_kI - \hat h_k^TI$.
///
/// **Symbols.** I: intensity of a speckle, mean 1; v: rows of the tile times the weights w of their
/// pairs; c: contrast of the bin; U: nodes × nodes, upper triangle; ĥ: nodes.
///
/// **Cost.** Some operations a pair and row. U comes in strips of its rows, each from one sweep over
/// the rows of the matrix that touch it, of [`STRIP_BYTES`] at most: U = Σ of the strips.
/// **Checked by** `tests/fits/uncertainty.rs`: `error_bars_are_the_scatter_of_repeated_experiments`.
pub(super) struct ScoreSums {
    /// h, one a row, over the frames.
    linear: Vec<f64>,
    /// Σ v_k v_l (1 + c m), rows × rows: covariance of the products of two shot noises of
    /// variance I; zeros without shot noise.
    pub shot: Vec<f64>,
    /// Σ w, Σ w m, Σ w m², Σ w m³ over the pairs.
    pub moments: [f64; 4],
}

impl ScoreSums {
    /// Nothing summed yet.
    pub(super) fn new(rows: usize, frames: usize) -> Self {
        Self { linear: vec![0.0; rows * frames], shot: vec![0.0; rows * rows], moments: [0.0; 4] }
    }

    /// Adds what came with a strip.
    pub(super) fn add(&mut self, strip: &Strip) {
        add(&mut self.linear, &strip.0.linear);
        add(&mut self.shot, &strip.0.shot);
        add(&mut self.moments, &strip.0.moments);
    }

    /// ĥ of every row.
    pub(super) fn linear(&self, nodes: &Nodes) -> Vec<Vec<f64>> {
        self.linear.chunks_exact(nodes.places().len()).map(|h| nodes.gathered(h)).collect()
    }
}

/// Most bytes of a strip; fixed, so that results do not depend on the memory.
pub(super) const STRIP_BYTES: usize = 1 << 22;

/// Some rows of U.
pub(super) struct Strip(Partial);

impl Strip {
    /// First node of its rows.
    pub(super) fn first(&self) -> usize {
        self.0.first
    }

    /// Its rows for row `k` of the tile from column [`Strip::first`] on, zeros left of the diagonal;
    /// column by column this is the transpose.
    pub(super) fn form(&self, k: usize) -> Mat<f64> {
        let Some(width) = self.0.upper.first().map(|row| row.len() / self.0.rows) else {
            return Mat::zeros(0, 0);
        };
        let mut form = Mat::zeros(width, self.0.upper.len());
        for (a, upper) in self.0.upper.iter().enumerate() {
            let columns = width - a;
            let own = &upper[k * columns..][..columns];
            form.col_as_slice_mut(a)[a..].copy_from_slice(own);
        }
        form
    }
}

/// Partial sums of some rows of one matrix.
struct Partial {
    /// Rows of the tile.
    rows: usize,
    /// First node that the rows touch.
    first: usize,
    /// For each node from `first` on, for each row of the tile: entries from that node's column on.
    upper: Vec<Vec<f64>>,
    linear: Vec<f64>,
    shot: Vec<f64>,
    moments: [f64; 4],
}

fn add(sums: &mut [f64], other: &[f64]) {
    sums.iter_mut().zip(other).for_each(|(a, b)| *a += b);
}

impl Reduce for Partial {
    fn merge(&mut self, later: Self) {
        // Nodes all of whose frames are left out lie between two blocks.
        while self.upper.len() < later.first - self.first {
            let shorter = self.upper[self.upper.len() - 1].len() - self.rows;
            self.upper.push(vec![0.0; shorter]);
        }
        for (k, row) in later.upper.into_iter().enumerate() {
            match self.upper.get_mut(later.first - self.first + k) {
                Some(own) => add(own, &row),
                None => self.upper.push(row),
            }
        }
        add(&mut self.linear, &later.linear);
        add(&mut self.shot, &later.shot);
        add(&mut self.moments, &later.moments);
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_words(&mut bytes, [self.rows as u64, self.first as u64]);
        put_floats(&mut bytes, &self.moments);
        for part in [&self.linear, &self.shot].into_iter().chain(&self.upper) {
            put_words(&mut bytes, [part.len() as u64]);
            put_floats(&mut bytes, part);
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut words = Words::new(bytes);
        let (rows, first) = (words.count()?, words.count()?);
        let moments = words.floats(4)?.try_into().ok()?;
        let mut part = || {
            let length = words.count()?;
            words.floats(length)
        };
        let (linear, shot) = (part()?, part()?);
        let mut upper = Vec::new();
        while !words.is_empty() {
            let length = words.count()?;
            upper.push(words.floats(length)?);
        }
        Some(Self { rows, first, upper, linear, shot, moments })
    }
}

struct Scratch {
    tile: Tile,
    /// Σ over the columns of one frame, by node and row.
    gathered: Vec<f64>,
    shot: Accumulator,
    m: Vec<Lane8>,
}

/// What the sweep over one bin needs to know.
#[derive(Clone, Copy)]
pub(super) struct Scored<'a> {
    pub evaluated: &'a Evaluated,
    pub contrast: f64,
    pub counts: Counts,
    pub nodes: &'a Nodes,
}

impl Problem<'_> {
    /// Sums over the pairs of some rows of a bin; nothing where none of them takes part.
    ///
    /// # Errors
    /// That of the sweep.
    pub(super) fn score_strip(
        &self,
        of: Scored<'_>,
        bin: &BinRows<'_>,
        frames: Range<usize>,
    ) -> Result<Option<Strip>, SweepError<ReadError>> {
        let rows = self.model.basis() + 2;
        let scratch = || Scratch {
            tile: Tile::new(rows + 1),
            gathered: vec![0.0; rows * (of.nodes.len() + 1)],
            shot: Accumulator::new(rows + 1),
            m: Vec::with_capacity(TILE / WIDTH),
        };
        let blocks = bin.blocks(frames, self.block);
        if blocks.blocks() == 0 {
            return Ok(None);
        }
        let work =
            |block: PairBlock<'_>, scratch: &mut Scratch| self.score_block(of, block, scratch);
        sweep(&blocks, self.resources.to("error bars"), scratch, work)
            .map(|total| Some(Strip(total)))
    }

    fn score_block(&self, of: Scored<'_>, block: PairBlock<'_>, scratch: &mut Scratch) -> Partial {
        let rows = self.model.basis() + 2;
        let frames = block.frames;
        let first = of.nodes.places()[block.first].0;
        let mut partial = Partial {
            rows,
            first,
            upper: Vec::new(),
            linear: vec![0.0; rows * frames],
            shot: vec![0.0; rows * rows],
            moments: [0.0; 4],
        };
        scratch.shot.clear();
        for i in block.first..block.end {
            scratch.gathered.fill(0.0);
            for column in (i + 1..frames).step_by(TILE) {
                let count = (frames - column).min(TILE);
                self.score_pairs(of, block, [i, column, count], scratch, &mut partial);
            }
            scatter(&scratch.gathered, of.nodes, i, rows, &mut partial);
        }
        if of.counts != Counts::Infinite {
            let gram = scratch.shot.total();
            for (k, entry) in partial.shot.iter_mut().enumerate() {
                *entry = gram[packed_index(rows + 1, k / rows, k % rows)];
            }
        }
        partial
    }

    /// Adds `count` pairs (i, column…).
    fn score_pairs(
        &self,
        of: Scored<'_>,
        block: PairBlock<'_>,
        [i, column, count]: [usize; 3],
        scratch: &mut Scratch,
        partial: &mut Partial,
    ) {
        let Scratch { tile, gathered, shot, m } = scratch;
        tile.clear();
        self.fill_pairs(of.evaluated, block, i, column, count, tile);
        m.clear();
        m.extend_from_slice(tile.row(tile.rows() - 3));
        if let Some(weights) = self.weights.of(block.bin) {
            scale_pairs(tile, 0, &weights[column - i..][..count], |w| w);
        }
        add_linear(tile, m, of.contrast, [i, column, count], &mut partial.linear);
        add_moments(tile, m, &mut partial.moments);
        let rows = tile.rows() - 1;
        gather(tile, rows, &of.nodes.places()[column..column + count], gathered);
        if of.counts != Counts::Infinite {
            for (chunk, m) in m.iter().enumerate() {
                let factors = m.0.map(|m| (1.0 + of.contrast * m).sqrt());
                tile.scale_chunk(chunk, &factors);
            }
            shot.add(self.level, tile);
        }
    }
}

/// Adds the columns of the tile to their nodes; `gathered` holds the rows of one node side by side.
fn gather(tile: &Tile, rows: usize, places: &[(usize, f64)], gathered: &mut [f64]) {
    let values: Vec<&[Lane8]> = (0..rows).map(|row| tile.row(row)).collect();
    for (k, &(node, f)) in places.iter().enumerate() {
        let (own, next) = gathered[node * rows..(node + 2) * rows].split_at_mut(rows);
        for ((values, own), next) in values.iter().zip(own).zip(next) {
            let v = values[k / WIDTH].0[k % WIDTH];
            let share = v * f;
            *own += v - share;
            *next += share;
        }
    }
}

/// Adds what was gathered for frame `i` to the nodes beside it.
fn scatter(gathered: &[f64], nodes: &Nodes, i: usize, rows: usize, partial: &mut Partial) {
    let (node, f) = nodes.places()[i];
    let touched = if f > 0.0 { 2 } else { 1 };
    while partial.first + partial.upper.len() < node + touched {
        let columns = nodes.len() - (partial.first + partial.upper.len());
        partial.upper.push(vec![0.0; rows * columns]);
    }
    for row in 0..rows {
        let sums = |from: usize| gathered[from * rows..].iter().skip(row).step_by(rows);
        for (a, share) in [(node, 1.0 - f), (node + 1, f)].into_iter().take(touched) {
            let columns = nodes.len() - a;
            let target = &mut partial.upper[a - partial.first][row * columns..][..columns];
            target.iter_mut().zip(sums(a)).for_each(|(t, s)| *t += share * s);
        }
        if touched == 2 {
            // Entry (a + 1, a) of a pair within one interval counts as (a, a + 1).
            let within = f * gathered[node * rows + row];
            partial.upper[node - partial.first][row * (nodes.len() - node) + 1] += within;
        }
    }
}

/// Adds v_ij·E_ij to h at i and at j, for `count` pairs (i, first…) whose correlation is m.
fn add_linear(
    tile: &Tile,
    m: &[Lane8],
    contrast: f64,
    [i, first, count]: [usize; 3],
    linear: &mut [f64],
) {
    let rows = tile.rows() - 1;
    let frames = linear.len() / rows;
    for (row, h) in linear.chunks_exact_mut(frames).enumerate() {
        let mut own = [0.0; WIDTH];
        let chunks = tile.row(row).iter().zip(m);
        for ((v, m), h) in chunks.zip(h[first..first + count].chunks_mut(WIDTH)) {
            let term: [f64; WIDTH] = std::array::from_fn(|k| v.0[k] * (1.0 + contrast * m.0[k]));
            own.iter_mut().zip(term).for_each(|(own, t)| *own += t);
            h.iter_mut().zip(term).for_each(|(h, t)| *h += t);
        }
        h[i] += own.iter().sum::<f64>();
    }
}

fn add_moments(tile: &Tile, m: &[Lane8], moments: &mut [f64; 4]) {
    // Columns past the last pair hold zeros.
    let weights = tile.row(tile.rows() - 2).iter().flat_map(|chunk| chunk.0);
    for (w, m) in weights.zip(m.iter().flat_map(|chunk| chunk.0)) {
        for (sum, power) in moments.iter_mut().zip([1.0, m, m * m, m * m * m]) {
            *sum += w * power;
        }
    }
}
