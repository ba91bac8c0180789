//! This file is about re-rooting: every slot in use is wrapped under a new root and every older root is destroyed, so
//! that every older copy of every slot is noise.
//!
//! In this order, each step durable before the next: the new root rests beside the old one; the event that begins the
//! epoch, with which the new root takes over; every slot; the old roots are destroyed; the event that says so. Cut off
//! anywhere, all roots that a slot is wrapped under are there, and whoever re-roots next goes on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use futures_util::lock::Mutex;

use crate::epoch::{Epoch, Finished, Rhythm};
use crate::error::Error;
use crate::event::{Happened, Subject};
use crate::id::Id;
use crate::keyward::{About, Environment, Keyward, Moment, Origin};
use crate::permit::Permit;
use crate::roots::Roots;
use crate::seal::{NONCE, Pepper, Root};
use crate::store::{CommitError, List, Position, RecordKind, Rewrap, Store, Stored};
use crate::time::Timestamp;

/// How many epochs a receipt looks at: all but the first few begin after the removal that it proves.
const LOOKED_AT: usize = 16;

/// How many times as long as a re-rooting took the next one waits that is due because of many removals: each goes through
/// all slots, and a removal of a million keys is no reason to do that a hundred times.
const REST: u32 = 49;

/// How many nonces are drawn at once.
const NONCES: usize = 256;

/// What is known of the epoch that goes on.
#[derive(Default)]
pub(crate) struct Epochs {
    /// Held by whoever is re-rooting.
    turn: Mutex<()>,
    /// When it began, in milliseconds.
    since: AtomicU64,
    /// How many keys were removed since.
    removals: AtomicU64,
    /// Whether older roots are left.
    is_unfinished: AtomicBool,
    /// Until when the last re-rooting is rested from, in nanoseconds.
    rested: AtomicU64,
}

impl Epochs {
    /// A key was removed.
    pub(crate) fn count_removal(&self) {
        self.removals.fetch_add(1, Ordering::Relaxed);
    }

    fn begin(&self, at: Timestamp) {
        self.since.store(at.millis(), Ordering::Relaxed);
        self.removals.store(0, Ordering::Relaxed);
        self.is_unfinished.store(true, Ordering::Relaxed);
    }

    fn finish(&self) {
        self.is_unfinished.store(false, Ordering::Relaxed);
    }

    /// A re-rooting went on from one moment to another.
    fn rest(&self, began: Moment, ended: Moment) {
        let rested = ended.plus(ended.since(began).saturating_mul(REST));
        self.rested.store(rested.nanos(), Ordering::Relaxed);
    }

    fn is_over(&self, rhythm: Rhythm, now: Timestamp, moment: Moment) -> bool {
        let removals = self.removals.load(Ordering::Relaxed);
        let since = Timestamp::from_millis(self.since.load(Ordering::Relaxed));
        let is_long = rhythm.seconds > 0 && since.plus_seconds(rhythm.seconds) <= now;
        let is_rested = moment.nanos() >= self.rested.load(Ordering::Relaxed);
        let is_much = rhythm.removals > 0 && removals >= rhythm.removals && is_rested;
        self.is_unfinished.load(Ordering::Relaxed) || removals > 0 && (is_long || is_much)
    }
}

/// Nonces for slots, drawn many at a time: drawing each by itself took a fifth of a re-rooting.
#[derive(Default)]
struct Nonces(std::sync::Mutex<Vec<[u8; NONCE]>>);

impl Nonces {
    fn next(&self, fill: impl FnOnce(&mut [u8])) -> [u8; NONCE] {
        let mut drawn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drawn.pop().unwrap_or_else(|| {
            let mut bytes = [[0; NONCE]; NONCES];
            fill(bytes.as_flattened_mut());
            let [first, others @ ..] = bytes;
            drawn.extend(others);
            first
        })
    }
}

