//! A writer of the few HDF5 structures that result files need.
//!
//! Raw data stream to the file; object headers follow when their data are written, a
//! group after its members, and the superblock last, at the beginning. Structures:
//! superblock version 2, object headers version 2, links in the header of their group,
//! contiguous data, and chunked data with shuffle and gzip (indices "single chunk" and "fixed
//! array", read by HDF5 1.10 and later).
//!
//! **Source** The HDF Group, *HDF5 File Format Specification Version 3.0*, sections
//! II.A, IV.A, VI and VII; Jenkins, lookup3.c (2006), for the checksum.

use std::io::{self, Seek, SeekFrom, Write};

use flate2::Compression;
use flate2::write::ZlibEncoder;

const SUPERBLOCK_BYTES: u64 = 48;
const UNDEFINED: u64 = u64::MAX;

/// Message types of object headers.
mod message {
    pub(super) const DATASPACE: u8 = 0x01;
    pub(super) const LINK_INFO: u8 = 0x02;
    pub(super) const DATATYPE: u8 = 0x03;
    pub(super) const FILL_VALUE: u8 = 0x05;
    pub(super) const LINK: u8 = 0x06;
    pub(super) const LAYOUT: u8 = 0x08;
    pub(super) const GROUP_INFO: u8 = 0x0A;
    pub(super) const FILTERS: u8 = 0x0B;
    pub(super) const ATTRIBUTE: u8 = 0x0C;
}

/// Where an object header lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Object(u64);

/// Values of a small dataset or attribute.
#[derive(Debug, Clone, Copy)]
pub(super) enum Values<'a> {
    /// Signed 64-bit integers.
    Integers(&'a [i64]),
    /// 64-bit floats.
    Floats(&'a [f64]),
    /// Text of fixed length, UTF-8, padded with zeros.
    Texts(&'a [&'a str]),
}

impl Values<'_> {
    fn count(self) -> usize {
        match self {
            Self::Integers(v) => v.len(),
            Self::Floats(v) => v.len(),
            Self::Texts(v) => v.len(),
        }
    }

    fn text_bytes(texts: &[&str]) -> usize {
        texts.iter().map(|t| t.len()).max().unwrap_or(0).max(1)
    }

    fn datatype(self) -> Vec<u8> {
        match self {
            Self::Integers(_) => integer_type(),
            Self::Floats(_) => float_type(8),
            Self::Texts(texts) => text_type(Self::text_bytes(texts) as u32),
        }
    }

    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Integers(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::Floats(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::Texts(texts) => {
                let width = Self::text_bytes(texts);
                let padded = texts
                    .iter()
                    .flat_map(|t| t.bytes().chain(std::iter::repeat_n(0, width - t.len())));
                padded.collect()
            }
        }
    }
}

/// Shape of a small dataset or attribute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shape {
    /// One value, no axis.
    Scalar,
    /// One axis.
    List,
}

/// An attribute of a dataset.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attribute<'a> {
    pub(super) name: &'a str,
    pub(super) values: Values<'a>,
}

/// A file being written.
pub(super) struct Encoder<W> {
    out: W,
    at: u64,
}

impl<W: Write + Seek> Encoder<W> {
    /// Starts a file at the beginning of `out`.
    pub(super) fn new(mut out: W) -> io::Result<Self> {
        out.write_all(&[0; SUPERBLOCK_BYTES as usize])?;
        Ok(Self { out, at: SUPERBLOCK_BYTES })
    }

