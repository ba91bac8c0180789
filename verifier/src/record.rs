//! This file is about what is known of one key, and how it is packed.
//!
//! In its [bucket](crate::bucket) every key has 28 bytes, and its profile. Only one with more to say has an *extension* elsewhere, of
//! 32-bit words:
//!
//! ```text
//! word 0    profile
//!      1    header: flags 8, has expiry 1, has not-before 1, length of the details 14, first byte of the details 8
//!      then expiry and not-before in Unix seconds, where the key has them, and the remaining bytes of the details
//! ```
//!
//! 112 bits of SHA-256 name a key. Guessing at a running verifier must match them and the place; whoever has read a
//! verifier's memory still needs about 2^112 hashes for a text that it would accept (NIST SP 800-57 part 1, table 2: the
//! least strength for new systems).

use zeroize::Zeroizing;

use crate::bucket::MAX_NAMED;
use crate::sync::{AtomicU32, Ordering};

/// What a table says about a key beside its details.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// The key's id.
    pub id: u128,
    /// An index into the caller's list of what many keys share, see [`Profiles`](crate::Profiles).
    pub profile: u32,
    /// From when on the key is refused, Unix milliseconds. Kept in whole seconds, rounded down: a key never lives longer
    /// than asked. A time after 2106-02-07T06:28:15Z is kept as that moment.
    pub expires_at: Option<u64>,
    /// Until when the key is refused, Unix milliseconds. Kept in whole seconds, rounded up, with the same latest moment.
    pub not_before: Option<u64>,
    /// Bits that only the caller understands.
    pub flags: u8,
}

impl Row {
    /// Of a key that only its profile says something about.
    const fn plain(id: u128, profile: u32) -> Self {
        Self { id, profile, expires_at: None, not_before: None, flags: 0 }
    }
}

/// The details beside a row, still in the table: whoever does not need them does not pay for them.
pub struct Details<'a> {
    length: usize,
    first_byte: u8,
    rest: &'a [AtomicU32],
}

impl Details<'_> {
    const NONE: Self = Self { length: 0, first_byte: 0, rest: &[] };

    /// Puts the bytes into a buffer, in the place of what it holds.
    pub fn copy_to(&self, buffer: &mut Vec<u8>) {
        buffer.clear();
        if self.length > 0 {
            let words = self.rest.iter().take(tail_words(self.length));
            buffer.reserve(1 + size_of::<u32>() * words.len());
            buffer.push(self.first_byte);
            words.for_each(|word| buffer.extend_from_slice(&word.load(Ordering::Relaxed).to_le_bytes()));
            buffer.truncate(self.length);
        }
    }
}

/// How many bytes of details a row can have.
pub const MAX_DETAILS: usize = (1 << LENGTH_BITS) - 1;

/// How many words a key has in its bucket.
pub(crate) const ROW_WORDS: usize = 7;

/// How many words every extension has.
const HEAD_WORDS: usize = 2;

const LENGTH_BITS: u32 = 14;
const LENGTH_SHIFT: u32 = 10;
const HAS_EXPIRY: u32 = 1 << 8;
const HAS_NOT_BEFORE: u32 = 1 << 9;
const FIRST_BYTE_SHIFT: u32 = LENGTH_SHIFT + LENGTH_BITS;

/// The part of a SHA-256 digest that a table keeps and that travels to verifiers: its bytes 8 to 21. Independent of the
/// first 8 bytes. It comes out of a secret: no `Debug`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    pub(crate) tag: u16,
    words: [u32; 3],
}

impl Fingerprint {
    /// How many bytes it has.
    pub const BYTES: usize = 14;

    /// The fingerprint with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let [t0, t1, a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3] = bytes;
        Self {
            tag: u16::from_le_bytes([t0, t1]),
            words: [
                u32::from_le_bytes([a0, a1, a2, a3]),
                u32::from_le_bytes([b0, b1, b2, b3]),
                u32::from_le_bytes([c0, c1, c2, c3]),
            ],
        }
    }

    /// Its bytes, in the digest's order.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; Self::BYTES] {
        let [t0, t1] = self.tag.to_le_bytes();
        let [a, b, c] = self.words;
        let ([a0, a1, a2, a3], [b0, b1, b2, b3], [c0, c1, c2, c3]) =
            (a.to_le_bytes(), b.to_le_bytes(), c.to_le_bytes());
        [t0, t1, a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3]
    }
}

impl From<&[u8; 32]> for Fingerprint {
    fn from(digest: &[u8; 32]) -> Self {
        let [_, _, _, _, _, _, _, _, kept @ .., _, _, _, _, _, _, _, _, _, _] = *digest;
        Self::from_bytes(kept)
    }
}

/// What every key has in its bucket.
#[derive(Clone, Copy, Default)]
pub(crate) struct RowWords(pub(crate) [u32; ROW_WORDS]);

impl RowWords {
    /// Do the digest's words fit? The tag is the entry's to compare. No early exit: how long it takes says nothing about how many bits fit.
    #[inline]
    pub(crate) fn is_of(&self, fingerprint: &Fingerprint) -> bool {
        let [a, b, c, ..] = self.0;
        let [x, y, z] = fingerprint.words;
        (a ^ x) | (b ^ y) | (c ^ z) == 0
    }

