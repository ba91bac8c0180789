//! What the tests take keys in hand with.

use keyward_core::crypto::{Algorithm, Crypto, Exercise, Exercised, PeerHalf, Scheme, Source};
use keyward_core::error::Error;
use zeroize::Zeroizing;

pub(crate) fn hex(text: &str) -> Vec<u8> {
    hex::decode(text.split_whitespace().collect::<String>()).unwrap()
}

/// The key with this private half, for everything that its algorithm does.
pub(crate) fn key(algorithm: Algorithm, private: &[u8]) -> Crypto {
    try_key(algorithm, private).unwrap_or_else(|error| panic!("{error:?}"))
}

pub(crate) fn try_key(algorithm: Algorithm, private: &[u8]) -> Result<Crypto, Error> {
    let halves = algorithm.key_of(Zeroizing::new(private.to_vec()))?;
    Ok(Crypto {
        algorithm,
        usages: algorithm.usages(),
        source: Source::Generated,
        lookup: None,
        mark: None,
        public: halves.public,
        private: halves.private,
    })
}

/// A new key, of bytes that are the same in every run.
pub(crate) fn generated(algorithm: Algorithm, seed: u8) -> Crypto {
    let halves = algorithm.generate(&mut drawn(seed)).unwrap_or_else(|error| panic!("{error:?}"));
    key(algorithm, halves.private.unwrap().expose())
}

/// The public half, for everything that it suffices for.
pub(crate) fn public(algorithm: Algorithm, public: &[u8]) -> Result<Crypto, Error> {
    algorithm.check_public(public)?;
    Ok(Crypto {
        algorithm,
        usages: algorithm.public_usages(),
        source: Source::Imported,
        lookup: None,
        mark: None,
        public: Some(public.to_vec()),
        private: None,
    })
}

/// Bytes that are the same in every run.
pub(crate) fn drawn(seed: u8) -> impl FnMut(&mut [u8]) {
    let mut next = u32::from(seed).wrapping_mul(0x9e37_79b9) | 1;
    move |bytes| {
        for byte in bytes {
            // Xorshift (Marsaglia): any bytes will do.
            next ^= next << 13;
            next ^= next >> 17;
            next ^= next << 5;
            *byte = (next >> 8) as u8;
        }
    }
}

pub(crate) fn perform(key: &Crypto, exercise: &Exercise) -> Result<Exercised, Error> {
    key.perform(exercise, None, &mut drawn(77))
}

pub(crate) fn perform_with(key: &Crypto, exercise: &Exercise, peer: &[u8]) -> Result<Exercised, Error> {
    let peer = PeerHalf { algorithm: None, public: peer.to_vec() };
    key.perform(exercise, Some(&peer), &mut drawn(77))
}

pub(crate) fn sign(key: &Crypto, scheme: Scheme, context: &[u8], message: &[u8]) -> Result<Vec<u8>, Error> {
    let message = Zeroizing::new(message.to_vec());
    match perform(key, &Exercise::Sign { scheme, message, context: context.to_vec() })? {
        Exercised::Signature(signature) => Ok(signature),
        _ => panic!("no signature"),
    }
}

pub(crate) fn fits(
    key: &Crypto,
    scheme: Scheme,
    context: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<bool, Error> {
    let message = Zeroizing::new(message.to_vec());
    let (context, signature) = (context.to_vec(), signature.to_vec());
    match perform(key, &Exercise::Verify { scheme, message, context, signature })? {
        Exercised::Fits(fits) => Ok(fits),
        _ => panic!("no answer"),
    }
}

pub(crate) fn agree(key: &Crypto, peer: &[u8]) -> Result<Vec<u8>, Error> {
    let nobody = keyward_core::crypto::Peer::Public(Vec::new());
    match perform_with(key, &Exercise::Agree { peer: nobody, hash: None }, peer)? {
        Exercised::Agreed(secret) => Ok(secret.to_vec()),
        _ => panic!("no secret"),
    }
}

/// A signature with one bit changed, one byte too few, one too many, and none.
pub(crate) fn spoilt(signature: &[u8]) -> Vec<Vec<u8>> {
    let mut flipped = signature.to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    let longer = [signature, &[0]].concat();
    vec![flipped, signature[..signature.len() - 1].to_vec(), longer, Vec::new()]
}
