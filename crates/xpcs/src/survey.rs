//! What a fit needs to know of the data before it begins, from one sweep: their mean, the values on
//! coarse sets of frames, and that all of them are finite.

use dyne_runtime::words::{Words, put_words};
use dyne_runtime::{Figures, Reduce, Resources, SweepError, sweep};
use dyne_xpcs_data::{
    BlockPairs, Element, ExcludedRows, Matrices, PairBlock, ReadError, Samples, Triangle,
};

/// What one sweep over the data tells.
pub struct Survey {
    /// Mean of the pairs that take part, without those rows that hold a value that is not finite.
    pub mean: f64,
    /// The matrices on about as many frames as were asked for, in the order asked.
    pub coarse: Vec<Matrices>,
    /// The first pair of each row with a value that is not finite, in order.
    pub not_finite: Vec<NotFinite>,
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

/// Surveys the matrices; `coarse` lists the numbers of frames of the coarse sets. What is wrong with
/// a row is the caller's to judge; it takes no part in mean and coarse sets.
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
    // Coarse sets take the values of all rows; those that are left out count for nothing else.
    let (whole, out) =
        (matrices.clone().without_rows(ExcludedRows::default()), matrices.excluded());
    let total = sweep(
        &whole.blocks(block),
        resources.to("survey"),
        || (),
        |block, ()| Found::of(block, &sets, element, out),
    )?;
    let rows = matrices.excluded().and(rows_of(&total.not_finite).iter());
    let left = matrices.clone().without_rows(rows);
    let levels = sets.iter().zip(&total.coarse).map(|(frames, samples)| {
        let pairs = Triangle::pairs(frames.len());
        let one = |bin: usize| {
            let mut own = Samples::empty(element);
            own.extend(samples.values(bin * pairs..(bin + 1) * pairs));
            Triangle::new(frames.len(), own)
        };
        left.with_values_at(frames, (0..matrices.bins()).map(one).collect())
    });
    Ok(Survey {
        mean: total.sum / total.pairs.max(1) as f64,
        coarse: levels.collect(),
        not_finite: total.not_finite,
    })
}

impl Survey {
    /// The rows with a value that is not finite.
    pub fn bad_rows(&self) -> ExcludedRows {
        rows_of(&self.not_finite)
    }
}

fn rows_of(not_finite: &[NotFinite]) -> ExcludedRows {
    ExcludedRows::new(not_finite.iter().map(|found| (found.bin, found.frames[0])))
}

/// What some rows tell.
#[derive(Debug, Clone, PartialEq)]
struct Found {
    sum: f64,
    pairs: u64,
    not_finite: Vec<NotFinite>,
    /// Values at the coarse sets, in order.
    coarse: Vec<Samples>,
}

impl Found {
    fn of(block: PairBlock<'_>, sets: &[Vec<usize>], element: Element, out: &ExcludedRows) -> Self {
        let (mut sum, mut pairs, mut not_finite) = (0.0, 0, Vec::new());
        for i in (block.first..block.end).filter(|i| !out.contains(block.bin, *i)) {
            let row = block.row(i);
            let of_row = row.sum();
            // The sum of finite values may be infinite.
            let bad = if of_row.is_finite() { None } else { row.first_not_finite() };
            if let Some(k) = bad {
                let (bin, frames) = (block.bin, [i, i + 1 + k]);
                not_finite.push(NotFinite { bin, frames, value: row.get(k) });
                continue;
            }
            sum += of_row;
            pairs += row.len() as u64;
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
        Self { sum, pairs, not_finite, coarse: coarse.collect() }
    }
}

impl Reduce for Found {
    fn merge(&mut self, later: Self) {
        self.sum += later.sum;
        self.pairs += later.pairs;
        self.not_finite.extend(later.not_finite);
        for (own, later) in self.coarse.iter_mut().zip(&later.coarse) {
            own.extend(later.all());
        }
    }

    fn figures(&self) -> Figures {
        let non_finite = !self.not_finite.is_empty();
        Figures { items: self.pairs, cost: None, non_finite }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let count = self.not_finite.len() as u64;
        put_words(&mut bytes, [self.sum.to_bits(), self.pairs, count]);
        for &NotFinite { bin, frames: [i, j], value } in &self.not_finite {
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
        let mut not_finite = Vec::new();
        for _ in 0..words.word()? {
            let (bin, frames) = (words.count()?, [words.count()?, words.count()?]);
            not_finite.push(NotFinite { bin, frames, value: words.float()? });
        }
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
        assert!(one.not_finite.is_empty());
        let coarse = &one.coarse[1];
        let frames = coarse.positions();
        assert_eq!(frames, all.coarse_frames(30));
        let expected = (1000 + frames[2] * 3 + frames[7]) as f64;
        assert_eq!(coarse.triangle(1).unwrap().get(2, 7), expected);
        let three = found(&all, 3);
        assert_eq!(three.mean.to_bits(), one.mean.to_bits());
    }

    #[test]
    fn rows_that_are_left_out_count_for_nothing() {
        let rows = ExcludedRows::new((0..400).filter(|i| i % 3 == 1).map(|i| (1, i)));
        let all = found(&matrices(Some((19, 230))).without_rows(rows), 2);
        assert!(all.not_finite.is_empty() && all.mean.is_finite());
        let coarse = &all.coarse[1];
        let out: Vec<usize> = coarse.excluded().of(1).map(|row| coarse.positions()[row]).collect();
        assert!(!out.is_empty() && out.iter().all(|i| i % 3 == 1), "{out:?}");
    }

    #[test]
    fn the_first_value_that_is_not_finite_is_told() {
        let all = found(&matrices(Some((17, 230))), 2);
        let [found] = all.not_finite[..] else { panic!("one row") };
        assert!(found.value.is_nan());
        assert_eq!((found.bin, found.frames), (1, [17, 230]));
        assert!(all.mean.is_finite());
    }

    #[test]
    fn partial_results_travel_as_bytes() {
        let not_finite = NotFinite { bin: 2, frames: [3, 9], value: f64::INFINITY };
        for coarse in [
            vec![],
            vec![Samples::F32(vec![1.5, 2.5]), Samples::F32(vec![])],
            vec![Samples::F64(vec![0.1])],
        ] {
            for count in 0..3 {
                let not_finite = vec![not_finite; count];
                let found = Found { sum: 0.3, pairs: 7, not_finite, coarse: coarse.clone() };
                let bytes = found.to_bytes();
                assert_eq!(Found::from_bytes(&bytes), Some(found));
                assert!(Found::from_bytes(&bytes[..bytes.len() - 1]).is_none());
            }
        }
    }
}
