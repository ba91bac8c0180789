//! This file is about the halves of keys: how private ones are made, and public ones of them.

use zeroize::Zeroizing;

use super::{Algorithm, Curve, Private, curve448, curve25519, ec, ml_dsa, ml_kem};
use crate::error::Error;

/// How often a scalar is drawn: each is refused with a chance of 2^-32 at most.
const TRIES: usize = 16;

/// The halves of a key; a symmetric one has no public half.
pub struct Halves {
    /// The public one, in the encoding of [`Algorithm`].
    pub public: Option<Vec<u8>>,
    /// The private one, or the symmetric key; none where only a public half was brought along.
    pub private: Option<Private>,
}

impl Algorithm {
    /// How long a private half is, in bytes: a scalar, a seed, or the key.
    #[must_use]
    pub const fn private_bytes(self) -> usize {
        match self {
            Self::Ec(curve) => ec::scalar_bytes(curve),
            Self::X25519 | Self::Ed25519 => curve25519::BYTES,
            Self::X448 => curve448::X448_BYTES,
            Self::Ed448 => curve448::ED448_BYTES,
            Self::Hmac(hash) => hash.bytes(),
            Self::Aes(size) => size.bytes(),
            Self::MlKem(_) => ml_kem::SEED_BYTES,
            Self::MlDsa(_) => ml_dsa::SEED_BYTES,
        }
    }

    /// A new key; `random` fills a buffer with random bytes.
    ///
    /// # Errors
    /// [`Error::Internal`] if a library refuses what it should not.
    pub fn generate(self, random: &mut dyn FnMut(&mut [u8])) -> Result<Halves, Error> {
        for _ in 0..TRIES {
            let mut bytes = Zeroizing::new(vec![0; self.private_bytes()]);
            random(&mut bytes);
            match self.key_of(bytes) {
                // Of a scalar that is not below the order another one is drawn (FIPS 186-5, section A.2.2).
                Err(Error::Rejected) => {}
                made => return made,
            }
        }
        Err(Error::internal("no scalar was drawn"))
    }

    /// The key that these bytes make: a scalar, a seed, or the key itself. Of 66 bytes for P-521 the top 7 bits do not count.
    ///
    /// # Errors
    /// [`Error::Rejected`] for another length, and for a scalar that is 0 or not below the order of the group.
    pub fn key_of(self, mut bytes: Zeroizing<Vec<u8>>) -> Result<Halves, Error> {
        if bytes.len() != self.private_bytes() {
            return Err(Error::Rejected);
        }
        if let (Self::Ec(Curve::P521), Some(top)) = (self, bytes.first_mut()) {
            *top &= 1;
        }
        let public = match self {
            Self::Ec(curve) => Some(ec::public(curve, &bytes)?),
            Self::X25519 => Some(curve25519::x25519_public(&bytes)?),
            Self::X448 => Some(curve448::x448_public(&bytes)?),
            Self::Ed25519 => Some(curve25519::ed25519_public(&bytes)?),
            Self::Ed448 => Some(curve448::ed448_public(&bytes)?),
            Self::MlKem(set) => Some(ml_kem::public(set, &bytes)?),
            Self::MlDsa(set) => Some(ml_dsa::public(set, &bytes)?),
            Self::Hmac(_) | Self::Aes(_) => None,
        };
        Ok(Halves { public, private: Some(Private::new(bytes)) })
    }

    /// Judges what is said to be a public half: its length, and that it is one that is safe to use.
    ///
    /// # Errors
    /// [`Error::Rejected`].
    pub fn check_public(self, public: &[u8]) -> Result<(), Error> {
        match self {
            Self::Ec(curve) => ec::check_public(curve, public),
            // One of small order agrees on zero with every private half: any will show it.
            Self::X25519 => curve25519::x25519(&[1; curve25519::BYTES], public).map(|_| ()),
            Self::X448 => curve448::x448(&[1; curve448::X448_BYTES], public).map(|_| ()),
            Self::Ed25519 => curve25519::ed25519_check_public(public),
            Self::Ed448 => curve448::ed448_check_public(public),
            Self::MlKem(set) => ml_kem::check_public(set, public),
            Self::MlDsa(set) => ml_dsa::check_public(set, public),
            Self::Hmac(_) | Self::Aes(_) => Err(Error::Rejected),
        }
    }
}
