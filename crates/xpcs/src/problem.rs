//! A problem: model, time grid, bins and data put together as what the solver minimises.

mod scan;
mod sums;

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use dyne_math::gram::{Accumulator, TILE, Tile, packed_index, packed_len, widen_shifted};
use dyne_math::simd::{Lane8, Level, WIDTH};
use dyne_runtime::{Resources, SweepError, sweep};
use dyne_solve::{
    EvaluationError, Gram, Layout, Loss, NormalEquations, Objective, Robust, Transform, assemble,
    assemble_robust, project,
};
use dyne_xpcs_data::{BlockPairs, Matrices, PairBlock, Values};
use dyne_xpcs_model::terms::{fraction, power_rate};
use dyne_xpcs_model::{BinTerm, Geometry, Model, ModelError, Tables, TimeGrid};
use thiserror::Error;

use crate::noise::Weights;

pub use sums::BinSums;
use sums::{BadBlock, Cause};

/// What is fitted to what. All of it is borrowed: levels of a search share one set.
#[derive(Clone, Copy)]
pub struct Problem<'a> {
    /// The model.
    pub model: &'a dyn Model,
    /// Time grid of the selected frames.
    pub grid: &'a TimeGrid,
    /// Geometry of each bin.
    pub geometries: &'a [Geometry],
    /// The matrices, one a bin.
    pub matrices: &'a Matrices,
    /// How contrast and offset hang on the linear parameters.
    pub layout: &'a Layout,
    /// Loss of the residuals.
    pub robust: Robust,
    /// Weights of the pairs.
    pub weights: Weights<'a>,
    /// Subtracted from the data before anything is summed, so that sums of squares do not
    /// drown the noise; offsets of the layout are relative to it.
    pub shift: f64,
    /// Pairs a block.
    pub block: BlockPairs,
    /// Instruction set.
    pub level: Level,
    /// Lanes and ranks.
    pub resources: Resources<'a>,
    /// Bins whose error bars are computed side by side; a matter of memory alone.
    pub bins_at_once: usize,
    /// What is checked on the way.
    pub checks: Checks,
    /// Counts the sweeps.
    pub sweeps: &'a AtomicU64,
}

/// What is checked on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checks {
    /// The sums of every block, so that one that is not finite is named.
    Blocks,
    /// Only the normal equations.
    Equations,
}

/// A block whose data were finite when they were surveyed, and are not any longer.
#[derive(Debug, Error)]
#[error(
    "matrix {bin} of the fit, rows {} to {}: values that are not finite, expected those that were finite when the data were surveyed\nsee that nothing writes to the data file or the scratch file, and fit again", rows.start + 1, rows.end
)]
pub struct ChangedBlock {
    /// Position of the bin, counted from 1.
    bin: usize,
    /// Rows, counted from 0.
    rows: Range<usize>,
}

/// Tables of all bins and the term of each one at a point θ.
pub struct Evaluated {
    /// Integrals, shared by all bins.
    pub tables: Tables,
    /// One a bin.
    pub terms: Vec<BinTerm>,
}

/// Memory of one lane: a tile of pairs and the sums over it.
struct Scratch {
    tile: Tile,
    sums: Accumulator,
}

/// Which sums of a Gram matrix are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// All of them.
    Whole,
    /// Those with m, 1 and y; the others stay 0.
    Border,
}

/// Contrast and offset of a bin, for its residuals before the sums are known.
#[derive(Clone, Copy)]
struct Line {
    contrast: f64,
    offset: f64,
}

impl Line {
    /// Half the sum of squared residuals, from a packed Gram matrix whose last rows are m, 1, y.
    fn cost(self, gram: &[f64], order: usize) -> f64 {
        let g = |a: usize, b: usize| gram[packed_index(order, order - a, order - b)];
        let (c, o) = (self.contrast, self.offset);
        let of_data = g(1, 1) - 2.0 * (c * g(3, 1) + o * g(2, 1));
        0.5 * (of_data + c * c * g(3, 3) + o * o * g(2, 2) + 2.0 * c * o * g(3, 2))
    }
}

