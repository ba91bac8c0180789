//! This file is about types of keys, as the vendor writes them.

use keyward_core::crypto::{
    AesKeySize, Algorithm, Crypto, Curve, Hash, MlDsaSet, MlKemSet, Source, Usage, Usages,
};

use super::keys::Kept;

/// Every type.
const TYPES: [(&str, Algorithm); 23] = [
    ("SECP256R1", Algorithm::Ec(Curve::P256)),
    ("SECP384R1", Algorithm::Ec(Curve::P384)),
    ("SECP521R1", Algorithm::Ec(Curve::P521)),
    ("SECP256K1", Algorithm::Ec(Curve::Secp256k1)),
    ("CURVE25519", Algorithm::X25519),
    ("CURVE448", Algorithm::X448),
    ("ED25519", Algorithm::Ed25519),
    ("ED448", Algorithm::Ed448),
    ("SHA2-256", Algorithm::Hmac(Hash::Sha256)),
    ("SHA2-384", Algorithm::Hmac(Hash::Sha384)),
    ("SHA2-512", Algorithm::Hmac(Hash::Sha512)),
    ("SHA3-256", Algorithm::Hmac(Hash::Sha3_256)),
    ("SHA3-384", Algorithm::Hmac(Hash::Sha3_384)),
    ("SHA3-512", Algorithm::Hmac(Hash::Sha3_512)),
    ("AES128", Algorithm::Aes(AesKeySize::Aes128)),
    ("AES192", Algorithm::Aes(AesKeySize::Aes192)),
    ("AES256", Algorithm::Aes(AesKeySize::Aes256)),
    ("MLKEM512", Algorithm::MlKem(MlKemSet::MlKem512)),
    ("MLKEM768", Algorithm::MlKem(MlKemSet::MlKem768)),
    ("MLKEM1024", Algorithm::MlKem(MlKemSet::MlKem1024)),
    ("MLDSA44", Algorithm::MlDsa(MlDsaSet::MlDsa44)),
    ("MLDSA65", Algorithm::MlDsa(MlDsaSet::MlDsa65)),
    ("MLDSA87", Algorithm::MlDsa(MlDsaSet::MlDsa87)),
];

/// Reads a type.
pub(super) fn parse(text: &str) -> Option<Algorithm> {
    TYPES.iter().find(|(name, _)| *name == text).map(|(_, algorithm)| *algorithm)
}

/// Writes a type.
pub(super) fn name(algorithm: Algorithm) -> &'static str {
    TYPES.iter().find(|(_, one)| *one == algorithm).map_or("", |(name, _)| name)
}

/// Reads a hash, for agreements.
pub(super) fn hash(text: &str) -> Option<Hash> {
    match parse(text)? {
        Algorithm::Hmac(hash) => Some(hash),
        Algorithm::Ec(_)
        | Algorithm::X25519
        | Algorithm::X448
        | Algorithm::Ed25519
        | Algorithm::Ed448
        | Algorithm::Aes(_)
        | Algorithm::MlKem(_)
        | Algorithm::MlDsa(_) => None,
    }
}

/// What a new key is for: on the curves that both sign and agree that is what `mode` says, agreement if it says nothing;
/// for all others everything that the algorithm is for. `None` for a mode that is none.
pub(super) fn usages(algorithm: Algorithm, mode: Option<&str>) -> Option<Usages> {
    let signs = [Usage::Sign, Usage::Verify];
    let agrees = [Usage::Agree, Usage::Derive];
    let Algorithm::Ec(_) = algorithm else { return Some(algorithm.usages()) };
    match mode {
        None | Some("ECDH") => Some(Usages::of(agrees)),
        Some("ExDSA") => Some(Usages::of(signs)),
        Some("ECDH,ExDSA") => Some(Usages::of(signs.into_iter().chain(agrees))),
        // A client of the vendor's writes the type there when it means nothing.
        Some(other) => (other == name(algorithm)).then(|| Usages::of(agrees)),
    }
}

/// A type as lists have it: decorated with what the key is and what it is for.
pub(super) fn decorated(crypto: &Crypto, kept: &Kept) -> String {
    let algorithm = crypto.algorithm;
    let came: &[&str] = match (crypto.source, algorithm.is_asymmetric()) {
        (Source::Generated, true) => &["ATT", "PKEY"],
        (Source::Generated, false) => &["ATT"],
        (Source::Derived, _) => &["PKEY"],
        (Source::Imported, _) => &[],
    };
    let mut words = came.to_vec();
    match algorithm {
        Algorithm::Ec(_) | Algorithm::X25519 | Algorithm::X448 | Algorithm::Ed25519 | Algorithm::Ed448 => {
            words.extend(kept.agrees.then_some("ECDH"));
            words.extend(kept.signs.then_some("ExDSA"));
        }
        Algorithm::MlKem(_) | Algorithm::MlDsa(_) => words.push("PQC"),
        Algorithm::Hmac(_) | Algorithm::Aes(_) => {}
    }
    words.push(name(algorithm));
    words.join(",")
}
