//! The one loop over data.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use thiserror::Error;

use crate::comm::Comm;
use crate::lanes::Lanes;
use crate::source::{Reduce, Source};

/// A request to end at the next block.
#[derive(Debug, Default)]
pub struct Cancel(AtomicBool);

impl Cancel {
    /// Nothing requested yet.
    pub const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Requests the end.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the end was requested.
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a sweep may use. None of it changes the result.
#[derive(Clone, Copy)]
pub struct Resources<'a> {
    /// Worker threads.
    pub lanes: &'a Lanes,
    /// Other ranks.
    pub comm: &'a dyn Comm,
    /// Request to end.
    pub cancel: &'a Cancel,
}

/// Why a sweep has no result.
#[derive(Debug, Error)]
pub enum SweepError<E: std::error::Error + 'static> {
    /// A block could not be had.
    #[error(transparent)]
    Block(E),
    /// Another rank failed.
    #[error("rank {rank} failed in the sweep\nsee the message of that rank")]
    OtherRank {
        /// The first rank that failed.
        rank: usize,
    },
    /// The end was requested.
    #[error("the sweep was interrupted")]
    Cancelled,
    /// The source has no blocks.
    #[error(
        "sweeping the data: found 0 blocks, expected at least one\nselect at least one pair of frames"
    )]
    Empty,
    /// What another rank sent cannot be read.
    #[error(
        "rank {rank} sent a partial result that cannot be read\nrun the same program version on all ranks"
    )]
    Garbled {
        /// The rank.
        rank: usize,
    },
}

/// Runs `work` on every block of `source` and merges what it returns in a fixed binary tree
/// over the block number.
///
/// The tree is that of aligned pairs: blocks 2k and 2k+1, then pairs of pairs, and at the end
/// the nodes that have no neighbour from the right to the left. It depends on the number of
/// blocks alone, so the result is the same to the bit for any number of lanes and ranks.
/// `scratch` makes the memory that `work` reuses on one lane. Partial results held at a time:
/// at most one a lane and one a level of the tree.
///
/// # Errors
/// [`SweepError`]; of several unreadable blocks met, the first one by number.
pub fn sweep<S: Source, R: Reduce, W>(
    source: &S,
    resources: Resources<'_>,
    scratch: impl Fn() -> W + Sync,
    work: impl Fn(S::Block<'_>, &mut W) -> R + Sync,
) -> Result<R, SweepError<S::Error>> {
    let (rank, size) = (resources.comm.rank(), resources.comm.size());
    let blocks = source.blocks();
    let mine = blocks * rank / size..blocks * (rank + 1) / size;
    let next = AtomicUsize::new(mine.start);
    let state = Mutex::new(State { forest: Forest::default(), error: None });
    resources.lanes.broadcast(|_| {
        let mut buffer = S::Buffer::default();
        let mut memory = scratch();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= mine.end || resources.cancel.requested() {
                break;
            }
            match source.block(index, &mut buffer) {
                Ok(block) => plant(&state, index, work(block, &mut memory)),
                Err(error) => {
                    lock(&state).note(index, error);
                    next.store(mine.end, Ordering::Relaxed);
                }
            }
        }
    });
    let State { forest, error } = state.into_inner().expect("no lane panics with the lock held");
    let failure = match error {
        Some((_, error)) => Some(SweepError::Block(error)),
        None if resources.cancel.requested() => Some(SweepError::Cancelled),
        None => None,
    };
    let total = join_ranks(resources.comm, forest, failure)?;
    total.ok_or(SweepError::Empty)
}

struct State<R, E> {
    forest: Forest<R>,
    error: Option<(usize, E)>,
}

