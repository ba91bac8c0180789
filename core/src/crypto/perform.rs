//! This file is about doing what is asked of a key that never leaves: one exhaustive match from the exercise to the library.

use zeroize::Zeroizing;

use super::curve448::Way as Ed448Way;
use super::curve25519::Way as Ed25519Way;
use super::exercise::{CipherKey, Exercise, Exercised, Scheme, Short};
use super::{Algorithm, Crypto, Hash, aes, curve448, curve25519, ec, hash, key_wrap, ml_dsa, ml_kem};
use crate::error::Error;

/// The longest context of a signature, in bytes (RFC 8032, FIPS 204).
const CONTEXT: usize = 255;
/// The key's algorithm, or its half, cannot do what is asked.
const WRONG: Error = Error::WrongState { why: "the key's algorithm does not do this" };

/// A public half whose key was looked up, or that was given.
pub struct PeerHalf {
    /// Whose algorithm it is said to be of; not said: the key's.
    pub algorithm: Option<Algorithm>,
    /// The half.
    pub public: Vec<u8>,
}

impl Crypto {
    /// Does what is asked; `peer` is the half that [`Exercise::peer`] names, `random` fills a buffer with random bytes.
    /// Signatures of ECDSA on NIST curves and of ML-DSA without context, and ML-KEM's secrets, draw theirs from aws-lc-rs.
    ///
    /// # Errors
    /// [`Error::WrongState`] for what the key's usages or algorithm do not allow; [`Error::Invalid`] for what the exercise
    /// does not take; [`Error::Rejected`] for what does not fit the key, without why.
    pub fn perform(
        &self,
        exercise: &Exercise,
        peer: Option<&PeerHalf>,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<Exercised, Error> {
        self.usages.allow(exercise.usage())?;
        match exercise {
            Exercise::Sign { scheme, message, context } => {
                self.sign(*scheme, message, context).map(Exercised::Signature)
            }
            Exercise::Verify { scheme, message, context, signature } => {
                self.fits(*scheme, message, context, signature).map(Exercised::Fits)
            }
            Exercise::Mac { message, agreed } => {
                let with = agreed.as_ref().map(|(_, hash)| *hash);
                self.mac(with, peer, message).map(Exercised::Mac)
            }
            Exercise::VerifyMac { message, agreed, mac } => {
                let with = agreed.as_ref().map(|(_, hash)| *hash);
                Ok(Exercised::Fits(hash::are_equal(&self.mac(with, peer, message)?, mac)))
            }
            Exercise::Encrypt { mode, under, plaintext, aad } => {
                let mut iv = Short::from_elem(0, aes::iv_bytes(*mode));
                random(&mut iv);
                let encrypt = |key: &[u8]| aes::encrypt(*mode, key, &iv, plaintext, aad);
                let (ciphertext, tag) = self.with_cipher_key(under, peer, encrypt)?;
                Ok(Exercised::Ciphertext { ciphertext, iv, tag })
            }
            Exercise::Decrypt { mode, under, ciphertext, iv, tag, aad } => {
                let decrypt = |key: &[u8]| aes::decrypt(*mode, key, (iv, tag), ciphertext, aad);
                self.with_cipher_key(under, peer, decrypt).map(Exercised::Plaintext)
            }
            Exercise::Wrap { under, key, initial_value } => {
                let initial = initial_value.unwrap_or(key_wrap::INITIAL_VALUE);
                let wrap = |under: &[u8]| key_wrap::wrap(under, key, initial);
                self.with_cipher_key(under, peer, wrap).map(Exercised::Wrapped)
            }
            Exercise::Unwrap { under, wrapped, initial_value } => {
                let initial = initial_value.unwrap_or(key_wrap::INITIAL_VALUE);
                let unwrap = |under: &[u8]| key_wrap::unwrap(under, wrapped, initial);
                self.with_cipher_key(under, peer, unwrap).map(Exercised::Unwrapped)
            }
            Exercise::Agree { hash: None, .. } => self.agree(peer).map(Exercised::Agreed),
            Exercise::Agree { hash: Some(with), .. } => {
                let hashed = hash::hash(*with, &self.agree(peer)?);
                Ok(Exercised::Agreed(Zeroizing::new(hashed.as_ref().to_vec())))
            }
            Exercise::Encapsulate => {
                let Algorithm::MlKem(set) = self.algorithm else { return Err(WRONG) };
                let (ciphertext, secret) = ml_kem::encapsulate(set, self.public_half()?)?;
                Ok(Exercised::Encapsulated { ciphertext, secret })
            }
            Exercise::Decapsulate { ciphertext } => {
                let Algorithm::MlKem(set) = self.algorithm else { return Err(WRONG) };
                ml_kem::decapsulate(set, self.private_half()?, ciphertext).map(Exercised::Decapsulated)
            }
        }
    }

    /// Bytes for another key: HKDF-SHA-256 over what this one agrees on.
    ///
    /// # Errors
    /// As [`Crypto::perform`]; [`Error::WrongState`] if what is agreed on is shorter than what is wanted.
    pub fn derive(&self, peer: &PeerHalf, info: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.usages.allow(super::Usage::Derive)?;
        let secret = self.agree(Some(peer))?;
        if secret.len() < length {
            return Err(Error::WrongState {
                why: "what the keys agree on is shorter than the key to make of it",
            });
        }
        hash::derive(&secret, info, length)
    }

    fn sign(&self, scheme: Scheme, message: &[u8], context: &[u8]) -> Result<Vec<u8>, Error> {
        check_context(scheme, context)?;
        let private = || self.private_half();
        match (self.algorithm, scheme) {
            (Algorithm::Ec(curve), Scheme::Ecdsa(with)) => ec::sign(curve, with, private()?, message),
            (Algorithm::Ed25519, scheme) => {
                curve25519::sign(ed25519_way(scheme, context)?, private()?, self.public_half()?, message)
            }
            (Algorithm::Ed448, scheme) => curve448::sign(ed448_way(scheme)?, private()?, context, message),
            (Algorithm::MlDsa(set), Scheme::MlDsa) => ml_dsa::sign(set, private()?, context, message),
            _ => Err(WRONG),
        }
    }

    fn fits(&self, scheme: Scheme, message: &[u8], context: &[u8], signature: &[u8]) -> Result<bool, Error> {
        check_context(scheme, context)?;
        let public = || self.public_half();
        match (self.algorithm, scheme) {
            (Algorithm::Ec(curve), Scheme::Ecdsa(with)) => {
                ec::verify(curve, with, public()?, message, signature)
            }
            (Algorithm::Ed25519, scheme) => {
                curve25519::verify(ed25519_way(scheme, context)?, public()?, message, signature)
            }
            (Algorithm::Ed448, scheme) => {
                curve448::verify(ed448_way(scheme)?, public()?, context, message, signature)
            }
            (Algorithm::MlDsa(set), Scheme::MlDsa) => {
                ml_dsa::verify(set, public()?, context, message, signature)
            }
            _ => Err(WRONG),
        }
    }

    /// A code under the key itself, or with this hash under what it agrees on.
    fn mac(&self, agreed: Option<Hash>, peer: Option<&PeerHalf>, message: &[u8]) -> Result<Vec<u8>, Error> {
        match (agreed, self.algorithm) {
            (Some(with), _) => Ok(hash::mac(with, &self.agree(peer)?, message)),
            (None, Algorithm::Hmac(with)) => Ok(hash::mac(with, self.private_half()?, message)),
            (None, _) => Err(WRONG),
        }
    }

    /// Does something with the key of a cipher or a wrapping: the key itself is not copied for it.
    fn with_cipher_key<T>(
        &self,
        under: &CipherKey,
        peer: Option<&PeerHalf>,
        act: impl FnOnce(&[u8]) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match under {
            CipherKey::Own(part) => {
                let Algorithm::Aes(size) = self.algorithm else { return Err(WRONG) };
                let leading = self.private_half()?.get(..part.unwrap_or(size).bytes());
                act(leading.ok_or(Error::WrongState { why: "the key is shorter than that" })?)
            }
            CipherKey::Agreed { size, info, .. } => {
                act(&hash::derive(&self.agree(peer)?, info, size.bytes())?)
            }
        }
    }

    fn agree(&self, peer: Option<&PeerHalf>) -> Result<Zeroizing<Vec<u8>>, Error> {
        let peer = peer.ok_or_else(|| Error::internal("an agreement without a peer"))?;
        if peer.algorithm.is_some_and(|algorithm| algorithm != self.algorithm) {
            return Err(Error::WrongState { why: "the two keys are of different algorithms" });
        }
        match self.algorithm {
            Algorithm::Ec(curve) => ec::agree(curve, self.private_half()?, &peer.public),
            Algorithm::X25519 => curve25519::x25519(self.private_half()?, &peer.public),
            Algorithm::X448 => curve448::x448(self.private_half()?, &peer.public),
            Algorithm::Ed25519
            | Algorithm::Ed448
            | Algorithm::Hmac(_)
            | Algorithm::Aes(_)
            | Algorithm::MlKem(_)
            | Algorithm::MlDsa(_) => Err(WRONG),
        }
    }

    fn private_half(&self) -> Result<&[u8], Error> {
        let only_public = Error::WrongState { why: "only the public half of this key is here" };
        self.private.as_ref().map(super::Private::expose).ok_or(only_public)
    }

    fn public_half(&self) -> Result<&[u8], Error> {
        self.public.as_deref().ok_or(WRONG)
    }
}

/// Judges a context: at most 255 bytes, and none where the scheme has no place for one.
fn check_context(scheme: Scheme, context: &[u8]) -> Result<(), Error> {
    let (fits, must) = match scheme {
        Scheme::Ecdsa(_) | Scheme::Ed25519 => (context.is_empty(), "absent: this scheme knows none"),
        Scheme::Ed25519ctx => ((1..=CONTEXT).contains(&context.len()), "1 to 255 bytes"),
        Scheme::Ed25519ph | Scheme::Ed448 | Scheme::Ed448ph | Scheme::MlDsa => {
            (context.len() <= CONTEXT, "at most 255 bytes")
        }
    };
    fits.then_some(()).ok_or_else(|| Error::invalid("context", must))
}

fn ed25519_way(scheme: Scheme, context: &[u8]) -> Result<Ed25519Way<'_>, Error> {
    match scheme {
        Scheme::Ed25519 => Ok(Ed25519Way::Plain),
        Scheme::Ed25519ctx => Ok(Ed25519Way::Context(context)),
        Scheme::Ed25519ph => Ok(Ed25519Way::Hashed(context)),
        Scheme::Ecdsa(_) | Scheme::Ed448 | Scheme::Ed448ph | Scheme::MlDsa => Err(WRONG),
    }
}

fn ed448_way(scheme: Scheme) -> Result<Ed448Way, Error> {
    match scheme {
        Scheme::Ed448 => Ok(Ed448Way::Plain),
        Scheme::Ed448ph => Ok(Ed448Way::Hashed),
        Scheme::Ecdsa(_) | Scheme::Ed25519 | Scheme::Ed25519ctx | Scheme::Ed25519ph | Scheme::MlDsa => {
            Err(WRONG)
        }
    }
}
