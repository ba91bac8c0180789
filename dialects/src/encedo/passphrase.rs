//! This file is about passphrases: a unit knows none. What it keeps of one is the public half of a key that only the
//! passphrase gives.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{PBKDF2_HMAC_SHA256, derive};
use zeroize::Zeroizing;

/// As often as the clients do it.
const ITERATIONS: NonZeroU32 = NonZeroU32::MIN.saturating_add(599_999);

/// The private X25519 key of whoever knows a passphrase of the unit with this `eid`, which is the salt as it is written.
#[must_use]
pub fn seed(passphrase: &str, eid: &str) -> Zeroizing<[u8; 32]> {
    let mut seed = Zeroizing::new([0; 32]);
    derive(PBKDF2_HMAC_SHA256, ITERATIONS, eid.as_bytes(), passphrase.as_bytes(), &mut *seed);
    seed
}