    /// Writes a small dataset.
    pub(super) fn dataset(
        &mut self,
        values: Values<'_>,
        shape: Shape,
        attributes: &[Attribute<'_>],
    ) -> io::Result<Object> {
        let bytes = values.bytes();
        let address = self.raw(&bytes)?;
        let mut header = Header::default();
        header.push(message::DATASPACE, &dataspace(shape, values.count()));
        header.push(message::DATATYPE, &values.datatype());
        header.push(message::FILL_VALUE, &FILL_NEVER_SEEN);
        header.push(message::LAYOUT, &contiguous(address, bytes.len() as u64));
        for attribute in attributes {
            header.push(message::ATTRIBUTE, &attribute_message(attribute));
        }
        self.header(header)
    }

    /// Writes an `n` × `n` matrix of 32-bit floats in square chunks, shuffled and deflated, so that some
    /// rows can be read without the others.
    pub(super) fn matrix(&mut self, values: &[f32], n: u64, level: u32) -> io::Result<Object> {
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

    /// Writes a group with its members.
    pub(super) fn group(&mut self, members: &[(&str, Object)]) -> io::Result<Object> {
        let mut header = Header::default();
        let mut info = vec![0, 0];
        info.extend(UNDEFINED.to_le_bytes());
        info.extend(UNDEFINED.to_le_bytes());
        header.push(message::LINK_INFO, &info);
        header.push(message::GROUP_INFO, &[0, 0]);
        for (name, object) in members {
            // Version 1, no optional field, one byte for the length of the name.
            let mut link = vec![1, 0, name.len() as u8];
            link.extend(name.as_bytes());
            link.extend(object.0.to_le_bytes());
            header.push(message::LINK, &link);
        }
        self.header(header)
    }

    /// Writes the superblock and hands the file back.
    pub(super) fn finish(mut self, root: Object) -> io::Result<W> {
        let mut block = b"\x89HDF\r\n\x1a\n".to_vec();
        // Version 2, offsets and lengths of 8 bytes, no flag.
        block.extend([2, 8, 8, 0]);
        for address in [0, UNDEFINED, self.at, root.0] {
            block.extend(address.to_le_bytes());
        }
        block.extend(lookup3(&block).to_le_bytes());
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(&block)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn raw(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let padding = self.at.next_multiple_of(8) - self.at;
        self.out.write_all(&[0; 8][..padding as usize])?;
        self.out.write_all(bytes)?;
        let address = self.at + padding;
        self.at = address + bytes.len() as u64;
        Ok(address)
    }

    fn header(&mut self, header: Header) -> io::Result<Object> {
        self.raw(&header.finish()).map(Object)
    }
}

/// Fill value message: version 3, space taken late, written only if set, not defined.
const FILL_NEVER_SEEN: [u8; 2] = [3, 0x0A];

/// Messages of an object header.
#[derive(Default)]
struct Header {
    messages: Vec<u8>,
}

impl Header {
    fn push(&mut self, kind: u8, body: &[u8]) {
        let bytes = u16::try_from(body.len()).expect("messages of result files are short");
        self.messages.push(kind);
        self.messages.extend(bytes.to_le_bytes());
        self.messages.push(0);
        self.messages.extend(body);
    }

    fn finish(self) -> Vec<u8> {
        let bytes = u32::try_from(self.messages.len()).expect("a header is far below 4 GiB");
        let mut block = b"OHDR".to_vec();
        // Version 2, a size of four bytes.
        block.extend([2, 0x02]);
        block.extend(bytes.to_le_bytes());
        block.extend(self.messages);
        block.extend(lookup3(&block).to_le_bytes());
        block
    }
}

fn dataspace(shape: Shape, count: usize) -> Vec<u8> {
    match shape {
        Shape::Scalar => vec![2, 0, 0, 0],
        Shape::List => axes(&[count as u64]),
    }
}

fn axes(lengths: &[u64]) -> Vec<u8> {
    let mut body = vec![2, lengths.len() as u8, 0, 1];
    body.extend(lengths.iter().flat_map(|n| n.to_le_bytes()));
    body
}

fn integer_type() -> Vec<u8> {
    // Version 1, class 0, little endian, signed, 8 bytes; bits 0 to 63.
    vec![0x10, 0x08, 0, 0, 8, 0, 0, 0, 0, 0, 64, 0]
}

/// IEEE 754 float of 4 or 8 bytes, little endian.
fn float_type(bytes: u8) -> Vec<u8> {
    let (exponent_at, exponent, bias) = if bytes == 4 { (23, 8, 127u32) } else { (52, 11, 1023) };
    // Version 1, class 1; leading bit of the mantissa implied; sign in the last bit.
    let mut body = vec![0x11, 0x20, bytes * 8 - 1, 0, bytes, 0, 0, 0];
    body.extend([0, 0, bytes * 8, 0, exponent_at, exponent, 0, exponent_at]);
    body.extend(bias.to_le_bytes());
    body
}

fn text_type(bytes: u32) -> Vec<u8> {
    // Version 1, class 3, padded with zeros, UTF-8.
    let mut body = vec![0x13, 0x11, 0, 0];
    body.extend(bytes.to_le_bytes());
    body
}

fn contiguous(address: u64, bytes: u64) -> Vec<u8> {
    let mut body = vec![3, 1];
    body.extend(address.to_le_bytes());
    body.extend(bytes.to_le_bytes());
    body
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

fn attribute_message(attribute: &Attribute<'_>) -> Vec<u8> {
    let datatype = attribute.values.datatype();
    let space = dataspace(Shape::Scalar, attribute.values.count());
    // Version 3, nothing shared, name in UTF-8 with its final zero.
    let mut body = vec![3, 0];
    body.extend((attribute.name.len() as u16 + 1).to_le_bytes());
    body.extend((datatype.len() as u16).to_le_bytes());
    body.extend((space.len() as u16).to_le_bytes());
    body.push(1);
    body.extend(attribute.name.as_bytes());
    body.push(0);
    body.extend(datatype);
    body.extend(space);
    body.extend(attribute.values.bytes());
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

/// The checksum of HDF5 metadata: lookup3 of Jenkins with initial value 0.
fn lookup3(bytes: &[u8]) -> u32 {
    let seed = 0xDEAD_BEEF_u32.wrapping_add(bytes.len() as u32);
    let (mut a, mut b, mut c) = (seed, seed, seed);
    let mut rest = bytes;
    while rest.len() > 12 {
        (a, b, c) = absorb(rest, (a, b, c));
        (a, b, c) = mix(a, b, c);
        rest = &rest[12..];
    }
    if rest.is_empty() {
        return c;
    }
    let mut last = [0; 12];
    last[..rest.len()].copy_from_slice(rest);
    (a, b, c) = absorb(&last, (a, b, c));
    finish(a, b, c)
}

fn absorb(block: &[u8], (a, b, c): (u32, u32, u32)) -> (u32, u32, u32) {
    let word = |k: usize| u32::from_le_bytes([block[k], block[k + 1], block[k + 2], block[k + 3]]);
    (a.wrapping_add(word(0)), b.wrapping_add(word(4)), c.wrapping_add(word(8)))
}

fn mix(mut a: u32, mut b: u32, mut c: u32) -> (u32, u32, u32) {
    for turns in [[4, 6, 8], [16, 19, 4]] {
        a = a.wrapping_sub(c) ^ c.rotate_left(turns[0]);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(turns[1]);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(turns[2]);
        b = b.wrapping_add(a);
    }
    (a, b, c)
}

fn finish(mut a: u32, mut b: u32, mut c: u32) -> u32 {
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    (c ^ b).wrapping_sub(b.rotate_left(24))
}

#[cfg(test)]
mod tests {
    use super::{chunk_side, corners, cut, lookup3, shuffled};

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
    fn checksum_of_known_texts() {
        // The self-test values of lookup3.c.
        assert_eq!(lookup3(b""), 0xDEAD_BEEF);
        assert_eq!(lookup3(b"Four score and seven years ago"), 0x1777_0551);
    }

    #[test]
    fn shuffling_groups_bytes() {
        let values = [f32::from_le_bytes([1, 2, 3, 4]), f32::from_le_bytes([5, 6, 7, 8])];
        assert_eq!(shuffled(&values), [1, 5, 2, 6, 3, 7, 4, 8]);
    }
}
