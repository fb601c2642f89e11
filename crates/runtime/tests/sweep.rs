//! Path invariance of the sweep: lanes and ranks never change a bit.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dyne_runtime::checkpoint::{CheckpointFolder, CheckpointOptions, Packing};
use dyne_runtime::comm::Threads;
use dyne_runtime::journal::{Journal, SavePolicy};
use dyne_runtime::{Cancel, Comm, Lanes, Reduce, Resources, Solo, Source, SweepError, sweep};
use proptest::prelude::*;

const MINUTE: Duration = Duration::from_secs(60);

/// Numbers in blocks; the sum of floats shows any change of order.
struct Numbers {
    values: Vec<f64>,
    block: usize,
    bad: Option<usize>,
}

#[derive(Debug, thiserror::Error)]
#[error("block {0} cannot be read")]
struct Unreadable(usize);

impl Source for Numbers {
    type Buffer = Vec<f64>;
    type Block<'a> = &'a [f64];
    type Error = Unreadable;

    fn blocks(&self) -> usize {
        self.values.len().div_ceil(self.block)
    }

    fn block<'a>(
        &'a self,
        index: usize,
        buffer: &'a mut Vec<f64>,
    ) -> Result<&'a [f64], Unreadable> {
        if self.bad == Some(index) {
            return Err(Unreadable(index));
        }
        buffer.clear();
        let start = index * self.block;
        buffer.extend(&self.values[start..self.values.len().min(start + self.block)]);
        Ok(buffer)
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Sum {
    total: f64,
    first: usize,
    blocks: usize,
}

impl Reduce for Sum {
    fn merge(&mut self, later: Self) {
        assert_eq!(self.first + self.blocks, later.first, "only neighbours are merged");
        self.total += later.total;
        self.blocks += later.blocks;
    }
    fn to_bytes(&self) -> Vec<u8> {
        let words = [self.total.to_bits(), self.first as u64, self.blocks as u64];
        words.iter().flat_map(|w| w.to_le_bytes()).collect()
    }
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let words: Vec<u64> =
            bytes.chunks_exact(8).map(|c| u64::from_le_bytes(c.try_into().unwrap())).collect();
        let [total, first, blocks] = words.try_into().ok()?;
        Some(Self { total: f64::from_bits(total), first: first as usize, blocks: blocks as usize })
    }
}

