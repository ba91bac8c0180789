//! This file is about order: which change may happen, and which place in the log it gets.
//!
//! Pure, and shared by every store that decides by itself. A batch of changes is judged one by one: the caller
//! makes each accepted change visible in its [`State`] before it asks for the next, so each is judged against
//! everything before it, and the whole batch gets one signed checkpoint.

use keyward_core::id::{Id, KeyId};
use keyward_core::seal::SealError;
use keyward_core::store::{Change, CommitError, Name, Position, Record, SlotChange};
use keyward_core::time::Timestamp;
use keyward_log::{Checkpoint, Hash, HashReader, Signer, StoredHash, Tree};

/// What a change is judged against: everything that was committed or accepted before it.
pub(crate) trait State {
    /// The version of a record; `None` where there is none.
    fn version(&self, id: Id) -> Result<Option<u64>, CommitError>;
    /// The record that holds a name.
    fn holder(&self, name: Name) -> Result<Option<Id>, CommitError>;
    /// Whether an answer is kept under this id that has not expired.
    fn is_answered(&self, id: &[u8; 32], now: Timestamp) -> Result<bool, CommitError>;
}

/// What a change asks for: as much of it as the judgement needs.
#[derive(Clone, Copy)]
pub(crate) struct Claim<'a> {
    /// The record.
    pub(crate) id: Id,
    /// The version that it is to have.
    pub(crate) version: u64,
    /// The names that it is to hold.
    pub(crate) names: &'a [Name],
    /// Under which id its answer is to be kept.
    pub(crate) replay: Option<&'a [u8; 32]>,
    /// When it was decided: what expired before is forgotten.
    pub(crate) at: Timestamp,
}

impl<'a> Claim<'a> {
    /// What this change asks for.
    pub(crate) fn of(change: &'a Change) -> Self {
        Self {
            id: change.record.id,
            version: change.record.version,
            names: &change.record.names,
            replay: change.replay.as_ref().map(|replay| &replay.id),
            at: change.event.at,
        }
    }

    /// Whether it may happen. A kept answer is looked for first: whoever repeats a request that was done must
    /// learn that, and not that the record has changed since.
    pub(crate) fn judge(&self, state: &impl State) -> Result<(), CommitError> {
        if let Some(id) = self.replay
            && state.is_answered(id, self.at)?
        {
            return Err(CommitError::AlreadyAnswered);
        }
        let expected = self.version.checked_sub(1).ok_or(CommitError::Stale)?;
        if state.version(self.id)?.unwrap_or(0) != expected {
            return Err(CommitError::Stale);
        }
        for name in self.names {
            if state.holder(*name)?.is_some_and(|holder| holder != self.id) {
                return Err(CommitError::NameTaken(*name));
            }
        }
        Ok(())
    }
}

/// Refuses what no store can keep, before anything else is looked at.
pub(crate) fn refuse_oversized(record: &Record) -> Result<(), CommitError> {
    let limit = usize::from(u16::MAX);
    if record.body.len() > Record::BODY_LIMIT {
        return Err(CommitError::TooLarge);
    }
    if record.names.len() > limit || record.lists.len() > limit {
        return Err(CommitError::NotWritten("the record has too many names or lists".to_owned()));
    }
    Ok(())
}

/// Refuses a slot whose root is being replaced: whoever walks over the slots may have passed it by.
pub(crate) fn refuse_old_epoch(slot: &SlotChange, epoch: u32) -> Result<(), CommitError> {
    match slot {
        SlotChange::Fill(slot) if slot.epoch() < epoch => Err(CommitError::OldEpoch),
        SlotChange::Fill(_) | SlotChange::Keep | SlotChange::Erase => Ok(()),
    }
}

/// Why a slot stays as it is.
pub(crate) fn unopened(id: Id, error: SealError) -> CommitError {
    let (id, remedy) = (KeyId::from(id), "restore it from a copy of the slots, or remove the key");
    CommitError::NotWritten(format!("the slot of {id} {error}; {remedy}"))
}

/// What is in `from` and not in `without`. Both have a handful of entries.
pub(crate) fn difference<'a, T: PartialEq>(from: &'a [T], without: &'a [T]) -> impl Iterator<Item = &'a T> {
    from.iter().filter(|entry| !without.contains(entry))
}

/// The end of the log: gives places, and signs what it has given.
#[derive(Debug)]
pub(crate) struct Sequencer {
    tree: Tree,
    signer: Signer,
}

impl Sequencer {
    /// The sequencer of a new log.
    pub(crate) fn new(signer: Signer) -> Self {
        Self { tree: Tree::new(), signer }
    }

    /// The sequencer of a log of this size.
    pub(crate) fn resume<R: HashReader>(size: u64, hashes: &R, signer: Signer) -> Result<Self, R::Error> {
        Ok(Self { tree: Tree::resume(size, hashes)?, signer })
    }

    /// The signer again, and the checkpoint of a new log that it has signed.
    pub(crate) fn begin(signer: Signer) -> Result<(Signer, String), CommitError> {
        let new = Self::new(signer);
        let checkpoint = new.checkpoint()?;
        Ok((new.signer, checkpoint))
    }

    /// How long the log is.
    pub(crate) fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The root over all of it.
    pub(crate) fn root(&self) -> Hash {
        self.tree.root()
    }

    /// Gives a leaf its place, and the hashes above level 0 that it completed.
    pub(crate) fn place(&mut self, leaf: Hash) -> (Position, Vec<StoredHash>) {
        let position = self.tree.size();
        (position, self.tree.append(leaf))
    }

    /// The tree as it is now, to come back to with [`Sequencer::rewind`] if the batch is not written.
    pub(crate) fn mark(&self) -> Tree {
        self.tree.clone()
    }

    /// Takes back every place given since the mark. Nothing of it may have been signed *and written*.
    pub(crate) fn rewind(&mut self, mark: Tree) {
        self.tree = mark;
    }

    /// The checkpoint over everything that has a place, as a signed note.
    pub(crate) fn checkpoint(&self) -> Result<String, CommitError> {
        Checkpoint::new(origin(&self.signer), self.tree.size(), self.tree.root())
            .and_then(|checkpoint| Ok(checkpoint.sign(&self.signer)?))
            .map(|note| note.to_string())
            .map_err(|error| CommitError::NotWritten(format!("the checkpoint cannot be signed: {error}")))
    }
}

/// The log's identity: the name of the key that signs it (C2SP tlog-checkpoint recommends that they are one).
pub(crate) fn origin(signer: &Signer) -> String {
    signer.verifier_key().name().to_string()
}

#[cfg(test)]
mod tests;
