//! This file is about how long a connection may make us wait: for its next request, from the moment that the last
//! answer had left, and for taking any of an answer. One timer a connection, however many requests it carries.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::environment;

/// We do not wait for the client: a request is being answered, or it takes what it is sent.
const NEVER: u64 = u64::MAX;

/// Whether a connection waits for its client, and since when.
pub(crate) struct Pace {
    opened: Instant,
    /// Since when there is no request, in milliseconds after it was opened; [`NEVER`] while one is being answered.
    waiting_since: AtomicU64,
    /// Since when the client takes nothing of what it is sent, in the same; [`NEVER`] while it does.
    stuck_since: AtomicU64,
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
        Arc::new(Self {
            opened: environment::moment(),
            waiting_since: AtomicU64::new(0),
            stuck_since: AtomicU64::new(NEVER),
        })
    }

    /// A request has come.
    pub(crate) fn busy(self: &Arc<Self>) -> Busy {
        self.waiting_since.store(NEVER, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    /// The client has taken a part of what it is sent, or has no room for any.
    pub(super) fn takes(&self, some: bool) {
        if some {
            // Nearly always it does already: then nothing is written that other processors would have to read.
            if self.stuck_since.load(Ordering::Relaxed) != NEVER {
                self.stuck_since.store(NEVER, Ordering::Relaxed);
            }
        } else {
            let now = self.millis();
            // From the first attempt on, whoever tries again meanwhile.
            let _ = self.stuck_since.compare_exchange(NEVER, now, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Returns when the client has let us wait for a request, or for taking any of an answer, for so long.
    pub(crate) async fn overdue(&self, request: Duration, answer: Duration) {
        loop {
            let left = self.left(&self.waiting_since, request).min(self.left(&self.stuck_since, answer));
            if left.is_zero() {
                return;
            }
            environment::pause(left).await;
        }
    }

    fn left(&self, since: &AtomicU64, patience: Duration) -> Duration {
        match since.load(Ordering::Relaxed) {
            NEVER => patience,
            since => patience.saturating_sub(Duration::from_millis(self.millis().saturating_sub(since))),
        }
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(NEVER - 1)
    }
}
