//! This file is about the words of keys that never leave: the closed lists of the core and those of the wire, one to one.

use keyward_client::wire;
use keyward_core::crypto::{
    AesKeySize, Algorithm, CipherMode, Curve, Hash, MlDsaSet, MlKemSet, Scheme, Source, Usage,
};
use keyward_core::error::Error;

pub(super) const fn algorithm(algorithm: Algorithm) -> wire::CryptoAlgorithm {
    match algorithm {
        Algorithm::Ec(Curve::P256) => wire::CryptoAlgorithm::P256,
        Algorithm::Ec(Curve::P384) => wire::CryptoAlgorithm::P384,
        Algorithm::Ec(Curve::P521) => wire::CryptoAlgorithm::P521,
        Algorithm::Ec(Curve::Secp256k1) => wire::CryptoAlgorithm::Secp256k1,
        Algorithm::X25519 => wire::CryptoAlgorithm::X25519,
        Algorithm::X448 => wire::CryptoAlgorithm::X448,
        Algorithm::Ed25519 => wire::CryptoAlgorithm::Ed25519,
        Algorithm::Ed448 => wire::CryptoAlgorithm::Ed448,
        Algorithm::Hmac(Hash::Sha256) => wire::CryptoAlgorithm::HmacSha256,
        Algorithm::Hmac(Hash::Sha384) => wire::CryptoAlgorithm::HmacSha384,
        Algorithm::Hmac(Hash::Sha512) => wire::CryptoAlgorithm::HmacSha512,
        Algorithm::Hmac(Hash::Sha3_256) => wire::CryptoAlgorithm::HmacSha3_256,
        Algorithm::Hmac(Hash::Sha3_384) => wire::CryptoAlgorithm::HmacSha3_384,
        Algorithm::Hmac(Hash::Sha3_512) => wire::CryptoAlgorithm::HmacSha3_512,
        Algorithm::Aes(AesKeySize::Aes128) => wire::CryptoAlgorithm::Aes128,
        Algorithm::Aes(AesKeySize::Aes192) => wire::CryptoAlgorithm::Aes192,
        Algorithm::Aes(AesKeySize::Aes256) => wire::CryptoAlgorithm::Aes256,
        Algorithm::MlKem(MlKemSet::MlKem512) => wire::CryptoAlgorithm::MlKem512,
        Algorithm::MlKem(MlKemSet::MlKem768) => wire::CryptoAlgorithm::MlKem768,
        Algorithm::MlKem(MlKemSet::MlKem1024) => wire::CryptoAlgorithm::MlKem1024,
        Algorithm::MlDsa(MlDsaSet::MlDsa44) => wire::CryptoAlgorithm::MlDsa44,
        Algorithm::MlDsa(MlDsaSet::MlDsa65) => wire::CryptoAlgorithm::MlDsa65,
        Algorithm::MlDsa(MlDsaSet::MlDsa87) => wire::CryptoAlgorithm::MlDsa87,
    }
}

pub(super) fn read_algorithm(given: wire::CryptoAlgorithm) -> Result<Algorithm, Error> {
    let read = Algorithm::ALL.into_iter().find(|one| algorithm(*one) == given);
    read.ok_or_else(|| Error::internal("an algorithm that the core does not list"))
}

pub(super) const fn usage(usage: Usage) -> wire::CryptoUsage {
    match usage {
        Usage::Sign => wire::CryptoUsage::Sign,
        Usage::Verify => wire::CryptoUsage::Verify,
        Usage::Mac => wire::CryptoUsage::Mac,
        Usage::Encrypt => wire::CryptoUsage::Encrypt,
        Usage::Decrypt => wire::CryptoUsage::Decrypt,
        Usage::Wrap => wire::CryptoUsage::Wrap,
        Usage::Unwrap => wire::CryptoUsage::Unwrap,
        Usage::Agree => wire::CryptoUsage::Agree,
        Usage::Encapsulate => wire::CryptoUsage::Encapsulate,
        Usage::Decapsulate => wire::CryptoUsage::Decapsulate,
        Usage::Derive => wire::CryptoUsage::Derive,
    }
}

pub(super) const fn read_usage(usage: wire::CryptoUsage) -> Usage {
    match usage {
        wire::CryptoUsage::Sign => Usage::Sign,
        wire::CryptoUsage::Verify => Usage::Verify,
        wire::CryptoUsage::Mac => Usage::Mac,
        wire::CryptoUsage::Encrypt => Usage::Encrypt,
        wire::CryptoUsage::Decrypt => Usage::Decrypt,
        wire::CryptoUsage::Wrap => Usage::Wrap,
        wire::CryptoUsage::Unwrap => Usage::Unwrap,
        wire::CryptoUsage::Agree => Usage::Agree,
        wire::CryptoUsage::Encapsulate => Usage::Encapsulate,
        wire::CryptoUsage::Decapsulate => Usage::Decapsulate,
        wire::CryptoUsage::Derive => Usage::Derive,
    }
}

pub(super) const fn source(source: Source) -> wire::CryptoSource {
    match source {
        Source::Generated => wire::CryptoSource::Generated,
        Source::Imported => wire::CryptoSource::Imported,
        Source::Derived => wire::CryptoSource::Derived,
    }
}

pub(super) const fn read_hash(hash: wire::Hash) -> Hash {
    match hash {
        wire::Hash::Sha256 => Hash::Sha256,
        wire::Hash::Sha384 => Hash::Sha384,
        wire::Hash::Sha512 => Hash::Sha512,
        wire::Hash::Sha3_256 => Hash::Sha3_256,
        wire::Hash::Sha3_384 => Hash::Sha3_384,
        wire::Hash::Sha3_512 => Hash::Sha3_512,
    }
}

pub(super) const fn read_scheme(scheme: wire::SignatureScheme) -> Scheme {
    match scheme {
        wire::SignatureScheme::EcdsaSha256 => Scheme::Ecdsa(Hash::Sha256),
        wire::SignatureScheme::EcdsaSha384 => Scheme::Ecdsa(Hash::Sha384),
        wire::SignatureScheme::EcdsaSha512 => Scheme::Ecdsa(Hash::Sha512),
        wire::SignatureScheme::Ed25519 => Scheme::Ed25519,
        wire::SignatureScheme::Ed25519ph => Scheme::Ed25519ph,
        wire::SignatureScheme::Ed25519ctx => Scheme::Ed25519ctx,
        wire::SignatureScheme::Ed448 => Scheme::Ed448,
        wire::SignatureScheme::Ed448ph => Scheme::Ed448ph,
        wire::SignatureScheme::MlDsa => Scheme::MlDsa,
    }
}

pub(super) const fn read_mode(mode: wire::CipherMode) -> CipherMode {
    match mode {
        wire::CipherMode::Ecb => CipherMode::Ecb,
        wire::CipherMode::Cbc => CipherMode::Cbc,
        wire::CipherMode::Gcm => CipherMode::Gcm,
    }
}
