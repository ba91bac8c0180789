//! This file is about watching one key: askers that present it without pause, and what came of it after the removal's answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::system::{Made, System};
use crate::environment::moment;

/// When a watch is over, once everything has been done to the system.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// When nothing was accepted for so long.
    pub(super) quiet: Duration,
    /// In any case after so long.
    pub(super) limit: Duration,
}

/// What was seen after the removal's answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Asks that began after it.
    pub(super) asks: u64,
    /// Those of them that were accepted.
    pub(super) accepts: u64,
    /// From the answer to the beginning of the last ask that was accepted; zero if none was.
    pub(super) window: Duration,
    /// Whether the key was still accepted when the time was over.
    pub(super) goes_on: bool,
}

/// Askers at work; they stop with it.
pub(super) struct Watch {
    shared: Arc<Mutex<Notes>>,
    askers: JoinSet<()>,
}

/// What the askers write down.
struct Notes {
    patience: Patience,
    seen: Seen,
    /// When the removal was answered.
    answered: Option<Instant>,
    /// When nothing more was done to the system.
    settled: Option<Instant>,
    /// When the last ask that was accepted ended.
    last_accept: Option<Instant>,
    /// Whether an ask that began after that was refused, or after it had settled.
    is_refused: bool,
}

impl Watch {
    /// Starts asking for a key.
    pub(super) fn start(system: &Arc<System>, made: &Arc<Made>, askers: u32, patience: Patience) -> Self {
        let notes = Notes {
            patience,
            seen: Seen::default(),
            answered: None,
            settled: None,
            last_accept: None,
            is_refused: false,
        };
        let shared = Arc::new(Mutex::new(notes));
        let mut set = JoinSet::new();
        for _ in 0..askers {
            let (system, made, shared) = (Arc::clone(system), Arc::clone(made), Arc::clone(&shared));
            set.spawn(async move {
                loop {
                    let began = moment();
                    let accepted = system.accepts(&made).await;
                    let mut notes = lock(&shared);
                    // Read under the lock, so that the notes are in the order of their times.
                    let ended = moment();
                    notes.take(began, ended, accepted);
                    if notes.is_over(ended) {
                        return;
                    }
                }
            });
        }
        Self { shared, askers: set }
    }

    /// From here on accepts count.
    pub(super) fn removal_was_answered(&mut self) {
        let mut notes = lock(&self.shared);
        // Whoever begins to ask after this moment writes it down after we have.
        notes.answered = Some(moment());
    }

    /// Nothing more is done to the system: looks on until it is quiet or the time is over.
    pub(super) async fn end(mut self) -> anyhow::Result<Seen> {
        lock(&self.shared).settled = Some(moment());
        while let Some(ended) = self.askers.join_next().await {
            ended?;
        }
        let notes = lock(&self.shared);
        Ok(Seen { goes_on: !notes.is_refused, ..notes.seen })
    }
}

impl Notes {
    fn take(&mut self, began: Instant, ended: Instant, accepted: bool) {
        let Some(answered) = self.answered.filter(|answered| began > *answered) else { return };
        self.seen.asks += 1;
        if accepted {
            self.seen.accepts += 1;
            self.seen.window = self.seen.window.max(began.duration_since(answered));
            self.last_accept = Some(ended);
            self.is_refused = false;
        } else if self.settled.is_some_and(|settled| began > settled)
            && self.last_accept.is_none_or(|last| began > last)
        {
            self.is_refused = true;
        }
    }

    fn is_over(&self, now: Instant) -> bool {
        let Some(settled) = self.settled else { return false };
        let quiet_since = self.last_accept.map_or(settled, |last| last.max(settled));
        let is_quiet = self.is_refused && now.duration_since(quiet_since) >= self.patience.quiet;
        let was_asked = self.is_refused || self.last_accept.is_some_and(|last| last > settled);
        is_quiet || (was_asked && now.duration_since(settled) >= self.patience.limit)
    }
}

/// The notes; a panic elsewhere ends the program's measurement, not their truth.
fn lock(notes: &Mutex<Notes>) -> MutexGuard<'_, Notes> {
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}
