//! What a fit leaves out of the data, and why.

use serde::Serialize;

/// Neighbouring frames that are left out for one reason, counted from 1 as in the file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LeftOutFrames {
    /// First frame.
    pub first: usize,
    /// Last frame.
    pub last: usize,
    /// Number of frames.
    pub n: usize,
    /// Why, one phrase.
    pub reason: String,
}

/// A bin that is left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LeftOutBin {
    /// Number of the bin in the file.
    pub bin: u32,
    /// Wave-vector transfer, Å⁻¹.
    pub q: f64,
    /// Azimuth, degrees.
    pub phi_deg: f64,
    /// Why, one phrase.
    pub reason: String,
}

/// What is left out though nobody asked for it, or because the configuration says so for whole bins.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LeftOut {
    /// Frames, ascending.
    pub frames: Vec<LeftOutFrames>,
    /// Bins, in the order of the file.
    pub bins: Vec<LeftOutBin>,
}

impl LeftOut {
    /// Whether all data are there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.bins.is_empty()
    }

    /// One sentence for each run of frames and each bin.
    ///
    /// **Checked by** `what_is_left_out_is_told_in_sentences`.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let frames = self.frames.iter().map(|run| match run.n {
            1 => format!("frame {} is left out: {}", run.first, run.reason),
            n => format!("frames {} to {} ({n}) are left out: {}", run.first, run.last, run.reason),
        });
        let bins = self.bins.iter().map(|bin| {
            let LeftOutBin { bin, q, phi_deg, reason } = bin;
            format!("bin {bin} (q {q:.5} Å⁻¹, φ {phi_deg:.1}°) is left out: {reason}")
        });
        frames.chain(bins).collect()
    }

    /// Adds bins and puts all in the order of the file.
    pub fn add_bins(&mut self, bins: impl IntoIterator<Item = LeftOutBin>) {
        self.bins.extend(bins);
        self.bins.sort_by_key(|bin| bin.bin);
    }
}

/// Frames with reasons, ascending and counted from 1, as runs of neighbours with the same reason.
pub fn runs(frames: impl IntoIterator<Item = (usize, String)>) -> Vec<LeftOutFrames> {
    let mut runs: Vec<LeftOutFrames> = Vec::new();
    for (frame, reason) in frames {
        match runs.last_mut() {
            Some(run) if run.last + 1 == frame && run.reason == reason => {
                run.last = frame;
                run.n += 1;
            }
            _ => runs.push(LeftOutFrames { first: frame, last: frame, n: 1, reason }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_told_in_sentences() {
        let frames = [4, 5, 9].map(|frame| (frame, "every pair has the value 0".to_owned()));
        let mut left_out = LeftOut { frames: runs(frames), bins: Vec::new() };
        assert_eq!(left_out.frames.len(), 2);
        let bin =
            |bin| LeftOutBin { bin, q: 0.005, phi_deg: 0.0, reason: "no pair is finite".into() };
        left_out.add_bins([bin(7), bin(3)]);
        assert_eq!(
            left_out.sentences(),
            [
                "frames 4 to 5 (2) are left out: every pair has the value 0",
                "frame 9 is left out: every pair has the value 0",
                "bin 3 (q 0.00500 Å⁻¹, φ 0.0°) is left out: no pair is finite",
                "bin 7 (q 0.00500 Å⁻¹, φ 0.0°) is left out: no pair is finite",
            ]
        );
    }
}
