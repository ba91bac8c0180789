//! This file is about importing: how the digest of a secret that was made elsewhere is taken.

use aws_lc_rs::{digest, hmac};

use crate::command::Given;
use crate::key::{Proof, Scheme, SecretMaterial};
use crate::secret::Digest;

/// What is kept of a secret that was made elsewhere.
#[must_use]
pub fn material(given: Given) -> SecretMaterial {
    let proof = match given {
        Given::Text(secret) => Proof::Digest(Scheme::Sha256, Digest::of(secret.expose().as_bytes())),
        Given::Digest(scheme, digest) => Proof::Digest(scheme, digest),
        Given::Slow(hash) => Proof::Slow(hash),
    };
    SecretMaterial { proof, hint: String::new(), recoverable: None }
}

impl Scheme {
    /// The 32 bytes that the table holds for a text.
    #[must_use]
    pub fn digest(&self, text: &str) -> Digest {
        match self {
            Self::Sha256 => Digest::of(text.as_bytes()),
            Self::Sha512 => Digest::of(digest::digest(&digest::SHA512, text.as_bytes()).as_ref()),
            Self::HmacSha256(pepper) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, pepper);
                Digest::of(hmac::sign(&key, text.as_bytes()).as_ref())
            }
        }
    }

    /// The 32 bytes that the table holds for an imported digest; `None` if it has the wrong length.
    #[must_use]
    pub fn fold(&self, imported: &[u8]) -> Option<Digest> {
        match self {
            Self::Sha256 => imported.try_into().ok().map(Digest::from_bytes),
            Self::Sha512 => (imported.len() == 64).then(|| Digest::of(imported)),
            Self::HmacSha256(_) => (imported.len() == 32).then(|| Digest::of(imported)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::key::Scheme;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn an_imported_digest_meets_the_text_it_was_taken_of() {
        // FIPS 180-4 for "abc"; RFC 4231, test case 2, for the HMAC.
        let cases = [
            (Scheme::Sha256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                Scheme::Sha512,
                "abc",
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
            (
                Scheme::HmacSha256(b"Jefe".to_vec().into()),
                "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
        ];
        for (scheme, text, hex) in cases {
            assert!(scheme.digest(text) == scheme.fold(&bytes(hex)).unwrap(), "{text}");
            assert!(scheme.fold(&bytes(hex)[1..]).is_none());
        }
    }
}
