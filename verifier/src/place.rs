//! This file is about where in a table a key stands.
//!
//! A place is 26 bits that say in which buckets of a table a key may be. For Keyward's own format they come from random characters
//! that every key carries for this purpose: so a verify can ask for the memory first and hash the text while that is on its way. For other
//! formats they come out of the digest.
//!
//! # An attacker who picks keys
//!
//! Only *stored* keys make a table slow: a lookup walks from the place's bucket on, as far as keys had to go that found no room there.
//! * Own format: the place characters of stored keys are ours, random. Whoever presents invented texts chooses which buckets
//!   are walked, but cannot add to them.
//! * Imported keys: whoever imports can try texts until their digests begin as wanted. So a place is made of them under a secret: the
//!   server's is a keyed hash, and a verifier's is [keyed](crate::Table::place_of) by the seed of its table, which differs in every process and
//!   never leaves it.
//! * Which places are neighbours depends on the seed: they are permuted by it before they become buckets. Neither this nor the keying
//!   (xor, products by secret odd numbers, shifts) is a cryptographic function, but no output of them is ever shown.
//! * Whatever happens, nothing is looked for further than [`MAX_RUN`](crate::writer::MAX_RUN) buckets: an insert that would need
//!   more is refused, so the longest lookup is bounded.

use crate::record::Fingerprint;

/// How many characters of Keyward's own secret format hold the place.
pub const PLACE_CHARS: usize = 10;

/// Where in a table a key stands. It says nothing about rights, but its bits come out of a secret: no `Debug`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place(u32);

impl Place {
    /// How many bits it has: of ten million keys one in seven shares its place with another, which costs nothing.
    pub const BITS: u32 = 26;

    /// The place of a key of our own format, from the base62 characters that carry it.
    #[must_use]
    pub const fn of_chars(chars: &[u8; PLACE_CHARS]) -> Self {
        let [a, b, c, d, e, f, g, h, y, z] = *chars;
        let last = u16::from_le_bytes([y, z]) as u64;
        Self::of_bits(u64::from_le_bytes([a, b, c, d, e, f, g, h]) ^ last.wrapping_mul(GOLDEN))
    }

    /// The place that 64 bits make which nobody outside can choose: the upper bits of their product by the golden ratio's
    /// fraction, to which all of them add.
    #[must_use]
    pub const fn of_bits(bits: u64) -> Self {
        Self((bits.wrapping_mul(GOLDEN) >> (u64::BITS - Self::BITS)) as u32)
    }

    /// The place as verifiers are told of it: not 0, which stands for none.
    #[must_use]
    pub const fn to_number(self) -> u32 {
        self.0 + 1
    }

    /// The place that [`to_number`](Self::to_number) gave; `None` for what it never gives.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        match number.checked_sub(1) {
            Some(bits) if bits >> Self::BITS == 0 => Some(Self(bits)),
            Some(_) | None => None,
        }
    }
}

/// 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
const MASK: u32 = (1 << Place::BITS) - 1;

/// Spreads places evenly over a table, in a way that only the seed's holder can foretell and that can be turned back.
pub(crate) struct Mixer {
    mask: u64,
    factor: u64,
    steps: [Step; 2],
}

/// A product by an odd number, of which all bits go into the lower half: both can be undone.
struct Step {
    factor: u32,
    inverse: u32,
}

impl Mixer {
    pub(crate) const fn new(seed: u64) -> Self {
        let (first, second, third) = (split_mix(seed), split_mix(seed ^ GOLDEN), split_mix(!seed));
        Self {
            mask: first,
            factor: second | 1,
            steps: [Step::new(third as u32), Step::new((third >> 32) as u32)],
        }
    }

    /// Where a key stands of which nothing is known but what is kept of its digest.
    pub(crate) fn place_of(&self, fingerprint: Fingerprint) -> Place {
        let [a, b, c, d, e, f, g, h, ..] = fingerprint.to_bytes();
        let bits = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        let product = u128::from(bits ^ self.mask) * u128::from(self.factor);
        Place::of_bits((product >> 64) as u64 ^ product as u64)
    }

    /// A number of as many bits, another for each place.
    #[inline]
    pub(crate) const fn mix(&self, place: Place) -> u32 {
        let [first, second] = &self.steps;
        second.mix(first.mix(place.0 ^ self.mask as u32 & MASK))
    }

    /// The place that became this number.
    pub(crate) const fn unmix(&self, mixed: u32) -> Place {
        let [first, second] = &self.steps;
        Place(first.unmix(second.unmix(mixed)) ^ self.mask as u32 & MASK)
    }
}

impl Step {
    const HALF: u32 = Place::BITS / 2;

    const fn new(random: u32) -> Self {
        let factor = random | 1;
        // Newton's iteration: of an odd number's inverse the number itself has three bits right, and each step doubles them.
        let (mut inverse, mut right) = (factor, 3);
        while right < Place::BITS {
            inverse = inverse.wrapping_mul(2_u32.wrapping_sub(factor.wrapping_mul(inverse)));
            right *= 2;
        }
        Self { factor, inverse }
    }

    const fn mix(&self, bits: u32) -> u32 {
        let product = bits.wrapping_mul(self.factor) & MASK;
        product ^ product >> Self::HALF
    }

    const fn unmix(&self, bits: u32) -> u32 {
        (bits ^ bits >> Self::HALF).wrapping_mul(self.inverse) & MASK
    }
}

/// One step of the `SplitMix64` generator (Steele, Lea, Flood 2014): another number out of a number.
const fn split_mix(number: u64) -> u64 {
    let z = number.wrapping_add(GOLDEN);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
