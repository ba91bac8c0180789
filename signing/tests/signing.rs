//! What is signed fits under an independent library and under published vectors, and what is no private half is refused.
#![expect(clippy::unwrap_used, reason = "a test fails where something is not as it must be")]

use keyward_signing::{Curve, Refused, ecdsa, ed25519};
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use proptest::prelude::*;

/// RFC 8032, section 7.1, tests 1 to 3: seed, public half, message, signature.
const RFC_8032: [[&str; 4]; 3] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
];

/// The orders of the groups (SEC 2).
const ORDERS: [(Curve, &str); 3] = [
    (Curve::P256, "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
    (
        Curve::P384,
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    ),
    (
        Curve::P521,
        "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
    ),
];

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap()
}

#[test]
fn ed25519_signs_as_the_rfc_says() {
    for [seed, public, message, signature] in RFC_8032 {
        let [seed, public] = [seed, public].map(|half| bytes(half).try_into().unwrap());
        let signed = ed25519(&seed, &public, &bytes(message)).unwrap();
        assert_eq!(signed.as_slice(), bytes(signature));
    }
}

#[test]
fn a_scalar_is_above_zero_and_below_the_order() {
    for (curve, order) in ORDERS {
        let mut scalar = bytes(order);
        assert_eq!(ecdsa(curve, &scalar, &[1; 32]), Err(Refused), "{curve:?}: the order");
        assert_eq!(ecdsa(curve, &vec![0; scalar.len()], &[1; 32]), Err(Refused), "{curve:?}: zero");
        *scalar.last_mut().unwrap() -= 1;
        assert!(ecdsa(curve, &scalar, &[1; 32]).is_ok(), "{curve:?}: one less");
        assert_eq!(ecdsa(curve, &[], &[1; 32]), Err(Refused), "{curve:?}: nothing");
        assert_eq!(ecdsa(curve, &[255; 80], &[1; 32]), Err(Refused), "{curve:?}: too long");
    }
}

/// Whether another library takes a signature for this curve.
macro_rules! fits {
    ($curve:ident, $scalar:expr, $digest:expr, $signature:expr) => {{
        let key = $curve::ecdsa::SigningKey::from_slice($scalar).unwrap();
        let signature = $curve::ecdsa::DerSignature::from_bytes($signature).unwrap();
        let signature = $curve::ecdsa::Signature::try_from(signature).unwrap();
        $curve::ecdsa::VerifyingKey::from(&key).verify_prehash($digest, &signature).is_ok()
    }};
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn another_library_takes_the_signature(
        scalar in prop::collection::vec(any::<u8>(), 65),
        digest in prop::collection::vec(any::<u8>(), 32..=64),
        other in prop::collection::vec(any::<u8>(), 64),
    ) {
        // Below every order: the top bits are zero.
        let p256 = [&[0x7f], &scalar[..31]].concat();
        let signature = ecdsa(Curve::P256, &p256, &digest).unwrap();
        prop_assert!(fits!(p256, &p256, &digest, &signature));
        prop_assert!(!fits!(p256, &p256, &other, &signature));
        let p384 = [&[0x7f], &scalar[..47]].concat();
        let signature = ecdsa(Curve::P384, &p384, &digest).unwrap();
        prop_assert!(fits!(p384, &p384, &digest, &signature));
        let p521 = [&[0], &scalar[..]].concat();
        let signature = ecdsa(Curve::P521, &p521, &digest).unwrap();
        prop_assert!(fits!(p521, &p521, &digest, &signature));
    }
}
