//! This file is about how long an answer to a passphrase takes: half a second, and more after wrong ones. It is counted for the
//! unit as a whole, as on the device: who has many addresses is no quicker.

use std::time::Duration;

use keyward_core::time::Timestamp;

/// How long every answer takes.
const ALWAYS: Duration = Duration::from_millis(500);
/// How long an answer takes after [`MANY`] wrong ones in a row.
const AFTER_MANY: Duration = Duration::from_millis(1600);
const MANY: u32 = 3;
/// For how long after the last wrong one that lasts, in seconds.
const FORGIVEN_AFTER_SECONDS: u64 = 15;

/// The wrong ones in a row.
#[derive(Default)]
pub(super) struct Delay {
    failures: u32,
    last: Option<Timestamp>,
}

impl Delay {
    /// How long an answer takes that is asked for now.
    pub(super) fn now(&self, now: Timestamp) -> Duration {
        if self.counted(now) >= MANY { AFTER_MANY } else { ALWAYS }
    }

    /// A wrong one.
    pub(super) fn failed(&mut self, now: Timestamp) {
        *self = Self { failures: self.counted(now).saturating_add(1), last: Some(now) };
    }

    /// A right one.
    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    fn counted(&self, now: Timestamp) -> u32 {
        let lasts = self.last.is_some_and(|last| now < last.plus_seconds(FORGIVEN_AFTER_SECONDS));
        if lasts { self.failures } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::Delay;
    use keyward_core::time::Timestamp;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn three_in_a_row_make_it_longer_until_they_are_forgiven() {
        let mut delay = Delay::default();
        for number in 0..3 {
            assert_eq!(delay.now(at(number)).as_millis(), 500);
            delay.failed(at(number));
        }
        assert_eq!(delay.now(at(3)).as_millis(), 1600);
        assert_eq!(delay.now(at(15_001)).as_millis(), 1600);
        assert_eq!(delay.now(at(15_002)).as_millis(), 500);
        // Two that are forgiven do not count with the next.
        delay.failed(at(15_002));
        assert_eq!(delay.now(at(15_003)).as_millis(), 500);
    }

    #[test]
    fn a_right_one_ends_the_row() {
        let mut delay = Delay::default();
        for number in 0..5 {
            delay.failed(at(number));
        }
        delay.succeeded();
        assert_eq!(delay.now(at(6)).as_millis(), 500);
    }
}
