//! The journal of a run: what its sweeps found, so that a run that is begun again with the same plan
//! need not sweep again.
//!
//! All that a run computes follows from its plan and from the totals of its sweeps, in a fixed order.
//! So the totals, in that order, with the partial sums of the sweep under way, are the whole state of
//! a run: begun again it takes the totals from the journal, arrives at the sweep that was under way, and
//! goes on with the blocks that are missing. The result is the same to the bit.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::checkpoint::{CheckpointError, CheckpointFolder};
use crate::words::{Words, put_words};

/// When checkpoints are saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SavePolicy {
    /// Time before the first one.
    pub first: Duration,
    /// Time between two.
    pub every: Duration,
    /// Blocks between two, where that is sooner; 0 for none.
    pub blocks: u64,
}

/// What saving has taken.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Saves {
    /// Each save: when it began, by the time since the journal was opened, and how long it took to
    /// pack, write and rename, beside the work.
    pub each: Vec<(Duration, Duration)>,
    /// Bytes of the last one, unpacked.
    pub bytes: u64,
    /// What lanes took from their work to hand over what is saved, all together.
    pub held_up: Duration,
}

/// What a sweep finds of itself in the journal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Begun {
    /// Its total.
    Done(Arc<Vec<u8>>),
    /// Partial sums of some blocks.
    Partly(Arc<Vec<u8>>),
    /// Nothing.
    Not,
}

/// The journal tells of another run than the one that reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Diverged;

/// The journal of one run.
pub struct Journal {
    state: Mutex<State>,
    policy: SavePolicy,
    began: Instant,
    due_ns: AtomicU64,
    blocks: AtomicU64,
    writer: Mutex<Option<Writer>>,
    error: Arc<Mutex<Option<CheckpointError>>>,
    saves: Arc<Mutex<Saves>>,
}

#[derive(Default)]
struct State {
    totals: Vec<Total>,
    replayed: usize,
    memos: BTreeMap<(String, u64), Arc<Vec<u8>>>,
    partial: Option<Total>,
}

/// The sums of one sweep; the subject tells what it swept for.
#[derive(Debug, Clone)]
struct Total {
    subject: u64,
    bytes: Arc<Vec<u8>>,
}

/// What is to be saved.
struct Snapshot {
    totals: Vec<Total>,
    memos: BTreeMap<(String, u64), Arc<Vec<u8>>>,
    partial: Option<Total>,
}

struct Writer {
    send: SyncSender<Snapshot>,
    thread: JoinHandle<CheckpointFolder>,
}

impl Journal {
    /// A journal that saves itself to `folder`, going on from `content` where that is given; content
    /// that is not one of a journal counts as none.
    pub fn new(folder: CheckpointFolder, content: Option<&[u8]>, policy: SavePolicy) -> Self {
        let state = content.and_then(State::from_bytes).unwrap_or_default();
        let (error, saves, began) = (Arc::default(), Arc::default(), Instant::now());
        // One waits while another is written; a third comes too early and is left out.
        let (send, receive) = sync_channel(1);
        let log = Log { began, saves: Arc::clone(&saves), error: Arc::clone(&error) };
        let thread = std::thread::spawn(move || write_all(folder, &receive, &log));
        Self {
            state: Mutex::new(state),
            policy,
            began,
            due_ns: AtomicU64::new(nanoseconds(policy.first)),
            blocks: AtomicU64::new(0),
            writer: Mutex::new(Some(Writer { send, thread })),
            error,
            saves,
        }
    }

    /// Bytes that `work` makes for `(label, index)`, from the journal where it holds them.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn memo<E>(
        &self,
        label: &str,
        index: u64,
        work: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<Vec<u8>, E> {
        let key = (label.to_owned(), index);
        if let Some(bytes) = locked(&self.state).memos.get(&key) {
            return Ok(bytes.to_vec());
        }
        let bytes = work()?;
        locked(&self.state).memos.insert(key, bytes.clone().into());
        if self.due(0) {
            self.offer();
        }
        Ok(bytes)
    }

    /// Saves what is there, waits until it is written, and ends the journal.
    ///
    /// # Errors
    /// That of the first checkpoint that could not be written.
    pub fn close(&self) -> Result<CheckpointFolder, CheckpointError> {
        if let Some(Writer { send, .. }) = &*locked(&self.writer) {
            // The writer has gone only where it has panicked, which is told below.
            let _ = send.send(self.snapshot());
        }
        self.end()
    }

