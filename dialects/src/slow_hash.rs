//! This file is about what a slow hash may cost. Whoever brings one along has chosen how long, and in how much memory,
//! this machine computes at every text that is shown for it.

use argon2::Params;
use argon2::password_hash::phc::PasswordHash;
use bcrypt::HashParts;

/// The highest cost of bcrypt: 2^14 rounds, about a second.
const BCRYPT_COST: u32 = 14;
/// The most memory of argon2id, in KiB, as in the second recommended option of RFC 9106, section 4.
const ARGON2_MEMORY_KIB: u32 = 65_536;
/// The most passes of argon2id over that memory.
const ARGON2_PASSES: u32 = 10;
/// The most lanes of argon2id, as in the same option.
const ARGON2_LANES: u32 = 4;

/// True if a hash of bcrypt or argon2id, in its own notation, can be computed here without anybody having to wait for it
/// long.
#[must_use]
pub fn is_bearable(hash: &str) -> bool {
    if hash.starts_with("$2") {
        return hash.parse().is_ok_and(|parts: HashParts| parts.get_cost() <= BCRYPT_COST);
    }
    let parsed = PasswordHash::new(hash).ok().filter(|parsed| parsed.salt.is_some() && parsed.hash.is_some());
    parsed.and_then(|parsed| Params::try_from(&parsed).ok()).is_some_and(|params| {
        params.m_cost() <= ARGON2_MEMORY_KIB
            && params.t_cost() <= ARGON2_PASSES
            && params.p_cost() <= ARGON2_LANES
    })
}
