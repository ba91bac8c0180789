//! This file is about the store's contract: where records, slots and the log live, and what is durable when.
//!
//! The waist is narrow on purpose. A store knows no keys, accounts or secrets: it holds *records* (an id, a
//! version, sealed bytes), the *names* that no two live records may share, the *lists* that records stand in,
//! one 64-byte *slot* a record, and the *log*. Whoever implements it promises the whole of this file; the
//! conformance suite of the `store` crate holds every implementation to it.
//!
//! Nothing here assumes one process or one writer: `commit` is a compare-and-swap on the record's version and
//! on the names, the order of events is the store's to give, and a commit may turn out to have been decided by
//! another node (`docs/storage.md` says how several nodes keep this contract on `PostgreSQL`).

use std::future::Future;
use std::sync::Arc;

use crate::event::Event;
use crate::id::Id;
use crate::seal::{SealError, WrappedSlot};
use crate::time::Timestamp;

/// A place in the log: the index of one event, counted from 0.
pub type Position = u64;

/// What kind of thing a record holds; part of the lists that it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum RecordKind {
    /// An organization.
    Organization = 1,
    /// An account.
    Account = 2,
    /// A key, live or removed.
    Key = 3,
    /// A removal of many keys.
    Removal = 4,
    /// Something that a key opens.
    Resource = 5,
    /// An epoch: the time of one root.
    Epoch = 6,
    /// The reign of one server over the log.
    Term = 7,
    /// How events reached every verifier.
    Enforcement = 8,
    /// A removed key, as a list holds it: its record is a key's. Who lists what lives walks by none of them.
    Tombstone = 9,
}

/// A list of records in the order of their ids, oldest first: all of one kind under one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct List {
    /// What the list holds.
    pub kind: RecordKind,
    /// Whose list it is: an organization's or an account's id, or [`List::EVERYONE`].
    pub owner: Id,
}

impl List {
    /// The owner of lists that belong to nobody: all organizations, all epochs, all unfinished removals.
    pub const EVERYONE: Id = Id::from_bits(0);
}

/// A keyed hash of something that at most one live record may claim: a handle, a login name, a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(pub [u8; 16]);

impl Name {
    /// Its first 64 bits.
    #[must_use]
    pub fn bits(&self) -> u64 {
        self.0.first_chunk().map_or(0, |bits| u64::from_le_bytes(*bits))
    }
}

/// One record, as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its id, for ever: ids are never used twice.
    pub id: Id,
    /// What it holds.
    pub kind: RecordKind,
    /// 1 at creation, then one more at every commit.
    pub version: u64,
    /// What core wrote: sealed where it is secret, opaque to the store; at most [`Record::BODY_LIMIT`] bytes.
    pub body: Vec<u8>,
    /// Every name that it holds; a name is free again as soon as no record holds it.
    pub names: Vec<Name>,
    /// Every list that it stands in.
    pub lists: Vec<List>,
}

impl Record {
    /// The longest body, in bytes.
    pub const BODY_LIMIT: usize = 64 * 1024;
}

/// A record as it was read.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The record.
    pub record: Record,
    /// Where the log says how it came to this version.
    pub position: Position,
    /// Its slot, still wrapped; `None` where it never had one or it was erased.
    pub slot: Option<WrappedSlot>,
}

/// What a commit does to the record's slot.
#[derive(Clone, Debug)]
pub enum SlotChange {
    /// Leaves it as it is.
    Keep,
    /// Writes a new one. Durable before the record is; a slot whose commit failed is overwritten.
    Fill(WrappedSlot),
    /// Overwrites it. Begins after the commit is durable and is finished by the store, across restarts: a
    /// removed record's slot is erased within seconds, or at the latest while the store opens.
    Erase,
}

/// The answer to a request that carried an idempotency key, kept so that a repeat gets the same answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// A hash of caller and idempotency key.
    pub id: [u8; 32],
    /// A hash of the request, so that another request under the same key is noticed.
    pub request: [u8; 32],
    /// The answer, sealed where it is secret.
    pub answer: Vec<u8>,
    /// When it may be forgotten.
    pub expires_at: Timestamp,
}

/// What is done in memory when a commit has become durable. The store runs it exactly once if the commit
/// happened, never otherwise; in log order over all commits of this node; before [`Store::commit`] returns.
pub type Apply = Box<dyn FnOnce(Position) + Send>;

/// Wraps a record's slot anew, under another root.
pub type Rewrap = Arc<dyn Fn(Id, &WrappedSlot) -> Result<WrappedSlot, SealError> + Send + Sync>;

