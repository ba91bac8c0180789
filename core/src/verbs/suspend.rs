//! This file is about suspending: a stop that can be undone, until the key is removed by itself (*retire*).

use super::{before_end, judge};
use crate::error::Error;
use crate::event::Reason;
use crate::key::{Key, State};
use crate::state::Step;
use crate::time::Timestamp;

/// The key, stopped; with `remove_at`, to be removed then.
///
/// # Errors
/// [`Error::Stale`]; [`Error::Invalid`] for a `remove_at` that has passed; [`Error::Protected`] for a `remove_at` of a
/// protected key; [`Error::WrongState`] when the one before it has come.
pub fn suspend(
    mut key: Key,
    remove_at: Option<Timestamp>,
    if_match: Option<u64>,
    now: Timestamp,
) -> Result<Key, Error> {
    judge(&key.head, Step::Suspend, if_match)?;
    before_end(&key.head, now)?;
    if remove_at.is_some_and(|at| at <= now) {
        return Err(Error::invalid("remove_at", "in the future"));
    }
    if remove_at.is_some() && key.head.protected {
        return Err(Error::Protected);
    }
    key.head.state = State::Suspended;
    if remove_at.is_some() {
        key.head.remove_at = remove_at;
        key.head.remove_for = Reason::Retired;
    }
    key.head.version += 1;
    Ok(key)
}
