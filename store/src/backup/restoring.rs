//! This file is about restoring: a new data folder from a backup.

use std::io;
use std::path::Path;

use fjall::OwnedWriteBatch;
use keyward_core::id::Id;
use keyward_core::seal::WrappedSlot;
use keyward_log::{Checkpoint, Hash, Note, Tree, VerifierKey};

use super::frames::{Frame, FrameReader, Kind, damage};
use super::{BACKUP, SLOTS, Summary, is_head};
use crate::check::Opens;
use crate::embedded::engine::{Engine, HEAD};
use crate::layout::{Folder, OpenError, at};
use crate::rows::{self, StoreRow};
use crate::slots::{Cell, FreeCells, SlotFile, fingerprint};

/// How many rows are written at once.
const ROWS: usize = 8192;
/// How much of the engine's files is kept in memory while restoring, in bytes.
const CACHE_BYTES: u64 = 64 << 20;

/// Makes a store in an empty folder from a backup, and from a copy of the slots that was made with it, as far as they
/// still open: what is older than the last re-rooting is left out, and where that is all of them it is refused. `key` must
/// have signed the backup's checkpoint, and the events must lead to the root that it names.
///
/// Until the last step the folder holds no store: what goes wrong leaves nothing that opens.
///
/// # Errors
/// [`OpenError`]: among others if the folder is not empty, or the backup is not what was written.
pub fn restore(
    folder: &Path,
    backup: &Path,
    slots: Option<(&Path, Opens<'_>)>,
    key: &VerifierKey,
) -> Result<Summary, OpenError> {
    let mut frames = FrameReader::open(backup, BACKUP).map_err(unusable(backup))?;
    let open = |(path, opens)| SlotCopies::open(path, opens).map_err(unusable(path));
    let copies = slots.map(open).transpose()?;
    let folder = Folder::create(folder)?;
    let engine = Engine::open(&folder.engine(), CACHE_BYTES)?;
    let slot_path = folder.file("slots");
    SlotFile::create(&slot_path).map_err(at(&slot_path))?;
    let slot_file = SlotFile::open(&slot_path).map_err(at(&slot_path))?;
    let mut restoring = Restoring {
        write: engine.batch(ROWS),
        engine: &engine,
        slots: Slots { file: &slot_file, free: FreeCells::default(), fills: Vec::new(), copies, cells: 0 },
        tree: Tree::new(),
        checkpoint: None,
        done: Summary::default(),
    };
    while let Some(frame) = frames.next().map_err(unusable(backup))? {
        restoring.enter(frame, key, backup)?;
    }
    let done = restoring.finish(backup)?;
    folder.finish()?;
    Ok(done)
}

/// A file that cannot be read, or that is not what was written.
fn unusable(path: &Path) -> impl Fn(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| {
        if source.kind() != io::ErrorKind::InvalidData {
            return at(&path)(source);
        }
        OpenError::Damaged {
            path: path.clone(),
            why: source.to_string(),
            what_to_do: "nothing was restored: delete the new folder, and use another backup",
        }
    }
}

struct Restoring<'a> {
    engine: &'a Engine,
    write: OwnedWriteBatch,
    slots: Slots<'a>,
    tree: Tree,
    /// The checkpoint and its note.
    checkpoint: Option<(Checkpoint, String)>,
    done: Summary,
}

