//! Strips of rows that are decoded while others are worked on: a bounded number of them, shared by
//! all lanes.

use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use crate::catalog::ReadError;
use crate::rows::{DecodeBuffers, RowAccess, RowSource};
use crate::samples::Samples;

/// Rows of one bin that are decoded together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StripAddress {
    pub(crate) bin: usize,
    pub(crate) rows: Range<usize>,
}

/// Most strips that are held at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StripsHeld(pub usize);

/// The strips of one sweep, or of several over parts of the same rows; clones share them.
///
/// A lane that needs a strip decodes it, unless another does already: then it decodes the next one
/// that nobody has begun, as long as no more than the bound are held, and else waits. So decoding
/// runs on all lanes and ahead of the work. A strip goes when its place is needed and no lane works
/// on it, the one that was passed longest ago first; a lane that waits holds none.
#[derive(Clone)]
pub(crate) struct Strips(Arc<Shared>);

struct Shared {
    source: Arc<dyn RowSource>,
    addresses: Vec<StripAddress>,
    held: usize,
    /// Where the memory goes in the end.
    shelf: Arc<Shelf>,
    state: Mutex<State>,
    changed: Condvar,
}

enum Slot {
    Absent,
    Decoding,
    Ready(Arc<Samples>),
    /// It could not be read ahead; the lane that needs it is told why.
    Failed,
}

struct State {
    slots: Vec<Slot>,
    /// Strips decoded or being decoded.
    live: usize,
    spare: Spare,
}

/// Memory of strips that are decoded no longer.
#[derive(Debug, Default)]
struct Spare {
    samples: Vec<Samples>,
    buffers: Vec<DecodeBuffers>,
}

impl Spare {
    /// Takes no more than `most` pieces out.
    fn part(&mut self, most: usize) -> Self {
        let left = |all: usize| all.saturating_sub(most);
        Self {
            samples: self.samples.split_off(left(self.samples.len())),
            buffers: self.buffers.split_off(left(self.buffers.len())),
        }
    }
}

/// Where the strips of one sweep leave their memory to those of the next, as many pieces as strips may
/// be held.
#[derive(Debug)]
pub(crate) struct Shelf {
    held: StripsHeld,
    spare: Mutex<Spare>,
}

impl Shelf {
    /// With nothing on it.
    pub(crate) fn new(held: StripsHeld) -> Self {
        Self { held, spare: Mutex::default() }
    }

    /// Most strips that are held at a time.
    pub(crate) const fn held(&self) -> StripsHeld {
        self.held
    }

    fn take(&self, most: usize) -> Spare {
        self.spare.lock().expect("nobody panics with the lock held").part(most)
    }

    fn give(&self, mut other: Spare) {
        // Memory is all that is lost where a lane has panicked.
        let Ok(mut spare) = self.spare.lock() else { return };
        spare.samples.append(&mut other.samples);
        spare.buffers.append(&mut other.buffers);
        *spare = spare.part(self.held.0);
    }
}

/// A strip that a lane works on; it may go once this does.
pub(crate) struct HeldStrip {
    index: usize,
    samples: Option<Arc<Samples>>,
    of: Arc<Shared>,
}

impl HeldStrip {
    /// Number of the strip.
    pub(crate) fn index(&self) -> usize {
        self.index
    }

    /// Its values.
    pub(crate) fn samples(&self) -> &Samples {
        self.samples.as_ref().expect("held until it is dropped")
    }
}

impl Drop for HeldStrip {
    fn drop(&mut self) {
        self.samples = None;
        // Under the lock, so that a lane about to wait does not miss it.
        drop(self.of.lock());
        self.of.changed.notify_all();
    }
}

/// What a lane does next about the strip it needs.
enum Next {
    Take(Arc<Samples>),
    Decode(usize, Samples, DecodeBuffers),
}