fn of_bad_block(bad: &BadBlock) -> EvaluationError {
    let BadBlock { bin, rows, cause } = bad;
    match cause {
        Cause::Data => {
            EvaluationError::Fatal(Box::new(ChangedBlock { bin: bin + 1, rows: rows.clone() }))
        }
        Cause::Model => EvaluationError::NonFinite(format!(
            "the model in rows {} to {} of matrix {} of the fit",
            rows.start + 1,
            rows.end,
            bin + 1
        )),
    }
}

impl Problem<'_> {
    /// Tables and terms at `theta`.
    ///
    /// # Errors
    /// [`ModelError`] where the model has no value.
    pub fn tables(&self, theta: &[f64]) -> Result<Evaluated, ModelError> {
        let kept = self.matrices.kept();
        let tables = self.model.tables(self.level, theta, self.grid, kept)?;
        let terms = self
            .geometries
            .iter()
            .map(|geometry| self.model.bin(theta, geometry, &tables))
            .collect::<Result<_, _>>()?;
        Ok(Evaluated { tables, terms })
    }

    /// Gram sums of every bin at θ: under a robust loss with its weights at the lines given, else
    /// with the cost there.
    fn sums(
        &self,
        theta: &[f64],
        lines: &[Line],
        part: Part,
    ) -> Result<Vec<BinSums>, EvaluationError> {
        let evaluated =
            self.tables(theta).map_err(|e| EvaluationError::NonFinite(e.to_string()))?;
        self.sweeps.fetch_add(1, Ordering::Relaxed);
        let rows = self.model.basis() + 3;
        let total = sweep(
            &self.matrices.blocks(self.block),
            self.resources.to("fit").about(theta),
            || Scratch { tile: Tile::new(rows), sums: Accumulator::new(rows) },
            |block, scratch| self.block_sums(&evaluated, lines, part, block, scratch),
        )
        .map_err(|error| match error {
            SweepError::Cancelled => EvaluationError::Interrupted,
            other => EvaluationError::Fatal(Box::new(other)),
        })?;
        if let Some(bad) = total.bad() {
            return Err(of_bad_block(bad));
        }
        let p = theta.len();
        Ok(total
            .into_bins()
            .into_iter()
            .map(|sums| {
                let map = &evaluated.terms[sums.bin].map;
                sums.mapped(map, p)
            })
            .collect())
    }

    /// Sums over the pairs of one block.
    fn block_sums(
        &self,
        evaluated: &Evaluated,
        lines: &[Line],
        part: Part,
        block: PairBlock<'_>,
        scratch: &mut Scratch,
    ) -> sums::Sums {
        let Scratch { tile, sums } = scratch;
        sums.clear();
        tile.clear();
        let mut cost = 0.0;
        let mut pairs = 0;
        let robust = self.robust.loss != Loss::Linear;
        let mut flush = |tile: &mut Tile| {
            if let (Some(line), true) = (lines.get(block.bin), robust) {
                cost += weigh(tile, *line, self.robust);
            }
            match part {
                Part::Whole => sums.add(self.level, tile),
                Part::Border => sums.add_border(self.level, tile),
            }
            tile.clear();
        };
        for i in block.first..block.end {
            let mut column = i + 1;
            while column < block.frames {
                let free = tile.free_chunks() * WIDTH;
                if free == 0 {
                    flush(tile);
                    continue;
                }
                let count = (block.frames - column).min(free).min(TILE);
                let chunk = tile.used_chunks();
                self.fill_pairs(evaluated, block, i, column, count, tile);
                if let Some(weights) = self.weights.of(block.bin) {
                    scale_pairs(tile, chunk, &weights[column - i..][..count], f64::sqrt);
                }
                column += count;
                pairs += count as u64;
            }
        }
        flush(tile);
        let (order, gram) = (self.model.basis() + 3, sums.total());
        if let (Some(line), false) = (lines.get(block.bin), robust) {
            cost = line.cost(&gram, order);
        }
        let sums = sums::Sums::of(BinSums { bin: block.bin, gram, cost, pairs });
        match self.checks {
            Checks::Blocks => sums.checked(order, block.first..block.end),
            Checks::Equations => sums,
        }
    }

    /// Adds `count` pairs (i, column…) to the tile: basis, m, 1 and the shifted data.
    pub(crate) fn fill_pairs(
        &self,
        evaluated: &Evaluated,
        block: PairBlock<'_>,
        i: usize,
        column: usize,
        count: usize,
        tile: &mut Tile,
    ) {
        let nb = self.model.basis();
        let mut segment = tile.segment(count);
        let term = &evaluated.terms[block.bin];
        self.model.fill(self.level, &evaluated.tables, term, i, column, &mut segment);
        segment.row_mut(nb + 1).fill(Lane8([1.0; WIDTH]));
        let start = block.position(i, column);
        let data = segment.row_mut(nb + 2);
        match block.values {
            // What follows in the block is prefetched.
            Values::F32(v) => widen_shifted(self.level, &v[start..], self.shift, data),
            Values::F64(v) => {
                let values = v[start..start + count].iter();
                for (y, out) in values.zip(data.iter_mut().flat_map(|c| c.0.iter_mut())) {
                    *out = y - self.shift;
                }
            }
        }
        segment.end();
    }

    fn equations(
        &self,
        sums: &[BinSums],
        theta: &[f64],
        linear: &[f64],
    ) -> Result<NormalEquations, EvaluationError> {
        let grams = grams(sums, theta.len())?;
        if self.robust.loss == Loss::Linear {
            let z = project(&grams, self.layout)?.linear;
            return Ok(assemble(&grams, self.layout, &z)?);
        }
        let cost = sums.iter().map(|s| s.cost).sum();
        Ok(assemble_robust(&grams, self.layout, linear, cost)?)
    }

    /// Per-bin sums at the end of a fit, by the linear loss.
    ///
    /// # Errors
    /// As an evaluation.
    pub fn linear_sums(&self, theta: &[f64]) -> Result<Vec<BinSums>, EvaluationError> {
        self.sums(theta, &[], Part::Whole)
    }

    /// The sums of a gradient: as [`Problem::linear_sums`], but those of two derivatives are 0.
    ///
    /// **Checked by** `tests/fits/posterior.rs`.
    ///
    /// # Errors
    /// As an evaluation.
    pub fn gradient_sums(&self, theta: &[f64]) -> Result<Vec<BinSums>, EvaluationError> {
        self.sums(theta, &[], Part::Border)
    }
}

