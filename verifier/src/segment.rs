//! This file is about the memory of one part of a table, and how it is read while it changes.
//!
//! A segment is a row of [buckets](crate::bucket), and an area of extensions, filled from the front, for what is to be said of a key
//! beside its profile. A key is in the first bucket of its place, or, where that was full, in one of those that are tried
//! [after it](Segment::run). One writer at a time (a mutex sees to that) and any number of readers. Memory is used once: it is written before its bucket's state says that the key is
//! there, never changed while the state says so, and zero afterwards, until the whole segment is replaced by a rebuilt one.
//!
//! # Why a reader never sees a mixture, and never a removed key
//!
//! *Publishing.* The writer stores the key's entry, row and extension, then the state with `Release`. A reader loads the state with
//! `Acquire`: it sees all of the keys that it names.
//!
//! *Ending.* The writer stores the state that follows (without the key, and with the one that replaces it, if that is in the same bucket), issues a
//! `Release` fence, and zeroes the old words. The reader loads words, issues an `Acquire` fence, and loads the state
//! again. If any of its words came from the zeroing, the two fences synchronise, so the second load must see the
//! state that followed, or a later one. States never return to an old value (their bits are set and never cleared), so an
//! unchanged state proves that every word was the key's. A changed one sends the reader round the bucket again, also if it found nothing:
//! a key that was replaced meanwhile is in another slot.
//!
//! *Going on.* A key that finds a bucket full goes to a later one of its run; before it is published there, the states of all buckets
//! before say that keys have passed, and whoever does not find a key there looks further. A key that is replaced goes to the bucket that
//! it is in or a later one, and is published there before it ends here: who sees that it ended (`Acquire`) sees where it went. So a key that
//! is there all the time is found, by readers who walk the same way.
//!
//! *Replacing the segment.* The table first publishes the successor segment, then [`Segment::retire`]s this one: sets
//! `retired`, a `Release` fence, zeroes everything but the states. A reader looks at `retired` after its `Acquire` fence before it
//! believes anything, a miss included; by the same argument, having seen one zeroed word it sees `retired` and starts again in
//! the successor. (`retired` itself is stored with `Release` and loaded with `Acquire`, so that whoever sees it also sees the
//! successor, and does not come back here.) So a reader that is held up in an old segment cannot come back with an old answer, and old copies
//! are wiped at once, not when the last reader has left.
//!
//! *After a removal.* The state without the key (or the successor segment, when the removal happened there) was stored before the
//! removal returned. A lookup that begins later, having learnt of the return in any way that orders memory, cannot load an
//! older value of the same word: coherence.
//!
//! *Progress.* Readers go round again only because a writer finished a step: lock-free.

use std::ptr;

use keyward_prefetch::{LargePages, prefetch};

use crate::bucket::{Bucket, Entry, Named, REST_BITS, Slot, State};
use crate::record::{Details, Fingerprint, Head, Row, RowWords};
use crate::sync::{AtomicBool, AtomicU32, Ordering, fence};
use crate::writer::MAX_RUN;

/// 2^20 divided by the golden ratio: places that share their first bucket get second ones far from each other.
const SPREAD: u32 = 0x9_E377;

/// How far apart are buckets that are moved one after the other. From 4 on walks are as short as in an order by chance.
const APART: usize = 8;

/// Buckets and extensions of one part of a table.
pub(crate) struct Segment {
    buckets: Box<[Bucket]>,
    extensions: Box<[AtomicU32]>,
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
    pub(crate) fn new(buckets: usize, words: usize) -> Self {
        Self {
            buckets: (0..buckets).map(|_| Bucket::new()).collect(),
            extensions: (0..words).map(|_| AtomicU32::new(0)).collect(),
            retired: AtomicBool::new(false),
        }
    }

