//! This file is about how long a connection may make us wait for its next request, from the moment that the last
//! answer had left: one timer a connection, however many requests it carries.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::environment;

/// A request is being answered: the connection waits for us, not we for it.
const BUSY: u64 = u64::MAX;

/// Whether a connection waits for its client, and since when.
pub(crate) struct Pace {
    opened: Instant,
    /// Milliseconds after it was opened; [`BUSY`] while a request is being answered.
    waiting_since: AtomicU64,
}

/// Held as long as a request is being answered.
pub(crate) struct Busy(Arc<Pace>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.waiting_since.store(self.0.millis(), Ordering::Relaxed);
    }
}

impl Pace {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { opened: environment::moment(), waiting_since: AtomicU64::new(0) })
    }

    /// A request has come.
    pub(crate) fn busy(self: &Arc<Self>) -> Busy {
        self.waiting_since.store(BUSY, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    /// Returns when the client has let us wait for so long.
    pub(crate) async fn overdue(&self, patience: Duration) {
        let mut left = patience;
        loop {
            environment::pause(left).await;
            let since = self.waiting_since.load(Ordering::Relaxed);
            let waited = if since == BUSY { 0 } else { self.millis().saturating_sub(since) };
            left = patience.saturating_sub(Duration::from_millis(waited));
            if left.is_zero() {
                return;
            }
        }
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(BUSY - 1)
    }
}
