//! This file is about rotation: a successor first, then the end of the key before it.

use super::{Loaded, TRIES, Ties};
use crate::command::{Answer, Draft, Issue};
use crate::error::Error;
use crate::event::{Happened, Reason};
use crate::id::KeyId;
use crate::key::{Found, Key, Place};
use crate::keyward::{Environment, Keyward, Origin};
use crate::permit::Permit;
use crate::seal::SlotSecret;
use crate::secret::{Format, Label};
use crate::store::{CommitError, Position, Store};
use crate::verbs;

impl<S: Store, E: Environment> Keyward<S, E> {
    pub(crate) async fn rotate(
        &self,
        permit: &Permit,
        id: KeyId,
        overlap_seconds: u64,
        if_match: Option<u64>,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        for _ in 0..TRIES {
            let Loaded { key, secret } = self.open(permit, id).await?;
            self.may_change(permit, &key.head)?;
            permit.may_give(&key.traits.scopes)?;
            let is_recoverable = verbs::rotate::check(&key, overlap_seconds, if_match)?.recoverable.is_some();
            let issue = successor(&self.with_uses_left(key.clone()).await?, is_recoverable)?;
            let owner = (key.head.organization, key.head.account);
            if overlap_seconds > 0 && self.is_sole(&key.traits.scopes) {
                return Err(Error::invalid(
                    "overlap_seconds",
                    "0 where an account has one such key at a time",
                ));
            }
            let begun = self.succeed(permit, key.head.account, &issue.draft, Some(id), origin).await;
            let succession = match begun {
                Err(Error::Stale) if if_match.is_none() => continue,
                begun => begun?,
            };
            let ties = Ties { supersedes: succession.before, ..Ties::default() };
            let (new, new_secret) = self.create(Some(permit), owner, &issue, ties, origin).await?;
            // The answer is kept with the successor.
            let unkept = Origin { idempotency: None, ..origin.clone() };
            if overlap_seconds == 0 {
                self.end_sessions(id, Reason::Superseded, &unkept).await?;
            }
            match self.end_rotated(permit, key, &secret, overlap_seconds, &unkept).await {
                Ok(_) => {
                    if overlap_seconds == 0 {
                        self.end_last_sessions(id, Reason::Superseded, &unkept).await?;
                    }
                    return Ok(Answer::Issued(Box::new(new), new_secret));
                }
                // The old key changed meanwhile: its successor has rights that may just have been taken away.
                Err(CommitError::Stale) => {
                    self.remove_head(Some(permit), &new.head, Reason::Superseded, origin).await?;
                    if if_match.is_some() {
                        return Err(Error::Stale);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::changes_too_fast(&id))
    }

    /// Ends the key before a successor if a crash came before that. If the key has changed in between, that
    /// was decided by somebody who saw both, and stands.
    pub(crate) async fn finish_rotation(
        &self,
        permit: &Permit,
        id: KeyId,
        successor: &Key,
        overlap_seconds: u64,
        origin: &Origin,
    ) -> Result<(), Error> {
        let Some(stored) = self.store.fetch(id.id()).await? else { return Ok(()) };
        let Found::Live(sealed) = self.covered(permit, &stored)? else { return Ok(()) };
        let end = self.environment.now().plus_seconds(overlap_seconds);
        // It may have been winding down before; only an end that comes no later than this one will do.
        let ends_in_time = overlap_seconds > 0 && sealed.head.remove_at.is_some_and(|at| at <= end);
        if ends_in_time || successor.traits.supersedes != Some(id) {
            return Ok(());
        }
        let secret = self.slot_secret(&stored).await?;
        let origin = Origin { idempotency: None, ..origin.clone() };
        match self.end_rotated(permit, sealed.open(&secret)?, &secret, overlap_seconds, &origin).await {
            Ok(_) | Err(CommitError::Stale) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn end_rotated(
        &self,
        permit: &Permit,
        key: Key,
        secret: &SlotSecret,
        overlap_seconds: u64,
        origin: &Origin,
    ) -> Result<Position, CommitError> {
        let now = self.environment.now();
        if overlap_seconds > 0 {
            let key = verbs::rotate::wind_down(key, overlap_seconds, now);
            return self.commit_change(Some(permit), &key, secret, Happened::Updated, origin).await;
        }
        let tombstone = verbs::remove::remove(&key.head, Reason::Superseded, None, now);
        match tombstone {
            Ok(tombstone) => self.commit_removed(Some(permit), &key.head, &tombstone, origin).await,
            // It was checked before: only a change in between can have made it impossible.
            Err(_) => Err(CommitError::Stale),
        }
    }
}

/// What to issue in the place of a key.
fn successor(key: &Key, is_recoverable: bool) -> Result<Issue, Error> {
    // A key that was made elsewhere gets a successor of our own format.
    let own_prefix = match key.head.place {
        Place::Handle => key.head.handle.as_str().split('_').next(),
        Place::Digest(_) | Place::Parts | Place::Names | Place::Nowhere => None,
    };
    let prefix = Label::parse(own_prefix.unwrap_or("kw"));
    Ok(Issue {
        account: Some(key.head.account),
        format: Format::Keyward(prefix.ok_or_else(|| Error::internal("a handle without prefix"))?),
        environment: key.head.environment.clone(),
        protected: key.head.protected,
        recoverable: is_recoverable,
        numbered: false,
        draft: Draft::from(&key.traits),
    })
}
