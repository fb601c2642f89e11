//! Frames between which the speckles of a bin are interpolated.

use std::ops::Range;

use dyne_xpcs_data::Truth;

/// Least field correlation of neighbouring nodes, of each component.
const CLOSE: f64 = 0.9;

/// Largest turn between neighbouring nodes of one component against another, rad.
const TURN: f64 = 0.45;

/// Fewest intervals of the series; a frozen sample needs none.
const FEWEST: usize = 64;

/// Some of the frames, the first and the last among them. The intensity of a speckle between two
/// nodes is taken as linear in time.
///
/// **Formula.** I(i) ≈ (1 − f)·I(a) + f·I(a + 1), f = (i − t_a)/(t_{a+1} − t_a), for frame i
/// between the nodes t_a ≤ i < t_{a+1}.
/// **Edges** Where the field decorrelates within a few frames every frame is a node, and nothing is
/// interpolated. The distance follows the age: what slows down gets fewer nodes.
/// **Checked by** `nodes_follow_the_decay`, and `tests/fits/uncertainty.rs`:
/// `error_bars_are_the_scatter_of_repeated_experiments`, one case with nodes three frames apart.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Nodes {
    frames: Vec<usize>,
    /// Node before or at each frame, and how far the frame lies towards the next.
    places: Vec<(usize, f64)>,
}

impl Nodes {
    /// Nodes that follow the decay of `bin`.
    ///
    /// **Cost** some evaluations of the field a frame.
    pub(super) fn of(truth: &dyn Truth, bin: usize) -> Self {
        let total = truth.frames();
        let phases: Vec<Vec<f64>> = (0..truth.components())
            .map(|component| {
                let mut phase = vec![0.0; total];
                truth.phase(bin, component, &mut phase);
                phase
            })
            .collect();
        let close = |i: usize, j: usize| {
            let turned = |phase: &Vec<f64>| {
                ((phase[j] - phase[i]) - (phases[0][j] - phases[0][i])).abs() > TURN
            };
            !phases.iter().any(turned)
                && (0..phases.len()).all(|c| correlation(truth, bin, c, i, j) >= CLOSE)
        };
        let longest = (total / FEWEST).max(1);
        let mut frames = vec![0];
        let mut at = 0;
        while at + 1 < total {
            let furthest = (at + longest).min(total - 1);
            let next = (at + 1..=furthest).take_while(|&j| close(at, j)).last();
            at = next.unwrap_or(at + 1);
            frames.push(at);
        }
        Self::at(frames)
    }

    /// Every one of `frames` frames.
    pub(super) fn every(frames: usize) -> Self {
        Self::at((0..frames).collect())
    }

    /// Nodes at the frames given, ascending, of which the first is 0 and the last ends the series.
    fn at(frames: Vec<usize>) -> Self {
        let mut places = Vec::new();
        for (node, pair) in frames.windows(2).enumerate() {
            let length = (pair[1] - pair[0]) as f64;
            places.extend((0..pair[1] - pair[0]).map(|k| (node, k as f64 / length)));
        }
        places.push((frames.len() - 1, 0.0));
        Self { frames, places }
    }

    /// Number of nodes.
    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    /// Ranges of frames whose rows of a form over `rows` rows of the tile take no more than `bytes`, as
    /// far as single nodes do.
    pub(super) fn bands(&self, rows: usize, bytes: usize) -> Vec<Range<usize>> {
        let step = (bytes / (8 * rows * self.len())).max(1);
        let starts: Vec<usize> = self.frames.iter().step_by(step).copied().collect();
        let ends = starts.iter().skip(1).copied().chain([self.places.len()]);
        starts.iter().zip(ends).map(|(start, end)| *start..end).filter(|r| !r.is_empty()).collect()
    }

    /// The node before or at each frame, and how far the frame lies towards the next, 0 to 1.
    pub(super) fn places(&self) -> &[(usize, f64)] {
        &self.places
    }

    /// Σ over frames of `values`, shared among the nodes on both sides.
    pub(super) fn gathered(&self, values: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.len() + 1];
        for (value, &(node, f)) in values.iter().zip(&self.places) {
            sums[node] += (1.0 - f) * value;
            sums[node + 1] += f * value;
        }
        sums.truncate(self.len());
        sums
    }

    /// Number of frames that each node stands for.
    pub(super) fn frames_each(&self) -> Vec<f64> {
        self.gathered(&vec![1.0; self.places.len()])
    }
}

