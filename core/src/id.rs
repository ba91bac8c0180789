//! This file is about identifiers: 128-bit `UUIDv7` values, printed as a prefix and Crockford base32.
//!
//! One id space serves every record, so the receipt of a removal needs no id of its own: it carries the
//! removed record's 128 bits under the prefix `rcpt`.

use std::{array, fmt};

use crate::time::Timestamp;

/// The 32 digits of Crockford base32 in lower case: no `i`, `l`, `o`, `u`, so an id survives being read aloud.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// What each byte is worth as a digit; more than any digit where it is none.
#[expect(clippy::indexing_slicing, reason = "it would not compile")]
const WORTH: [u8; 256] = {
    let mut worth = [u8::MAX; 256];
    let mut value = 0;
    while value < DIGITS.len() {
        worth[DIGITS[value] as usize] = value as u8;
        value += 1;
    }
    worth
};
/// 128 bits in 5-bit digits, the first digit holding only three.
const LENGTH: usize = 26;

/// Any record's 128 bits, whatever it is the id of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(u128);

impl Id {
    /// A `UUIDv7` (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then 74 random bits.
    #[must_use]
    pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
        let mut bytes = [0; 16];
        let (time, rest) = bytes.split_at_mut(6);
        time.copy_from_slice(&now.millis().to_be_bytes()[2..]);
        rest.copy_from_slice(&random);
        let drawn = u128::from_be_bytes(bytes);
        let version = 0x7 << 76;
        let variant = 0b10 << 62;
        Self(drawn & !(0xf << 76) & !(0b11 << 62) | version | variant)
    }

    /// The id with these 128 bits.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The 128 bits.
    #[must_use]
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// The 16 bytes, big-endian: they sort as the ids do, oldest first.
    #[must_use]
    pub const fn bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    fn parse(prefix: &str, text: &str) -> Option<Self> {
        let digits = text.strip_prefix(prefix)?.strip_prefix('_')?.as_bytes();
        if digits.len() != LENGTH {
            return None;
        }
        let worth = |digit: &u8| WORTH.get(usize::from(*digit)).copied().unwrap_or(u8::MAX);
        let is_one = digits.first().is_some_and(|first| worth(first) < 8)
            && digits.iter().fold(true, |all, digit| all & (worth(digit) < 32));
        // Twelve at a time: to shift all 128 bits once a digit takes twice as long.
        let bits =
            |digits: &[u8]| digits.iter().fold(0, |bits: u64, digit| bits << 5 | u64::from(worth(digit)));
        let (front, rest) = digits.split_at_checked(LENGTH % 12)?;
        let all = |front: u64| {
            rest.chunks(12).fold(front.into(), |all: u128, part| all << 60 | u128::from(bits(part)))
        };
        is_one.then(|| Self(all(bits(front))))
    }

    /// Each digit by a distance that is known when this is compiled: to shift all 128 bits once a digit takes twice as long.
    fn digits(self) -> [u8; LENGTH] {
        array::from_fn(|place| {
            let digit = (self.0 >> (5 * (LENGTH - 1 - place))) as usize & 31;
            DIGITS.get(digit).copied().unwrap_or_default()
        })
    }

    fn print(self, prefix: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(prefix)?;
        f.write_str("_")?;
        f.write_str(str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print("id", f)
    }
}

impl Id {
    /// The id as a small number, for systems that name things by one: 31 of its random bits, so that every client's
    /// integer holds it. Two ids may share a number; who gives numbers out claims each as a unique name.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0 as u32 & 0x7fff_ffff
    }
}

/// Declares an id type with its printed prefix.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Id);

        impl $name {
            /// Reads the printed form; `None` for anything but the one spelling that [`fmt::Display`] writes.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Id::parse($prefix, text).map(Self)
            }

            /// The bare 128 bits, for places that hold ids of every kind.
            #[must_use]
            pub const fn id(self) -> Id {
                self.0
            }

            /// Adds the printed form to the bytes of a text, without the detour over a formatter.
            pub fn push_to(self, text: &mut Vec<u8>) {
                text.extend_from_slice(concat!($prefix, "_").as_bytes());
                text.extend_from_slice(&self.0.digits());
            }
        }

        impl From<Id> for $name {
            fn from(id: Id) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.print($prefix, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.print($prefix, f)
            }
        }
    };
}

id!(
    /// Names a key, live or removed.
    KeyId, "key"
);
id!(
    /// Names an account.
    AccountId, "acct"
);
id!(
    /// Names an organization.
    OrganizationId, "org"
);
id!(
    /// Names a removal of many keys at once, a job that outlives a restart.
    RemovalId, "rmvl"
);
id!(
    /// Names something that a key opens.
    ResourceId, "res"
);
id!(
    /// Names an epoch.
    EpochId, "epoch"
);
id!(
    /// Names the receipt of a removal: the removed record's own bits.
    ReceiptId, "rcpt"
);

#[cfg(test)]
mod tests;
