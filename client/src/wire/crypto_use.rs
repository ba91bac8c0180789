//! This file is about using keys that never leave: what is asked, and what comes of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bytes, Hash, Peer};

/// A way to sign. ECDSA's signatures are DER, all others as their standard writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SignatureScheme {
    /// ECDSA over SHA-256, on any curve.
    #[serde(rename = "ECDSA-SHA-256")]
    EcdsaSha256,
    /// ECDSA over SHA-384, on any curve.
    #[serde(rename = "ECDSA-SHA-384")]
    EcdsaSha384,
    /// ECDSA over SHA-512, on any curve.
    #[serde(rename = "ECDSA-SHA-512")]
    EcdsaSha512,
    /// Ed25519.
    Ed25519,
    /// Ed25519 over the message's SHA-512, with a context.
    Ed25519ph,
    /// Ed25519 with a context.
    Ed25519ctx,
    /// Ed448, with a context.
    Ed448,
    /// Ed448 over the message's SHAKE256, with a context.
    Ed448ph,
    /// Pure ML-DSA, with a context.
    #[serde(rename = "ML-DSA")]
    MlDsa,
}

/// How AES encrypts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CipherMode {
    /// Block by block: for multiples of 16 bytes that never repeat.
    #[serde(rename = "ECB")]
    Ecb,
    /// Chained, padded as in PKCS #7.
    #[serde(rename = "CBC")]
    Cbc,
    /// Galois/counter mode, with an initialisation vector of 12 bytes.
    #[serde(rename = "GCM")]
    Gcm,
}

/// A key of AES that is made anew of an agreement: HKDF-SHA-256 without salt.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgreedKey {
    /// Whom the key agrees with.
    pub peer: Peer,
    /// What binds it to its purpose.
    #[serde(default)]
    pub info: Bytes,
    /// How long it is, in bits: 128, 192 or 256.
    pub bits: u16,
}

/// A message to sign.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    /// The message; it is hashed here.
    pub message: Bytes,
    /// How.
    pub scheme: SignatureScheme,
    /// What binds the signature to its purpose: at most 255 bytes, where the scheme has one.
    #[serde(default)]
    pub context: Bytes,
}

/// A signature, or a message authentication code, to check: one of `signature` and `mac`.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The message.
    pub message: Bytes,
    /// The signature.
    pub signature: Option<Bytes>,
    /// How the signature was made.
    pub scheme: Option<SignatureScheme>,
    /// The signature's context.
    #[serde(default)]
    pub context: Bytes,
    /// The message authentication code.
    pub mac: Option<Bytes>,
    /// The code is under what the key agrees on with this one, not under the key itself.
    pub peer: Option<Peer>,
    /// The hash of such a code.
    pub hash: Option<Hash>,
}

/// A message to authenticate.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Authenticate {
    /// The message.
    pub message: Bytes,
    /// Under what the key agrees on with this one, not under the key itself.
    pub peer: Option<Peer>,
    /// With this hash, where there is a peer: else the key's own.
    pub hash: Option<Hash>,
}

/// Something to encrypt.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Encrypt {
    /// How.
    pub mode: CipherMode,
    /// What.
    pub plaintext: Bytes,
    /// What is authenticated with it, for GCM.
    #[serde(default)]
    pub aad: Bytes,
    /// Under which key, if not the key itself.
    pub agreed: Option<AgreedKey>,
}

/// Something to decrypt.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decrypt {
    /// How.
    pub mode: CipherMode,
    /// What.
    pub ciphertext: Bytes,
    /// The initialisation vector; none for ECB.
    #[serde(default)]
    pub iv: Bytes,
    /// The tag, for GCM.
    #[serde(default)]
    pub tag: Bytes,
    /// What was authenticated with it.
    #[serde(default)]
    pub aad: Bytes,
    /// Under which key, if not the key itself.
    pub agreed: Option<AgreedKey>,
}

/// A key to wrap (RFC 3394).
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wrap {
    /// The key: a multiple of 8 bytes, at least 16.
    pub key: Bytes,
    /// Under which key, if not the key itself.
    pub agreed: Option<AgreedKey>,
}

/// A key to unwrap (RFC 3394).
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unwrap {
    /// The wrapped key.
    pub wrapped: Bytes,
    /// Under which key, if not the key itself.
    pub agreed: Option<AgreedKey>,
}

/// A secret to agree on.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Agree {
    /// With whom.
    pub peer: Peer,
    /// Answer the hash of it instead.
    pub hash: Option<Hash>,
}

/// A secret to make: nothing needs to be said.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Encapsulate {}

/// A sealed secret to open.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decapsulate {
    /// The sealed secret.
    pub ciphertext: Bytes,
}

/// A signature.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Signature {
    /// The signature.
    pub signature: Bytes,
}

/// Whether a signature or a code fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Checked {
    /// Whether it fits.
    pub valid: bool,
}

/// A message authentication code.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Mac {
    /// The code.
    pub mac: Bytes,
}

/// What was encrypted.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Ciphertext {
    /// The ciphertext.
    pub ciphertext: Bytes,
    /// The initialisation vector that was drawn; none for ECB.
    pub iv: Bytes,
    /// The tag, for GCM.
    pub tag: Bytes,
}

/// What was decrypted.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Plaintext {
    /// The plaintext.
    pub plaintext: Bytes,
}

/// A wrapped key.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Wrapped {
    /// The wrapped key.
    pub wrapped: Bytes,
}

/// An unwrapped key.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Unwrapped {
    /// The key.
    pub key: Bytes,
}

/// A secret that was agreed on, or opened.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct SharedSecret {
    /// The secret.
    pub secret: Bytes,
}

/// A secret that was made.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Encapsulated {
    /// The secret, sealed for the holder of the private half.
    pub ciphertext: Bytes,
    /// The secret.
    pub secret: Bytes,
}
