//! This file is about the memory of one part of a table, and how it is read while it changes.
//!
//! A segment is an index of 8-byte [entries](crate::entry), probed linearly from a key's home, and an area of
//! [records](crate::record), filled from the front. One writer at a time (a mutex sees to that) and any number of
//! readers. Memory of a record is used once: it is written before its entry appears, never changed while the entry
//! stands, and zero afterwards, until the whole segment is replaced by a rebuilt one.
//!
//! # Why a reader never sees a mixture, and never a removed key
//!
//! *Publishing.* The writer stores the record's words, then the entry with `Release`. A reader loads the entry with
//! `Acquire`: it sees the whole record.
//!
//! *Ending.* The writer stores the entry's successor (a tombstone, or the entry of the replacing record), issues a
//! `Release` fence, and zeroes the old words. The reader loads words, issues an `Acquire` fence, and loads the entry
//! again. If any of its words came from the zeroing, the two fences synchronise, so the second load must see the
//! successor, or something later. Entries never return to an old value (each record has an offset of its own), so an
//! unchanged entry proves that every word was the record's. A changed one sends the reader round again.
//!
//! *Replacing the segment.* The table first publishes the successor segment, then [`Segment::retire`]s this one: sets
//! `retired`, a `Release` fence, zeroes everything. A reader looks at `retired` after its `Acquire` fence before it
//! believes anything, a miss included; by the same argument, having seen one zeroed word it sees `retired` and starts again in
//! the successor. (`retired` itself is stored with `Release` and loaded with `Acquire`, so that whoever sees it also sees the
//! successor, and does not come back here.) So a reader that is held up in an old segment cannot come back with an old answer, and old copies
//! are wiped at once, not when the last reader has left.
//!
//! *After a removal.* The tombstone (or the successor segment, when the removal happened there) was stored before the
//! removal returned. A lookup that begins later, having learnt of the return in any way that orders memory, cannot load an
//! older value of the same word: coherence.
//!
//! *Progress.* Readers go round again only because a writer finished a step: lock-free.

use crate::entry::{Entry, REST_BITS};
use crate::record::{Details, Fingerprint, HEAD_WORDS, Head, Row};
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence};
use crate::writer::MAX_RUN;

/// Index and records of one part of a table.
pub(crate) struct Segment {
    index: Box<[AtomicU64]>,
    records: Box<[AtomicU32]>,
    retired: AtomicBool,
}

/// What came of looking into one segment.
pub(crate) enum Lookup<T> {
    Found(T),
    Absent,
    /// The segment was replaced meanwhile; ask the successor.
    Retired,
}

impl Segment {
    pub(crate) fn new(slots: usize, words: usize) -> Self {
        Self {
            index: (0..slots).map(|_| AtomicU64::new(Entry::EMPTY.0)).collect(),
            records: (0..words).map(|_| AtomicU32::new(0)).collect(),
            retired: AtomicBool::new(false),
        }
    }

