//! This file is about wrapping every slot anew while commits go on.
//!
//! Threads of their own read and wrap; the committer, which alone writes slots, puts each new one where the old one
//! still is. A record that is removed meanwhile has lost its cell, and what is no longer there is not replaced.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keyward_core::id::Id;
use keyward_core::seal::SealError;
use keyward_core::store::{CommitError, Rewrap};
use tokio::sync::{mpsc, oneshot};

use super::pending::{Answer, Command};
use super::walk::{Visit, walk};
use super::{Shared, died, stopped};
use crate::faults::Step;
use crate::rows;
use crate::sequencer::unopened;
use crate::slots::{Cell, Replacement};

/// Begins to replace the slots of every epoch before this one, once none of them is filled any more. The answer comes
/// when all are replaced, durably; nobody waiting for it any more ends the work.
pub(super) fn begin(
    shared: Arc<Shared>,
    queue: mpsc::Sender<Box<Command>>,
    epoch: u32,
    rewrap: Rewrap,
) -> Result<oneshot::Receiver<Result<u64, CommitError>>, CommitError> {
    let (answer, answered) = oneshot::channel();
    let work = move || {
        let rewrapping = Rewrapping { shared: &shared, queue, epoch, rewrap, answer, replaced: 0.into() };
        let done = walk(&shared.engine, &rewrapping).and_then(|()| rewrapping.sync());
        let Rewrapping { answer, replaced, .. } = rewrapping;
        drop(answer.send(done.map(|()| replaced.into_inner())));
    };
    let begun = std::thread::Builder::new().name("rewrap".to_owned()).spawn(work);
    begun.map_err(|error| CommitError::NotWritten(format!("no thread to wrap slots with: {error}")))?;
    Ok(answered)
}

struct Rewrapping<'a> {
    shared: &'a Shared,
    queue: mpsc::Sender<Box<Command>>,
    epoch: u32,
    rewrap: Rewrap,
    answer: Answer<u64>,
    replaced: AtomicU64,
}

impl Visit for Rewrapping<'_> {
    type Row = (Id, Cell);
    type Error = CommitError;
    type Before = ();

    fn before(&self) {}

    fn read(&self, id: Id, row: &[u8]) -> Option<Option<(Id, Cell)>> {
        rows::kind_and_cell(row).map(|(_, cell)| cell.map(|cell| (id, cell)))
    }

    fn show(&self, named: Vec<(Id, Cell)>, (): &()) -> Result<(), CommitError> {
        if self.answer.is_closed() {
            return Err(stopped());
        }
        let cells: Vec<Cell> = named.iter().map(|(_, cell)| *cell).collect();
        let read = self.shared.slots.read_many(&cells);
        let slots = read.map_err(|error| self.shared.unreadable_slots(&error))?;
        let mut replacements = Vec::with_capacity(named.len());
        for ((id, cell), slot) in named.into_iter().zip(slots) {
            // Its record was removed meanwhile, or it was emptied by nobody.
            let Some(old) = slot else {
                if self.is_damaged(id)? {
                    return Err(unopened(id, SealError));
                }
                continue;
            };
            match (self.rewrap)(id, &old) {
                Ok(new) if old.epoch() < self.epoch => replacements.push(Replacement { cell, old, new }),
                // Its epoch is this one, and not only by what may be damage.
                Ok(_) => {}
                Err(error) if self.is_damaged(id)? => return Err(unopened(id, error)),
                // It was read while it was overwritten, or its cell was let go of since and filled again.
                Err(_) => {}
            }
        }
        if replacements.is_empty() {
            return Ok(());
        }
        let (answer, answered) = oneshot::channel();
        self.queue.blocking_send(Box::new(Command::Replace(replacements, answer))).map_err(|_| stopped())?;
        let replaced = answered.blocking_recv().unwrap_or_else(|_| Err(died()))?;
        self.replaced.fetch_add(replaced, Ordering::Relaxed);
        Ok(())
    }
}

impl Rewrapping<'_> {
    /// Whether a record has a slot that does not open.
    fn is_damaged(&self, id: Id) -> Result<bool, CommitError> {
        let stored = self.shared.stored(id)?;
        Ok(stored.and_then(|stored| stored.slot).is_some_and(|slot| (self.rewrap)(id, &slot).is_err()))
    }

    fn sync(&self) -> Result<(), CommitError> {
        let synced = self.shared.faults.reach(Step::SyncReplaced).and_then(|()| self.shared.slots.sync());
        synced.map_err(|error| self.shared.fail_slots(&error))
    }
}
