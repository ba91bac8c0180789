//! This file is about one word of a segment's index: which key may be meant, and where its record begins.
//!
//! ```text
//! bit 63        44 43         28 27                0
//!     rest of place  digest's tag  offset of the record
//! ```

/// How many bits of the mixed place an entry keeps: enough to find the home again in a segment of another size.
pub(crate) const REST_BITS: u32 = 20;

const TAG_BITS: u32 = 16;
const OFFSET_BITS: u32 = 28;

/// The largest number of 32-bit words that the records of a segment may take: 1 GiB. The last offset is the tombstone's.
pub(crate) const MAX_WORDS: usize = (1 << OFFSET_BITS) - 1;

/// One index word. Within one segment a value never comes back after it was overwritten, because every record gets an
/// offset of its own: that makes the entry the version by which a reader knows that a record stayed the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry(pub(crate) u64);

impl Entry {
    /// Nothing was ever here; a run ends.
    pub(crate) const EMPTY: Self = Self(0);

    /// A removed key's entry; the run goes on.
    pub(crate) const TOMBSTONE: Self = Self(MAX_WORDS as u64);

    pub(crate) const fn new(rest: u32, tag: u16, offset: usize) -> Self {
        Self(Self::wanted(rest, tag).0 | offset as u64)
    }

    /// What an entry for this place and digest looks like, without its offset.
    pub(crate) const fn wanted(rest: u32, tag: u16) -> Self {
        Self((rest as u64) << (TAG_BITS + OFFSET_BITS) | (tag as u64) << OFFSET_BITS)
    }

    pub(crate) fn is_for(self, wanted: Self) -> bool {
        (self.0 ^ wanted.0) >> OFFSET_BITS == 0 && self.is_live()
    }

    pub(crate) fn is_at(self, rest: u32) -> bool {
        self.rest() == rest && self.is_live()
    }

    pub(crate) fn is_live(self) -> bool {
        self != Self::EMPTY && self != Self::TOMBSTONE
    }

    pub(crate) const fn rest(self) -> u32 {
        (self.0 >> (TAG_BITS + OFFSET_BITS)) as u32
    }

    pub(crate) const fn tag(self) -> u16 {
        (self.0 >> OFFSET_BITS) as u16
    }

    pub(crate) const fn offset(self) -> usize {
        (self.0 & MAX_WORDS as u64) as usize
    }

    pub(crate) const fn moved_to(self, offset: usize) -> Self {
        Self(self.0 & !(MAX_WORDS as u64) | offset as u64)
    }
}