impl Strips {
    /// The strips of some bins, none of them decoded.
    pub(crate) fn new(
        source: Arc<dyn RowSource>,
        bins: Range<usize>,
        held: StripsHeld,
        shelf: &Arc<Shelf>,
    ) -> Self {
        let addresses: Vec<StripAddress> = bins
            .flat_map(|bin| {
                match source.access(bin) {
                    RowAccess::Strips(strips) => strips,
                    RowAccess::Any => Vec::new(),
                }
                .into_iter()
                .map(move |rows| StripAddress { bin, rows })
            })
            .collect();
        let slots = addresses.iter().map(|_| Slot::Absent).collect();
        Self(Arc::new(Shared {
            source,
            addresses,
            held: held.0.max(1),
            state: Mutex::new(State { slots, live: 0, spare: shelf.take(held.0) }),
            shelf: Arc::clone(shelf),
            changed: Condvar::new(),
        }))
    }

    /// Numbers of the strips that hold some rows.
    pub(crate) fn of(&self, bin: usize, rows: &Range<usize>) -> Range<usize> {
        let before = |a: &StripAddress| (a.bin, a.rows.end) <= (bin, rows.start);
        let until = |a: &StripAddress| (a.bin, a.rows.start) < (bin, rows.end);
        let addresses = &self.0.addresses;
        addresses.partition_point(before)..addresses.partition_point(until)
    }

    /// Rows of strip `index`.
    pub(crate) fn rows(&self, index: usize) -> Range<usize> {
        self.0.addresses[index].rows.clone()
    }

    /// Strip `index`, once it is decoded.
    pub(crate) fn get(&self, index: usize) -> Result<HeldStrip, ReadError> {
        let shared = &self.0;
        loop {
            match shared.next(index) {
                Next::Take(strip) => {
                    return Ok(HeldStrip { index, samples: Some(strip), of: Arc::clone(shared) });
                }
                Next::Decode(at, samples, buffers) => {
                    let read = shared.decode(at, samples, buffers);
                    if at == index {
                        read?;
                    }
                }
            }
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Memory is all that is lost where a lane has panicked.
        let Ok(state) = self.state.get_mut() else { return };
        let ready = state.slots.drain(..).filter_map(|slot| match slot {
            Slot::Ready(strip) => Arc::into_inner(strip),
            _ => None,
        });
        state.spare.samples.extend(ready);
        self.shelf.give(std::mem::take(&mut state.spare));
    }
}

impl Shared {
    fn next(&self, index: usize) -> Next {
        let mut state = self.lock();
        loop {
            let wanted = match &state.slots[index] {
                Slot::Ready(strip) => return Next::Take(Arc::clone(strip)),
                Slot::Absent | Slot::Failed => Some(index),
                Slot::Decoding => {
                    let absent = |slot: &Slot| matches!(slot, Slot::Absent);
                    state.slots[index..].iter().position(absent).map(|k| index + k)
                }
            };
            if let Some(at) = wanted
                && let Some((samples, buffers)) = self.place(&mut state, index, at)
            {
                state.slots[at] = Slot::Decoding;
                return Next::Decode(at, samples, buffers);
            }
            state = self.changed.wait(state).expect("no lane panics with the lock held");
        }
    }

    /// A place for strip `at`, wanted by a lane that works on strip `index`. Reading ahead takes no
    /// place of a strip that may still be worked on.
    fn place(
        &self,
        state: &mut State,
        index: usize,
        at: usize,
    ) -> Option<(Samples, DecodeBuffers)> {
        if state.live >= self.held {
            let idle = |k: &usize| matches!(&state.slots[*k], Slot::Ready(strip) if Arc::strong_count(strip) == 1);
            let passed = (0..index).find(idle);
            let ahead = || (index + 1..state.slots.len()).rev().find(idle);
            let goes = if at == index { passed.or_else(ahead) } else { passed }?;
            let gone = std::mem::replace(&mut state.slots[goes], Slot::Absent);
            state.live -= 1;
            if let Slot::Ready(strip) = gone {
                state.spare.samples.extend(Arc::into_inner(strip));
            }
        }
        state.live += 1;
        let samples = state.spare.samples.pop();
        let samples = samples.unwrap_or_else(|| Samples::empty(self.source.element()));
        Some((samples, state.spare.buffers.pop().unwrap_or_default()))
    }