fn grams(sums: &[BinSums], p: usize) -> Result<Vec<Gram<'_>>, EvaluationError> {
    sums.iter().map(|s| Ok(Gram::try_new(&s.gram, p, s.pairs)?)).collect()
}

/// Multiplies the columns from `chunk` on by a power of the weights of their pairs.
pub(crate) fn scale_pairs(
    tile: &mut Tile,
    chunk: usize,
    weights: &[f64],
    power: impl Fn(f64) -> f64,
) {
    for (k, weights) in weights.chunks(WIDTH).enumerate() {
        let mut factors = [0.0; WIDTH];
        factors.iter_mut().zip(weights).for_each(|(f, w)| *f = power(*w));
        tile.scale_chunk(chunk + k, &factors);
    }
}

/// Multiplies every column by the root of its robust weight and returns the robust cost.
fn weigh(tile: &mut Tile, line: Line, robust: Robust) -> f64 {
    let rows = tile.rows();
    let mut cost = 0.0;
    for chunk in 0..tile.used_chunks() {
        let at = |row: usize| tile.row(row)[chunk].0;
        let (m, one, y) = (at(rows - 3), at(rows - 2), at(rows - 1));
        let mut root = [0.0; WIDTH];
        for lane in 0..WIDTH {
            // The rows carry the roots of the weights; 0 past the last pair, where nothing is left.
            let residual = y[lane] - line.offset * one[lane] - line.contrast * m[lane];
            cost += robust.cost(residual, 1.0);
            root[lane] = robust.weight(residual, 1.0).sqrt();
        }
        tile.scale_chunk(chunk, &root);
    }
    cost
}

