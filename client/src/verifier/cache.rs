//! This file is about the cache of a verifier that keeps only what is used, and about asking the server for the rest.
//!
//! A lookup goes out on the stream of changes and its answer comes back between them, so what is kept and what has ended
//! are in one order. Its answer serves only the verify that asked: one that begins later may begin after a removal.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyward_verifier::frame::{Answer, Change, KeyRow, Lookup};
use keyward_verifier::lease::Position;
use keyward_verifier::{Fingerprint, Hot, Place, Row};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::clock::{ServerClock, Time};
use super::judge::{Needs, Verdict};
use super::replica::{Profile, Replica, digest_of, judge, place_in};
use super::{Removed, now};
use crate::id::Id;
use crate::wire::Refusal;

/// How many lookups may be on their way, and how many more may wait for that.
const OPEN: usize = 1024;
/// How long a lookup may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The keys that were used lately.
pub(super) struct Cache {
    hot: Mutex<Hot<Kept>>,
    questions: mpsc::Sender<Question>,
}

/// A key, and what it shares with others.
#[derive(Clone)]
struct Kept {
    row: Row,
    profile: Arc<Profile>,
}

/// Who asks for a key, and waits.
struct Question {
    place: Option<Place>,
    digest: Zeroizing<[u8; 32]>,
    reply: oneshot::Sender<Option<Kept>>,
}

impl Cache {
    /// An empty one for so many keys, and what the stream asks for it.
    pub(super) fn new(capacity: usize) -> (Self, Asking) {
        let (questions, asked) = mpsc::channel(OPEN);
        let hot = Mutex::new(Hot::new(capacity, Position::default()));
        (Self { hot, questions }, Asking { asked: Some(asked), open: HashMap::new(), next: 0 })
    }

    pub(super) fn len(&self) -> usize {
        self.hot().len()
    }

    /// Judges a presented secret, if its key is kept; what is told of it is counted.
    pub(super) fn judge(
        &self,
        secret: &str,
        needs: &Needs<'_>,
        time: Time,
        count: impl Fn(u128, &Verdict),
    ) -> Option<Verdict> {
        let Some(digest) = digest_of(secret) else { return Some(Verdict::Refused(Refusal::Malformed)) };
        let kept = self.hot().find(Fingerprint::from(&*digest)).cloned()?;
        Some(kept.judge(needs, time, count))
    }

    /// Judges a presented secret by what the server knows; what is told of a key is counted.
    pub(super) async fn ask(
        &self,
        secret: &str,
        needs: &Needs<'_>,
        clock: &ServerClock,
        count: impl Fn(u128, &Verdict),
    ) -> Verdict {
        let Some(digest) = digest_of(secret) else { return Verdict::Refused(Refusal::Malformed) };
        let (reply, answer) = oneshot::channel();
        let question = Question { place: place_in(secret), digest, reply };
        let asked = async {
            self.questions.send(question).await.ok()?;
            answer.await.ok()
        };
        match timeout(PATIENCE, asked).await.ok().flatten() {
            Some(Some(kept)) => kept.judge(needs, clock.at(now()), count),
            Some(None) => Verdict::Refused(Refusal::Unknown),
            None => Verdict::Unavailable,
        }
    }

    /// Applies a change that is in force at this position; what is no longer to be accepted by it.
    pub(super) fn apply(&self, replica: &Replica, change: &Change, position: Position) -> Option<Removed> {
        match change {
            Change::Key(row) => {
                self.hot().changed(row.key, position);
                row.suspended.then_some(Removed::Key(Id::key(row.key)))
            }
            Change::End { key, .. } => {
                self.hot().changed(*key, position);
                Some(Removed::Key(Id::key(*key)))
            }
            Change::Owner(_) => replica.apply(change),
        }
    }

    /// Forgets everything: the changes begin anew at a position.
    pub(super) fn clear(&self, begins_at: Position) {
        self.hot().clear(begins_at);
    }

    fn hot(&self) -> MutexGuard<'_, Hot<Kept>> {
        self.hot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn judge(self, needs: &Needs<'_>, time: Time, count: impl Fn(u128, &Verdict)) -> Verdict {
        judge(&self.row, self.profile, needs, time, count)
    }
}

/// The lookups that are on their way: the stream's side of a [`Cache`].
#[derive(Default)]
pub(super) struct Asking {
    /// `None`: there is no cache.
    asked: Option<mpsc::Receiver<Question>>,
    open: HashMap<u32, Question>,
    next: u32,
}

impl Asking {
    /// What to ask next; waits until there is something. Nothing is lost if it is not waited for to the end.
    pub(super) async fn next(&mut self) -> Lookup {
        let Some(asked) = self.asked.as_mut().filter(|_| self.open.len() < OPEN) else {
            return pending().await;
        };
        let Some(question) = asked.recv().await else { return pending().await };
        let number = self.next;
        self.next = number.wrapping_add(1);
        let lookup = Lookup { number, place: question.place, digest: question.digest.clone() };
        self.open.insert(number, question);
        lookup
    }

    /// Takes an answer in, keeps it unless something newer is known, and gives it to who asked. False: nobody asked for
    /// this.
    pub(super) fn answered(&mut self, answer: &Answer, cache: &Cache, replica: &Replica) -> bool {
        let Some(question) = self.open.remove(&answer.number) else { return false };
        let fingerprint = Fingerprint::from(&*question.digest);
        if answer.row.is_some_and(|row| row.fingerprint != fingerprint) {
            return false;
        }
        let kept = |row: &KeyRow| Some(Kept { row: row.row(0), profile: replica.profile(row.profile)? });
        let kept = answer.row.as_ref().and_then(kept);
        if let Some(kept) = &kept {
            cache.hot().fill(fingerprint, kept.row.id, kept.clone(), answer.position);
        }
        // Who asked may have given up.
        let _ = question.reply.send(kept);
        true
    }

    /// The connection is gone, and with it the answers.
    pub(super) fn forget(&mut self) {
        self.open.clear();
    }
}