    fn decode(
        &self,
        at: usize,
        mut samples: Samples,
        mut buffers: DecodeBuffers,
    ) -> Result<(), ReadError> {
        let StripAddress { bin, rows } = &self.addresses[at];
        let read = self.source.read_rows(*bin, rows.clone(), &mut samples, &mut buffers);
        let mut state = self.lock();
        state.slots[at] = match read {
            Ok(()) => Slot::Ready(Arc::new(samples)),
            Err(_) => {
                state.live -= 1;
                Slot::Failed
            }
        };
        state.spare.buffers.push(buffers);
        drop(state);
        self.changed.notify_all();
        read
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no lane panics with the lock held")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Element;
    use crate::rows::RowsSize;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Rows whose values tell where they stand; counts what is decoded at a time.
    struct Counted {
        strips: usize,
        decoded: AtomicUsize,
        broken: usize,
    }

    impl RowSource for Counted {
        fn size(&self) -> RowsSize {
            RowsSize { bins: 1, frames: self.strips + 1, element: Element::F64 }
        }
        fn access(&self, _bin: usize) -> RowAccess {
            RowAccess::Strips((0..self.strips).map(|k| k..k + 1).collect())
        }
        fn diagonal(&self, _bin: usize) -> Result<Vec<f64>, ReadError> {
            Ok(Vec::new())
        }
        fn read_rows(
            &self,
            _bin: usize,
            rows: Range<usize>,
            out: &mut Samples,
            _buffers: &mut DecodeBuffers,
        ) -> Result<(), ReadError> {
            self.decoded.fetch_add(1, Ordering::Relaxed);
            if rows.start == self.broken {
                let file = std::path::PathBuf::from("f");
                let (reason, remedy) = ("broken".into(), "mend it".into());
                return Err(ReadError::File { file, reason, remedy });
            }
            *out = Samples::F64(vec![rows.start as f64; self.strips - rows.start]);
            Ok(())
        }
    }

    fn strips(count: usize, held: usize, broken: usize) -> (Arc<Counted>, Strips) {
        let source = Arc::new(Counted { strips: count, decoded: AtomicUsize::new(0), broken });
        let rows: Arc<dyn RowSource> = Arc::clone(&source) as Arc<dyn RowSource>;
        (source, Strips::new(rows, 0..1, StripsHeld(held), &Arc::new(Shelf::new(StripsHeld(held)))))
    }

    #[test]
    fn lanes_share_few_strips() {
        for (lanes, held) in [(1, 1), (2, 1), (4, 2), (3, 5)] {
            let (source, strips) = strips(60, held, usize::MAX);
            let next = AtomicUsize::new(0);
            std::thread::scope(|scope| {
                for _ in 0..lanes {
                    scope.spawn(|| {
                        loop {
                            // Three blocks a strip.
                            let block = next.fetch_add(1, Ordering::Relaxed);
                            if block >= 180 {
                                break;
                            }
                            let strip = strips.get(block / 3).unwrap();
                            let first = strip.samples().values(0..1).get(0);
                            assert_eq!(first, (block / 3) as f64);
                            assert!(strips.0.lock().live <= held);
                        }
                    });
                }
            });
            assert!(source.decoded.load(Ordering::Relaxed) >= 60);
        }
    }

    #[test]
    fn a_strip_that_cannot_be_read_is_told_to_who_needs_it() {
        let (_, strips) = strips(4, 2, 2);
        assert!(strips.get(0).is_ok() && strips.get(1).is_ok());
        for _ in 0..2 {
            let error = strips.get(2).err().expect("refused");
            assert!(error.to_string().contains("broken"));
        }
        assert!(strips.get(3).is_ok());
    }

    #[test]
    fn rows_lie_in_their_strips() {
        let (_, strips) = strips(9, 1, usize::MAX);
        assert_eq!(strips.of(0, &(2..5)), 2..5);
        assert_eq!((strips.of(0, &(0..1)), strips.rows(8)), (0..1, 8..9));
    }
}