    /// Ends the journal with what is saved already.
    ///
    /// # Errors
    /// As [`Self::close`].
    pub fn end(&self) -> Result<CheckpointFolder, CheckpointError> {
        let writer = locked(&self.writer).take();
        let Writer { send, thread } = writer.expect("a journal is closed once");
        drop(send);
        let folder = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match locked(&self.error).take() {
            Some(error) => Err(error),
            None => Ok(folder),
        }
    }

    /// What saving has taken so far.
    pub fn saves(&self) -> Saves {
        locked(&self.saves).clone()
    }

    /// Notes that a lane was held up.
    pub(crate) fn held_up(&self, time: Duration) {
        locked(&self.saves).held_up += time;
    }

    /// A checkpoint that could not be written.
    pub(crate) fn fault(&self) -> Option<String> {
        locked(&self.error).as_ref().map(ToString::to_string)
    }

    pub(crate) fn begin(&self, subject: u64) -> Result<Begun, Diverged> {
        let mut state = locked(&self.state);
        if let Some(total) = state.totals.get(state.replayed) {
            if total.subject != subject {
                return Err(Diverged);
            }
            let bytes = Arc::clone(&total.bytes);
            state.replayed += 1;
            return Ok(Begun::Done(bytes));
        }
        match state.partial.take() {
            Some(partial) if partial.subject == subject => Ok(Begun::Partly(partial.bytes)),
            Some(_) => Err(Diverged),
            None => Ok(Begun::Not),
        }
    }

