//! This file is about ECDSA and ECDH: the NIST curves by AWS-LC, secp256k1 by k256.
//!
//! Private halves are scalars, big-endian, as long as the field; public halves are compressed points (SEC 1).

mod secp256k1;

use aws_lc_rs::encoding::{AsBigEndian, EcPublicKeyCompressedBin};
use aws_lc_rs::signature::EcdsaVerificationAlgorithm;
use aws_lc_rs::{agreement, digest, signature};
use zeroize::Zeroizing;

use super::hash::hash;
use super::{Curve, Hash};
use crate::error::Error;

/// What aws-lc-rs calls a curve of NIST's.
struct Nist {
    agreement: &'static agreement::Algorithm,
    signing: keyward_signing::Curve,
    verifying: &'static EcdsaVerificationAlgorithm,
    /// The hash that the one above stands for.
    hash: &'static digest::Algorithm,
}

static P256: Nist = Nist {
    agreement: &agreement::ECDH_P256,
    signing: keyward_signing::Curve::P256,
    verifying: &signature::ECDSA_P256_SHA256_ASN1,
    hash: &digest::SHA256,
};
static P384: Nist = Nist {
    agreement: &agreement::ECDH_P384,
    signing: keyward_signing::Curve::P384,
    verifying: &signature::ECDSA_P384_SHA384_ASN1,
    hash: &digest::SHA384,
};
static P521: Nist = Nist {
    agreement: &agreement::ECDH_P521,
    signing: keyward_signing::Curve::P521,
    verifying: &signature::ECDSA_P521_SHA512_ASN1,
    hash: &digest::SHA512,
};

const fn nist(curve: Curve) -> Option<&'static Nist> {
    match curve {
        Curve::P256 => Some(&P256),
        Curve::P384 => Some(&P384),
        Curve::P521 => Some(&P521),
        Curve::Secp256k1 => None,
    }
}

/// How long a scalar is, in bytes; a public half is one longer.
pub(super) const fn scalar_bytes(curve: Curve) -> usize {
    match curve {
        Curve::P256 | Curve::Secp256k1 => 32,
        Curve::P384 => 48,
        Curve::P521 => 66,
    }
}

/// The public half of a scalar.
///
/// # Errors
/// [`Error::Rejected`] for one that is 0 or not below the order of the group.
pub(super) fn public(curve: Curve, scalar: &[u8]) -> Result<Vec<u8>, Error> {
    let Some(nist) = nist(curve) else { return secp256k1::public(scalar) };
    let key = agreement::PrivateKey::from_private_key(nist.agreement, scalar).map_err(|_| Error::Rejected)?;
    let public = key.compute_public_key().map_err(Error::internal)?;
    let compressed: EcPublicKeyCompressedBin<'_> = public.as_be_bytes().map_err(Error::internal)?;
    Ok(compressed.as_ref().to_vec())
}

/// Judges what is said to be a public half: a compressed point on the curve.
///
/// # Errors
/// [`Error::Rejected`].
pub(super) fn check_public(curve: Curve, public: &[u8]) -> Result<(), Error> {
    check_compressed(curve, public)?;
    match nist(curve) {
        Some(nist) => {
            let key = agreement::UnparsedPublicKey::new(nist.agreement, public);
            agreement::ParsedPublicKey::try_from(key).map(|_| ()).map_err(|_| Error::Rejected)
        }
        None => secp256k1::check_public(public),
    }
}

/// Judges the form of a point. The libraries take others too: uncompressed ones, and k256 one without the sign of y.
fn check_compressed(curve: Curve, public: &[u8]) -> Result<(), Error> {
    let is_compressed = public.len() == 1 + scalar_bytes(curve) && matches!(public, [2 | 3, ..]);
    is_compressed.then_some(()).ok_or(Error::Rejected)
}

/// A signature in DER.
pub(super) fn sign(curve: Curve, with: Hash, scalar: &[u8], message: &[u8]) -> Result<Vec<u8>, Error> {
    let digest = hash(with, message);
    let Some(nist) = nist(curve) else { return secp256k1::sign(scalar, digest.as_ref()) };
    keyward_signing::ecdsa(nist.signing, scalar, digest.as_ref()).map_err(Error::internal)
}

/// Whether a signature in DER fits.
pub(super) fn verify(
    curve: Curve,
    with: Hash,
    public: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<bool, Error> {
    let digest = hash(with, message);
    let Some(nist) = nist(curve) else { return secp256k1::verify(public, digest.as_ref(), signature) };
    let key = signature::UnparsedPublicKey::new(nist.verifying, public);
    Ok(key.verify_digest(&fitted(&digest, nist)?, signature).is_ok())
}

/// The x-coordinate that a scalar and a public half, a compressed point, agree on.
pub(super) fn agree(curve: Curve, scalar: &[u8], peer: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    check_compressed(curve, peer)?;
    let Some(nist) = nist(curve) else { return secp256k1::agree(scalar, peer) };
    let key = agreement::PrivateKey::from_private_key(nist.agreement, scalar).map_err(Error::internal)?;
    let peer = agreement::UnparsedPublicKey::new(nist.agreement, peer);
    agreement::agree(&key, peer, Error::Rejected, |secret| Ok(Zeroizing::new(secret.to_vec())))
}

/// A digest in the length that the library takes for a curve, with the same meaning: what is signed is the integer of the
/// leftmost bits, as many as the order has (FIPS 186-5, section 6.4), so what stands behind them falls off, and zeros in
/// front change nothing.
fn fitted(digest: &digest::Digest, nist: &Nist) -> Result<digest::Digest, Error> {
    let (given, wanted) = (digest.as_ref(), nist.hash.output_len());
    let kept = given.get(..wanted).unwrap_or(given);
    let mut fitted = vec![0; wanted - kept.len()];
    fitted.extend_from_slice(kept);
    digest::Digest::import_less_safe(&fitted, nist.hash).map_err(Error::internal)
}
