//! This file is about keys that never leave: what they are, and how they come to be.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bytes, IssueKey};

/// What a key that never leaves is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CryptoAlgorithm {
    /// ECDSA and ECDH on P-256.
    #[serde(rename = "P-256")]
    P256,
    /// ECDSA and ECDH on P-384.
    #[serde(rename = "P-384")]
    P384,
    /// ECDSA and ECDH on P-521.
    #[serde(rename = "P-521")]
    P521,
    /// ECDSA and ECDH on secp256k1.
    #[serde(rename = "secp256k1")]
    Secp256k1,
    /// X25519.
    X25519,
    /// X448.
    X448,
    /// Ed25519.
    Ed25519,
    /// Ed448.
    Ed448,
    /// HMAC with SHA-256.
    #[serde(rename = "HMAC-SHA-256")]
    HmacSha256,
    /// HMAC with SHA-384.
    #[serde(rename = "HMAC-SHA-384")]
    HmacSha384,
    /// HMAC with SHA-512.
    #[serde(rename = "HMAC-SHA-512")]
    HmacSha512,
    /// HMAC with SHA3-256.
    #[serde(rename = "HMAC-SHA3-256")]
    HmacSha3_256,
    /// HMAC with SHA3-384.
    #[serde(rename = "HMAC-SHA3-384")]
    HmacSha3_384,
    /// HMAC with SHA3-512.
    #[serde(rename = "HMAC-SHA3-512")]
    HmacSha3_512,
    /// AES with a key of 128 bits.
    #[serde(rename = "AES-128")]
    Aes128,
    /// AES with a key of 192 bits.
    #[serde(rename = "AES-192")]
    Aes192,
    /// AES with a key of 256 bits.
    #[serde(rename = "AES-256")]
    Aes256,
    /// ML-KEM-512.
    #[serde(rename = "ML-KEM-512")]
    MlKem512,
    /// ML-KEM-768.
    #[serde(rename = "ML-KEM-768")]
    MlKem768,
    /// ML-KEM-1024.
    #[serde(rename = "ML-KEM-1024")]
    MlKem1024,
    /// ML-DSA-44.
    #[serde(rename = "ML-DSA-44")]
    MlDsa44,
    /// ML-DSA-65.
    #[serde(rename = "ML-DSA-65")]
    MlDsa65,
    /// ML-DSA-87.
    #[serde(rename = "ML-DSA-87")]
    MlDsa87,
}

/// What a key that never leaves may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CryptoUsage {
    /// Make signatures.
    Sign,
    /// Check signatures.
    Verify,
    /// Make and check message authentication codes.
    Mac,
    /// Encrypt.
    Encrypt,
    /// Decrypt.
    Decrypt,
    /// Wrap other keys.
    Wrap,
    /// Unwrap other keys.
    Unwrap,
    /// Agree on a secret, and use it as the key of a cipher, a code or a wrapping.
    Agree,
    /// Make a secret, sealed for the holder of the private half.
    Encapsulate,
    /// Open such a secret.
    Decapsulate,
    /// Make another key of what it agrees on.
    Derive,
}

/// How a key that never leaves came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CryptoSource {
    /// It was made here.
    Generated,
    /// Only its public half was brought along.
    Imported,
    /// It was made of what two keys agree on.
    Derived,
}

/// The key that never leaves to make.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueCrypto {
    /// What it is to be.
    pub algorithm: CryptoAlgorithm,
    /// What it may be used for; this never changes.
    pub usages: Vec<CryptoUsage>,
}

/// The public half to bring along.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportCrypto {
    /// What it is.
    pub algorithm: CryptoAlgorithm,
    /// What it may be used for: checking or encapsulating; none for one that is only agreed with.
    #[serde(default)]
    pub usages: Vec<CryptoUsage>,
    /// The public half: a compressed point (SEC 1), or as its own standard writes it.
    pub public_key: Bytes,
}

/// What makes a key one that never leaves.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Crypto {
    /// What it is.
    pub algorithm: CryptoAlgorithm,
    /// What it may be used for.
    pub usages: Vec<CryptoUsage>,
    /// How it came to be.
    pub source: CryptoSource,
    /// Its public half; a symmetric key has none.
    pub public_key: Option<Bytes>,
}

impl fmt::Debug for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crypto").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Hash {
    /// SHA-256.
    #[serde(rename = "SHA-256")]
    Sha256,
    /// SHA-384.
    #[serde(rename = "SHA-384")]
    Sha384,
    /// SHA-512.
    #[serde(rename = "SHA-512")]
    Sha512,
    /// SHA3-256.
    #[serde(rename = "SHA3-256")]
    Sha3_256,
    /// SHA3-384.
    #[serde(rename = "SHA3-384")]
    Sha3_384,
    /// SHA3-512.
    #[serde(rename = "SHA3-512")]
    Sha3_512,
}

/// Whom a key agrees with: one of both.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// The id of another key here, of the same algorithm.
    pub key_id: Option<String>,
    /// A public half.
    pub public_key: Option<Bytes>,
}

/// A key to make of what two keys agree on: HKDF-SHA-256 without salt.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeriveKey {
    /// Whom the key agrees with.
    pub peer: Peer,
    /// What binds the new key to its purpose.
    #[serde(default)]
    pub info: Bytes,
    /// The new key, of the kind `crypto`.
    pub key: IssueKey,
}
