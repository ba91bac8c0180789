//! This file is about what was committed lately: what the committer judges by without reading the disk.
//!
//! Each caller reads what its change is judged against on its own thread, and notes how many batches were
//! visible before it began ([`Before`]). The committer, the only writer, remembers everything since some batch
//! ([`Window`]). Where the window reaches back to the caller's note, the two together are the present: what the
//! window has counts, for the rest the caller's reading is still true.

use std::collections::HashMap;

use keyward_core::id::Id;
use keyward_core::store::{CommitError, Name, ReadError};
use keyward_core::time::Timestamp;

use super::engine::Engine;
use crate::rows::Current;
use crate::sequencer::{Claim, State, difference};

/// The window reaches back over at least this many changes; a caller's reading is a few batches old at most.
const REACH: usize = 16_384;

/// What a caller has read before it sent its change.
#[derive(Debug)]
pub(crate) struct Before {
    /// How many batches were visible when the reading began.
    batches: u64,
    /// The record.
    record: Option<Current>,
    /// The holders of the names that the record does not hold yet and is to hold.
    holders: Vec<(Name, Option<Id>)>,
    /// Until when an answer is kept under the change's replay id.
    answered_until: Option<Timestamp>,
}

impl Before {
    /// Reads it, after `batches` have become visible.
    pub(crate) fn read(engine: &Engine, batches: u64, claim: Claim<'_>) -> Result<Self, CommitError> {
        Self::with(engine, batches, claim, engine.current(claim.id)?)
    }

    /// Reads what it needs beside the record, which was read after `batches` had become visible.
    pub(crate) fn with(
        engine: &Engine,
        batches: u64,
        claim: Claim<'_>,
        record: Option<Current>,
    ) -> Result<Self, CommitError> {
        let answered = claim.replay.map(|id| engine.replay(*id)).transpose()?.flatten();
        let held = record.as_ref().map_or(&[][..], |record| &record.names);
        let holders = difference(claim.names, held).map(|name| Ok((*name, engine.holder(*name)?)));
        Ok(Self {
            batches,
            holders: holders.collect::<Result<_, ReadError>>()?,
            record,
            answered_until: answered.map(|replay| replay.expires_at),
        })
    }
}

/// Everything that was accepted since a batch.
#[derive(Debug, Default)]
pub(crate) struct Window {
    young: Generation,
    old: Generation,
}

#[derive(Debug, Default)]
struct Generation {
    /// The first batch in it.
    since: u64,
    records: HashMap<Id, Current>,
    names: HashMap<Name, Option<Id>>,
    answers: HashMap<[u8; 32], Timestamp>,
}

impl Window {
    /// A window that knows nothing of what was before this batch.
    pub(crate) fn starting(batch: u64) -> Self {
        let empty = || Generation { since: batch, ..Generation::default() };
        Self { young: empty(), old: empty() }
    }

    /// Forgets what is too long ago, before this batch begins.
    pub(crate) fn advance(&mut self, batch: u64) {
        let sizes = [self.young.records.len(), self.young.names.len(), self.young.answers.len()];
        if sizes.into_iter().any(|size| size >= REACH) {
            self.old = std::mem::take(&mut self.young);
            self.young.since = batch;
        }
    }

    /// Whether this reading and the window have no gap between them.
    pub(crate) fn reaches(&self, before: &Before) -> bool {
        self.old.since <= before.batches
    }

    /// What the record is now, taken out: whoever takes it enters what it is next.
    pub(crate) fn take_current(&mut self, id: Id, before: &mut Before) -> Option<Current> {
        let recent = self.young.records.remove(&id).or_else(|| self.old.records.remove(&id));
        recent.or_else(|| before.record.take())
    }

    fn record(&self, id: Id) -> Option<&Current> {
        self.young.records.get(&id).or_else(|| self.old.records.get(&id))
    }

    /// Enters an accepted change.
    pub(crate) fn enter(&mut self, id: Id, current: Current) {
        self.young.records.insert(id, current);
    }

    /// Enters who holds a name now.
    pub(crate) fn enter_name(&mut self, name: Name, holder: Option<Id>) {
        self.young.names.insert(name, holder);
    }

    /// Until when an answer is kept, if it was entered lately.
    pub(crate) fn answered_until(&self, id: &[u8; 32]) -> Option<Timestamp> {
        self.young.answers.get(id).or_else(|| self.old.answers.get(id)).copied()
    }

    /// Enters until when an answer is kept.
    pub(crate) fn enter_answer(&mut self, id: [u8; 32], until: Timestamp) {
        self.young.answers.insert(id, until);
    }
}

/// One change's view of the present.
pub(crate) struct Present<'a> {
    /// What was committed lately.
    pub(crate) window: &'a Window,
    /// What the caller read.
    pub(crate) before: &'a Before,
    /// The record that it is about.
    pub(crate) id: Id,
}

impl State for Present<'_> {
    fn version(&self, id: Id) -> Result<Option<u64>, CommitError> {
        let read = self.before.record.as_ref();
        Ok(self.window.record(id).or(read).map(|current| current.version))
    }

    fn holder(&self, name: Name) -> Result<Option<Id>, CommitError> {
        let recent = self.window.young.names.get(&name).or_else(|| self.window.old.names.get(&name));
        let read = || match self.before.holders.iter().find(|(other, _)| *other == name) {
            Some((_, holder)) => *holder,
            // The record's own, as it was read.
            None => Some(self.id),
        };
        Ok(recent.copied().unwrap_or_else(read))
    }

    fn is_answered(&self, id: &[u8; 32], now: Timestamp) -> Result<bool, CommitError> {
        let until = self.window.answered_until(id).or(self.before.answered_until);
        Ok(until.is_some_and(|until| now < until))
    }
}
