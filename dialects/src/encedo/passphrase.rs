//! This file is about passphrases: a unit knows none. What it keeps of one is the public half of a key that only the
//! passphrase gives.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{PBKDF2_HMAC_SHA256, derive};
use keyward_core::time::Timestamp;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::bearer::LIFE_SECONDS;
use super::encoding::{decode_exactly, encode};
use super::{agreement, jwt};

/// As often as the clients do it.
const ITERATIONS: NonZeroU32 = NonZeroU32::MIN.saturating_add(599_999);

/// The private X25519 key of whoever knows a passphrase of the unit with this `eid`, which is the salt as it is written.
pub(super) fn seed(passphrase: &str, eid: &str) -> Zeroizing<[u8; 32]> {
    let mut seed = Zeroizing::new([0; 32]);
    derive(PBKDF2_HMAC_SHA256, ITERATIONS, eid.as_bytes(), passphrase.as_bytes(), &mut *seed);
    seed
}

/// What a client says to a challenge, which is JSON as the unit wrote it: for a session with this scope, of eight hours. `None` if
/// it is no challenge.
#[must_use]
pub fn answer(challenge: &str, passphrase: &str, scope: &str, now: Timestamp) -> Option<String> {
    let challenge: Value = serde_json::from_str(challenge).ok()?;
    let text = |name: &str| challenge.get(name)?.as_str();
    let seed = seed(passphrase, text("eid")?);
    let claims = json!({
        "jti": text("jti")?,
        "aud": text("spk")?,
        "iat": now.seconds(),
        "exp": now.seconds().saturating_add(LIFE_SECONDS),
        "iss": encode(&agreement::public(&seed)?),
        "scope": scope,
    });
    let shared = agreement::shared(&seed, &decode_exactly(text("spk")?)?)?;
    Some(json!({ "auth": jwt::write_agreed(&claims, &*shared) }).to_string())
}
