//! This file is about verbs: what each decides, as pure functions, one file a verb. Nothing here reads or
//! writes; [`crate::keys`] loads what they judge and commits what they decide.

pub mod import;
pub mod issue;
pub mod remove;
pub mod resume;
pub mod rotate;
pub mod suspend;
pub mod update;
pub mod verify;

use crate::error::Error;
use crate::key::{Head, State};
use crate::state::{Stage, Step};
use crate::time::Timestamp;

/// Judges a step against the table of states and, where the caller read a version, against that.
///
/// # Errors
/// [`Error::Stale`] for another version, [`Error::WrongState`] for a step that the state does not allow.
pub fn judge(head: &Head, step: Step, if_match: Option<u64>) -> Result<Stage, Error> {
    if if_match.is_some_and(|version| version != head.version) {
        return Err(Error::Stale);
    }
    let stage = match head.state {
        State::Active => Stage::Active,
        State::Suspended => Stage::Suspended,
    };
    stage.after(step).ok_or(Error::WrongState { why: "a suspended key cannot be rotated: resume it first" })
}

/// Judges whether a retirement may still be called off or put off: once its time has come the key is refused,
/// and it must not depend on how soon it is removed whether it stays so.
///
/// # Errors
/// [`Error::WrongState`].
fn before_end(head: &Head, now: Timestamp) -> Result<(), Error> {
    let is_over = head.remove_at.is_some_and(|end| end <= now);
    if is_over { Err(Error::WrongState { why: "its time to be removed has come" }) } else { Ok(()) }
}
