//! This file is about sessions that end by themselves when nobody uses them: when each was last used, in memory.
//!
//! A use moves an end further away, so it need not be durable before it is answered; the notes of use carry it to the
//! store a second later, and a node that starts takes the last use from there.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::id::KeyId;
use crate::time::Timestamp;

/// Locks that sessions are spread over.
const SHARDS: usize = 64;

/// Sessions, and when each was last used.
pub(super) struct Idle {
    shards: Vec<Mutex<HashMap<KeyId, Session>>>,
}

#[derive(Clone, Copy)]
struct Session {
    idle_seconds: u32,
    last_used_at: Timestamp,
}

impl Session {
    fn is_over(&self, now: Timestamp) -> bool {
        now >= self.last_used_at.plus_seconds(self.idle_seconds.into())
    }
}

impl Default for Idle {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl Idle {
    /// Knows a session from now on.
    pub(super) fn know(&self, key: KeyId, idle_seconds: u32, created_at: Timestamp) {
        self.with(key, |sessions| {
            sessions.entry(key).or_insert(Session { idle_seconds, last_used_at: created_at });
        });
    }

    /// Takes over that a session was used at this time.
    pub(super) fn move_to(&self, key: KeyId, at: Timestamp) {
        self.with(key, |sessions| {
            if let Some(session) = sessions.get_mut(&key) {
                session.last_used_at = session.last_used_at.max(at);
            }
        });
    }

    /// Notes a use; false if nobody used it for too long before.
    pub(super) fn touch(&self, key: KeyId, now: Timestamp) -> bool {
        let touched = self.with(key, |sessions| {
            let known = sessions.get_mut(&key).filter(|session| !session.is_over(now))?;
            known.last_used_at = known.last_used_at.max(now);
            Some(())
        });
        touched.flatten().is_some()
    }

    pub(super) fn forget(&self, key: KeyId) {
        self.with(key, |sessions| sessions.remove(&key));
    }

    /// Every session, and whether it is over.
    pub(super) fn all(&self, now: Timestamp) -> Vec<(KeyId, bool)> {
        let lock = |shard: &Mutex<HashMap<KeyId, Session>>| -> Vec<(KeyId, bool)> {
            let sessions = shard.lock().unwrap_or_else(PoisonError::into_inner);
            sessions.iter().map(|(key, session)| (*key, session.is_over(now))).collect()
        };
        self.shards.iter().flat_map(lock).collect()
    }

    fn with<R>(&self, key: KeyId, act: impl FnOnce(&mut HashMap<KeyId, Session>) -> R) -> Option<R> {
        // The low bits of an id are random.
        let shard = self.shards.get((key.id().bits() & (SHARDS as u128 - 1)) as usize)?;
        Some(act(&mut shard.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

#[cfg(test)]
mod tests {
    use super::Idle;
    use crate::id::{Id, KeyId};
    use crate::time::Timestamp;

    #[test]
    fn use_moves_the_end_and_idleness_is_one() {
        let (idle, key) = (Idle::default(), KeyId::from(Id::from_bits(1)));
        let at = |seconds: u64| Timestamp::from_millis(seconds * 1000);
        assert!(!idle.touch(key, at(0)), "unknown");
        idle.know(key, 10, at(0));
        assert!(idle.touch(key, at(9)));
        assert!(idle.touch(key, at(18)));
        assert_eq!(idle.all(at(27)), [(key, false)]);
        assert!(!idle.touch(key, at(28)));
        assert!(!idle.touch(key, at(28)), "a refused use is no use");
        assert_eq!(idle.all(at(28)), [(key, true)]);
        idle.move_to(key, at(5));
        assert!(!idle.touch(key, at(28)), "an earlier use moves nothing");
        idle.move_to(key, at(20));
        assert!(idle.touch(key, at(28)));
    }
}
