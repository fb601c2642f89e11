//! The floor under every application: one loop over addressed blocks, lanes that work
//! on them, a reduction whose order depends on the data alone, a communicator, the events
//! by which libraries tell what they do, and what machine and allocation offer: threads,
//! and one budget of memory. It knows no science.

pub mod budget;
pub mod checkpoint;
pub mod comm;
pub mod event;
mod forest;
pub mod journal;
pub mod lanes;
pub mod machine;
pub mod positioned;
pub mod random;
pub mod records;
pub mod source;
pub mod sweep;
mod tally;
pub mod words;

pub use budget::{Budget, BudgetError, BudgetSource, Lease};
pub use checkpoint::{CheckpointError, CheckpointFolder, CheckpointOptions, Identity, Packing};
pub use comm::{Comm, Solo};
pub use event::{
    BlockFigures, Event, Figures, Flow, LaneFigures, Observer, Silent, SweepFigures, phase,
};
pub use journal::{Journal, SavePolicy, Saves};
pub use lanes::{HandOut, Lanes, Pin};
pub use machine::Machine;
pub use random::{Generator, Stream};
pub use records::{Begin, Records, RecordsError, RecordsOf};
pub use source::{Reduce, Source};
pub use sweep::{Cancel, Resources, SweepError, sweep};
