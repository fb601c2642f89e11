//! The one loop over data.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::Instant;

use thiserror::Error;

use crate::comm::Comm;
use crate::event::Observer;
use crate::forest::{Forest, Node, Siblings};
use crate::journal::{Begun, Diverged, Journal};
use crate::lanes::{HandOut, Lanes};
use crate::source::{Reduce, Source};
use crate::tally::{LaneTally, Tally};

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
    /// What the sweeps of this run found, where that is kept.
    pub journal: Option<&'a Journal>,
    /// Who is told what each sweep took.
    observer: Option<&'a dyn Observer>,
    /// What the next sweep is made for, as the journal knows it.
    subject: u64,
    /// The same in words.
    purpose: &'static str,
}

impl<'a> Resources<'a> {
    /// Lanes, ranks and request to end; no journal.
    pub const fn new(lanes: &'a Lanes, comm: &'a dyn Comm, cancel: &'a Cancel) -> Self {
        Self { lanes, comm, cancel, journal: None, observer: None, subject: 0, purpose: "sweep" }
    }

    /// With one who is told what each sweep took.
    pub const fn with_observer(self, observer: &'a dyn Observer) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// Without one, for sweeps of which there are too many.
    pub const fn without_observer(self) -> Self {
        Self { observer: None, ..self }
    }

    /// For sweeps made for this, in one or two words.
    pub const fn to(self, purpose: &'static str) -> Self {
        Self { purpose, ..self }
    }

    /// With a journal.
    pub const fn with_journal(self, journal: &'a Journal) -> Self {
        Self { journal: Some(journal), ..self }
    }

    /// With other lanes.
    pub const fn with_lanes(self, lanes: &'a Lanes) -> Self {
        Self { lanes, ..self }
    }

    /// With another request to end.
    pub const fn with_cancel(self, cancel: &'a Cancel) -> Self {
        Self { cancel, ..self }
    }

    /// Without one, for sweeps whose order is not fixed.
    pub const fn without_journal(self) -> Self {
        Self { journal: None, ..self }
    }

    /// For a sweep made at these numbers.
    pub fn about(self, numbers: &[f64]) -> Self {
        // FNV-1a over the bits.
        let mix = |hash: u64, x: &f64| (hash ^ x.to_bits()).wrapping_mul(0x100_0000_01b3);
        Self { subject: numbers.iter().fold(0xcbf2_9ce4_8422_2325, mix), ..self }
    }
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
    /// The journal tells of another run.
    #[error(
        "the checkpoint tells of another sweep than the one to be made\nbegin anew without --resume"
    )]
    Diverged,
    /// A checkpoint could not be written.
    #[error("{0}")]
    Checkpoint(String),
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
/// at most one a lane and one a level of the tree. With a journal a sweep that is in it is not made
/// again, and one that was begun goes on.
///
/// # Errors
/// [`SweepError`]; of several unreadable blocks met, the first one by number.
pub fn sweep<S: Source, R: Reduce, W>(
    source: &S,
    resources: Resources<'_>,
    scratch: impl Fn() -> W + Sync,
    work: impl Fn(S::Block<'_>, &mut W) -> R + Sync,
) -> Result<R, SweepError<S::Error>> {
    if resources.cancel.requested() && resources.comm.size() == 1 {
        // The journal keeps what the sweep that was cut short has left in it.
        return Err(SweepError::Cancelled);
    }
    let subject = resources.subject ^ source.blocks() as u64;
    let forest = match resources.journal.map(|journal| journal.begin(subject)) {
        None | Some(Ok(Begun::Not)) => Forest::default(),
        Some(Ok(Begun::Done(bytes))) => return R::from_bytes(&bytes).ok_or(SweepError::Diverged),
        Some(Ok(Begun::Partly(bytes))) => {
            let mut forest = Forest::default();
            forest.absorb(&bytes).ok_or(SweepError::Diverged)?;
            forest
        }
        Some(Err(Diverged)) => return Err(SweepError::Diverged),
    };
    let pass = Pass::new(source, resources, subject, forest);
    let tally = resources.observer.map(|observer| Tally::new(observer, resources.purpose));
    resources.lanes.broadcast(|lane| {
        let count = pass.lane(lane, &scratch, &work);
        if let Some(tally) = &tally {
            tally.add(count);
        }
    });
    if let Some(tally) = tally {
        tally.tell();
    }
    let total = pass.end()?.ok_or(SweepError::Empty)?;
    if let Some(journal) = resources.journal {
        journal.finish(subject, total.to_bytes());
    }
    Ok(total)
}

/// One sweep under way.
struct Pass<'a, S: Source, R> {
    source: &'a S,
    resources: Resources<'a>,
    subject: u64,
    /// Blocks of this rank that are not yet in the forest, ascending.
    missing: Vec<Range<usize>>,
    next: HandOut,
    state: Mutex<State<R, S::Error>>,
    /// Shared by lanes that merge, so that who holds it alone finds all results in the forest.
    merging: RwLock<()>,
}

