//! The Gram sum G = Σ v vᵀ over the columns of a tile: the inner sum of every fit.

use crate::simd::{Isa, Kernel, Lane8, Level, WIDTH, dispatch};

/// Columns a tile holds; its rows stay in the first-level cache.
pub const TILE: usize = 384;

const CHUNKS: usize = TILE / WIDTH;

/// Rows of vectors v, one column a pair, in chunks of [`WIDTH`] columns.
#[derive(Debug, Clone)]
pub struct Tile {
    rows: usize,
    used: usize,
    chunks: Vec<Lane8>,
}

impl Tile {
    /// An empty tile of `rows` rows.
    pub fn new(rows: usize) -> Self {
        Self { rows, used: 0, chunks: vec![Lane8::ZERO; rows * CHUNKS] }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Chunks that are free.
    pub fn free_chunks(&self) -> usize {
        CHUNKS - self.used
    }

    /// Chunks that are filled.
    pub fn used_chunks(&self) -> usize {
        self.used
    }

    /// Forgets all columns.
    pub fn clear(&mut self) {
        self.used = 0;
    }

    /// The filled chunks of one row.
    pub fn row(&self, row: usize) -> &[Lane8] {
        &self.chunks[row * CHUNKS..][..self.used]
    }

    /// Multiplies lane k of chunk `chunk` by `factors[k]` in every row.
    pub fn scale_chunk(&mut self, chunk: usize, factors: &[f64; WIDTH]) {
        for row in 0..self.rows {
            let lanes = &mut self.chunks[row * CHUNKS..][..self.used][chunk].0;
            for (x, f) in lanes.iter_mut().zip(factors) {
                *x *= f;
            }
        }
    }

    /// Adds `columns` columns and returns the new chunks of each row, to be filled whole;
    /// [`Segment::end`] then sets what lies beyond `columns` to zero.
    ///
    /// # Panics
    /// When they do not fit.
    pub fn segment(&mut self, columns: usize) -> Segment<'_> {
        let count = columns.div_ceil(WIDTH);
        assert!(count <= self.free_chunks(), "{columns} columns fit into the tile");
        let first = self.used;
        self.used += count;
        Segment { tile: self, first, count, columns }
    }
}

/// Columns being added to a [`Tile`].
#[derive(Debug)]
pub struct Segment<'a> {
    tile: &'a mut Tile,
    first: usize,
    count: usize,
    columns: usize,
}

impl Segment<'_> {
    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// New chunks of one row.
    pub fn row(&self, row: usize) -> &[Lane8] {
        &self.tile.chunks[row * CHUNKS + self.first..][..self.count]
    }

    /// New chunks of one row, for writing.
    #[inline(always)]
    pub fn row_mut(&mut self, row: usize) -> &mut [Lane8] {
        &mut self.tile.chunks[row * CHUNKS + self.first..][..self.count]
    }

    /// New chunks of the `N` first rows, for writing.
    ///
    /// # Panics
    /// When the tile has fewer rows.
    #[inline(always)]
    pub fn rows_mut<const N: usize>(&mut self) -> [&mut [Lane8]; N] {
        let (first, count) = (self.first, self.count);
        let mut rows = self.tile.chunks.chunks_exact_mut(CHUNKS);
        std::array::from_fn(|_| {
            let row = rows.next().expect("the tile has at least N rows");
            &mut row[first..first + count]
        })
    }

    /// Sets the lanes beyond the last column to zero in all rows.
    pub fn end(self) {
        let rest = self.columns % WIDTH;
        if rest == 0 {
            return;
        }
        let last = self.first + self.count - 1;
        for chunk in self.tile.chunks[last..].iter_mut().step_by(CHUNKS) {
            for (lane, x) in chunk.0.iter_mut().enumerate() {
                *x = if lane < rest { *x } else { 0.0 };
            }
        }
    }
}

/// A Gram sum in the making: one vector of partial sums an entry, added up at the end in a
/// fixed order.
#[derive(Debug, Clone)]
pub struct Accumulator {
    rows: usize,
    partial: Vec<Lane8>,
}

/// Number of entries of a packed symmetric matrix of `n` rows.
pub const fn packed_len(n: usize) -> usize {
    n * (n + 1) / 2
}

/// Position of entry (a, b) in the packed upper triangle, row by row.
#[inline]
pub const fn packed_index(n: usize, a: usize, b: usize) -> usize {
    let (a, b) = if a <= b { (a, b) } else { (b, a) };
    a * (2 * n - a - 1) / 2 + b
}

