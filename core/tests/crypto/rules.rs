//! What a key may do, what it may not, and what is made of an agreement.

use keyward_core::crypto::{
    AesKeySize, Algorithm, CipherKey, CipherMode, Crypto, Curve, Exercise, Exercised, Hash, Peer, PeerHalf,
    Scheme, Usage, Usages,
};
use keyward_core::error::Error;
use zeroize::Zeroizing;

use super::hand::{drawn, fits, generated, hex, key, perform, perform_with, public, sign};

/// Whoever it is: the tests look it up themselves.
fn nobody() -> Peer {
    Peer::Public(Vec::new())
}

/// One exercise for every usage, as the algorithm does it.
fn exercises(algorithm: Algorithm, half: &[u8]) -> Vec<Exercise> {
    let text = || Zeroizing::new(vec![1; 16]);
    let own = CipherKey::Own(None);
    let scheme = match algorithm {
        Algorithm::Ed25519 => Scheme::Ed25519,
        Algorithm::Ed448 => Scheme::Ed448,
        Algorithm::MlDsa(_) => Scheme::MlDsa,
        _ => Scheme::Ecdsa(Hash::Sha256),
    };
    let mode = CipherMode::Ecb;
    vec![
        Exercise::Sign { scheme, message: text(), context: Vec::new() },
        Exercise::Verify { scheme, message: text(), context: Vec::new(), signature: Vec::new() },
        Exercise::Mac { message: text(), agreed: None },
        Exercise::VerifyMac { message: text(), agreed: None, mac: Vec::new() },
        Exercise::Encrypt { mode, under: own.clone(), plaintext: text(), aad: Vec::new() },
        Exercise::Decrypt {
            mode,
            under: own.clone(),
            ciphertext: vec![1; 16],
            iv: Vec::new(),
            tag: Vec::new(),
            aad: Vec::new(),
        },
        Exercise::Wrap { under: own.clone(), key: text(), initial_value: None },
        Exercise::Unwrap { under: own, wrapped: wrapped(half), initial_value: None },
        Exercise::Agree { peer: nobody(), hash: None },
        Exercise::Mac { message: text(), agreed: Some((nobody(), Hash::Sha3_256)) },
        Exercise::Encapsulate,
        Exercise::Decapsulate { ciphertext: vec![1; ciphertext_bytes(algorithm)] },
    ]
}

/// A key wrapped under the AES key with these bytes.
fn wrapped(key_bytes: &[u8]) -> Vec<u8> {
    let size = [AesKeySize::Aes128, AesKeySize::Aes192, AesKeySize::Aes256]
        .into_iter()
        .find(|size| size.bytes() == key_bytes.len());
    let Some(size) = size else { return vec![0; 24] };
    let under = CipherKey::Own(None);
    let exercise = Exercise::Wrap { under, key: Zeroizing::new(vec![1; 16]), initial_value: None };
    match perform(&key(Algorithm::Aes(size), key_bytes), &exercise).unwrap() {
        Exercised::Wrapped(wrapped) => wrapped,
        _ => panic!("nothing wrapped"),
    }
}

fn ciphertext_bytes(algorithm: Algorithm) -> usize {
    match algorithm.word() {
        "ML-KEM-512" => 768,
        "ML-KEM-1024" => 1568,
        _ => 1088,
    }
}

/// The half that a key of an algorithm agrees with; for AES the key, which the list of exercises wraps under.
fn half_of(key: &Crypto) -> Vec<u8> {
    key.public.clone().unwrap_or_else(|| key.private.as_ref().unwrap().expose().to_vec())
}

