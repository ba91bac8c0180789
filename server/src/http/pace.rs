//! This file is about how long a connection may make us wait: for its next request, from the moment that the last
//! answer had left, and for taking any of an answer. One timer a connection, however many requests it carries.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::environment::{pause, tick};

/// We do not wait for the client: a request is being answered, or it takes what it is sent.
const NEVER: u64 = u64::MAX;

/// Whether a connection waits for its client, and since when.
pub(crate) struct Pace {
    /// How many hold the connection busy: the answer, and what takes the connection over.
    busy: AtomicUsize,
    /// Whether what is being sent is the answer to a request that was read.
    answering: AtomicBool,
    /// Since when there is no request, in milliseconds of [`tick`]; [`NEVER`] while one is being answered.
    waiting_since: AtomicU64,
    /// Since when the client takes nothing of what it is sent, or does not close as we have, in the same; [`NEVER`] while
    /// it does.
    stuck_since: AtomicU64,
}

/// Held as long as a request is being answered, and by what takes a connection over.
pub(crate) struct Busy(Arc<Pace>);

impl Clone for Busy {
    fn clone(&self) -> Self {
        self.0.busy.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.0.busy.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.waiting_since.store(tick(), Ordering::Relaxed);
        }
    }
}

impl Pace {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            busy: AtomicUsize::new(0),
            answering: AtomicBool::new(false),
            waiting_since: AtomicU64::new(tick()),
            stuck_since: AtomicU64::new(NEVER),
        })
    }

    /// A request has come.
    pub(crate) fn busy(self: &Arc<Self>) -> Busy {
        self.waiting_since.store(NEVER, Ordering::Relaxed);
        self.answering.store(true, Ordering::Relaxed);
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    /// Whether there is no request: what comes begins the next one.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting_since.load(Ordering::Relaxed) != NEVER
    }

    /// Whether what is being sent is the answer to a request that was read. It is until all of it has been handed on.
    pub(super) fn is_answering(&self) -> bool {
        self.answering.load(Ordering::Relaxed)
    }

    /// All that there was to send has been handed on.
    pub(super) fn flushed(&self) {
        if self.is_waiting() {
            self.answering.store(false, Ordering::Relaxed);
        }
    }

    /// The client has taken a part of what it is sent, or has no room for any; after the end, there is nothing to take.
    pub(super) fn takes(&self, some: bool) {
        if some {
            // Nearly always it does already: then nothing is written that other processors would have to read.
            if self.stuck_since.load(Ordering::Relaxed) != NEVER {
                self.stuck_since.store(NEVER, Ordering::Relaxed);
            }
        } else {
            let now = tick();
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
            pause(left).await;
        }
    }

    fn left(&self, since: &AtomicU64, patience: Duration) -> Duration {
        match since.load(Ordering::Relaxed) {
            NEVER => patience,
            since => patience.saturating_sub(Duration::from_millis(tick().saturating_sub(since))),
        }
    }
}
