//! Heat maps as palette images.

use png::{BitDepth, ColorType, Compression, Encoder, Filter};

use crate::colour::{ColourMap, MISSING, PAPER};

/// Colour steps of an image. More are not told apart on noise and cost bytes: a noisy map needs about log₂ of this many
/// bits a pixel.
const LEVELS: usize = 96;

/// Bytes a pixel that noise costs at most: log₂ of the levels over 8, with headers.
pub(crate) const NOISE_BYTES: f64 = 0.86;

/// Bytes a pixel that the map of a model costs at most in practice.
pub(crate) const SMOOTH_BYTES: f64 = 0.15;

/// Palette index of a pixel without a value.
const MISSING_INDEX: u8 = LEVELS as u8;

/// Range of values that the ends of a colour map stand for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limits {
    /// Value at the first colour.
    pub(crate) lo: f64,
    /// Value at the last colour.
    pub(crate) hi: f64,
}

impl Limits {
    fn level(self, value: f64) -> u8 {
        if value.is_nan() {
            return MISSING_INDEX;
        }
        let fraction = (value - self.lo) / (self.hi - self.lo);
        // The cast saturates, so values outside the limits take the end colours.
        ((fraction * LEVELS as f64) as u8).min(LEVELS as u8 - 1)
    }
}

/// Encodes a square map as an 8-bit palette PNG with the origin in the lower left corner.
///
/// **Symbols.** `values`: row-major, row = t2, column = t1, `pixels`² values, unit of the limits. **Edges.** NaN and
/// values that are not there take the colour of missing values; values beyond the limits take the end colours; zero
/// pixels give one missing pixel. **Cost.** One pass and one deflate, about 3 ms and at most [`NOISE_BYTES`] a
/// pixel. **Checked by** `rows_run_upwards_and_gaps_are_grey`,
/// `noise_costs_less_than_a_byte_a_pixel`, `a_smooth_map_is_small`.
pub(crate) fn square_map(
    values: &[f32],
    pixels: usize,
    limits: Limits,
    colours: ColourMap,
) -> Vec<u8> {
    let side = pixels.max(1);
    let mut indices = Vec::with_capacity(side * side);
    for row in (0..side).rev() {
        for column in 0..side {
            let value = values.get(row * side + column).map_or(f64::NAN, |v| f64::from(*v));
            indices.push(limits.level(value));
        }
    }
    palette_png(&indices, side, colours)
}

/// Palette indices of a small square map, top row first.
pub(crate) struct Tile(Vec<u8>);

/// Reduces a square map to `side` pixels along each side, each the mean of the pixels that it covers.
///
/// **Edges.** NaN does not count; a pixel without a value is missing. **Checked by** `tiles_are_means`.
pub(crate) fn tile(values: &[f32], pixels: usize, side: usize, limits: Limits) -> Tile {
    let covered = |k: usize| k * pixels / side..((k + 1) * pixels).div_ceil(side).min(pixels);
    let mut indices = Vec::with_capacity(side * side);
    for row in (0..side).rev() {
        for column in 0..side {
            let (mut n, mut sum) = (0.0, 0.0);
            for i in covered(row) {
                for value in covered(column).filter_map(|j| values.get(i * pixels + j)) {
                    if value.is_finite() {
                        (n, sum) = (n + 1.0, sum + f64::from(*value));
                    }
                }
            }
            indices.push(limits.level(sum / n));
        }
    }
    Tile(indices)
}

/// Encodes small maps side by side, `gap` white pixels apart, in rows of `columns`.
pub(crate) fn mosaic(
    tiles: &[Option<Tile>],
    columns: usize,
    (side, gap): (usize, usize),
    colours: ColourMap,
) -> Vec<u8> {
    const WHITE: u8 = MISSING_INDEX + 1;
    let pitch = side + gap;
    let width = columns * pitch;
    let mut indices = vec![WHITE; width * pitch * tiles.len().div_ceil(columns).max(1)];
    for (k, tile) in tiles.iter().enumerate() {
        let Some(Tile(tile)) = tile else { continue };
        let (top, left) = (k / columns * pitch, k % columns * pitch);
        for (row, line) in tile.chunks(side).enumerate() {
            let at = (top + row) * width + left;
            indices[at..at + side].copy_from_slice(line);
        }
    }
    let mut palette = palette(colours);
    palette.extend(PAPER);
    encode(&indices, width, palette)
}

