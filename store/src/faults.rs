//! This file is about the steps of the embedded store's writing, so that a test can cut or fail each one.

use std::io;

/// A step of the embedded store, named by what is about to happen. In the order of one batch; then two that
/// happen when nobody waits, and two of a re-rooting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// New slots are written into free cells.
    FillSlots,
    /// The slot file is synced.
    SyncSlots,
    /// The batch is written to the engine's journal and synced there.
    WriteBatch,
    /// The newest checkpoint is written to the anchor.
    WriteAnchor,
    /// What callers asked to be done in memory is done.
    Apply,
    /// Cells that were let go are overwritten.
    EraseSlots,
    /// The callers get their answers.
    Answer,
    /// The overwritten cells are synced.
    SyncErased,
    /// The anchor is synced.
    SyncAnchor,
    /// Slots are replaced by what they are under a new root.
    ReplaceSlots,
    /// The replaced slots are synced.
    SyncReplaced,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 11] = [
        Self::FillSlots,
        Self::SyncSlots,
        Self::WriteBatch,
        Self::WriteAnchor,
        Self::Apply,
        Self::EraseSlots,
        Self::Answer,
        Self::SyncErased,
        Self::SyncAnchor,
        Self::ReplaceSlots,
        Self::SyncReplaced,
    ];
}

/// Is told of every step before it is taken.
pub trait Faults: Send + Sync {
    /// Called before the step. It may end the process, which is how a test cuts the store there.
    ///
    /// # Errors
    /// An error is taken as the step's own failure.
    fn reach(&self, step: Step) -> io::Result<()>;
}

/// Nothing goes wrong that the machine does not do by itself.
#[derive(Clone, Copy, Debug)]
pub struct NoFaults;

impl Faults for NoFaults {
    fn reach(&self, _: Step) -> io::Result<()> {
        Ok(())
    }
}