impl<S: Store, E: Environment> Keyward<S, E> {
    /// Wraps every slot under a new root and destroys the old one, or goes on with a re-rooting that failed.
    ///
    /// # Errors
    /// [`Error::WrongState`] if one is under way; [`Error::Unavailable`] or [`Error::Internal`] if it failed: then no
    /// slot is lost, and it can be called again.
    pub async fn reroot(self: &Arc<Self>, permit: Option<&Permit>, origin: &Origin) -> Result<Epoch, Error> {
        let _turn =
            self.epochs.turn.try_lock().ok_or(Error::WrongState { why: "a re-rooting is under way" })?;
        let started = self.environment.moment();
        let current = self.roots.epoch();
        let epoch = match epoch_numbered(&self.store, &self.pepper, current).await? {
            Some((epoch, began)) if epoch.finished.is_none() => (epoch, began),
            // An older backup was restored: the root is newer than the records.
            None if current > 1 => self.begin_root(current, permit, origin).await?,
            Some(_) | None => self.begin_root(current.saturating_add(1), permit, origin).await?,
        };
        let epoch = self.finish_epoch(epoch, permit, origin).await?;
        self.epochs.rest(started, self.environment.moment());
        Ok(epoch)
    }

    /// Re-roots if it is time to, or goes on where it was cut off; whether it did.
    ///
    /// # Errors
    /// Those of [`Keyward::reroot`].
    pub async fn reroot_if_due(self: &Arc<Self>, rhythm: Rhythm) -> Result<bool, Error> {
        let is_due = self.epochs.is_over(rhythm, self.environment.now(), self.environment.moment());
        if is_due {
            self.reroot(None, &Origin::default()).await?;
        }
        Ok(is_due)
    }

    /// Learns at the start when the epoch began, and whether it is finished; the position of the event that it began
    /// with.
    pub(crate) async fn load_epoch(&self) -> Result<Position, Error> {
        let found = epoch_numbered(&self.store, &self.pepper, self.roots.epoch()).await?;
        let (at, position) = match &found {
            Some((epoch, began)) => (epoch.created_at, *began),
            None => {
                let first = self.store.events(0, 1).await?;
                (first.first().map_or_else(|| self.environment.now(), |first| first.event.at), 0)
            }
        };
        self.epochs.begin(at);
        let is_unfinished = found.is_some_and(|(epoch, _)| epoch.finished.is_none());
        self.epochs.is_unfinished.store(is_unfinished, Ordering::Relaxed);
        Ok(position)
    }

    async fn begin_root(
        self: &Arc<Self>,
        number: u32,
        permit: Option<&Permit>,
        origin: &Origin,
    ) -> Result<(Epoch, Position), Error> {
        let root = self.environment.create_root(number).await?;
        let epoch = Epoch {
            id: self.new_id().into(),
            number,
            organization: self.operator().await?.id,
            created_at: self.environment.now(),
            finished: None,
            salt: self.random(),
            version: 1,
            name: self.pepper.number(RecordKind::Epoch, number),
        };
        // The answer is kept with the event that finishes it: whoever asks again before that goes on with it.
        let origin = Origin { idempotency: None, ..origin.clone() };
        let began = self.commit_epoch(&epoch, Some(root), permit, &origin).await?;
        Ok((epoch, began))
    }

    async fn finish_epoch(
        self: &Arc<Self>,
        (mut epoch, began): (Epoch, Position),
        permit: Option<&Permit>,
        origin: &Origin,
    ) -> Result<Epoch, Error> {
        let (keyward, nonces) = (Arc::clone(self), Nonces::default());
        let rewrap: Rewrap = Arc::new(move |id, slot| {
            let secret = keyward.roots.unwrap(slot, id)?;
            keyward.roots.wrap(&secret, id, nonces.next(|bytes| keyward.environment.fill(bytes)))
        });
        let slots = self.store.rewrap(epoch.number, rewrap).await?;
        self.environment.destroy_roots_before(epoch.number).await?;
        self.roots.forget_older();
        epoch.finished = Some(Finished { at: self.environment.now(), began, slots });
        epoch.version += 1;
        self.commit_epoch(&epoch, None, permit, origin).await?;
        Ok(epoch)
    }

