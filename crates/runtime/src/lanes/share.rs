//! How the items of a job are handed out to lanes.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Items 0 to n, each handed out once. Lanes of one NUMA node begin with their own part of the items,
/// the same in every job, and then help with those of the others: so memory is first touched, and later
/// read, near the lanes that work on it.
#[derive(Debug)]
pub struct HandOut {
    parts: Vec<(Range<usize>, AtomicUsize)>,
    /// The part with which each lane begins.
    homes: Vec<usize>,
}

impl HandOut {
    /// `items` over at least one lane, of lanes that live in the groups given, numbered from 0 without gaps.
    pub(super) fn new(items: usize, homes: &[usize]) -> Self {
        let groups = homes.iter().max().map_or(1, |group| group + 1);
        let lanes = |group: usize| homes.iter().filter(|home| **home < group).count();
        let end = |group: usize| items * lanes(group) / homes.len();
        let part = |group: usize| {
            let range = end(group)..end(group + 1);
            let first = AtomicUsize::new(range.start);
            (range, first)
        };
        Self { parts: (0..groups).map(part).collect(), homes: homes.to_vec() }
    }

    /// The next item for a lane; none where all are handed out.
    pub fn next(&self, lane: usize) -> Option<usize> {
        let home = self.homes.get(lane).copied().unwrap_or(0);
        let groups = self.parts.len();
        (0..groups).map(|k| &self.parts[(home + k) % groups]).find_map(|(range, next)| {
            // A part that is used up is not counted on.
            (next.load(Ordering::Relaxed) < range.end)
                .then(|| next.fetch_add(1, Ordering::Relaxed))
                .filter(|item| *item < range.end)
        })
    }

    /// Hands nothing out any more.
    pub fn close(&self) {
        self.parts.iter().for_each(|(range, next)| next.store(range.end, Ordering::Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_handed_out_once_and_near_ones_first() {
        for (items, homes) in
            [(10, vec![0, 0, 1, 1]), (7, vec![0, 1, 1]), (3, vec![0]), (0, vec![0])]
        {
            let hand_out = HandOut::new(items, &homes);
            let mut seen = vec![0; items];
            let first = homes.iter().position(|home| *home == 1).and_then(|l| hand_out.next(l));
            if let Some(first) = first {
                let before = homes.iter().filter(|home| **home == 0).count();
                assert_eq!(first, items * before / homes.len());
                seen[first] += 1;
            }
            while let Some(item) = hand_out.next(0) {
                seen[item] += 1;
            }
            assert!(seen.iter().all(|count| *count == 1), "{homes:?}: {seen:?}");
            assert!((0..homes.len()).all(|lane| hand_out.next(lane).is_none()));
        }
        let closed = HandOut::new(5, &[0, 1]);
        closed.close();
        assert_eq!(closed.next(0), None);
    }
}
