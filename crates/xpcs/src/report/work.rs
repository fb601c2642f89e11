//! What the work of a fit took, in detail.

use std::collections::VecDeque;
use std::time::Duration;

use dyne_runtime::{BlockFigures, Saves, SweepFigures};
use serde::Serialize;

/// What the work of a fit took, in detail.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Work {
    /// Sweeps, one entry for each purpose, in the order of their first.
    pub sweeps: Vec<SweepWork>,
    /// The last blocks of the last sweeps, oldest sweep first, at most [`Work::BLOCKS`].
    pub last_blocks: VecDeque<BlockWork>,
    /// Largest resident memory of each phase; empty where the system does not tell.
    pub phases: Vec<PhaseWork>,
    /// What checkpoints took, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoints: Option<CheckpointWork>,
}

/// Sweeps made for one purpose.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SweepWork {
    /// What for: survey, fit, residuals, error bars.
    pub purpose: String,
    /// Sweeps.
    pub sweeps: u64,
    /// Blocks.
    pub blocks: u64,
    /// Pairs.
    pub pairs: u64,
    /// Wall time of all of them, s. Those of error bars run side by side.
    pub seconds: f64,
    /// Pairs a second of wall time.
    pub pairs_per_s: f64,
    /// Seconds of all lanes to have the blocks: reading and decoding.
    pub source_s: f64,
    /// Seconds of all lanes on the pairs.
    pub work_s: f64,
    /// The longest that a block took, s.
    pub slowest_block_s: f64,
    /// Blocks with a result that is not finite.
    pub non_finite_blocks: u64,
}

/// One block.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BlockWork {
    /// What the sweep was made for.
    pub purpose: String,
    /// Number of the block.
    pub block: usize,
    /// Pairs.
    pub pairs: u64,
    /// Seconds to have it.
    pub source_s: f64,
    /// Seconds of work on it.
    pub work_s: f64,
    /// Its share of the cost, where there is one.
    pub cost: Option<f64>,
    /// Whether a number in its result is not finite.
    pub non_finite: bool,
}

/// One phase.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseWork {
    /// Name.
    pub phase: String,
    /// Wall time, s.
    pub seconds: f64,
    /// Largest resident memory while it ran, bytes.
    pub peak_rss_bytes: u64,
}

/// Checkpoints.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CheckpointWork {
    /// How many were saved.
    pub saves: u64,
    /// Bytes of the last one before it was packed.
    pub bytes: u64,
    /// The longest that one took to pack, write and rename, beside the work, s.
    pub longest_s: f64,
    /// All of them together, s.
    pub total_s: f64,
    /// What lanes took from their work to hand over what is saved, all together, s.
    pub held_up_s: f64,
}

impl Work {
    /// Blocks that are remembered.
    pub const BLOCKS: usize = 64;

    /// Counts a sweep.
    pub fn count(&mut self, sweep: &SweepFigures) {
        let known = self.sweeps.iter().position(|own| own.purpose == sweep.purpose);
        let at = known.unwrap_or_else(|| {
            let purpose = sweep.purpose.to_owned();
            self.sweeps.push(SweepWork { purpose, ..SweepWork::default() });
            self.sweeps.len() - 1
        });
        let own = &mut self.sweeps[at];
        own.sweeps += 1;
        own.blocks += sweep.blocks();
        own.pairs += sweep.items;
        own.seconds += sweep.seconds;
        own.pairs_per_s = own.pairs as f64 / own.seconds.max(f64::MIN_POSITIVE);
        own.source_s += sweep.source_seconds();
        own.work_s += sweep.work_seconds();
        own.non_finite_blocks += sweep.non_finite;
        let slowest = sweep.slowest.map_or(0.0, |block| block.source_s + block.work_s);
        own.slowest_block_s = own.slowest_block_s.max(slowest);
        let last = sweep.last.iter().map(|block| BlockWork::of(sweep.purpose, block));
        self.last_blocks.extend(last);
        let out = self.last_blocks.len().saturating_sub(Self::BLOCKS);
        self.last_blocks.drain(..out);
    }
}

impl BlockWork {
    fn of(purpose: &str, block: &BlockFigures) -> Self {
        Self {
            purpose: purpose.to_owned(),
            block: block.block,
            pairs: block.result.items,
            source_s: block.source_s,
            work_s: block.work_s,
            cost: block.result.cost,
            non_finite: block.result.non_finite,
        }
    }
}

impl From<&Saves> for CheckpointWork {
    fn from(saves: &Saves) -> Self {
        let each = || saves.each.iter().map(|(_, took)| *took);
        Self {
            saves: saves.each.len() as u64,
            bytes: saves.bytes,
            longest_s: each().max().unwrap_or_default().as_secs_f64(),
            total_s: each().sum::<Duration>().as_secs_f64(),
            held_up_s: saves.held_up.as_secs_f64(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dyne_runtime::{Figures, LaneFigures};

    fn sweep(purpose: &'static str, blocks: usize) -> SweepFigures {
        let block = |block| {
            let result = Figures { items: 10, cost: Some(1.0), non_finite: block == 3 };
            BlockFigures { block, source_s: 0.5, work_s: block as f64, result }
        };
        let last: Vec<BlockFigures> = (0..blocks).map(block).collect();
        SweepFigures {
            purpose,
            seconds: 2.0,
            items: 10 * blocks as u64,
            non_finite: 1,
            lanes: [0, 1]
                .map(|lane| {
                    let blocks = blocks as u64 / 2;
                    LaneFigures { lane, blocks, source_s: 1.0, work_s: 3.0 }
                })
                .to_vec(),
            slowest: last.last().copied(),
            last,
        }
    }

    #[test]
    fn sweeps_are_summed_by_purpose_and_the_last_blocks_stay() {
        let mut work = Work::default();
        work.count(&sweep("survey", 40));
        work.count(&sweep("fit", 40));
        work.count(&sweep("fit", 50));
        let [survey, fit] = &work.sweeps[..] else { panic!("two purposes") };
        assert_eq!((survey.sweeps, survey.blocks, survey.pairs), (1, 40, 400));
        assert_eq!((fit.sweeps, fit.blocks, fit.pairs_per_s), (2, 90, 225.0));
        assert_eq!((fit.source_s, fit.work_s, fit.slowest_block_s), (4.0, 12.0, 49.5));
        assert_eq!(work.last_blocks.len(), Work::BLOCKS);
        assert_eq!(work.last_blocks.back().unwrap().block, 49);
        assert_eq!(work.last_blocks.front().unwrap().block, 26);
    }

    #[test]
    fn saves_are_summed() {
        let ms = Duration::from_millis;
        let saves = Saves { each: vec![(ms(0), ms(4)), (ms(9), ms(2))], bytes: 7, held_up: ms(1) };
        let found = CheckpointWork::from(&saves);
        assert_eq!((found.saves, found.bytes, found.longest_s), (2, 7, 0.004));
        assert!((found.total_s - 0.006).abs() < 1e-12 && found.held_up_s == 0.001);
    }
}
