//! This file is about kids: what a key is called. It follows from the key itself, so a client that has a public half can work it
//! out, and a key exists once.

use std::fmt;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use keyward_core::crypto::Identity;

/// What a key is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kid([u8; 16]);

impl Kid {
    /// Reads 32 hexadecimal digits, in any case.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// The kid that these 16 bytes are.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub(super) const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// How the core is to find it.
    pub(super) fn lookup(self) -> Vec<u8> {
        self.0.to_vec()
    }
}

impl fmt::Display for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Names a key: by the first 16 bytes of SHA-1 over its public half, as the vendor's clients do, or by the core's keyed
/// fingerprint where there is none. Nothing depends on SHA-1 being hard to break: what is presented is the token for a kid,
/// and a second public half of the same kid is refused while the first one lives.
pub(super) fn name(identity: &Identity<'_>) -> Vec<u8> {
    match identity {
        Identity::Public(public) => {
            let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, public);
            hash.as_ref().iter().take(16).copied().collect()
        }
        Identity::Fingerprint(fingerprint) => fingerprint.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{agreement, encoding};
    use super::{Kid, name};
    use keyward_core::crypto::Identity;

    /// The vector of the contract.
    #[test]
    fn is_what_the_vendors_clients_work_out() {
        let private = encoding::decode_exactly("2DC7Lv3bpqOsKxqS2W10yXh7pk+zhspe+ifj5qW32UI=").unwrap();
        let public = agreement::public(&private).unwrap();
        let kid = Kid::from_bytes(&name(&Identity::Public(&public))).unwrap();
        assert_eq!(kid.to_string(), "06632e101f9ce8a06897aa464b856712");
        assert_eq!(Kid::parse("06632E101F9CE8A06897AA464B856712"), Some(kid));
        assert_eq!(name(&Identity::Fingerprint([7; 16])), [7; 16]);
    }

    #[test]
    fn is_nothing_else() {
        for wrong in [
            "",
            "0",
            "06632e101f9ce8a06897aa464b85671",
            "06632e101f9ce8a06897aa464b8567123",
            "06632e101f9ce8a06897aa464b85671g",
        ] {
            assert_eq!(Kid::parse(wrong), None, "{wrong}");
        }
    }
}
