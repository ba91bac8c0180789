//! This file is about walking every row of the records with all cores, a stride of them at a time.
//!
//! The records' ids are split into ranges as the walk goes: whoever has walked a while and sees an idle neighbour
//! gives away the upper half of what is left. Ids begin with a time, so no split made beforehand would be fair.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use keyward_core::id::Id;
use keyward_core::store::ReadError;

use super::engine::Engine;
use crate::rows as encoding;

/// How many records are walked between two looks at the neighbours, and are shown together.
const STRIDE: usize = 512;

/// The ids from the first to the second, both included.
type Range = (u128, u128);

/// What is made of the rows.
pub(super) trait Visit: Sync {
    /// What is read of a row.
    type Row;
    /// Why the walk ends early.
    type Error: From<ReadError> + Send;
    /// What holds from before a stride is read.
    type Before;

    /// Called before the rows of a stride are read.
    fn before(&self) -> Self::Before;

    /// Reads a row, or passes it over (`Some(None)`); `None` if it cannot be read.
    fn read(&self, id: Id, row: &[u8]) -> Option<Option<Self::Row>>;

    /// Is shown a stride.
    fn show(&self, rows: Vec<Self::Row>, before: &Self::Before) -> Result<(), Self::Error>;
}

/// What the threads share.
struct Walk<'a, V> {
    engine: &'a Engine,
    visit: &'a V,
    work: Mutex<Work>,
    changed: Condvar,
    idle: AtomicUsize,
    has_failed: AtomicBool,
}

struct Work {
    ranges: Vec<Range>,
    /// How many threads have a range in hand: when none has and none is left, the walk is over.
    busy: usize,
}

/// Walks every record.
pub(super) fn walk<V: Visit>(engine: &Engine, visit: &V) -> Result<(), V::Error> {
    let walk = Walk {
        engine,
        visit,
        work: Mutex::new(Work { ranges: vec![(0, u128::MAX)], busy: 0 }),
        changed: Condvar::new(),
        idle: AtomicUsize::new(0),
        has_failed: AtomicBool::new(false),
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let walkers: Vec<_> = (0..threads).map(|_| scope.spawn(|| walk.run())).collect();
        let died = |_| Err(ReadError::Unavailable("a thread that walked the records died".to_owned()).into());
        walkers.into_iter().try_for_each(|walker| walker.join().unwrap_or_else(died))
    })
}

impl<V: Visit> Walk<'_, V> {
    fn run(&self) -> Result<(), V::Error> {
        while let Some(range) = self.next_range() {
            let _done = Done(self);
            let walked = self.walk(range);
            if walked.is_err() {
                self.has_failed.store(true, Ordering::Relaxed);
                return walked;
            }
        }
        Ok(())
    }

    fn next_range(&self) -> Option<Range> {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        self.idle.fetch_add(1, Ordering::Relaxed);
        let range = loop {
            if self.has_failed.load(Ordering::Relaxed) {
                break None;
            }
            if let Some(range) = work.ranges.pop() {
                work.busy += 1;
                break Some(range);
            }
            if work.busy == 0 {
                break None;
            }
            work = self.changed.wait(work).unwrap_or_else(PoisonError::into_inner);
        };
        self.idle.fetch_sub(1, Ordering::Relaxed);
        range
    }

    fn walk(&self, (mut first, mut last): Range) -> Result<(), V::Error> {
        while !self.has_failed.load(Ordering::Relaxed) {
            let before = self.visit.before();
            let (rows, end) = self.stride(first, last)?;
            self.visit.show(rows, &before)?;
            let Some(next) = end.and_then(|end| end.checked_add(1)).filter(|next| *next <= last) else {
                break;
            };
            first = next;
            last = self.share(first, last);
        }
        Ok(())
    }

    /// The next rows of a range, and the id that the walk has come to; `None` at its end.
    fn stride(&self, first: u128, last: u128) -> Result<(Vec<V::Row>, Option<u128>), ReadError> {
        let engine = self.engine;
        let mut rows = Vec::with_capacity(STRIDE);
        let range = engine.records.range(first.to_be_bytes()..=last.to_be_bytes());
        for (walked, row) in (1_usize..).zip(range) {
            let (key, value) = row.into_inner().map_err(|error| engine.failed(&error))?;
            let damaged = || engine.damaged(&engine.records, &key);
            let id = encoding::id(&key).ok_or_else(damaged)?;
            rows.extend(self.visit.read(id, &value).ok_or_else(damaged)?);
            if walked == STRIDE {
                return Ok((rows, Some(id.bits())));
            }
        }
        Ok((rows, None))
    }

    /// Gives the upper half of a range to a thread that has none; returns the end of what is kept.
    fn share(&self, first: u128, last: u128) -> u128 {
        if self.idle.load(Ordering::Relaxed) == 0 || first >= last {
            return last;
        }
        let middle = first + (last - first) / 2;
        self.work.lock().unwrap_or_else(PoisonError::into_inner).ranges.push((middle + 1, last));
        self.changed.notify_one();
        middle
    }
}

/// Says that a range is done, however the walk over it ended.
struct Done<'a, V>(&'a Walk<'a, V>);

impl<V> Drop for Done<'_, V> {
    fn drop(&mut self) {
        let mut work = self.0.work.lock().unwrap_or_else(PoisonError::into_inner);
        work.busy -= 1;
        if work.busy == 0 || !work.ranges.is_empty() || self.0.has_failed.load(Ordering::Relaxed) {
            self.0.changed.notify_all();
        }
    }
}