impl Accumulator {
    /// All sums zero, for tiles of `rows` rows.
    pub fn new(rows: usize) -> Self {
        Self { rows, partial: vec![Lane8::ZERO; packed_len(rows)] }
    }

    /// Sets all sums to zero.
    pub fn clear(&mut self) {
        self.partial.fill(Lane8::ZERO);
    }

    /// Adds Σ v vᵀ over the columns of `tile`.
    ///
    /// **Cost** rows·(rows+1)/2 fused operations a vector of columns, in blocks of at most
    /// 5 × 5 sums (3 × 3 with 16 registers) that stay in registers.
    /// **Checked by** `tests::agrees_with_a_plain_double_loop`.
    ///
    /// # Panics
    /// When the tile has another number of rows.
    pub fn add(&mut self, level: Level, tile: &Tile) {
        assert_eq!(self.rows, tile.rows, "rows of accumulator and tile");
        dispatch(level, Add { tile, partial: &mut self.partial });
    }

    /// Adds to the last [`BORDER`] columns of Σ v vᵀ alone, (m, 1, y) of a fit: all that a value and its
    /// gradient need. The other sums stay as they are.
    ///
    /// **Cost** 3·(rows − 3) + 6 fused operations a vector of columns.
    /// **Checked by** `tests::the_border_is_that_of_the_whole_sum`.
    ///
    /// # Panics
    /// When the tile has another number of rows.
    pub fn add_border(&mut self, level: Level, tile: &Tile) {
        assert_eq!(self.rows, tile.rows, "rows of accumulator and tile");
        dispatch(level, AddBorder { tile, partial: &mut self.partial });
    }

    /// The packed sums, each over its lanes in a fixed tree.
    pub fn total(&self) -> Vec<f64> {
        let tree = |v: &[f64; 8]| ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
        self.partial.iter().map(|p| tree(&p.0)).collect()
    }
}

/// Columns of the border that [`Accumulator::add_border`] sums.
pub const BORDER: usize = 3;

struct AddBorder<'a> {
    tile: &'a Tile,
    partial: &'a mut [Lane8],
}

impl Kernel for AddBorder<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Isa>(self, s: S) {
        let Self { tile, partial } = self;
        let inner = tile.rows - BORDER;
        let most = if S::REGISTERS >= 32 { 6 } else { 3 };
        for k in 0..inner.div_ceil(most) {
            let a = block(inner, most, k);
            match a.len {
                6 if most == 6 => square::<S, 6, BORDER>(s, tile, a.first, inner, partial),
                5 if most == 6 => square::<S, 5, BORDER>(s, tile, a.first, inner, partial),
                4 if most == 6 => square::<S, 4, BORDER>(s, tile, a.first, inner, partial),
                3 => square::<S, 3, BORDER>(s, tile, a.first, inner, partial),
                2 => square::<S, 2, BORDER>(s, tile, a.first, inner, partial),
                _ => square::<S, 1, BORDER>(s, tile, a.first, inner, partial),
            }
        }
        diagonal::<S, BORDER>(s, tile, inner, partial);
    }
}

struct Add<'a> {
    tile: &'a Tile,
    partial: &'a mut [Lane8],
}

/// Rows first..first+len of a tile whose sums with another block stay in registers.
#[derive(Clone, Copy)]
struct Block {
    first: usize,
    len: usize,
}

/// Block `k` of `n` rows cut into the fewest blocks of at most `most` rows, the longer ones
/// first: blocks of even length hide the latency of a fused operation best.
#[inline(always)]
fn block(n: usize, most: usize, k: usize) -> Block {
    let blocks = n.div_ceil(most);
    let (short, longer) = (n / blocks, n % blocks);
    Block { first: k * short + k.min(longer), len: short + usize::from(k < longer) }
}

impl Kernel for Add<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Isa>(self, s: S) {
        if S::REGISTERS >= 32 { self.blocks(s, 5) } else { self.blocks(s, 3) }
    }
}

