//! c2 averaged over simulated speckle pixels.

use std::ops::Range;
use std::sync::Mutex;

use dyne_runtime::{Cancel, Generator, Lanes, Stream};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};

use super::field::Field;
use super::modes::{Modes, modes};
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
    pub(super) counts: &'a [Counts],
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
    /// Draws all pixels and adds up their moments, once for each mean count.
    pub(super) fn moments(&self, lanes: &Lanes) -> Vec<Moments> {
        let modes = modes(self.contrast);
        let mut sums: Vec<Sums> = self.counts.iter().map(|_| Sums::new(self.frames)).collect();
        let starts: Vec<usize> = (0..self.count).step_by(PIXELS_PER_BLOCK).collect();
        for round in starts.chunks(BLOCKS_PER_ROUND) {
            let blocks = lanes.map(round, |&start| {
                let end = self.count.min(start + PIXELS_PER_BLOCK);
                self.intensities(start..end, &modes)
            });
            for (k, sums) in sums.iter_mut().enumerate() {
                sums.add(&blocks, k, lanes);
            }
        }
        sums.into_iter().map(|sums| sums.moments(self.count)).collect()
    }

    /// Intensities or counts of the pixels of a block, frames × pixels, one matrix for each mean
    /// count. Each pixel has its own streams for field and counts, so counts see the same
    /// speckle as none.
    fn intensities(&self, pixels: Range<usize>, modes: &Modes) -> Vec<Mat<f64>> {
        let streams: Vec<Stream> = pixels.map(|pixel| self.stream.index(pixel as u64)).collect();
        let mut fields: Vec<Generator> =
            streams.iter().map(|stream| stream.split("field").generator()).collect();
        let drawn = self.field.intensities(modes, &mut fields, &Cancel::new());
        self.counts.iter().map(|counts| detected(&drawn, *counts, &streams)).collect()
    }
}

/// What a detector counts of the intensities of some pixels.
fn detected(drawn: &Mat<f64>, counts: Counts, streams: &[Stream]) -> Mat<f64> {
    let mut intensities = drawn.clone();
    if let Counts::Mean(mean) = counts {
        for (pixel, stream) in streams.iter().enumerate() {
            let mut shot = stream.split("shot").generator();
            for value in intensities.col_as_slice_mut(pixel) {
                *value = shot.poisson(mean * *value);
            }
        }
    }
    intensities
}

/// Moments while they are added up.
struct Sums {
    first: Vec<f64>,
    tiles: Vec<Mutex<Tile>>,
}

impl Sums {
    fn new(frames: usize) -> Self {
        let starts = (0..frames).step_by(ROWS_PER_TILE);
        let tiles = starts.map(|first| Mutex::new(Tile::new(first, frames))).collect();
        Self { first: vec![0.0; frames], tiles }
    }

    /// Adds the `k`-th matrix of each block.
    fn add(&mut self, blocks: &[Vec<Mat<f64>>], k: usize, lanes: &Lanes) {
        for block in blocks {
            add_columns(&block[k], &mut self.first);
        }
        lanes.map(&self.tiles, |tile| {
            let mut tile = tile.lock().expect("no lane panics while it holds a tile");
            blocks.iter().for_each(|block| tile.add(&block[k]));
        });
    }

    fn moments(self, pixels: usize) -> Moments {
        let tiles = self.tiles.into_iter();
        let tiles = tiles
            .map(|tile| tile.into_inner().expect("no lane panics while it holds a tile"))
            .collect();
        Moments { pixels: pixels as f64, sums: self.first, tiles }
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
