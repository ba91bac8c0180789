//! This crate is about signatures by private halves as they rest: a scalar, or a seed and the public half that was made of it.
//!
//! AWS-LC signs with these as they are. The library's safe interface makes a pair of keys of them first, and works
//! out the public half for that, once or twice: for P-256 that takes longer than the signature (27 µs beside 22). A key that is taken
//! apart for each use and wiped after it cannot keep such a pair. So this crate makes the few calls itself, in
//! unsafe code, and does nothing else. Sizes are those of FIPS 186-5 and RFC 8032.

mod ecdsa;

pub use self::ecdsa::{Curve, ecdsa};

use std::ptr;

use zeroize::Zeroizing;

/// The library did not sign: the private half is none, or there was no memory. It says no more, and nobody needs more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the library does not sign with this key")]
pub struct Refused;

/// How long an Ed25519 seed and its public half are, in bytes.
pub const ED25519_BYTES: usize = 32;
/// How long an Ed25519 signature is, in bytes.
pub const ED25519_SIGNATURE_BYTES: usize = 64;

/// An Ed25519 signature (RFC 8032, section 5.1.6).
///
/// `public` must be the one that was made of `seed`, never one that somebody brings along: a signature of the same message under
/// another public half gives the seed's scalar away.
///
/// # Errors
/// [`Refused`].
pub fn ed25519(
    seed: &[u8; ED25519_BYTES],
    public: &[u8; ED25519_BYTES],
    message: &[u8],
) -> Result<[u8; ED25519_SIGNATURE_BYTES], Refused> {
    let mut private = Zeroizing::new([0; 2 * ED25519_BYTES]);
    let (front, back) = private.split_at_mut(ED25519_BYTES);
    front.copy_from_slice(seed);
    back.copy_from_slice(public);
    let mut signature = [0; ED25519_SIGNATURE_BYTES];
    let message_at = if message.is_empty() { ptr::null() } else { message.as_ptr() };
    // SAFETY: the signature has 64 bytes and the private key 64, as the library reads and writes; the message has the length
    // that is given. None of them is kept.
    let signed = unsafe {
        aws_lc_sys::ED25519_sign(signature.as_mut_ptr(), message_at, message.len(), private.as_ptr())
    };
    if signed == 1 { Ok(signature) } else { Err(Refused) }
}
