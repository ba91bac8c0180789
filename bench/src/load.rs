//! This file is about load: closed loops, in which every client waits for its answer before it asks again.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use futures_util::future::try_join_all;

use crate::clock;
use crate::measure::{Latencies, Reading};

pub(crate) mod http;
pub(crate) mod wrk;

/// Items numbered from 0, handed out one by one to whoever is free, until none is left or time is up.
pub(crate) struct Turns {
    next: AtomicUsize,
    count: usize,
    deadline: Instant,
}

impl Turns {
    /// So many turns, for so long at most, from now on.
    pub(crate) fn new(count: usize, limit: Duration) -> Self {
        Self { next: AtomicUsize::new(0), count, deadline: clock::now() + limit }
    }

    /// The next item, unless it is over.
    pub(crate) fn take(&self) -> Option<usize> {
        if clock::now() >= self.deadline {
            return None;
        }
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        (turn < self.count).then_some(turn)
    }
}

/// One client: does `once` for turn after turn and takes the time of each.
pub(crate) async fn client(
    turns: &Turns,
    mut once: impl AsyncFnMut(usize) -> Result<()>,
) -> Result<Latencies> {
    let mut latencies = Latencies::new()?;
    while let Some(turn) = turns.take() {
        let began = clock::now();
        once(turn).await?;
        latencies.record(began.elapsed());
    }
    Ok(latencies)
}

/// Runs all clients on this thread until they have ended.
pub(crate) async fn clients<F>(clients: impl IntoIterator<Item = F>) -> Result<Reading>
where
    F: Future<Output = Result<Latencies>>,
{
    let began = clock::now();
    let latencies = try_join_all(clients).await?;
    Reading::of(&latencies, began.elapsed())
}

/// A runtime on the calling thread, so that a load generator takes one core at most.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
