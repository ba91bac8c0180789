//! This file is about X25519 and Ed25519: by AWS-LC, but for Ed25519ph and Ed25519ctx, which crrl has.

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, X25519};
use aws_lc_rs::signature::{self, ED25519, Ed25519KeyPair, KeyPair};
use crrl::ed25519;
use zeroize::Zeroizing;

use super::hash::hash;
use super::{Hash, stack};
use crate::error::Error;

/// How long private and public halves are, in bytes.
pub(super) const BYTES: usize = 32;

pub(super) fn x25519_public(private: &[u8]) -> Result<Vec<u8>, Error> {
    let key = PrivateKey::from_private_key(&X25519, private).map_err(|_| Error::Rejected)?;
    Ok(key.compute_public_key().map_err(Error::internal)?.as_ref().to_vec())
}

/// The secret of both; [`Error::Rejected`] where it would be zero, whatever the private half is (RFC 7748, section 6.1).
pub(super) fn x25519(private: &[u8], peer: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    if peer.len() != BYTES {
        return Err(Error::Rejected);
    }
    let key = PrivateKey::from_private_key(&X25519, private).map_err(Error::internal)?;
    let peer = UnparsedPublicKey::new(&X25519, peer);
    agreement::agree(&key, peer, Error::Rejected, |secret| Ok(Zeroizing::new(secret.to_vec())))
}

pub(super) fn ed25519_public(seed: &[u8]) -> Result<Vec<u8>, Error> {
    let key = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| Error::Rejected)?;
    Ok(key.public_key().as_ref().to_vec())
}

/// Judges what is said to be a public half: a point that is not of small order, under which some signatures fit every
/// message.
pub(super) fn ed25519_check_public(public: &[u8]) -> Result<(), Error> {
    let point = ed25519::Point::decode(public).ok_or(Error::Rejected)?;
    (point.has_low_order() == 0).then_some(()).ok_or(Error::Rejected)
}

/// A way to sign with Ed25519; what stands in it is the context, at most 255 bytes.
#[derive(Clone, Copy)]
pub(super) enum Way<'a> {
    Plain,
    Context(&'a [u8]),
    Hashed(&'a [u8]),
}

/// A signature by a seed and the public half that was made of it.
pub(super) fn sign(way: Way<'_>, seed: &[u8], public: &[u8], message: &[u8]) -> Result<Vec<u8>, Error> {
    let half = |half: &[u8]| {
        half.first_chunk::<BYTES>().copied().ok_or_else(|| Error::internal("a half of another length"))
    };
    let seed = Zeroizing::new(half(seed)?);
    if let Way::Plain = way {
        let signature = keyward_signing::ed25519(&seed, &half(public)?, message);
        return Ok(signature.map_err(Error::internal)?.to_vec());
    }
    Ok(stack::wiped(|| {
        let key = ed25519::PrivateKey::from_seed(seed.as_slice());
        match way {
            Way::Plain => key.sign_raw(message),
            Way::Context(context) => key.sign_ctx(context, message),
            Way::Hashed(context) => key.sign_ph(context, hash(Hash::Sha512, message).as_ref()),
        }
        .to_vec()
    }))
}

pub(super) fn verify(way: Way<'_>, public: &[u8], message: &[u8], signature: &[u8]) -> Result<bool, Error> {
    if let Way::Plain = way {
        return Ok(signature::UnparsedPublicKey::new(&ED25519, public).verify(message, signature).is_ok());
    }
    let key =
        ed25519::PublicKey::decode(public).ok_or_else(|| Error::internal("a public half that is none"))?;
    Ok(match way {
        Way::Plain => key.verify_raw(signature, message),
        Way::Context(context) => key.verify_ctx(signature, context, message),
        Way::Hashed(context) => key.verify_ph(signature, context, hash(Hash::Sha512, message).as_ref()),
    })
}
