//! This file is about rotation: a successor first, then the end of the key before it.

use super::{Loaded, TRIES, Ties};
use crate::command::{Answer, Draft, Issue};
use crate::error::Error;
use crate::event::{Happened, Reason};
use crate::id::KeyId;
use crate::key::{Key, Place};
use crate::keyward::{Environment, Keyward, Origin};
use crate::permit::Permit;
use crate::seal::SlotSecret;
use crate::secret::{Format, Label, Secret};
use crate::store::{Change, CommitError, Position, Replay, Store};
use crate::verbs;

/// The key in the place of another.
struct Successor {
    key: Key,
    secret: Secret,
    /// What to keep of the answer that gives it out.
    answer: Option<Replay>,
}

impl<S: Store, E: Environment> Keyward<S, E> {
    pub(crate) async fn rotate(
        &self,
        permit: &Permit,
        id: KeyId,
        overlap_seconds: u64,
        if_match: Option<u64>,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        permit.may_end(id)?;
        let unkept = Origin { idempotency: None, ..origin.clone() };
        for _ in 0..TRIES {
            let Loaded { key, secret } = self.open(permit, id).await?;
            self.may_change(permit, &key.head)?;
            permit.may_give(&key.traits.scopes)?;
            let is_recoverable = verbs::rotate::check(&key, overlap_seconds, if_match)?.recoverable.is_some();
            let issue = successor(&self.with_uses_left(key.clone()).await?, is_recoverable)?;
            if overlap_seconds > 0 && self.is_sole(&key.traits.scopes) {
                return Err(Error::invalid(
                    "overlap_seconds",
                    "0 where an account has one such key at a time",
                ));
            }
            // Nobody else makes a sole key as long as this one is being replaced.
            let _succession =
                match self.succeed(permit, key.head.account, &issue.draft, Some(id), origin).await {
                    Err(Error::Stale) if if_match.is_none() => continue,
                    begun => begun?,
                };
            let new = self.successor_of(permit, &key, &issue, origin).await?;
            if overlap_seconds == 0 {
                self.end_sessions(id, None, Reason::Superseded, &unkept).await?;
            }
            match self.end_rotated(permit, key, &secret, overlap_seconds, new.answer, &unkept).await {
                Ok(_) => {
                    if overlap_seconds == 0 {
                        self.end_last_sessions(id, Reason::Superseded, &unkept).await?;
                    }
                    return Ok(Answer::Issued(Box::new(new.key), new.secret));
                }
                // The old key changed meanwhile: its successor has rights that may just have been taken away.
                Err(CommitError::Stale) => {
                    self.remove_head(Some(permit), &new.key.head, Reason::Superseded, &unkept).await?;
                    if if_match.is_some() {
                        return Err(Error::Stale);
                    }
                }
                // The same request came twice, and the other one was quicker: it may have given out another successor.
                Err(CommitError::AlreadyAnswered) => {
                    let given = self.kept(permit, origin).await?;
                    if !given.is_some_and(|given| given.is_about(new.key.head.id.id())) {
                        self.remove_head(Some(permit), &new.key.head, Reason::Superseded, &unkept).await?;
                    }
                    return Err(Error::IdempotencyMismatch);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::changes_too_fast(&id))
    }

    /// Makes the successor of a key as it is now; or finds the one that this very request has made before it was cut off.
    /// That is kept under a name of its own: the request is not answered while the old key lives as before.
    async fn successor_of(
        &self,
        permit: &Permit,
        old: &Key,
        issue: &Issue,
        origin: &Origin,
    ) -> Result<Successor, Error> {
        let owner = (old.head.organization, old.head.account);
        let ties = Ties { supersedes: Some(old.head.id), ..Ties::default() };
        let Some(idempotency) = &origin.idempotency else {
            let (key, secret) = self.create(Some(permit), owner, issue, ties, origin).await?;
            return Ok(Successor { key, secret, answer: None });
        };
        // One whose old key changed is removed; whoever asks again makes another, under the next name.
        let mut removed = 0;
        while removed < TRIES {
            let step = idempotency.step(&format!("{}/{removed}", old.head.version));
            let step = Origin { idempotency: Some(step), ..origin.clone() };
            match self.kept(permit, &step).await? {
                None => match self.create(Some(permit), owner, issue, ties, &step).await {
                    // Made now, or by the same request at the same time.
                    Ok(_) | Err(Error::IdempotencyMismatch) => {}
                    Err(error) => return Err(error),
                },
                Some(kept) => match self.answer_again(permit, &kept, origin).await {
                    Ok(Answer::Issued(key, secret)) => {
                        let answer = Some(kept.of(permit, idempotency, self.environment.now()));
                        return Ok(Successor { key: *key, secret, answer });
                    }
                    Err(Error::Gone(_)) => removed += 1,
                    Ok(_) => return Err(Error::internal("a successor that is no new key")),
                    Err(error) => return Err(error),
                },
            }
        }
        Err(Error::changes_too_fast(&old.head.id))
    }

    /// Ends the old key, and keeps the answer to the whole: it is true from here on.
    async fn end_rotated(
        &self,
        permit: &Permit,
        key: Key,
        secret: &SlotSecret,
        overlap_seconds: u64,
        answer: Option<Replay>,
        origin: &Origin,
    ) -> Result<Position, CommitError> {
        let now = self.environment.now();
        let change = if overlap_seconds > 0 {
            self.leaving.wait(key.head.id).await;
            let key = verbs::rotate::wind_down(key, overlap_seconds, now);
            self.alteration(Some(permit), &key, secret, Happened::Updated, origin)?
        } else {
            let tombstone = verbs::remove::remove(&key.head, Reason::Superseded, None, now)?;
            self.removal(Some(permit), &key.head, &tombstone, origin)?
        };
        self.commit(Change { replay: answer, ..change }, origin).await
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
