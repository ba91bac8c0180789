//! This file is about changing a segment: the one writer's bookkeeping, and when a segment is rebuilt.
//!
//! A segment is full when seventeen of eighteen slots are in use (by ended keys too) or its extensions have reached the end.
//! Then it is rebuilt into a new one with room for a sixteenth more keys: memory stays close to what they need, and each insert pays for
//! about sixteen moved keys.

use crate::bucket::{Bucket, Entry, MAX_NAMED, Named, SLOTS, Slot, State};
use crate::record::{Fingerprint, ROW_WORDS, Record, Row, RowWords};
use crate::segment::Segment;
use crate::sync::Ordering;

/// The most buckets that a lookup may walk. Where chance alone places keys, the longest walk in a full segment is about a hundred.
pub(crate) const MAX_RUN: usize = 256;

/// A segment may have this many words of ended keys before it shrinks, and as many more as it has of live ones.
const TOLERATED_DEAD_WORDS: usize = 1024;

/// What a key takes in its bucket, with its entry.
const SLOT_WORDS: usize = ROW_WORDS + 2;

/// The writing side of one segment. Its methods take the segment that it belongs to.
#[derive(Default)]
pub(crate) struct Writer {
    rows: usize,
    /// How many slots may be in use; the rest keeps the walks short.
    usable_slots: usize,
    used_slots: usize,
    /// Of the extensions.
    used_words: usize,
    dead_words: usize,
}

impl Writer {
    /// A segment without room, and its writer.
    pub(crate) fn with_empty_segment() -> (Segment, Self) {
        Self::with_room(0, 0)
    }

    pub(crate) fn with_room(rows: usize, words: usize) -> (Segment, Self) {
        let segment = Segment::new((rows + rows / 17).div_ceil(SLOTS), words);
        (segment, Self { usable_slots: rows, ..Self::default() })
    }

    pub(crate) const fn rows(&self) -> usize {
        self.rows
    }

    /// Is half of the room free, and none of it taken by ended keys?
    pub(crate) const fn is_sparse(&self) -> bool {
        self.used_slots == self.rows && self.usable_slots >= self.rows * 2
    }

    /// For how many rows to make room where keys do not find any, although there is some.
    pub(crate) const fn more_rows(&self) -> usize {
        self.usable_slots + self.usable_slots / 16 + 4
    }

    /// Is there room for one more key with an extension of so many words?
    pub(crate) fn fits(&self, segment: &Segment, words: usize) -> bool {
        self.used_slots < self.usable_slots && self.used_words + words <= segment.words()
    }

    /// Is it time to give memory back?
    pub(crate) const fn is_mostly_dead(&self) -> bool {
        let dead = (self.used_slots - self.rows) * SLOT_WORDS + self.dead_words;
        dead > self.rows * SLOT_WORDS + self.live_words() + TOLERATED_DEAD_WORDS
    }

    /// Puts a record in, for which there is room, in the place of rows with the same id or the same digest; returns those.
    /// `None`: there is no room where a lookup would come to.
    pub(crate) fn insert(&mut self, segment: &Segment, rest: u32, record: &Record) -> Option<Vec<Row>> {
        let wanted = Entry::wanted(rest, record.fingerprint.tag);
        let is_same = |entry: Entry, row: &RowWords| {
            row.id() == record.id || entry.is_for(wanted) && row.is_of(&record.fingerprint)
        };
        let same = find(segment, rest, is_same);
        // Never before one of those that it replaces: readers walk on from there.
        let before = same.last().map_or(0, |(walked, ..)| *walked);
        let mut from = segment.run(rest).enumerate().skip(before);
        let (walked, target, slot) =
            from.find_map(|(walked, bucket)| Some((walked, bucket, bucket.state().free()?)))?;
        for bucket in segment.run(rest).take(walked) {
            bucket.enter(bucket.state().passed());
        }
        let named = self.extend(segment, record);
        target.fill(slot, Entry::new(rest, record.fingerprint.tag, named), &record.row);
        self.used_slots += 1;
        self.rows += 1;

        let ended = same.iter().filter_map(|(_, _, slot)| known(segment, slot)).map(|(_, row)| row).collect();
        let (here, before): (Vec<_>, Vec<_>) =
            same.into_iter().partition(|(_, bucket, _)| std::ptr::eq(*bucket, target));
        let here: Vec<Slot<'_>> = here.into_iter().map(|(.., slot)| slot).collect();
        // In one step: a reader finds the one or the other.
        self.enter(segment, target, target.state().begun(slot), &here);
        for (_, bucket, slot) in before {
            self.enter(segment, bucket, bucket.state(), &[slot]);
        }
        Some(ended)
    }