    pub(crate) fn words(&self) -> usize {
        self.extensions.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.buckets) + size_of_val(&*self.extensions)
    }

    /// Every bucket that a key with this rest of a place may be in, in the order in which they are tried: its own, a second one that
    /// neighbours do not share, and those behind that. In a full segment nine keys in ten are in the first two.
    #[inline]
    pub(crate) fn run(&self, rest: u32) -> impl Iterator<Item = &Bucket> {
        let (first, second) = self.starts(rest);
        let first = self.buckets.get(first);
        let (before, from) = self.buckets.split_at_checked(second).unwrap_or((&[], &self.buckets));
        let others = from.iter().chain(before);
        let others = others.filter(move |other| first.is_none_or(|first| !ptr::eq(*other, first)));
        first.into_iter().chain(others).take(MAX_RUN)
    }

    /// The first two of a run. A rest is a fraction of 2^20; scaled to the buckets it is one of them, without a division.
    #[inline]
    fn starts(&self, rest: u32) -> (usize, usize) {
        let scaled = |rest| ((u64::from(rest) * self.buckets.len() as u64) >> REST_BITS) as usize;
        (scaled(rest), scaled(rest.wrapping_mul(SPREAD) & ((1 << REST_BITS) - 1)))
    }

    /// Asks for the memory that a lookup will read first.
    #[inline]
    pub(crate) fn prefetch(&self, rest: u32) {
        let (first, second) = self.starts(rest);
        [first, second].into_iter().filter_map(|at| self.buckets.get(at)).for_each(prefetch);
    }

    /// Wants large pages for its memory.
    pub(crate) fn want(&self, pages: &mut LargePages) {
        pages.want(&self.buckets);
        pages.want(&self.extensions);
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
        for bucket in self.run(rest) {
            let mut state = bucket.state();
            loop {
                let found = self.find_in(bucket, state, rest, fingerprint, resolve);
                fence(Ordering::Acquire);
                let now = bucket.state();
                if now == state {
                    if let Some(found) = found {
                        return self.unless_retired(Lookup::Found(found));
                    }
                    break;
                }
                state = now;
            }
            if !state.is_passed() {
                break;
            }
        }
        self.unless_retired(Lookup::Absent)
    }

    #[inline]
    fn find_in<R>(
        &self,
        bucket: &Bucket,
        state: State,
        rest: u32,
        fingerprint: &Fingerprint,
        resolve: &mut impl FnMut(Row, Details<'_>) -> R,
    ) -> Option<R> {
        let wanted = Entry::wanted(rest, fingerprint.tag);
        let meant = bucket.slots(state).filter(|slot| slot.entry.is_for(wanted));
        let mut meant = meant.map(|slot| (slot.entry, slot.row()));
        let (entry, row) = meant.find(|(_, row)| row.is_of(fingerprint))?;
        let (row, details) = self.unpack(entry, &row)?;
        Some(resolve(row, details))
    }

    /// What is known of a key. Only a caller that is the writer, or that looks at the state again afterwards, may believe it.
    #[inline]
    pub(crate) fn unpack(&self, entry: Entry, row: &RowWords) -> Option<(Row, Details<'_>)> {
        Some(match entry.named() {
            Named::Profile(profile) => row.plain(profile),
            Named::Extension(offset) => {
                let (head, tail) = Head::read(self.extensions.get(offset..)?)?;
                head.unpack(row.id(), tail)
            }
        })
    }

    /// Every bucket. For the writer only.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = &Bucket> {
        self.buckets.iter()
    }

    /// Every bucket, in the order in which a successor is filled: neighbours apart. From the first to the last, those that found no
    /// room were met again where they had gone, behind one another, and full buckets grew into long rows. For the writer only.
    pub(crate) fn scattered(&self) -> impl Iterator<Item = &Bucket> {
        (0..APART).flat_map(|first| self.buckets.iter().skip(first).step_by(APART))
    }

    /// Every key, with the rest of its place and what it is found by. For the writer only.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (u32, Fingerprint, Row)> {
        let slots = self.buckets().flat_map(|bucket| bucket.slots(bucket.state()));
        slots.filter_map(|slot| {
            let (entry, words) = (slot.entry, slot.row());
            let (row, _) = self.unpack(entry, &words)?;
            Some((entry.rest(), words.fingerprint(entry.tag()), row))
        })
    }

    /// The words of an entry's extension; none if it has none. For the writer only.
    pub(crate) fn extension(&self, entry: Entry) -> &[AtomicU32] {
        match entry.named() {
            Named::Profile(_) => &[],
            Named::Extension(offset) => {
                let from = self.extensions.get(offset..).unwrap_or_default();
                let length = Head::read(from).map_or(0, |(head, _)| head.len());
                from.get(..length).unwrap_or_default()
            }
        }
    }

    /// Fills unused memory with an extension that no entry names yet. For the writer only.
    pub(crate) fn write(&self, offset: usize, words: impl Iterator<Item = u32>) {
        let unused = self.extensions.get(offset..).unwrap_or_default();
        unused.iter().zip(words).for_each(|(word, value)| word.store(value, Ordering::Relaxed));
    }

    /// Says how a bucket is from now on, with the end of some of its keys, and wipes those. For the writer only.
    pub(crate) fn enter(&self, bucket: &Bucket, state: State, ending: &[Slot<'_>]) {
        let extensions: Vec<_> = ending.iter().map(|slot| self.extension(slot.entry)).collect();
        bucket.enter(ending.iter().fold(state, |state, slot| state.ended(slot.number)));
        fence(Ordering::Release);
        ending.iter().for_each(|slot| bucket.wipe(slot.number));
        extensions.into_iter().flatten().for_each(|word| word.store(0, Ordering::Relaxed));
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

    fn wipe(&self) {
        self.buckets.iter().for_each(Bucket::wipe_all);
        self.extensions.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        // On the way to be freed the stores are dead in the compiler's eyes; this says that they are not.
        zeroize::optimization_barrier(&*self.buckets);
        zeroize::optimization_barrier(&*self.extensions);
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