/// One change: one record, one event.
pub struct Change {
    /// The record as it is to be. Its version is one above the version that must be there now; version 1
    /// means that no record of this id may be there.
    pub record: Record,
    /// What happens to its slot.
    pub slot: SlotChange,
    /// What is written down about it.
    pub event: Event,
    /// The answer to keep, if the caller asked for that.
    pub replay: Option<Replay>,
    /// What to do in memory.
    pub apply: Apply,
}

/// Why a commit was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The record is not at the expected version, or is there and should not be. Nothing was written.
    #[error("the record has changed")]
    Stale,
    /// Another live record holds this name. Nothing was written.
    #[error("a name is taken")]
    NameTaken(Name),
    /// An answer is already kept under this id. Nothing was written.
    #[error("the request was already answered")]
    AlreadyAnswered,
    /// The slot is of an epoch that is over, see [`Store::rewrap`]. Nothing was written.
    #[error("the slot is wrapped under a root that is being replaced")]
    OldEpoch,
    /// The record's body is longer than [`Record::BODY_LIMIT`]. Nothing was written.
    #[error("the record is too large")]
    TooLarge,
    /// The store cannot take it; nothing was written, and a retry may succeed.
    #[error("the store did not take the change: {0}")]
    NotWritten(String),
    /// The store does not know whether it was written: read before you act again. Where a sync failed the
    /// store has stopped taking commits, because what a failed sync left behind cannot be known.
    #[error("the store does not know whether the change was written: {0}")]
    MayBeWritten(String),
}

/// Why a read failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The medium did not answer; a retry may succeed.
    #[error("the store did not answer: {0}")]
    Unavailable(String),
    /// Something was read that nobody wrote: which file, and what to do.
    #[error("the store is damaged: {0}")]
    Damaged(String),
}

/// Nothing is committed by whoever could not read what it is judged by.
impl From<ReadError> for CommitError {
    fn from(error: ReadError) -> Self {
        Self::NotWritten(error.to_string())
    }
}

/// Draws on a counter that has a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spend {
    /// Whose counter.
    pub id: Id,
    /// How much to draw.
    pub cost: u64,
    /// How much there is in all.
    pub limit: u64,
}

/// A backup that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The name of the file with everything but the slots, in the folder for backups.
    pub file: String,
    /// How many records are in it.
    pub records: u64,
    /// How many events.
    pub events: u64,
    /// The slots, if they are copied as well.
    pub slots: Option<SlotCopy>,
}

/// A copy of the slots that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotCopy {
    /// The name of its file, in the folder for slots.
    pub file: String,
    /// How many slots are in it.
    pub slots: u64,
}

/// One event of the log, in clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Its place.
    pub position: Position,
    /// What happened.
    pub event: Event,
}

