//! Which frames have no data, from where blank values stand.

use std::ops::Range;

/// Blank pairs of one bin.
pub(super) struct Pairs {
    frames: usize,
    skip: usize,
    /// Rows of which nothing is known or asked.
    out: Vec<bool>,
    /// Blank columns of each row.
    runs: Vec<Vec<[u32; 2]>>,
}

/// What is said of the frames.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    /// No pair is data.
    None,
    /// Whether each frame is without data.
    Some(Vec<bool>),
}

/// Pairs with some frames, of each frame.
struct Counts {
    all: Vec<usize>,
    blank: Vec<usize>,
}

impl Pairs {
    pub(super) fn new(
        frames: usize,
        skip: usize,
        out: Vec<bool>,
        runs: Vec<Vec<[u32; 2]>>,
    ) -> Self {
        Self { frames, skip, out, runs }
    }

    pub(super) fn frames(&self) -> usize {
        self.frames
    }

    pub(super) fn skip(&self) -> usize {
        self.skip
    }

    /// Whether row `i` is judged.
    pub(super) fn takes(&self, i: usize) -> bool {
        !self.out[i]
    }

    /// Blank columns of row `i`.
    pub(super) fn runs(&self, i: usize) -> impl Iterator<Item = Range<usize>> + '_ {
        self.runs[i].iter().map(|[start, end]| *start as usize..*end as usize)
    }

    /// Pairs of row `i` with frames that are not `bad`, and how many of them are blank.
    pub(super) fn row_counts(&self, i: usize, bad: &[bool]) -> (usize, usize) {
        let good = |columns: Range<usize>| columns.filter(|j| !bad[*j]).count();
        (good(i + 1..self.frames), self.runs(i).map(good).sum())
    }

    /// The largest set of frames, among those of which most pairs are blank, that have no data with
    /// the frames outside.
    ///
    /// **Cost** of a round that of the runs; a round takes out at least one frame.
    pub(super) fn judge(&self) -> Verdict {
        let takes: Vec<bool> = (0..self.frames).map(|k| k >= self.skip).collect();
        let Counts { all, blank } = self.counts(&takes);
        let data = |k: usize| all[k] - blank[k];
        if (0..self.frames).all(|k| data(k) == 0) {
            return Verdict::None;
        }
        let mut bad: Vec<bool> =
            (0..self.frames).map(|k| takes[k] && all[k] > 0 && 2 * blank[k] > all[k]).collect();
        if (self.skip..self.frames).all(|k| bad[k] || all[k] == 0) {
            // Ties go to the first, whatever its place.
            let most = (self.skip..self.frames).max_by_key(|k| (data(*k), usize::MAX - k));
            bad[most.expect("some frame has data")] = false;
        }
        loop {
            let good: Vec<bool> =
                takes.iter().zip(&bad).map(|(takes, bad)| *takes && !bad).collect();
            let Counts { all, blank } = self.counts(&good);
            let freed: Vec<usize> = (0..self.frames)
                .filter(|k| bad[*k] && (all[*k] == 0 || blank[*k] < all[*k]))
                .collect();
            if freed.is_empty() {
                return Verdict::Some(bad);
            }
            freed.into_iter().for_each(|k| bad[k] = false);
        }
    }

    /// Pairs of each frame with the frames of `with`.
    fn counts(&self, with: &[bool]) -> Counts {
        let n = self.frames;
        // Frames of `with` before each place.
        let mut before = vec![0; n + 1];
        for k in 0..n {
            before[k + 1] = before[k] + usize::from(with[k]);
        }
        let within = |columns: &Range<usize>| before[columns.end] - before[columns.start];
        let (mut all, mut blank) = (vec![0; n], vec![0; n]);
        let (mut rows, mut steps) = (0, vec![0_i64; n + 1]);
        for i in 0..n {
            all[i] += rows;
            if self.out[i] {
                continue;
            }
            all[i] += within(&(i + 1..n));
            for run in self.runs(i) {
                blank[i] += within(&run);
                if with[i] {
                    steps[run.start] += 1;
                    steps[run.end] -= 1;
                }
            }
            rows += usize::from(with[i]);
        }
        let mut above = 0;
        for k in 0..n {
            above += steps[k];
            blank[k] += usize::try_from(above).expect("runs end behind their beginning");
        }
        Counts { all, blank }
    }
}
