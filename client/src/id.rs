//! This file is about ids as the wire prints them: a prefix, an underscore, and 128 bits in 26 digits of Crockford's base32.

use std::fmt;

const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// An id, printed without allocating.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id {
    prefix: &'static str,
    bits: u128,
}

impl Id {
    /// A key's.
    #[must_use]
    pub const fn key(bits: u128) -> Self {
        Self { prefix: "key_", bits }
    }

    /// An account's.
    #[must_use]
    pub const fn account(bits: u128) -> Self {
        Self { prefix: "acct_", bits }
    }

    /// An organization's.
    #[must_use]
    pub const fn organization(bits: u128) -> Self {
        Self { prefix: "org_", bits }
    }

    /// Reads an id with this prefix, `key_` say.
    pub(crate) fn parse(prefix: &'static str, text: &str) -> Option<Self> {
        let digits = text.strip_prefix(prefix).filter(|digits| digits.len() == 26)?;
        let value = |digit: u8| DIGITS.iter().position(|known| *known == digit);
        let bits = digits.bytes().try_fold(0_u128, |bits, digit| {
            // 130 bits: the first digit has room for three of its five only.
            (bits >> 123 == 0).then_some(bits << 5 | value(digit)? as u128)
        })?;
        Some(Self { prefix, bits })
    }

    /// The 128 bits: a UUID of version 7 (RFC 9562).
    #[must_use]
    pub const fn bits(self) -> u128 {
        self.bits
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.prefix)?;
        let digit = |place: u32| DIGITS.get((self.bits >> (5 * place)) as usize & 31).copied();
        (0..26).rev().filter_map(digit).try_for_each(|digit| fmt::Write::write_char(f, digit.into()))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
