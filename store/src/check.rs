//! This file is about checking a whole store: whether every row, every cell and the log fit together.

use std::fmt;

use fjall::{Keyspace, Readable, Snapshot};
use keyward_core::event::Happened;
use keyward_core::id::{Id, KeyId};
use keyward_core::seal::WrappedSlot;
use keyward_core::store::ReadError;
use keyward_log::{Checkpoint, Hash, Note, StoredHash, Tree};

use crate::embedded::engine::{Engine, HEAD};
use crate::embedded::{Embedded, Shared};
use crate::rows::{self, RecordRow, StoreRow};
use crate::slots::{Cell, fingerprint};

/// How many findings are listed; a store with more is past reading them.
const LIMIT: usize = 1000;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which file, and which row or cell of it.
    pub place: String,
    /// What is wrong there.
    pub problem: String,
    /// The way out.
    pub what_to_do: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, self.problem, self.what_to_do)
    }
}

const RESTORE: &str = "restore the newest backup";
const RESTORE_SLOT: &str = "restore it from a copy of the slots, or remove the record and issue a new key";
const RIGHT_ROOTS: &str =
    "configure the keys that were made with it, or slots copied since the last re-rooting";
const REOPEN: &str = "stop the server and open the store again, which overwrites it";

impl Embedded {
    /// Looks at every row and every cell, and lists what does not fit, up to 1,000 findings. `opens` says whether a
    /// record's slot opens. Meant for a store that nobody commits to; a commit meanwhile may look like a fault of the slots.
    ///
    /// # Errors
    /// [`ReadError`] if the store cannot be read at all.
    pub fn check(&self, opens: Opens<'_>) -> Result<Vec<Finding>, ReadError> {
        let shared = self.shared();
        let (engine, snapshot) = (&shared.engine, shared.engine.snapshot());
        let mut check =
            Check { shared, engine, snapshot, opens, findings: Vec::new(), events: 0, opened: 0, beyond: 0 };
        let head = check.log()?;
        let named = check.records()?;
        check.roots(&named);
        check.names()?;
        check.members()?;
        check.loose_rows()?;
        check.slots(&named, head)?;
        Ok(check.findings)
    }
}

/// Whether the slot of this record opens: only whoever has the roots can tell.
pub type Opens<'a> = &'a dyn Fn(Id, &WrappedSlot) -> bool;

/// Whether a row's key and value can be read.
type IsReadable = fn(&[u8], &[u8]) -> bool;

struct Check<'a> {
    shared: &'a Shared,
    engine: &'a Engine,
    snapshot: Snapshot,
    opens: Opens<'a>,
    findings: Vec<Finding>,
    /// How many events there are.
    events: u64,
    /// How many slots opened.
    opened: u64,
    /// How many records name a cell that the file of slots does not reach.
    beyond: u64,
}