/// A colour bar, one pixel wide, last colour on top.
pub(crate) fn colour_bar(colours: ColourMap) -> Vec<u8> {
    let indices: Vec<u8> = (0..LEVELS as u8).rev().collect();
    palette_png(&indices, 1, colours)
}

fn palette_png(indices: &[u8], width: usize, colours: ColourMap) -> Vec<u8> {
    encode(indices, width, palette(colours))
}

fn encode(indices: &[u8], width: usize, palette: Vec<u8>) -> Vec<u8> {
    let height = indices.len() / width;
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, extent(width), extent(height));
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(palette);
    encoder.set_compression(Compression::High);
    encoder.set_filter(Filter::NoFilter);
    let mut writer =
        encoder.write_header().expect("a palette image of at least one pixel has a valid header");
    writer
        .write_image_data(indices)
        .expect("there is one index a pixel and memory takes all bytes");
    writer.finish().expect("a complete image ends");
    out
}

fn palette(colours: ColourMap) -> Vec<u8> {
    let steps = (0..LEVELS).map(|k| colours.at(k as f64 / (LEVELS - 1) as f64));
    steps.chain([MISSING]).flatten().collect()
}

fn extent(pixels: usize) -> u32 {
    u32::try_from(pixels).expect("a map has fewer than 2³² pixels a side")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(png: &[u8]) -> (u32, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut out = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut out).unwrap();
        out.truncate(info.buffer_size());
        (info.width, out)
    }

    #[test]
    fn rows_run_upwards_and_gaps_are_grey() {
        let values = [0.0, 1.0, f32::NAN, -5.0];
        let png = square_map(&values, 2, Limits { lo: 0.0, hi: 1.0 }, ColourMap::Viridis);
        let (width, indices) = decode(&png);
        assert_eq!(width, 2);
        assert_eq!(indices, [MISSING_INDEX, 0, 0, LEVELS as u8 - 1]);
    }

    #[test]
    fn tiles_are_means() {
        let values = [0.0, 0.0, 1.0, 1.0, 0.0, f32::NAN, 1.0, 1.0, 0.0, 1.0, 0.5, 0.5];
        let values = [&values[..], &[0.0, 1.0, 0.5, 0.5]].concat();
        let limits = Limits { lo: 0.0, hi: 1.0 };
        let Tile(tile) = tile(&values, 4, 2, limits);
        let half = limits.level(0.5);
        assert_eq!(tile, [half, half, 0, LEVELS as u8 - 1]);
        let png = mosaic(&[Some(Tile(tile)), None], 2, (2, 1), ColourMap::Viridis);
        let (width, indices) = decode(&png);
        assert_eq!((width, indices.len()), (6, 18));
        assert_eq!(indices[..3], [half, half, MISSING_INDEX + 1]);
    }

    #[test]
    fn absent_values_are_missing_pixels() {
        let png = square_map(&[], 0, Limits { lo: 0.0, hi: 1.0 }, ColourMap::BlueRed);
        assert_eq!(decode(&png).1, [MISSING_INDEX]);
    }

    #[test]
    fn palette_ends_with_the_colour_of_gaps() {
        let palette = palette(ColourMap::Viridis);
        assert_eq!(palette.len(), 3 * (LEVELS + 1));
        assert_eq!(palette[..3], [68, 1, 84]);
        assert_eq!(palette[3 * LEVELS..], MISSING);
    }

    #[test]
    fn noise_costs_less_than_a_byte_a_pixel() {
        const SIDE: usize = 200;
        let mut state = 1u64;
        let mut uniform = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / 16_777_216.0
        };
        let noise: Vec<f32> = (0..SIDE * SIDE).map(|_| uniform()).collect();
        let png = square_map(&noise, SIDE, Limits { lo: 0.0, hi: 1.0 }, ColourMap::Viridis);
        assert!((png.len() as f64) < NOISE_BYTES * (SIDE * SIDE) as f64, "{} bytes", png.len());
    }

    #[test]
    fn a_smooth_map_is_small() {
        const SIDE: usize = 200;
        let decay = |k: usize| {
            let (i, j) = ((k / SIDE) as f32, (k % SIDE) as f32);
            (-(i - j).abs() / (60.0 + 0.3 * (i + j))).exp()
        };
        let smooth: Vec<f32> = (0..SIDE * SIDE).map(decay).collect();
        let png = square_map(&smooth, SIDE, Limits { lo: 0.0, hi: 1.0 }, ColourMap::Viridis);
        assert!((png.len() as f64) < SMOOTH_BYTES * (SIDE * SIDE) as f64, "{} bytes", png.len());
    }
}
