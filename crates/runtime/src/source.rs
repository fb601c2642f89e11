//! Blocks of data that any lane or rank can ask for by number.

use crate::event::Figures;

/// Data in blocks with addresses. How it is cut depends on the data alone, never on the
/// machine: that is what makes results the same everywhere.
pub trait Source: Sync {
    /// Memory that one lane reuses from block to block.
    type Buffer: Default + Send;
    /// One block, borrowed from the source or from the lane's buffer.
    type Block<'a>
    where
        Self: 'a;
    /// Why a block cannot be had.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Number of blocks.
    fn blocks(&self) -> usize;

    /// Block `index`; the same values whoever asks, and in whatever order.
    ///
    /// # Errors
    /// With file, dataset and place of what cannot be read.
    fn block<'a>(
        &'a self,
        index: usize,
        buffer: &'a mut Self::Buffer,
    ) -> Result<Self::Block<'a>, Self::Error>;
}

/// A partial result that can be merged with that of the blocks behind it.
pub trait Reduce: Send + Sized {
    /// Adds the result of the blocks that follow this one's. Only neighbours are merged, and
    /// always in the same tree.
    fn merge(&mut self, later: Self);

    /// What the result of a block tells of itself, for the statistics of a sweep.
    fn figures(&self) -> Figures {
        Figures::default()
    }

    /// The exact value as bytes, for other ranks.
    fn to_bytes(&self) -> Vec<u8>;

    /// The value that [`Reduce::to_bytes`] wrote; `None` for bytes it has not written.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}