    /// Commits an epoch; with the event that begins it, its root takes over.
    async fn commit_epoch(
        &self,
        epoch: &Epoch,
        root: Option<Root>,
        permit: Option<&Permit>,
        origin: &Origin,
    ) -> Result<Position, CommitError> {
        let about = About {
            subject: Subject::Epoch,
            happened: if root.is_some() { Happened::Created } else { Happened::Finished },
            id: epoch.id.id(),
            organization: epoch.organization,
            version: epoch.version,
            salt: epoch.salt,
        };
        let (roots, epochs, at) = (Arc::clone(&self.roots), Arc::clone(&self.epochs), epoch.created_at);
        let apply = move |_: &_| {
            match root {
                Some(root) => {
                    roots.advance(&Arc::new(root));
                    epochs.begin(at);
                }
                None => epochs.finish(),
            }
            Vec::new()
        };
        self.commit_open(permit, about, epoch.to_record(), apply, origin).await
    }

    /// The events of the epoch that put a key beyond recovery which was removed then: its beginning and its end.
    pub(crate) async fn beyond_recovery(
        &self,
        removed: Position,
        at: Timestamp,
    ) -> Result<Option<[Position; 2]>, Error> {
        // An epoch's id is drawn when it begins: those before the removal are passed over.
        let list = List { kind: RecordKind::Epoch, owner: List::EVERYONE };
        let page = self.store.page(list, Some(Id::new(at, [0; 10])), LOOKED_AT).await?;
        let events = |stored: &Stored| -> Result<Option<[Position; 2]>, Error> {
            let finished = Epoch::from_record(&stored.record)?.finished;
            let finished = finished.filter(|finished| finished.began > removed);
            Ok(finished.map(|finished| [finished.began, stored.position]))
        };
        page.iter().find_map(|stored| events(stored).transpose()).transpose()
    }
}

/// The roots that have begun to wrap slots: without the newest one where its epoch has not begun.
///
/// # Errors
/// [`Error::Unavailable`] or [`Error::Internal`] if the store cannot be read, or there is no root.
pub(crate) async fn begun<S: Store>(
    store: &S,
    pepper: &Pepper,
    mut roots: Vec<Root>,
) -> Result<Roots, Error> {
    if let [_, .., newest] = roots.as_slice()
        && epoch_numbered(store, pepper, newest.epoch()).await?.is_none()
    {
        roots.pop();
    }
    Roots::new(roots)
}

/// The epoch of this number, and the position of the event that it began with.
async fn epoch_numbered<S: Store>(
    store: &S,
    pepper: &Pepper,
    number: u32,
) -> Result<Option<(Epoch, Position)>, Error> {
    let Some(id) = store.holder(pepper.number(RecordKind::Epoch, number)).await? else { return Ok(None) };
    let Some(stored) = store.fetch(id).await? else { return Ok(None) };
    let epoch = Epoch::from_record(&stored.record)?;
    let began = epoch.finished.map_or(stored.position, |finished| finished.began);
    Ok(Some((epoch, began)))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{NONCE, NONCES, Nonces};

    /// Two slots under one root and one nonce would open each other.
    #[test]
    fn no_nonce_is_given_out_twice() {
        let (nonces, mut next) = (Nonces::default(), 0_u8);
        let mut fill = |bytes: &mut [u8]| {
            for (place, nonce) in bytes.chunks_mut(NONCE).enumerate() {
                nonce[..8].copy_from_slice(&place.to_le_bytes());
                nonce[8] = next;
            }
            next += 1;
        };
        let given: HashSet<_> = (0..3 * NONCES).map(|_| nonces.next(&mut fill)).collect();
        assert_eq!((given.len(), next), (3 * NONCES, 3), "all different, none left over");
    }
}