impl<'a, S: Source, R: Reduce> Pass<'a, S, R> {
    fn new(source: &'a S, resources: Resources<'a>, subject: u64, forest: Forest<R>) -> Self {
        let (rank, size) = (resources.comm.rank(), resources.comm.size());
        let blocks = source.blocks();
        let mine = blocks * rank / size..blocks * (rank + 1) / size;
        let missing = forest.missing(mine);
        let count = missing.iter().map(Range::len).sum();
        Self {
            source,
            resources,
            subject,
            missing,
            next: resources.lanes.hand_out(count),
            state: Mutex::new(State { forest, error: None }),
            merging: RwLock::new(()),
        }
    }

    /// The `k`-th missing block.
    fn block(&self, mut k: usize) -> Option<usize> {
        for range in &self.missing {
            if k < range.len() {
                return Some(range.start + k);
            }
            k -= range.len();
        }
        None
    }

    fn lane<W>(
        &self,
        lane: usize,
        scratch: &(impl Fn() -> W + Sync),
        work: &(impl Fn(S::Block<'_>, &mut W) -> R + Sync),
    ) -> LaneTally {
        let mut buffer = S::Buffer::default();
        let mut memory = scratch();
        let mut tally = LaneTally::new(lane);
        let mut began = Instant::now();
        while !self.resources.cancel.requested() {
            let Some(index) = self.next.next(lane).and_then(|k| self.block(k)) else { break };
            match self.source.block(index, &mut buffer) {
                Ok(block) => {
                    let had = Instant::now();
                    let result = work(block, &mut memory);
                    let done = Instant::now();
                    tally.count(index, had - began, done - had, result.figures());
                    let shared = self.merging.read().expect("no lane panics while it merges");
                    plant(&self.state, index, result);
                    drop(shared);
                }
                Err(error) => {
                    lock(&self.state).note(index, error);
                    self.next.close();
                }
            }
            if let Some(journal) = self.resources.journal
                && journal.due(1)
            {
                self.save(journal);
            }
            began = Instant::now();
        }
        tally
    }

    /// Hands the partial sums to the journal.
    fn save(&self, journal: &Journal) {
        let began = Instant::now();
        let alone = self.merging.write().expect("no lane panics while it merges");
        let bytes = lock(&self.state).forest.to_bytes();
        drop(alone);
        journal.save_partial(self.subject, bytes);
        journal.held_up(began.elapsed());
        if journal.fault().is_some() {
            self.next.close();
        }
    }

    fn end(self) -> Result<Option<R>, SweepError<S::Error>> {
        let cancelled = self.resources.cancel.requested();
        let failed = cancelled || lock(&self.state).error.is_some();
        if let (Some(journal), true) = (self.resources.journal, failed) {
            self.save(journal);
        }
        let fault = self.resources.journal.and_then(Journal::fault);
        let State { forest, error } =
            self.state.into_inner().expect("no lane panics with the lock held");
        let failure = match (error, fault) {
            (Some((_, error)), _) => Some(SweepError::Block(error)),
            (None, Some(reason)) => Some(SweepError::Checkpoint(reason)),
            (None, None) if cancelled => Some(SweepError::Cancelled),
            (None, None) => None,
        };
        join_ranks(self.resources.comm, forest, failure)
    }
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
    let mut next = Some((Node::block(index), result));
    while let Some((node, value)) = next {
        let siblings = lock(state).forest.place(node, value);
        next = siblings.map(Siblings::merged);
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
