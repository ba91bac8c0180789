//! This file is about how often the server is asked about secrets that nobody here knows: strangers can invent as many as they
//! like, and each would be a call.

use std::sync::atomic::{AtomicU64, Ordering};

use keyward_verifier::lease::Moment;

/// Nanoseconds between two asks in the long run: 200 a second, far more keys than anybody makes and uses at once.
const EVERY: u64 = 5_000_000;
/// How many may come at once.
const BURST: u64 = 400;

/// Asks that are left, as one number: when the next one would be due if none came at once.
#[derive(Default)]
pub(super) struct Allowance {
    due: AtomicU64,
}

impl Allowance {
    /// Whether one more may be asked now; if so, it counts.
    pub(super) fn take(&self, now: Moment) -> bool {
        let now = now.nanos();
        let next = |due: u64| {
            let due = due.max(now);
            (due - now <= (BURST - 1) * EVERY).then_some(due + EVERY)
        };
        self.due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }

    /// One that was taken does not count: its secret is known.
    pub(super) fn give_back(&self) {
        // It was added before, and nothing ever makes it less than that.
        self.due.fetch_sub(EVERY, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{Allowance, BURST, EVERY, Moment};

    #[test]
    fn many_may_come_at_once_and_then_as_many_as_time_brings() {
        let (allowance, begin) = (Allowance::default(), 1_000_000_000_000);
        let take = |nanos| allowance.take(Moment::from_nanos(begin + nanos));
        assert_eq!((0..2 * BURST).filter(|_| take(0)).count() as u64, BURST);
        assert!(!take(EVERY - 1));
        assert_eq!((0..10).filter(|_| take(3 * EVERY)).count(), 3);
        assert_eq!((0..2 * BURST).filter(|_| take(1000 * EVERY)).count() as u64, BURST);
    }

    #[test]
    fn what_is_given_back_can_be_taken_again_and_no_more() {
        let allowance = Allowance::default();
        let take = || allowance.take(Moment::from_nanos(1_000_000_000_000));
        for _ in 0..3 * BURST {
            assert!(take());
            allowance.give_back();
        }
        assert_eq!((0..2 * BURST).filter(|_| take()).count() as u64, BURST);
    }
}
