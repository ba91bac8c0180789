//! This file is about ML-KEM (FIPS 203): encapsulation by aws-lc-rs; the private half by ml-kem, because aws-lc-rs takes
//! it expanded only.
//!
//! Private halves are seeds of 64 bytes, d and z.

use ::ml_kem::kem::{Decapsulate, KeyExport, TryKeyInit};
use ::ml_kem::{FromSeed, MlKem512, MlKem768, MlKem1024};
use aws_lc_rs::kem::{Algorithm, AlgorithmId, EncapsulationKey, ML_KEM_512, ML_KEM_768, ML_KEM_1024};
use zeroize::{Zeroize, Zeroizing};

use super::MlKemSet;
use crate::error::Error;

/// How long a seed is, in bytes.
pub(super) const SEED_BYTES: usize = 64;

const fn algorithm(set: MlKemSet) -> &'static Algorithm<AlgorithmId> {
    match set {
        MlKemSet::MlKem512 => &ML_KEM_512,
        MlKemSet::MlKem768 => &ML_KEM_768,
        MlKemSet::MlKem1024 => &ML_KEM_1024,
    }
}

pub(super) fn public(set: MlKemSet, seed: &[u8]) -> Result<Vec<u8>, Error> {
    match set {
        MlKemSet::MlKem512 => public_of::<MlKem512>(seed),
        MlKemSet::MlKem768 => public_of::<MlKem768>(seed),
        MlKemSet::MlKem1024 => public_of::<MlKem1024>(seed),
    }
}

fn public_of<K: FromSeed>(seed: &[u8]) -> Result<Vec<u8>, Error> {
    let (_, public) = K::from_seed(seed.try_into().map_err(|_| Error::Rejected)?);
    Ok(public.to_bytes().to_vec())
}

/// Judges what is said to be a public half: its length, and that all in it is below the modulus (section 7.2).
pub(super) fn check_public(set: MlKemSet, public: &[u8]) -> Result<(), Error> {
    let checked = match set {
        MlKemSet::MlKem512 => ::ml_kem::EncapsulationKey512::new_from_slice(public).map(|_| ()),
        MlKemSet::MlKem768 => ::ml_kem::EncapsulationKey768::new_from_slice(public).map(|_| ()),
        MlKemSet::MlKem1024 => ::ml_kem::EncapsulationKey1024::new_from_slice(public).map(|_| ()),
    };
    checked.map_err(|_| Error::Rejected)
}

/// A ciphertext, and the secret in it.
pub(super) fn encapsulate(set: MlKemSet, public: &[u8]) -> Result<(Vec<u8>, Zeroizing<Vec<u8>>), Error> {
    let key = EncapsulationKey::new(algorithm(set), public).map_err(Error::internal)?;
    let (ciphertext, secret) = key.encapsulate().map_err(Error::internal)?;
    Ok((ciphertext.as_ref().to_vec(), Zeroizing::new(secret.as_ref().to_vec())))
}

/// The secret in a ciphertext; [`Error::Rejected`] for one of another length.
pub(super) fn decapsulate(
    set: MlKemSet,
    seed: &[u8],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    match set {
        MlKemSet::MlKem512 => decapsulate_with::<MlKem512>(seed, ciphertext),
        MlKemSet::MlKem768 => decapsulate_with::<MlKem768>(seed, ciphertext),
        MlKemSet::MlKem1024 => decapsulate_with::<MlKem1024>(seed, ciphertext),
    }
}

fn decapsulate_with<K: FromSeed<DecapsulationKey: Decapsulate>>(
    seed: &[u8],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let (private, _) = K::from_seed(seed.try_into().map_err(Error::internal)?);
    let mut secret = private.decapsulate_slice(ciphertext).map_err(|_| Error::Rejected)?;
    let copy = Zeroizing::new(secret.to_vec());
    secret.zeroize();
    Ok(copy)
}
