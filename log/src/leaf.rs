//! This file is about leaves: what one entry of the log may say.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::hash::Hash;

/// One entry of the log: a single line of 1 to 512 bytes of UTF-8, without control characters.
///
/// One line, so that a leaf can stand in line-based files and in a terminal without escapes. Characters that
/// change the direction of text are refused as well: what a person reads must be what was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf(String);

impl Leaf {
    /// The longest leaf, in bytes.
    pub const MAX_BYTES: usize = 512;

    /// A leaf with this text.
    ///
    /// # Errors
    /// [`LeafError`] when the text is empty, too long, or has a character that a leaf may not hold.
    pub fn new(text: impl Into<String>) -> Result<Self, LeafError> {
        let text = text.into();
        if text.is_empty() || text.len() > Self::MAX_BYTES {
            return Err(LeafError::Length(text.len()));
        }
        match text.chars().find(|character| !is_printable(*character)) {
            Some(character) => Err(LeafError::Character(character)),
            None => Ok(Self(text)),
        }
    }

    /// The text; its bytes are what the log hashes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The leaf's hash in the tree.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::leaf(self.0.as_bytes())
    }
}

/// Neither a control character, nor a line or paragraph separator, nor one of Unicode's `Bidi_Control`.
fn is_printable(character: char) -> bool {
    !character.is_control()
        && !matches!(character,
            '\u{2028}' | '\u{2029}' | '\u{061c}' | '\u{200e}' | '\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Leaf {
    type Err = LeafError;

    fn from_str(text: &str) -> Result<Self, LeafError> {
        Self::new(text)
    }
}

/// Why a text cannot be a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LeafError {
    /// Its length in bytes, which is not 1 to 512.
    #[error("a leaf has 1 to {max} bytes, not {0}", max = Leaf::MAX_BYTES)]
    Length(usize),
    /// A character that is not printable.
    #[error("a leaf is one printable line, without {0:?}")]
    Character(char),
}
