//! This file is about resuming: a stopped key works again, and its retirement is called off.

use super::{before_end, judge};
use crate::error::Error;
use crate::key::{Key, State};
use crate::state::Step;
use crate::time::Timestamp;

/// The key, active.
///
/// # Errors
/// [`Error::Stale`]; [`Error::WrongState`] when the time of its retirement has come.
pub fn resume(mut key: Key, if_match: Option<u64>, now: Timestamp) -> Result<Key, Error> {
    judge(&key.head, Step::Resume, if_match)?;
    before_end(&key.head, now)?;
    key.head.state = State::Active;
    key.head.remove_at = None;
    key.head.version += 1;
    Ok(key)
}
