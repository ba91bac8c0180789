//! This file is about exercises: everything that is done with a key that never leaves, and what comes of it.

use smallvec::SmallVec;
use zeroize::Zeroizing;

use super::KeyRef;
use super::algorithm::{AesKeySize, Hash};
use super::usage::Usage;

/// What is to be done with a key that never leaves.
#[derive(Clone)]
pub enum Exercise {
    /// Sign a message.
    Sign {
        /// How.
        scheme: Scheme,
        /// What; hashed here where the scheme hashes.
        message: Zeroizing<Vec<u8>>,
        /// What binds the signature to its purpose, at most 255 bytes; empty where the scheme knows none.
        context: Vec<u8>,
    },
    /// Check a signature; the public half suffices.
    Verify {
        /// How it was made.
        scheme: Scheme,
        /// What was signed.
        message: Zeroizing<Vec<u8>>,
        /// As for signing.
        context: Vec<u8>,
        /// The signature: DER for ECDSA, else as its standard writes it.
        signature: Vec<u8>,
    },
    /// Take a message authentication code.
    Mac {
        /// Of what.
        message: Zeroizing<Vec<u8>>,
        /// Under the raw secret that the key agrees on, with this hash; not given: under the key itself.
        agreed: Option<(Peer, Hash)>,
    },
    /// Check a message authentication code, in its full length.
    VerifyMac {
        /// Of what.
        message: Zeroizing<Vec<u8>>,
        /// As for taking.
        agreed: Option<(Peer, Hash)>,
        /// The code.
        mac: Vec<u8>,
    },
    /// Encrypt; the initialisation vector is drawn here.
    Encrypt {
        /// How.
        mode: CipherMode,
        /// Under which key.
        under: CipherKey,
        /// What.
        plaintext: Zeroizing<Vec<u8>>,
        /// What is authenticated with it: for GCM, else empty.
        aad: Vec<u8>,
    },
    /// Decrypt.
    Decrypt {
        /// How.
        mode: CipherMode,
        /// Under which key.
        under: CipherKey,
        /// What.
        ciphertext: Vec<u8>,
        /// The initialisation vector; empty for ECB.
        iv: Vec<u8>,
        /// The tag: 16 bytes for GCM, else empty.
        tag: Vec<u8>,
        /// What was authenticated with it.
        aad: Vec<u8>,
    },
    /// Wrap a key (RFC 3394).
    Wrap {
        /// Under which key.
        under: CipherKey,
        /// What: a multiple of 8 bytes, at least 16.
        key: Zeroizing<Vec<u8>>,
        /// The initial value, in place of the RFC's.
        initial_value: Option<[u8; 8]>,
    },
    /// Unwrap a key (RFC 3394).
    Unwrap {
        /// Under which key.
        under: CipherKey,
        /// What.
        wrapped: Vec<u8>,
        /// As for wrapping.
        initial_value: Option<[u8; 8]>,
    },
    /// Agree on a secret with a peer, and answer it raw: an x-coordinate, or the output of X25519 or X448.
    Agree {
        /// With whom.
        peer: Peer,
        /// Answer the hash of it instead.
        hash: Option<Hash>,
    },
    /// Make a secret and seal it for the key; the public half suffices.
    Encapsulate,
    /// Open such a secret. A ciphertext of the right length that is not for this key gives another secret (FIPS 203).
    Decapsulate {
        /// The sealed secret.
        ciphertext: Vec<u8>,
    },
}

impl Exercise {
    /// Whom the key is to agree with.
    #[must_use]
    pub const fn peer(&self) -> Option<&Peer> {
        match self {
            Self::Mac { agreed: Some((peer, _)), .. }
            | Self::VerifyMac { agreed: Some((peer, _)), .. }
            | Self::Encrypt { under: CipherKey::Agreed { peer, .. }, .. }
            | Self::Decrypt { under: CipherKey::Agreed { peer, .. }, .. }
            | Self::Wrap { under: CipherKey::Agreed { peer, .. }, .. }
            | Self::Unwrap { under: CipherKey::Agreed { peer, .. }, .. }
            | Self::Agree { peer, .. } => Some(peer),
            Self::Mac { agreed: None, .. }
            | Self::VerifyMac { agreed: None, .. }
            | Self::Encrypt { under: CipherKey::Own(_), .. }
            | Self::Decrypt { under: CipherKey::Own(_), .. }
            | Self::Wrap { under: CipherKey::Own(_), .. }
            | Self::Unwrap { under: CipherKey::Own(_), .. }
            | Self::Sign { .. }
            | Self::Verify { .. }
            | Self::Encapsulate
            | Self::Decapsulate { .. } => None,
        }
    }

