//! What is left when the model is taken from the data: sums per bin, maps and cuts, from one
//! sweep.

mod statistics;

use std::ops::Range;

use dyne_math::gram::{TILE, Tile};
use dyne_math::simd::WIDTH;
use dyne_runtime::words::{Words, put_floats, put_words};
use dyne_runtime::{Figures, Reduce, Source, SweepError, sweep};
use dyne_solve::Scaling;
use dyne_xpcs_data::{BinRows, PairBlock, ReadError, Samples};

use crate::problem::{Evaluated, Problem};
use crate::report::{Cut, MapTriple};

pub use statistics::Statistics;

/// Ages at which cuts are taken, as fractions of the series.
const AGES: [f64; 5] = [0.1, 0.3, 0.5, 0.7, 0.9];

/// Half width of the band of ages of one cut, as a fraction of the series.
const HALF_BAND: f64 = 0.04;

/// How fine the pictures are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureSize {
    /// Pixels along a side of a map; fewer where there are fewer frames.
    pub pixels: usize,
}

/// Residuals of one bin.
#[derive(Debug, Clone, PartialEq)]
pub struct BinResiduals {
    /// Sum of squared residuals.
    pub ssr: f64,
    /// Sum of squared residuals times the weights of their pairs.
    pub weighted: f64,
    /// Pairs.
    pub pairs: u64,
    /// Data, fit and residual on a pixel grid.
    pub map: MapTriple,
    /// Cuts at several ages.
    pub cuts: Vec<Cut>,
    /// Variance by lag and correlation of neighbours.
    pub statistics: Statistics,
}

/// Data and model c2 of the pairs of some rows, packed.
pub struct PairValues {
    /// Data, also of rows that take no part.
    pub data: Samples,
    /// Model; NaN in rows that take no part.
    pub fit: Vec<f64>,
}

/// Where pairs fall: pixel of a frame, and log-spaced bin of a lag.
struct Bins {
    /// Position on the time grid of each frame that takes part.
    at: Vec<usize>,
    /// Frames of the time grid.
    frames: usize,
    pixel: Vec<usize>,
    pixels: usize,
    lag: Vec<usize>,
    lags: usize,
}

impl Bins {
    fn new(at: Vec<usize>, frames: usize, size: PictureSize) -> Self {
        let pixels = size.pixels.min(frames).max(1);
        let mut lag = vec![0; frames.max(2)];
        let (mut bin, mut edge) = (0, 1.0f64);
        for (k, slot) in lag.iter_mut().enumerate().skip(1) {
            if k as f64 >= edge {
                bin += 1;
                edge = (edge * 1.2).max(k as f64 + 1.0);
            }
            *slot = bin - 1;
        }
        let pixel = at.iter().map(|k| k * pixels / frames).collect();
        Self { at, frames, pixel, pixels, lag, lags: bin }
    }

    /// Frames j > i whose age, half the sum of their positions, lies in band `band`.
    fn band(&self, band: usize, i: usize) -> std::ops::Range<usize> {
        let (frames, own) = (self.frames as f64, self.at[i]);
        let centre = 2.0 * AGES[band] * frames - own as f64;
        let half = 2.0 * HALF_BAND * frames;
        let low = (centre - half).ceil().max(own as f64 + 1.0) as usize;
        let high = (centre + half).floor().clamp(0.0, frames - 1.0) as usize + 1;
        let column = |position: usize| self.at.partition_point(|at| *at < position);
        column(low)..column(high.max(low))
    }
}

/// Sums of one pixel: pairs, data, model.
const PIXEL: usize = 3;
/// Sums of one lag of a cut: pairs, lag, data, squared data, model.
const LAG: usize = 5;

struct BinSums {
    bin: usize,
    ssr: f64,
    weighted: f64,
    statistics: Statistics,
    pairs: u64,
    /// Pixels along a side of the map.
    pixels: usize,
    first_pixel_row: usize,
    /// Rows of the map, each from its diagonal on.
    pixel_rows: Vec<Vec<f64>>,
    cuts: Vec<f64>,
}

impl BinSums {
    fn new(bins: &Bins, block: &PairBlock<'_>) -> Self {
        let (first, last) = (bins.pixel[block.first], bins.pixel[block.end - 1]);
        Self {
            bin: block.bin,
            ssr: 0.0,
            weighted: 0.0,
            statistics: Statistics::new(&bins.lag, bins.lags),
            pairs: 0,
            pixels: bins.pixels,
            first_pixel_row: first,
            pixel_rows: (first..=last).map(|row| pixel_row(bins.pixels, row)).collect(),
            cuts: vec![0.0; AGES.len() * bins.lags * LAG],
        }
    }