/// Correlation of component `c` of the field between two frames.
fn correlation(truth: &dyn Truth, bin: usize, c: usize, i: usize, j: usize) -> f64 {
    let at = |i: usize, j: usize| {
        let mut value = [0.0];
        truth.field(bin, c, i, j..j + 1, &mut value);
        value[0]
    };
    let power = at(i, i) * at(j, j);
    // A component without power has nothing to follow.
    if power > 0.0 { at(i, j) / power.sqrt() } else { 1.0 }
}

/// The truth of a bin on its nodes alone.
pub(super) struct AtNodes<'a> {
    pub truth: &'a dyn Truth,
    pub nodes: &'a Nodes,
}

impl Truth for AtNodes<'_> {
    fn frames(&self) -> usize {
        self.nodes.len()
    }

    fn components(&self) -> usize {
        self.truth.components()
    }

    fn correlation(&self, bin: usize, i: usize, columns: Range<usize>, out: &mut [f64]) {
        let Some(last) = columns.clone().last() else { return };
        let frames = &self.nodes.frames;
        let first = frames[columns.start];
        let mut row = vec![0.0; frames[last] + 1 - first];
        self.truth.correlation(bin, frames[i], first..frames[last] + 1, &mut row);
        out.iter_mut().zip(columns).for_each(|(out, j)| *out = row[frames[j] - first]);
    }

    fn field(
        &self,
        bin: usize,
        component: usize,
        i: usize,
        columns: Range<usize>,
        out: &mut [f64],
    ) {
        let frames = &self.nodes.frames;
        for (out, j) in out.iter_mut().zip(columns) {
            let one = frames[j]..frames[j] + 1;
            self.truth.field(bin, component, frames[i], one, std::slice::from_mut(out));
        }
    }

    fn phase(&self, bin: usize, component: usize, out: &mut [f64]) {
        let mut phase = vec![0.0; self.truth.frames()];
        self.truth.phase(bin, component, &mut phase);
        out.iter_mut().zip(&self.nodes.frames).for_each(|(out, &frame)| *out = phase[frame]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SimConfig;
    use crate::simulate::Experiment;

    fn nodes(parameters: &str) -> Nodes {
        let yaml = format!(
            "mode: static\nframes: 640\ndt: 0.1\nq: 0.0054\nphi: [0]\nparameters: {{{parameters}}}\n\
             contrast: 0.5\nnoise: {{kind: none}}\n"
        );
        let config = SimConfig::from_yaml(&yaml, "test", &[]).unwrap();
        Nodes::of(&Experiment::try_new(config).unwrap(), 0)
    }

    #[test]
    fn nodes_follow_the_decay() {
        let distance = |nodes: &Nodes, k: usize| nodes.frames[k + 1] - nodes.frames[k];
        // The field falls to exp(−½q²D·2dt) = 0.84 within two frames.
        assert_eq!(nodes("D0: 60000, alpha: 0, D_offset: 0").len(), 640);
        // exp(−½q²D·k·dt) ≥ 0.9 up to k = 3.
        let even = nodes("D0: 20000, alpha: 0, D_offset: 0");
        assert!((0..200).all(|k| distance(&even, k) == 3));
        // What slows down gets longer intervals, to a 64th of the series.
        let slowing = nodes("D0: 60000, alpha: -0.8, D_offset: 0");
        assert_eq!(distance(&slowing, 0), 1);
        assert_eq!(distance(&slowing, slowing.len() - 3), 10);
        let frozen = nodes("D0: 1e-3, alpha: 0, D_offset: 0");
        assert_eq!((frozen.len(), frozen.frames[64]), (65, 639));
    }

    #[test]
    fn what_is_gathered_is_all_there_is() {
        let nodes = Nodes::at(vec![0, 1, 4, 6]);
        let values = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0];
        assert_eq!(nodes.frames_each(), [1.0, 2.0, 2.5, 1.5]);
        assert_eq!(nodes.gathered(&values).iter().sum::<f64>(), values.iter().sum::<f64>());
        let ramp: Vec<f64> = (0..7).map(f64::from).collect();
        // A line is interpolated exactly.
        let moments = nodes.gathered(&ramp);
        let line: f64 = nodes.frames.iter().zip(moments).map(|(t, v)| *t as f64 * v).sum();
        let exact: f64 = ramp.iter().map(|t| t * t).sum();
        assert!((line - exact).abs() < 1e-12, "{line} and {exact}");
    }
}
