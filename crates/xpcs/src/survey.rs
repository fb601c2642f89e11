//! What a fit needs to know of the data before it begins, from one sweep: their mean, the values on
//! coarse sets of frames, and that all of them are finite.

use dyne_runtime::words::{Words, put_words};
use dyne_runtime::{Reduce, Resources, SweepError, sweep};
use dyne_xpcs_data::{BlockPairs, Element, Matrices, PairBlock, ReadError, Samples, Triangle};

/// What one sweep over the data tells.
pub struct Survey {
    /// Mean of the pairs that take part.
    pub mean: f64,
    /// The matrices on about as many frames as were asked for, in the order asked.
    pub coarse: Vec<Matrices>,
    /// The first pair whose value is not finite.
    pub not_finite: Option<NotFinite>,
}

/// A value that cannot be fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NotFinite {
    /// Position of the bin.
    pub bin: usize,
    /// Positions of the frames along a side.
    pub frames: [usize; 2],
    /// The value.
    pub value: f64,
}

/// Surveys the matrices; `coarse` lists the numbers of frames of the coarse sets.
///
/// **Cost** one sweep. **Checked by** `a_survey_finds_mean_and_coarse_values`.
///
/// # Errors
/// As [`sweep`].
pub fn survey(
    matrices: &Matrices,
    coarse: &[usize],
    block: BlockPairs,
    resources: Resources<'_>,
) -> Result<Survey, SweepError<ReadError>> {
    let sets: Vec<Vec<usize>> = coarse.iter().map(|count| matrices.coarse_frames(*count)).collect();
    let element = matrices.element();
    let total = sweep(
        &matrices.blocks(block),
        resources,
        || (),
        |block, ()| Found::of(block, &sets, element),
    )?;
    let levels = sets.iter().zip(&total.coarse).map(|(frames, samples)| {
        let pairs = Triangle::pairs(frames.len());
        let one = |bin: usize| {
            let mut own = Samples::empty(element);
            own.extend(samples.values(bin * pairs..(bin + 1) * pairs));
            Triangle::new(frames.len(), own)
        };
        matrices.with_values_at(frames, (0..matrices.bins()).map(one).collect())
    });
    Ok(Survey {
        mean: total.sum / total.pairs.max(1) as f64,
        coarse: levels.collect(),
        not_finite: total.not_finite,
    })
}

/// What some rows tell.
#[derive(Debug, Clone, PartialEq)]
struct Found {
    sum: f64,
    pairs: u64,
    not_finite: Option<NotFinite>,
    /// Values at the coarse sets, in order.
    coarse: Vec<Samples>,
}

impl Found {
    fn of(block: PairBlock<'_>, sets: &[Vec<usize>], element: Element) -> Self {
        let (mut sum, mut not_finite) = (0.0, None);
        for i in block.first..block.end {
            let row = block.row(i);
            sum += row.sum();
            if !sum.is_finite() && not_finite.is_none() {
                not_finite = row.first_not_finite().map(|k| NotFinite {
                    bin: block.bin,
                    frames: [i, i + 1 + k],
                    value: row.get(k),
                });
            }
        }
        let coarse = sets.iter().map(|frames| {
            let mut samples = Samples::empty(element);
            let first = frames.partition_point(|frame| *frame < block.first);
            let end = frames.partition_point(|frame| *frame < block.end);
            for k in first..end {
                let (i, row) = (frames[k], block.row(frames[k]));
                let columns = frames[k + 1..].iter().map(|j| j - (i + 1));
                samples.extend_picked(row, columns);
            }
            samples
        });
        Self { sum, pairs: block.values.len() as u64, not_finite, coarse: coarse.collect() }
    }
}

