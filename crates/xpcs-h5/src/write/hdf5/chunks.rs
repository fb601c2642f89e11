//! Matrices in chunks, shuffled and deflated, so that some rows can be read without the others.

use std::io::{self, Seek, Write};

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::Encoder;
use super::checksum::lookup3;
use super::header::{FILL_NEVER_SEEN, Header, Object, axes, message};
use super::value::float_type;

impl<W: Write + Seek> Encoder<W> {
    /// Writes an `n` × `n` matrix of 32-bit floats in square chunks, shuffled and deflated, so that some
    /// rows can be read without the others.
    pub(in super::super) fn matrix(
        &mut self,
        values: &[f32],
        n: u64,
        level: u32,
    ) -> io::Result<Object> {
        let side = chunk_side(n);
        let mut chunks = Vec::new();
        let mut chunk = vec![0.0; (side * side) as usize];
        for (row, column) in corners(n, side) {
            cut(values, n as usize, (row as usize, column as usize), side as usize, &mut chunk);
            let stored = deflated(&shuffled(&chunk), level)?;
            chunks.push(StoredChunk { address: self.raw(&stored)?, bytes: stored.len() as u64 });
        }
        let layout = match &chunks[..] {
            [one] => single_chunk(&[side, side], 4, *one),
            several => {
                let index = self.fixed_array(several, side * side * 4)?;
                several_chunks(&[side, side], 4, index)
            }
        };
        let mut header = Header::default();
        header.push(message::DATASPACE, &axes(&[n, n]));
        header.push(message::DATATYPE, &float_type(4));
        header.push(message::FILL_VALUE, &FILL_NEVER_SEEN);
        header.push(message::LAYOUT, &layout);
        header.push(message::FILTERS, &shuffle_and_deflate(4, level));
        self.header(header)
    }

    /// Writes the index of filtered chunks, each of `bytes` before the filters, as a fixed array; returns
    /// where its header lies.
    fn fixed_array(&mut self, chunks: &[StoredChunk], bytes: u64) -> io::Result<u64> {
        // As many bytes of length as the library takes, with room for chunks that grow.
        let width = (1 + (bytes.ilog2() as usize + 8) / 8).min(8);
        let start = self.at.next_multiple_of(8);
        let mut array = b"FAHD".to_vec();
        // Version 0, filtered chunks, bytes of an entry, bits of a page.
        array.extend([0, 1, (8 + width + 4) as u8, PAGE_BITS]);
        array.extend((chunks.len() as u64).to_le_bytes());
        array.extend((start + FIXED_ARRAY_HEADER).to_le_bytes());
        array.extend(lookup3(&array).to_le_bytes());
        let mut block = b"FADB\0\x01".to_vec();
        block.extend(start.to_le_bytes());
        for chunk in chunks {
            block.extend(chunk.address.to_le_bytes());
            block.extend(&chunk.bytes.to_le_bytes()[..width]);
            block.extend([0; 4]);
        }
        block.extend(lookup3(&block).to_le_bytes());
        array.resize(FIXED_ARRAY_HEADER as usize, 0);
        array.extend(block);
        self.raw(&array)
    }
}

/// A chunk in the file.
#[derive(Debug, Clone, Copy)]
struct StoredChunk {
    address: u64,
    bytes: u64,
}

/// Bytes from the header of a fixed array to its data block: 28 and as many as align the latter.
const FIXED_ARRAY_HEADER: u64 = 32;
/// Up to two to this power, the entries of a fixed array are not cut into pages.
const PAGE_BITS: u8 = 10;

/// Side of the chunks of an `n` × `n` matrix: the matrix itself where it is small, else 256, or as many as
/// leave 32 × 32 of them.
fn chunk_side(n: u64) -> u64 {
    if n <= 256 { n } else { n.div_ceil(32).max(256) }
}

/// First row and column of each chunk, row by row.
fn corners(n: u64, side: u64) -> impl Iterator<Item = (u64, u64)> {
    let starts = move || (0..n).step_by(side as usize);
    starts().flat_map(move |row| starts().map(move |column| (row, column)))
}

