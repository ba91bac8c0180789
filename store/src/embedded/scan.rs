//! This file is about walking every record of a kind with all cores, slots included.
//!
//! The records' ids are split into ranges as the walk goes: whoever has walked a while and sees an idle neighbour
//! gives away the upper half of what is left. Ids begin with a time, so no split made beforehand would be fair.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use keyward_core::store::{ReadError, RecordKind, Stored};

use super::Shared;
use crate::rows::{self as encoding, RecordRow};

/// How many records are walked between two looks at the neighbours, and whose slots are read together.
const STRIDE: usize = 512;

/// The ids from the first to the second, both included.
type Range = (u128, u128);

/// What the threads share.
struct Walk<'a> {
    shared: &'a Shared,
    kind: RecordKind,
    visit: &'a (dyn Fn(Stored) + Sync),
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

/// Visits every record of a kind.
pub(super) fn scan(
    shared: &Shared,
    kind: RecordKind,
    visit: &(dyn Fn(Stored) + Sync),
) -> Result<(), ReadError> {
    let walk = Walk {
        shared,
        kind,
        visit,
        work: Mutex::new(Work { ranges: vec![(0, u128::MAX)], busy: 0 }),
        changed: Condvar::new(),
        idle: AtomicUsize::new(0),
        has_failed: AtomicBool::new(false),
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let walkers: Vec<_> = (0..threads).map(|_| scope.spawn(|| walk.run())).collect();
        let died = |_| Err(ReadError::Unavailable("a thread that walked the records died".to_owned()));
        walkers.into_iter().try_for_each(|walker| walker.join().unwrap_or_else(died))
    })
}

impl Walk<'_> {
    fn run(&self) -> Result<(), ReadError> {
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

    fn walk(&self, (mut first, mut last): Range) -> Result<(), ReadError> {
        while !self.has_failed.load(Ordering::Relaxed) {
            // Before the rows are read, so that no cell they name was overwritten in this round or before.
            let round = self.shared.slots.round();
            let (rows, end) = self.stride(first, last)?;
            self.show(rows, round)?;
            let Some(next) = end.and_then(|end| end.checked_add(1)).filter(|next| *next <= last) else {
                break;
            };
            first = next;
            last = self.share(first, last);
        }
        Ok(())
    }

    /// The next rows of a range that are of the kind, and the id that the walk has come to; `None` at its end.
    fn stride(&self, first: u128, last: u128) -> Result<(Vec<RecordRow>, Option<u128>), ReadError> {
        let engine = &self.shared.engine;
        let mut rows = Vec::with_capacity(STRIDE);
        let range = engine.records.range(first.to_be_bytes()..=last.to_be_bytes());
        for (walked, row) in (1_usize..).zip(range) {
            let (key, value) = row.into_inner().map_err(|error| engine.failed(&error))?;
            let damaged = || engine.damaged(&engine.records, &key);
            let id = encoding::id(&key).ok_or_else(damaged)?;
            let (kind, _) = encoding::kind_and_cell(&value).ok_or_else(damaged)?;
            if kind == self.kind {
                rows.push(encoding::record(id, &value).ok_or_else(damaged)?);
            }
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

    /// Shows the visitor a stride, with its slots.
    fn show(&self, rows: Vec<RecordRow>, round: u64) -> Result<(), ReadError> {
        let cells: Vec<_> = rows.iter().filter_map(|row| row.cell).collect();
        let slots =
            self.shared.slots.read_many(&cells).map_err(|error| self.shared.unreadable_slots(&error))?;
        let is_current = self.shared.slots.round() == round;
        let mut slots = slots.into_iter();
        for row in rows {
            let slot = if row.cell.is_some() { slots.next().flatten() } else { None };
            if row.cell.is_some() && (slot.is_none() || !is_current) {
                // Its cell was overwritten meanwhile, or may have been, and now may hold another record's slot.
                self.shared.stored(row.record.id)?.into_iter().for_each(self.visit);
            } else {
                (self.visit)(Stored { record: row.record, position: row.position, slot });
            }
        }
        Ok(())
    }
}

/// Says that a range is done, however the walk over it ended.
struct Done<'a>(&'a Walk<'a>);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        let mut work = self.0.work.lock().unwrap_or_else(PoisonError::into_inner);
        work.busy -= 1;
        if work.busy == 0 || !work.ranges.is_empty() || self.0.has_failed.load(Ordering::Relaxed) {
            self.0.changed.notify_all();
        }
    }
}