    /// Whether a checkpoint is due after `blocks` more blocks; true for one caller only.
    pub(crate) fn due(&self, blocks: u64) -> bool {
        let now = nanoseconds(self.began.elapsed());
        let due = self.due_ns.load(Ordering::Relaxed);
        let count = self.blocks.fetch_add(blocks, Ordering::Relaxed) + blocks;
        let by_count = self.policy.blocks > 0 && count >= self.policy.blocks;
        if now < due && !by_count {
            return false;
        }
        let next = now + nanoseconds(self.policy.every);
        let won = self.due_ns.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed);
        if won.is_ok() {
            self.blocks.store(0, Ordering::Relaxed);
        }
        won.is_ok()
    }

    /// Remembers the partial sums of the sweep under way, and has them saved.
    pub(crate) fn save_partial(&self, subject: u64, bytes: Vec<u8>) {
        locked(&self.state).partial = Some(Total { subject, bytes: bytes.into() });
        self.offer();
    }

    /// Remembers the total of a sweep.
    pub(crate) fn finish(&self, subject: u64, bytes: Vec<u8>) {
        let mut state = locked(&self.state);
        state.partial = None;
        state.totals.push(Total { subject, bytes: bytes.into() });
        state.replayed = state.totals.len();
    }

    fn snapshot(&self) -> Snapshot {
        let state = locked(&self.state);
        Snapshot {
            totals: state.totals.clone(),
            memos: state.memos.clone(),
            partial: state.partial.clone(),
        }
    }

    fn offer(&self) {
        let snapshot = self.snapshot();
        if let Some(Writer { send, .. }) = &*locked(&self.writer) {
            match send.try_send(snapshot) {
                // One that is waiting is nearly as new.
                Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no lane panics with the lock held")
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// What the writer leaves for others to see.
struct Log {
    began: Instant,
    saves: Arc<Mutex<Saves>>,
    error: Arc<Mutex<Option<CheckpointError>>>,
}

fn write_all(
    mut folder: CheckpointFolder,
    receive: &Receiver<Snapshot>,
    log: &Log,
) -> CheckpointFolder {
    for snapshot in receive {
        let began = Instant::now();
        let pieces = snapshot.pieces();
        let pieces = pieces.all();
        if let Err(failed) = folder.save(&pieces) {
            locked(&log.error).get_or_insert(failed);
        }
        let mut saves = locked(&log.saves);
        saves.each.push((began - log.began, began.elapsed()));
        saves.bytes = pieces.iter().map(|piece| piece.len() as u64).sum();
    }
    folder
}

impl Snapshot {
    /// The content as pieces: numbers between the bytes of sums and memos, of which no copy is made.
    fn pieces(&self) -> Pieces<'_> {
        let mut pieces = Pieces::default();
        pieces.put(self.totals.len() as u64, &[]);
        pieces.put(self.partial.iter().len() as u64, &[]);
        for total in self.totals.iter().chain(&self.partial) {
            pieces.put(total.subject, &total.bytes);
        }
        for ((label, index), memo) in &self.memos {
            pieces.put(*index, label.as_bytes());
            pieces.put(0, memo);
        }
        pieces
    }
}

/// Contents, each behind two numbers: what it is about, and how long it is.
#[derive(Default)]
struct Pieces<'a> {
    numbers: Vec<[u8; 16]>,
    contents: Vec<&'a [u8]>,
}

impl<'a> Pieces<'a> {
    fn put(&mut self, subject: u64, content: &'a [u8]) {
        let mut bytes = Vec::new();
        put_words(&mut bytes, [subject, content.len() as u64]);
        self.numbers.push(bytes.try_into().expect("two numbers are sixteen bytes"));
        self.contents.push(content);
    }

    fn all(&self) -> Vec<&[u8]> {
        let pairs = self.numbers.iter().zip(&self.contents);
        pairs.flat_map(|(number, content)| [&number[..], *content]).collect()
    }
}

impl State {
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut words = Words::new(bytes);
        let mut next = || {
            let (subject, length) = (words.word()?, words.count()?);
            Some((subject, words.bytes(length)?))
        };
        let (totals, partials) = (next()?.0, next()?.0);
        let mut total =
            || next().map(|(subject, own)| Total { subject, bytes: own.to_vec().into() });
        let mut state = Self::default();
        for _ in 0..totals {
            state.totals.push(total()?);
        }
        if partials > 0 {
            state.partial = Some(total()?);
        }
        while let Some((index, label)) = next() {
            let label = String::from_utf8(label.to_vec()).ok()?;
            state.memos.insert((label, index), next()?.1.to_vec().into());
        }
        words.is_empty().then_some(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{CheckpointOptions, Packing};

    const HOUR: Duration = Duration::from_secs(3600);
    const NEVER: SavePolicy = SavePolicy { first: HOUR, every: HOUR, blocks: 0 };

    fn folder(dir: &std::path::Path) -> CheckpointFolder {
        let packing = Packing::Compressed;
        let options = CheckpointOptions { dir: dir.to_owned(), keep: 3, packing };
        CheckpointFolder::open(options, [7; 32]).unwrap()
    }

    #[test]
    fn a_journal_goes_on_where_it_was_closed() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::new(folder(dir.path()), None, NEVER);
        assert_eq!(journal.begin(1), Ok(Begun::Not));
        journal.finish(1, vec![1, 2, 3]);
        assert_eq!(journal.saves(), Saves::default());
        let made = journal.memo("score", 4, || Ok::<_, ()>(vec![9])).unwrap();
        assert_eq!(made, [9]);
        assert_eq!(journal.begin(2), Ok(Begun::Not));
        journal.save_partial(2, vec![5]);
        let closed = journal.close().unwrap();
        let (_, content) = closed.find().unwrap().newest.unwrap();

        let again = Journal::new(folder(dir.path()), Some(&content), NEVER);
        assert_eq!(again.begin(1), Ok(Begun::Done(vec![1, 2, 3].into())));
        assert_eq!(again.begin(2), Ok(Begun::Partly(vec![5].into())));
        let kept = again.memo("score", 4, || Err("made again")).unwrap();
        assert_eq!(kept, [9]);
        again.close().unwrap();

        let other = Journal::new(folder(dir.path()), Some(&content), NEVER);
        assert_eq!(other.begin(8), Err(Diverged));
    }

    #[test]
    fn a_checkpoint_is_due_once_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let policy = SavePolicy { blocks: 10, ..NEVER };
        let journal = Journal::new(folder(dir.path()), None, policy);
        let due = (0..30).filter(|_| journal.due(1)).count();
        assert_eq!(due, 3);
    }

    #[test]
    fn the_first_checkpoint_has_a_time_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let policy = SavePolicy { first: Duration::ZERO, ..NEVER };
        let journal = Journal::new(folder(dir.path()), None, policy);
        assert_eq!((0..9).filter(|_| journal.due(1)).count(), 1);
        let ended = Journal::new(folder(dir.path()), None, NEVER).end().unwrap();
        assert!(ended.find().unwrap().newest.is_none());
    }

    #[test]
    fn content_of_something_else_counts_as_none() {
        assert!(State::from_bytes(&[1, 2, 3]).is_none());
        assert!(State::from_bytes(&8u64.to_le_bytes()).is_none());
    }
}
