//! This file is about changing a segment: the one writer's bookkeeping, and when a segment is rebuilt.
//!
//! A segment is full when four fifths of its slots are in use (by tombstones too) or its records have reached the end.
//! Then it is rebuilt into a new one with room for a sixteenth more rows of the mean size so far: memory stays close to what the
//! rows need, and each insert pays for about sixteen moved records.

use crate::entry::{Entry, MAX_WORDS};
use crate::record::{Fingerprint, Head, Record, Row};
use crate::segment::Segment;
use crate::sync::{AtomicU64, Ordering};

/// The longest run of entries that a lookup may follow. At four fifths full, runs of this length do not happen by
/// chance (less than one in 10^20).
pub(crate) const MAX_RUN: usize = 2048;

/// A segment may have this many words of ended records before it shrinks, and as many more as it has of live ones.
const TOLERATED_DEAD_WORDS: usize = 1024;

/// The writing side of one segment. Its methods take the segment that it belongs to.
#[derive(Default)]
pub(crate) struct Writer {
    rows: usize,
    /// How many slots may be in use; the rest keeps the runs short, and is one slot at least.
    usable_slots: usize,
    used_slots: usize,
    used_words: usize,
    dead_words: usize,
}

impl Writer {
    /// A segment without room, and its writer.
    pub(crate) fn with_empty_segment() -> (Segment, Self) {
        Self::with_room(0, 0)
    }

    pub(crate) fn with_room(rows: usize, words: usize) -> (Segment, Self) {
        // Word 0 is never used: an entry of zero means "nothing".
        let segment = Segment::new(rows + rows / 4 + 1, words + 1);
        (segment, Self { usable_slots: rows, used_words: 1, ..Self::default() })
    }

    pub(crate) const fn rows(&self) -> usize {
        self.rows
    }

    /// Is there room for one more row of so many words?
    pub(crate) fn fits(&self, segment: &Segment, words: usize) -> bool {
        self.used_slots < self.usable_slots && self.used_words + words <= segment.words()
    }

    /// Is it time to give memory back?
    pub(crate) const fn is_mostly_dead(&self) -> bool {
        self.dead_words > self.live_words() + TOLERATED_DEAD_WORDS
    }

    /// Puts a record in, for which there is room, in the place of rows with the same id or the same digest; returns those.
    /// `None`: the run is too long.
    pub(crate) fn insert(&mut self, segment: &Segment, rest: u32, record: &Record) -> Option<Vec<Row>> {
        let wanted = Entry::wanted(rest, record.fingerprint.tag);
        let mut ended = Vec::new();
        let mut same = Vec::new();
        let mut free = None;
        for slot in segment.run(rest) {
            let entry = Entry(slot.load(Ordering::Relaxed));
            if entry.is_at(rest) {
                let is_same = |head: &Head| {
                    head.id() == record.id || entry.is_for(wanted) && head.is_of(&record.fingerprint)
                };
                if let Some((row, _)) = segment.read(entry, is_same) {
                    ended.push(row);
                    same.push(slot);
                }
            } else if !entry.is_live() {
                free = free.or(Some(slot));
            }
            if entry == Entry::EMPTY {
                break;
            }
        }
        let (target, others) = match same.split_first() {
            Some((first, others)) => (*first, others),
            None => (free?, [].as_slice()),
        };
        self.publish(segment, target, rest, record);
        others.iter().for_each(|slot| self.end(segment, slot, Entry::TOMBSTONE));
        Some(ended)
    }

    /// Ends every row of this id at this place, and returns them.
    pub(crate) fn remove(&mut self, segment: &Segment, rest: u32, id: u128) -> Vec<(Fingerprint, Row)> {
        let mut ended = Vec::new();
        for slot in segment.run(rest) {
            let entry = Entry(slot.load(Ordering::Relaxed));
            if entry == Entry::EMPTY {
                break;
            }
            if entry.is_at(rest)
                && let Some((fingerprint, row)) = segment.known(entry, |head| head.id() == id)
            {
                ended.push((fingerprint, row));
                self.end(segment, slot, Entry::TOMBSTONE);
            }
        }
        ended
    }

    /// The successor of a segment: its live rows, with room for `words` more at least. The old one is left as it is. It has
    /// room for up to `expected_rows` in few steps, and for little more than it needs from there on. `None`: too large.
    pub(crate) fn rebuild(
        &self,
        segment: &Segment,
        expected_rows: usize,
        words: usize,
    ) -> Option<(Segment, Self)> {
        let needed = self.live_words() + words;
        // Never more than double at once: the first rows may be larger than those to come.
        let rows = expected_rows.min(self.rows * 2 + 16).max(self.rows + self.rows / 16 + 4);
        let room = needed.checked_mul(rows)?.div_ceil(self.rows + 1).min(MAX_WORDS - 1);
        if room < needed {
            return None;
        }
        let (successor, mut writer) = Self::with_room(rows, room);
        for slot in segment.slots_in_order() {
            let entry = Entry(slot.load(Ordering::Relaxed));
            if entry.is_live() {
                writer.adopt(&successor, segment, entry)?;
            }
        }
        Some((successor, writer))
    }

    fn adopt(&mut self, successor: &Segment, old: &Segment, entry: Entry) -> Option<()> {
        let free = successor.run(entry.rest()).find(|slot| slot.load(Ordering::Relaxed) == Entry::EMPTY.0)?;
        successor.write(self.used_words, old.copy_of(entry));
        successor.replace(free, entry.moved_to(self.used_words));
        self.used_words += old.len_of(entry);
        self.used_slots += 1;
        self.rows += 1;
        Some(())
    }

    fn publish(&mut self, segment: &Segment, slot: &AtomicU64, rest: u32, record: &Record) {
        let entry = Entry::new(rest, record.fingerprint.tag, self.used_words);
        segment.write(self.used_words, record.words.iter().copied());
        self.used_words += record.words.len();
        self.used_slots += usize::from(slot.load(Ordering::Relaxed) == Entry::EMPTY.0);
        self.rows += 1;
        self.end(segment, slot, entry);
    }

    fn end(&mut self, segment: &Segment, slot: &AtomicU64, successor: Entry) {
        let old = Entry(slot.load(Ordering::Relaxed));
        self.dead_words += segment.len_of(old);
        self.rows -= usize::from(old.is_live());
        segment.replace(slot, successor);
    }

    const fn live_words(&self) -> usize {
        self.used_words - self.dead_words - 1
    }
}