    fn add(&mut self, bins: &Bins, i: usize, first: usize, data: &[f64], fit: &[f64]) {
        let diagonal = bins.pixel[i];
        let row = &mut self.pixel_rows[diagonal - self.first_pixel_row];
        for (k, (y, f)) in data.iter().zip(fit).enumerate() {
            self.ssr += (y - f) * (y - f);
            let at = (bins.pixel[first + k] - diagonal) * PIXEL;
            row[at] += 1.0;
            row[at + 1] += y;
            row[at + 2] += f;
        }
        self.pairs += data.len() as u64;
        for band in 0..AGES.len() {
            let range = bins.band(band, i);
            let start = range.start.max(first);
            for j in start..range.end.min(first + data.len()) {
                let lag = bins.at[j] - bins.at[i];
                let at = (band * bins.lags + bins.lag[lag]) * LAG;
                let (y, f) = (data[j - first], fit[j - first]);
                for (sum, value) in
                    self.cuts[at..at + LAG].iter_mut().zip([1.0, lag as f64, y, y * y, f])
                {
                    *sum += value;
                }
            }
        }
    }

    /// Adds to the weighted sum and to the statistics.
    fn weigh(
        &mut self,
        weights: Option<&[f64]>,
        i: usize,
        first: usize,
        data: &[f64],
        fit: &[f64],
    ) {
        let residuals = data.iter().zip(fit).map(|(y, f)| y - f);
        self.weighted += match weights {
            None => residuals.clone().map(|r| r * r).sum::<f64>(),
            Some(w) => residuals.clone().zip(&w[first - i..]).map(|(r, w)| w * r * r).sum(),
        };
        self.statistics.add(i, first, residuals);
    }

    fn merge(&mut self, later: Self) {
        self.ssr += later.ssr;
        self.weighted += later.weighted;
        self.statistics.merge(&later.statistics);
        self.pairs += later.pairs;
        for (a, b) in self.cuts.iter_mut().zip(&later.cuts) {
            *a += b;
        }
        // Rows of pixels in which all frames are masked lie between two blocks.
        while self.first_pixel_row + self.pixel_rows.len() < later.first_pixel_row {
            let row = self.first_pixel_row + self.pixel_rows.len();
            self.pixel_rows.push(pixel_row(self.pixels, row));
        }
        let mut rows = later.pixel_rows.into_iter();
        if later.first_pixel_row < self.first_pixel_row + self.pixel_rows.len()
            && let (Some(last), Some(first)) = (self.pixel_rows.last_mut(), rows.next())
        {
            for (a, b) in last.iter_mut().zip(first) {
                *a += b;
            }
        }
        self.pixel_rows.extend(rows);
    }
}

/// Nothing summed yet in row `row` of a map.
fn pixel_row(pixels: usize, row: usize) -> Vec<f64> {
    vec![0.0; (pixels - row) * PIXEL]
}

/// Bins ascend; only the last one goes on in the next block.
struct Sums(Vec<BinSums>);

impl Reduce for Sums {
    fn merge(&mut self, later: Self) {
        let mut later = later.0.into_iter().peekable();
        if let Some(last) = self.0.last_mut()
            && let Some(next) = later.next_if(|next| next.bin == last.bin)
        {
            last.merge(next);
        }
        self.0.extend(later);
    }

    fn figures(&self) -> Figures {
        let (items, ssr) = (self.0.iter().map(|s| s.pairs).sum(), self.0.iter().map(|s| s.ssr));
        let ssr: f64 = ssr.sum();
        Figures { items, cost: Some(0.5 * ssr), non_finite: !ssr.is_finite() }
    }

