//! This file is about cosignatures: how a witness says that it has seen a log grow, and only grow (C2SP
//! tlog-cosignature, version 1 with Ed25519).

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::note::{KeyError, KeyName, KeyType, Note, NoteError, PrivateKey, PublicKey, Signature};

/// The latest time that the specification allows, 2^63 - 1 seconds.
const MAX_TIME_SECONDS: u64 = u64::MAX >> 1;

/// A witness's public key (signature type 0x04). Printed and read as `<name>+<key id in hex>+<base64>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CosignerKey(PublicKey);

impl CosignerKey {
    /// The witness's name.
    #[must_use]
    pub fn name(&self) -> &KeyName {
        self.0.name()
    }

    /// Checks that this witness has cosigned the checkpoint in `note`, and returns when, in seconds since 1970
    /// by the witness's clock: the latest time, should it have cosigned more than once.
    ///
    /// # Errors
    /// [`NoteError::NotSigned`] when no signature claims to be by this witness, [`NoteError::BadSignature`] when
    /// one does and is not.
    pub fn verify(&self, note: &Note) -> Result<u64, NoteError> {
        let mut latest = 0;
        for signature in note.signatures_of(&self.0)? {
            let (time, signature) = signature.bytes().split_first_chunk().ok_or(NoteError::BadSignature)?;
            let time_seconds = u64::from_be_bytes(*time);
            let message = message(time_seconds, note);
            if time_seconds > MAX_TIME_SECONDS || !self.0.has_signed(message.as_bytes(), signature) {
                return Err(NoteError::BadSignature);
            }
            latest = latest.max(time_seconds);
        }
        Ok(latest)
    }
}

impl fmt::Display for CosignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for CosignerKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        PublicKey::parse(text, KeyType::Cosignature).map(Self)
    }
}

/// A witness's private key (signature type 0x04). `Debug` shows its public half.
#[derive(Debug)]
pub struct Cosigner(PrivateKey);

impl Cosigner {
    /// The witness with this name and Ed25519 seed. The seed must not be in use for anything else, not even for
    /// another witness: a cosignature does not say whose it is.
    ///
    /// # Errors
    /// [`KeyError::Type`] when the crypto library takes no such seed; it takes all.
    pub fn new(name: KeyName, seed: &Zeroizing<[u8; 32]>) -> Result<Self, KeyError> {
        PrivateKey::new(name, KeyType::Cosignature, seed).map(Self)
    }

    /// The key that verifies what this one cosigns.
    #[must_use]
    pub fn key(&self) -> CosignerKey {
        CosignerKey(self.0.public().clone())
    }

    /// The cosignature of the checkpoint in `note` as of `time_seconds` since 1970, which is at most 2^63 - 1.
    /// It says that this is the largest checkpoint that the witness has seen of the log, and consistent with all
    /// others: to check that first is the caller's duty.
    #[must_use]
    pub fn cosign(&self, note: &Note, time_seconds: u64) -> Signature {
        let time_seconds = time_seconds.min(MAX_TIME_SECONDS);
        self.0.sign(&time_seconds.to_be_bytes(), message(time_seconds, note).as_bytes())
    }
}

/// What is signed.
fn message(time_seconds: u64, note: &Note) -> String {
    format!("cosignature/v1\ntime {time_seconds}\n{}", note.unverified_text())
}