impl Objective for Problem<'_> {
    fn shared(&self) -> usize {
        self.model.parameters().len()
    }

    fn layout(&self) -> &Layout {
        self.layout
    }

    fn project(&self, theta: &[f64]) -> Result<Vec<f64>, EvaluationError> {
        if self.robust.loss == Loss::Linear {
            return Ok(vec![0.0; self.layout.linear()]);
        }
        let sums = self.linear_sums(theta)?;
        Ok(project(&grams(&sums, theta.len())?, self.layout)?.linear)
    }

    fn advance(&self, theta: &[f64], step: &[f64], held: &[Option<f64>]) -> Vec<f64> {
        self.model.advance(theta, step, held, self.grid)
    }

    fn images(&self, theta: &[f64]) -> Vec<Vec<f64>> {
        self.model.images(theta, self.grid, self.geometries)
    }

    fn scan(&self, theta: &[f64], transform: &Transform) -> Result<Vec<Vec<f64>>, EvaluationError> {
        self.flows(theta, transform)
    }

    fn alternatives(&self, theta: &[f64]) -> Vec<Vec<f64>> {
        let rates = self.model.rates().iter();
        let others = rates.flat_map(|first| power_rate::alternatives(self.grid, theta, *first));
        // A flow may turn round.
        let flow = self.model.flow();
        let turning = flow.map(|flow| power_rate::turning(self.grid, theta, flow.rate));
        let fractions = self.model.fractions().iter();
        let fractions =
            fractions.flat_map(|first| fraction::alternatives(self.grid, theta, *first));
        others.chain(turning.into_iter().flatten()).chain(fractions).collect()
    }

    fn evaluate(&self, theta: &[f64], linear: &[f64]) -> Result<NormalEquations, EvaluationError> {
        let lines: Vec<Line> = (0..self.geometries.len())
            .map(|bin| self.layout.scaling(bin, linear))
            .map(|s| Line { contrast: s.contrast, offset: s.offset })
            .collect();
        let sums = self.sums(theta, &lines, Part::Whole)?;
        self.equations(&sums, theta, linear)
    }
}

/// Gram matrix of (∂m/∂θ, m, 1, y) from that of (basis, m, 1, y) with ∂m/∂θ = map · basis.
fn map_gram(gram: &[f64], map: &[f64], p: usize) -> Vec<f64> {
    let nb = map.len() / p;
    let (n, m) = (nb + 3, p + 3);
    // Rows of the linear map that takes (basis, m, 1, y) to (∂m/∂θ, m, 1, y).
    let weight = |a: usize, k: usize| match (a < p, k < nb) {
        (true, true) => map[a * nb + k],
        (false, false) => f64::from(u8::from(a - p == k - nb)),
        _ => 0.0,
    };
    let half: Vec<f64> = (0..m)
        .flat_map(|a| (0..n).map(move |l| (a, l)))
        .map(|(a, l)| (0..n).map(|k| weight(a, k) * gram[packed_index(n, k, l)]).sum())
        .collect();
    let mut out = vec![0.0; packed_len(m)];
    for a in 0..m {
        for b in a..m {
            out[packed_index(m, a, b)] = (0..n).map(|l| half[a * n + l] * weight(b, l)).sum();
        }
    }
    out
}