    pub(crate) fn words(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.index) + size_of_val(&*self.records)
    }

    /// Every slot that a key with this rest of a place may be in, from its home on.
    #[inline]
    pub(crate) fn run(&self, rest: u32) -> impl Iterator<Item = &AtomicU64> {
        // The rest is a fraction of 2^20; scaled to the slots it is the home, without a division.
        let home = ((u64::from(rest) * self.index.len() as u64) >> REST_BITS) as usize;
        let (before, from) = self.index.split_at_checked(home).unwrap_or((&[], &self.index));
        from.iter().chain(before).take(MAX_RUN)
    }

    pub(crate) fn slots_in_order(&self) -> impl Iterator<Item = &AtomicU64> {
        self.index.iter()
    }

    /// Looks a key up. `resolve` is called with the row while it is known to be live: what it reads of things that are
    /// only released after the row's end belongs to this row. It may be called for a row that is not returned.
    #[inline]
    pub(crate) fn find<R>(
        &self,
        rest: u32,
        fingerprint: &Fingerprint,
        resolve: &mut impl FnMut(Row, Details<'_>) -> R,
    ) -> Lookup<R> {
        let wanted = Entry::wanted(rest, fingerprint.tag);
        for slot in self.run(rest) {
            let mut entry = Entry(slot.load(Ordering::Acquire));
            if entry == Entry::EMPTY {
                break;
            }
            while entry.is_for(wanted) {
                let found = self.read(entry, |head| head.is_of(fingerprint));
                let found = found.map(|(row, details)| resolve(row, details));
                fence(Ordering::Acquire);
                let now = Entry(slot.load(Ordering::Acquire));
                if now == entry {
                    match found {
                        Some(found) => return self.unless_retired(Lookup::Found(found)),
                        None => break,
                    }
                }
                entry = now;
            }
        }
        fence(Ordering::Acquire);
        self.unless_retired(Lookup::Absent)
    }

    /// Reads the entry's record if its head is the one looked for. Only a caller that is the writer, or that looks at
    /// the entry again afterwards, may believe it.
    #[inline]
    pub(crate) fn read(
        &self,
        entry: Entry,
        is_wanted: impl FnOnce(&Head) -> bool,
    ) -> Option<(Row, Details<'_>)> {
        let (head, tail) = self.record(entry)?;
        let head = Head(head.each_ref().map(|word| word.load(Ordering::Relaxed)));
        is_wanted(&head).then(|| head.unpack(tail))
    }

    /// The entry's row with what it is found by, if its head is the one looked for. For the writer only.
    pub(crate) fn known(
        &self,
        entry: Entry,
        is_wanted: impl FnOnce(&Head) -> bool,
    ) -> Option<(Fingerprint, Row)> {
        let (head, tail) = self.record(entry)?;
        let head = Head(head.each_ref().map(|word| word.load(Ordering::Relaxed)));
        is_wanted(&head).then(|| (head.fingerprint(entry.tag()), head.unpack(tail).0))
    }

    /// Every row, with what it is found by. For the writer only.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (Fingerprint, Row)> {
        let entries = self.slots_in_order().map(|slot| Entry(slot.load(Ordering::Relaxed)));
        entries.filter(|entry| entry.is_live()).filter_map(|entry| self.known(entry, |_| true))
    }

    /// The words of the entry's record. For the writer only.
    pub(crate) fn copy_of(&self, entry: Entry) -> impl Iterator<Item = u32> {
        self.record_words(entry).iter().map(|word| word.load(Ordering::Relaxed))
    }

    /// How many words the entry's record has. For the writer only.
    pub(crate) fn len_of(&self, entry: Entry) -> usize {
        self.record_words(entry).len()
    }

    /// Fills unused memory with a record that no entry names yet. For the writer only.
    pub(crate) fn write(&self, offset: usize, words: impl Iterator<Item = u32>) {
        let unused = self.records.get(offset..).unwrap_or_default();
        unused.iter().zip(words).for_each(|(word, value)| word.store(value, Ordering::Relaxed));
    }

    /// Puts `new` in the place of what `slot` holds, and wipes the record of the entry that ends by it. For the writer only.
    pub(crate) fn replace(&self, slot: &AtomicU64, new: Entry) {
        let old = Entry(slot.load(Ordering::Relaxed));
        let ending = self.record_words(old);
        slot.store(new.0, Ordering::Release);
        fence(Ordering::Release);
        ending.iter().for_each(|word| word.store(0, Ordering::Relaxed));
    }

    /// Ends the segment, whose successor is published already: sends its readers there and wipes it. For the writer only.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
        fence(Ordering::Release);
        self.wipe();
    }

    fn unless_retired<T>(&self, answer: Lookup<T>) -> Lookup<T> {
        if self.retired.load(Ordering::Acquire) { Lookup::Retired } else { answer }
    }

    #[inline]
    fn record(&self, entry: Entry) -> Option<(&[AtomicU32; HEAD_WORDS], &[AtomicU32])> {
        self.records.get(entry.offset()..)?.split_first_chunk()
    }

    /// Empty for an entry that names no record.
    fn record_words(&self, entry: Entry) -> &[AtomicU32] {
        let live = if entry.is_live() { self.record(entry) } else { None };
        let Some((head, _)) = live else { return &[] };
        let len = Head(head.each_ref().map(|word| word.load(Ordering::Relaxed))).len();
        self.records.get(entry.offset()..entry.offset() + len).unwrap_or_default()
    }

    fn wipe(&self) {
        self.index.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        self.records.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        // On the way to be freed the stores are dead in the compiler's eyes; this says that they are not.
        zeroize::optimization_barrier(&*self.index);
        zeroize::optimization_barrier(&*self.records);
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        if !self.retired.load(Ordering::Relaxed) {
            self.wipe();
        }
    }
}

#[cfg(test)]
mod tests;
