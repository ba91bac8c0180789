//! This file is about algorithms: what a key that never leaves is, and how its public half is written.
//!
//! Public halves: EC points compressed (SEC 1, section 2.3.3: 33, 49, 67 or 33 bytes), X25519 and X448 as in RFC 7748
//! (32, 56), Ed25519 and Ed448 as in RFC 8032 (32, 57), ML-KEM as in FIPS 203 (800, 1184, 1568), ML-DSA as in FIPS 204
//! (1312, 1952, 2592).

use super::usage::{Usage, Usages};

/// What a key that never leaves is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA and ECDH on a curve (FIPS 186-5, SP 800-56A; SEC 2 for secp256k1).
    Ec(Curve),
    /// Agreement on Curve25519 (RFC 7748).
    X25519,
    /// Agreement on Curve448 (RFC 7748).
    X448,
    /// Signatures on Edwards25519 (RFC 8032).
    Ed25519,
    /// Signatures on Edwards448 (RFC 8032).
    Ed448,
    /// HMAC with a hash, under a key as long as its output (FIPS 198-1).
    Hmac(Hash),
    /// AES (FIPS 197).
    Aes(AesKeySize),
    /// Key encapsulation (FIPS 203).
    MlKem(MlKemSet),
    /// Signatures (FIPS 204).
    MlDsa(MlDsaSet),
}

/// A curve of ECDSA and ECDH.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Curve {
    /// NIST P-256, secp256r1.
    P256,
    /// NIST P-384, secp384r1.
    P384,
    /// NIST P-521, secp521r1.
    P521,
    /// The curve of Bitcoin.
    Secp256k1,
}

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// SHA3-256.
    Sha3_256,
    /// SHA3-384.
    Sha3_384,
    /// SHA3-512.
    Sha3_512,
}

/// How long an AES key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AesKeySize {
    /// 128 bits.
    Aes128,
    /// 192 bits.
    Aes192,
    /// 256 bits.
    Aes256,
}

/// A parameter set of ML-KEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MlKemSet {
    /// ML-KEM-512.
    MlKem512,
    /// ML-KEM-768.
    MlKem768,
    /// ML-KEM-1024.
    MlKem1024,
}

/// A parameter set of ML-DSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MlDsaSet {
    /// ML-DSA-44.
    MlDsa44,
    /// ML-DSA-65.
    MlDsa65,
    /// ML-DSA-87.
    MlDsa87,
}

impl Hash {
    /// How long its output is, in bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Sha256 | Self::Sha3_256 => 32,
            Self::Sha384 | Self::Sha3_384 => 48,
            Self::Sha512 | Self::Sha3_512 => 64,
        }
    }
}

impl AesKeySize {
    /// How long the key is, in bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }
}

/// Writes down each algorithm with its word once: to read a word is then a look at its length and its letters, and not at all the
/// others.
macro_rules! words {
    ($($variant:ident $(($part:path))? = $word:literal,)*) => {
        impl Algorithm {
            /// All of them, in the order of the documentation.
            pub const ALL: [Self; 23] = [$(Self::$variant $(($part))?,)*];

            /// The word on the wire, and at rest.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant $(($part))? => $word,)*
                }
            }

            /// Reads the word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant $(($part))?),)*
                    _ => None,
                }
            }
        }
    };
}

words! {
    Ec(Curve::P256) = "P-256",
    Ec(Curve::P384) = "P-384",
    Ec(Curve::P521) = "P-521",
    Ec(Curve::Secp256k1) = "secp256k1",
    X25519 = "X25519",
    X448 = "X448",
    Ed25519 = "Ed25519",
    Ed448 = "Ed448",
    Hmac(Hash::Sha256) = "HMAC-SHA-256",
    Hmac(Hash::Sha384) = "HMAC-SHA-384",
    Hmac(Hash::Sha512) = "HMAC-SHA-512",
    Hmac(Hash::Sha3_256) = "HMAC-SHA3-256",
    Hmac(Hash::Sha3_384) = "HMAC-SHA3-384",
    Hmac(Hash::Sha3_512) = "HMAC-SHA3-512",
    Aes(AesKeySize::Aes128) = "AES-128",
    Aes(AesKeySize::Aes192) = "AES-192",
    Aes(AesKeySize::Aes256) = "AES-256",
    MlKem(MlKemSet::MlKem512) = "ML-KEM-512",
    MlKem(MlKemSet::MlKem768) = "ML-KEM-768",
    MlKem(MlKemSet::MlKem1024) = "ML-KEM-1024",
    MlDsa(MlDsaSet::MlDsa44) = "ML-DSA-44",
    MlDsa(MlDsaSet::MlDsa65) = "ML-DSA-65",
    MlDsa(MlDsaSet::MlDsa87) = "ML-DSA-87",
}

impl Algorithm {
    /// What a key of it can be used for.
    #[must_use]
    pub fn usages(self) -> Usages {
        match self {
            Self::Ec(_) => Usages::of([Usage::Sign, Usage::Verify, Usage::Agree, Usage::Derive]),
            Self::X25519 | Self::X448 => Usages::of([Usage::Agree, Usage::Derive]),
            Self::Ed25519 | Self::Ed448 | Self::MlDsa(_) => Usages::of([Usage::Sign, Usage::Verify]),
            Self::Hmac(_) => Usages::of([Usage::Mac]),
            Self::Aes(_) => Usages::of([Usage::Encrypt, Usage::Decrypt, Usage::Wrap, Usage::Unwrap]),
            Self::MlKem(_) => Usages::of([Usage::Encapsulate, Usage::Decapsulate]),
        }
    }

    /// What its public half alone can be used for. None where it can only be agreed with.
    #[must_use]
    pub fn public_usages(self) -> Usages {
        match self {
            Self::Ec(_) | Self::Ed25519 | Self::Ed448 | Self::MlDsa(_) => Usages::of([Usage::Verify]),
            Self::MlKem(_) => Usages::of([Usage::Encapsulate]),
            Self::X25519 | Self::X448 | Self::Hmac(_) | Self::Aes(_) => Usages::default(),
        }
    }

    /// Whether one half of it is public.
    #[must_use]
    pub const fn is_asymmetric(self) -> bool {
        match self {
            Self::Hmac(_) | Self::Aes(_) => false,
            Self::Ec(_)
            | Self::X25519
            | Self::X448
            | Self::Ed25519
            | Self::Ed448
            | Self::MlKem(_)
            | Self::MlDsa(_) => true,
        }
    }
}
