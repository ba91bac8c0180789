//! This file is about rotating: a successor with the same rights, and an end for the key before it.

use super::judge;
use crate::error::Error;
use crate::event::Reason;
use crate::key::{Key, Material, SecretMaterial};
use crate::state::Step;
use crate::time::Timestamp;

/// The longest time for which a key and its successor may both work: 30 days.
const OVERLAP: u64 = 30 * 86_400;

/// Judges whether a key may be rotated; what its successor is like.
///
/// # Errors
/// [`Error::Stale`]; [`Error::WrongState`] for a suspended key, or a kind whose secrets people carry about; [`Error::Protected`]; [`Error::Invalid`] for
/// an overlap above 30 days.
pub fn check(key: &Key, overlap_seconds: u64, if_match: Option<u64>) -> Result<&SecretMaterial, Error> {
    judge(&key.head, Step::Rotate, if_match)?;
    let material = match &key.traits.material {
        Material::Secret(material) => material,
        Material::Access(_) => {
            return Err(Error::WrongState { why: "a door credential has no successor: issue another one" });
        }
        Material::Crypto(_) => {
            return Err(Error::WrongState {
                why: "a key that never leaves has no successor: issue another one",
            });
        }
    };
    if key.head.protected {
        return Err(Error::Protected);
    }
    if overlap_seconds > OVERLAP {
        return Err(Error::invalid("overlap_seconds", "at most 2592000"));
    }
    Ok(material)
}

/// The rotated key, to be removed when the overlap is over, or earlier if that was decided before.
#[must_use]
pub fn wind_down(mut key: Key, overlap_seconds: u64, now: Timestamp) -> Key {
    let end = now.plus_seconds(overlap_seconds);
    key.head.remove_at = Some(key.head.remove_at.map_or(end, |earlier| earlier.min(end)));
    key.head.remove_for = Reason::Superseded;
    key.head.version += 1;
    key
}
