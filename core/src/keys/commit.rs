//! This file is about committing what was decided about a key: sealed, with its event, and with what is to happen
//! in memory once it is durable.

use std::sync::{Arc, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};

use crate::crypto::Crypto;
use crate::error::Error;
use crate::event::{Happened, Subject};
use crate::key::{Head, Key, Material, Tombstone};
use crate::keyward::{About, Environment, Keyward, Origin};
use crate::permit::Permit;
use crate::seal::SlotSecret;
use crate::secret::Secret;
use crate::store::{Apply, Change, CommitError, Position, SlotChange, Store};

impl<S: Store, E: Environment> Keyward<S, E> {
    pub(crate) async fn commit_new(
        &self,
        permit: Option<&Permit>,
        key: &Key,
        shown: Option<&Secret>,
        origin: &Origin,
    ) -> Result<Position, CommitError> {
        match self.commit(self.creation(permit, key, shown, origin)?, origin).await {
            // A re-rooting began meanwhile: there is a newer root by now.
            Err(CommitError::OldEpoch) => {
                self.commit(self.creation(permit, key, shown, origin)?, origin).await
            }
            done => done,
        }
    }

    /// The change that makes a key.
    fn creation(
        &self,
        permit: Option<&Permit>,
        key: &Key,
        shown: Option<&Secret>,
        origin: &Origin,
    ) -> Result<Change, Error> {
        let secret = SlotSecret::new(self.random());
        let record = key.to_record(&secret, self.random())?;
        let slot = self.roots.wrap(&secret, key.head.id.id(), self.random())?;
        let replay = self.replay_of_key(permit, &record, &key.head, &secret, shown, origin)?;
        let event = self.event(about(&key.head, came_to_be(key)), permit, origin);
        Ok(Change { record, slot: SlotChange::Fill(slot), event, replay, apply: self.admit(key) })
    }

    pub(crate) async fn commit_change(
        &self,
        permit: Option<&Permit>,
        key: &Key,
        secret: &SlotSecret,
        happened: Happened,
        origin: &Origin,
    ) -> Result<Position, CommitError> {
        self.leaving.wait(key.head.id).await;
        self.commit(self.alteration(permit, key, secret, happened, origin)?, origin).await
    }

    /// The change that makes a key what it is to be.
    pub(super) fn alteration(
        &self,
        permit: Option<&Permit>,
        key: &Key,
        secret: &SlotSecret,
        happened: Happened,
        origin: &Origin,
    ) -> Result<Change, Error> {
        let record = key.to_record(secret, self.random())?;
        let replay = self.replay_of_key(permit, &record, &key.head, secret, None, origin)?;
        let event = self.event(about(&key.head, happened), permit, origin);
        let apply = self.admit(key);
        Ok(Change { record, slot: SlotChange::Keep, event, replay, apply })
    }

    pub(crate) async fn commit_removed(
        &self,
        permit: Option<&Permit>,
        head: &Head,
        tombstone: &Tombstone,
        origin: &Origin,
    ) -> Result<Position, CommitError> {
        self.commit(self.removal(permit, head, tombstone, origin)?, origin).await
    }

    /// The change that ends a key.
    pub(super) fn removal(
        &self,
        permit: Option<&Permit>,
        head: &Head,
        tombstone: &Tombstone,
        origin: &Origin,
    ) -> Result<Change, Error> {
        let record = tombstone.to_record(head.lasting_names())?;
        let about = About { version: tombstone.version, ..about(head, Happened::Removed(tombstone.reason)) };
        let event = self.event(about, permit, origin);
        let (head, epochs) = (head.clone(), Arc::clone(&self.epochs));
        let apply = self.applied(head.organization, move |live| {
            epochs.count_removal();
            live.count_removed(head.organization, head.account, head.kind);
            live.end(&head)
        });
        Ok(Change { record, slot: SlotChange::Erase, event, replay: None, apply })
    }

    /// What lets a committed key be accepted as it is now.
    fn admit(&self, key: &Key) -> Apply {
        let (due, key) = (Arc::clone(&self.due), key.clone());
        let old = key.traits.supersedes.filter(|_| self.is_sole(&key.traits.scopes));
        let superseded = self.successions.superseded.clone();
        self.applied(key.head.organization, move |live| {
            if let Some(old) = old {
                superseded.know(old, key.head.id);
            }
            if let Some(at) = key.head.remove_at {
                due.lock().unwrap_or_else(PoisonError::into_inner).insert((at, key.head.id));
            }
            // A table that is full refuses the key everywhere: it fails closed.
            live.take_in(&key).unwrap_or_else(|_| live.end(&key.head))
        })
    }
}

/// How a new key came to be. What names it in the log names its public half too, if it has one.
fn came_to_be(key: &Key) -> Happened {
    let Material::Crypto(Crypto { public: Some(public), .. }) = &key.traits.material else {
        return Happened::Created;
    };
    let mut context = Context::new(&SHA256);
    context.update(b"keyward-public/v1\n");
    context.update(&key.head.salt);
    context.update(public);
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    Happened::CreatedWith(hash)
}

fn about(head: &Head, happened: Happened) -> About {
    About {
        subject: Subject::Key,
        happened,
        id: head.id.id(),
        organization: head.organization,
        version: head.version,
        salt: head.salt,
    }
}