    /// What the key is found by; the tag is the entry's.
    pub(crate) const fn fingerprint(&self, tag: u16) -> Fingerprint {
        let [a, b, c, ..] = self.0;
        Fingerprint { tag, words: [a, b, c] }
    }

    #[inline]
    pub(crate) fn id(&self) -> u128 {
        let [_, _, _, a, b, c, d] = self.0;
        [d, c, b, a].into_iter().fold(0, |id, word| id << 32 | u128::from(word))
    }

    /// The row of a key without an extension.
    #[inline]
    pub(crate) fn plain(&self, profile: u32) -> (Row, Details<'static>) {
        (Row::plain(self.id(), profile), Details::NONE)
    }
}

/// The first words of an extension.
pub(crate) struct Head {
    profile: u32,
    header: u32,
}

impl Head {
    /// Reads them, and where the others are; `None` where there is none.
    #[inline]
    pub(crate) fn read(words: &[AtomicU32]) -> Option<(Self, &[AtomicU32])> {
        let ([profile, header], tail) = words.split_first_chunk::<HEAD_WORDS>()?;
        let load = |word: &AtomicU32| word.load(Ordering::Relaxed);
        Some((Self { profile: load(profile), header: load(header) }, tail))
    }

    /// The words of the whole extension.
    pub(crate) fn len(&self) -> usize {
        let optional = [HAS_EXPIRY, HAS_NOT_BEFORE].into_iter().filter(|bit| self.header & bit != 0).count();
        HEAD_WORDS + optional + tail_words(self.details_len())
    }

    /// The row of the key with this id, and where its details are.
    #[inline]
    pub(crate) fn unpack<'a>(&self, id: u128, tail: &'a [AtomicU32]) -> (Row, Details<'a>) {
        let [flags, .., first_byte] = self.header.to_le_bytes();
        let mut tail = tail.iter();
        let mut seconds = |bit| {
            if self.header & bit == 0 { None } else { tail.next().map(|word| word.load(Ordering::Relaxed)) }
        };
        let (expires_at, not_before) = (seconds(HAS_EXPIRY), seconds(HAS_NOT_BEFORE));
        let milliseconds = |seconds| u64::from(seconds) * 1000;
        let row = Row {
            id,
            profile: self.profile,
            expires_at: expires_at.map(milliseconds),
            not_before: not_before.map(milliseconds),
            flags,
        };
        (row, Details { length: self.details_len(), first_byte, rest: tail.as_slice() })
    }

    const fn details_len(&self) -> usize {
        (self.header >> LENGTH_SHIFT) as usize & MAX_DETAILS
    }
}

/// One key, packed and ready to be written. The caller has checked that `details` are at most [`MAX_DETAILS`] bytes.
pub(crate) struct Record {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) id: u128,
    pub(crate) profile: u32,
    pub(crate) row: RowWords,
    /// Empty for a key that has none.
    pub(crate) extension: Zeroizing<Vec<u32>>,
}

impl Record {
    pub(crate) fn new(fingerprint: Fingerprint, row: &Row, details: &[u8]) -> Self {
        let [x, y, z] = fingerprint.words;
        let [a, b, c, d] = [0, 32, 64, 96].map(|shift| (row.id >> shift) as u32);
        let is_plain = *row == Row::plain(row.id, row.profile) && details.is_empty();
        let extension = if is_plain && (row.profile as usize) < MAX_NAMED {
            Zeroizing::default()
        } else {
            extension(row, details)
        };
        Self {
            fingerprint,
            id: row.id,
            profile: row.profile,
            row: RowWords([x, y, z, a, b, c, d]),
            extension,
        }
    }
}

fn extension(row: &Row, details: &[u8]) -> Zeroizing<Vec<u32>> {
    let expires_at = row.expires_at.map(|at| whole_seconds(at / 1000));
    let not_before = row.not_before.map(|at| whole_seconds(at.div_ceil(1000)));
    let (first_byte, rest) = details.split_first().map_or((0, details), |(first, rest)| (*first, rest));

    let mut header = u32::from(row.flags) | u32::from(first_byte) << FIRST_BYTE_SHIFT;
    header |= whole_seconds(details.len() as u64) << LENGTH_SHIFT;
    header |= expires_at.map_or(0, |_| HAS_EXPIRY) | not_before.map_or(0, |_| HAS_NOT_BEFORE);

    let mut words = Zeroizing::new(Vec::with_capacity(HEAD_WORDS + 2 + tail_words(details.len())));
    words.extend([row.profile, header]);
    words.extend(expires_at.into_iter().chain(not_before));
    words.extend(
        rest.chunks(4).map(|bytes| bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte))),
    );
    words
}

/// The words that the details take behind the head, which holds their first byte.
const fn tail_words(details_len: usize) -> usize {
    details_len.saturating_sub(1).div_ceil(4)
}

fn whole_seconds(seconds: u64) -> u32 {
    u32::try_from(seconds).unwrap_or(u32::MAX)
}
