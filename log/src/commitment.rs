//! This file is about commitments: how a leaf names a key without saying which.
//!
//! The log is public for ever and ids are not, so a leaf holds a salted hash of the id. Without the salt nobody
//! can tell whose it is, nor whether two leaves speak of the same key; with the salt, which a receipt carries,
//! anyone can check it, and nobody can open it to another id.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{Context, SHA256};

use crate::text::{self, InvalidText};

/// What the hash begins with, so that it means nothing anywhere else. With salt and id it fills 54 bytes: one
/// block of SHA-256.
const LABEL: &[u8] = b"keyward-commitment/v1\n";

/// `SHA-256("keyward-commitment/v1\n" || salt || id)`; printed and read as base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commitment([u8; 32]);

impl Commitment {
    /// The commitment to this id under this salt. The salt is 16 fresh random bytes for every commitment.
    #[must_use]
    pub fn of(salt: &[u8; 16], id: &[u8; 16]) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(LABEL);
        context.update(salt);
        context.update(id);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.finish().as_ref());
        Self(bytes)
    }
}

impl fmt::Display for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::base64(&self.0))
    }
}

impl FromStr for Commitment {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        text::array_from_base64(text).map(Self).ok_or(InvalidText("32 bytes in base64"))
    }
}

/// What opens a commitment; printed and read as `<salt> <id>`, each in base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The 16 random bytes that hide the id. Whoever has them can link the leaf to the key.
    pub salt: [u8; 16],
    /// The id that the leaf speaks of.
    pub id: [u8; 16],
}

impl Opening {
    /// The commitment that this opens.
    #[must_use]
    pub fn commitment(&self) -> Commitment {
        Commitment::of(&self.salt, &self.id)
    }
}

impl fmt::Display for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", text::base64(&self.salt), text::base64(&self.id))
    }
}

impl FromStr for Opening {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let parsed = text.split_once(' ').and_then(|(salt, id)| {
            Some(Self { salt: text::array_from_base64(salt)?, id: text::array_from_base64(id)? })
        });
        parsed.ok_or(InvalidText("a salt and an id of 16 bytes each, in base64"))
    }
}
