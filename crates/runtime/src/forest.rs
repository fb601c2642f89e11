//! Partial results as nodes of a fixed binary tree over the block number.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::source::Reduce;
use crate::words::{Words, put_words};

/// A node of the tree: covers blocks index·2^level up to the next node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Node {
    level: u32,
    index: usize,
}

impl Node {
    /// A single block.
    pub(crate) const fn block(index: usize) -> Self {
        Self { level: 0, index }
    }

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

/// Two neighbours that are to be merged.
pub(crate) struct Siblings<R> {
    parent: Node,
    earlier: R,
    later: R,
}

impl<R: Reduce> Siblings<R> {
    /// Their parent.
    pub(crate) fn merged(self) -> (Node, R) {
        let Self { parent, mut earlier, later } = self;
        earlier.merge(later);
        (parent, earlier)
    }
}

/// Nodes whose sibling is not there yet.
pub(crate) struct Forest<R> {
    nodes: BTreeMap<Node, R>,
}

impl<R> Default for Forest<R> {
    fn default() -> Self {
        Self { nodes: BTreeMap::new() }
    }
}

impl<R: Reduce> Forest<R> {
    /// Puts a node in its place, or takes its sibling out to be merged with it.
    pub(crate) fn place(&mut self, node: Node, value: R) -> Option<Siblings<R>> {
        let Some(sibling) = self.nodes.remove(&node.sibling()) else {
            self.nodes.insert(node, value);
            return None;
        };
        let (earlier, later) =
            if node.index.is_multiple_of(2) { (value, sibling) } else { (sibling, value) };
        Some(Siblings { parent: node.parent(), earlier, later })
    }

    /// Blocks of `mine` that no node covers, ascending.
    pub(crate) fn missing(&self, mine: Range<usize>) -> Vec<Range<usize>> {
        let mut covered: Vec<Range<usize>> = self
            .nodes
            .keys()
            .map(|node| node.first_block()..(node.index + 1) << node.level)
            .collect();
        covered.sort_by_key(|range| range.start);
        let mut missing = Vec::new();
        let mut start = mine.start;
        for range in covered {
            if range.start > start {
                missing.push(start..range.start.min(mine.end));
            }
            start = start.max(range.end);
        }
        if start < mine.end {
            missing.push(start..mine.end);
        }
        missing
    }

    /// All nodes merged, the last first.
    pub(crate) fn total(self) -> Option<R> {
        let mut nodes: Vec<(Node, R)> = self.nodes.into_iter().collect();
        nodes.sort_by_key(|(node, _)| node.first_block());
        let last = nodes.pop()?.1;
        Some(nodes.into_iter().rev().fold(last, |later, (_, mut earlier)| {
            earlier.merge(later);
            earlier
        }))
    }

    /// The nodes as bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (node, value) in &self.nodes {
            let payload = value.to_bytes();
            let head = [u64::from(node.level), node.index as u64, payload.len() as u64];
            put_words(&mut bytes, head);
            bytes.extend(payload);
        }
        bytes
    }

    /// Adds the nodes that [`Forest::to_bytes`] wrote; `None` for other bytes.
    pub(crate) fn absorb(&mut self, bytes: &[u8]) -> Option<()> {
        let mut words = Words::new(bytes);
        while !words.is_empty() {
            let level = u32::try_from(words.word()?).ok()?;
            let node = Node { level, index: words.count()? };
            let length = words.count()?;
            let mut next = Some((node, R::from_bytes(words.bytes(length)?)?));
            while let Some((node, value)) = next {
                next = self.place(node, value).map(Siblings::merged);
            }
        }
        Some(())
    }
}
