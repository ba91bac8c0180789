//! This file is about time: the one place of this program that reads the clock or waits.

use std::time::{Duration, Instant};

/// The time now, of a clock that only goes forward.
#[expect(clippy::disallowed_methods, reason = "a program that measures time has to read it; here only")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Waits a moment between two looks at something that cannot notify: a port that another program opens, the
/// progress of a removal.
#[expect(clippy::disallowed_methods, reason = "what another process does can only be polled; here only")]
pub(crate) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}
