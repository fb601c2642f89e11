//! What the lanes of a sweep count.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::event::{BlockFigures, Event, Figures, LaneFigures, Observer, SweepFigures};

/// The figures of a sweep under way, told to an observer at its end.
pub(crate) struct Tally<'a> {
    observer: &'a dyn Observer,
    began: Instant,
    figures: Mutex<SweepFigures>,
}

impl<'a> Tally<'a> {
    pub(crate) fn new(observer: &'a dyn Observer, purpose: &'static str) -> Self {
        let figures = SweepFigures { purpose, ..SweepFigures::default() };
        Self { observer, began: Instant::now(), figures: Mutex::new(figures) }
    }

    /// Adds what one lane did.
    pub(crate) fn add(&self, lane: LaneTally) {
        let LaneTally { own, items, non_finite, slowest, ring } = lane;
        let mut figures = self.figures.lock().expect("no lane panics while it adds");
        figures.items += items;
        figures.non_finite += non_finite;
        figures.lanes.push(own);
        figures.last.extend(ring);
        if let Some(slow) = slowest
            && figures.slowest.is_none_or(|slowest| took(&slowest) < took(&slow))
        {
            figures.slowest = Some(slow);
        }
    }

    /// Tells the observer.
    pub(crate) fn tell(self) {
        let mut figures = self.figures.into_inner().expect("no lane panics while it adds");
        figures.seconds = self.began.elapsed().as_secs_f64();
        figures.lanes.sort_by_key(|lane| lane.lane);
        figures.last.sort_by_key(|block| block.block);
        self.observer.event(&Event::Sweep(figures));
    }
}

/// What one lane counts by itself.
pub(crate) struct LaneTally {
    own: LaneFigures,
    items: u64,
    non_finite: u64,
    slowest: Option<BlockFigures>,
    ring: Vec<BlockFigures>,
}

fn took(block: &BlockFigures) -> f64 {
    block.source_s + block.work_s
}

impl LaneTally {
    /// Of lane `lane`; a single lane that is the caller's thread has the number of that.
    pub(crate) fn new(lane: usize) -> Self {
        let lane = rayon::current_thread_index().unwrap_or(lane);
        let own = LaneFigures { lane, ..LaneFigures::default() };
        Self { own, items: 0, non_finite: 0, slowest: None, ring: Vec::new() }
    }

    /// Counts a block that was had after `source` and worked on for `work`.
    pub(crate) fn count(
        &mut self,
        block: usize,
        source: Duration,
        work: Duration,
        result: Figures,
    ) {
        let (source_s, work_s) = (source.as_secs_f64(), work.as_secs_f64());
        let figures = BlockFigures { block, source_s, work_s, result };
        self.own.source_s += source_s;
        self.own.work_s += work_s;
        self.items += result.items;
        self.non_finite += u64::from(result.non_finite);
        if self.slowest.is_none_or(|slowest| took(&slowest) < took(&figures)) {
            self.slowest = Some(figures);
        }
        match self.ring.get_mut(self.own.blocks as usize % SweepFigures::RING) {
            Some(place) => *place = figures,
            None => self.ring.push(figures),
        }
        self.own.blocks += 1;
    }
}
