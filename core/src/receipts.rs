//! This file is about what can be proved: receipts, and the parts of the log that anyone may check them by.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use keyward_log::{
    Checkpoint, Entry, Hash, HashReader, Leaf, Note, ProveError, Receipt, Tile, TileKind, Tree,
    consistency_proof, entry_bundle, hash_tile, inclusion_proof,
};

use crate::account::{Account, Organization, Standing};
use crate::command::{Answer, Events, Page};
use crate::error::Error;
use crate::id::ReceiptId;
use crate::key::{Found, Kind, Tombstone};
use crate::keyward::{Environment, Keyward};
use crate::permit::Permit;
use crate::resource::Resource;
use crate::store::{Logged, Position, RecordKind, Store};
use crate::time::Timestamp;

/// How many events one answer may look at in search of those that the caller may read.
const LOOKED_AT: usize = 10_000;
/// How many events are read at once in search of one.
const EVENTS: usize = 4096;
/// How far the clocks of nodes may lie apart, in milliseconds.
const CLOCKS_MILLIS: u64 = 1000;

impl<S: Store, E: Environment> Keyward<S, E> {
    pub(crate) async fn read_receipt(&self, permit: &Permit, id: ReceiptId) -> Result<Answer, Error> {
        let stored = self.fetch_key(permit, id.id().into()).await?;
        let mut events = vec![stored.position];
        let mut epoch = None;
        let removed = match stored.record.kind {
            RecordKind::Key => match self.covered(permit, &stored)? {
                Found::Removed(tombstone) => {
                    events = self.events_of(&tombstone, stored.position).await?;
                    epoch = self.beyond_recovery(stored.position, tombstone.removed_at).await?;
                    true
                }
                Found::Live(_) => false,
            },
            RecordKind::Account => {
                let account = Account::from_record(&stored.record)?;
                self.covers(permit, account.organization, account.id)?;
                matches!(account.standing, Standing::Removed { .. })
            }
            RecordKind::Organization => {
                let organization = Organization::from_record(&stored.record)?;
                permit.covers_organization(organization.id)?;
                matches!(organization.standing, Standing::Removed { .. })
            }
            RecordKind::Resource => {
                let resource = Resource::from_record(&stored.record)?;
                self.covers(permit, resource.organization, resource.account)?;
                resource.removed_at.is_some()
            }
            RecordKind::Removal
            | RecordKind::Epoch
            | RecordKind::Term
            | RecordKind::Enforcement
            | RecordKind::Tombstone => false,
        };
        if !removed {
            return Err(Error::NotFound);
        }
        let enforcement = self.enforcement(stored.position).await?;
        events.extend(enforcement.as_ref().map(|enforcement| enforcement.position));
        events.extend(epoch.into_iter().flatten());
        let covered = enforcement.map(|enforcement| enforcement.covered).unwrap_or_default();
        Ok(Answer::Receipt(id, Box::new(self.prove(&events).await?), covered))
    }

    /// The events that the receipt of a removed key is of, in the order in which they are to be read: for one that never
    /// left first that it came to be, because that names its public half, and the end.
    pub(crate) async fn events_of(
        &self,
        tombstone: &Tombstone,
        removed: Position,
    ) -> Result<Vec<Position>, Error> {
        let created = match tombstone.kind {
            Kind::Crypto => Some(self.creation_of(tombstone, removed).await?),
            Kind::Secret | Kind::Access => None,
        };
        Ok(created.into_iter().chain([removed]).collect())
    }

    /// Where the log says that a key came to be. Looked for from about the time on that its record says; and in all that is
    /// before, should a clock have been set since.
    async fn creation_of(&self, tombstone: &Tombstone, removed: Position) -> Result<Position, Error> {
        let about = Timestamp::from_millis(tombstone.created_at.millis().saturating_sub(CLOCKS_MILLIS));
        let near = self.position_at(about).await?.min(removed);
        for range in [near..removed, 0..near] {
            let mut from = range.start;
            while from < range.end {
                let events = self.store.events(from, EVENTS).await?;
                let is_its = |logged: &&Logged| {
                    logged.event.id() == tombstone.id.id() && logged.event.happened.is_creation()
                };
                if let Some(found) = events.iter().find(is_its) {
                    return Ok(found.position);
                }
                from += EVENTS as Position;
            }
        }
        Err(Error::internal(format!("the log does not say that {} came to be", tombstone.id)))
    }

    /// Proves events under the newest checkpoint, in the order in which they are to be read.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`] if the log cannot be read.
    pub async fn prove(&self, positions: &[Position]) -> Result<Receipt, Error> {
        let note: Note = self.store.checkpoint().await?.parse().map_err(Error::internal)?;
        let mut entries = Vec::with_capacity(positions.len());
        for position in positions {
            entries.push(self.entry(*position, note.clone()).await?);
        }
        Receipt::new(entries).map_err(Error::internal)
    }

    async fn entry(&self, position: Position, note: Note) -> Result<Entry, Error> {
        let checkpoint: Checkpoint = note.unverified_text().parse().map_err(Error::internal)?;
        let events = self.store.events(position, 1).await?;
        let logged = events.first().ok_or_else(|| Error::internal(format!("no event at {position}")))?;
        let leaf = Leaf::new(logged.event.leaf()).map_err(Error::internal)?;
        let proof = self.with_hashes(|reader| inclusion_proof(reader, position, checkpoint.size())).await?;
        let proof = proof.map_err(|error| Error::internal(format!("no proof for {position}: {error:?}")))?;
        Entry::new(leaf, vec![logged.event.opening], position, proof, note).map_err(Error::internal)
    }

