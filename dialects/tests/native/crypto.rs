//! What comes of using a key that never leaves.

use keyward_client::wire;
use keyward_core::command::{Answer, Done};
use keyward_core::crypto::Exercised;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::samples::send;

/// What a client reads.
fn read<T: DeserializeOwned>(exercised: Exercised) -> T {
    let call = send("POST", "/v1/keys/key_00000000000000000000000001/sign");
    let response = call.answered(&Done::from(Answer::Exercised(Box::new(exercised))));
    assert_eq!(
        (response.status.as_u16(), &response.headers["content-type"]),
        (200, &"application/json".parse().unwrap())
    );
    serde_json::from_slice(&response.body).unwrap_or_else(|error| panic!("{error}"))
}

/// The answers are written by hand; clients read them by what the description of the API is made of.
#[test]
fn whatever_comes_of_a_use_is_read_as_it_was() {
    for length in [0, 1, 2, 3, 63, 64, 65, 4627] {
        let bytes: Vec<u8> = (0..length).map(|place| (place * 7 % 256) as u8).collect();
        let secret = || Zeroizing::new(bytes.clone());
        let read_all: [Vec<wire::Bytes>; 8] = [
            vec![read::<wire::Signature>(Exercised::Signature(bytes.clone())).signature],
            vec![read::<wire::Mac>(Exercised::Mac(bytes.clone())).mac],
            vec![read::<wire::Plaintext>(Exercised::Plaintext(secret())).plaintext],
            vec![read::<wire::Wrapped>(Exercised::Wrapped(bytes.clone())).wrapped],
            vec![read::<wire::Unwrapped>(Exercised::Unwrapped(secret())).key],
            vec![read::<wire::SharedSecret>(Exercised::Agreed(secret())).secret],
            vec![read::<wire::SharedSecret>(Exercised::Decapsulated(secret())).secret],
            {
                let sealed = Exercised::Encapsulated { ciphertext: bytes.clone(), secret: secret() };
                let wire::Encapsulated { ciphertext, secret } = read(sealed);
                vec![ciphertext, secret]
            },
        ];
        assert!(read_all.iter().flatten().all(|read| *read.0 == bytes), "{length}");
    }
}

#[test]
fn the_parts_of_a_ciphertext_are_told_apart() {
    let (ciphertext, iv, tag) = (vec![1; 5], vec![2; 12].into(), vec![3; 16].into());
    let told: wire::Ciphertext = read(Exercised::Ciphertext { ciphertext, iv, tag });
    let parts = [told.ciphertext, told.iv, told.tag].map(|part| part.0.to_vec());
    assert_eq!(parts, [vec![1; 5], vec![2; 12], vec![3; 16]]);
}