/// The chunk from (`row`, `column`) on; zeros beyond the matrix.
fn cut(values: &[f32], n: usize, (row, column): (usize, usize), side: usize, chunk: &mut [f32]) {
    chunk.fill(0.0);
    let width = side.min(n - column);
    for (k, out) in chunk.chunks_exact_mut(side).take(n - row).enumerate() {
        out[..width].copy_from_slice(&values[(row + k) * n + column..][..width]);
    }
}

/// Layout version 4: chunks of this shape, and `flags`; what follows depends on the index.
fn chunked(shape: &[u64], element: u64, flags: u8) -> Vec<u8> {
    let lengths = || shape.iter().copied().chain([element]);
    // The library insists on the fewest bytes that hold the longest axis.
    let longest = lengths().max().unwrap_or(element);
    let width = (u64::BITS - longest.leading_zeros()).div_ceil(8) as usize;
    // Axes and the element in `width` bytes each.
    let mut body = vec![4, 2, flags, shape.len() as u8 + 1, width as u8];
    for length in lengths() {
        body.extend(&length.to_le_bytes()[..width]);
    }
    body
}

/// Layout of one filtered chunk that holds everything.
fn single_chunk(shape: &[u64], element: u64, chunk: StoredChunk) -> Vec<u8> {
    // The flag says that the chunk is filtered; index 1.
    let mut body = chunked(shape, element, 0x02);
    body.push(1);
    body.extend(chunk.bytes.to_le_bytes());
    body.extend([0; 4]);
    body.extend(chunk.address.to_le_bytes());
    body
}

/// Layout of several chunks with a fixed array as their index.
fn several_chunks(shape: &[u64], element: u64, index: u64) -> Vec<u8> {
    let mut body = chunked(shape, element, 0);
    body.extend([3, PAGE_BITS]);
    body.extend(index.to_le_bytes());
    body
}

fn shuffle_and_deflate(element: u32, level: u32) -> Vec<u8> {
    let mut body = vec![2, 2];
    for (id, parameter) in [(2u16, element), (1, level)] {
        body.extend(id.to_le_bytes());
        body.extend([0, 0, 1, 0]);
        body.extend(parameter.to_le_bytes());
    }
    body
}

/// First all first bytes, then all second bytes, and so on.
fn shuffled(values: &[f32]) -> Vec<u8> {
    let mut out = vec![0; 4 * values.len()];
    let (low, high) = out.split_at_mut(2 * values.len());
    let (first, second) = low.split_at_mut(values.len());
    let (third, fourth) = high.split_at_mut(values.len());
    for (k, value) in values.iter().enumerate() {
        let [a, b, c, d] = value.to_le_bytes();
        (first[k], second[k], third[k], fourth[k]) = (a, b, c, d);
    }
    out
}

fn deflated(bytes: &[u8], level: u32) -> io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(bytes)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::{chunk_side, corners, cut, shuffled};

    #[test]
    fn chunks_cover_the_matrix_once() {
        for n in [256u64, 257, 1000, 8192, 20_000] {
            let side = chunk_side(n);
            assert!(corners(n, side).count() <= 1024, "{n}");
        }
        let (n, side) = (5, 3);
        let values: Vec<f32> = (0..25).map(|k| k as f32 + 1.0).collect();
        let mut found = vec![0.0; 25];
        for (row, column) in corners(n, side) {
            let mut chunk = vec![9.0; 9];
            cut(&values, 5, (row as usize, column as usize), 3, &mut chunk);
            for (k, value) in chunk.iter().enumerate() {
                let (i, j) = (row as usize + k / 3, column as usize + k % 3);
                match i < 5 && j < 5 {
                    true => found[i * 5 + j] += value,
                    false => assert_eq!(*value, 0.0),
                }
            }
        }
        assert_eq!(found, values);
    }

    #[test]
    fn shuffling_groups_bytes() {
        let values = [f32::from_le_bytes([1, 2, 3, 4]), f32::from_le_bytes([5, 6, 7, 8])];
        assert_eq!(shuffled(&values), [1, 5, 2, 6, 3, 7, 4, 8]);
    }
}