impl Reduce for Found {
    fn merge(&mut self, later: Self) {
        self.sum += later.sum;
        self.pairs += later.pairs;
        self.not_finite = self.not_finite.or(later.not_finite);
        for (own, later) in self.coarse.iter_mut().zip(&later.coarse) {
            own.extend(later.all());
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_words(
            &mut bytes,
            [self.sum.to_bits(), self.pairs, self.not_finite.iter().len() as u64],
        );
        if let Some(NotFinite { bin, frames: [i, j], value }) = self.not_finite {
            put_words(&mut bytes, [bin as u64, i as u64, j as u64, value.to_bits()]);
        }
        for samples in &self.coarse {
            let size = [samples.element().bytes(), samples.len()];
            put_words(&mut bytes, size.map(|number| number as u64));
            samples.all().write_le_bytes(&mut bytes);
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut words = Words::new(bytes);
        let (sum, pairs) = (words.float()?, words.word()?);
        let not_finite = match words.word()? {
            0 => None,
            _ => {
                let (bin, frames) = (words.count()?, [words.count()?, words.count()?]);
                Some(NotFinite { bin, frames, value: words.float()? })
            }
        };
        let mut coarse = Vec::new();
        while !words.is_empty() {
            let (size, length) = (words.count()?, words.count()?);
            let element = [Element::F32, Element::F64].into_iter().find(|e| e.bytes() == size)?;
            let mut samples = Samples::empty(element);
            samples.extend_le_bytes(words.bytes(length.checked_mul(size)?)?);
            coarse.push(samples);
        }
        Some(Self { sum, pairs, not_finite, coarse })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dyne_runtime::{Cancel, Lanes, Solo};

    fn found(matrices: &Matrices, lanes: usize) -> Survey {
        let lanes = Lanes::try_new(lanes.try_into().unwrap()).unwrap();
        let cancel = Cancel::new();
        let resources = Resources::new(&lanes, &Solo, &cancel);
        survey(matrices, &[12, 30], BlockPairs::default(), resources).unwrap()
    }

    fn matrices(bad: Option<(usize, usize)>) -> Matrices {
        let one = |bin: usize| {
            let value = |i: usize, j: usize| match bad {
                Some(pair) if bin == 1 && pair == (i, j) => f32::NAN,
                _ => (bin * 1000 + i * 3 + j) as f32,
            };
            let pairs = (0..400).flat_map(|i| (i + 1..400).map(move |j| (i, j)));
            Triangle::new(400, Samples::F32(pairs.map(|(i, j)| value(i, j)).collect()))
        };
        Matrices::new(vec![one(0), one(1)], 1)
    }

    #[test]
    fn a_survey_finds_mean_and_coarse_values() {
        let all = matrices(None);
        let one = found(&all, 1);
        // Pairs of frames 1 to 399: their means are 133 + 1 and 266 + 1, about.
        let (mut sum, mut count) = (0.0, 0.0);
        for i in 1..400 {
            for j in i + 1..400 {
                sum += (i * 3 + j) as f64;
                count += 1.0;
            }
        }
        assert!((one.mean - (sum / count + 500.0)).abs() < 1e-9, "{}", one.mean);
        assert!(one.not_finite.is_none());
        let coarse = &one.coarse[1];
        let frames = coarse.positions();
        assert_eq!(frames, all.coarse_frames(30));
        let expected = (1000 + frames[2] * 3 + frames[7]) as f64;
        assert_eq!(coarse.triangle(1).unwrap().get(2, 7), expected);
        let three = found(&all, 3);
        assert_eq!(three.mean.to_bits(), one.mean.to_bits());
    }

    #[test]
    fn the_first_value_that_is_not_finite_is_told() {
        let found = found(&matrices(Some((17, 230))), 2).not_finite.unwrap();
        assert!(found.value.is_nan());
        assert_eq!((found.bin, found.frames), (1, [17, 230]));
    }

    #[test]
    fn partial_results_travel_as_bytes() {
        let not_finite = Some(NotFinite { bin: 2, frames: [3, 9], value: f64::INFINITY });
        for coarse in [
            vec![],
            vec![Samples::F32(vec![1.5, 2.5]), Samples::F32(vec![])],
            vec![Samples::F64(vec![0.1])],
        ] {
            for not_finite in [None, not_finite] {
                let found = Found { sum: 0.3, pairs: 7, not_finite, coarse: coarse.clone() };
                let bytes = found.to_bytes();
                assert_eq!(Found::from_bytes(&bytes), Some(found));
                assert!(Found::from_bytes(&bytes[..bytes.len() - 1]).is_none());
            }
        }
    }
}
