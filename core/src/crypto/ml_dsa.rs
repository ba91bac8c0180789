//! This file is about ML-DSA (FIPS 204), pure: by aws-lc-rs, but with a context by ml-dsa, because aws-lc-rs knows none.
//!
//! Private halves are seeds of 32 bytes.

use ::ml_dsa::{ExpandedSigningKey, MlDsa44, MlDsa65, MlDsa87, MlDsaParams, Signature, VerifyingKey};
use aws_lc_rs::signature::{
    KeyPair, ML_DSA_44, ML_DSA_44_SIGNING, ML_DSA_65, ML_DSA_65_SIGNING, ML_DSA_87, ML_DSA_87_SIGNING,
    PqdsaKeyPair, PqdsaSigningAlgorithm, PqdsaVerificationAlgorithm, UnparsedPublicKey,
};

use super::MlDsaSet;
use crate::error::Error;

/// How long a seed is, in bytes.
pub(super) const SEED_BYTES: usize = 32;

const fn algorithms(set: MlDsaSet) -> (&'static PqdsaSigningAlgorithm, &'static PqdsaVerificationAlgorithm) {
    match set {
        MlDsaSet::MlDsa44 => (&ML_DSA_44_SIGNING, &ML_DSA_44),
        MlDsaSet::MlDsa65 => (&ML_DSA_65_SIGNING, &ML_DSA_65),
        MlDsaSet::MlDsa87 => (&ML_DSA_87_SIGNING, &ML_DSA_87),
    }
}

pub(super) fn public(set: MlDsaSet, seed: &[u8]) -> Result<Vec<u8>, Error> {
    let key = PqdsaKeyPair::from_seed(algorithms(set).0, seed).map_err(|_| Error::Rejected)?;
    Ok(key.public_key().as_ref().to_vec())
}

/// Judges what is said to be a public half: every string of the right length is one.
pub(super) fn check_public(set: MlDsaSet, public: &[u8]) -> Result<(), Error> {
    (public.len() == algorithms(set).0.public_key_len()).then_some(()).ok_or(Error::Rejected)
}

/// A signature; the context has at most 255 bytes.
pub(super) fn sign(set: MlDsaSet, seed: &[u8], context: &[u8], message: &[u8]) -> Result<Vec<u8>, Error> {
    if context.is_empty() {
        let algorithm = algorithms(set).0;
        let key = PqdsaKeyPair::from_seed(algorithm, seed).map_err(Error::internal)?;
        let mut signature = vec![0; algorithm.signature_len()];
        key.sign(message, &mut signature).map_err(Error::internal)?;
        return Ok(signature);
    }
    match set {
        MlDsaSet::MlDsa44 => sign_with::<MlDsa44>(seed, context, message),
        MlDsaSet::MlDsa65 => sign_with::<MlDsa65>(seed, context, message),
        MlDsaSet::MlDsa87 => sign_with::<MlDsa87>(seed, context, message),
    }
}

fn sign_with<P: MlDsaParams>(seed: &[u8], context: &[u8], message: &[u8]) -> Result<Vec<u8>, Error> {
    let seed = seed.try_into().map_err(Error::internal)?;
    let signature = ExpandedSigningKey::<P>::from_seed(&seed).sign_deterministic(message, context);
    Ok(signature.map_err(Error::internal)?.encode().to_vec())
}

/// Whether a signature fits.
pub(super) fn verify(
    set: MlDsaSet,
    public: &[u8],
    context: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<bool, Error> {
    if context.is_empty() {
        return Ok(UnparsedPublicKey::new(algorithms(set).1, public).verify(message, signature).is_ok());
    }
    match set {
        MlDsaSet::MlDsa44 => verify_with::<MlDsa44>(public, context, message, signature),
        MlDsaSet::MlDsa65 => verify_with::<MlDsa65>(public, context, message, signature),
        MlDsaSet::MlDsa87 => verify_with::<MlDsa87>(public, context, message, signature),
    }
}

fn verify_with<P: MlDsaParams>(
    public: &[u8],
    context: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<bool, Error> {
    let key = VerifyingKey::<P>::decode(public.try_into().map_err(Error::internal)?);
    let signature = Signature::<P>::try_from(signature);
    Ok(signature.is_ok_and(|signature| key.verify_with_context(message, context, &signature)))
}