    /// What the key must be for. A key that only agrees needs no more than that for what is done under what it agrees on.
    #[must_use]
    pub const fn usage(&self) -> Usage {
        match self {
            Self::Sign { .. } => Usage::Sign,
            Self::Verify { .. } => Usage::Verify,
            Self::Mac { agreed: None, .. } | Self::VerifyMac { agreed: None, .. } => Usage::Mac,
            Self::Encrypt { under: CipherKey::Own(_), .. } => Usage::Encrypt,
            Self::Decrypt { under: CipherKey::Own(_), .. } => Usage::Decrypt,
            Self::Wrap { under: CipherKey::Own(_), .. } => Usage::Wrap,
            Self::Unwrap { under: CipherKey::Own(_), .. } => Usage::Unwrap,
            Self::Mac { agreed: Some(_), .. }
            | Self::VerifyMac { agreed: Some(_), .. }
            | Self::Encrypt { under: CipherKey::Agreed { .. }, .. }
            | Self::Decrypt { under: CipherKey::Agreed { .. }, .. }
            | Self::Wrap { under: CipherKey::Agreed { .. }, .. }
            | Self::Unwrap { under: CipherKey::Agreed { .. }, .. }
            | Self::Agree { .. } => Usage::Agree,
            Self::Encapsulate => Usage::Encapsulate,
            Self::Decapsulate { .. } => Usage::Decapsulate,
        }
    }
}

/// A way to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// ECDSA over this hash of the message, on any curve; signatures in DER, high values of s accepted.
    Ecdsa(Hash),
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// Ed25519 over SHA-512 of the message, with a context.
    Ed25519ph,
    /// Ed25519 with a context, which is not empty.
    Ed25519ctx,
    /// Ed448, with a context.
    Ed448,
    /// Ed448 over SHAKE256 of the message, with a context.
    Ed448ph,
    /// ML-DSA of the key's parameter set, pure, with a context.
    MlDsa,
}

/// How AES encrypts messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CipherMode {
    /// Block by block, without initialisation vector, for multiples of 16 bytes.
    Ecb,
    /// Chained, padded as in PKCS #7.
    Cbc,
    /// Galois/counter mode with an initialisation vector of 12 bytes.
    Gcm,
    /// Galois/counter mode with an initialisation vector of 16 bytes.
    GcmLongIv,
}

/// The key of a cipher or a wrapping.
#[derive(Clone)]
pub enum CipherKey {
    /// The key itself; given a size, its leading bytes.
    Own(Option<AesKeySize>),
    /// HKDF-SHA-256, without salt, over what the key agrees on with a peer.
    Agreed {
        /// With whom.
        peer: Peer,
        /// How long the key is to be.
        size: AesKeySize,
        /// What binds it to its purpose.
        info: Vec<u8>,
    },
}

/// Whom a key agrees with.
#[derive(Clone)]
pub enum Peer {
    /// Another key here, of the same algorithm, or the key itself. It must be fit for use; its usages do not matter: only
    /// its public half is used.
    Key(KeyRef),
    /// A public half, in the encoding of the key's algorithm.
    Public(Vec<u8>),
}

/// At most 16 bytes.
pub type Short = SmallVec<[u8; 16]>;

/// What came of an exercise.
#[derive(Clone)]
pub enum Exercised {
    /// A signature.
    Signature(Vec<u8>),
    /// Whether a signature or a message authentication code fits.
    Fits(bool),
    /// A message authentication code.
    Mac(Vec<u8>),
    /// A ciphertext.
    Ciphertext {
        /// As long as the plaintext; padded for CBC.
        ciphertext: Vec<u8>,
        /// The initialisation vector that was drawn; empty for ECB.
        iv: Short,
        /// The tag; empty but for GCM.
        tag: Short,
    },
    /// A plaintext.
    Plaintext(Zeroizing<Vec<u8>>),
    /// A wrapped key.
    Wrapped(Vec<u8>),
    /// An unwrapped key.
    Unwrapped(Zeroizing<Vec<u8>>),
    /// A secret that was agreed on, or its hash.
    Agreed(Zeroizing<Vec<u8>>),
    /// A secret that was made, and sealed.
    Encapsulated {
        /// For the holder of the private half.
        ciphertext: Vec<u8>,
        /// The secret.
        secret: Zeroizing<Vec<u8>>,
    },
    /// A secret that was opened.
    Decapsulated(Zeroizing<Vec<u8>>),
}
