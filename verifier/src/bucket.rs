//! This file is about the memory of seven keys: what a lookup reads, and what it knows by it.
//!
//! ```text
//! bytes   0-55  entries, 8 bytes each
//!        56-59  state
//!        60-255 rows, 28 bytes each: 96 bits of the digest (the entry's tag has 16 more), 128 of the id
//! ```
//!
//! The first of its four cache lines tells which of the keys may be meant. An entry is
//!
//! ```text
//! bit 63        44 43         28    27     26                            0
//!     rest of place  digest's tag  extended  profile, or where the extension begins
//! ```

use crate::record::{ROW_WORDS, RowWords};
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// How many keys a bucket holds. Models of it have fewer, or they would not end.
pub(crate) const SLOTS: usize = if cfg!(test) { 2 } else { 7 };

/// How many bits of the mixed place an entry keeps: enough to find the bucket again in a segment of another size, and the whole place.
pub(crate) const REST_BITS: u32 = 20;

const TAG_BITS: u32 = 16;
const NAME_BITS: u32 = 27;
const EXTENDED: u64 = 1 << NAME_BITS;

/// What an entry can name: profiles below this, and as many words of extensions (512 MiB a segment).
pub(crate) const MAX_NAMED: usize = 1 << NAME_BITS;

/// Seven keys, in four cache lines.
#[repr(C, align(64))]
pub(crate) struct Bucket {
    entries: [AtomicU64; SLOTS],
    state: AtomicU32,
    rows: [[AtomicU32; ROW_WORDS]; SLOTS],
}

const _: () = assert!(cfg!(test) || size_of::<Bucket>() == 256);

/// Which of a bucket's slots have a key, which had one, and whether keys went on from here to the next bucket because there was no
/// room. Bits are set and never cleared, so a state that was left never comes back.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct State(u32);

impl State {
    const PASSED: u32 = 1 << (2 * SLOTS);

    /// Keys were put further on that belong here.
    pub(crate) const fn is_passed(self) -> bool {
        self.0 & Self::PASSED != 0
    }

    pub(crate) const fn passed(self) -> Self {
        Self(self.0 | Self::PASSED)
    }

    /// There is a key in this slot.
    pub(crate) const fn is_live(self, slot: usize) -> bool {
        self.0 >> slot & 1 != 0 && self.0 >> (slot + SLOTS) & 1 == 0
    }

    pub(crate) const fn begun(self, slot: usize) -> Self {
        Self(self.0 | 1 << slot)
    }

    pub(crate) const fn ended(self, slot: usize) -> Self {
        Self(self.0 | 1 << (slot + SLOTS))
    }

    /// A slot in which no key ever was.
    pub(crate) fn free(self) -> Option<usize> {
        (0..SLOTS).find(|slot| self.0 >> slot & 1 == 0)
    }
}

/// What an entry names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    /// The key's profile: there is nothing else to say of it.
    Profile(u32),
    /// Where the key's extension begins, in words.
    Extension(usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry(u64);

impl Entry {
    /// `named` is less than [`MAX_NAMED`].
    pub(crate) const fn new(rest: u32, tag: u16, named: Named) -> Self {
        let named = match named {
            Named::Profile(profile) => profile as u64,
            Named::Extension(offset) => offset as u64 | EXTENDED,
        };
        Self(Self::wanted(rest, tag).0 | named)
    }

    /// What an entry for this place and digest looks like, without what it names.
    pub(crate) const fn wanted(rest: u32, tag: u16) -> Self {
        Self((rest as u64) << (TAG_BITS + NAME_BITS + 1) | (tag as u64) << (NAME_BITS + 1))
    }

    pub(crate) const fn is_for(self, wanted: Self) -> bool {
        (self.0 ^ wanted.0) >> (NAME_BITS + 1) == 0
    }

    pub(crate) const fn rest(self) -> u32 {
        (self.0 >> (TAG_BITS + NAME_BITS + 1)) as u32
    }

    pub(crate) const fn tag(self) -> u16 {
        (self.0 >> (NAME_BITS + 1)) as u16
    }

    pub(crate) const fn named(self) -> Named {
        let named = self.0 & (EXTENDED - 1);
        if self.0 & EXTENDED == 0 { Named::Profile(named as u32) } else { Named::Extension(named as usize) }
    }
}

/// One key's memory.
pub(crate) struct Slot<'a> {
    /// Which one of the bucket's.
    pub(crate) number: usize,
    pub(crate) entry: Entry,
    row: &'a [AtomicU32; ROW_WORDS],
}

impl Slot<'_> {
    #[inline]
    pub(crate) fn row(&self) -> RowWords {
        RowWords(self.row.each_ref().map(|word| word.load(Ordering::Relaxed)))
    }
}

impl Bucket {
    pub(crate) fn new() -> Self {
        Self {
            entries: std::array::from_fn(|_| AtomicU64::new(0)),
            state: AtomicU32::new(0),
            rows: std::array::from_fn(|_| std::array::from_fn(|_| AtomicU32::new(0))),
        }
    }

    /// Its state, and a view of everything that was stored before.
    #[inline]
    pub(crate) fn state(&self) -> State {
        State(self.state.load(Ordering::Acquire))
    }

    /// The slots that have a key by this state. Only a caller that is the writer, or that finds the same state afterwards,
    /// may believe them.
    #[inline]
    pub(crate) fn slots(&self, state: State) -> impl Iterator<Item = Slot<'_>> {
        let slots = self.entries.iter().zip(&self.rows).enumerate();
        slots.filter(move |(number, _)| state.is_live(*number)).map(|(number, (entry, row))| Slot {
            number,
            entry: Entry(entry.load(Ordering::Relaxed)),
            row,
        })
    }

    /// Fills a slot in which no key ever was; nobody looks there before the state says so. For the writer only.
    pub(crate) fn fill(&self, slot: usize, entry: Entry, row: &RowWords) {
        if let Some((to, words)) = self.entries.get(slot).zip(self.rows.get(slot)) {
            to.store(entry.0, Ordering::Relaxed);
            words.iter().zip(row.0).for_each(|(word, value)| word.store(value, Ordering::Relaxed));
        }
    }

    /// Says how it is from now on. For the writer only.
    pub(crate) fn enter(&self, state: State) {
        self.state.store(state.0, Ordering::Release);
    }

    /// Makes a slot's memory zero. For the writer only.
    pub(crate) fn wipe(&self, slot: usize) {
        self.fill(slot, Entry(0), &RowWords::default());
    }

    /// Makes all of it zero but the state. For the writer only.
    pub(crate) fn wipe_all(&self) {
        (0..SLOTS).for_each(|slot| self.wipe(slot));
    }
    /// An entry counts as the two words that it is.
    #[cfg(test)]
    pub(crate) fn nonzero_words(&self) -> usize {
        let entries = self.entries.iter().filter(|word| word.load(Ordering::Relaxed) != 0).count();
        let words = self.rows.iter().flatten().filter(|word| word.load(Ordering::Relaxed) != 0).count();
        2 * entries + words
    }
}
