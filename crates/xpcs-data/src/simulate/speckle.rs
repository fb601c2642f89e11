//! c2 averaged over simulated speckle pixels.

use std::ops::Range;
use std::sync::Mutex;

use dyne_runtime::{Generator, Lanes, Stream};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};

use super::field::Field;
use super::modes::mode_weights;
use super::{Counts, SimulateError};

/// Pixels that one lane draws at a time. The sizes are fixed so that sums are formed in the
/// same order on any number of lanes.
const PIXELS_PER_BLOCK: usize = 32;
/// Blocks that are drawn before they are added up; bounds the memory.
const BLOCKS_PER_ROUND: usize = 64;
/// Rows of the moments that one lane adds to at a time.
const ROWS_PER_TILE: usize = 64;

/// The pixels of one bin.
pub(super) struct Pixels<'a> {
    pub(super) field: &'a Field,
    pub(super) frames: usize,
    pub(super) count: usize,
    pub(super) counts: Counts,
    pub(super) contrast: f64,
    pub(super) stream: Stream,
}

/// First and second moments of the intensities over pixels.
pub(super) struct Moments {
    pixels: f64,
    sums: Vec<f64>,
    tiles: Vec<Tile>,
}

/// Σ I_i I_j over pixels for rows i from `first` on and columns j from `first` to the last
/// frame: element (j − first, i − first).
struct Tile {
    first: usize,
    products: Mat<f64>,
}

impl Pixels<'_> {
    /// Draws all pixels and adds up their moments.
    pub(super) fn moments(&self, lanes: &Lanes) -> Moments {
        let weights = mode_weights(self.contrast);
        let mut sums = vec![0.0; self.frames];
        let tiles: Vec<Mutex<Tile>> = (0..self.frames)
            .step_by(ROWS_PER_TILE)
            .map(|first| Mutex::new(Tile::new(first, self.frames)))
            .collect();
        let starts: Vec<usize> = (0..self.count).step_by(PIXELS_PER_BLOCK).collect();
        for round in starts.chunks(BLOCKS_PER_ROUND) {
            let blocks = lanes.map(round, |&start| {
                let end = self.count.min(start + PIXELS_PER_BLOCK);
                self.intensities(start..end, &weights)
            });
            for block in &blocks {
                add_columns(block, &mut sums);
            }
            lanes.map(&tiles, |tile| {
                let mut tile = tile.lock().expect("no lane panics while it holds a tile");
                blocks.iter().for_each(|block| tile.add(block));
            });
        }
        let tiles = tiles
            .into_iter()
            .map(|tile| tile.into_inner().expect("no lane panics while it holds a tile"))
            .collect();
        Moments { pixels: self.count as f64, sums, tiles }
    }

    /// Intensities or counts of the pixels of a block, frames × pixels. Each pixel has its
    /// own streams for field and counts, so counts see the same speckle as none.
    fn intensities(&self, pixels: Range<usize>, weights: &[f64]) -> Mat<f64> {
        let streams: Vec<Stream> = pixels.map(|pixel| self.stream.index(pixel as u64)).collect();
        let mut fields: Vec<Generator> =
            streams.iter().map(|stream| stream.split("field").generator()).collect();
        let mut intensities = self.field.intensities(weights, &mut fields);
        if let Counts::Mean(mean) = self.counts {
            for (pixel, stream) in streams.iter().enumerate() {
                let mut shot = stream.split("shot").generator();
                for value in intensities.col_as_slice_mut(pixel) {
                    *value = shot.poisson(mean * *value);
                }
            }
        }
        intensities
    }
}

impl Tile {
    fn new(first: usize, frames: usize) -> Self {
        let rows = ROWS_PER_TILE.min(frames - first);
        Self { first, products: Mat::zeros(frames - first, rows) }
    }

    fn add(&mut self, intensities: &Mat<f64>) {
        let columns = intensities.subrows(self.first, self.products.nrows());
        let rows = intensities.subrows(self.first, self.products.ncols());
        matmul(self.products.as_mut(), Accum::Add, columns, rows.transpose(), 1.0, Par::Seq);
    }
}

impl Moments {
    /// Fails with the first frame in which no pixel counted anything.
    pub(super) fn check_lit(&self, bin: usize) -> Result<(), SimulateError> {
        match self.sums.iter().position(|sum| *sum <= 0.0) {
            Some(frame) => Err(SimulateError::DarkFrame { bin, frame }),
            None => Ok(()),
        }
    }

    /// ⟨I_i I_j⟩ / (⟨I_i⟩⟨I_j⟩) for j from `i` to the last frame.
    pub(super) fn row(&self, i: usize) -> Vec<f64> {
        let tile = &self.tiles[i / ROWS_PER_TILE];
        let skip = i - tile.first;
        let scale = self.pixels / self.sums[i];
        let products = &tile.products.col_as_slice(skip)[skip..];
        products.iter().zip(&self.sums[i..]).map(|(product, sum)| product * scale / sum).collect()
    }
}

fn add_columns(block: &Mat<f64>, sums: &mut [f64]) {
    for pixel in 0..block.ncols() {
        for (sum, value) in sums.iter_mut().zip(block.col_as_slice(pixel)) {
            *sum += value;
        }
    }
}
