//! Bitshuffle, alone or with LZ4 (HDF5 filter 32008).

/// Bytes of a block when the file leaves its size to the filter.
const TARGET_BLOCK_BYTES: usize = 8192;
/// LZ4 cannot expand a byte to more than this many.
const LZ4_EXPANSION: usize = 255;

const SHORT: &str = "the chunk ends early";

/// Decodes one chunk.
///
/// `parameters` are those of the filter in the file: version (two numbers), bytes of an
/// element, elements of a block (0: chosen by the filter), compression (0: none,
/// 2: LZ4). With LZ4 the chunk starts with its decoded size (8 bytes, big endian) and
/// the bytes of a block (4 bytes), and each block with its stored size (4 bytes). The
/// last elements of a chunk, fewer than eight, are stored as they are. The decoded size
/// a chunk claims is checked against the greatest expansion of LZ4 before anything is
/// allocated.
///
/// # Errors
/// A text when the chunk is short, claims too much, or uses another compression.
pub(super) fn decode(
    data: &[u8],
    element: usize,
    parameters: &[u32],
) -> Result<Vec<u8>, &'static str> {
    let element = if element == 0 { number(parameters, 2) } else { element };
    if element == 0 {
        return Err("elements of no bytes");
    }
    match number(parameters, 4) {
        0 => stored(data, element, number(parameters, 3)),
        2 => compressed(data, element),
        _ => Err("compressed with neither LZ4 nor nothing"),
    }
}

fn number(parameters: &[u32], at: usize) -> usize {
    parameters.get(at).map_or(0, |&n| n as usize)
}

/// Elements of a block: as the file says, else about 8 kB, at least 128.
fn block_elements(stated: usize, element: usize) -> usize {
    match stated / 8 * 8 {
        0 => (TARGET_BLOCK_BYTES / element / 8 * 8).max(128),
        n => n,
    }
}

fn stored(data: &[u8], element: usize, block: usize) -> Result<Vec<u8>, &'static str> {
    let mut out = vec![0; data.len()];
    let shuffled = data.len() / element / 8 * 8 * element;
    let step = block_elements(block, element) * element;
    for (from, to) in data[..shuffled].chunks(step).zip(out[..shuffled].chunks_mut(step)) {
        unshuffle(from, element, to);
    }
    out[shuffled..].copy_from_slice(&data[shuffled..]);
    Ok(out)
}

fn compressed(data: &[u8], element: usize) -> Result<Vec<u8>, &'static str> {
    let (size, rest) = data.split_first_chunk::<8>().ok_or(SHORT)?;
    let (block, mut rest) = rest.split_first_chunk::<4>().ok_or(SHORT)?;
    let size = usize::try_from(u64::from_be_bytes(*size)).map_err(|_| "a size beyond memory")?;
    if size > data.len().saturating_mul(LZ4_EXPANSION) {
        return Err("the chunk claims more bytes than LZ4 can hold in its size");
    }
    let step = block_elements(u32::from_be_bytes(*block) as usize / element, element) * element;
    let mut out = vec![0; size];
    let shuffled = size / element / 8 * 8 * element;
    let mut bits = vec![0; step.min(shuffled)];
    for to in out[..shuffled].chunks_mut(step) {
        let (length, tail) = rest.split_first_chunk::<4>().ok_or(SHORT)?;
        let length = u32::from_be_bytes(*length) as usize;
        let packed = tail.get(..length).ok_or(SHORT)?;
        let bits = &mut bits[..to.len()];
        let found = lz4_flex::block::decompress_into(packed, bits).map_err(|_| "damaged LZ4")?;
        if found != bits.len() {
            return Err("a block decodes to another size than it must have");
        }
        unshuffle(bits, element, to);
        rest = &tail[length..];
    }
    let plain = rest.get(..size - shuffled).ok_or(SHORT)?;
    out[shuffled..].copy_from_slice(plain);
    Ok(out)
}

/// Undoes the bit transpose of one block: `bits` holds, for each byte of an element and
/// each bit of it, that bit of all elements in a row. The number of elements is a
/// multiple of eight.
fn unshuffle(bits: &[u8], element: usize, out: &mut [u8]) {
    let groups = bits.len() / element / 8;
    for byte in 0..element {
        let rows = &bits[byte * 8 * groups..][..8 * groups];
        for group in 0..groups {
            let row = |bit: usize| u64::from(rows[bit * groups + group]) << (8 * bit);
            let packed = row(0) | row(1) | row(2) | row(3) | row(4) | row(5) | row(6) | row(7);
            let bytes = transpose(packed).to_le_bytes();
            for (k, value) in bytes.into_iter().enumerate() {
                out[(group * 8 + k) * element + byte] = value;
            }
        }
    }
}

/// Transpose of an 8 × 8 bit matrix held in 64 bits (row k in byte k), by exchanging
/// off-diagonal blocks of one, two and four bits.
const fn transpose(mut x: u64) -> u64 {
    let t = (x ^ (x >> 7)) & 0x00AA_00AA_00AA_00AA;
    x = x ^ t ^ (t << 7);
    let t = (x ^ (x >> 14)) & 0x0000_CCCC_0000_CCCC;
    x = x ^ t ^ (t << 14);
    let t = (x ^ (x >> 28)) & 0x0000_0000_F0F0_F0F0;
    x ^ t ^ (t << 28)
}

#[cfg(test)]
mod tests {
    use super::{decode, transpose};

    #[test]
    fn transposes_bits() {
        for row in 0..8 {
            for column in 0..8 {
                assert_eq!(transpose(1 << (8 * row + column)), 1 << (8 * column + row));
            }
        }
    }

    #[test]
    fn a_constant_survives_and_the_tail_is_plain() {
        // Eight two-byte elements 0x0101: bit 0 of both bytes set in all of them.
        let mut chunk = vec![0; 16];
        chunk[0] = 0xFF;
        chunk[8] = 0xFF;
        chunk.extend([7, 9]);
        let mut expected = vec![1; 16];
        expected.extend([7, 9]);
        assert_eq!(decode(&chunk, 2, &[0, 4, 2, 0, 0]).unwrap(), expected);
    }

    #[test]
    fn damage_is_an_error_without_allocation() {
        let mut chunk = u64::MAX.to_be_bytes().to_vec();
        chunk.extend([0; 8]);
        assert!(decode(&chunk, 4, &[0, 4, 4, 0, 2]).is_err());
        assert!(decode(&[0; 3], 4, &[0, 4, 4, 0, 2]).is_err());
        assert!(decode(&[0; 3], 4, &[0, 4, 4, 0, 3]).is_err());
    }
}