    /// The newest checkpoint, read from what the store itself has signed.
    pub(crate) async fn checkpoint(&self) -> Result<Checkpoint, Error> {
        checkpoint_of(&self.store.checkpoint().await?)
    }

    /// Proves that the log of one size is the beginning of the log of another.
    pub(crate) async fn prove_growth(&self, from: u64, to: u64) -> Result<Vec<Hash>, Error> {
        let proof = self.with_hashes(|reader| consistency_proof(reader, from, to)).await?;
        proof.map_err(|error| Error::internal(format!("no proof from {from} to {to}: {error:?}")))
    }

    /// The root of the log when it had this size.
    pub(crate) async fn root_at(&self, size: u64) -> Result<Hash, Error> {
        let tree = self.with_hashes(|reader| Tree::resume(size, reader).map_err(ProveError::Read)).await?;
        Ok(tree.map_err(|error| Error::internal(format!("no root at {size}: {error:?}")))?.root())
    }

    /// Runs something that reads hashes twice: once to learn which it needs, once with them at hand. Which
    /// hashes a proof takes depends on sizes alone, so the first run may see any values.
    async fn with_hashes<T>(
        &self,
        read: impl Fn(&Hashes) -> Result<T, ProveError<Missing>>,
    ) -> Result<Result<T, ProveError<Missing>>, Error> {
        let mut hashes = Hashes::default();
        let _ = read(&hashes);
        for (level, index) in hashes.wanted.take() {
            hashes.known.insert((level, index), self.store.hash(level, index).await?);
        }
        hashes.complete = true;
        Ok(read(&hashes))
    }

    pub(crate) async fn read_tile(&self, tile: Tile) -> Result<Answer, Error> {
        let checkpoint = self.checkpoint().await?;
        if !tile.is_within(checkpoint.size()) {
            return Err(Error::NotFound);
        }
        let members = tile.members();
        let bytes = match tile.kind() {
            TileKind::Entries => {
                let width = usize::from(tile.width());
                let events = self.store.events(members.start, width).await?;
                let leaves: Result<Vec<Leaf>, _> = events.iter().map(|e| Leaf::new(e.event.leaf())).collect();
                entry_bundle(&leaves.map_err(Error::internal)?)
            }
            TileKind::Hashes { level } => {
                let read =
                    |reader: &Hashes| hash_tile(reader, level, members.clone()).map_err(ProveError::Read);
                self.with_hashes(read).await?.map_err(|error| Error::internal(format!("{error:?}")))?
            }
        };
        Ok(Answer::Tile(bytes))
    }

    /// The position of the first event that was decided then or later. Events are in log order, and clocks of nodes differ
    /// little: an event near the border may lie on either side.
    pub(crate) async fn position_at(&self, at: Timestamp) -> Result<Position, Error> {
        let (mut before, mut after) = (0, self.checkpoint().await?.size());
        while before < after {
            let middle = before + (after - before) / 2;
            match self.store.events(middle, 1).await?.first() {
                Some(logged) if logged.event.at < at => before = middle + 1,
                Some(_) | None => after = middle,
            }
        }
        Ok(before)
    }

    pub(crate) async fn list_events(
        &self,
        permit: &Permit,
        mut next: Position,
        limit: usize,
    ) -> Result<Answer, Error> {
        // Read first: what comes meanwhile is the next page's.
        let size = self.checkpoint().await?.size();
        let mut found: Vec<Logged> = Vec::new();
        for _ in 0..LOOKED_AT.div_ceil(Page::LIMIT) {
            if next >= size || found.len() == limit {
                break;
            }
            for logged in self.store.events(next, Page::LIMIT).await? {
                next = logged.position + 1;
                if permit.covers_organization(logged.event.details.organization).is_ok() {
                    found.push(logged);
                }
                if found.len() == limit {
                    break;
                }
            }
        }
        Ok(Answer::Events(Events { found, next, is_last: next >= size }))
    }
}

/// The checkpoint in a note that this log has signed.
pub(crate) fn checkpoint_of(note: &str) -> Result<Checkpoint, Error> {
    let note: Note = note.parse().map_err(Error::internal)?;
    note.unverified_text().parse().map_err(Error::internal)
}

/// A hash that was not fetched.
#[derive(Debug)]
struct Missing;

/// Hashes at hand, and which were asked for.
#[derive(Default)]
struct Hashes {
    known: HashMap<(u8, u64), Hash>,
    wanted: RefCell<HashSet<(u8, u64)>>,
    complete: bool,
}

impl HashReader for Hashes {
    type Error = Missing;

    fn hash(&self, level: u8, index: u64) -> Result<Hash, Missing> {
        match self.known.get(&(level, index)) {
            Some(hash) => Ok(*hash),
            None if self.complete => Err(Missing),
            None => {
                self.wanted.borrow_mut().insert((level, index));
                Ok(Hash::EMPTY)
            }
        }
    }
}
