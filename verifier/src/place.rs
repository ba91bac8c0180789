//! This file is about where in a table a key stands.
//!
//! A place is 64 bits that the presented text gives away cheaply: for Keyward's own format the random characters that
//! every key carries for this purpose; for other formats the first bytes of the digest.
//!
//! # An attacker who picks keys
//!
//! Only *stored* keys make a table slow: a lookup walks the run of entries from the place's home to the next empty one.
//! * Own format: the place characters of stored keys are ours, random. Whoever presents invented texts chooses which run
//!   is walked, but cannot lengthen it.
//! * Imported keys: whoever imports can try texts until their digests begin as wanted. So the table mixes every place
//!   with a secret seed first: which places share a home then depends on 64 bits that differ in every process and
//!   never leave it, and texts that crowd one table are spread evenly in the next. The mixing (xor, then a folded
//!   64 x 64 bit product by a secret odd number) is no cryptographic function, but no output of it is ever shown.
//! * Whatever happens, a run is never followed further than [`MAX_RUN`](crate::writer::MAX_RUN) entries of 8 bytes:
//!   an insert that would need more is refused, so the longest lookup is bounded.

/// How many characters of Keyward's own secret format hold the place.
pub const PLACE_CHARS: usize = 10;

/// Where in a table a key stands. It says nothing about rights, but its bits come out of a secret: no `Debug`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place(u64);

impl Place {
    /// The place of a key of our own format, from the base62 characters that carry it.
    ///
    /// 80 bits of text become 64: the last two characters, times an odd constant, are spread over the first eight. The
    /// constant is the golden ratio's fraction, 2^64 / phi. Equal spread over the table is the mixing's job, with its seed.
    #[must_use]
    pub fn of_chars(chars: &[u8; PLACE_CHARS]) -> Self {
        let [a, b, c, d, e, f, g, h, y, z] = *chars;
        let last = u64::from(u16::from_le_bytes([y, z]));
        Self(u64::from_le_bytes([a, b, c, d, e, f, g, h]) ^ last.wrapping_mul(GOLDEN))
    }

    /// The place of a key of any other format: the first 8 bytes of its SHA-256 digest.
    #[must_use]
    pub fn of_digest(digest: &[u8; 32]) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = *digest;
        Self(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
    }

    /// The place as a number, to be kept beside the key's record: removing needs it.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// The place that [`to_bits`](Self::to_bits) gave.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

/// 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Spreads places evenly over a table, in a way that only the seed's holder can foretell.
pub(crate) struct Mixer {
    mask: u64,
    factor: u64,
}

impl Mixer {
    pub(crate) fn new(seed: u64) -> Self {
        Self { mask: seed, factor: split_mix(seed) | 1 }
    }

    pub(crate) fn mix(&self, place: Place) -> u64 {
        let product = u128::from(place.0 ^ self.mask) * u128::from(self.factor);
        let low = product as u64;
        let high = (product >> 64) as u64;
        high ^ low
    }
}

/// One step of the `SplitMix64` generator (Steele, Lea, Flood 2014): a second number out of the seed.
fn split_mix(seed: u64) -> u64 {
    let z = seed.wrapping_add(GOLDEN);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
