//! This file is about one batch: what is gathered before anything is written, and who waits for what.

use fjall::OwnedWriteBatch;
use keyward_core::seal::WrappedSlot;
use keyward_core::store::{Apply, CommitError, Position};
use keyward_core::time::Timestamp;
use keyward_log::{Hash, StoredHash, Tree};
use tokio::sync::oneshot;

use crate::embedded::engine::Engine;
use crate::embedded::pending::Answer;
use crate::rows;
use crate::slots::Cell;

/// Changes that become durable together.
pub(super) struct Batch {
    /// The rows.
    pub(super) write: OwnedWriteBatch,
    /// The log before the batch.
    pub(super) mark: Tree,
    /// The fingerprint of all cells in use after the batch.
    pub(super) cells: u64,
    /// Slots to write first.
    pub(super) fills: Vec<(Cell, WrappedSlot)>,
    /// Cells to overwrite last.
    pub(super) released: Vec<Cell>,
    /// The events as they are kept, in log order.
    pub(super) events: Vec<Vec<u8>>,
    /// The log's new hashes, those of leaves too.
    pub(super) hashes: Vec<StoredHash>,
    /// The checkpoint over the batch, once it is signed.
    pub(super) checkpoint: Option<String>,
    /// When the newest change was decided of those that keep an answer.
    pub(super) newest_answer: Option<Timestamp>,
    /// What accepted changes do in memory, in log order.
    pub(super) accepted: Vec<(Position, Apply)>,
    /// Everybody who waits.
    pub(super) later: Vec<Later>,
}

/// An answer that waits for the batch because it was judged by what is in it.
pub(super) enum Later {
    /// A change: its position, or why it was not accepted.
    Judged(Answer<Position>, Result<Position, CommitError>),
    /// Many changes.
    AllJudged(oneshot::Sender<Vec<Result<Position, CommitError>>>, Vec<Result<Position, CommitError>>),
    /// A draw: how much is left, or that it was too much.
    Drawn(Answer<Option<u64>>, Option<u64>),
    /// An epoch has begun.
    Begun(Answer<()>),
    /// A draw whose counter could not be read.
    Undrawn(Answer<Option<u64>>, CommitError),
}

/// Why a batch is not done.
#[derive(Debug)]
pub(super) enum NotDone {
    /// Nothing was written, and the store goes on.
    Retry(String),
    /// The store stops; `is_open` if the batch may have been written all the same.
    Fatal {
        /// What happened.
        why: String,
        /// Whether anything of it may be on disk.
        is_open: bool,
    },
}

impl Batch {
    /// An empty batch.
    pub(super) fn new(write: OwnedWriteBatch, mark: Tree, cells: u64) -> Self {
        Self {
            write,
            mark,
            cells,
            fills: Vec::new(),
            released: Vec::new(),
            events: Vec::new(),
            hashes: Vec::new(),
            checkpoint: None,
            newest_answer: None,
            accepted: Vec::new(),
            later: Vec::new(),
        }
    }

    /// Enters the events' rows: together, because a row more costs the engine more than a longer row.
    pub(super) fn write_events(&mut self, engine: &Engine) {
        let mut first = self.mark.size();
        for events in self.events.chunks(rows::EVENTS) {
            self.write.insert(&engine.events, first.to_be_bytes(), rows::events_row(events));
            first += events.len() as u64;
        }
    }

    /// Enters a leaf of the log and what it completed.
    pub(super) fn leaf(&mut self, index: u64, hash: Hash, completed: Vec<StoredHash>, engine: &Engine) {
        self.hashes.push(StoredHash { level: 0, index, hash });
        for stored in completed {
            self.write.insert(&engine.hashes, rows::hash_key(stored.level, stored.index), stored.hash.0);
            self.hashes.push(stored);
        }
    }
}

impl Later {
    /// The batch is durable: what was judged holds.
    pub(super) fn answer(self) {
        match self {
            Self::Judged(answer, judged) => drop(answer.send(judged)),
            Self::AllJudged(answer, judged) => drop(answer.send(judged)),
            Self::Drawn(answer, left) => drop(answer.send(Ok(left))),
            Self::Begun(answer) => drop(answer.send(Ok(()))),
            Self::Undrawn(answer, error) => drop(answer.send(Err(error))),
        }
    }

    /// The batch is not: a refusal may have been for something that never was, and a draw is as lost as a change.
    pub(super) fn abandon(self, error: &NotDone) {
        match self {
            Self::Judged(answer, judged) => drop(answer.send(Err(error.of(&judged)))),
            Self::AllJudged(answer, judged) => {
                drop(answer.send(judged.iter().map(|judged| Err(error.of(judged))).collect()));
            }
            Self::Begun(answer) => drop(answer.send(Err(error.of_refused()))),
            Self::Drawn(answer, Some(_)) => drop(answer.send(Err(error.of_accepted()))),
            Self::Drawn(answer, None) | Self::Undrawn(answer, _) => {
                drop(answer.send(Err(error.of_refused())));
            }
        }
    }
}

impl NotDone {
    /// What somebody learns of a change that was judged so.
    fn of(&self, judged: &Result<Position, CommitError>) -> CommitError {
        if judged.is_ok() { self.of_accepted() } else { self.of_refused() }
    }

    /// What somebody learns whose change was in the batch.
    fn of_accepted(&self) -> CommitError {
        match self {
            Self::Fatal { why, is_open: true } => CommitError::MayBeWritten(why.clone()),
            Self::Fatal { is_open: false, .. } | Self::Retry(_) => self.of_refused(),
        }
    }

    /// What somebody learns whose change was not.
    fn of_refused(&self) -> CommitError {
        match self {
            Self::Retry(why) | Self::Fatal { why, .. } => CommitError::NotWritten(why.clone()),
        }
    }
}
