//! What the work of a fit took, summed from the events of the runtime.

use std::time::Duration;

use dyne_runtime::{BlockFigures, Saves, SweepFigures};

use crate::report::{BlockWork, CheckpointWork, SweepWork, Work};

/// Adds a sweep to the work of its purpose.
pub fn count_sweep(work: &mut Work, sweep: &SweepFigures) {
    let known = work.sweeps.iter().position(|own| own.purpose == sweep.purpose);
    let at = known.unwrap_or_else(|| {
        let purpose = sweep.purpose.to_owned();
        work.sweeps.push(SweepWork { purpose, ..SweepWork::default() });
        work.sweeps.len() - 1
    });
    let own = &mut work.sweeps[at];
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
    let last = sweep.last.iter().map(|block| block_work(sweep.purpose, block));
    work.last_blocks.extend(last);
    let out = work.last_blocks.len().saturating_sub(Work::BLOCKS);
    work.last_blocks.drain(..out);
}

fn block_work(purpose: &str, block: &BlockFigures) -> BlockWork {
    BlockWork {
        purpose: purpose.to_owned(),
        block: block.block,
        pairs: block.result.items,
        source_s: block.source_s,
        work_s: block.work_s,
        cost: block.result.cost,
        non_finite: block.result.non_finite,
    }
}

/// What saving checkpoints took.
pub fn checkpoint_work(saves: &Saves) -> CheckpointWork {
    let each = || saves.each.iter().map(|(_, took)| *took);
    CheckpointWork {
        saves: saves.each.len() as u64,
        bytes: saves.bytes,
        longest_s: each().max().unwrap_or_default().as_secs_f64(),
        total_s: each().sum::<Duration>().as_secs_f64(),
        held_up_s: saves.held_up.as_secs_f64(),
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
        count_sweep(&mut work, &sweep("survey", 40));
        count_sweep(&mut work, &sweep("fit", 40));
        count_sweep(&mut work, &sweep("fit", 50));
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
        let found = checkpoint_work(&saves);
        assert_eq!((found.saves, found.bytes, found.longest_s), (2, 7, 0.004));
        assert!((found.total_s - 0.006).abs() < 1e-12 && found.held_up_s == 0.001);
    }
}
