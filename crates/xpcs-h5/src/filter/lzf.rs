//! LZF, the fast filter of h5py (HDF5 filter 32000).

/// Decodes one LZF stream.
///
/// A control byte below 32 announces that many plus one literal bytes; any other one
/// is a back reference: length in its upper three bits (7: a further byte follows),
/// distance in its lower five and the next byte. The output grows at most 88-fold, so
/// a damaged stream cannot claim more memory than its own size allows.
///
/// # Errors
/// A text when the stream ends early or points before its beginning.
pub(super) fn decode(data: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut out = Vec::with_capacity(data.len().saturating_mul(2));
    let mut rest = data;
    while let Some((&control, tail)) = rest.split_first() {
        rest = if control < 32 {
            let count = usize::from(control) + 1;
            let literal = tail.get(..count).ok_or("the stream ends inside a literal run")?;
            out.extend_from_slice(literal);
            &tail[count..]
        } else {
            copy_back(control, tail, &mut out)?
        };
    }
    Ok(out)
}

fn copy_back<'a>(control: u8, tail: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], &'static str> {
    const SHORT: &str = "the stream ends inside a back reference";
    let (length, tail) = match usize::from(control >> 5) {
        7 => {
            let (&more, tail) = tail.split_first().ok_or(SHORT)?;
            (7 + usize::from(more), tail)
        }
        length => (length, tail),
    };
    let (&low, tail) = tail.split_first().ok_or(SHORT)?;
    let distance = (usize::from(control & 31) << 8 | usize::from(low)) + 1;
    let start =
        out.len().checked_sub(distance).ok_or("a back reference points before the beginning")?;
    let end = start + length + 2;
    let mut from = start;
    while from < end {
        let piece = (end - from).min(out.len() - from);
        out.extend_from_within(from..from + piece);
        from += piece;
    }
    Ok(tail)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn literals_and_overlapping_copies() {
        assert_eq!(decode(&[2, b'a', b'b', b'c']).unwrap(), b"abc");
        // Two literals, then eight bytes from distance two.
        assert_eq!(decode(&[1, b'x', b'y', 6 << 5, 1]).unwrap(), b"xyxyxyxyxy");
        // The long form: length 7 + 3 + 2.
        assert_eq!(decode(&[0, b'z', 7 << 5, 3, 0]).unwrap(), vec![b'z'; 13]);
    }

    #[test]
    fn damage_is_an_error() {
        assert!(decode(&[5, 1, 2]).is_err());
        assert!(decode(&[0, 1, 1 << 5, 9]).is_err());
        assert!(decode(&[0, 1, 7 << 5]).is_err());
        assert!(decode(&[0, 1, 1 << 5]).is_err());
    }
}