    fn to_bytes(&self) -> Vec<u8> {
        // In one piece, as maps are large.
        let pixels = |s: &BinSums| s.pixel_rows.iter().map(Vec::len).sum::<usize>() + s.cuts.len();
        let numbers = |s: &BinSums| pixels(s) + 3 * s.statistics.class.len() + 64;
        let mut bytes = Vec::with_capacity(8 * self.0.iter().map(numbers).sum::<usize>());
        for s in &self.0 {
            let class = &s.statistics.class;
            let statistics: Vec<f64> = s.statistics.words().collect();
            put_words(&mut bytes, [s.bin as u64, s.pairs, s.first_pixel_row as u64]);
            put_floats(&mut bytes, &[s.ssr, s.weighted]);
            let rows = s.pixel_rows.len();
            let size = [class.len(), statistics.len(), rows, s.pixels, s.cuts.len()];
            put_words(&mut bytes, size.iter().chain(class).map(|number| *number as u64));
            put_floats(&mut bytes, &statistics);
            put_floats(&mut bytes, s.pixel_rows.iter().flatten().chain(&s.cuts));
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut words = Words::new(bytes);
        let mut bins = Vec::new();
        while !words.is_empty() {
            let (bin, pairs, first_pixel_row) = (words.count()?, words.word()?, words.count()?);
            let (ssr, weighted) = (words.float()?, words.float()?);
            let [lags, numbers, rows, pixels, cuts] = [(); 5].map(|()| words.count());
            let class = (0..lags?).map(|_| words.count()).collect::<Option<_>>()?;
            let statistics = Statistics::from_words(class, &words.floats(numbers?)?)?;
            let pixels = pixels?;
            let mut row = |row| {
                let width = pixels.checked_sub(row)?.checked_mul(PIXEL)?;
                words.floats(width)
            };
            let rows = first_pixel_row..first_pixel_row.checked_add(rows?)?;
            let pixel_rows = rows.map(&mut row).collect::<Option<_>>()?;
            let cuts = words.floats(cuts?)?;
            bins.push(BinSums {
                bin,
                ssr,
                weighted,
                statistics,
                pairs,
                pixels,
                first_pixel_row,
                pixel_rows,
                cuts,
            });
        }
        Some(Self(bins))
    }
}

impl Problem<'_> {
    /// Residuals of every bin under the tables `evaluated` and the scaling of each bin. Maps and
    /// cuts stand on the whole time grid; where all frames of a pixel are masked it is NaN.
    ///
    /// **Cost** one sweep; memory pixels² and some thousand numbers a bin.
    ///
    /// # Errors
    /// As [`sweep`].
    pub fn residuals(
        &self,
        evaluated: &Evaluated,
        scaling: &[Scaling],
        size: PictureSize,
    ) -> Result<Vec<BinResiduals>, SweepError<ReadError>> {
        let bins = Bins::new(self.matrices.positions(), self.grid.frames(), size);
        let total = sweep(
            &self.matrices.blocks(self.block),
            self.resources.to("residuals"),
            || Tile::new(self.model.basis() + 3),
            |block, tile| {
                let mut sums = BinSums::new(&bins, &block);
                self.for_each_row(evaluated, scaling, block, tile, |i, first, data, fit| {
                    sums.add(&bins, i, first, data, fit);
                    sums.weigh(self.weights.of(block.bin), i, first, data, fit);
                });
                sums.statistics.close();
                Sums(vec![sums])
            },
        )?;
        Ok(total.0.into_iter().map(|sums| self.finish(&bins, sums)).collect())
    }

    /// Data and model c2 of the pairs of some rows of one bin.
    ///
    /// # Errors
    /// As [`sweep`].
    pub fn pair_values(
        &self,
        evaluated: &Evaluated,
        scaling: &[Scaling],
        source: &BinRows<'_>,
        rows: Range<usize>,
    ) -> Result<PairValues, SweepError<ReadError>> {
        let data = source.values(rows.clone()).map_err(SweepError::Block)?;
        let blocks = source.blocks(rows.clone(), self.block);
        let fit = match blocks.blocks() {
            0 => Values(Vec::new()),
            _ => sweep(
                &blocks,
                self.resources,
                || Tile::new(self.model.basis() + 3),
                |block, tile| {
                    let mut values = Vec::new();
                    self.for_each_row(evaluated, scaling, block, tile, |_, _, _, fit| {
                        values.extend_from_slice(fit);
                    });
                    Values(values)
                },
            )?,
        };
        Ok(PairValues { fit: self.with_gaps(fit.0, source, rows), data })
    }

    /// Values of those of the rows that take part, with NaN for the others.
    fn with_gaps(&self, values: Vec<f64>, source: &BinRows<'_>, rows: Range<usize>) -> Vec<f64> {
        let frames = self.matrices.frames();
        let pairs = |row: usize| frames - 1 - row;
        let all = rows.clone().map(pairs).sum();
        if values.len() == all {
            return values;
        }
        let mut values = values.into_iter();
        let mut whole = Vec::with_capacity(all);
        for row in rows {
            match source.takes(row) {
                false => whole.resize(whole.len() + pairs(row), f64::NAN),
                true => whole.extend(values.by_ref().take(pairs(row))),
            }
        }
        whole
    }