    /// Ends every row of this id at this place, and returns them.
    pub(crate) fn remove(&mut self, segment: &Segment, rest: u32, id: u128) -> Vec<(Fingerprint, Row)> {
        let ending = find(segment, rest, |_, row| row.id() == id);
        let ended = ending.iter().filter_map(|(_, _, slot)| known(segment, slot)).collect();
        for (_, bucket, slot) in ending {
            self.enter(segment, bucket, bucket.state(), &[slot]);
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
        // As many words a row as so far; and some, for when keys without extensions get them.
        let room = (needed.checked_mul(rows)?.div_ceil(self.rows + 1)).max(needed + rows / 32).min(MAX_NAMED);
        if room < needed {
            return None;
        }
        let (successor, mut writer) = Self::with_room(rows, room);
        for bucket in segment.scattered() {
            for slot in bucket.slots(bucket.state()) {
                if writer.adopt(&successor, segment, &slot).is_none() {
                    // As where one more finds no room.
                    let more = writer.more_rows();
                    return if self.rows * 2 < rows { None } else { self.rebuild(segment, more, words) };
                }
            }
        }
        Some((successor, writer))
    }

    fn adopt(&mut self, successor: &Segment, old: &Segment, slot: &Slot<'_>) -> Option<()> {
        let entry = slot.entry;
        for bucket in successor.run(entry.rest()) {
            let state = bucket.state();
            let Some(free) = state.free() else {
                bucket.enter(state.passed());
                continue;
            };
            let extension = old.extension(entry);
            let named = match entry.named() {
                Named::Profile(profile) => Named::Profile(profile),
                Named::Extension(_) => Named::Extension(self.used_words),
            };
            successor.write(self.used_words, extension.iter().map(|word| word.load(Ordering::Relaxed)));
            bucket.fill(free, Entry::new(entry.rest(), entry.tag(), named), &slot.row());
            bucket.enter(state.begun(free));
            self.used_words += extension.len();
            self.used_slots += 1;
            self.rows += 1;
            return Some(());
        }
        None
    }

    /// Writes a record's extension, if it has one: what its entry is to name.
    fn extend(&mut self, segment: &Segment, record: &Record) -> Named {
        if record.extension.is_empty() {
            return Named::Profile(record.profile);
        }
        let offset = self.used_words;
        segment.write(offset, record.extension.iter().copied());
        self.used_words += record.extension.len();
        Named::Extension(offset)
    }

    /// Says how a bucket is from now on, with the end of some of its keys.
    fn enter(&mut self, segment: &Segment, bucket: &Bucket, state: State, ending: &[Slot<'_>]) {
        self.dead_words += ending.iter().map(|slot| segment.extension(slot.entry).len()).sum::<usize>();
        self.rows -= ending.len();
        segment.enter(bucket, state, ending);
    }

    const fn live_words(&self) -> usize {
        self.used_words - self.dead_words
    }
}

/// A slot's key, and what it is found by.
fn known(segment: &Segment, slot: &Slot<'_>) -> Option<(Fingerprint, Row)> {
    let words = slot.row();
    let (row, _) = segment.unpack(slot.entry, &words)?;
    Some((words.fingerprint(slot.entry.tag()), row))
}

/// Every key at this place that is the one looked for, its bucket, and how many buckets come before that.
fn find<'a>(
    segment: &'a Segment,
    rest: u32,
    is_it: impl Fn(Entry, &RowWords) -> bool,
) -> Vec<(usize, &'a Bucket, Slot<'a>)> {
    let mut found = Vec::new();
    for (walked, bucket) in segment.run(rest).enumerate() {
        let state = bucket.state();
        let at_place = bucket.slots(state).filter(|slot| slot.entry.rest() == rest);
        let its = at_place.filter(|slot| is_it(slot.entry, &slot.row()));
        found.extend(its.map(|slot| (walked, bucket, slot)));
        if !state.is_passed() {
            break;
        }
    }
    found
}
