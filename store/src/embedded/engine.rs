//! This file is about the engine below the embedded store: its keyspaces, how they are tuned, and its errors.

mod panics;

use std::path::{Path, PathBuf};

use fjall::config::{BlockSizePolicy, FilterPolicy, FilterPolicyEntry, HashRatioPolicy, PartitioningPolicy};
use fjall::{
    Database, Guard, Keyspace, KeyspaceCreateOptions, LsmError, OwnedWriteBatch, PersistMode, Slice,
};
use keyward_core::event::Event;
use keyward_core::id::Id;
use keyward_core::store::{Logged, Name, Position, ReadError, Replay};
use keyward_log::{Hash, HashReader};

use super::journal;
use crate::rows::{self, Current, RecordRow, StoreRow};

/// The engine's keyspaces. Each holds one kind of row; `rows.rs` says how each is written.
pub(crate) struct Engine {
    folder: PathBuf,
    database: Database,
    /// Id to record.
    pub(crate) records: Keyspace,
    /// Name to the id of its holder.
    pub(crate) names: Keyspace,
    /// List and id of a member to nothing.
    pub(crate) members: Keyspace,
    /// Position to the events that stand there and right after it.
    pub(crate) events: Keyspace,
    /// Level and index to a hash of the log, from level 1 on: leaves are hashed from their events.
    pub(crate) hashes: Keyspace,
    /// Id to how much has been drawn.
    pub(crate) counters: Keyspace,
    /// Id to note.
    pub(crate) notes: Keyspace,
    /// Id to kept answer.
    pub(crate) replays: Keyspace,
    /// Expiry and id of a kept answer to nothing.
    pub(crate) expiries: Keyspace,
    /// One row: [`StoreRow`].
    pub(crate) head: Keyspace,
}

/// The key of the one row in [`Engine::head`].
pub(crate) const HEAD: &[u8] = b"head";

/// The engine's journal may take this much, in bytes, before a keyspace is written out to shorten it. Opening
/// reads all of it, some 100 MiB a second, so this is the smallest that the engine allows.
const JOURNAL_BYTES: u64 = 64 << 20;
/// A keyspace is written out when it has this much in memory, in bytes: less makes the background merge more
/// often, more makes entering a row slower and the journal longer. `docs/storage.md` has the figures.
const MEMTABLE_BYTES: u64 = 32 << 20;

/// The threads of the engine that write memory out and merge. Of several, the first leaves merging to the others, by putting
/// what it takes back into the queue: as long as they merge, it does nothing else, and takes a core for that.
const WORKERS: usize = 1;

/// A walk over records is given up when it has passed over so many more than it has found: then they lie apart.
const APART: usize = 4;

impl Engine {
    /// Opens the engine in this folder, or makes it.
    ///
    /// The engine may stop with a panic at a damaged file; that too comes back as an error here.
    pub(crate) fn open(folder: &Path, cache_bytes: u64) -> Result<Self, ReadError> {
        panics::caught(|| Self::try_open(folder, cache_bytes)).unwrap_or_else(|said| {
            let folder = folder.display();
            Err(ReadError::Damaged(format!("{folder}: the engine cannot read its files ({said}); {REMEDY}")))
        })
    }

    fn try_open(folder: &Path, cache_bytes: u64) -> Result<Self, ReadError> {
        let failed = |error| explain(folder, &error);
        let out_of_order = journal::out_of_order(folder).map_err(|error| failed(error.into()))?;
        if let Some(journal) = out_of_order {
            let journal = journal.display();
            let problem = "its batches do not stand in the order in which they were written";
            return Err(ReadError::Damaged(format!("{journal}: {problem}; {REMEDY}")));
        }
        let database = Database::builder(folder)
            .cache_size(cache_bytes)
            .max_journaling_size(JOURNAL_BYTES)
            .worker_threads(WORKERS)
            .open()
            .map_err(failed)?;
        let keyspace = |name: &str, options: fn() -> KeyspaceCreateOptions| {
            database.keyspace(name, options).map_err(failed)
        };
        Ok(Self {
            folder: folder.to_owned(),
            records: keyspace("records", found_by_key)?,
            names: keyspace("names", found_by_key)?,
            members: keyspace("members", walked)?,
            events: keyspace("events", walked)?,
            hashes: keyspace("hashes", walked)?,
            counters: keyspace("counters", found_by_key)?,
            notes: keyspace("notes", found_by_key)?,
            replays: keyspace("replays", found_by_key)?,
            expiries: keyspace("expiries", walked)?,
            head: keyspace("head", walked)?,
            database,
        })
    }

    /// An empty batch: all of it is written, or nothing.
    pub(crate) fn batch(&self, capacity: usize) -> OwnedWriteBatch {
        OwnedWriteBatch::with_capacity(self.database.clone(), capacity)
            .durability(Some(PersistMode::SyncData))
    }

    /// A view of one moment.
    pub(crate) fn snapshot(&self) -> fjall::Snapshot {
        self.database.snapshot()
    }

