//! This file is about secp256k1, which aws-lc-rs signs with slowly and does not agree with.

use k256::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
use k256::ecdsa::{Signature, SigningKey, VerifyingKey};
use k256::{PublicKey, SecretKey, ecdh};
use zeroize::Zeroizing;

use crate::error::Error;

pub(super) fn public(scalar: &[u8]) -> Result<Vec<u8>, Error> {
    let key = SecretKey::from_slice(scalar).map_err(|_| Error::Rejected)?;
    Ok(key.public_key().to_sec1_bytes().to_vec())
}

pub(super) fn check_public(public: &[u8]) -> Result<(), Error> {
    PublicKey::from_sec1_bytes(public).map(|_| ()).map_err(|_| Error::Rejected)
}

/// Signs a digest, with a nonce that is made of key and digest (RFC 6979).
pub(super) fn sign(scalar: &[u8], digest: &[u8]) -> Result<Vec<u8>, Error> {
    let key = SigningKey::from_slice(scalar).map_err(Error::internal)?;
    let signature: Signature = key.sign_prehash(digest).map_err(Error::internal)?;
    Ok(signature.to_der().as_bytes().to_vec())
}

pub(super) fn verify(public: &[u8], digest: &[u8], signature: &[u8]) -> Result<bool, Error> {
    let key = VerifyingKey::from_sec1_bytes(public).map_err(Error::internal)?;
    let fits = |signature: Signature| {
        // The library takes one of the two values of s only; for ECDSA both are right.
        key.verify_prehash(digest, &signature.normalize_s()).is_ok()
    };
    Ok(Signature::from_der(signature).is_ok_and(fits))
}

pub(super) fn agree(scalar: &[u8], peer: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let key = SecretKey::from_slice(scalar).map_err(Error::internal)?;
    let peer = PublicKey::from_sec1_bytes(peer).map_err(|_| Error::Rejected)?;
    let secret = ecdh::diffie_hellman(key.to_nonzero_scalar(), peer.as_affine());
    Ok(Zeroizing::new(secret.raw_secret_bytes().to_vec()))
}