fn run(source: &Numbers, lanes: usize, comm: &dyn Comm) -> Result<Sum, SweepError<Unreadable>> {
    let lanes = Lanes::try_new(NonZeroUsize::new(lanes).unwrap()).unwrap();
    let cancel = Cancel::new();
    let resources = Resources::new(&lanes, comm, &cancel);
    let base = source.values.as_slice();
    sweep(source, resources, Vec::new, |block, order: &mut Vec<usize>| {
        order.push(block.len());
        let position = base.windows(block.len()).position(|w| w == block).unwrap();
        Sum { total: block.iter().sum(), first: position / source.block, blocks: 1 }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn bits_do_not_depend_on_lanes_or_ranks(
        values in prop::collection::vec(-1e6f64..1e6, 1..80),
        block in 1usize..9,
    ) {
        let source = Numbers { values, block, bad: None };
        let expected = run(&source, 1, &Solo).unwrap();
        prop_assert_eq!(expected.blocks, source.blocks());
        for lanes in [1, 2, 7] {
            for ranks in [1, 2, 3] {
                for sum in Threads::run(ranks, |comm| run(&source, lanes, comm).unwrap()) {
                    prop_assert_eq!(sum.total.to_bits(), expected.total.to_bits());
                    prop_assert_eq!(sum.blocks, expected.blocks);
                }
            }
        }
    }
}

#[test]
fn an_unreadable_block_ends_the_sweep_on_every_rank() {
    let values = (0..50).map(f64::from).collect();
    let source = Numbers { values, block: 5, bad: Some(7) };
    assert!(matches!(run(&source, 2, &Solo), Err(SweepError::Block(Unreadable(7)))));
    let ends = Threads::run(3, |comm| run(&source, 2, comm).unwrap_err().to_string());
    assert_eq!(ends[2], "block 7 cannot be read");
    assert!(ends[0].starts_with("rank 2 failed"), "{}", ends[0]);
}

#[test]
fn cancelling_and_empty_sources_are_told_apart() {
    let source = Numbers { values: vec![], block: 5, bad: None };
    assert!(matches!(run(&source, 1, &Solo), Err(SweepError::Empty)));
    let source = Numbers { values: vec![1.0; 9], block: 2, bad: None };
    let cancel = Cancel::new();
    cancel.request();
    let lanes = Lanes::solo();
    let resources = Resources::new(&lanes, &Solo, &cancel);
    let sum = |block: &[f64], (): &mut ()| Sum { total: block[0], first: 0, blocks: 1 };
    assert!(matches!(sweep(&source, resources, || (), sum), Err(SweepError::Cancelled)));
}

/// Two sweeps with a journal in `dir`, which are told to end once `most` blocks are done.
fn journalled(
    source: &Numbers,
    lanes: usize,
    dir: &std::path::Path,
    most: usize,
) -> (Result<f64, SweepError<Unreadable>>, usize) {
    let packing = Packing::Compressed;
    let options = CheckpointOptions { dir: dir.to_owned(), keep: 2, packing };
    let folder = CheckpointFolder::open(options, [3; 32]).unwrap();
    let content = folder.find().unwrap().newest.map(|(_, content)| content);
    let policy = SavePolicy { first: MINUTE, every: MINUTE, blocks: 3 };
    let journal = Journal::new(folder, content.as_deref(), policy);
    let lanes = Lanes::try_new(NonZeroUsize::new(lanes).unwrap()).unwrap();
    let cancel = Cancel::new();
    let done = AtomicUsize::new(0);
    let resources = Resources::new(&lanes, &Solo, &cancel).with_journal(&journal);
    let work = |block: &[f64], (): &mut ()| {
        if done.fetch_add(1, Ordering::Relaxed) + 1 == most {
            cancel.request();
        }
        Sum { total: block.iter().sum(), first: block[0] as usize / source.block, blocks: 1 }
    };
    let one = |about: f64| sweep(source, resources.about(&[about]), || (), work);
    let first = one(1.0);
    if first.is_err() {
        // Another sweep after the end was asked for leaves no trace in the journal.
        assert!(matches!(one(7.0), Err(SweepError::Cancelled)));
    }
    let total = first.and_then(|a| Ok(a.total / 3.0 + one(2.0)?.total));
    journal.close().unwrap();
    (total, done.into_inner())
}

#[test]
fn a_run_that_is_cut_short_again_and_again_ends_with_the_same_bits() {
    let values = (0..331).map(|k| f64::from(k) + 0.1).collect();
    let source = Numbers { values, block: 4, bad: None };
    let whole = tempfile::tempdir().unwrap();
    let (expected, blocks) = journalled(&source, 1, whole.path(), usize::MAX);
    let expected = expected.unwrap();
    for most in [1, 2, 7, 30] {
        let dir = tempfile::tempdir().unwrap();
        let mut total_done = 0;
        let found = loop {
            let (found, done) = journalled(&source, 1 + most % 3, dir.path(), most);
            total_done += done;
            match found {
                Ok(total) => break total,
                Err(SweepError::Cancelled) => {}
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(found.to_bits(), expected.to_bits(), "{most} blocks a run");
        assert_eq!(total_done, blocks, "no block was done twice");
    }
}

#[test]
fn a_journal_of_another_run_is_refused() {
    let numbers = |count: u32| (0..count).map(f64::from).collect();
    let source = Numbers { values: numbers(9), block: 2, bad: None };
    let dir = tempfile::tempdir().unwrap();
    journalled(&source, 1, dir.path(), 3).0.unwrap_err();
    let longer = Numbers { values: numbers(99), block: 2, bad: None };
    assert!(matches!(journalled(&longer, 1, dir.path(), 9).0, Err(SweepError::Diverged)));
}
