//! This file is about the keys of signed notes: how they are named, printed and used.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use thiserror::Error;
use zeroize::Zeroizing;

use super::Signature;
use crate::text;

/// The name of a key: 1 to 255 bytes without spaces, plus signs and ASCII control characters. A URL without its
/// scheme is recommended, such as `keys.example.com/log`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyName(String);

impl KeyName {
    /// The longest name, in bytes. The specification has no limit; newer cosignatures have this one.
    pub const MAX_BYTES: usize = 255;

    /// A key of this name.
    ///
    /// # Errors
    /// [`KeyError::Name`] when a key cannot be called that.
    pub fn new(name: impl Into<String>) -> Result<Self, KeyError> {
        let name = name.into();
        let allowed = |character: char| character >= ' ' && !character.is_whitespace() && character != '+';
        if (1..=Self::MAX_BYTES).contains(&name.len()) && name.chars().all(allowed) {
            Ok(Self(name))
        } else {
            Err(KeyError::Name)
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why something is not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The name is empty, too long, or has a space, a plus sign or a control character.
    #[error("a key's name has 1 to {} bytes and neither spaces nor plus signs", KeyName::MAX_BYTES)]
    Name,
    /// It is not `<name>+<8 hex digits>+<base64>`.
    #[error("not of the form <name>+<key id>+<base64>")]
    Format,
    /// It is a key of another type than wanted here, or not of 32 bytes.
    #[error("not an Ed25519 key of the type wanted here")]
    Type,
    /// The id is not that of name and key: one of the three was mistyped.
    #[error("the key id does not fit name and key")]
    Id,
}

/// Signature types of C2SP signed-note with an Ed25519 key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyType {
    Note = 0x01,
    Cosignature = 0x04,
}

/// A public key with the name and type that it is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicKey {
    name: KeyName,
    /// The type byte and the 32 bytes of the key, as they are hashed and printed.
    typed: [u8; 33],
    id: u32,
}

impl PublicKey {
    fn new(name: KeyName, typed: [u8; 33]) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(name.as_str().as_bytes());
        context.update(b"\n");
        context.update(&typed);
        let digest = context.finish();
        let id = digest.as_ref().first_chunk().map_or(0, |start| u32::from_be_bytes(*start));
        Self { name, typed, id }
    }

    /// Reads a verifier key (C2SP signed-note, "Verifier keys").
    pub(crate) fn parse(text: &str, key_type: KeyType) -> Result<Self, KeyError> {
        let (name, rest) = text.split_once('+').ok_or(KeyError::Format)?;
        let (id, key) = rest.split_once('+').ok_or(KeyError::Format)?;
        let name = KeyName::new(name)?;
        let bytes = text::from_base64(key).ok_or(KeyError::Format)?;
        let typed: [u8; 33] = bytes.try_into().map_err(|_| KeyError::Type)?;
        if typed.first() != Some(&(key_type as u8)) {
            return Err(KeyError::Type);
        }
        let key = Self::new(name, typed);
        if id == format!("{:08x}", key.id) { Ok(key) } else { Err(KeyError::Id) }
    }

    pub(crate) fn name(&self) -> &KeyName {
        &self.name
    }

    /// Whether this signature claims to be by this key.
    pub(crate) fn is_named_by(&self, signature: &Signature) -> bool {
        signature.name == self.name && signature.key_id == self.id
    }

    /// Whether `signature` is this key's Ed25519 signature (RFC 8032) of `message`.
    pub(crate) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let [_, key @ ..] = &self.typed;
        UnparsedPublicKey::new(&ED25519, key).verify(message, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{:08x}+{}", self.name, self.id, text::base64(&self.typed))
    }
}

/// A private key with its public half.
///
/// The crypto library holds the seed in memory of its own, which it wipes when this is dropped.
pub(crate) struct PrivateKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl PrivateKey {
    pub(crate) fn new(
        name: KeyName,
        key_type: KeyType,
        seed: &Zeroizing<[u8; 32]>,
    ) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| KeyError::Type)?;
        let mut typed = [key_type as u8; 33];
        for (to, from) in typed.iter_mut().skip(1).zip(pair.public_key().as_ref()) {
            *to = *from;
        }
        Ok(Self { pair, public: PublicKey::new(name, typed) })
    }

    pub(crate) fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The signature of `message`, as a note carries it: `prefix` and the 64 bytes of Ed25519.
    pub(crate) fn sign(&self, prefix: &[u8], message: &[u8]) -> Signature {
        let mut bytes = prefix.to_vec();
        bytes.extend_from_slice(self.pair.sign(message).as_ref());
        Signature { name: self.public.name.clone(), key_id: self.public.id, bytes }
    }
}

impl fmt::Debug for PrivateKey {
    /// The public half only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "private half of {}", self.public)
    }
}
