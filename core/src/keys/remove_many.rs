//! This file is about removing many keys: in groups, each prepared, committed and waited for as a whole, and the next ones
//! prepared while those before them are written.

use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use crate::error::Error;
use crate::event::Reason;
use crate::key::Head;
use crate::keyward::{Environment, Keyward, Origin};
use crate::store::{CommitError, Store};
use crate::verbs;

/// How many keys make a group. Preparing one keeps its thread for about half a millisecond.
const GROUP: usize = 128;
/// How many groups are under way at once: enough to fill the syncs that they share.
const UNDER_WAY: usize = 16;

impl<S: Store, E: Environment> Keyward<S, E> {
    /// Removes keys; those that could not be.
    pub(crate) async fn remove_heads(
        &self,
        heads: Vec<Head>,
        reason: Reason,
        origin: &Origin,
        removed: &AtomicU64,
    ) -> Vec<Head> {
        let mut heads = heads.into_iter();
        let (mut under_way, mut left) = (FuturesUnordered::new(), Vec::new());
        loop {
            let is_full = under_way.len() == UNDER_WAY;
            let group: Vec<Head> = heads.by_ref().take(if is_full { 0 } else { GROUP }).collect();
            let done = if group.is_empty() {
                let Some(done) = under_way.next().await else { return left };
                Some(done)
            } else {
                under_way.push(self.remove_group(group, reason, origin, removed));
                // Begins it, and nothing more: between two groups the thread is for others.
                let done = under_way.next().now_or_never().flatten();
                self.environment.give_way().await;
                done
            };
            left.extend(done.into_iter().flatten());
        }
    }

    /// Removes a group of keys; those that could not be.
    async fn remove_group(
        &self,
        heads: Vec<Head>,
        reason: Reason,
        origin: &Origin,
        removed: &AtomicU64,
    ) -> Vec<Head> {
        // A key that opened sessions takes them along: they end one after the other, before it and after.
        let (mut alone, together): (Vec<_>, Vec<_>) =
            heads.into_iter().partition(|head| self.live.has_sessions(head.id));
        let mut left = Vec::new();
        {
            let _leaving = self.leaving.mark(together.iter().map(|head| head.id).collect());
            let (mut changes, mut changing) = (Vec::with_capacity(GROUP), Vec::with_capacity(GROUP));
            for head in together {
                let change = verbs::remove::remove(&head, reason, None, self.environment.now())
                    .and_then(|tombstone| self.removal(None, &head, &tombstone, origin));
                match change {
                    Ok(change) => {
                        changes.push(change);
                        changing.push(head);
                    }
                    // Somebody protected it meanwhile, and that stands.
                    Err(Error::Protected) => {}
                    Err(_) => left.push(head),
                }
            }
            for (head, done) in changing.into_iter().zip(self.commit_many(changes, origin).await) {
                match done {
                    // Somebody may have signed in with it until then.
                    Ok(_) if self.live.has_sessions(head.id) => alone.push(head),
                    Ok(_) => {
                        removed.fetch_add(1, Ordering::AcqRel);
                    }
                    // Changed since it was read: by itself it is read again, as often as that takes.
                    Err(CommitError::Stale) => alone.push(head),
                    Err(_) => left.push(head),
                }
            }
        }
        for head in alone {
            match self.remove_head(None, &head, reason, origin).await {
                Ok(()) => {
                    removed.fetch_add(1, Ordering::AcqRel);
                }
                Err(Error::Protected) => {}
                Err(_) => left.push(head),
            }
        }
        left
    }
}
