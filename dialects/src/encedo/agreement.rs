//! This file is about X25519 (RFC 7748): what a unit and a client agree on, each from its own private key.

use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use zeroize::Zeroizing;

/// What two sides agree on, and what both sign with.
pub(super) type Shared = Zeroizing<[u8; 32]>;

/// The public half of a private key; `None` if the library refuses, which it does not for 32 bytes.
pub(super) fn public(private: &[u8; 32]) -> Option<[u8; 32]> {
    let public = PrivateKey::from_private_key(&X25519, private).ok()?.compute_public_key().ok()?;
    public.as_ref().try_into().ok()
}

/// What a private key and a peer's public one come to. `None` for a peer of low order: all would know what comes of it
/// (RFC 7748, section 6.1).
pub(super) fn shared(private: &[u8; 32], peer: &[u8; 32]) -> Option<Shared> {
    let private = PrivateKey::from_private_key(&X25519, private).ok()?;
    agree(&private, UnparsedPublicKey::new(&X25519, peer), (), |secret| {
        secret.try_into().map(Zeroizing::new).map_err(|_| ())
    })
    .ok()
}

/// Whether anybody can agree with whoever's public half this is said to be.
pub(super) fn is_sound(public: &[u8; 32]) -> bool {
    shared(&[1; 32], public).is_some()
}

#[cfg(test)]
mod tests {
    use super::{is_sound, public, shared};

    fn bytes(text: &str) -> [u8; 32] {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    /// RFC 7748, section 6.1.
    #[test]
    fn agrees_as_the_rfc_does() {
        let alice = bytes("77076d0a7318a57d3c16c17251b26645de88f9ea4dc8b0a1a4a9b5b5f6d1d6d2");
        let bob = bytes("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
        let bobs = bytes("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
        assert_eq!(public(&bob), Some(bobs));
        let alices = public(&alice).unwrap();
        assert_eq!(shared(&alice, &bobs).unwrap(), shared(&bob, &alices).unwrap());
    }

    #[test]
    fn refuses_points_of_low_order() {
        let mut one = [0; 32];
        one[0] = 1;
        for peer in [[0; 32], one] {
            assert!(shared(&[7; 32], &peer).is_none() && !is_sound(&peer));
        }
    }
}