impl Restoring<'_> {
    fn enter(&mut self, frame: Frame, key: &VerifierKey, backup: &Path) -> Result<(), OpenError> {
        let (kind, row_key, row) = frame;
        let engine = self.engine;
        let entered = match kind {
            Kind::Head => self.head(&row_key, &row, key, backup)?,
            Kind::Event => self.events(&row_key, &row),
            Kind::Record => self.record(&row_key, row)?,
            Kind::Counter => {
                let is_whole = rows::id(&row_key).is_some() && rows::counter(&row).is_some();
                self.write.insert(&engine.counters, row_key, row);
                is_whole.then_some(())
            }
            Kind::Replay => self.replay(&row_key, row),
            Kind::Note => {
                let is_whole = rows::id(&row_key).is_some();
                self.write.insert(&engine.notes, row_key, row);
                is_whole.then_some(())
            }
        };
        entered.ok_or_else(|| unusable(backup)(damage(&format!("a row of kind {kind:?} cannot be read"))))?;
        if self.write.len() >= ROWS { self.flush() } else { Ok(()) }
    }

    fn head(
        &mut self,
        row_key: &[u8],
        row: &[u8],
        key: &VerifierKey,
        backup: &Path,
    ) -> Result<Option<()>, OpenError> {
        let head = StoreRow::parse(row).filter(|_| is_head(row_key) && self.checkpoint.is_none());
        let Some(head) = head else { return Ok(None) };
        let Ok(note) = head.checkpoint.parse::<Note>() else { return Ok(None) };
        let checkpoint = Checkpoint::open(&note, key, key.name().as_str());
        let checkpoint = checkpoint.map_err(|_| {
            let why = "its checkpoint is not signed by this log's key: it is of another log, or was changed";
            unusable(backup)(damage(why))
        })?;
        self.checkpoint = Some((checkpoint, head.checkpoint));
        Ok(Some(()))
    }

    fn events(&mut self, row_key: &[u8], row: &[u8]) -> Option<()> {
        let events = rows::events(row).filter(|_| row_key == self.tree.size().to_be_bytes())?;
        for event in &events {
            for stored in self.tree.append(Hash::leaf(event.leaf().as_bytes())) {
                let key = rows::hash_key(stored.level, stored.index);
                self.write.insert(&self.engine.hashes, key, stored.hash.0);
            }
        }
        self.write.insert(&self.engine.events, row_key, row);
        self.done.events += events.len() as u64;
        Some(())
    }

    fn record(&mut self, row_key: &[u8], mut row: Vec<u8>) -> Result<Option<()>, OpenError> {
        let Some(parsed) = rows::id(row_key).and_then(|id| rows::record(id, &row)) else { return Ok(None) };
        if parsed.position >= self.tree.size() {
            return Ok(None);
        }
        let (engine, record) = (self.engine, parsed.record);
        let cell = parsed.cell.map(|_| self.slots.restore(record.id)).transpose()?.flatten();
        rows::place(&mut row, parsed.position, cell);
        record.names.iter().for_each(|name| self.write.insert(&engine.names, name.0, record.id.bytes()));
        for list in &record.lists {
            self.write.insert(&engine.members, rows::member_key(*list, record.id), []);
        }
        self.write.insert(&engine.records, row_key, row);
        self.done.records += 1;
        self.done.slots += u64::from(cell.is_some());
        Ok(Some(()))
    }

    fn replay(&mut self, row_key: &[u8], row: Vec<u8>) -> Option<()> {
        let replay = rows::replay(row_key.try_into().ok()?, &row)?;
        let expiry = rows::expiry_key(replay.expires_at, &replay.id);
        self.write.insert(&self.engine.expiries, expiry, []);
        self.write.insert(&self.engine.replays, row_key, row);
        Some(())
    }

    fn flush(&mut self) -> Result<(), OpenError> {
        self.slots.flush()?;
        let write = std::mem::replace(&mut self.write, self.engine.batch(ROWS));
        write.commit().map_err(|error| self.engine.failed(&error).into())
    }

    fn finish(mut self, backup: &Path) -> Result<Summary, OpenError> {
        let (checkpoint, note) =
            self.checkpoint.take().ok_or_else(|| unusable(backup)(damage("it has no checkpoint")))?;
        if (checkpoint.size(), checkpoint.root()) != (self.tree.size(), &self.tree.root()) {
            let why = "its events are not those that its checkpoint was signed over";
            return Err(unusable(backup)(damage(why)));
        }
        let row = StoreRow { cells: self.slots.cells, checkpoint: note }.row();
        self.write.insert(&self.engine.head, HEAD, row);
        self.done.unopened = self.slots.finish(self.done.slots)?;
        self.flush()?;
        Ok(self.done)
    }
}

/// Where restored slots go, and where they come from.
struct Slots<'a> {
    file: &'a SlotFile,
    free: FreeCells,
    fills: Vec<(Cell, WrappedSlot)>,
    copies: Option<SlotCopies<'a>>,
    cells: u64,
}

impl Slots<'_> {
    /// Gives a record its slot back, if there is a copy.
    fn restore(&mut self, id: Id) -> Result<Option<Cell>, OpenError> {
        let Some(copies) = &mut self.copies else { return Ok(None) };
        let path = copies.path.clone();
        let Some(slot) = copies.find(id).map_err(unusable(&path))? else { return Ok(None) };
        if !(copies.opens)(id, &slot) {
            copies.unopened += 1;
            return Ok(None);
        }
        let cell = self.free.take(self.file).map_err(at(self.file.path()))?;
        self.fills.push((cell, slot));
        self.cells = self.cells.wrapping_add(fingerprint([cell]));
        Ok(Some(cell))
    }

    fn flush(&mut self) -> Result<(), OpenError> {
        let filled = self.file.fill(&mut self.fills).and_then(|()| self.file.sync());
        self.fills.clear();
        filled.map_err(at(self.file.path()))
    }

    /// Reads the copies to their end, where their hash is; how many of them do not open.
    fn finish(&mut self, restored: u64) -> Result<u64, OpenError> {
        let Some(copies) = &mut self.copies else { return Ok(0) };
        let path = copies.path.clone();
        copies.find(Id::from_bits(u128::MAX)).map_err(unusable(&path))?;
        if restored == 0 && copies.unopened > 0 {
            return Err(OpenError::Damaged {
                path,
                why:
                    "none of these slots opens: they are from before the last re-rooting, or of another store"
                        .to_owned(),
                what_to_do: "nothing was restored: delete the new folder, and use a newer copy, or none and issue new keys",
            });
        }
        Ok(copies.unopened)
    }
}

/// A copy of slots, read along with the records: both are in the order of ids.
struct SlotCopies<'a> {
    path: std::path::PathBuf,
    opens: Opens<'a>,
    /// How many do not.
    unopened: u64,
    frames: FrameReader,
    next: Option<(Id, WrappedSlot)>,
}

impl<'a> SlotCopies<'a> {
    fn open(path: &Path, opens: Opens<'a>) -> io::Result<Self> {
        let frames = FrameReader::open(path, SLOTS)?;
        let mut copies = Self { path: path.to_owned(), opens, unopened: 0, frames, next: None };
        copies.advance()?;
        Ok(copies)
    }

    fn advance(&mut self) -> io::Result<()> {
        let read = |(_, key, value): Frame| {
            let slot = WrappedSlot(value.try_into().ok()?);
            rows::id(&key).map(|id| (id, slot))
        };
        let frame = self.frames.next()?;
        self.next =
            frame.map(|frame| read(frame).ok_or_else(|| damage("a slot cannot be read"))).transpose()?;
        Ok(())
    }

    fn find(&mut self, id: Id) -> io::Result<Option<WrappedSlot>> {
        while let Some((at, slot)) = self.next {
            if at > id {
                break;
            }
            self.advance()?;
            if at == id {
                return Ok(Some(slot));
            }
        }
        Ok(None)
    }
}
