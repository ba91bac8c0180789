//! This file is about removing single keys, and with them the sessions that they opened.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use event_listener::Event as Bell;
use zeroize::Zeroizing;

use crate::command::{Answer, Ending, Named, Removed};
use crate::error::Error;
use crate::event::Reason;
use crate::id::KeyId;
use crate::key::{Found, Head, Tombstone};
use crate::keyward::{Environment, Keyward, Origin};
use crate::permit::{Caller, Permit};
use crate::record;
use crate::store::{CommitError, List, Position, RecordKind, Store};
use crate::verbs;

/// The keys that are being removed. Other changes wait for that: whoever may change a key could otherwise keep it by doing so
/// without a pause.
#[derive(Default)]
pub(crate) struct Leaving {
    keys: Mutex<HashMap<KeyId, usize>>,
    /// Rings when a key is not being removed any more.
    done: Bell,
}

/// Says that keys are being removed, for as long as it lives.
pub(super) struct Mark<'a>(&'a Leaving, Vec<KeyId>);

impl Leaving {
    /// How often a removal starts over: changes that began before it may still come first, each once.
    const TRIES: usize = 1024;

    fn keys(&self) -> MutexGuard<'_, HashMap<KeyId, usize>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn mark(&self, leaving: Vec<KeyId>) -> Mark<'_> {
        let mut keys = self.keys();
        leaving.iter().for_each(|key| *keys.entry(*key).or_default() += 1);
        drop(keys);
        Mark(self, leaving)
    }

    /// Waits as long as a key is being removed.
    pub(crate) async fn wait(&self, key: KeyId) {
        while self.keys().contains_key(&key) {
            let done = self.done.listen();
            if self.keys().contains_key(&key) {
                done.await;
            }
        }
    }
}

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        let mut keys = self.0.keys();
        for key in &self.1 {
            if let Some(count) = keys.get_mut(key) {
                *count -= 1;
                if *count == 0 {
                    keys.remove(key);
                }
            }
        }
        drop(keys);
        // Who waits for another key looks and waits on.
        self.0.done.notify(usize::MAX);
    }
}

impl<S: Store, E: Environment> Keyward<S, E> {
    /// Removes a key.
    pub(crate) async fn remove(
        &self,
        permit: &Permit,
        named: &Named,
        ending: Ending,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        let (tombstone, position, again) = self.end(permit, named, ending, origin).await?;
        let receipt = match ending.prove {
            true => Some(self.prove(&self.events_of(&tombstone, position).await?).await?),
            false => None,
        };
        Ok(Answer::Removed(Box::new(Removed { tombstone, again, receipt })))
    }

    /// Says whether a key is there that the caller would be told of if they might remove it.
    pub(crate) async fn has_key(
        &self,
        permit: &Permit,
        secret: Zeroizing<String>,
        is_ours: fn(&Caller, &Head) -> bool,
    ) -> Result<Answer, Error> {
        let found = async {
            let id = self.named(permit, &Named::Secret(secret)).await?;
            let stored = self.fetch_key(permit, id).await?;
            self.covered(permit, &stored)
        };
        Ok(Answer::HasKey(match found.await {
            Ok(Found::Live(sealed)) => is_ours(permit.caller(), &sealed.head),
            Ok(Found::Removed(_)) | Err(Error::NotFound) => false,
            Err(error) => return Err(error),
        }))
    }

    /// Removes a key; what is left of it, where the log says so, and whether it had been removed before.
    async fn end(
        &self,
        permit: &Permit,
        named: &Named,
        ending: Ending,
        origin: &Origin,
    ) -> Result<(Tombstone, Position, bool), Error> {
        let Ending { reason, if_match, end_sessions, .. } = ending;
        let id = self.named(permit, named).await?;
        let _leaving = if_match.is_none().then(|| self.leaving.mark(vec![id]));
        for _ in 0..Leaving::TRIES {
            let stored = self.fetch_key(permit, id).await?;
            let head = match self.covered(permit, &stored)? {
                // Removing twice is no error: the same answer, the same receipt, and no earlier than the first.
                Found::Removed(tombstone) => {
                    self.in_force(tombstone.organization, stored.position, origin).await;
                    return Ok((tombstone, stored.position, true));
                }
                Found::Live(sealed) => sealed.head,
            };
            if !(ending.is_ours)(permit.caller(), &head) {
                return Err(Error::NotFound);
            }
            self.may_change(permit, &head)?;
            let tombstone = verbs::remove::remove(&head, reason, if_match, self.environment.now())?;
            if end_sessions {
                // First: should it be cut off in between, the key is still there to be removed again.
                self.end_sessions(id, None, reason, origin).await?;
            }
            match self.commit_removed(Some(permit), &head, &tombstone, origin).await {
                Ok(position) => {
                    if end_sessions {
                        self.end_last_sessions(id, reason, origin).await?;
                    }
                    return Ok((tombstone, position, false));
                }
                Err(CommitError::Stale) if if_match.is_none() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::changes_too_fast(&id))
    }

    /// Removes the sessions that a key opened, but one that is spared; how many it was.
    pub(crate) async fn end_sessions(
        &self,
        parent: KeyId,
        spared: Option<KeyId>,
        reason: Reason,
        origin: &Origin,
    ) -> Result<u64, Error> {
        if !self.live.has_sessions(parent) {
            return Ok(0);
        }
        let sessions = List { kind: RecordKind::Key, owner: parent.id() };
        // A session opens none itself, so this goes no deeper.
        Box::pin(self.sweep_now(sessions, spared, reason, origin)).await
    }

    /// The same once the key is removed: somebody may have signed in with it until then, and nobody can any more.
    pub(crate) async fn end_last_sessions(
        &self,
        parent: KeyId,
        reason: Reason,
        origin: &Origin,
    ) -> Result<(), Error> {
        self.end_sessions(parent, None, reason, origin).await?;
        self.live.forget_sessions(parent);
        Ok(())
    }

    /// Removes a key whose head is at hand, whatever happens to it meanwhile, and the sessions that it opened.
    pub(crate) async fn remove_head(
        &self,
        permit: Option<&Permit>,
        head: &Head,
        reason: Reason,
        origin: &Origin,
    ) -> Result<(), Error> {
        let id = head.id;
        self.end_sessions(id, None, reason, origin).await?;
        self.end_head(permit, head.clone(), reason, origin).await?;
        self.end_last_sessions(id, reason, origin).await
    }

    async fn end_head(
        &self,
        permit: Option<&Permit>,
        mut head: Head,
        reason: Reason,
        origin: &Origin,
    ) -> Result<(), Error> {
        let _leaving = self.leaving.mark(vec![head.id]);
        for _ in 0..Leaving::TRIES {
            let tombstone = verbs::remove::remove(&head, reason, None, self.environment.now())?;
            match self.commit_removed(permit, &head, &tombstone, origin).await {
                Ok(_) => return Ok(()),
                Err(CommitError::Stale) => {}
                Err(error) => return Err(error.into()),
            }
            let Some(stored) = self.store.fetch(head.id.id()).await? else { return Ok(()) };
            match record::key::read(&stored.record)? {
                Found::Live(sealed) => head = sealed.head,
                Found::Removed(tombstone) => {
                    self.in_force(tombstone.organization, stored.position, origin).await;
                    return Ok(());
                }
            }
        }
        Err(Error::changes_too_fast(&head.id))
    }
}
