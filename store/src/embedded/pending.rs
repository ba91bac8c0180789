//! This file is about a change on its way to the committer: everything that can be done on the caller's thread
//! has been done.

use std::sync::atomic::Ordering;

use keyward_core::id::Id;
use keyward_core::store::{
    Apply, Change, CommitError, List, Name, Position, ReadError, Record, Replay, SlotChange, Spend,
};
use keyward_core::time::Timestamp;
use keyward_log::Hash;
use tokio::sync::oneshot;

use super::Shared;
use super::window::Before;
use crate::anchor::Standing;
use crate::rows::{self, Current};
use crate::sequencer::{Claim, refuse_oversized};
use crate::slots::Replacement;

/// Where an answer goes.
pub(super) type Answer<T> = oneshot::Sender<Result<T, CommitError>>;

/// What the committer is asked to do. Its queue carries boxes: a place in the queue keeps what was in it last, and
/// what lies between the fields of a value that is moved there is whatever the sender's stack held, such as a digest.
#[expect(clippy::large_enum_variant, reason = "it is boxed as a whole")]
pub(super) enum Command {
    /// One change.
    Commit(Pending, Answer<Position>),
    /// Many changes, of which those that could not be prepared have failed already.
    CommitMany(Vec<Result<Pending, CommitError>>, oneshot::Sender<Vec<Result<Position, CommitError>>>),
    /// One draw on a counter.
    Spend(Spend, Answer<Option<u64>>),
    /// Fill no slot of an epoch before this one any more.
    BeginEpoch(u32, Answer<()>),
    /// Replace slots that nobody has touched since they were read; how many it were.
    Replace(Vec<Replacement>, Answer<u64>),
    /// Take no commit any more, and have the anchor know this checkpoint, by which the store stands so.
    Lock(Standing, String, Answer<()>),
    /// Make the anchor follow the store.
    AcceptLoss(Answer<()>),
}

/// One change, prepared.
pub(super) struct Pending {
    /// The record.
    pub(super) id: Id,
    /// The version that it is to have.
    pub(super) version: u64,
    /// The names that it is to hold.
    pub(super) names: Vec<Name>,
    /// The lists that it is to stand in.
    pub(super) lists: Vec<List>,
    /// Its row, without position and cell.
    pub(super) row: Vec<u8>,
    /// What happens to its slot.
    pub(super) slot: SlotChange,
    /// The event as it is kept.
    pub(super) event: Vec<u8>,
    /// The hash of the event's leaf.
    pub(super) leaf: Hash,
    /// When it was decided.
    pub(super) at: Timestamp,
    /// The answer to keep.
    pub(super) replay: Option<Replay>,
    /// What to do in memory.
    pub(super) apply: Apply,
    /// What the caller's thread has read.
    pub(super) before: Before,
}

impl Command {
    /// How many changes it brings.
    pub(super) const fn changes(&self) -> usize {
        match self {
            Self::CommitMany(changes, _) => changes.len(),
            Self::Commit(..)
            | Self::Spend(..)
            | Self::BeginEpoch(..)
            | Self::Replace(..)
            | Self::Lock(..)
            | Self::AcceptLoss(_) => 1,
        }
    }
}

impl Pending {
    /// Reads, encodes and hashes what the committer would otherwise have to, one change after the other.
    pub(super) fn prepare(shared: &Shared, change: Change) -> Result<Self, CommitError> {
        // Before anything is read: what is visible now is in the reading.
        let batches = shared.batches.load(Ordering::Acquire);
        let current = shared.engine.current(change.record.id);
        Self::with(shared, change, batches, current)
    }

    /// The same for many changes, whose records are read together.
    pub(super) fn prepare_many(shared: &Shared, changes: Vec<Change>) -> Vec<Result<Self, CommitError>> {
        let batches = shared.batches.load(Ordering::Acquire);
        let ids: Vec<Id> = changes.iter().map(|change| change.record.id).collect();
        let read = shared.engine.currents(&ids);
        let with = |(change, current)| Self::with(shared, change, batches, current);
        changes.into_iter().zip(read).map(with).collect()
    }

    /// Prepares a change to a record that was read after `batches` had become visible.
    fn with(
        shared: &Shared,
        change: Change,
        batches: u64,
        current: Result<Option<Current>, ReadError>,
    ) -> Result<Self, CommitError> {
        refuse_oversized(&change.record)?;
        shared.refuse_if_stopped()?;
        let before = Before::with(&shared.engine, batches, Claim::of(&change), current?)?;
        let Change { record, slot, event, replay, apply } = change;
        let row = rows::unplaced(&record);
        let Record { id, version, names, lists, .. } = record;
        let leaf = Hash::leaf(event.leaf().as_bytes());
        let (at, event) = (event.at, event.encode());
        Ok(Self { id, version, names, lists, row, slot, event, leaf, at, replay, apply, before })
    }

    /// What it asks for.
    pub(super) fn claim(&self) -> Claim<'_> {
        let (id, version, names, at) = (self.id, self.version, &self.names, self.at);
        Claim { id, version, names, replay: self.replay.as_ref().map(|replay| &replay.id), at }
    }
}