    /// Calls `f(i, first column, data, fit)` for the pairs of a block, in pieces of a row.
    pub(crate) fn for_each_row(
        &self,
        evaluated: &Evaluated,
        scaling: &[Scaling],
        block: PairBlock<'_>,
        tile: &mut Tile,
        mut f: impl FnMut(usize, usize, &[f64], &[f64]),
    ) {
        let nb = self.model.basis();
        let Scaling { contrast, offset } = scaling[block.bin];
        let (mut data, mut fit) = (Vec::with_capacity(TILE), Vec::with_capacity(TILE));
        let frames = block.frames;
        for i in block.first..block.end {
            for first in (i + 1..frames).step_by(TILE) {
                let count = (frames - first).min(TILE);
                tile.clear();
                self.fill_pairs(evaluated, block, i, first, count, tile);
                data.clear();
                fit.clear();
                for (y, m) in tile.row(nb + 2).iter().zip(tile.row(nb)) {
                    for lane in 0..WIDTH {
                        data.push(y.0[lane] + self.shift);
                        fit.push(contrast * m.0[lane] + offset);
                    }
                }
                f(i, first, &data[..count], &fit[..count]);
            }
        }
    }

    fn finish(&self, bins: &Bins, sums: BinSums) -> BinResiduals {
        BinResiduals {
            ssr: sums.ssr,
            weighted: sums.weighted,
            pairs: sums.pairs,
            map: self.map(bins, &sums),
            cuts: self.cuts(bins, &sums),
            statistics: sums.statistics,
        }
    }

    fn map(&self, bins: &Bins, sums: &BinSums) -> MapTriple {
        let n = bins.pixels;
        let empty = vec![f32::NAN; n * n];
        let (mut data, mut fit, mut residual) = (empty.clone(), empty.clone(), empty);
        for (r, row) in sums.pixel_rows.iter().enumerate() {
            let a = sums.first_pixel_row + r;
            let pixels = (a..).zip(row.chunks_exact(PIXEL));
            for (b, pixel) in pixels.filter(|(_, p)| p[0] > 0.0) {
                let (y, f) = (pixel[1] / pixel[0], pixel[2] / pixel[0]);
                for at in [b * n + a, a * n + b] {
                    data[at] = y as f32;
                    fit[at] = f as f32;
                    residual[at] = (y - f) as f32;
                }
            }
        }
        let times = self.grid.times();
        let half = 0.5 * self.grid.dt();
        let (first, last) = (times[0], times[times.len() - 1]);
        MapTriple { pixels: n, t_start_s: first - half, t_end_s: last + half, data, fit, residual }
    }

    fn cuts(&self, bins: &Bins, sums: &BinSums) -> Vec<Cut> {
        let dt = self.grid.dt();
        let duration = dt * self.grid.frames() as f64;
        sums.cuts
            .chunks_exact(bins.lags * LAG)
            .zip(AGES)
            .map(|(lags, age)| {
                let mut cut = Cut {
                    age_s: self.grid.times()[0] + age * duration,
                    lag_s: Vec::new(),
                    data: Vec::new(),
                    data_stderr: Vec::new(),
                    fit: Vec::new(),
                };
                for sum in lags.chunks_exact(LAG).filter(|sum| sum[0] > 0.0) {
                    let (n, mean) = (sum[0], sum[2] / sum[0]);
                    let variance = (sum[3] / n - mean * mean).max(0.0) * n / (n - 1.0);
                    cut.lag_s.push(dt * sum[1] / n);
                    cut.data.push(mean);
                    cut.data_stderr.push((variance / n).sqrt());
                    cut.fit.push(sum[4] / n);
                }
                cut
            })
            .collect()
    }
}

/// Values in storage order.
struct Values(Vec<f64>);

impl Reduce for Values {
    fn merge(&mut self, later: Self) {
        self.0.extend(later.0);
    }
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_floats(&mut bytes, &self.0);
        bytes
    }
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut words = Words::new(bytes);
        let values = words.floats(bytes.len() / 8)?;
        words.is_empty().then_some(Self(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_bins_ascend_and_start_one_frame_apart() {
        let bins = Bins::new((0..1000).collect(), 1000, PictureSize { pixels: 100 });
        assert_eq!(bins.lag[1..4], [0, 1, 2]);
        assert!(bins.lag.windows(2).skip(1).all(|w| w[1] == w[0] || w[1] == w[0] + 1));
        assert_eq!(bins.lags, bins.lag[999] + 1);
        assert!(bins.lags < 60);
    }

    #[test]
    fn bands_hold_the_ages_they_name() {
        let bins = Bins::new((0..200).collect(), 200, PictureSize { pixels: 100 });
        for band in 0..AGES.len() {
            for i in 0..200 {
                for j in i + 1..200 {
                    let age = 0.5 * (i + j) as f64 / 200.0;
                    let inside = (age - AGES[band]).abs() <= HALF_BAND + 1e-12;
                    assert_eq!(bins.band(band, i).contains(&j), inside, "{band} {i} {j}");
                }
            }
        }
    }
}
