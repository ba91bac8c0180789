//! This file is about the store in memory: the reference that every other one is compared with.
//!
//! Strict and simple: one lock over plain maps, a commit is a batch of one, a slot is gone the moment its
//! commit is done. Nothing survives the process, so only tests and throw-away servers use it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use keyward_core::event::Event;
use keyward_core::id::Id;
use keyward_core::seal::WrappedSlot;
use keyward_core::store::{
    Backup, Change, CommitError, List, Logged, Name, Position, ReadError, Record, RecordKind, Replay, Rewrap,
    SlotChange, Spend, Store, Stored,
};
use keyward_core::time::Timestamp;
use keyward_log::{Hash, Signer, VerifierKey};

use crate::sequencer::{Claim, Sequencer, State, refuse_old_epoch, refuse_oversized, unopened};

/// A store that lives and dies with the process.
#[derive(Debug)]
pub struct Memory {
    maps: Mutex<Maps>,
    key: VerifierKey,
}

#[derive(Debug)]
struct Maps {
    sequencer: Sequencer,
    checkpoint: String,
    is_locked: bool,
    /// No slot of an older epoch is filled any more.
    epoch: u32,
    records: BTreeMap<Id, (Record, Position)>,
    slots: HashMap<Id, WrappedSlot>,
    names: HashMap<Name, Id>,
    lists: BTreeSet<(List, Id)>,
    counters: HashMap<Id, u64>,
    notes: HashMap<Id, Vec<u8>>,
    replays: HashMap<[u8; 32], Replay>,
    events: Vec<Event>,
    hashes: HashMap<(u8, u64), Hash>,
}

impl Memory {
    /// An empty store with a new log, signed by `signer` under its key's name.
    ///
    /// # Errors
    /// [`CommitError::NotWritten`] if the first checkpoint cannot be signed.
    pub fn new(signer: Signer) -> Result<Self, CommitError> {
        let key = signer.verifier_key();
        let sequencer = Sequencer::new(signer);
        let checkpoint = sequencer.checkpoint()?;
        let maps = Mutex::new(Maps {
            sequencer,
            checkpoint,
            is_locked: false,
            epoch: 0,
            records: BTreeMap::new(),
            slots: HashMap::new(),
            names: HashMap::new(),
            lists: BTreeSet::new(),
            counters: HashMap::new(),
            notes: HashMap::new(),
            replays: HashMap::new(),
            events: Vec::new(),
            hashes: HashMap::new(),
        });
        Ok(Self { maps, key })
    }

