//! This file is about backups: everything but the slots in one file, and the slots, when asked for, in another.
//!
//! Without slots a backup opens no record, so an ordinary backup brings no removed key back. Names, lists and
//! the log's hashes are not in it: they follow from the records and the events, and restoring rebuilds them, which
//! also proves that the events are those that were signed. The file ends in a SHA-256 over all of it.

mod frames;
mod kept;
mod restoring;

use std::path::Path;

use fjall::{Guard, Keyspace, Readable, Snapshot};
use keyward_core::id::Id;
use keyward_core::store::ReadError;

use self::frames::{FrameWriter, Kind};
pub use self::kept::BackupFolders;
pub use self::restoring::restore;
use crate::embedded::engine::{Engine, HEAD};
use crate::embedded::{Embedded, Shared};
use crate::layout::{OpenError, at};
use crate::rows;
use crate::slots::Cell;

/// What a backup begins with.
const BACKUP: &[u8] = b"keyward backup 1\n";
/// What a copy of the slots begins with.
const SLOTS: &[u8] = b"keyward slot copy 1\n";
/// How many records' slots are read together.
const STRIDE: usize = 4096;

/// What was written or read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many records.
    pub records: u64,
    /// How many events.
    pub events: u64,
    /// How many slots.
    pub slots: u64,
    /// How many slots were left out because they do not open any more.
    pub unopened: u64,
}

impl Embedded {
    /// Writes a backup into a new file, as of one moment, while the store goes on. `slots` names a second new
    /// file for a copy of the slots: keep it apart, and no longer than you would keep the keys themselves.
    ///
    /// # Errors
    /// [`OpenError`] if a file exists already or cannot be written, or the store cannot be read.
    pub fn backup(&self, file: &Path, slots: Option<&Path>) -> Result<Summary, OpenError> {
        self.shared().backup(file, slots)
    }
}

impl Shared {
    fn backup(&self, file: &Path, slots: Option<&Path>) -> Result<Summary, OpenError> {
        let engine = &self.engine;
        let snapshot = engine.snapshot();
        let mut out = FrameWriter::create(file, BACKUP).map_err(at(file))?;
        let mut written = [0; Kind::ALL.len()];
        for (kind, count) in Kind::ALL.into_iter().zip(&mut written) {
            for row in snapshot.iter(keyspace_of(engine, kind)) {
                let (key, value) = row.into_inner().map_err(|error| engine.failed(&error))?;
                out.frame(kind, &key, &value).map_err(at(file))?;
                *count += match kind {
                    Kind::Event => rows::events(&value).map_or(0, |events| events.len() as u64),
                    Kind::Head | Kind::Record | Kind::Counter | Kind::Replay | Kind::Note => 1,
                };
            }
        }
        out.finish().map_err(at(file))?;
        let slots = slots.map_or(Ok(0), |slots| copy_slots(self, &snapshot, slots))?;
        let [_, events, records, ..] = written;
        Ok(Summary { records, events, slots, unopened: 0 })
    }
}

fn keyspace_of(engine: &Engine, kind: Kind) -> &Keyspace {
    match kind {
        Kind::Head => &engine.head,
        Kind::Event => &engine.events,
        Kind::Record => &engine.records,
        Kind::Counter => &engine.counters,
        Kind::Replay => &engine.replays,
        Kind::Note => &engine.notes,
    }
}

fn copy_slots(shared: &Shared, snapshot: &Snapshot, file: &Path) -> Result<u64, OpenError> {
    let mut out = FrameWriter::create(file, SLOTS).map_err(at(file))?;
    let mut written = 0;
    let mut stride = Vec::with_capacity(STRIDE);
    let mut rows = snapshot.iter(&shared.engine.records).peekable();
    while rows.peek().is_some() {
        stride.clear();
        for row in rows.by_ref().take(STRIDE) {
            stride.extend(id_and_cell(&shared.engine, row)?);
        }
        let cells: Vec<Cell> = stride.iter().map(|(_, cell)| *cell).collect();
        let slots = shared.slots.read_many(&cells).map_err(at(shared.slots.path()))?;
        for ((id, cell), slot) in stride.iter().zip(slots) {
            // Whoever lost the slot meanwhile, lost it: looked at after the cell was read.
            let is_still = shared.engine.current(*id)?.is_some_and(|current| current.cell == Some(*cell));
            if let Some(slot) = slot.filter(|_| is_still) {
                out.frame(Kind::Record, &id.bytes(), &slot.0).map_err(at(file))?;
                written += 1;
            }
        }
    }
    out.finish().map_err(at(file))?;
    Ok(written)
}

fn id_and_cell(engine: &Engine, row: Guard) -> Result<Option<(Id, Cell)>, ReadError> {
    let (key, value) = row.into_inner().map_err(|error| engine.failed(&error))?;
    let damaged = || engine.damaged(&engine.records, &key);
    let (_, cell) = rows::kind_and_cell(&value).ok_or_else(damaged)?;
    let id = rows::id(&key).ok_or_else(damaged)?;
    Ok(cell.map(|cell| (id, cell)))
}

/// Whether a key of the store's own keyspace is the one that there is.
fn is_head(key: &[u8]) -> bool {
    key == HEAD
}
