//! This file is about loading a table while it changes: which rows of a snapshot still count.
//!
//! A server that sends a snapshot first subscribes the verifier to its changes, at position `p`, and then reads row after
//! row from its live table and sends them as it goes, between the changes. The verifier applies changes as they come, and of
//! the rows those whose subject has not changed since `p`: *changes win*.
//!
//! Why the table is right when the last row has come, and every change up to the position at which it was read:
//! * Something changed after `p`: what its last change says is there, because rows that come after a change are dropped, and
//!   rows that came before it were overwritten by it. What a row said about it, from before or after any change, is gone.
//! * Something did not change after `p`: every reading of it, at any time since, gave the same row, and that row was taken.
//!
//! Rows need no position for this, and the server keeps nothing back. What it costs is the ids of what changes while
//! the table is being loaded.

use std::collections::HashSet;

/// What has changed since a snapshot began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    changed: HashSet<u128>,
}

impl Snapshot {
    /// A change about this key, account or organization was applied.
    pub fn changed(&mut self, subject: u128) {
        self.changed.insert(subject);
    }

    /// Is a row about this key, account or organization to be taken?
    #[must_use]
    pub fn takes(&self, subject: u128) -> bool {
        !self.changed.contains(&subject)
    }
}