#[test]
fn all_23_do_what_they_are_for_and_nothing_else() {
    assert_eq!(Algorithm::ALL.len(), 23);
    for algorithm in Algorithm::ALL {
        assert_eq!(Algorithm::parse(algorithm.word()), Some(algorithm));
        let able = generated(algorithm, 3);
        assert_eq!(able.public.is_some(), algorithm.is_asymmetric());
        let half = half_of(&able);
        let all = Crypto { usages: Usages::of(Usage::ALL), ..able.clone() };
        let none = Crypto { usages: Usages::default(), ..able };
        for exercise in exercises(algorithm, &half) {
            let done = perform_with(&all, &exercise, &half);
            let is_for = algorithm.usages().has(exercise.usage());
            let usage = exercise.usage();
            match done {
                Ok(_) => assert!(is_for, "{algorithm:?} did {usage:?}"),
                Err(Error::WrongState { .. }) => assert!(!is_for, "{algorithm:?} did not do {usage:?}"),
                Err(error) => panic!("{algorithm:?} {usage:?}: {error:?}"),
            }
            let refused = perform_with(&none, &exercise, &half).map(|_| ());
            assert!(matches!(refused, Err(Error::WrongState { .. })), "{algorithm:?} {usage:?}");
        }
    }
}

#[test]
fn a_public_half_does_only_what_needs_no_secret() {
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| algorithm.is_asymmetric()) {
        let half = generated(algorithm, 3).public.unwrap();
        let half_only = public(algorithm, &half).unwrap();
        let daring = Crypto { usages: algorithm.usages(), ..half_only };
        for exercise in exercises(algorithm, &half) {
            let done = perform_with(&daring, &exercise, &half).is_ok();
            assert_eq!(
                done,
                algorithm.public_usages().has(exercise.usage()),
                "{algorithm:?} {:?}",
                exercise.usage()
            );
        }
    }
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| !algorithm.is_asymmetric()) {
        assert_eq!(algorithm.check_public(&[1; 32]).unwrap_err(), Error::Rejected);
    }
}

#[test]
fn a_context_is_where_its_scheme_has_one() {
    let (ed25519, ed448) = (generated(Algorithm::Ed25519, 1), generated(Algorithm::Ed448, 1));
    let (ec, lattice) =
        (generated(Algorithm::Ec(Curve::P256), 1), generated(Algorithm::parse("ML-DSA-44").unwrap(), 1));
    for (key, scheme, takes_none, takes_some) in [
        (&ed25519, Scheme::Ed25519, true, false),
        (&ed25519, Scheme::Ed25519ctx, false, true),
        (&ed25519, Scheme::Ed25519ph, true, true),
        (&ed448, Scheme::Ed448, true, true),
        (&ed448, Scheme::Ed448ph, true, true),
        (&lattice, Scheme::MlDsa, true, true),
        (&ec, Scheme::Ecdsa(Hash::Sha256), true, false),
    ] {
        for (context, taken) in [(vec![], takes_none), (vec![1; 255], takes_some), (vec![1; 256], false)] {
            let signed = sign(key, scheme, &context, b"message");
            assert_eq!(signed.is_ok(), taken, "{scheme:?} {}", context.len());
            let signature = signed.unwrap_or_else(|error| {
                assert!(matches!(error, Error::Invalid { ref field, .. } if field == "context"), "{error:?}");
                vec![0; 64]
            });
            assert_eq!(fits(key, scheme, &context, b"message", &signature).is_ok(), taken);
        }
    }
}

