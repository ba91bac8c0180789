//! This file is about signed notes: text with signatures below it (C2SP signed-note).

mod key;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use zeroize::Zeroizing;

pub use self::key::{KeyError, KeyName};
pub(crate) use self::key::{KeyType, PrivateKey, PublicKey};
use crate::text::{self, InvalidText};

/// A text with the signatures that came with it. Printed and read as the specification's format.
///
/// The text is out of reach until a trusted key has been seen to have signed it: see [`Note::open`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

impl Note {
    /// The longest note in bytes. It has room for 64 signatures of the largest kind in use (ML-DSA-44).
    pub const MAX_BYTES: usize = 256 * 1024;
    /// The most signatures on a note; the specification asks for at least 16.
    pub const MAX_SIGNATURES: usize = 64;

    /// A note with this text, signed. The text consists of lines, each ended by a newline.
    ///
    /// # Errors
    /// [`NoteError::Text`] or [`NoteError::TooLong`] when this cannot be the text of a note.
    pub fn sign(text: impl Into<String>, signer: &Signer) -> Result<Self, NoteError> {
        let text = text.into();
        let signature = signer.0.sign(&[], text.as_bytes());
        Self::new(text, vec![signature])
    }

    /// The same note with one more signature, such as a witness's.
    ///
    /// # Errors
    /// [`NoteError::TooLong`] when it already carries all that it can.
    pub fn with(mut self, signature: Signature) -> Result<Self, NoteError> {
        self.signatures.push(signature);
        Self::new(self.text, self.signatures)
    }

    /// The text, once `key` has been seen to have signed it. Signatures of other keys do not matter.
    ///
    /// # Errors
    /// [`NoteError::NotSigned`] when no signature claims to be by this key, [`NoteError::BadSignature`] when one
    /// does and is not.
    pub fn open(&self, key: &VerifierKey) -> Result<&str, NoteError> {
        for signature in self.signatures_of(&key.0)? {
            if !key.0.has_signed(self.text.as_bytes(), &signature.bytes) {
                return Err(NoteError::BadSignature);
            }
        }
        Ok(&self.text)
    }

    /// The text, whoever has signed it: for a note that one has just made, or keeps oneself.
    #[must_use]
    pub fn unverified_text(&self) -> &str {
        &self.text
    }

    /// The signatures that claim to be by this key: at least one.
    pub(crate) fn signatures_of<'a>(
        &'a self,
        key: &'a PublicKey,
    ) -> Result<impl Iterator<Item = &'a Signature>, NoteError> {
        let mut found = self.signatures.iter().filter(|signature| key.is_named_by(signature)).peekable();
        if found.peek().is_some() { Ok(found) } else { Err(NoteError::NotSigned) }
    }

    /// The one place where a note is made, so that each one can be printed and read again.
    fn new(text: String, signatures: Vec<Signature>) -> Result<Self, NoteError> {
        let is_text = |byte: u8| byte >= b' ' || byte == b'\n';
        if !text.ends_with('\n') || !text.bytes().all(is_text) {
            return Err(NoteError::Text);
        }
        let note = Self { text, signatures };
        if note.signatures.len() > Self::MAX_SIGNATURES || note.to_string().len() > Self::MAX_BYTES {
            return Err(NoteError::TooLong);
        }
        Ok(note)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(input: &str) -> Result<Self, NoteError> {
        // Before any work on it: the input is a stranger's.
        if input.len() > Self::MAX_BYTES {
            return Err(NoteError::TooLong);
        }
        let (text, signatures) = input.rsplit_once("\n\n").ok_or(NoteError::Format)?;
        let signatures = signatures.strip_suffix('\n').ok_or(NoteError::Format)?;
        let signatures = signatures.split('\n').map(|line| line.parse().map_err(|_| NoteError::Format));
        Self::new(format!("{text}\n"), signatures.collect::<Result<_, _>>()?)
    }
}

/// One signature line of a note: `— <key name> <base64 of key id and signature>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    name: KeyName,
    key_id: u32,
    /// What follows the key id; its meaning depends on the type of the key.
    bytes: Vec<u8>,
}

impl Signature {
    /// The name of the key that is said to have signed.
    #[must_use]
    pub fn key_name(&self) -> &KeyName {
        &self.name
    }

    /// What follows the key id.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.key_id.to_be_bytes(), self.bytes.as_slice()].concat();
        write!(f, "\u{2014} {} {}", self.name, text::base64(&bytes))
    }
}

impl FromStr for Signature {
    type Err = InvalidText;

    fn from_str(line: &str) -> Result<Self, InvalidText> {
        let parsed =
            line.strip_prefix("\u{2014} ").and_then(|rest| rest.split_once(' ')).and_then(parse_fields);
        parsed.ok_or(InvalidText("a signature line"))
    }
}

fn parse_fields((name, base64): (&str, &str)) -> Option<Signature> {
    let name = KeyName::new(name).ok()?;
    let bytes = text::from_base64(base64)?;
    let (key_id, bytes) = bytes.split_first_chunk()?;
    let signature = Signature { name, key_id: u32::from_be_bytes(*key_id), bytes: bytes.to_vec() };
    (!signature.bytes.is_empty()).then_some(signature)
}

/// A key that verifies notes: an Ed25519 public key with a name (signature type 0x01). Printed and read as
/// `<name>+<key id in hex>+<base64>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey(PublicKey);

impl VerifierKey {
    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &KeyName {
        self.0.name()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        PublicKey::parse(text, KeyType::Note).map(Self)
    }
}

/// A key that signs notes (signature type 0x01). It has no text form, and `Debug` shows its public half.
#[derive(Debug)]
pub struct Signer(PrivateKey);

impl Signer {
    /// The signer with this name and Ed25519 seed (RFC 8032 section 5.1.5).
    ///
    /// # Errors
    /// [`KeyError::Type`] when the crypto library takes no such seed; it takes all.
    pub fn new(name: KeyName, seed: &Zeroizing<[u8; 32]>) -> Result<Self, KeyError> {
        PrivateKey::new(name, KeyType::Note, seed).map(Self)
    }

    /// The key that verifies what this one signs.
    #[must_use]
    pub fn verifier_key(&self) -> VerifierKey {
        VerifierKey(self.0.public().clone())
    }
}

/// Why a note cannot be made, read or trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoteError {
    /// More than [`Note::MAX_BYTES`] or [`Note::MAX_SIGNATURES`].
    #[error("a note has at most {} bytes and {} signatures", Note::MAX_BYTES, Note::MAX_SIGNATURES)]
    TooLong,
    /// The text does not end in a newline, or has control characters.
    #[error("a note's text consists of whole lines without control characters")]
    Text,
    /// It is not a text, an empty line and signature lines.
    #[error("not a signed note")]
    Format,
    /// It carries no signature by the key.
    #[error("not signed by the key")]
    NotSigned,
    /// It carries a signature in the name of the key that the key did not make.
    #[error("a signature does not verify")]
    BadSignature,
}
