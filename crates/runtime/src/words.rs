//! Numbers as little-endian words of eight bytes, as partial results travel and checkpoints keep them.

/// Appends words to `bytes`.
pub fn put_words(bytes: &mut Vec<u8>, words: impl IntoIterator<Item = u64>) {
    bytes.extend(words.into_iter().flat_map(u64::to_le_bytes));
}

/// Appends the bits of floats to `bytes`.
pub fn put_floats<'a>(bytes: &mut Vec<u8>, floats: impl IntoIterator<Item = &'a f64>) {
    put_words(bytes, floats.into_iter().map(|x| x.to_bits()));
}

/// Words read one after the other; `None` wherever they end too early.
#[derive(Debug, Clone)]
pub struct Words<'a>(&'a [u8]);

impl<'a> Words<'a> {
    /// From the beginning.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next word.
    pub fn word(&mut self) -> Option<u64> {
        let (word, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*word))
    }

    /// The next word as a number of things.
    pub fn count(&mut self) -> Option<usize> {
        usize::try_from(self.word()?).ok()
    }

    /// The next word as a float.
    pub fn float(&mut self) -> Option<f64> {
        self.word().map(f64::from_bits)
    }

    /// The next `count` words as floats.
    pub fn floats(&mut self, count: usize) -> Option<Vec<f64>> {
        let own = self.bytes(count.checked_mul(8)?)?;
        Some(own.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect())
    }

    /// The next `count` bytes.
    pub fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (own, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_and_end_where_they_end() {
        let mut bytes = Vec::new();
        put_words(&mut bytes, [7, u64::MAX]);
        put_floats(&mut bytes, &[0.1, f64::INFINITY]);
        bytes.extend(b"abc");
        let mut words = Words::new(&bytes);
        assert_eq!((words.count(), words.word()), (Some(7), Some(u64::MAX)));
        assert_eq!(words.clone().float(), Some(0.1));
        assert!(words.clone().floats(3).is_none() && words.clone().floats(usize::MAX).is_none());
        assert_eq!(words.floats(2), Some(vec![0.1, f64::INFINITY]));
        assert!(words.clone().word().is_none() && !words.is_empty());
        assert_eq!((words.bytes(3), words.is_empty()), (Some(&b"abc"[..]), true));
    }
}
