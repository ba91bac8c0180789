//! This file is about keys that never leave: what makes a key one, how it comes to be, and what it may be used for.
//!
//! All cryptography is of libraries. One file a family holds what is done with it, as pure functions; what a key may do
//! is one exhaustive match over [`Algorithm`] and [`Exercise`].

mod aes;
pub mod algorithm;
mod curve25519;
mod curve448;
mod ec;
pub mod exercise;
mod hash;
mod key_wrap;
mod keys;
mod ml_dsa;
mod ml_kem;
mod perform;
mod stack;
pub mod usage;

use std::sync::Arc;

use zeroize::Zeroizing;

pub use self::algorithm::{AesKeySize, Algorithm, Curve, Hash, MlDsaSet, MlKemSet};
pub use self::exercise::{CipherKey, CipherMode, Exercise, Exercised, Peer, Scheme, Short};
pub use self::keys::Halves;
pub use self::perform::PeerHalf;
pub use self::usage::{Usage, Usages};
use crate::command::Draft;
use crate::id::{AccountId, KeyId};
use crate::secret::Label;

/// What makes a key one that never leaves.
#[derive(Clone)]
pub struct Crypto {
    /// What it is.
    pub algorithm: Algorithm,
    /// What it may be used for; it never changes.
    pub usages: Usages,
    /// How it came to be.
    pub source: Source,
    /// What a dialect finds it by, see [`NewCrypto::naming`].
    pub lookup: Option<Vec<u8>>,
    /// What a dialect knows of it, see [`NewCrypto::mark`].
    pub mark: Option<Vec<u8>>,
    /// Its public half; a symmetric key has none.
    pub public: Option<Vec<u8>>,
    /// Its private half, or the symmetric key itself; none where only a public half was brought along.
    pub private: Option<Private>,
}

/// A private half at rest: a scalar, a seed or a symmetric key, expanded anew for every use. Never printed, wiped when
/// dropped.
#[derive(Clone)]
pub struct Private(Zeroizing<Vec<u8>>);

impl Private {
    /// Takes these bytes.
    #[must_use]
    pub const fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// The bytes, for the one place that uses them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

/// How a key that never leaves came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It was made here.
    Generated,
    /// Its public half was made elsewhere and brought along; there is no more of it.
    Imported,
    /// It was made here of what two keys agree on.
    Derived,
}

/// A key that never leaves, to make.
#[derive(Clone)]
pub struct NewCrypto {
    /// Who it acts as; not given: the caller's account.
    pub account: Option<AccountId>,
    /// What it is for.
    pub environment: Label,
    /// Whether its removal is refused.
    pub protected: bool,
    /// What it is.
    pub algorithm: Algorithm,
    /// What it may be used for.
    pub usages: Usages,
    /// Where it comes from.
    pub origin: Origin,
    /// How a dialect names it.
    pub naming: Option<Naming>,
    /// What a dialect is to know of it for as long as it lives. Nobody changes it, in whatever language: metadata are whatever
    /// those write who may update keys, so nothing that is decided may hang on them.
    pub mark: Option<Vec<u8>>,
    /// The rest.
    pub draft: Draft,
}

/// Where a new key that never leaves comes from.
#[derive(Clone)]
pub enum Origin {
    /// It is made of randomness.
    Generate,
    /// Only its public half, in the encoding of [`Algorithm`].
    Public(Vec<u8>),
    /// HKDF-SHA-256 over what a key agrees on with a peer, without salt.
    Derive {
        /// The key that agrees; its usages must hold [`Usage::Derive`].
        key: KeyRef,
        /// Whom it agrees with.
        peer: Peer,
        /// What binds the output to its purpose.
        info: Vec<u8>,
    },
}

/// How a dialect names keys that never leave. At most one live key of an organization has a name; it is free again as
/// soon as that is removed. A function, because only the core sees what the name is made of; it is called before the key is
/// there for anybody.
pub type Naming = Arc<dyn Fn(&Identity<'_>) -> Vec<u8> + Send + Sync>;

/// What a key that never leaves may be named by.
pub enum Identity<'a> {
    /// Its public half.
    Public(&'a [u8]),
    /// For a symmetric key a keyed hash of algorithm and key, the same for the same key in one organization.
    Fingerprint([u8; 16]),
}

/// Names a key that never leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyRef {
    /// By its id.
    Id(KeyId),
    /// By what a dialect named it, in the caller's organization.
    Lookup(Vec<u8>),
}