/// Where records, slots and the log live. See the module's page for what every implementation owes.
pub trait Store: Send + Sync + 'static {
    /// The newest committed version of a record, removed ones included. A read that begins after a commit
    /// returned sees that commit.
    ///
    /// # Errors
    /// [`ReadError`].
    fn fetch(&self, id: Id) -> impl Future<Output = Result<Option<Stored>, ReadError>> + Send;

    /// The record that holds a name now. As fresh as [`Store::fetch`].
    ///
    /// # Errors
    /// [`ReadError`].
    fn holder(&self, name: Name) -> impl Future<Output = Result<Option<Id>, ReadError>> + Send;

    /// At most `limit` records of a list whose ids come after `after`, in order. Each record is as fresh as
    /// [`Store::fetch`] would give it; the page as a whole is not one moment: a record that enters or leaves
    /// the list meanwhile may be missing or there.
    ///
    /// # Errors
    /// [`ReadError`].
    fn page(
        &self,
        list: List,
        after: Option<Id>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Stored>, ReadError>> + Send;

    /// Visits every record of a kind, as of some moment during the call, from several threads at once: how a
    /// node learns at start-up what it is to accept. The visitor must be quick; slots are read in bulk.
    ///
    /// # Errors
    /// [`ReadError`].
    fn scan(
        &self,
        kind: RecordKind,
        visit: &(dyn Fn(Stored) + Sync),
    ) -> impl Future<Output = Result<(), ReadError>> + Send;

    /// Does one change, wholly or not at all: the record at its new version, its names and lists, the event
    /// at the end of the log under a new signed checkpoint, and the kept answer. When it returns `Ok`, all of
    /// that survives power loss, [`Change::apply`] has run, and the position is the event's for ever. Changes
    /// that arrive together may share one sync, but each is judged alone.
    ///
    /// # Errors
    /// [`CommitError`]; all but [`CommitError::MayBeWritten`] mean that nothing was written.
    fn commit(&self, change: Change) -> impl Future<Output = Result<Position, CommitError>> + Send;

    /// Does many changes in this order, each as [`Store::commit`] does one: judged alone, wholly or not at all; what became of
    /// each, in the same order. They are no unit: some may be refused, and a crash may leave the first of them. What they may
    /// share is work.
    fn commit_many(
        &self,
        changes: Vec<Change>,
    ) -> impl Future<Output = Vec<Result<Position, CommitError>>> + Send {
        async move {
            let mut done = Vec::with_capacity(changes.len());
            for change in changes {
                done.push(self.commit(change).await);
            }
            done
        }
    }

    /// Replaces every slot of an epoch before this one by what `rewrap` makes of it, while commits go on; how many
    /// it were. From when it begins no commit fills a slot of an older epoch ([`CommitError::OldEpoch`]). What is
    /// erased meanwhile stays erased. Whenever the store is cut off, each slot is the old one or the new one, whole.
    /// When it returns `Ok`, no slot of an older epoch is in use, and that survives power loss.
    ///
    /// # Errors
    /// [`CommitError::NotWritten`] and [`CommitError::MayBeWritten`]: some slots may be replaced and others not, or a
    /// slot that is in use, of whatever epoch it says that it is, is not what `rewrap` can open. It can be called again.
    fn rewrap(&self, epoch: u32, rewrap: Rewrap) -> impl Future<Output = Result<u64, CommitError>> + Send;

    /// Draws `cost` from a counter if no more than `limit` would then be drawn in all; answers how much is
    /// left, or `None` if it would be too much. Durable when it returns; two draws never share what is left.
    ///
    /// # Errors
    /// [`CommitError::NotWritten`] and [`CommitError::MayBeWritten`].
    fn spend(&self, spend: Spend) -> impl Future<Output = Result<Option<u64>, CommitError>> + Send;

    /// Keeps a note beside each of these ids, in place of the note that was there: what is worth keeping and
    /// no harm to lose (who used a key when). Readable at once, durable within seconds, in no log.
    ///
    /// # Errors
    /// [`CommitError::NotWritten`].
    fn note(&self, notes: Vec<(Id, Vec<u8>)>) -> impl Future<Output = Result<(), CommitError>> + Send;

    /// The note beside an id.
    ///
    /// # Errors
    /// [`ReadError`].
    fn noted(&self, id: Id) -> impl Future<Output = Result<Option<Vec<u8>>, ReadError>> + Send;

    /// The answer kept under an id, unless it has expired by `now`.
    ///
    /// # Errors
    /// [`ReadError`].
    fn replay(
        &self,
        id: [u8; 32],
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Replay>, ReadError>> + Send;

    /// At most `limit` events from position `from` on, in order, without gaps: as far as commits have
    /// returned, and perhaps further.
    ///
    /// # Errors
    /// [`ReadError`].
    fn events(
        &self,
        from: Position,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Logged>, ReadError>> + Send;

    /// The key that checkpoints are signed with, for whoever is to check one.
    fn log_key(&self) -> keyward_log::VerifierKey;

    /// The newest signed checkpoint, as a signed note; every commit that has returned is under it.
    ///
    /// # Errors
    /// [`ReadError`].
    fn checkpoint(&self) -> impl Future<Output = Result<String, ReadError>> + Send;

    /// Takes no commit any more: somebody has a checkpoint, signed with the log's key, of more than is here, or of something else.
    /// The store was put back, and removals are missing in it. Where it has an anchor, it knows that when it opens again.
    ///
    /// # Errors
    /// [`CommitError::NotWritten`]: it takes no commit, but may know nothing of it when it opens again.
    fn lock(&self, proof: String) -> impl Future<Output = Result<(), CommitError>> + Send;

    /// Writes a backup of one moment, named for `at`, to where whoever runs the store keeps them, while commits go on. `None`:
    /// there is no such place, it is backed up by other means.
    ///
    /// # Errors
    /// [`ReadError`] if the store cannot be read, or the backup not be written: no file that is not whole has the name of one.
    fn back_up(&self, at: Timestamp) -> impl Future<Output = Result<Option<Backup>, ReadError>> + Send;

    /// A stored hash of the log's tree: level 0 are the leaves, level `n` the roots of full tiles below.
    /// Present for every subtree that is full under [`Store::checkpoint`].
    ///
    /// # Errors
    /// [`ReadError`]; [`ReadError::Damaged`] if it should be there and is not.
    fn hash(
        &self,
        level: u8,
        index: u64,
    ) -> impl Future<Output = Result<keyward_log::Hash, ReadError>> + Send;
}
