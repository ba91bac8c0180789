//! This file is about usages: what a key that never leaves may be used for.

use crate::error::Error;

/// One thing that such a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Usage {
    /// Make signatures.
    Sign = 1,
    /// Check signatures.
    Verify = 1 << 1,
    /// Make and check message authentication codes.
    Mac = 1 << 2,
    /// Encrypt.
    Encrypt = 1 << 3,
    /// Decrypt.
    Decrypt = 1 << 4,
    /// Wrap other keys.
    Wrap = 1 << 5,
    /// Unwrap other keys.
    Unwrap = 1 << 6,
    /// Agree on a secret with another key: to answer it, or to use it as the key of a cipher, a MAC or a wrapping.
    Agree = 1 << 7,
    /// Make a secret and seal it for the holder of the private half.
    Encapsulate = 1 << 8,
    /// Open such a secret.
    Decapsulate = 1 << 9,
    /// Make another key of what it agrees on.
    Derive = 1 << 10,
}

impl Usage {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 11] = [
        Self::Sign,
        Self::Verify,
        Self::Mac,
        Self::Encrypt,
        Self::Decrypt,
        Self::Wrap,
        Self::Unwrap,
        Self::Agree,
        Self::Encapsulate,
        Self::Decapsulate,
        Self::Derive,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::Verify => "verify",
            Self::Mac => "mac",
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
            Self::Wrap => "wrap",
            Self::Unwrap => "unwrap",
            Self::Agree => "agree",
            Self::Encapsulate => "encapsulate",
            Self::Decapsulate => "decapsulate",
            Self::Derive => "derive",
        }
    }
}

/// A set of usages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Usages(u16);

impl Usages {
    /// These.
    #[must_use]
    pub fn of(usages: impl IntoIterator<Item = Usage>) -> Self {
        Self(usages.into_iter().fold(0, |bits, usage| bits | usage as u16))
    }

    /// The set with these bits; `None` if one of them is no usage.
    #[must_use]
    pub fn from_bits(bits: u16) -> Option<Self> {
        (bits & !Self::of(Usage::ALL).0 == 0).then_some(Self(bits))
    }

    /// Its bits, as they rest.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Usage> {
        Usage::ALL.into_iter().filter(move |usage| self.has(*usage))
    }

    /// True if it holds this one.
    #[must_use]
    pub const fn has(self, usage: Usage) -> bool {
        self.0 & usage as u16 != 0
    }

    /// True if it holds all of another set.
    #[must_use]
    pub const fn cover(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// True if it holds none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Judges whether it holds this one.
    ///
    /// # Errors
    /// [`Error::WrongState`].
    pub fn allow(self, usage: Usage) -> Result<(), Error> {
        self.has(usage).then_some(()).ok_or(Error::WrongState { why: "the key is not for this usage" })
    }
}
