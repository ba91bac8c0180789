//! This file is about wrapping keys (RFC 3394, as SP 800-38F has it).
//!
//! No kept library takes another initial value than the RFC's, which clients of a dialect send. So the six rounds of
//! section 2.2.1 stand here, over the AES of a library; the tests hold them against aes-kw and OpenSSL.

use zeroize::Zeroizing;

use super::aes::Blocks;
use super::hash;
use crate::error::Error;

/// Half a block, in bytes: what the rounds move.
const HALF: usize = 8;
/// How often every half is moved.
const ROUNDS: u64 = 6;
/// The RFC's own initial value (section 2.2.3.1).
pub(super) const INITIAL_VALUE: [u8; HALF] = [0xa6; HALF];

/// A wrapped key, 8 bytes longer than the key.
///
/// # Errors
/// [`Error::Rejected`] for a key that is not a multiple of 8 bytes, or is under 16.
pub(super) fn wrap(under: &[u8], key: &[u8], initial: [u8; HALF]) -> Result<Vec<u8>, Error> {
    let (halves, rest) = key.as_chunks::<HALF>();
    if halves.len() < 2 || !rest.is_empty() {
        return Err(Error::Rejected);
    }
    let blocks = Blocks::new(under)?;
    let mut halves = Zeroizing::new(halves.to_vec());
    let (mut first, mut step) = (initial, 0_u64);
    for _ in 0..ROUNDS {
        for half in halves.iter_mut() {
            step += 1;
            let mut block = Zeroizing::new(join(first, *half));
            blocks.encrypt(&mut block)?;
            (first, *half) = split(&block);
            first = (u64::from_be_bytes(first) ^ step).to_be_bytes();
        }
    }
    Ok([&first, halves.as_flattened()].concat())
}

/// The key that was wrapped.
///
/// # Errors
/// [`Error::Invalid`] for what is not a multiple of 8 bytes; [`Error::Rejected`] where the initial value is another one.
pub(super) fn unwrap(under: &[u8], wrapped: &[u8], initial: [u8; HALF]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let (halves, rest) = wrapped.as_chunks::<HALF>();
    if !rest.is_empty() {
        return Err(Error::invalid("wrapped", "a multiple of 8 bytes"));
    }
    let (first, halves) = halves.split_first().filter(|(_, rest)| rest.len() >= 2).ok_or(Error::Rejected)?;
    let blocks = Blocks::new(under)?;
    let mut halves = Zeroizing::new(halves.to_vec());
    let (mut first, mut step) = (*first, ROUNDS * halves.len() as u64);
    for _ in 0..ROUNDS {
        for half in halves.iter_mut().rev() {
            first = (u64::from_be_bytes(first) ^ step).to_be_bytes();
            step -= 1;
            let mut block = Zeroizing::new(join(first, *half));
            blocks.decrypt(&mut block)?;
            (first, *half) = split(&block);
        }
    }
    let fits = hash::are_equal(&first, &initial);
    fits.then(|| Zeroizing::new(halves.as_flattened().to_vec())).ok_or(Error::Rejected)
}

fn join(first: [u8; HALF], second: [u8; HALF]) -> [u8; 2 * HALF] {
    u128::to_be_bytes(u128::from(u64::from_be_bytes(first)) << 64 | u128::from(u64::from_be_bytes(second)))
}

fn split(block: &[u8; 2 * HALF]) -> ([u8; HALF], [u8; HALF]) {
    let both = u128::from_be_bytes(*block);
    (((both >> 64) as u64).to_be_bytes(), (both as u64).to_be_bytes())
}