    /// The maps. A caller's `apply` that panicked has been told nothing, and the maps are whole: every change
    /// is entered before its `apply` runs.
    fn maps(&self) -> MutexGuard<'_, Maps> {
        self.maps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Memory {
    async fn fetch(&self, id: Id) -> Result<Option<Stored>, ReadError> {
        Ok(self.maps().stored(id))
    }

    async fn holder(&self, name: Name) -> Result<Option<Id>, ReadError> {
        Ok(self.maps().names.get(&name).copied())
    }

    async fn page(&self, list: List, after: Option<Id>, limit: usize) -> Result<Vec<Stored>, ReadError> {
        let maps = self.maps();
        let start = after.map_or((list, Id::from_bits(0)), |id| (list, id));
        let members = maps.lists.range(start..).take_while(|(of, _)| *of == list).map(|(_, id)| *id);
        Ok(members
            .filter(|id| after.is_none_or(|after| *id > after))
            .take(limit)
            .filter_map(|id| maps.stored(id))
            .collect())
    }

    async fn scan(&self, kind: RecordKind, visit: &(dyn Fn(Stored) + Sync)) -> Result<(), ReadError> {
        let all: Vec<Stored> = {
            let maps = self.maps();
            let ids = maps.records.iter().filter(|(_, (record, _))| record.kind == kind).map(|(id, _)| *id);
            ids.filter_map(|id| maps.stored(id)).collect()
        };
        all.into_iter().for_each(visit);
        Ok(())
    }

    async fn commit(&self, change: Change) -> Result<Position, CommitError> {
        refuse_oversized(&change.record)?;
        let mut maps = self.maps();
        if maps.is_locked {
            return Err(CommitError::NotWritten(
                "the store is locked: its anchor knows another log; see `keyward recover`".to_owned(),
            ));
        }
        refuse_old_epoch(&change.slot, maps.epoch)?;
        Claim::of(&change).judge(&*maps)?;
        maps.enter(change)
    }

    async fn rewrap(&self, epoch: u32, rewrap: Rewrap) -> Result<u64, CommitError> {
        let mut maps = self.maps();
        maps.epoch = maps.epoch.max(epoch);
        let mut replaced = 0;
        for (id, slot) in &mut maps.slots {
            let new = rewrap(*id, slot).map_err(|error| unopened(*id, error))?;
            if slot.epoch() < epoch {
                *slot = new;
                replaced += 1;
            }
        }
        Ok(replaced)
    }

    async fn spend(&self, spend: Spend) -> Result<Option<u64>, CommitError> {
        let mut maps = self.maps();
        let drawn = maps.counters.entry(spend.id).or_default();
        let Some(total) = drawn.checked_add(spend.cost).filter(|total| *total <= spend.limit) else {
            return Ok(None);
        };
        *drawn = total;
        Ok(Some(spend.limit - total))
    }

    async fn note(&self, notes: Vec<(Id, Vec<u8>)>) -> Result<(), CommitError> {
        self.maps().notes.extend(notes);
        Ok(())
    }

    async fn noted(&self, id: Id) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.maps().notes.get(&id).cloned())
    }

    async fn replay(&self, id: [u8; 32], now: Timestamp) -> Result<Option<Replay>, ReadError> {
        Ok(self.maps().replays.get(&id).filter(|replay| now < replay.expires_at).cloned())
    }

    async fn events(&self, from: Position, limit: usize) -> Result<Vec<Logged>, ReadError> {
        let maps = self.maps();
        let start = usize::try_from(from).unwrap_or(usize::MAX);
        let events = maps.events.iter().skip(start).take(limit).zip(from..);
        Ok(events.map(|(event, position)| Logged { position, event: event.clone() }).collect())
    }

    fn log_key(&self) -> VerifierKey {
        self.key.clone()
    }

    async fn checkpoint(&self) -> Result<String, ReadError> {
        Ok(self.maps().checkpoint.clone())
    }

    async fn lock(&self, _: String) -> Result<(), CommitError> {
        self.maps().is_locked = true;
        Ok(())
    }

    async fn back_up(&self, _: Timestamp) -> Result<Option<Backup>, ReadError> {
        Ok(None)
    }

    async fn hash(&self, level: u8, index: u64) -> Result<Hash, ReadError> {
        let found = self.maps().hashes.get(&(level, index)).copied();
        found.ok_or_else(|| ReadError::Damaged(format!("the log has no hash {index} at level {level}")))
    }
}

impl Maps {
    fn stored(&self, id: Id) -> Option<Stored> {
        let (record, position) = self.records.get(&id)?;
        Some(Stored { record: record.clone(), position: *position, slot: self.slots.get(&id).copied() })
    }

    fn enter(&mut self, change: Change) -> Result<Position, CommitError> {
        let Change { record, slot, event, replay, apply } = change;
        let leaf = Hash::leaf(event.leaf().as_bytes());
        let mark = self.sequencer.mark();
        let (position, completed) = self.sequencer.place(leaf);
        self.checkpoint = self.sequencer.checkpoint().inspect_err(|_| self.sequencer.rewind(mark))?;
        self.hashes.insert((0, position), leaf);
        self.hashes.extend(completed.iter().map(|stored| ((stored.level, stored.index), stored.hash)));
        if let Some((old, _)) = self.records.get(&record.id) {
            for name in &old.names {
                self.names.remove(name);
            }
            for list in &old.lists {
                self.lists.remove(&(*list, old.id));
            }
        }
        self.names.extend(record.names.iter().map(|name| (*name, record.id)));
        self.lists.extend(record.lists.iter().map(|list| (*list, record.id)));
        match slot {
            SlotChange::Keep => {}
            SlotChange::Fill(slot) => drop(self.slots.insert(record.id, slot)),
            SlotChange::Erase => drop(self.slots.remove(&record.id)),
        }
        self.records.insert(record.id, (record, position));
        self.events.push(event);
        self.replays.extend(replay.map(|replay| (replay.id, replay)));
        // Under the lock, so that these run in log order and before any later commit returns.
        apply(position);
        Ok(position)
    }
}

impl State for Maps {
    fn version(&self, id: Id) -> Result<Option<u64>, CommitError> {
        Ok(self.records.get(&id).map(|(record, _)| record.version))
    }

    fn holder(&self, name: Name) -> Result<Option<Id>, CommitError> {
        Ok(self.names.get(&name).copied())
    }

    fn is_answered(&self, id: &[u8; 32], now: Timestamp) -> Result<bool, CommitError> {
        Ok(self.replays.get(id).is_some_and(|replay| now < replay.expires_at))
    }
}
