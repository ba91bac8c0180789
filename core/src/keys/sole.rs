//! This file is about sole keys: there are scopes of which an account has one key at a time. Whoever makes the next one
//! ends the one before.
//!
//! No unique name says who it is. One commit changes one record, so a name could pass on only if the old key went first,
//! and a crash in between would leave neither working. The new key comes first and says which one it *supersedes*. From
//! that commit on, that one is to go: the call that made the new key ends it before it answers, and where the call is
//! cut off, the next round or the next start does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::lock::{Mutex as Turns, MutexGuard as Turn};

use crate::command::Draft;
use crate::error::Error;
use crate::event::Reason;
use crate::id::{AccountId, KeyId};
use crate::key::{Found, Head, Key};
use crate::keyward::{Environment, Keyward, Origin};
use crate::pages::Pages;
use crate::permit::Permit;
use crate::record;
use crate::scope::Scopes;
use crate::store::{List, RecordKind, Store};

/// The keys that are to go because another one took their place, each with that other one.
#[derive(Clone, Default)]
pub(crate) struct Superseded(Arc<Mutex<BTreeMap<KeyId, KeyId>>>);

impl Superseded {
    fn keys(&self) -> MutexGuard<'_, BTreeMap<KeyId, KeyId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Knows that a key has taken the place of another one.
    pub(crate) fn know(&self, old: KeyId, new: KeyId) {
        self.keys().insert(old, new);
    }

    fn forget(&self, old: KeyId) {
        self.keys().remove(&old);
    }
}

/// Sole keys are made one after the other: of two at once, the second supersedes the first.
#[derive(Default)]
pub(crate) struct Successions {
    turns: Turns<()>,
    pub(crate) superseded: Superseded,
}

/// The turn of a call that makes a key; nobody else makes a sole one as long as it lives.
pub(crate) struct Succession<'a> {
    _turn: Option<Turn<'a, ()>>,
    /// The key that the new one is to take the place of.
    pub(crate) before: Option<KeyId>,
}

impl<S: Store, E: Environment> Keyward<S, E> {
    /// Whether a key with these scopes is the sole one of its account.
    pub(crate) fn is_sole(&self, scopes: &Scopes) -> bool {
        self.environment.sole_scopes().iter().any(|sole| scopes.has(sole))
    }

