//! This file is about ECDSA on the curves of NIST (FIPS 186-5).

use std::ffi::{c_int, c_uint};
use std::ptr::{self, NonNull};

use aws_lc_sys::{BIGNUM, EC_KEY};

use crate::Refused;

/// A curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    /// P-256.
    P256,
    /// P-384.
    P384,
    /// P-521.
    P521,
}

impl Curve {
    const fn name(self) -> c_int {
        match self {
            Self::P256 => aws_lc_sys::NID_X9_62_prime256v1,
            Self::P384 => aws_lc_sys::NID_secp384r1,
            Self::P521 => aws_lc_sys::NID_secp521r1,
        }
    }
}

/// A signature in DER of a digest, of which as many bits count as the order has, from the left. The nonce is the library's.
///
/// # Errors
/// [`Refused`] for a scalar that is 0 or not below the order.
pub fn ecdsa(curve: Curve, scalar: &[u8], digest: &[u8]) -> Result<Vec<u8>, Refused> {
    let key = Key::new(curve, &Scalar::new(scalar)?)?;
    let mut signature = vec![0; key.signature_bytes()];
    let mut length: c_uint = 0;
    // SAFETY: the key is live and complete but for its public half, which signing does not look at; the digest has the length
    // that is given, and the signature the room that the library says it needs. The first argument means nothing.
    let signed = unsafe {
        aws_lc_sys::ECDSA_sign(
            0,
            digest.as_ptr(),
            digest.len(),
            signature.as_mut_ptr(),
            &raw mut length,
            key.0.as_ptr(),
        )
    };
    if signed != 1 {
        return Err(Refused);
    }
    signature.truncate(length as usize);
    Ok(signature)
}

/// A scalar as the library takes it; wiped when it is dropped.
struct Scalar(NonNull<BIGNUM>);

impl Scalar {
    fn new(big_endian: &[u8]) -> Result<Self, Refused> {
        // SAFETY: the bytes have the length that is given and are not kept; with no number to write to, a new one is made.
        let made = unsafe { aws_lc_sys::BN_bin2bn(big_endian.as_ptr(), big_endian.len(), ptr::null_mut()) };
        NonNull::new(made).map(Self).ok_or(Refused)
    }
}

impl Drop for Scalar {
    fn drop(&mut self) {
        // SAFETY: this value alone owns the number, and ends here.
        unsafe { aws_lc_sys::BN_clear_free(self.0.as_ptr()) };
    }
}

/// A private half on its curve, without its public half. The library wipes what it frees.
struct Key(NonNull<EC_KEY>);

impl Key {
    fn new(curve: Curve, scalar: &Scalar) -> Result<Self, Refused> {
        // SAFETY: takes a number and gives a key that is ours, or nothing.
        let made = unsafe { aws_lc_sys::EC_KEY_new_by_curve_name(curve.name()) };
        let key = NonNull::new(made).map(Self).ok_or(Refused)?;
        // SAFETY: both are live; the library copies the scalar, and judges it.
        let is_set = unsafe { aws_lc_sys::EC_KEY_set_private_key(key.0.as_ptr(), scalar.0.as_ptr()) };
        if is_set == 1 { Ok(key) } else { Err(Refused) }
    }

    /// The most bytes that a signature may have.
    fn signature_bytes(&self) -> usize {
        // SAFETY: the key is live and has its curve.
        unsafe { aws_lc_sys::ECDSA_size(self.0.as_ptr()) }
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: this value alone owns the key, and ends here.
        unsafe { aws_lc_sys::EC_KEY_free(self.0.as_ptr()) };
    }
}
