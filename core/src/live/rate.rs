//! This file is about rate limits of keys: the generic cell rate algorithm (ITU-T I.371), one number a key.
//!
//! A library's limiter would read a clock of its own and knows one quota for all keys; here time is an
//! argument and every key has its own.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::bits;
use crate::id::{Id, KeyId};
use crate::key::RateLimit;
use crate::time::Timestamp;

/// Locks that keys are spread over.
const SHARDS: usize = 64;

/// When each limited key will have used up what it has taken, in microseconds.
pub(super) struct Rates {
    shards: Vec<Mutex<HashMap<Id, u64>>>,
}

impl Default for Rates {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl Rates {
    /// Takes `cost` uses if the limit allows them now; with a cost of 0 none, if it would allow one.
    pub(super) fn take(&self, key: KeyId, limit: RateLimit, cost: u32, now: Timestamp) -> bool {
        let Some(shard) = self.shard(key) else { return false };
        let mut due = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now.millis() * 1000;
        let window = u64::from(limit.window_seconds) * 1_000_000;
        let taken = taken(limit, cost.max(1));
        let then = due.get(&bits(key)).copied().unwrap_or(0).max(now).saturating_add(taken);
        let allowed = then - now <= window;
        if allowed && cost > 0 {
            due.insert(bits(key), then);
        }
        allowed
    }

    /// Gives back what was taken.
    pub(super) fn give_back(&self, key: KeyId, limit: RateLimit, cost: u32) {
        let Some(shard) = self.shard(key) else { return };
        if let Some(due) = shard.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&bits(key)) {
            *due = due.saturating_sub(taken(limit, cost));
        }
    }

    /// After how many seconds one more use is allowed, rounded up.
    pub(super) fn wait_seconds(&self, key: KeyId, limit: RateLimit, now: Timestamp) -> u64 {
        let Some(shard) = self.shard(key) else { return 1 };
        let due = shard.lock().unwrap_or_else(PoisonError::into_inner).get(&bits(key)).copied().unwrap_or(0);
        let window = u64::from(limit.window_seconds) * 1_000_000;
        let allowed_at = (due + window / u64::from(limit.limit.max(1))).saturating_sub(window);
        allowed_at.saturating_sub(now.millis() * 1000).div_ceil(1_000_000)
    }

    pub(super) fn forget(&self, key: KeyId) {
        if let Some(shard) = self.shard(key) {
            shard.lock().unwrap_or_else(PoisonError::into_inner).remove(&bits(key));
        }
    }

    fn shard(&self, key: KeyId) -> Option<&Mutex<HashMap<Id, u64>>> {
        // The low bits of an id are random.
        self.shards.get((bits(key).bits() & (SHARDS as u128 - 1)) as usize)
    }
}

/// How long `cost` uses take of a limit, in microseconds.
fn taken(limit: RateLimit, cost: u32) -> u64 {
    let window = u64::from(limit.window_seconds) * 1_000_000;
    // A cost near the largest number is more than any limit, and must not wrap to a small one.
    u64::from(cost).saturating_mul(window) / u64::from(limit.limit.max(1))
}

#[cfg(test)]
mod tests {
    use super::Rates;
    use crate::id::{Id, KeyId};
    use crate::key::RateLimit;
    use crate::time::Timestamp;

    #[test]
    fn a_limit_is_a_limit_and_comes_back_with_time() {
        let (rates, limit) = (Rates::default(), RateLimit { limit: 3, window_seconds: 3 });
        let key = KeyId::from(Id::from_bits(1));
        let at = |millis: u64| Timestamp::from_millis(1_000_000 + millis);
        let taken: Vec<bool> = (0..5).map(|_| rates.take(key, limit, 1, at(0))).collect();
        assert_eq!(taken, [true, true, true, false, false]);
        assert!(!rates.take(key, limit, 1, at(999)));
        assert!(rates.take(key, limit, 1, at(1000)));
        assert!(!rates.take(key, limit, 1, at(1000)));
        assert_eq!(rates.wait_seconds(key, limit, at(1001)), 1);
        assert_eq!(rates.wait_seconds(key, limit, at(3000)), 0);
        let seldom = RateLimit { limit: 1, window_seconds: 3600 };
        let other = KeyId::from(Id::from_bits(2));
        assert!(rates.take(other, seldom, 1, at(0)) && !rates.take(other, seldom, 1, at(500)));
        assert_eq!(rates.wait_seconds(other, seldom, at(500)), 3600);
        assert!(
            rates.take(key, limit, 0, at(50_000)) && rates.take(key, limit, 3, at(50_000)),
            "a look takes nothing"
        );
        assert!(!rates.take(key, limit, 0, at(50_000)), "and sees that nothing is left");
        assert!(!rates.take(key, limit, 4, at(100_000)), "more than the limit at once");
        let longest = RateLimit { limit: 1, window_seconds: 86_400 };
        assert!(!rates.take(key, longest, u32::MAX, at(200_000)), "far more");
    }

    #[test]
    fn keys_do_not_share_a_limit() {
        let (rates, limit) = (Rates::default(), RateLimit { limit: 1, window_seconds: 60 });
        let now = Timestamp::from_millis(1000);
        for key in 1..100 {
            assert!(rates.take(Id::from_bits(key).into(), limit, 1, now), "{key}");
        }
    }
}