    /// Begins to make a key for an account: finds the one that it takes the place of. Where there are several, because
    /// they are older than this rule or came from another account, the others end here. [`Error::Stale`] if the one that is
    /// rotated is none of them any more.
    pub(crate) async fn succeed(
        &self,
        permit: &Permit,
        account: AccountId,
        draft: &Draft,
        rotated: Option<KeyId>,
        origin: &Origin,
    ) -> Result<Succession<'_>, Error> {
        if !self.is_sole(&draft.scopes) {
            return Ok(Succession { _turn: None, before: rotated });
        }
        // First: nothing ends for the sake of a key that cannot be.
        draft.check(self.environment.now())?;
        let turn = self.successions.turns.lock().await;
        let mut others = self.sole_keys(account, &draft.scopes).await?;
        // It may have ended before the turn came: then the others stay.
        if rotated.is_some_and(|rotated| others.iter().all(|head| head.id != rotated)) {
            return Err(Error::Stale);
        }
        others.retain(|head| Some(head.id) != rotated);
        if others.iter().any(|head| head.protected) {
            return Err(Error::Protected);
        }
        let before = rotated.or_else(|| others.pop().map(|head| head.id));
        let unkept = Origin { idempotency: None, ..origin.clone() };
        for head in others {
            self.remove_head(Some(permit), &head, Reason::Superseded, &unkept).await?;
        }
        Ok(Succession { _turn: Some(turn), before })
    }

    /// The account's keys that have a sole scope of these, oldest first.
    async fn sole_keys(&self, account: AccountId, scopes: &Scopes) -> Result<Vec<Head>, Error> {
        let list = List { kind: RecordKind::Key, owner: account.id() };
        let (mut pages, mut found) = (Pages::of(&self.store, list), Vec::new());
        while let Some(page) = pages.next().await? {
            for stored in page {
                let Found::Live(sealed) = record::key::read(&stored.record)? else { continue };
                // Restored without its slot, it opens nothing.
                if stored.slot.is_none() || !sealed.head.is_api_key() {
                    continue;
                }
                let key = sealed.open(&self.slot_secret(&stored).await?)?;
                let is_shared = |sole: &&str| scopes.has(sole) && key.traits.scopes.has(sole);
                if self.environment.sole_scopes().iter().any(is_shared) {
                    found.push(key.head);
                }
            }
        }
        Ok(found)
    }

    /// Ends what the key of a succession took the place of.
    pub(crate) async fn end_before(
        &self,
        permit: &Permit,
        succession: Succession<'_>,
        origin: &Origin,
    ) -> Result<(), Error> {
        match (&succession._turn, succession.before) {
            (Some(_), Some(before)) => self.end_superseded(Some(permit), before, origin).await,
            (None, _) | (_, None) => Ok(()),
        }
    }

    /// Ends what this key took the place of, where the call that made it was cut off or is still about it.
    pub(crate) async fn finish_succession(
        &self,
        permit: &Permit,
        new: &Key,
        origin: &Origin,
    ) -> Result<(), Error> {
        let Some(old) = new.traits.supersedes.filter(|_| self.is_sole(&new.traits.scopes)) else {
            return Ok(());
        };
        let _turn = self.successions.turns.lock().await;
        if self.successions.superseded.keys().contains_key(&old) {
            self.end_superseded(Some(permit), old, origin).await?;
        }
        Ok(())
    }

    /// Ends every key whose place was taken by a call that was cut off.
    pub(crate) async fn end_left_over(&self) -> Result<(), Error> {
        // Whoever has the turn ends theirs.
        let Some(_turn) = self.successions.turns.try_lock() else { return Ok(()) };
        let left: Vec<(KeyId, KeyId)> =
            self.successions.superseded.keys().iter().map(|(old, new)| (*old, *new)).collect();
        for (old, new) in left {
            if self.lives(new).await? {
                self.end_superseded(None, old, &Origin::default()).await?;
            } else {
                self.successions.superseded.forget(old);
            }
        }
        Ok(())
    }

    async fn lives(&self, key: KeyId) -> Result<bool, Error> {
        let Some(stored) = self.store.fetch(key.id()).await? else { return Ok(false) };
        Ok(matches!(record::key::read(&stored.record)?, Found::Live(_)))
    }

    async fn end_superseded(
        &self,
        permit: Option<&Permit>,
        old: KeyId,
        origin: &Origin,
    ) -> Result<(), Error> {
        if let Some(stored) = self.store.fetch(old.id()).await? {
            match record::key::read(&stored.record)? {
                // Rotated with an overlap before there was this rule: it ends when that was promised.
                Found::Live(sealed)
                    if sealed.head.remove_at.is_some() && sealed.head.remove_for == Reason::Superseded => {}
                Found::Live(sealed) => {
                    // It was decided with the other key's commit: who protects it now comes too late.
                    let head = Head { protected: false, ..sealed.head };
                    let unkept = Origin { idempotency: None, ..origin.clone() };
                    self.remove_head(permit, &head, Reason::Superseded, &unkept).await?;
                }
                Found::Removed(tombstone) => {
                    self.in_force(tombstone.organization, stored.position, origin).await;
                }
            }
        }
        self.successions.superseded.forget(old);
        Ok(())
    }

    /// Judges new scopes of a key that is there: none makes it a sole one, which is for a new key to become.
    pub(crate) fn stays_as_sole_as_it_is(&self, key: &Key, scopes: Option<&Scopes>) -> Result<(), Error> {
        let becomes = |scopes: &Scopes| {
            self.environment.sole_scopes().iter().any(|sole| scopes.has(sole) && !key.traits.scopes.has(sole))
        };
        if scopes.is_some_and(becomes) {
            return Err(Error::invalid(
                "scopes",
                "given to a new key, where an account has one such key at a time",
            ));
        }
        Ok(())
    }
}
