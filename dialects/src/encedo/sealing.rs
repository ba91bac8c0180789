//! This file is about sealed scopes: what an app is asked to consent to, readable only to that app and the unit.

use aws_lc_rs::cipher::{
    AES_128, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

use super::encoding::{decode, encode};

/// What stands in front of every sealed scope: its version.
const VERSION: char = 'A';

/// The key of one sealed scope.
pub(super) struct Sealing(Zeroizing<[u8; 32]>);

impl Sealing {
    /// The key for a ticket, from what app and unit agree on.
    pub(super) fn new(shared: &[u8; 32], jti: &[u8]) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(hmac::sign(&Key::new(HMAC_SHA256, shared), jti).as_ref());
        Self(key)
    }

    /// Seals a scope; `None` if the library refuses, which it does not.
    pub(super) fn seal(&self, scope: &str) -> Option<String> {
        let (key, iv) = self.parts();
        let key = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_128, key).ok()?).ok()?;
        let mut sealed = scope.as_bytes().to_vec();
        key.less_safe_encrypt(&mut sealed, EncryptionContext::Iv128(FixedLength::from(*iv))).ok()?;
        sealed.extend_from_slice(hmac::sign(&self.mac(), scope.as_bytes()).as_ref());
        Some(format!("{VERSION}{}", encode(&sealed)))
    }

    /// Opens one; `None` if it was not sealed under this key.
    pub(super) fn open(&self, sealed: &str) -> Option<String> {
        let mut bytes = decode(sealed.strip_prefix(VERSION)?)?;
        let tag = bytes.split_off(bytes.len().checked_sub(32)?);
        let (key, iv) = self.parts();
        let key = PaddedBlockDecryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_128, key).ok()?).ok()?;
        let context = DecryptionContext::Iv128(FixedLength::from(*iv));
        let scope = key.decrypt(&mut bytes, context).ok()?;
        hmac::verify(&self.mac(), scope, &tag).ok()?;
        String::from_utf8(scope.to_vec()).ok()
    }

    fn parts(&self) -> (&[u8], &[u8; 16]) {
        match self.0.split_first_chunk::<16>() {
            Some((key, iv)) => (key, iv.first_chunk().unwrap_or(key)),
            None => (&[], &[0; 16]),
        }
    }

    fn mac(&self) -> Key {
        Key::new(HMAC_SHA256, &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{agreement, encoding};
    use super::Sealing;

    const SEALED: &str = "AAJPub+7+9CObGav48HLRFlUncGN8mq5P7teNRU0SGlJrXn+yPl4PAGnanUMSoFSB";

    /// The vector of the contract.
    fn sealing() -> Sealing {
        let app = encoding::decode_exactly("2DC7Lv3bpqOsKxqS2W10yXh7pk+zhspe+ifj5qW32UI=").unwrap();
        let eid = encoding::decode_exactly("wya5aqIoQ+TVSBL1UytcqGio9BTxUUMH6wk8lsUep0A=").unwrap();
        let shared = agreement::shared(&app, &eid).unwrap();
        assert_eq!(encoding::encode(&*shared), "RFsNHNlxM5Y1INv105Ppom82g80MqPPiiFEbTZbBjA4=");
        Sealing::new(&shared, &encoding::decode("9NV7lPZQ1ReRGjipPzkE2Q==").unwrap())
    }

    #[test]
    fn is_the_published_vector() {
        assert_eq!(sealing().seal("system:upgrade").as_deref(), Some(SEALED));
        assert_eq!(sealing().open(SEALED).as_deref(), Some("system:upgrade"));
    }

    #[test]
    fn opens_nothing_else() {
        let bytes = encoding::decode(&SEALED[1..]).unwrap();
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert_eq!(sealing().open(&format!("A{}", encoding::encode(&changed))), None, "byte {place}");
        }
        let other = Sealing::new(&[1; 32], b"jti");
        assert_eq!(other.open(SEALED), None);
        for wrong in ["", "A", "B", &SEALED[1..], "A====", "AAAAA"] {
            assert_eq!(sealing().open(wrong), None, "{wrong}");
        }
    }
}