/// Vectors of a vendor's clients: an X25519 secret, and what they make of it as a key of a cipher, a wrapping and a MAC.
#[test]
fn what_is_agreed_on_keys_a_cipher_a_wrapping_and_a_mac() {
    let secret = base64("RFsNHNlxM5Y1INv105Ppom82g80MqPPiiFEbTZbBjA4=");
    let app = key(Algorithm::X25519, &base64("2DC7Lv3bpqOsKxqS2W10yXh7pk+zhspe+ifj5qW32UI="));
    let unit = base64("wya5aqIoQ+TVSBL1UytcqGio9BTxUUMH6wk8lsUep0A=");
    assert_eq!(super::hand::agree(&app, &unit).unwrap(), secret);

    let info = |text: &str| CipherKey::Agreed {
        peer: nobody(),
        size: AesKeySize::Aes256,
        info: text.as_bytes().to_vec(),
    };
    let wrapping = Exercise::Wrap {
        under: info("encedo-kek"),
        key: Zeroizing::new((0..16).collect()),
        initial_value: None,
    };
    let Exercised::Wrapped(wrapped) = perform_with(&app, &wrapping, &unit).unwrap() else {
        panic!("not wrapped")
    };
    assert_eq!(wrapped, hex("82158c30e7071d6519742f5779e5ea006d83bb0c30b79513"));

    let mac =
        Exercise::Mac { message: Zeroizing::new(b"abc".to_vec()), agreed: Some((nobody(), Hash::Sha256)) };
    let Exercised::Mac(mac) = perform_with(&app, &mac, &unit).unwrap() else { panic!("no code") };
    assert_eq!(mac, hex("703e1e4ad8b947b34fb4fcdbdf8ae16b144cc07b23e6d1081bd842a2400326d6"));

    let encrypting = Exercise::Encrypt {
        mode: CipherMode::GcmLongIv,
        under: info("encedo-aes"),
        plaintext: Zeroizing::new(b"text".to_vec()),
        aad: Vec::new(),
    };
    let Exercised::Ciphertext { ciphertext, iv, tag } = perform_with(&app, &encrypting, &unit).unwrap()
    else {
        panic!("no ciphertext")
    };
    let cipher = key(
        Algorithm::Aes(AesKeySize::Aes256),
        &hex("c283b7cd44eab9d5e6ca04b3c4a24d84e72c7d645323b8d32f991af045592bfc"),
    );
    let (mode, under, aad) = (CipherMode::GcmLongIv, CipherKey::Own(None), Vec::new());
    let decrypting = Exercise::Decrypt { mode, under, ciphertext, iv: iv.to_vec(), tag: tag.to_vec(), aad };
    assert!(matches!(perform(&cipher, &decrypting), Ok(Exercised::Plaintext(text)) if *text == b"text"));
}

fn base64(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

/// Both sides derive the same keys, with or without knowing the other's private half.
#[test]
fn both_sides_derive_the_same_key() {
    let (one, other) = (generated(Algorithm::X448, 1), generated(Algorithm::X448, 2));
    let half =
        |key: &Crypto| PeerHalf { algorithm: Some(Algorithm::X448), public: key.public.clone().unwrap() };
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| algorithm.private_bytes() <= 56) {
        let length = algorithm.private_bytes();
        let bytes = one.derive(&half(&other), b"purpose", length).unwrap();
        assert_eq!(*bytes, *other.derive(&half(&one), b"purpose", length).unwrap());
        assert_ne!(*bytes, *one.derive(&half(&other), b"another", length).unwrap());
        assert!(algorithm.key_of(bytes).is_ok(), "{algorithm:?}");
    }
    let short = generated(Algorithm::X25519, 1);
    let peer = PeerHalf { algorithm: None, public: generated(Algorithm::X25519, 2).public.unwrap() };
    assert!(matches!(short.derive(&peer, b"purpose", 33), Err(Error::WrongState { .. })));
    let barred = Crypto { usages: Usages::of([Usage::Agree]), ..short };
    assert!(matches!(barred.derive(&peer, b"purpose", 32), Err(Error::WrongState { .. })));
}

#[test]
fn keys_of_different_algorithms_do_not_agree() {
    let one = generated(Algorithm::Ec(Curve::P256), 1);
    let other = generated(Algorithm::Ec(Curve::Secp256k1), 1);
    let peer = PeerHalf { algorithm: Some(other.algorithm), public: other.public.unwrap() };
    let agreed = one.perform(&Exercise::Agree { peer: nobody(), hash: None }, Some(&peer), &mut drawn(1));
    assert!(matches!(agreed.map(|_| ()), Err(Error::WrongState { .. })));
}

/// Of 66 bytes for P-521 the top 7 bits do not count, so that derived bytes are nearly always a scalar.
#[test]
fn the_top_bits_of_p_521_do_not_count() {
    let algorithm = Algorithm::Ec(Curve::P521);
    let plain = [vec![1], vec![7; 65]].concat();
    let topped = [vec![0xff], vec![7; 65]].concat();
    assert_eq!(key(algorithm, &plain).public, key(algorithm, &topped).public);
    assert_eq!(key(algorithm, &topped).private.unwrap().expose()[0], 1);
}
