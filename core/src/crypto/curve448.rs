//! This file is about X448 and Ed448, by crrl: aws-lc-rs has neither.

use crrl::{ed448, x448};
use shake::Shake256;
use shake::digest::{ExtendableOutput, Update};
use zeroize::Zeroizing;

use super::{hash, stack};
use crate::error::Error;

/// How long the halves of an X448 key are, in bytes.
pub(super) const X448_BYTES: usize = 56;
/// How long the halves of an Ed448 key are, in bytes.
pub(super) const ED448_BYTES: usize = 57;

pub(super) fn x448_public(private: &[u8]) -> Result<Vec<u8>, Error> {
    let private: &[u8; X448_BYTES] = private.try_into().map_err(|_| Error::Rejected)?;
    Ok(stack::wiped(|| x448::x448_base(private).to_vec()))
}

/// The secret of both; [`Error::Rejected`] where it would be zero, whatever the private half is (RFC 7748, section 6.2).
pub(super) fn x448(private: &[u8], peer: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let private: &[u8; X448_BYTES] = private.try_into().map_err(Error::internal)?;
    let peer: &[u8; X448_BYTES] = peer.try_into().map_err(|_| Error::Rejected)?;
    let secret = stack::wiped(|| Zeroizing::new(x448::x448(peer, private).to_vec()));
    if hash::are_equal(&secret, &[0; X448_BYTES]) { Err(Error::Rejected) } else { Ok(secret) }
}

pub(super) fn ed448_public(seed: &[u8]) -> Result<Vec<u8>, Error> {
    let seed: &[u8; ED448_BYTES] = seed.try_into().map_err(|_| Error::Rejected)?;
    Ok(stack::wiped(|| ed448::PrivateKey::from_seed(seed).public_key.encode().to_vec()))
}

/// Judges what is said to be a public half: a point that is not of small order, under which some signatures fit every
/// message.
pub(super) fn ed448_check_public(public: &[u8]) -> Result<(), Error> {
    let point = ed448::Point::decode(public).ok_or(Error::Rejected)?;
    (point.has_low_order() == 0).then_some(()).ok_or(Error::Rejected)
}

/// What is signed: the message, or its hash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Plain,
    Hashed,
}

/// A signature; the context has at most 255 bytes.
pub(super) fn sign(way: Way, seed: &[u8], context: &[u8], message: &[u8]) -> Result<Vec<u8>, Error> {
    let seed: &[u8; ED448_BYTES] = seed.try_into().map_err(Error::internal)?;
    Ok(stack::wiped(|| {
        let key = ed448::PrivateKey::from_seed(seed);
        match way {
            Way::Plain => key.sign_ctx(context, message),
            Way::Hashed => key.sign_ph(context, &hashed(message)),
        }
        .to_vec()
    }))
}

pub(super) fn verify(
    way: Way,
    public: &[u8],
    context: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<bool, Error> {
    let key =
        ed448::PublicKey::decode(public).ok_or_else(|| Error::internal("a public half that is none"))?;
    Ok(match way {
        Way::Plain => key.verify_ctx(signature, context, message),
        Way::Hashed => key.verify_ph(signature, context, &hashed(message)),
    })
}

/// SHAKE256 of a message, 64 bytes (RFC 8032, section 5.2).
fn hashed(message: &[u8]) -> [u8; 64] {
    let mut output = [0; 64];
    let mut shake = Shake256::default();
    shake.update(message);
    shake.finalize_xof_into(&mut output);
    output
}