impl Check<'_> {
    fn find(&mut self, place: String, problem: impl Into<String>, what_to_do: &'static str) {
        if self.findings.len() < LIMIT {
            self.findings.push(Finding { place, problem: problem.into(), what_to_do });
        }
    }

    fn row(keyspace: &Keyspace, key: &[u8]) -> String {
        let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("engine, row {key} of `{}`", keyspace.name())
    }

    /// The rows of a keyspace, one after the other; a block that cannot be read ends the walk with a finding.
    fn each(
        &mut self,
        keyspace: &Keyspace,
        mut look: impl FnMut(&mut Self, &[u8], &[u8]) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        for row in self.snapshot.clone().iter(keyspace) {
            match row.into_inner() {
                Ok((key, value)) => look(self, &key, &value)?,
                Err(error) => {
                    let place = format!("engine, `{}`", keyspace.name());
                    self.find(place, self.engine.failed(&error).to_string(), RESTORE);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Rebuilds the log from its events. Returns what the store says of its own cells.
    fn log(&mut self) -> Result<Option<u64>, ReadError> {
        let mut tree = Tree::new();
        let engine = self.engine;
        self.each(&engine.events, |check, key, value| {
            let events = rows::events(value).filter(|_| key == tree.size().to_be_bytes());
            if events.is_none() {
                let problem = format!("cannot be read, or does not begin with event {}", tree.size());
                check.find(Self::row(&engine.events, key), problem, RESTORE);
            }
            for event in events.into_iter().flatten() {
                for stored in tree.append(Hash::leaf(event.leaf().as_bytes())) {
                    check.hash(&stored)?;
                }
            }
            Ok(())
        })?;
        self.events = tree.size();
        let place = Self::row(&engine.head, HEAD);
        let row = self.snapshot.get(&engine.head, HEAD).map_err(|error| engine.failed(&error))?;
        let Some(head) = row.and_then(|row| StoreRow::parse(&row)) else {
            self.find(place, "is missing or cannot be read", RESTORE);
            return Ok(None);
        };
        let key = &self.shared.key;
        let note = head.checkpoint.parse::<Note>().ok();
        match note.and_then(|note| Checkpoint::open(&note, key, key.name().as_str()).ok()) {
            None => self.find(place, "the checkpoint is not signed by the log's key", RESTORE),
            Some(signed) if (signed.size(), signed.root()) != (tree.size(), &tree.root()) => {
                let problem = format!("signed over {} events, there are {}", signed.size(), tree.size());
                self.find(place, format!("{problem}, or they are others"), RESTORE);
            }
            Some(_) => {}
        }
        Ok(Some(head.cells))
    }

    /// A hash that follows from the events must be there.
    fn hash(&mut self, stored: &StoredHash) -> Result<(), ReadError> {
        let (key, hashes) = (rows::hash_key(stored.level, stored.index), &self.engine.hashes);
        let kept = hashes.get(key).map_err(|error| self.engine.failed(&error))?;
        if kept.is_none_or(|kept| *kept != stored.hash.0) {
            self.find(Self::row(hashes, &key), "does not follow from the events", RESTORE);
        }
        Ok(())
    }

    /// Reads every record. Returns which cells they name.
    fn records(&mut self) -> Result<Vec<bool>, ReadError> {
        let capacity = self.shared.slots.capacity().unwrap_or(0);
        let mut named = vec![false; capacity as usize];
        let engine = self.engine;
        self.each(&engine.records, |check, key, value| {
            let Some(row) = rows::id(key).and_then(|id| rows::record(id, value)) else {
                check.find(Self::row(&engine.records, key), "cannot be read", RESTORE);
                return Ok(());
            };
            check.record(key, &row, &mut named)
        })?;
        Ok(named)
    }

    fn record(&mut self, key: &[u8], row: &RecordRow, named: &mut [bool]) -> Result<(), ReadError> {
        let (engine, id) = (self.engine, row.record.id);
        let place = || Self::row(&engine.records, key);
        let logged = engine.event(row.position)?;
        let logged = logged.filter(|event| event.id() == id && event.version == row.record.version);
        if row.position >= self.events || logged.is_none() {
            let problem = format!("event {} does not speak of version {}", row.position, row.record.version);
            self.find(place(), problem, RESTORE);
        }
        for name in &row.record.names {
            if engine.holder(*name)? != Some(id) {
                self.find(place(), "a name of it is missing or held by another", RESTORE);
            }
        }
        for list in &row.record.lists {
            let member = engine.members.contains_key(rows::member_key(*list, id));
            if !member.map_err(|error| engine.failed(&error))? {
                self.find(place(), "it is missing in a list of its own", RESTORE);
            }
        }
        let Some(cell) = row.cell else { return Ok(()) };
        if logged.is_some_and(|event| matches!(event.happened, Happened::Removed(_))) {
            self.find(place(), "it is removed, and has a slot", "report this as a defect, with the row");
        }
        match named.get_mut(cell.0 as usize) {
            None => {
                self.beyond += 1;
                let problem = format!("{} names it, and the file ends before", KeyId::from(id));
                self.find(self.cell(cell), problem, RESTORE_SLOT);
            }
            Some(true) => {
                let problem = format!("{} and another record share it", KeyId::from(id));
                self.find(self.cell(cell), problem, RESTORE_SLOT);
            }
            Some(free) => {
                *free = true;
                self.slot(id, cell)?;
            }
        }
        Ok(())
    }

    /// A cell that is empty is found where all cells are looked at.
    fn slot(&mut self, id: Id, cell: Cell) -> Result<(), ReadError> {
        let slot = self.shared.slots.read(cell).map_err(|error| self.shared.unreadable_slots(&error))?;
        match slot {
            Some(slot) if (self.opens)(id, &slot) => self.opened += 1,
            Some(_) => {
                let problem = format!("the slot of {} does not open", KeyId::from(id));
                self.find(self.cell(cell), problem, RESTORE_SLOT);
            }
            None => {}
        }
        Ok(())
    }

    /// Where no slot at all opens, it is not for damage to each of them.
    fn roots(&mut self, named: &[bool]) {
        if self.opened == 0 && named.contains(&true) {
            let place = self.shared.slots.path().display().to_string();
            self.find(place, "no slot opens, so these are not the roots of this store", RIGHT_ROOTS);
        }
    }

    fn cell(&self, cell: Cell) -> String {
        format!("{}, cell {}", self.shared.slots.path().display(), cell.0)
    }

    fn names(&mut self) -> Result<(), ReadError> {
        let engine = self.engine;
        self.each(&engine.names, |check, key, value| {
            let current =
                rows::id(value).map(|id| engine.current(id)).transpose().unwrap_or_default().flatten();
            if !current.is_some_and(|current| current.names.iter().any(|name| name.0 == key)) {
                check.find(Self::row(&engine.names, key), "no record holds this name", RESTORE);
            }
            Ok(())
        })
    }

    fn members(&mut self) -> Result<(), ReadError> {
        let engine = self.engine;
        self.each(&engine.members, |check, key, _| {
            let holds = |(list, id): (_, Id)| {
                let current = engine.current(id).ok().flatten()?;
                current.lists.contains(&list).then_some(())
            };
            if rows::member(key).and_then(holds).is_none() {
                check.find(
                    Self::row(&engine.members, key),
                    "the record does not stand in this list",
                    RESTORE,
                );
            }
            Ok(())
        })
    }

    /// Counters, answers, expiries and notes stand by themselves: they only must be readable.
    fn loose_rows(&mut self) -> Result<(), ReadError> {
        let engine = self.engine;
        let readers: [(&Keyspace, IsReadable); 4] = [
            (&engine.counters, |key, value| rows::id(key).is_some() && rows::counter(value).is_some()),
            (&engine.replays, |key, value| {
                key.try_into().is_ok_and(|id: [u8; 32]| rows::replay(id, value).is_some())
            }),
            (&engine.expiries, |key, _| rows::expiry(key).is_some()),
            (&engine.notes, |key, _| rows::id(key).is_some()),
        ];
        for (keyspace, is_readable) in readers {
            self.each(keyspace, |check, key, value| {
                if !is_readable(key, value) {
                    check.find(Self::row(keyspace, key), "cannot be read", RESTORE);
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn slots(&mut self, named: &[bool], expected: Option<u64>) -> Result<(), ReadError> {
        let is_named = |cell: Cell| named.get(cell.0 as usize).is_some_and(|named| *named);
        let odd = self.shared.slots.walk(Vec::new, |odd, cell, is_used| {
            if is_used != is_named(cell) {
                odd.push((cell, is_used));
            }
        });
        let odd = match odd {
            Ok(odd) => odd.concat(),
            Err(error) => {
                let place = self.shared.slots.path().display().to_string();
                self.find(place, error.to_string(), RESTORE_SLOT);
                return Ok(());
            }
        };
        for (cell, is_used) in odd {
            if is_used {
                self.find(self.cell(cell), "no record names it, and it is not overwritten", REOPEN);
            } else {
                self.find(self.cell(cell), "a record names it, and it is empty", RESTORE_SLOT);
            }
        }
        let cells = (0..).map(Cell).zip(named).filter(|(_, named)| **named).map(|(cell, _)| cell);
        // Cells that the file does not reach are counted too: then it is the file that is wrong, and that has been said.
        if self.beyond == 0 && expected.is_some_and(|expected| fingerprint(cells) != expected) {
            let place = Self::row(&self.engine.head, HEAD);
            self.find(place, "the records name other cells than were counted", RESTORE);
        }
        Ok(())
    }
}
