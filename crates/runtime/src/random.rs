//! Split random streams: every number is addressed by seed, purposes and indices.
//!
//! A task takes its stream from what it is (the purpose, the bin, the pixel), never from
//! when or where it runs, so results do not depend on the number of threads or on the
//! order of the work.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use rand_distr::{Distribution, Poisson, StandardNormal};

/// Keys of children come from blocks of the key stream that no [`Generator`] reaches:
/// from block 2⁶² on, 16 words to a block.
const LABEL_BLOCK: u128 = 16 << 62;
const INDEX_BLOCK: u128 = LABEL_BLOCK + 16;

/// The address of a random stream, and the root of the streams below it.
///
/// The address is a 256-bit ChaCha12 key. A child's key is one block of the key stream of
/// its parent, at a nonce made of the label or the index; labels and indices use different
/// blocks. Streams at different addresses are therefore as independent as ChaCha12 is
/// pseudo-random. Deriving a child costs a few hundred nanoseconds for each 8 bytes of a
/// label.
#[derive(Clone, PartialEq, Eq)]
pub struct Stream {
    key: [u8; 32],
}

impl Stream {
    /// The root of all streams of `seed`.
    pub fn new(seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Self { key }
    }

    /// The stream for `purpose`, e.g. `"speckle"`.
    pub fn split(&self, purpose: &str) -> Self {
        let bytes = purpose.as_bytes();
        let whole = bytes.chunks(8).fold(self.clone(), |stream, chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            stream.child(u64::from_le_bytes(word), LABEL_BLOCK)
        });
        whole.child(bytes.len() as u64, LABEL_BLOCK)
    }

    /// The stream of element `index` among its equals, e.g. a bin or a pixel.
    pub fn index(&self, index: u64) -> Self {
        self.child(index, INDEX_BLOCK)
    }

    /// The numbers of this stream, from the first.
    pub fn generator(&self) -> Generator {
        Generator { source: ChaCha12Rng::from_seed(self.key) }
    }

    fn child(&self, nonce: u64, word: u128) -> Self {
        let mut source = ChaCha12Rng::from_seed(self.key);
        source.set_stream(nonce);
        source.set_word_pos(word);
        let mut key = [0; 32];
        source.fill_bytes(&mut key);
        Self { key }
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stream(")?;
        self.key.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// Draws the numbers of one [`Stream`], in order.
#[derive(Debug, Clone)]
pub struct Generator {
    source: ChaCha12Rng,
}

impl Generator {
    /// A number evenly distributed over 0 ≤ u < 1, a multiple of 2⁻⁵³.
    pub fn uniform(&mut self) -> f64 {
        self.source.random()
    }

    /// A normal number of mean 0 and variance 1 (ziggurat).
    pub fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.source)
    }

    /// Fills `out` with independent normal numbers of mean 0 and variance 1.
    pub fn fill_normal(&mut self, out: &mut [f64]) {
        for value in out {
            *value = self.normal();
        }
    }

    /// Puts items into random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for k in (1..items.len()).rev() {
            let other = (self.uniform() * (k + 1) as f64) as usize;
            items.swap(k, other.min(k));
        }
    }

    /// A Poisson count of mean `mean`, as a whole number in f64. A mean of 0 gives 0.
    ///
    /// # Panics
    /// When `mean` is negative, not finite or above 10¹⁵, where f64 no longer holds every
    /// count.
    #[track_caller]
    pub fn poisson(&mut self, mean: f64) -> f64 {
        assert!((0.0..=1e15).contains(&mean), "mean count {mean} outside 0 to 1e15");
        if mean == 0.0 {
            return 0.0;
        }
        let counts = Poisson::new(mean).expect("a positive mean below 1e15 is valid");
        counts.sample(&mut self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean, variance, third and fourth central moment.
    fn moments(values: &[f64]) -> [f64; 4] {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let central = |k: i32| values.iter().map(|v| (v - mean).powi(k)).sum::<f64>() / n;
        [mean, central(2), central(3), central(4)]
    }

    fn near(found: f64, expected: f64, standard_error: f64) {
        let z = (found - expected) / standard_error;
        assert!(z.abs() < 4.0, "{found} is {z} standard errors from {expected}");
    }

    #[test]
    fn normal_numbers_have_normal_moments() {
        let n = 400_000;
        let mut values = vec![0.0; n];
        Stream::new(11).split("moments").generator().fill_normal(&mut values);
        let [mean, variance, third, fourth] = moments(&values);
        let root = (n as f64).sqrt();
        near(mean, 0.0, 1.0 / root);
        near(variance, 1.0, 2.0_f64.sqrt() / root);
        near(third, 0.0, 6.0_f64.sqrt() / root);
        near(fourth, 3.0, 96.0_f64.sqrt() / root);
    }

    #[test]
    fn uniform_numbers_fill_the_unit_interval_evenly() {
        let n = 200_000;
        let mut generator = Stream::new(12).generator();
        let mut cells = [0.0_f64; 20];
        for _ in 0..n {
            cells[(generator.uniform() * 20.0) as usize] += 1.0;
        }
        let expected = f64::from(n) / 20.0;
        let chi2: f64 = cells.iter().map(|c| (c - expected).powi(2) / expected).sum();
        near(chi2, 19.0, 38.0_f64.sqrt());
    }

    #[test]
    fn counts_have_poisson_moments() {
        let n = 200_000;
        for (index, mean) in [0.02, 0.7, 9.5, 40.0].into_iter().enumerate() {
            let mut generator = Stream::new(13).index(index as u64).generator();
            let counts: Vec<f64> = (0..n).map(|_| generator.poisson(mean)).collect();
            let [found, variance, ..] = moments(&counts);
            let root = f64::from(n).sqrt();
            near(found, mean, mean.sqrt() / root);
            near(variance, mean, (mean + 2.0 * mean * mean).sqrt() / root);
            assert!(counts.iter().all(|c| c.fract() == 0.0 && *c >= 0.0));
        }
        assert_eq!(Stream::new(13).generator().poisson(0.0), 0.0);
    }

    #[test]
    #[should_panic(expected = "mean count -1 outside 0 to 1e15")]
    fn a_negative_mean_count_panics() {
        Stream::new(0).generator().poisson(-1.0);
    }

    #[test]
    fn every_address_has_its_own_stream() {
        let root = Stream::new(1);
        let streams = [
            root.clone(),
            Stream::new(2),
            root.split(""),
            root.split("a"),
            root.split("b"),
            root.split("a long purpose"),
            root.split("a long purpos"),
            root.index(0),
            root.index(1),
            root.index(0).index(1),
            root.index(1).index(0),
            root.split("a").index(0),
            root.index(0).split("a"),
        ];
        for (i, a) in streams.iter().enumerate() {
            assert_eq!(a.clone().generator().uniform(), a.generator().uniform());
            for b in &streams[..i] {
                assert_ne!(a.generator().uniform(), b.generator().uniform(), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn neighbouring_streams_are_uncorrelated() {
        let n = 100_000;
        let draw = |index| {
            let mut values = vec![0.0; n];
            Stream::new(5).index(index).generator().fill_normal(&mut values);
            values
        };
        let (a, b) = (draw(0), draw(1));
        let product = a.iter().zip(&b).map(|(x, y)| x * y).sum::<f64>() / n as f64;
        near(product, 0.0, 1.0 / (n as f64).sqrt());
    }

    /// Simulated data of one seed stay the same from release to release.
    #[test]
    fn numbers_of_a_seed_are_fixed() {
        let mut generator = Stream::new(2024).split("pin").index(7).generator();
        let found = [generator.uniform(), generator.normal(), generator.poisson(3.0)];
        assert_eq!(found, [0.9298882444794364, 1.445462814546466, 5.0]);
    }
}
