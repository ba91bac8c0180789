//! This file is about what happens to keys by the hour: removals that are due, and notes of who used them.

use std::sync::PoisonError;

use crate::command::Answer;
use crate::error::Error;
use crate::event::Reason;
use crate::id::{Id, KeyId};
use crate::key::Found;
use crate::keyward::{Environment, Keyward, Origin};
use crate::permit::Permit;
use crate::record;
use crate::store::Store;
use crate::time::Timestamp;
use crate::usage::Usage;

impl<S: Store, E: Environment> Keyward<S, E> {
    /// Removes every key whose time for that has come; how many it was.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; what is left is done at the next call.
    pub async fn remove_due(&self) -> Result<usize, Error> {
        let (mut removed, mut outcome) = (0, Ok(()));
        for (at, id) in self.due_by(self.environment.now()) {
            // One that fails must not keep the others.
            match self.remove_at(at, id).await {
                Ok(was_due) => removed += usize::from(was_due),
                Err(error) => outcome = Err(error),
            }
        }
        outcome?;
        self.end_left_over().await?;
        let over = self.live.sessions(self.environment.now()).into_iter().filter(|(_, is_over)| *is_over);
        for (session, _) in over {
            if let Some(stored) = self.store.fetch(session.id()).await?
                && let Found::Live(sealed) = record::key::read(&stored.record)?
            {
                self.remove_head(None, &sealed.head, Reason::Retired, &Origin::default()).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Removes a key if this is still its time; whether it was.
    async fn remove_at(&self, at: Timestamp, id: KeyId) -> Result<bool, Error> {
        let mut was_due = false;
        if let Some(stored) = self.store.fetch(id.id()).await?
            && let Found::Live(sealed) = record::key::read(&stored.record)?
            && sealed.head.remove_at == Some(at)
        {
            let head = sealed.head;
            was_due = match self.remove_head(None, &head, head.remove_for, &Origin::default()).await {
                Ok(()) => true,
                // An earlier build let it be retired all the same. It is refused, and stays until its protection is taken.
                Err(Error::Protected) => false,
                Err(error) => return Err(error),
            };
        }
        self.due.lock().unwrap_or_else(PoisonError::into_inner).remove(&(at, id));
        Ok(was_due)
    }

    fn due_by(&self, now: Timestamp) -> Vec<(Timestamp, KeyId)> {
        let due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        due.iter().take_while(|(at, _)| *at <= now).copied().collect()
    }

    pub(crate) async fn read_usage(&self, permit: &Permit, id: KeyId) -> Result<Answer, Error> {
        let stored = self.fetch_key(permit, id).await?;
        self.covered(permit, &stored)?;
        Ok(Answer::Usage(Box::new(self.usage_of(id.id()).await?)))
    }

    pub(crate) async fn usage_of(&self, id: Id) -> Result<Usage, Error> {
        let mut usage = self.kept_usage_of(id).await?;
        if let Some(noted) = self.notes.of(id) {
            usage.merge(&noted);
        }
        Ok(usage)
    }

    async fn kept_usage_of(&self, id: Id) -> Result<Usage, Error> {
        Ok(self.store.noted(id).await?.map(|note| Usage::decode(&note)).unwrap_or_default())
    }

    /// Carries what was noted of the use of about so many keys to the store; of how many it was.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: these notes are lost.
    pub async fn keep_notes(&self, most: usize) -> Result<usize, Error> {
        let taken = self.notes.take(most);
        let mut notes = Vec::with_capacity(taken.len());
        for (id, noted) in taken {
            let mut usage = self.kept_usage_of(id).await?;
            usage.merge(&noted);
            notes.push((id, usage.encode()));
        }
        let kept = notes.len();
        if kept > 0 {
            self.store.note(notes).await?;
        }
        Ok(kept)
    }
}
