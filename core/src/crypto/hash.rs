//! This file is about hash functions, and what is built on them: message authentication codes and derived bytes.

use aws_lc_rs::{constant_time, digest, hkdf, hmac};
use sha3::digest::Digest;
use sha3::digest::common::BlockSizeUser;
use sha3::{Sha3_256, Sha3_384, Sha3_512};
use zeroize::Zeroizing;

use super::Hash;
use crate::error::Error;

/// The hash of a message.
pub(super) fn hash(hash: Hash, message: &[u8]) -> digest::Digest {
    let algorithm = match hash {
        Hash::Sha256 => &digest::SHA256,
        Hash::Sha384 => &digest::SHA384,
        Hash::Sha512 => &digest::SHA512,
        Hash::Sha3_256 => &digest::SHA3_256,
        Hash::Sha3_384 => &digest::SHA3_384,
        Hash::Sha3_512 => &digest::SHA3_512,
    };
    digest::digest(algorithm, message)
}

/// HMAC (FIPS 198-1) of a message under a key of any length.
pub(super) fn mac(hash: Hash, key: &[u8], message: &[u8]) -> Vec<u8> {
    let sha2 = |algorithm| -> hmac::Tag { hmac::sign(&hmac::Key::new(algorithm, key), message) };
    match hash {
        Hash::Sha256 => sha2(hmac::HMAC_SHA256).as_ref().to_vec(),
        Hash::Sha384 => sha2(hmac::HMAC_SHA384).as_ref().to_vec(),
        Hash::Sha512 => sha2(hmac::HMAC_SHA512).as_ref().to_vec(),
        Hash::Sha3_256 => sha3_mac::<Sha3_256>(key, message),
        Hash::Sha3_384 => sha3_mac::<Sha3_384>(key, message),
        Hash::Sha3_512 => sha3_mac::<Sha3_512>(key, message),
    }
}

fn sha3_mac<D: Digest + BlockSizeUser>(key: &[u8], message: &[u8]) -> Vec<u8> {
    use ::hmac::{KeyInit, Mac, SimpleHmac};
    // Every length is a key of HMAC's.
    SimpleHmac::<D>::new_from_slice(key)
        .map(|mac| mac.chain_update(message).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

/// Whether two byte strings are the same, in a time that tells nothing of where they differ.
pub(super) fn are_equal(one: &[u8], other: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(one, other).is_ok()
}

/// HKDF-SHA-256 (RFC 5869), without salt.
pub(super) fn derive(secret: &[u8], info: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut output = Zeroizing::new(vec![0; length]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, &[])
        .extract(secret)
        .expand(&[info], Length(length))
        .and_then(|derived| derived.fill(&mut output))
        .map_err(|_| Error::internal("HKDF refuses this length"))?;
    Ok(output)
}