impl Add<'_> {
    #[inline(always)]
    fn blocks<S: Isa>(mut self, s: S, most: usize) {
        let n = self.tile.rows;
        for p in 0..n.div_ceil(most) {
            let a = block(n, most, p);
            self.diagonal(s, a, most);
            for q in p + 1..n.div_ceil(most) {
                self.square(s, a, block(n, most, q), most);
            }
        }
    }

    #[inline(always)]
    fn diagonal<S: Isa>(&mut self, s: S, a: Block, most: usize) {
        match a.len {
            5 if most == 5 => diagonal::<S, 5>(s, self.tile, a.first, self.partial),
            4 if most == 5 => diagonal::<S, 4>(s, self.tile, a.first, self.partial),
            3 => diagonal::<S, 3>(s, self.tile, a.first, self.partial),
            2 => diagonal::<S, 2>(s, self.tile, a.first, self.partial),
            _ => diagonal::<S, 1>(s, self.tile, a.first, self.partial),
        }
    }

    /// Lengths of two blocks differ by at most one, and the first is not the shorter one.
    #[inline(always)]
    fn square<S: Isa>(&mut self, s: S, a: Block, b: Block, most: usize) {
        match (a.len, b.len) {
            (5, 5) if most == 5 => square::<S, 5, 5>(s, self.tile, a.first, b.first, self.partial),
            (5, _) if most == 5 => square::<S, 5, 4>(s, self.tile, a.first, b.first, self.partial),
            (4, 4) if most == 5 => square::<S, 4, 4>(s, self.tile, a.first, b.first, self.partial),
            (4, _) if most == 5 => square::<S, 4, 3>(s, self.tile, a.first, b.first, self.partial),
            (3, 3) => square::<S, 3, 3>(s, self.tile, a.first, b.first, self.partial),
            (3, _) => square::<S, 3, 2>(s, self.tile, a.first, b.first, self.partial),
            _ => square::<S, 2, 2>(s, self.tile, a.first, b.first, self.partial),
        }
    }
}

#[inline(always)]
fn rows<const N: usize>(tile: &Tile, first: usize) -> [&[Lane8]; N] {
    let mut rows: [&[Lane8]; N] = [&[]; N];
    for (k, row) in rows.iter_mut().enumerate() {
        *row = tile.row(first + k);
    }
    rows
}

#[inline(always)]
fn load<S: Isa, const N: usize>(
    s: S,
    rows: &[&[Lane8]; N],
    chunk: usize,
    lane: usize,
) -> [S::V; N] {
    let mut x = [s.splat(0.0); N];
    for (x, row) in x.iter_mut().zip(rows) {
        *x = s.load8(&row[chunk], lane);
    }
    x
}

/// Sums of rows a..a+M times rows b..b+N.
#[inline(always)]
fn square<S: Isa, const M: usize, const N: usize>(
    s: S,
    tile: &Tile,
    a: usize,
    b: usize,
    partial: &mut [Lane8],
) {
    let (left, right) = (rows::<M>(tile, a), rows::<N>(tile, b));
    for lane in (0..WIDTH).step_by(S::LANES) {
        let mut sums = [[s.splat(0.0); N]; M];
        for c in 0..tile.used {
            let y = load(s, &right, c, lane);
            for (p, row) in left.iter().enumerate() {
                let x = s.load8(&row[c], lane);
                for q in 0..N {
                    sums[p][q] = s.fma(x, y[q], sums[p][q]);
                }
            }
        }
        for (p, row) in sums.iter().enumerate() {
            for (q, sum) in row.iter().enumerate() {
                let entry = &mut partial[packed_index(tile.rows, a + p, b + q)];
                s.store8(s.add(s.load8(entry, lane), *sum), entry, lane);
            }
        }
    }
}

/// Sums of rows a..a+N times themselves. Half-width vectors go in two chains of sums, since
/// the six sums of three rows alone would wait for each other.
#[inline(always)]
fn diagonal<S: Isa, const N: usize>(s: S, tile: &Tile, a: usize, partial: &mut [Lane8]) {
    let rows = rows::<N>(tile, a);
    let parts = WIDTH / S::LANES;
    let mut sums = [[[s.splat(0.0); N]; N]; 2];
    for c in 0..tile.used {
        for (part, sums) in sums.iter_mut().enumerate().take(parts) {
            let x = load(s, &rows, c, part * S::LANES);
            for p in 0..N {
                for q in p..N {
                    sums[p][q] = s.fma(x[p], x[q], sums[p][q]);
                }
            }
        }
    }
    for (part, sums) in sums.iter().enumerate().take(parts) {
        let lane = part * S::LANES;
        for p in 0..N {
            for q in p..N {
                let entry = &mut partial[packed_index(tile.rows, a + p, a + q)];
                s.store8(s.add(s.load8(entry, lane), sums[p][q]), entry, lane);
            }
        }
    }
}