impl<R, E> State<R, E> {
    fn note(&mut self, index: usize, error: E) {
        if self.error.as_ref().is_none_or(|(first, _)| index < *first) {
            self.error = Some((index, error));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("no lane panics with the lock held")
}

/// Adds the result of one block; merging happens outside the lock.
fn plant<R: Reduce, E>(state: &Mutex<State<R, E>>, index: usize, result: R) {
    let mut node = Node { level: 0, index };
    let mut value = result;
    loop {
        let mut guard = lock(state);
        let Some(sibling) = guard.forest.nodes.remove(&node.sibling()) else {
            guard.forest.nodes.insert(node, value);
            return;
        };
        drop(guard);
        value = merge_siblings(node, value, sibling);
        node = node.parent();
    }
}

fn merge_siblings<R: Reduce>(node: Node, value: R, sibling: R) -> R {
    let (mut earlier, later) =
        if node.index.is_multiple_of(2) { (value, sibling) } else { (sibling, value) };
    earlier.merge(later);
    earlier
}

/// A node of the tree: covers blocks index·2^level up to the next node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Node {
    level: u32,
    index: usize,
}

impl Node {
    fn sibling(self) -> Self {
        Self { level: self.level, index: self.index ^ 1 }
    }
    fn parent(self) -> Self {
        Self { level: self.level + 1, index: self.index / 2 }
    }
    fn first_block(self) -> usize {
        self.index << self.level
    }
}

/// Nodes whose sibling is not there yet.
struct Forest<R> {
    nodes: BTreeMap<Node, R>,
}

impl<R> Default for Forest<R> {
    fn default() -> Self {
        Self { nodes: BTreeMap::new() }
    }
}

impl<R: Reduce> Forest<R> {
    fn insert(&mut self, mut node: Node, mut value: R) {
        while let Some(sibling) = self.nodes.remove(&node.sibling()) {
            value = merge_siblings(node, value, sibling);
            node = node.parent();
        }
        self.nodes.insert(node, value);
    }

    fn total(self) -> Option<R> {
        let mut nodes: Vec<(Node, R)> = self.nodes.into_iter().collect();
        nodes.sort_by_key(|(node, _)| node.first_block());
        let last = nodes.pop()?.1;
        Some(nodes.into_iter().rev().fold(last, |later, (_, mut earlier)| {
            earlier.merge(later);
            earlier
        }))
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (node, value) in &self.nodes {
            let payload = value.to_bytes();
            for number in [u64::from(node.level), node.index as u64, payload.len() as u64] {
                bytes.extend(number.to_le_bytes());
            }
            bytes.extend(payload);
        }
        bytes
    }

    fn absorb(&mut self, mut bytes: &[u8]) -> Option<()> {
        while !bytes.is_empty() {
            let mut number = || {
                let (head, rest) = bytes.split_first_chunk::<8>()?;
                bytes = rest;
                Some(u64::from_le_bytes(*head))
            };
            let (level, index, length) = (number()?, number()?, number()?);
            let (payload, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
            bytes = rest;
            let node =
                Node { level: u32::try_from(level).ok()?, index: usize::try_from(index).ok()? };
            self.insert(node, R::from_bytes(payload)?);
        }
        Some(())
    }
}

/// Joins the forests of all ranks; a failure on one rank ends all of them.
fn join_ranks<R: Reduce, E: std::error::Error>(
    comm: &dyn Comm,
    forest: Forest<R>,
    failure: Option<SweepError<E>>,
) -> Result<Option<R>, SweepError<E>> {
    if comm.size() == 1 {
        return failure.map_or_else(|| Ok(forest.total()), Err);
    }
    const DONE: u8 = 0;
    const CANCELLED: u8 = 1;
    const FAILED: u8 = 2;
    let mut message = vec![match failure {
        None => DONE,
        Some(SweepError::Cancelled) => CANCELLED,
        Some(_) => FAILED,
    }];
    message.extend(forest.to_bytes());
    let all = comm.gather(message);
    if let Some(error) = failure {
        return Err(error);
    }
    let status = |bytes: &Vec<u8>| bytes.first().copied().unwrap_or(FAILED);
    if let Some(rank) = all.iter().position(|b| status(b) == FAILED) {
        return Err(SweepError::OtherRank { rank });
    }
    if all.iter().any(|b| status(b) == CANCELLED) {
        return Err(SweepError::Cancelled);
    }
    let mut joined = Forest::default();
    for (rank, bytes) in all.iter().enumerate() {
        joined.absorb(&bytes[1..]).ok_or(SweepError::Garbled { rank })?;
    }
    Ok(joined.total())
}
