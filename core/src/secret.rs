//! This file is about secrets of our own format, and about whatever text is presented as one.
//!
//! `<prefix>_<environment>_<place><random><check>`: ten base62 characters that say where the key stands in
//! the table of live keys, 27 that nobody can guess (160.7 bits), and six that hold the CRC-32 of all before
//! them, so that any scanner tells a typo from a key, and a key of ours from other text, without asking.
//! Prefix, environment and place are the *handle*: public, shown in lists, logs and receipts. With the longest
//! prefix and environment a secret has 62 characters; by default 51, which SHA-256 takes in one block.

mod format;

use std::fmt;

use aws_lc_rs::digest;
use zeroize::Zeroizing;

pub use self::format::{Alphabet, Format};
use crate::error::Error;
use crate::id::KeyId;
use crate::seal::Pepper;
use crate::store::{List, Name};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Characters that say where the key stands in the table.
const PLACE: usize = 10;
/// Characters that nobody can guess: 62^27 > 2^160.
const RANDOM: usize = 27;
/// Characters of the check: 62^6 > 2^32.
const CHECK: usize = 6;
/// Longest text that is looked at at all, in bytes.
const LONGEST: usize = 512;

/// The plain text of a key. It is never printed, cannot be compared by accident, and is wiped when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Draws a new secret; `random` fills a buffer with random bytes.
    #[must_use]
    pub fn generate(format: &Format, environment: &Label, random: &mut dyn FnMut(&mut [u8])) -> Self {
        Self(format.write(environment, random))
    }

    /// Takes a secret that was made elsewhere.
    ///
    /// # Errors
    /// [`Error::Invalid`] if nobody could present it: see [`Presented::read`], and at least 16 characters.
    pub fn import(text: &str) -> Result<Self, Error> {
        if text.len() < 16 || Presented::read(text).is_none() {
            return Err(Error::invalid("secret", "16 to 512 printable ASCII characters without spaces"));
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The text, for the one answer that shows it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// A secret that is kept to be shown again. Nobody outside of the core reads it: whoever wants it asks for
/// [`crate::command::Command::Reveal`], which is permitted like issuing such a key.
#[derive(Clone)]
pub struct Kept(Secret);

impl From<Secret> for Kept {
    fn from(secret: Secret) -> Self {
        Self(secret)
    }
}

impl Kept {
    /// The text, to be sealed.
    pub(crate) fn text(&self) -> &str {
        self.0.expose()
    }

    /// The secret, for whoever may have it.
    pub(crate) fn into_secret(self) -> Secret {
        self.0
    }
}

/// A prefix or an environment: lower-case letters and digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label(String);

impl Label {
    /// Reads a prefix (1 to 8 characters, a letter first) or an environment, which has the same rules.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::fits(text).then(|| Self(text.to_owned()))
    }

    fn fits(text: &str) -> bool {
        text.len() <= 8
            && text.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The public part of a key: enough to find it by, not enough to use it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Handle(String);

impl Handle {
    /// Reads a handle: 4 to 64 printable ASCII characters without spaces.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (4..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it is filed under: handles are unique over all organizations.
    #[must_use]
    pub fn name(&self, pepper: &Pepper) -> Name {
        pepper.name("handle", List::EVERYONE, self.0.as_bytes())
    }
}

/// What has no text of its own is known by its id.
impl From<KeyId> for Handle {
    fn from(id: KeyId) -> Self {
        Self(id.to_string())
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// SHA-256 of a secret: what the table of live keys compares. Treated like the secret: never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Digest(Zeroizing<[u8; 32]>);

impl Digest {
    /// The digest of a text.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.copy_from_slice(digest::digest(&digest::SHA256, text).as_ref());
        Self(bytes)
    }

    /// The digest with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What it is filed under, so that one secret is never two keys.
    #[must_use]
    pub fn name(&self, pepper: &Pepper) -> Name {
        pepper.name("digest", List::EVERYONE, self.0.as_slice())
    }
}

/// Text that somebody presents as a secret.
#[derive(Clone, Copy)]
pub struct Presented<'a> {
    text: &'a str,
    shape: Shape<'a>,
}

#[derive(Clone, Copy)]
enum Shape<'a> {
    /// Our format, whether or not its check fits.
    Own { handle: &'a str, place: &'a [u8] },
    /// Anything else.
    Foreign,
}

impl<'a> Presented<'a> {
    /// Looks at a text; `None` if it can be no key at all: empty, over 512 bytes, or not printable ASCII.
    #[must_use]
    pub fn read(text: &'a str) -> Option<Self> {
        let possible = !text.is_empty() && text.len() <= LONGEST && all(text, |byte| byte.is_ascii_graphic());
        possible.then(|| Self { text, shape: shape(text) })
    }

    /// The text, as presented.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// The ten characters that would say where a key of ours stands; `None` for other text. The check is not looked at: what
    /// is found by the digest was not mistyped.
    #[must_use]
    pub const fn place(&self) -> Option<&'a [u8]> {
        match self.shape {
            Shape::Own { place, .. } => Some(place),
            Shape::Foreign => None,
        }
    }

    /// The handle of a key of ours; `None` for other text.
    #[must_use]
    pub fn handle(&self) -> Option<Handle> {
        match self.shape {
            Shape::Own { handle, .. } if self.check_fits() => Handle::parse(handle),
            Shape::Own { .. } | Shape::Foreign => None,
        }
    }

    /// True for text of our format whose check is wrong: a typo, unless somebody imported just this text.
    #[must_use]
    pub fn is_mistyped(&self) -> bool {
        matches!(self.shape, Shape::Own { .. }) && !self.check_fits()
    }

    fn check_fits(&self) -> bool {
        let parts = self.text.split_at_checked(self.text.len().saturating_sub(CHECK));
        parts.is_some_and(|(checked, check)| check_of(checked.as_bytes()) == check.as_bytes())
    }
}

/// True if every byte fits. It looks at all of them: without an early end the compiler takes many at once.
fn all(text: &str, fits: impl Fn(u8) -> bool) -> bool {
    text.bytes().fold(true, |all, byte| all & fits(byte))
}

fn shape(text: &str) -> Shape<'_> {
    own(text).unwrap_or(Shape::Foreign)
}

/// From its end, whose length is known, so that nothing has to be looked for but the end of a short prefix.
fn own(text: &str) -> Option<Shape<'_>> {
    let (head, body) = text.split_at_checked(text.len().checked_sub(PLACE + RANDOM + CHECK)?)?;
    let (prefix, environment) = head.strip_suffix('_')?.split_once('_')?;
    let fits =
        Label::fits(prefix) && Label::fits(environment) && all(body, |byte| byte.is_ascii_alphanumeric());
    let handle = text.get(..head.len() + PLACE).filter(|_| fits)?;
    Some(Shape::Own { handle, place: body.as_bytes().get(..PLACE)? })
}

/// The CRC-32 (IEEE) of what stands before it, in six base62 digits.
fn check_of(text: &[u8]) -> [u8; CHECK] {
    let mut rest = crc32fast::hash(text);
    let mut digits = [b'0'; CHECK];
    for place in digits.iter_mut().rev() {
        *place = digit(rest % 62);
        rest /= 62;
    }
    digits
}

fn digit(value: u32) -> u8 {
    BASE62.get(value as usize).copied().unwrap_or(b'0')
}

#[cfg(test)]
mod tests;