/// Fills the chunks of `out` with `source − shift`, widened from f32, as far as the source
/// reaches; columns beyond it are left as they are.
pub fn widen_shifted(level: Level, source: &[f32], shift: f64, out: &mut [Lane8]) {
    dispatch(level, Widen { source, shift, out });
}

struct Widen<'a> {
    source: &'a [f32],
    shift: f64,
    out: &'a mut [Lane8],
}

impl Kernel for Widen<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Isa>(self, s: S) {
        let shift = s.splat(self.shift);
        let whole = self.out.len().min(self.source.len() / WIDTH);
        let (source, rest) = self.source.split_at(whole * WIDTH);
        for (c, out) in self.out[..whole].iter_mut().enumerate() {
            // The next call goes on where this one ends: its samples come from memory meanwhile.
            s.prefetch(source, (whole + c) * WIDTH);
            for lane in (0..WIDTH).step_by(S::LANES) {
                s.store8(s.sub(s.widen(source, c * WIDTH + lane), shift), out, lane);
            }
        }
        if let Some(out) = self.out.get_mut(whole) {
            for (o, x) in out.0.iter_mut().zip(rest) {
                *o = f64::from(*x) - self.shift;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filled(rows: usize, segments: &[usize], seed: u64) -> (Tile, Vec<Vec<f64>>) {
        let mut state = seed | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
        };
        let mut tile = Tile::new(rows);
        let mut plain = vec![Vec::new(); rows];
        for &columns in segments {
            let mut segment = tile.segment(columns);
            for (r, list) in plain.iter_mut().enumerate() {
                for chunk in segment.row_mut(r) {
                    chunk.0 = std::array::from_fn(|_| next());
                    list.extend(chunk.0);
                }
            }
            for list in &mut plain {
                list.truncate(list.len() - (columns.div_ceil(WIDTH) * WIDTH - columns));
            }
            segment.end();
        }
        (tile, plain)
    }

    proptest! {
        #[test]
        fn agrees_with_a_plain_double_loop(
            rows in 1usize..17,
            segments in prop::collection::vec(1usize..60, 1..4),
            seed in any::<u64>(),
        ) {
            let (tile, plain) = filled(rows, &segments, seed);
            for level in Level::available() {
                let mut g = Accumulator::new(rows);
                g.add(level, &tile);
                g.add(level, &tile);
                let total = g.total();
                for a in 0..rows {
                    for b in a..rows {
                        let dot: f64 = plain[a].iter().zip(&plain[b]).map(|(x, y)| x * y).sum();
                        let sum = total[packed_index(rows, a, b)];
                        prop_assert!((sum - 2.0 * dot).abs() < 1e-13, "{level} {a} {b}");
                    }
                }
            }
        }

        #[test]
        fn the_border_is_that_of_the_whole_sum(
            rows in 4usize..20,
            segments in prop::collection::vec(1usize..60, 1..4),
            seed in any::<u64>(),
        ) {
            let (tile, _) = filled(rows, &segments, seed);
            for level in Level::available() {
                let (mut whole, mut border) = (Accumulator::new(rows), Accumulator::new(rows));
                whole.add(level, &tile);
                border.add_border(level, &tile);
                let (whole, border) = (whole.total(), border.total());
                for a in 0..rows {
                    for b in a..rows {
                        let k = packed_index(rows, a, b);
                        let expected = if b < rows - BORDER { 0.0 } else { whole[k] };
                        prop_assert!((border[k] - expected).abs() < 1e-13, "{level} {a} {b}");
                    }
                }
            }
        }

        #[test]
        fn widening_keeps_values(source in prop::collection::vec(-2f32..2.0, 0..40)) {
            let mut out = vec![Lane8([9.0; 8]); 5];
            for level in Level::available() {
                widen_shifted(level, &source, 0.5, &mut out);
                for (k, x) in source.iter().enumerate() {
                    prop_assert_eq!(out[k / 8].0[k % 8], f64::from(*x) - 0.5);
                }
            }
        }
    }

    #[test]
    fn packed_positions_are_in_row_order() {
        let n = 5;
        let mut k = 0;
        for a in 0..n {
            for b in a..n {
                assert_eq!(packed_index(n, a, b), k);
                assert_eq!(packed_index(n, b, a), k);
                k += 1;
            }
        }
        assert_eq!(k, packed_len(n));
    }
}
