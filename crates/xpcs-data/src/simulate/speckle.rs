//! c2 averaged over simulated speckle pixels.

use std::ops::Range;
use std::sync::Mutex;

use dyne_runtime::{Cancel, Generator, Lanes, Stream};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};

use super::field::Field;
use super::modes::{Modes, modes};
use super::{Counts, SimulateError};

/// Speckles that one lane draws at a time. The sizes are fixed so that sums are formed in the
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
    /// Pixels that see one speckle.
    pub(super) speckle: usize,
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
        let speckles = self.count.div_ceil(self.speckle);
        let starts: Vec<usize> = (0..speckles).step_by(PIXELS_PER_BLOCK).collect();
        for round in starts.chunks(BLOCKS_PER_ROUND) {
            let blocks = lanes.map(round, |&start| {
                let end = speckles.min(start + PIXELS_PER_BLOCK);
                self.intensities(start..end, &modes)
            });
            for (k, sums) in sums.iter_mut().enumerate() {
                sums.add(&blocks, k, lanes);
            }
        }
        sums.into_iter().map(|sums| sums.moments(self.count)).collect()
    }

    /// Intensities or counts of the pixels of some speckles, frames × pixels, one matrix for each mean
    /// count. Each speckle has its own streams for field and counts, so counts see the same
    /// speckle as none.
    fn intensities(&self, speckles: Range<usize>, modes: &Modes) -> Vec<Mat<f64>> {
        let pixels: Vec<usize> = speckles.clone().map(|speckle| self.pixels_of(speckle)).collect();
        let streams: Vec<Stream> =
            speckles.map(|speckle| self.stream.index(speckle as u64)).collect();
        let mut fields: Vec<Generator> =
            streams.iter().map(|stream| stream.split("field").generator()).collect();
        let drawn = self.field.intensities(modes, &mut fields, &Cancel::new());
        self.counts.iter().map(|counts| detected(&drawn, *counts, &streams, &pixels)).collect()
    }

    /// Pixels that see a speckle; the last one may be seen by fewer.
    fn pixels_of(&self, speckle: usize) -> usize {
        self.speckle.min(self.count - speckle * self.speckle)
    }
}

/// What a detector counts of the intensities of some speckles, each seen by some pixels.
fn detected(drawn: &Mat<f64>, counts: Counts, streams: &[Stream], pixels: &[usize]) -> Mat<f64> {
    let mut intensities = Mat::zeros(drawn.nrows(), pixels.iter().sum());
    let mut column = 0;
    for (speckle, stream) in streams.iter().enumerate() {
        for pixel in 0..pixels[speckle] {
            let values = intensities.col_as_slice_mut(column);
            values.copy_from_slice(drawn.col_as_slice(speckle));
            if let Counts::Mean(mean) = counts {
                let shot = stream.split("shot");
                let mut shot = match pixel {
                    0 => shot.generator(),
                    other => shot.index(other as u64).generator(),
                };
                values.iter_mut().for_each(|value| *value = shot.poisson(mean * *value));
            }
            column += 1;
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
