//! This file is about resuming: a stopped key works again, and its retirement is called off.

use super::judge;
use crate::error::Error;
use crate::key::{Key, State};
use crate::state::Step;

/// The key, active.
///
/// # Errors
/// [`Error::Stale`].
pub fn resume(mut key: Key, if_match: Option<u64>) -> Result<Key, Error> {
    judge(&key.head, Step::Resume, if_match)?;
    key.head.state = State::Active;
    key.head.remove_at = None;
    key.head.version += 1;
    Ok(key)
}