    /// What went wrong, in the words of the contract.
    pub(crate) fn failed(&self, error: &fjall::Error) -> ReadError {
        explain(&self.folder, error)
    }

    /// Damage to one row, named.
    pub(crate) fn damaged(&self, keyspace: &Keyspace, key: &[u8]) -> ReadError {
        let (folder, name) = (self.folder.display(), keyspace.name());
        let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        ReadError::Damaged(format!("{folder}: row {key} of `{name}` cannot be read; {REMEDY}"))
    }

    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> Result<Option<Slice>, ReadError> {
        keyspace.get(key).map_err(|error| self.failed(&error))
    }

    /// One row, read by `parse`.
    fn row<T>(
        &self,
        keyspace: &Keyspace,
        key: &[u8],
        parse: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, ReadError> {
        let Some(row) = self.get(keyspace, key)? else { return Ok(None) };
        parse(&row).map(Some).ok_or_else(|| self.damaged(keyspace, key))
    }

    /// A record.
    pub(crate) fn record(&self, id: Id) -> Result<Option<RecordRow>, ReadError> {
        self.row(&self.records, &id.bytes(), |row| rows::record(id, row))
    }

    /// The records of these ids, as far as they are there.
    pub(crate) fn records_of(&self, ids: &[Id]) -> Result<Vec<RecordRow>, ReadError> {
        Ok(self.rows_of(ids, rows::record)?.into_iter().flatten().collect())
    }

    /// What `parse` makes of the rows of these records; `None` where there is none. Ids in their order are found by one walk, which
    /// takes a fraction of looking up each, as long as few others lie between them.
    fn rows_of<T>(
        &self,
        ids: &[Id],
        parse: impl Fn(Id, &[u8]) -> Option<T>,
    ) -> Result<Vec<Option<T>>, ReadError> {
        let mut found = Vec::with_capacity(ids.len());
        let in_order = ids.is_sorted_by(|one, other| one < other);
        if let ([first, .., last], true) = (ids, in_order) {
            for (walked, row) in (1_usize..).zip(self.records.range(first.bytes()..=last.bytes())) {
                let (key, row) = row.into_inner().map_err(|error| self.failed(&error))?;
                let damaged = || self.damaged(&self.records, &key);
                let id = rows::id(&key).ok_or_else(damaged)?;
                let left = ids.get(found.len()..).unwrap_or_default();
                // Those before it are not there.
                let passed = left.partition_point(|wanted| *wanted < id);
                found.extend((0..passed).map(|_| None));
                if left.get(passed) == Some(&id) {
                    found.push(Some(parse(id, &row).ok_or_else(damaged)?));
                }
                if found.len() == ids.len() || walked > 2 * found.len() + APART {
                    break;
                }
            }
        }
        for id in ids.iter().skip(found.len()) {
            found.push(self.row(&self.records, &id.bytes(), |row| parse(*id, row))?);
        }
        Ok(found)
    }

    /// What the next change to a record must know of it.
    pub(crate) fn current(&self, id: Id) -> Result<Option<Current>, ReadError> {
        self.row(&self.records, &id.bytes(), rows::current)
    }

    /// The same for many, each by itself.
    pub(crate) fn currents(&self, ids: &[Id]) -> Vec<Result<Option<Current>, ReadError>> {
        match self.rows_of(ids, |_, row| rows::current(row)) {
            Ok(found) => found.into_iter().map(Ok).collect(),
            // One that cannot be read keeps no other.
            Err(_) => ids.iter().map(|id| self.current(*id)).collect(),
        }
    }

    /// Who holds a name.
    pub(crate) fn holder(&self, name: Name) -> Result<Option<Id>, ReadError> {
        self.row(&self.names, &name.0, rows::id)
    }

    /// How much has been drawn from a counter.
    pub(crate) fn drawn(&self, id: Id) -> Result<u64, ReadError> {
        Ok(self.row(&self.counters, &id.bytes(), rows::counter)?.unwrap_or(0))
    }

    /// The note beside an id.
    pub(crate) fn noted(&self, id: Id) -> Result<Option<Vec<u8>>, ReadError> {
        self.row(&self.notes, &id.bytes(), |row| Some(row.to_vec()))
    }

    /// Writes notes, to be synced with whatever is synced next.
    pub(crate) fn note(&self, notes: Vec<(Id, Vec<u8>)>) -> Result<(), ReadError> {
        let mut batch = self.batch(notes.len()).durability(Some(PersistMode::Buffer));
        notes.into_iter().for_each(|(id, note)| batch.insert(&self.notes, id.bytes(), note));
        batch.commit().map_err(|error| self.failed(&error))
    }

    /// Makes everything written durable.
    pub(crate) fn sync(&self) -> Result<(), ReadError> {
        self.database.persist(PersistMode::SyncData).map_err(|error| self.failed(&error))
    }

    /// A kept answer, expired or not.
    pub(crate) fn replay(&self, id: [u8; 32]) -> Result<Option<Replay>, ReadError> {
        self.row(&self.replays, &id, |row| rows::replay(id, row))
    }

    /// The store's row about itself.
    pub(crate) fn head(&self) -> Result<Option<StoreRow>, ReadError> {
        self.row(&self.head, HEAD, StoreRow::parse)
    }

    /// At most `limit` events from `from` on; ends where the log does.
    pub(crate) fn events(&self, from: Position, limit: usize) -> Result<Vec<Logged>, ReadError> {
        let mut events = Vec::new();
        // The first is anywhere in its row, and a row is named by its first event.
        let Some(first) = self.events.range(..=from.to_be_bytes()).next_back() else { return Ok(events) };
        let (mut next, row) = self.events_of(first)?;
        let mut rows = self.events.range(next.saturating_add(1).to_be_bytes()..);
        let mut row = Some(row);
        while let Some(logged) = row.take() {
            for event in logged {
                if next >= from && events.len() < limit {
                    events.push(Logged { position: next, event });
                }
                next += 1;
            }
            // The engine may have put in a later row of a batch first: then the log ends here for now.
            if events.len() < limit && next > from {
                let following = rows.next().map(|row| self.events_of(row)).transpose()?;
                row = following.filter(|(first, _)| *first == next).map(|(_, events)| events);
            }
        }
        Ok(events)
    }

    /// Reads one row of events and the position of its first.
    pub(crate) fn events_of(&self, row: Guard) -> Result<(Position, Vec<Event>), ReadError> {
        let (key, value) = row.into_inner().map_err(|error| self.failed(&error))?;
        let read = || Some((u64::from_be_bytes(key.as_ref().try_into().ok()?), rows::events(&value)?));
        read().ok_or_else(|| self.damaged(&self.events, &key))
    }

    /// The event at one place.
    pub(crate) fn event(&self, position: Position) -> Result<Option<Event>, ReadError> {
        let Some(row) = self.events.range(..=position.to_be_bytes()).next_back() else { return Ok(None) };
        let (key, value) = row.into_inner().map_err(|error| self.failed(&error))?;
        let first = key.as_ref().try_into().map(u64::from_be_bytes).ok();
        let read = first.and_then(|first| rows::event(&value, position - first));
        read.ok_or_else(|| self.damaged(&self.events, &key))
    }
}

/// The hashes of the log as they are on disk.
impl HashReader for Engine {
    type Error = ReadError;

