//! This file is about what time it is at the server: a key's times are the server's, and this machine's wall clock may be wrong.
//!
//! The server says its time with every lease. Between asking for the lease and hearing of it lies the moment at which it said
//! so; when exactly, nobody knows. So there are two answers, and each question takes the one that refuses.

use std::sync::atomic::{AtomicU64, Ordering};

use keyward_verifier::lease::Moment;

const NANOS_PER_MILLI: u64 = 1_000_000;

/// What to add to this machine's clock of [`Moment`]s for the server's time, in nanoseconds.
pub(super) struct ServerClock {
    latest: AtomicU64,
    earliest: AtomicU64,
}

/// The server's time now lies between these, in Unix nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time {
    latest: u64,
    earliest: u64,
}

impl ServerClock {
    /// Before a server has said anything: whatever ends has ended, and nothing has begun.
    pub(super) const fn new() -> Self {
        Self { latest: AtomicU64::new(u64::MAX), earliest: AtomicU64::new(0) }
    }

    /// The server said its time, in Unix milliseconds rounded down, after the one moment and before the other.
    pub(super) fn set(&self, unix_millis: u64, after: Moment, before: Moment) {
        let nanos = unix_millis.saturating_mul(NANOS_PER_MILLI);
        let latest = nanos.saturating_add(NANOS_PER_MILLI).saturating_sub(after.nanos());
        self.latest.store(latest, Ordering::Release);
        self.earliest.store(nanos.saturating_sub(before.nanos()), Ordering::Release);
    }

    /// The server's time at a moment.
    pub(super) fn at(&self, moment: Moment) -> Time {
        let of = |offset: &AtomicU64| offset.load(Ordering::Acquire).saturating_add(moment.nanos());
        Time { latest: of(&self.latest), earliest: of(&self.earliest) }
    }
}

impl Time {
    /// Whether something that ends at these Unix milliseconds may have ended.
    pub(super) const fn may_be_past(self, unix_millis: u64) -> bool {
        self.latest >= unix_millis.saturating_mul(NANOS_PER_MILLI)
    }

    /// Whether something that begins at these Unix milliseconds may not have begun.
    pub(super) const fn may_be_before(self, unix_millis: u64) -> bool {
        self.earliest < unix_millis.saturating_mul(NANOS_PER_MILLI)
    }
}

#[cfg(test)]
mod tests {
    use keyward_verifier::lease::Moment;

    use super::{NANOS_PER_MILLI, ServerClock};

    const fn moment(millis: u64) -> Moment {
        Moment::from_nanos(millis * NANOS_PER_MILLI)
    }

    #[test]
    fn what_may_have_ended_has_and_what_may_not_have_begun_has_not() {
        let clock = ServerClock::new();
        assert!(
            clock.at(moment(7)).may_be_past(u64::MAX / NANOS_PER_MILLI)
                && clock.at(moment(7)).may_be_before(8)
        );
        // It was 1,000,000 ms at the server at some moment from 500 to 520 here; so at 600 it is 1,000,080 at least and 1,000,101
        // at most, for it said whole milliseconds.
        clock.set(1_000_000, moment(500), moment(520));
        let then = clock.at(moment(600));
        assert!(then.may_be_past(1_000_101) && !then.may_be_past(1_000_102));
        assert!(!then.may_be_before(1_000_080) && then.may_be_before(1_000_081));
    }

    #[test]
    fn a_server_whose_clock_stands_at_the_beginning_ends_no_arithmetic() {
        let clock = ServerClock::new();
        clock.set(0, moment(500), moment(520));
        assert!(!clock.at(moment(600)).may_be_past(1000) && clock.at(moment(600)).may_be_before(1000));
        clock.set(u64::MAX, moment(500), moment(520));
        assert!(clock.at(moment(600)).may_be_past(1000));
    }
}