    fn hash(&self, level: u8, index: u64) -> Result<Hash, ReadError> {
        let found = match level {
            0 => self.event(index)?.map(|event| Hash::leaf(event.leaf().as_bytes())),
            _ => {
                let parse = |row: &[u8]| row.try_into().ok().map(Hash);
                self.row(&self.hashes, &rows::hash_key(level, index), parse)?
            }
        };
        found.ok_or_else(|| {
            let folder = self.folder.display();
            ReadError::Damaged(format!("{folder}: hash {index} of level {level} is not there; {REMEDY}"))
        })
    }
}

/// What to do about damage.
pub(crate) const REMEDY: &str =
    "stop the server, keep a copy of the folder, run `keyward store check`, and restore the newest backup";

fn explain(folder: &Path, error: &fjall::Error) -> ReadError {
    let folder = folder.display();
    if let fjall::Error::Io(error) | fjall::Error::Storage(LsmError::Io(error)) = error {
        use std::io::ErrorKind::{InvalidData, InvalidInput, NotFound, UnexpectedEof};
        // What is missing, ends too early or makes no sense is damaged: asking again does not help.
        if !matches!(error.kind(), InvalidData | InvalidInput | NotFound | UnexpectedEof) {
            return ReadError::Unavailable(format!("{folder}: {error}"));
        }
    }
    if matches!(error, fjall::Error::Poisoned) {
        return ReadError::Unavailable(format!("{folder}: the engine has stopped"));
    }
    ReadError::Damaged(format!("{folder}: {error}; {REMEDY}"))
}

/// Rows that are looked up one by one, and usually are there.
fn found_by_key() -> KeyspaceCreateOptions {
    in_small_blocks()
        .data_block_size_policy(BlockSizePolicy::all(4 << 10))
        .data_block_hash_ratio_policy(HashRatioPolicy::all(0.75))
        .filter_policy(FilterPolicy::all(FilterPolicyEntry::Bloom(
            fjall::config::BloomConstructionPolicy::BitsPerKey(10.0),
        )))
}

/// Rows that are walked in order.
fn walked() -> KeyspaceCreateOptions {
    in_small_blocks().data_block_size_policy(BlockSizePolicy::all(16 << 10))
}

/// What tells where rows are comes in small blocks, but for what stays in memory anyway. In one block a file's filter has up to two
/// MiB, and the cache, which is cut into four parts a core or more, takes none that is larger than a part: it was read, and
/// checked, at every look-up.
fn in_small_blocks() -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default()
        .max_memtable_size(MEMTABLE_BYTES)
        .filter_block_partitioning_policy(PartitioningPolicy::new([false, true]))
        .index_block_partitioning_policy(PartitioningPolicy::new([false, false, true]))
}
